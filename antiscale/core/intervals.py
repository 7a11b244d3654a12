"""Intervals for what was measured over replicates."""

from typing import NamedTuple

import numpy as np
from scipy import special

from antiscale.core.validate import Floats

# Every interval in rows, tables and figures.
LEVEL = 0.99


# Replicates that differ by less than this share of the range are equal to rounding.
_EQUAL = 1e-9


class Estimate(NamedTuple):
    """An estimate with the ends of its 99% interval, and its standard error where it has one."""

    value: float
    low: float
    high: float
    error: float = float("nan")


def mean(sample: Floats, *, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """Mean over independent replicates [R], with an approximate 99% interval.

    Student's interval after Hall's cubic transformation, which takes out the skewness: Student's
    own covers a loss as skewed as gamma(1/4) 91 times in 100 at 20 replicates, this one 98
    (paper_bounds.md, "Intervals of simulated losses", tables it). It is approximate all the same:
    what no replicate shows, no interval from replicates holds. Where all replicates are equal to
    rounding the interval is exact: a value that differs has probability at most
    q = 1 - 0.005^(1/R), but for a chance of 0.5%, so the mean lies in
    [v - q (v - least), v + q (most - v)].

    Parameters
    ----------
    sample : [R]
        At least two replicates.
    least, most
        What the quantity cannot pass, in its own unit; the interval ends there.

    Examples
    --------
    >>> found = mean(np.array([0.0, 0.0, 1.0, 0.0]), least=0.0)
    >>> found.value, found.low, found.high > 1.0
    (0.25, 0.0, True)
    """
    value, count = float(sample.mean()), len(sample)
    error = float(sample.std(ddof=1) / np.sqrt(count))
    scale = most - least if np.isfinite(most - least) else float(np.abs(sample).max())
    if np.ptp(sample) <= _EQUAL * scale:
        if not np.isfinite(most - least):
            return Estimate(value, value, value, 0.0)
        chance = -np.expm1(np.log((1 - LEVEL) / 2) / count)
        low, high = value - chance * (value - least), value + chance * (most - value)
        return Estimate(value, min(low, value), max(high, value), error)
    # special, not stats: importing scipy.stats would cost the command half a second.
    student = float(special.stdtrit(count - 1, (1 + LEVEL) / 2))
    low, high = (value - error * turn(sample, end) for end in (student, -student))
    # A mean may pass the ends by its own rounding.
    return Estimate(value, min(max(low, least), value), max(min(high, most), value), error)


def turn(sample: Floats, t: float) -> float:
    """Return T with g(T) = t, g(T) = T + a T^2/3 + a^2 T^3/27 + a/6, a = skewness/sqrt(R) (Hall).

    g of the studentised mean of skewed replicates is closer to Student's law than the mean itself.
    """
    count = len(sample)
    centred = sample - sample.mean()
    skewness = float((centred**3).mean() / (centred**2).mean() ** 1.5)
    # Of a sample, made unbiased as under normality; two replicates have none.
    skewness *= np.sqrt(count * (count - 1)) / max(count - 2, 1)
    a = skewness / np.sqrt(count)
    return float(t if abs(a) < 1e-6 else 3.0 / a * (np.cbrt(1.0 + a * (t - a / 6.0)) - 1.0))


def quantile(sample: Floats, q: float, *, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """q-quantile of [R] replicates, between order statistics (exact binomial ranks).

    Where so few replicates have no order statistic far enough out, the interval ends at `least` or
    `most`, what the quantity cannot pass.
    """
    ordered = np.sort(sample)
    count = len(ordered)
    below = special.bdtr(np.arange(count + 1), count, q)
    low, high = np.searchsorted(below, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(
        float(np.quantile(ordered, q)),
        float(ordered[int(low) - 1]) if low > 0 else float(least),
        float(ordered[int(high)]) if high < count else float(most),
    )


def bootstrap(replicated: Floats, point: float) -> Estimate:
    """The bootstrap percentile interval from statistics recomputed on resamples, [B]."""
    low, high = np.quantile(replicated, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(point, float(low), float(high))
