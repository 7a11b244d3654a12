"""T8 and the light types: exact sums against enumeration and simulation, bounds against both."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale import bounds
from antiscale.risks.rare_types import LightTypes


def value(pmf: np.ndarray, returns: np.ndarray, kappa: float) -> float:
    """V_kappa by an independent convex solver."""
    clarabel = pytest.importorskip("clarabel")
    from scipy import sparse

    # Over u = sqrt(p) w: minimise -(sqrt(p) R).u, sqrt(p).u = 1, u >= 0, |u| <= sqrt(1 + kappa).
    keep = pmf > 0
    root, r = np.sqrt(pmf[keep]), returns[keep]
    size = len(r)
    a = sparse.csc_matrix(np.vstack([root, -np.eye(size), np.zeros(size), -np.eye(size)]))
    b = np.concatenate([[1.0], np.zeros(size), [np.sqrt(1 + kappa)], np.zeros(size)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(size),
             clarabel.SecondOrderConeT(size + 1)]  # fmt: skip
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    found = clarabel.DefaultSolver(
        sparse.csc_matrix((size, size)), -root * r, a, b, cones, settings
    ).solve()
    return -float(found.obj_val)


def everything(model: LightTypes):
    """Every labelling with its law, and every multiset of traces with its probability."""
    d, n = model.light, model.n
    pmf, _ = model.law(0)
    counts = [c for c in itertools.product(range(n + 1), repeat=d + 2) if sum(c) == n]
    chance = stats.multinomial.pmf(counts, n, pmf)
    labels = list(itertools.product((-1.0, 1.0), repeat=d))
    gaps = [
        np.concatenate([[model.heavy_gap, -model.heavy_gap], model.light_gap * np.array(s)])
        for s in labels
    ]
    return pmf, np.array(counts), chance, np.array(gaps)


SMALL = [
    LightTypes(horizon=20.0, n=3, light=2, heavy_gap=10.0, light_gap=10.0, kappa=0.2),
    LightTypes(horizon=20.0, n=4, light=2, expected=0.4, heavy_gap=0.0, light_gap=10.0, kappa=1.5),
    LightTypes(horizon=20.0, n=4, light=3, heavy_gap=2.0, light_gap=7.0, kappa=0.1),
]


@pytest.mark.parametrize("model", SMALL, ids=("fast", "slow", "between"))
def test_the_bayes_regret_is_that_of_all_data_sets(model: LightTypes) -> None:
    pmf, counts, chance, gaps = everything(model)
    full = np.mean([value(pmf, g, model.kappa) for g in gaps])
    assert full == pytest.approx(np.mean([value(pmf, g, model.kappa) for g in gaps]))
    learned = 0.0
    known: dict[bytes, float] = {}
    for row, weight in zip(counts, chance, strict=True):
        for g in gaps:
            mean = np.where(np.concatenate([[True, True], row[2:] > 0]), g, 0.0)
            key = np.concatenate([mean[:2], np.sort(mean[2:])]).tobytes()
            if key not in known:
                known[key] = value(pmf, mean, model.kappa)
            learned += weight * known[key] / len(gaps)
    assert model.bayes_regret() == pytest.approx(full - learned, abs=2e-6)


@pytest.mark.parametrize("model", SMALL, ids=("fast", "slow", "between"))
@pytest.mark.parametrize("wide", [False, True])
def test_the_pessimists_risk_is_that_of_all_data_sets(model: LightTypes, wide: bool) -> None:
    pmf, counts, chance, gaps = everything(model)
    best = np.array([value(pmf, g, model.kappa) for g in gaps])
    mean = worst = 0.0
    for row, weight in zip(counts, chance, strict=True):
        losses = []
        for g, top in zip(gaps, best, strict=True):
            if row[:2].sum() == 0:
                played = pmf
            else:
                feared = np.where(np.concatenate([[True, True], row[2:] > 0]), g, -model.light_gap)
                if wide:
                    event = feared == feared[pmf > 0].max()
                    played = np.where(event, pmf, 0) / pmf[event].sum()
                else:
                    ratio = ac.chi2_ball_optimum(pmf, feared, model.kappa).density_ratio
                    played = pmf * np.asarray(ratio)
            losses.append(top - played @ g)
        mean += weight * np.mean(losses)
        worst += weight * np.max(losses)
    assert model.pessimist_risk(wide=wide, average=True) == pytest.approx(mean, abs=2e-6)
    assert model.pessimist_risk(wide=wide) == pytest.approx(worst, abs=2e-6)


@pytest.mark.parametrize("good", [None, 0, 1, 2])
@pytest.mark.parametrize("model", SMALL, ids=("fast", "slow", "between"))
def test_the_cloning_risk_is_that_of_all_data_sets(model: LightTypes, good: int | None) -> None:
    """The expert is the base policy, or the ball's best one of a labelling."""
    pmf, counts, _, gaps = everything(model)
    expert = pmf
    if good is not None:
        expert = pmf * ac.chi2_ball_optimum(*model.law(good), model.kappa).density_ratio
    chance = stats.multinomial.pmf(counts, model.n, expert)
    moved = np.asarray(expert - counts / model.n) @ gaps.T
    assert model.cloning_risk(good) == pytest.approx(chance @ np.abs(moved).max(-1), abs=1e-9)


