"""What a person reads of an attack."""

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.certify.checks import CHECKS
from antiscale.certify.instances import Instance
from antiscale.certify.mutants import Caught, Mutant
from antiscale.cli.screens.tables import table
from antiscale.core.config import writable
from antiscale.core.numbers import DASH, fixed, precise
from antiscale.registry import RESULTS

_MEANS = {"upper": "truth/bound", "lower": "bound/truth", "equal": "larger/smaller"}


def _ratio(value: float | None) -> str:
    # Up: a ratio never looks safer than it is.
    return fixed(value, 6, toward="up")


def summary(
    rows: list[dict[str, Any]],
    run: dict[str, int],
    broken: dict[str, Instance],
    reached: list[str],
    missed: list[str],
) -> RenderableType:
    """Return the ledger's table, all runs added up, and every counterexample.

    `reached` and `missed` are the results that this run attacked and did not get to.
    """
    numbers = "tried", "crossed", "worst", "median"
    shown = table(
        "label", "result", "ratio", *numbers, "worst among",
        right=numbers, wrap=("result", "ratio", "worst among"),
    )  # fmt: skip
    for row in rows:
        crossed = Text(f"{row['violations']}", style="bold red" if row["violations"] else "")
        shown.add_row(
            row["label"], RESULTS[row["label"]].name, _MEANS[row["direction"]],
            f"{row['tried']:,}", crossed, _ratio(row["worst"]), _ratio(row["median"]),
            f"{row['arena']} ({row['arenas']})" if row["arenas"] > 1 else row["arena"],
        )  # fmt: skip
    verdict = "no bound was crossed" if not run["violations"] else "BOUNDS WERE CROSSED"
    if missed and not run["violations"]:
        verdict = f"none of these {len(reached)} results was crossed"
    lines = [
        Text("A ratio of 1 means met exactly, above 1 crossed; in brackets, the arenas tried."),
        Text(
            f"This run tried {run['tried']:,} instances of {len(reached)} results; "
            f"{run['violations']} crossed: {verdict}."
        ),
    ]
    if missed:
        lines.append(
            Text(
                f"NOT ATTACKED for lack of time: {', '.join(missed)}. Give more --minutes, or run "
                "again: it begins with what fewest runs reached.",
                style="bold",
            )
        )
    for key, instance in broken.items():
        text = json.dumps(writable(instance))
        lines.append(Text(f"{key} is crossed at {text}", style="bold red"))
    return Group(shown, Text(), *lines)


def mutants(rows: list[tuple[Mutant, Caught | None]]) -> RenderableType:
    """Return how each wrong bound was caught, or that it was not."""
    headers = "label", "what is wrong", "caught", "in", "instances"
    shown = table(*headers, right=("instances",), wrap=headers[1:])
    for mutant, found in rows:
        cells = (
            (Text("NOT CAUGHT", style="bold red"), DASH, DASH)
            if found is None
            else (Text(found.how), CHECKS[found.key].arena, f"{found.tried:,}")
        )
        shown.add_row(mutant.label, mutant.error, *cells)
    missed = sum(found is None for _, found in rows)
    return Group(shown, Text(), Text(f"{len(rows)} wrong bounds, {missed} not caught."))


def replayed(
    content: dict[str, Any], bound: float | None, truth: float | None, ratio: float | None,
    *, crossed: bool,
) -> RenderableType:  # fmt: skip
    """Return a saved instance with its bound, its truth, and its ratio then and now."""
    result = RESULTS[content["label"]]
    instance = table("", "")
    for name, value in content["instance"].items():
        instance.add_row(f"  {name}", Text(str(value)))
    values = f"  bound {_value(bound)}, truth {_value(truth)} ({content['truth']})"
    state = "crossed" if crossed else "not crossed"
    return Group(
        Text(f"{result.label}  {result.name}, {content['arena']}", style="bold"),
        Text(f"  {result.statement}"),
        instance,
        Text(values),
        Text(
            f"  {_MEANS[content['direction']]} = {_ratio(ratio)} "
            f"({_ratio(content['ratio'])} when saved): {state}",
            style="bold",
        ),
    )


def _value(value: float | None) -> str:
    return precise(value)
