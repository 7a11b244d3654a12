"""T10: how far best-of-N goes from the base policy, and how many tries it needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiscale import validate
from antiscale.errors import InputError
from antiscale.validate import Floats


def _tries(n: npt.ArrayLike) -> Floats:
    tries = validate.nonnegative("n", n)
    if (tries < 1).any():
        raise InputError(f"n must be >= 1 (the number of tries); got {tries[tries < 1].flat[0]:g}")
    return tries


def best_of_n_kl(n: npt.ArrayLike) -> Floats:
    """Log N - (N - 1)/N: the most KL(best-of-N || pi_b) can be, in nats (T10a).

    Tight: attained in the limit of an atomless score. For ties split in proportion to pi_b.

    Parameters
    ----------
    n
        N >= 1 tries.
    """
    tries = _tries(n)
    result: Floats = np.log(tries) - (tries - 1.0) / tries
    return result


def best_of_n_chi2(n: npt.ArrayLike) -> Floats:
    """(N - 1)^2/(2N - 1): the most chi-square divergence of best-of-N from pi_b (T10b).

    Tight, as `best_of_n_kl`. Where it is at most kappa, best-of-N lies in Pi_kappa.

    Parameters
    ----------
    n
        N >= 1 tries.
    """
    tries = _tries(n)
    result: Floats = (tries - 1.0) ** 2 / (2.0 * tries - 1.0)
    return result


def tries_needed(coverage: npt.ArrayLike, delta: npt.ArrayLike) -> Floats:
    """Tries with which one of them is in an event of mass c with probability 1 - delta (T10c).

    log(1/delta)/(-log(1 - c)), rounded up; at most ceil(log(1/delta)/c). With c = c_x(kappa)
    best-of-N by the true return then reaches J + sigma sqrt(kappa), which no policy of Pi_kappa
    exceeds on average. Exact.

    Parameters
    ----------
    coverage
        c in (0, 1].
    delta
        Failure probability in (0, 1).

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    c = validate.probability("coverage", coverage, allow_zero=False)
    level = validate.probability("delta", delta, allow_zero=False, allow_one=False)
    with np.errstate(divide="ignore"):
        needed = np.ceil(np.log(level) / np.log1p(-c) * (1 - 1e-12))
    result: Floats = np.maximum(needed, 1.0)
    return result
