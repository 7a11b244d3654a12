"""T4 away from the base policy: at any expert (T4f), the largest spread (T4g), one reward (T4h)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

import antiscale as ac
from antiscale import bounds
from antiscale.bounds import t4_cloning, t4_spread


def drawn(rng, most: int = 7):
    """A law of the return with ties, small masses or a type of mass 0, and a radius."""
    size = int(rng.integers(2, most))
    pmf = rng.dirichlet(np.full(size, rng.choice([0.3, 1.0, 3.0])))
    if size > 3 and rng.random() < 0.3:
        pmf[rng.integers(size)] = 0.0
        pmf /= pmf.sum()
    returns = 100.0 * np.where(rng.random(size) < 0.3, rng.integers(0, 2, size), rng.random(size))
    return pmf, returns, float(10.0 ** rng.uniform(-3, 1.5))


def test_the_bounds_own_ball_is_the_learners(rng) -> None:
    for _ in range(100):
        pmf, rewards, kappa = drawn(rng)
        policy = t4_spread.best_policy(pmf, rewards, np.array([kappa]))
        value = float(ac.chi2_ball_optimum(pmf, rewards, kappa).value)
        assert policy @ rewards == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_the_largest_spread_is_attained_and_certified(rng) -> None:
    for _ in range(300):
        pmf, returns, kappa = drawn(rng)
        found = bounds.largest_spread(pmf, returns, kappa)
        policy, held = found.policy, pmf > 0
        assert policy.sum() == pytest.approx(1.0, abs=1e-12)
        assert policy.min() >= 0
        assert not policy[~held].any()
        assert (policy[held] ** 2 / pmf[held]).sum() - 1 <= kappa * (1 + 1e-9) + 1e-12
        spread = math.sqrt(max(policy @ returns**2 - (policy @ returns) ** 2, 0.0))
        assert spread == pytest.approx(found.value, rel=1e-7, abs=1e-5)
        assert 0 <= found.gap <= 1e-9 * (1 + found.value)
        assert found.value >= math.sqrt(pmf @ (returns - pmf @ returns) ** 2) * (1 - 1e-12)


@pytest.mark.parametrize("instances", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_the_largest_spread_is_that_of_a_direct_maximisation(rng, instances: int) -> None:
    """SLSQP on the variance, which is concave: to 1e-6."""
    for _ in range(instances):
        pmf, returns, kappa = drawn(rng)
        held = pmf > 0
        p, r = pmf[held], returns[held] / 100.0
        found = optimize.minimize(
            lambda q, r=r: (q @ r) ** 2 - q @ r**2,
            p,
            jac=lambda q, r=r: 2 * (q @ r) * r - r**2,
            bounds=[(0.0, 1.0)] * len(p),
            constraints=[
                {"type": "eq", "fun": lambda q: q.sum() - 1},
                {"type": "ineq", "fun": lambda q, p=p, k=kappa: k - ((q - p) ** 2 / p).sum()},
            ],
            method="SLSQP",
            options={"ftol": 1e-16, "maxiter": 1000},
        )
        direct = 100.0 * math.sqrt(max(-found.fun, 0.0))
        ours = float(bounds.largest_spread(pmf, returns, kappa).value)
        # SLSQP may stop short; what it finds may not be more, but for its own slack.
        assert direct <= ours * (1 + 1e-6) + 1e-6
        # A policy of the ball cannot have more, and ours is one: so the two agree where it ends.
        if found.success:
            assert direct >= ours * (1 - 1e-5) - 1e-4


def test_many_prompts_and_radii_at_once(rng) -> None:
    pmf, returns = rng.dirichlet(np.ones(5), 3), 100 * rng.random((3, 5))
    kappa = np.array([[0.0], [0.3], [np.inf]])
    found = bounds.largest_spread(pmf, returns, kappa)
    assert found.value.shape == (3, 3)
    assert found.policy.shape == (3, 3, 5)
    spread = np.sqrt((pmf * (returns - (pmf * returns).sum(-1, keepdims=True)) ** 2).sum(-1))
    np.testing.assert_allclose(found.value[0], spread)
    # With no ball at all: half on the best, half on the worst.
    np.testing.assert_allclose(found.value[2], np.ptp(returns, axis=-1) / 2)
    each = [bounds.largest_spread(p, r, 0.3).value for p, r in zip(pmf, returns, strict=True)]
    np.testing.assert_allclose(found.value[1], each, rtol=1e-12)
    assert float(bounds.largest_spread([1.0], [7.0], 1.0).value) == 0.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5, 0.4], [0, 1], 1.0), "pmf"),
        (([0.5, 0.5], [0, np.nan], 1.0), "returns"),
        (([0.5, 0.5], [0, 1], -1.0), "kappa"),
    ],
)
def test_what_the_largest_spread_cannot_use_is_refused(arguments, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        bounds.largest_spread(*arguments)


def test_at_the_base_policy_t4f_is_t4(rng) -> None:
    """Where the radius decides how far theta goes, the interval is symmetric."""
    pmf, returns = np.array([0.3, 0.4, 0.3]), np.array([10.0, 50.0, 80.0])
    for form in ("two_point", "many_point"):
        for overlap in ("affinity", "averaged", "normal", "exact"):
            place = {"kappa": 0.1, "prompt_mass": 0.5, "form": form, "overlap": overlap}
            at_base = bounds.vf_lower(pmf, returns, 12, **place)
            centred = bounds.vf_lower(pmf, returns, 12, centre=pmf, **place)
            assert centred == pytest.approx(at_base, rel=1e-12)
    # Elsewhere the interval is the longer, and so the bound no smaller.
    pmf, returns = np.array([0.99, 0.01]), np.array([0.0, 1.0])
    for n in (0, 3, 100):
        at_base = bounds.vf_lower(pmf, returns, n, kappa=4.0)
        assert bounds.vf_lower(pmf, returns, n, kappa=4.0, centre=pmf) >= at_base


def test_without_data_the_bound_is_half_the_interval() -> None:
    """At q = .25 on the ball's boundary experts go down to q = 0: half the distance is .125."""
    value = bounds.vf_lower(
        [0.9, 0.1], [0.0, 100.0], 0, kappa=0.25, form="two_point", centre=[0.75, 0.25]
    )
    assert value == pytest.approx(12.5, rel=1e-9)


