"""The look of every figure: ICML column widths, colours for all eyes, and files of stable bytes."""

from __future__ import annotations

import io
import re
import textwrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from antiscale.core.numbers import tick

# Inches: the width of an ICML page's two columns.
PAGE = 6.75

# Okabe and Ito's colours, told apart by colour-blind readers; markers differ as well.
VF, VB, GAP, INK = "#D55E00", "#0072B2", "#009E73", "#333333"
SKY, PURPLE, AMBER, GREY = "#56B4E9", "#CC79A7", "#E69F00", "#999999"
# From low to high of one quantity: lightness rises, so that it prints in grey too.
LOW, MIDDLE, HIGH = "#9ecae1", "#4292c6", "#08306b"

_RC: Any = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 2.0,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "svg.hashsalt": "antiscale",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "figure.dpi": 100,
}
_SAVED: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200, "metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}


def styled() -> Any:
    """Return a context in which figures have this project's look."""
    return mpl.rc_context(_RC)


def canvas(height: float, width: float = PAGE) -> Figure:
    """Return an empty figure of so many inches; call it within `styled()`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def add_note(figure: Figure, note: str) -> None:
    """Set the reading note under the panels, in lines of about equal length."""
    widest = int(20 * figure.get_figwidth())
    note = note.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    lines = len(textwrap.wrap(note, widest))
    width = next(w for w in range(1, widest + 1) if len(textwrap.wrap(note, w)) <= lines)
    text = "\n".join(
        re.sub(r"\b([HnW])\^(-?[\d.]*\d)", r"$\1^{\2}$", line)
        for line in textwrap.wrap(note, width)
    )
    figure.supxlabel(text, x=0.01, ha="left", fontsize=6.5, color=INK)


def letter(axes: Any, first: str = "a") -> None:
    """Put (a), (b), ... before the panels' titles."""
    for k, panel in enumerate(axes):
        panel.set_title(f"({chr(ord(first) + k)}) {panel.get_title(loc='left')}", loc="left")


def band(
    axes: Axes, x: Any, mean: Any, low: Any, high: Any, *, color: str, label: str, marker: str,
    line: str = "-",
) -> None:  # fmt: skip
    """A measured curve with its interval shaded."""
    axes.plot(x, mean, line, color=color, marker=marker, label=label, zorder=3)
    axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0, zorder=2)


def plain_ticks(axes: Axes, values: Any, *, most: int = 6) -> None:
    """Label at most so many of the values on the x-axis, as plain numbers."""
    shown = list(values)[:: max(1, -(-len(values) // most))]
    axes.set_xticks(shown, [tick(value) for value in shown])
    axes.xaxis.minorticks_off()


def settle(figure: Figure) -> None:
    """Fix the layout, to a millionth: its solver's last digits differ from run to run."""
    if figure.get_layout_engine() is None:
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(z), 6) for z in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def encode(figure: Figure) -> dict[str, bytes]:
    """Return the figure as PNG, SVG and PDF, the same bytes for the same rows."""
    encoded = {}
    with styled():
        settle(figure)
        for kind, options in _SAVED.items():
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **options)
            encoded[kind] = buffer.getvalue()
    return encoded
