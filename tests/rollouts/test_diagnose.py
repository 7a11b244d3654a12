"""ac.diagnose and `antiscale diagnose`: the contract, the reading, the folder, the export."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import image
from rich.console import Console

import antiscale as ac
from antiscale import plots
from antiscale.cli.screens.diagnose import screen
from antiscale.core.errors import InputError
from antiscale.core.numbers import share_ends, with_ends
from antiscale.rollouts import reading
from antiscale.rollouts.export import model_table
from tests.oracles_rollouts import synthetic, true_above, true_sigma

TABLE, TRUTH = synthetic(60, 40, 11)
FOUND = ac.diagnose(TABLE, horizon=[60, 100])


def scored(seed: int = 2) -> pd.DataFrame:
    """A table with a score that is right more often than not, and answers."""
    table, _ = synthetic(30, 20, seed)
    rng = np.random.default_rng(seed)
    return table.assign(
        score=np.round(table.correct + 1.2 * rng.standard_normal(600), 1),
        answer=np.where(table.correct == 1, "right", rng.choice(list("abc"), 600)),
    )


def test_the_summary_has_the_keys_that_are_promised() -> None:
    summary = FOUND.to_json()
    assert summary["schema"] == "antiscale.diagnose/1"
    assert (summary["problems"], summary["samples"]) == (60, 2400)
    assert summary["accuracy"] == pytest.approx(TABLE.correct.mean())
    solved = TABLE.groupby("problem").correct.max().mean()
    assert summary["solved"] == pytest.approx(solved)
    assert summary["unsolved_problems"] == round(60 * (1 - solved))
    assert list(summary["pass_at"]) == ["1", "2", "4", "8", "10", "16", "32", "40"]
    assert summary["pass_at"]["40"] == pytest.approx(solved)
    assert "best_of" not in summary
    assert [row["horizon"] for row in summary["horizons"]] == [60, 100]
    for row in summary["horizons"]:
        r = np.where(TABLE.correct == 1, np.maximum(row["horizon"] - TABLE.length + 1, 0), 0)
        sigma = pd.Series(r).groupby(TABLE.problem).std()
        assert row["sigma_mean"] == pytest.approx(sigma.mean())
        assert row["sigma_median"] == pytest.approx(sigma.median())
        assert row["sigma_low"] < row["sigma_mean"] < row["sigma_high"]
        assert list(row["c_eps"]) == ["0.25", "0.5", "1", "2"]
        assert row["spread_problems"] == (sigma > 0).sum()
    json.dumps(summary, allow_nan=False)


def test_known_truth_lies_within_the_intervals() -> None:
    """Eight intervals of 95%, all far wider than they need be."""
    p = TRUTH.p.to_numpy()
    row = FOUND.summary["horizons"][1]
    sigma = true_sigma(p, 100)
    assert row["sigma_low"] <= sigma.mean() <= row["sigma_high"]
    assert row["sigma_median_low"] <= np.median(sigma) <= row["sigma_median_high"]
    here = FOUND.problems[FOUND.problems.horizon == 100]
    spread = here.sigma.to_numpy() > 0
    for key in row["c_eps"]:
        truth = np.mean([true_above(each, 100, float(key)) for each in p[spread]])
        assert row["c_eps_low"][key] <= truth <= row["c_eps_high"][key]
    inside = (here.sigma_low <= sigma) & (sigma <= here.sigma_high)
    assert inside.mean() > 0.9
    assert ((here.accuracy_low <= p) & (p <= here.accuracy_high)).mean() > 0.85


def test_unsolved_problems_are_kept() -> None:
    here = FOUND.problems[FOUND.problems.horizon == 100]
    assert len(here) == 60
    unsolved = here[here.solutions == 0]
    assert len(unsolved) == FOUND.summary["unsolved_problems"] > 0
    assert (unsolved.sigma == 0).all()
    assert (unsolved.sigma_high > 10).all()
    assert unsolved.c_1.isna().all()
    assert (unsolved.accuracy_high > 0.05).all()
    assert (unsolved.sigma_shrunk > 0).all()


def test_the_default_horizons_are_quantiles_of_length() -> None:
    found = ac.diagnose(TABLE)
    expected = np.ceil(np.quantile(TABLE.length, [0.5, 0.75, 0.9, 0.99])).astype(int)
    assert list(found.horizons.horizon) == sorted(set(expected))


def test_scores_and_answers_add_curves() -> None:
    found = ac.diagnose(scored(), horizon=80)
    summary = found.summary
    assert summary["best_of"]["1"] == pytest.approx(summary["accuracy"])
    assert summary["majority"]["1"] == pytest.approx(summary["accuracy"])
    for n in summary["pass_at"]:
        assert summary["best_of"][n] <= summary["pass_at"][n] + 1e-12
    peak = summary["best_of_peak"]
    curve = found.search.set_index("n").best_of
    assert peak["n"] == curve.idxmax()
    assert peak["loss_after"] == pytest.approx(curve.max() - curve.loc[20])
    assert 0.5 < summary["roc"]["within_auc"] < 1
    assert {"false_positive", "true_positive"} == set(found.roc.columns)


def test_the_same_seed_gives_the_same_summary() -> None:
    again = ac.diagnose(TABLE, horizon=[60, 100])
    assert again.to_json() == FOUND.to_json()
    other = ac.diagnose(TABLE, horizon=[60, 100], seed=1)
    assert other.to_json() != FOUND.to_json()


# What the reading may say.


def numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*", text)]


@pytest.mark.parametrize("seed", range(12))
def test_the_reading_never_claims_more_than_the_intervals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problems, samples = int(rng.choice([1, 3, 12, 40])), int(rng.choice([2, 5, 30]))
    success = [None, 0.0, 0.05, 1.0][seed % 4]
    table, _ = synthetic(problems, samples, seed, success=success)
    found = ac.diagnose(table, horizon=[int(rng.choice([15, 45, 99, 200]))])
    summary, row = found.summary, found.summary["horizons"][-1]
    first, second, third = summary["reading"]
    horizon, prediction = row["horizon"], row["prediction"]
    if "between" in first:
        low, high = map(float, re.findall(r"between ([\d.]+) H and ([\d.]+) H", first)[0])
        assert low * horizon <= row["sigma_low"] + 1e-9
        assert high * horizon >= row["sigma_high"] - 1e-9
    else:
        (high,) = re.findall(r"a sigma of ([\d.]+) H", first)
        assert float(high) * horizon >= row["sigma_high"] - 1e-9
        assert row["spread_problems"] == 0
    if "right or wrong" in first:
        share = float(re.findall(r"at (?:least|most) about (\d+)%", first)[0]) / 100
        ends = row["correctness_share_low"], row["correctness_share_high"]
        assert share <= ends[0] if "at least" in first else share >= ends[1]
    if "has probability" in second:
        low, high = map(float, re.findall(r"probability ([\d.]+) to ([\d.]+)", second)[0])
        assert low <= row["c_eps_low"]["0.25"] + 1e-12
        assert high >= row["c_eps_high"]["0.25"] - 1e-12
        if "are not rare" in second:
            assert row["c_eps_low"]["0.25"] >= 0.05
    lost = float(re.findall(r"lose at least ([\d.]+)", third)[0])
    assert lost <= prediction["vf_lower_certified"] + 1e-12
    if "wins there" in third:
        assert prediction["vf_lower_certified"] > prediction["vb_upper_certified"]
    else:
        assert "leaves open" in third
        assert prediction["vf_lower_certified"] <= prediction["vb_upper_certified"] or lost == 0
    if "from n = " in third:
        (start,) = re.findall(r"from n = ([\d,]+) on", third)
        assert int(start.replace(",", "")) == prediction["n_certified"]


def test_numbers_that_bound_are_rounded_away_from_the_claim() -> None:
    assert reading.loss_least(1.59985) == "1.59"
    assert reading.loss_most(1.59985, 300) == "1.60"
    assert reading.loss_most(2e-7, 300) == "a millionth of H"
    assert reading.loss_least(0.0) == "0"
    assert with_ends(0.1882, 0.1499, 0.2691) == "0.19 [0.14, 0.27]"
    assert reading.percent(0.987, np.floor) == "98%"
    assert reading.signed(-0.12345, np.floor) == "-0.124"
    assert reading.signed(0.12345, np.ceil) == "+0.124"


def test_one_quantity_has_the_same_digits_everywhere() -> None:
    table, _ = synthetic(50, 60, 3, success=0.4)
    summary = ac.diagnose(table, horizon=99).summary
    row = summary["horizons"][0]
    console = Console(width=200, file=io.StringIO())
    console.print(screen(summary, width=200), highlight=False)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    lost = reading.loss_least(row["prediction"]["vf_lower_certified"])
    assert f" {lost} " in told.partition("Losses in")[0]
    assert f"at least {lost} tokens" in summary["reading"][2]
    ends = share_ends(row["sigma_low"] / 99, row["sigma_high"] / 99)
    low, high = ends.strip("[]").split(", ")
    assert ends in told
    assert f"between {low} H and {high} H" in summary["reading"][0]


# Comparisons, and a single sample per problem.


def pair(samples: int) -> pd.DataFrame:
    weak, _ = synthetic(400, samples, 1, success=0.3)
    strong, _ = synthetic(400, samples, 2, success=0.5)
    return pd.concat([weak.assign(model="base"), strong.assign(model="tuned")])


def test_one_sample_per_problem_compares_models_and_says_why_no_more() -> None:
    found = ac.diagnose(pair(1), model="tuned", against="base")
    summary = found.summary
    assert summary["horizons"] == []
    table = pair(1).pivot(index="problem", columns="model", values="correct")
    difference = table.tuned - table.base
    comparison = summary["comparison"]
    assert comparison["difference"] == pytest.approx(difference.mean())
    assert comparison["only_model"] == (difference == 1).sum()
    assert comparison["only_against"] == (difference == -1).sum()
    assert comparison["both"] + comparison["neither"] == (difference == 0).sum()
    error = difference.std() / np.sqrt(400)
    assert comparison["low"] == pytest.approx(difference.mean() - 1.97 * error, abs=0.006)
    assert comparison["high"] == pytest.approx(difference.mean() + 1.97 * error, abs=0.006)
    assert "tuned is more accurate than base" in found.reading
    assert "One sample per problem cannot give sigma_x" in found.reading
    swapped = ac.diagnose(pair(1), model="base", against="tuned").summary["comparison"]
    assert swapped["low"] == pytest.approx(-comparison["high"])
    same = pd.concat([pair(1).query("model == 'base'").assign(model=m) for m in ("a", "b")])
    assert "leaves open which one" in ac.diagnose(same, model="a", against="b").reading


def test_one_sample_per_problem_alone_is_refused() -> None:
    with pytest.raises(InputError, match="one sample, which cannot give sigma_x"):
        ac.diagnose(pair(1), model="base")


def test_what_the_other_model_lost_stands_beside_the_prediction() -> None:
    table = pair(6)
    # Problems that only one of them has do not count.
    table = table[(table["model"] == "base") | (table["problem"] != table["problem"].iloc[0])]
    found = ac.diagnose(table, model="base", against="tuned", horizon=(40, 80))
    assert [each["horizon"] for each in found.summary["outcomes"]] == [40, 80]
    for row in found.summary["outcomes"]:
        horizon = row["horizon"]
        gain = np.where(table["correct"], np.maximum(horizon - table["length"] + 1, 0), 0)
        groups = pd.Series(gain).groupby([table["model"].array, table["problem"].array])
        each = {key: list(some) for key, some in groups}
        lost, start, error = [], [], []
        for problem in {problem for model, problem in each if model == "tuned"}:
            base, tuned = (np.array(each[model, problem], float) for model in ("base", "tuned"))
            best = float(ac.chi2_ball_optimum(np.full(6, 1 / 6), base, 0.25).value)
            lost.append(best - tuned.mean())
            start.append(base.mean())
            error.append(tuned.std(ddof=1) / np.sqrt(6))
        assert row["problems"] == len(lost) == 399
        assert row["J"] == pytest.approx(np.mean(start))
        assert row["V_kappa"] - row["J_against"] == pytest.approx(np.mean(lost), abs=1e-6)
        assert row["signed_loss"] == pytest.approx(np.mean(lost), abs=1e-6)
        assert row["loss"] == pytest.approx(np.mean(np.abs(lost)), abs=1e-6)
        assert row["noise"] == pytest.approx(np.sqrt(2 / np.pi) * np.mean(error))
    console = Console(width=200, file=io.StringIO())
    console.print(screen(found.summary, width=200), highlight=False)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "If tuned was trained from base on n traces" in told


def test_more_samples_give_both() -> None:
    found = ac.diagnose(pair(6), model="tuned", against="base", horizon=80)
    assert found.summary["comparison"]["difference"] > 0.1
    assert len(found.summary["horizons"]) == 1


def test_models_without_a_common_problem_are_refused() -> None:
    table = pair(2)
    table["problem"] = table.model + table.problem
    with pytest.raises(InputError, match="no problem in common"):
        ac.diagnose(table, model="base", against="tuned")


def test_ragged_tables_are_measured_as_far_as_they_go() -> None:
    table, _ = synthetic(15, 12, 4)
    ragged = table.drop(index=[*range(1, 12), 30, 31])
    found = ac.diagnose(ragged, horizon=100)
    # The problem with one sample takes nothing from the others.
    assert list(found.summary["pass_at"]) == ["1", "2", "4", "8", "10", "12"]
    assert list(found.summary["search_problems"].values()) == [15, 14, 14, 14, 14, 13]
    alone = ac.diagnose(table.drop(index=[*range(12), *range(24, 36)]), horizon=100).summary
    assert found.summary["pass_at"]["12"] == pytest.approx(alone["pass_at"]["12"])
    assert found.summary["horizons"][0]["sigma_problems"] == 14
    notes = " ".join(found.summary["notes"])
    assert "1 problems have a single sample" in notes
    assert "1 to 12 samples" in notes
    assert found.problems.sigma.isna().sum() == 1
    # As many different numbers of samples as make the bands be rounded up.
    sizes = np.arange(2, 80)
    many = pd.concat([synthetic(1, k, k)[0].assign(problem=k) for k in sizes])
    assert ac.diagnose(many, horizon=100).summary["horizons"][0]["sigma_high"] > 0


# The figure, the folder, the export, the command.


@pytest.mark.parametrize("with_scores", [True, False])
def test_the_figure_is_drawn_from_the_tables_alone(with_scores: bool) -> None:
    found = ac.diagnose(scored() if with_scores else TABLE, horizon=80)
    figure = found.figure()
    assert len(figure.axes) == 6
    sigma = figure.axes[0].get_lines()[0].get_ydata()
    np.testing.assert_allclose(np.sort(found.problems.sigma) / 80, sigma)
    assert plots.encode(figure) == plots.encode(found.figure())


@pytest.mark.parametrize("success", [0.0, 1.0])
def test_tables_without_spread_have_a_figure_too(success: float) -> None:
    table, _ = synthetic(4, 3, 0, success=success)
    found = ac.diagnose(table.assign(length=5, score=1.0), horizon=[9])
    assert found.summary["horizons"][0]["c_eps"]["1"] is None
    plots.encode(found.figure())
    assert "nothing can be said" in found.reading


def test_the_exported_model_is_the_samples_law() -> None:
    model = model_table(FOUND.rollouts)
    assert model.groupby("prompt").probability.sum().to_numpy() == pytest.approx(1.0)
    assert model.prompt_mass.unique() == pytest.approx([1 / 60])
    here = FOUND.problems.query("horizon == 100").set_index("problem")
    for prompt, rows in model.groupby("prompt"):
        r = np.where(rows.solved == 1, np.maximum(101.0 - rows.length, 0.0), 0.0)
        mine = here.loc[prompt]
        assert rows.probability @ r == pytest.approx(mine.mean_return)
        sigma = ac.heterogeneity(rows.probability.to_numpy(), r) * np.sqrt(40 / 39)
        assert sigma == pytest.approx(mine.sigma)
    answers = model_table(ac.diagnose(scored(), horizon=80).rollouts)
    assert answers["style"].str.match(r"(right|wrong)-\d").all()


def test_the_command_leaves_a_folder_and_a_model_that_the_sweep_runs(
    run: Any, tmp_path: Path
) -> None:
    table, _ = synthetic(5, 12, 3)
    table.rename(columns={"problem": "id"}).to_csv(tmp_path / "t.csv", index=False)
    ran = run("diagnose", "t.csv", "--columns", "problem=id", "--horizon", "64,99", "-q",
              "--export-model", "model.csv")  # fmt: skip
    assert ran.status == 0, ran.err
    for words in ("5 problems x 12 samples", "sigma/H", "VF >=", "pass@n", "Results: runs/"):
        assert words in ran.out
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("diagnose-")
    names = {file.name for file in folder.iterdir()}
    assert names == {
        "manifest.json", "result.json", "problems.parquet", "problems.csv", "horizons.csv",
        "search.csv", "curve.csv", "losses.csv", "diagnose.png", "diagnose.svg",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert {"config", "versions", "table_sha256", "seed"} <= manifest.keys()
    rows = pd.read_csv(folder / "horizons.csv")
    assert list(rows.horizon) == [64, 99]
    assert run("diagnose", "t.csv", "--columns", "problem=id", "--horizon", "64,99").status == 0
    assert len(list((tmp_path / "runs").iterdir())) == 1

    swept = run("sweep", "--family", "explicit", "--set", "file=model.csv", "--horizon", "99",
                "--repeats", "4", "--rewards", "2", "--json")  # fmt: skip
    assert swept.status == 0, swept.err
    last = json.loads(swept.out)["rows"][-1]
    assert last["horizon"] == 99
    direct = ac.diagnose(table, horizon=99, samples=last["n"]).summary["horizons"][0]
    assert last["vf_upper"] == pytest.approx(direct["prediction"]["vf_upper"], rel=1e-6)
    for name in ("vf_lower_local", "sigma_max"):
        assert last[name] == pytest.approx(direct["prediction"][name], rel=1e-6)


@pytest.mark.usefixtures("unpainted")
def test_json_is_one_object_and_nothing_else(run: Any, tmp_path: Path) -> None:
    scored().to_parquet(tmp_path / "t.parquet")
    ran = run("diagnose", "t.parquet", "--horizon", "60", "--horizon", "80", "--eps", "1",
              "--kappa", "0.5", "--samples", "1e4", "--level", "0.9", "--json")  # fmt: skip
    assert ran.status == 0, ran.err
    assert ran.err == ""
    found = json.loads(ran.out)
    assert [row["horizon"] for row in found["horizons"]] == [60, 80]
    assert list(found["horizons"][0]["c_eps"]) == ["1"]
    assert found["horizons"][0]["prediction"]["n"] == 10_000
    assert found["level"] == 0.9
    assert list(found["best_of"]) == ["1", "2", "4", "8", "10", "16", "20"]


def test_bad_input_is_one_line_and_leaves_nothing(run: Any, tmp_path: Path) -> None:
    TABLE.assign(length=-1).to_csv(tmp_path / "zero.csv", index=False)
    pair(1).to_csv(tmp_path / "pair.csv", index=False)
    for arguments, words in (
        (["zero.csv"], "length must be at least 1"),
        (["absent.csv"], "absent.csv does not exist"),
        (["zero.csv", "--columns", "length"], "--columns takes OURS=THEIRS"),
        (["zero.csv", "--columns", "length=a,length=b"], "names length twice"),
        (["zero.csv", "--horizon", "ten"], "--horizon must be a number"),
        (["zero.csv", "--export-model", "model.npz"], "CSV"),
        (["pair.csv"], "mixes 2 models"),
        (["pair.csv", "--model", "base"], "one sample"),
    ):
        ran = run("diagnose", *arguments)
        assert ran.status == 2
        assert ran.out == ""
        assert ran.err.startswith("antiscale: error: ")
        assert ran.err.count("\n") == 1
        assert words in ran.err
    assert {file.name for file in tmp_path.iterdir()} == {"zero.csv", "pair.csv"}


@pytest.mark.usefixtures("unpainted")
def test_a_pair_of_models_is_compared_on_the_screen(run: Any, tmp_path: Path) -> None:
    pair(1).to_csv(tmp_path / "pair.csv", index=False)
    ran = run("diagnose", "pair.csv", "--model", "tuned", "--against", "base")
    assert ran.status == 0
    assert "tuned against base on 400 shared problems" in ran.out
    assert "One sample per problem cannot give sigma_x" in ran.out


def test_help_has_examples(run: Any) -> None:
    ran = run("diagnose", "--help")
    assert ran.status == 0
    assert "antiscale diagnose samples.csv" in ran.out


def test_nothing_is_drawn_outside_the_picture() -> None:
    pixels = image.imread(io.BytesIO(plots.encode(FOUND.figure())["png"]))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border[:, :3] == 1).all()


@pytest.mark.parametrize("width", [80, 140])
def test_the_screen_fits_its_width(width: int) -> None:
    console = Console(width=width, file=io.StringIO())
    console.print(screen(FOUND.summary, width=width), highlight=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert ("-0." in text) == (width == 140)