@pytest.mark.parametrize(("p", "many", "two"), [(0.1, 1.35, 1.438), (0.01, 2.16, 2.357)])
def test_a_better_centre_gains_what_the_document_says(p: float, many: float, two: float) -> None:
    pmf, returns = np.array([1 - p, p]), np.array([0.0, 1.0])
    widest = bounds.largest_spread(pmf, returns, 0.25).policy
    assert widest[1] == pytest.approx(p + math.sqrt(0.25 * p * (1 - p)))
    centres = pmf + np.linspace(0, 1, 21)[:, None] * (widest - pmf)
    for form, gain in (("many_point", many), ("two_point", two)):
        at_base = bounds.vf_lower(pmf, returns, 10**4, kappa=0.25, form=form)
        best = bounds.vf_lower(pmf, returns, 10**4, kappa=0.25, form=form, centre=centres).max()
        assert best / at_base == pytest.approx(gain, abs=0.002)


@pytest.mark.parametrize("place", [0.5, 1.0])
def test_at_any_centre_the_constants_are_those_of_t4(place: float) -> None:
    """0.62854 by affinity for large n, with sigma_c; also where theta has one sign only."""
    pmf, returns = np.array([0.6, 0.3, 0.1]), np.array([0.0, 30.0, 100.0])
    widest = bounds.largest_spread(pmf, returns, 0.25)
    centre = pmf + place * (widest.policy - pmf)
    sigma = math.sqrt(centre @ (returns - centre @ returns) ** 2)
    n = 1e10
    value = bounds.vf_lower(pmf, returns, n, kappa=0.25, form="many_point", centre=centre)
    assert value * math.sqrt(n) / sigma == pytest.approx(0.62854 * (1 - 0.02), rel=0.015)


