"""Figure 21: the limits of verification, of weighted samples, of search on a clone (T5, T7d, T8c).

Panels "noise", "class", "coverage" and "search" are exact sums, "weighted" and "policies" means
over replicates.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale import presets
from antiscale.core import validate
from antiscale.core.config import FromMapping, option, read_config
from antiscale.core.numbers import fixed, number, setting, tick
from antiscale.core.validate import Floats
from antiscale.figures import Progress, Record, by_series, part, sweeps
from antiscale.plots import style

RECORD = Record(
    21, "Limits: weighted samples, wrong classes, noisy labels, search on a clone",
    "Not in the paper: what labels on one's own samples are worth, what verification pays where "
    "its class is wrong or its labels are noisy, and where search on a clone suffices.",
)  # fmt: skip


def _numbers(**limits: Any) -> Any:
    return option(check=validate.each, of=validate.real, **limits)


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """One instance per panel.

    Attributes
    ----------
    kappa
        Radius of the ball in all panels but the first, which is the sweep "weighted".
    samples, repeats
        Largest n and replicates of that sweep.
    horizon
        H of the instances with a wrong class and noisy labels, in tokens.
    light_masses
        Masses of the type on which the only member of the class is wrong.
    noises, noise_samples
        Probabilities of a reversed label, and n there.
    types, fold, clone_samples
        Sizes of even experts, N of Cov_N, and n.
    alpha, beta, prompts
        Beta law of success over the prompts of which a clone is searched.
    search_samples, tries
        Its n, and numbers of tries.
    rewards, policies, choices, choice_types
        K, |Pi|, n and the number of types where policies are chosen by value.
    choice_repeats, seed
        Instances of that panel.
    """

    kappa: float = option(check=validate.real, above=0)
    samples: int
    repeats: int = option(check=validate.integer, least=2)
    horizon: float = option(check=validate.real, above=0)
    light_masses: tuple[float, ...] = _numbers(above=0, below=1)
    noises: tuple[float, ...] = _numbers(least=0, below=0.5)
    noise_samples: int = option(check=validate.integer, least=2)
    types: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    fold: float = option(check=validate.real, least=1)
    clone_samples: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    alpha: float = option(check=validate.real, above=0)
    beta: float = option(check=validate.real, above=0)
    prompts: int
    search_samples: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    tries: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    rewards: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=2)
    policies: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=2)
    choices: int = option(check=validate.integer, least=1)
    choice_types: int = option(check=validate.integer, least=2)
    choice_repeats: int = option(check=validate.integer, least=2)
    seed: int


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Six panels, "weighted" to "policies": what is drawn, by panel, series and x."""
    panels: Mapping[str, Any] = {
        "weighted": _weighted, "class": _wrong_class, "noise": _noise, "coverage": _coverage,
        "search": _search, "policies": _policies,
    }  # fmt: skip
    frames = []
    for done, (name, make) in enumerate(panels.items()):
        frames.append(pd.DataFrame(make(config)).assign(panel=name))
        progress(done + 1, len(panels), name)
    found = pd.concat(frames, ignore_index=True)
    first = ["panel", "series", "x", "value"]
    return found[[*first, *(column for column in found.columns if column not in first)]]


def _weighted(config: Config) -> pd.DataFrame:
    """The sweep "weighted" along n, with the pessimist beside it, and T5d, T7."""
    from antiscale import bounds
    from antiscale.sweeps.config import SweepConfig
    from antiscale.sweeps.plan import Plan

    given = read_config(presets.find("sweeps", "weighted"))
    one, other = (
        SweepConfig.of(given, learner=("sft", learner), samples=config.samples,
                       repeats=config.repeats, seed=config.seed)
        for learner in ("weighted", "simple")
    )  # fmt: skip
    ran = sweeps.run({("", "weighted"): one, ("", "simple"): other}, lambda *_: None)
    both = by_series(ran, "")
    model, _ = Plan.of(one).model_at(one.horizon)
    found = []
    for row in both["weighted"].itertuples():
        each = bounds.weighted_lower(
            model.pmf, model.returns, row.n, prompt_mass=model.prompt_mass, kappa=one.kappa
        )
        found.append({"series": "T5d", "x": row.n, "value": float(model.prompt_mass @ each)})
        found.append({"series": "sft", "x": row.n, "value": row.vf_loss,
                      "value_low": row.vf_loss_low, "value_high": row.vf_loss_high})  # fmt: skip
    for name, frame in both.items():
        found += [
            {"series": name, "x": row.n, "value": row.vb_loss, "value_low": row.vb_loss_low,
             "value_high": row.vb_loss_high}
            for row in frame.itertuples()
        ]  # fmt: skip
    found += [
        {"series": "T7", "x": row.n, "value": row.vb_upper} for row in both["simple"].itertuples()
    ]
    return pd.DataFrame(found).assign(horizon=one.horizon)


