"""The bounds that hold in one cell of a sweep, chosen by class, expert and learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.ball import BallOptimum
from antiscale.classes import RewardClass, load_class
from antiscale.config import SweepConfig
from antiscale.errors import InputError
from antiscale.experts import hard_block_experts, hard_experts
from antiscale.learners import GridPrior, Learner
from antiscale.learners.cloning import MLE
from antiscale.measures import coverage, heterogeneity
from antiscale.stated import StatedRewards
from antiscale.traces import TraceModel
from antiscale.validate import Floats


@dataclass(frozen=True)
class Bound:
    """A bound with its name; `value` is None where none applies, and `reason` says why."""

    value: float | None
    name: str | None = None
    reason: str | None = None


def worst_over(stated: StatedRewards, model: TraceModel, optima: BallOptimum) -> dict[str, float]:
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
class LowerBounds:
    """T4 over the stated rewards and over all of calR, with the prior that attains it.

    `grid` is the prior of T4a or T4c whichever form is reported; `prior` and `block_prior` are
    what `--expert hard` draws from.
    """

    over_stated: Bound
    over_class: Bound
    grid: bounds.Prior | None
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
        *,
        tied: bool,
    ) -> LowerBounds:
        """Choose the largest form that the class allows.

        `tied` says that the risk is over joint rewards, in which mirrors are not chosen prompt by
        prompt, so that T4 speaks of it for a single prompt only.
        """
        rho, kappa = model.prompt_mass, config.kappa
        if not rewards.mirror_closed:
            if config.expert == "hard":
                raise InputError(
                    f"expert 'hard' needs a class that holds mirrors; {rewards.name!r} does not"
                )
            why = "T4 does not apply: the class does not hold the mirror of the true reward"
            if not model.announced:
                why = (
                    "T4 does not apply: the hitting time shows only as it happens, so the mirror "
                    "is no bi-level reward"
                )
            none = Bound(None, None, why)
            return cls(none, none, None, None, None, np.zeros((model.prompts, 0)))
        prior = block_prior = None
        blocks = rewards.blocks
        mass = np.zeros((model.prompts, 0)) if blocks is None else blocks.mass(model.pmf)
        order = np.argsort(-mass, axis=-1, kind="stable")
        candidates = []
        if config.form != "blocks":
            prior = bounds.hardest_prior(
                model.pmf, model.returns, n, prompt_mass=rho, kappa=kappa, form=config.form
            )
            labels = {"two_point": "T4a", "many_point": "T4c"}
            name = "+".join(sorted({labels[str(form)] for form in np.unique(prior.form)}))
            candidates.append(Bound(float(rho @ prior.value), name))
        if config.form in ("blocks", "best") and blocks is not None and blocks.count > 1:
            mean = blocks.mean(model.pmf)
            height = np.divide(mean, mass, out=np.zeros_like(mean), where=mass > 0)
            block_prior = bounds.hardest_block_prior(
                np.take_along_axis(mass, order, -1),
                np.take_along_axis(height, order, -1),
                n,
                prompt_mass=rho,
                kappa=kappa,
            )
            candidates.append(Bound(float(rho @ block_prior.value), "T4b"))
        if not candidates:
            raise InputError(
                "form 'blocks' needs the reward class 'styles' with at least two styles, or "
                "'tabular'; choose another form or class"
            )
        over_class = max(candidates, key=lambda bound: bound.value or 0.0)
        grid = prior
        if tied and model.prompts > 1:
            over_stated = Bound(
                None,
                None,
                "T4 needs mirrors chosen prompt by prompt; a learner with one set of parameters "
                "for all prompts is judged on joint rewards",
            )
        elif stated.all_of_class:
            over_stated = over_class
        elif config.form == "blocks":
            over_stated = Bound(None, None, "T4b holds over all of calR only")
        elif stated.with_mirror:
            over_stated = candidates[0]
        else:
            over_stated = Bound(
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
        return cls(over_stated, over_class, grid, prior, block_prior, order.astype(float))

    def grid_prior(self) -> GridPrior | None:
        """Return the prior for the learner `bayes`."""
        if self.grid is None:
            return None
        return GridPrior(
            jnp.asarray(self.grid.scale),
            jnp.asarray(self.grid.form == "many_point"),
            bounds.GRID_STEPS,
        )

    def experts(
        self, config: SweepConfig, model: TraceModel, rewards: RewardClass, n: int
    ) -> Floats:
        """Draw one expert per replicate from the prior: [R, m, S]."""
        keys: dict[str, Any] = {"seed": config.seed, "n": n, "replicates": range(config.repeats)}
        if self.prior is not None:
            return hard_experts(model, self.prior, **keys)
        assert self.block_prior is not None
        return hard_block_experts(model, rewards, self.block_prior, self.order, **keys)


def cloning_upper(
    learner: Learner,
    rewards: RewardClass,
    stated: StatedRewards,
    model: TraceModel,
    experts: Floats,
    n: int,
    *,
    hard: bool,
) -> tuple[Bound, Bound]:
    """T5 over the stated rewards and over calR, averaged over the experts drawn."""
    if isinstance(learner, MLE):
        return _mle_upper(learner, stated, model, experts, n, hard=hard)
    if learner.name != "sft":
        none = Bound(None, None, f"no bound is proved for the learner {learner.name}")
        return none, none

    def of(judged: RewardClass) -> Bound:
        terms = bounds.sft_upper(
            judged.deviation(experts),
            n,
            prompt_mass=model.prompt_mass,
            fallback_gap=judged.shift(experts, model.pmf),
        )
        return Bound(float((terms @ model.prompt_mass).mean()), "T5a")

    over_class = of(rewards)
    only_mirrors = rewards.mirror_closed and not stated.eligible[2:].any()
    return of(load_class("mirror", model)) if only_mirrors else over_class, over_class


def _mle_upper(
    learner: MLE, stated: StatedRewards, model: TraceModel, experts: Floats, n: int, *, hard: bool
) -> tuple[Bound, Bound]:
    """T5b in expectation; the expert must be of the learner's finite class."""
    if hard:
        none = Bound(None, None, "T5b needs an expert of mle's finite class; hard experts are not")
        return none, none
    spread = np.asarray(heterogeneity(experts[0], stated.returns))
    spread = np.where(stated.eligible, spread, 0.0).max(0)
    size = learner.log_class_size(model.prompts)

    def of(sigma: float) -> Bound:
        return Bound(float(bounds.mle_upper(sigma, model.horizon, n, size, None)), "T5b")

    # Over all of calR no return law on [0, H] spreads by more than H/2.
    return of(float(np.sqrt(model.prompt_mass @ spread**2))), of(model.horizon / 2)


