"""The picture of a sweep: both losses between their bounds, and the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale.core.numbers import setting
from antiscale.plots import style
from antiscale.plots.style import GAP, INK, VB, VF

if TYPE_CHECKING:
    import pandas as pd

# What the bound for the worst expert is called beside the one near the drawn expert.
WORST = "VF lower, worst of the ball"


def local_holds_for(row: Any) -> str:
    """Whom a row's `vf_lower_local` speaks of: experts near the drawn one, or the hard prior's."""
    holds_for = str(row["vf_lower_holds_for"])
    return "near this expert" if holds_for == "worst expert" else holds_for


def sweep_figure(rows: pd.DataFrame, note: str) -> Figure:
    """Draw a sweep: both losses between their bounds, and the gap measured and certified.

    Parameters
    ----------
    rows
        Rows of one sweep.
    note
        One sentence of reading, set under the panels.
    """
    with style.sheet(3.6, note) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
        draw_losses(left, rows)
        draw_gap(right, rows)
    return figure


def _column(rows: pd.DataFrame, name: str, *, log: bool = True) -> Any:
    """A column as floats, NaN where undefined or, on log axes, not positive."""
    values = rows[name].astype(float).to_numpy()
    return np.where(values > 0, values, np.nan) if log else values


def _measured(
    axes: Axes, rows: pd.DataFrame, mean: str, color: str, marker: str, label: str, *, log: bool
) -> None:
    """A measured curve with its interval, by the name of its column.

    Exact points have no bar. A hollow one is coarse: its interval is wider than its value.
    """
    ends = mean.removesuffix("_measured")
    names = mean, f"{ends}_low", f"{ends}_high"
    center, bottom, top = (_column(rows, name, log=log) for name in names)
    errors = np.stack([center - np.where(np.isnan(bottom), center, bottom), top - center])
    errors = np.where(errors > 0, errors, np.nan)
    look: Any = {"marker": marker, "color": color}
    axes.errorbar(_x(rows), center, errors, capsize=2, zorder=3, label=label, **look)
    side = mean.partition("_")[0]
    if mean == f"{side}_loss" and rows[f"{side}_coarse"].any():
        hollow = rows[f"{side}_coarse"].to_numpy(bool)
        axes.plot(_x(rows)[hollow], center[hollow], mfc="white", linestyle="none", zorder=4,
                  label="hollow: interval wider than the loss", **look)  # fmt: skip


def _check(axes: Axes, rows: pd.DataFrame, side: str, *, log: bool) -> None:
    """The simulation beside exact losses that were asked for, with its interval."""
    names = [f"{side}_mean", f"{side}_low", f"{side}_high"]
    size = rows[f"{side}_mean"] if log else rows[f"{side}_mean"].abs()
    shown = size > 1e-9 * rows["horizon"]
    checked = (rows["exact"] & (rows[f"{side}_method"] == "exact") & shown).to_numpy(bool)
    if not checked.any():
        return
    mean, low, high = rows.loc[checked, names].to_numpy(float).T
    # A logarithm has no zero; the bar leaves the picture.
    low = np.maximum(low, 1e-30) if log else low
    axes.errorbar(
        _x(rows)[checked], mean, np.stack([mean - low, high - mean]), fmt="x", color=INK,
        markersize=4, markeredgewidth=0.8, elinewidth=0.7, zorder=5, label="sampled, as a check",
    )  # fmt: skip


def _how(rows: pd.DataFrame, side: str) -> str:
    """Whether a curve is exact; of one that is in parts, the points without a bar are."""
    exact = rows[f"{side}_method"] == "exact"
    return ", exact" if exact.all() else ", partly exact" if exact.any() else ""


def _theory(axes: Axes, rows: pd.DataFrame, side: str, mean: str) -> None:
    """A line of theory's slope through the last measured point."""
    x, last = _x(rows), _column(rows, mean)[-1]
    slope = float(rows[f"{side}_slope_theory"].astype(float).iloc[0])
    if len(x) > 1 and np.isfinite([slope, last]).all():
        style.power_law(axes, x, last, slope, f"theory, limit: slope {setting(slope)}")


