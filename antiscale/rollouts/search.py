"""Spending n samples per problem: pass@n, best-of-n or pessimism by a score, majority of answers.

All curves are exact or unbiased for the samples at hand, drawn without replacement.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from antiscale.core.validate import Floats
from antiscale.rollouts.samples import Integers, Rollouts, runs
from antiscale.search.laws.passes import pass_at_k as estimate
from antiscale.search.laws.pessimism import pessimism as draw

# ROC curves keep at most about this many points.
_POINTS = 200


def budgets(most: int) -> list[int]:
    """Numbers of samples at which curves are shown: powers of 2 and of 10, and `most` itself."""
    powers = {base**p for base in (2, 10) for p in range(64) if base**p < most}
    return sorted(powers | {most})


def pass_at_k(n_samples: npt.ArrayLike, n_correct: npt.ArrayLike, k: npt.ArrayLike) -> Floats:
    """`antiscale.search.pass_at_k`, and NaN where k > n (problems differ in how many they have).

    Raises
    ------
    InputError
        If a number is not whole, or out of range.
    """
    n, c, tries = np.broadcast_arrays(n_samples, n_correct, k)
    enough = tries <= n
    return np.where(enough, estimate(n, c, np.where(enough, tries, 1)), np.nan)


def _log_choose(n: Floats, k: npt.ArrayLike) -> Floats:
    k = np.asarray(k, dtype=np.float64)
    inside = np.maximum(n - k, 0.0)
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(inside + 1)


class Ranks(NamedTuple):
    """Samples grouped by problem and score.

    Attributes
    ----------
    problem : [G]
        Index of the group's problem, ascending.
    below, up_to : [G]
        Samples of the problem with a lower score, and with this score or a lower one.
    right : [G]
        Share of correct samples in the group.
    counts : [m]
        k_x.
    """

    problem: Integers
    below: Integers
    up_to: Integers
    right: Floats
    counts: Integers


def ranks(rollouts: Rollouts) -> Ranks:
    """Group the samples of each problem by score."""
    assert rollouts.score is not None
    order = np.lexsort((rollouts.score, rollouts.problem))
    problem = rollouts.problem[order]
    first, size = runs(problem, rollouts.score[order])
    right = np.add.reduceat(rollouts.correct[order].astype(float), first) / size
    below = first - rollouts.starts[problem[first]]
    return Ranks(problem[first], below, below + size, right, rollouts.counts)


def best_of_n(found: Ranks, n: int) -> Floats:
    """Chance that the best-scored of n samples is right, per problem [m].

    n of the k samples are drawn without replacement and ties for the best score split evenly: a
    group of samples with one score, up_to of them at or under it and below of them under it, holds
    the best with probability [C(up_to, n) - C(below, n)]/C(k, n). Exact for the samples at hand; by
    symmetry unbiased for n independent samples.

    Parameters
    ----------
    found
        Samples grouped by score.
    n
        Samples drawn, >= 1; NaN for problems that have fewer.
    """
    k = found.counts
    different, kind = np.unique(k, return_inverse=True)
    # C(j, n)/C(k, n) for every j up to k, for each number k of samples there is.
    j = np.arange(int(np.max(k)) + 1.0)
    whole = different[:, None].astype(np.float64)
    there = (j >= n) & (whole >= n)
    log = _log_choose(np.maximum(j, n), n) - _log_choose(np.maximum(whole, n), n)
    share = np.where(there, np.exp(np.where(there, log, 0.0)), 0.0)
    row = kind[found.problem]
    chance = share[row, found.up_to] - share[row, found.below]
    won = np.bincount(found.problem, weights=chance * found.right, minlength=len(k))
    return np.where(k >= n, won, np.nan)


def pessimism(rollouts: Rollouts, kappa: float) -> tuple[Floats, Floats]:
    """Chance of a right sample under pessimism about the score, and its mean tries, per problem.

    pi_s (T10n) is the ball's best policy for the score, with the problem's own samples for the base
    policy: a plug-in, exact for a model that writes these samples alone.

    Parameters
    ----------
    rollouts
        Samples with scores.
    kappa
        Radius of the ball.

    Returns
    -------
    Two arrays [m].
    """
    assert rollouts.score is not None
    shape = len(rollouts.counts), int(np.max(rollouts.counts))
    place = np.arange(rollouts.samples) - rollouts.starts[rollouts.problem]
    pmf, score, right = (np.zeros(shape) for _ in range(3))
    at = rollouts.problem, place
    pmf[at] = 1.0 / rollouts.counts[rollouts.problem]
    score[at], right[at] = rollouts.score, rollouts.correct
    law, tries = draw(pmf, score, kappa)
    return (law * right).sum(-1), tries


def majority_of_n(rollouts: Rollouts, n: int) -> Floats:
    """Chance that the most frequent answer of n samples is right, per problem [m].

    The samples of a problem, in a random order, are cut into blocks of n (what is left over is not
    used); each block votes, ties split evenly, samples without an answer do not vote, and a block
    without votes is wrong. The mean over blocks is unbiased for n independent samples.

    Parameters
    ----------
    rollouts
        Samples with answers.
    n
        Samples per vote; NaN for problems that have fewer.
    """
    assert rollouts.answer is not None
    blocks = rollouts.counts // n
    block = rollouts.draw // n
    voting = (block < blocks[rollouts.problem]) & (rollouts.answer >= 0)
    place = (np.cumsum(blocks) - blocks)[rollouts.problem] + block
    kinds = int(rollouts.answer.max()) + 1 if voting.any() else 1
    inverse, key = pd.factorize(place[voting] * kinds + rollouts.answer[voting])
    votes = np.bincount(inverse, minlength=len(key))
    right = np.bincount(inverse, weights=rollouts.correct[voting], minlength=len(key)) / votes
    ballot = key // kinds
    most = np.zeros(int(blocks.sum()), dtype=np.int64)
    np.maximum.at(most, ballot, votes)
    winner = votes == most[ballot]
    tied = np.bincount(ballot[winner], minlength=len(most))
    won = np.bincount(ballot[winner], weights=right[winner], minlength=len(most))
    owner = np.repeat(np.arange(len(blocks)), blocks)
    total = np.bincount(owner, weights=won / np.maximum(tied, 1), minlength=len(blocks))
    return np.where(blocks > 0, total / np.maximum(blocks, 1), np.nan)


class Roc(NamedTuple):
    """How well a score separates right samples from wrong ones.

    Attributes
    ----------
    points
        The curve over all samples, `true_positive` against `false_positive` from (0, 0) to (1, 1);
        at most about 200 of its points.
    pooled
        Area under the whole curve, ties counting half.
    within : [m]
        The same within each problem, NaN where all samples are right or all wrong.
    """

    points: pd.DataFrame
    pooled: float
    within: Floats


def roc(rollouts: Rollouts) -> Roc | None:
    """The score's ROC; None where no sample is right, or none wrong."""
    assert rollouts.score is not None
    found = ranks(rollouts)
    size = found.up_to - found.below
    right, wrong = size * found.right, size * (1.0 - found.right)
    counts = len(rollouts.counts)
    positives = np.bincount(found.problem, weights=right, minlength=counts)
    negatives = rollouts.counts - positives
    # Wrong samples scored below each group, within its problem.
    before = np.cumsum(wrong) - wrong
    before -= before[np.searchsorted(found.problem, found.problem)]
    won = np.bincount(found.problem, weights=right * (before + wrong / 2.0), minlength=counts)
    pairs = positives * negatives
    within = np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1.0), np.nan)
    levels, inverse = np.unique(rollouts.score, return_inverse=True)
    hits = np.bincount(inverse, weights=rollouts.correct, minlength=len(levels))[::-1]
    alarms = np.bincount(inverse, weights=~rollouts.correct, minlength=len(levels))[::-1]
    if hits.sum() == 0 or alarms.sum() == 0:
        return None
    true = np.append(0.0, np.cumsum(hits)) / hits.sum()
    false = np.append(0.0, np.cumsum(alarms)) / alarms.sum()
    keep = np.unique(np.linspace(0, len(true) - 1, min(len(true), _POINTS)).round().astype(int))
    points = pd.DataFrame({"false_positive": false[keep], "true_positive": true[keep]})
    return Roc(points, float(np.trapezoid(true, false)), within)
