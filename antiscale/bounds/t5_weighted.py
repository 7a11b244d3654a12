"""T5d and T5e: what cloning one's own labelled traces with the ball's weights costs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.bounds.t4_spread import best_policy
from antiscale.bounds.t5_cloning_upper import inverse_root_count, never_seen
from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Weights that differ by less of the largest are one, and such a weight is zero: rounding.
_FLAT = 1e-9
_EXAMPLE = {"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25}


class _Tilt(NamedTuple):
    """The ball's optimum for one reward, per prompt [..., 1] or type [..., S].

    `ratio` is w, `gain` V_kappa - J, and `slope` phi, the derivative of V_kappa by the law of
    the return: (lambda/2)(w^2 - E w^2).
    """

    ratio: Floats
    gain: Floats
    slope: Floats


@theorem(
    "T5d", "weighted cloning, from below",
    "E sup over {r, rbar} >= sum_x rho E|mean of n_x (phi - phibar)|/2 ~ s/sqrt(2 pi n rho)",
    kind="tight", direction="lower", learner="weighted", origin="ours", figure="limits",
    example=_EXAMPLE,
)  # fmt: skip
@validate.boundary
def weighted_lower(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = 0.25,
) -> Floats:
    """Lower bound on what the learner `weighted` loses at one prompt, sup over r and rbar (T5d).

    The loss at r is V_kappa(P) - V_kappa(P_n), P the law of the return under pi_b and P_n that of
    the n_x labelled traces; V_kappa is concave in the law, so it is at least minus the mean of
    phi = (lambda/2)(w^2 - E w^2) over them. With s the standard deviation of phi - phibar (phibar
    for the mirror) the bound is half a lower bound on E|mean of phi - phibar|:
    the larger of sqrt(2/pi) s E[n_x^(-1/2); n_x > 0] - (E|phi - phibar|^3/s^2) E[1/n_x; n_x > 0]
    and the one by the fourth moment, and what is lost where the prompt was never seen. Tight: the
    loss tends to s/sqrt(2 pi n rho), away from the edge of the vertex (T2).

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy and returns (tokens).
    n
        Labelled traces in all, >= 0.
    prompt_mass
        rho(x).
    kappa
        Radius of the ball, finite.

    Returns
    -------
    [...] tokens, *before* weighting by rho(x).

    Raises
    ------
    InputError
        If pmf does not sum to one, or an argument is out of range or NaN.

    Examples
    --------
    >>> from antiscale import bounds
    >>> fair = {"pmf": [0.5, 0.5], "returns": [0.0, 100.0], "n": 10**6, "kappa": 0.25}
    >>> round(float(1000 * bounds.weighted_lower(**fair)), 2)  # in the limit 100/sqrt(2 pi)
    39.84
    """
    p, r, n_, rho, budget = _inputs(pmf, returns, n, prompt_mass, kappa)
    up, down = _tilt(p, r, budget), _tilt(p, -r, budget)
    both = up.slope - down.slope
    unit = np.max(np.abs(np.where(p > 0, both, 0.0)), axis=-1)
    x = both / np.where(unit > 0, unit, 1.0)[..., None]
    second, third, fourth = (np.asarray((p * np.abs(x) ** k).sum(-1)) for k in (2, 3, 4))
    some = (unit > 0) & (second > 0)
    square = np.where(some, second, 1.0)
    never = never_seen(n_, rho)
    seen = 1.0 - never
    normal = np.sqrt(2.0 / np.pi) * np.sqrt(second) * inverse_root_count(n_, rho)
    normal = normal - third / square * _inverse_count(n_, rho)
    with np.errstate(divide="ignore", invalid="ignore"):
        # E|Z| >= (E Z^2)^(3/2)/(E Z^4)^(1/2), which is convex in n_x: at its mean where n_x > 0.
        kurtosis = 3.0 * n_ * rho / seen + fourth / square**2 - 3.0
        moments = np.where(seen > 0, seen * np.sqrt(second) / np.sqrt(kurtosis), 0.0)
    mean = np.where(some, np.maximum(normal, moments), 0.0) * unit
    unseen = np.maximum(up.gain, down.gain)[..., 0]
    return 0.5 * mean + unseen * never


@theorem(
    "T5e", "weighted cloning",
    "E sup over {r, rbar} <= sum_x rho [sum over both (tau + b)/2 E n_x^(-1/2) + O(1/n)]",
    kind="valid", direction="upper", learner="weighted", origin="ours", figure="limits",
    example=_EXAMPLE,
)  # fmt: skip
@validate.boundary
def weighted_upper(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = 0.25,
) -> Floats:
    """Upper bound on what the learner `weighted` loses at one prompt, sup over r and rbar (T5e).

    For each of r and rbar let tau = sd_b(w (R - V_kappa)), psi = ((w - 1)^2/kappa - 1)/2 - (w - 1),
    b = (V_kappa - J) sd_b(psi), and D the range of R. The sum over both of
    (tau + b)/2 E[n_x^(-1/2); n_x > 0] + (2 sqrt(kappa)(tau + b) + 3 sigma sd_b(psi)) E[1/n_x],
    and 2 D times the chance that the weights' mean is below 1/2, e^(-n_x/(8 (1 + kappa))) on
    average over n_x > 0, and what is lost where the prompt was never seen; at most D. Valid.

    Parameters
    ----------
    pmf, returns, n, prompt_mass, kappa
        As for `weighted_lower`.

    Returns
    -------
    [...] tokens, *before* weighting by rho(x).

    Raises
    ------
    InputError
        As `weighted_lower`.

    Examples
    --------
    >>> from antiscale import bounds
    >>> fair = {"pmf": [0.5, 0.5], "returns": [0.0, 100.0], "n": 10**6, "kappa": 0.25}
    >>> round(float(1000 * bounds.weighted_upper(**fair)), 2)  # in the limit 50
    50.25
    """
    p, r, n_, rho, budget = _inputs(pmf, returns, n, prompt_mass, kappa)
    support = p > 0
    mean = (p * r).sum(-1, keepdims=True)
    sigma = np.sqrt((p * (r - mean) ** 2).sum(-1))
    width = np.max(np.where(support, r, -np.inf), -1) - np.min(np.where(support, r, np.inf), -1)
    root = np.sqrt(budget)
    first, rest = np.zeros(np.shape(sigma)), np.zeros(np.shape(sigma))
    gains = []
    for goal in (r, -r):
        found = _tilt(p, goal, budget)
        value = (p * goal).sum(-1, keepdims=True) + found.gain
        tau = _deviation(p, found.ratio * (goal - value))
        away = np.where(budget > 0, (found.ratio - 1.0) / np.where(root > 0, root, 1.0), 0.0)
        psi = _deviation(p, 0.5 * away**2 - root * away)
        both = tau + found.gain[..., 0] * psi
        first = first + both / 2.0
        rest = rest + 2.0 * root[..., 0] * both + 3.0 * sigma * psi
        gains.append(found.gain[..., 0])
    never = never_seen(n_, rho)
    light = -np.expm1(-1.0 / (8.0 * (1.0 + budget[..., 0])))
    small = np.maximum(never_seen(n_, rho * light) - never, 0.0)
    value = first * inverse_root_count(n_, rho) + rest * _inverse_count(n_, rho)
    value = value + 2.0 * width * small + np.maximum(*gains) * never
    return np.minimum(value, width)


def _inputs(
    pmf: npt.ArrayLike, returns: npt.ArrayLike, n: npt.ArrayLike, prompt_mass: npt.ArrayLike,
    kappa: npt.ArrayLike,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:  # fmt: skip
    """The arguments, checked and of one shape: types last, kappa [..., 1]; 0 off the support."""
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    validate.on_support(p, r)
    n_ = validate.nonnegative("n", n, finite=True)
    rho = validate.probability("prompt_mass", prompt_mass)
    budget = validate.nonnegative("kappa", kappa, finite=True)
    shape = np.broadcast_shapes(
        p.shape, r.shape, *((*z.shape, 1) for z in (n_, rho, budget))
    )  # fmt: skip
    p, r = np.broadcast_to(p, shape), np.broadcast_to(r, shape)
    n_, rho, budget = (np.broadcast_to(z, shape[:-1]) for z in (n_, rho, budget))
    return p, np.where(p > 0, r, 0.0), n_, rho, budget[..., None]


def _tilt(p: Floats, r: Floats, kappa: Floats) -> _Tilt:
    """T2 for returns r [..., S] and kappa [..., 1]."""
    support = p > 0
    policy = best_policy(p, r, kappa)
    w = np.divide(policy, p, out=np.zeros_like(policy), where=support)
    mean = (p * r).sum(-1, keepdims=True)
    away = np.where(support, r - mean, 0.0)
    gain = np.maximum((policy * away).sum(-1, keepdims=True), 0.0)
    # lambda from two returns of the active set; lambda (w - 1) is R - J where w > 0 everywhere.
    inside = support & (w > _FLAT * np.max(w, axis=-1, keepdims=True))
    most = np.max(np.where(inside, r, -np.inf), axis=-1, keepdims=True)
    least = np.min(np.where(inside, r, np.inf), axis=-1, keepdims=True)
    top = np.max(np.where(inside, w, -np.inf), axis=-1, keepdims=True)
    low = np.min(np.where(inside, w, np.inf), axis=-1, keepdims=True)
    whole = (inside == support).all(-1, keepdims=True)
    # At the vertex the weights do not vary with the return, and neither does V_kappa with the law.
    varies = top - low > _FLAT * top
    slope = np.divide(most - least, top - low, out=np.zeros_like(top), where=varies)
    moved = np.where(whole, away, slope * (w - 1.0))
    phi = moved * (1.0 + 0.5 * (w - 1.0))
    phi = np.where(support, phi - (p * phi).sum(-1, keepdims=True), 0.0)
    return _Tilt(w, gain, phi)


def _deviation(p: Floats, z: Floats) -> Floats:
    """Standard deviation under p, [...]."""
    mean = (p * z).sum(-1, keepdims=True)
    found: Floats = np.sqrt((p * (z - mean) ** 2).sum(-1))
    return found


def _inverse_count(n: Floats, rho: Floats) -> Floats:
    """A bound on E[1/N; N > 0], N ~ Binomial(n, rho), from 1/k <= 1/(k+1) + 3/((k+1)(k+2))."""
    seen = np.minimum(n * rho, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = 1.0 / ((n + 1.0) * rho)
        bound = np.minimum(first + 3.0 * first / ((n + 2.0) * rho), seen)
        sure = np.where(n > 0, 1.0 / n, 0.0)
    return np.where(rho >= 1.0, sure, np.where(rho > 0, bound, 0.0))
