"""What learners lose, replicate by replicate, for every stated reward at once.

Compiled once for all horizons: the reward class, the rewards and the policies are data.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.ball.optimum import ball_policy
from antiscale.core import device as device
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.learners.base import Data, Learner, Setting, TwoStep
from antiscale.rewards import Votes

Array = jax.Array | Floats

# Floats of policies worked on together: many enough to vectorise, few enough for the processor's
# cache.
_AT_ONCE = 2**16
# Floats of fits compared at once: the more there are, the more are equal.
_FITTED = 2**22


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
    right : [R, m, 3]
        At the first of the stated rewards, the true one: mass of the right types (R > 0), and what
        the right types that were not seen, and those that were, have lost of the base policy's.
    """

    by_reward: Array
    whole_class: Array
    defect: float | jax.Array
    right: Array


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
    are worked out once. A `TwoStep` learner plans once for equal fits, with noisy labels too.

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
    returns = np.asarray(returns)
    everywhere = np.ones(returns.shape[:-1], dtype=bool)
    best = ball_policy(setting.pmf, returns, setting.kappa, everywhere)
    comparator = _value(np.asarray(best), returns)
    setting, labels = jax.device_put((setting, returns))
    by_reward = np.empty((len(seen), *comparator.shape))
    right = np.empty((*seen.shape[:2], 3))
    base = np.asarray(setting.pmf)
    defect = 0.0
    for part in _parts(
        len(seen), (_FITTED if isinstance(learner, TwoStep) else _AT_ONCE) // max(1, returns.size)
    ):
        noisy = None
        if votes is not None:
            drawn, flipped = (
                jnp.asarray(np.asarray(z)[part]) for z in (votes.counts, votes.flipped)
            )
            noisy = Votes(drawn, flipped, votes.noise, votes.tolerance)
        if isinstance(learner, TwoStep):
            fits = np.asarray(_fit(learner, setting, seen[part], labels, noisy))
            policies, off = _planned(learner, setting, fits)
        else:
            found, off = _policies(learner, setting, seen[part], labels, noisy)
            policies = iter(np.asarray(found))
        defect = max(defect, float(off))
        for place, policy in zip(part, policies, strict=True):
            by_reward[place] = comparator - _value(policy, returns)
            right[place] = _right(np, policy[0], base, returns[0], seen[place])
    by_reward = np.moveaxis(by_reward, -1, -2)
    if which is not None:
        by_reward, right = (z[which, np.arange(which.shape[-1])] for z in (by_reward, right))
    unused = np.full(by_reward.shape[:2], np.nan)
    return _checked(learner, Losses(by_reward, unused, defect, right))


def _parts(count: int, most: int) -> Iterator[npt.NDArray[np.int64]]:
    """Indices 0..count-1 in parts of one size, the last filled up: one shape is compiled.

    The size is `most`, or less by a power of two if that is enough.
    """
    size = max(1, min(1 << (count - 1).bit_length(), most))
    for first in range(0, count, size):
        yield np.minimum(np.arange(first, first + size), count - 1)


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


def _defect(learner: Learner, policy: Any, shape: tuple[int, ...], pmf: jax.Array) -> jax.Array:
    """How far a learner's policy is from being one."""
    if getattr(policy, "shape", None) != shape:
        raise InputError(
            f"learner {learner.name!r} must return a policy of shape {shape} (..., prompts, "
            f"types); got {getattr(policy, 'shape', type(policy).__name__)}"
        )
    outside = jnp.where(pmf > 0, 0.0, jnp.abs(policy))
    off = jnp.abs(jnp.sum(policy, -1) - 1.0) + jnp.max(jnp.maximum(-policy, outside), -1)
    return jnp.max(off)


@partial(jax.jit, static_argnums=0)
def _cloning(
    learner: Learner, setting: Setting, counts: jax.Array, expert: jax.Array, returns: jax.Array
) -> Losses:
    policy = learner(Data(counts), setting)
    defect = _defect(learner, policy, counts.shape, setting.pmf)
    difference = expert - policy
    return Losses(
        jnp.einsum("rms,kms->rmk", difference, returns),
        setting.rewards.worst_loss(difference),
        defect,
        _right(jnp, policy, setting.pmf, returns[0], counts),
    )


