"""Figure 19: what cloning costs over the whole ball (T4f, T4g), and at one fixed reward (T4h)."""

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
    """Two values of the return over the ball, and one instance of T4h.

    Attributes
    ----------
    kappa
        Radius of the ball.
    success, samples
        P(R = 1) under the base policy, one curve each, and the n along it.
    exact_up_to
        Largest n at which exact overlaps are computed.
    family, parameters, horizon
        The one prompt of T4h; two values of the return, so that its overlap is exact.
    fixed_samples, chance, delta
        n there, T4h's probability, and that with which T7 may fail.
    repeats, seed
        Replicates of both sides.
    """

    kappa: float = option(check=validate.real, above=0)
    success: tuple[float, ...] = option(check=validate.each, of=validate.real, above=0, below=1)
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
    """Panel "ball", a row per success probability and n, and "fixed", a row per quantile."""
    steps = [(p, n) for p in config.success for n in config.samples]
    found = []
    for done, (p, n) in enumerate(steps):
        found.append({"panel": "ball", "success": p, "n": n, **_over_ball(config, p, n)})
        progress(done + 1, len(steps) + 1, f"P(R = 1) = {p:g}, n = {n}")
    found += _fixed(config)
    progress(len(steps) + 1, len(steps) + 1, "one fixed reward")
    return pd.DataFrame(found).assign(kappa=config.kappa)


def _over_ball(config: Config, p: float, n: int) -> dict[str, float | None]:
    """SFT's worst exact risk over the ball and T4, in units of sqrt(2/pi) sigma_max/sqrt(n)."""
    from antiscale import bounds
    from antiscale.risks.exact import sft_mirror_risk

    pmf, returns = np.array([1 - p, p]), np.array([0.0, 1.0])
    widest = bounds.largest_spread(pmf, returns, config.kappa)
    unit = np.sqrt(2 / np.pi / n) * widest.value
    experts = pmf + np.linspace(0, 1, _EXPERTS)[:, None] * (widest.policy - pmf)
    risks = [
        sft_mirror_risk(pi[None], returns[None], n, np.ones(1), base=pmf[None]).value
        for pi in experts
    ]
    place: dict[str, Any] = {"kappa": config.kappa}
    exact = None
    if n <= config.exact_up_to:
        exact = bounds.vf_lower_over_ball(pmf, returns, n, overlap="exact", **place) / unit
    return {
        "sigma_max": float(widest.value), "learner": max(r for r in risks if r is not None) / unit,
        "exact": exact, "affinity": bounds.vf_lower_over_ball(pmf, returns, n, **place) / unit,
        "at_base": bounds.vf_lower(pmf, returns, n, **place) / unit,
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
    last = part(rows, "ball").dropna(subset=["exact"]).iloc[-1]
    ends = {side: found.iloc[0] for side, found in part(rows, "fixed").groupby("side")}
    vf, vb = ends["vf"], ends["vb"]
    return (
        f"(a) Over the ball of kappa = {setting(last['kappa'])} SFT's worst exact risk tends to "
        f"sqrt(2/pi) sigma_max/sqrt(n) (T4g); at n = {tick(last['n'])} and P(R = 1) = "
        f"{setting(last['success'])} it is {fixed(last['learner'] / last['exact'], 3)} times the "
        f"bound. (b) One expert, {number(vf['certified'])} tokens better than the base policy, "
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
    """The ratios to T4g's limit: a colour per success probability, a line per quantity."""
    looks = {
        "learner": ("SFT, worst of the ball", "-", "o"),
        "exact": ("T4f, exact overlap", ":", "^"), "affinity": ("T4f, affinity", ":", "v"),
        "at_base": ("T4, at the base policy", "--", ""),
    }  # fmt: skip
    colors = dict(zip(rows["success"].unique(), (style.VF, style.GAP), strict=False))
    for p, one in rows.groupby("success"):
        for name, (_, line, marker) in looks.items():
            axes.plot(one["n"], one[name].astype(float), line, marker=marker, color=colors[p])
    for label, line, marker in looks.values():
        axes.plot([], [], line, marker=marker, color=style.INK, label=label)
    for p, color in colors.items():
        axes.plot([], [], color=color, linewidth=3, label=f"P(R = 1) = {setting(float(p))}")
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
