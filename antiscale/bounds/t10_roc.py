"""T10f: best-of-N's accuracy from the verifier's ROC curve alone."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T10f", "best-of-N from the ROC curve",
    "P(right) = 1 - N (1 - c) int_0^1 [1 - (1 - c) u - c g(u)]^(N - 1) du",
    kind="exact", learner="best-of-N", origin="known", unit="probability",
    example={"success": 0.25, "false_positive": [0.2], "true_positive": [0.9], "n": 16},
)  # fmt: skip
@validate.boundary
def roc_accuracy(
    success: npt.ArrayLike,
    false_positive: npt.ArrayLike,
    true_positive: npt.ArrayLike,
    n: npt.ArrayLike,
) -> Floats:
    """1 - N (1 - c) int_0^1 [1 - (1 - c) u - c g(u)]^(N - 1) du: P(best-of-N is right) (T10f).

    g is the ROC curve, straight between the points. The larger g, the more accurate; for a concave
    g accuracy grows in N and is concave in it; at N = 2 it is c^2 + 2 c (1 - c) AUC. Exact.

    Parameters
    ----------
    success
        c in [0, 1], the chance that one trace is right.
    false_positive, true_positive : [P]
        Points of g, both rising; (0, 0) and (1, 1) are added.
    n
        N >= 1; broadcasts against `success`.

    Raises
    ------
    InputError
        If an argument is out of range, or the points do not rise.
    """
    c = validate.probability("success", success)[..., None]
    tries = validate.nonnegative("n", n, finite=True)[..., None]
    if (tries < 1).any():
        raise InputError(f"n must be >= 1 (the number of tries); got {np.min(tries):g}")
    u = np.concatenate([[0.0], np.atleast_1d(validate.probability("fpr", false_positive)), [1.0]])
    g = np.concatenate([[0.0], np.atleast_1d(validate.probability("tpr", true_positive)), [1.0]])
    if u.shape != g.shape or (np.diff(u) < 0).any() or (np.diff(g) < 0).any():
        raise InputError(
            "false_positive and true_positive must be of one length and rise along the ROC curve"
        )
    # v(u) = 1 - (1 - c) u - c g(u) falls from 1 to 0; on a piece its mean power is elementary.
    v = np.maximum(1.0 - (1.0 - c) * u - c * g, 0.0)
    high, low = v[..., :-1], v[..., 1:]
    wrong = (1.0 - c) * np.diff(u)
    return 1.0 - (wrong * _slope(high, low, tries)).sum(-1)


def _slope(high: Floats, low: Floats, n: Floats) -> Floats:
    """(high^n - low^n)/(high - low), and its limit where they meet."""
    gap = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        secant = (high**n - low**n) / gap
        middle = (high + low) / 2.0
        # Where the ends all but meet the midpoint's slope is right to second order in the gap.
        tangent = n * middle ** (n - 1.0)
    close = gap * n <= 1e-5 * np.maximum(high, 1e-300)
    return np.where(close, tangent, secant)
