"""Experts: whose traces the verifier-free learner clones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from antiscale import bounds
from antiscale.classes import RewardClass
from antiscale.counts import stream
from antiscale.measures import heterogeneity, mean_return
from antiscale.traces import TraceModel
from antiscale.validate import Floats


def hard_experts(
    model: TraceModel,
    prior: bounds.Prior,
    *,
    seed: int,
    n: int,
    replicates: Sequence[int],
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
    index = np.stack(
        [
            stream(seed, "prior", model.horizon, n, replicate).integers(0, steps + 1)
            for replicate in replicates
        ]
    )
    theta = prior.scale * (2.0 * index / steps - 1.0)
    return _tilted(model.pmf, theta[..., None] * g)


def hard_block_experts(
    model: TraceModel,
    rewards: RewardClass,
    prior: bounds.BlockPrior,
    order: Floats,
    *,
    seed: int,
    n: int,
    replicates: Sequence[int],
) -> Floats:
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
    signs = np.stack(
        [
            2.0
            * stream(seed, "prior", model.horizon, n, replicate).integers(0, 2, (len(mass), pairs))
            - 1.0
            for replicate in replicates
        ]
    )
    by_rank = np.zeros((len(replicates), *mass.shape))
    by_rank[..., : 2 * pairs] = (signs[..., None] * tilt).reshape(len(replicates), len(mass), -1)
    by_block = np.zeros_like(by_rank)
    np.put_along_axis(by_block, np.broadcast_to(index, by_rank.shape), by_rank, axis=-1)
    return _tilted(model.pmf, np.einsum("...mb,msb->...ms", by_block, rewards.blocks.member))


def _tilted(pmf: Floats, tilt: Floats) -> Floats:
    policy = pmf * np.maximum(1.0 + tilt, 0.0)
    total: Floats = policy.sum(-1, keepdims=True)
    return policy / total
