"""Figure 22: pessimism beside best-of-N (T10n), pass@k before and after (T13a), areas (T13b)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, fixed_interval, number, setting
from antiscale.core.validate import Floats
from antiscale.figures import Progress, Record, by_series, part
from antiscale.plots import style

RECORD = Record(
    22, "Pessimism, pass@k before and after, area and regret",
    "Not in the paper. CodeT's samples of CodeGen-16B on HumanEval are public (MIT licence); the "
    "MATH500 points are quoted.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """One score, two ways to use it; a sweep; one family's areas.

    Attributes
    ----------
    correlation
        Of false positives, in the setting of figure 15.
    kappas
        Radii of the ball of pessimism, rising.
    tries
        Largest N of best-of-N on the exact score.
    experiment, samples
        The sweep whose learners' pass@k is drawn, and n.
    base, finetuned
        Public pass@k of a base model and of its finetuned version, at k = 1, 2, 4, ...
    family, horizon, kappa
        Whose areas are drawn.
    """

    correlation: float = option(check=validate.chance)
    kappas: tuple[float, ...] = option(check=validate.each, of=validate.real, above=0)
    tries: int = option(check=validate.integer, least=2)
    experiment: str = option(check=validate.name)
    samples: int = option(check=validate.integer, least=1)
    base: tuple[float, ...] = option(check=validate.each, of=validate.chance)
    finetuned: tuple[float, ...] = option(check=validate.each, of=validate.chance)
    family: str = option(check=validate.name)
    horizon: int = option(check=validate.integer, least=1)
    kappa: float = option(check=validate.real, least=0)


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "score", "codet" (x: mean tries), "pass" (x: k) and "area" (x: tokens h)."""
    parts = {"score": _score, "codet": _codet, "pass": _passes, "area": _areas}
    found = []
    for done, (panel, compute) in enumerate(parts.items(), start=1):
        found.append(pd.DataFrame(compute(config)).assign(panel=panel))
        progress(done, len(parts), panel)
    order = ["panel", "series", "kappa", "x", "y", "y_low", "y_high"]
    return pd.concat(found, ignore_index=True).reindex(columns=order)


def _score(config: Config) -> Iterator[dict[str, Any]]:
    """Figure 15's problem, scored by each trace's rate: best-of-N, its turn, and pi_s."""
    from antiscale.bounds import turning_point
    from antiscale.search import pessimism, select
    from antiscale.search.laws.correlated import fooled_rates
    from antiscale.search.over_optimisation import OverOptimisationConfig

    problem = OverOptimisationConfig(correlations=(config.correlation,), shown=())
    pmf, law = problem.verifier(config.correlation)
    for n in np.unique(np.geomspace(1, config.tries, 80).round()):
        yield {"series": "best-of-N", "x": n, "y": select(pmf, law, n)[0, 0]}
    levels = law.mass[0] * pmf[0]  # [K, L, 2]
    turn = turning_point(levels[..., 0], levels[..., 1], law.weight[0])
    yield {"series": "turning point", "x": turn, "y": select(pmf, law, max(turn, 1.0))[0, 0]}
    fresh = fooled_rates(problem.false_positive, config.correlation)[1]
    scores = np.unique([problem.true_positive, fresh, 1.0])
    seen = levels.sum(-1)  # [K, L]
    purity = np.divide(levels[..., 0], seen, out=np.zeros_like(seen), where=seen > 0)
    for kappa in config.kappas:
        played, tries = pessimism(seen / seen.sum(-1, keepdims=True), scores, kappa)
        right = (played * purity).sum(-1)
        yield {"series": "pessimism", "kappa": kappa, "x": law.weight[0] @ tries,
               "y": law.weight[0] @ right}  # fmt: skip


