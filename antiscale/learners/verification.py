"""Verifier-based learners: pessimists over the version space (T7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from antiscale.ball import solve
from antiscale.learners.protocol import Data, Setting


def _labels(data: Data) -> jax.Array:
    assert data.labels is not None, "a verifier-based learner is given labels"
    return data.labels


def _best_in_ball(lower: jax.Array, told: jax.Array, kappa: float, base: jax.Array) -> jax.Array:
    """pi_b w for the ball's best w for `lower`; the base policy where the labels tell nothing."""
    pmf = jnp.broadcast_to(base, lower.shape)
    best = solve(pmf, lower, jnp.full(lower.shape[:-1], kappa))
    return jnp.where(told[..., None], pmf * best.density_ratio, pmf)


@dataclass(frozen=True)
class Simple:
    """The paper's Algorithm 1: the best policy of Pi_kappa for the worst consistent reward.

    pihat = argmax over the ball of min over r in C_n of J_r. Held to T7 (0), (a), (b).
    """

    name: ClassVar[str] = "simple"
    side: ClassVar[Literal["vb"]] = "vb"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """T2 on the least consistent reward, prompt by prompt."""
        lower, told = setting.rewards.pessimist(data.counts > 0, _labels(data))
        return _best_in_ball(lower, told, setting.kappa, setting.pmf)


@dataclass(frozen=True)
class Binary:
    """The paper's Algorithm 2: as Algorithm 1 with 0/1 labels and objective, 1[T <= H].

    It seeks any correct trace, however long, so it is not held to a bound on the return.
    """

    name: ClassVar[str] = "binary"
    side: ClassVar[Literal["vb"]] = "vb"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """T2 on the least consistent 0/1 reward."""
        solved = jnp.where(data.counts > 0, (_labels(data) > 0).astype(jnp.float64), 0.0)
        lower, told = setting.rewards.binary_pessimist(data.counts > 0, solved)
        return _best_in_ball(lower, told, setting.kappa, setting.pmf)


@dataclass(frozen=True)
class Wide:
    """The wide pessimist: as `simple` with no ball at all.

    All mass on the types that are best for the worst consistent reward. ct_0 need not be known.
    Held to T7 (a), (b), (c), against the ball's optimum, which it may well surpass.
    """

    name: ClassVar[str] = "wide"
    side: ClassVar[Literal["vb"]] = "vb"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """T2 at kappa = inf."""
        lower, told = setting.rewards.pessimist(data.counts > 0, _labels(data))
        return _best_in_ball(lower, told, math.inf, setting.pmf)
