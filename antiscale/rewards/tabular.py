"""Any whole-number return for any type: nothing is known of the reward but its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from antiscale.core.errors import InputError
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel
from antiscale.rewards.blocks import BlockRewards, Blocks, TypeByType
from antiscale.rewards.votes import Pair, Votes

# Up to this many members the class can be written down.
_WRITABLE = 2**20


@pytree
@dataclass(frozen=True, eq=False)
class Tabular(TypeByType, BlockRewards):
    """calR_x = {0, 1, ..., H}^S: any label per type, independently.

    One labelled trace of a type tells that type's label and nothing of the others (T6 with types
    for blocks). Over the class a policy's worst loss is H times its total variation from the
    expert: the blocks of T5a are f_j = H 1[j].
    """

    name: ClassVar[str] = "tabular"
    mirror_closed: ClassVar[bool] = True
    pmf: Floats
    returns: Floats
    horizon: float

    @classmethod
    def of(cls, model: TraceModel) -> Tabular:
        """Bind the class to `model`; its returns must be whole numbers of tokens."""
        if (model.returns[model.pmf > 0] % 1 != 0).any():
            raise InputError(
                "reward class 'tabular' holds labels 0, 1, ..., H; this model's returns are not "
                "whole numbers of tokens; round its hitting times or use 'mirror'"
            )
        return cls(model.pmf, model.returns, float(model.horizon))

    @property
    def blocks(self) -> Blocks:
        """f_j = H 1[j]."""
        height: Any = (self.pmf > 0) * self.horizon
        return Blocks(height, None, self.pmf.shape[-1])

    def log_sizes(self) -> Floats:
        """S_x log(H + 1), S_x the size of the support."""
        return np.log1p(self.horizon) * (self.pmf > 0).sum(-1)

    def all_members(self) -> tuple[Floats, Any]:
        """Return all labellings of the first prompt's support, if there are few."""
        support = self.pmf > 0
        labels = int(self.horizon) + 1
        widest = int(np.max(support.sum(-1)))
        if labels**widest > _WRITABLE:
            raise InputError(f"the class has {labels}^{widest} members; too many to write down")
        digits = np.stack(
            np.meshgrid(*[np.arange(labels, dtype=float)] * widest, indexing="ij"), -1
        ).reshape(-1, widest)
        members = np.zeros((len(digits), *self.pmf.shape))
        there = np.zeros((len(digits), len(support)), dtype=bool)
        for x, used in enumerate(support):
            size = int(used.sum())
            members[:, x, used] = digits[:, widest - size :]
            there[:, x] = (digits[:, : widest - size] == 0).all(-1)
        return members, there

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw each label uniformly."""
        drawn = rng.integers(0, int(self.horizon) + 1, (count, *self.pmf.shape))
        return np.where(self.pmf > 0, drawn, 0).astype(float)

    def flip(self, labels: Array) -> Array:
        """The label that a reversed verdict gives: H - R."""
        return self.horizon - labels

    def _least(self, seen: Array, labels: Array, votes: Votes | None, most: float) -> Pair:
        """Least labels in [0, most] and where any is known; a flip makes most - label of one."""
        known, label = seen & (self.pmf > 0), labels
        if votes is not None:
            sure, as_given = votes.verdict(votes.counts - 2.0 * votes.flipped)
            known = known & (sure | (labels == most - labels))
            label = jnp.where(as_given, labels, most - labels)
        return jnp.where(known, label, 0.0), jnp.any(known, axis=-1)

    def pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Types whose label is not known count as 0."""
        return self._least(seen, labels, votes, self.horizon)

    def binary_pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """As `pessimist` for labels 0 and 1."""
        return self._least(seen, labels, votes, 1.0)

    def posterior_mean(self, seen: Array, labels: Array, votes: Votes | None = None) -> Array:
        """H/2 for types that were not seen."""
        if votes is None:
            return jnp.where(seen & (self.pmf > 0), labels, self.horizon / 2)
        belief = votes.belief(votes.counts - 2.0 * votes.flipped)
        mean = belief * labels + (1.0 - belief) * (self.horizon - labels)
        return jnp.where(seen & (self.pmf > 0), mean, self.horizon / 2)
