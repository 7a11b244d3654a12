"""Proved ends of the mean of sigma_x over problems, and what each is allowed to miss.

Samples must be independent, and those of one problem alike in law; nothing else is assumed, and no
mean is taken to be normal. Statements and proofs: paper_bounds.md, Estimates from rollouts.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from antiscale.core.validate import Floats
from antiscale.rollouts.averages import FEW, mean_of_bounds
from antiscale.rollouts.band import band, extremes
from antiscale.rollouts.samples import Integers, Rollouts

# What a certificate rests on, each allowed the same share of what may be missed: two lower ends and
# an upper end of the mean of sigma, the bands of few problems, and P(R = H/2).
EVENTS = 5
# Budgets that were not asked for are chosen by the samples; ends then hold at every H up to 2^40,
# read off the next one of a grid of this ratio.
_RATIO = 1.02
GRID_POINTS = math.ceil(40 * math.log(2.0) / math.log(_RATIO)) + 1
# Of more problems than this `least_mean` is not tried: `deviation_low` is narrower.
_MOST = 2000
# Stakes of `least_mean`.
_STAKES = special.expit(np.linspace(-5.0, 5.0, 21))

Ends = tuple[float, float]


def event_miss(level: float) -> float:
    """The probability with which each of the events may fail: (1 - level)/EVENTS."""
    return (1.0 - level) / EVENTS


def sigma_ends(
    rollouts: Rollouts, horizons: tuple[int, ...], level: float, *, asked: bool
) -> list[Ends]:
    """Lower and upper ends of the mean of sigma_x over problems with two samples or more, tokens.

    All hold at once, at every one of the horizons, with probability at least 1 - 4 (1 - level)/5.

    Parameters
    ----------
    rollouts
        Independent samples, some problem with two.
    horizons
        H, in tokens.
    level
        Of the certificate.
    asked
        Whether the horizons were chosen without the samples; if not, the ends hold at every H.

    Returns
    -------
    list
        One pair within [0, H/2] per horizon.
    """
    miss = event_miss(level)
    each = miss / (len(horizons) if asked else GRID_POINTS)
    known = rollouts.counts > 1
    k = rollouts.counts[known]
    few = _by_bands(rollouts, known, miss) if len(k) < FEW else None
    ends = []
    for horizon in horizons:
        # sigma_x never falls with H: R and what a larger H adds to it both fall with T.
        below, above = (float(horizon),) * 2 if asked else neighbours(horizon)
        s = deviations(rollouts, below)[known]
        low = mean_low(s, k, below, each)
        s = s if above == below else deviations(rollouts, above)[known]
        high = deviation_high(s, k, above, each)
        if few is not None:
            down, up = few(horizon)
            low, high = max(low, down), min(high, up)
        high = min(high, horizon / 2.0)
        # An end below a thousandth of H is not claimed.
        low = low if low > 1e-3 * horizon else 0.0
        ends.append((min(low, high), high))
    return ends


def neighbours(horizon: int) -> Ends:
    """The points of the grid on either side of H, in tokens."""
    at = math.floor(math.log(horizon) / math.log(_RATIO) + 1e-9)
    low, high = _RATIO**at, _RATIO ** (at + 1)
    return min(low, float(horizon)), max(high, float(horizon))


def deviations(rollouts: Rollouts, horizon: float) -> Floats:
    """s_x, the sample deviation of R with k - 1, in tokens, [m]; NaN for single samples."""
    r, k = rollouts.returns(horizon), rollouts.counts
    centred = r - np.repeat(rollouts.total(r) / k, k)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(rollouts.total(centred**2) / (k - 1.0))


def mean_low(s: Floats, k: Integers, horizon: float, miss: float) -> float:
    """The larger of two lower ends of the mean of sigma_x, either of which may miss, in tokens."""
    return max(deviation_low(s, k, horizon, miss), least_mean(s, miss))


def deviation_low(s: Floats, k: Integers, horizon: float, miss: float) -> float:
    """Mean s - (H/m) sqrt(2 log(1/miss) sum_x v_x): a lower end of the mean of sigma_x.

    v_x = min(1/(k - 1), floor(k/2) ceil(k/2)/(4 k (k - 1))): the first as s is convex and
    (k - 1)^(-1/2)-Lipschitz in its samples (Boucheron, Lugosi and Massart 2013, Theorem 6.10), the
    second by Hoeffding's lemma, as 0 <= s^2 <= H^2 floor(k/2) ceil(k/2)/(k (k - 1)).

    Parameters
    ----------
    s, k : [m]
        Sample deviations in tokens, and numbers of samples, >= 2.
    horizon
        H.
    miss
        Probability with which the end may lie above the mean of sigma_x.
    """
    n = k.astype(float)
    proxy = np.minimum(1.0, (k // 2) * ((k + 1) // 2) / (4.0 * n)) / (n - 1.0)
    return float(s.mean() - horizon * math.sqrt(-2.0 * math.log(miss) * proxy.sum()) / len(s))


def least_mean(values: Floats, miss: float) -> float:
    """A lower end of the mean of E[values] for independent values >= 0, of any laws.

    The smallest m at which the average over stakes c of prod_x (1 + c (v_x/m - 1)) stays below
    1/miss: at the true mean its expectation is at most 1 (independence, and the inequality of the
    means), and it falls with m.

    Parameters
    ----------
    values : [m]
        Independent, >= 0.
    miss
        Probability with which the end may lie above.
    """
    top = float(values.mean())
    if top <= 0.0 or len(values) > _MOST:
        return 0.0
    share = values / top

    def wealth(part: float) -> float:
        logs = np.log1p(_STAKES[:, None] * (share / part - 1.0)).sum(1)
        most = float(logs.max())
        return most + math.log(float(np.exp(logs - most).mean()))

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if wealth(middle) >= -math.log(miss) else (low, middle)
    return low * top


def deviation_high(s: Floats, k: Integers, horizon: float, miss: float) -> float:
    """An upper end of the mean of sigma_x, by the root of the mean of sigma_x^2.

    With K samples or more of each of m problems, E the mean of sigma_x^2 and M that of s_x^2,
    P(E - M >= t) <= exp(-m (K - 1) t^2/(2 H^2 E)) (Maurer 2006, Theorem 13, and Maurer and Pontil
    2009), so sqrt(E) <= b/2 + sqrt(M + b^2/4), b = H sqrt(2 log(1/miss)/(m (K - 1))). Problems with
    fewer than K samples count H/2; K is what makes the end least where M = 0.

    Parameters
    ----------
    s, k, horizon, miss
        As for `deviation_low`.
    """
    slack = -2.0 * math.log(miss)

    def width(size: int) -> float:
        return math.sqrt(slack / (int((k >= size).sum()) * (size - 1.0)))

    def without_spread(size: int) -> float:
        count = int((k >= size).sum())
        return (len(k) - count) * 0.5 + count * width(size)

    best = min(map(int, np.unique(k)), key=without_spread)
    chosen = k >= best
    count = int(chosen.sum())
    b = horizon * width(best)
    root = 0.5 * b + math.sqrt(float((s[chosen] ** 2).mean()) + 0.25 * b * b)
    return (count * root + (len(k) - count) * horizon / 2.0) / len(k)


def _by_bands(rollouts: Rollouts, known: np.ndarray, miss: float) -> Callable[[int], Ends]:
    """Ends of the mean from the problems' bands, which hold at every H with one event."""
    level = 1.0 - miss
    chosen = np.flatnonzero(known)
    bands = {int(k): band(int(k), level) for k in np.unique(rollouts.counts[chosen])}

    def ends(horizon: int) -> Ends:
        found = []
        for block in rollouts.blocks(chosen):
            x = rollouts.returns(horizon, block.rows)
            found.append(extremes(x, float(horizon), bands[len(x)], np.zeros(1)).sigma)
        low, high = np.concatenate(found, axis=1)
        return mean_of_bounds(low, high, level, problems=len(chosen), most=horizon / 2.0)

    return ends


