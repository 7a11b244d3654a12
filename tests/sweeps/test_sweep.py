"""The sweep end to end: the claim, the contract, and runs that are cut short."""

from __future__ import annotations

import copy
import html
import itertools
import json
import math
import pickle
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale import cli
from antiscale.models.families import load_family
from antiscale.plots.style import paragraph
from antiscale.sweeps import words
from antiscale.sweeps.cell import means_of, simulate
from antiscale.sweeps.folder import open_run
from antiscale.sweeps.run import SweepResult, run_sweep

ROW_KEYS = {
    "horizon", "n", "sigma", "c0", "max_ratio", "vf_lower", "vf_mean", "vf_low", "vf_high",
    "vf_upper", "vf_class_mean", "vf_class_upper", "vb_mean", "vb_low", "vb_high", "vb_upper",
    "gap_measured", "gap_certified",
}  # fmt: skip
FILES = ("rows.parquet", "rows.csv", "replicates.parquet", "result.json")


@pytest.fixture(scope="module")
def default() -> SweepResult:
    """The default sweep, the one that the README shows."""
    return run_sweep(ac.SweepConfig())


def quick(**changes: object) -> ac.SweepConfig:
    return ac.SweepConfig(**{"horizon": 64, "repeats": 20, "rewards": 8, **changes})


def last(config: ac.SweepConfig) -> dict[str, Any]:
    """The sweep's last row alone: cells do not depend on one another."""
    return simulate(config, *config.cells()[-1]).row


def test_the_last_cell_alone_is_the_sweeps_last_row() -> None:
    config = quick(horizon=32)
    found, row = last(config), run_sweep(config).rows[-1]
    assert json.dumps(found) == json.dumps({name: row[name] for name in found})


def test_rows_and_fit_have_the_contracted_keys(default: SweepResult) -> None:
    printed = default.to_json()
    assert printed["schema"] == "antiscale.sweep/2"
    for row in printed["rows"]:
        assert row.keys() >= ROW_KEYS
    for name in ("vf_slope", "vb_slope", "gap_slope"):
        assert printed["fit"][name].keys() >= {"estimate", "low", "high", "theory", "reason"}
    json.dumps(printed, allow_nan=False)


def test_the_default_instance_is_the_planned_one(default: SweepResult) -> None:
    assert [row["horizon"] for row in default.rows] == [2**k for k in range(4, 13)]
    for row in default.rows:
        assert row["n"] == 32 * row["horizon"]
        assert row["sigma"] / row["horizon"] == pytest.approx(0.310, abs=5e-4)
        assert row["c0"] == pytest.approx(0.25, abs=1e-9)
        assert row["max_ratio"] == pytest.approx(2.34, abs=5e-3)


def test_cloning_grows_as_sqrt_horizon_and_verification_stays_flat(default: SweepResult) -> None:
    vf, vb = default.fit["vf_slope"], default.fit["vb_slope"]
    assert vf["theory"] == 0.5
    assert vb["theory"] == 0.0
    assert vf["low"] <= 0.5 <= vf["high"]
    assert vf["high"] - vf["low"] < 0.1
    assert abs(vb["estimate"]) < 0.1


def test_every_curve_lies_within_its_bounds(default: SweepResult) -> None:
    for row in default.rows:
        assert 0 < row["vf_lower_local"] < row["vf_lower"] < row["vf_low"]
        assert row["vf_high"] < row["vf_upper"]
        assert row["vf_class_lower"] < row["vf_class_low"]
        assert row["vf_class_high"] < row["vf_class_upper"]
        assert row["vb_low"] > 0
        assert row["vb_high"] < row["vb_upper"]


def test_the_gap_is_certified_from_128_tokens_on(default: SweepResult) -> None:
    certified = {row["horizon"]: row["gap_certified"] for row in default.rows}
    assert all((gap > 0) == (horizon >= 128) for horizon, gap in certified.items())
    last = default.rows[-1]
    assert last["gap_certified"] == last["vf_lower"] - last["vb_upper"]
    assert last["gap_measured"] == pytest.approx(last["vf_mean"] - last["vb_mean"], rel=1e-12)


