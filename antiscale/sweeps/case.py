"""The bounds that hold in one cell of a sweep: what they need, which apply, which is sharpest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.ball.optimum import BallOptimum, chi2_ball_optimum
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.data import hard_block_experts, hard_experts
from antiscale.learners import GridPrior, Learner, choose_learners
from antiscale.learners.cloning import MLE
from antiscale.learners.search import BestOfN
from antiscale.models.families import load_family
from antiscale.models.measures import anticoncentration, coverage, heterogeneity
from antiscale.models.traces import TraceModel
from antiscale.registry import RESULTS
from antiscale.rewards import RewardClass, load_class, tolerance
from antiscale.rewards.evaluation import StatedRewards, stated_rewards
from antiscale.sweeps.config import SweepConfig


@dataclass(frozen=True)
class Bound:
    """A bound with its name; `value` is None where none applies, and `reason` says why."""

    value: float | None
    name: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Case:
    """One (H, n) of a sweep before anything is drawn: all that its bounds need.

    Attributes
    ----------
    learners
        One per side, "vf" and "vb".
    c0, c0_stated
        The true reward's anti-concentration, and what a stated reward must reach.
    optima
        The ball's optimum for each stated reward.
    worst
        T7's sigma, W and ct_0, the worst over the stated rewards.
    tolerance
        Labels by which a verdict may be outvoted, per prompt; zero where labels are clean.
    lower
        T4 over the stated rewards and over calR.
    experts : [1 or R, m, S]
        Whose traces are cloned.
    whole
        Whether bounds over all of calR are worked out where the stated rewards do not need them.
    """

    config: SweepConfig
    horizon: int
    n: int
    noise: float
    learners: dict[str, Learner]
    model: TraceModel
    rewards: RewardClass
    stated: StatedRewards
    c0: float
    c0_stated: float
    optima: BallOptimum
    worst: dict[str, float]
    tolerance: Floats
    lower: LowerBounds
    experts: Floats
    whole: bool = True

    @property
    def tied(self) -> bool:
        """Whether a learner has one set of parameters for all prompts (joint rewards)."""
        return any(getattr(learner, "tied", False) for learner in self.learners.values())

    def with_samples(self, n: int) -> Case:
        """The same cell with another number of traces, what does not depend on it kept."""
        slack = self.tolerance
        if self.noise > 0:
            slack = tolerance((self.rewards.verified_blocks > 0).sum(-1), n, self.noise)
        lower = LowerBounds.of(
            self.config, self.model, self.rewards, self.stated, n, tied=self.tied, whole=self.whole
        )
        experts = self.experts
        if self.config.expert == "hard":
            experts = lower.experts(self.config, self.model, self.rewards, n)
        return replace(self, n=n, tolerance=slack, lower=lower, experts=experts)

    @classmethod
    def of(
        cls, config: SweepConfig, horizon: int, n: int, noise: float = 0.0, *, whole: bool = True
    ) -> Case:
        """Set up one cell; `whole` as the attribute.

        Raises
        ------
        InputError
            If no reward of the class is as anti-concentrated as asked for, or the expert, the form
            or the class do not fit each other.
        """
        learners = choose_learners(config.learner)
        tied = any(getattr(learner, "tied", False) for learner in learners.values())
        model = load_family(config.family, horizon=horizon, **config.family_parameters())
        rewards = load_class(config.class_name(), model, **config.class_parameters)
        kappa = config.kappa
        c0 = float(anticoncentration(model.pmf, model.returns, kappa, horizon=horizon).min())
        mirrored = anticoncentration(model.pmf, horizon - model.returns, kappa, horizon=horizon)
        # Unless told otherwise, as much as both r and rbar reach: T4 needs them both.
        required = min(c0, float(mirrored.min())) if rewards.mirror_closed else c0
        required = required if config.c0 is None else config.c0
        stated = stated_rewards(
            model, rewards, kappa=kappa, c0=required, count=config.rewards, seed=config.seed
        )
        if tied:
            stated = stated.joint()
        if not stated.eligible.any(0).all():
            raise InputError(
                f"no reward of the class reaches c_0 = {required:g} at every prompt "
                f"(the true reward's own is {c0:.4g}); lower c0"
            )
        optima = chi2_ball_optimum(model.pmf, stated.returns, kappa)
        slack = np.zeros(model.prompts)
        if noise > 0:
            slack = tolerance((rewards.verified_blocks > 0).sum(-1), n, noise)
        lower = LowerBounds.of(config, model, rewards, stated, n, tied=tied, whole=whole)
        if config.expert == "hard":
            experts = lower.experts(config, model, rewards, n)
        elif config.expert == "optimal":
            # The true reward stands first.
            experts = (model.pmf * np.asarray(optima.density_ratio[0]))[None]
        else:
            experts = model.pmf[None]
        return cls(
            config, horizon, n, noise, learners, model, rewards, stated, c0, required, optima,
            worst_over(stated, model, optima), slack, lower, experts, whole,
        )  # fmt: skip


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
    what `--expert hard` draws from. `block_masses` are the masses and mean returns of the blocks,
    [m, B], in the `order` in which T4b and T4d pair them.
    """

    over_stated: Bound
    over_class: Bound
    grid: bounds.Prior | None
    prior: bounds.Prior | None
    block_prior: bounds.BlockPrior | None
    order: Floats
    block_masses: tuple[Floats, Floats] | None = None

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
        whole: bool = True,
    ) -> LowerBounds:
        """Choose the largest form that the class allows.

        `tied` says that the risk is over joint rewards, in which mirrors are not chosen prompt by
        prompt, so that T4 speaks of it for a single prompt only. Without `whole` T4b and T4d,
        which take the longest, are left out of `over_class` where the rewards are not all of calR.
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
        prior = block_prior = block_masses = None
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
        wanted = config.form == "blocks" or (
            config.form == "best" and (whole or stated.all_of_class or config.expert == "hard")
        )
        if wanted and blocks is not None and blocks.count > 1:
            mean = blocks.mean(model.pmf)
            height = np.divide(mean, mass, out=np.zeros_like(mean), where=mass > 0)
            block_masses = (
                np.take_along_axis(mass, order, -1),
                np.take_along_axis(height, order, -1),
            )
            block_prior = bounds.hardest_block_prior(*block_masses, n, prompt_mass=rho, kappa=kappa)
            candidates.append(Bound(float(rho @ block_prior.value), "T4b"))
            if config.expert != "hard":
                grids = RESULTS["T4d"](
                    style_mass=block_masses[0], style_return=block_masses[1], n=n,
                    prompt_mass=rho, kappa=kappa,
                )  # fmt: skip
                candidates.append(Bound(float(rho @ grids), "T4d"))
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
            over_stated = Bound(None, None, "T4b and T4d hold over all of calR only")
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
        return cls(
            over_stated, over_class, grid, prior, block_prior, order.astype(float), block_masses
        )

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


def certified_gap(case: Case) -> Bound:
    """T9: T4 minus T7 over the stated rewards, or the reason why there is none."""
    lower, upper = case.lower.over_stated, verification_upper(case)[0]
    if lower.value is None or upper.value is None:
        return Bound(None, None, lower.reason or upper.reason)
    gap = RESULTS["T9"](vf_lower=lower.value, vb_upper=upper.value)
    return Bound(float(gap), f"{lower.name} - {upper.name}")


def cloning_upper(case: Case) -> tuple[Bound, Bound]:
    """T5 over the stated rewards and over calR, averaged over the experts drawn."""
    learner, model, n = case.learners["vf"], case.model, case.n
    if isinstance(learner, MLE):
        return _mle_upper(case, learner)
    if learner.name != "sft":
        none = Bound(None, None, f"no bound is proved for the learner {learner.name}")
        return none, none

    def of(judged: RewardClass) -> Bound:
        terms = RESULTS["T5a"](
            sigma_expert=judged.deviation(case.experts),
            n=n,
            prompt_mass=model.prompt_mass,
            fallback_gap=judged.shift(case.experts, model.pmf),
        )
        return Bound(float((terms @ model.prompt_mass).mean()), "T5a")

    over_class = of(case.rewards)
    only_mirrors = case.rewards.mirror_closed and not case.stated.eligible[2:].any()
    return of(load_class("mirror", model)) if only_mirrors else over_class, over_class


def _mle_upper(case: Case, learner: MLE) -> tuple[Bound, Bound]:
    """T5b in expectation; the expert must be of the learner's finite class."""
    if case.config.expert == "hard":
        none = Bound(None, None, "T5b needs an expert of mle's finite class; hard experts are not")
        return none, none
    spread = np.asarray(heterogeneity(case.experts[0], case.stated.returns))
    spread = np.where(case.stated.eligible, spread, 0.0).max(0)
    size = learner.log_class_size(case.model.prompts)

    def of(sigma: float) -> Bound:
        value = RESULTS["T5b"](
            sigma_expert=sigma, horizon=case.horizon, n=case.n, log_class_size=size, delta=None
        )
        return Bound(float(value), "T5b")

    # Over all of calR no return law on [0, H] spreads by more than H/2.
    return of(float(np.sqrt(case.model.prompt_mass @ spread**2))), of(case.horizon / 2)


