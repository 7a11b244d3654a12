"""T10n: what pessimism about an imperfect score loses to the best of the ball."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T10n", "pessimism about a score",
    "loss of pi_s to any policy of Pi_kappa <= 2 sqrt(kappa) min_{c>=0} sd_b(R - c s)",
    kind="tight", direction="upper", learner="pessimism", origin="ours", figure="pass_at_k",
    example={"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100], "scores": [0, 2, 2], "kappa": 0.25},
)  # fmt: skip
@validate.boundary
def score_pessimism_loss(
    pmf: npt.ArrayLike, returns: npt.ArrayLike, scores: npt.ArrayLike, kappa: npt.ArrayLike
) -> Floats:
    """Upper bound on what the ball's best policy for a score loses by the true return (T10n).

    pi_s, T2's optimum with the score s in place of R, loses to every policy of Pi_kappa at most
    2 sqrt(kappa) min_{c >= 0} sd_b(R - c s) = 2 sqrt(kappa) sigma sqrt(1 - max(corr(R, s), 0)^2);
    to the base policy at most half of it. Met where s = -R and the budget clips no type (so that
    kappa <= 1; beyond, sqrt(2 (1 + kappa)) would do for 2 sqrt(kappa)).

    Parameters
    ----------
    pmf, returns, scores : [..., S]
        Base policy, returns (tokens), and what the score says of each type, in any unit.
    kappa : broadcasts against the leading axes
        Radius of the ball.

    Returns
    -------
    [...] tokens.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, returns or scores are not finite, or kappa is negative.

    Examples
    --------
    >>> from antiscale import bounds
    >>> float(bounds.score_pessimism_loss([0.5, 0.5], [0, 100], [0, -1], 0.25))  # exactly misled
    50.0
    """
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    s, radius = validate.floats("scores", scores), validate.nonnegative("kappa", kappa, finite=True)
    validate.on_support(p, r)
    validate.on_support(p, s)
    r, s = np.where(p > 0, r, 0.0), np.where(p > 0, s, 0.0)
    # In units of its range: only its direction matters.
    size = np.max(np.abs(s), axis=-1, keepdims=True)
    away, score = _centred(p, r), _centred(p, s / np.where(size > 0, size, 1.0))
    spread = (p * score**2).sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = (p * score * away).sum(-1, keepdims=True) / spread
    slope = np.where(np.isfinite(slope) & (slope > 0), slope, 0.0)
    rest = np.sqrt((p * (away - slope * score) ** 2).sum(-1))
    # Rounding must not make the score better than no score.
    sigma = np.sqrt((p * away**2).sum(-1))
    loss: Floats = 2.0 * np.sqrt(radius) * np.minimum(rest, sigma)
    return loss


def _centred(pmf: Floats, values: Floats) -> Floats:
    centred: Floats = values - (pmf * values).sum(-1, keepdims=True)
    return centred
