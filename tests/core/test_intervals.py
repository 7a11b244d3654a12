"""Intervals cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from antiscale.core import intervals


def enough(covered: int, trials: int) -> bool:
    """Whether the coverage may be 99% (a true 99% fails this with probability 1e-6)."""
    return stats.binomtest(covered, trials, 0.99, alternative="less").pvalue > 1e-6


def test_without_skewness_the_interval_is_students(rng) -> None:
    half = rng.normal(0.0, 2.0, 6)
    sample = 3.0 + np.concatenate([half, -half])
    found = intervals.mean(sample)
    low, high = stats.t.interval(0.99, 11, sample.mean(), stats.sem(sample))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)
    assert found.error == pytest.approx(stats.sem(sample), rel=1e-12)


def test_the_transformation_is_halls(rng) -> None:
    sample = rng.exponential(size=20)
    a = stats.skew(sample, bias=False) / np.sqrt(20)
    for t in (-2.9, -0.3, 0.0, 2.9):
        found = intervals.turn(sample, t)
        back = found + a * found**2 / 3 + a**2 * found**3 / 27 + a / 6
        assert back == pytest.approx(t, abs=1e-9)


SKEWED = {
    "normal": (lambda rng, size: rng.normal(3.0, 2.0, size), 3.0),
    "absolute value of a normal": (
        lambda rng, size: abs(rng.normal(size=size)),
        (2 / np.pi) ** 0.5,
    ),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "gamma(1/2)": (lambda rng, size: rng.gamma(0.5, size=size), 0.5),
    "gamma(1/4)": (lambda rng, size: rng.gamma(0.25, size=size), 0.25),
}


@pytest.mark.parametrize("law", SKEWED)
def test_skewed_losses_are_covered_at_twenty_replicates(rng, law: str) -> None:
    """At least 98%, as paper_bounds.md tables; a true 98% fails with probability 1e-6.

    Student's interval covers gamma(1/4) 91 times in 100, and fails this (probability 1e-9 not to).
    """
    draw, truth = SKEWED[law]
    samples = draw(rng, (2000, 20))
    found = [
        intervals.mean(sample, least=-np.inf if law == "normal" else 0.0) for sample in samples
    ]
    covered = sum(f.low <= truth <= f.high for f in found)
    assert stats.binomtest(covered, 2000, 0.98, alternative="less").pvalue > 1e-6
    assert covered < 2000
    half = stats.t.ppf(0.995, 19) * samples.std(1, ddof=1) / np.sqrt(20)
    students = int((abs(samples.mean(1) - truth) <= half).sum())
    if law == "gamma(1/4)":
        assert stats.binomtest(students, 2000, 0.98, alternative="less").pvalue < 1e-6


def test_the_interval_ends_where_the_quantity_does() -> None:
    rare = np.zeros(200)
    rare[0] = 3.0
    found = intervals.mean(rare, least=0.0, most=100.0)
    assert found.low == 0.0
    # One event in 200: Poisson's 99.5% end is 7.43 events; Student's is 3.6.
    assert 7.0 < found.high / found.value < 8.5


@pytest.mark.parametrize("value", [0.0, 12.0])
def test_what_no_replicate_shows_is_not_excluded(value: float) -> None:
    """Replicates all equal: probability q that one differs survives with chance (1 - q)^R."""
    found = intervals.mean(np.full(20, value), least=0.0, most=100.0)
    q = 1 - 0.005 ** (1 / 20)
    assert found.low == pytest.approx(value * (1 - q))
    assert found.high == pytest.approx(value + (100 - value) * q)
    # Without a range there is nothing to say.
    assert intervals.mean(np.full(20, value))[:3] == (value, value, value)


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_quantiles_are_covered_without_assumptions(rng, q: float) -> None:
    truth = -np.log(1 - q)
    found = [intervals.quantile(rng.exponential(size=200), q) for _ in range(2000)]
    assert enough(sum(f.low <= truth <= f.high for f in found), 2000)
    assert all(f.low <= f.value <= f.high for f in found)


def test_extreme_quantiles_of_few_replicates_end_at_the_range() -> None:
    found = intervals.quantile(np.array([3.0, 1.0]), 0.9, least=-10.0, most=10.0)
    assert (found.low, found.high) == (-10.0, 10.0)
    # At 51 replicates the largest is an end: 0.9^51 < 0.005; at 50 it is not yet.
    assert intervals.quantile(np.arange(51.0), 0.9, most=99.0).high == 50.0
    assert intervals.quantile(np.arange(50.0), 0.9, most=99.0).high == 99.0


def test_quantiles_are_covered_at_twenty_replicates(rng) -> None:
    """The largest of 20 lies below the 0.9-quantile with probability 0.12."""
    truth = -np.log(0.1)
    found = [
        intervals.quantile(rng.exponential(size=20), 0.9, least=0.0, most=np.inf)
        for _ in range(2000)
    ]
    assert enough(sum(f.low <= truth <= f.high for f in found), 2000)


def test_the_bootstrap_interval_is_percentiles_around_the_point() -> None:
    found = intervals.bootstrap(np.linspace(0, 1, 1001), 0.3)
    assert found.value == 0.3
    assert (found.low, found.high) == pytest.approx((0.005, 0.995))
