"""Figure 3: an anti-concentrated return and a sharp one, the ball's optimum, the Erdős window."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, number, percent
from antiscale.figures import Progress, Record, part
from antiscale.plots import style

RECORD = Record(
    3, "Anti-concentrated and sharp returns, and the ball's optimum",
    "The paper contrasts sharp and anti-concentrated rewards; the two laws, the ball's "
    "optimum (T2) and the window (T3c) are ours, and exact.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Two laws of the return at one horizon.

    Attributes
    ----------
    horizon
        H in tokens.
    kappa
        Radius of the ball.
    steps
        Of the family `erdos`: reasoning steps, each short or long by a fair bit.
    c0
        Of the family `sharp`: the mass of the rewarded event.
    """

    horizon: int = option(check=validate.integer, least=16, most=2**24)
    kappa: float = option(check=validate.real, least=0)
    steps: int
    c0: float


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Each law's atoms with the optimum's mass on them, and its measures repeated in each row."""
    from antiscale.ball.optimum import chi2_ball_optimum
    from antiscale.bounds import cantelli, window_mass
    from antiscale.models.families import load_family
    from antiscale.models.measures import anticoncentration, heterogeneity, mean_return, sharpness

    laws: dict[str, dict[str, Any]] = {
        "erdos": {"steps": config.steps, "prompts": 1},
        "sharp": {"c0": config.c0},
    }
    found: list[dict[str, Any]] = []
    for done, (name, parameters) in enumerate(laws.items()):
        model = load_family(name, horizon=config.horizon, **parameters)
        pmf, returns = np.asarray(model.pmf[0]), np.asarray(model.returns[0], dtype=float)
        best = chi2_ball_optimum(pmf, returns, config.kappa)
        mean, sigma = float(mean_return(pmf, returns)), float(heterogeneity(pmf, returns))
        values, group = np.unique(returns, return_inverse=True)
        base = np.bincount(group, weights=pmf)
        optimal = np.bincount(group, weights=pmf * np.asarray(best.density_ratio))
        # A window as wide as one step's difference between long and short.
        width = float(np.diff(values).min()) if name == "erdos" else 1.0
        widest = float(sharpness(pmf, returns, width))
        ends = np.searchsorted(values, values + width, side="left")
        sums = np.concatenate([[0.0], np.cumsum(base)])
        start = int(np.argmax(sums[ends] - sums[:-1]))
        facts = {
            "horizon": config.horizon, "kappa": config.kappa, "mean": mean, "sigma": sigma,
            "level": mean + sigma * config.kappa**0.5,
            "tail": float(anticoncentration(pmf, returns, config.kappa, horizon=config.horizon)),
            "cantelli": float(cantelli(config.kappa)), "value": float(best.value),
            "max_ratio": float(np.max(np.asarray(best.density_ratio)[pmf > 0])),
            "width": width, "window": widest, "window_start": values[start],
            "window_bound": float(window_mass(config.steps)) if name == "erdos" else np.nan,
        }  # fmt: skip
        found += [
            {"panel": name, "series": name, "return": r, "base": b, "optimal": o, **facts}
            for r, b, o in zip(values, base, optimal, strict=True)
        ]
        progress(done + 1, len(laws), name)
    return pd.DataFrame(found)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    one, other = (part(rows, name).iloc[0] for name in ("erdos", "sharp"))
    return (
        f"Both returns are spread out, but beyond J + sigma sqrt(kappa) lies "
        f"{percent(one['tail'])} of the left one and {percent(other['tail'], 1)} of the right one: "
        "there the ball's best policy must raise rare traces "
        f"{fixed(other['max_ratio'], 1)} times (left: {fixed(one['max_ratio'], 1)}), and pays for "
        "verifying them. On the left no window of one step holds more than "
        f"{percent(one['window_bound'], toward='up')} (Erdős)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """The two laws side by side."""
    titles = {"erdos": "Many steps: anti-concentrated", "sharp": "A rare event: sharp"}
    with style.sheet(3.1, note(rows)) as figure:
        panels = figure.subplots(1, 2)
        for axes, (name, title) in zip(panels, titles.items(), strict=True):
            law = part(rows, name)
            facts, r = law.iloc[0], law["return"].to_numpy(float)
            base, optimal = law["base"].to_numpy(float), law["optimal"].to_numpy(float)
            width = max(0.8 * min(np.diff(r).min(), facts["horizon"] / 12), facts["horizon"] / 40)
            log = bool(base.min() < 0.02 * base.max() and len(r) < 4)
            high = max(base.max(), optimal.max()) * (1.6 if log else 1.08)
            if facts["window_bound"] == facts["window_bound"]:
                edge = facts["window_start"] - facts["width"] / 2
                window = [edge, edge + facts["width"]]
                axes.fill_between(window, 0, high, color=style.AMBER, alpha=0.25, linewidth=0,
                                  label="Erdős window: one step wide")  # fmt: skip
            axes.bar(r, base, width, color=style.SKY, label=r"base policy $\pi_b$", linewidth=0)
            beyond = r >= facts["level"] - 1e-9 * facts["horizon"]
            axes.bar(r[beyond], base[beyond], width, color=style.VB, linewidth=0,
                     label=r"$R \geq J+\sigma\sqrt{\kappa}$: mass $c(\kappa)$")  # fmt: skip
            axes.hlines(optimal, r - width / 2, r + width / 2, color=style.VF, linewidth=1.6,
                        label=r"ball's optimum $\bar\pi_\kappa$")  # fmt: skip
            for x, text, align, shift in (
                (facts["mean"], "$J$", "right", -2),
                (facts["level"], r"$J+\sigma\sqrt{\kappa}$", "left", 2),
            ):
                axes.vlines(x, 0, high, **style.HINT)
                axes.annotate(text, (x, high), xytext=(shift, 0), textcoords="offset points",
                              ha=align, va="bottom", fontsize=6.5)  # fmt: skip
            axes.set(xlabel="return $R$ (tokens)", ylabel="probability",
                     yscale="log" if log else "linear",
                     ylim=(base.min() / 3, high * 2) if log else (0, 1.15 * high),
                     title=rf"{title}, $c(\kappa)$ = {number(facts['tail'])}")  # fmt: skip
        style.legend_above(figure, panels[0])
    return figure
