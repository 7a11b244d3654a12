"""Figure 5: low, middle and high heterogeneity at the same mean return, against H and n."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, setting
from antiscale.figures import Progress, Record, by_series, part, sweeps
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

RECORD = Record(
    5, "Controlled heterogeneity at one mean return",
    "The paper controls the heterogeneity of 3B and 8B language models on MATH. Here a knob "
    "of the default family does, at one mean return; losses are simulated.",
)  # fmt: skip


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


def rows(config: Config, progress: Progress) -> pd.DataFrame:
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
        f"({fixed(first['vf_loss'], 1)} and {fixed(final['vf_loss'], 1)} tokens), and verification "
        f"{fixed(final['vb_loss'] / first['vb_loss'], 1)} times; cloning's loss grows as the "
        "square root of H at every spread, verification's stays flat (99% intervals shaded, bounds "
        "dashed)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Losses against H and against n, one curve per spread and side."""
    cold = (style.LOW, style.MIDDLE, style.HIGH)
    warm = ("#fdd0a2", "#f16913", "#7f2704")
    rate = part(rows, "H")["n"].iloc[-1] / part(rows, "H")["horizon"].iloc[-1]
    titles = {
        "H": f"Along H, n = {setting(rate)} H",
        "n": f"Along n, H = {setting(part(rows, 'n')['horizon'].iloc[0])}",
    }
    with style.sheet(3.3, note(rows)) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (vary, title) in zip(panels, titles.items(), strict=True):
            key = "horizon" if vary == "H" else "n"
            for k, one in enumerate(by_series(rows, vary).values()):
                x = one[key].to_numpy(float)
                share = fixed(one["sigma"].iloc[-1] / one["horizon"].iloc[-1], 2)
                for side, colors, markers in (("vf", warm, "o^D"), ("vb", cold, "sv*")):
                    name = rf"{side.upper()}, $\sigma$ = {share} $H$"
                    look = {"color": colors[k % 3], "marker": markers[k % 3]}
                    style.side(axes, x, one, side, name, **look)
            # The last one is the widest.
            lower = one["vf_lower_local"].astype(float)
            axes.plot(x, lower.where(lower > 0), ":", color=style.VF,
                      label="VF lower near it (T4f), widest")  # fmt: skip
            axes.plot(x, one["vb_upper"], "--", color=style.VB, label="VB upper (T7), widest")
            for side, label in (("vf", "theory's slopes"), ("vb", "_")):
                slope = float(one[f"{side}_slope_theory"].iloc[0])
                style.power_law(axes, x, 1.5 * one[f"{side}_loss"].iloc[-1], slope, label)
            style.log_axes(axes, x, style.BUDGET if vary == "H" else style.TRACES, title)
        panels[1].set_ylabel("")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    return figure
