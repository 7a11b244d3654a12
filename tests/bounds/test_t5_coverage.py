"""T5f: coverage of a clone, by its bound, its exact sum and all data sets."""

from __future__ import annotations

import numpy as np
import pytest

import antiscale as ac
from antiscale.bounds import clone_coverage_upper
from antiscale.risks.exact import clone_coverage
from tests.oracles_bounds import count_vectors, law_of_counts


def test_the_exact_sum_is_that_over_all_data_sets_and_below_the_bound(rng) -> None:
    ratios = []
    for _ in range(40):
        p = rng.dirichlet(np.full(3, 0.6))
        n, fold = int(rng.integers(1, 10)), float(rng.choice([1.0, 1.5, 2.0, 7.0]))
        counts = count_vectors(n, 3)
        rare = counts * fold <= n * p * (1 + 1e-12)
        expected = law_of_counts(p[None], counts)[0] @ (rare @ p)
        found = clone_coverage(p, n, fold)
        assert found == pytest.approx(expected, abs=1e-12)
        bound = float(clone_coverage_upper(p, n, fold))
        assert found <= bound * (1 + 1e-12)
        ratios.append(found / bound)
        # What was never seen is not covered at any fold.
        assert found >= p @ (1 - p) ** n - 1e-12
    assert np.median(ratios) > 0.3


def test_it_falls_exponentially_where_types_are_common_and_not_where_they_are_rare() -> None:
    even = {k: [clone_coverage(np.full(k, 1 / k), n, 2.0) for n in (100, 400)] for k in (10, 1000)}
    assert even[10][1] < even[10][0] / 100
    assert even[1000][1] > 0.5
    exact = [clone_coverage(np.full(k, 1 / k), 100, 2.0) for k in (10, 100, 1000)]
    assert [f"{z:.3g}" for z in exact] == ["0.0576", "0.366", "0.905"]  # paper_bounds.md, T5f


def test_best_of_m_on_the_clone_fails_no_more_often_than_coverage_says(rng) -> None:
    for _ in range(30):
        expert, n = rng.dirichlet(np.full(4, 0.5)), 12
        clone = rng.multinomial(n, expert) / n
        right = rng.random(4) < 0.5
        for fold in (1.5, 3.0, 8.0):
            uncovered = expert[clone * fold <= expert].sum()
            for tries in (1, 5, 40):
                fails = (1 - clone[right].sum()) ** tries
                most = np.exp(-tries / fold * max(expert[right].sum() - uncovered, 0.0))
                assert fails <= most * (1 + 1e-9)


def test_a_prompts_share_and_bad_input() -> None:
    rare, often = (float(clone_coverage_upper([0.5, 0.5], 40, 2, prompt_mass=z)) for z in (0.1, 1))
    assert often < rare < 1
    assert float(clone_coverage_upper([0.5, 0.5], 40, 2, prompt_mass=0.0)) == 1.0
    for wrong in ({"fold": 0.5}, {"n": -1}, {"expert": [0.5, 0.4]}):
        with pytest.raises(ac.InputError):
            clone_coverage_upper(**{"expert": [0.5, 0.5], "n": 4, "fold": 2} | wrong)
