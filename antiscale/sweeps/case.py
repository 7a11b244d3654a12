"""Everything known about one (H, n) of a sweep before data are drawn, with the bounds there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.ball.optimum import BallOptimum, chi2_ball_optimum
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.data import hard_block_experts, hard_experts
from antiscale.learners import Bound, GridPrior, Learner, Premises
from antiscale.models.measures import anticoncentration, coverage, heterogeneity
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass, tolerance
from antiscale.rewards.evaluation import StatedRewards, stated_rewards
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.plan import Plan, Planned


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(Premises):
    """One (H, n) of a sweep before data are drawn: the premises of its bounds, and T4.

    Attributes
    ----------
    plan
        The sweep's.
    c0, c0_stated
        The true reward's anti-concentration, and what a stated reward must reach.
    optima
        The ball's optimum for each stated reward.
    widest
        The expert of the largest spread under the true reward (T4g).
    lower
        T4 over the stated rewards and over calR.
    whole
        Whether bounds over all of calR are computed where the stated rewards do not need them.
    """

    plan: Plan
    c0: float
    c0_stated: float
    optima: BallOptimum
    widest: bounds.LargestSpread
    lower: LowerBounds
    whole: bool = True

    @property
    def config(self) -> SweepConfig:
        """The sweep's configuration."""
        return self.plan.config

    @property
    def learners(self) -> dict[str, Learner]:
        """One per side, "vf" and "vb"."""
        return self.plan.learners

    def with_samples(self, n: int, *, lower_too: bool = True) -> Case:
        """Return the same cell with another number of traces; what does not depend on n is kept.

        Without `lower_too` also T4 is kept, and is then that of the old n.
        """
        if not lower_too:
            return replace(self, n=n, tolerance=_tolerance(self.rewards, n, self.noise))
        experts = None if self.drawn else self.experts
        lower = LowerBounds.of(
            self.plan, self.model, self.rewards, self.stated, n, experts, self.widest,
            whole=self.whole,
        )  # fmt: skip
        if experts is None:
            experts = lower.experts(self.config, self.model, self.rewards, n)
        slack = _tolerance(self.rewards, n, self.noise)
        return replace(self, n=n, tolerance=slack, lower=lower, experts=experts)

    @classmethod
    def of(
        cls, plan: Planned, horizon: int, n: int, noise: float = 0.0, *, whole: bool = True
    ) -> Case:
        """Set up one cell; `whole` as the attribute.

        Raises
        ------
        InputError
            If no reward of the class is as anti-concentrated as asked for, or the expert, the form
            or the class do not fit each other.
        """
        plan = Plan.of(plan)
        config, kappa = plan.config, plan.config.kappa
        model, rewards = plan.model_at(horizon)
        c0, mirrored = (
            plan.once((name, horizon, kappa), partial(_least_concentrated, model, returns, kappa))
            for name, returns in (("c0", model.returns), ("mirror", horizon - model.returns))
        )
        # Unless told otherwise, as much as both r and rbar reach: T4 needs them both.
        required = min(c0, mirrored) if rewards.mirror_closed else c0
        required = required if config.c0 is None else config.c0
        stated = stated_rewards(
            model, rewards, kappa=kappa, c0=required, count=config.rewards, seed=config.seed
        )
        if plan.tied:
            stated = stated.joint()
        if not stated.eligible.any(0).all():
            raise InputError(
                f"no reward of the class reaches c_0 = {required:g} at every prompt "
                f"(the true reward's own is {c0:.4g}); lower c0"
            )
        optima = chi2_ball_optimum(model.pmf, stated.returns, kappa)
        experts = None
        if config.expert == "optimal":
            # The true reward stands first.
            experts = (model.pmf * np.asarray(optima.density_ratio)[0])[None]
        elif config.expert == "base":
            experts = model.pmf[None]
        widest = plan.once(
            ("widest", horizon, kappa),
            lambda: bounds.largest_spread(model.pmf, model.returns, kappa),
        )
        lower = LowerBounds.of(plan, model, rewards, stated, n, experts, widest, whole=whole)
        if experts is None:
            experts = lower.experts(config, model, rewards, n)
        return cls(
            horizon=horizon, n=n, noise=noise, kappa=kappa, model=model, rewards=rewards,
            stated=stated, experts=experts, drawn=config.expert == "hard",
            worst=worst_over(stated, model, optima), tolerance=_tolerance(rewards, n, noise),
            plan=plan, c0=c0, c0_stated=required, optima=optima, widest=widest, lower=lower,
            whole=whole,
        )  # fmt: skip


def _least_concentrated(model: TraceModel, returns: Floats, kappa: float) -> float:
    """c_0 of a reward: its anti-concentration, least over prompts."""
    return float(anticoncentration(model.pmf, returns, kappa, horizon=model.horizon).min())


