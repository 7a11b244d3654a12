"""Figures from rows alone; nothing is simulated here."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd

# Okabe and Ito's colours, told apart by colour-blind readers; markers differ as well.
VF, VB, GAP, INK = "#D55E00", "#0072B2", "#009E73", "#333333"

_STYLE: Any = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "antiscale",
    "svg.fonttype": "path",
    "figure.dpi": 100,
}


def sweep_figure(rows: pd.DataFrame, note: str) -> Figure:
    """Draw a sweep: both losses between their bounds, and the gap measured and certified.

    Parameters
    ----------
    rows
        Rows of one sweep.
    note
        One sentence of reading, set under the panels.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.9))
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        draw_losses(left, rows)
        draw_gap(right, rows)
        figure.text(
            0.012, 0.012, "\n".join(textwrap.wrap(note, 128)), fontsize=7.5, color=INK, va="bottom"
        )
        figure.subplots_adjust(left=0.085, right=0.985, top=0.92, bottom=0.275, wspace=0.24)
    return figure


def _axis(rows: pd.DataFrame) -> tuple[str, str]:
    varies_n = rows["vary"].iloc[0] == "n"
    return (
        ("n", "labelled or expert traces $n$")
        if varies_n
        else ("horizon", "test-time budget $H$ (tokens)")
    )


def _column(rows: pd.DataFrame, name: str) -> Any:
    """A column as floats, NaN where undefined or not positive (log axes)."""
    values = rows[name].astype(float).to_numpy()
    return np.where(values > 0, values, np.nan)


def _curve(
    axes: Axes, x: Any, rows: pd.DataFrame, name: str, color: str, marker: str, label: str
) -> None:
    mean, low, high = (_column(rows, f"{name}_{part}") for part in ("mean", "low", "high"))
    errors = np.stack([mean - np.where(np.isnan(low), mean, low), high - mean])
    axes.errorbar(
        x, mean, yerr=errors, color=color, marker=marker, markersize=4.5, capsize=2,
        label=label, zorder=3,
    )  # fmt: skip


def draw_losses(axes: Axes, rows: pd.DataFrame) -> None:
    """Both losses with 99% intervals, their bounds, and theory's slopes."""
    key, label = _axis(rows)
    x = rows[key].to_numpy(float)
    last = rows.iloc[-1]
    _curve(axes, x, rows, "vf", VF, "o", f"VF: cloning, {last['vf_learner']}")
    for name, style, text in (
        ("vf_upper", "--", f"VF upper ({last['vf_upper_name']})"),
        ("vf_lower", ":", f"VF lower, {last['vf_lower_holds_for']} ({last['vf_lower_name']})"),
    ):
        values = _column(rows, name)
        if np.isfinite(values).any():
            axes.plot(x, values, style, color=VF, label=text)
    whole = _column(rows, "vf_class_mean")
    if not rows["rewards_whole_class"].all():
        axes.plot(
            x, whole, color=VF, marker="o", markersize=3, mfc="white", linewidth=0.8, alpha=0.7,
            label="VF over all of calR",
        )  # fmt: skip
    if (rows["vb_mean"] > 1e-9 * rows["horizon"]).any():
        _curve(axes, x, rows, "vb", VB, "s", f"VB: verified, {last['vb_learner']}")
    upper = _column(rows, "vb_upper")
    if (upper > 1e-9 * rows["horizon"]).any():
        axes.plot(x, upper, "--", color=VB, label=f"VB upper ({last['vb_upper_name']})")
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="loss (tokens)")
    _ticks(axes, x)
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.2, high * (high / low) ** 0.34)
    axes.set_title("Loss: E sup over the stated rewards", loc="left")
    # In the order drawn; Matplotlib would put lines before error bars.
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(
        range(len(labels)), key=lambda k: (labels[k][:2] != "VF", ":" not in labels[k], k)
    )
    axes.legend(
        [handles[k] for k in order], [labels[k] for k in order], loc="upper left", ncols=2,
        columnspacing=1.0, handlelength=2.2, borderaxespad=0.2,
    )  # fmt: skip


def draw_gap(axes: Axes, rows: pd.DataFrame) -> None:
    """The measured gap with its interval, and the certified one where it is positive."""
    key, label = _axis(rows)
    x = rows[key].to_numpy(float)
    mean, low, high = (_column(rows, f"gap_{part}") for part in ("measured", "low", "high"))
    errors = np.stack([mean - np.where(np.isnan(low), mean, low), high - mean])
    axes.errorbar(
        x, mean, yerr=errors, color=GAP, marker="D", markersize=4.5, capsize=2, label="measured gap"
    )
    certified = _column(rows, "gap_certified")
    if np.isfinite(certified).any():
        axes.plot(
            x,
            certified,
            "--",
            marker="^",
            markersize=4.5,
            color=GAP,
            label="certified gap (T4 − T7)",
        )
    if len(x) > 1 and np.isfinite(mean[-1]) and rows["vary"].iloc[0] == "H":
        reference = mean[-1] * (x / x[-1]) ** 0.5
        axes.plot(
            x, reference, color=INK, linewidth=0.8, linestyle="-.", label=r"slope $\frac{1}{2}$"
        )
    if np.isfinite(mean).any() or np.isfinite(certified).any():
        axes.set(xscale="log", yscale="log")
    axes.set(xlabel=label, ylabel="VF − VB (tokens)")
    _ticks(axes, x)
    axes.set_title("The gap", loc="left")
    axes.legend(loc="best")


def _ticks(axes: Axes, x: Any) -> None:
    """Label powers of two (or the points there are) as plain numbers, at most eight of them."""
    shown = x[:: max(1, -(-len(x) // 6))]
    axes.set_xticks(shown, [f"{value:.0f}" if value < 1e5 else f"{value:.0e}" for value in shown])
    axes.minorticks_off()


def encode(figure: Figure) -> dict[str, bytes]:
    """Return the figure as PNG and SVG, the same bytes for the same rows."""
    encoded = {}
    with mpl.rc_context(_STYLE):
        for kind, options in (
            ("png", {"dpi": 200, "metadata": {"Software": None}}),
            ("svg", {"metadata": {"Date": None, "Creator": None}}),
        ):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **options)
            encoded[kind] = buffer.getvalue()
    return encoded
