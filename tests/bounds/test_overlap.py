"""The normal overlap (Berry and Esseen) against overlaps that are summed, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from antiscale import bounds
from antiscale.bounds import overlap, t4_cloning
from antiscale.bounds.t4_cloning import OVERLAPS
from tests.oracles_bounds import standardised

FIVE = np.full(5, 0.2), np.arange(5.0)
LIMIT = math.sqrt(2 / math.pi)


def pairs_of_two_values(rng, count: int):
    """Success probability q, its tilts g, and experts up to ten standard errors apart."""
    for _ in range(count):
        q, n = 10.0 ** rng.uniform(-5, -0.3), 10.0 ** rng.uniform(0, 7)
        g = np.array([-math.sqrt(q / (1 - q)), math.sqrt((1 - q) / q)])
        middle = rng.uniform(-1 / g[1], -1 / g[0])
        room = min(middle + 1 / g[1], -1 / g[0] - middle)
        half = min(10.0 ** rng.uniform(-2, 1) / math.sqrt(n), room * (1 - 1e-9))
        yield q, g, int(n), np.array([middle - half]), np.array([middle + half])


def of_two_values(q, g, n, low, high) -> float:
    return float(overlap.of_binomials(n, 1.0, q * (1 + low * g[1]), q * (1 + high * g[1]))[0])


def normal_of_two_values(q, g, n, low, high, rho=1.0) -> float:
    return float(overlap.normal(n, rho, np.array([1 - q, q]), g, low, high)[0])


def laws_that_can_be_listed(rng, count: int):
    """Laws of three or four values, two experts, and the law of all data sets under each."""
    for _ in range(count):
        size = int(rng.integers(3, 5))
        p, r = rng.dirichlet(np.full(size, rng.choice([0.3, 1.0, 5.0]))), rng.random(size)
        g, _ = standardised(p, r)
        n, rho = int(rng.integers(1, 25 if size == 4 else 60)), rng.choice([1.0, 0.5])
        low, high = np.sort(rng.uniform(-1 / g.max(), -1 / g.min(), (2, 1)), axis=0)
        laws = overlap.listed_laws(n, rho, p * (1 + np.stack([low, high]) * g))
        if laws is not None:
            yield p, g, n, rho, low, high, float(np.minimum(*laws).sum())


def test_the_normal_overlap_is_below_that_of_two_binomials(rng) -> None:
    found = []
    for case in pairs_of_two_values(rng, 1000):
        exact, normal = of_two_values(*case), normal_of_two_values(*case)
        assert normal <= exact + 1e-10
        q, _, n, *_ = case
        if n * q > 1e4:
            found.append(exact - normal)
    assert np.median(found) < 0.02  # not vacuous


def test_with_other_prompts_it_is_below_the_binomial_average(rng) -> None:
    for q, g, n, low, high in pairs_of_two_values(rng, 200):
        rho = float(10.0 ** rng.uniform(-2, 0))
        if n > 2000:
            continue
        k = np.arange(n + 1)
        weight = stats.binom.pmf(k, n, rho)
        exact = sum(
            w * of_two_values(q, g, int(i), low, high)
            for i, w in zip(k, weight, strict=True)
            if w > 1e-13
        )
        assert normal_of_two_values(q, g, n, low, high, rho) <= exact + 1e-9


def test_it_is_below_the_overlap_of_all_data_sets(rng) -> None:
    for p, g, n, rho, low, high, exact in laws_that_can_be_listed(rng, 40):
        assert overlap.normal(n, rho, p, g, low, high)[0] <= exact + 1e-10


def test_without_the_error_of_berry_and_esseen_it_would_not_be(rng, monkeypatch) -> None:
    monkeypatch.setattr(overlap, "BERRY_ESSEEN", (0.0, 0.0))
    crossed = [
        normal_of_two_values(*case) > of_two_values(*case) + 1e-6
        for case in pairs_of_two_values(rng, 200)
    ]
    assert np.mean(crossed) > 0.1


def test_terms_that_may_be_infinite_leave_it_out_and_alike_experts_overlap() -> None:
    """1 + t g = 0 at the least return; then the affinity stands alone."""
    p, r = FIVE
    g, _ = standardised(p, r)
    end = 1 / g.max()
    low, high = np.array([-end, 0.0, 0.1, -end]), np.array([0.0, end, 0.1, end])
    np.testing.assert_array_equal(
        overlap.normal(1000, 1.0, p, g, low, high), [-np.inf, -np.inf, 1.0, -np.inf]
    )
    for form in ("two_point", "many_point"):
        # All that theta may be, 0.7 of it a standard error: the ends are taken.
        place = {"n": 70, "prompt_mass": 0.95, "kappa": 4.0, "form": form}
        values = [bounds.vf_lower(p, r, overlap=o, **place) for o in ("averaged", "normal")]
        assert 0 < values[0] <= values[1]


def test_the_fraction_of_a_trace_counts_as_a_whole_one() -> None:
    p, r = FIVE
    g, _ = standardised(p, r)
    low, high = np.array([-0.02]), np.array([0.03])
    assert overlap.normal(1000.5, 1.0, p, g, low, high) == overlap.normal(
        1001, 1.0, p, g, low, high
    )


def test_who_sees_few_levels_tells_experts_apart_no_less_well(rng) -> None:
    for p, g, n, rho, low, high, exact in laws_that_can_be_listed(rng, 20):
        order = np.argsort(g)
        few, levels = t4_cloning._few_levels(p[order], g[order], 2)
        assert few @ levels == pytest.approx(0.0, abs=1e-12)
        laws = overlap.listed_laws(n, rho, few * (1 + np.stack([low, high]) * levels))
        assert np.minimum(*laws).sum() <= exact + 1e-10


@pytest.mark.parametrize("rho", [1.0, 0.25])
def test_for_five_values_the_constant_is_that_of_cloning(rho: float) -> None:
    """T4c tends to sqrt(2/pi): 3.5 per cent are the grid's, 6/sqrt(n rho) the error's."""
    p, r = FIVE
    _, sigma = standardised(p, r)
    for n in (10**4, 10**6, 10**8):
        root = math.sqrt(n * rho)
        value = (
            root
            / sigma
            * bounds.vf_lower(
                p, r, n, prompt_mass=rho, kappa=0.25, form="many_point", overlap="normal"
            )
        )
        assert LIMIT * (1 - 0.035 - 6 / root) < value < LIMIT


def test_for_many_values_levels_are_few_and_little_is_lost() -> None:
    p, r = np.full(200, 1 / 200), np.arange(200.0)
    _, sigma = standardised(p, r)
    place = {"kappa": 0.25, "form": "many_point"}
    value = bounds.vf_lower(p, r, 10**6, overlap="normal", **place)
    assert 0.93 * LIMIT < value * 1e3 / sigma < LIMIT
    assert value > 1.2 * bounds.vf_lower(p, r, 10**6, overlap="averaged", **place)


@pytest.mark.parametrize("n", [10**3, 10**5, 10**7])
def test_for_five_values_a_quarter_is_at_two_thirds_of_the_standard_error(n: int) -> None:
    """The error (0.56/sqrt(n) here) over the normal density at the quartile, 0.318."""
    p, r = FIVE
    _, sigma = standardised(p, r)
    place = {"chance": 0.25, "kappa": 0.25}
    value = bounds.vf_lower_in_probability(p, r, n, overlap="normal", **place)
    quartile = stats.norm.ppf(0.75)
    assert quartile - 2 / math.sqrt(n) < value * math.sqrt(n) / sigma < quartile
    assert value > bounds.vf_lower_in_probability(p, r, n, overlap="averaged", **place)


@pytest.mark.parametrize(("n", "rho"), [(1000, 1.0), (300, 0.5)])
def test_with_hundreds_of_traces_each_overlap_is_at_least_the_one_before(
    n: int, rho: float
) -> None:
    law = {"pmf": [0.7, 0.3], "returns": [0.0, 1.0], "kappa": 0.25, "prompt_mass": rho}
    for form in ("two_point", "many_point"):
        values = [bounds.vf_lower(n=n, form=form, overlap=o, **law) for o in OVERLAPS]
        assert values == sorted(values)
    values = [bounds.vf_lower_in_probability(n=n, chance=0.2, overlap=o, **law) for o in OVERLAPS]
    assert values == sorted(values)
    assert values[1] < values[2] < values[3]


def test_cloning_five_values_costs_what_the_bound_says() -> None:
    """SFT's worst exact risk over the ball is within five per cent of the bound at n = 10^6."""
    from antiscale.risks.exact import sft_mirror_risk

    p, r = FIVE
    n, widest = 10**6, bounds.largest_spread(p, r, 0.25)
    risks = [
        sft_mirror_risk(expert[None], r[None], n, np.ones(1), base=p[None]).value
        for expert in p + np.linspace(0, 1, 5)[:, None] * (widest.policy - p)
    ]
    bound = bounds.vf_lower_over_ball(p, r, n, kappa=0.25, overlap="normal")
    assert 1.0 < max(risks) / bound < 1.05
