"""The picture of a grid: one column along an axis, a line per learner, panels by two others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale.core.errors import InputError
from antiscale.core.numbers import setting
from antiscale.plots import style

if TYPE_CHECKING:
    import pandas as pd

_AXES = {"horizon": style.BUDGET, "n": style.TRACES, "kappa": r"radius $\kappa$ of the ball"}
_UNITS = {"loss": "loss (tokens)"}
_COLOURS = (
    style.VF, style.VB, style.GAP, style.PURPLE, style.AMBER, style.SKY, style.INK, style.GREY,
)  # fmt: skip
_MARKERS = "osD^vP*X"
# More panels would be smaller than their labels.
_MOST = 36


def grid_figure(
    frame: pd.DataFrame, x: str, y: str, lines: str, facets: Sequence[str], note: str
) -> Figure:
    """Draw a grid.

    Parameters
    ----------
    frame
        Rows of one learner each, of any runs.
    x, y, lines
        Columns: along the horizontal axis, what is drawn, and what each line is.
    facets
        At most two columns whose values make panels: side by side, below one another.
    note
        One sentence of reading, set under the panels.

    Raises
    ------
    InputError
        If there are too many panels to be read.
    """
    across, down = (
        _values(frame, facets[place]) if place < len(facets) else [None] for place in (0, 1)
    )
    if len(across) * len(down) > _MOST:
        raise InputError(
            f"{len(across)} x {len(down)} panels are too many to read (at most {_MOST}); draw a "
            "part of the frame, or choose other facets"
        )
    each = _values(frame, lines)
    looks = {
        value: {"color": _COLOURS[i % len(_COLOURS)], "marker": _MARKERS[i % len(_MARKERS)]}
        for i, value in enumerate(each)
    }
    with style.sheet(1.0 + 2.2 * len(down), note) as figure:
        panels = figure.subplots(len(down), len(across), squeeze=False, sharex=True, sharey=True)
        positive = bool((frame[y] > 0).all())
        for row, below in enumerate(down):
            for column, beside in enumerate(across):
                axes = panels[row, column]
                part = _part(frame, facets, (beside, below))
                for value, look in looks.items():
                    _line(axes, part[part[lines] == value], x, y, str(value), look)
                _dress(axes, frame, x, y, log=positive)
                said = zip(facets, (beside, below), strict=False)
                # One below the other: side by side they are longer than a panel.
                axes.set_title(",\n".join(_title(name, value) for name, value in said))
                if row + 1 < len(down):
                    axes.set_xlabel("")
                if column > 0:
                    axes.set_ylabel("")
        style.legend_above(figure, panels[0, 0])
    return figure


def _values(frame: pd.DataFrame, column: str) -> list[Any]:
    found = list(frame[column].drop_duplicates())
    return sorted(found) if frame[column].dtype.kind in "if" else found


def _part(frame: pd.DataFrame, facets: Sequence[str], values: Sequence[Any]) -> pd.DataFrame:
    for name, value in zip(facets, values, strict=False):
        frame = frame[frame[name] == value]
    return frame


def _title(name: str, value: Any) -> str:
    # A family, a learner or a class says what it is; a number does not.
    return str(value) if isinstance(value, str) else f"{name} {setting(value)}"


def _line(axes: Axes, rows: pd.DataFrame, x: str, y: str, label: str, look: dict[str, Any]) -> None:
    """Means over the rows at each place, with their intervals."""
    points = list(_pooled(rows, x, y))
    if not points:
        return
    at, middle, below, above = (np.array(column) for column in zip(*points, strict=True))
    axes.errorbar(at, middle, np.stack([below, above]), capsize=2, label=label, **look)


def _pooled(rows: pd.DataFrame, x: str, y: str) -> Iterator[tuple[Any, float, float, float]]:
    """Each place, the mean of its rows, and how far its interval reaches down and up.

    Rows at one place are of independent seeds: the half-widths add up as squares.
    """
    for value, group in rows.groupby(x, sort=True):
        middle = group[y].to_numpy(float)
        if not np.isfinite(middle).any():
            continue
        reach = []
        for end in ("low", "high"):
            name = f"{y}_{end}"
            ends = group[name].to_numpy(float) if name in group else middle
            reach.append(float(np.sqrt(np.nansum((middle - ends) ** 2)) / len(group)))
        yield value, float(np.nanmean(middle)), reach[0], reach[1]


def _dress(axes: Axes, frame: pd.DataFrame, x: str, y: str, *, log: bool) -> None:
    numeric = frame[x].dtype.kind in "if"
    spread = numeric and bool((frame[x] > 0).all()) and frame[x].max() >= 4 * frame[x].min()
    if spread:
        axes.set_xscale("log")
        style.plain_ticks(axes, np.array(_values(frame, x), dtype=float))
    if log:
        axes.set_yscale("log")
    axes.set(xlabel=_AXES.get(x, x), ylabel=_UNITS.get(y, y))