def test_the_largest_horizon_shows_the_planned_magnitudes(default: SweepResult) -> None:
    # Magnitudes found in an independent simulation of the same instance, with its own rewards.
    last = default.rows[-1]
    model = load_family("heterogeneous", horizon=4096)
    law = {"pmf": model.pmf, "returns": model.returns, "n": last["n"], "kappa": 0.25}
    law["prompt_mass"] = model.prompt_mass
    assert model.prompt_mass @ ac.bounds.vf_lower(**law) == pytest.approx(6.0, abs=0.05)
    worst = model.prompt_mass @ ac.bounds.vf_lower_over_ball(**law)
    assert last["vf_lower"] == pytest.approx(worst, rel=1e-12)
    assert last["vf_lower_name"] == "T4f"
    best = ac.chi2_ball_optimum(model.pmf, model.returns, 0.25)
    near = ac.bounds.vf_lower(**law, centre=model.pmf * np.asarray(best.density_ratio))
    assert last["vf_lower_local"] == pytest.approx(model.prompt_mass @ near, rel=1e-9)
    widest = ac.bounds.largest_spread(model.pmf, model.returns, 0.25)
    assert last["sigma_max"] == pytest.approx(model.prompt_mass @ widest.value, rel=1e-12)
    assert last["vf_class_upper"] == pytest.approx(25.4, abs=0.05)
    assert last["vf_class_mean"] == pytest.approx(20.1, abs=0.6)
    assert last["vf_mean"] == pytest.approx(17.4, abs=0.9)
    assert last["vb_mean"] == pytest.approx(0.090, abs=0.012)
    assert last["vb_upper"] == pytest.approx(0.81, abs=0.005)


def test_signed_loss_of_cloning_at_a_fixed_reward_is_zero_in_the_mean(default: SweepResult) -> None:
    # 99% intervals at nine horizons: 1e-6 needs five of nine to miss, so four may.
    misses = sum(not row["vf_signed_low"] <= 0 <= row["vf_signed_high"] for row in default.rows)
    assert misses <= 4
    for row in default.rows:
        assert row["vf_signed_mean"] < row["vf_positive_mean"] < row["vf_sup_mean"] * 10
        assert row["vf_sup_mean"] <= row["vf_mean"]  # sup E <= E sup
        assert row["vb_sup_mean"] <= row["vb_mean"] * (1 + 1e-12)


def test_a_homogeneous_base_gives_cloning_no_growth_and_verification_no_loss() -> None:
    result = run_sweep(ac.SweepConfig(family="homogeneous"))
    vf, vb = result.fit["vf_slope"], result.fit["vb_slope"]
    assert vf["theory"] == 0.0
    # Whole tokens at small horizons bend the curve a little; 1e-6 intervals are 1.9 times 99% ones.
    assert abs(vf["estimate"]) < 0.1
    assert vb["estimate"] is None
    assert "zero" in vb["reason"]
    assert all(row["vb_mean"] <= 1e-9 * row["horizon"] for row in result.rows)


def test_sharper_rewards_cost_verification_more() -> None:
    rows = [
        last(ac.SweepConfig(family="sharp", parameters={"c0": c0}, samples=2**14, horizon=512))
        for c0 in (0.25, 0.0625, 0.0156)
    ]  # fmt: skip
    for wide, narrow in itertools.pairwise(rows):
        assert narrow["c0"] < wide["c0"]
        assert narrow["vb_low"] > wide["vb_high"]
        assert narrow["vb_upper"] > wide["vb_upper"]
        assert narrow["vb_high"] < narrow["vb_upper"]


# The other pairs are among the longer checks below.
@pytest.mark.parametrize(
    ("form", "learner"),
    [("two_point", "sft"), ("two_point", "smoothed_sft"), ("many_point", "sft"), ("blocks", "sft")],
)
def test_under_the_hard_prior_every_cloner_pays_the_bound(form: str, learner: str) -> None:
    config = ac.SweepConfig(expert="hard", form=form, learner=learner, horizon=256, repeats=100)
    for row in run_sweep(config).rows:
        assert row["vf_lower_holds_for"] == "hard prior"
        assert row["vf_class_high"] >= row["vf_class_lower"] > 0
        if form != "blocks":  # T4b holds over all of calR only
            assert row["vf_high"] >= row["vf_lower"] > 0
            assert row["vf_lower_local"] == row["vf_lower"]


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["sft", "smoothed_sft"])
@pytest.mark.parametrize("form", ["two_point", "many_point", "blocks"])
@pytest.mark.parametrize("family", ["heterogeneous", "sharp", "homogeneous"])
def test_the_hard_prior_bound_holds_for_every_family_at_full_length(
    family: str, form: str, learner: str
) -> None:
    if family == "homogeneous" and form == "blocks":
        pytest.skip("one style has no pairs")
    config = ac.SweepConfig(family=family, expert="hard", form=form, learner=learner)
    for row in run_sweep(config).rows:
        assert row["vf_class_high"] >= row["vf_class_lower"] > 0


def test_the_wide_pessimist_has_its_own_bound() -> None:
    result = run_sweep(quick(learner="wide", horizon=256))
    for row in result.rows:
        assert row["vb_learner"] == "wide"
        assert row["vb_mean"] <= row["vb_upper"]
        assert row["vb_upper_name"] in {"T7a", "T7b", "T7c"}


