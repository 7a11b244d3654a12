"""The verifier and the policy learned from n labelled traces, for each set of blocks seen."""

from dataclasses import dataclass

import numpy as np

from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass
from antiscale.risks.exact import chance_of_sets

# Sets of blocks per prompt that are summed over.
_MOST = 2**12
# In these classes a block on which the true return is 0 has the same least return seen or not.
_ZERO_UNTOLD = ("styles", "tabular")


@dataclass(frozen=True, eq=False)
class Lessons:
    """Which blocks of types were seen among n labelled traces, at each prompt; K cases.

    Attributes
    ----------
    chance : [m, K]
        Probability of each case.
    scores : [m, K, S]
        The learned verifier: the least return of each type over the version space, in tokens;
        constant where the labels leave a reward and its mirror both possible.
    policy : [m, K, S]
        What verification makes of it: T2's best policy of the ball for those returns (the learner
        `simple`); the base policy where scores are constant.
    """

    chance: Floats
    scores: Floats
    policy: Floats


def lessons(model: TraceModel, rewards: RewardClass, n: int, kappa: float) -> Lessons:
    """Sum over what n labelled traces of the base policy may have shown (T6b, T7).

    Parameters
    ----------
    model, rewards
        The trace model, whose reward is the true one, and the class that the learner knows.
    n
        Labelled traces in all.
    kappa
        Radius of the ball, for the policy.

    Raises
    ------
    InputError
        If there are too many sets of blocks to sum over.
    """
    import jax.numpy as jnp  # late: only these strategies need the engine

    member, mass = rewards.verified_member, rewards.verified_blocks
    rho = model.prompt_mass
    matters = mass > 0
    if rewards.name in _ZERO_UNTOLD:
        worth = np.einsum("ms,msb->mb", (model.pmf > 0) * model.returns, member) > 0
        matters &= worth
    with np.errstate(divide="ignore"):
        unseen = np.exp(n * np.log1p(-np.minimum(rho[:, None] * mass, 1.0)))
    doubtful = matters & (unseen > 1e-17)
    count = 2 ** int(doubtful.sum(-1).max())
    if count > _MOST:
        raise InputError(
            f"up to {int(doubtful.sum(-1).max())} blocks of the class {rewards.name!r} may or may "
            f"not be seen among {n} traces: too many cases to sum; take more samples or a class of "
            "fewer blocks"
        )
    chance = np.zeros((model.prompts, count))
    seen = np.zeros((count, *model.pmf.shape), dtype=bool)
    for x in range(model.prompts):
        blocks = np.flatnonzero(doubtful[x])
        sets = (np.arange(2 ** len(blocks))[:, None] >> np.arange(len(blocks))) & 1
        chance[x, : len(sets)] = chance_of_sets(mass[x][blocks], n, float(rho[x]))
        shown = np.repeat((matters[x] & ~doubtful[x])[None], len(sets), 0).astype(float)
        shown[:, blocks] = sets
        # One trace of a block carries as much information as all of them.
        seen[: len(sets), x] = (shown @ member[x].T > 0) & (model.pmf[x] > 0)
    labels = np.where(seen, model.returns, 0.0)
    lower, known = rewards.pessimist(jnp.asarray(seen), jnp.asarray(labels))
    version = rewards.version(jnp.asarray(seen), jnp.asarray(labels))
    policy = rewards.pessimal_policy(version, kappa)
    scores = np.where(np.asarray(known)[..., None], np.asarray(lower), 0.0)
    return Lessons(chance, np.moveaxis(scores, 0, 1), np.moveaxis(np.asarray(policy), 0, 1))