def test_cloning_pays_the_largest_spread() -> None:
    """SFT's worst exact risk over the ball tends to sqrt(2/pi) sigma_max/sqrt(n)."""
    pmf, returns = np.array([0.99, 0.01]), np.array([0.0, 1.0])
    widest = bounds.largest_spread(pmf, returns, 0.25)
    chances = np.linspace(0.01, widest.policy[1], 200)
    ratios = []
    for n in (10, 1000, 10**6):
        k = np.arange(n + 1) if n < 10**5 else np.arange(40_000, 80_000)
        law = stats.binom.pmf(k[:, None], n, chances[None, ::40] if n > 10**5 else chances)
        at = chances[::40] if n > 10**5 else chances
        if n > 10**5:
            at = np.append(at, chances[-1])
            law = stats.binom.pmf(k[:, None], n, at)
        worst = (law * np.abs(k[:, None] / n - at)).sum(0).max()
        ratios.append(worst / (math.sqrt(2 / math.pi) * widest.value / math.sqrt(n)))
    assert ratios[0] == pytest.approx(1.079, abs=0.001)
    assert ratios[0] > ratios[1] > 1.0
    assert ratios[2] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("centre", "words"),
    [
        ([0.5, 0.5], "centre must lie in the ball.*got 1.77"),
        ([0.5, 0.6], "centre"),
        ([np.nan, 1.0], "centre"),
    ],
)
def test_a_centre_outside_the_ball_is_refused(centre, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        bounds.vf_lower([0.9, 0.1], [0.0, 100.0], 10, kappa=0.25, centre=centre)
    with pytest.raises(ac.InputError, match="the base policy never takes"):
        bounds.vf_lower([1.0, 0.0], [0.0, 100.0], 10, centre=[0.9, 0.1])


def test_at_a_fixed_reward_a_linear_program_over_learners_attains_half_the_overlap() -> None:
    """Over randomised tests of the count: the least average of the two probabilities."""
    for q, n, eps in ((0.5, 10, 0.2), (0.3, 7, 0.4), (0.05, 20, 0.2)):
        shift = eps * math.sqrt(q * (1 - q))
        up, down = (stats.binom.pmf(np.arange(n + 1), n, q + s) for s in (shift, -shift))
        # phi(k): the chance that D <= 0 at the count k; else D > 0, and then the other event holds.
        found = optimize.linprog((up - down) / 2, bounds=[(0, 1)] * (n + 1), method="highs")
        least = found.fun + 0.5
        value = bounds.vf_lower_in_probability(
            [1 - q, q], [0.0, 1.0], n, chance=least * (1 - 1e-9), overlap="exact"
        )
        assert value == pytest.approx(shift, rel=1e-6)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_a_quarter_at_two_thirds_of_the_standard_error(n: int) -> None:
    """Eps sqrt(n) = .674 for large n: the upper quartile of the normal law."""
    value = bounds.vf_lower_in_probability(
        [0.5, 0.5], [0.0, 1.0], n, chance=0.25, overlap="exact", kappa=1.0
    )
    assert value * 2 * math.sqrt(n) == pytest.approx(stats.norm.ppf(0.75), rel=0.2 / n)
    for overlap in ("affinity", "averaged", "normal"):
        less = bounds.vf_lower_in_probability(
            [0.5, 0.5], [0.0, 1.0], n, chance=0.25, overlap=overlap, kappa=1.0
        )
        assert 0 < less < value


def test_the_clone_of_a_better_expert_is_no_better_than_the_base_policy_that_often() -> None:
    """The clone under both pairs, exactly: one of them reaches the probability."""
    pmf, returns, n = np.array([0.3, 0.4, 0.3]), np.array([10.0, 50.0, 80.0]), 8
    sigma = math.sqrt(pmf @ (returns - pmf @ returns) ** 2)
    g = (returns - pmf @ returns) / sigma
    counts = np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)])
    clone = counts @ returns / n - pmf @ returns
    for chance in (0.1, 0.25, 0.4):
        eps = (
            bounds.vf_lower_in_probability(
                pmf, returns, n, chance=chance, overlap="exact", kappa=1.0
            )
            / sigma
        )
        up, down = (stats.multinomial.pmf(counts, n, pmf * (1 + s * eps * g)) for s in (1, -1))
        assert max(up[clone <= 1e-9].sum(), down[clone >= -1e-9].sum()) >= chance * (1 - 1e-9)


