"""Rejection, revision, self-correction, the single trace: draws, closed forms, limits."""

from __future__ import annotations

import numpy as np
import pytest

import antiscale as ac
from antiscale import bounds
from antiscale.search.laws.rejection import capped_until_accepted
from antiscale.search.laws.revision import capped_revision, revision_by_tries
from antiscale.search.laws.self_correction import capped_correction, correction_by_rounds
from tests import oracles_search as oracle

COSTS = np.array([3, 5, 2, 4])
BUDGETS = np.array([2, 9, 23])
SOLVED = np.array([True, False, True, False])


def pmf(rng) -> np.ndarray:
    return rng.dirichlet(np.full(4, 1.5))


def test_rejection_on_a_million_runs(rng) -> None:
    # Laws at 1e-6 each, means at 1e-6 each.
    p, accept = pmf(rng), rng.uniform(0.05, 0.6, 4)
    capped = capped_until_accepted(p[None], accept[None], COSTS[None], BUDGETS)
    for q, budget in enumerate(BUDGETS):
        kept, spent = oracle.rejection(rng, p, accept, COSTS, budget=budget)
        oracle.agree(kept, capped.law[0, q])
        oracle.agree_in_mean(spent, capped.spent[0, q], float(budget))
    kept, spent = oracle.rejection(rng, p, accept, np.ones(4), tries=4)
    found = ac.search.until_accepted(p, accept, 4)
    oracle.agree(kept, found.law)
    oracle.agree_in_mean(spent, float(found.spent), 4.0)


def every_run(p, costs, following, budget: float, tries: float) -> tuple[np.ndarray, float]:
    """All runs of a strategy: the law of what stands in the end, and the mean tokens.

    `following(memory, last)` lists (chance, type, chance that it is accepted, next memory).
    """
    law, tokens = np.zeros(len(p)), 0.0

    def go(spent: int, drawn: int, last: int | None, memory, chance: float) -> None:
        nonlocal tokens
        choices = following(memory, last) if drawn < tries else []
        if not choices:
            tokens += chance * spent
            if last is not None:
                law[last] += chance
        for share, j, accept, after in choices:
            here = chance * share
            if spent + costs[j] > budget:
                tokens += here * budget
                if last is not None:
                    law[last] += here
                continue
            law[j] += here * accept
            tokens += here * accept * (spent + costs[j])
            if accept < 1:
                go(spent + costs[j], drawn + 1, j, after, here * (1 - accept))

    go(0, 0, None, frozenset(), 1.0)
    return law, tokens


def test_every_sequential_strategy_is_the_sum_over_all_its_runs(rng) -> None:
    for _ in range(4):
        p, costs = rng.dirichlet(np.ones(3)), rng.integers(2, 5, 3)
        solved = np.array([True, False, False])
        accept, by_answer = rng.uniform(0.1, 0.9, 3), rng.uniform(0.1, 0.9, 3)
        answers = np.array([[1, 0, 0], [0, *rng.dirichlet([1, 1])], [0, *rng.dirichlet([1, 1])]])
        judge = ac.search.SelfVerifier(accept_right=0.7, accept_wrong=0.2, fix=0.3, spoil=0.1)
        right, wrong = p * solved / p[0], p * ~solved / (1 - p[0])

        def reject(memory, last, p=p, accept=accept):
            return [(p[j], j, accept[j], memory) for j in range(3)]

        def revise(memory, last, p=p, answers=answers, by_answer=by_answer):
            left = [a for a in range(3) if a not in memory]
            total = (p @ answers[:, left]).sum()
            return [
                (p[j] * answers[j, a] / total, j, by_answer[a], memory | {a})
                for j in range(3) for a in left if answers[j, a] > 0
            ]  # fmt: skip

        def correct(memory, last, p=p, right=right, wrong=wrong, solved=solved):
            now = p
            if last is not None:
                mended = 0.9 if solved[last] else 0.3
                now = mended * right + (1 - mended) * wrong
            judged = np.where(solved, 0.7, 0.2)
            return [(now[j], j, judged[j], memory) for j in range(3)]

        budgets = np.array([1, 4, 11])
        found = {
            reject: capped_until_accepted(p[None], accept[None], costs[None], budgets),
            revise: capped_revision(p, answers, by_answer, costs, budgets),
            correct: capped_correction(p, solved, judge, costs, budgets),
        }
        for following, (laws, spent) in found.items():
            laws, spent = laws.reshape(3, 3), np.asarray(spent).reshape(3)
            for q, budget in enumerate(budgets):
                law, tokens = every_run(p, costs, following, budget, np.inf)
                np.testing.assert_allclose(laws[q], law, atol=1e-13)
                assert spent[q] == pytest.approx(tokens, abs=1e-11)
        for tries in (1, 2, 4):
            law, _ = every_run(p, costs, reject, np.inf, tries)
            np.testing.assert_allclose(
                ac.search.until_accepted(p, accept, tries).law, law, atol=1e-13
            )
            law, tokens = every_run(p, costs, revise, np.inf, tries)
            laws, spent = revision_by_tries(p, answers, by_answer, costs.astype(float))
            np.testing.assert_allclose(laws[min(tries, 3)], law, atol=1e-13)
            assert spent[min(tries, 3)] == pytest.approx(tokens, abs=1e-12)
            law, tokens = every_run(p, costs, correct, np.inf, tries)
            laws, spent = correction_by_rounds(p, solved, judge, costs.astype(float), tries - 1)
            np.testing.assert_allclose(laws[-1], law, atol=1e-13)


