"""What is known of one (H, n) before data are drawn: the premises of learners' bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from antiscale import bounds
from antiscale.core.validate import Floats
from antiscale.models.measures import heterogeneity
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass, load_class
from antiscale.rewards.evaluation import StatedRewards

# Over which rewards a supremum is taken.
Over = Literal["stated", "class"]
OVER: tuple[Over, Over] = ("stated", "class")


@dataclass(frozen=True)
class Bound:
    """A bound in tokens with its label; `value` is None where none applies, and `reason` why."""

    value: float | None
    name: str | None = None
    reason: str | None = None

    @classmethod
    def none(cls, reason: str) -> Bound:
        """No bound, for this reason."""
        return cls(None, None, reason)


@dataclass(frozen=True, eq=False, kw_only=True)
class Premises:
    """One (H, n) before data are drawn.

    Attributes
    ----------
    horizon, n, noise, kappa
        H in tokens, traces per side, the probability of a reversed label, the ball's radius.
    model, rewards, stated
        The trace model, the class calR bound to it, and the rewards of the risk's supremum.
    experts : [1 or R, m, S]
        Whose traces are cloned.
    drawn
        Whether the experts are drawn from T4's prior, one per replicate.
    worst
        T7's sigma, W (`max_ratio`) and ct_0 (`coverage`), the worst over the stated rewards.
    tolerance : [m]
        Labels by which a verdict may be outvoted; zero where labels are clean.
    """

    horizon: int
    n: int
    noise: float
    kappa: float
    model: TraceModel
    rewards: RewardClass
    stated: StatedRewards
    experts: Floats
    drawn: bool
    worst: dict[str, float]
    tolerance: Floats

    def class_over(self, over: Over) -> RewardClass:
        """Return the smallest reward class known to hold the rewards of the supremum."""
        only_mirrors = self.rewards.mirror_closed and not self.stated.eligible[2:].any()
        if over == "stated" and only_mirrors:
            return load_class("mirror", self.model)
        return self.rewards

    def expert_spread(self, over: Over) -> float:
        """Root mean square over prompts of the largest sd of a return under the one expert."""
        if over == "class":
            return self.horizon / 2  # no law on [0, H] spreads by more
        spread = np.asarray(heterogeneity(self.experts[0], self.stated.returns))
        spread = np.where(self.stated.eligible, spread, 0.0).max(0)
        return float(np.sqrt(self.model.prompt_mass @ spread**2))

    @cached_property
    def verifier_errors(self) -> dict[str, Bound]:
        """T6's errors in expectation that hold for every truth at once, by label."""
        mass, rho, n = self.rewards.verified_blocks, self.model.prompt_mass, self.n
        if self.noise > 0:
            unsettled = bounds.noisy_unseen_mass(
                style_mass=mass, n=n, noise=self.noise, tolerance=self.tolerance, prompt_mass=rho
            )
            return {"T6c": Bound(float(rho @ unsettled), "noisy eu_n")}
        unseen = bounds.unseen_mass(style_mass=mass, n=n, prompt_mass=rho)
        size = self.rewards.log_sizes().sum()
        finite = bounds.verifier_error(n=n, log_class_size=size, uniform=True)
        return {"T6b": Bound(float(rho @ unseen), "eu_n"), "T6a": Bound(float(finite), "es_n")}

    def least_error(self, without: str | None = None) -> Bound:
        """Return the least of T6's errors, but for the one with the label `without`."""
        errors = (bound for label, bound in self.verifier_errors.items() if label != without)
        return min(errors, key=lambda bound: bound.value or 0.0)

    @cached_property
    def lost_truth(self) -> float:
        """Probability that noisy labels ruled the truth out, weighted over prompts (T6c)."""
        if self.noise == 0:
            return 0.0
        blocks = (self.rewards.verified_blocks > 0).sum(-1)
        lost = bounds.wrong_verdict(self.noise, self.tolerance)
        return float(self.model.prompt_mass @ (blocks * lost))
