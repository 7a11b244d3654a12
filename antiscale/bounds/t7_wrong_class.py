"""T7d: what verification achieves where the truth is not in the reward class."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from antiscale.bounds.t7_verification import density_ratio
from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Halvings when a divergence is inverted: to the last bit.
_HALVINGS = 80
# (1 + t) log(1 + t) - t is the sum of (-1)^k t^k/(k (k - 1)) over k >= 2, used below this |t|.
_SMALL = 0.03
_SERIES = tuple(1.0 / (k * (k - 1.0)) for k in range(2, 14))


class Tolerance(NamedTuple):
    """How far a member may be off on the labels, and how far it is then off at most, in tokens.

    Attributes
    ----------
    allowed
        theta: members with mean |R_r - label| <= theta stay in the version space.
    error
        eps: with probability 1 - delta none of them has E_b|R_r - R| > eps.
    """

    allowed: Floats
    error: Floats


@validate.boundary
def wrong_class_tolerance(
    horizon: npt.ArrayLike, bias: npt.ArrayLike, n: npt.ArrayLike, log_class_size: npt.ArrayLike,
    delta: npt.ArrayLike,
) -> Tolerance:  # fmt: skip
    """Return the version space's tolerance where the truth is within `bias` of the class (T7d).

    theta is the least in [b, H] with e^(-n kl(theta/H, b/H)) <= delta/2 (H if there is none), eps
    the largest in [theta, H] with (K - 1) e^(-n kl(theta/H, eps/H)) >= delta/2, and b where K = 1.
    With b = 0 it is T6a: theta = 0, and delta for delta/2.

    Parameters
    ----------
    horizon
        H in tokens: the range of |R_r - R|.
    bias
        b: some member has E_b|R_r - R| <= b, in tokens.
    n
        Labelled traces.
    log_class_size
        log K >= 0, natural logarithm.
    delta
        Failure probability, in (0, 1).

    Raises
    ------
    InputError
        If an argument is out of range or NaN.

    Examples
    --------
    >>> from antiscale import bounds
    >>> exact = bounds.wrong_class_tolerance(100, 0, 1000, 5, 0.05)  # T6a: log((K - 1)/delta)/n
    >>> float(exact.allowed), round(float(exact.error), 3)
    (0.0, 0.796)
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    b = np.minimum(validate.nonnegative("bias", bias, finite=True), h)
    n_ = validate.nonnegative("n", n, finite=True)
    size = validate.nonnegative("log_class_size", log_class_size, finite=True)
    level = validate.probability("delta", delta, allow_zero=False, allow_one=False)
    h, b, n_, size, level = np.broadcast_arrays(h, b, n_, size, level)
    unit = np.where(h > 0, h, 1.0)
    # A larger b is one too: none so small that 1/b overflows.
    near = np.where(b > 0, np.maximum(b / unit, 1e-300), 0.0)
    half = np.where(b > 0, 2.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spent = np.log(half / level) / n_
        rivals = size + np.log(-np.expm1(-size)) + np.log(half / level)
        many = np.where(np.isneginf(rivals), 0.0, np.maximum(rivals, 0.0) / n_)
    most = np.ones_like(near)
    allowed = np.where(b > 0, _between(near, most, spent, near, first=True), 0.0)
    # A class of one member has no rivals.
    error = np.where(size > 0, _between(allowed, most, many, allowed, first=False), near)
    return Tolerance(h * allowed, h * np.maximum(error, near))


def _between(low: Floats, high: Floats, spent: Floats, fixed: Floats, *, first: bool) -> Floats:
    """The x in [low, high] up to which kl(x, fixed) (or kl(fixed, x)) is at most `spent`."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = _divergence(middle, fixed) if first else _divergence(fixed, middle)
        inside = found <= spent
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high


def _divergence(a: Floats, b: Floats) -> Floats:
    """kl(a, b) of two Bernoulli laws.

    b h((a - b)/b) + (1 - b) h((b - a)/(1 - b)) with h of `_excess`: no term is negative, so
    nothing cancels where a and b are near each other or small.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        total: Floats = b * _excess((a - b) / b) + (1.0 - b) * _excess((b - a) / (1.0 - b))
    edge = np.where(a == b, 0.0, np.inf)
    return np.where((b <= 0) | (b >= 1), edge, total)


def _excess(t: Floats) -> Floats:
    """h(t) = (1 + t) log(1 + t) - t >= 0 for t >= -1; by its series where t is small."""
    direct = special.xlog1py(1.0 + t, t) - t
    small = np.where(np.abs(t) < _SMALL, t, 0.0)
    series = small**2 * np.polynomial.polynomial.polyval(-small, _SERIES)
    return np.where(np.abs(t) < _SMALL, series, direct)


@theorem(
    "T7d", "verification, a wrong class",
    "W eps + b + sqrt(kappa H b), b the distance of the truth from the class",
    kind="valid", direction="upper", learner="a tolerant pessimist", origin="ours",
    heading="A wrong class", figure="limits",
    example={"horizon": 100, "bias": 0.01, "n": 10000, "log_class_size": 5, "delta": 0.05,
             "kappa": 0.25, "max_ratio": 1.5},
)  # fmt: skip
@validate.boundary
def vb_upper_wrong_class(
    horizon: npt.ArrayLike,
    bias: npt.ArrayLike,
    n: npt.ArrayLike,
    log_class_size: npt.ArrayLike,
    delta: npt.ArrayLike,
    kappa: npt.ArrayLike,
    *,
    max_ratio: npt.ArrayLike | None = None,
    own_ratio: npt.ArrayLike | None = None,
) -> Floats:
    """Bound on verification's loss where the truth is only near the class, w. p. 1 - delta (T7d).

    The learner keeps the members that are off by at most theta per label on average
    (`wrong_class_tolerance`), and plays the best policy of Pi_kappa for the worst of them; the base
    policy where none is left. It loses at most min(W eps, eps + sqrt(kappa H eps)) for what it
    cannot tell apart, and min(W' b, b + sqrt(kappa H b)) for being wrong where it goes itself,
    which no number of traces removes. Valid; W b alone is false.

    Parameters
    ----------
    horizon, bias, n, log_class_size, delta
        As for `wrong_class_tolerance`.
    kappa
        Radius of the ball.
    max_ratio
        W >= 1, the largest density ratio of pibar_kappa for the truth, where it is known.
    own_ratio
        W' >= 1, the largest density ratio that the learner's own policies have, where it is known.

    Returns
    -------
    Tokens, at most H. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is out of range or NaN.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    budget = validate.nonnegative("kappa", kappa, finite=True)
    error = wrong_class_tolerance(horizon, bias, n, log_class_size, delta).error
    b = np.minimum(validate.nonnegative("bias", bias, finite=True), h)

    def moved(mean: Floats, ratio: npt.ArrayLike | None) -> Floats:
        """How large the mean of a function in [0, H] may be under a policy of the ball."""
        slow: Floats = mean + np.sqrt(budget * h * mean)
        return slow if ratio is None else np.minimum(slow, density_ratio(ratio) * mean)

    return np.minimum(moved(error, max_ratio) + moved(b, own_ratio), h)