def _codet(config: Config) -> Iterator[dict[str, Any]]:
    """CodeT's samples by the share of the model's own tests that they pass."""
    from antiscale import presets
    from antiscale.core import intervals
    from antiscale.rollouts import search
    from antiscale.rollouts.config import DiagnoseConfig
    from antiscale.rollouts.table import load, read_table

    table, columns = presets.example("codet")
    asked = DiagnoseConfig(columns=columns)
    rollouts = load(read_table(table, asked), asked).rollouts
    ranked = search.ranks(rollouts)
    won = {n: search.best_of_n(ranked, n) for n in search.budgets(int(np.min(rollouts.counts)))}
    played = {kappa: search.pessimism(rollouts, kappa) for kappa in config.kappas}

    def point(series: str, x: float, each: Floats, **more: float) -> dict[str, Any]:
        found = intervals.mean(each, least=-1.0, most=1.0)
        return {"series": series, "x": x, "y": found.value, "y_low": found.low,
                "y_high": found.high, **more}  # fmt: skip

    for n, each in won.items():
        yield point("best-of-N", n, each)
    for kappa, (each, tries) in played.items():
        yield point("pessimism", tries.mean(), each, kappa=kappa)
    best = max(played, key=lambda kappa: played[kappa][0].mean())
    n = max(won, key=lambda n: won[n].mean())
    yield point("pessimism less best-of-N", n, played[best][0] - won[n], kappa=best)


def _passes(config: Config) -> Iterator[dict[str, Any]]:
    """pass@k of a sweep's learners at one n, and the public pair of models."""
    from antiscale import presets
    from antiscale.core.config import read_config
    from antiscale.sweeps.cell import simulate
    from antiscale.sweeps.config import SweepConfig

    sweep = SweepConfig.from_mapping(read_config(presets.find("sweeps", config.experiment)))
    row = simulate(sweep, sweep.horizon, config.samples).row
    for k in sweep.pass_at:
        for series, name in (("base policy", "base"), ("ball's optimum", "best")):
            yield {"series": series, "x": k, "y": row[f"pass_at_{k}_{name}"]}
        for side in ("vf", "vb"):
            mean, low, high = (row[f"pass_at_{k}_{side}_{end}"] for end in ("mean", "low", "high"))
            yield {"series": side, "x": k, "y": mean, "y_low": low, "y_high": high}
    for side in ("vf", "vb"):
        yield {"series": f"{side} crosses", "x": row[f"pass_crossing_{side}"]}
    for series, values in (("MATH500 base", config.base), ("MATH500 RL", config.finetuned)):
        for power, value in enumerate(values):
            yield {"series": series, "x": 2**power, "y": value}


def _areas(config: Config) -> Iterator[dict[str, Any]]:
    """P(T <= h) of the base policy, of the ball's optimum, and of the best policy for each h."""
    from antiscale.ball.optimum import chi2_ball_optimum
    from antiscale.bounds import per_budget_optimum
    from antiscale.models.families import load_family

    model = load_family(config.family, horizon=config.horizon)
    law: dict[str, Any] = {"pmf": model.pmf, "kappa": config.kappa}
    rho = model.prompt_mass
    best = chi2_ball_optimum(returns=model.returns, **law)
    written = {"base policy": model.pmf, "ball's optimum": model.pmf * best.density_ratio}
    for h in range(1, config.horizon + 1):
        solved = (model.hitting_times <= h).astype(float)
        for series, policy in written.items():
            yield {"series": series, "x": h, "y": rho @ (np.asarray(policy) * solved).sum(-1)}
        each = per_budget_optimum(returns=solved, **law)
        yield {"series": "best for each budget", "x": h, "y": rho @ each}


