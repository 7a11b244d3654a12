"""Figure 19: what cloning costs over the whole ball (T4f, T4g), and at one fixed reward (T4h)."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, number, percent, setting, tick
from antiscale.core.validate import Floats
from antiscale.figures import Progress, Record, part
from antiscale.plots import style

# Experts between the base policy and the widest at which SFT's risk is taken.
_EXPERTS = 33

RECORD = Record(
    19, "The price of cloning, over the ball and at one fixed reward",
    "Not in the paper: its constant over the whole ball, and both sides at one expert and one "
    "reward that are fixed before the data.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """A few laws of the return over the ball, and one instance of T4h.

    Attributes
    ----------
    kappa
        Radius of the ball.
    success
        Laws of two values, by P(R = 1) under the base policy.
    pmf, returns
        One law of more values, the returns in whole tokens.
    samples
        The n along each law's curves.
    exact_up_to
        Largest n at which the overlaps of two values are exact; all others are normal.
    family, parameters, horizon
        The one prompt of T4h; two values of the return, so that its overlap is exact.
    fixed_samples, chance, delta
        n there, T4h's probability, and that with which T7 may fail.
    repeats, seed
        Replicates of both sides.
    """

    kappa: float = option(check=validate.real, above=0)
    success: tuple[float, ...] = option(check=validate.each, of=validate.real, above=0, below=1)
    pmf: tuple[float, ...] = option(check=validate.each, of=validate.real, above=0, below=1)
    returns: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=0)
    samples: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    exact_up_to: int
    family: str
    parameters: Mapping[str, Any]
    horizon: int
    fixed_samples: int
    chance: float = option(check=validate.real, above=0, most=0.5)
    delta: float = option(check=validate.real, above=0, below=1)
    repeats: int = option(check=validate.integer, least=2)
    seed: int


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panel "ball", a row per law and n, and "fixed", a row per quantile."""
    laws: list[tuple[Floats, Floats]] = [
        (np.array([1 - p, p]), np.array([0.0, 1.0])) for p in config.success
    ]
    laws.append((np.array(config.pmf), np.array(config.returns, dtype=float)))
    steps = list(itertools.product(laws, config.samples))
    found = []
    for done, ((pmf, returns), n) in enumerate(steps):
        values = len(pmf)
        success = pmf[1] if values == 2 else np.nan
        about = {"panel": "ball", "values": values, "success": success, "n": n}
        found.append({**about, **_over_ball(config, pmf, returns, n)})
        progress(done + 1, len(steps) + 1, f"{law_name(success, values)}, n = {n}")
    found += _fixed(config)
    progress(len(steps) + 1, len(steps) + 1, "one fixed reward")
    return pd.DataFrame(found).assign(kappa=config.kappa)


def law_name(success: Any, values: Any) -> str:
    """What a law of the rows is called."""
    if pd.isna(success):
        return f"{values:.0f} values of R"
    return f"P(R = 1) = {setting(float(success))}"


def _over_ball(config: Config, pmf: Floats, returns: Floats, n: int) -> dict[str, Any]:
    """SFT's worst exact risk over the ball and T4, in units of sqrt(2/pi) sigma_max/sqrt(n)."""
    from antiscale import bounds
    from antiscale.risks.exact import sft_mirror_risk

    widest = bounds.largest_spread(pmf, returns, config.kappa)
    unit = np.sqrt(2 / np.pi / n) * widest.value
    experts = pmf + np.linspace(0, 1, _EXPERTS)[:, None] * (widest.policy - pmf)
    risks = [
        sft_mirror_risk(pi[None], returns[None], n, np.ones(1), base=pmf[None]).value
        for pi in experts
    ]
    law: dict[str, Any] = {"pmf": pmf, "returns": returns, "n": n, "kappa": config.kappa}
    overlap = "exact" if len(pmf) == 2 and n <= config.exact_up_to else "normal"
    return {
        "sigma_max": float(widest.value), "learner": max(r for r in risks if r is not None) / unit,
        "overlap": overlap,
        "sharp": bounds.vf_lower_over_ball(overlap=overlap, **law) / unit,
        "affinity": bounds.vf_lower_over_ball(**law) / unit,
        "at_base": bounds.vf_lower(**law) / unit,
    }  # fmt: skip


