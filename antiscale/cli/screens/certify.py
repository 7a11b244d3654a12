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
    rows: list[dict[str, Any]], run: dict[str, Any], broken: dict[str, Instance]
) -> RenderableType:
    """Return the ledger's table, all runs added up, what this run did, and every counterexample."""
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
    reached, missed = len(run["reached"]), run["not_reached"]
    verdict = f"none of these {reached} results was crossed" if missed else "no bound was crossed"
    if run["violations"]:
        verdict = "BOUNDS WERE CROSSED"
    lines = [
        Text("A ratio of 1 means met exactly, above 1 crossed; in brackets, the arenas tried."),
        Text(f"This run tried {run['tried']:,} instances of {reached} results; "
             f"{run['violations']} crossed: {verdict}."),
    ]  # fmt: skip
    if missed:
        text = (
            f"NOT ATTACKED for lack of time: {', '.join(missed)}. Give more --minutes, or run "
            "again: it begins with what fewest runs reached."
        )
        lines.append(Text(text, style="bold"))
    for key, instance in broken.items():
        text = f"{key} is crossed at {json.dumps(writable(instance))}"
        lines.append(Text(text, style="bold red"))
    return Group(shown, Text(), *lines)


def mutants(rows: list[tuple[Mutant, Caught | None]]) -> RenderableType:
    """Return how each wrong bound was caught, or that it was not."""
    headers = "label", "what is wrong", "caught", "in", "instances"
    shown = table(*headers, right=("instances",), wrap=headers[1:])
    for mutant, found in rows:
        cells = (Text("NOT CAUGHT", style="bold red"), DASH, DASH)
        if found is not None:
            cells = (Text(found.how), CHECKS[found.key].arena, f"{found.tried:,}")
        shown.add_row(mutant.label, mutant.error, *cells)
    missed = sum(found is None for _, found in rows)
    return Group(shown, Text(), Text(f"{len(rows)} wrong bounds, {missed} not caught."))


def replayed(content: dict[str, Any], now: dict[str, Any]) -> RenderableType:
    """Return a saved instance with its bound, its truth, and its ratio then and now."""
    result = RESULTS[content["label"]]
    genes = content["instance"].items()
    values = f"  bound {precise(now['bound'])}, truth {precise(now['truth'])} ({content['truth']})"
    ratio = (
        f"  {_MEANS[content['direction']]} = {_ratio(now['ratio_now'])} "
        f"({_ratio(content['ratio'])} when saved): {'' if now['crossed'] else 'not '}crossed"
    )
    title = Text(f"{result.label}  {result.name}, {content['arena']}", style="bold")
    instance = table("", "", rows=[(f"  {name}", Text(str(value))) for name, value in genes])
    statement = Text(f"  {result.statement}")
    return Group(title, statement, instance, Text(values), Text(ratio, style="bold"))
