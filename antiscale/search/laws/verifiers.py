"""Verifiers as score laws: the oracle, verdicts with error rates, ROC curves, Gaussian scores."""

import math

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.score_laws import ScoreLaw

Flags = npt.NDArray[np.bool_]

# Spacing of a Gaussian score's quadrature, in standard deviations: the trapezium rule converges
# faster than any power of it here (below 1e-12 for N up to 10^6).
_SPACING = 0.06
_TAIL = 9.0


@validate.boundary
def by_score(scores: npt.ArrayLike) -> ScoreLaw:
    """Give each type one score, known exactly: best-of-N by `best_of_n` (T10).

    Parameters
    ----------
    scores : [S] or [m, S]
        Any numbers; only their order matters.
    """
    s = np.atleast_1d(validate.floats("scores", scores))
    rows = s.reshape(-1, s.shape[-1])
    ranks = [np.unique(row, return_inverse=True)[1].reshape(-1) for row in rows]
    count = max(int(np.max(rank)) for rank in ranks) + 1
    mass = np.stack([np.arange(count)[:, None] == rank for rank in ranks]).astype(float)
    return ScoreLaw.discrete(mass.reshape(*s.shape[:-1], 1, count, s.shape[-1]))


@validate.boundary
def rates(solved: Flags, true_positive: float, false_positive: float) -> ScoreLaw:
    """Accept a right trace with probability TPR, a wrong one with FPR, independently (T10f).

    Parameters
    ----------
    solved : [..., S]
        Which types are right.
    true_positive, false_positive
        Probabilities in [0, 1].
    """
    accept = accepting(solved, true_positive, false_positive)
    return ScoreLaw.discrete(np.stack([1.0 - accept, accept], axis=-2)[..., None, :, :])


def accepting(solved: Flags, true_positive: float, false_positive: float) -> Floats:
    """Return each type's probability of being accepted, [..., S]."""
    right = float(validate.probability("true_positive", true_positive))
    wrong = float(validate.probability("false_positive", false_positive))
    return np.where(validate.flags("solved", solved), right, wrong)


@validate.boundary
def roc(solved: Flags, false_positive: npt.ArrayLike, true_positive: npt.ArrayLike) -> ScoreLaw:
    """Score a trace by an ROC curve through the given points, straight between them (T10f).

    A straight piece is a level of the score at which traces are not distinguished.

    Parameters
    ----------
    solved : [..., S]
        Which types are right.
    false_positive, true_positive : [P]
        Points of the curve as the threshold falls, both rising; (0, 0) and (1, 1) are added.

    Raises
    ------
    InputError
        If the points do not rise from (0, 0) to (1, 1).
    """
    curves = []
    for name, value in (("false_positive", false_positive), ("true_positive", true_positive)):
        points = np.atleast_1d(validate.probability(name, value))
        curves.append(np.concatenate([[0.0], points, [1.0]]))
        if points.ndim != 1 or (np.diff(curves[-1]) < 0).any():
            raise InputError(
                f"{name} must rise along the ROC curve; got {np.array2string(points, precision=4)}"
            )
    if len(curves[0]) != len(curves[1]):
        raise InputError(
            f"false_positive and true_positive must be of one length; got {len(curves[0]) - 2} "
            f"and {len(curves[1]) - 2}"
        )
    # The last piece of the curve is the lowest level.
    wrong, right = (np.diff(curve)[::-1] for curve in curves)
    return by_verdict(solved, right, wrong)


def by_verdict(solved: Flags, right: Floats, wrong: Floats) -> ScoreLaw:
    """Score by a law that depends on right or wrong alone: masses [L] of the levels, low first."""
    right_types = validate.flags("solved", solved)
    mass = np.where(right_types[..., None, :], right[:, None], wrong[:, None])
    return ScoreLaw.discrete(mass[..., None, :, :])


@validate.boundary
def gaussian(solved: Flags, auc: float, *, spacing: float = _SPACING) -> ScoreLaw:
    """Score N(d, 1) on right traces and N(0, 1) on wrong ones, d = sqrt(2) Phi^-1(AUC) (T10f).

    Parameters
    ----------
    solved : [..., S]
        Which types are right.
    auc
        Chance in (0, 1) that a right trace scores above a wrong one; 1/2 carries no information.
    spacing
        Of the points of quadrature, in standard deviations.

    Raises
    ------
    InputError
        If `auc` is not in (0, 1); for a perfect verifier use `by_score`.
    """
    from scipy import special  # late: SciPy would double the time of --help

    solved = validate.flags("solved", solved)
    area = validate.probability("auc", auc, allow_zero=False, allow_one=False)
    spacing = validate.real("spacing", spacing)
    if not 1e-4 <= spacing <= 1.0:
        raise InputError(f"spacing must lie in [0.0001, 1] standard deviations; got {spacing:g}")
    shift = float(math.sqrt(2.0) * special.ndtri(area))
    low, high = min(shift, 0.0) - _TAIL, max(shift, 0.0) + _TAIL
    z = np.linspace(low, high, math.ceil((high - low) / spacing) + 1)
    distance = z[:, None] - np.where(solved, shift, 0.0)[..., None, :]
    density = np.exp(-(distance**2) / 2.0) / math.sqrt(2.0 * math.pi)
    step = (high - low) / (len(z) - 1)
    one = np.ones((*solved.shape[:-1], 1))
    mass, below, above = (
        array[..., None, :, :]
        for array in (step * density, special.ndtr(distance), special.ndtr(-distance))
    )
    return ScoreLaw(one, mass, below, above, atomless=True)