def test_algorithm_two_is_held_to_no_bound() -> None:
    row = last(quick(learner="binary"))
    assert row["vb_upper"] is None
    assert "binary" in row["vb_upper_reason"]
    assert row["gap_certified"] is None
    assert row["gap_certified_reason"]


def test_the_mirror_class_is_taken_whole() -> None:
    row = last(quick(reward_class="mirror"))
    assert row["rewards_whole_class"] is True
    assert row["rewards_stated"] == row["rewards_stated_max"] == 2
    assert row["vf_class_mean"] == pytest.approx(row["vf_mean"], rel=1e-12)
    assert row["log_class_size"] == pytest.approx(8 * math.log(2))


def test_the_knob_changes_heterogeneity_at_the_same_mean_return() -> None:
    rows = [
        last(quick(parameters={"spread": spread}, reward_class="mirror")) for spread in (0.5, 1.0)
    ]
    assert rows[0]["base_return"] == pytest.approx(rows[1]["base_return"], rel=1e-12)
    assert rows[0]["sigma"] == pytest.approx(rows[1]["sigma"] / 2, rel=1e-3)


def test_growing_n_at_a_fixed_horizon_shows_both_rates() -> None:
    result = run_sweep(quick(vary="n", samples=2**16, horizon=64, repeats=100))
    assert [row["n"] for row in result.rows] == [2**k for k in range(4, 17)]
    assert {row["horizon"] for row in result.rows} == {64}
    assert result.fit["vf_slope"]["theory"] == -0.5
    assert result.fit["vb_slope"]["theory"] == -1.0
    assert result.fit["vf_slope"]["estimate"] == pytest.approx(-0.5, abs=0.1)
    assert result.fit["vb_slope"]["estimate"] == pytest.approx(-1.0, abs=0.25)


def test_an_explicit_model_runs_from_its_arrays() -> None:
    arrays = {
        "pmf": [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]],
        "hitting_times": [[2.0, 5.0, math.inf], [math.inf, 4.0, 9.0]],
    }
    config = quick(family="explicit", parameters=arrays, reward_class="mirror")
    frame = ac.sweep(config).frame
    assert list(frame.horizon) == [16, 32, 64]
    assert (frame.vb_mean <= frame.vb_upper).all()


def test_the_frame_repeats_every_parameter_in_every_row() -> None:
    found = ac.sweep(quick())
    frame = found.frame
    assert isinstance(frame, pd.DataFrame)
    constant = {
        "config_hash", "family", "reward_class", "expert", "form", "kappa", "samples_per_token",
        "repeats", "seed", "vary", "vf_learner", "vb_learner",
    }  # fmt: skip
    assert constant <= set(frame.columns)
    assert (frame[sorted(constant)].nunique() == 1).all()
    assert found.fit["vf_slope"]["theory"] == 0.5


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first, second, other = (run_sweep(quick(horizon=32, seed=seed)).rows for seed in (1, 1, 2))
    assert json.dumps(first) == json.dumps(second)
    assert first[0]["vf_mean"] != other[0]["vf_mean"]


class _CutError(Exception):
    pass


def test_a_run_cut_short_goes_on_to_identical_files(tmp_path: Path) -> None:
    config = quick(horizon=256)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_sweep(config, open_run(config, whole))

    def stop(done: int, total: int, horizon: int) -> None:
        if done == 2:
            raise _CutError

    with pytest.raises(_CutError):
        run_sweep(config, open_run(config, cut), stop)
    kept = sorted(file.name for file in (cut / "cells").iterdir())
    assert 2 <= len(kept) < 5
    assert not (cut / "rows.parquet").exists()
    done = []
    run_sweep(config, open_run(config, cut), lambda *args: done.append(args))
    assert len(done) == 5 - len(kept)
    for name in FILES:
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert not (cut / "cells").exists()


# Kills itself while it writes its second cell: that file is there under its temporary name alone.
KILLED = """
import os, signal
from fractions import Fraction
from pathlib import Path
from antiscale import cli

replace = Path.replace

def replace_or_die(self, target):
    if target.parent.name == "cells" and any(target.parent.glob("H*.json")):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = replace_or_die
cli.main()
"""


