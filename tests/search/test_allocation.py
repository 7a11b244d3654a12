"""Allocation: greedy against the dual bound, enumeration and a linear program (T10j)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import antiscale as ac
from antiscale import bounds
from antiscale.search.laws.allocation import concave_envelope


def instance(rng) -> tuple[list, list, np.ndarray, float]:
    count = int(rng.integers(1, 6))
    tokens = [
        np.cumsum(np.append(0.0, rng.uniform(0.2, 3, int(k)))) for k in rng.integers(0, 7, count)
    ]
    values = [np.append(0.0, rng.normal(0.4, 0.5, len(t) - 1).cumsum()) for t in tokens]
    return tokens, values, rng.dirichlet(np.ones(count)), float(rng.uniform(0, 8))


def by_linear_program(tokens, values, rho, budget) -> float:
    """All random choices: one probability per option."""
    sizes = [len(t) for t in tokens]
    cost = np.concatenate([r * t for r, t in zip(rho, tokens, strict=True)])
    worth = np.concatenate([r * v for r, v in zip(rho, values, strict=True)])
    whole = np.zeros((len(sizes), sum(sizes)))
    for x, start in enumerate(np.cumsum([0, *sizes[:-1]])):
        whole[x, start : start + sizes[x]] = 1.0
    found = optimize.linprog(-worth, cost[None], [budget], whole, np.ones(len(sizes)))
    return -found.fun


def test_greedy_is_the_linear_programs_optimum_and_the_dual_bound(rng) -> None:
    for _ in range(60):
        tokens, values, rho, budget = instance(rng)
        found = ac.search.allocate(tokens, values, rho, budget)
        assert found.value == pytest.approx(
            by_linear_program(tokens, values, rho, budget), abs=1e-8
        )
        upper = bounds.allocation_upper(tokens, values, budget, prompt_mass=rho)
        assert found.value == pytest.approx(upper, abs=1e-10)
        assert rho @ found.tokens <= budget * (1 + 1e-9)
        if found.price > 0:
            assert rho @ found.tokens == pytest.approx(budget)
        assert ((found.share > 0) & (found.low != found.high)).sum() <= 1


def test_whole_tries_for_concave_curves_are_the_best_of_all(rng) -> None:
    for _ in range(10):
        success = rng.uniform(0.02, 0.8, 3)
        n = np.arange(7.0)
        curves = [1 - (1 - c) ** n for c in success]
        for total in range(7):
            found = ac.search.allocate([n] * 3, curves, np.full(3, 1 / 3), total / 3)
            assert found.concave.all()
            best = max(
                sum(curve[k] for curve, k in zip(curves, split, strict=True)) / 3
                for split in itertools.product(range(7), repeat=3)
                if sum(split) == total
            )
            assert found.value == pytest.approx(best, abs=1e-12)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=12))
def test_the_envelope_is_concave_and_above(values: list[float]) -> None:
    v, t = np.array(values), np.arange(float(len(values)))
    corners = concave_envelope(t, v)
    assert corners[0] == 0
    assert v[corners[-1]] == v.max()
    slopes = np.diff(v[corners]) / np.diff(t[corners])
    assert (slopes > 0).all()
    assert (np.diff(slopes) <= 1e-12).all()
    assert (np.interp(t, t[corners], v[corners]) >= v - 1e-12).all()


def test_a_budget_for_everything_buys_everything() -> None:
    found = ac.search.allocate([[0, 1], [0, 2]], [[0, 1], [0, 0.5]], [0.5, 0.5], 10.0)
    assert found.value == pytest.approx(0.75)
    assert found.price == 0.0
    assert ac.search.allocate([[0, 1]], [[0, 1]], [1.0], 0.0).value == 0.0
    # Options that are worth less than a cheaper one are never taken.
    found = ac.search.allocate([[0, 1, 2]], [[0.3, 0.2, 0.1]], [1.0], 5.0)
    assert found.tokens.tolist() == [0.0]
    assert not found.concave[0] or found.value == 0.3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.search.allocate([[0, 0]], [[0, 1]], [1.0], 1.0), "tokens must rise"),
        (lambda: ac.search.allocate([[0, 1]], [[0]], [1.0], 1.0), "must be of one length"),
        (lambda: ac.search.allocate([[0, 1]], [[0, 1]], [0.5, 0.5], 1.0), "the same problems"),
        (lambda: ac.search.allocate([[2, 3]], [[0, 1]], [1.0], 1.0), "below what the cheapest"),
        (lambda: bounds.allocation_upper([[2, 3]], [[0, 1]], 1.0), "below what the cheapest"),
        (lambda: bounds.allocation_upper([[2, 3]], [[0]], 1.0), "must be of one length"),
        (lambda: bounds.allocation_upper([], [], 1.0), "at least one entry"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
