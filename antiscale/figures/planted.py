"""Figure 4: the planted subsequence, loss against n, H and heterogeneity (T11)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.numbers import fixed, number, setting
from antiscale.core.validate import shown
from antiscale.figures import Progress, Record, by_series, part, sweeps
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

RECORD = Record(
    4, "The planted subsequence: loss against n, H and heterogeneity",
    "The paper trains networks on its planted-subsequence problem. Here the problem is "
    "rebuilt with an exact law (T11) and tabular learners; figure 20 trains networks.",
)  # fmt: skip


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

    models = [
        load_family("planted", horizon=horizon, paces=(pace,), weights=(1.0,)) for pace in paces
    ]
    quick, middle, slow = (float(np.mean(mean_return(each.pmf, each.returns))) for each in models)
    share = (middle - slow) / (quick - slow)
    return spread * share, 1.0 - spread, spread * (1.0 - share)


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "n" (one series per H), "H", and "spread" (n at one place)."""
    top = max(config.horizons)

    def sweep(horizon: int, paces: tuple[float, ...], spread: float, **options: Any) -> SweepConfig:
        parameters = {"paces": paces, "weights": weights(paces, spread, horizon)}
        return SweepConfig(
            family="planted", samples_per_token=config.samples_per_token, repeats=config.repeats,
            seed=config.seed, exact=False, horizon=horizon, parameters=parameters, **options,
        )  # fmt: skip

    usual = (config.paces, max(config.spreads))
    panels = {("n", f"{h}"): sweep(h, *usual, vary="n") for h in config.horizons}
    panels[("H", "H")] = sweep(top, *usual)
    # At one place: H is the largest, and n grows to the n that is kept. The base policy is cloned,
    # whose sigma is the one that varies; the ball's best policy may have less where sigma is more.
    for spread in config.spreads:
        here = sweep(top, config.spread_paces, spread, vary="n", expert="base")
        panels[("spread", f"{spread:g}")] = here
    found = sweeps.run(panels, progress)
    keep = (found["panel"] != "spread") | (found["n"] == round(config.samples_per_token * top))
    return found[keep].reset_index(drop=True)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    first, last = (part(rows, "spread").iloc[k] for k in (0, -1))
    place = part(rows, "H").iloc[-1]
    most = float(rows["vb_loss"].max())
    loses = "nothing" if most < 1e-9 else f"at most {number(most, 2)} tokens"
    return (
        "A word is planted in a vocabulary and policies differ in how well they write it; the "
        "skill is announced. Cloning's loss falls as n^-0.5, grows as H^0.5 along n = "
        f"{setting(place['n'] / place['horizon'])} H, and in proportion to sigma "
        f"({fixed(first['vf_loss'], 2)} to {fixed(last['vf_loss'], 2)} tokens for a clone of the "
        f"base policy as sigma goes from {fixed(first['sigma'] / first['horizon'], 2)} H to "
        f"{fixed(last['sigma'] / last['horizon'], 2)} H at one mean return); one verified trace "
        f"tells the reward from its mirror, so verification loses {loses}."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Cloning's loss in three panels, with T4f and T5 around it."""
    with style.sheet(3.0, note(rows)) as figure:
        left, middle, right = figure.subplots(1, 3)
        colors, series_of = (style.LOW, style.MIDDLE, style.HIGH), by_series(rows, "n").items()
        for color, marker, (series, one) in zip(colors, "o^D", series_of, strict=False):
            style.side(left, one["n"], one, "vf", f"H = {series}", color=color, marker=marker)
            left.plot(one["n"], one["vf_lower_local"], ":", color=color)
            left.plot(one["n"], one["vf_upper"], "--", color=color)
        left.set(xscale="log", yscale="log", xlabel="traces $n$", ylabel="loss (tokens)",
                 title="Along n")  # fmt: skip
        left.legend(loc="lower left", title="VF; T5a dashed, T4f dotted", title_fontsize=6.5)
        style.headroom(left, -0.45)
        along, spread = part(rows, "H"), part(rows, "spread")
        sigma = spread["sigma"].to_numpy(float)
        for axes, found, x in ((middle, along, along["horizon"]), (right, spread, sigma)):
            style.side(axes, x, found, "vf", "VF: cloning, ~99%")
            axes.plot(x, found["vf_upper"], "--", color=style.VF, label="VF upper (T5a)")
            axes.plot(x, found["vf_lower_local"], ":", color=style.VF, label="VF lower (T4f)")
        last = 0.6 * along["vf_loss"].iloc[-1]
        style.power_law(middle, along["horizon"], last, 0.5, "slope 0.5")
        style.log_axes(middle, along["horizon"], "budget $H$ (tokens)", "Along H", "")
        style.headroom(middle, 0.45)
        right.set(xlim=(0.9 * sigma.min(), 1.05 * sigma.max()))
        right.set(ylim=(0, 1.5 * spread["vf_upper"].max()))
        right.set(xlabel=r"heterogeneity $\sigma$ (tokens)",
                  title=r"Along $\sigma$, J fixed, clone of $\pi_b$")  # fmt: skip
        for axes in (middle, right):
            axes.legend(loc="upper left")
    return figure