def test_rejection_in_its_limits(rng) -> None:
    p, accept = pmf(rng), np.array([0.9, 0.2, 0.9, 0.2])
    np.testing.assert_allclose(ac.search.until_accepted(p, accept, 1).law, p, atol=1e-16)
    assert ac.search.until_accepted(p, accept, 0).law.sum() == 0.0
    endless = ac.search.until_accepted(p, accept)
    np.testing.assert_allclose(endless.law, p * accept / (p @ accept))
    assert endless.spent == pytest.approx(1 / (p @ accept))
    # With one verdict the best of N is the first accepted: rejection saves tokens, not errors.
    law = ac.search.rates(SOLVED, 0.9, 0.2)
    best = ac.search.select(p, law, 6)
    np.testing.assert_allclose(ac.search.until_accepted(p, accept, 6).law, best, atol=1e-14)
    # A long budget is no cap.
    capped = capped_until_accepted(p[None], accept[None], COSTS[None], np.array([3000]))
    np.testing.assert_allclose(capped.law[0, 0], endless.law, atol=1e-12)
    assert capped.spent[0, 0] == pytest.approx(float(endless.spent) * (p @ COSTS))
    # A verifier that accepts all takes the first trace, one that accepts none the last.
    assert ac.search.until_accepted(p, np.ones(4)).spent == pytest.approx(1.0)
    np.testing.assert_allclose(ac.search.until_accepted(p, np.zeros(4), 5).law, p, atol=1e-15)


ANSWERS = np.array(
    [[1, 0, 0, 0], [0, 0.5, 0.3, 0.2], [1, 0, 0, 0], [0, 0.1, 0.6, 0.3]], dtype=float
)
ALIKE = np.array([[1, 0, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 1, 1]]) / [[1], [3], [1], [3]]


@pytest.mark.parametrize("answers", [ANSWERS, ALIKE], ids=["uneven", "alike"])
def test_revision_on_a_million_runs(rng, answers: np.ndarray) -> None:
    # Laws at 1e-6 each, means at 1e-6 each.
    p = pmf(rng)
    accept = np.array([0.7, 0.2, 0.2, 0.2]) if answers is ALIKE else np.array([0.7, 0.1, 0.3, 0.2])
    capped = capped_revision(p, answers, accept, COSTS, BUDGETS)
    for q, budget in enumerate(BUDGETS[1:], start=1):
        kept, spent = oracle.revision(rng, p, answers, accept, COSTS, budget=budget)
        oracle.agree(kept, capped.law[q])
        oracle.agree_in_mean(spent, capped.spent[q], float(budget))
    laws, tokens = revision_by_tries(p, answers, accept, COSTS.astype(float))
    for tries in (1, 3):
        kept, spent = oracle.revision(rng, p, answers, accept, COSTS, tries=tries)
        oracle.agree(kept, laws[tries])
        oracle.agree_in_mean(spent, tokens[tries], 5.0 * tries)
    assert len(laws) == 5
    np.testing.assert_allclose(capped_revision(p, answers, accept, COSTS, np.array([30])).law[0],
                               laws[-1], atol=1e-14)  # fmt: skip


def test_revision_is_its_closed_form(rng) -> None:
    for _ in range(30):
        c, count = rng.uniform(0.02, 0.95), int(rng.integers(1, 6))
        true, false = rng.random(2)
        answers = np.zeros((2, count + 1))
        answers[0, 0], answers[1, 1:] = 1.0, 1 / count
        for tries in range(1, count + 3):
            law = ac.search.revise([c, 1 - c], answers, [true] + [false] * count, tries)
            exact = bounds.revision_accuracy(
                c, tries, count, true_positive=true, false_positive=false
            )
            assert law[0] == pytest.approx(exact, abs=1e-13)
            sure = bounds.revision_accuracy(c, tries, count)
            assert sure >= float(ac.search.pass_at_n(c, tries)) - 1e-12
        assert bounds.revision_accuracy(c, count + 1, count) == pytest.approx(1.0)
    # Very many wrong answers are never drawn twice anyway.
    for tries in (1, 4):
        far = bounds.revision_accuracy(0.2, tries, 10**6)
        assert far == pytest.approx(float(ac.search.pass_at_n(0.2, tries)), abs=1e-5)


JUDGES = {
    "fresh": ac.search.SelfVerifier(accept_right=0.8, accept_wrong=0.3),
    "mending": ac.search.SelfVerifier(accept_right=0.7, accept_wrong=0.2, fix=0.3, spoil=0.1),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=list(JUDGES))
