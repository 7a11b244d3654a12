"""Several noisy verifiers as one: by a vote of their verdicts, or by log-odds."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.renewal import binned
from antiscale.search.laws.score_laws import ScoreLaw
from antiscale.search.laws.verifiers import Flags, by_verdict

COMBINATIONS = ("vote", "log-odds")

# All patterns of verdicts are listed: 2^V of them.
_MOST = 14


def verdict_levels(
    true_positive: npt.ArrayLike, false_positive: npt.ArrayLike, combine: str = "log-odds"
) -> tuple[Floats, Floats]:
    """Return the levels of the joint verdict of V verifiers: masses on right and on wrong traces.

    Verdicts are independent given whether the trace is right. `vote` counts those that accept;
    `log-odds` ranks patterns by the log of their likelihood ratio, which by Neyman and Pearson
    makes the largest ROC curve, hence the best best-of-N (T10f).

    Parameters
    ----------
    true_positive, false_positive : [V]
        Each verifier's rates.
    combine
        "vote" or "log-odds".

    Returns
    -------
    Two arrays [L], the lowest level first, each summing to one.

    Raises
    ------
    InputError
        If a rate is no probability, there are none or more than 14 verifiers, or `combine` is
        unknown.
    """
    validate.choice("combine", combine, COMBINATIONS)
    right = np.atleast_1d(validate.probability("true_positive", true_positive))
    wrong = np.atleast_1d(validate.probability("false_positive", false_positive))
    if right.ndim != 1 or right.shape != wrong.shape or not 1 <= len(right) <= _MOST:
        raise InputError(
            f"true_positive and false_positive must list the rates of 1 to {_MOST} verifiers; got "
            f"shapes {right.shape} and {wrong.shape}"
        )
    bits = (np.arange(2 ** len(right))[:, None] >> np.arange(len(right))) & 1
    on_right = np.where(bits, right, 1.0 - right).prod(-1)
    on_wrong = np.where(bits, wrong, 1.0 - wrong).prod(-1)
    possible = (on_right > 0) | (on_wrong > 0)
    bits, on_right, on_wrong = bits[possible], on_right[possible], on_wrong[possible]
    if combine == "vote":
        score = bits.sum(-1).astype(float)
    else:
        with np.errstate(divide="ignore"):
            score = np.log(on_right) - np.log(on_wrong)
        # Equal ratios that were multiplied up in another order are one level.
        score = np.round(score, 10)
    _, level = np.unique(score, return_inverse=True)
    return binned(level, on_right), binned(level, on_wrong)


@validate.boundary
def several(
    solved: Flags,
    true_positive: npt.ArrayLike,
    false_positive: npt.ArrayLike,
    combine: str = "log-odds",
) -> ScoreLaw:
    """Score a trace by the verdicts of several verifiers; see `verdict_levels` (T10f).

    Parameters
    ----------
    solved : [..., S]
        Which types are right.
    true_positive, false_positive, combine
        As for `verdict_levels`.
    """
    return by_verdict(solved, *verdict_levels(true_positive, false_positive, combine))


@validate.boundary
def combined_auc(aucs: Sequence[float], correlation: float = 0.0) -> float:
    """AUC of the log-odds of V Gaussian scores of given AUCs (T10f).

    With d_i = sqrt(2) Phi^-1(AUC_i) and equicorrelated noise of correlation c the log-odds are
    Gaussian with d^2 = [sum d_i^2 - c (sum d_i)^2/(1 + (V - 1) c)]/(1 - c).

    Parameters
    ----------
    aucs
        Each in (0, 1).
    correlation
        c in [0, 1), between the noises of any two verifiers.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    from scipy import special  # late: SciPy would double the time of --help

    areas = np.atleast_1d(validate.probability("aucs", aucs, allow_zero=False, allow_one=False))
    c = float(validate.probability("correlation", correlation, allow_one=False))
    d = math.sqrt(2.0) * special.ndtri(areas)
    square = ((d**2).sum() - c * d.sum() ** 2 / (1.0 + (len(d) - 1) * c)) / (1.0 - c)
    return float(special.ndtr(math.sqrt(max(square, 0.0) / 2.0)))