@pytest.mark.usefixtures("unpainted")
def test_a_killed_process_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", "--horizon", "64", "--repeats", "40", "--rewards", "8", "--quiet", "--out"]
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    process = subprocess.run([sys.executable, "-c", KILLED, *command, str(cut)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert len(list((cut / "cells").glob("H*.json"))) == 1
    assert len(list((cut / "cells").glob(".partial-*"))) == 1
    for folder in (cut, whole):
        monkeypatch.setattr(sys, "argv", ["antiscale", *command, str(folder)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert not stopped.value.code
    for name in FILES:
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert not list(cut.rglob(".partial-*"))


def test_a_finished_run_is_read_and_not_run_again(tmp_path: Path) -> None:
    config = quick()
    first = run_sweep(config, open_run(config, tmp_path / "run"))
    done: list[object] = []
    again = run_sweep(config, open_run(config, tmp_path / "run"), lambda *args: done.append(args))
    assert done == []
    assert json.dumps(again.to_json()) == json.dumps(first.to_json())


def test_a_result_has_its_frame_fit_plot_and_reading_and_passes_for_its_frame() -> None:
    found = ac.sweep(quick(horizon=32))
    assert list(found.frame.horizon) == [16, 32]
    assert found.fit["vf_slope"]["theory"] == 0.5
    note = words.caption(found.config, found.rows, found.fit)
    assert found.plot().get_supxlabel() == paragraph(note)
    assert note.startswith(found.reading)
    assert str(found) == found.reading
    assert repr(found) == f"<SweepResult of 2 rows: {found.reading}>"
    assert html.escape(found.reading) in found._repr_html_()
    assert "<table" in found._repr_html_()
    # As the DataFrame that it was.
    assert list(found) == list(found.frame)
    assert len(found) == len(found.frame) == 2
    assert "n" in found
    assert (found.n == found["n"]).all()
    assert found[["horizon", "n"]].equals(found.frame[["horizon", "n"]])
    assert found.attrs == {"fit": found.fit, "finished": None}
    assert found.iloc[-1].equals(found.frame.iloc[-1])
    assert copy.deepcopy(found) == found == pickle.loads(pickle.dumps(found))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        found.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        found._repr_png_  # noqa: B018


def test_options_replace_those_of_a_configuration() -> None:
    by_name = ac.sweep(horizon=16, repeats=3, rewards=4)
    for config in ({"horizon": 64, "repeats": 3}, ac.SweepConfig(horizon=64, repeats=3)):
        assert ac.sweep(config, horizon=16, rewards=4) == by_name
    with pytest.raises(ac.InputError, match="did you mean 'kappa'"):
        ac.sweep(kapa=0.1)
    with pytest.raises(ac.InputError, match="unknown vary 'T'"):
        ac.sweep({"vary": "H"}, vary="T")


def test_rows_on_disk_are_the_rows_in_memory(tmp_path: Path) -> None:
    config = quick()
    frame = ac.sweep(config, out=tmp_path / "run").frame
    stored = pd.read_parquet(tmp_path / "run" / "rows.parquet")
    text = pd.read_csv(tmp_path / "run" / "rows.csv")
    assert list(stored.columns) == list(text.columns) == list(frame.columns)
    for name in ("vf_mean", "vb_high", "gap_certified"):
        np.testing.assert_array_equal(stored[name], frame[name])
        np.testing.assert_allclose(text[name], frame[name], rtol=1e-15)
    replicates = pd.read_parquet(tmp_path / "run" / "replicates.parquet")
    means = replicates.groupby("horizon").vf_loss.mean()
    np.testing.assert_allclose(means, frame.set_index("horizon").vf_mean, rtol=1e-12)


@pytest.mark.parametrize("repeats", [2, 3, 5, 8])
def test_any_number_of_replicates_runs_and_the_first_ones_do_not_change(repeats: int) -> None:
    # Replicates are worked on in batches; whatever is left over is a batch of another size.
    config = quick(horizon=16, repeats=repeats)
    more = quick(horizon=16, repeats=9)
    few, many = (simulate(c, 16, 512).replicates for c in (config, more))
    for side in ("vf", "vb"):
        np.testing.assert_allclose(few[side], many[side][:repeats], rtol=1e-12, atol=1e-12)


def test_a_billion_traces_are_drawn_as_counts() -> None:
    row = run_sweep(quick(samples=10**9, horizon=16)).rows[0]
    assert row["n"] == 10**9
    assert 0 < row["vf_mean"] < 1e-3


def test_means_of_resamples_do_not_depend_on_the_order_of_adding() -> None:
    """So that rows do not depend on how many threads a library of linear algebra uses."""
    rng = np.random.default_rng(0)
    values = rng.uniform(-1000.0, 1000.0, (50, 3, 4))
    values[:, 0] = 0.0
    drawn = rng.multinomial(50, np.full(50, 1 / 50), size=20)
    found = means_of(drawn, values)
    order = rng.permutation(50)
    np.testing.assert_array_equal(means_of(drawn[:, order], values[order]), found)
    exact = [
        [float(sum(Fraction(v) * int(k) for k, v in zip(row, column, strict=True)) / 50)
         for column in values.reshape(50, -1).T]
        for row in drawn
    ]  # fmt: skip
    np.testing.assert_allclose(found.reshape(20, -1), exact, rtol=0, atol=1e-11)
    assert not means_of(drawn, np.zeros((50, 2))).any()
