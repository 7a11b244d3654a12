"""T2: the ball's optimum against a cone solver, fifty digits, and what must be true of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import antiscale as ac
from antiscale.ball import optimum
from tests.oracles_ball import by_cone_solver, by_enumeration, by_levels, padded, together


def instances(rng: np.random.Generator, count: int, *, least: float = 0.0, most: int = 12):
    """Pmfs even and very uneven, some with zeros; returns tied, negative, skewed, constant."""
    for k in range(count):
        size = int(rng.integers(1, most + 1))
        p = rng.dirichlet(np.full(size, (0.1, 1.0, 10.0)[k % 3]))
        if k % 4 == 0 and size > 2:
            p[rng.integers(0, size)] = 0.0
        p = np.where(p > 0, np.maximum(p, least), 0)
        p /= p.sum()
        r = (
            rng.integers(0, 4, size).astype(float),
            rng.normal(size=size) * 10,
            rng.integers(0, 4097, size).astype(float),
            -(rng.exponential(size=size) ** 3),
            np.full(size, rng.normal()),
        )[k % 5]
        kappa = 0.0 if k % 17 == 0 else float(10 ** rng.uniform(-4, 2))
        yield p, r, kappa


def solved(cases):
    """The optimum of each case, all in one call: sizes differ by types of mass zero."""
    p, r = together([(p, r) for p, r, _ in cases])
    kappas = np.array([kappa for *_, kappa in cases])
    found = [np.asarray(part) for part in ac.chi2_ball_optimum(p, r, kappas)]
    for i, (p, r, kappa) in enumerate(cases):
        one = ac.BallOptimum(*(part[i] for part in found))
        assert (one.density_ratio[len(p) :] == 0).all()
        yield p, r, kappa, one._replace(density_ratio=one.density_ratio[: len(p)])


def spread(p, r) -> float:
    inside = r[p > 0]
    return max(float(np.ptp(inside)), 1e-12)


def test_it_agrees_with_a_cone_solver_on_a_thousand_instances(rng) -> None:
    # Masses of at least a millionth: below that the solver, not the closed form, loses digits.
    cases = [
        (p, r, max(kappa, 1e-4))  # at 0 the ball has no interior, which the solver needs
        for p, r, kappa in instances(rng, 1000, least=1e-6)
    ]
    for p, r, kappa, found in solved(cases):
        assert float(found.value) == pytest.approx(
            by_cone_solver(p, r, kappa), abs=1e-6 * spread(p, r)
        )


def test_it_agrees_with_fifty_digits_to_a_trillionth_of_the_horizon(rng) -> None:
    horizon = 4096.0
    cases = [
        (p, r * horizon / spread(p, r) if spread(p, r) > 1e-12 else r, kappa)
        for p, r, kappa in instances(rng, 400)
    ]
    for p, r, kappa, found in solved(cases):
        value, ratio = by_enumeration(p, r, kappa)
        assert abs(float(value) - float(found.value)) <= 1e-12 * max(horizon, np.abs(r).max())
        ratio = np.array([float(x) for x in ratio])
        # Weighted: a ratio at a type of tiny mass may be large, and is worth its mass.
        np.testing.assert_allclose(p * found.density_ratio, p * ratio, atol=1e-9)


def test_the_policy_is_feasible_and_its_gap_certifies_it(rng) -> None:
    for p, r, kappa, found in solved(list(instances(rng, 400))):
        w = np.asarray(found.density_ratio)
        scale = max(np.abs(r[p > 0]).max(), 1e-12)
        assert (w >= 0).all()
        assert p @ w == pytest.approx(1, abs=1e-12)
        assert p @ (w - 1) ** 2 <= kappa * (1 + 1e-9) + 1e-12
        assert p @ (w * np.where(p > 0, r, 0)) == pytest.approx(
            float(found.value), abs=1e-11 * scale
        )
        assert -1e-12 * scale <= float(found.gap) <= 1e-7 * scale
        best, _ = by_enumeration(p, r, kappa)
        assert float(best) - float(found.value) <= float(found.gap) + 1e-12 * scale
        inside = p > 0
        if spread(p, r) > 1e-12 and kappa > 0:
            nu = float(found.threshold)
            above = r[inside] > nu + 1e-9 * scale
            below = r[inside] < nu - 1e-9 * scale
            assert (w[inside][above] > 0).all()
            assert (w[inside][below] == 0).all()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_types_of_mass_zero_change_nothing(rng, size: int) -> None:
    for _ in range(20):
        p, r = rng.dirichlet(np.ones(size)), rng.normal(size=size)
        kappa = float(10 ** rng.uniform(-4, 2))
        plain = ac.chi2_ball_optimum(p, r, kappa)
        more = ac.chi2_ball_optimum(*padded(p, r), kappa)
        for field in ("value", "threshold", "gap"):
            assert float(getattr(more, field)) == pytest.approx(
                float(getattr(plain, field)), rel=1e-9, abs=1e-12
            )
        np.testing.assert_allclose(more.density_ratio[:size], plain.density_ratio, rtol=1e-9)


def test_a_hand_sized_ball() -> None:
    # Fair coin, R in {0, 10}: J = 5, sigma = 5, so V = J + sigma sqrt(kappa) while w >= 0.
    found = ac.chi2_ball_optimum([0.5, 0.5], [0.0, 10.0], 0.25)
    assert float(found.value) == 7.5
    np.testing.assert_array_equal(found.density_ratio, [0.5, 1.5])
    assert float(found.threshold) == -5.0


def test_kappa_zero_keeps_the_base_policy() -> None:
    found = ac.chi2_ball_optimum([0.2, 0.3, 0.5, 0.0], [1.0, 2.0, 3.0, 9.0], 0.0)
    np.testing.assert_array_equal(found.density_ratio, [1, 1, 1, 0])
    assert float(found.value) == pytest.approx(2.3, rel=1e-15)
    assert float(found.gap) == 0.0


def test_tied_maxima_share_the_vertex_in_proportion() -> None:
    found = ac.chi2_ball_optimum([0.25, 0.25, 0.5], [7.0, 7.0, 1.0], 3.0)  # 1 + 3 > 1/0.5
    np.testing.assert_array_equal(found.density_ratio, [2.0, 2.0, 0.0])
    assert float(found.value) == 7.0
    assert float(found.threshold) == 1.0
    assert float(found.gap) == 0.0


@pytest.mark.parametrize("level", [0.0, -3.5, 1e6, 4096.0])
@pytest.mark.parametrize("kappa", [0.0, 0.25, 1e9, np.inf])
def test_constant_returns_leave_nothing_to_choose(level: float, kappa: float) -> None:
    found = ac.chi2_ball_optimum([0.3, 0.7], [level, level], kappa)
    assert float(found.value) == level
    np.testing.assert_allclose(found.density_ratio, [1.0, 1.0], rtol=1e-15)
    assert float(found.gap) == 0.0


def test_negative_returns_are_as_good_as_any() -> None:
    low = ac.chi2_ball_optimum([0.4, 0.6], [-10.0, -2.0], 0.1)
    high = ac.chi2_ball_optimum([0.4, 0.6], [0.0, 8.0], 0.1)
    assert float(low.value) == pytest.approx(float(high.value) - 10, rel=1e-15)


def test_a_large_common_offset_costs_no_digits(rng) -> None:
    p, r = rng.dirichlet(np.ones(50)), 2.0**-20 * rng.integers(0, 2**20, 50)  # exact sums
    small = ac.chi2_ball_optimum(p, r, 0.3)
    large = ac.chi2_ball_optimum(p, r + 1e6, 0.3)
    assert float(large.value - 1e6) == pytest.approx(float(small.value), abs=2e-10)
    np.testing.assert_allclose(large.density_ratio, small.density_ratio, rtol=1e-12)


@pytest.mark.parametrize("outside", [99.0, np.inf])
def test_a_maximum_outside_the_support_is_ignored(outside: float) -> None:
    found = ac.chi2_ball_optimum([0.5, 0.5, 0.0], [0.0, 10.0, outside], np.inf)
    assert float(found.value) == 10.0
    np.testing.assert_array_equal(found.density_ratio, [0.0, 2.0, 0.0])


def test_a_point_mass_stays_where_it_is() -> None:
    for kappa in (0.0, 0.5, np.inf):
        found = ac.chi2_ball_optimum([0.0, 1.0], [5.0, 3.0], kappa)
        assert float(found.value) == 3.0
        np.testing.assert_array_equal(found.density_ratio, [0.0, 1.0])


@pytest.mark.parametrize("kappa", [1e-300, 1e-18, 1e-12, 1e-6])
def test_tiny_budgets_move_by_sigma_root_kappa(kappa: float) -> None:
    p, r = np.array([0.1, 0.2, 0.7]), np.array([5.0, 1.0, 3.0])
    sigma = float(ac.heterogeneity(p, r))
    found = ac.chi2_ball_optimum(p, r, kappa)
    mean = float(ac.mean_return(p, r))
    assert float(found.value) == pytest.approx(mean + sigma * np.sqrt(kappa), rel=1e-15)
    tilt = np.asarray(found.density_ratio) - 1
    if kappa >= 1e-12:
        np.testing.assert_allclose(tilt, np.sqrt(kappa) * (r - mean) / sigma, rtol=1e-8)


@pytest.mark.parametrize("kappa", [1e6, 1e300, np.inf])
def test_huge_budgets_reach_the_best_type(kappa: float) -> None:
    found = ac.chi2_ball_optimum([1e-3, 0.999], [4.0, 0.0], kappa)
    assert float(found.value) == 4.0
    np.testing.assert_allclose(found.density_ratio, [1e3, 0.0])


def test_the_value_is_continuous_at_the_vertex() -> None:
    p, r = np.array([0.2, 0.3, 0.5]), np.array([10.0, 4.0, 0.0])
    edge = 1 / 0.2 - 1
    for step in (1e-3, 1e-6, 1e-9, 1e-12):
        below = ac.chi2_ball_optimum(p, r, edge * (1 - step))
        at = ac.chi2_ball_optimum(p, r, edge * (1 + step))
        assert float(at.value) == 10.0
        # At the vertex the value rises with infinite slope's inverse: error of order sqrt(step).
        assert 0 <= 10.0 - float(below.value) < 20 * np.sqrt(step)
        assert abs(float(below.gap)) < 1e-9


def test_single_precision_input_is_computed_in_double(rng) -> None:
    horizon = 4096.0
    for _ in range(50):
        p = rng.dirichlet(np.full(30, 0.3)).astype(np.float32)
        r = rng.integers(0, 4097, 30).astype(np.float32)
        found = ac.chi2_ball_optimum(p, r, np.float32(0.25))
        wide = p.astype(float) / p.astype(float).sum()
        assert found.value.dtype == jnp.float64
        assert float(found.value) == pytest.approx(
            float(by_enumeration(wide, r, 0.25)[0]), abs=1e-6 * horizon
        )


def test_a_million_types(rng) -> None:
    p = rng.exponential(size=10**6)
    p /= p.sum()
    r = rng.uniform(0, 4096, size=10**6)
    found = ac.chi2_ball_optimum(p, r, 2.0)
    assert float(found.value) == pytest.approx(by_levels(p, r, 2.0), rel=1e-11)
    assert 0 <= float(found.gap) < 1e-8


def test_the_cauchy_schwarz_bound_is_met_exactly_where_it_should_be(rng) -> None:
    for p, r, kappa, found in solved(list(instances(rng, 300))):
        law = padded(p, r)
        mean, sigma = float(ac.mean_return(*law)), float(ac.heterogeneity(*law))
        value = float(found.value)
        limit = mean + sigma * np.sqrt(kappa)
        scale = max(np.abs(r[p > 0]).max(), 1e-12)
        assert value <= limit + 1e-12 * scale
        if sigma > 1e-9 * scale:
            slack = 1 + np.sqrt(kappa) * (r[p > 0].min() - mean) / sigma
            if slack >= 1e-9:
                assert value == pytest.approx(limit, abs=1e-11 * scale)
            elif slack < -0.1 and kappa > 1e-3 and p[p > 0][r[p > 0].argmin()] > 0.01:
                assert value < limit - 1e-9 * scale


def test_batches_are_loops_and_arguments_broadcast(rng) -> None:
    p, r = rng.dirichlet(np.ones(6), (4, 3)), rng.normal(size=(4, 3, 6))
    kappa = rng.exponential(size=(4, 3))
    batch = ac.chi2_ball_optimum(p, r, kappa)
    for i in np.ndindex(4, 3):
        one = ac.chi2_ball_optimum(p[i], r[i], kappa[i])
        assert float(batch.value[i]) == pytest.approx(float(one.value), rel=1e-14)
        np.testing.assert_allclose(
            batch.density_ratio[i], one.density_ratio, rtol=1e-12, atol=1e-15
        )
    shared = ac.chi2_ball_optimum(p[0, 0], r[:, 0], kappa[:, 0])
    assert shared.value.shape == (4,)
    assert shared.density_ratio.shape == (4, 6)


def test_it_runs_inside_jit_and_vmap(rng) -> None:
    p, r = rng.dirichlet(np.ones(6), 5), rng.normal(size=(5, 6))
    plain = ac.chi2_ball_optimum(p, r, 0.3).value
    inside = jax.jit(lambda p, r: ac.chi2_ball_optimum(p, r, 0.3).value)(p, r)
    mapped = jax.vmap(lambda p, r: ac.chi2_ball_optimum(p, r, 0.3).value)(p, r)
    np.testing.assert_allclose(inside, plain, rtol=1e-14)
    np.testing.assert_allclose(mapped, plain, rtol=1e-14)


laws = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        st.lists(st.floats(1e-3, 1.0), min_size=size, max_size=size).map(np.array),
        st.lists(st.integers(-50, 50), min_size=size, max_size=size).map(
            lambda r: np.array(r, dtype=float)
        ),
    )
)
checked = settings(derandomize=True, max_examples=60, deadline=None)


@checked
@given(laws, st.floats(0, 5), st.floats(0.1, 10), st.floats(-100, 100))
def test_returns_may_be_relabelled_scaled_and_shifted(law, kappa, a, b) -> None:
    p, r = law[0] / law[0].sum(), law[1]
    value = float(ac.chi2_ball_optimum(*padded(p, r), kappa).value)
    moved = ac.chi2_ball_optimum(*padded(p[::-1], a * r[::-1] + b), kappa)
    assert float(moved.value) == pytest.approx(a * value + b, abs=1e-9 * (1 + abs(a) * 50 + abs(b)))


@checked
@given(laws, st.floats(0, 5), st.floats(0.01, 0.99))
def test_a_type_may_be_split_in_two(law, kappa, share) -> None:
    p, r = law[0] / law[0].sum(), law[1]
    whole = ac.chi2_ball_optimum(*padded(p, r), kappa)
    split = padded([*p[:-1], p[-1] * share, p[-1] * (1 - share)], [*r, r[-1]])
    parts = ac.chi2_ball_optimum(*split, kappa)
    assert float(parts.value) == pytest.approx(float(whole.value), abs=1e-9)


@checked
@given(laws, st.floats(0, 5), st.floats(0, 5))
def test_the_value_is_increasing_and_concave_in_kappa(law, low, high) -> None:
    p, r = law[0] / law[0].sum(), law[1]
    low, high = sorted((low, high))
    p, r = padded(p, r)
    value = ac.chi2_ball_optimum(p, r, [low, (low + high) / 2, high]).value
    assert float(value[0]) <= float(value[2]) + 1e-9
    assert float(value[1]) >= float(value[0] + value[2]) / 2 - 1e-9
    assert r[p > 0].max() >= float(value[2]) - 1e-9
    assert float(value[0]) >= float(ac.mean_return(p, r)) - 1e-9


# The average budget.


def test_the_average_budget_agrees_with_a_cone_solver(rng) -> None:
    cases = []
    for k in range(200):
        m, size = int(rng.integers(1, 5)), int(rng.integers(1, 7))
        p = rng.dirichlet(np.full(size, (0.3, 1.0)[k % 2]), m)
        r = (rng.normal(size=(m, size)), rng.integers(0, 3, (m, size)).astype(float))[k % 2]
        r = r * (rng.random((m, 1)) < 0.8)  # some prompts with nothing to gain
        rho = rng.dirichlet(np.ones(m))
        cases.append((p, r, float(10 ** rng.uniform(-3, 1.5)), rho))
    # One call for all: sizes differ by types and prompts of mass zero.
    pmf, returns, masses = np.zeros((200, 4, 6)), np.zeros((200, 4, 6)), np.zeros((200, 4))
    pmf[..., 0] = 1
    for k, (p, r, _, rho) in enumerate(cases):
        m, size = p.shape
        pmf[k, :m, :size], returns[k, :m, :size], masses[k, :m] = p, r, rho
    kappas = np.array([kappa for _, _, kappa, _ in cases])
    parts = map(np.asarray, ac.chi2_ball_optimum_average(pmf, returns, kappas, masses))
    solutions = map(ac.BallOptimum, *parts)
    for k, ((p, r, kappa, rho), found) in enumerate(zip(cases, solutions, strict=True)):
        w = found.density_ratio[: p.shape[0], : p.shape[1]]
        scale = max(np.ptp(r), 1e-3)
        assert float(found.value) == pytest.approx(
            by_cone_solver(p, r, kappa, rho), abs=2e-6 * scale
        )
        np.testing.assert_allclose((p * w).sum(-1), 1, atol=1e-12)
        assert rho @ (p * (w - 1) ** 2).sum(-1) <= kappa * (1 + 1e-9) + 1e-12
        assert -1e-12 * scale <= float(found.gap) <= 1e-7 * scale
        deviations = np.asarray(ac.heterogeneity(pmf[k], returns[k]))
        root_mean_square = np.sqrt(masses[k] @ deviations**2)
        mean = masses[k] @ np.asarray(ac.mean_return(pmf[k], returns[k]))
        assert float(found.value) <= mean + np.sqrt(kappa) * root_mean_square + 1e-12 * scale


def test_one_prompt_makes_both_budgets_one(rng) -> None:
    for p, r, kappa in instances(rng, 60):
        p, r = padded(p, r)
        one = ac.chi2_ball_optimum(p, r, kappa)
        average = ac.chi2_ball_optimum_average(p[None], r[None], kappa, [1.0])
        assert float(average.value) == pytest.approx(float(one.value), rel=1e-13)
        np.testing.assert_allclose(average.density_ratio[0], one.density_ratio, rtol=1e-12)


def test_the_average_budget_is_spent_where_there_is_more_to_gain() -> None:
    p, r = np.full((2, 2), 0.5), np.array([[0.0, 10.0], [0.0, 1.0]])
    found = ac.chi2_ball_optimum_average(p, r, 0.01, [0.5, 0.5])
    moved = np.asarray(((found.density_ratio - 1) ** 2 * p).sum(-1))
    assert moved[0] == pytest.approx(100 * moved[1], rel=1e-9)
    each = ac.chi2_ball_optimum(p, r, 0.01).value.mean()
    assert float(found.value) > float(each)


# Where floats are far apart: rare types, tiny budgets, large offsets.


@pytest.mark.parametrize(
    ("pmf", "returns", "kappa"),
    [
        ([1e-33, 1 - 1e-33], [100, 0], 1.0),
        ([1e-24, 1 - 1e-24], [100, 0], 1e9),
        ([1e-34, 0.5, 0.5], [4096, 10, 10], 0.25),
        ([1e-300, 0.3, 0.3, 0.4], [100, 50, 50, 50], 1.0),
        # The bulk of mass leaves, and a tied pair outweighs what is left.
        ([1e-300, 1e-10, 1e-10, 1 - 2e-10], [100, 50, 50, 0], 1e11),
        ([0.5, 0.5], [1e9, 1e9 + 5], 1e-300),
    ],
)
def test_a_rare_type_does_not_drop_the_bulk(pmf, returns, kappa) -> None:
    found = ac.chi2_ball_optimum(pmf, returns, kappa)
    value, ratio = by_enumeration(pmf, returns, kappa, digits=700)
    assert float(found.value) == pytest.approx(float(value), rel=1e-14)
    np.testing.assert_allclose(found.density_ratio, [float(x) for x in ratio], rtol=1e-12)
    assert 0 <= float(found.gap) <= 1e-12 * float(value)


def far_apart(rng: np.random.Generator, count: int):
    """Masses down to 1e-300, kappa from 1e-300 to 1e12, ties, offsets up to 1e9: [count, 6]."""
    pmf, returns, kappa = np.zeros((count, 6)), np.zeros((count, 6)), np.zeros(count)
    for i in range(count):
        size = int(rng.integers(2, 7))
        p = 10.0 ** -rng.uniform(0, (3, 40, 300)[i % 3], size)
        p[rng.integers(size)] = 1.0
        if rng.random() < 0.5:
            p[rng.integers(size)] = rng.random()
        p /= p.sum()
        r = (rng.integers(0, 4, size).astype(float), rng.normal(size=size) * 10,
             10.0 ** rng.uniform(-30, 3, size))[rng.integers(3)]  # fmt: skip
        pmf[i, :size], returns[i, :size] = p, r + rng.choice([0.0, 0.0, 1e3, 1e9, -1e6])
        kappa[i] = 10.0 ** rng.uniform(*((-300, 12), (-20, 12), (-2, 3))[rng.integers(3)])
        if rng.random() < 0.3:  # near some type's vertex
            kappa[i] = min(10 ** rng.uniform(-2, 2) / p[rng.integers(size)], 1e12)
    return pmf, returns, kappa


def test_masses_and_budgets_of_any_size_are_solved_and_certified(rng) -> None:
    pmf, returns, kappa = far_apart(rng, 300)
    found = ac.chi2_ball_optimum(pmf, returns, kappa)
    for i, (p, r, k) in enumerate(zip(pmf, returns, kappa, strict=True)):
        value, _ = by_enumeration(p, r, k, digits=700)
        # What the last digits of kappa are worth, of returns at the offset, of the gain.
        low, high = (by_enumeration(p, r, k * (1 + t), digits=700)[0] for t in (-2e-15, 2e-15))
        gain = abs(float(value - by_enumeration(p, r, 0.0, digits=700)[0]))
        room = abs(float(high - low)) + 2.0**-49 * np.abs(r[p > 0]).max() + 1e-13 * gain
        assert abs(float(float(found.value[i]) - value)) <= room, i
        assert 0 <= float(found.gap[i]) <= room, i


def test_a_certificate_that_is_none_is_refused(rng) -> None:
    best = ac.chi2_ball_optimum([0.5, 0.5], [0.0, 1.0], 0.25)
    for gap in (-1e-3, np.nan):
        with pytest.raises(ArithmeticError, match="not certified: duality gap"):
            optimum._checked(best._replace(gap=jnp.asarray(gap)))
    # A policy outside the ball has one.
    deviation = jnp.array([[-0.6, 0.6]])
    outside = optimum._gap(
        jnp.array([[0.5, 0.5]]), 1 + deviation, deviation, jnp.array([[-0.5, 0.5]]),
        jnp.array([[1.0]]), jnp.array([[0.25]]), jnp.array([[1.0]]),
    )  # fmt: skip
    assert float(outside[0, 0]) < -0.01


@pytest.mark.parametrize(
    ("pmf", "returns", "kappa", "words"),
    [
        ([0.5, 0.4], [0, 1], 1, "pmf must sum to 1 over its last axis; got a sum of 0.9"),
        ([1.5, -0.5], [0, 1], 1, "masses >= 0; got minimum -0.5"),
        ([0.5, np.nan], [0, 1], 1, "pmf contains NaN"),
        ([0.5, 0.5], [0, np.nan], 1, "returns contains NaN"),
        ([0.5, 0.5], [0, np.inf], 1, "returns must be finite wherever pmf is positive"),
        ([0.5, 0.5], [0, 1], -1, "kappa must be >= 0; got -1"),
        ([0.5, 0.5], [0, 1], np.nan, "kappa contains NaN"),
        ([0.5, 0.5], [0, 1, 2], 1, "must broadcast to one shape"),
        ([], [], 1, "at least one type"),
        (["a"], [1], 1, "pmf must be numeric"),
    ],
)
def test_bad_input_gets_one_clear_line(pmf, returns, kappa, words) -> None:
    with pytest.raises(ac.InputError, match=words) as error:
        ac.chi2_ball_optimum(pmf, returns, kappa)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kappa", [0.2, 0.25, 0.5, 1.0, 2.0, 9.0])
def test_at_the_vertex_radius_rounding_makes_no_nan(kappa: float) -> None:
    """1 + kappa = 1/P(R = max) to within a few units in the last place, from either side."""
    top = 1 / (1 + kappa)
    for step in range(-8, 9):
        mass = top * (1 + step * 2.0**-53)
        for pmf in ([mass, 1 - mass], [mass / 3, 1 - mass, mass * 2 / 3],
                    [mass, (1 - mass) / 2, (1 - mass) / 2]):  # fmt: skip
            returns = np.array([10.0, -10.0, 10.0 if pmf[1] == 1 - mass else -10.0])[: len(pmf)]
            best = ac.chi2_ball_optimum(pmf, returns, kappa)
            assert float(best.value) == pytest.approx(10.0, abs=1e-6)
            assert float(best.gap) <= 1e-6
            assert np.isfinite(best.density_ratio).all()
