"""Draw a study of trained networks: what cloning and verification lose, what each arm earns."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from antiscale.core import intervals
from antiscale.plots import style
from antiscale.plots.style import INK, PURPLE, VB, VF

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = {"sft": ("VF: SFT", VF, "o"), "ball": ("VB: ball", VB, "s"),
          "weighted": ("weighted", PURPLE, "^")}  # fmt: skip


def study_figure(rows: pd.DataFrame, note: str, inside: Collection[str]) -> Figure:
    """Draw a study: loss along n and along H beside the theory, and J of every arm at one place.

    Parameters
    ----------
    rows
        The rows of a study.
    note
        What the rows say, set under the panels.
    inside
        Methods within the ball, whose dots are filled.
    """
    # Further spreads have their sentence alone.
    direct = rows[(rows["reward"] == "r") & (rows["spread"] == rows["spread"].iloc[0])]
    with style.sheet(3.1, note) as figure:
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
        horizon, slope = places(direct)
        ratio = direct["n"] / direct["horizon"]
        losses(left, direct[direct["horizon"] == horizon], "n", f"Along n, H = {horizon}")
        losses(middle, direct[ratio == slope], "horizon", f"Along H, n = {slope:g} H")
        left.legend(loc="best")
        n = int(direct.loc[direct["horizon"] == horizon, "n"].max())
        earned(right, direct[(direct["horizon"] == horizon) & direct["n"].isin([0, n])], n, inside)
    return figure


def places(rows: pd.DataFrame) -> tuple[int, float]:
    """The horizon with the most n, and the n/H with the most horizons, at which both sides ran."""
    both = rows[rows["method"] == "ball"]
    both = both if len(both) else rows[rows["method"] == "sft"]
    sizes = both.groupby("horizon")["n"].nunique()
    along = both.groupby(both["n"] / both["horizon"])["horizon"].nunique()
    most = sizes[sizes == sizes.max()], along[along == along.max()]
    return int(most[0].index[-1]), float(most[1].index[-1])


def losses(axes: Axes, rows: pd.DataFrame, key: str, title: str) -> None:
    """Loss of each arm with its 99% interval over draws, and cloning's theory."""
    for method, (label, color, marker) in _SHOWN.items():
        some = rows[rows["method"] == method]
        if some.empty:
            continue
        groups = [(x, each["loss"].to_numpy(float)) for x, each in some.groupby(key)]
        x = np.array([place for place, _ in groups], dtype=float)
        value = [loss.mean() for _, loss in groups]
        axes.plot(x, value, marker=marker, color=color, label=label, zorder=3)
        if min(len(loss) for _, loss in groups) > 1:
            found = [intervals.mean(loss, least=0.0) for _, loss in groups]
            ends = [each.low for each in found], [each.high for each in found]
            axes.fill_between(x, *ends, color=color, alpha=0.18, linewidth=0)
    theory = rows[rows["method"] == "sft"].groupby(key).mean(numeric_only=True)
    x = theory.index.to_numpy(float)
    for column, look, label in (
        ("sft_upper", "--", "T5a"), ("sft_tabular", "-.", "tabular SFT"), ("vf_lower", ":", "T4f"),
    ):  # fmt: skip
        if column in theory and theory[column].notna().all():
            axes.plot(x, theory[column], look, color=INK, linewidth=0.9, label=label)
    style.log_axes(axes, x, style.BUDGET if key == "horizon" else "traces $n$", title)
    # An interval of few runs may reach zero, which a logarithmic axis has not.
    axes.set_ylim(bottom=max(axes.get_ylim()[0], 0.5 * float(rows["loss"][rows["n"] > 0].min())))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if len(x) == 1:
        axes.set_xlim(x[0] / 2, x[0] * 2)


def earned(axes: Axes, rows: pd.DataFrame, n: int, inside: Collection[str]) -> None:
    """J of every arm, a dot per draw, from the worst to the best; the ball's best as a line."""
    order = rows.groupby("method")["J"].mean().sort_values().index
    for place, method in enumerate(order):
        some = rows.loc[rows["method"] == method, "J"].to_numpy(float)
        spread = np.linspace(-0.22, 0.22, len(some)) if len(some) > 1 else np.zeros(1)
        color = VF if method == "sft" else VB if method == "ball" else INK
        filled = color if method in inside else "none"
        axes.scatter(some, place + spread, s=9, facecolor=filled, edgecolor=color, linewidth=0.7)
    value = rows["J_expert"].mean()
    axes.axvline(value, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate(r"$V_\kappa$", (value, len(order) - 0.6), xytext=(3, 0),
                  textcoords="offset points")  # fmt: skip
    axes.set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
    horizon = int(rows["horizon"].iloc[0])
    axes.set(xlabel="J (tokens)", title=f"J at H = {horizon}, n = {n}",
             ylim=(-0.6, len(order) - 0.2))  # fmt: skip
