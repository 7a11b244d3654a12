"""The bounds for a terminal: their list, one evaluated, all at one place, the constants."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from antiscale import bounds
from antiscale.bounds.registry import RESULTS
from antiscale.cli.screens.tables import table
from antiscale.core.numbers import DASH, Toward, number, precise, setting
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
        cells = (
            result.label, result.name, result.kind, result.origin, result.learner, result.statement
        )  # fmt: skip
        shown.add_row(*map(Text, cells))
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
    value, toward = found["value"], RESULTS[found["label"]].toward
    if isinstance(value, dict):
        shown = ", ".join(f"{name} {precise(item, toward=toward)}" for name, item in value.items())
    elif isinstance(value, list):
        shown = f"[{', '.join(_each(item, toward) for item in value)}]"
    else:
        shown = precise(value, toward=toward)
    return Group(
        Text(f"{found['label']}  {found['name']} ({found['kind']})", style="bold"),
        Text(f"  {found['statement']}"),
        Text(f"  {found['function']}"),
        inputs,
        Text(f"  = {shown} {found['unit']}", style="bold"),
    )


def _each(item: Any, toward: Toward) -> str:
    """A number of a list, or a list within."""
    if isinstance(item, list):
        return f"[{', '.join(_each(one, toward) for one in item)}]"
    return precise(item, toward=toward)


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
