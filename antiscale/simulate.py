"""One cell of a sweep: at one (H, n), measure both sides and set them against their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from antiscale import bounds, intervals
from antiscale.ball import BallOptimum, chi2_ball_optimum
from antiscale.classes import RewardClass, load_class
from antiscale.config import SweepConfig
from antiscale.counts import draw_counts, stream
from antiscale.errors import InputError
from antiscale.experts import hard_block_experts, hard_experts
from antiscale.families import load_family
from antiscale.learners import DEFAULT, Learner, Setting, load_learner
from antiscale.measures import anticoncentration, coverage, heterogeneity
from antiscale.risks import Losses, cloning_losses, verification_losses
from antiscale.stated import StatedRewards, stated_rewards
from antiscale.traces import TraceModel
from antiscale.validate import Floats

# Resamples behind the interval of sup_r E.
_RESAMPLES = 500


@dataclass(frozen=True)
class Cell:
    """What was found at one (H, n).

    Attributes
    ----------
    row
        One value per column: measures, bounds, risks with intervals, gaps. None where undefined;
        then the column of the same name with `_reason` says why.
    replicates
        Per replicate: the headline loss of each side, sup over the stated rewards, in tokens.
    """

    row: dict[str, Any]
    replicates: dict[str, Floats]


@dataclass(frozen=True)
class _Bound:
    """A bound with its name; `value` is None where none applies, and `reason` says why."""

    value: float | None
    name: str | None = None
    reason: str | None = None


def choose_learners(names: tuple[str, ...]) -> dict[str, Learner]:
    """Return one learner per side, the default where none is named.

    Raises
    ------
    InputError
        If a name is unknown or two are of one side.
    """
    chosen: dict[str, Learner] = {}
    for name in names:
        learner = load_learner(name)
        if learner.side in chosen:
            kind = "verifier-free" if learner.side == "vf" else "verifier-based"
            raise InputError(
                f"learners {chosen[learner.side].name!r} and {name!r} are both {kind}; name one "
                "per side"
            )
        chosen[learner.side] = learner
    return {side: chosen.get(side) or load_learner(DEFAULT[side]) for side in ("vf", "vb")}


def simulate(config: SweepConfig, horizon: int, n: int) -> Cell:
    """Run one cell.

    Parameters
    ----------
    config
        The sweep's configuration.
    horizon, n
        H in tokens, and the number of traces each side sees.
    """
    learners = choose_learners(config.learner)
    model = load_family(config.family, horizon=horizon, **config.family_parameters())
    rewards = load_class(config.reward_class, model)
    c_x = anticoncentration(model.pmf, model.returns, config.kappa, horizon=horizon)
    c0 = float(c_x.min())
    stated = stated_rewards(
        model,
        rewards,
        kappa=config.kappa,
        c0=c0 if config.c0 is None else config.c0,
        count=config.rewards,
        seed=config.seed,
    )
    if not stated.eligible.any(0).all():
        raise InputError(
            f"no reward of the class reaches c_0 = {config.c0:g} at every prompt "
            f"(the true reward's own is {c0:.4g}); lower c0"
        )
    optima = chi2_ball_optimum(model.pmf, stated.returns, config.kappa)
    optimal = model.pmf * np.asarray(optima.density_ratio[0])  # the true reward stands first
    replicates = range(config.repeats)
    draw: dict[str, Any] = {"seed": config.seed, "horizon": horizon, "replicates": replicates}

    lower = _LowerBounds.of(config, model, rewards, stated, n)
    experts = (
        lower.experts(config, model, rewards, n)
        if config.expert == "hard"
        else ((optimal if config.expert == "optimal" else model.pmf)[None])
    )
    base, rho = jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass)
    setting = Setting(base, rho, float(horizon), config.kappa, rewards)
    expert_counts = draw_counts(
        experts if len(experts) > 1 else experts[0], model.prompt_mass, n, side="expert", **draw
    )
    vf = cloning_losses(learners["vf"], setting, expert_counts, experts, stated.returns)
    base_counts = draw_counts(model.pmf, model.prompt_mass, n, side="base", **draw)
    vb = verification_losses(learners["vb"], setting, base_counts, stated.returns)

    spread = np.asarray(heterogeneity(model.pmf, model.returns))
    worst = _worst_over(stated, model, optima)
    vf_upper, vf_class_upper = _sft_upper(learners["vf"], rewards, stated, model, experts, n)
    vb_upper, error = _vb_upper(learners["vb"], rewards, model, worst, config.kappa, n)
    vf_lower, class_lower = lower.over_stated, lower.over_class

    row: dict[str, Any] = {
        "horizon": horizon,
        "n": n,
        "sigma": float(np.median(spread)),
        "sigma_mean": float(model.prompt_mass @ spread),
        "sigma_rms": float(np.sqrt(model.prompt_mass @ spread**2)),
        "c0": c0,
        "ct0": worst["coverage"],
        "max_ratio": worst["max_ratio"],
        "base_return": float(model.prompt_mass @ (model.pmf * model.returns).sum(-1)),
        "optimal_return": float(model.prompt_mass @ np.asarray(optima.value[0])),
        "log_class_size": float(rewards.log_sizes().sum()),
        "rewards_stated": int(np.min(stated.counts)),
        "rewards_stated_max": int(np.max(stated.counts)),
        "rewards_whole_class": stated.all_of_class,
        "vf_learner": learners["vf"].name,
        "vb_learner": learners["vb"].name,
        "vf_lower_holds_for": "hard prior" if config.expert == "hard" else "worst expert",
        **_columns("vf_lower", vf_lower),
        **_risk_columns("vf", vf, stated, model, config, horizon, n),
        **_columns("vf_upper", vf_upper),
        **_columns("vf_class_lower", class_lower),
        **_named("vf_class", intervals.mean(np.asarray(vf.whole_class) @ model.prompt_mass)),
        **_columns("vf_class_upper", vf_class_upper),
        **_risk_columns("vb", vb, stated, model, config, horizon, n),
        **_columns("vb_upper", vb_upper),
        "verifier_error": error.value,
        "verifier_error_name": error.name,
    }
    losses = {
        "vf": _sup_inside(vf, stated, model),
        "vb": _sup_inside(vb, stated, model),
    }
    row |= _gap_columns(losses, vf_lower, vb_upper)
    return Cell(row, losses)


def _columns(name: str, bound: _Bound) -> dict[str, Any]:
    return {name: bound.value, f"{name}_name": bound.name, f"{name}_reason": bound.reason}


def _named(name: str, estimate: intervals.Estimate) -> dict[str, float]:
    return {
        f"{name}_mean": estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
    }


def _sup_inside(losses: Losses, stated: StatedRewards, model: TraceModel) -> Floats:
    """sum_x rho(x) max over the stated rewards, per replicate [R]: its mean is E sup_r."""
    by_reward = np.where(stated.eligible.T, np.asarray(losses.by_reward), -np.inf)
    result: Floats = by_reward.max(-1) @ model.prompt_mass
    return result


def _risk_columns(
    side: str,
    losses: Losses,
    stated: StatedRewards,
    model: TraceModel,
    config: SweepConfig,
    horizon: int,
    n: int,
) -> dict[str, float]:
    """Return the headline risk E sup_r, and beside it sup_r E and the law of the loss at r."""
    by_reward = np.asarray(losses.by_reward)
    eligible = stated.eligible.T

    def sup_outside(mean: Floats) -> Floats:
        """sum_x rho(x) max_r of [..., m, K]."""
        result: Floats = np.where(eligible, mean, -np.inf).max(-1) @ model.prompt_mass
        return result

    rng = stream(config.seed, "bootstrap", horizon, n, 0 if side == "vf" else 1)
    repeats = len(by_reward)
    weights = rng.multinomial(repeats, np.full(repeats, 1 / repeats), size=_RESAMPLES) / repeats
    resampled = np.tensordot(weights, by_reward, 1)
    at_truth = by_reward[..., 0] @ model.prompt_mass
    named = {
        side: intervals.mean(_sup_inside(losses, stated, model)),
        f"{side}_sup": intervals.bootstrap(
            sup_outside(resampled), float(sup_outside(by_reward.mean(0)))
        ),
        f"{side}_signed": intervals.mean(at_truth),
        f"{side}_positive": intervals.mean(np.maximum(at_truth, 0.0)),
        f"{side}_quantile": intervals.quantile(at_truth, config.quantile),
    }
    columns: dict[str, float] = {}
    for name, estimate in named.items():
        columns |= _named(name, estimate)
    return columns


def _worst_over(stated: StatedRewards, model: TraceModel, optima: BallOptimum) -> dict[str, float]:
    """T7's sigma, W and ct_0: the worst over the stated rewards, given their optima."""
    spread = heterogeneity(model.pmf, stated.returns)
    reached = coverage(model.pmf, stated.returns, np.asarray(optima.value), horizon=model.horizon)
    ratio = np.asarray(optima.density_ratio).max(-1)
    eligible = stated.eligible
    return {
        "sigma": float(model.prompt_mass @ np.where(eligible, spread, 0.0).max(0)),
        "max_ratio": float(np.where(eligible, ratio, 1.0).max()),
        "coverage": float(np.where(eligible, reached, 1.0).min()),
    }