def least_telling(
    rollouts: Rollouts, horizons: tuple[int, ...], level: float, *, asked: bool
) -> list[Floats]:
    """Lower bounds of P(R != H/2), [m] per horizon, all at once but for one event.

    One where lengths are whole and H/2 is not; else Clopper and Pearson's with Bonferroni's
    correction, and at horizons that the samples chose that of Dvoretzky, Kiefer, Wolfowitz and
    Massart, which holds at every H.

    Parameters
    ----------
    rollouts, horizons, level, asked
        As for `sigma_ends`.
    """
    k = rollouts.counts.astype(float)
    times = rollouts.time[np.isfinite(rollouts.time)]
    whole = bool((times == np.floor(times)).all())
    miss = event_miss(level) / len(k)
    found = []
    for horizon in horizons:
        apart = np.abs(rollouts.returns(float(horizon)) - horizon / 2.0)
        half = rollouts.total((apart < 1e-9 * horizon).astype(float))
        if whole and horizon % 2 == 1:
            most = np.zeros(len(k))
        elif asked:
            last = np.maximum(k - half, 1e-300)
            most = special.betaincinv(half + 1.0, last, 1.0 - miss / len(horizons))
        else:
            most = half / k + 2.0 * np.sqrt(math.log(2.0 / miss) / (2.0 * k))
        found.append(np.where(half < k, np.clip(1.0 - most, 0.0, 1.0), 0.0))
    return found