@pytest.mark.parametrize("instances", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_tiny_masses_and_large_radii_keep_their_digits(rng, instances: int) -> None:
    """The heavy type's reward would cancel, were returns measured from the best one."""
    for _ in range(instances):
        size = int(rng.integers(2, 5))
        tail = rng.dirichlet(np.ones(size - 1)) * 10.0 ** rng.uniform(-16, -1)
        pmf = np.array([1 - tail.sum(), *tail])
        returns, kappa = 100 * rng.random(size), float(10.0 ** rng.uniform(-3, 14))
        found = bounds.largest_spread(pmf, returns, kappa)
        assert found.policy.sum() == pytest.approx(1.0, abs=1e-14)
        assert ((found.policy - pmf) ** 2 / pmf).sum() <= kappa * (1 + 1e-9)
        # All centres are policies of the ball, so that none is refused.
        assert bounds.vf_lower_over_ball(pmf, returns, 3, kappa=kappa) > 0
    # Two types: the success probability of the ball that is nearest to one half.
    q, kappa = 2.0477e-15, 7.96e13
    p = min(q + math.sqrt(kappa * q * (1 - q)), 0.5)
    value = float(bounds.largest_spread([1 - q, q], [0.0, 1.0], kappa).value)
    assert value == pytest.approx(math.sqrt(p * (1 - p)), rel=1e-9)


@pytest.mark.parametrize("kappa", [0.0, 1e-20, 1e-16, 1e-12, 1e-8])
def test_in_a_tiny_ball_experts_stay_in_it(rng, kappa: float) -> None:
    """Without data two points cost at most sigma sqrt(kappa), to first order in kappa."""
    for _ in range(40):
        pmf, returns, _ = drawn(rng)
        sigma = math.sqrt(max(pmf @ (returns - pmf @ returns) ** 2, 0.0))
        most = sigma * math.sqrt(kappa) * (1 + 1e-6 + 10 * math.sqrt(kappa))
        for value in (
            bounds.vf_lower(pmf, returns, 0, kappa=kappa, form="two_point", centre=pmf),
            bounds.vf_lower_over_ball(pmf, returns, 0, kappa=kappa, form="two_point"),
        ):
            assert 0 <= value <= most + 1e-13
    with pytest.raises(ac.InputError, match="centre must lie in the ball"):
        bounds.vf_lower([0.5, 0.5], [0.0, 100.0], 0, kappa=kappa / 2, centre=[0.501, 0.499])


def test_where_a_centre_leaves_no_room_the_bound_is_zero() -> None:
    """On the boundary with E_b[w_c^2 g] = 0: the widest expert of a symmetric law."""
    pmf, returns = np.full(3, 1 / 3), np.array([0.0, 50.0, 100.0])
    law = {"pmf": pmf, "returns": returns, "n": 10**6, "kappa": 0.5}
    assert bounds.vf_lower(centre=[0.5, 0.0, 0.5], **law) <= 1e-6
    widest = bounds.largest_spread(pmf, returns, 0.5)
    np.testing.assert_allclose(widest.policy, [0.5, 0.0, 0.5], atol=1e-7)
    limit = 0.62854 * widest.value / 1e3
    assert 0.9 * limit < bounds.vf_lower_over_ball(**law) < limit


def test_a_return_that_does_not_vary_costs_nothing() -> None:
    for overlap in ("affinity", "averaged", "normal", "exact"):
        for pmf, returns in ((np.full(10, 0.1), np.full(10, 7.0)), ([1 / 7] * 7, [1e15] * 7)):
            place = {"kappa": 1.0, "overlap": overlap}
            assert bounds.vf_lower(pmf, returns, 0, **place) == 0.0
            assert bounds.vf_lower_over_ball(pmf, returns, 3, **place) == 0.0


def test_pairs_beyond_the_work_allowed_make_the_grid_coarser_and_the_bound_no_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Far from this centre five traces tell experts apart much less well than at it."""
    law = {"pmf": [1 - 1e-4, 1e-4], "returns": [0.0, 1.0], "n": 5, "kappa": 9000.0}
    law |= {"centre": [1 - 1e-6, 1e-6], "overlap": "exact", "form": "many_point"}
    values = []
    for pairs in (2e2, 2e3, 2e4):
        monkeypatch.setattr(t4_cloning, "_EXACT_PAIRS", pairs)
        values.append(float(bounds.vf_lower(**law)))
    assert 0.8 * values[-1] < values[0] <= values[1] * 1.001 <= values[2] * 1.002
    # No learner of one line can be held to more than half of its length.
    assert values[-1] < 0.5 * (1e-4 + math.sqrt(9000 * 1e-4 * (1 - 1e-4)))


@pytest.mark.parametrize("light", [1e-6, 1e-9, 4e-12])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_near_a_vertex_the_interval_of_experts_keeps_its_digits(light: float, order: slice) -> None:
    """Without data T4a is half the range of J over the ball's line, wherever the centre lies."""
    pmf, returns = np.array([0.7, 0.3])[order], np.array([3.0, 10.0])[order]
    for centre in ([light, 1 - light], [1 - light, light]):
        value = bounds.vf_lower(pmf, returns, 0, kappa=40, form="two_point", centre=centre)
        assert float(value) == pytest.approx(3.5, rel=1e-12)
