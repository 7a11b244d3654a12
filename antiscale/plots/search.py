"""The figures of search, from rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from antiscale.core.numbers import setting
from antiscale.plots import style
from antiscale.plots.style import AMBER, GAP, GREY, INK, PURPLE, SKY, VB, VF

if TYPE_CHECKING:
    import pandas as pd

# Colours are Okabe and Ito's; markers and strokes tell apart what shares one.
_LOOKS: dict[str, tuple[str, str, str, str]] = {
    "single": ("one base trace", GREY, "-", ""),
    "single@cloned": ("budget-forced clone", VF, "-", "o"),
    "single@expert": ("budget-forced expert", VF, ":", "o"),
    "single@finetuned": ("finetuned trace", VF, "--", "s"),
    "majority": ("majority vote", PURPLE, "-", "v"),
    "weighted": ("weighted vote", PURPLE, "--", "v"),
    "oracle": ("oracle best-of-N", VB, "-", "D"),
    "oracle@finetuned": ("finetuned + oracle", VB, "--", "D"),
    "learned": ("learned best-of-N", VB, ":", "s"),
    "learned@finetuned": ("finetuned + learned", INK, "--", "s"),
    "noisy": ("noisy best-of-N", SKY, "-", "^"),
    "roc": ("ROC best-of-N", SKY, "--", "v"),
    "verdict": ("one verdict", SKY, ":", "^"),
    "several": ("several verifiers", GAP, "-", "P"),
    "correlated": ("correlated errors", INK, ":", "X"),
    "pessimism": ("pessimism, same score", INK, "--", "d"),
    "rejection": ("rejection", AMBER, ":", "<"),
    "revision": ("sequential revision", AMBER, "-", ">"),
    "correction": ("self-correction", AMBER, "--", "x"),
    "allocation": ("oracle by difficulty", INK, "-", "*"),
}
LABELS = {name: look[0] for name, look in _LOOKS.items()}
_SPARE = (INK, GREY, AMBER, SKY, GAP, VB, VF, PURPLE)


def search_figure(rows: pd.DataFrame, note: str) -> Figure:
    """Draw accuracy and return of every strategy against the token budget.

    Parameters
    ----------
    rows
        Rows of one search: one per strategy and budget. All values are exact.
    note
        A few sentences of reading, set under the panels.
    """
    with style.sheet(4.4, note) as figure:
        left, right = figure.subplots(1, 2)
        horizon = float(rows["horizon"].iloc[0])
        cap = "hard cap" if rows["budget_kind"].iloc[0] == "hard" else "on average"
        for axes, column, scale, title in (
            (left, "accuracy", 1.0, "Accuracy: P(the returned trace is right)"),
            (right, "value", horizon, "Return of the returned trace, over H"),
        ):
            for index, (name, part) in enumerate(rows.groupby("strategy", sort=False)):
                spare = (str(name), _SPARE[index % len(_SPARE)], "-.", ".")
                label, color, line, marker = _LOOKS.get(str(name), spare)
                axes.plot(part["budget"], part[column] / scale, line, marker=marker, color=color,
                          label=label)  # fmt: skip
            style.mark_horizon(axes, horizon)
            axes.set(xscale="log", ylim=(0, 1), xlabel=f"token budget ({cap})", title=title)
            style.plain_ticks(axes, rows["budget"].unique())
        style.legend_above(figure, left)
    return figure


def over_optimisation_figure(rows: pd.DataFrame, peaks: pd.DataFrame, note: str) -> Figure:
    """Draw best-of-N's accuracy in N for several correlations, and its peak against theory's.

    Parameters
    ----------
    rows
        One per correlation and N: `correlation`, `n`, `accuracy`.
    peaks
        One per correlation: `correlation`, `peak` (the best whole N), `peak_accuracy`, and
        `turning_point` (T10g), with `accuracy_at_turn`.
    note
        A few sentences of reading.
    """
    colors = (GAP, SKY, VB, AMBER, VF, INK)
    with style.sheet(3.8, note) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        found = rows.groupby("correlation", sort=True)
        for color, (correlation, part) in zip(colors, found, strict=False):
            name = setting(part["correlation"].iloc[0])
            left.plot(part["n"], part["accuracy"], color=color, label=f"correlation {name}")
            at = peaks[peaks["correlation"] == correlation].iloc[0]
            if np.isfinite(at["turning_point"]):
                left.plot(at["peak"], at["peak_accuracy"], "o", color=color)
                left.vlines(at["turning_point"], 0, at["accuracy_at_turn"], color=color,
                            linestyle=":", linewidth=1)  # fmt: skip
        left.plot([], [], "o", color=INK, label="peak over whole N")
        left.plot([], [], ":", color=INK, linewidth=1, label="T10g: turning point")
        left.set(xscale="log", ylim=(0, 1.04), xlabel="traces $N$", ylabel="P(right)",
                 title="Best-of-N, persistent false positives")  # fmt: skip
        style.legend_above(figure, left)
        turning = peaks[np.isfinite(peaks["turning_point"])]
        x = turning["correlation"]
        right.plot(x, turning["turning_point"], color=INK, label="T10g: turning point")
        right.plot(x, turning["peak"], "o", color=VB, label="peak over whole N")
        right.set(xscale="log", yscale="log", xlabel="correlation of false positives",
                  ylabel="traces $N$", title="Where accuracy turns down")  # fmt: skip
        low, high = right.get_ylim()
        ticks = [n for n in (2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500) if low <= n <= high]
        right.set_yticks(ticks, [f"{n}" for n in ticks])
        right.minorticks_off()
        right.legend(loc="lower left")
    return figure
