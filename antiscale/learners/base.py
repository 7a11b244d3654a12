"""What passes between the simulation and a learner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import jax

from antiscale.rewards import RewardClass, Votes


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
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


class Learner(Protocol):
    """The protocol; see the module's docstring."""

    @property
    def name(self) -> str:
        """What the learner is called in rows, tables and options."""
        ...

    @property
    def side(self) -> Literal["vf", "vb"]:
        """Whether it is verifier-free or verifier-based."""
        ...

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """Return the policy, [..., m, S]."""
        ...