@dataclass(frozen=True)
class _LowerBounds:
    """T4 over the stated rewards and over all of calR, with the prior that attains it."""

    over_stated: _Bound
    over_class: _Bound
    prior: bounds.Prior | None
    block_prior: bounds.BlockPrior | None
    order: Floats

    @classmethod
    def of(
        cls,
        config: SweepConfig,
        model: TraceModel,
        rewards: RewardClass,
        stated: StatedRewards,
        n: int,
    ) -> _LowerBounds:
        rho, kappa = model.prompt_mass, config.kappa
        prior = block_prior = None
        mass = rewards.blocks.mass(model.pmf)
        order = np.argsort(-mass, axis=-1, kind="stable")
        candidates = []
        if config.form != "blocks":
            prior = bounds.hardest_prior(
                model.pmf, model.returns, n, prompt_mass=rho, kappa=kappa, form=config.form
            )
            labels = {"two_point": "T4a", "many_point": "T4c"}
            name = "+".join(sorted({labels[str(form)] for form in np.unique(prior.form)}))
            candidates.append(_Bound(float(rho @ prior.value), name))
        if config.form in ("blocks", "best") and rewards.blocks.count > 1:
            mean = rewards.blocks.mean(model.pmf)
            height = np.divide(mean, mass, out=np.zeros_like(mean), where=mass > 0)
            block_prior = bounds.hardest_block_prior(
                np.take_along_axis(mass, order, -1),
                np.take_along_axis(height, order, -1),
                n,
                prompt_mass=rho,
                kappa=kappa,
            )
            candidates.append(_Bound(float(rho @ block_prior.value), "T4b"))
        if not candidates:
            raise InputError(
                "form 'blocks' needs the reward class 'styles' and at least two styles; choose "
                "another form or class"
            )
        over_class = max(candidates, key=lambda bound: bound.value or 0.0)
        if stated.all_of_class:
            over_stated = over_class
        elif config.form == "blocks":
            over_stated = _Bound(None, None, "T4b holds over all of calR only")
        elif stated.with_mirror:
            over_stated = candidates[0]
        else:
            over_stated = _Bound(
                None, None, "the mirror of the true reward is not anti-concentrated at every prompt"
            )
        if config.expert == "hard":
            # A simulation under one prior is held to that prior's bound alone.
            used = over_stated if over_stated.name else over_class
            over_class = used
            if used.name == "T4b":
                prior = None
            else:
                block_prior = None
        return cls(over_stated, over_class, prior, block_prior, order.astype(float))

    def experts(
        self, config: SweepConfig, model: TraceModel, rewards: RewardClass, n: int
    ) -> Floats:
        """Draw one expert per replicate from the prior: [R, m, S]."""
        keys: dict[str, Any] = {"seed": config.seed, "n": n, "replicates": range(config.repeats)}
        if self.prior is not None:
            return hard_experts(model, self.prior, **keys)
        assert self.block_prior is not None
        return hard_block_experts(model, rewards, self.block_prior, self.order, **keys)


