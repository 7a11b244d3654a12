"""Blocks: rewards built from functions with disjoint supports (T4b, T5a).

Reward classes and blocks are JAX pytrees: they pass through `jax.jit` as data, so that one
compilation serves every horizon.
"""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.ball.optimum import ball_policy
from antiscale.core import device as device
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats


@pytree
@dataclass(frozen=True, eq=False)
class Blocks:
    """At each prompt, f_b(j) = value[j] for types j of block b, and 0 elsewhere.

    Attributes
    ----------
    value : [m, S]
        f(j), in tokens.
    index : [m, S]
        Block of each type, in 0..B-1; None where each type is a block of its own.
    count
        B.
    """

    value: Floats
    index: npt.NDArray[np.int64] | None
    count: int = field(metadata={"static": True})

    @property
    def member(self) -> Floats:
        """1[type j is in block b], [m, S, B]."""
        # Not cached: under jit the value belongs to the trace in which it was made.
        if self.index is None:
            return np.broadcast_to(np.eye(self.count), (*np.shape(self.value), self.count))
        return (self.index[..., None] == np.arange(self.count)).astype(float)

    def over_blocks(self, z: Any) -> Any:
        """Sum of z(j) over the types of each block: [..., m, S] -> [..., m, B]."""
        if self.index is None:
            return z
        xp = jnp if isinstance(z, Array) else np
        return xp.einsum("...ms,msb->...mb", z, self.member)

    def over_types(self, z: Any) -> Any:
        """z(b) of the block of each type: [..., m, B] -> [..., m, S]."""
        if self.index is None:
            return z
        xp = jnp if isinstance(z, Array) else np
        index = xp.broadcast_to(self.index, (*z.shape[:-1], self.index.shape[-1]))
        return xp.take_along_axis(z, index, axis=-1)

    def mass(self, pmf: Floats) -> Floats:
        """p_b = pi(b), [..., m, B], for a policy [..., m, S]."""
        # At most 1 but for rounding: a sum of many masses may exceed it.
        return np.minimum(self.over_blocks(pmf), 1.0)

    def mean(self, pmf: Floats) -> Floats:
        """E_pi f_b, [..., m, B], in tokens."""
        return self.over_blocks(pmf * self.value)

    def deviation(self, pmf: Floats) -> Floats:
        """(1/2)(sum_b sd_pi(f_b) + sd_pi(sum_b f_b)), [..., m], in tokens: sigma_e of T5a.

        For one block this is sd_pi(f).
        """
        mean = self.mean(pmf)
        square = self.over_blocks(pmf * self.value**2)
        centred = self.value - mean.sum(-1, keepdims=True)
        whole = np.sqrt((pmf * centred**2).sum(-1))
        parts = np.sqrt(np.maximum(square - mean**2, 0)).sum(-1)
        return whole if self.count == 1 else 0.5 * (parts + whole)

    def shift(self, expert: Floats, policy: Floats) -> Floats:
        """max(sum_b delta_b^+, sum_b delta_b^-), [..., m], in tokens, delta_b = E_e f_b - E f_b.

        T5a's fallback term, with the base policy as `policy`.
        """
        delta = self.mean(expert) - self.mean(policy)
        return np.maximum(np.maximum(delta, 0).sum(-1), np.maximum(-delta, 0).sum(-1))

    def worst_loss(self, difference: Array) -> Array:
        """Sup over all rewards of the class of E_difference R, [..., m], in tokens.

        `difference` [..., m, S] is pi_e - pihat. The supremum is max(sum_b delta_b^+,
        sum_b delta_b^-): the first over rewards sum_b v_b f_b, the second over mirrors.
        """
        delta = self.over_blocks(difference * self.value)
        return jnp.maximum(jnp.maximum(delta, 0.0).sum(-1), jnp.maximum(-delta, 0.0).sum(-1))


class TypeByType:
    """Classes where a label of one type tells nothing of the others: until seen it may be any."""

    pmf: Floats

    @property
    def alike(self) -> npt.NDArray[np.int64]:
        """Each type by itself."""
        return np.where(self.pmf > 0, np.arange(self.pmf.shape[-1]), -1)

    @property
    def verified_member(self) -> Floats:
        """Each type by itself, [m, S, S]."""
        return np.broadcast_to(np.eye(self.pmf.shape[-1]), (*self.pmf.shape, self.pmf.shape[-1]))

    @property
    def verified_blocks(self) -> Floats:
        """p_j, [m, S]."""
        return self.pmf


def side_by_side(least: Array, told: Array) -> Array:
    """Return what a pessimist gives in one array, [..., m, S + 1]."""
    told = jnp.broadcast_to(told, least.shape[:-1])[..., None]
    return jnp.concatenate([least, told.astype(least.dtype)], axis=-1)


class PointwiseRewards:
    """Classes whose pointwise least consistent reward is itself consistent: T2 at it is best."""

    pmf: Floats
    pessimist: Any
    binary_pessimist: Any

    def version(
        self, seen: Array, labels: Array, votes: Any = None, *, binary: bool = False
    ) -> Array:
        """The least consistent reward, and whether labels tell its kind (`side_by_side`)."""
        pessimist = self.binary_pessimist if binary else self.pessimist
        return side_by_side(*pessimist(seen, labels, votes))

    def pessimal_policy(self, version: Array, kappa: Any, *, binary: bool = False) -> Array:
        """Best policy of the ball for the worst consistent reward, [..., m, S]."""
        return ball_policy(self.pmf, version[..., :-1], kappa, version[..., -1] > 0)


class BlockRewards(PointwiseRewards):
    """What the classes made of blocks have in common."""

    blocks: Any

    def worst_loss(self, difference: Array) -> Array:
        """Sup over all rewards of the class of E_difference R, [..., m], in tokens."""
        return self.blocks.worst_loss(difference)

    def deviation(self, expert: Floats) -> Floats:
        """sigma_e of T5a, [..., m], in tokens."""
        return self.blocks.deviation(expert)

    def shift(self, expert: Floats, policy: Floats) -> Floats:
        """What is lost where `policy` is played for the expert, [..., m], in tokens."""
        return self.blocks.shift(expert, policy)
