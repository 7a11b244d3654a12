"""Draw when verification wins: the crossing in H and n, and the phase diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from antiscale.plots import style
from antiscale.plots.style import GAP, INK, VB, VF

if TYPE_CHECKING:
    import pandas as pd

# Powers of ten of VF/VB that the phase diagram's colours tell apart, each way.
_DECADES = 3


def separation_figure(
    rows: pd.DataFrame, in_n: pd.DataFrame, phase: pd.DataFrame | None, note: str
) -> Figure:
    """Draw the gap along n(H) and in n, certified and measured, and T9's phase diagram.

    Parameters
    ----------
    rows, in_n, phase
        The tables of a `Separation`; no phase diagram if None or empty.
    note
        One paragraph of reading, set under the panels.
    """
    phases = {} if phase is None or phase.empty else dict(iter(phase.groupby("panel")))
    with style.sheet(5.8 if phases else 3.2, note) as figure:
        axes = figure.subplots(2 if phases else 1, 2, squeeze=False)
        draw_crossing(axes[0, 0], rows, "horizon", "The gap as H grows")
        draw_crossing(axes[0, 1], in_n, "n", f"The gap in n, at H = {rows['horizon'].iloc[-1]}")
        if phases:
            axes[1, 0].set_title("Rewards within $H^a$, W bounded")
            draw_phase(axes[1, 0], phases["bounded"])
            axes[1, 1].set_title("Rewards up to H, W ~ $H^{1-a}$")
            draw_phase(axes[1, 1], phases["growing"])
    return figure


def draw_crossing(axes: Axes, rows: pd.DataFrame, key: str, title: str) -> None:
    """Certified and measured gap against `key`, on axes that show both signs."""
    columns = [key, "gap_measured", "gap_low", "gap_high", "gap_certified"]
    x, measured, low, high, certified = rows[columns].to_numpy(float).T
    errors = np.stack([measured - low, high - measured])
    axes.errorbar(x, measured, errors, fmt="-D", capsize=2, color=GAP, label="measured, 99%")
    if np.isfinite(certified).any():
        axes.plot(x, certified, "--^", color=INK, label="certified (T4 − T7)")
    axes.axhline(0, color=INK, linewidth=0.8)
    finite = np.abs(np.concatenate([measured, certified[np.isfinite(certified)]]))
    scale = float(np.min(finite[finite > 0])) if (finite > 0).any() else 1.0
    axes.set(xscale="log", xlabel=style.BUDGET if key == "horizon" else style.TRACES,
             ylabel="VF − VB (tokens)", title=title)  # fmt: skip
    axes.set_yscale("symlog", linthresh=max(scale, 1e-2 * float(finite.max())))
    axes.margins(y=0.08)
    axes.legend(loc="best")


def draw_phase(axes: Axes, rows: pd.DataFrame) -> None:
    """VF/VB (exact risks) in colour, where it is 1, where T4 certifies it, and theory's line."""
    ratios = rows.assign(sure=rows["vf_lower"] / rows["vb_upper"])
    ratios = ratios.pivot(index="a", columns="b", values=["ratio", "sure"])
    grid = ratios["ratio"]
    b, a = grid.columns.to_numpy(float), grid.index.to_numpy(float)
    size, certain = (np.log10(ratios[name].to_numpy(float)) for name in ("ratio", "sure"))
    two_sided = LinearSegmentedColormap.from_list("vf over vb", [VB, "white", VF])
    limits: Any = {"vmin": -_DECADES, "vmax": _DECADES}
    mesh = axes.pcolormesh(b, a, size, shading="nearest", cmap=two_sided, rasterized=True, **limits)
    bar = axes.figure.colorbar(mesh, ax=axes, extend="both", pad=0.02)
    powers = list(range(-_DECADES, _DECADES + 1))
    bar.set_ticks(powers, labels=[f"$10^{{{k}}}$" if k else "1" for k in powers])
    bar.set_label("VF/VB, exact")
    handles = []
    sure = "certified from here up: T4 = H W e"
    equal: Any = ((size, "-", "VF/VB = 1"), (certain, "--", sure))
    for values, dash, name in equal:
        crossed = min(grid.shape) > 1 and np.nanmin(values) < 0 < np.nanmax(values)
        if crossed:
            axes.contour(b, a, values, levels=[0.0], colors=INK, linewidths=1.2, linestyles=dash)
        label = name if crossed else f"{name.split(': ')[-1]}: nowhere"
        width = 1.2 if crossed else 0.0
        handles.append(Line2D([], [], color=INK, linewidth=width, linestyle=dash, label=label))
    line = rows.drop_duplicates("b").sort_values("b")
    part, slope = ("ii", "b/2") if rows["panel"].iloc[0] == "bounded" else ("iv", "b/4")
    (theory,) = axes.plot(line["b"], line["boundary"], color=INK, linewidth=2.4, alpha=0.35,
                          label=f"T9({part}): a = 1 − {slope}")  # fmt: skip
    axes.set(xlabel="$b$: $n = H^b$", ylabel=r"$a$: $\sigma = H^a$", ylim=(-0.05, 1.42))
    axes.set_yticks(np.linspace(0, 1, 5))
    axes.grid(visible=False)
    axes.legend(handles=[*handles, theory], loc="upper center")
