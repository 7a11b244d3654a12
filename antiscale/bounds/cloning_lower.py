"""T4: what every verifier-free algorithm must lose to some expert of the ball.

Each form is a Bayes bound under a prior over experts; `hardest_prior` and `hardest_block_prior`
give that prior's scale, so that a simulation can draw the experts that the bound speaks of.

Numerics: affinities enter as 1 - B (sums of non-negative terms, no cancellation), powers of n by
log1p, and 1 - sqrt(1 - BC^2) as BC^2 / (1 + sqrt(1 - BC^2)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale import validate
from antiscale.errors import InputError
from antiscale.validate import Floats

FORMS = ("two_point", "many_point", "best")

# K of T4c: for large n the bound stands sqrt(0.614/K)/0.629, two per cent, under that of K = inf.
GRID_STEPS = 4096
# Cells of T4c's inner sum, and levels of the return beyond which returns are merged.
_CELLS = 8
_LEVELS = 256


class Prior(NamedTuple):
    """The prior under which a form of T4 is a Bayes bound, per prompt [...].

    Attributes
    ----------
    form
        "two_point" (T4a: experts 1 + v scale g, v = -1 or 1) or "many_point" (T4c: experts
        1 + theta g, theta uniform on `GRID_STEPS` + 1 even steps from -scale to scale).
    scale
        eps (T4a) or a (T4c): a multiple of g = (R - J)/sigma.
    value
        The prompt's term, in tokens, before weighting by rho(x).
    """

    form: npt.NDArray[np.str_]
    scale: Floats
    value: Floats


class BlockPrior(NamedTuple):
    """The prior of T4b, per prompt: signs per pair of styles.

    Attributes
    ----------
    scale : [..., B // 2]
        eps of each pair: experts 1 + eps v q/p_a on style a, 1 - eps v q/p_b on b.
    value : [...]
        The prompt's term, in tokens, before weighting by rho(x).
    """

    scale: Floats
    value: Floats


def vf_lower(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "best",
) -> Floats:
    """Lower bound on one prompt's worst-expert loss of any verifier-free algorithm (T4a, T4c).

    T4a (two points): sup over eps <= epsmax of eps sigma [1 - sqrt(1 - BC^2)],
    BC = (1 - rho (1 - E sqrt(1 - eps^2 g^2)))^n, g = (R - J)/sigma,
    epsmax = min(sqrt(kappa), 1/max|g|).
    T4c (many points, theta_i = -a + i D, i = 0..K, D = 2a/K, a <= epsmax):
    sigma (D/2) sum_j (1/(K+1)) sum_i [1 - sqrt(1 - BC_ij^2)],
    BC_ij = (1 - rho (1 - E sqrt((1 + theta_i g)(1 + theta_{i+j} g))))^n.
    Valid for every n, for any class that holds r and rbar at the prompt; T4c's constant tends to
    0.62854 sigma/sqrt(rho n), T4a's to 0.27012.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy and returns (tokens).
    n, prompt_mass, kappa : broadcast against the leading axes
        Samples; rho(x); radius of the ball.
    form
        "two_point", "many_point" or "best" (the larger).

    Returns
    -------
    [...] tokens, *before* weighting: the bound is sum_x rho(x) vf_lower(x).

    Raises
    ------
    InputError
        If `pmf` does not sum to one, n or kappa is negative or NaN, prompt_mass is no
        probability, or the form is unknown.
    """
    return hardest_prior(pmf, returns, n, prompt_mass=prompt_mass, kappa=kappa, form=form).value


def hardest_prior(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "best",
) -> Prior:
    """Return the prior over experts at which `vf_lower` is attained (T4a, T4c); same arguments."""
    validate.choice("form", form, FORMS)
    p = validate.pmf("pmf", pmf)
    r = validate.floats("returns", returns)
    n_, rho, budget = _samples(n, prompt_mass, kappa)
    batch = np.broadcast_shapes(p.shape[:-1], r.shape[:-1], n_.shape, rho.shape, budget.shape)
    types = np.broadcast_shapes(p.shape[-1:], r.shape[-1:])
    rows = np.concatenate(
        [np.broadcast_to(z, (*batch, *types)).reshape(-1, *types) for z in (p, r)]
        + [np.broadcast_to(z, batch).reshape(-1, 1) for z in (n_, rho, budget)],
        axis=-1,
    )
    # Prompts are often alike: each distinct one is worked out once.
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    found = [_hardest_prior(row, types[0], form) for row in distinct]
    forms, scales, values = (
        np.asarray(column)[where.ravel()] for column in zip(*found, strict=True)
    )
    return Prior(forms.reshape(batch), scales.reshape(batch), values.reshape(batch))


def _samples(
    n: npt.ArrayLike, prompt_mass: npt.ArrayLike, kappa: npt.ArrayLike
) -> tuple[Floats, Floats, Floats]:
    return (
        validate.nonnegative("n", n, finite=True),
        validate.probability("prompt_mass", prompt_mass),
        validate.nonnegative("kappa", kappa),
    )


def _hardest_prior(row: Floats, types: int, form: str) -> tuple[str, float, float]:
    p, r = row[:types], row[types : 2 * types]
    n, rho, kappa = row[2 * types :]
    r, inverse = np.unique(r[p > 0], return_inverse=True)
    p = np.bincount(inverse, weights=p[p > 0]).astype(np.float64)
    r = r - r @ p
    sigma = float(np.sqrt(p @ r**2))
    forms = ("two_point", "many_point") if form == "best" else (form,)
    if sigma == 0.0 or kappa == 0.0:
        return forms[0], 0.0, 0.0
    g = r / sigma
    limit = float(min(np.sqrt(kappa), 1.0 / np.abs(g).max()))
    usual = float(1.0 / np.sqrt(n * rho + 1.0))
    found = []
    if "two_point" in forms:
        eps, value = _maximise(lambda eps: _two_point(eps, p, g, n, rho), limit, usual)
        found.append(("two_point", eps, value))
    if "many_point" in forms:
        few = _spread_onto_few_levels(p, g)
        a, _ = _maximise(lambda a: _many_point_glimpse(a, *few, n, rho), limit, usual)
        found.append(("many_point", a, _many_point(a, *few, n, rho)))
    name, scale, value = max(found, key=lambda prior: prior[2])
    return name, scale, value * sigma


def _maximise(f: Callable[[float], float], limit: float, usual: float) -> tuple[float, float]:
    """Maximise f on (0, limit]: a log grid from below the usual scale, refined twice.

    Any scale gives a valid bound; the search only decides how sharp it is.
    """
    grid = np.geomspace(min(limit, usual) / 4.0, limit, 16)
    for _ in range(3):
        values = [f(float(scale)) for scale in grid]
        best = int(np.argmax(values))
        scale, value = float(grid[best]), values[best]
        grid = np.geomspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 9)
    return scale, value


def one_minus_tv(log_affinity: Floats) -> Floats:
    """1 - sqrt(1 - BC^2) <= 1 - TV, from log BC <= 0 (Bretagnolle-Huber, by Cauchy-Schwarz)."""
    square = np.exp(2.0 * log_affinity)
    result: Floats = square / (1.0 + np.sqrt(-np.expm1(2.0 * log_affinity)))
    return result


def _log_affinity(n: float, rho: float, defect: Floats) -> Floats:
    """Log BC = n log(1 - rho (1 - B)), from the defect 1 - B."""
    if n == 0:
        return np.zeros_like(defect)
    with np.errstate(divide="ignore"):
        result: Floats = n * np.log1p(-np.minimum(rho * defect, 1.0))
    return result


def _two_point(eps: float, p: Floats, g: Floats, n: float, rho: float) -> float:
    """T4a at one eps, in units of sigma."""
    square = np.minimum((eps * g) ** 2, 1.0)
    defect = np.asarray(p @ (square / (1.0 + np.sqrt(1.0 - square))))
    return eps * float(one_minus_tv(_log_affinity(n, rho, defect)))


def _many_point(a: float, p: Floats, g: Floats, n: float, rho: float) -> float:
    """T4c at one a, in units of sigma."""
    block = int(np.clip(2**17 // (2 * _CELLS * len(g)), 1, 256))
    total = 0.0
    for first in range(1, GRID_STEPS + 1, block):
        lag = np.arange(first, min(first + block, GRID_STEPS + 1))
        terms = _lag_terms(a, lag, p, g, n, rho)
        total += float(terms.sum())
        # The terms fall with the lag. What is left out is >= 0, so the bound stays valid.
        if terms[-1] * (GRID_STEPS - lag[-1]) < 1e-7 * total:
            break
    return a / GRID_STEPS * total


def _many_point_glimpse(a: float, p: Floats, g: Floats, n: float, rho: float) -> float:
    """T4c at one a, roughly: a few lags stand for all. Only to choose a."""
    lag = np.unique(np.geomspace(1, GRID_STEPS, 48).round())
    return a / GRID_STEPS * float(np.trapezoid(_lag_terms(a, lag, p, g, n, rho), lag))


def _lag_terms(
    a: float, lag: npt.NDArray[Any], p: Floats, g: Floats, n: float, rho: float
) -> Floats:
    """(1/(K+1)) sum_{i=0..K-j} [1 - sqrt(1 - BC_{i,i+j}^2)] for each lag j, from below.

    At a fixed lag the defect 1 - B is convex in the midpoint of the pair, and 1 - sqrt(1 - BC^2)
    is convex and decreasing in the defect. So over the evenly spaced midpoints of a cell its mean
    is at least its value at the mean of the defects of the cell's two ends (Jensen twice;
    paper_bounds.md, T4c), and the cost does not grow with K.
    """
    pairs = GRID_STEPS + 1 - lag
    border = np.floor(pairs[:, None] * np.arange(_CELLS + 1) / _CELLS)
    count = np.diff(border, axis=-1)
    ends = np.stack([border[:, :-1], np.maximum(border[:, 1:] - 1, border[:, :-1])], axis=-1)
    delta = 2.0 * a / GRID_STEPS
    middle = -a + (ends + lag[:, None, None] / 2.0) * delta
    defect = _defect(middle, lag[:, None, None] * delta / 2.0, p, g).mean(axis=-1)
    result: Floats = (one_minus_tv(_log_affinity(n, rho, defect)) * count).sum(-1)
    return result / (GRID_STEPS + 1)


def _defect(middle: Floats, half: Floats, p: Floats, g: Floats) -> Floats:
    """1 - E sqrt((1 + s g)(1 + t g)) at s = middle - half, t = middle + half.

    Equals E[(s - t)^2 g^2 / (2 (sqrt(1 + sg) + sqrt(1 + tg))^2)].
    """
    low = np.maximum(1.0 + (middle - half)[..., None] * g, 0.0)
    high = np.maximum(1.0 + (middle + half)[..., None] * g, 0.0)
    quotient = half[..., None] * g / (np.sqrt(low) + np.sqrt(high))
    return 2.0 * (quotient**2 @ p)


def _spread_onto_few_levels(p: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Split each mass between the two nearest of at most `_LEVELS` levels, keeping its mean.

    The defect is convex in g, so this can only raise it: the bound of the result is valid for the
    original, and costs the same for ten thousand returns as for a few hundred.
    """
    if len(g) <= _LEVELS:
        return p, g
    # Even in asinh: levels are dense around the mean and geometric in the tails.
    fine = 10.0
    levels = np.sinh(np.linspace(np.arcsinh(fine * g[0]), np.arcsinh(fine * g[-1]), _LEVELS)) / fine
    levels[0], levels[-1] = g[0], g[-1]
    left = np.clip(np.searchsorted(levels, g, side="right") - 1, 0, _LEVELS - 2)
    share = (g - levels[left]) / (levels[left + 1] - levels[left])
    mass = np.zeros(_LEVELS)
    np.add.at(mass, left, p * (1.0 - share))
    np.add.at(mass, left + 1, p * share)
    return mass, levels


