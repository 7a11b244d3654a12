"""T8c: noisy labels from below, against the Bayes regret of all labels and data sets."""

from __future__ import annotations

import math

import numpy as np
import pytest

import antiscale as ac
from antiscale.bounds import noisy_unseen_mass, vb_lower_fast, vb_lower_noisy
from antiscale.certify import pessimist


@pytest.mark.parametrize(("d", "n"), [(1, 20), (1, 200), (2, 8)])
@pytest.mark.parametrize("eta", [0.0, 0.05, 0.2])
def test_no_learner_of_the_ball_has_less_regret(d: int, n: int, eta: float) -> None:
    c = (math.sqrt(1 - eta) - math.sqrt(eta)) ** 2
    for s in (0.25, 0.5, 1.0):
        share = d * s / (c * n)
        if share > 0.9:
            continue
        kappa = min(0.2, 0.99 * (1 - share) / (1 + share))
        truth = pessimist.noisy_light_regret(s, d, n, kappa, eta, high=16.0)
        bound = float(vb_lower_noisy(16.0, n, d, kappa, eta, expected=s))
        assert bound <= truth
        if n == 200:
            assert bound > 0.3 * truth


def test_the_best_share_is_one_half_and_the_constant_its_limit() -> None:
    n, eta = 10**7, 0.2
    c = (math.sqrt(1 - eta) - math.sqrt(eta)) ** 2
    unit = math.sqrt(0.25) * 4 / (c * n)
    found = {s: float(vb_lower_noisy(1.0, n, 4, 0.25, eta, expected=s)) for s in (0.4, 0.5, 0.6)}
    assert found[0.5] == max(found.values())
    assert found[0.5] / unit == pytest.approx(1 / (8 * math.e), rel=1e-4)


def test_noise_divides_n() -> None:
    for eta in (0.1, 0.3, 0.4):
        c = (math.sqrt(1 - eta) - math.sqrt(eta)) ** 2
        noisy = float(vb_lower_noisy(1.0, 10**6, 4, 0.25, eta))
        clean = float(vb_lower_noisy(1.0, 10**6, 4, 0.25, 0.0))
        assert noisy / clean == pytest.approx(1 / c, rel=1e-4)
    # T8a is sharper where labels are clean: by 2 in the limit.
    clean = vb_lower_fast(1.0, 10**6, 4, 0.25) / vb_lower_noisy(1.0, 10**6, 4, 0.25, 0.0)
    assert float(clean) == pytest.approx(2, rel=1e-4)


def test_near_one_half_c_keeps_its_digits() -> None:
    # c = (1 - 2 eta)^2/2 up to a share (1 - 2 eta)^2 of it; 2^-25 is exact in floats.
    gap = 2.0**-25
    place = {"n": 10**20, "light": 1, "kappa": 0.25, "expected": 0.5}
    noisy = float(vb_lower_noisy(1.0, noise=(1 - gap) / 2, **place))
    clean = float(vb_lower_noisy(1.0, noise=0.0, **place))
    assert noisy / clean * gap**2 / 2 == pytest.approx(1, rel=1e-4)
    error = noisy_unseen_mass(style_mass=[1.0], n=1e15, noise=(1 - gap) / 2, tolerance=0)
    assert float(error) == pytest.approx(math.exp(-1e15 * gap**2 / 2), rel=1e-10)


def test_it_meets_the_upper_bound_within_its_constant() -> None:
    n, d, kappa = 10**6, 4, 0.25
    for eta in (0.05, 0.3):
        c = (math.sqrt(1 - eta) - math.sqrt(eta)) ** 2
        p = 0.5 / (c * n)
        error = float(noisy_unseen_mass(style_mass=[p] * d, n=n, noise=eta, tolerance=0))
        upper = (1 + math.sqrt(kappa)) * error
        lower = float(vb_lower_noisy(1.0, n, d, kappa, eta))
        expected = 4 * math.sqrt(math.e) * (1 + 1 / math.sqrt(kappa))
        assert upper / lower == pytest.approx(expected, rel=1e-3)


def test_bad_input_is_refused() -> None:
    good = {"horizon": 1.0, "n": 100, "light": 2, "kappa": 0.25, "noise": 0.1}
    for wrong, words in (
        ({"noise": 0.5}, "noise"), ({"expected": 0.0}, "expected"), ({"kappa": 2.0}, "kappa"),
        ({"light": 300}, "light types"), ({"n": np.nan}, "n"),
    ):  # fmt: skip
        with pytest.raises(ac.InputError, match=words):
            vb_lower_noisy(**good | wrong)