def _right(lib: Any, policy: Any, base: Any, returns: Any, counts: Any) -> Any:
    """`Losses.right` of policies [..., m, S]; `lib` is NumPy or JAX's."""
    right = (returns > 0) & (base > 0)
    lost = lib.where(right, lib.maximum(base - policy, 0.0), 0.0)
    unseen = counts <= 0
    parts = (lib.where(right, policy, 0.0), lib.where(unseen, lost, 0.0),
             lib.where(unseen, 0.0, lost))  # fmt: skip
    return lib.stack([part.sum(-1) for part in parts], -1)


def _value(policy: Floats, returns: Floats) -> Floats:
    """E_pi[R], rounded alike for comparator and learner: if they are equal the loss is 0."""
    value: Floats = (policy * returns).sum(-1)
    return value


@partial(jax.jit, static_argnums=0)
def _policies(
    learner: Learner, setting: Setting, counts: jax.Array, labels: jax.Array, votes: Votes | None
) -> tuple[jax.Array, jax.Array]:
    """Policies [U, K, m, S] from the data sets counts [U, m, S], and the defect."""

    def one(data: Data) -> tuple[jax.Array, jax.Array]:
        policy = learner(data, setting)
        return policy, _defect(learner, policy, labels.shape, setting.pmf)

    found, defects = jax.vmap(one)(_labelled(counts, labels, votes))
    return found, jnp.max(defects)


@partial(jax.jit, static_argnums=0)
def _fit(
    learner: TwoStep, setting: Setting, counts: jax.Array, labels: jax.Array, votes: Votes | None
) -> jax.Array:
    """What is fitted, [U, K, m, E], to the data sets counts [U, m, S]."""
    return learner.fit(_labelled(counts, labels, votes), setting)


@partial(jax.jit, static_argnums=0)
def _plan(learner: TwoStep, setting: Setting, fits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Policies [N, m, S] for the fits [N, m, E], and the defect."""
    policy = learner.plan(fits, setting)
    shape = (*fits.shape[:-1], setting.pmf.shape[-1])
    return policy, _defect(learner, policy, shape, setting.pmf)


def _labelled(counts: jax.Array, labels: jax.Array, votes: Votes | None) -> Data:
    """Data sets [U, 1, m, S] with the labels of every reward, [U, K, m, S]."""
    seen = counts[:, None]
    if votes is not None:
        drawn, flipped = votes.counts[:, None], votes.flipped[:, None]
        votes = Votes(drawn, flipped, votes.noise, votes.tolerance)
    # Labels of types that were not drawn stay hidden from the learner.
    return Data(seen, jnp.where(seen > 0, labels, 0.0), votes)


def _planned(learner: TwoStep, setting: Setting, fits: Floats) -> tuple[Iterator[Floats], float]:
    """The policies [K, m, S] of each of the fits [U, K, m, E], and the defect.

    Each distinct fit is planned for once.
    """
    prompt = np.arange(fits.shape[-2])
    rows = fits.reshape(-1, *fits.shape[-2:])
    first, which = equal_rows(rows)
    distinct = rows[first, prompt]
    parts = _parts(len(distinct), _AT_ONCE // max(1, setting.pmf.size))
    found = [_plan(learner, setting, distinct[part]) for part in parts]
    policies = np.concatenate([np.asarray(policy) for policy, _ in found])
    each = which.reshape(fits.shape[:-1])
    return (policies[one, prompt] for one in each), max(float(off) for _, off in found)


def equal_rows(rows: Floats) -> tuple[Any, Any]:
    """Which rows [R, m, E] are equal at a prompt: the first of each kind, and the kind of each.

    Returns
    -------
    Indices of rows, [N, m], filled up where a prompt has fewer kinds than another; and for each
    row its place among them, [R, m].
    """
    # Equal rows have equal projections; whether the converse holds is looked up.
    keys = rows @ np.random.default_rng(0).standard_normal(rows.shape[-1])
    firsts, kinds = [], []
    for x in range(rows.shape[1]):
        _, first, kind = np.unique(keys[:, x], return_index=True, return_inverse=True)
        differ = np.flatnonzero((rows[:, x] != rows[first[kind], x]).any(-1))
        kind[differ] = len(first) + np.arange(len(differ))
        firsts.append(np.concatenate([first, differ]))
        kinds.append(kind)
    most = max(len(first) for first in firsts)
    return np.stack([np.resize(first, most) for first in firsts], -1), np.stack(kinds, -1)
