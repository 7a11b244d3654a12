"""Figure 7: heterogeneity over problems, of a real model and of families."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, percent, setting
from antiscale.figures import Progress, Record, by_series, part
from antiscale.figures.build import rows_of
from antiscale.plots import style

# The families, and how many problems each is asked for.
_FAMILIES = {"difficulty": 256, "heterogeneous": 8, "lognormal": 4, "erdos": 4}

RECORD = Record(
    7, "Heterogeneity over problems, real and simulated",
    "The paper measures heterogeneity of language models on MATH. Here the real problems are "
    "HumanEval's, with the samples of CodeGen-16B that CodeT published (MIT licence); the "
    "families are exact.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Families at one horizon beside the stored rows of a real model.

    Attributes
    ----------
    horizon
        H of the families.
    eps
        Levels at which c_x is taken.
    """

    horizon: int = option(check=validate.integer, least=16, most=2**20)
    eps: tuple[float, ...] = option(check=validate.each, of=validate.real, least=0)


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """One row per source and problem: `sigma` (over H), its interval if estimated, and `c_<eps>`.

    Real problems at every stored horizon, and (panel "mean") the mean of c over those with spread,
    with its interval; c is missing where there is no spread.
    """
    from antiscale.models.families import load_family
    from antiscale.models.measures import anticoncentration, heterogeneity

    stored = rows_of("diagnose")
    real, means = (stored[f"rollouts_codet_{name}.csv"] for name in ("problems", "horizons"))
    found = []
    for horizon, at in real.groupby("horizon", sort=True):
        found.append(pd.DataFrame({
            "panel": "real", "series": f"H = {horizon}", "horizon": horizon,
            **{name: at[name] / at["horizon"] for name in ("sigma", "sigma_low", "sigma_high")},
            **{f"c_{eps:g}": at[f"c_{eps:g}"] for eps in config.eps if f"c_{eps:g}" in at},
        }))  # fmt: skip
    ends = {
        f"c_{end}{eps:g}": means[f"c_eps_{end}{eps:g}"]
        for eps in config.eps if f"c_eps_{eps:g}" in means for end in ("", "low_", "high_")
    }  # fmt: skip
    found.append(pd.DataFrame({
        "panel": "mean", "series": [f"H = {h}" for h in means["horizon"]],
        "horizon": means["horizon"], **ends,
    }))  # fmt: skip
    for done, (name, prompts) in enumerate(_FAMILIES.items()):
        model = load_family(name, horizon=config.horizon, prompts=prompts)
        sigma = np.asarray(heterogeneity(model.pmf, model.returns))
        tails = pd.DataFrame({
            f"c_{eps:g}": anticoncentration(model.pmf, model.returns, eps, horizon=config.horizon)
            for eps in config.eps
        })  # fmt: skip
        tails[sigma == 0] = np.nan
        found.append(tails.assign(panel="family", series=name, horizon=config.horizon,
                                  sigma=sigma / config.horizon))  # fmt: skip
        progress(done + 1, len(_FAMILIES), name)
    return pd.concat(found, ignore_index=True)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    first, *_, last = by_series(rows, "real").values()
    flat = float((last["sigma"] == 0).mean())
    return (
        f"Of {len(last)} HumanEval problems at H = {setting(last['horizon'].iloc[0])}, "
        f"{percent(flat)} show no spread in 100 samples; the median sigma/H is "
        f"{fixed(last['sigma'].median(), 2)}, and the more the larger the budget "
        f"({fixed(first['sigma'].median(), 2)} at H = {setting(first['horizon'].iloc[0])}). The "
        "families cover that range; 0.5 is the most that a return in [0, H] can spread."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Share of problems with at most so much sigma/H, real ones left, families right."""
    with style.sheet(3.0, note(rows)) as figure:
        panels = figure.subplots(1, 2)
        for axes, (panel, title) in zip(panels, TITLES.items(), strict=True):
            found = part(rows, panel)
            each = zip(LOOKS, by_series(rows, panel).items(), strict=False)
            for (color, line), (series, one) in each:
                sigma = np.sort(one["sigma"].to_numpy(float))
                share = np.arange(1, len(sigma) + 1) / len(sigma)
                axes.step(np.append(0, sigma), np.append(0, share), line, where="post",
                          color=color, label=series)  # fmt: skip
            if found["sigma_low"].notna().all():
                ends = (np.sort(one[name]) for name in ("sigma_low", "sigma_high"))
                axes.fill_betweenx(share, *ends, color=color, alpha=0.12, linewidth=0, step="post",
                                   label=f"intervals, {series} (95%)")  # fmt: skip
            axes.axvline(0.5, label="most possible", **style.HINT)
            axes.set(
                xlim=(0, 0.52), xlabel=r"$\sigma_x/H$", ylabel="share of problems", title=title
            )
            style.shares(axes, 1.55)
            style.note_legend(axes)
    return figure


TITLES = {"real": "HumanEval, CodeGen-16B", "family": "Families"}
LOOKS = ((style.LOW, "-"), (style.MIDDLE, "--"), (style.HIGH, "-."), (style.VF, ":"))
