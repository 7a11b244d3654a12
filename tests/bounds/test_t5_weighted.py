"""T5d and T5e: weighted cloning against exact sums and against its own learner."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale import bounds
from antiscale.bounds.t5_weighted import _tilt
from antiscale.learners import Data, Setting, load_learner
from tests.oracles_bounds import count_vectors, law_of_counts


def losses(p, r, kappa: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every data set [N, S], and what the ball around its law loses to r and to the mirror."""
    counts = count_vectors(n, len(p))
    at_r, at_mirror = (
        np.asarray(ac.chi2_ball_optimum(p, goal, kappa).value)
        - np.asarray(ac.chi2_ball_optimum(counts / n, goal, kappa).value)
        for goal in (r, -r)
    )
    return counts, at_r, at_mirror


def instances(rng, count: int):
    for _ in range(count):
        yield rng.dirichlet(np.full(3, 0.8)), rng.uniform(0, 10, 3), 10 ** rng.uniform(-2, 0.7)


def test_the_loss_lies_between_the_bounds(rng) -> None:
    lower, upper = [], []
    for (p, r, kappa), n in itertools.product(instances(rng, 8), (1, 3, 9)):
        counts, at_r, at_mirror = losses(p, r, kappa, n)
        law = law_of_counts(p[None], counts)[0]
        exact = float(law @ np.maximum(at_r, at_mirror))
        low, high = (
            float(f(p, r, n, kappa=kappa)) for f in (bounds.weighted_lower, bounds.weighted_upper)
        )
        assert low <= exact * (1 + 1e-9) <= high * (1 + 1e-9)
        lower.append(low / exact)
        upper.append(exact / high)
    assert np.median(lower) > 0.3  # not vacuous
    assert np.median(upper) > 0.1


def test_at_every_data_set_the_loss_is_at_least_minus_the_mean_of_the_derivative(rng) -> None:
    for p, r, kappa in instances(rng, 12):
        _, at_r, at_mirror = losses(p, r, kappa, 6)
        for goal, loss in ((r, at_r), (-r, at_mirror)):
            slope = _tilt(p, goal, np.array([kappa])).slope
            assert (loss + count_vectors(6, len(p)) / 6 @ slope).min() > -1e-9


def test_the_derivative_is_that_of_the_balls_value(rng) -> None:
    slope_of = jax.grad(lambda q, r, kappa: ac.chi2_ball_optimum(q, r, kappa).value)
    for p, r, kappa in instances(rng, 12):
        expected = np.asarray(slope_of(jnp.asarray(p), jnp.asarray(r), kappa))
        found = _tilt(p, r, np.array([kappa])).slope
        np.testing.assert_allclose(found, expected - p @ expected, atol=1e-9)


def test_for_two_values_the_limit_is_the_constant() -> None:
    # Around a frequency f the ball holds the chances f +- sqrt(kappa f (1 - f)).
    q, kappa, n = 0.3, 0.25, 10**6
    k = np.arange(int(n * q) - 6000, int(n * q) + 6001)
    seen, law = k / n, stats.binom(n, q).pmf(k)

    def reach(f):
        return np.sqrt(kappa * f * (1 - f))

    up = q + reach(q) - seen - reach(seen)
    down = seen - reach(seen) - q + reach(q)
    exact = float(law @ np.maximum(up, down))
    bound = float(bounds.weighted_lower([1 - q, q], [0, 1], n, kappa=kappa))
    assert bound <= exact
    assert exact / bound == pytest.approx(1, abs=2e-3)
    # phi - phibar = 2 (R - J) here, of standard deviation 2 sigma.
    limit = 2 * math.sqrt(q * (1 - q)) / math.sqrt(2 * math.pi * n)
    assert exact == pytest.approx(limit, rel=1e-3)


def test_as_kappa_vanishes_it_is_cloning_of_the_base_policy() -> None:
    p, r = [0.2, 0.5, 0.3], [0.0, 4.0, 9.0]
    sigma = float(ac.heterogeneity(p, r))
    for kappa in (0.0, 1e-12):
        found = bounds.weighted_upper(p, r, 10**9, kappa=kappa)
        assert float(found) == pytest.approx(float(bounds.sft_upper(sigma, 10**9)), rel=1e-3)
        low = float(bounds.weighted_lower(p, r, 10**9, kappa=kappa))
        assert low == pytest.approx(math.sqrt(2 / math.pi) * sigma / math.sqrt(1e9), rel=1e-3)


def test_prompts_count_by_their_share() -> None:
    p, r = [0.2, 0.5, 0.3], [0.0, 4.0, 9.0]
    gain = max(
        float(ac.chi2_ball_optimum(p, goal, 0.25).value - np.dot(p, goal))
        for goal in (np.array(r), -np.array(r))
    )
    for bound in (bounds.weighted_lower, bounds.weighted_upper):
        assert float(bound(p, r, 0, prompt_mass=0.3)) == pytest.approx(gain)
        assert float(bound(p, r, 50, prompt_mass=0.0)) == pytest.approx(gain)
        many = bound(p, r, [10, 1000], prompt_mass=[[1.0], [0.1]], kappa=0.25)
        assert many.shape == (2, 2)
        assert (np.diff(many, axis=-1) < 0).all()


