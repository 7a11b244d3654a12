"""Pass@k: the chance that one of k traces is right, from a probability or from a sample."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats
from antiscale.search.laws.best_of import draws


@theorem(
    "T10m", "pass@k", "E[1 - C(n - c, k)/C(n, k)] = 1 - (1 - p)^k",
    kind="exact", learner="any sampler", origin="known", unit="probability",
    example={"n_samples": 10, "n_correct": 3, "k": 4}, home="antiscale.search",
)  # fmt: skip
@validate.boundary
def pass_at_k(n_samples: npt.ArrayLike, n_correct: npt.ArrayLike, k: npt.ArrayLike) -> Floats:
    """Estimate of the chance that one of k traces is right, from n traces of which c are (T10m).

    1 - C(n - c, k)/C(n, k): the share of the k-subsets of the sample that hold a right trace.
    Unbiased for 1 - (1 - p)^k at every p, which 1 - (1 - c/n)^k is not.

    Parameters
    ----------
    n_samples, n_correct, k
        Whole numbers with 0 <= c <= n and 1 <= k <= n; all broadcast.

    Returns
    -------
    A probability for each.

    Raises
    ------
    InputError
        If a number is not whole or out of range.

    Examples
    --------
    >>> float(pass_at_k(4, 1, 2))  # 3 of the 6 pairs hold the right trace
    0.5
    """
    n = _whole("n_samples", n_samples, 1)
    c = _whole("n_correct", n_correct, 0)
    tries = _whole("k", k, 1)
    if (c > n).any():
        raise InputError(f"n_correct must be at most n_samples; got {np.max(c - n):g} more")
    if (tries > n).any():
        raise InputError(
            f"k must be at most n_samples (no unbiased estimate exists beyond it); got "
            f"{np.max(tries):g} for n_samples = {np.min(n):g}"
        )
    from scipy import special  # late: SciPy would double the time of --help

    n, c, tries = np.broadcast_arrays(n, c, tries)
    missed = n - c >= tries
    steps, other = np.minimum(tries, c), np.maximum(tries, c)
    most = int(np.max(steps)) if steps.size else 0
    if most <= _STEPS:
        # C(n-c, k)/C(n, k) = prod_{i < k} (1 - c/(n - i)) = prod_{i < c} (1 - k/(n - i)).
        logs = np.zeros(n.shape)
        for i in range(most):
            inside = (i < steps) & missed
            logs += np.log1p(-np.where(inside, other / np.maximum(n - i, 1.0), 0.0))
    else:
        some = missed & (c > 0)
        right = np.where(some, c, 1.0)
        rest = np.where(some, n - c, 1.0)
        logs = special.betaln(rest + 1.0, right)
        logs -= special.betaln(rest - np.where(some, tries, 0.0) + 1.0, right)
        logs = np.where(some, logs, 0.0)
    return np.where(missed, -np.expm1(np.minimum(logs, 0.0)), 1.0)


# Up to this many factors the product is taken; it is exact to rounding.
_STEPS = 4096


def _whole(name: str, value: npt.ArrayLike, least: int) -> Floats:
    array = validate.nonnegative(name, value, finite=True)
    if (array != np.floor(array)).any() or (array < least).any():
        raise InputError(f"{name} must be whole numbers >= {least}; got {np.min(array):g}")
    return array


@validate.boundary
def pass_at_n(success: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """1 - (1 - c)^N: the chance that one of N traces is right (T10c), and what an oracle reaches.

    Parameters
    ----------
    success
        c in [0, 1], the chance of one trace.
    n
        N >= 1 traces; both broadcast. Stable for tiny c and huge N.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    c = validate.probability("success", success)
    tries = draws("n", n)
    with np.errstate(divide="ignore"):
        result: Floats = -np.expm1(tries * np.log1p(-c))
    return result
