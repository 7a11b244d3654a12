"""What learners lose, replicate by replicate, for every stated reward at once.

Compiled once for all horizons: the reward class, the rewards and the policies are data.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.ball.optimum import solve
from antiscale.core import device as device
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.learners.base import Data, Learner, Setting
from antiscale.rewards import Votes

Array = jax.Array | Floats

# Floats of policies worked on together: many enough to vectorise, few enough for the processor's
# cache.
_AT_ONCE = 2**16


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

    by_reward: Array
    whole_class: Array
    defect: float | jax.Array


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

    Where the learner is `seen_only` and labels are clean, replicates that saw the same at a prompt
    are worked out once.

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
    seen, which = np.asarray(counts, dtype=float), None
    if votes is None and learner.seen_only:
        seen, which = distinct_sets(np.asarray(setting.rewards.alike), seen)
    pmf = np.broadcast_to(np.asarray(setting.pmf), np.shape(returns))
    best = solve(pmf, np.asarray(returns), np.full(pmf.shape[:-1], setting.kappa))
    comparator = _value(pmf, best.density_ratio, np.asarray(returns))
    returns, setting = jax.tree.map(jnp.asarray, (returns, setting))
    size = max(1, min(len(seen), _AT_ONCE // max(1, returns.size)))
    parts = []
    for first in range(0, len(seen), size):
        # The last part is filled up, so that one shape is compiled.
        part = np.minimum(np.arange(first, first + size), len(seen) - 1)
        noisy = None
        if votes is not None:
            drawn, flipped = (np.asarray(z)[part] for z in (votes.counts, votes.flipped))
            noisy = Votes(jnp.asarray(drawn), jnp.asarray(flipped), votes.noise, votes.tolerance)
        parts.append(_verification(learner, setting, seen[part], returns, comparator, noisy))
    by_reward = np.concatenate([np.asarray(found) for found, _ in parts])[: len(seen)]
    if which is not None:
        by_reward = by_reward[which, np.arange(which.shape[-1])]
    defect = max(float(found) for _, found in parts)
    unused = np.full(by_reward.shape[:2], np.nan)
    return _checked(learner, Losses(by_reward, unused, defect))


def distinct_sets(alike: npt.NDArray[np.int64], counts: Floats) -> tuple[Floats, Any]:
    """What the replicates saw of a reward, each set once.

    Parameters
    ----------
    alike : [m, S]
        As `RewardClass.alike`.
    counts : [R, m, S]
        Of each type.

    Returns
    -------
    Data sets [U, m, S] of zeros and ones, in which all types are seen that are alike to one that
    was; and which of them stands for each replicate at each prompt, [R, m].
    """
    repeats, prompts, _ = counts.shape
    groups = int(np.max(alike, initial=-1)) + 1
    seen = np.zeros((repeats, prompts, groups + 1), dtype=bool)
    replicate, prompt, kind = np.nonzero(counts)
    # The types that tell nothing, -1, fall into the last place.
    seen[replicate, prompt, alike[prompt, kind]] = True
    seen[..., groups] = False
    found = [
        np.unique(np.packbits(seen[:, x], axis=-1), axis=0, return_index=True, return_inverse=True)
        for x in range(prompts)
    ]
    sets = np.zeros((max(len(index) for _, index, _ in found), *counts.shape[1:]))
    for x, (_, index, _) in enumerate(found):
        sets[: len(index), x] = seen[index, x][:, alike[x]]
    return sets, np.stack([inverse.ravel() for _, _, inverse in found], axis=-1)


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


@jax.jit
def _value(pmf: jax.Array, ratio: jax.Array, returns: jax.Array) -> jax.Array:
    """E_pi_b[w R], rounded as the learner's own value is: where they are equal the loss is 0."""
    return jnp.sum(pmf * ratio * returns, -1)


@partial(jax.jit, static_argnums=0)
def _verification(
    learner: Learner,
    setting: Setting,
    counts: jax.Array,
    returns: jax.Array,
    comparator: jax.Array,
    votes: Votes | None,
) -> tuple[jax.Array, jax.Array]:
    """Losses by reward [U, m, K] of the data sets counts [U, m, S], and the defect."""

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
    if len(counts) == 1:
        by_reward, defect = one(tuple(z[0] for z in drawn))
        return by_reward[None], defect
    by_reward, defects = jax.vmap(one)(drawn)
    return by_reward, jnp.max(defects)
