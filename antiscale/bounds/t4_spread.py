"""T4g: the largest spread that an expert of the ball can have, and so the price of cloning it."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.bounds.t4_cloning import size_around, vf_lower
from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Halvings of the interval of a; the bracket is then a rounding error of the returns.
_HALVINGS = 60
_ROUNDING = 1e-14
# Centres among which one is chosen, as shares of the way to the widest expert: dense towards it,
# where the more data there are the less room theta needs.
_SHARES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1)


class LargestSpread(NamedTuple):
    """The expert of the ball whose return varies most, per prompt [...].

    Attributes
    ----------
    value
        sigma_max = max over pi in Pi_kappa of sd_pi(R), in tokens: the spread of `policy`.
    policy : [..., S]
        An expert that has it.
    gap
        By how much sigma_max may at most exceed `value`, in tokens: the certificate.
    """

    value: Floats
    policy: Floats
    gap: Floats


@theorem(
    "T4g", "the largest spread",
    "sigma_max^2 = max over Pi_kappa of Var R = min_a V_kappa((R-a)^2)",
    kind="exact", learner="the worst expert", origin="ours",
    heading="The largest spread and the minimax constant", figure="price",
    example={"pmf": [0.9, 0.1], "returns": [0, 100], "kappa": 0.25}, part="value",
)  # fmt: skip
@validate.boundary
def largest_spread(
    pmf: npt.ArrayLike, returns: npt.ArrayLike, kappa: npt.ArrayLike
) -> LargestSpread:
    """Return the largest standard deviation of the return over the ball Pi_kappa (T4g).

    sigma_max^2 = max_pi Var_pi(R) = max_pi min_a E_pi (R - a)^2 = min_a V_kappa((R - a)^2), by
    Sion's theorem, with V_kappa the ball's optimum (T2). The convex function of a is minimised by
    bisection on the mean that T2's policy has there; where that mean jumps over a, the policies of
    both sides are mixed so that it is a.

    As n grows, sqrt(2/pi) sum_x rho(x) sigma_max,x/sqrt(n rho(x)) is what the best verifier-free
    learner loses to its worst expert, to first order.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy and returns (tokens).
    kappa : broadcasts against the leading axes
        Radius of the ball; inf is allowed.

    Returns
    -------
    LargestSpread
        `value` and `gap` in tokens, `policy`.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, or kappa is negative or NaN, or returns are not finite.

    Examples
    --------
    >>> from antiscale import bounds
    >>> float(bounds.largest_spread([0.9, 0.1], [0.0, 100.0], 0.25).value)  # q = .1 + .15
    43.30127018922193
    """
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    validate.on_support(p, r)
    budget = validate.nonnegative("kappa", kappa, most=np.inf)
    shape = np.broadcast_shapes(p.shape, r.shape, (*budget.shape, 1))
    p, r = np.broadcast_to(p, shape), np.broadcast_to(r, shape)
    budget = np.broadcast_to(budget, shape[:-1])[..., None]
    # About the mean and in units of the range: squares of large returns would lose digits.
    inside = p > 0
    least = np.min(np.where(inside, r, np.inf), axis=-1, keepdims=True)
    most = np.max(np.where(inside, r, -np.inf), axis=-1, keepdims=True)
    unit = np.where(most > least, most - least, 1.0)
    r = np.where(inside, (r - least) / unit, 0.0)
    low, high = np.zeros_like(unit), np.ones_like(unit)
    for _ in range(_HALVINGS):
        a = 0.5 * (low + high)
        square = (r - a) ** 2
        policy = best_policy(p, square, budget)
        mean = _mean(policy, r)
        # What a leaves of the variance's bound, (mean - a)^2, is then a rounding error of it.
        found = (mean - a) ** 2 <= 1e-16 * _mean(policy, square)
        low, high = np.where(found | (mean >= a), a, low), np.where(found | (mean < a), a, high)
        if (low == high).all():
            break
    one, other = (best_policy(p, (r - a) ** 2, budget) for a in (low, high))
    first, second = _mean(one, r), _mean(other, r)
    a = 0.5 * (low + high)
    share = np.divide(a - second, first - second, out=np.ones_like(a), where=first > second)
    share = np.clip(share, 0.0, 1.0)
    policy = share * one + (1.0 - share) * other
    variance = _mean(policy, (r - _mean(policy, r)) ** 2)
    # Any a bounds the variance of every expert.
    bound = np.minimum(_mean(one, (r - low) ** 2), _mean(other, (r - high) ** 2))
    value, upper = np.sqrt(variance), np.sqrt(np.maximum(bound, variance))
    return LargestSpread((unit * value)[..., 0], policy, (unit * (upper - value))[..., 0])


@validate.boundary
def hardest_centre(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    widest: npt.ArrayLike | None = None,
) -> Floats:
    """Return the expert of the ball around which T4f promises the most, per prompt [..., S].

    One of a few on the way from the base policy to the expert of the largest spread (T4g). T4f is
    near sigma_c theta where theta, the half-width of its interval, is short of what data can tell
    apart, and near 0.63 sigma_c/sqrt(n rho) where it is long: the harmonic sum of both decides,
    cheaply. Any centre gives a valid bound.

    Parameters
    ----------
    pmf, returns, n, prompt_mass, kappa
        As for `vf_lower`.
    widest : [..., S]
        The policy of `largest_spread`, where it is known.

    Raises
    ------
    InputError
        As `vf_lower`.

    Examples
    --------
    >>> from antiscale import bounds
    >>> bounds.hardest_centre([0.99, 0.01], [0.0, 1000.0], 10_000, kappa=0.25).round(3).tolist()
    [0.94, 0.06]
    """
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    far = largest_spread(p, r, kappa).policy if widest is None else validate.pmf("widest", widest)
    place: dict[str, Any] = {"prompt_mass": prompt_mass, "kappa": kappa}
    # All shares at once, on an axis before those of the prompts.
    axes = [np.ndim(z) for z in (n, prompt_mass, kappa)]
    shares = np.reshape(_SHARES, (-1,) + (1,) * max(far.ndim, *(d + 1 for d in axes)))
    sizes = size_around(p + shares * (far - p), p, r, n, **place)
    share = shares.ravel()[np.argmax(sizes, axis=0)][..., None]
    centre: Floats = p + share * (far - p)
    return centre


@validate.boundary
def vf_lower_over_ball(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "best",
    overlap: str = "affinity",
    widest: npt.ArrayLike | None = None,
) -> Floats:
    """Return the larger of T4f at the base policy and at `hardest_centre`.

    Valid at every n, as both are.

    Parameters
    ----------
    pmf, returns, n, prompt_mass, kappa, form, overlap
        As for `vf_lower`.
    widest
        As for `hardest_centre`.

    Returns
    -------
    [...] tokens, *before* weighting by rho(x).

    Raises
    ------
    InputError
        As `vf_lower`.

    Examples
    --------
    >>> from antiscale import bounds
    >>> law = {"pmf": [0.99, 0.01], "returns": [0.0, 1000.0], "n": 10_000, "kappa": 0.25}
    >>> bound, at_base = bounds.vf_lower_over_ball(**law), bounds.vf_lower(**law)
    >>> round(float(bound / at_base), 1)
    2.2
    """
    place: dict[str, Any] = {"prompt_mass": prompt_mass, "kappa": kappa}
    centre = hardest_centre(pmf, returns, n, widest=widest, **place)
    centres = np.stack(np.broadcast_arrays(np.asarray(pmf, float), centre))
    each = vf_lower(pmf, returns, n, centre=centres, form=form, overlap=overlap, **place)
    best: Floats = each.max(0)
    return best


def _mean(policy: Floats, z: Floats) -> Floats:
    total: Floats = (policy * z).sum(-1, keepdims=True)
    return total


def best_policy(pmf: Floats, rewards: Floats, kappa: Floats) -> Floats:
    """T2: the policy of the ball with the largest mean reward, [..., S]; kappa is [..., 1].

    w = (1/p_A + (R - mu_A)/lambda)_+ on the active set A, which shrinks from everything until
    nothing leaves; all mass on the best types where the budget allows it.
    """
    support = pmf > 0
    best = np.max(np.where(support, rewards, -np.inf), axis=-1, keepdims=True)
    # Within rounding: best types that differ by less would be told apart by noise.
    top = support & (best - rewards <= _ROUNDING * np.abs(best))
    mass_top = (pmf * top).sum(-1, keepdims=True)
    vertex = kappa * mass_top >= (pmf * ~top).sum(-1, keepdims=True)
    inside = support
    while True:
        kept = np.where(inside, pmf, 0.0)
        mass = kept.sum(-1, keepdims=True)
        # From the heaviest type: where it has nearly all the mass the mean is all but its reward.
        heaviest = np.argmax(kept, axis=-1)[..., None]
        away = rewards - np.take_along_axis(rewards, heaviest, -1)
        apart = away - (kept * away).sum(-1, keepdims=True) / mass
        spread = (kept * apart**2).sum(-1, keepdims=True)
        tail = np.where(inside, 0.0, pmf).sum(-1, keepdims=True)
        room = np.maximum(kappa - tail / mass, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.where((spread > 0) & ~vertex, np.sqrt(room / spread), 0.0)
        w = 1.0 / mass + apart * slope
        stays = inside & ((w > 0) | top | vertex)
        if (stays == inside).all():
            break
        inside = stays
    w = np.where(vertex, top / mass_top, np.where(inside, np.maximum(w, 0.0), 0.0))
    policy: Floats = pmf * w / (pmf * w).sum(-1, keepdims=True)
    # Rounding may leave it a little outside of the ball.
    square = np.divide((policy - pmf) ** 2, pmf, out=np.zeros_like(policy), where=support)
    apart = square.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(apart > kappa, np.sqrt(kappa / apart), 1.0)
    return pmf + share * (policy - pmf)