def _area(rows: Any, series: str) -> float:
    return float(part(rows, "area", series)["y"].sum())


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    score, codet = (by_series(rows, panel) for panel in ("score", "codet"))
    turn, last = score["turning point"].iloc[0], score["best-of-N"].iloc[-1]
    high, best = (one["pessimism"].sort_values("y").iloc[-1] for one in (score, codet))
    top, ends = codet["best-of-N"].sort_values("y").iloc[-1], codet["best-of-N"].iloc[-1]
    gap = codet["pessimism less best-of-N"].iloc[0]
    crossing = part(rows, "pass", "vf crosses")["x"].iloc[0]
    names = ("base policy", "ball's optimum", "best for each budget")
    base, reached, each = (number(part(rows, "area", name)["y"].sum()) for name in names)
    return (
        f"(a) Best-of-N peaks at {fixed(turn.y, 2)} at N = {fixed(turn.x, 1)} (T10g) and falls to "
        f"{fixed(last.y, 2)}; pessimism about the same score reaches {fixed(high.y, 2)} with "
        f"{fixed(high.x, 1)} tries, and falls in its own knob, kappa. (b) CodeT: best-of-N "
        f"{fixed(top.y, 3)} at N = {top.x:.0f}, {fixed(ends.y, 3)} at N = {ends.x:.0f}; pessimism "
        f"{fixed(best.y, 3)} at kappa = {setting(best.kappa)}, with {fixed(best.x, 1)} tries. The "
        f"best of both differ by {fixed(gap.y, 3)} {fixed_interval(gap.y_low, gap.y_high, 3)} "
        "(approximate 99%). (c) The clone beats its base policy at one try and is below it from "
        f"k = {setting(crossing)}; verification is at no k (T13a). (d) Areas in tokens: {base}, "
        f"{reached}, and {each} for a policy per budget (T13b)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Two panels of accuracy against tries, one of pass@k, one of areas."""
    with style.sheet(5.6, note(rows)) as figure:
        (score, codet), (passes, area) = figure.subplots(2, 2)
        _tries(score, by_series(rows, "score"), "One score, false positives that come back")
        _tries(codet, by_series(rows, "codet"), "CodeT's score of 164 problems")
        _curves(passes, by_series(rows, "pass"))
        _budgets(area, by_series(rows, "area"))
    return figure


def _tries(axes: Axes, series: Any, title: str) -> None:
    for name, color, marker in (("best-of-N", style.VF, "o"), ("pessimism", style.VB, "s")):
        one = series[name]
        label = name.replace("N", "$N$") if name == "best-of-N" else r"pessimism, by $\kappa$"
        axes.plot(one["x"], one["y"], "-", marker=marker, color=color, label=label,
                  markevery=1 if len(one) < 20 else 8)  # fmt: skip
    marked = series["pessimism"]
    for row in marked[marked["kappa"].isin((0.25, 1.0, 4.0, 16.0))].itertuples():
        axes.annotate(rf"{setting(row.kappa)}", (row.x, row.y), xytext=(0, 4), fontsize=6,
                      textcoords="offset points", color=style.VB, ha="center")  # fmt: skip
    if "turning point" in series:
        axes.axvline(series["turning point"]["x"].iloc[0], label="T10g", **style.HINT)
    axes.set(xscale="log", xlabel="traces per problem, on average", ylabel="P(right)", title=title)
    style.plain_ticks(axes, [1, 2, 5, 10, 20, 50, 100])
    axes.legend(loc="lower right" if "turning point" in series else "lower center")


def _curves(axes: Axes, series: Any) -> None:
    looks = (
        ("base policy", "base policy", style.GREY, "-", ""),
        ("ball's optimum", r"$\bar\pi_\kappa$", style.INK, ":", ""),
        ("vf", "clone (sft)", style.VF, "-", "o"),
        ("vb", "verified (simple)", style.VB, "-", "s"),
        ("MATH500 base", "MATH500, base", style.AMBER, "--", "."),
        ("MATH500 RL", "MATH500, RL", style.PURPLE, "--", "."),
    )  # fmt: skip
    for name, label, color, line, marker in looks:
        one = series[name]
        axes.plot(one["x"], one["y"], line, marker=marker, color=color, label=label)
        if one["y_low"].notna().all():
            axes.fill_between(one["x"], one["y_low"], one["y_high"], color=color, alpha=0.18,
                              linewidth=0)  # fmt: skip
    crossing = series["vf crosses"]["x"].iloc[0]
    axes.axvline(crossing, **style.HINT)
    axes.set(xscale="log", xlabel="tries $k$", ylabel="pass@$k$", title="Before and after",
             ylim=(0.2, 1.02))  # fmt: skip
    style.plain_ticks(axes, [1, 4, 16, 64, 256, 1024, 4096], most=7)
    axes.legend(loc="lower right", fontsize=6)


def _budgets(axes: Axes, series: Any) -> None:
    looks = {"base policy": (style.GREY, "-"), "ball's optimum": (style.VB, "-"),
             "best for each budget": (style.INK, ":")}  # fmt: skip
    for name, (color, line) in looks.items():
        one = series[name]
        label = f"{name}: {number(one['y'].sum())}"
        axes.plot(one["x"], one["y"], line, color=color, label=label)
    low, high = series["base policy"], series["ball's optimum"]
    axes.fill_between(low["x"], low["y"], high["y"], color=style.VB, alpha=0.12, linewidth=0)
    axes.set(xlabel="budget $h$ (tokens)", ylabel="P($T$ ≤ $h$)", ylim=(0, 1.02),
             title="Areas: returns in tokens")  # fmt: skip
    axes.legend(loc="lower right")
