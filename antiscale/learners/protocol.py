"""What passes between the simulation and a learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import jax

from antiscale.classes import RewardClass


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Data:
    """What a learner has seen: counts of types, and their labels if there is a verifier.

    Both are [..., m, S] and broadcast against one another: the same traces may come with the
    labels of many rewards at once.
    """

    counts: jax.Array
    labels: jax.Array | None = None


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
    """

    pmf: jax.Array
    prompt_mass: jax.Array
    horizon: float
    kappa: float
    rewards: RewardClass


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
