"""The figures of search, from rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from antiscale import plots
from antiscale.core.numbers import setting, tick
from antiscale.plots.style import INK

if TYPE_CHECKING:
    import pandas as pd

# Colours are Okabe and Ito's; markers and strokes tell apart what shares one.
_LOOKS: dict[str, tuple[str, str, str, str]] = {
    "single": ("one base trace", "#999999", "-", ""),
    "single@cloned": ("budget-forced clone", "#D55E00", "-", "o"),
    "single@expert": ("budget-forced expert", "#D55E00", ":", "o"),
    "single@finetuned": ("finetuned trace", "#D55E00", "--", "s"),
    "majority": ("majority vote", "#CC79A7", "-", "v"),
    "weighted": ("weighted vote", "#CC79A7", "--", "v"),
    "oracle": ("oracle best-of-N", "#0072B2", "-", "D"),
    "oracle@finetuned": ("finetuned + oracle", "#0072B2", "--", "D"),
    "learned": ("learned best-of-N", "#0072B2", ":", "s"),
    "learned@finetuned": ("finetuned + learned", "#333333", "--", "s"),
    "noisy": ("noisy best-of-N", "#56B4E9", "-", "^"),
    "roc": ("ROC best-of-N", "#56B4E9", "--", "v"),
    "verdict": ("one verdict", "#56B4E9", ":", "^"),
    "several": ("several verifiers", "#009E73", "-", "P"),
    "correlated": ("correlated errors", "#333333", ":", "X"),
    "rejection": ("rejection", "#E69F00", ":", "<"),
    "revision": ("sequential revision", "#E69F00", "-", ">"),
    "correction": ("self-correction", "#E69F00", "--", "x"),
    "allocation": ("oracle by difficulty", "#333333", "-", "*"),
}
LABELS = {name: look[0] for name, look in _LOOKS.items()}
_SPARE = ("#333333", "#999999", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")


def search_figure(rows: pd.DataFrame, note: str) -> Figure:
    """Draw accuracy and return of every strategy against the token budget.

    Parameters
    ----------
    rows
        Rows of one search: one per strategy and budget. All values are exact.
    note
        A few sentences of reading, set under the panels.
    """
    with plots.styled():
        figure = Figure(figsize=(7.2, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        horizon = float(rows["horizon"].iloc[0])
        kind = rows["budget_kind"].iloc[0]
        for axes, column, scale, title in (
            (left, "accuracy", 1.0, "Accuracy: P(the returned trace is right)"),
            (right, "value", horizon, "Return of the returned trace, over H"),
        ):
            for index, (name, part) in enumerate(rows.groupby("strategy", sort=False)):
                label, color, stroke, marker = _look(str(name), index)
                axes.plot(
                    part["budget"], part[column] / scale, stroke, marker=marker, markersize=4,
                    color=color, label=label, linewidth=1.2,
                )  # fmt: skip
            axes.axvline(horizon, color=INK, linewidth=0.8, linestyle=":")
            axes.text(horizon, 1.0, " H", transform=axes.get_xaxis_transform(), va="top",
                      fontsize=7, color=INK)  # fmt: skip
            axes.set(xscale="log", ylim=(0.0, 1.0))
            word = "hard cap" if kind == "hard" else "on average"
            axes.set_xlabel(f"token budget ({word})")
            axes.set_title(title, loc="left")
            _budget_ticks(axes, rows["budget"].unique())
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=4, columnspacing=1.2,
                      handlelength=2.6)  # fmt: skip
        plots.annotate(figure, note)
    return figure


def _look(name: str, index: int) -> tuple[str, str, str, str]:
    known = _LOOKS.get(name)
    if known is not None:
        return known
    return name, _SPARE[index % len(_SPARE)], "-.", "."


def _budget_ticks(axes: Axes, budgets: Any) -> None:
    """At most six budgets as plain numbers."""
    shown = np.asarray(budgets)[:: max(1, -(-len(budgets) // 6))]
    axes.set_xticks(shown, [tick(value) for value in shown])
    axes.minorticks_off()


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
    colors = ("#009E73", "#56B4E9", "#0072B2", "#E69F00", "#D55E00", "#333333")
    with plots.styled():
        figure = Figure(figsize=(7.2, 4.1), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        found = rows.groupby("correlation", sort=True)
        for color, (correlation, part) in zip(colors, found, strict=False):
            left.plot(
                part["n"],
                part["accuracy"],
                color=color,
                label=f"correlation {setting(part['correlation'].iloc[0])}",
            )
            at = peaks[peaks["correlation"] == correlation].iloc[0]
            if np.isfinite(at["turning_point"]):
                left.plot(at["peak"], at["peak_accuracy"], "o", color=color, markersize=5)
                left.plot([at["turning_point"]] * 2, [0.0, at["accuracy_at_turn"]], ":",
                          color=color, linewidth=1.0)  # fmt: skip
        left.set(xscale="log", ylim=(0.0, 1.04), xlabel="traces $N$", ylabel="P(right)")
        left.set_title("Best-of-N, persistent false positives", loc="left")
        handles, labels = left.get_legend_handles_labels()
        handles += left.plot([], [], "o", color=INK, markersize=5)
        handles += left.plot([], [], ":", color=INK, linewidth=1.0)
        labels += ["peak over whole N", "T10g: turning point"]
        figure.legend(handles, labels, loc="outside upper left", ncols=4, columnspacing=1.2)
        turning = peaks[np.isfinite(peaks["turning_point"])]
        right.plot(turning["correlation"], turning["turning_point"], "-", color=INK,
                   label="T10g: turning point")  # fmt: skip
        right.plot(turning["correlation"], turning["peak"], "o", color="#0072B2", markersize=4.5,
                   label="peak over whole N")  # fmt: skip
        right.set(xscale="log", yscale="log", xlabel="correlation of false positives",
                  ylabel="traces $N$")  # fmt: skip
        ticks = [tick for tick in (2, 5, 10, 20, 50, 100, 200, 500) if _within(tick, turning)]
        right.set_yticks(ticks, [f"{tick}" for tick in ticks])
        right.minorticks_off()
        right.set_title("Where it turns down", loc="left")
        right.legend(loc="lower left")
        plots.annotate(figure, note)
    return figure


def _within(tick: float, turning: pd.DataFrame) -> bool:
    low, high = turning["turning_point"].min(), turning["turning_point"].max()
    return bool(low / 1.5 <= tick <= high * 1.5)
