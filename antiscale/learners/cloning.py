"""Verifier-free learners: they imitate the expert's traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from antiscale.learners.protocol import Data, Setting


def _frequencies(counts: jax.Array, base: jax.Array) -> jax.Array:
    """Counts / n_x, and the base policy where n_x = 0."""
    seen = jnp.sum(counts, axis=-1, keepdims=True)
    return jnp.where(seen > 0, counts / jnp.maximum(seen, 1e-300), base)


@dataclass(frozen=True)
class SFT:
    """Tabular supervised finetuning: the empirical expert, the base policy at unseen prompts.

    The maximum-likelihood policy among all policies. Its loss is bounded by T5a.
    """

    name: ClassVar[str] = "sft"
    side: ClassVar[Literal["vf"]] = "vf"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pihat(j|x) = n_xj / n_x."""
        return _frequencies(data.counts, setting.pmf)


@dataclass(frozen=True)
class SmoothedSFT:
    """Add-1/2 smoothing (Krichevsky-Trofimov) over the base policy's support.

    Every type the base policy can write keeps some mass, as label smoothing does.
    """

    name: ClassVar[str] = "smoothed_sft"
    side: ClassVar[Literal["vf"]] = "vf"
    pseudo_count: float = 0.5

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pihat(j|x) = (n_xj + 1/2) / (n_x + S_x/2), S_x the size of the support."""
        support = setting.pmf > 0
        smoothed = jnp.where(support, data.counts + self.pseudo_count, 0.0)
        seen = jnp.sum(data.counts, axis=-1, keepdims=True) > 0
        return _frequencies(jnp.where(seen, smoothed, 0.0), setting.pmf)