def vf_lower_blocks(
    style_mass: npt.ArrayLike,
    style_return: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
) -> Floats:
    """Lower bound on one prompt's worst-expert loss over the class `styles` (T4b).

    Styles are paired in the given order, (0, 1), (2, 3), ...; an odd one out is left. With
    q = min(p_a, p_b): sup (1/2) sum_pairs eps q (h_a + h_b) [1 - sqrt(1 - BC^2)],
    BC = (1 - rho sum_{s in {a,b}} p_s (1 - sqrt(1 - (eps q/p_s)^2)))^n, over eps <= 1 per pair
    with sum eps^2 q^2 (1/p_a + 1/p_b) <= kappa. Valid for every n; grows as sqrt(B/n).

    Parameters
    ----------
    style_mass, style_return : [..., B]
        p_s, the base policy's mass of each style (at most one in all), and
        h_s = E[f_s | s] >= 0, in tokens.
    n, prompt_mass, kappa : broadcast against the leading axes
        Samples; rho(x); radius of the ball.

    Returns
    -------
    [...] tokens, *before* weighting: the bound is sum_x rho(x) vf_lower_blocks(x).

    Raises
    ------
    InputError
        If masses are negative or sum to more than one, or n or kappa is negative or NaN.
    """
    return hardest_block_prior(
        style_mass, style_return, n, prompt_mass=prompt_mass, kappa=kappa
    ).value


