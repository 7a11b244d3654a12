"""T6: a verifier's error, by enumerating every data set."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import antiscale as ac
from tests.oracles_bounds import count_vectors, law_of_counts


def errors_of_version_spaces(p, table, n: int):
    """For each data set its law, and for each truth the worst error left in the version space."""
    counts = count_vectors(n, len(p))
    differ = table[:, None, :] != table[None, :, :]
    mass = differ @ p  # [K, K]
    agree = ~((counts[:, None, None, :] > 0) & differ[None]).any(-1)  # [N, K, K]
    return law_of_counts(p[None], counts)[0], np.where(agree, mass, 0.0).max(-1)  # [N], [N, K]


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_expectation_and_tail_hold_for_random_classes(rng, n: int) -> None:
    ratios = []
    for _ in range(25):
        size, members = int(rng.integers(2, 5)), int(rng.integers(2, 7))
        p = rng.dirichlet(np.ones(size))
        table = np.unique(rng.integers(0, 3, (members, size)), axis=0)
        log_size = math.log(len(table))
        law, left = errors_of_version_spaces(p, table, n)
        expected = float(ac.bounds.verifier_error(n, log_size))
        uniform = float(ac.bounds.verifier_error(n, log_size, uniform=True))
        assert (law @ left).max() <= expected + 1e-12
        assert law @ left.max(-1) <= uniform + 1e-12
        ratios.append(float(law @ left.max(-1)) / uniform if uniform else 1)
        for delta in (0.9, 0.5, 0.1):
            each = float(ac.bounds.verifier_error(n, log_size, delta=delta))
            at_once = float(ac.bounds.verifier_error(n, log_size, delta=delta, uniform=True))
            assert (law @ (left > each + 1e-12)).max() <= delta
            assert law @ (left.max(-1) > at_once + 1e-12) <= delta
    assert max(ratios) > 0.1


def test_the_formulas_are_the_printed_ones() -> None:
    k, n = 10, 1000
    assert float(ac.bounds.verifier_error(n, math.log(k))) == pytest.approx((1 + math.log(9)) / n)
    assert float(ac.bounds.verifier_error(n, math.log(k), uniform=True)) == pytest.approx(
        (1 + math.log(45)) / n
    )
    assert float(ac.bounds.verifier_error(n, math.log(k), delta=0.1)) == pytest.approx(
        math.log(90) / n
    )


def test_one_reward_needs_no_data_and_none_is_capped_at_one() -> None:
    assert float(ac.bounds.verifier_error(0, 0.0)) == 0.0
    assert float(ac.bounds.verifier_error(0, 1.0)) == 1.0
    assert float(ac.bounds.verifier_error(2, 100.0)) == 1.0
    assert float(ac.bounds.verifier_error(10, math.log(2))) == pytest.approx(0.1)


def test_classes_too_large_to_count_are_fine() -> None:
    assert float(ac.bounds.verifier_error(10**5, 5000.0)) == pytest.approx(5001e-5)
    assert float(ac.bounds.verifier_error(10**6, 5000.0, uniform=True)) == pytest.approx(
        (1 + 10000 - math.log(2)) / 10**6
    )


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_unseen_mass_is_the_expected_mass_of_unseen_styles(rng, n: int) -> None:
    p, rho = rng.dirichlet(np.ones(4)), 0.4
    joint = np.append(rho * p, 1 - rho)
    counts = count_vectors(n, 5)
    law = law_of_counts(joint[None], counts)[0]
    exact = law @ ((counts[:, :4] == 0) @ p)
    found = float(ac.bounds.unseen_mass(p, n, prompt_mass=rho))
    assert found == pytest.approx(exact, rel=1e-12)
    if n:
        assert rho * found <= 4 / (math.e * n)


@pytest.mark.parametrize("delta", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("n", [0, 1, 4, 9])
def test_unseen_mass_exceeds_its_quantile_no_more_often_than_stated(rng, n, delta) -> None:
    """T6d at two prompts, all data sets enumerated."""
    for _ in range(5):
        rho = np.array([0.7, 0.3])
        mass = rng.dirichlet(np.ones(2), 2)
        joint = (rho[:, None] * mass).ravel()
        counts = count_vectors(n, 4)
        law = law_of_counts(joint[None], counts)[0]
        unseen = (counts == 0) @ joint
        bound = ac.bounds.unseen_mass_in_probability(mass, n, delta, prompt_mass=rho)
        assert law[unseen > bound * (1 + 1e-12)].sum() <= delta
        mean = float(rho @ ac.bounds.unseen_mass(mass, n, prompt_mass=rho))
        assert mean * (1 - 1e-9) <= bound <= 1.0 + 1e-12
    # Not vacuous: many light blocks are concentrated about their mean.
    light = np.full(2000, 1 / 2000)
    quantile = ac.bounds.unseen_mass_in_probability(light, 2000, 1e-3)
    assert quantile <= 1.15 * float(ac.bounds.unseen_mass(light, 2000))


def test_unseen_mass_bounds_the_error_on_styles_for_every_truth_at_once(rng) -> None:
    # Three styles of one type each; members are all subsets and their mirrors, H = 10.
    p, f, horizon, n = rng.dirichlet(np.ones(3)), np.array([3.0, 7.0, 9.0]), 10.0, 4
    direct = np.array(list(itertools.product([0, 1], repeat=3))) * f
    table = np.concatenate([direct, horizon - direct])
    law, left = errors_of_version_spaces(p, table, n)
    found = float(ac.bounds.unseen_mass(p, n))
    assert law @ left.max(-1) <= found + 1e-12
    assert law @ left.max(-1) == pytest.approx(found, rel=1e-9)  # here it is even equal


def test_unseen_mass_bounds_the_error_on_the_mirror_class(rng) -> None:
    p, r, horizon, n = np.array([0.3, 0.5, 0.2]), np.array([0.0, 5.0, 8.0]), 10.0, 3
    table = np.stack([r, horizon - r])
    law, left = errors_of_version_spaces(p, table, n)
    found = float(ac.bounds.unseen_mass([0.5], n))  # P(R != H/2) = 0.3 + 0.2
    assert law @ left.max(-1) == pytest.approx(found, rel=1e-12)


def test_arguments_broadcast(rng) -> None:
    p = rng.dirichlet(np.ones(3), 2)
    found = ac.bounds.unseen_mass(p, [[1], [10]], prompt_mass=[0.2, 0.8])
    assert found.shape == (2, 2)
    assert float(found[1, 0]) == pytest.approx(
        float(ac.bounds.unseen_mass(p[0], 10, prompt_mass=0.2))
    )
    assert ac.bounds.verifier_error([1, 10], [[1.0], [2.0]]).shape == (2, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.bounds.verifier_error(-1, 1), "n must be finite and >= 0"),
        (lambda: ac.bounds.verifier_error(5, 1, delta=0), r"delta must lie in \(0, 1\]"),
        (lambda: ac.bounds.verifier_error(5, np.nan), "log_class_size contains NaN"),
        (lambda: ac.bounds.unseen_mass([1.5], 3), r"style_mass must lie in \[0, 1\]"),
        (lambda: ac.bounds.unseen_mass([0.5], 3, prompt_mass=-1), "prompt_mass must lie in"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
