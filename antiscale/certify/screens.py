"""What a person reads of an attack."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.bounds.registry import RESULTS
from antiscale.certify.genes import Instance
from antiscale.config import writable
from antiscale.report import DASH


def _ratio(value: float | None) -> str:
    return DASH if value is None else f"{value:.6f}"


def summary(
    rows: list[dict[str, Any]], run: dict[str, int], broken: dict[str, Instance]
) -> RenderableType:
    """Return the ledger's table, all runs added up, and every counterexample."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in ("label", "result", "truth by"):
        table.add_column(header)
    for header in ("tried", "crossed", "worst ratio", "median"):
        table.add_column(header, justify="right")
    for row in rows:
        crossed = Text(f"{row['violations']}", style="bold red" if row["violations"] else "")
        table.add_row(
            row["label"], RESULTS[row["label"]].name, row["truth"], f"{row['tried']:,}", crossed,
            _ratio(row["worst"]), _ratio(row["median"]),
        )  # fmt: skip
    lines = [
        Text(f"This run tried {run['tried']:,} instances; {run['violations']} crossed a bound."),
    ]
    for label, instance in broken.items():
        text = json.dumps(writable(instance))
        lines.append(Text(f"{label} is crossed at {text}", style="bold red"))
    return Group(table, Text(), *lines)


def replayed(content: dict[str, Any], ratio: float | None, *, crossed: bool) -> RenderableType:
    """Return a saved instance with its ratio then and now."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    for name, value in content["instance"].items():
        table.add_row(f"  {name}", Text(str(value)))
    state = "crossed" if crossed else "not crossed"
    return Group(
        Text(f"{content['label']}  {RESULTS[content['label']].name}", style="bold"),
        table,
        Text(f"  ratio {_ratio(ratio)} ({_ratio(content['ratio'])} when saved): {state}"),
    )
