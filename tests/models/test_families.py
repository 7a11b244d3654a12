"""Trace models: what each family is, at every horizon."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import antiscale as ac
from antiscale.models.families import FAMILIES, family, help_of
from antiscale.models.families.difficulty import Difficulty
from antiscale.models.families.erdos import Erdos
from antiscale.sweeps.plan import Plan

HORIZONS = [16, 32, 64, 256, 1024, 4096]


def test_the_bilevel_return_counts_the_tokens_from_the_first_solution_on() -> None:
    found = ac.bilevel_return(10, [1, 4, 10, 11, 99, math.inf])
    np.testing.assert_array_equal(found, [10, 7, 1, 0, 0, 0])


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"explicit"}))
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
        ("lognormal", {"horizon": 64, "styles": 3}, "has no parameter 'styles'"),
        ("sharp", {"horizon": 64, "c0": 0}, r"c0 must lie in \(0, 1\)"),
        ("explicit", {"horizon": 64}, "needs the parameter 'pmf'"),
        ("erdos", {"horizon": 64, "steps": 0}, "steps must be a whole number >= 1"),
        ("erdos", {"horizon": 64, "steps": 20, "ratio": 2.0}, "<= 12"),
        ("erdos", {"horizon": 16, "steps": 9}, "at least 18 tokens; got 16"),
        ("erdos", {"horizon": 64, "ratio": 0.5}, "ratio must be >= 1"),
        ("geometric", {"horizon": 64, "rate": 0}, r"rate must lie in \(0, 16\]"),
        ("geometric", {"horizon": 64, "announced": 1}, "announced must be true or false"),
        ("geometric", {"horizon": 8}, "at least 16 tokens"),
        ("lognormal", {"horizon": 64, "spread": 0}, "spread must be > 0"),
        ("difficulty", {"horizon": 64, "alpha": -1}, "alpha must be > 0"),
        ("two_point", {"horizon": 64, "low": 0.9}, "low must be below high"),
        ("two_point", {"horizon": 4, "low": 0.7}, "round to the same return"),
        ("planted", {"horizon": 64, "weights": (1.0,)}, "one entry per pace"),
        ("planted", {"horizon": 64, "targets": ((9,),)}, "each in 0..7"),
        ("explicit", {"horizon": 9, "file": "nowhere.csv"}, "does not exist"),
        ("explicit", {"horizon": 9, "file": "nowhere.csv", "pmf": [1]}, "either file or arrays"),
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


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"explicit"}))
def test_sigma_grows_as_the_family_says(name: str) -> None:
    horizons = np.array([256, 1024, 4096])
    sigma = []
    for horizon in horizons:
        model = ac.load_family(name, horizon=int(horizon))
        sigma.append(np.median(ac.heterogeneity(model.pmf, model.returns)))
    slope = np.polyfit(np.log(horizons), np.log(sigma), 1)[0]
    assert slope == pytest.approx(model.sigma_exponent, abs=0.03)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_says_what_it_models_and_every_parameter_is_told(name: str) -> None:
    told = help_of(name)
    assert len(told.split("\n\n")[1]) > 100
    for parameter in FAMILIES[name].__dataclass_fields__:
        if parameter not in ("name", "reward_class"):
            assert parameter in told


def test_erdos_attains_the_window_bound_for_equal_steps_alone() -> None:
    for steps in (1, 2, 7, 8, 40):
        for ratio in (1.0, 2.5):
            if ratio > 1 and steps > 12:
                continue
            law = Erdos(steps=steps, ratio=ratio)
            width, bound = law.window(2048)
            model = law.at(2048)
            found = ac.sharpness(model.pmf, model.returns, width)[0]
            assert found <= bound * (1 + 1e-12)
            if ratio == 1:
                assert found == pytest.approx(bound, rel=1e-12)
            elif steps > 2:
                assert found < bound


def test_erdos_steps_are_independent_fair_bits() -> None:
    law = Erdos(steps=6, ratio=3.0)
    extra = law.extra_tokens(512)
    model = law.at(512)
    mean = 512 // 8 + 1 + extra.sum() / 2
    assert model.pmf[0] @ model.hitting_times[0] == pytest.approx(mean)
    assert ac.heterogeneity(model.pmf, model.returns)[0] == pytest.approx(
        np.sqrt((extra**2).sum()) / 2
    )


def test_geometric_is_geometric_and_lognormal_is_lognormal() -> None:
    model = ac.load_family("geometric", horizon=100, rate=3.0)
    expected = stats.geom.pmf(np.arange(1, 101), 0.03)
    np.testing.assert_allclose(model.pmf[0, :100], expected, rtol=1e-12)
    assert model.pmf[0, 100:].sum() == pytest.approx(stats.geom.sf(100, 0.03))
    model = ac.load_family("lognormal", horizon=100, mean=0.4, spread=0.3)
    variance = np.log(1 + (30 / 40) ** 2)
    law = stats.lognorm(np.sqrt(variance), scale=40 * np.exp(-variance / 2))
    assert law.mean() == pytest.approx(40)
    assert law.std() == pytest.approx(30)
    edges = law.cdf(np.arange(101))
    np.testing.assert_allclose(model.pmf[0, :100], np.diff(edges), atol=1e-15)
    np.testing.assert_allclose(model.pmf[0, 100:].sum(), law.sf(100), rtol=1e-12)


def test_difficulty_keeps_the_beta_laws_mean_and_approaches_its_pass_at_k() -> None:
    for alpha, beta in ((0.5, 1.5), (2.0, 2.0), (0.2, 0.9)):
        law = Difficulty(prompts=400, alpha=alpha, beta=beta)
        success = law.success()
        assert success.mean() == pytest.approx(alpha / (alpha + beta), rel=1e-9)
        assert (np.diff(success) > 0).all()
        for k in (1, 4, 64):
            exact = 1 - np.exp(
                math.lgamma(alpha + beta) - math.lgamma(beta)
                + math.lgamma(beta + k) - math.lgamma(alpha + beta + k)
            )  # fmt: skip
            assert (1 - (1 - success) ** k).mean() == pytest.approx(exact, abs=0.01)
        model = law.at(64)
        np.testing.assert_allclose((model.pmf * model.correct).sum(-1), success)


def test_two_point_is_in_closed_form() -> None:
    q, kappa, horizon, n = 0.3, 0.25, 1000, 4000
    model = ac.load_family("two_point", horizon=horizon, mass=q, high=0.8, low=0.2)
    sigma = np.sqrt(q * (1 - q)) * 600
    assert ac.mean_return(model.pmf, model.returns)[0] == pytest.approx(200 + 600 * q)
    assert ac.heterogeneity(model.pmf, model.returns)[0] == pytest.approx(sigma)
    assert ac.anticoncentration(model.pmf, model.returns, kappa)[0] == pytest.approx(q)
    best = ac.chi2_ball_optimum(model.pmf, model.returns, kappa)
    assert best.value[0] == pytest.approx(200 + 600 * q + sigma * np.sqrt(kappa))
    # T4a: E sqrt(1 - eps^2 g^2) by its two terms, maximised over a fine grid.
    g = np.array([np.sqrt((1 - q) / q), -np.sqrt(q / (1 - q))])
    eps = np.linspace(1e-4, min(np.sqrt(kappa), 1 / np.abs(g).max()), 20_000)
    affinity = q * np.sqrt(1 - (eps * g[0]) ** 2) + (1 - q) * np.sqrt(1 - (eps * g[1]) ** 2)
    bound = sigma * (eps * (1 - np.sqrt(1 - affinity ** (2 * n)))).max()
    found = ac.bounds.vf_lower(
        model.pmf, model.returns, n, prompt_mass=1.0, kappa=kappa, form="two_point"
    )
    assert found[0] == pytest.approx(bound, rel=1e-4)
    assert found[0] <= bound * (1 + 1e-6)


def written(tmp_path, kind: str, longest: int = 9) -> tuple[str, pd.DataFrame]:
    frame = pd.DataFrame(
        {
            "prompt": ["x", "x", "x", "y", "y"],
            "style": ["a", "b", "a", "b", "b"],
            "length": [3, 5, longest, 2, 7],
            "probability": [0.5, 0.25, 0.25, 0.9, 0.1],
            "solved": [1, 0, 1, 1, 0],
        }
    )
    file = tmp_path / f"model.{kind}"
    if kind == "csv":
        frame.to_csv(file, index=False)
    elif kind == "parquet":
        frame.to_parquet(file)
    else:
        np.savez(file, **{name: frame[name].to_numpy().astype(
            "U" if frame[name].dtype == object or str(frame[name].dtype) == "str" else float
        ) for name in frame})  # fmt: skip
    return str(file), frame


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_a_model_is_read_from_a_file(tmp_path, kind: str) -> None:
    file, _ = written(tmp_path, kind)
    model = ac.load_family("explicit", horizon=10, file=file)
    np.testing.assert_array_equal(model.pmf, [[0.5, 0.25, 0.25], [0.9, 0.1, 0.0]])
    np.testing.assert_array_equal(model.returns, [[8, 0, 2], [9, 0, 0]])
    np.testing.assert_array_equal(model.styles[0], [0, 1, 0])
    assert (model.lengths[0] == [3, 5, 9]).all()
    found = ac.sweep(family="explicit", parameters={"file": file}, horizon=16, repeats=3)
    assert json.loads(found.frame.parameters[0])["sha256"]
    again = ac.SweepConfig(family="explicit", parameters={"file": file})
    before = Plan.of(again).hash
    written(tmp_path, kind, longest=8)
    assert Plan.of(again).hash != before
    with pytest.raises(ac.InputError, match="has changed"):
        ac.load_family("explicit", horizon=10, file=file, sha256="0")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="length"), "lacks the columns length; it has prompt, style"),
        (lambda f: f.drop(columns="solved"), r"lacks the columns solved \(or reward\)"),
        (lambda f: f.assign(solved=2), "must be 0 or 1; got 2"),
        (lambda f: f.assign(length=0), "at least 1 token"),
        (lambda f: f.assign(length=np.nan), "contains NaN"),
        (lambda f: f.assign(probability=0.5), "must sum to 1 within each prompt; prompt 'x'"),
        (lambda f: f.iloc[:0], "has no rows"),
        (lambda f: f.assign(prompt_mass=[0.5, 0.4, 0.5, 0.5, 0.5]), "same in all rows"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, change, words: str) -> None:
    file, frame = written(tmp_path, "csv")
    change(frame).to_csv(file, index=False)
    with pytest.raises(ac.InputError, match=words):
        ac.load_family("explicit", horizon=10, file=file)


def test_files_that_cannot_be_read_are_refused(tmp_path) -> None:
    for name, content, words in (
        ("a.parquet", b"nonsense", "no readable parquet file"),
        ("a.npz", b"nonsense", "no readable npz file"),
        ("a.txt", b"", "must end in .csv"),
        ("a.csv", b"", "no readable csv file"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ac.InputError, match=words):
            ac.load_family("explicit", horizon=10, file=str(file))


def test_reward_may_stand_for_solved_and_prompts_may_weigh(tmp_path) -> None:
    file, frame = written(tmp_path, "csv")
    frame = frame.rename(columns={"solved": "reward"}).assign(prompt_mass=[0.2] * 3 + [0.8] * 2)
    frame.to_csv(file, index=False)
    model = ac.load_family("explicit", horizon=10, file=file)
    assert model.prompt_mass.tolist() == [0.2, 0.8]
    assert family("explicit", file=file).reward_class == "mirror"
