"""What learners lose, replicate by replicate, for every stated reward at once.

Compiled once for all horizons: the reward class, the rewards and the policies are data.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from antiscale.ball.optimum import solve
from antiscale.core import device as device
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.learners.base import Data, Learner, Setting
from antiscale.rewards import Votes

Array = jax.Array | Floats

# Replicates worked on together: large enough to vectorise, small enough for the processor's cache.
_BATCH = 4


class Losses(NamedTuple):
    """Per replicate, prompt and stated reward; in tokens.

    Attributes
    ----------
    by_reward : [R, m, K]
        Verifier-free: J_r(pi_e) - J_r(pihat). Verifier-based: J_r(pibar_{kappa,r}) - J_r(pihat_r).
    whole_class : [R, m]
        Verifier-free: the supremum over all of calR. Verifier-based: NaN.
    defect
        How far the learner's output is from being pmfs (negative mass, or a sum other than one).
    """

    by_reward: jax.Array
    whole_class: jax.Array
    defect: jax.Array


def cloning_losses(
    learner: Learner, setting: Setting, counts: Array, expert: Array, returns: Array
) -> Losses:
    """Losses of a verifier-free learner.

    Parameters
    ----------
    learner, setting
        What learns, and what it knows.
    counts : [R, m, S]
        Of the expert's traces.
    expert : [R, m, S] or [1, m, S]
        The expert's policy, one per replicate or one for all.
    returns : [K, m, S]
        The stated rewards' returns, in tokens.
    """
    return _checked(learner, _cloning(learner, setting, counts, expert, returns))


def verification_losses(
    learner: Learner, setting: Setting, counts: Array, returns: Array, votes: Votes | None = None
) -> Losses:
    """Losses of a verifier-based learner, the same traces labelled by each reward.

    Parameters
    ----------
    learner, setting
        What learns, and what it knows.
    counts : [R, m, S]
        Of the base policy's traces.
    returns : [K, m, S]
        The stated rewards' returns, in tokens.
    votes
        How often labels were flipped, [R, m, S]; None where they are clean.
    """
    return _checked(learner, _verification(learner, setting, counts, returns, votes))


def _checked(learner: Learner, losses: Losses) -> Losses:
    if not float(losses.defect) <= 1e-6:
        raise InputError(
            f"learner {learner.name!r} must return pmfs over types: off by {losses.defect:.3g}"
        )
    return losses


def _policy(learner: Learner, data: Data, setting: Setting) -> tuple[jax.Array, jax.Array]:
    """The learner's policy, and how far it is from being one."""
    policy = learner(data, setting)
    shape = data.counts.shape if data.labels is None else data.labels.shape
    if getattr(policy, "shape", None) != shape:
        raise InputError(
            f"learner {learner.name!r} must return a policy of shape {shape} (..., prompts, "
            f"types); got {getattr(policy, 'shape', type(policy).__name__)}"
        )
    outside = jnp.where(setting.pmf > 0, 0.0, jnp.abs(policy))
    defect = jnp.abs(jnp.sum(policy, -1) - 1.0) + jnp.max(jnp.maximum(-policy, outside), -1)
    return policy, jnp.max(defect)


@partial(jax.jit, static_argnums=0)
def _cloning(
    learner: Learner, setting: Setting, counts: jax.Array, expert: jax.Array, returns: jax.Array
) -> Losses:
    policy, defect = _policy(learner, Data(counts), setting)
    difference = expert - policy
    return Losses(
        jnp.einsum("rms,kms->rmk", difference, returns),
        setting.rewards.worst_loss(difference),
        defect,
    )


@partial(jax.jit, static_argnums=0)
def _verification(
    learner: Learner,
    setting: Setting,
    counts: jax.Array,
    returns: jax.Array,
    votes: Votes | None,
) -> Losses:
    pmf = jnp.broadcast_to(setting.pmf, returns.shape)
    best = solve(pmf, returns, jnp.full(returns.shape[:-1], setting.kappa))
    comparator = jnp.sum(pmf * best.density_ratio * returns, -1)

    def one(drawn: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        seen = drawn[0]
        # Labels of types that were not drawn stay hidden from the learner.
        labels = jnp.where(seen > 0, returns, 0.0)
        noisy = None
        if votes is not None:
            noisy = Votes(seen[None], drawn[1][None], votes.noise, votes.tolerance)
        policy, defect = _policy(learner, Data(seen[None], labels, noisy), setting)
        return (comparator - jnp.sum(policy * returns, -1)).T, defect

    drawn = (counts,) if votes is None else (counts, votes.flipped)
    by_reward, defect = lax.map(one, drawn, batch_size=_BATCH)
    return Losses(by_reward, jnp.full(by_reward.shape[:2], jnp.nan), jnp.max(defect))
