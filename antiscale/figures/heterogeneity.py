"""Figure 5: low, middle and high heterogeneity at the same mean return, against H and n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, setting
from antiscale.figures import sweeps
from antiscale.figures.sweeps import Progress, part
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    import pandas as pd


# How the figure differs from the paper's: for the gallery.
PAPER = (
    "The paper controls the heterogeneity of 3B and 8B language models on MATH. Here a knob "
    "of the default family does, at one mean return; losses are simulated."
)


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """The default family at several spreads, along H and along n.

    Attributes
    ----------
    horizon
        Largest H, and the H at which n varies.
    spreads
        sigma over its largest value, each in [0, 1]; the mean return does not change.
    samples_per_token
        n = this times H along H, and at most along n.
    repeats, seed
        Of every sweep.
    """

    horizon: int
    spreads: tuple[float, ...] = option(check=validate.each, of=validate.chance)
    samples_per_token: float
    repeats: int
    seed: int


def rows(config: Config, progress: Progress | None = None) -> pd.DataFrame:
    """One row per panel ("H", "n"), spread and place; see `antiscale.sweep`."""
    panels = {
        (vary, f"{spread:g}"): SweepConfig(
            horizon=config.horizon, vary=vary, samples_per_token=config.samples_per_token,
            repeats=config.repeats, seed=config.seed, parameters={"spread": spread},
        )
        for vary in ("H", "n")
        for spread in config.spreads
    }  # fmt: skip
    return sweeps.run(panels, progress)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    last = part(rows, "H").groupby("series", sort=False).last()
    first, final = last.iloc[0], last.iloc[-1]
    return (
        f"At the same mean return, and at H = {setting(final['horizon'])}, "
        f"{fixed(final['sigma'] / first['sigma'], 1)} times the spread costs cloning "
        f"{fixed(final['vf_loss'] / first['vf_loss'], 1)} times as much "
        f"({fixed(first['vf_loss'], 1)} and "
        f"{fixed(final['vf_loss'], 1)} tokens), and verification "
        f"{fixed(final['vb_loss'] / first['vb_loss'], 1)} times; cloning's loss grows as the "
        "square "
        "root of H at every spread, verification's stays flat (99% intervals shaded, bounds "
        "dashed)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Losses against H and against n, one curve per spread and side."""
    colors = (style.LOW, style.MIDDLE, style.HIGH)
    warm = ("#fdd0a2", "#f16913", "#7f2704")
    with style.styled():
        figure = style.canvas(3.3)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, vary in zip(panels, ("H", "n"), strict=True):
            key = "horizon" if vary == "H" else "n"
            found = part(rows, vary)
            for k, series in enumerate(found["series"].unique()):
                one = part(found, vary, series)
                x = one[key].to_numpy(float)
                share = one["sigma"].iloc[-1] / one["horizon"].iloc[-1]
                style.band(axes, x, one["vf_loss"], one["vf_loss_low"], one["vf_loss_high"],
                           color=warm[k % 3], marker="o^D"[k % 3],
                           label=rf"VF, $\sigma$ = {fixed(share, 2)} $H$")  # fmt: skip
                style.band(axes, x, one["vb_loss"], one["vb_loss_low"], one["vb_loss_high"],
                           color=colors[k % 3], marker="sv*"[k % 3],
                           label=rf"VB, $\sigma$ = {fixed(share, 2)} $H$")  # fmt: skip
            widest = part(found, vary, found["series"].unique()[-1])
            x = widest[key].to_numpy(float)
            axes.plot(x, widest["vf_lower"].where(widest["vf_lower"] > 0), ":", color=style.VF,
                      label="VF lower (T4), widest")  # fmt: skip
            axes.plot(x, widest["vb_upper"], "--", color=style.VB, label="VB upper (T7), widest")
            slope = float(widest["vf_slope_theory"].iloc[0])
            line = float(widest["vf_loss"].iloc[-1]) * (x / x[-1]) ** slope
            axes.plot(x, 1.5 * line, "-.", color=style.INK, linewidth=0.8, label="theory's slopes")
            below = float(widest["vb_loss"].iloc[-1]) * (x / x[-1]) ** float(
                widest["vb_slope_theory"].iloc[0]
            )
            axes.plot(x, 1.5 * below, "-.", color=style.INK, linewidth=0.8)
            axes.set(xscale="log", yscale="log")
            style.plain_ticks(axes, x)
        panels[0].set(xlabel="test-time budget $H$ (tokens)", ylabel="loss (tokens)")
        H = int(part(rows, "n")["horizon"].iloc[0])
        panels[1].set_xlabel("traces $n$ per side")
        rate = part(rows, "H")["n"].iloc[-1] / part(rows, "H")["horizon"].iloc[-1]
        panels[0].set_title(f"Along H, n = {setting(rate)} H")
        panels[1].set_title(f"Along n, H = {H}")
        low, high = panels[0].get_ylim()
        panels[0].set_ylim(low, high)
        style.letter(panels)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        style.add_note(figure, note(rows))
    return figure
