"""The pessimist over a list of rewards against a cone solver and its own certificate."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import antiscale as ac
from tests.learners.test_learners import best_worst_case


def instance(rng, trial: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    size, count = int(rng.integers(2, 24)), int(rng.integers(2, 10))
    horizon = 2.0 ** rng.integers(4, 13)
    p = np.maximum(rng.dirichlet(np.full(size, rng.choice([0.2, 1.0, 5.0]))), 1e-6)
    returns = rng.integers(0, int(horizon) + 1, (count, size)).astype(float)
    if trial % 3 == 0:
        returns *= rng.random(returns.shape) < 0.3
    if trial % 4 == 0:
        returns = np.vstack([returns, horizon - returns])
    return p / p.sum(), returns, float(rng.choice([1e-3, 0.05, 0.25, 1.0, 5.0, 100.0])), horizon


def pessimist(p, returns, kappa, allowed=True):
    """The saddle point at one padded shape for all instances, so that it compiles once."""
    p, returns = np.array(p), np.array(returns)
    size, count = p.shape[-1], returns.shape[-2]
    padded, kept = np.zeros((20, 24)), np.zeros(20, dtype=bool)
    padded[:count, :size], kept[:count] = returns, allowed
    found = ac.chi2_ball_pessimist(np.append(p, np.zeros(24 - size)), padded, kappa, allowed=kept)
    assert (np.asarray(found.density_ratio)[size:] == 0).all()
    assert (np.asarray(found.mixture)[count:] == 0).all()
    return found._replace(density_ratio=found.density_ratio[:size], mixture=found.mixture[:count])


def test_the_saddle_point_is_the_cone_solvers(rng) -> None:
    for trial in range(40):
        p, returns, kappa, horizon = instance(rng, trial)
        found = pessimist(p, returns, kappa)
        expected = best_worst_case(p, returns / horizon, kappa) * horizon
        assert float(found.value) == pytest.approx(expected, abs=1e-6 * horizon)
        w = np.asarray(found.density_ratio)
        assert (w >= 0).all()
        assert p @ w == pytest.approx(1, abs=1e-12)
        assert p @ (w - 1) ** 2 <= kappa * (1 + 1e-9)
        assert (returns @ (p * w)).min() == pytest.approx(float(found.value), abs=1e-9 * horizon)


def test_the_certificate_is_t2_at_the_mixture(rng) -> None:
    for trial in range(40):
        p, returns, kappa, horizon = instance(rng, trial)
        found = pessimist(p, returns, kappa)
        q = np.asarray(found.mixture)
        assert q.sum() == pytest.approx(1)
        assert (q >= 0).all()
        upper = float(ac.chi2_ball_optimum(p, q @ returns, kappa).value)
        assert upper - float(found.value) == pytest.approx(float(found.gap), abs=1e-9 * horizon)
        assert -1e-9 * horizon <= found.gap <= 1e-4 * horizon


def test_easy_cases_are_exact(rng) -> None:
    p = rng.dirichlet(np.ones(5))
    r = rng.integers(0, 9, (3, 5)).astype(float)
    assert pessimist(p, r, 0.0).value == pytest.approx((r @ p).min())
    alone = pessimist(p, r, 0.5, allowed=[False, True, False])
    best = ac.chi2_ball_optimum(p, r[1], 0.5)
    np.testing.assert_allclose(alone.density_ratio, best.density_ratio)
    assert alone.gap == pytest.approx(0, abs=1e-12)
    # A reward and its mirror: nothing guarantees more than H/2, wherever J stands.
    both = pessimist([0.5, 0.5], [[0.0, 8.0], [8.0, 0.0]], 0.7)
    assert both.value == pytest.approx(4, abs=8e-7)  # 1e-7 of the range
    np.testing.assert_allclose(pessimist(p, np.full((2, 5), 3.0), 1.0).value, 3.0)
    # No ball at all: the value of a matrix game.
    game = pessimist([0.3, 0.3, 0.4], [[3.0, 0, 1], [0, 3.0, 1]], np.inf)
    assert game.value == pytest.approx(1.5, abs=1e-6)


def test_batches_are_loops_and_returns_may_be_shifted(rng) -> None:
    p = rng.dirichlet(np.ones(4), (3, 2))
    r = rng.integers(0, 17, (3, 2, 3, 4)).astype(float)
    allowed = np.array([True, True, False])
    found = ac.chi2_ball_pessimist(p, r, np.array([[0.1], [1.0], [9.0]]), allowed=allowed)
    for i, j in itertools.product(range(3), range(2)):
        one = pessimist(p[i, j], r[i, j, :2], [0.1, 1.0, 9.0][i])
        assert found.value[i, j] == pytest.approx(float(one.value), abs=1e-7)
        moved = pessimist(p[i, j], r[i, j, :2] + 1000, [0.1, 1.0, 9.0][i])
        assert moved.value == pytest.approx(float(one.value) + 1000, abs=1e-6)
    assert (np.asarray(found.mixture)[..., 2] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5, 0.6], [[1.0, 2.0]], 1.0), "pmf must sum to 1"),
        (([0.5, 0.5], [1.0, 2.0], 1.0), "returns must have shape"),
        (([0.5, 0.5], [[1.0, 2.0, 3.0]], 1.0), "do not fit together"),
        (([0.5, 0.5], [[1.0, np.inf]], 1.0), "must be finite"),
        (([0.5, 0.5], [[1.0, 2.0]], -1.0), "kappa must be"),
    ],
)
def test_bad_input_is_refused(arguments, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        ac.chi2_ball_pessimist(*arguments)
    with pytest.raises(ac.InputError, match="at least one reward"):
        ac.chi2_ball_pessimist([0.5, 0.5], [[1.0, 2.0]], 1.0, allowed=[False])


def test_the_learner_simple_plays_the_saddle_point_of_its_version_space(rng) -> None:
    model = ac.load_family("explicit", horizon=16, pmf=[[0.4, 0.3, 0.2, 0.1]] * 2,
                           hitting_times=[[1, 5, 9, np.inf]] * 2)  # fmt: skip
    table = rng.integers(1, 18, (5, 2, 4)).astype(float)
    rewards = ac.load_class("explicit", model, hitting_times=table, mirrors=False)
    assert rewards.members.shape == (6, 2, 4)
    for seen in ([0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 1]):
        mask = jnp.asarray(np.array([seen, seen], dtype=bool))
        policy = np.asarray(
            rewards.pessimal_policy(rewards.version(mask, jnp.asarray(model.returns)), 0.5)
        )
        for x in range(2):
            agree = [
                r for r in rewards.members[:, x]
                if all(r[j] == model.returns[x, j] for j in np.flatnonzero(seen))
            ]  # fmt: skip
            expected = best_worst_case(model.pmf[x], np.array(agree) / 16, 0.5) * 16
            assert (np.array(agree) @ policy[x]).min() == pytest.approx(expected, abs=2e-5)
