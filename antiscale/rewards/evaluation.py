"""The stated rewards: those over which a risk's supremum is taken, the same for both sides.

They are members of calR for which the base policy is anti-concentrated, c_x(kappa; r) >= c_0 (the
paper's condition; without it verification is slow as well). Small classes are taken whole, larger
ones by a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiscale.core.errors import InputError
from antiscale.core.random import stream
from antiscale.core.validate import Floats
from antiscale.models.measures import TIE, anticoncentration
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass

# Classes of up to this many members per prompt are taken whole.
WHOLE = 1024
# Rounds of drawing before a sample is left smaller than asked for.
_ROUNDS = 64


@dataclass(frozen=True, eq=False)
class StatedRewards:
    """Rewards per prompt, the true one first and its mirror second.

    Attributes
    ----------
    returns : [K, m, S]
        Return of each type under each reward, in tokens.
    eligible : [K, m]
        Whether the k-th reward is stated at the prompt; padding is not.
    whole
        Whether these are all eligible members of calR.
    all_of_class
        Whether they are all of calR (as T4b needs).
    is_joint
        Whether the k-th reward is one reward over all prompts, rather than a choice at each.
    """

    returns: Floats
    eligible: npt.NDArray[np.bool_]
    whole: bool
    all_of_class: bool
    is_joint: bool = False

    def joint(self) -> StatedRewards:
        """Return the rewards as joint ones: the k-th at every prompt, if stated at every prompt.

        For learners whose policy at one prompt depends on what they saw at others.
        """
        everywhere = np.asarray(self.eligible.all(-1))
        if not everywhere.any():
            raise InputError(
                "no stated reward is anti-concentrated at every prompt at once, as a learner with "
                "one set of parameters for all prompts needs; lower c0"
            )
        eligible = np.broadcast_to(everywhere[:, None], self.eligible.shape).copy()
        whole = self.all_of_class and self.eligible.shape[1] == 1
        return StatedRewards(self.returns, eligible, False, whole, True)

    @property
    def with_mirror(self) -> bool:
        """Whether r and rbar are stated at every prompt (as T4a and T4c need)."""
        return bool(self.eligible[:2].all())

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many rewards are stated at each prompt, [m]."""
        return self.eligible.sum(0)


def stated_rewards(
    model: TraceModel, rewards: RewardClass, *, kappa: float, c0: float, count: int, seed: int
) -> StatedRewards:
    """Return the eligible members of calR, or `count` of them (r and rbar among them).

    Parameters
    ----------
    model, rewards
        The trace model, and the class bound to it.
    kappa, c0
        A reward is eligible at x if c_x(kappa; r) >= c0.
    count
        Rewards per prompt to sample where |calR_x| exceeds `WHOLE`.
    seed
        Keys the sample, which is the same at every horizon as far as eligibility is.
    """
    whole = bool((rewards.log_sizes() <= np.log(WHOLE) + 1e-9).all())
    truth = np.stack([model.returns, model.horizon - model.returns])
    if whole:
        members, there = rewards.all_members()
    else:
        rng = stream(seed, "members")
        batches = []
        found = np.zeros(model.prompts, dtype=int)
        for _ in range(_ROUNDS):
            batch = rewards.draw_members(rng, 2 * count)
            batches.append(batch)
            found += _is_eligible(model, batch, kappa, c0).sum(0)
            if found.min() >= 2 * count:  # enough even after repeats are dropped
                break
        members = np.concatenate(batches)
        there = np.ones(members.shape[:2], dtype=bool)
    candidates = np.concatenate([truth, members])
    eligible = _is_eligible(model, candidates, kappa, c0)
    eligible[2:] &= there
    eligible[1] &= rewards.mirror_closed
    eligible &= ~_repeats(model, candidates)
    if not whole:
        candidates, eligible = _first(candidates, eligible, count)
    all_of_class = whole and bool((eligible.sum(0) >= np.exp(rewards.log_sizes()) - 0.5).all())
    return StatedRewards(candidates, eligible, whole, all_of_class)


def _is_eligible(
    model: TraceModel, returns: Floats, kappa: float, c0: float
) -> npt.NDArray[np.bool_]:
    reached = anticoncentration(model.pmf, returns, kappa, horizon=model.horizon)
    return np.asarray(reached >= c0 * (1 - TIE))


def _repeats(model: TraceModel, returns: Floats) -> npt.NDArray[np.bool_]:
    """Whether the same reward stands earlier in the list at the same prompt, [K, m]."""
    # Zeros of one sign, so that equal rows have equal bytes.
    on_support = np.where(model.pmf > 0, returns, 0.0) + 0.0
    repeats = np.zeros(returns.shape[:2], dtype=bool)
    for x in range(model.prompts):
        earlier: set[bytes] = set()
        for k, row in enumerate(on_support[:, x]):
            repeats[k, x] = row.tobytes() in earlier
            earlier.add(row.tobytes())
    return repeats


def _first(
    candidates: Floats, eligible: npt.NDArray[np.bool_], count: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Keep r, rbar and the first eligible others at each prompt, `count` places in all."""
    places = np.arange(len(candidates))[:, None]
    rank = np.where(eligible | (places < 2), places, len(candidates) + places)
    order = np.argsort(rank, axis=0)[:count]
    first = np.take_along_axis(candidates, order[..., None], axis=0)
    return first, np.take_along_axis(eligible, order, axis=0)
