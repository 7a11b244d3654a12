"""T9: certified gaps and exponents."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.risks.exact import sft_mirror_risk
from antiscale.risks.rare_types import LightTypes
from antiscale.sweeps.phase import boundary


def test_the_certified_gap_is_a_difference() -> None:
    found = ac.bounds.certified_gap([3.0, 4.0], [[1.0], [5.0]])
    np.testing.assert_array_equal(found, [[2.0, 3.0], [-2.0, -1.0]])
    with pytest.raises(ac.InputError, match="vf_lower contains NaN"):
        ac.bounds.certified_gap([3.0, np.nan], 1.0)


@pytest.mark.parametrize(
    ("gaps", "start"),
    [
        ([1, 2, 3], 0),
        ([-1, 2, 3], 1),
        ([1, -1, 3], 2),
        ([1, 2, -3], None),
        ([np.nan, 1], 1),
        ([1, np.nan], None),
        ([0, 0], None),
        ([], None),
    ],
)
def test_a_gap_is_certified_from_the_start_of_the_last_positive_run(gaps, start) -> None:
    assert ac.bounds.certified_from(gaps) == start


def test_exponents_are_theorys() -> None:
    assert ac.bounds.vf_exponent(1.0, 1.0) == 0.5
    assert ac.bounds.vb_exponent(1.0) == 0.0
    assert ac.bounds.gap_exponent(1.0, 1.0) == 0.5
    assert ac.bounds.vf_exponent(0.5, 1.0) == 0.0  # homogeneous


def test_cloning_outgrows_verification_iff_sigma_grows_faster_than_one_minus_half_b() -> None:
    for a in np.linspace(0, 1, 11):
        for b in np.linspace(0, 2, 11):
            found = ac.bounds.gap_exponent(float(a), float(b))
            if a > 1 - b / 2 + 1e-12:
                assert found == pytest.approx(a - b / 2)
            elif a < 1 - b / 2 - 1e-12:
                assert found is None


def sft_loss(horizon: float, n: int, q: float) -> float:
    """H E|N/n - q|, N binomial: what SFT loses to an expert that puts q on R = 0, else R = H."""
    k = np.floor(n * q) + 1
    return float(horizon * 2 * (1 - q) * k * stats.binom.pmf(k, n, q) / n)


def test_some_expert_of_the_ball_makes_cloning_lose_more_than_sigma_over_sqrt_n() -> None:
    """sigma = H^.4, n = H, kappa = 1/4: a < 1 - b/2, and yet cloning loses ever more."""
    losses = []
    for horizon, worst, at_base in ((1e3, 2.27, 0.25), (1e5, 5.64, 0.10), (1e7, 14.2, 0.04)):
        n, p = int(horizon), horizon ** (2 * (0.4 - 1))
        q = p + np.sqrt(0.25 * p * (1 - p))
        assert (q - p) ** 2 / (p * (1 - p)) == pytest.approx(0.25)
        losses.append(sft_loss(horizon, n, q))
        assert losses[-1] == pytest.approx(worst, rel=4e-3)
        # The base policy's clone loses sigma^2/H = H^-.2 only, in order.
        assert sft_loss(horizon, n, p) == pytest.approx(2 * at_base, rel=0.25)
        if horizon < 1e4:  # the engine's own exact risk says so too
            whole = sft_mirror_risk(
                np.array([[q, 1 - q]]), np.array([[0.0, horizon]]), n, np.ones(1),
                base=np.array([[p, 1 - p]]),
            )  # fmt: skip
            assert whole.value == pytest.approx(losses[-1], rel=1e-6)
    growth = np.diff(np.log(losses)) / np.log(100)
    expected = ac.bounds.vf_exponent_any_expert(0.4, 1.0)
    assert expected == pytest.approx(0.2)
    np.testing.assert_allclose(growth, expected, atol=0.005)
    # sigma/sqrt(n) falls, and verification's rate is 1.
    assert ac.bounds.vf_exponent(0.4, 1.0) < 0
    assert ac.bounds.gap_exponent(0.4, 1.0) is None


def test_with_few_traces_that_expert_costs_sigma_and_no_more() -> None:
    # b < 1 - a: the order is a, below (1 + a - b)/2.
    a, b, horizons = 0.2, 0.4, (1e6, 1e9, 1e12)
    losses = []
    for horizon in horizons:
        p = (horizon**a / horizon) ** 2
        losses.append(sft_loss(horizon, round(horizon**b), p + np.sqrt(0.25 * p * (1 - p))))
        assert losses[-1] <= 2 * 1.5 * horizon**a
    growth = np.diff(np.log(losses)) / np.diff(np.log(horizons))
    assert ac.bounds.vf_exponent_any_expert(a, b) == a
    np.testing.assert_allclose(growth, a, atol=0.01)


def test_an_experts_spread_is_bounded_by_its_ratio_and_by_the_ball(rng) -> None:
    for _ in range(300):
        size = int(rng.integers(2, 7))
        p, r = rng.dirichlet(np.full(size, 0.5)), rng.random(size) ** rng.choice([0.2, 1, 5])
        if rng.random() < 0.3:
            r = np.round(r)
        expert = rng.dirichlet(np.full(size, 0.5))
        w = expert / p
        kappa = p @ (w - 1) ** 2
        centred = r - p @ r
        own = expert @ (r - expert @ r) ** 2
        var = p @ centred**2
        assert own <= w.max() * var * (1 + 1e-9) + 1e-15
        assert own <= var + np.sqrt(kappa * (p @ centred**4)) + 1e-12
        assert own <= var + np.sqrt(kappa * var) + 1e-12


def test_below_the_light_types_line_cloning_is_of_no_larger_order() -> None:
    """For experts of the ball: pibar_kappa of every labelling, and one that only writes rare types.

    At a = .4, b = 1 the line is a = .75.
    """
    a, b, d, kappa = 0.4, 1.0, 4, 0.25
    assert a < boundary("growing", b)
    shares = []
    for horizon in (2.0**12, 2.0**16, 2.0**20):
        n = round(horizon**b)
        model = LightTypes(horizon=horizon, n=n, light=d, heavy_gap=horizon**a / 2,
                           light_gap=horizon / 2, kappa=kappa)  # fmt: skip
        rare = min(1 / n + np.sqrt(kappa / (n * d)), 1.0)
        limit = model.heavy_gap / np.sqrt(n) + d * model.light_gap * np.sqrt(
            (1 / n + np.sqrt(kappa / n)) / n
        )
        worst = max(
            *(model.cloning_risk(good) for good in range(d + 1)),
            model.light_gap * d * np.sqrt(rare * (1 - rare) / n) * np.sqrt(2 / np.pi) * 0.9,
        )
        assert worst <= limit
        shares.append(limit / (horizon * model.max_ratio * model.verifier_error()))
    assert shares[0] > shares[1] > shares[2]


def test_exponents_must_be_finite() -> None:
    with pytest.raises(ac.InputError, match="sigma must be finite"):
        ac.bounds.vf_exponent(np.inf, 1.0)