def test_self_correction_on_a_million_runs(rng, judge) -> None:
    # Laws at 1e-6 each, means at 1e-6 each.
    p = pmf(rng)
    capped = capped_correction(p, SOLVED, judge, COSTS, BUDGETS)
    for q, budget in enumerate(BUDGETS):
        kept, spent = oracle.correction(rng, p, SOLVED, judge, COSTS, budget=budget)
        oracle.agree(kept, capped.law[q])
        oracle.agree_in_mean(spent, capped.spent[q], float(budget))
    laws, tokens = correction_by_rounds(p, SOLVED, judge, COSTS.astype(float), 2)
    kept, spent = oracle.correction(rng, p, SOLVED, judge, COSTS, tries=3)
    oracle.agree(kept, laws[2])
    oracle.agree_in_mean(spent, tokens[2], 15.0)


def test_self_correction_is_its_closed_form(rng) -> None:
    for _ in range(30):
        c, a, b, f, s = rng.uniform(0.01, 0.99, 5)
        judge = ac.search.SelfVerifier(accept_right=a, accept_wrong=b, fix=f, spoil=s)
        for rounds in (0, 1, 2, 5, 12):
            law = ac.search.self_correct([c, 1 - c], [1, 0], judge, rounds)
            exact = bounds.self_correction_accuracy(c, a, b, f, s, rounds)
            assert law[0] == pytest.approx(float(exact), abs=1e-13)
        helps = float(bounds.self_correction_accuracy(c, a, b, f, s, 1)) > c
        assert helps == ((1 - c) * (1 - b) * f > c * (1 - a) * s)
        fresh = bounds.self_correction_accuracy(c, a, b, c, 1 - c, np.inf)
        assert float(fresh) == pytest.approx(c * a / (c * a + (1 - c) * b), abs=1e-12)
        law = ac.search.self_correct(
            [c, 1 - c], [1, 0], ac.search.SelfVerifier(accept_right=a, accept_wrong=b), 4000
        )
        assert law[0] == pytest.approx(float(fresh), abs=1e-9)


def test_self_correction_where_nothing_is_right_stays_wrong() -> None:
    judge = ac.search.SelfVerifier(fix=0.5, spoil=0.5)
    law = ac.search.self_correct([0.5, 0.5], [0, 0], judge, 3)
    np.testing.assert_allclose(law, [0.5, 0.5])
    law = ac.search.self_correct([0.5, 0.5], [1, 1], judge, 3)
    np.testing.assert_allclose(law, [0.5, 0.5])


def test_a_forced_trace_by_hand_and_on_a_million_draws(rng) -> None:
    # Two comparisons at 1e-6.
    p, times = [0.2, 0.3, 0.5], [4.0, 7.0, np.inf]
    found = ac.search.forced_trace(p, times, [3, 4, 7, 100], 10)
    np.testing.assert_allclose(found.accuracy, [0, 0.2, 0.5, 0.5])
    np.testing.assert_allclose(found.value, [0, 1.4, 2.6, 2.6])
    own = ac.search.forced_trace(p, times, [3, 4, 7, 10])
    np.testing.assert_allclose(own.value, [0, 0.2, 1.1, 2.6])
    drawn = oracle.types(rng, np.array(p), (oracle.RUNS,))
    solved = np.array(times)[drawn] <= 7
    oracle.agree(1 - solved.astype(int), np.array([0.5, 0.5]))
    reward = np.where(solved, 11 - np.where(solved, np.array(times)[drawn], 0.0), 0.0)
    oracle.agree_in_mean(reward, 2.6, 10.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.until_accepted([1.0], [0.0]), "no type is ever accepted"),
        (lambda: ac.search.until_accepted([1.0], [0.5], 1.5), "tries must be whole numbers"),
        (lambda: ac.search.until_accepted([1.0], [0.5, 1.0]), "must have the same types"),
        (lambda: ac.search.revise([1.0], [[1.0]], [1, 0], 2), "must have shapes"),
        (lambda: ac.search.revise([0.5, 0.5], np.eye(2), [1, 0], 0), "tries must be a whole"),
        (
            lambda: ac.search.revise(
                np.full(14, 1 / 14), np.eye(14), np.linspace(0.1, 0.9, 14), 3
            ),
            "16384 sets of rejected ones",
        ),
        (lambda: ac.search.SelfVerifier(fix=1.5), r"fix must lie in \[0, 1\]"),
        (
            lambda: ac.search.self_correct([1.0], [1], ac.search.SelfVerifier(), -1),
            "rounds must be a whole number >= 0",
        ),
        (lambda: ac.search.forced_trace([1.0], [1.0, 2.0], [1, 2, 3]), "must have the same types"),
        (lambda: bounds.revision_accuracy(0.0, 1, 1), r"success must lie in \(0, 1\)"),
        (lambda: bounds.self_correction_accuracy(0.5, 0, 0, 0, 0, np.inf), "never ends"),
        (lambda: bounds.self_correction_accuracy(0.5, 1, 0, 0, 0, 1.5), "rounds must be a whole"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
