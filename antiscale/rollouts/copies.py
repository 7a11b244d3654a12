"""Samples that cannot be independent: copies of one another, as far as a table shows them.

No interval covers where samples are copies, so a diagnosis certifies nothing of such a table. Three
signs, all of records alike in every column that is read:

- *All alike.* In most problems every sample is the same record, while problems differ.
- *In multiples.* In nearly all problems every record occurs a multiple of r times, as where
  files were joined r times or each sample was taken r times over. Independent samples of d records
  do so about once in r^(d - 1) times.
- *In pairs.* Independent samples have P(three alike) >= P(two alike)^2 (Jensen's inequality);
  copies of some have many pairs and few triples.
"""

import math

import numpy as np
from scipy import special

from antiscale.rollouts.samples import Integers, Rollouts, runs

# Signs count where independent samples show them with less than this chance, as powers of 1/2.
_BITS = 16.0
_MULTIPLES = (2, 3, 5, 7, 11, 13)
# The share of problems with different records whose records must all occur in multiples.
_NEARLY_ALL = 0.9
# The chance below which there are too few triples.
_CHANCE = 1e-6


def copied(rollouts: Rollouts) -> str | None:
    """What shows that samples are copies, as one sentence; None where nothing does."""
    problem, size = _records(rollouts)
    k = rollouts.counts
    several = k > 1
    kinds = np.bincount(problem, minlength=len(k))
    alike = int((several & (kinds == 1)).sum())
    if 2 * alike > several.sum() and alike * _bits_alike(rollouts) >= _BITS:
        return (
            f"In {alike:,} of {int(several.sum()):,} problems all samples are identical in every "
            "column read."
        )
    mixed = several & (kinds > 1)
    for r in _MULTIPLES:
        apart = np.bincount(problem, size % r != 0, len(k))
        held = mixed & (apart == 0)
        bits = float((kinds[held] - 1).sum()) * math.log2(r)
        if held.sum() > _NEARLY_ALL * mixed.sum() and bits >= _BITS:
            return (
                f"In {int(held.sum()):,} of {int(several.sum()):,} problems every sample stands "
                f"there a multiple of {r} times, identical in every column read."
            )
    if _few_triples(problem, size, k):
        return (
            "Far more samples of a problem are identical in every column read, in pairs, than "
            "independent samples would be."
        )
    return None


def _records(rollouts: Rollouts) -> tuple[Integers, Integers]:
    """Problem and number of samples of every distinct record."""
    parts = [rollouts.problem, rollouts.correct, rollouts.length, rollouts.time]
    parts += [each for each in (rollouts.score, rollouts.answer) if each is not None]
    order = np.lexsort(parts[::-1])
    first, size = runs(*(part[order] for part in parts))
    return rollouts.problem[order][first], size


def _bits_alike(rollouts: Rollouts) -> float:
    """How surprising it is that two samples are alike, from the lengths of different problems.

    At most 4 bits, and none where one pair of problems in four has the same length.
    """
    _, count = np.unique(rollouts.length[rollouts.starts], return_counts=True)
    bits = -math.log2(float(((count / count.sum()) ** 2).sum()))
    return min(bits, 4.0) if bits > 2.0 else 0.0


def _few_triples(problem: Integers, size: Integers, k: Integers) -> bool:
    """Whether the mean over problems of P(three alike) - P(two alike)^2 is clearly below zero.

    Both without bias, from triples and from pairs of pairs of different samples; and where alike
    samples are rare, whether there are fewer triples than a Poisson number of that mean would be.
    """
    n = size.astype(float)
    two = np.bincount(problem, n * (n - 1.0), len(k))
    three = np.bincount(problem, n * (n - 1.0) * (n - 2.0), len(k))
    four = two**2 - 4.0 * three - 2.0 * two
    enough = k >= 4
    if int(enough.sum()) < 2:
        return False
    many = k[enough].astype(float)
    triples = many * (many - 1.0) * (many - 2.0)
    short = three[enough] / triples - four[enough] / (triples * (many - 3.0))
    error = float(short.std(ddof=1)) / math.sqrt(len(short))
    expected = float((four[enough] / (6.0 * (many - 3.0))).sum())
    if expected <= 0.0 or float(short.mean()) >= error * special.stdtrit(len(short) - 1, _CHANCE):
        return False
    return float(special.pdtr(float(three[enough].sum()) / 6.0, expected)) < _CHANCE