def verifier_errors(case: Case) -> dict[str, Bound]:
    """T6's errors in expectation that hold for every truth at once, by label; and `failure`.

    `failure` is the probability that the version space lost the truth, weighted over prompts and
    blocks: zero where labels are clean.
    """
    mass, rho, n = case.rewards.verified_blocks, case.model.prompt_mass, case.n
    if case.noise > 0:
        unsettled = RESULTS["T6c"](
            style_mass=mass, n=n, noise=case.noise, tolerance=case.tolerance, prompt_mass=rho
        )
        return {"T6c": Bound(float(rho @ unsettled), "noisy eu_n")}
    unseen = RESULTS["T6b"](style_mass=mass, n=n, prompt_mass=rho)
    size = case.rewards.log_sizes().sum()
    return {
        "T6b": Bound(float(rho @ unseen), "eu_n"),
        "T6a": Bound(float(RESULTS["T6a"](n=n, log_class_size=size, uniform=True)), "es_n"),
    }


def verification_terms(case: Case, learner: str, error: float) -> dict[str, float]:
    """Every bound of T7 for the learner, by name, from the verifier's error."""
    terms = bounds.vb_upper_terms(
        case.horizon, error, learner=learner, kappa=case.config.kappa, failure=lost_truth(case),
        **case.worst,
    )  # fmt: skip
    return {name: float(value) for name, value in terms.items()}