def verification_upper(
    learner: Learner,
    rewards: RewardClass,
    model: TraceModel,
    worst: dict[str, float],
    kappa: float,
    n: int,
    *,
    noise: float,
    tolerance: Floats,
) -> tuple[Bound, Bound]:
    """T7 for the learner, with the smaller of T6's errors that hold for E sup_r."""
    mass, rho = rewards.verified_blocks, model.prompt_mass
    failure = 0.0
    if noise > 0:
        unsettled = bounds.noisy_unseen_mass(mass, n, noise, tolerance, prompt_mass=rho)
        errors = {"noisy eu_n": float(rho @ unsettled)}
        failure = float(rho @ ((mass > 0).sum(-1) * bounds.wrong_verdict(noise, tolerance)))
    else:
        errors = {
            "eu_n": float(rho @ bounds.unseen_mass(mass, n, prompt_mass=rho)),
            "es_n": float(bounds.verifier_error(n, rewards.log_sizes().sum(), uniform=True)),
        }
    name = min(errors, key=lambda key: errors[key])
    error = Bound(errors[name], name)
    if learner.name not in bounds.VB_LEARNERS:
        return Bound(None, None, f"no bound is proved for the learner {learner.name}"), error
    terms = bounds.vb_upper_terms(
        model.horizon, errors[name], learner=learner.name, kappa=kappa, failure=failure, **worst
    )
    best = min(terms, key=lambda key: float(terms[key]))
    return Bound(float(terms[best]), best), error
