"""Hard caps: the renewal recursions against enumeration, draws and reductions (T10h)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.search.laws.hard_cap import capped_select
from antiscale.search.laws.renewal import renew, traces_that_fit
from tests import oracles_search as oracle


def by_enumeration(p, scores, costs, budget: int) -> np.ndarray:
    """Every sequence of traces until one no longer fits; the first of the best."""
    law = np.zeros(len(p))

    def go(left: int, best: int | None, chance: float) -> None:
        for j in np.flatnonzero(p):
            if costs[j] > left:
                if best is not None:
                    law[best] += chance * p[j]
            else:
                better = best is None or scores[j] > scores[best]
                go(left - costs[j], j if better else best, chance * p[j])

    go(budget, None, 1.0)
    return law


def test_it_is_the_law_of_all_sequences(rng) -> None:
    for _ in range(20):
        p, scores = rng.dirichlet(np.ones(4)), rng.integers(0, 3, 4).astype(float)
        costs = rng.integers(1, 5, 4)
        p[rng.integers(4)] = 0.0
        p /= p.sum()
        law = ac.search.capped_best_of_n(p, scores, costs, np.arange(9))
        for budget in range(9):
            expected = by_enumeration(p, scores, costs, budget)
            np.testing.assert_allclose(law[budget], expected, atol=1e-14)
            solved = scores > 1
            success = ac.search.capped_success(p, solved, costs, budget)
            exact = by_enumeration(p, solved, costs, budget)[solved].sum()
            assert success == pytest.approx(exact, abs=1e-14)


def test_it_is_the_law_of_a_million_runs_with_a_verifier_that_errs(rng) -> None:
    # Two budgets, 1e-6 each.
    p, solved = rng.dirichlet(np.ones(4)), np.array([1, 0, 1, 0]) > 0
    costs = np.array([3, 5, 7, 2])
    answers = np.zeros((4, 3))
    answers[solved, 0] = 1.0
    answers[~solved, 1:] = 0.5
    law = ac.search.correlated(solved, answers, 0.8, 0.3, 0.5, passes=2)
    exact = capped_select(p[None], costs[None], law, [9, 24])[0]
    for budget, expected in zip((9, 24), exact, strict=True):
        drawn = oracle.capped(rng, p, law.mass, law.weight, costs, budget)
        oracle.agree(drawn, expected)


def test_a_gaussian_score_under_a_cap_on_a_million_runs(rng) -> None:
    # 1e-6. All costs alike: N is floor(B/c), and a coarser quadrature will do.
    p, solved = rng.dirichlet(np.ones(3)), np.array([1, 0, 0]) > 0
    law = ac.search.gaussian(solved, 0.8, spacing=0.12)
    exact = capped_select(p[None], np.full((1, 3), 4), law, [23])[0, 0]
    np.testing.assert_allclose(exact, ac.search.select(p, law, 5), atol=1e-13)
    costs = np.array([2, 5, 3])
    exact = capped_select(p[None], costs[None], law, [12])[0, 0]
    runs = oracle.RUNS
    spent, kept, top = np.zeros(runs), np.full(runs, -1), np.full(runs, -np.inf)
    going = np.arange(runs)
    shift = np.sqrt(2) * stats.norm.ppf(0.8)
    while len(going):
        drawn = oracle.types(rng, p, (len(going),))
        fits = spent[going] + costs[drawn] <= 12
        going, drawn = going[fits], drawn[fits]
        spent[going] += costs[drawn]
        score = rng.normal(size=len(going)) + shift * solved[drawn]
        better = score > top[going]
        top[going[better]], kept[going[better]] = score[better], drawn[better]
    oracle.agree(kept, exact)


def test_equal_costs_are_best_of_n(rng) -> None:
    p, scores = rng.dirichlet(np.ones(5)), rng.integers(0, 3, 5).astype(float)
    for budget, n in ((7, 1), (20, 2), (21, 3), (70, 10)):
        law = ac.search.capped_best_of_n(p, scores, np.full(5, 7), budget)
        np.testing.assert_allclose(law, ac.search.best_of_n(p, scores, n), atol=1e-14)
    assert ac.search.capped_best_of_n(p, scores, np.full(5, 7), 6).sum() == 0.0


def test_prompts_run_together_are_prompts_alone(rng) -> None:
    p, scores = rng.dirichlet(np.ones(4), 5), rng.integers(0, 3, (5, 4)).astype(float)
    costs = np.array([[1, 2, 3, 4], [2, 2, 3, 9], [1, 2, 3, 4], [4, 3, 2, 1], [5, 5, 5, 5]])
    together = capped_select(p, costs, ac.search.by_score(scores), [3, 11])
    for x in range(5):
        alone = ac.search.capped_best_of_n(p[x], scores[x], costs[x], [3, 11])
        np.testing.assert_allclose(together[x], alone, atol=1e-15)


def test_how_many_fit_and_what_they_cost(rng) -> None:
    # Two comparisons at 1e-6.
    mass, prices = np.array([0.5, 0.3, 0.2]), np.array([2, 3, 7])
    law = traces_that_fit(mass, prices, np.array([10, 1]))
    assert law[1].sum() == 0.0
    runs = oracle.RUNS
    spent, many, first = np.zeros(runs), np.zeros(runs, dtype=int), np.full(runs, -1)
    going = np.arange(runs)
    while len(going):
        drawn = oracle.types(rng, mass, (len(going),))
        going, drawn = [x[spent[going] + prices[drawn] <= 10] for x in (going, drawn)]
        first[going[many[going] == 0]] = drawn[many[going] == 0]
        spent[going] += prices[drawn]
        many[going] += 1
    oracle.agree(many, law[0].sum(-1) + (np.arange(6) == 0) * (1 - law[0].sum()))
    flat = np.where(first < 0, -1, 3 * many + first)
    oracle.agree(flat, law[0].ravel())


def test_the_recursion_solves_its_equation(rng) -> None:
    costs, kernel = np.array([2, 3, 11]), rng.random((3, 4)) / 4
    source = rng.random((40, 4))
    x = renew(source, kernel, costs)
    for t in range(40):
        earlier = [kernel[u] * x[t - c] for u, c in enumerate(costs) if t >= c]
        np.testing.assert_allclose(x[t], source[t] + sum(earlier), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.capped_best_of_n([1.0], [0], [0], 3), "costs must be whole tokens"),
        (lambda: ac.search.capped_best_of_n([1.0], [0], [1.5], 3), "costs must be whole tokens"),
        (lambda: ac.search.capped_best_of_n([1.0], [0], [1], 2.5), "budget must be whole tokens"),
        (lambda: ac.search.capped_best_of_n([1.0], [0, 1], [1], 2), r"of one shape \[S\]"),
        (
            lambda: ac.search.capped_best_of_n([1.0], [0], [1], 2**33),
            "lower the budgets or the horizon",
        ),
        (
            lambda: ac.search.capped_success([1.0], [2], [1], 2),
            "solved must list 1 or 0 for each type",
        ),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
