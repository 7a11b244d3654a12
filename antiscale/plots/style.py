"""The look of every picture: ICML column width, colours for all eyes, files of stable bytes."""

import io
import re
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from antiscale.core.numbers import tick

# Inches: the width of an ICML page's two columns.
PAGE = 6.75

# Okabe and Ito's colours, which colour-blind readers can distinguish; markers differ as well.
VF, VB, GAP, INK = "#D55E00", "#0072B2", "#009E73", "#333333"
SKY, PURPLE, AMBER, GREY = "#56B4E9", "#CC79A7", "#E69F00", "#999999"
# From low to high of one quantity: lightness falls, so that it prints in grey too.
LOW, MIDDLE, HIGH = "#9ecae1", "#4292c6", "#08306b"
# A side's colour and marker.
SIDES = {"vf": (VF, "o"), "vb": (VB, "s")}
# A thin dotted line: a limit, a level, a mean.
HINT: Any = {"color": INK, "linewidth": 0.8, "linestyle": ":"}
# What the x-axis of losses is.
BUDGET, TRACES = "test-time budget $H$ (tokens)", "traces $n$ per side"

_RC: Any = {
    "font.size": 7.5, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "axes.titlesize": 8, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.labelsize": 7.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": INK, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#E6E6E6", "grid.linewidth": 0.5,
    "legend.fontsize": 6.5, "legend.frameon": False, "legend.handlelength": 2.0,
    "legend.borderaxespad": 0.2, "lines.linewidth": 1.2, "lines.markersize": 3.5,
    "svg.hashsalt": "antiscale", "svg.fonttype": "path", "pdf.fonttype": 42, "figure.dpi": 100,
}  # fmt: skip
_SAVED: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200, "metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}


def styled() -> Any:
    """Return a context in which figures have this project's look."""
    return mpl.rc_context(_RC)


_LETTERS = "abcdefgh"


@contextmanager
def sheet(height: float, note: str) -> Iterator[Figure]:
    """A figure of so many inches: letters before a few panels' titles, the note under them."""
    with styled():
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        titled = [axes for axes in figure.axes if axes.get_title(loc="left")]
        # More panels than that are a table: a place is named by its titles.
        if 1 < len(titled) <= len(_LETTERS):
            for letter, axes in zip(_LETTERS, titled, strict=False):
                axes.set_title(f"({letter}) {axes.get_title(loc='left')}")
        figure.supxlabel(paragraph(note), x=0.01, ha="left", fontsize=6.5, color=INK)


def paragraph(note: str, inches: float = PAGE) -> str:
    """The reading note in lines of about equal length, with exponents raised."""
    widest = int(20 * inches)
    note = note.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    lines = len(textwrap.wrap(note, widest))
    width = next(w for w in range(1, widest + 1) if len(textwrap.wrap(note, w)) <= lines)
    return "\n".join(
        re.sub(r"\b([HnW]|10)\^(-?[\d.]*\d)", r"$\1^{\2}$", line)
        for line in textwrap.wrap(note, width)
    )


def legend_above(figure: Figure, axes: Axes, columns: int = 4) -> None:
    """One legend for all panels, over them: that of `axes`."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=columns)


def band(axes: Axes, x: Any, rows: Any, column: str, **look: Any) -> None:
    """A measured curve with its interval shaded: a column, its `_low` and its `_high`."""
    axes.plot(x, rows[column], zorder=3, **look)
    ends = rows[f"{column}_low"], rows[f"{column}_high"]
    axes.fill_between(x, *ends, color=look["color"], alpha=0.18, linewidth=0, zorder=2)


def side(axes: Axes, x: Any, rows: Any, name: str, label: str, **look: Any) -> None:
    """The loss of one side ("vf" or "vb") with its interval, in the side's colour and marker."""
    color, marker = SIDES[name]
    band(axes, x, rows, f"{name}_loss", **{"color": color, "marker": marker, "label": label} | look)


def power_law(axes: Axes, x: Any, last: float, slope: float, label: str, color: str = INK) -> None:
    """A line of theory: the power law of an exponent that ends at `last`."""
    x = np.asarray(x, dtype=float)
    axes.plot(x, last * (x / x[-1]) ** slope, "-.", color=color, linewidth=0.8, label=label)


def log_axes(axes: Axes, x: Any, xlabel: str, title: str, ylabel: str = "loss (tokens)") -> None:
    """Both axes logarithmic, with plain numbers along x, under a title."""
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel, title=title)
    plain_ticks(axes, x)


def note_legend(axes: Axes) -> None:
    """A legend of two columns in the upper left corner."""
    axes.legend(loc="upper left", ncols=2, columnspacing=1.0)


def noise_axis(axes: Axes, noise: Any) -> Any:
    """Label x by the probability of a reversed label; return x, what noise divides n by (T6c)."""
    noise = np.asarray(noise, dtype=float)
    x = (np.sqrt(1 - noise) - np.sqrt(noise)) ** -2
    axes.set_xlabel(r"reversed labels: $\eta$, at $1/(\sqrt{1-\eta}-\sqrt{\eta})^2$")
    axes.set_xticks(x, [tick(value) for value in noise])
    axes.xaxis.minorticks_off()
    return x


def headroom(axes: Axes, share: float) -> None:
    """Room for a legend: so much of a logarithmic axis more, above, or below if negative."""
    low, high = axes.get_ylim()
    more = (high / low) ** share
    axes.set_ylim(*((low, high * more) if share > 0 else (low * more, high)))


def shares(axes: Axes, most: float = 1.0) -> None:
    """A y-axis of shares: ticks from 0 to 1, and room up to `most`."""
    axes.set(ylim=(0, most), yticks=np.linspace(0, 1, 6))


def mark_horizon(axes: Axes, horizon: float) -> None:
    """A vertical line at H, up to a share of one."""
    axes.vlines(horizon, 0, 1, **HINT)
    axes.annotate("$H$", (horizon, 0.01), xytext=(3, 0), textcoords="offset points")


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


def encode(figure: Figure, kinds: Iterable[str] = ("png", "svg")) -> dict[str, bytes]:
    """Return the figure as PNG, SVG or PDF, the same bytes for the same rows."""
    encoded = {}
    with styled():
        settle(figure)
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **_SAVED[kind])
            encoded[kind] = buffer.getvalue()
    return encoded