def _sft_upper(
    learner: Learner,
    rewards: RewardClass,
    stated: StatedRewards,
    model: TraceModel,
    experts: Floats,
    n: int,
) -> tuple[_Bound, _Bound]:
    """T5a over the stated rewards and over calR, averaged over the experts drawn."""
    if learner.name != "sft":
        none = _Bound(None, None, f"no bound is proved for the learner {learner.name}")
        return none, none

    def of(blocks: Any, name: str) -> _Bound:
        terms = bounds.sft_upper(
            blocks.deviation(experts),
            n,
            prompt_mass=model.prompt_mass,
            fallback_gap=blocks.shift(experts, model.pmf),
        )
        return _Bound(float((terms @ model.prompt_mass).mean()), name)

    over_class = of(rewards.blocks, "T5a")
    only_mirrors = not stated.eligible[2:].any()
    return (
        of(load_class("mirror", model).blocks, "T5a") if only_mirrors else over_class
    ), over_class


def _vb_upper(
    learner: Learner,
    rewards: RewardClass,
    model: TraceModel,
    worst: dict[str, float],
    kappa: float,
    n: int,
) -> tuple[_Bound, _Bound]:
    """T7 for the learner, with the smaller of T6's two errors that hold for E sup_r."""
    unseen = bounds.unseen_mass(rewards.verified_blocks, n, prompt_mass=model.prompt_mass)
    errors = {
        "eu_n": float(model.prompt_mass @ unseen),
        "es_n": float(bounds.verifier_error(n, rewards.log_sizes().sum(), uniform=True)),
    }
    name = min(errors, key=lambda key: errors[key])
    error = _Bound(errors[name], name)
    if learner.name not in bounds.VB_LEARNERS:
        return _Bound(None, None, f"no bound is proved for the learner {learner.name}"), error
    terms = bounds.vb_upper_terms(
        model.horizon, errors[name], learner=learner.name, kappa=kappa, **worst
    )
    best = min(terms, key=lambda key: float(terms[key]))
    return _Bound(float(terms[best]), best), error


def _gap_columns(losses: dict[str, Floats], lower: _Bound, upper: _Bound) -> dict[str, Any]:
    """VF minus VB: measured with an interval (the sides are independent), and certified (T9)."""
    sides = [intervals.mean(losses[side]) for side in ("vf", "vb")]
    value = sides[0].value - sides[1].value
    half = float(np.hypot(sides[0].high - sides[0].value, sides[1].high - sides[1].value))
    certified = (
        None
        if lower.value is None or upper.value is None
        else float(bounds.certified_gap(lower.value, upper.value))
    )
    return {
        "gap_measured": value,
        "gap_low": value - half,
        "gap_high": value + half,
        "gap_certified": certified,
        "gap_certified_reason": (lower.reason or upper.reason) if certified is None else None,
    }