def _wrong_class(config: Config) -> list[dict[str, Any]]:
    """One member that says H on a light type which is worth nothing, beside a type worth H/2."""
    from antiscale import bounds
    from antiscale.ball.optimum import chi2_ball_optimum

    H, found = config.horizon, []
    for light in config.light_masses:
        pmf, member, truth = (np.array(z) for z in ([light, 1 - light], [H, H / 2], [0.0, H / 2]))
        played = pmf * np.asarray(chi2_ball_optimum(pmf, member, config.kappa).density_ratio)
        best = chi2_ball_optimum(pmf, truth, config.kappa)
        bias, ratio = light * H, float(np.max(best.density_ratio))
        bound = bounds.vb_upper_wrong_class(
            H, bias, 10**9, 0.0, 0.05, config.kappa, max_ratio=ratio
        )
        values = {"loss": float(best.value - played @ truth), "W b": ratio * bias,
                  "T7d": float(bound)}  # fmt: skip
        found += [{"series": name, "x": bias, "value": value} for name, value in values.items()]
    return found


def _noise(config: Config) -> list[dict[str, Any]]:
    """T8c's instance with one light type, exactly, and T8a's own mass beside it."""
    from antiscale import bounds
    from antiscale.certify import pessimist

    n, H, kappa = config.noise_samples, config.horizon, config.kappa
    found = []
    for eta in config.noises:
        c = (np.sqrt(1 - eta) - np.sqrt(eta)) ** 2
        place: dict[str, Any] = {"d": 1, "n": n, "kappa": kappa, "eta": eta, "high": H}
        error = bounds.noisy_unseen_mass(style_mass=[0.5 / (c * n)], n=n, noise=eta, tolerance=0)
        values = {
            "best learner": pessimist.noisy_light_regret(0.5, **place),
            "mass 1/n": pessimist.noisy_light_regret(c, **place),
            "T8c": float(bounds.vb_lower_noisy(H, n, 1, kappa, eta)),
            "T7b": H * (1 + np.sqrt(kappa)) * float(error),
        }  # fmt: skip
        found += [
            {"series": name, "x": eta, "value": value, "n": n} for name, value in values.items()
        ]
    return found


def _coverage(config: Config) -> list[dict[str, Any]]:
    """E Cov_N of clones of even experts, and T5f."""
    from antiscale import bounds
    from antiscale.risks.exact import clone_coverage

    found = []
    for size, n in itertools.product(config.types, config.clone_samples):
        expert = np.full(size, 1.0 / size)
        found.append({
            "series": f"{size}", "x": n, "value": clone_coverage(expert, n, config.fold),
            "bound": float(bounds.clone_coverage_upper(expert, n, config.fold)),
        })  # fmt: skip
    return found


def _search(config: Config) -> list[dict[str, Any]]:
    """Search with a checker on clone, finetuned policy, base policy and expert, at equal n."""
    from antiscale.ball.optimum import chi2_ball_optimum
    from antiscale.models.families import load_family
    from antiscale.rewards import load_class
    from antiscale.risks.exact import search_on_clone
    from antiscale.search.learned import lessons

    model = load_family("difficulty", horizon=256, alpha=config.alpha, beta=config.beta,
                        prompts=config.prompts)  # fmt: skip
    tries, rho = np.array(config.tries, dtype=float), model.prompt_mass
    solved = (model.returns > 0) & (model.pmf > 0)
    best = chi2_ball_optimum(model.pmf, model.returns, config.kappa).density_ratio
    expert, base = ((z * solved).sum(-1) for z in (model.pmf * np.asarray(best), model.pmf))

    def searched(chance: Floats) -> Floats:
        found: Floats = 1.0 - (1.0 - np.minimum(chance, 1.0)[..., None]) ** tries
        return found

    found = []
    for n in config.search_samples:
        taught = lessons(model, load_class("styles", model), n, config.kappa)
        finetuned = searched((taught.policy * solved[:, None]).sum(-1))
        curves = {
            "expert": searched(expert), "base": searched(base),
            "clone": search_on_clone(expert, base, n, rho, tries),
            "finetuned": np.einsum("mk,mkt->mt", taught.chance, finetuned),
        }  # fmt: skip
        for name, each in curves.items():
            found += [
                {"series": name, "x": m, "value": float(z), "n": n}
                for m, z in zip(config.tries, rho @ each, strict=True)
            ]
    return found


