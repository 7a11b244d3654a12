"""Estimates against loops, the engine's measures, and the truth of synthetic policies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.rollouts import averages
from antiscale.rollouts.estimates import WINDOW, Estimates, estimate
from antiscale.rollouts.optimum import ball_optimum, density_ratio
from antiscale.rollouts.samples import Rollouts
from tests.oracles_rollouts import synthetic, true_above, true_sigma

EPS, KAPPA = (0.25, 1.0), (0.25, 1.0)


def rollouts_of(table, seed: int = 0) -> Rollouts:
    problem, labels = table.problem.factorize()
    correct = table.correct.to_numpy() == 1
    length = table.length.to_numpy(float)
    return Rollouts.of(
        labels.to_numpy(object), problem.astype(np.int64), correct, length,
        np.where(correct, length, np.inf), seed=seed,
    )  # fmt: skip


def measured(problems: int, samples: int, seed: int, *, success: float | None = None):
    """Rollouts, their estimates at H = 100, and the true p per problem."""
    table, truth = synthetic(problems, samples, seed, success=success)
    rollouts = rollouts_of(table, seed)
    (found,) = estimate(rollouts, (100,), eps=EPS, kappa=KAPPA, level=0.95)
    return rollouts, found, truth.p.to_numpy()


def test_every_estimate_is_that_of_a_loop_and_of_the_engines_measures() -> None:
    table, _ = synthetic(9, 14, 1)
    table = table.drop(index=[3, 4, 20])  # so that problems differ in k
    rollouts = rollouts_of(table)
    (found,) = estimate(rollouts, (60,), eps=EPS, kappa=KAPPA, level=0.95)
    for x, (_, rows) in enumerate(table.groupby("problem", sort=False)):
        r = np.where(rows.correct == 1, np.maximum(61.0 - rows.length, 0.0), 0.0)
        k, pmf = len(r), np.full(len(r), 1 / len(r))
        assert found.mean[x] == pytest.approx(r.mean())
        assert found.sigma[x] == pytest.approx(r.std(ddof=1))
        # T1's sigma is that of the samples' law, without the factor k/(k - 1).
        assert found.sigma[x] * np.sqrt((k - 1) / k) == pytest.approx(ac.heterogeneity(pmf, r))
        for e, eps in enumerate(EPS):
            if r.std() > 0:
                c = ac.anticoncentration(pmf, r, eps, horizon=60)
                assert found.above[e, x] == pytest.approx(c)
            else:
                assert np.isnan(found.above[e, x])
        assert found.sharpness[x] == pytest.approx(ac.sharpness(pmf, r, 60 * WINDOW))
        right = r[rows.correct == 1]
        within = len(right) / k * right.var(ddof=1) if len(right) > 1 else 0.0
        assert found.within[x] == pytest.approx(within)
        for i, kappa in enumerate(KAPPA):
            best = ac.chi2_ball_optimum(pmf, r, kappa)
            assert found.best[i, x] == pytest.approx(float(best.value))
            assert found.max_ratio[i, x] == pytest.approx(float(best.density_ratio.max()))
        mirror = ac.chi2_ball_optimum(pmf, 60.0 - r, KAPPA[0])
        assert found.mirror_gain[x] == pytest.approx(float(mirror.value) - (60 - r.mean()))
        assert found.max_ratio_mirror[x] == pytest.approx(float(mirror.density_ratio.max()))


@pytest.mark.parametrize("kappa", [0.0, 0.01, 0.25, 1.0, 5.0, 30.0])
def test_the_optimum_over_sorted_atoms_is_the_engines(
    kappa: float, rng: np.random.Generator
) -> None:
    x = np.sort(np.where(rng.random((12, 300)) < rng.random(300), rng.integers(50, 90, (12, 300)),
                         0).astype(float), axis=0)  # fmt: skip
    x[:, :3] = 7.0
    for mass in (np.full(12, 1 / 12), rng.dirichlet(np.ones(12))):
        found = ball_optimum(x, mass, kappa)
        best = ac.chi2_ball_optimum(np.broadcast_to(mass, (300, 12)), x.T, kappa)
        np.testing.assert_allclose(found.value, best.value, atol=1e-9)
        np.testing.assert_allclose(found.max_ratio, np.asarray(best.density_ratio).max(-1), 1e-9)
    ratio = density_ratio(x, ball_optimum(x, np.full(12, 1 / 12), kappa))
    best = ac.chi2_ball_optimum(np.full((300, 12), 1 / 12), x.T, kappa)
    np.testing.assert_allclose(ratio.T, best.density_ratio, atol=1e-9)


def test_the_noise_of_the_variance_is_estimated_without_bias() -> None:
    # All 3^5 data sets of five samples from a law on three returns, weighted by their chance.
    values, mass = np.array([0.0, 7.0, 10.0]), np.array([0.5, 0.3, 0.2])
    sets = np.array(list(itertools.product(range(3), repeat=5)))
    chance = mass[sets].prod(1)
    correct = values[sets].ravel() > 0
    length = np.where(correct, 11.0 - values[sets].ravel(), 5.0)
    rollouts = Rollouts.of(
        np.arange(len(sets)).astype(object), np.repeat(np.arange(len(sets)), 5), correct, length,
        np.where(correct, length, np.inf), seed=0,
    )  # fmt: skip
    (found,) = estimate(rollouts, (10,), eps=EPS, kappa=KAPPA, level=0.95)
    variance = mass @ (values - mass @ values) ** 2
    assert chance @ found.variance == pytest.approx(variance)
    noise = chance @ (found.variance - variance) ** 2
    assert chance @ found.variance_noise == pytest.approx(noise)
    # On either side of sigma and of c(eps), as the intervals of their means over problems need.
    assert chance @ found.sigma < np.sqrt(variance)
    sigma, mean = np.sqrt(variance), mass @ values
    for e, eps in enumerate(EPS):
        c = mass[values >= mean + np.sqrt(eps) * sigma].sum()
        assert chance @ found.reached_least[e] <= c + 0.01
        assert chance @ found.reached_most[e] >= c * 0.99
    # (s^2/a + a)/2 with any a independent of s^2 has a mean above sigma.
    halves = found.half_variance
    for a in (1.0, 3.0, 10.0):
        assert chance @ (halves[0] / a + a) / 2 >= sigma - 1e-9


def test_intervals_of_v_kappa_hold_the_truth() -> None:
    _, found, p = measured(300, 32, 3)
    returns = 101.0 - (20.0 + np.arange(40))
    for i, kappa in enumerate(KAPPA):
        pmf = np.concatenate([np.repeat(p[:, None] / 40, 40, 1), 1 - p[:, None]], axis=1)
        best = ac.chi2_ball_optimum(pmf, np.append(returns, 0.0), kappa)
        value = np.asarray(best.value)
        held = (found.best_low[i] <= value + 1e-9) & (value <= found.best_high[i] + 1e-9)
        # A true 95% fails with probability 1e-6.
        assert stats.binomtest(int(held.sum()), 300, 0.95, alternative="less").pvalue > 1e-6
        assert (found.best_low[i] <= found.best[i] + 1e-9).all()


def test_means_over_problems_cover_the_truth() -> None:
    """Intervals of the mean and median of sigma, of the mean of c, and of the share.

    60 tables; a true 95% fails one of the assertions with probability 1e-6.
    """
    hits = dict.fromkeys(("sigma", "median", "c", "share"), 0)
    for seed in range(60):
        rollouts, found, p = measured(40, 16, seed)
        sigma = true_sigma(p, 100)
        interval = averages.sigma_mean(found, rollouts.counts, 0.95)
        hits["sigma"] += interval.low <= sigma.mean() <= interval.high
        ends = averages.median_of_bounds(found.sigma_low, found.sigma_high, 0.95, most=50.0)
        hits["median"] += ends[0] <= np.median(sigma) <= ends[1]
        spread = found.sigma > 0
        above = averages.mean_above(found, 0, 0.25, rollouts.counts, 0.95)
        assert above is not None
        truth = np.mean([true_above(each, 100, 0.25) for each in p[spread]])
        hits["c"] += above.low <= truth <= above.high
        share = averages.correctness_share(found, rollouts.counts, rollouts.solutions, 0.95)
        assert share is not None
        returns = 101.0 - (20.0 + np.arange(40))
        due_to_length = (p * returns.var()).sum() / (sigma**2).sum()
        hits["share"] += share.low <= 1 - due_to_length <= share.high
    for name, count in hits.items():
        assert stats.binomtest(count, 60, 0.95, alternative="less").pvalue > 1e-6, name


@pytest.mark.parametrize("success", [0.0, 0.01, 0.03])
def test_rare_success_is_not_taken_for_none(success: float) -> None:
    """With few right samples, or none, the mean of sigma stays within its interval.

    100 tables; a true 97.5% fails with probability 1e-6.
    """
    missed = 0
    for seed in range(100):
        rollouts, found, p = measured(20, 8, seed, success=success)
        interval = averages.sigma_mean(found, rollouts.counts, 0.95)
        missed += not interval.low <= true_sigma(p, 100).mean() <= interval.high
    assert stats.binomtest(missed, 100, 0.025, alternative="greater").pvalue > 1e-6


def test_shrinking_brings_variances_nearer_to_the_truth() -> None:
    for samples in (4, 8, 32):
        rollouts, found, p = measured(400, samples, samples)
        truth = true_sigma(p, 100) ** 2
        shrunk = averages.shrunk_sigma(found, rollouts.counts)
        before = ((found.variance - truth) ** 2).mean()
        after = ((shrunk**2 - truth) ** 2).mean()
        assert after < 0.98 * before
        assert (shrunk**2).mean() == pytest.approx(found.variance.mean())
    _, few, _ = measured(10, 3, 0)
    assert np.isnan(averages.shrunk_sigma(few, np.full(10, 3))).all()


def test_bounded_means_are_conservative_by_enumeration() -> None:
    for m in (10, 40, 100):
        ends = [
            averages.bounded_mean(np.repeat([0.0, 1.0], [m - c, c]), 0.95)[1:] for c in range(m + 1)
        ]
        low, high = np.array(ends).T
        assert (high - low > 0).all()
        for p in np.linspace(0.005, 0.995, 199):
            law = stats.binom.pmf(np.arange(m + 1), m, p)
            assert law @ ((low <= p) & (p <= high)) >= 0.946


def test_few_misses_are_paid_for() -> None:
    assert averages.misses(1, 0.95) == 0
    assert averages.misses(164, 0.95) == stats.binom.ppf(0.95, 164, 0.05)
    low, high = np.full(20, 0.2), np.full(20, 0.3)
    f = averages.misses(20, 0.95)
    found = averages.mean_of_bounds(low, high, 0.95, problems=20, most=1.0)
    assert found == pytest.approx((0.2 * (20 - f) / 20, (0.3 * (20 - f) + f) / 20))
    ends = averages.median_of_bounds(low[:2], high[:2], 0.95, most=1.0)
    assert ends == (0.0, 1.0)


def test_halves_are_random_and_repeatable() -> None:
    table, _ = synthetic(3, 10, 0)
    draws = [rollouts_of(table, seed).draw for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    assert sorted(draws[0][:10]) == list(range(10))


def test_one_sample_gives_no_spread() -> None:
    rollouts = rollouts_of(synthetic(4, 1, 0)[0])
    (found,) = estimate(rollouts, (100,), eps=EPS, kappa=KAPPA, level=0.95)
    assert isinstance(found, Estimates)
    assert np.isnan(found.sigma).all()
    assert np.isnan(found.reached_most).all()
    assert (found.sigma_high > 45).all()


@pytest.mark.parametrize("kappa", [5e-324, 1e-300, 1e-20])
def test_a_tiny_ball_holds_the_base_policy_and_hardly_more(kappa: float) -> None:
    x = np.array([[0.0, 1.0], [3.0, 2.0], [7.0, 9.0]])
    found = ball_optimum(x, np.full(3, 1 / 3), kappa)
    np.testing.assert_allclose(found.max_ratio, 1.0, rtol=1e-9)
    np.testing.assert_allclose(found.value, x.mean(0), rtol=1e-9)
