"""T3's bounds against enumeration, and their equality cases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import antiscale as ac
from antiscale import bounds


def test_cantelli_holds_and_is_attained(rng) -> None:
    for _ in range(200):
        p = rng.dirichlet(np.full(5, 0.5))
        r = rng.integers(0, 50, 5).astype(float)
        eps = float(rng.exponential())
        if ac.heterogeneity(p, r) > 0:
            # The tie tolerance may count a return just below the level: leave it out.
            assert ac.anticoncentration(p, r, eps) <= bounds.cantelli(eps) + 1e-12
    for eps in (0.01, 0.25, 1.0, 7.0):
        top = 1 / (1 + eps)
        pmf, returns = [1 - top, top], [0.0, 64.0]
        assert ac.anticoncentration(pmf, returns, eps) == pytest.approx(bounds.cantelli(eps))


def test_the_chance_to_beat_the_mean_is_bounded_and_attained(rng) -> None:
    for _ in range(300):
        p = rng.dirichlet(np.full(6, rng.choice([0.2, 1.0, 5.0])))
        r = rng.integers(0, 20, 6).astype(float)
        above = p[r > p @ r + 1e-12].sum()
        bound = float(bounds.above_mean(p, r))
        assert bound <= above + 1e-12
        sigma = float(ac.heterogeneity(p, r))
        if sigma > 0:
            weaker = (p @ np.abs(r - p @ r)) ** 2 / (4 * sigma**2)
            assert bound >= weaker - 1e-12
    # One value above the mean: equality.
    assert bounds.above_mean([0.3, 0.4, 0.3], [0.0, 1.0, 9.0]) == pytest.approx(0.3)
    assert bounds.above_mean([0.5, 0.5], [3.0, 3.0]) == 0.0


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 8])
def test_no_window_of_fair_bits_holds_more(rng, steps: int) -> None:
    bound = float(bounds.window_mass(steps))
    assert bound == pytest.approx(math.comb(steps, steps // 2) / 2**steps, rel=1e-12)
    for equal in (True, False):
        a = np.full(steps, 3.0) if equal else rng.integers(3, 9, steps).astype(float)
        sums = np.array([np.dot(a, bits) for bits in itertools.product((0, 1), repeat=steps)])
        fullest = max(((sums >= u) & (sums < u + 3.0)).mean() for u in sums)
        assert fullest <= bound + 1e-12
        if equal:
            assert fullest == pytest.approx(bound)


def test_a_conditioned_base_has_the_ratio(rng) -> None:
    for _ in range(50):
        p, r = rng.dirichlet(np.ones(5)), rng.integers(0, 30, 5).astype(float)
        best = ac.chi2_ball_optimum(p, r, 0.3)
        reached = float(ac.coverage(p, r, float(best.value)))
        event = r >= float(best.value) - 1e-9
        assert float(bounds.conditioned_ratio(reached)) == pytest.approx(1 / p[event].sum())
        assert (p * r)[event].sum() / p[event].sum() >= float(best.value) - 1e-9


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.cantelli(-1), "eps must be >= 0"),
        (lambda: bounds.above_mean([0.5], [1.0]), "must sum to 1"),
        (lambda: bounds.window_mass(2.5), "steps must be whole numbers; got 2.5"),
        (lambda: bounds.window_mass(-1), "steps must be finite and >= 0"),
        (lambda: bounds.conditioned_ratio(0), r"coverage must lie in \(0, 1\]"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
