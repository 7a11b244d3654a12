"""Predictions against the engine: bounds, exact risks, and what is certified."""

from __future__ import annotations

import numpy as np
import pytest

from antiscale import bounds
from antiscale.ball.optimum import chi2_ball_optimum
from antiscale.risks.exact import sft_mirror_risk
from antiscale.rollouts import certified, predictions
from antiscale.rollouts.estimates import Estimates, estimate
from antiscale.rollouts.predictions import Outlook, lower_from_sigma
from antiscale.rollouts.samples import Rollouts
from tests.oracles_rollouts import synthetic

KAPPA = 0.25


def outlook(problems: int, samples: int, horizon: int, seed: int = 0) -> Outlook:
    table, _ = synthetic(problems, samples, seed)
    problem, labels = table.problem.factorize()
    correct, length = table.correct.to_numpy() == 1, table.length.to_numpy(float)
    rollouts = Rollouts.of(
        labels.to_numpy(object), problem.astype(np.int64), correct, length,
        np.where(correct, length, np.inf), seed=seed,
    )  # fmt: skip
    (found,) = estimate(rollouts, (horizon,), eps=(1.0,), kappa=(KAPPA,), level=0.95)
    return proved(rollouts, found, seed)


def proved(rollouts: Rollouts, found: Estimates, seed: int) -> Outlook:
    """The outlook that `diagnose` makes of one horizon asked for."""
    budgets = (found.horizon,)
    ((low, _),) = certified.sigma_ends(rollouts, budgets, 0.95, asked=True)
    (least,) = certified.least_telling(rollouts, budgets, 0.95, asked=True)
    return Outlook(rollouts, found, low, least, kappa=KAPPA, level=0.95, seed=seed)


