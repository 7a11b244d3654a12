"""Majority vote over answers, plain and weighted, without sampling."""

import math

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats

Circle = npt.NDArray[np.complex128]

# Rows of winning weights worked on together.
_ROWS = 512
# Chances that are left out: of a number of traces, and of a winning weight.
_TINY = 1e-19
# Points of a contour times winning weights, for each kind of answer.
_MOST = 2**28


@validate.boundary
def majority_vote(answers: npt.ArrayLike, n: int) -> Floats:
    """Law of the answer that most of N traces give, ties split evenly (T10i).

    Exact: counts are made independent by drawing a Poisson number of traces, the chance that an
    answer has w votes and no other has more is a product, and one contour integral picks out
    exactly N traces.

    Parameters
    ----------
    answers : [..., A]
        Probability of each answer.
    n
        N >= 1 traces, a whole number.

    Returns
    -------
    [..., A]

    Raises
    ------
    InputError
        If `answers` is no pmf or N is out of range.

    Examples
    --------
    >>> majority_vote([0.6, 0.4], 3).round(3)  # 0.6^3 + 3 x 0.6^2 x 0.4
    array([0.648, 0.352])
    """
    q = validate.pmf("answers", answers)
    return weighted_vote(np.stack([np.zeros_like(q), q], axis=-1), n)


@validate.boundary
def weighted_vote(votes: npt.ArrayLike, n: int) -> Floats:
    """Law of the answer with the largest total weight over N traces, ties split evenly (T10i).

    Where every trace has weight 0 one of them is taken at random.

    Parameters
    ----------
    votes : [..., A, W + 1]
        P(a trace gives answer a with weight w), w = 0..W: what a verifier's verdict is worth, in
        whole numbers.
    n
        N >= 1 traces, a whole number.

    Returns
    -------
    [..., A]

    Raises
    ------
    InputError
        If `votes` does not sum to one over its last two axes or N is out of range.
    """
    tries = validate.integer("n", n, least=1)
    law = validate.floats("votes", votes)
    if law.ndim < 2:
        raise InputError(f"votes must have shape [..., answers, weights]; got {law.shape}")
    flat = validate.pmf("votes", law.reshape(*law.shape[:-2], -1)).reshape(-1, *law.shape[-2:])
    found = np.stack([_vote(row, np.array([tries]), np.ones((1, 1))) for row in flat])
    return found.reshape(law.shape[:-1])


def vote_over(votes: Floats, chance: Floats) -> Floats:
    """`weighted_vote` where the number of traces is random, in C cases at once: [m, A, C] (T10i).

    Parameters
    ----------
    votes : [m, A, W + 1]
        As for `weighted_vote`, at m prompts.
    chance : [m, M + 1, C]
        P(N = n, case), n = 0..M, independent of what the traces say. With no trace nothing wins.
    """
    found = np.zeros((*votes.shape[:-1], chance.shape[-1]))
    for x, (row, law) in enumerate(zip(votes, chance, strict=True)):
        likely = np.flatnonzero(law[1:].max(-1) > _TINY) + 1
        # Blocks within which one Poisson law gives every n a fair share of its mass.
        while len(likely):
            reach = likely[0] + max(1, int(4.0 * math.sqrt(likely[0])))
            block = likely[likely <= reach]
            found[x] += _vote(row, block, law[block])
            likely = likely[len(block) :]
    return found


