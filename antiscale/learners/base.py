"""What passes between the simulation and a learner, and what a learner says of itself."""

from dataclasses import dataclass, field
from typing import Literal

import jax

from antiscale.core.pytree import pytree
from antiscale.learners.premises import Bound, Over, Premises
from antiscale.rewards import RewardClass, Votes


@pytree
@dataclass(frozen=True)
class Data:
    """What a learner has seen: counts of types, and their labels if there is a verifier.

    Both are [..., m, S] and broadcast against one another: the same traces may come with the
    labels of many rewards at once. Where labels are noisy, `labels` are those before flips and
    `votes` says how often they were flipped; a learner must not tell one from the other.
    """

    counts: jax.Array
    labels: jax.Array | None = None
    votes: Votes | None = None


@pytree
@dataclass(frozen=True)
class GridPrior:
    """Experts pi_b (1 + theta g), theta uniform on a grid from -scale to scale (T4a, T4c).

    Attributes
    ----------
    scale : [m]
        eps (two points) or a (many points).
    many : [m]
        Whether the grid has all its `steps` + 1 points or the two ends alone.
    steps
        K of T4c.
    """

    scale: jax.Array
    many: jax.Array
    steps: int = field(metadata={"static": True})


@pytree
@dataclass(frozen=True)
class Setting:
    """What a learner knows beforehand.

    Attributes
    ----------
    pmf : [m, S]
        The base policy.
    prompt_mass : [m]
        rho(x).
    horizon
        H, in tokens.
    kappa
        Radius of the chi-square ball.
    rewards
        The reward class calR. A verifier-free learner knows it as well (T4's supremum is over a
        class the learner may know) but never which reward is the true one.
    pair : [m, S]
        Returns R of the pair {r, rbar} of mirrors, in tokens; which of the two is the true
        reward a verifier-free learner is not told.
    prior
        Scale of the prior under which T4 is a Bayes bound, for the learner `bayes`.
    features : [m, S, D]
        What the log-linear policies see of a type, the same weights at every prompt.
    """

    pmf: jax.Array
    prompt_mass: jax.Array
    horizon: float
    kappa: float
    rewards: RewardClass
    pair: jax.Array | None = None
    prior: GridPrior | None = None
    features: jax.Array | None = None


class Learner:
    """What a learner is, and what it says of itself.

    A learner is a frozen dataclass (it is a static argument of compiled functions) with:

    Attributes
    ----------
    name
        What it is called in rows, tables and options.
    side
        "vf", verifier-free, or "vb", verifier-based.
    tied
        Whether its policy at one prompt depends on the data of others; its risk is then a supremum
        over joint rewards.
    confined
        Whether its policy never leaves the ball Pi_kappa; its regret is then not negative.
    seen_only
        Whether its policy at a prompt depends on nothing but the labels seen there, up to types
        that are alike to the reward class, and not on how often they were seen.
    empirical
        Whether its policy is the empirical frequency of the types, pi_b at unseen prompts.
    needs
        Fields of `Setting` that it reads beside the base policy: "pair", "prior", "features".
    """

    name: str
    side: Literal["vf", "vb"]
    tied: bool = False
    confined: bool = False
    seen_only: bool = False
    empirical: bool = False
    needs: frozenset[str] = frozenset()

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """Return the policy, [..., m, S]."""
        raise NotImplementedError

    def upper(self, premises: Premises, over: Over) -> Bound:
        """Return the upper bound on its risk, in tokens, or the reason why there is none.

        `over` is "stated", the supremum over the stated rewards, or "class", over all of calR.
        """
        return Bound.none(f"no bound is proved for the learner {self.name}")

    def verifier_error(self, premises: Premises) -> Bound:
        """Return the least of T6's errors that its bound may use (verifier-based learners)."""
        return premises.least_error()


class TwoStep(Learner):
    """A learner that first fits a verifier to the data, then plans with what was fitted alone.

    Data that lead to the same fit are planned for once.
    """

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        """Return what was learned, [..., m, E]; two equal rows of a prompt mean the same policy."""
        raise NotImplementedError

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """Return the policy, [..., m, S]."""
        raise NotImplementedError

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """Fit, then plan."""
        return self.plan(self.fit(data, setting), setting)
