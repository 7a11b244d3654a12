"""Blocks: rewards built from functions with disjoint supports (T4b, T5a).

Reward classes and blocks are JAX pytrees: they pass through `jax.jit` as data, so that one
compilation serves every horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale import device as device
from antiscale.validate import Floats


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Blocks:
    """At each prompt, f_b(j) = value[j] for types j of block b, and 0 elsewhere.

    Attributes
    ----------
    value : [m, S]
        f(j), in tokens.
    index : [m, S]
        Block of each type, in 0..B-1.
    count
        B.
    """

    value: Floats
    index: npt.NDArray[np.int64]
    count: int = field(metadata={"static": True})

    @property
    def member(self) -> Floats:
        """1[type j is in block b], [m, S, B]."""
        # Not cached: under jit the value belongs to the trace in which it was made.
        return (self.index[..., None] == np.arange(self.count)).astype(float)

    def mass(self, pmf: Floats) -> Floats:
        """p_b = pi(b), [..., m, B], for a policy [..., m, S]."""
        return np.einsum("...ms,msb->...mb", pmf, self.member)

    def mean(self, pmf: Floats) -> Floats:
        """E_pi f_b, [..., m, B], in tokens."""
        return np.einsum("...ms,msb->...mb", pmf * self.value, self.member)

    def deviation(self, pmf: Floats) -> Floats:
        """(1/2)(sum_b sd_pi(f_b) + sd_pi(sum_b f_b)), [..., m], in tokens: sigma_e of T5a.

        For one block this is sd_pi(f).
        """
        mean = self.mean(pmf)
        square = np.einsum("...ms,msb->...mb", pmf * self.value**2, self.member)
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

    def worst_loss(self, difference: jax.Array) -> jax.Array:
        """Sup over all rewards of the class of E_difference R, [..., m], in tokens.

        `difference` [..., m, S] is pi_e - pihat. The supremum is max(sum_b delta_b^+,
        sum_b delta_b^-): the first over rewards sum_b v_b f_b, the second over mirrors.
        """
        delta = jnp.einsum("...ms,msb->...mb", difference * self.value, self.member)
        return jnp.maximum(
            jnp.sum(jnp.maximum(delta, 0.0), -1), jnp.sum(jnp.maximum(-delta, 0.0), -1)
        )
