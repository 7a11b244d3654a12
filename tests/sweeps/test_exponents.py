"""Fitted exponents: right on power laws, honest where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.exponents import fit_exponents

CELLS = [(2**k, 32 * 2**k) for k in range(4, 13)]


def fit(vf, vb, sigma_exponent: float | None = 1.0, cells=CELLS, **config):
    losses = [{"vf": np.asarray(a), "vb": np.asarray(b)} for a, b in zip(vf, vb, strict=True)]
    return fit_exponents(SweepConfig(**config), cells, losses, sigma_exponent)


def noisy(rng, exponent: float, scale: float = 1.0):
    return [scale * h**exponent * rng.lognormal(0, 0.3, 100) for h, _ in CELLS]


def test_power_laws_are_recovered_within_their_intervals(rng) -> None:
    found = fit(noisy(rng, 0.5), noisy(rng, 0.0, 0.01))
    for name, truth in (("vf_slope", 0.5), ("vb_slope", 0.0), ("gap_slope", 0.5)):
        slope = found[name]
        # A 99% interval of half-width d misses by 2 d with probability below 1e-6.
        assert abs(slope["estimate"] - truth) < slope["high"] - slope["low"]
        assert slope["low"] < slope["estimate"] < slope["high"]
        assert slope["high"] - slope["low"] < 0.1
        assert slope["all_high"] - slope["all_low"] < slope["high"] - slope["low"]
        assert slope["reason"] is None
        assert slope["points"] == 5


def test_only_the_largest_five_count_but_the_rest_is_shown(rng) -> None:
    vf = noisy(rng, 0.5)
    vf[:4] = [100 * x for x in vf[:4]]
    found = fit(vf, noisy(rng, 0.0, 0.01))["vf_slope"]
    assert found["estimate"] == pytest.approx(0.5, abs=0.1)
    assert found["all_estimate"] < 0.2


def test_exact_losses_have_exact_slopes() -> None:
    exact = [np.full(3, h**0.5) for h, _ in CELLS]
    found = fit(exact, [np.full(3, 1e-3)] * 9)["vf_slope"]
    assert found["estimate"] == pytest.approx(0.5, rel=1e-12)
    assert found["high"] - found["low"] < 1e-12


def test_what_has_no_exponent_is_null_with_a_reason(rng) -> None:
    found = fit(noisy(rng, 0.5), [np.zeros(5)] * 9)
    assert found["vb_slope"]["estimate"] is None
    assert "zero to rounding" in found["vb_slope"]["reason"]
    found = fit(noisy(rng, 0.5, 1e-3), noisy(rng, 0.5))
    assert found["gap_slope"]["estimate"] is None
    assert "negative" in found["gap_slope"]["reason"]
    found = fit([np.ones(5)], [np.ones(5)], cells=CELLS[:1])
    assert "at least two points" in found["vf_slope"]["reason"]
    rare = np.zeros(50)
    rare[0] = 1.0
    found = fit(noisy(rng, 0.5), [rare] * 9)["vb_slope"]
    assert found["estimate"] is not None
    assert found["low"] is None
    assert "vanishes in some resamples" in found["reason"]
    json.dumps(found, allow_nan=False)


def test_theory_follows_what_varies(rng) -> None:
    def theory(sigma_exponent: float | None, **config):
        found = fit(noisy(rng, 0.5), noisy(rng, 0.0, 0.01), sigma_exponent, **config)
        return [found[f"{name}_slope"]["theory"] for name in ("vf", "vb", "gap")]

    assert theory(1.0) == [0.5, 0.0, 0.5]
    assert theory(0.5) == [0.0, 0.0, None]
    assert theory(1.0, samples=1000) == [1.0, 1.0, None]
    assert theory(None) == [None, 0.0, None]
    assert theory(1.0, vary="n", samples=10**6) == [-0.5, -1.0, -0.5]


def test_resamples_follow_the_seed(rng) -> None:
    vf, vb = noisy(rng, 0.5), noisy(rng, 0.0)
    assert fit(vf, vb, seed=1) == fit(vf, vb, seed=1)
    assert fit(vf, vb, seed=1)["vf_slope"]["low"] != fit(vf, vb, seed=2)["vf_slope"]["low"]


def test_exact_losses_are_fitted_in_place_of_the_replicates(rng) -> None:
    vf, vb = noisy(rng, 0.5), noisy(rng, 0.0)
    losses = [{"vf": a, "vb": b} for a, b in zip(vf, vb, strict=True)]
    exact = [{"vf": None, "vb": h**-1.2} for h, _ in CELLS]
    found = fit_exponents(SweepConfig(), CELLS, losses, 1.0, exact=exact)
    slope = found["vb_slope"]
    assert slope["estimate"] == slope["low"] == slope["high"] == pytest.approx(-1.2, rel=1e-12)
    assert slope["method"] == "exact"
    assert found["vf_slope"] == fit(vf, vb)["vf_slope"]
    assert found["vf_slope"]["method"] == "bootstrap"
    assert found["gap_slope"]["low"] < found["gap_slope"]["high"]
    assert slope["theory_is"] == "the limit H -> infinity"
