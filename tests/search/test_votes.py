"""Majority votes: the contour integral against enumeration, closed forms and draws (T10i)."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale import bounds
from antiscale.search.laws.votes import vote_over
from tests import oracles_search as oracle


@pytest.mark.parametrize("answers", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_a_plain_vote_is_the_law_of_all_draws(rng, answers: int, n: int) -> None:
    q = rng.dirichlet(np.ones(answers))
    q[-1] = q[0]  # equal answers share their work
    q /= q.sum()
    law = np.stack([np.zeros(answers), q], axis=-1)
    expected = oracle.vote_by_enumeration(law, n)
    np.testing.assert_allclose(ac.search.majority_vote(q, n), expected, atol=1e-13)


@pytest.mark.parametrize(("answers", "weights"), [(2, 2), (3, 2), (2, 4), (3, 3)])
@pytest.mark.parametrize("n", [1, 3, 4])
def test_a_weighted_vote_is_the_law_of_all_draws(rng, answers: int, weights: int, n: int) -> None:
    law = rng.dirichlet(np.ones(answers * weights)).reshape(answers, weights)
    expected = oracle.vote_by_enumeration(law, n)
    np.testing.assert_allclose(ac.search.weighted_vote(law, n), expected, atol=1e-13)


def test_votes_on_a_million_draws(rng) -> None:
    # Two comparisons at 1e-6.
    q = rng.dirichlet(np.ones(4))
    plain = np.stack([np.zeros(4), q], axis=-1)
    oracle.agree(oracle.vote(rng, plain, 9), ac.search.majority_vote(q, 9))
    law = rng.dirichlet(np.full(9, 0.7)).reshape(3, 3)
    oracle.agree(oracle.vote(rng, law, 6), ac.search.weighted_vote(law, 6))


def test_a_random_number_of_traces_on_a_million_draws(rng) -> None:
    # 1e-6. A law of N that no single Poisson law covers.
    q = np.array([0.4, 0.35, 0.25])
    law = np.stack([np.zeros(3), q], axis=-1)
    chance = np.zeros(41)
    chance[[0, 1, 2, 40]] = [0.1, 0.2, 0.3, 0.4]
    exact = vote_over(law[None], chance[None, :, None])[0, :, 0]
    expected = sum(chance[n] * ac.search.majority_vote(q, n) for n in (1, 2, 40))
    np.testing.assert_allclose(exact, expected, atol=1e-14)
    many = np.array([0, 1, 2, 40])[oracle.types(rng, chance[[0, 1, 2, 40]], (oracle.RUNS,))]
    oracle.agree(oracle.vote(rng, law, many), exact)


@pytest.mark.parametrize("n", [1, 4, 101, 1000])
def test_two_answers_are_a_binomial_law(n: int) -> None:
    law = ac.search.majority_vote([0.52, 0.48], n)
    k = np.arange(n + 1)
    weight = np.where(2 * k > n, 1.0, np.where(2 * k == n, 0.5, 0.0))
    assert law[0] == pytest.approx(stats.binom.pmf(k, n, 0.52) @ weight, abs=1e-12)
    assert law.sum() == pytest.approx(1.0, abs=1e-12)


def test_three_answers_are_a_trinomial_law() -> None:
    q, n = [0.3, 0.5, 0.2], 12
    law = np.zeros(3)
    for a in range(n + 1):
        for b in range(n + 1 - a):
            counts = np.array([a, b, n - a - b])
            chance = math.factorial(n) * mpmath.mpf(1)
            for count, mass in zip(counts.tolist(), q, strict=True):
                chance *= mpmath.mpf(mass) ** count / math.factorial(count)
            tied = counts == counts.max()
            law += float(chance) * tied / tied.sum()
    np.testing.assert_allclose(ac.search.majority_vote(q, n), law, atol=1e-14)


def test_limits_and_reductions(rng) -> None:
    q = rng.dirichlet(np.ones(5))
    np.testing.assert_allclose(ac.search.majority_vote(q, 1), q, atol=1e-14)
    np.testing.assert_allclose(ac.search.majority_vote(np.full(5, 0.2), 7), 0.2, atol=1e-14)
    # Accepted traces alone vote: a perfect verdict leaves the right answer only.
    law = np.array([[0.0, 0.3], [0.5, 0.0], [0.2, 0.0]])
    found = ac.search.weighted_vote(law, 8)
    silent = 0.7**8
    np.testing.assert_allclose(found, [1 - silent, silent * 5 / 7, silent * 2 / 7], atol=1e-14)
    # Weights that are all alike change nothing.
    double = np.stack([np.zeros(5), np.zeros(5), q], axis=-1)
    np.testing.assert_allclose(
        ac.search.weighted_vote(double, 6), ac.search.majority_vote(q, 6), atol=1e-13
    )
    batch = np.stack([q, q[::-1]])
    np.testing.assert_allclose(
        ac.search.majority_vote(batch, 6)[1], ac.search.majority_vote(q, 6)[::-1], atol=1e-14
    )


def test_the_bound_on_a_votes_error_holds_and_is_not_vacuous(rng) -> None:
    for _ in range(10):
        q = rng.dirichlet(np.ones(4))
        q = np.sort(q)[::-1]
        for n in (1, 5, 50):
            # Ties go wrong in the bound: at least half of them do in the vote.
            error = 1 - ac.search.majority_vote(q, n)[0]
            assert error <= bounds.vote_error(q, n) + 1e-12
    rate = np.log(1 - ac.search.majority_vote([0.6, 0.4], 400)[0]) / 400
    bound = np.log(float(bounds.vote_error([0.6, 0.4], 400))) / 400
    assert rate <= bound <= 0.7 * rate
    assert bounds.vote_error([0.3, 0.4, 0.3], 50) == 1.0
    # Where a wrong answer is likelier the vote finds it.
    assert ac.search.majority_vote([0.3, 0.4, 0.3], 4000)[1] > 0.999


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.majority_vote([0.5, 0.6], 3), "answers must sum to 1"),
        (lambda: ac.search.majority_vote([0.5, 0.5], 0), "n must be a whole number >= 1"),
        (lambda: ac.search.majority_vote([0.5, 0.5], 10**7), "is too long to sum"),
        (lambda: ac.search.weighted_vote([0.5, 0.5], 3), "votes must have shape"),
        (lambda: bounds.vote_error([0.5, 0.5], 0), "n must be >= 1"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
