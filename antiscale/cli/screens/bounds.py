"""The bounds for a terminal: their list, one evaluated, all at one place, the constants."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from antiscale import bounds
from antiscale.cli.screens.tables import table
from antiscale.core.numbers import DASH, number, setting
from antiscale.core.theorem import printed
from antiscale.registry import RESULTS
from antiscale.sweeps.case import Case


def screen(case: Case, found: list[dict[str, Any]]) -> RenderableType:
    """Return the table for a terminal, and under it why some values are missing."""
    config = case.config
    numbers = "stated\nrewards", "all of\ncalR"
    shown = table("label", "bound", "kind", "for", "unit", *numbers, right=numbers, wrap=("bound",))
    missing: dict[str, list[str]] = {}
    for row in found:
        if row["reason"]:
            labels = missing.setdefault(row["reason"], [])
            labels += [row["label"]] if row["label"] not in labels else []
        if row["value"] is None and row["class_value"] is None:
            continue
        name = row["name"] + (f": {row['variant']}" if row["variant"] else "")
        shown.add_row(
            row["label"], name, row["kind"], row["learner"], row["unit"],
            number(row["value"], toward=RESULTS[row["label"]].toward),
            number(row["class_value"], toward=RESULTS[row["label"]].toward),
        )  # fmt: skip
    title = (
        f"{config.family}, class {case.plan.reward_class}, expert {config.expert}, kappa "
        f"{setting(config.kappa)}, H = {case.horizon}, n = {case.n}"
    )
    notes = [Text(f"{DASH} {', '.join(labels)}: {reason}.") for reason, labels in missing.items()]
    return Group(Text(title, style="bold"), shown, Text(), *notes)


def listing() -> RenderableType:
    """Return the registry for a terminal: one line per result."""
    shown = table(
        "label", "name", "kind", "origin", "for", "statement", wrap=("name", "for", "statement")
    )
    for result in RESULTS.values():
        cells = result.facts("label", "name", "kind", "origin", "learner", "statement")
        shown.add_row(*map(Text, cells.values()))
    return Group(
        shown,
        Text(),
        Text(
            "Origin: rate = the paper's rate with our constant and proof; known = known before; "
            "ours = we know of no earlier statement. Proofs: paper_bounds.md."
        ),
    )


def evaluation(found: dict[str, Any]) -> RenderableType:
    """Return one evaluated result for a terminal: what it says, its inputs, its value."""
    inputs = table("", "")
    for name, value in found["inputs"].items():
        inputs.add_row(f"  {name}", Text("none" if value is None else str(value)))
    shown = printed(found["value"], RESULTS[found["label"]].toward)
    return Group(
        Text(f"{found['label']}  {found['name']} ({found['kind']})", style="bold"),
        Text(f"  {found['statement']}"),
        Text(f"  {found['function']}"),
        inputs,
        Text(f"  = {shown} {found['unit']}", style="bold"),
    )


def constants_table() -> RenderableType:
    """Return the validated constants with their brackets for a terminal."""
    shown = table(
        "label", "times", "constant lies in", "definition", wrap=("label", "times", "definition")
    )
    for constant in bounds.constants().values():
        low, high = constant.digits()
        cells = (constant.label, constant.meaning, f"[{low}, {high}]", constant.formula)
        shown.add_row(*map(Text, cells))
    return shown