def _vote(votes: Floats, n: npt.NDArray[np.int64], chance: Floats) -> Floats:
    """sum_n chance_n P(answer wins | n traces), [A, C], for votes [A, W + 1], chance [n, C]."""
    count, weights = votes.shape
    silent = votes[:, 0].sum()
    idle = silent**n @ chance
    found = np.outer(votes[:, 0] / (silent if silent > 0 else 1.0), idle)
    if weights == 1:
        return found
    # Equal answers share their work.
    kinds, kind, times = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    mean = float(n.mean())
    # Points on the circle: aliases of n lie so far out that a Poisson number is never there.
    points = 2 ** math.ceil(math.log2(16.0 * math.sqrt(mean) + np.ptp(n) + 96.0))
    # Laws are real: half the circle is enough, points between its ends counting twice.
    angle = 2.0 * np.pi * np.arange(points // 2 + 1) / points
    circle = np.exp(1j * angle)
    # What multiplies a term at omega: sum_n chance_n omega^-n / P(Poisson = n).
    scale = chance / _poisson(n, mean)[:, None]
    turned = np.exp(-1j * np.outer(angle, n)) @ scale / points
    turned[1:-1] *= 2.0  # [points, C]
    # E[1/(1 + ties)] = int_0^1 y^ties dy: exact with this many Gauss points.
    y, share = np.polynomial.legendre.leggauss(max(1, (count + 1) // 2))
    y, share = (y + 1.0) / 2.0, share / 2.0
    top = int(np.max(n)) * (weights - 1)
    if (top + 1) * len(circle) * len(kinds) > _MOST:
        raise InputError(
            f"a vote of {np.max(n)} traces among {len(kinds)} kinds of answers with weights up to "
            f"{weights - 1} is too long to sum; take fewer traces"
        )
    totals = [_Total(law, mean, circle, top) for law in kinds]
    won = np.zeros((len(kinds), chance.shape[-1]))
    carried = np.zeros((len(kinds), len(circle)), dtype=complex)
    for start in range(0, top + 1, _ROWS):
        stop = min(start + _ROWS, top + 1)
        equal = np.stack([total.rows(start, stop) for total in totals])  # [kinds, rows, points]
        upto = np.cumsum(equal, axis=1) + carried[:, None]
        below = np.concatenate([carried[:, None], upto[:, :-1]], axis=1)
        carried = upto[:, -1]
        # At omega = 1 these are chances; weights that are too unlikely to win are left out, and
        # weight 0, which was counted above.
        part, total = equal[..., 0].real, upto[..., 0].real
        every = (total ** times[:, None]).prod(0)
        likeliest = (part * every / np.maximum(total, 1e-300)).max(0)
        some = (likeliest > _TINY / float(np.max(scale))) & (np.arange(start, stop) > 0)
        if not some.any():
            continue
        equal, below = equal[:, some], below[:, some]
        for point, weight in zip(y, share, strict=True):
            level = below + point * equal
            for a in range(len(kinds)):
                product = equal[a].copy()
                for b, repeats in enumerate(times):
                    others = int(repeats) - (a == b)
                    if others:
                        product *= level[b] ** others
                won[a] += weight * (product.sum(0) @ turned).real
    return found + np.maximum(won, 0.0)[kind]


def _poisson(n: npt.NDArray[np.int64], mean: float) -> Floats:
    from scipy import special  # late: SciPy would double the time of --help

    return np.exp(special.xlogy(n, mean) - mean - special.gammaln(n + 1.0))


class _Total:
    """sum_k omega^k P(k traces of one answer, of total weight w) for every omega of the circle.

    The traces of an answer are a Poisson number of mean `mean` times its probability.
    """

    def __init__(self, law: Floats, mean: float, circle: Circle, top: int) -> None:
        self.rate, self.circle = mean * law, circle
        self.table: Circle | None = None
        if len(law) > 2:
            # The generating function in the weight, inverted by a Fourier transform.
            margin = (len(law) - 1) * (8.0 * math.sqrt(mean) + 96.0)
            length = 2 ** math.ceil(math.log2(top + 1 + margin))
            z = np.exp(-2j * np.pi * np.arange(length) / length)[:, None]
            rise = sum(rate * (z**w * circle - 1.0) for w, rate in enumerate(self.rate))
            self.table = np.fft.ifft(np.exp(rise), axis=0)[: top + 1]

    def rows(self, start: int, stop: int) -> Circle:
        """Weights start..stop - 1: [rows, points]."""
        if self.table is not None:
            return self.table[start:stop]
        w = np.arange(start, stop)
        mean = float(self.rate[1])
        size = _poisson(w, mean) if mean > 0 else (w == 0).astype(float)
        silent = np.exp(self.rate[0] * (self.circle - 1.0))
        return size[:, None] * self.circle ** w[:, None] * silent
