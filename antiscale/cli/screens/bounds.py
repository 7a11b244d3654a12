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
    missing: dict[str, dict[str, None]] = {}
    for row in found:
        if row["reason"]:
            missing.setdefault(row["reason"], {})[row["label"]] = None
        if row["value"] is None and row["class_value"] is None:
            continue
        name = row["name"] + (f": {row['variant']}" if row["variant"] else "")
        toward = RESULTS[row["label"]].toward
        values = (number(row[column], toward=toward) for column in ("value", "class_value"))
        shown.add_row(row["label"], name, row["kind"], row["learner"], row["unit"], *values)
    title = (
        f"{config.family}, class {case.plan.reward_class}, expert {config.expert}, kappa "
        f"{setting(config.kappa)}, H = {case.horizon}, n = {case.n}"
    )
    notes = [Text(f"{DASH} {', '.join(labels)}: {reason}.") for reason, labels in missing.items()]
    return Group(Text(title, style="bold"), shown, Text(), *notes)


def listing() -> RenderableType:
    """Return the registry for a terminal: one line per result."""
    headers = "label", "name", "kind", "origin", "for", "statement"
    facts = "label", "name", "kind", "origin", "learner", "statement"
    rows = [map(Text, result.facts(*facts).values()) for result in RESULTS.values()]
    shown = table(*headers, rows=rows, wrap=("name", "for", "statement"))
    origin = (
        "Origin: rate = the paper's rate with our constant and proof; known = known before; "
        "ours = we know of no earlier statement. Proofs: paper_bounds.md."
    )
    return Group(shown, Text(), Text(origin))


def evaluation(found: dict[str, Any]) -> RenderableType:
    """Return one evaluated result for a terminal: what it says, its inputs, its value."""
    inputs = {k: "none" if value is None else str(value) for k, value in found["inputs"].items()}
    shown = printed(found["value"], RESULTS[found["label"]].toward)
    return Group(
        Text(f"{found['label']}  {found['name']} ({found['kind']})", style="bold"),
        Text(f"  {found['statement']}"),
        Text(f"  {found['function']}"),
        table("", "", rows=[(f"  {name}", Text(value)) for name, value in inputs.items()]),
        Text(f"  = {shown} {found['unit']}", style="bold"),
    )


def constants_table() -> RenderableType:
    """Return the validated constants with their brackets for a terminal."""
    headers = "label", "times", "constant lies in", "definition"
    rows = [
        map(Text, (c.label, c.meaning, f"[{', '.join(c.digits())}]", c.formula))
        for c in bounds.constants().values()
    ]
    return table(*headers, rows=rows, wrap=("label", "times", "definition"))
