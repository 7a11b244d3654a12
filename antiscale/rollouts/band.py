"""What k samples prove of one problem: a confidence band for the law of R, and what it allows.

Every interval for J_x, sigma_x, c_x(eps), sharpness and V_kappa is read off one band per problem,
so that all of them, at every horizon and eps, hold at once with the band's probability
(paper_bounds.md, Estimates from rollouts).

The band: the i-th smallest of k samples has F(x_(i)) >= l_i and F(x_(i)-) <= u_i, l_i and u_i the
eta/2 and 1 - eta/2 quantiles of Beta(i, k + 1 - i). The local level eta is as large as lets all
2k statements hold together with probability `level`, computed exactly.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from scipy import special

from antiscale.core.validate import Floats

# Beyond this many samples a problem gets the band of Dvoretzky, Kiefer, Wolfowitz and Massart.
MOST = 2048
# Different numbers of samples per problem up to which each has its own local level; beyond,
# numbers are rounded up to a grid (eta falls with k, so the band of a larger k is the wider).
DISTINCT = 64
_PER_OCTAVE = 8

# Extremes are widened by this share of H, so that rounding never narrows them.
_ROUNDING = 1e-7


class Band(NamedTuple):
    """Bounds on the distribution function at the order statistics of k samples.

    Attributes
    ----------
    low : [k + 1]
        l_0 = 0, l_1, ..., l_k: F(x_(i)) >= l_i.
    high : [k + 1]
        u_1, ..., u_k, u_{k+1} = 1: F(x_(i)-) <= u_i.
    """

    low: Floats
    high: Floats


def band(k: int, level: float, *, rounded: bool = False) -> Band:
    """Return the band of k samples that holds with probability at least `level`.

    Parameters
    ----------
    k
        Independent samples of one law, >= 1.
    level
        In (0, 1).
    rounded
        Whether to take the local level of the next k of a grid: for tables with many different
        numbers of samples.
    """
    i = np.arange(1.0, k + 1)
    if k > MOST:
        half = math.sqrt(math.log(2.0 / (1.0 - level)) / (2.0 * k))
        low, high = np.maximum(i / k - half, 0.0), np.minimum((i - 1.0) / k + half, 1.0)
    else:
        eta = local_level(_on_grid(k) if rounded else k, level)
        low, high = _beta_quantiles(k, eta)
    return Band(np.append(0.0, low), np.append(high, 1.0))


def without_one(k: int, level: float, *, rounded: bool = False) -> Band:
    """A band for k samples that is within none of those of k - 1 of them, whichever is left out.

    The j-th smallest of the k - 1 lies between x_(j) and x_(j+1), so F(x_(j+1)) >= l_j and
    F(x_(j)-) <= u_j. What follows from it holds for each sample with probability `level` given the
    others (paper_bounds.md, Estimates from rollouts).

    Parameters
    ----------
    k
        Samples, >= 2.
    level, rounded
        As for `band`.
    """
    low, high = band(k - 1, level, rounded=rounded)
    return Band(np.append(0.0, low), np.append(high, 1.0))


def _on_grid(k: int) -> int:
    if k <= DISTINCT:
        return k
    step = math.ceil(_PER_OCTAVE * math.log2(k) - 1e-9)
    return min(MOST, math.ceil(2.0 ** (step / _PER_OCTAVE) - 1e-9))


def _beta_quantiles(k: int, eta: float) -> tuple[Floats, Floats]:
    i = np.arange(1.0, k + 1)
    low = np.asarray(special.betaincinv(i, k + 1.0 - i, eta / 2.0), dtype=np.float64)
    return low, 1.0 - low[::-1]


@functools.lru_cache(maxsize=4096)
def local_level(k: int, level: float) -> float:
    """Return eta with which the band of k samples holds with probability `level` (to 1e-4).

    The probability of the complement is nearly proportional to eta, so a secant in logarithms ends
    after a few steps; eta is then lowered by more than its error.
    """
    miss = 1.0 - level
    if k == 1:
        return miss

    def excess(log_eta: float) -> float:
        low, high = _beta_quantiles(k, math.exp(log_eta))
        return math.log(max(1.0 - all_inside(low, high), 1e-300) / miss)

    # eta = miss/k is too small by Bonferroni's inequality, eta = miss too large.
    points = [math.log(miss / k), math.log(miss)]
    values = [excess(point) for point in points]
    low, high = points
    for _ in range(60):
        if abs(values[-1]) < 1e-5:
            break
        slope = (values[-1] - values[-2]) / (points[-1] - points[-2])
        guess = points[-1] - values[-1] / slope if slope > 0 else math.nan
        if not low < guess < high:
            guess = 0.5 * (low + high)
        points.append(guess)
        values.append(excess(guess))
        low, high = (guess, high) if values[-1] < 0 else (low, guess)
    return math.exp(points[-1]) * (1.0 - 5e-5)


def all_inside(low: Floats, high: Floats) -> float:
    """P(low_i <= U_(i) <= high_i for all i), U_(1) <= ... <= U_(k) uniform order statistics.

    N(t) = #{U <= t} is a Poisson process of rate k given N(1) = k. Its law is carried from each of
    the 2k ends to the next, by convolution with the Poisson law, within #{high_i <= t} <= N(t) <=
    #{low_i < t} (Moscovich and Nadler, Statist. Probab. Lett. 123 (2017) 177-182).
    """
    k = len(low)
    times = np.unique(np.concatenate([low, high, [1.0]]))
    times = times[times > 0]
    least = np.searchsorted(high, times, side="right")
    most = np.searchsorted(low, times, side="left")
    steps = k * np.diff(np.append(0.0, times))
    log_factorials = special.gammaln(np.arange(k + 1) + 1.0)
    first, law = 0, np.ones(1)
    for step, bottom, top in zip(steps, least, most, strict=True):
        if top < max(bottom, first):
            return 0.0
        size = int(top) - first + 1
        jumps = np.arange(size)
        poisson = np.exp(jumps * math.log(step) - step - log_factorials[:size])
        law = np.convolve(law, poisson)[max(int(bottom) - first, 0) : size]
        first = max(first, int(bottom))
        if not law.size:
            return 0.0
    at_end = math.exp(k * math.log(k) - k - log_factorials[k])
    return float(min(law[k - first] / at_end, 1.0)) if first <= k < first + len(law) else 0.0


class Extremes(NamedTuple):
    """The least and the largest that laws within the band have, per problem.

    Attributes
    ----------
    mean, sigma : pairs of [m]
        J_x and sigma_x, in tokens.
    threshold : pairs of [E, m]
        J_x + sigma_x sqrt(eps), in tokens.
    above : pairs of [E, m]
        c_x(eps), a probability, for sigma_x > 0: at most 1/(1 + eps) (T3a).
    """

    mean: tuple[Floats, Floats]
    sigma: tuple[Floats, Floats]
    threshold: tuple[Floats, Floats]
    above: tuple[Floats, Floats]


def extremes(returns: Floats, horizon: float, limits: Band, eps: Floats) -> Extremes:
    """J, sigma and c(eps) over all laws on [0, H] within the band.

    Quantile functions within the band lie between the lowest and the highest one. The largest
    variance, and the largest J + sigma sqrt(eps), is that of the lowest one up to some point and
    the highest one from there on; the smallest is that of a constant clipped to lie between them
    (paper_bounds.md). Both are one-parameter families, on which the extremes are closed forms
    piece by piece, in O(k).

    Parameters
    ----------
    returns : [k, m]
        Samples of R at each problem, ascending down a column, in tokens.
    horizon
        H: returns lie in [0, H].
    limits
        The band of k samples.
    eps : [E]
        Levels of c_x, >= 0.
    """
    k, problems = returns.shape
    x = np.empty((k + 2, problems))
    x[0], x[1:-1], x[-1] = 0.0, returns, horizon
    low, high = limits
    # The pieces of [0, 1] on which both extreme quantile functions are constant: the lowest is x_i
    # on (u_i, u_{i+1}], the highest x_i on (l_{i-1}, l_i]; x_0 = 0.
    ends = np.unique(np.concatenate([low, high, [1.0]]))
    middle, width = 0.5 * (ends[:-1] + ends[1:]), np.diff(ends)[:, None]
    bottom, top = x[np.searchsorted(high, middle)], x[np.searchsorted(low, middle)]
    mean = ((bottom * width).sum(0), (top * width).sum(0))

    # Largest: switch inside a piece, t of its width still from the lowest function.
    gap, centre = top - bottom, 0.5 * (top + bottom)
    first = (before(bottom * width) + _from(top * width))[:-1]
    second = (before(bottom**2 * width) + _from(top**2 * width))[:-1]
    slope = 2.0 * gap * centre
    inverse = np.divide(1.0, gap, out=np.zeros_like(gap), where=gap > 0)
    vertex = (first - centre) * inverse

    def switched(t: Floats) -> tuple[Floats, Floats]:
        t = np.minimum(np.maximum(t, 0.0), width)
        j = first - t * gap
        variance = second - t * slope - j * j
        return j, np.sqrt(np.maximum(variance, 0.0))

    sigma_high = switched(vertex)[1].max(0)
    # With y = gap (t - vertex) and V the variance at the vertex, wherever that lies,
    # J + sigma sqrt(eps) = centre - y + sqrt(eps (V - y^2)) is largest at y = -sqrt(V/(1 + eps)).
    peak = np.sqrt(np.maximum(second - vertex * slope - centre**2, 0.0)) * inverse
    threshold_high = np.empty((len(eps), problems))
    for e, level in enumerate(eps):
        j, deviation = switched(vertex - peak / math.sqrt(1.0 + level))
        threshold_high[e] = (j + math.sqrt(level) * deviation).max(0)

    # Smallest: what may lie at a does, M_j = u_{j+1} - l_j of it for a in [x_j, x_{j+1}].
    free = (high - low)[:, None]
    above, below = returns * np.diff(high)[:, None], returns * np.diff(low)[:, None]
    fixed = _from(above) + before(below)
    fixed2 = _from(returns * above) + before(returns * below)
    best = np.divide(fixed, 1.0 - free, out=np.zeros_like(fixed), where=free < 1.0)

    def clipped(a: Floats) -> tuple[Floats, Floats]:
        a = np.minimum(np.maximum(a, x[:-1]), x[1:])
        j = fixed + free * a
        return j, np.sqrt(np.maximum(fixed2 + free * a * a - j * j, 0.0))

    sigma_low = clipped(best)[1].min(0)
    # With y = a - best and A = M (1 - M), J + sigma sqrt(eps) = best + M y + sqrt(eps (A y^2 + V))
    # is smallest at y = -M sqrt(V/(A (eps A - M^2))), or grows with a throughout.
    least = np.sqrt(np.maximum(fixed2 - (1.0 - free) * best**2, 0.0))
    curvature = free * (1.0 - free)
    threshold_low = np.empty_like(threshold_high)
    for e, level in enumerate(eps):
        steep = curvature * (level * curvature - free**2)
        turns = steep > 0
        shift = free / np.sqrt(np.where(turns, steep, 1.0))
        j, deviation = clipped(np.where(turns, best - shift * least, 0.0))
        threshold_low[e] = (j + math.sqrt(level) * deviation).min(0)

    slack = _ROUNDING * horizon
    reach = threshold_low - slack, threshold_high + slack
    under = [np.stack([(returns < each).sum(0) for each in end]) for end in reach]
    # As sigma > 0, the threshold is above the mean, and that is above zero.
    under[0] = np.maximum(under[0], (returns <= 0.0).sum(0))
    most = np.minimum(1.0 - low[under[0]], 1.0 / (1.0 + eps[:, None]))
    spread = np.maximum(sigma_low - slack, 0.0), np.minimum(sigma_high + slack, horizon / 2.0)
    return Extremes(mean, spread, reach, (1.0 - high[under[1]], most))


def before(values: Floats) -> Floats:
    """Sums of the entries above each one, and at the end of all: [k + 1, m]."""
    found = np.zeros((len(values) + 1, values.shape[1]))
    # Row by row: np.cumsum down columns takes several times as long.
    for row, above, total in zip(values, found[:-1], found[1:], strict=True):
        np.add(above, row, out=total)
    return found


def _from(values: Floats) -> Floats:
    """Sums of each entry and those below it, and at the end zero: [k + 1, m]."""
    return before(values[::-1])[::-1]


def window_mass(
    returns: Floats, width: float, horizon: float, limits: Band
) -> tuple[Floats, Floats, Floats]:
    """Lévy's Q_x(t) = sup_u P(u <= R < u + t) of the samples, and its extremes within the band.

    P(x_(i) <= R < x_(i) + t) >= l_j - u_i and sup over u in (x_(i-1), x_(i)] of P(u <= R < u + t)
    <= u_{j+1} - l_{i-1}, j the number of samples below x_(i) + t.

    Parameters
    ----------
    returns : [k, m]
        Samples of R at each problem, ascending down a column, in tokens.
    width
        t, in tokens.
    horizon
        H, the scale of the tolerance for ties.
    limits
        The band of k samples.
    """
    k, problems = returns.shape
    low, high = limits
    # One search for all problems: they are set apart by more than any window reaches.
    offset = np.arange(problems)[:, None] * 4.0 * (horizon + width)
    flat = (returns.T + offset).ravel()
    ends = np.searchsorted(flat, flat + (width - _ROUNDING * horizon)).reshape(problems, k)
    ends -= np.arange(problems)[:, None] * k
    value = (ends - np.arange(k)).max(1) / k
    # A window above all samples holds at most 1 - l_k.
    largest = np.maximum((high[ends] - low[:-1]).max(1), 1.0 - low[-1])
    smallest = np.maximum((low[ends] - high[:-1]).max(1), 0.0)
    return value, smallest, np.minimum(largest, 1.0)
