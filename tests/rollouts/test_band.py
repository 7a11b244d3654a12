"""The band covers as often as it says, and its extremes are those of linear programs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from antiscale.rollouts import band as bands
from antiscale.rollouts.band import (
    all_inside,
    band,
    extremes,
    local_level,
    window_mass,
    without_one,
)
from tests.oracles_rollouts import extremes_by_linear_programs


def test_one_and_two_samples_by_hand() -> None:
    assert all_inside(np.array([0.1]), np.array([0.7])) == pytest.approx(0.6)
    # P(0.1 <= U1 <= 0.6, 0.3 <= U2 <= 0.9) for U1 <= U2: twice the area over u1 <= u2.
    u = (np.arange(4000) + 0.5) / 4000
    first = (u >= 0.1) & (u <= 0.6)
    second = np.clip(0.9 - np.maximum(u, 0.3), 0.0, None)
    area = 2.0 * (first * second).mean()
    assert all_inside(np.array([0.1, 0.3]), np.array([0.6, 0.9])) == pytest.approx(area, abs=1e-3)
    assert local_level(1, 0.9) == pytest.approx(0.1)


@pytest.mark.parametrize("k", [2, 8, 32, 100])
def test_all_of_a_band_holds_with_its_level(k: int, rng: np.random.Generator) -> None:
    low, high = band(k, 0.95)
    assert 0.95 <= all_inside(low[1:], high[:-1]) < 0.9501
    # The recursion and the simulation agree: a true 0.95 fails this with probability 1e-6.
    u = np.sort(rng.random((20_000, k)), axis=1)
    inside = ((u >= low[1:]) & (u <= high[:-1])).all(1).sum()
    assert stats.binomtest(int(inside), 20_000, 0.95).pvalue > 1e-6


def test_known_limits() -> None:
    # One bound alone is a beta probability; without bounds everything is inside.
    k = 7
    low, high = np.zeros(k), np.ones(k)
    assert all_inside(low, high) == pytest.approx(1.0)
    low[2:] = 0.2  # U_(3) >= 0.2 implies the later ones
    assert all_inside(low, high) == pytest.approx(stats.beta(3, 5).sf(0.2))
    assert all_inside(np.full(k, 0.6), np.full(k, 0.5)) == 0.0


def test_the_local_level_falls_with_k() -> None:
    # Rounding k up to a grid, for tables with many different k, only widens the band.
    levels = [local_level(k, 0.95) for k in (*range(1, 80), 100, 128, 200, 300)]
    assert (np.diff(levels) < 0).all()
    assert bands._on_grid(64) == 64
    for k in (65, 100, 1000, 2048):
        assert k <= bands._on_grid(k) <= min(1.1 * k, bands.MOST)


@pytest.mark.slow
def test_the_local_level_falls_with_k_as_far_as_it_is_used() -> None:
    levels = [local_level(k, 0.95) for k in range(1, bands.MOST + 1, 7)]
    assert (np.diff(levels) < 0).all()


def test_very_many_samples_get_massarts_band() -> None:
    k = bands.MOST + 1
    low, high = band(k, 0.95)
    half = np.sqrt(np.log(40.0) / (2 * k))
    assert low[1000] == pytest.approx(1000 / k - half)
    assert high[999] == pytest.approx(999 / k + half)


CASES = [
    (2, [0.0, 1.0]),
    (3, [0.0, 0.0, 3.0]),
    (5, [0.0, 0.0, 1.0, 4.0, 8.0]),
    (8, [0.0] * 7 + [7.0]),
    (6, [0.0, 6.0, 8.0, 8.0, 8.0, 9.0]),
    (4, [10.0] * 4),
]


@pytest.mark.parametrize(("k", "x"), CASES)
def test_extremes_are_those_of_linear_programs(k: int, x: list[float]) -> None:
    eps, limits, samples = [0.25, 1.0, 3.0], band(k, 0.8), np.array(x)
    found = extremes(samples[:, None], 10.0, limits, np.array(eps))
    slow = extremes_by_linear_programs(samples, 10.0, limits, eps)
    assert [float(end[0]) for end in found.mean] == pytest.approx(slow["mean"], abs=1e-9)
    # The programs' grid of means stops a little inside.
    assert found.sigma[0][0] == pytest.approx(slow["sigma"][0], abs=0.01)
    assert found.sigma[0][0] <= slow["sigma"][0] + 1e-6
    assert found.sigma[1][0] == pytest.approx(slow["sigma"][1], abs=0.01)
    assert found.sigma[1][0] >= slow["sigma"][1] - 1e-6
    for e, (low, high) in enumerate(slow["threshold"]):
        assert low - 0.02 <= found.threshold[0][e, 0] <= low + 1e-5
        assert high - 1e-5 <= found.threshold[1][e, 0] <= high + 0.02


def test_every_law_within_the_band_is_within_the_extremes(rng: np.random.Generator) -> None:
    """Laws that hold within the band, drawn at random, never leave the intervals."""
    k, horizon, eps = 12, 50.0, np.array([0.25, 1.0])
    x = np.sort(np.where(rng.random(k) < 0.4, 0.0, rng.integers(1, 51, k))).astype(float)
    limits = band(k, 0.9)
    found = extremes(x[:, None], horizon, limits, eps)
    sharp = window_mass(x[:, None], 5.0, horizon, limits)
    tried = 0
    while tried < 300:
        # A quantile function between the lowest and the highest one, on a fine grid.
        u = (np.arange(2000) + 0.5) / 2000
        padded = np.concatenate([[0.0], x, [horizon]])
        low = padded[np.searchsorted(limits.high, u)]
        high = padded[np.searchsorted(limits.low, u)]
        share = np.maximum.accumulate(rng.random(2000) ** rng.integers(1, 60))
        pick = rng.random()
        law = low + (high - low) * (share if pick < 0.5 else u > rng.random())
        law = np.maximum.accumulate(np.round(law) if pick < 0.25 else law)
        law = np.clip(law, low, high)
        mean, sigma = law.mean(), law.std()
        assert found.mean[0][0] - 0.05 <= mean <= found.mean[1][0] + 0.05
        assert found.sigma[0][0] - 0.05 <= sigma <= found.sigma[1][0] + 0.05
        for e, level in enumerate(eps):
            above = (law >= mean + sigma * np.sqrt(level)).mean()
            assert found.above[0][e, 0] - 1e-3 <= above <= found.above[1][e, 0] + 1e-3
        window = max(((law >= start) & (law < start + 5.0)).mean() for start in np.unique(law)[::7])
        assert window <= sharp[2][0] + 1e-3
        tried += 1


def test_samples_alike_leave_room_for_none_and_for_much() -> None:
    zeros = np.zeros((30, 1))
    found = extremes(zeros, 100.0, band(30, 0.95), np.array([1.0]))
    assert found.sigma[0][0] == 0.0
    assert 5.0 < found.sigma[1][0] < 50.0
    # Zero returns are below every threshold where sigma > 0.
    assert found.above[1][0, 0] == pytest.approx(1.0 - band(30, 0.95).low[-1])


def test_no_threshold_of_all_but_one_is_outside_that_of_all(rng: np.random.Generator) -> None:
    k, horizon, eps = 9, 40.0, np.array([0.25, 1.0])
    x = np.sort(np.where(rng.random(k) < 0.5, 0.0, rng.integers(1, 41, k))).astype(float)
    whole = extremes(x[:, None], horizon, without_one(k, 0.99), eps).threshold
    for i in range(k):
        rest = extremes(np.delete(x, i)[:, None], horizon, band(k - 1, 0.99), eps).threshold
        assert (whole[0] <= rest[0] + 1e-9).all()
        assert (whole[1] >= rest[1] - 1e-9).all()


def test_the_fullest_window_is_found(rng: np.random.Generator) -> None:
    x = np.sort(rng.integers(0, 30, (15, 6)).astype(float), axis=0)
    value, low, high = window_mass(x, 4.0, 30.0, band(15, 0.95))
    for column in range(6):
        slow = max(((x[:, column] >= u) & (x[:, column] < u + 4)).mean() for u in range(31))
        assert value[column] == pytest.approx(slow)
        assert low[column] <= slow <= high[column]


@pytest.mark.parametrize("k", [8, 32])
def test_intervals_cover_on_simulated_policies(k: int, rng: np.random.Generator) -> None:
    """Coverage at 95%; a true 95% fails with probability 1e-6."""
    horizon, p, eps = 100.0, 0.3, np.array([0.25, 1.0])
    returns = np.arange(20, 81, dtype=float)
    drawn = np.where(rng.random((k, 2000)) < p, rng.choice(returns, (k, 2000)), 0.0)
    found = extremes(np.sort(drawn, axis=0), horizon, band(k, 0.95), eps)
    mean = p * returns.mean()
    sigma = np.sqrt(p * (returns**2).mean() - mean**2)
    truths = [(found.mean, mean), (found.sigma, sigma)]
    for e, level in enumerate(eps):
        above = p * (returns >= mean + sigma * np.sqrt(level)).mean()
        truths.append(((found.above[0][e], found.above[1][e]), above))
    for (low, high), truth in truths:
        covered = int(((low <= truth) & (truth <= high)).sum())
        assert stats.binomtest(covered, 2000, 0.95, alternative="less").pvalue > 1e-6