def _policies(config: Config) -> list[dict[str, Any]]:
    """Regret, in shares of H, of a choice by consistent reward and of one by estimated value."""
    from antiscale.ball.optimum import chi2_ball_optimum

    types, n, most = config.choice_types, config.choices, max(config.policies)
    sizes = list(itertools.product(config.rewards, config.policies))
    lost = {side: np.zeros((len(sizes), config.choice_repeats)) for side in ("reward", "value")}
    for k in range(config.choice_repeats):
        rng = np.random.default_rng([config.seed, k])
        base = rng.dirichlet(np.full(types, 1.0))
        # The first K are the class; the policies are the best of the first |Pi|.
        goals = rng.integers(0, 2, (max(most, max(config.rewards)), types)).astype(float)
        best = base * np.asarray(chi2_ball_optimum(base, goals, config.kappa).density_ratio)
        counts = rng.multinomial(n, base)
        seen = counts > 0
        truth = goals[0]
        agree = ~((goals != truth) & seen).any(-1)
        worth, estimate = best @ truth, (best / base) @ (counts * truth) / n
        for place, (size, policies) in enumerate(sizes):
            # One consistent member at random: the truth is none that the order would favour.
            consistent = rng.choice(np.flatnonzero(agree[:size]))
            lost["reward"][place, k] = worth[0] - worth[consistent]
            lost["value"][place, k] = worth[0] - worth[np.argmax(estimate[:policies])]
    return [
        {"series": side, "x": policies, "rewards": size, "n": n, "value": float(one.mean()),
         "value_error": float(one.std(ddof=1) / np.sqrt(len(one)))}
        for side, losses in lost.items()
        for (size, policies), one in zip(sizes, losses, strict=True)
    ]  # fmt: skip


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    ends = {s: one.iloc[-1] for s, one in by_series(rows, "weighted").items()}
    wrong = {s: one.iloc[-1]["value"] for s, one in by_series(rows, "class").items()}
    noisy = by_series(rows, "noise")
    factor = [float(noisy[s]["value"].iloc[-1] / noisy[s]["value"].iloc[0])
              for s in ("best learner", "mass 1/n")]  # fmt: skip
    searched = part(rows, "search")
    few, many = searched["n"].min(), searched["n"].max()

    def short(n: float, series: str) -> str:
        at = searched[searched["n"] == n]
        expert, other = (part(at, "search", s)["value"].iloc[-1] for s in ("expert", series))
        return fixed(expert - other, 3)

    table = part(rows, "policies")
    value, reward = (table[table["series"] == s]["value"] for s in ("value", "reward"))
    return (
        f"(a) At n = {tick(ends['weighted']['x'])} the n labelled samples with the ball's weights "
        f"lose {number(ends['weighted']['value'], 2)} tokens, a clone "
        f"{number(ends['sft']['value'], 2)}, the verifier of the same labels "
        f"{number(ends['simple']['value'], 2)}. (b) Where the class is wrong by b = "
        f"{setting(part(rows, 'class')['x'].iloc[-1])} tokens verification loses "
        f"{number(wrong['loss'], 2)} for good. (c) Noise multiplies the best learner's regret by "
        f"{fixed(factor[0], 1)} where types are as rare as matters most ({fixed(factor[1], 1)} at "
        "mass 1/n). (d) Coverage of a clone is exponentially good where types are common. "
        f"(e) With the most tries a searched clone of {tick(few)} and {tick(many)} traces is "
        f"{short(few, 'clone')} and {short(many, 'clone')} short of its searched expert, the "
        f"verified policy {short(few, 'finetuned')} and {short(many, 'finetuned')}. (f) Choosing "
        f"among policies by value loses {fixed(value.min(), 3)} H to {fixed(value.max(), 3)} H, "
        f"by a consistent reward {fixed(reward.min(), 3)} H to {fixed(reward.max(), 3)} H."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Six panels."""
    with style.sheet(5.6, note(rows)) as figure:
        panels = figure.subplots(2, 3).ravel()
        _lines(panels[0], part(rows, "weighted"), {
            "sft": ("SFT of the expert", style.VF, "o", "-"),
            "weighted": ("weighted samples", style.PURPLE, "^", "-"),
            "T5d": ("T5d, lower", style.PURPLE, "", ":"),
            "simple": ("verifier, pessimist", style.VB, "s", "-"),
            "T7": ("T7, upper", style.VB, "", "--"),
        })  # fmt: skip
        panels[0].set(xscale="log", yscale="log", xlabel=style.TRACES, ylabel="loss (tokens)",
                      title="Labelled samples")  # fmt: skip
        _lines(panels[1], part(rows, "class"), {
            "loss": ("pessimist", style.VB, "s", "-"), "T7d": ("T7d, upper", style.VB, "", "--"),
            "W b": ("$W b$: no bound", style.GREY, "", ":"),
        })  # fmt: skip
        panels[1].set(xscale="log", yscale="log", xlabel="distance $b$ of the truth (tokens)",
                      ylabel="loss, any $n$ (tokens)", title="A wrong class")  # fmt: skip
        panels[2].set(xscale="log", yscale="log", ylabel="regret (tokens)", title="Noisy labels")
        x = style.noise_axis(panels[2], part(rows, "noise", "T8c")["x"])
        panels[2].set_xlabel(r"reversed labels $\eta$, at $1/c$")
        for series, (label, color, marker, line) in {
            "T7b": ("T7b with T6c", style.VB, "", "--"),
            "best learner": ("best learner", style.INK, "x", "-"),
            "T8c": ("T8c, lower", style.VB, "", ":"),
            "mass 1/n": ("the same at mass $1/n$", style.GREY, ".", "-"),
        }.items():  # fmt: skip
            panels[2].plot(x, part(rows, "noise", series)["value"], line, color=color,
                           marker=marker, label=label)  # fmt: skip
        for color, (series, one) in zip(
            (style.LOW, style.MIDDLE, style.HIGH), by_series(rows, "coverage").items(), strict=False
        ):
            panels[3].plot(one["x"], one["value"], "-o", color=color, label=f"{series} types")
            panels[3].plot(one["x"], one["bound"].astype(float), "--", color=color)
        panels[3].set(xscale="log", yscale="log", ylim=(1e-6, 3), ylabel="mass not covered",
                      xlabel="traces $n$ of the expert", title="Coverage (T5f dashed)")  # fmt: skip
        _searched(panels[4], part(rows, "search"))
        _chosen(panels[5], part(rows, "policies"))
        for axes in panels[:3]:
            style.headroom(axes, 0.5)
        for axes in panels:
            places = {panels[0]: "upper right", panels[3]: "lower left"}
            axes.legend(loc=places.get(axes, "upper left"))
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, looks: dict[str, tuple[str, str, str, str]]) -> None:
    """One line per series, with its interval where it has one."""
    for series, (label, color, marker, line) in looks.items():
        one = rows[rows["series"] == series]
        axes.plot(one["x"], one["value"], line, color=color, marker=marker, label=label)
        if one.get("value_low", pd.Series(dtype=float)).notna().any():
            ends = one["value_low"], one["value_high"]
            axes.fill_between(one["x"], *ends, color=color, alpha=0.18)


def _searched(axes: Axes, rows: pd.DataFrame) -> None:
    """What a searched policy is short of its searched expert, by tries."""
    looks = {"clone": ("VF: clone", style.VF, "o"), "finetuned": ("VB: verified", style.VB, "s")}
    for n, style_of in zip(sorted(rows["n"].unique()), (":", "-", "--"), strict=False):
        at = rows[rows["n"] == n]
        top = at[at["series"] == "expert"].set_index("x")["value"]
        for series, (label, color, marker) in looks.items():
            one = at[at["series"] == series].set_index("x")["value"]
            axes.plot(top.index, top - one, style_of, color=color, marker=marker,
                      label=f"{label}, $n$ = {tick(n)}")  # fmt: skip
    axes.axhline(0.0, **style.HINT)
    axes.set(xscale="log", xlabel="tries of at most $H$ tokens", title="Search with a checker",
             ylabel="P(right), short of expert")  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.9 * (high - low))
    style.plain_ticks(axes, sorted(rows["x"].unique()))


def _chosen(axes: Axes, rows: pd.DataFrame) -> None:
    """The table |Pi| x K: a line per K and side."""
    colors = (style.LOW, style.MIDDLE, style.HIGH)
    value = rows[(rows["series"] == "value") & (rows["rewards"] == rows["rewards"].min())]
    axes.plot(value["x"], value["value"], "-^", color=style.PURPLE, label="by value, any $K$")
    reward = rows[rows["series"] == "reward"]
    for color, (size, one) in zip(colors, reward.groupby("rewards"), strict=False):
        axes.plot(one["x"], one["value"], "-s", color=color, label=f"by reward, $K$ = {size:.0f}")
    axes.set(xscale="log", xlabel=r"policies $|\Pi|$", ylabel="regret / $H$",
             title="Policies or rewards")  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.8 * (high - low))
