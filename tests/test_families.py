"""Trace models: what each family is, at every horizon."""

from __future__ import annotations

import math

import numpy as np
import pytest

import antiscale as ac

HORIZONS = [16, 32, 64, 256, 1024, 4096]


def test_the_bilevel_return_counts_the_tokens_from_the_first_solution_on() -> None:
    found = ac.bilevel_return(10, [1, 4, 10, 11, 99, math.inf])
    np.testing.assert_array_equal(found, [10, 7, 1, 0, 0, 0])


@pytest.mark.parametrize("name", ["heterogeneous", "homogeneous", "sharp"])
@pytest.mark.parametrize("horizon", [16, 17, 100, 4096])
def test_every_family_is_a_policy_at_every_horizon(name: str, horizon: int) -> None:
    model = ac.load_family(name, horizon=horizon)
    np.testing.assert_allclose(model.pmf.sum(-1), 1, rtol=1e-12)
    assert (model.pmf >= 0).all()
    assert model.prompt_mass.sum() == pytest.approx(1)
    assert ((model.returns >= 0) & (model.returns <= horizon)).all()
    assert (model.returns == np.floor(model.returns)).all()
    for array in (model.pmf, model.hitting_times, model.styles, model.prompt_mass):
        assert not array.flags.writeable


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_default_instance_is_scale_free(horizon: int) -> None:
    model = ac.load_family("heterogeneous", horizon=horizon)
    assert model.pmf.shape == (8, 18 * 8)
    u = np.arange(1, 16, 2) / 16
    np.testing.assert_array_equal(
        np.unique(model.returns[model.returns > 0]), np.sort(horizon * (1 - u))
    )
    sigma = ac.heterogeneity(model.pmf, model.returns)
    assert np.median(sigma) / horizon == pytest.approx(0.310, abs=5e-4)
    assert ac.anticoncentration(model.pmf, model.returns, 0.25).min() == pytest.approx(0.25)
    ratio = ac.chi2_ball_optimum(model.pmf, model.returns, 0.25).density_ratio
    assert float(ratio.max()) == pytest.approx(2.34, abs=5e-3)


def test_styles_are_valid_by_the_parity_of_the_prompt_and_halve_in_weight() -> None:
    model = ac.load_family("heterogeneous", horizon=64, prompts=3, styles=4, lengths=2)
    weight = [model.pmf[0][model.styles[0] == b].sum() for b in range(4)]
    np.testing.assert_allclose(np.divide(weight[1:], weight[:-1]), 0.5)
    for x in range(3):
        np.testing.assert_array_equal(model.correct[x], model.styles[x] % 2 == x % 2)


@pytest.mark.parametrize("spread", [0.0, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("horizon", [64, 1000, 4096])
def test_the_knob_changes_sigma_and_not_the_mean(horizon: int, spread: float) -> None:
    full = ac.load_family("heterogeneous", horizon=horizon)
    model = ac.load_family("heterogeneous", horizon=horizon, spread=spread)
    np.testing.assert_allclose(
        ac.mean_return(model.pmf, model.returns), ac.mean_return(full.pmf, full.returns), rtol=1e-12
    )
    variance = ac.heterogeneity(model.pmf, model.returns) ** 2
    expected = spread**2 * ac.heterogeneity(full.pmf, full.returns) ** 2
    assert (variance >= expected - 1e-6).all()
    assert (variance <= expected + 0.25 + 1e-6).all()  # whole tokens round the knob's own lengths


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_homogeneous_family_spreads_as_the_root_of_the_horizon(horizon: int) -> None:
    model = ac.load_family("homogeneous", horizon=horizon)
    assert model.correct.all()
    sigma = ac.heterogeneity(model.pmf, model.returns)
    assert (np.abs(sigma / math.sqrt(horizon) - 0.29) < 0.07).all()
    assert (np.abs(ac.mean_return(model.pmf, model.returns) - 0.75 * horizon) <= 1).all()


@pytest.mark.parametrize("c0", [0.25, 0.0625, 0.0156, 0.001])
def test_the_sharp_family_has_the_anticoncentration_it_is_asked_for(c0: float) -> None:
    model = ac.load_family("sharp", horizon=256, c0=c0)
    assert ac.anticoncentration(model.pmf, model.returns, 0.25) == pytest.approx(np.full(8, c0))
    ratio = float(ac.chi2_ball_optimum(model.pmf, model.returns, 0.25).density_ratio.max())
    assert ratio == pytest.approx(1 + math.sqrt(0.25 * (1 - c0) / c0), rel=1e-9)


def test_an_explicit_model_is_what_it_is_given() -> None:
    model = ac.load_family("explicit", horizon=10, pmf=[0.5, 0.5], hitting_times=[3, np.inf])
    np.testing.assert_array_equal(model.returns, [[8, 0]])
    np.testing.assert_array_equal(model.prompt_mass, [1.0])
    model = ac.load_family(
        "explicit", horizon=10, pmf=[[0.5, 0.5], [1, 0]], hitting_times=[[3, 4], [5, 6]],
        styles=[[0, 1], [0, 1]], prompt_mass=[0.25, 0.75],
    )  # fmt: skip
    assert (model.prompts, model.types) == (2, 2)


def test_callers_arrays_are_not_frozen() -> None:
    pmf, times = np.array([[0.5, 0.5]]), np.array([[1.0, 2.0]])
    ac.load_family("explicit", horizon=10, pmf=pmf, hitting_times=times)
    pmf[0, 0] = 0.1
    times[0, 0] = 5


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("heterogenous", {"horizon": 64}, "did you mean 'heterogeneous'"),
        ("heterogeneous", {"horizon": 0}, "horizon must be a whole number >= 1; got 0"),
        ("heterogeneous", {"horizon": "many"}, "horizon must be a whole number"),
        ("heterogeneous", {"horizon": 64.5}, "horizon must be a whole number"),
        ("heterogeneous", {"horizon": math.nan}, "horizon must be a whole number"),
        ("heterogeneous", {"horizon": 8}, "needs a horizon of at least 16 tokens; got 8"),
        ("heterogeneous", {"horizon": 64, "styles": 1}, "styles must be a whole number >= 2"),
        ("heterogeneous", {"horizon": 64, "spread": 1.5}, r"spread must lie in \[0, 1\]"),
        ("heterogeneous", {"horizon": 64, "spred": 1}, "did you mean 'spread'"),
        ("homogeneous", {"horizon": 64, "styles": 3}, "has no parameter 'styles'"),
        ("sharp", {"horizon": 64, "c0": 0}, r"c0 must lie in \(0, 1\)"),
        ("explicit", {"horizon": 64}, "needs the parameter 'pmf'"),
        ("explicit", {"horizon": 9, "pmf": [1, 1], "hitting_times": [1, 2]}, "pmf must sum to 1"),
        ("explicit", {"horizon": 9, "pmf": [1], "hitting_times": [0]}, "count tokens from 1"),
        ("explicit", {"horizon": 9, "pmf": [1], "hitting_times": [1, 2]}, "must have pmf's shape"),
        (
            "explicit",
            {"horizon": 9, "pmf": [1], "hitting_times": [1], "styles": [0.5]},
            "styles must be whole numbers",
        ),
        (
            "explicit",
            {"horizon": 9, "pmf": [1], "hitting_times": [1], "prompt_mass": [0.5, 0.5]},
            "prompt_mass must have shape",
        ),
    ],
)
def test_bad_parameters_get_one_clear_line(name: str, options: dict, words: str) -> None:
    with pytest.raises(ac.InputError, match=words) as error:
        ac.load_family(name, **options)
    assert "\n" not in str(error.value)
