"""Pessimism about a score: rejection sampling from the ball's best policy for it."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.validate import Floats
from antiscale.search.laws.rejection import Stopped, until_accepted


@validate.boundary
def pessimism(
    pmf: npt.ArrayLike, scores: npt.ArrayLike, kappa: npt.ArrayLike, tries: npt.ArrayLike = np.inf
) -> Stopped:
    """Sample from pi_s, the ball's best policy for a score, by rejection (T10n).

    pi_s is T2's optimum with the score in place of the return: a trace of ratio w is accepted with
    probability w/W, W the largest ratio, so that W traces are drawn on average. With at most N
    tries the last one is returned where none was accepted, which has probability (1 - 1/W)^N.
    Exact. Best-of-N has the same score and no kappa: its ratio may be as large as N.

    Parameters
    ----------
    pmf, scores : [..., S]
        Base policy; score of each type, in any unit (unlike best-of-N, not its order alone).
    kappa : broadcasts against the leading axes
        Radius of the ball.
    tries : broadcasts against the leading axes
        N >= 0, whole; inf draws without end.

    Returns
    -------
    Stopped
        `law` [..., S] of the type that is returned, `spent` [...] in traces.

    Raises
    ------
    InputError
        If `pmf` is no pmf, a score is not finite, or kappa or tries are out of range.

    Examples
    --------
    >>> law, tries = pessimism([0.5, 0.3, 0.2], [0.0, 1.0, 1.0], 0.25)
    >>> law.round(3).tolist(), float(tries.round(3))
    ([0.25, 0.45, 0.3], 1.5)
    """
    p, s = validate.pmf("pmf", pmf), validate.floats("scores", scores)
    radius = validate.nonnegative("kappa", kappa, finite=True)
    validate.on_support(p, s)
    accept = accepting_for(p, s, radius)
    return until_accepted(np.broadcast_to(p, accept.shape), accept, tries)


def accepting_for(pmf: Floats, scores: Floats, kappa: npt.ArrayLike) -> Floats:
    """w/W, how likely a trace of each type is accepted: [..., S], unchecked."""
    from antiscale.ball.optimum import chi2_ball_optimum  # late: it loads JAX

    shape = np.broadcast_shapes(pmf.shape, scores.shape, (*np.shape(kappa), 1))
    p, s = np.broadcast_to(pmf, shape), np.broadcast_to(scores, shape)
    ratio = np.asarray(chi2_ball_optimum(p, np.where(p > 0, s, 0.0), kappa).density_ratio)
    ratio = np.where(p > 0, np.maximum(ratio, 0.0), 0.0)
    accept: Floats = ratio / np.max(ratio, axis=-1, keepdims=True)
    return accept
