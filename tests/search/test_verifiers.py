"""Verifiers as score laws: T10f from the ROC curve, reductions, draws, combinations."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

import antiscale as ac
from antiscale import bounds
from antiscale.search.laws import combined, verifiers
from antiscale.search.laws.correlated import fooled_rates
from tests import oracles_search as oracle

SOLVED = np.array([True, False])


def accuracy(c: float, law: ac.search.ScoreLaw, n: float) -> float:
    return float(ac.search.select(np.array([c, 1 - c]), law, n)[0])


rising = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).map(sorted)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(c=st.floats(1e-4, 1 - 1e-4), u=rising, g=rising, n=st.floats(1.0, 1e5))
def test_an_roc_curve_is_all_that_counts(c: float, u: list, g: list, n: float) -> None:
    exact = float(bounds.roc_accuracy(c, u, g, n))
    assert accuracy(c, ac.search.roc(SOLVED, u, g), n) == pytest.approx(exact, abs=1e-9)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(c=st.floats(0.01, 0.99), u=rising, g=rising)
def test_two_tries_are_worth_the_auc(c: float, u: list, g: list) -> None:
    law = ac.search.roc(SOLVED, u, g)
    right, wrong = law.mass[0, :, 0], law.mass[0, :, 1]
    # Ties count one half.
    area = float((right * (np.cumsum(wrong) - wrong / 2.0)).sum())
    assert accuracy(c, law, 2) == pytest.approx(c**2 + 2 * c * (1 - c) * area, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000])
def test_a_higher_curve_is_better_and_a_concave_one_gains_less_and_less(n: int) -> None:
    low = accuracy(0.2, ac.search.roc(SOLVED, [0.1, 0.4], [0.3, 0.6]), n)
    high = accuracy(0.2, ac.search.roc(SOLVED, [0.1, 0.4], [0.3, 0.8]), n)
    assert low <= high
    law = ac.search.roc(SOLVED, [0.1, 0.4], [0.5, 0.8])  # concave
    curve = [accuracy(0.2, law, n + k) for k in range(3)]
    assert curve[0] <= curve[1] <= curve[2]
    assert curve[2] - curve[1] <= curve[1] - curve[0] + 1e-15


def test_the_limit_is_the_slope_at_the_origin() -> None:
    c, law = 0.2, ac.search.rates(SOLVED, 0.9, 0.3)
    slope = 0.9 / 0.3
    assert accuracy(c, law, 1e6) == pytest.approx(c * slope / (c * slope + 1 - c), abs=1e-12)


@pytest.mark.parametrize("auc", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [2, 64, 4096])
def test_gaussian_scores_are_the_integral(auc: float, n: int) -> None:
    c = 0.1
    shift = mpmath.sqrt(2) * mpmath.mpf(float(special.ndtri(auc)))

    def cdf(z):
        return c * mpmath.ncdf(z - shift) + (1 - c) * mpmath.ncdf(z)

    exact = mpmath.quad(
        lambda z: n * cdf(z) ** (n - 1) * c * mpmath.npdf(z - shift), mpmath.linspace(-9, 13, 30)
    )
    for spacing in (0.06, 0.12):
        law = ac.search.gaussian(SOLVED, auc, spacing=spacing)
        assert accuracy(c, law, n) == pytest.approx(float(exact), abs=1e-11)
        np.testing.assert_allclose(law.mass.sum(-2), 1.0, atol=1e-14)
    if n == 2:
        assert float(exact) == pytest.approx(c**2 + 2 * c * (1 - c) * auc, abs=1e-12)
    if auc == 0.5:
        assert float(exact) == pytest.approx(c, abs=1e-12)


def test_a_gaussian_verifier_on_a_million_draws(rng) -> None:
    # 1e-6.
    p, solved, n, auc = rng.dirichlet(np.ones(4)), np.array([1, 0, 1, 0]) > 0, 5, 0.8
    drawn = oracle.types(rng, p, (oracle.RUNS, n))
    score = rng.normal(size=drawn.shape) + np.sqrt(2) * special.ndtri(auc) * solved[drawn]
    winner = np.take_along_axis(drawn, score.argmax(1)[:, None], 1)[:, 0]
    oracle.agree(winner, ac.search.select(p, ac.search.gaussian(solved, auc), n))


def test_verifiers_without_errors_are_the_oracle_and_blind_ones_the_base_policy(rng) -> None:
    p, solved = rng.dirichlet(np.ones(5)), np.array([1, 0, 0, 1, 0]) > 0
    perfect = ac.search.best_of_n(p, solved, 6)
    for law in (
        ac.search.rates(solved, 1.0, 0.0),
        ac.search.roc(solved, [0.0], [1.0]),
        ac.search.several(solved, [0.5, 1.0], [0.5, 0.0]),
        ac.search.several(solved, [0.3, 1.0, 0.9], [0.3, 0.0, 0.2], "log-odds"),
    ):
        np.testing.assert_allclose(ac.search.select(p, law, 6), perfect, atol=1e-14)
    for law in (
        ac.search.rates(solved, 0.4, 0.4),
        ac.search.gaussian(solved, 0.5),
        ac.search.several(solved, [0.4, 0.7], [0.4, 0.7]),
        ac.search.several(solved, [0.4, 0.7], [0.4, 0.7], "vote"),
    ):
        np.testing.assert_allclose(ac.search.select(p, law, 6), p, atol=1e-13)


@pytest.mark.parametrize("combine", combined.COMBINATIONS)
def test_several_verdicts_on_a_million_draws(rng, combine: str) -> None:
    # 1e-6.
    true, false = np.array([0.9, 0.6, 0.7]), np.array([0.3, 0.1, 0.5])
    p, solved, n = rng.dirichlet(np.ones(4)), np.array([1, 0, 1, 0]) > 0, 4
    drawn = oracle.types(rng, p, (oracle.RUNS, n))
    chance = np.where(solved[drawn][..., None], true, false)
    verdict = rng.random(chance.shape) < chance
    if combine == "vote":
        score = verdict.sum(-1).astype(float)
    else:
        gain, loss = np.log(true / false), np.log((1 - true) / (1 - false))
        score = np.where(verdict, gain, loss).sum(-1)
    score += 1e-9 * rng.random(score.shape)
    winner = np.take_along_axis(drawn, score.argmax(1)[:, None], 1)[:, 0]
    oracle.agree(winner, ac.search.select(p, ac.search.several(solved, true, false, combine), n))


def test_log_odds_beat_every_other_ranking_of_the_patterns() -> None:
    true, false, c = [0.9, 0.6], [0.4, 0.1], 0.2
    bits = np.array(list(itertools.product((0, 1), repeat=2)))
    right = np.where(bits, true, 1 - np.array(true)).prod(-1)
    wrong = np.where(bits, false, 1 - np.array(false)).prod(-1)
    for n in (2, 5, 40):
        best = accuracy(c, ac.search.several(SOLVED, true, false), n)
        for order in itertools.permutations(range(4)):
            law = verifiers.by_verdict(SOLVED, right[list(order)], wrong[list(order)])
            assert accuracy(c, law, n) <= best + 1e-13
        assert accuracy(c, ac.search.several(SOLVED, true, false, "vote"), n) <= best + 1e-13


def test_equal_verifiers_are_ranked_alike_by_vote_and_by_log_odds() -> None:
    for n in (2, 9):
        vote, odds = (
            accuracy(0.1, ac.search.several(SOLVED, [0.8] * 5, [0.3] * 5, how), n)
            for how in combined.COMBINATIONS
        )
        assert vote == pytest.approx(odds, abs=1e-15)


def test_gaussian_scores_combine_as_their_log_odds_do(rng) -> None:
    aucs, correlation = [0.7, 0.8, 0.65], 0.3
    d = np.sqrt(2) * special.ndtri(aucs)
    covariance = (1 - correlation) * np.eye(3) + correlation
    square = d @ np.linalg.solve(covariance, d)
    assert ac.search.combined_auc(aucs, correlation) == pytest.approx(
        special.ndtr(np.sqrt(square / 2)), rel=1e-12
    )
    assert ac.search.combined_auc([0.8]) == pytest.approx(0.8)
    # A million pairs of a right and a wrong trace: 1e-6.
    weights = np.linalg.solve(covariance, d)
    noise = rng.multivariate_normal(np.zeros(3), covariance, (oracle.RUNS, 2))
    right = (noise[:, 0] + d) @ weights > noise[:, 1] @ weights
    area = ac.search.combined_auc(aucs, correlation)
    oracle.agree(1 - right.astype(int), np.array([area, 1 - area]))


ANSWERS = np.zeros((3, 4))
ANSWERS[0, 0] = 1.0
ANSWERS[1:, 1:] = 1 / 3


@pytest.mark.parametrize("passes", [1, 3, np.inf])
@pytest.mark.parametrize("alike", [True, False])
def test_correlated_false_positives_on_a_million_draws(rng, passes: float, alike: bool) -> None:
    # 1e-6.
    p, solved, n = np.array([0.3, 0.5, 0.2]), np.array([True, False, False]), 4
    answers = ANSWERS.copy()
    if not alike:
        answers[1:, 1:] = [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]
    tpr, f, correlation = 0.8, 0.3, 0.6
    law = ac.search.correlated(solved, answers, tpr, f, correlation, passes=passes)
    fooling, fresh = fooled_rates(f, correlation)
    runs = oracle.RUNS
    fooled = rng.random((runs, 4)) < fooling
    drawn = oracle.types(rng, p, (runs, n))
    answer = np.zeros(drawn.shape, dtype=int)
    for j in range(3):
        here = drawn == j
        answer[here] = oracle.types(rng, answers[j], (here.sum(),))
    rate = np.where(solved[drawn], tpr, np.where(np.take_along_axis(fooled, answer, 1), 1.0, fresh))
    score = rate if np.isinf(passes) else rng.binomial(int(passes), rate)
    winner = np.take_along_axis(
        drawn, (score + rng.random(drawn.shape) * 1e-6).argmax(1)[:, None], 1
    )
    oracle.agree(winner[:, 0], ac.search.select(p, law, n))


def test_any_score_law_is_the_sum_over_states_traces_and_scores(rng) -> None:
    for _ in range(5):
        p, weight = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(2))
        mass = np.moveaxis(rng.dirichlet(np.full(3, 0.5), (2, 3)), -1, 1)  # [K, L, S]
        expected = np.zeros(3)
        for k in range(2):
            joint = (p * mass[k]).T.ravel()  # type-major pairs of type and level
            level = np.tile(np.arange(3.0), 3)
            expected += weight[k] * oracle.best_by_enumeration(joint, level, 3).reshape(3, 3).sum(1)
        found = ac.search.select(p, ac.search.ScoreLaw.discrete(mass, weight), 3)
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_the_correlation_is_the_correlation(rng) -> None:
    f, correlation = 0.3, 0.4
    fooling, fresh = fooled_rates(f, correlation)
    mean = fooling + (1 - fooling) * fresh
    square = fooling + (1 - fooling) * fresh**2
    assert mean == pytest.approx(f)
    assert (square - mean**2) / (mean * (1 - mean)) == pytest.approx(correlation)
    assert fooled_rates(f, 0.0) == (0.0, f)
    assert fooled_rates(f, 1.0) == pytest.approx((f, 0.0))


def test_without_correlation_it_is_the_independent_verifier() -> None:
    p, solved = np.array([0.3, 0.5, 0.2]), np.array([True, False, False])
    one = ac.search.correlated(solved, ANSWERS, 0.8, 0.3, 0.0)
    for n in (1, 3, 50):
        np.testing.assert_allclose(
            ac.search.select(p, one, n),
            ac.search.select(p, ac.search.rates(solved, 0.8, 0.3), n), atol=1e-14,
        )  # fmt: skip
        several = ac.search.select(p, ac.search.several(solved, [0.8] * 4, [0.3] * 4, "vote"), n)
        many = ac.search.correlated(solved, ANSWERS, 0.8, 0.3, 0.0, passes=4)
        np.testing.assert_allclose(ac.search.select(p, many, n), several, atol=1e-14)
    # Answers that are listed one by one and those counted are the same verifier.
    uneven = ANSWERS.copy()
    uneven[1:, 1:] = [[0.3, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3]]
    near = ANSWERS.copy()
    near[1, 1:] += np.array([1e-9, -1e-9, 0.0])
    for correlation in (0.5, 1.0):
        counted = ac.search.correlated(solved, ANSWERS, 0.8, 0.3, correlation, passes=3)
        listed = ac.search.correlated(solved, near, 0.8, 0.3, correlation, passes=3)
        assert counted.weight.shape != listed.weight.shape
        np.testing.assert_allclose(
            ac.search.select(p, counted, 7), ac.search.select(p, listed, 7), atol=1e-8
        )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.rates(SOLVED, 1.2, 0.1), r"true_positive must lie in \[0, 1\]"),
        (lambda: ac.search.roc(SOLVED, [0.5, 0.2], [0.1, 0.9]), "false_positive must rise"),
        (lambda: ac.search.roc(SOLVED, [0.5], [0.1, 0.9]), "must be of one length"),
        (lambda: ac.search.gaussian(SOLVED, 1.0), r"auc must lie in \(0, 1\)"),
        (lambda: ac.search.several(SOLVED, [0.5] * 15, [0.5] * 15), "1 to 14 verifiers"),
        (lambda: ac.search.several(SOLVED, [0.5], [0.5], "sum"), "unknown combine 'sum'"),
        (lambda: ac.search.correlated(SOLVED, ANSWERS[:2], 0.5, 1.0, 0.1), "false_positive must"),
        (
            lambda: ac.search.correlated(
                SOLVED, np.eye(2, 12)[::1] * 1.0, 0.5, 0.1, 0.1, passes=0
            ),
            "passes must be a whole number >= 1",
        ),
        (
            lambda: ac.search.correlated(SOLVED, np.eye(2, 12), 0.5, 0.1, 0.1),
            "over 11 wrong answers that differ",
        ),
        (lambda: ac.search.combined_auc([0.5, 1.0]), r"aucs must lie in \(0, 1\)"),
        (lambda: bounds.roc_accuracy(0.5, [0.5], [0.1, 0.2], 3), "rise along the ROC curve"),
        (lambda: bounds.roc_accuracy(0.5, [0.5], [0.1], 0), "n must be >= 1"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
