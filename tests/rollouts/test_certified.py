"""What is certified of rollouts: proved ends, by enumeration and simulation, and copies."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.rollouts import certified
from antiscale.rollouts.copies import copied
from antiscale.rollouts.samples import Rollouts
from tests.oracles_rollouts import synthetic


def rollouts_of(right: np.ndarray, length: np.ndarray) -> Rollouts:
    m, k = right.shape
    return Rollouts.of(
        np.arange(m).astype(object), np.repeat(np.arange(m), k), right.ravel(),
        length.ravel().astype(float), np.where(right, length, np.inf).ravel(), seed=0,
    )  # fmt: skip


def drawn(p: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Samples that are right with probability p, of 1 to 100 tokens."""
    return rng.random((len(p), k)) < p[:, None], rng.integers(1, 101, (len(p), k))


# The conditions of the inequality for convex Lipschitz functions of independent variables.


@pytest.mark.parametrize("k", [2, 3, 10])
def test_the_deviation_is_convex_lipschitz_and_of_the_range_that_is_used(
    k: int, rng: np.random.Generator
) -> None:
    x, y = rng.random((2, 2000, k)) ** rng.choice([0.2, 1.0, 5.0], (2, 2000, 1))
    share = rng.random(2000)
    mixed = (share[:, None] * x + (1 - share[:, None]) * y).std(1, ddof=1)
    s, t = x.std(1, ddof=1), y.std(1, ddof=1)
    assert (mixed <= share * s + (1 - share) * t + 1e-12).all()
    assert (np.abs(s - t) <= np.linalg.norm(x - y, axis=1) / math.sqrt(k - 1) + 1e-12).all()
    corners = np.array(list(itertools.product([0.0, 1.0], repeat=k))).std(1, ddof=1)
    most = math.sqrt((k // 2) * ((k + 1) // 2) / (k * (k - 1)))
    assert corners.max() == pytest.approx(most)
    # With one problem the end is the mean less sqrt(2 log(1/miss) v): v as its definition says.
    v = min(1 / (k - 1), most**2 / 4)
    end = certified.deviation_low(np.array([0.4]), np.array([k]), 1.0, 0.01)
    assert end == pytest.approx(0.4 - math.sqrt(2 * math.log(100) * v))


def moments(k: int, p: float, q: float) -> tuple[np.ndarray, np.ndarray, float]:
    """All data sets of k samples from {0, 1/2, 1}: s, chance, sigma."""
    values, mass = np.array([0.0, 0.5, 1.0]), np.array([1 - p, p * q, p * (1 - q)])
    sets = np.array(list(itertools.product(range(3), repeat=k)))
    sigma = math.sqrt(mass @ values**2 - (mass @ values) ** 2)
    return values[sets].std(1, ddof=1), mass[sets].prod(1), sigma


@pytest.mark.parametrize("k", [2, 4, 6])
@pytest.mark.parametrize(("p", "q"), [(0.1, 0.0), (0.5, 0.0), (0.6, 0.5), (0.9, 0.2)])
def test_the_exponential_moments_that_the_ends_rest_on(k: int, p: float, q: float) -> None:
    """E exp(t (s - E s)) <= exp(t^2 v/2), and that of s^2 from below."""
    s, chance, sigma = moments(k, p, q)
    v = min(1.0, (k // 2) * ((k + 1) // 2) / (4 * k)) / (k - 1)
    assert chance @ s <= sigma + 1e-12
    for t in np.geomspace(0.01, 100, 60):
        above = chance @ np.exp(t * (s - chance @ s))
        assert math.log(above) <= t**2 * v / 2 + 1e-9
        below = chance @ np.exp(-t * (s**2 - sigma**2))
        assert math.log(below) <= t**2 * sigma**2 / (2 * (k - 1)) + 1e-9


@pytest.mark.parametrize("miss", [0.3, 0.05])
def test_the_least_mean_misses_no_more_often_than_it_may_by_enumeration(miss: float) -> None:
    """Six independent values of unlike laws: the mean of means is below the end as seldom."""
    atoms = np.array([[0.0, 1.0], [0.2, 0.5], [0.0, 3.0], [1.0, 1.0], [0.0, 0.4], [0.1, 2.0]])
    mass = np.array([[0.5, 0.5], [0.9, 0.1], [0.95, 0.05], [0.5, 0.5], [0.2, 0.8], [0.7, 0.3]])
    truth = (atoms * mass).sum(1).mean()
    missed = 0.0
    for chosen in itertools.product(range(2), repeat=6):
        place = np.arange(6), np.array(chosen)
        if certified.least_mean(atoms[place], miss) > truth + 1e-12:
            missed += mass[place].prod()
    assert missed <= miss
    # And says something: ten like values of 1 have a mean of at least 1/2.
    assert certified.least_mean(np.ones(10), 0.05) > 0.5
    assert certified.least_mean(np.zeros(10), 0.05) == 0.0


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(("m", "k"), [(3, 10), (12, 4), (30, 20)])
def test_the_ends_hold_where_problems_are_alike(m: int, k: int, asked: bool) -> None:
    """300 tables, right 40 to 60% of the time; a true 96% fails with probability 1e-6."""
    rng = np.random.default_rng(m)
    held = 0
    for _ in range(300):
        p = rng.uniform(0.4, 0.6, m)
        right, length = drawn(p, k, rng)
        rollouts = rollouts_of(right, length)
        horizon = 80 if asked else int(np.quantile(length, 0.8))
        r = np.maximum(horizon + 1.0 - np.arange(1, 101), 0.0)
        truth = np.sqrt(p * (r**2).mean() - (p * r.mean()) ** 2).mean()
        ((low, high),) = certified.sigma_ends(rollouts, (horizon,), 0.95, asked=asked)
        assert 0 <= low <= high <= horizon / 2
        held += low <= truth <= high
    assert stats.binomtest(held, 300, 0.96, alternative="less").pvalue > 1e-6


def test_ends_hold_for_unequal_numbers_of_samples() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 1.0, 40)
    sizes = rng.integers(1, 30, 40)
    right = np.concatenate([rng.random(k) < each for k, each in zip(sizes, p, strict=True)])
    rollouts = Rollouts.of(
        np.arange(40).astype(object), np.repeat(np.arange(40), sizes), right,
        np.full(len(right), 5.0), np.where(right, 5.0, np.inf), seed=0,
    )  # fmt: skip
    several = sizes > 1
    truth = (6.0 * np.sqrt(p * (1 - p)))[several].mean()
    ((low, high),) = certified.sigma_ends(rollouts, (10,), 0.95, asked=True)
    assert low <= truth <= high <= 5.0
    # Problems with few samples do not spoil the upper end of the others.
    s, k = certified.deviations(rollouts, 10.0)[several], sizes[several]
    mixed = certified.deviation_high(s, k, 10.0, 0.01)
    alone = certified.deviation_high(s[k > 9], k[k > 9], 10.0, 0.01)
    share = (k > 9).mean()
    assert mixed <= share * alone + (1 - share) * 5.0 + 1e-12


def test_neighbours_of_a_budget_are_on_either_side() -> None:
    for horizon in (1, 2, 3, 41, 300, 4096, 2**40):
        low, high = certified.neighbours(horizon)
        assert low <= horizon <= high <= 1.03 * low


def test_sigma_never_falls_with_the_budget(rng: np.random.Generator) -> None:
    times = np.where(rng.random((500, 8)) < 0.6, rng.integers(1, 100, (500, 8)), np.inf)
    spread = [np.maximum(h + 1 - times, 0.0).std(1) for h in range(1, 120)]
    assert (np.diff(spread, axis=0) >= -1e-9).all()


def test_every_event_has_its_share_of_the_level() -> None:
    """Two lower ends, an upper end, bands, and labels at H/2: together what the level leaves."""
    assert certified.EVENTS * certified.event_miss(0.95) == pytest.approx(0.05)
    rollouts = rollouts_of(*drawn(np.full(20, 0.5), 30, np.random.default_rng(1)))
    one, two = (certified.sigma_ends(rollouts, h, 0.95, asked=True) for h in ((80,), (80, 90)))
    assert two[0][0] < one[0][0]
    assert two[0][1] > one[0][1]
    # Chosen by the samples, they hold at every H and are the wider.
    (free,) = certified.sigma_ends(rollouts, (80,), 0.95, asked=False)
    assert free[0] < two[0][0]
    assert free[1] > two[0][1]


def test_labels_at_half_of_a_budget_that_samples_chose() -> None:
    rollouts = rollouts_of(*drawn(np.full(6, 0.5), 400, np.random.default_rng(2)))
    for horizon in (60, 80):
        (least,) = certified.least_telling(rollouts, (horizon,), 0.95, asked=False)
        (asked,) = certified.least_telling(rollouts, (horizon,), 0.95, asked=True)
        assert (least <= asked).all()
        assert (least <= 1 - 0.005 + 1e-12).all()
        assert (least > 0.5).all()


# Copies.


@pytest.mark.parametrize("lengths", [[5], [10, 90], range(36, 46), range(1, 5000)])
@pytest.mark.parametrize("success", [0.0, 0.02, 0.5])
def test_independent_samples_are_not_taken_for_copies(lengths: list[int], success: float) -> None:
    """144 tables per case; each is mistaken with probability about 1e-6."""
    rng = np.random.default_rng(len(lengths))
    for m, k in itertools.product((3, 30, 200), (2, 4, 6, 30)):
        for _ in range(12):
            right = rng.random((m, k)) < success
            assert copied(rollouts_of(right, rng.choice(lengths, (m, k)))) is None


@pytest.mark.parametrize(("k", "times"), [(4, 25), (16, 2), (1, 8), (5, 3)])
def test_copies_are_seen_and_nothing_is_certified(k: int, times: int) -> None:
    table, _ = synthetic(40, k, 5, success=0.5)
    copies = table.loc[table.index.repeat(times)]
    found = ac.diagnose(copies, horizon=100).summary
    assert found["certified"] is False
    row = found["horizons"][0]
    assert (row["sigma_low"], row["sigma_high"]) == (0.0, 50.0)
    assert row["prediction"]["vf_lower_certified"] == 0.0
    assert row["prediction"]["n_certified"] is None
    reading = " ".join(found["reading"])
    assert "confidence" not in reading
    assert "Nothing is certified" in reading
    assert any("identical" in note and "nothing is certified" in note for note in found["notes"])
    if k > 1:
        assert ac.diagnose(table, horizon=100).summary["certified"] is True


def test_some_copies_among_many_samples_are_seen_by_their_pairs() -> None:
    rng = np.random.default_rng(3)
    right, length = rng.random((60, 80)) < 0.4, rng.integers(1, 3000, (60, 80))
    assert copied(rollouts_of(right, length)) is None
    some = [np.concatenate([each, each[:, :20]], axis=1) for each in (right, length)]
    assert "pairs" in str(copied(rollouts_of(*some)))
