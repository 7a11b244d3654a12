"""Best-of-N and pass@k: hand-sized, reductions, limits, T10a to T10c, draws and enumeration."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import antiscale as ac
from antiscale import bounds
from antiscale.search.laws.best_of import select_on_average
from tests import oracles_search as oracle


def test_two_fair_types_by_hand() -> None:
    np.testing.assert_allclose(ac.search.best_of_n([0.5, 0.5], [0, 1], 3), [1 / 8, 7 / 8])


@pytest.mark.parametrize("tries", [1, 2, 3, 5])
def test_it_is_the_law_of_all_draws(rng, tries: int) -> None:
    for _ in range(20):
        p, scores = rng.dirichlet(np.full(5, 0.6)), rng.integers(0, 4, 5).astype(float)
        expected = oracle.best_by_enumeration(p, scores, tries)
        np.testing.assert_allclose(ac.search.best_of_n(p, scores, tries), expected, atol=1e-14)
        law = ac.search.by_score(scores)
        np.testing.assert_allclose(ac.search.select(p, law, tries), expected, atol=1e-14)


@pytest.mark.parametrize("tries", [2, 7])
def test_it_is_the_law_of_a_million_draws(rng, tries: int) -> None:
    # Fails by bad luck with probability 1e-6.
    p, scores = rng.dirichlet(np.full(6, 0.6)), rng.integers(0, 4, 6).astype(float)
    law = ac.search.by_score(scores)
    drawn = oracle.best(rng, p, law.mass, law.weight, tries)
    oracle.agree(drawn, ac.search.best_of_n(p, scores, tries))
    # And pass@N, another 1e-6.
    solved = scores == 1
    hit = solved[oracle.types(rng, p, (oracle.RUNS, tries))].any(1)
    chance = float(ac.search.pass_at_n(p[solved].sum(), tries))
    oracle.agree(1 - hit.astype(int), np.array([chance, 1 - chance]))


def test_a_budget_on_average_is_a_mixture_of_two_numbers_of_tries(rng) -> None:
    p, scores = rng.dirichlet(np.ones(5)), rng.integers(0, 3, 5).astype(float)
    law = ac.search.by_score(scores)
    mean = np.array(2.3)
    expected = 0.7 * ac.search.best_of_n(p, scores, 2) + 0.3 * ac.search.best_of_n(p, scores, 3)
    np.testing.assert_allclose(select_on_average(p, law, mean), expected, atol=1e-15)
    np.testing.assert_allclose(select_on_average(p, law, np.array(0.4)), 0.4 * p, atol=1e-16)
    # A million runs of it: 1e-6.
    many = np.where(rng.random(oracle.RUNS) < 0.3, 3, 2)
    drawn = oracle.types(rng, p, (oracle.RUNS, 3))
    score = scores[drawn] + rng.random(drawn.shape)
    score[many == 2, 2] = -1.0
    winner = np.take_along_axis(drawn, score.argmax(1)[:, None], 1)[:, 0]
    oracle.agree(winner, select_on_average(p, law, mean))


pmfs = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8).filter(lambda p: sum(p) > 1e-3)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    raw=pmfs,
    scores=st.lists(st.integers(-2, 3), min_size=8, max_size=8),
    exponent=st.floats(0.0, 30.0),
    tiny=st.sampled_from([1.0, 1e-12, 1e-200]),
)
def test_ratio_kl_and_chi_square_stay_within_t10(
    raw: list[float], scores: list[int], exponent: float, tiny: float
) -> None:
    p = np.array(raw)
    p[0] *= tiny
    if p.sum() < 1e-3:
        p[0] = 1.0
    p = p / p.sum()
    n = 10.0**exponent
    law = ac.search.best_of_n(p, np.array(scores[: len(p)], dtype=float), n)
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    assert (law >= 0).all()
    assert (law[p == 0] == 0).all()
    # Below this a double has fewer digits.
    some = p > np.finfo(float).tiny
    ratio = law[some] / p[some]
    assert ratio.max() <= n * (1 + 1e-9)
    assert (p[some] * (ratio - 1) ** 2).sum() <= bounds.best_of_n_chi2(n) * (1 + 1e-9) + 1e-11
    logs = np.log(np.where(ratio > 0, ratio, 1.0))
    assert (law[some] * logs).sum() <= bounds.best_of_n_kl(n) + 1e-11


def test_tiny_masses_and_huge_n_keep_their_digits() -> None:
    for mass, n in ((1e-12, 1e6), (1e-15, 1e15), (1e-300, 1e9), (0.3, 1e12), (1e-9, 1e12)):
        law = ac.search.best_of_n([1 - mass, mass], [0, 1], n)
        with mpmath.workdps(60):
            exact = 1 - (1 - mpmath.mpf(mass)) ** mpmath.mpf(n)
            middle = 1 - exact
        assert law[1] == pytest.approx(float(exact), rel=1e-12)
        assert law[0] == pytest.approx(float(middle), rel=1e-9, abs=1e-300)
    # A tiny type in the middle: N F^(N - 1) times its mass.
    law = ac.search.best_of_n([0.5, 1e-17, 0.5], [0, 1, 2], 10)
    assert law[1] == pytest.approx(1e-17 * 10 * 0.5**9, rel=1e-12)


def test_reductions(rng) -> None:
    p, scores = rng.dirichlet(np.ones(6), 3), rng.normal(size=(3, 6))
    np.testing.assert_allclose(ac.search.best_of_n(p, scores, 1), p, atol=1e-16)
    np.testing.assert_allclose(ac.search.best_of_n(p, np.zeros(6), 9), p, atol=1e-15)
    # Scores matter by their order alone, and prompts do not see each other.
    np.testing.assert_allclose(
        ac.search.best_of_n(p, np.exp(scores), 4), ac.search.best_of_n(p, scores, 4), atol=0
    )
    alone = [ac.search.best_of_n(p[x], scores[x], 4) for x in range(3)]
    np.testing.assert_allclose(ac.search.best_of_n(p, scores, [4, 4, 4]), alone, atol=0)
    far = ac.search.best_of_n(p, scores, 1e9)
    assert (far.argmax(-1) == scores.argmax(-1)).all()
    # Infinite scores are scores: two of them tie.
    law = ac.search.best_of_n([0.2, 0.3, 0.5], [np.inf, np.inf, 0], 2)
    np.testing.assert_allclose(law, [0.3, 0.45, 0.25])


def test_an_oracle_is_right_as_pass_at_n_says(rng) -> None:
    p = rng.dirichlet(np.ones(5))
    solved = np.array([1, 0, 1, 0, 0])
    for n in (1, 2, 10, 1000):
        law = ac.search.best_of_n(p, solved, n)
        assert law[solved == 1].sum() == pytest.approx(
            float(ac.search.pass_at_n(p[solved == 1].sum(), n)), abs=1e-14
        )
    tries = float(bounds.tries_needed(0.1, 0.05))
    assert float(ac.search.pass_at_n(0.1, tries)) >= 0.95
    assert float(ac.search.pass_at_n(0.1, tries - 1)) < 0.95


def test_pass_at_k_is_unbiased() -> None:
    for n, k, p in ((10, 4, 0.3), (7, 7, 0.05), (30, 1, 0.5)):
        c = np.arange(n + 1)
        mean = stats.binom.pmf(c, n, p) @ ac.search.pass_at_k(n, c, k)
        assert mean == pytest.approx(1 - (1 - p) ** k, abs=1e-14)
    c = np.arange(11)
    exact = [1 - math.comb(10 - i, 4) / math.comb(10, 4) for i in c]
    np.testing.assert_allclose(ac.search.pass_at_k(10, c, 4), exact, atol=1e-15)


def test_pass_at_k_of_many_samples_keeps_its_digits() -> None:
    for n, c, k in (
        (10**6, 3, 10**5),
        (10**6, 10**5, 20),
        (20000, 6000, 5000),
        (10**7, 9000, 8000),
    ):
        with mpmath.workdps(40):
            exact = 1 - mpmath.gammaprod([n - c + 1, n - k + 1], [n - c - k + 1, n + 1])
        assert float(ac.search.pass_at_k(n, c, k)) == pytest.approx(float(exact), rel=1e-9)


def test_pass_at_k_on_a_million_samples(rng) -> None:
    # The mean of bounded estimates: fails by bad luck with probability 1e-6.
    n, k, p = 8, 3, 0.2
    sample = ac.search.pass_at_k(n, rng.binomial(n, p, oracle.RUNS), k)
    oracle.agree_in_mean(sample, 1 - (1 - p) ** k, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.best_of_n([0.5, 0.6], [0, 1], 2), "pmf must sum to 1"),
        (lambda: ac.search.best_of_n([0.5, 0.5], [0, np.nan], 2), "scores contains NaN"),
        (lambda: ac.search.best_of_n([0.5, 0.5], [0, 1], 0.5), "n must be >= 1"),
        (lambda: ac.search.best_of_n([0.5, 0.5], [0, 1], np.inf), "n must be finite"),
        (lambda: ac.search.best_of_n([0.5, 0.5], [0, 1, 2], 2), "must broadcast to one shape"),
        (lambda: ac.search.best_of_n([1.0], [0, 1], 2), "must broadcast to one shape"),
        (lambda: ac.search.pass_at_k(4, 5, 1), "n_correct must be at most n_samples"),
        (lambda: ac.search.pass_at_k(4, 1, 5), "k must be at most n_samples"),
        (lambda: ac.search.pass_at_k(4, 1.5, 1), "n_correct must be whole numbers >= 0"),
        (lambda: ac.search.pass_at_n(1.5, 2), r"success must lie in \[0, 1\]"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
