"""The smallest class for which cloning is hard: a reward and its mirror at every prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel
from antiscale.rewards.blocks import BlockRewards, Blocks
from antiscale.rewards.votes import Pair, Votes


@pytree
@dataclass(frozen=True, eq=False)
class Mirror(BlockRewards):
    """calR_x = {r, rbar}: Rbar = H - R, again bi-level (Tbar = R + 1).

    One trace with R != H/2 tells the two apart.
    """

    name: ClassVar[str] = "mirror"
    mirror_closed: ClassVar[bool] = True
    pmf: Floats
    returns: Floats
    horizon: float

    @classmethod
    def of(cls, model: TraceModel) -> Mirror:
        """Bind the class to `model`."""
        return cls(model.pmf, model.returns, float(model.horizon))

    @property
    def _tells(self) -> Any:
        """Whether seeing the type tells r from rbar, [m, S]."""
        return (self.returns != self.horizon / 2) & (self.pmf > 0)

    @property
    def blocks(self) -> Blocks:
        """One block, f = R."""
        return Blocks(self.returns, np.zeros(self.returns.shape, dtype=np.int64), 1)

    @property
    def _ends(self) -> Any:
        """Whether seeing the type tells 1[R > 0] from 1[R < H], [m, S]: R = 0 or R = H."""
        return ((self.returns == 0) | (self.returns == self.horizon)) & (self.pmf > 0)

    @property
    def alike(self) -> npt.NDArray[np.int64]:
        """1 for the ends, which tell the 0/1 rewards apart too, 0 for other types that tell."""
        return np.where(self._tells, self._ends, -1)

    @property
    def verified_member(self) -> Floats:
        """1[the type tells r from rbar], [m, S, 1]."""
        return np.asarray(self._tells, dtype=float)[..., None]

    @property
    def verified_blocks(self) -> Floats:
        """P(R != H/2), [m, 1]: until such a trace is seen, r and rbar are both possible."""
        # At most 1 but for rounding: a sum of many masses may exceed it.
        return np.minimum(np.where(self._tells, self.pmf, 0.0).sum(-1, keepdims=True), 1.0)

    def log_sizes(self) -> Floats:
        """Return log 2, or 0 where R = H/2 surely and the mirror is the reward itself."""
        return np.where(self._tells.any(-1), math.log(2), 0.0)

    def all_members(self) -> tuple[Floats, Any]:
        """Return r and rbar."""
        r = self.returns
        there = np.stack([np.ones(len(r), dtype=bool), self._tells.any(-1)])
        return np.stack([r, self.horizon - r]), there

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw r or rbar."""
        r = self.returns
        flip = rng.integers(0, 2, (count, len(r), 1), dtype=np.int64).astype(bool)
        return np.where(flip, self.horizon - r, r)

    def flip(self, labels: Array) -> Array:
        """The label that a reversed verdict gives: H - R."""
        return self.horizon - labels

    def _verdict(self, seen: Array, says_r: Array, tells: Any, votes: Votes | None) -> Pair:
        """Whether the reward is r, and whether the labels tell: both [..., m]."""
        evidence = seen & tells
        if votes is None:
            return jnp.any(evidence & says_r, axis=-1), jnp.any(evidence, axis=-1)
        lead = votes.lead(says_r, jnp.asarray(tells, jnp.float64)[..., None])
        told, is_r = votes.verdict(lead)
        return is_r[..., 0], told[..., 0]

    def pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Return the reward that the labels name, where they name one."""
        r, horizon = self.returns, self.horizon
        is_r, told = self._verdict(seen, labels == r, self._tells, votes)
        return jnp.where(is_r[..., None], r, horizon - r), told

    def posterior_mean(self, seen: Array, labels: Array, votes: Votes | None = None) -> Array:
        """R, H - R, or their mean by what the labels say of each."""
        r, horizon = self.returns, self.horizon
        if votes is None:
            is_r, told = self._verdict(seen, labels == r, self._tells, None)
            belief = jnp.where(told, is_r.astype(jnp.float64), 0.5)
        else:
            tells = jnp.asarray(self._tells, jnp.float64)[..., None]
            belief = votes.belief(votes.lead(labels == r, tells))[..., 0]
        return belief[..., None] * r + (1.0 - belief[..., None]) * (horizon - r)

    def binary_pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Only R = 0 or R = H tells 1[R > 0] from 1[R < H]."""
        r, horizon = self.returns, self.horizon
        is_r, told = self._verdict(seen, labels == (r > 0), self._ends, votes)
        lower = jnp.where(is_r[..., None], r > 0, r < horizon)
        return lower.astype(jnp.float64), told
