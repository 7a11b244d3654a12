"""Two runs side by side for a terminal."""

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import DASH, fixed, number, plus_minus, setting
from antiscale.sweeps.compare import Change, Comparison, Difference, reading
from antiscale.sweeps.words import exponent, exponent_interval


def screen(found: Comparison, first: str, second: str) -> RenderableType:
    """Return the comparison for a terminal; `first` and `second` name the runs."""
    parts: list[RenderableType] = [Text(f"A = {first}\nB = {second}", style="bold"), Text()]
    changed = {"configuration": found.config, "versions": found.versions, "code": found.code}
    for title, changes in changed.items():
        parts += _changed(title, changes)
    for name, cells, columns in (
        ("A", found.only_first, found.columns_first), ("B", found.only_second, found.columns_second)
    ):  # fmt: skip
        if cells:
            parts.append(Text(f"Only {name} has {', '.join(_cell(*cell) for cell in cells)}."))
        if columns:
            parts.append(Text(f"Only {name} has the columns {', '.join(columns)}."))
    if found.beyond:
        parts += ["", _beyond(found)]
    apart = dict.fromkeys(d.column for d in found.differences if d.kind == "unjudged" and _apart(d))
    if apart:
        parts.append(Text(f"Intervals apart, but not made for a test: {', '.join(apart)}."))
    texts = dict.fromkeys(d.column for d in found.differences if d.kind == "text")
    if texts:
        parts.append(Text(f"Texts that differ: {', '.join(texts)}."))
    parts += ["", _exponents(found), "", Text(reading(found))]
    if found.note is not None:
        parts.append(Text(found.note))
    return Group(*parts)


def _apart(found: Difference) -> bool:
    one, other = found.first_interval, found.second_interval
    return bool(one and other and (one[1] < other[0] or other[1] < one[0]))


def _changed(title: str, changes: list[Change]) -> list[RenderableType]:
    if not changes:
        return [Text(f"The same {title}.")]
    rows = [map(Text, (c.name, _said(c.first), _said(c.second))) for c in changes]
    return [table(title, "A", "B", rows=rows, fold=True, padding=(0, 2)), Text()]


def _said(value: Any) -> str:
    if value is None:
        return DASH
    return value if isinstance(value, str) else json.dumps(value)


def _cell(horizon: int, n: int, noise: float) -> str:
    text = f"(H = {horizon}, n = {n}" + (f", noise = {setting(noise)})" if noise > 0 else ")")
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _beyond(found: Comparison) -> Table:
    """One row per column: in how many cells it differs, and the cell where it does most."""
    headers = "differs", "cells", "most at", "A", "B", "by"
    shown = table(*headers, right=("cells", "A", "B"), padding=(0, 2))
    for name in dict.fromkeys(difference.column for difference in found.beyond):
        differences = [difference for difference in found.beyond if difference.column == name]
        worst = max(differences, key=lambda d: abs(d.z or 0.0) + (d.relative or 0.0))
        by = "" if worst.relative is None else f"{number(100 * worst.relative)} %"
        if worst.z is not None:
            by = f"z = {fixed(worst.z, 1)}"
        shown.add_row(
            Text(name), f"{len(differences)} of {found.cells}",
            Text(_cell(worst.horizon, worst.n, worst.noise)),
            _value(worst.first, worst.first_interval),
            _value(worst.second, worst.second_interval), by,
        )  # fmt: skip
    return shown


def _value(value: Any, interval: tuple[float, float] | None) -> str:
    return number(value) if interval is None else plus_minus(value, *interval)


def _exponents(found: Comparison) -> Table:
    shown = table("exponent", "A", "99%", "B", "99%", right=("A", "99%", "B"), padding=(0, 2))
    for name, sides in found.exponents.items():
        cells = [name.replace("_slope", "").replace("_", " ")]
        for side in sides:
            cells += [exponent(side["estimate"]), exponent_interval(side)]
        shown.add_row(*map(Text, cells))
    return shown