def draw_losses(axes: Axes, rows: pd.DataFrame) -> None:
    """Both losses with 99% intervals, their bounds, and theory's slope."""
    x, last = _x(rows), rows.iloc[-1]
    rounding = 1e-9 * rows["horizon"].to_numpy(float)
    # At one known reward cloning's loss may fall on either side of zero.
    log = bool((rows["vf_loss"] > 0).all())

    def bound(name: str, line: str, color: str, label: str) -> Any:
        """A bound's curve; on log axes nothing that is zero but for rounding."""
        values = _column(rows, name, log=log)
        values = np.where(values > rounding, values, np.nan) if log else values
        if np.isfinite(values).any():
            label = f"{label} ({last[f'{name}_name']})"
            axes.plot(x, values, line, color=color, label=label)
        return values

    vf, vb = (f"{last[f'{side}_learner']}{_how(rows, side)}" for side in style.SIDES)
    _measured(axes, rows, "vf_loss", VF, "o", f"VF: cloning, {vf}", log=log)
    upper = bound("vf_upper", "--", VF, "VF upper")
    lower = bound("vf_lower_local", ":", VF, f"VF lower, {local_holds_for(last)}")
    if last["vf_lower_holds_for"] == "worst expert":
        bound("vf_lower", "-.", style.GREY, WORST)
    _theory(axes, rows, "vf", "vf_loss")
    if not rows["rewards_whole_class"].all():
        axes.plot(
            x, _column(rows, "vf_class_mean"), color=VF, marker="o", markersize=3, mfc="white",
            linewidth=0.8, alpha=0.7, label=r"VF over all of $\mathcal{R}$",
        )  # fmt: skip
    if (rows["vb_loss"] > rounding).any() or not log:
        _measured(axes, rows, "vb_loss", VB, "s", f"VB: verified, {vb}", log=log)
    if log and (rows["vb_loss"] < -rounding).any():
        # A loss below zero has no place on these axes; say so rather than leave it out.
        axes.plot([], [], "s", color=VB, mfc="white", label="VB: below 0 (gains)")
    if (rows["vb_upper"].astype(float) > rounding).any():
        bound("vb_upper", "--", VB, "VB upper")
    axes.set(xscale="log", yscale="log" if log else "linear", ylabel="loss (tokens)",
             title="Loss: E sup over the stated rewards, ~99% intervals")  # fmt: skip
    _x_axis(axes, rows)
    if not log:
        # A loss without a sign: the axis shows how far single simulations stray from it.
        for side in style.SIDES:
            _check(axes, rows, side, log=False)
        _room(axes, rows, ("vf_loss", "vb_loss", "vf_mean"))
    low, high = axes.get_ylim()
    more = high * (high / low) ** 0.42 if log else high + 0.5 * (high - low)
    axes.set_ylim(low / 1.2 if log else low, more)
    # The axis is fixed from here on: bars may reach below what it shows.
    axes.autoscale(enable=False)
    for side, (color, _) in style.SIDES.items():
        if log:
            _check(axes, rows, side, log=True)
            least, value = rows[[f"{side}_loss_low", f"{side}_loss"]].to_numpy(float).T
            open_ = (least <= 0) & (value > rounding)
            axes.vlines(x[open_], axes.get_ylim()[0], value[open_], color=color, linewidth=1.2)
    axes.fill_between(x, lower, upper, color=VF, alpha=0.07, linewidth=0)
    order = (
        "VF: ", "VF upper", "VF lower", "VF over", "VB: ", "VB upper", "sampled", "hollow", "theory"
    )  # fmt: skip
    _legend(axes, order, loc="upper left", columns=2)


def draw_gap(axes: Axes, rows: pd.DataFrame) -> None:
    """The gap measured, with its interval, and certified; only log axes hide negative ones."""
    log = bool((rows["gap_measured"] > 0).all())
    _measured(axes, rows, "gap_measured", GAP, "D", "measured", log=log)
    certified = _column(rows, "gap_certified", log=log)
    if np.isfinite(certified).any():
        # Another expert than the measured one's, mostly.
        upper = "T10e" if (rows["vb_upper_name"] == "T10e").all() else "T7"
        worst = rows["vf_lower_holds_for"].iloc[0] == "worst expert"
        label = f"certified (T4 − {upper})" + (",\nworst expert" if worst else "")
        axes.plot(_x(rows), certified, "--", marker="^", color=GAP, label=label)
    if log:
        _theory(axes, rows, "gap", "gap_measured")
    else:
        axes.axhline(0, color=INK, linewidth=0.8)
        _room(axes, rows, ("gap_measured", "gap_certified"))
    axes.set(xscale="log", yscale="log" if log else "linear", ylabel="VF − VB (tokens)",
             title="The gap")  # fmt: skip
    _x_axis(axes, rows)
    if log:
        style.headroom(axes, 0.4)
    _legend(axes, ("measured", "certified", "theory"), loc="upper left" if log else "best")


def _room(axes: Axes, rows: pd.DataFrame, names: tuple[str, ...]) -> None:
    """A token each way where all is zero but for rounding, which else would fill the axis."""
    sizes = rows[list(names)].astype(float).abs().to_numpy()
    if not (np.nan_to_num(sizes) > 1e-9 * rows[["horizon"]].to_numpy(float)).any():
        axes.set_ylim(-1.0, 1.0)


def _legend(axes: Axes, order: tuple[str, ...], *, loc: Any, columns: int = 1) -> None:
    """A legend in a given order; Matplotlib would put lines before error bars."""
    found = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    labels = [label for start in order for label in found if label.startswith(start)]
    handles = [found[label] for label in labels]
    axes.legend(handles, labels, loc=loc, ncols=columns, columnspacing=1.0)


def _x(rows: pd.DataFrame) -> Any:
    vary = rows["vary"].iloc[0]
    if vary == "noise":
        noise = rows["noise"].to_numpy(float)
        return 1.0 / (np.sqrt(1.0 - noise) - np.sqrt(noise)) ** 2
    return rows["n" if vary == "n" else "horizon"].to_numpy(float)


def _x_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Name what varies, and label at most six of its values as plain numbers."""
    vary = rows["vary"].iloc[0]
    if vary == "noise":
        style.noise_axis(axes, rows["noise"])
        return
    axes.set_xlabel(style.TRACES if vary == "n" else style.BUDGET)
    style.plain_ticks(axes, _x(rows))
