"""T1 and T3: heterogeneity, anti-concentration, coverage, sharpness."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import antiscale as ac


def laws(rng, count: int):
    for k in range(count):
        size = int(rng.integers(2, 9))
        p = rng.dirichlet(np.full(size, (1.0, 0.2)[k % 2]))
        r = (rng.integers(0, 9, size).astype(float), rng.exponential(size=size) ** 2)[k % 2]
        if np.ptp(r) > 0:
            yield p, r


def test_heterogeneity_is_the_standard_deviation() -> None:
    assert float(ac.heterogeneity([0.5, 0.5], [0.0, 10.0])) == 5.0
    assert float(ac.heterogeneity([0.2, 0.8], [3.0, 3.0])) == 0.0
    assert float(ac.heterogeneity([0.5, 0.5, 0.0], [0.0, 10.0, np.inf])) == 5.0
    found = ac.heterogeneity([[0.5, 0.5], [1.0, 0.0]], [[0.0, 2.0], [7.0, 9.0]])
    np.testing.assert_array_equal(found, [1.0, 0.0])


def test_a_large_common_offset_costs_no_digits() -> None:
    p, r = np.array([0.25, 0.5, 0.25]), np.array([0.0, 0.5, 1.0])
    assert float(ac.heterogeneity(p, r + 1e6)) == pytest.approx(
        float(ac.heterogeneity(p, r)), rel=1e-15
    )


def test_heterogeneity_is_the_sum_of_q_variances_on_a_token_chain(rng) -> None:
    # A random policy over three tokens, five steps; the prompt is solved at a random prefix.
    tokens, horizon = 3, 5
    policy: dict[tuple[int, ...], np.ndarray] = {}
    solves: dict[tuple[int, ...], bool] = {}
    for h in range(horizon + 1):
        for prefix in itertools.product(range(tokens), repeat=h):
            policy[prefix] = rng.dirichlet(np.ones(tokens))
            solves[prefix] = h > 0 and rng.random() < 0.2

    def reward_to_go(prefix: tuple[int, ...], solved: bool) -> tuple[float, float]:
        """(V, expected Q-variance of this step and all later ones) by dynamic programming."""
        if len(prefix) == horizon:
            return 0.0, 0.0
        values, later = [], []
        for token in range(tokens):
            after = (*prefix, token)
            now = solved or solves[after]
            value, variance = reward_to_go(after, now)
            values.append(float(now) + value)
            later.append(variance)
        p = policy[prefix]
        mean = p @ values
        return mean, p @ (np.array(values) - mean) ** 2 + p @ later

    mean, variance = reward_to_go((), False)
    masses, times = [], []
    for trace in itertools.product(range(tokens), repeat=horizon):
        masses.append(math.prod(policy[trace[:h]][trace[h]] for h in range(horizon)))
        hits = [h for h in range(1, horizon + 1) if solves[trace[:h]]]
        times.append(min(hits, default=math.inf))
    returns = ac.bilevel_return(horizon, times)
    assert float(ac.mean_return(masses, returns)) == pytest.approx(mean, rel=1e-12)
    assert float(ac.heterogeneity(masses, returns)) ** 2 == pytest.approx(variance, rel=1e-12)


def test_anticoncentration_counts_ties() -> None:
    # J = 5, sigma = 5: the level at eps = 1 is exactly 10, which one type reaches.
    assert float(ac.anticoncentration([0.5, 0.5], [0.0, 10.0], 1.0)) == 0.5
    assert float(ac.anticoncentration([0.5, 0.5], [0.0, 10.0], 1.01)) == 0.0
    assert float(ac.anticoncentration([0.5, 0.5], [0.0, 10.0], 0.0)) == 0.5
    third = np.full(3, 1 / 3)
    # The mean of these is not a float, and the middle type must still reach it.
    assert float(ac.anticoncentration(third, [0.0, 0.1, 0.2], 0.0)) == pytest.approx(2 / 3)


def test_cantelli_and_its_two_point_equality(rng) -> None:
    for p, r in laws(rng, 200):
        for eps in (0.0, 0.25, 1.0, 4.0):
            assert float(ac.anticoncentration(p, r, eps)) <= 1 / (1 + eps) + 1e-12
    for eps in (0.25, 1.0, 3.0):  # mass 1/(1+eps) at one point meets it
        p = [1 / (1 + eps), eps / (1 + eps)]
        assert float(ac.anticoncentration(p, [1.0, 0.0], eps)) == pytest.approx(1 / (1 + eps))


def test_some_mass_lies_above_the_mean(rng) -> None:
    for p, r in laws(rng, 200):
        centred = r - p @ r
        above = p[centred > 1e-12].sum()
        absolute = p @ np.abs(centred)
        upper = p @ np.maximum(centred, 0) ** 2
        sharp = absolute**2 / (4 * upper)
        assert above >= sharp - 1e-9  # the two agree where one type lies below
        assert sharp >= absolute**2 / (4 * float(ac.heterogeneity(p, r)) ** 2) - 1e-9


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_sums_of_bits_are_not_sharp(rng, steps: int) -> None:
    bits = np.array(list(itertools.product([0, 1], repeat=steps)))
    p = np.full(len(bits), 2.0**-steps)
    limit = math.comb(steps, steps // 2) * 2.0**-steps
    horizon = 1000
    equal = ac.bilevel_return(horizon, 10 + bits @ np.full(steps, 3.0))
    assert float(ac.sharpness(p, equal, 3.0)) == pytest.approx(limit, rel=1e-12)
    for _ in range(20):
        times = 10 + bits @ rng.integers(3, 30, steps)
        found = float(ac.sharpness(p, ac.bilevel_return(horizon, times), 3.0))
        assert found <= limit * (1 + 1e-12)


def test_sharpness_is_the_fullest_window(rng) -> None:
    for p, r in laws(rng, 100):
        for width in (0.5, 1.0, 3.0):
            starts = np.concatenate([r, r - width + 1e-9, r + 1e-9])
            brute = max(p[(r >= u) & (r < u + width)].sum() for u in starts)
            assert float(ac.sharpness(p, r, width)) == pytest.approx(brute, abs=1e-12)


def test_conditioning_on_a_good_return_is_as_good_as_the_ball(rng) -> None:
    for p, r in laws(rng, 200):
        kappa = float(10 ** rng.uniform(-3, 1))
        best = ac.chi2_ball_optimum(p, r, kappa)
        covered = float(ac.coverage(p, r, np.asarray(best.value)))
        event = r >= float(best.value) - 1e-9 * np.abs(r).max()
        assert covered == pytest.approx(p[event].sum())
        assert covered > 0
        assert covered >= float(ac.anticoncentration(p, r, kappa)) - 1e-12
        assert p[event] @ r[event] / covered >= float(best.value) - 1e-8


def test_jax_in_jax_out_and_traceable(rng) -> None:
    p, r = rng.dirichlet(np.ones(5), 3), rng.normal(size=(3, 5))

    def measures(p, r):
        return (
            ac.mean_return(p, r), ac.heterogeneity(p, r), ac.anticoncentration(p, r, 0.3),
            ac.coverage(p, r, jnp.zeros(3)), ac.sharpness(p, r, 0.5),
        )  # fmt: skip

    plain = measures(p, r)
    for found in (measures(jnp.asarray(p), jnp.asarray(r)), jax.jit(measures)(p, r)):
        for one, other in zip(found, plain, strict=True):
            assert isinstance(one, jax.Array)
            np.testing.assert_allclose(one, other, rtol=1e-12)
    assert all(isinstance(one, np.ndarray | np.floating) for one in plain)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.heterogeneity([0.5, 0.4], [0, 1]), "pmf must sum to 1"),
        (lambda: ac.heterogeneity([0.5, 0.5], [0, np.nan]), "returns contains NaN"),
        (lambda: ac.anticoncentration([0.5, 0.5], [0, 1], -1), "eps must be finite and >= 0"),
        (lambda: ac.sharpness([0.5, 0.5], [0, 1], 0), "width must be > 0 tokens"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
