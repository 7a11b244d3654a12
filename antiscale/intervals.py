"""Intervals for what was measured over replicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from antiscale.validate import Floats

# Every interval in rows, tables and figures.
LEVEL = 0.99


class Estimate(NamedTuple):
    """An estimate with the ends of its 99% interval."""

    value: float
    low: float
    high: float


def mean(sample: Floats) -> Estimate:
    """Mean over independent replicates [R], with Student's interval."""
    value = float(sample.mean())
    # special, not stats: importing scipy.stats would cost the command half a second.
    student = special.stdtrit(len(sample) - 1, (1 + LEVEL) / 2)
    half = float(student * sample.std(ddof=1) / np.sqrt(len(sample)))
    return Estimate(value, value - half, value + half)


def quantile(sample: Floats, q: float) -> Estimate:
    """q-quantile of [R] replicates, between order statistics (exact binomial ranks)."""
    ordered = np.sort(sample)
    count = len(ordered)
    below = special.bdtr(np.arange(count + 1), count, q)
    low, high = np.searchsorted(below, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(
        float(np.quantile(ordered, q)),
        float(ordered[max(int(low) - 1, 0)]),
        float(ordered[min(int(high), count - 1)]),
    )


def bootstrap(replicated: Floats, point: float) -> Estimate:
    """The bootstrap percentile interval from statistics recomputed on resamples, [B]."""
    low, high = np.quantile(replicated, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(point, float(low), float(high))