def test_cloning_the_balls_best_policy_is_simulated_too(rng) -> None:
    """Fails by bad luck with probability 1e-6."""
    model = LightTypes(horizon=100.0, n=400, light=5, heavy_gap=20.0, light_gap=50.0, kappa=0.2)
    pmf, returns = model.law(2)
    expert = pmf * np.asarray(ac.chi2_ball_optimum(pmf, returns, 0.2).density_ratio)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
    gaps = np.concatenate([np.tile([20.0, -20.0], (len(signs), 1)), 50.0 * signs], axis=1)
    cloned = np.abs((expert - rng.multinomial(400, expert / expert.sum(), 4000) / 400) @ gaps.T)
    cloned = cloned.max(-1)
    error = 4.9 * cloned.std(ddof=1) / np.sqrt(len(cloned))
    assert abs(cloned.mean() - model.cloning_risk(2)) < error
    # It is another number than the base policy's.
    assert abs(model.cloning_risk() - model.cloning_risk(2)) > 2 * error


def test_the_exact_risks_lie_within_the_intervals_of_simulated_ones(rng) -> None:
    """Each fails by bad luck with probability 1e-6."""
    model = LightTypes(horizon=100.0, n=50, light=5, heavy_gap=20.0, light_gap=50.0, kappa=0.2)
    pmf, _ = model.law(0)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
    gaps = np.concatenate([np.tile([20.0, -20.0], (len(signs), 1)), 50.0 * signs], axis=1)
    counts = rng.multinomial(50, pmf, 4000)
    cloned = np.abs((pmf - counts / 50) @ gaps.T).max(-1)
    error = 4.9 * cloned.std(ddof=1) / np.sqrt(len(cloned))
    assert abs(cloned.mean() - model.cloning_risk()) < error
    seen = (counts[:, 2:] > 0).sum(-1)
    for k, exact in enumerate(model.seen):
        assert stats.binomtest(int((seen == k).sum()), 4000, float(exact)).pvalue > 1e-6


def test_occupancy_is_that_of_inclusion_and_exclusion() -> None:
    from math import comb

    for n, d, c in ((5, 3, 1.0), (1000, 6, 0.35), (10**6, 4, 2.0)):
        model = LightTypes(
            horizon=1.0, n=n, light=d, expected=c, heavy_gap=0.5, light_gap=0.5, kappa=0.1
        )
        direct = [
            comb(d, k) * sum(
                (-1) ** j * comb(k, j) * (1 - (d - k + j) * c / n) ** n for j in range(k + 1)
            )
            for k in range(d + 1)
        ]  # fmt: skip
        np.testing.assert_allclose(model.seen, direct, atol=1e-9)
        assert model.seen_light_alone.sum() == pytest.approx(model.together**n)


