"""T10 against the exact law of best-of-N, from its order statistics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import antiscale as ac
from antiscale import bounds


def best_of(p: np.ndarray, scores: np.ndarray, tries: int) -> np.ndarray:
    """Enumerate all draws: the law of the best, ties split in proportion to p."""
    law = np.zeros(len(p))
    for draw in itertools.product(range(len(p)), repeat=tries):
        top = np.flatnonzero(scores == scores[list(draw)].max())
        law[top] += p[list(draw)].prod() * p[top] / p[top].sum()
    return law


@pytest.mark.parametrize("tries", [1, 2, 3, 5])
def test_no_law_goes_farther_than_stated(rng, tries: int) -> None:
    for _ in range(20):
        p = rng.dirichlet(np.full(4, 0.7))
        law = best_of(p, rng.integers(0, 3, 4), tries)
        w = law / p
        assert w.max() <= tries * (1 + 1e-12)
        assert p @ (w - 1) ** 2 <= bounds.best_of_n_chi2(tries) + 1e-12
        logs = np.log(np.where(w > 0, w, 1.0))
        assert law @ logs <= bounds.best_of_n_kl(tries) + 1e-12


@pytest.mark.parametrize("tries", [1, 2, 16, 100])
def test_an_almost_atomless_score_attains_both(tries: int) -> None:
    edges = np.linspace(0, 1, 200_001)
    w = np.diff(edges**tries) * 200_000
    assert np.mean((w - 1) ** 2) == pytest.approx(bounds.best_of_n_chi2(tries), rel=1e-6, abs=1e-9)
    logs = np.log(np.maximum(w, 1e-300))
    assert np.mean(w * logs) == pytest.approx(bounds.best_of_n_kl(tries), rel=1e-6, abs=1e-9)


def test_the_tries_are_just_enough(rng) -> None:
    for _ in range(100):
        c, delta = rng.uniform(0.001, 0.999, 2)
        tries = float(bounds.tries_needed(c, delta))
        assert (1 - c) ** tries <= delta * (1 + 1e-9)
        assert tries == 1 or (1 - c) ** (tries - 1) > delta * (1 - 1e-9)
        assert tries <= np.ceil(np.log(1 / delta) / c)
    assert bounds.tries_needed(1.0, 0.5) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.best_of_n_kl(0), "n must be >= 1"),
        (lambda: bounds.best_of_n_chi2(0.5), "n must be >= 1"),
        (lambda: bounds.tries_needed(0, 0.1), r"coverage must lie in \(0, 1\]"),
        (lambda: bounds.tries_needed(0.1, 1), r"delta must lie in \(0, 1\)"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
