"""pass@k, best-of-n, majority and ROC against enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from antiscale.core.errors import InputError
from antiscale.rollouts import search
from antiscale.rollouts.samples import Rollouts
from tests.oracles_rollouts import best_of_subsets


def with_scores(counts: list[int], seed: int, *, levels: int = 4) -> Rollouts:
    """Random samples with scores on few levels, so that ties are many, and answers."""
    rng = np.random.default_rng(seed)
    problem = np.repeat(np.arange(len(counts)), counts)
    correct = rng.random(len(problem)) < 0.4
    length = rng.integers(1, 50, len(problem)).astype(float)
    answer = np.where(correct, 0, rng.choice([-1, 1, 2], len(problem)))
    return Rollouts.of(
        np.arange(len(counts)).astype(object), problem, correct, length,
        np.where(correct, length, np.inf), seed=seed,
        score=rng.integers(0, levels, len(problem)) + 0.5 * correct, answer=answer,
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_best_of_n_is_that_of_all_subsets(n: int) -> None:
    rollouts = with_scores([7, 9, 7], 3)
    found = search.best_of_n(search.ranks(rollouts), n)
    assert rollouts.score is not None
    for x in range(3):
        mine = rollouts.problem == x
        slow = best_of_subsets(list(rollouts.score[mine]), list(rollouts.correct[mine]), n)
        assert found[x] == pytest.approx(slow, rel=1e-12)


def test_best_of_n_has_known_ends() -> None:
    rollouts = with_scores([6, 8], 0)
    ranks = search.ranks(rollouts)
    np.testing.assert_allclose(search.best_of_n(ranks, 1), rollouts.accuracy)
    assert np.isnan(search.best_of_n(ranks, 7)).tolist() == [True, False]
    assert np.isnan(search.best_of_n(ranks, 9)).all()
    # A perfect score gives pass@n, a constant one the accuracy, for any n.
    import dataclasses

    perfect = dataclasses.replace(rollouts, score=rollouts.correct.astype(float))
    alike = dataclasses.replace(rollouts, score=np.zeros(14))
    for n in (2, 5):
        passed = search.pass_at_k(rollouts.counts, rollouts.solutions, n)
        np.testing.assert_allclose(search.best_of_n(search.ranks(perfect), n), passed)
        np.testing.assert_allclose(search.best_of_n(search.ranks(alike), n), rollouts.accuracy)


def test_pass_at_k_is_that_of_all_subsets_and_unbiased() -> None:
    for c, k in itertools.product(range(7), range(1, 7)):
        slow = np.mean([any(i < c for i in s) for s in itertools.combinations(range(6), k)])
        assert search.pass_at_k(6, c, k) == pytest.approx(slow, abs=1e-12)
    # Over c ~ Binomial(n, p) its mean is 1 - (1 - p)^k.
    law = stats.binom.pmf(np.arange(21), 20, 0.13)
    assert law @ search.pass_at_k(20, np.arange(21), 8) == pytest.approx(1 - 0.87**8)
    assert search.pass_at_k(10**6, 1, 10**5) == pytest.approx(0.1)
    assert np.isnan(search.pass_at_k(3, 1, 4))
    np.testing.assert_allclose(search.pass_at_k([2, 4], [[1], [2]], 1), [[0.5, 0.25], [1.0, 0.5]])


@pytest.mark.parametrize("bad", [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 0.5, 1)])
def test_pass_at_k_refuses_what_cannot_be(bad: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"n_correct must be|k must be whole numbers"):
        search.pass_at_k(*bad)


def test_the_majority_of_one_is_the_accuracy_of_answers() -> None:
    rollouts = with_scores([40, 25], 1)
    np.testing.assert_allclose(search.majority_of_n(rollouts, 1), rollouts.accuracy)
    assert np.isnan(search.majority_of_n(rollouts, 30)).tolist() == [False, True]


def test_the_majority_of_n_is_that_of_a_loop_over_blocks() -> None:
    rollouts, n = with_scores([23, 17], 5), 5
    assert rollouts.answer is not None
    found = search.majority_of_n(rollouts, n)
    for x in range(2):
        wins = []
        for block in range(rollouts.counts[x] // n):
            here = (rollouts.problem == x) & (rollouts.draw // n == block)
            votes = [a for a in rollouts.answer[here] if a >= 0]
            if not votes:
                wins.append(0.0)
                continue
            most = max(votes.count(a) for a in votes)
            tied = {a for a in votes if votes.count(a) == most}
            wins.append((0 in tied) / len(tied))  # the answer 0 is the right one
        assert found[x] == pytest.approx(np.mean(wins))


def test_the_roc_counts_pairs() -> None:
    rollouts = with_scores([12, 15, 9], 7)
    found = search.roc(rollouts)
    assert found is not None
    assert rollouts.score is not None

    def area(mine: np.ndarray) -> float:
        right = rollouts.score[mine & rollouts.correct]
        wrong = rollouts.score[mine & ~rollouts.correct]
        less = (right[:, None] > wrong) + 0.5 * (right[:, None] == wrong)
        return float(less.mean())

    assert found.pooled == pytest.approx(area(np.ones(36, dtype=bool)))
    for x in range(3):
        assert found.within[x] == pytest.approx(area(rollouts.problem == x))
    first, *_, last = found.points.itertuples(index=False)
    assert (tuple(first), tuple(last)) == ((0.0, 0.0), (1.0, 1.0))


def test_a_roc_needs_right_and_wrong_samples() -> None:
    import dataclasses

    rollouts = with_scores([5, 5], 0)
    assert search.roc(dataclasses.replace(rollouts, correct=np.ones(10, dtype=bool))) is None


def test_budgets_are_powers_and_the_last() -> None:
    assert search.budgets(100) == [1, 2, 4, 8, 10, 16, 32, 64, 100]
    assert search.budgets(1) == [1]
