"""Figure 4: the planted subsequence, loss against n, H and heterogeneity (T11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.numbers import fixed, number, setting
from antiscale.core.validate import shown
from antiscale.figures import sweeps
from antiscale.figures.sweeps import Progress, part
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    import pandas as pd


# How the figure differs from the paper's: for the gallery.
PAPER = (
    "The paper trains networks on its planted-subsequence problem. Here the problem is "
    "rebuilt with an exact law (T11) and tabular learners; a place for curves of trained "
    "networks is left open."
)


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Mixtures of three skills: quick, middle, slow, by their mean hitting time over H.

    Attributes
    ----------
    horizons
        The H at which n varies; the largest is where heterogeneity does, and H's own largest.
    paces
        Mean hitting times over H of the quick, middle and slow skill.
    spread_paces
        The same where heterogeneity varies: a middle skill as narrow as it can be beside a quick
        and a hopeless one, so that sigma varies much.
    spreads
        Weight of quick and slow together, each in [0, 1]; they share it so that the mean return
        is the middle skill's.
    samples_per_token
        n = this times H where n does not vary.
    repeats, seed
        Of every sweep.
    """

    horizons: tuple[int, ...]
    paces: tuple[float, float, float]
    spread_paces: tuple[float, float, float]
    spreads: tuple[float, ...] = option(check=validate.each, of=validate.chance)
    samples_per_token: float
    repeats: int
    seed: int

    def agree(self) -> None:
        """Refuse paces that do not rise."""
        for name in ("paces", "spread_paces"):
            paces = getattr(self, name)
            if len(paces) != 3 or not paces[0] < paces[1] < paces[2]:
                raise InputError(f"{name} must rise: quick, middle, slow; got {shown(paces)}")


def weights(paces: tuple[float, ...], spread: float, horizon: int) -> tuple[float, ...]:
    """Weights of the three skills with mean return that of the middle one alone."""
    from antiscale.models.families import load_family
    from antiscale.models.measures import mean_return

    quick, middle, slow = (
        float(np.mean(np.asarray(mean_return(model.pmf, model.returns))))
        for model in (
            load_family("planted", horizon=horizon, paces=(pace,), weights=(1.0,)) for pace in paces
        )
    )
    share = (middle - slow) / (quick - slow)
    return spread * share, 1.0 - spread, spread * (1.0 - share)


def rows(config: Config, progress: Progress | None = None) -> pd.DataFrame:
    """Panels "n" (one series per H), "H", and "spread" (n at one place)."""
    top = max(config.horizons)

    def sweep(**options: Any) -> SweepConfig:
        spread = options.pop("spread", None)
        paces = config.paces if spread is None else config.spread_paces
        spread = max(config.spreads) if spread is None else spread
        parameters = {"paces": paces, "weights": weights(paces, spread, options["horizon"])}
        return SweepConfig(
            family="planted", samples_per_token=config.samples_per_token, repeats=config.repeats,
            seed=config.seed, exact=False, parameters=parameters, **options,
        )  # fmt: skip

    panels = {("n", f"{h}"): sweep(horizon=h, vary="n") for h in config.horizons}
    panels[("H", "H")] = sweep(horizon=top)
    n = round(config.samples_per_token * top)
    # At one place: H is the largest, and n grows to the n that is kept. The base policy is cloned,
    # whose sigma is the one that varies; the ball's best policy may have less where sigma is more.
    for spread in config.spreads:
        panels[("spread", f"{spread:g}")] = sweep(
            horizon=top, vary="n", spread=spread, expert="base"
        )
    found = sweeps.run(panels, progress)
    keep = (found["panel"] != "spread") | (found["n"] == n)
    return found[keep].reset_index(drop=True)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    spread = part(rows, "spread")
    first, last = spread.iloc[0], spread.iloc[-1]
    loses = float(rows["vb_loss"].max())
    shown = "nothing" if loses < 1e-9 else f"at most {number(loses, 2)} tokens"
    return (
        "A word is planted in a vocabulary and policies differ in how well they write it; the "
        "skill is announced. Cloning's loss falls as n^-0.5, grows as H^0.5 along n = "
        f"{setting(part(rows, 'H')['n'].iloc[-1] / part(rows, 'H')['horizon'].iloc[-1])} H, and in "
        f"proportion to sigma ({fixed(first['vf_loss'], 2)} to {fixed(last['vf_loss'], 2)} tokens "
        "for a clone of the base policy as sigma goes from "
        f"{fixed(first['sigma'] / first['horizon'], 2)} H to "
        f"{fixed(last['sigma'] / last['horizon'], 2)} H at one mean return); one "
        "verified trace tells the reward from its mirror, so verification "
        f"loses {shown}."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Cloning's loss in three panels, with T4 and T5 around it."""
    colors, marks = (style.LOW, style.MIDDLE, style.HIGH), "o^D"
    with style.styled():
        figure = style.canvas(3.0)
        panels = figure.subplots(1, 3)
        along_n = part(rows, "n")
        for k, series in enumerate(along_n["series"].unique()):
            one = part(along_n, "n", series)
            style.band(panels[0], one["n"], one["vf_loss"], one["vf_loss_low"], one["vf_loss_high"],
                       color=colors[k % 3], marker=marks[k % 3], label=f"H = {series}")  # fmt: skip
            panels[0].plot(one["n"], one["vf_lower"], ":", color=colors[k % 3])
            panels[0].plot(one["n"], one["vf_upper"], "--", color=colors[k % 3])
        panels[0].set(xscale="log", yscale="log", xlabel="traces $n$", ylabel="loss (tokens)")
        panels[0].set_title("Along n")
        panels[0].legend(loc="lower left", title="VF; T5a dashed, T4 dotted", title_fontsize=6.5)
        low, high = panels[0].get_ylim()
        panels[0].set_ylim(low / (high / low) ** 0.35, high)
        along_h = part(rows, "H")
        for axes, found, x in (
            (panels[1], along_h, along_h["horizon"]),
            (panels[2], part(rows, "spread"), part(rows, "spread")["sigma"]),
        ):
            style.band(axes, x, found["vf_loss"], found["vf_loss_low"], found["vf_loss_high"],
                       color=style.VF, marker="o", label="VF: cloning, ~99%")  # fmt: skip
            axes.plot(x, found["vf_upper"], "--", color=style.VF, label="VF upper (T5a)")
            axes.plot(x, found["vf_lower"], ":", color=style.VF, label="VF lower (T4)")
        x = along_h["horizon"].to_numpy(float)
        panels[1].plot(x, 0.6 * along_h["vf_loss"].iloc[-1] * (x / x[-1]) ** 0.5, "-.",
                       color=style.INK, linewidth=0.8, label="slope 0.5")  # fmt: skip
        panels[1].set(xscale="log", yscale="log", xlabel="budget $H$ (tokens)")
        style.plain_ticks(panels[1], x, most=5)
        panels[1].set_title("Along H")
        panels[1].legend(loc="upper left")
        low, high = panels[1].get_ylim()
        panels[1].set_ylim(low, high * (high / low) ** 0.45)
        sigma = part(rows, "spread")["sigma"].to_numpy(float)
        panels[2].set(
            xlabel=r"heterogeneity $\sigma$ (tokens)", xlim=(0.9 * sigma.min(), 1.05 * sigma.max())
        )
        high = float(part(rows, "spread")["vf_upper"].max())
        panels[2].set_ylim(0, 1.5 * high)
        panels[2].set_title(r"Along $\sigma$, J fixed, clone of $\pi_b$")
        panels[2].legend(loc="upper left")
        style.letter(panels)
        style.add_note(figure, note(rows))
    return figure