def lost_truth(case: Case) -> float:
    """Probability that noisy labels ruled the truth out, weighted over prompts (T6c)."""
    if case.noise == 0:
        return 0.0
    blocks = (case.rewards.verified_blocks > 0).sum(-1)
    lost = bounds.wrong_verdict(case.noise, case.tolerance)
    return float(case.model.prompt_mass @ (blocks * lost))


def search_upper(case: Case, learner: BestOfN) -> tuple[Bound, Bound]:
    """T10e for best-of-N by the learned verifier, and the verifier's error that it uses."""
    errors = verifier_errors(case)
    if case.rewards.blocks is None:
        # The least consistent return need not be one reward's, so a finite class's error is out.
        errors.pop("T6a", None)
    error = min(errors.values(), key=lambda bound: bound.value or 0.0)
    value = RESULTS["T10e"](
        horizon=case.horizon, error=error.value, delta=learner.missing(case.horizon),
        kappa=case.config.kappa, max_ratio=case.worst["max_ratio"], failure=lost_truth(case),
    )  # fmt: skip
    return Bound(float(value), "T10e"), error


def verification_upper(case: Case) -> tuple[Bound, Bound]:
    """T7 (T10e for search), with the smallest of T6's errors that hold for E sup_r; that error."""
    errors = verifier_errors(case).values()
    error = min(errors, key=lambda bound: bound.value or 0.0)
    assert error.value is not None
    learner = case.learners["vb"].name
    if isinstance(case.learners["vb"], BestOfN):
        return search_upper(case, case.learners["vb"])
    if learner not in bounds.VB_LEARNERS:
        return Bound(None, None, f"no bound is proved for the learner {learner}"), error
    terms = verification_terms(case, learner, error.value)
    best = min(terms, key=lambda key: terms[key])
    return Bound(terms[best], best), error
