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
        ("wrong class", "wrong class"): SweepConfig.from_mapping(
            wrong | of | {"samples": config.class_samples}
        ),
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
        style.side(flat, other["horizon"], other, "vf", "VF, heterogeneous")
        style.side(flat, one["horizon"], one, "vf", "VF, homogeneous", color=style.AMBER,
                   marker="^")  # fmt: skip
        flat.plot(one["horizon"], one["vf_upper"], "--", color=style.AMBER,
                  label="VF upper, homogeneous (T5a)")  # fmt: skip
        style.side(flat, other["horizon"], other, "vb", "VB, heterogeneous")
        flat.set_title("No heterogeneity")
        looks = zip((style.LOW, style.MIDDLE, style.HIGH), "sv*", strict=True)
        for (c0, found), (color, marker) in zip(
            by_series(rows, "sharp").items(), looks, strict=False
        ):
            name = f"$c_0$ = {number(float(c0))}"
            style.side(rare, found["horizon"], found, "vb", f"VB, {name}", color=color,
                       marker=marker)  # fmt: skip
            rare.plot(found["horizon"], found["vb_upper"], "--", color=color)
        style.side(rare, found["horizon"], found, "vf", f"VF, {name}")
        rare.set_title("Sharp rewards (upper bounds dashed)")
        for axes in (flat, rare):
            style.log_axes(axes, one["horizon"], "budget $H$ (tokens)")
        wrong = part(rows, "wrong class")
        style.side(outside, wrong["n"], wrong, "vf", "VF: log-linear clone")
        style.side(outside, wrong["n"], wrong, "vb", "VB: natural policy gradient")
        outside.axhline(wrong["optimal_return"].iloc[0] / 2, color=style.INK, linestyle=":",
                        linewidth=1, label="theory: half the return (T12)")  # fmt: skip
        style.log_axes(outside, wrong["n"], style.TRACES)
        outside.set_title("Expert outside the class")
        noise = part(rows, "noise")
        noisy.set(xscale="log", yscale="log", ylabel="loss (tokens)")
        x = style.noise_axis(noisy, noise["noise"])
        style.side(noisy, x, noise, "vf", "VF")
        style.side(noisy, x, noise, "vb", "VB")
        noisy.plot(x, noise["vb_upper"], "--", color=style.VB, label="VB upper (T7, T6c)")
        style.power_law(noisy, x, noise["vb_loss"].iloc[-1], 1.0, "slope 1")
        noisy.set_title("Noisy labels")
        for axes in panels:
            style.headroom(axes, 0.75)
            axes.legend(loc="upper left")
    return figure