def hardest_block_prior(
    style_mass: npt.ArrayLike,
    style_return: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
) -> BlockPrior:
    """Return the prior at which `vf_lower_blocks` is attained (T4b); same arguments."""
    mass = validate.nonnegative("style_mass", style_mass, finite=True)
    height = validate.nonnegative("style_return", style_return, finite=True)
    if (mass.sum(-1) > 1.0 + validate.PMF_TOLERANCE).any():
        raise InputError(f"style_mass must sum to at most 1; got {np.max(mass.sum(-1)):.8g}")
    n_, rho, budget = (z[..., None] for z in _samples(n, prompt_mass, kappa))
    mass, height = np.broadcast_arrays(mass, height)
    pairs = mass.shape[-1] // 2
    p = mass[..., : 2 * pairs].reshape(*mass.shape[:-1], pairs, 2)
    h = height[..., : 2 * pairs].reshape(*height.shape[:-1], pairs, 2).sum(-1)
    q = p.min(-1)
    inverse = np.divide(1.0, p, out=np.zeros_like(p), where=(p > 0) & (q > 0)[..., None])
    cost = q**2 * inverse.sum(-1)

    total_cost = cost.sum(-1, keepdims=True)
    affordable = np.sqrt(budget / np.where(total_cost > 0, total_cost, 1.0))
    # Candidates for each pair's eps, [..., pairs, E]: zero, then a log grid up to 1.
    low = np.minimum(np.minimum(1.0 / np.sqrt(n_ * rho * q + 1.0), affordable), 1.0) / 8.0
    grid = np.maximum(low, 1e-150)[..., None] ** np.linspace(1.0, 0.0, 192)
    eps = np.concatenate([np.zeros_like(grid[..., :1]), grid], axis=-1)

    square = np.minimum((eps[..., None] * (q[..., None] * inverse)[..., None, :]) ** 2, 1.0)
    defect = (p[..., None, :] * square / (1.0 + np.sqrt(1.0 - square))).sum(-1)
    n_, rho = n_[..., None], rho[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_affinity = n_ * np.log1p(-np.minimum(rho * defect, 1.0))
    gain = 0.5 * eps * (q * h)[..., None] * one_minus_tv(np.where(n_ == 0, 0.0, log_affinity))
    spent = eps**2 * cost[..., None]

    def chosen(price: Floats) -> tuple[Floats, Floats, Floats]:
        """Each pair's best candidate when budget has a price, and what they spend in all."""
        best = np.argmax(gain - price[..., None] * spent, axis=-1)[..., None]
        eps_, gain_, spent_ = (
            np.take_along_axis(np.broadcast_to(z, gain.shape), best, -1)[..., 0]
            for z in (eps, gain, spent)
        )
        return eps_, gain_.sum(-1), spent_.sum(-1, keepdims=True)

    # Spend the budget where it gains most: the least price at which the pairs keep within it.
    free = np.zeros(gain.shape[:-1])[..., :1]
    rate = np.divide(
        gain, spent, out=np.zeros_like(gain), where=np.broadcast_to(spent > 0, gain.shape)
    )
    dear = 1.01 * rate.max(axis=(-2, -1))[..., None] if pairs else free
    if (chosen(free)[2] > budget).any():
        cheap = free
        for _ in range(100):
            middle = 0.5 * (cheap + dear)
            within = chosen(middle)[2] <= budget
            cheap, dear = np.where(within, cheap, middle), np.where(within, middle, dear)
    price = np.where(chosen(free)[2] <= budget, free, dear)
    scale, value, _ = chosen(price)
    return BlockPrior(scale, value)