def _fixed(config: Config) -> list[dict[str, Any]]:
    """Both sides' losses at the pair (pi_b (1 + eps g), r), and what is certified of them."""
    import jax.numpy as jnp

    from antiscale import bounds
    from antiscale.ball.optimum import chi2_ball_optimum
    from antiscale.data import draw_counts
    from antiscale.learners import choose_learners
    from antiscale.learners.base import Setting
    from antiscale.models import families
    from antiscale.models.measures import heterogeneity, mean_return
    from antiscale.rewards import load_class
    from antiscale.risks.simulated import cloning_losses, verification_losses

    n = config.fixed_samples
    family = families.family(config.family, **config.parameters)
    model = families.model_of(family, config.horizon)
    rewards = load_class(family.reward_class, model)
    law: dict[str, Any] = {"pmf": model.pmf, "returns": model.returns, "kappa": config.kappa}
    better = bounds.vf_lower_in_probability(n=n, chance=config.chance, overlap="exact", **law)
    sigma = heterogeneity(model.pmf, model.returns)
    away = model.returns - mean_return(model.pmf, model.returns)[:, None]
    expert = model.pmf * (1 + (better / sigma**2)[:, None] * away)
    learners = choose_learners(("sft", "simple"))
    setting_ = Setting(jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass),
                       float(config.horizon), config.kappa, rewards)  # fmt: skip
    draw: dict[str, Any] = {
        "seed": config.seed, "horizon": config.horizon, "replicates": range(config.repeats)
    }  # fmt: skip
    counts = draw_counts(expert, model.prompt_mass, n, side="expert", **draw)
    stated = model.returns[None]
    clone = cloning_losses(learners["vf"], setting_, counts, expert[None], stated).by_reward
    counts = draw_counts(model.pmf, model.prompt_mass, n, side="base", **draw)
    verified = verification_losses(learners["vb"], setting_, counts, stated).by_reward
    best = chi2_ball_optimum(model.pmf, model.returns, config.kappa)
    error = bounds.unseen_mass_in_probability(rewards.verified_blocks, n, config.delta)
    terms = bounds.vb_upper_terms(
        float(config.horizon), error, kappa=config.kappa,
        max_ratio=float(np.max(best.density_ratio)),
    )  # fmt: skip
    certified = {"vf": float(better[0]), "vb": float(min(terms.values()))}
    above = np.linspace(0, 1, 201)
    return [
        {
            "panel": "fixed", "n": n, "side": side, "chance": float(chance), "loss": float(loss),
            "certified": certified[side],
            "certified_chance": config.chance if side == "vf" else config.delta,
            "reached": float((losses >= certified[side] * (1 - 1e-9)).mean()),
            "repeats": config.repeats, "horizon": config.horizon,
        }
        for side, losses in (("vf", np.ravel(clone)), ("vb", np.ravel(verified)))
        for chance, loss in zip(above, np.quantile(losses, 1 - above), strict=True)
    ]  # fmt: skip


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    ball = part(rows, "ball")
    last = ball[ball["overlap"] == "exact"].iloc[-1]
    ratios = [
        f"{fixed(row.learner / row.sharp, 3)} ({law_name(row.success, row.values)})"
        for row in ball[ball["n"] == last["n"]].itertuples()
    ]
    ends = {side: found.iloc[0] for side, found in part(rows, "fixed").groupby("side")}
    vf, vb = ends["vf"], ends["vb"]
    return (
        f"(a) Over the ball of kappa = {setting(last['kappa'])} SFT's worst exact risk tends to "
        f"sqrt(2/pi) sigma_max/sqrt(n) (T4g); at n = {tick(last['n'])} it is "
        f"{', '.join(ratios[:-1])} and {ratios[-1]} times the bound. (b) One expert, "
        f"{number(vf['certified'])} tokens better than the base policy, "
        f"and one reward, both fixed; n = {tick(vf['n'])}. The clone loses all of that in "
        f"{percent(vf['reached'], 1)} of {tick(vf['repeats'])} replicates (T4h: at least "
        f"{percent(vf['certified_chance'])} for this pair or its mirror), the verifier more than "
        f"its bound in {percent(vb['reached'], 1)} (T7: at most {percent(vb['certified_chance'])})."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Ratios to T4g's limit along n, and the laws of both losses."""
    with style.sheet(3.4, note(rows)) as figure:
        left, right = figure.subplots(1, 2)
        _over(left, part(rows, "ball"))
        _laws(right, part(rows, "fixed"))
    return figure


def _over(axes: Axes, rows: pd.DataFrame) -> None:
    """The ratios to T4g's limit: a colour per law, a line per quantity."""
    looks = {
        "learner": ("SFT, worst of the ball", "-", "o"),
        "sharp": ("T4f, exact or normal overlap", ":", "^"),
        "at_base": ("T4 by affinity, base policy", "--", ""),
    }  # fmt: skip
    laws = rows.groupby(["values", "success"], sort=False, dropna=False)
    colors = (style.PURPLE, style.VF, style.GAP, style.SKY)
    for label, line, marker in looks.values():
        axes.plot([], [], line, marker=marker, color=style.INK, label=label)
    for color, ((values, success), one) in zip(colors, laws, strict=False):
        for name, (_, line, marker) in looks.items():
            axes.plot(one["n"], one[name].astype(float), line, marker=marker, color=color)
        axes.plot([], [], color=color, linewidth=3, label=law_name(success, values))
    axes.axhline(1.0, **style.HINT)
    axes.set(xscale="log", ylim=(0, 1.75), xlabel="traces $n$", title="The worst of the ball",
             ylabel=r"risk / ($\sqrt{2/\pi}\,\sigma_{\max}/\sqrt{n}$)")  # fmt: skip
    style.note_legend(axes)


def _laws(axes: Axes, rows: pd.DataFrame) -> None:
    """P(loss >= x) of both sides, with what is certified."""
    names = {"vf": "VF: the clone", "vb": "VB: verified"}
    for side, one in rows.groupby("side"):
        color, _ = style.SIDES[str(side)]
        axes.plot(one["loss"], one["chance"], color=color, label=names[str(side)])
        first = one.iloc[0]
        label = "T4h: at least this often" if side == "vf" else "T7: at most this often"
        axes.plot([first["certified"]], [first["certified_chance"]], "^" if side == "vf" else "v",
                  color=color, markersize=6, label=label)  # fmt: skip
    axes.axvline(0.0, **style.HINT)
    axes.set(xlabel="loss at the fixed reward (tokens)", ylabel="P(loss at least this)",
             title="One expert, one reward", ylim=(0, 1.35))  # fmt: skip
    axes.legend(loc="upper right")
