"""Figure 11: what breaks each assumption, one panel each."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from antiscale import presets
from antiscale.core import validate
from antiscale.core.config import FromMapping, option, read_config
from antiscale.core.numbers import fixed, number, setting
from antiscale.figures import Progress, Record, by_series, part, sweeps
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

RECORD = Record(
    11, "What breaks each assumption",
    "Not in the paper: simulated and exact losses where one premise fails.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Four sweeps, each with one assumption broken.

    Attributes
    ----------
    horizon
        Largest H of the homogeneous and the sharp base policies.
    rarities
        c_0 of the sharp ones.
    class_samples
        Largest n where the class is wrong (H = 256).
    noise, noise_horizon
        Largest probability of a reversed label, and its H.
    repeats, seed
        Of every sweep.
    """

    horizon: int
    rarities: tuple[float, ...] = option(check=validate.each, of=validate.chance, allow_zero=False)
    class_samples: int
    noise: float
    noise_horizon: int
    repeats: int
    seed: int


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "homogeneous", "sharp" (one series per c_0), "wrong class" and "noise"."""
    of: dict[str, Any] = {"repeats": config.repeats, "seed": config.seed}
    long = of | {"horizon": config.horizon}
    # T12's instance: the expert writes only what is best at each prompt, the class cannot.
    wrong = read_config(presets.find("sweeps", "misspecified"))
    panels = {
        ("homogeneous", "homogeneous"): SweepConfig(family="homogeneous", **long),
        ("homogeneous", "heterogeneous"): SweepConfig(**long),
        **{
            ("sharp", f"{c0:g}"): SweepConfig(family="sharp", parameters={"c0": c0}, **long)
            for c0 in config.rarities
        },
        ("wrong class", "wrong class"): SweepConfig.of(wrong, samples=config.class_samples, **of),
        ("noise", "noise"): SweepConfig(
            horizon=config.noise_horizon, vary="noise", noise=config.noise, **of
        ),
    }
    return sweeps.run(panels, progress)


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    flat = part(rows, "homogeneous", "homogeneous").iloc[-1]
    ends = part(rows, "sharp").groupby("series", sort=False).last()["vb_loss"]
    wrong = part(rows, "wrong class").iloc[-1]
    noise = part(rows, "noise")["vb_loss"]
    return (
        f"(a) With one style, all right, cloning loses {number(flat['vf_loss'], 2)} tokens at H = "
        f"{setting(flat['horizon'])} and its loss does not grow. (b) The rarer the reward, the "
        f"more verification pays ({number(ends.iloc[0], 2)} to {number(ends.iloc[-1], 2)} tokens). "
        f"(c) With the expert outside its class, cloning stays {fixed(wrong['vf_loss'], 0)} tokens "
        "behind at every n, policy gradient on the learned reward "
        f"{number(wrong['vb_loss'], 2)}. (d) Reversed labels cost verification a factor in n, "
        f"cloning nothing ({number(noise.iloc[0], 2)} to {number(noise.iloc[-1], 2)} tokens)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Both losses in each of four panels, with their bounds where there are any."""
    with style.sheet(4.9, note(rows)) as figure:
        flat, rare, outside, noisy = panels = figure.subplots(2, 2).ravel()
        series = by_series(rows, "homogeneous")
        one, other = series["homogeneous"], series["heterogeneous"]
        H = one["horizon"]
        style.side(flat, H, other, "vf", "VF, heterogeneous")
        style.side(flat, H, one, "vf", "VF, homogeneous", color=style.AMBER, marker="^")
        flat.plot(H, one["vf_upper"], "--", color=style.AMBER, label="VF upper, homogeneous (T5a)")
        style.side(flat, H, other, "vb", "VB, heterogeneous")
        style.log_axes(flat, H, "budget $H$ (tokens)", "No heterogeneity")
        colors, sharp = (style.LOW, style.MIDDLE, style.HIGH), by_series(rows, "sharp").items()
        for color, marker, (c0, found) in zip(colors, "sv*", sharp, strict=False):
            name = f"$c_0$ = {number(float(c0))}"
            style.side(rare, H, found, "vb", f"VB, {name}", color=color, marker=marker)
            rare.plot(H, found["vb_upper"], "--", color=color)
        style.side(rare, H, found, "vf", f"VF, {name}")
        style.log_axes(rare, H, "budget $H$ (tokens)", "Sharp rewards (upper bounds dashed)")
        wrong = part(rows, "wrong class")
        style.side(outside, wrong["n"], wrong, "vf", "VF: log-linear clone")
        style.side(outside, wrong["n"], wrong, "vb", "VB: natural policy gradient")
        outside.axhline(wrong["optimal_return"].iloc[0] / 2, color=style.INK, linestyle=":",
                        linewidth=1, label="theory: half the return (T12)")  # fmt: skip
        style.log_axes(outside, wrong["n"], style.TRACES, "Expert outside the class")
        noise = part(rows, "noise")
        noisy.set(xscale="log", yscale="log", ylabel="loss (tokens)", title="Noisy labels")
        x = style.noise_axis(noisy, noise["noise"])
        style.side(noisy, x, noise, "vf", "VF")
        style.side(noisy, x, noise, "vb", "VB")
        noisy.plot(x, noise["vb_upper"], "--", color=style.VB, label="VB upper (T7, T6c)")
        style.power_law(noisy, x, noise["vb_loss"].iloc[-1], 1.0, "slope 1")
        for axes in panels:
            style.headroom(axes, 0.75)
            axes.legend(loc="upper left")
    return figure