def laws(made: Outlook, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples' law as pmf and returns, [m, k]."""
    r = made.rollouts.returns(float(made.found.horizon)).reshape(-1, samples)
    return np.full(r.shape, 1 / samples), r


def test_t4_from_sigma_alone_is_below_t4_for_any_law(rng: np.random.Generator) -> None:
    horizon = 50.0
    for n in (3, 40, 2000):
        for _ in range(40):
            size, prompts = rng.integers(2, 6), rng.integers(1, 5)
            pmf = rng.dirichlet(np.full(size, rng.choice([0.3, 1.0])), prompts)
            returns = np.round(rng.random((prompts, size)) ** rng.choice([0.3, 1, 3]) * horizon)
            kappa = float(rng.choice([0.05, 0.25, 2.0]))
            sigma = np.sqrt((pmf * (returns - (pmf * returns).sum(1, keepdims=True)) ** 2).sum(1))
            rho = 1.0 / prompts
            whole = bounds.vf_lower(
                pmf, returns, n, prompt_mass=rho, kappa=kappa, form="two_point"
            ).mean()  # fmt: skip
            alone = lower_from_sigma(sigma.mean() / horizon, n, prompt_mass=rho, kappa=kappa)
            # T4's own search over eps stops within a per cent of its best.
            assert horizon * alone <= whole * 1.01 + 1e-12


def test_t4_from_sigma_alone_is_convex_grows_and_is_not_vacuous() -> None:
    h = np.linspace(0, 0.5, 41)
    for n in (10, 1000):
        value = np.array([lower_from_sigma(x, n, prompt_mass=0.1, kappa=KAPPA) for x in h])
        assert value[0] == 0.0
        assert (np.diff(value) >= -1e-15).all()
        assert (np.diff(value, 2) >= -1e-12).all()
    assert lower_from_sigma(0.0, 10, prompt_mass=1.0, kappa=KAPPA) == 0.0
    assert lower_from_sigma(0.3, 10, prompt_mass=1.0, kappa=0.0) == 0.0


@pytest.mark.parametrize("n", [1, 4, 16, 1000, 10**6])
@pytest.mark.parametrize("kappa", [0.05, KAPPA, 4.0])
def test_t4_from_sigma_alone_is_t4_for_two_fair_types(n: int, kappa: float) -> None:
    for rho in (1.0, 0.1):
        whole = bounds.vf_lower([0.5, 0.5], [0.0, 1.0], n, prompt_mass=rho, kappa=kappa,
                                form="two_point")  # fmt: skip
        alone = lower_from_sigma(0.5, n, prompt_mass=rho, kappa=kappa)
        # Both search over eps: T4's stops within a per cent of its best.
        assert alone == pytest.approx(float(whole), rel=0.01)


def test_no_law_is_further_from_its_mean_than_sigma_allows(rng: np.random.Generator) -> None:
    """|g| <= (1/2 + sqrt(1/4 - h^2))/h, met by every law on {0, H}."""
    for _ in range(300):
        pmf, returns = rng.dirichlet(np.full(4, 0.5)), rng.random(4)
        if rng.random() < 0.5:
            returns = np.array([0.0, 1.0, 0.0, 1.0])
        mean = pmf @ returns
        h = np.sqrt(pmf @ (returns - mean) ** 2)
        farthest = np.abs(returns - mean).max() / h
        limit = (0.5 + np.sqrt(max(0.25 - h**2, 0.0))) / h
        assert farthest <= limit * (1 + 1e-9)
        if set(returns) == {0.0, 1.0}:
            assert farthest == pytest.approx(limit)


@pytest.mark.parametrize("n", [10, 400])
def test_simulated_cloning_is_the_exact_risk_of_the_samples_law(n: int) -> None:
    samples, made = 12, outlook(6, 12, 70)
    pmf, returns = laws(made, samples)
    rho = np.full(6, 1 / 6)
    best = chi2_ball_optimum(pmf, returns, KAPPA)
    expert = pmf * np.asarray(best.density_ratio)
    exact = sft_mirror_risk(expert, returns, n, rho, base=pmf).value
    assert exact is not None
    found = made.measured(n)
    spread = found["vf_measured_high"] - found["vf_measured"]
    # Two and a half half-widths of 95%: fails with probability 1e-6.
    assert abs(found["vf_measured"] - exact) < 2.5 * spread
    assert spread < 0.05 * exact
    assert made.clones.upper(n, 6) >= exact
    # Cloning stays above T4f near its expert, for the samples' law.
    assert made.at(n)["vf_lower_local"] <= exact


def test_verification_is_the_engines_exact_risk() -> None:
    samples, made = 12, outlook(6, 12, 70)
    pmf, returns = laws(made, samples)
    for n in (1, 10, 60):
        slow = 0.0
        for r, p in zip(returns, pmf, strict=True):
            unseen = (1 - (p * (r != 35.0)).sum() / 6) ** n
            # Having seen nothing that tells r from H - r the learner plays the base policy.
            lost = [float(chi2_ball_optimum(p, z, KAPPA).value) - p @ z for z in (r, 70.0 - r)]
            slow += unseen * max(lost) / 6
        assert made.measured(n)["vb_measured"] == pytest.approx(slow, rel=1e-6)


def test_everything_is_ordered_and_the_first_certified_n_is_the_first() -> None:
    made = outlook(40, 32, 99)
    found = made.at(2000)
    assert (
        found["vf_lower_certified"]
        <= found["vf_lower_local"]
        <= found["vf_measured"]
        <= found["vf_upper"]
    )
    assert found["vb_measured"] <= found["vb_upper"]
    start = found["n_certified"]
    assert start is not None
    low, high = made.certified(start)
    assert low > high
    low, high = made.certified(start - 1)
    assert low <= high
    # And so it stays: at every n between, not at powers of two alone.
    for n in [*range(start, 4 * start), *(2**p for p in range(11, 50))]:
        low, high = made.certified(n)
        assert low > high
    assert found["n_measured"] is not None
    assert found["n_measured"] <= start
    assert found["bound_problems"] == predictions._PROBLEMS_BOUND
    assert found["measured_problems"] == 40


def test_few_problems_stand_for_all_as_a_mean_does() -> None:
    made = outlook(60, 16, 99)
    pmf, returns = laws(made, 16)
    expert = pmf * np.asarray(chi2_ball_optimum(pmf, returns, KAPPA).density_ratio)
    place = {"prompt_mass": 1 / 60, "kappa": KAPPA, "centre": expert}
    found = made.at(960)
    whole = bounds.vf_lower(pmf, returns, 960, **place).mean()
    assert found["vf_lower_local"] == pytest.approx(whole, rel=0.1)
    whole = bounds.largest_spread(pmf, returns, KAPPA).value.mean()
    assert found["sigma_max"] == pytest.approx(whole, rel=0.05)


def test_without_spread_nothing_is_certified() -> None:
    table, _ = synthetic(12, 6, 0, success=0.0)
    problem = np.repeat(np.arange(12), 6)
    length = table.length.to_numpy(float)
    rollouts = Rollouts.of(
        np.arange(12).astype(object), problem, np.zeros(72, dtype=bool), length,
        np.full(72, np.inf), seed=0,
    )  # fmt: skip
    (found,) = estimate(rollouts, (99,), eps=(1.0,), kappa=(KAPPA,), level=0.95)
    ((low, high),) = certified.sigma_ends(rollouts, (99,), 0.95, asked=True)
    assert low == 0.0
    assert high > 10
    predicted = proved(rollouts, found, 0).at(1000)
    assert predicted["n_certified"] is None
    assert predicted["vf_measured"] == 0.0


def test_labels_that_may_be_half_the_horizon_are_allowed_for() -> None:
    # Whole returns are never H/2 for odd H; for even H they may be, however many samples show none.
    even, odd = outlook(12, 20, 100), outlook(12, 20, 99)
    assert (odd.least_telling == 1.0).all()
    assert (even.least_telling < 1.0).all()
    assert (even.least_telling > 0.5).all()
    for n in (1, 50, 5000):
        assert even.certified(n)[1] >= odd.certified(n)[1] * 0.99
    # The worst P(R != H/2) that is allowed, by search.
    least = even.least_telling
    for n in (5, 100):
        grid = np.linspace(0, 1, 100_001)
        values = grid * (1 - grid / 12) ** n
        slow = np.mean([values[grid >= low].max() for low in least])
        assert predictions._worst_unseen(least, n, 12) == pytest.approx(slow, rel=1e-3)
