"""Figure 11: what breaks each assumption, one panel each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, number, setting
from antiscale.figures import sweeps
from antiscale.figures.sweeps import ENDS, Progress, part
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    import pandas as pd


# How the figure differs from the paper's: for the gallery.
PAPER = "Not in the paper: simulated and exact losses where one premise fails."


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


# T12's instance: the expert writes only what is best at each prompt, the class cannot.
_INF = float("inf")
_WRONG_CLASS: dict[str, Any] = {
    "family": "explicit", "horizon": 256, "vary": "n", "kappa": 3.0, "reward_class": "explicit",
    "learner": ("loglinear", "npg"),
    "parameters": {
        "pmf": [[0.25, 0.25, 0.5]] * 2,
        "hitting_times": [[17, _INF, 18], [_INF, 17, 18]],
        "styles": [[0, 1, 2]] * 2, "lengths": [[17, 17, 18]] * 2,
    },
    "class_parameters": {
        "hitting_times": [[[17, _INF, 18], [_INF, 17, 18]], [[_INF, 17, 18], [17, _INF, 18]]],
        "mirrors": False,
    },
}  # fmt: skip


def rows(config: Config, progress: Progress | None = None) -> pd.DataFrame:
    """Panels "homogeneous", "sharp" (one series per c_0), "wrong class" and "noise"."""
    of: dict[str, Any] = {"repeats": config.repeats, "seed": config.seed}
    panels = {
        ("homogeneous", "homogeneous"): SweepConfig(
            horizon=config.horizon, family="homogeneous", **of
        ),
        ("homogeneous", "heterogeneous"): SweepConfig(horizon=config.horizon, **of),
    }
    for c0 in config.rarities:
        panels[("sharp", f"{c0:g}")] = SweepConfig(
            horizon=config.horizon, family="sharp", parameters={"c0": c0}, **of
        )
    panels[("wrong class", "wrong class")] = SweepConfig(
        **_WRONG_CLASS, samples=config.class_samples, **of
    )
    panels[("noise", "noise")] = SweepConfig(
        horizon=config.noise_horizon, vary="noise", noise=config.noise, **of
    )
    return sweeps.run(panels, progress)


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    flat = part(rows, "homogeneous", "homogeneous").iloc[-1]
    sharp = part(rows, "sharp")
    ends = sharp.groupby("series", sort=False).last()["vb_loss"]
    wrong = part(rows, "wrong class").iloc[-1]
    noise = part(rows, "noise")
    return (
        f"(a) With one style, all right, cloning loses {number(flat['vf_loss'], 2)} tokens at H = "
        f"{setting(flat['horizon'])} and its loss does not grow. (b) The rarer the reward, the "
        "more "
        f"verification pays ({number(ends.iloc[0], 2)} to {number(ends.iloc[-1], 2)} tokens). "
        "(c) With the "
        f"expert outside its class, cloning stays {fixed(wrong['vf_loss'], 0)} tokens behind at "
        "every "
        f"n, policy gradient on the learned reward {number(wrong['vb_loss'], 2)}. (d) Reversed "
        "labels "
        "cost verification a factor in n, cloning nothing "
        f"({number(noise['vb_loss'].iloc[0], 2)} to "
        f"{number(noise['vb_loss'].iloc[-1], 2)} tokens)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Both losses in each of four panels, with their bounds where there are any."""
    with style.styled():
        figure = style.canvas(4.9)
        panels = figure.subplots(2, 2).ravel()
        one = part(rows, "homogeneous", "homogeneous")
        other = part(rows, "homogeneous", "heterogeneous")
        for found, name, color, mark in (
            (other, "VF, heterogeneous", style.VF, "o"), (one, "VF, homogeneous", style.AMBER, "^")
        ):  # fmt: skip
            style.band(panels[0], found["horizon"], found["vf_loss"], found["vf_loss_low"],
                       found["vf_loss_high"], color=color, marker=mark, label=name)  # fmt: skip
        panels[0].plot(one["horizon"], one["vf_upper"], "--", color=style.AMBER,
                       label="VF upper, homogeneous (T5a)")  # fmt: skip
        style.band(
            panels[0], other["horizon"], *(other[f"vb_loss{end}"] for end in ENDS),
            color=style.VB, marker="s", label="VB, heterogeneous",
        )  # fmt: skip
        panels[0].set_title("No heterogeneity")
        sharp = part(rows, "sharp")
        colors = (style.LOW, style.MIDDLE, style.HIGH)
        for k, series in enumerate(sharp["series"].unique()):
            found = part(sharp, "sharp", series)
            color = colors[k % 3]
            style.band(panels[1], found["horizon"], found["vb_loss"], found["vb_loss_low"],
                       found["vb_loss_high"], color=color, marker="sv*"[k % 3],
                       label=f"VB, $c_0$ = {number(float(series))}")  # fmt: skip
            panels[1].plot(found["horizon"], found["vb_upper"], "--", color=color)
        style.band(panels[1], found["horizon"], found["vf_loss"], found["vf_loss_low"],
                   found["vf_loss_high"], color=style.VF, marker="o",
                   label=f"VF, $c_0$ = {number(float(series))}")  # fmt: skip
        panels[1].set_title("Sharp rewards (upper bounds dashed)")
        for axes in panels[:2]:
            axes.set(xscale="log", yscale="log", xlabel="budget $H$ (tokens)")
            style.plain_ticks(axes, one["horizon"].to_numpy(float))
        wrong = part(rows, "wrong class")
        style.band(panels[2], wrong["n"], *(wrong[f"vf_loss{end}"] for end in ENDS),
                   color=style.VF, marker="o", label="VF: log-linear clone")  # fmt: skip
        style.band(panels[2], wrong["n"], *(wrong[f"vb_loss{end}"] for end in ENDS),
                   color=style.VB, marker="s", label="VB: natural policy gradient")  # fmt: skip
        best = wrong["optimal_return"].iloc[0]
        panels[2].axhline(best / 2, color=style.INK, linestyle=":", linewidth=1,
                          label="theory: half the return (T12)")  # fmt: skip
        panels[2].set(xscale="log", yscale="log", xlabel="traces $n$ per side")
        style.plain_ticks(panels[2], wrong["n"].to_numpy(float))
        panels[2].set_title("Expert outside the class")
        noise = part(rows, "noise")
        eta = noise["noise"].to_numpy(float)
        worth = 1 / (np.sqrt(1 - eta) - np.sqrt(eta)) ** 2
        for side, color, mark in (("vf", style.VF, "o"), ("vb", style.VB, "s")):
            style.band(panels[3], worth, noise[f"{side}_loss"], noise[f"{side}_loss_low"],
                       noise[f"{side}_loss_high"], color=color, marker=mark,
                       label=f"{side.upper()}")  # fmt: skip
        panels[3].plot(worth, noise["vb_upper"], "--", color=style.VB, label="VB upper (T7, T6c)")
        panels[3].plot(worth, noise["vb_loss"].iloc[-1] * worth / worth[-1], "-.",
                       color=style.INK, linewidth=0.8, label="slope 1")  # fmt: skip
        panels[3].set(xscale="log", yscale="log")
        panels[3].set_xlabel(r"reversed labels: $\eta$, at $1/(\sqrt{1-\eta}-\sqrt{\eta})^2$")
        panels[3].set_xticks(worth, [f"{number(value, 2)}" for value in eta])
        panels[3].xaxis.minorticks_off()
        panels[3].set_title("Noisy labels")
        for axes in panels:
            low, high = axes.get_ylim()
            axes.set_ylim(low, high * (high / low) ** 0.75)
            axes.set_ylabel("loss (tokens)")
            axes.legend(loc="upper left")
        style.letter(panels)
        style.add_note(figure, note(rows))
    return figure
