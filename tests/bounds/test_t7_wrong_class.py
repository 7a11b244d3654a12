"""T7d: a reward class that does not hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

import antiscale as ac
from antiscale.bounds import vb_upper_wrong_class, wrong_class_tolerance
from antiscale.certify import pessimist, truths

PLACE = {"horizon": 100.0, "n": 1000, "log_class_size": 5.0, "delta": 0.05}


def divergence(a: float, b: float) -> float:
    parts = [(a, b), (1 - a, 1 - b)]
    return sum(x * math.log(x / y) for x, y in parts if x > 0)


def test_the_tolerance_is_where_the_divergences_say() -> None:
    for bias in (1e-3, 1.0, 20.0):
        found = wrong_class_tolerance(bias=bias, **PLACE)
        spent = math.log(2 / 0.05) / 1000
        assert divergence(found.allowed / 100, bias / 100) == pytest.approx(spent, rel=1e-6)
        rivals = math.log(2 * (math.exp(5) - 1) / 0.05) / 1000
        assert divergence(found.allowed / 100, found.error / 100) == pytest.approx(rivals, rel=1e-6)
        assert bias < found.allowed < found.error


def test_where_the_class_holds_the_truth_it_is_t6a_and_t7b() -> None:
    found = wrong_class_tolerance(bias=0.0, **PLACE)
    assert found.allowed == 0.0
    # The rival agrees with n labels with chance (1 - e)^n: T6a without its last step.
    expected = 100 * (1 - ((math.exp(5) - 1) / 0.05) ** (-1 / 1000))
    assert float(found.error) == pytest.approx(expected, rel=1e-9)
    t6a = ac.bounds.verifier_error(n=1000, log_class_size=5.0, delta=0.05)
    assert 0.99 < float(found.error) / (100 * float(t6a)) <= 1
    bound = float(vb_upper_wrong_class(bias=0.0, kappa=0.25, max_ratio=1.5, **PLACE))
    assert bound == pytest.approx(1.5 * expected)


def test_the_tolerance_holds_its_digits_where_there_are_very_many_labels() -> None:
    # kl(b + x, b) = x^2/(2 b (1 - b)) up to a share x of it: x = 2.4e-9 here.
    b, n = 0.2, 1e18
    found = wrong_class_tolerance(1.0, b, n, math.log(2), 0.05)
    step = math.sqrt(2 * b * (1 - b) * math.log(2 / 0.05) / n)
    assert float(found.allowed) - b == pytest.approx(step, rel=1e-6)
    assert float(found.error - found.allowed) == pytest.approx(step, rel=1e-6)
    # Fewer labels than any tolerance below H needs: none is refused.
    assert wrong_class_tolerance(1.0, 0.9, 1, math.log(2), 0.05) == (1.0, 1.0)
    assert float(wrong_class_tolerance(1.0, 5e-324, 1000, math.log(2), 0.05).allowed) < 0.01


def test_a_single_member_has_no_rivals_and_no_data_no_bound() -> None:
    alone = PLACE | {"log_class_size": 0.0}
    assert float(wrong_class_tolerance(bias=2.0, **alone).error) == pytest.approx(2.0)
    blind = PLACE | {"n": 0}
    assert float(vb_upper_wrong_class(bias=2.0, kappa=0.25, **blind)) == 100.0


def test_the_distance_times_the_density_ratio_is_false() -> None:
    """The counterexample of paper_bounds.md: the learner goes where the class is wrong."""
    pmf, member, truth = np.array([1e-4, 1 - 1e-4]), np.array([1000.0, 500]), np.array([0.0, 500])
    played = pmf * ac.chi2_ball_optimum(pmf, member, 0.25).density_ratio
    best = ac.chi2_ball_optimum(pmf, truth, 0.25)
    loss = float(best.value - played @ truth)
    bias = float(pmf @ np.abs(member - truth))
    W = float(np.max(best.density_ratio))
    assert loss == pytest.approx(2.55, abs=5e-3)
    assert W * bias == pytest.approx(0.1, abs=1e-4)
    place = {"horizon": 1000, "n": 10**9, "log_class_size": 0.0, "delta": 0.05, "kappa": 0.25}
    bound = float(vb_upper_wrong_class(bias=bias, max_ratio=W, **place))
    assert loss < bound
    assert bound == pytest.approx(5.2, abs=0.05)


def test_the_root_is_sharp() -> None:
    ratios = []
    for light in (1e-3, 1e-6, 1e-9):
        pmf, kappa = np.array([light, 1 - light]), 0.25
        member, truth = np.array([1.0, 1 - 1e-6]), np.array([0.0, 1 - 1e-6])
        played = pmf * ac.chi2_ball_optimum(pmf, member, kappa).density_ratio
        loss = float(ac.chi2_ball_optimum(pmf, truth, kappa).value - played @ truth)
        ratios.append(loss / math.sqrt(kappa * light))
    assert ratios[-1] == pytest.approx(1, abs=1e-4)


def test_all_data_sets_of_a_class_of_two_lose_no_more(rng) -> None:
    ratios = []
    for _ in range(12):
        pmf, n, delta, kappa = rng.dirichlet(np.ones(3)), 5, 0.2, 10 ** rng.uniform(-1.5, 0.5)
        members = rng.uniform(0, 16, (2, 3))
        truth = members[0] + rng.normal(0, 0.3, 3)
        truth = np.clip(truth, 0, 16)
        bias = float((np.abs(members - truth) @ pmf).min())
        place = {"horizon": 16.0, "bias": bias, "n": n, "log_class_size": math.log(2)}
        allowed = float(wrong_class_tolerance(delta=delta, **place).allowed)
        counts = truths.count_vectors(n, 3)
        policies = pessimist.tolerant(pmf, members, truth, kappa, counts, allowed)
        if policies is None:
            continue
        best = float(ac.chi2_ball_optimum(pmf, truth, kappa).value)
        law = truths.law_of_counts(pmf[None], n)[0]
        lost = truths.quantile(law, best - policies @ truth, delta)
        bound = float(vb_upper_wrong_class(delta=delta, kappa=kappa, **place))
        assert lost <= bound
        ratios.append(lost / bound)
    assert len(ratios) >= 6


def test_bad_input_is_refused() -> None:
    for wrong in ({"delta": 0.0}, {"bias": -1.0}, {"n": np.nan}, {"log_class_size": -1.0}):
        with pytest.raises(ac.InputError):
            wrong_class_tolerance(**PLACE | {"bias": 1.0} | wrong)
    with pytest.raises(ac.InputError, match="max_ratio"):
        vb_upper_wrong_class(bias=1.0, kappa=0.25, max_ratio=0.5, **PLACE)
