"""Intervals cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from antiscale import intervals


def enough(covered: int, trials: int) -> bool:
    """Whether the coverage may be 99% (a true 99% fails this with probability 1e-6)."""
    return stats.binomtest(covered, trials, 0.99, alternative="less").pvalue > 1e-6


def test_means_are_covered_and_the_interval_is_students(rng) -> None:
    sample = rng.normal(3.0, 2.0, 12)
    found = intervals.mean(sample)
    low, high = stats.t.interval(0.99, 11, sample.mean(), stats.sem(sample))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    covered = sum(
        estimate.low <= 3.0 <= estimate.high
        for estimate in (intervals.mean(rng.normal(3.0, 2.0, 12)) for _ in range(2000))
    )
    assert enough(covered, 2000)
    assert covered < 2000


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_quantiles_are_covered_without_assumptions(rng, q: float) -> None:
    truth = -np.log(1 - q)
    found = [intervals.quantile(rng.exponential(size=200), q) for _ in range(2000)]
    assert enough(sum(f.low <= truth <= f.high for f in found), 2000)
    assert all(f.low <= f.value <= f.high for f in found)


def test_extreme_quantiles_of_few_replicates_end_at_the_sample() -> None:
    found = intervals.quantile(np.array([3.0, 1.0]), 0.9)
    assert (found.low, found.high) == (1.0, 3.0)


def test_the_bootstrap_interval_is_percentiles_around_the_point() -> None:
    found = intervals.bootstrap(np.linspace(0, 1, 1001), 0.3)
    assert found.value == 0.3
    assert (found.low, found.high) == pytest.approx((0.005, 0.995))