def test_at_the_vertex_nothing_is_lost_where_a_best_trace_was_seen() -> None:
    # A ball that holds every policy: the learner plays the best type that it saw.
    exact = 0.5 * (0.5**4 * 2)
    assert float(bounds.weighted_upper([0.5, 0.5], [0, 1], 4, kappa=2.0)) >= exact
    assert float(bounds.weighted_lower([0.5, 0.5], [0, 1], 4, kappa=2.0)) == 0.0


@pytest.mark.parametrize("name", ["kappa", "n", "prompt_mass"])
def test_bad_input_is_refused(name: str) -> None:
    with pytest.raises(ac.InputError, match=name):
        bounds.weighted_lower(**{"pmf": [0.5, 0.5], "returns": [0, 1], "n": 3} | {name: -1.0})
    with pytest.raises(ac.InputError, match=name):
        bounds.weighted_upper(**{"pmf": [0.5, 0.5], "returns": [0, 1], "n": 3} | {name: np.nan})


def test_where_no_weight_vanishes_the_slopes_differ_by_twice_the_return(rng) -> None:
    p, r = np.array([0.3, 0.4, 0.3]), np.array([0.0, 2.0, 3.0])
    for kappa in (1e-6, 0.05, 0.4):
        up, down = (_tilt(p, goal, np.array([kappa])) for goal in (r, -r))
        assert min(up.ratio.min(), down.ratio.min()) > 0
        np.testing.assert_allclose(up.slope - down.slope, 2 * (r - p @ r), atol=1e-12)


def test_at_the_edge_of_the_vertex_the_mean_loss_is_of_order_one_over_root_n() -> None:
    """The remark of T5d: at one reward, with q = P(R = M) = 1/(1 + kappa)."""
    q, n = 0.3, 10**6
    seen = np.arange(n + 1) / n
    value = np.where(seen >= q, 1.0, seen + np.sqrt((1 / q - 1) * seen * (1 - seen)))
    mean = float(stats.binom(n, q).pmf(np.arange(n + 1)) @ (1 - value))
    limit = math.sqrt(q * (1 - q) / (2 * math.pi)) / (2 * q)
    assert math.sqrt(n) * mean == pytest.approx(limit, rel=2e-3)


def test_weights_fixed_beforehand_are_a_self_normalised_mean(rng) -> None:
    """The remark of T5d: the bound on E|L|, and the sign of E L where w does not fall with R."""
    for _ in range(10):
        p, r = rng.dirichlet(np.ones(3)), np.sort(rng.uniform(0, 10, 3))
        # A filter has weights of zero; where all are, the base policy is played.
        w = np.sort(rng.uniform(0.2, 2.0, 3)) * (np.arange(3) >= rng.integers(3))
        w /= p @ w
        value = p @ (w * r)
        tau, spread = np.sqrt(p @ (w * (r - value)) ** 2), np.sqrt(p @ (w - 1) ** 2)
        for n in (1, 4, 12):
            counts = count_vectors(n, 3)
            law = law_of_counts(p[None], counts)[0]
            weight = counts @ w
            mean = (counts * w) @ r / np.where(weight > 0, weight, 1.0)
            loss = value - np.where(weight > 0, mean, p @ r)
            most = tau / math.sqrt(n) + 2 * tau * spread / n
            most += np.ptp(r) * math.exp(-n / (8 * (p @ w**2)))
            assert float(law @ np.abs(loss)) <= most
            assert float(law @ loss) >= -1e-12


def test_the_learner_is_the_ball_around_its_own_samples(rng) -> None:
    model = ac.load_family("explicit", horizon=9, pmf=[[0.5, 0.3, 0.2, 0.0]] * 2,
                           hitting_times=[[1, 4, np.inf, 2]] * 2)  # fmt: skip
    setting = Setting(jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), 9.0, 0.25,
                      ac.load_class("mirror", model))  # fmt: skip
    counts = np.array([[5.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    labels = np.where(counts > 0, model.returns, 0.0)
    policy = load_learner("weighted")(Data(jnp.asarray(counts), jnp.asarray(labels)), setting)
    best = ac.chi2_ball_optimum(counts[0] / 10, model.returns[0], 0.25)
    np.testing.assert_allclose(policy[0], counts[0] / 10 * best.density_ratio, rtol=1e-12)
    np.testing.assert_array_equal(policy[1], model.pmf[1])


def test_a_sweep_holds_it_to_its_bound_for_mirrors_alone() -> None:
    from antiscale.sweeps.case import Case

    for rewards, noise, words in (
        ("mirror", 0.0, None), ("mirror", 0.1, "clean labels"), ("styles", 0.0, "its mirror alone"),
    ):  # fmt: skip
        config = ac.SweepConfig(reward_class=rewards, learner=["weighted"], noise=noise)
        case = Case.of(config, 32, 64, noise)
        bound = case.learners["vb"].upper(case, "class")
        if words is None:
            assert bound.name == "T5e"
            assert bound.value is not None
        else:
            assert words in str(bound.reason)
