"""Sufficient statistics: their law, and streams that depend on their keys alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from antiscale.core.random import stream
from antiscale.data import draw_counts
from tests.oracles_bounds import count_vectors, law_of_counts

PMF = np.array([[0.5, 0.3, 0.2], [0.1, 0.0, 0.9]])
RHO = np.array([0.25, 0.75])


def draw(replicates, *, n: int = 3, seed: int = 0, side="base", horizon: int = 16, backend="cpu"):
    return draw_counts(
        PMF, RHO, n, seed=seed, side=side, horizon=horizon, replicates=replicates, backend=backend
    )


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_counts_have_the_law_of_n_traces(backend: str) -> None:
    repeats, n = 20000, 3
    counts = draw(range(repeats), n=n, backend=backend).reshape(repeats, -1)
    outcomes = count_vectors(n, 6)
    law = law_of_counts((RHO[:, None] * PMF).reshape(1, -1), outcomes)[0]
    place = {tuple(row): k for k, row in enumerate(outcomes)}
    seen = np.bincount([place[tuple(row)] for row in counts.astype(int)], minlength=len(outcomes))
    assert seen[law == 0].sum() == 0
    common = law * repeats >= 5
    observed = np.append(seen[common], seen[~common].sum())
    expected = np.append(law[common], law[~common].sum()) * repeats
    # Fails by bad luck with probability 1e-6.
    assert stats.chisquare(observed, expected).pvalue > 1e-6


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("n", [1, 10**4, 10**9])
def test_counts_sum_to_n_however_large(n: int, backend: str) -> None:
    counts = draw(range(5), n=n, backend=backend)
    assert (counts.sum((1, 2)) == n).all()
    assert (counts[:, 1, 1] == 0).all()
    if n >= 10**4:
        # Each of ten proportions is off by six standard deviations with probability 2e-9.
        for joint, found in zip(
            (RHO[:, None] * PMF).ravel(), counts.reshape(5, -1).T / n, strict=True
        ):
            assert np.abs(found - joint).max() <= 6 * np.sqrt(joint * (1 - joint) / n)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_a_replicate_does_not_depend_on_the_others(backend: str) -> None:
    many = draw(range(10), n=50, backend=backend)
    np.testing.assert_array_equal(draw([7], n=50, backend=backend)[0], many[7])
    np.testing.assert_array_equal(draw([7, 2], n=50, backend=backend), many[[7, 2]])


def test_every_part_of_the_key_matters() -> None:
    base = draw(range(4), n=1000)
    for change in ({"seed": 1}, {"side": "expert"}, {"horizon": 32}, {"n": 1001}):
        assert (draw(range(4), **({"n": 1000} | change)) != base).any()
    first, second = (stream(0, "base", 1, k).random() for k in (2, 3))
    assert first != second == stream(0, "base", 1, 3).random()


def test_each_replicate_may_have_a_policy_of_its_own() -> None:
    policies = np.stack([np.eye(3)[[k, k]] for k in (0, 1, 2)])
    counts = draw_counts(
        policies, RHO, 40, seed=0, side="expert", horizon=16, replicates=range(3), backend="cpu"
    )
    for k in range(3):
        assert counts[k, :, k].sum() == 40


def test_rounding_never_puts_counts_on_a_type_of_mass_zero() -> None:
    # The masses sum to just under one in floats; the missing part must not fall on the last type.
    pmf = np.append(np.full(10, 0.1), 0.0)[None]
    counts = draw_counts(
        pmf, np.ones(1), 10**15, seed=0, side="base", horizon=1, replicates=range(20), backend="cpu"
    )
    assert (counts[..., -1] == 0).all()
