"""Data before learning: how often each trace type was drawn, and whose traces.

Counts are sufficient for a tabular learner, so a billion traces cost what ten thousand do.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.core import device
from antiscale.core.random import SIDES, Side, stream
from antiscale.core.validate import Floats
from antiscale.models.measures import heterogeneity, mean_return
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass


def draw_counts(
    pmf: Floats, prompt_mass: Floats, n: int, *, seed: int, side: Side, horizon: int,
    replicates: Sequence[int], backend: str | None = None,
) -> Floats:  # fmt: skip
    """Counts of n traces x ~ prompt_mass, j ~ pmf(.|x), for each replicate: [R, m, S].

    Parameters
    ----------
    pmf : [m, S] or [R, m, S]
        One policy for all replicates, or one for each.
    prompt_mass : [m]
        rho(x).
    n
        Samples (traces) per replicate.
    seed, side, horizon, replicates
        With n they key the stream of each replicate.
    backend
        "cpu" draws with NumPy's Philox (9 times faster there than jax.random.multinomial, as
        measured on two cores), anything else with jax.random on the default device. Default:
        JAX's default backend.
    """
    shape = (len(replicates), *pmf.shape[-2:])
    policies = np.broadcast_to(pmf, shape)
    if (backend or device.backend()) != "cpu":
        key = jax.random.key(seed)
        for part in (SIDES[side], horizon, n % 2**32, n // 2**32):
            key = jax.random.fold_in(key, part)
        return _draw_on_device(key, policies, prompt_mass, n, replicates)
    # NumPy gives what rounding leaves over to the last category, so the likeliest goes last.
    order = np.argsort(pmf, axis=-1, kind="stable")
    back = np.broadcast_to(np.argsort(order, axis=-1, kind="stable"), shape)
    policies = np.broadcast_to(np.take_along_axis(pmf, order, axis=-1), shape)
    prompts = np.argsort(prompt_mass, kind="stable")
    counts = np.empty(shape)
    for row, replicate in enumerate(replicates):
        rng = stream(seed, side, horizon, n, replicate)
        per_prompt = np.empty(len(prompt_mass), dtype=np.int64)
        per_prompt[prompts] = rng.multinomial(n, prompt_mass[prompts])
        counts[row] = rng.multinomial(per_prompt, policies[row])
    return np.take_along_axis(counts, back, axis=-1)


def _draw_on_device(
    key: jax.Array, policies: Floats, prompt_mass: Floats, n: int, replicates: Sequence[int]
) -> Floats:
    def one(replicate: jax.Array, policy: jax.Array) -> jax.Array:
        first, second = jax.random.split(jax.random.fold_in(key, replicate))
        per_prompt = jax.random.multinomial(first, jnp.float64(n), jnp.asarray(prompt_mass))
        return jax.random.multinomial(second, per_prompt, policy)

    counts = jax.jit(jax.vmap(one))(jnp.asarray(replicates, dtype=jnp.uint32), policies)
    return np.asarray(counts)


def draw_flips(
    counts: Floats, noise: float, n: int, *, seed: int, horizon: int, replicates: Sequence[int]
) -> Floats:
    """How many labels of each type have their verdict reversed: Binomial(counts, noise), [R, m, S].

    Parameters
    ----------
    counts : [R, m, S]
        Labelled traces.
    noise
        Flip probability.
    n, seed, horizon, replicates
        Key the stream of each replicate.
    """
    flips = np.empty(counts.shape)
    for row, replicate in enumerate(replicates):
        rng = stream(seed, "flips", horizon, n, replicate)
        flips[row] = rng.binomial(counts[row].astype(np.int64), noise)
    return flips


def hard_experts(
    model: TraceModel, prior: bounds.Prior, *, seed: int, n: int, replicates: Sequence[int]
) -> Floats:
    """Draw experts from the prior of T4a or T4c, prompt by prompt: [R, m, S].

    pi_b (1 + theta_x g_x), g = (R - J)/sigma, with theta_x = -eps or eps (two points), or uniform
    on the grid from -a to a (many points).

    Parameters
    ----------
    model
        The trace model.
    prior
        The bound's prior, [m].
    seed, n, replicates
        Key the draws, afresh for each prompt and replicate.
    """
    sigma = heterogeneity(model.pmf, model.returns)
    centred = model.returns - mean_return(model.pmf, model.returns)[:, None]
    g = np.divide(centred, sigma[:, None], out=np.zeros_like(centred), where=sigma[:, None] > 0)
    many = prior.form == "many_point"
    steps = np.where(many, bounds.GRID_STEPS, 1)
    streams = (stream(seed, "prior", model.horizon, n, replicate) for replicate in replicates)
    index = np.stack([rng.integers(0, steps + 1) for rng in streams])
    theta = prior.scale * (2.0 * index / steps - 1.0)
    return _tilted(model.pmf, theta[..., None] * g)


def hard_block_experts(
    model: TraceModel, rewards: RewardClass, prior: bounds.BlockPrior, order: Floats, *,
    seed: int, n: int, replicates: Sequence[int],
) -> Floats:  # fmt: skip
    """Draw experts from the prior of T4b: a sign per pair of styles, [R, m, S].

    pi_b (1 + eps v q/p_a) on style a of a pair and pi_b (1 - eps v q/p_b) on style b.

    Parameters
    ----------
    model, rewards
        The trace model, and the class bound to it.
    prior
        The bound's prior, scales [m, pairs].
    order : [m, B]
        The blocks in the order in which the bound paired them.
    seed, n, replicates
        Key the draws, afresh for each prompt and replicate.
    """
    assert rewards.blocks is not None, "T4b speaks of classes made of blocks"
    index = order.astype(np.int64)
    mass = np.take_along_axis(rewards.blocks.mass(model.pmf), index, axis=-1)
    pairs = prior.scale.shape[-1]
    p = mass[:, : 2 * pairs].reshape(len(mass), pairs, 2)
    tilt = np.divide(p.min(-1, keepdims=True), p, out=np.zeros_like(p), where=p > 0)
    tilt *= prior.scale[..., None] * np.array([1.0, -1.0])
    streams = (stream(seed, "prior", model.horizon, n, replicate) for replicate in replicates)
    signs = 2.0 * np.stack([rng.integers(0, 2, (len(mass), pairs)) for rng in streams]) - 1.0
    by_rank = np.zeros((len(replicates), *mass.shape))
    by_rank[..., : 2 * pairs] = (signs[..., None] * tilt).reshape(len(replicates), len(mass), -1)
    by_block = np.zeros_like(by_rank)
    np.put_along_axis(by_block, np.broadcast_to(index, by_rank.shape), by_rank, axis=-1)
    return _tilted(model.pmf, np.einsum("...mb,msb->...ms", by_block, rewards.blocks.member))


def _tilted(pmf: Floats, tilt: Floats) -> Floats:
    policy = pmf * np.maximum(1.0 + tilt, 0.0)
    return policy / policy.sum(-1, keepdims=True)