def _tolerance(rewards: RewardClass, n: int, noise: float) -> Floats:
    """Labels by which a verdict may be outvoted, per prompt; zero where labels are clean."""
    blocks = (rewards.verified_blocks > 0).sum(-1)
    return tolerance(blocks, n, noise) if noise > 0 else np.zeros(len(blocks))


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

    `over_stated` and `over_class` hold for the worst expert of the ball, or under the hard prior;
    `local`, over the stated rewards, for the worst expert near the drawn one (T4f), or as they do
    under that prior.

    `grid` is the prior of T4a or T4c whichever form is reported; `prior` and `block_prior` are
    what `--expert hard` draws from. `block_masses` are the masses and mean returns of the blocks,
    [m, B], in the `order` in which T4b and T4d pair them.
    """

    over_stated: Bound
    over_class: Bound
    local: Bound
    grid: bounds.Prior | None
    prior: bounds.Prior | None
    block_prior: bounds.BlockPrior | None
    order: Floats
    block_masses: tuple[Floats, Floats] | None = None

    @classmethod
    def of(
        cls,
        plan: Plan,
        model: TraceModel,
        rewards: RewardClass,
        stated: StatedRewards,
        n: int,
        experts: Floats | None,
        widest: bounds.LargestSpread,
        *,
        whole: bool = True,
    ) -> LowerBounds:
        """Choose the largest form that the class allows; `experts` is None under the hard prior.

        With tied learners the risk is over joint rewards, in which mirrors are not chosen prompt by
        prompt, so T4 holds for a single prompt only. Without `whole` T4b and T4d, which take the
        longest, are left out of `over_class` where the rewards are not all of calR.
        """
        config = plan.config
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
            none = Bound.none(why)
            return cls(none, none, none, None, None, None, np.zeros((model.prompts, 0)))
        prior = block_prior = block_masses = near = None
        blocks = rewards.blocks
        mass = np.zeros((model.prompts, 0)) if blocks is None else blocks.mass(model.pmf)
        order = np.argsort(-mass, axis=-1, kind="stable")
        candidates = []
        law: dict[str, Any] = {"pmf": model.pmf, "returns": model.returns, "n": n}
        law |= {"prompt_mass": rho, "kappa": kappa}
        points = config.form != "blocks"
        place = model.horizon, kappa, n
        if points and (experts is None or plan.needs("prior")):
            prior = plan.once(
                ("prior", *place), lambda: bounds.hardest_prior(**law, form=config.form)
            )
        if points and experts is not None:

            def near_expert() -> Floats:
                hardest = bounds.hardest_centre(**law, widest=widest.policy)
                centres = np.stack([model.pmf, hardest, experts[0]])
                return bounds.vf_lower(**law, centre=centres, form=config.form)

            around = plan.once(("around", *place), near_expert)
            candidates.append(Bound(float(rho @ around.max(0)), "T4f"))
            near = Bound(float(rho @ around[-1]), "T4f")
        elif prior is not None:
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
            block_prior = plan.once(
                ("blocks", *place),
                partial(bounds.hardest_block_prior, *block_masses, n, prompt_mass=rho, kappa=kappa),
            )
            candidates.append(Bound(float(rho @ block_prior.value), "T4b"))
            if config.expert != "hard":
                grids = plan.once(
                    ("block grids", *place),
                    partial(
                        bounds.vf_lower_blocks, style_mass=block_masses[0],
                        style_return=block_masses[1], n=n, prompt_mass=rho, kappa=kappa,
                        form="many_point",
                    ),
                )  # fmt: skip
                candidates.append(Bound(float(rho @ grids), "T4d"))
        if not candidates:
            raise InputError(
                "form 'blocks' needs the reward class 'styles' with at least two styles, or "
                "'tabular'; choose another form or class"
            )
        over_class = max(candidates, key=lambda bound: bound.value or 0.0)
        grid = prior
        if plan.tied and model.prompts > 1:
            over_stated = Bound.none(
                "T4 needs mirrors chosen prompt by prompt; a learner with one set of parameters "
                "for all prompts is judged on joint rewards"
            )
        elif stated.all_of_class:
            over_stated = over_class
        elif config.form == "blocks":
            over_stated = Bound.none("T4b and T4d hold over all of calR only")
        elif stated.with_mirror:
            over_stated = candidates[0]
        else:
            over_stated = Bound.none(
                "the mirror of the true reward is not anti-concentrated at every prompt"
            )
        if experts is None:
            # A simulation under one prior is held to that prior's bound alone.
            used = over_stated if over_stated.name else over_class
            over_class = used
            if used.name == "T4b":
                prior = None
            else:
                block_prior = None
        local = over_stated if near is None or over_stated.name is None else near
        return cls(
            over_stated, over_class, local, grid, prior, block_prior, order.astype(float),
            block_masses,
        )  # fmt: skip

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
    lower, upper = case.lower.over_stated, case.learners["vb"].upper(case, "stated")
    if lower.value is None or upper.value is None:
        return Bound.none(lower.reason or upper.reason or "")
    gap = bounds.certified_gap(vf_lower=lower.value, vb_upper=upper.value)
    return Bound(float(gap), f"{lower.name} - {upper.name}")