@pytest.mark.parametrize("kappa", [0.01, 0.25, 0.6])
@pytest.mark.parametrize("n", [8, 30, 1000, 10**6])
def test_the_fast_rate_is_needed_and_met(n: int, kappa: float) -> None:
    light = 2
    if kappa > (n - light) / (n + light):
        pytest.skip("kappa is too large for this n")
    model = LightTypes(horizon=64.0, n=n, light=light, heavy_gap=32.0, light_gap=32.0, kappa=kappa)
    lower = float(bounds.vb_lower_fast(64.0, n, light, kappa))
    bayes = model.bayes_regret()
    assert 0 < lower <= bayes * (1 + 1e-5)
    assert bayes <= 1.2 * lower or n < 1000
    error = model.unseen()
    upper = float(bounds.vb_upper(64.0, error, max_ratio=model.max_ratio))
    risk = model.pessimist_risk()
    assert bayes <= model.pessimist_risk(average=True) <= risk <= upper
    # The stated constant of the sandwich.
    if n >= 1000:
        assert upper / lower == pytest.approx(4 + 4 / np.sqrt(kappa), rel=5 / n + 1e-9)
        assert model.pessimist_risk(wide=True, average=True) < 0


def test_the_slow_rate_is_needed_where_rewards_are_sharp() -> None:
    light, kappa = 64, 0.25
    previous = np.inf
    for n in (512, 2**13, 2**20):
        model = LightTypes(
            horizon=64.0, n=n, light=light, expected=bounds.best_expected(), heavy_gap=0.0,
            light_gap=32.0, kappa=kappa,
        )  # fmt: skip
        lower = float(bounds.vb_lower_slow(64.0, n, light, kappa))
        bayes = model.bayes_regret()
        assert 0 < lower <= bayes
        assert bayes / lower < previous
        previous = bayes / lower
        error = model.unseen()
        slow = float(bounds.vb_upper_terms(64.0, error, kappa=kappa)["T7a"])
        fast = float(bounds.vb_upper(64.0, error, max_ratio=model.max_ratio))
        assert model.pessimist_risk() <= min(slow, fast)
        assert 4 < slow / bayes < 6
        assert model.pessimist_risk(wide=True, average=True) < 0
    assert previous < 1.1
    assert fast / bayes > 6 * slow / bayes


def test_the_density_ratio_is_bounded_as_t9_says() -> None:
    for n, heavy, light in itertools.product((40, 10**4), (1e-3, 0.05, 0.5), (1, 4)):
        for kappa in (0.01, 0.25, 0.6):
            model = LightTypes(
                horizon=1.0, n=n, light=light, heavy_gap=heavy, light_gap=0.5, kappa=kappa
            )
            x = model.together
            if kappa <= (1 - x) / (1 + x):
                most = 1 + kappa + 2 * np.sqrt(kappa) / (1 - x) * 0.5 / heavy
                assert model.max_ratio <= most * (1 + 1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.vb_lower_fast(8, 10, 10, 0.1), "light must be below n"),
        (lambda: bounds.vb_lower_fast(8, 10, 2, 0.9), r"at most \(n - d\)/\(n \+ d\), 0.666667"),
        (lambda: bounds.vb_lower_fast(-8, 10, 2, 0.1), "horizon must be finite and >= 0"),
        (lambda: bounds.vb_lower_slow(8, 10, 0, 0.1), "at least 1"),
        (lambda: bounds.vb_lower_slow(8, 10, 5, 0.1, expected=2), "it must be below 1"),
        (lambda: bounds.vb_lower_slow(8, 10, 5, 3, expected=1), r"n/\(c d\) - 1, 1; got 3"),
        (
            lambda: LightTypes(horizon=8, n=4, light=4, heavy_gap=1, light_gap=1),
            r"mass c d/n = 1; it must lie in \(0, 1\)",
        ),
        (
            lambda: LightTypes(horizon=8, n=9, light=4, heavy_gap=5, light_gap=1),
            r"heavy_gap must lie in \[0, H/2\]; got 5",
        ),
        (lambda: SMALL[0].cloning_risk(3), r"good must lie in 0\.\.2; got 3"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
