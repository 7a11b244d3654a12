"""The reward is known: nothing to verify, and no mirror to fear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.core.errors import InputError
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel
from antiscale.rewards.blocks import PointwiseRewards
from antiscale.rewards.votes import Pair, Votes


@pytree
@dataclass(frozen=True, eq=False)
class Known(PointwiseRewards):
    """calR_x = {r}: both sides know the reward.

    What is left of the comparison where types are not announced: SFT's loss at one reward is zero
    on average at every prompt it has seen, verification has nothing to learn, and T4, which needs
    the mirror, does not apply.
    """

    name: ClassVar[str] = "known"
    mirror_closed: ClassVar[bool] = False
    blocks: ClassVar[None] = None
    needs_announcement: ClassVar[bool] = False
    pmf: Floats
    returns: Floats

    @classmethod
    def of(cls, model: TraceModel) -> Known:
        """Bind the class to `model`."""
        return cls(model.pmf, model.returns)

    @property
    def alike(self) -> npt.NDArray[np.int64]:
        """No type tells anything new."""
        return np.full(self.pmf.shape, -1)

    @property
    def verified_member(self) -> Floats:
        """No block, [m, S, 0]."""
        return np.zeros((*self.pmf.shape, 0))

    @property
    def verified_blocks(self) -> Floats:
        """No block need be seen, [m, 0]."""
        return np.zeros((len(self.pmf), 0))

    def log_sizes(self) -> Floats:
        """Return log 1."""
        return np.zeros(len(self.pmf))

    def all_members(self) -> tuple[Floats, Any]:
        """Return r."""
        return self.returns[None], np.ones((1, len(self.pmf)), dtype=bool)

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Return r, `count` times."""
        return np.broadcast_to(self.returns, (count, *self.returns.shape))

    def worst_loss(self, difference: Array) -> Array:
        """E_difference R, with its sign."""
        return jnp.sum(difference * self.returns, axis=-1)

    def deviation(self, expert: Floats) -> Floats:
        """0: the spread of the empirical expert cancels on average (sigma_e of T5a)."""
        return np.zeros(expert.shape[:-1])

    def shift(self, expert: Floats, policy: Floats) -> Floats:
        """(J_e - J)^+, [..., m], in tokens."""
        return np.maximum(((expert - policy) * self.returns).sum(-1), 0.0)

    def flip(self, labels: Array) -> Array:
        """No channel of flipped labels is defined for this class."""
        raise InputError(f"reward class {self.name!r} has no noisy labels; use noise = 0")

    def pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Return r."""
        returns = jnp.broadcast_to(self.returns, labels.shape)
        return returns, jnp.ones(labels.shape[:-1], dtype=bool)

    def posterior_mean(self, seen: Array, labels: Array, votes: Votes | None = None) -> Array:
        """Return r."""
        return jnp.broadcast_to(self.returns, labels.shape)

    def binary_pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Return 1[R > 0]."""
        returns, told = self.pessimist(seen, labels, votes)
        return (returns > 0).astype(jnp.float64), told
