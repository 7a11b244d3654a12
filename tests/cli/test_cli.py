"""The command line as a person meets it: what it prints, where, and its exit status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from antiscale import cli
from antiscale.core.folder import MANIFEST, Folder, seal
from antiscale.learners import BUILT_IN
from antiscale.models.families import FAMILIES
from antiscale.rewards import CLASSES
from antiscale.sweeps import phase, separation
from tests.conftest import Ran, Run

SMALL = ["sweep", "--horizon", "32", "--repeats", "8", "--rewards", "4"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of SMALL, made once by the command."""
    path: Path = tmp_path_factory.mktemp("small") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["antiscale", *SMALL, "--quiet", "--out", str(path)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    assert not stopped.value.code
    return path


@pytest.fixture
def _here(run: Run, small: Path) -> None:
    """A copy of it in the test's folder, as `here`."""
    shutil.copytree(small, "here")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def reseal(folder: Path, **changes: object) -> None:
    """Change a manifest so that it looks as if antiscale had written it."""
    manifest = json.loads((folder / MANIFEST).read_text()) | changes
    manifest["seal"] = seal(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def refused(ran: Ran, *words: str) -> None:
    """One line on standard error that says what came, and status 2."""
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("antiscale: error: ")
    assert ran.err.count("\n") == 1
    for word in words:
        assert word in ran.err


def test_a_sweep_prints_a_table_a_reading_and_where_its_results_are(
    run: Run, tmp_path: Path
) -> None:
    ran = run(*SMALL)
    assert ran.status == 0
    assert "lower" in ran.out
    assert "exponent in H" in ran.out
    assert "At H = 32 cloning loses" in ran.out
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name in ran.out
    assert {file.name for file in folder.iterdir()} == {
        "manifest.json", "rows.parquet", "rows.csv", "replicates.parquet", "result.json",
        "plot.png", "plot.svg",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["seed"] == 0
    assert {"config", "versions", "device", "git_commit", "wall_time_s"} <= manifest.keys()
    assert run(*SMALL).out == ran.out  # read again, not run again


@pytest.mark.usefixtures("unpainted")
def test_json_is_one_object_and_nothing_else(run: Run) -> None:
    ran = run(*SMALL, "--json")
    assert ran.status == 0
    assert ran.err == ""
    assert ran.out.count("\n") == 1

    def no_constants(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    printed = json.loads(ran.out, parse_constant=no_constants)
    assert printed["schema"] == "antiscale.sweep/2"
    assert [row["horizon"] for row in printed["rows"]] == [16, 32]
    assert set(printed["fit"]) == {"vf_slope", "vb_slope", "gap_slope"}


@pytest.mark.usefixtures("unpainted")
def test_an_explicit_model_comes_from_a_config_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'horizon = 64\nfamily = "explicit"\nreward_class = "mirror"\nrepeats = 8\n[parameters]\n'
        "pmf = [0.5, 0.25, 0.25]\nhitting_times = [3, 9, inf]\n"
    )
    ran = run("sweep", "--config", "mine.toml", "--json", "--seed", "5")
    assert ran.status == 0, ran.err
    printed = json.loads(ran.out)
    assert printed["config"]["seed"] == 5  # a flag overrides the file
    assert printed["config"]["parameters"]["hitting_times"] == [3, 9, "inf"]
    assert printed["rows"][0]["sigma"] > 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert run("plot", str(folder)).status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--horizon", "0"], ["horizon must be a whole number >= 1", "got 0"]),
        (["--horizon", "many"], ["--horizon must be a number", "'many'"]),
        (["--horizon", "nan"], ["horizon must be a whole number", "nan"]),
        (["--horizon", "8"], ["horizon of at least 16 tokens", "got 8"]),
        (["--kappa", "-1"], ["kappa must be >= 0", "got -1"]),
        (["--kappa", "nan"], ["kappa must be finite", "nan"]),
        (["--family", "heterogenous"], ["unknown family", "did you mean 'heterogeneous'?"]),
        (["--family", "explicit"], ["needs the parameter 'pmf'"]),
        (["--reward-class", "tabula"], ["unknown reward class 'tabula'", "mirror, styles"]),
        (["--learner", "sftt"], ["unknown learner", "did you mean 'sft'?"]),
        (["--learner", "sft", "--learner", "smoothed_sft"], ["both verifier-free"]),
        (["--learner", "nowhere:me"], ["cannot import 'nowhere'"]),
        (["--learner", "json:nothing"], ["module 'json' has no 'nothing'"]),
        (["--learner", "json:dumps"], ["side = 'vf'"]),
        (["--expert", "oracle"], ["unknown expert 'oracle'", "base, hard, optimal"]),
        (["--form", "blocks", "--reward-class", "mirror"], ["form 'blocks' needs"]),
        (["--family", "lognormal", "--styles", "3"], ["has no parameter 'styles'"]),
        (["--set", "spread"], ["--set takes NAME=VALUE"]),
        (["--set", "spread=2"], ["spread must lie in [0, 1]", "got 2"]),
        (["--set", "spred=1"], ["no parameter 'spred'; did you mean 'spread'?"]),
        (["--config", "missing.toml"], ["config file missing.toml does not exist"]),
        (["--repeats", "1"], ["repeats must be a whole number >= 2"]),
        (["--samples", "2.5"], ["samples must be a whole number", "2.5"]),
        (["--c0", "0.9"], ["no reward of the class reaches c_0 = 0.9"]),
        (["--nonsense"], ["No such option"]),
    ],
)
def test_bad_options_get_one_line_and_status_two(
    run: Run, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    refused(run("sweep", *arguments), *words)
    # Nothing is left behind but, at most, the record of what was asked for.
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in left] in ([], ["manifest.json"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("horizn = 3", ["unknown config key 'horizn'; did you mean 'horizon'?"]),
        ("horizon = ", ["not valid TOML"]),
        ("parameters = 3", ["parameters must be a table"]),
        (
            'family = "explicit"\n[parameters]\npmf=[0.5,0.4]\nhitting_times=[1,2]',
            ["pmf must sum to 1", "0.9"],
        ),
        (
            'family = "explicit"\n[parameters]\npmf=[0.5,0.5]\nhitting_times=[0,2]',
            ["hitting times count tokens from 1"],
        ),
    ],
)
def test_a_bad_config_file_gets_one_line(
    run: Run, tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "bad.toml").write_text(text)
    refused(run("sweep", "--config", "bad.toml"), *words)


@pytest.mark.usefixtures("_here", "unpainted")
def test_a_folder_with_another_configuration_is_refused_unless_overwritten(run: Run) -> None:
    before = Path("here/rows.csv").read_bytes()
    refused(run(*SMALL, "--seed", "1", "--out", "here"), "another configuration", "--overwrite")
    assert Path("here/rows.csv").read_bytes() == before
    assert run(*SMALL, "--seed", "1", "--out", "here", "--overwrite").status == 0
    assert Path("here/rows.csv").read_bytes() != before


def test_a_folder_of_something_else_is_left_alone(run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("precious")
    for extra in ([], ["--overwrite"]):
        refused(run(*SMALL, "--out", "mine", *extra), "holds files but no manifest.json")
    assert Path("mine/thesis.tex").read_text() == "precious"


def test_a_file_in_the_way_is_refused(run: Run) -> None:
    Path("taken").write_text("x")
    refused(run(*SMALL, "--out", "taken"), "taken is a file")
    refused(run(*SMALL, "--out", "taken/deeper"), "cannot write to taken/deeper")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_folder_is_refused(run: Run) -> None:
    Path("locked").mkdir(mode=0o500)
    refused(run(*SMALL, "--out", "locked/run"), "cannot write to locked/run")


def test_a_folder_that_the_system_refuses_is_refused(run: Run) -> None:
    refused(run(*SMALL, "--out", "/proc/nowhere"), "cannot write to /proc/nowhere")


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "replicates.parquet", "result.json"])
@pytest.mark.parametrize("damage", ["truncate", "delete"])
@pytest.mark.usefixtures("_here", "unpainted")
def test_damaged_results_are_noticed(run: Run, name: str, damage: str) -> None:
    file = Path("here") / name
    if damage == "truncate":
        file.write_bytes(file.read_bytes()[:-10])
    else:
        file.unlink()
    word = "damaged" if damage == "truncate" else "missing"
    refused(run(*SMALL, "--out", "here"), f"here/{name} is {word}", "--overwrite")
    refused(run("plot", "here"), f"here/{name} is {word}")
    assert run(*SMALL, "--out", "here", "--overwrite").status == 0


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"hash": 3, "status": "complete"}'])
@pytest.mark.usefixtures("_here")
def test_a_damaged_manifest_is_noticed(run: Run, content: str) -> None:
    Path("here/manifest.json").write_text(content)
    before = contents(Path("here"))
    for extra in ([], ["--overwrite"]):
        refused(run(*SMALL, "--out", "here", *extra), "here/manifest.json is damaged", "another")
    refused(run("plot", "here"), "here/manifest.json is damaged")
    assert contents(Path("here")) == before


@pytest.mark.usefixtures("_here")
def test_a_damaged_cell_of_an_unfinished_run_is_noticed(run: Run) -> None:
    reseal(Path("here"), status="running")
    Path("here/cells").mkdir()
    Path("here/cells/H16-n512.json").write_text('{"sha256": "0", "cell": "{}"}')
    refused(run(*SMALL, "--out", "here"), "H16-n512.json is damaged", "delete it")
    refused(run("plot", "here"), "not complete")


@pytest.mark.usefixtures("_here")
def test_plot_redraws_from_rows_alone(run: Run) -> None:
    first = {kind: Path(f"here/plot.{kind}").read_bytes() for kind in ("png", "svg")}
    for kind in first:
        Path(f"here/plot.{kind}").unlink()
    ran = run("plot", "here")
    assert ran.out.split() == ["here/plot.png", "here/plot.svg"]
    for kind, content in first.items():
        assert Path(f"here/plot.{kind}").read_bytes() == content
    assert run("plot", "here", "--out", "there").status == 0
    assert Path("there/plot.png").read_bytes() == first["png"]


def test_plot_refuses_what_is_no_run(run: Run) -> None:
    refused(run("plot", "nowhere"), "nowhere is not a run")
    Path("else").mkdir()
    Folder.open(Path("else"), "antiscale.separation/1", "0").finish()
    refused(run("plot", "else"), "antiscale.separation/1", "not the results of a sweep")


@pytest.mark.usefixtures("_here", "unpainted")
def test_report_leaves_one_page(run: Run) -> None:
    ran = run("report", "here", "--no-sliders")
    assert (ran.status, ran.out, ran.err) == (0, "here/report.html\n", "")
    first = Path("here/report.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    ran = run("report", "here", "--no-sliders", "--out", "there/page.html", "--json")
    assert Path("there/page.html").read_bytes() == first
    printed = json.loads(ran.out)
    assert (printed["schema"], printed["page"]) == ("antiscale.page/1", "there/page.html")
    assert printed["explorer"] is None
    # A run made afresh leaves no page of the one before.
    assert run(*SMALL, "--out", "here", "--overwrite").status == 0
    assert not Path("here/report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["nowhere is not a run"]),
        (["here", "--out", "here"], ["here is a folder; name a file with --out"]),
        (["here", "--no-sliders", "--out", "here/rows.csv/x.html"], ["cannot write to"]),
        ([], ["Missing argument 'RUN'"]),
    ],
)
@pytest.mark.usefixtures("_here")
def test_a_report_that_cannot_be_made_leaves_nothing(
    run: Run, arguments: list[str], words: list[str]
) -> None:
    refused(run("report", *arguments), *words)
    assert not list(Path().rglob("*.html"))
    assert not list(Path().rglob(".partial-*"))


@pytest.mark.usefixtures("_here", "unpainted")
def test_diff_says_what_changed_by_its_exit_status(run: Run) -> None:
    assert run(*SMALL, "--out", "again").status == 0
    assert run(*SMALL, "--out", "wide", "--kappa", "0.5").status == 0
    ran = run("diff", "here", "again")
    assert ran.status == 0
    assert "Nothing differs beyond its interval" in ran.out
    ran = run("diff", "here", "wide")
    assert ran.status == 1
    assert "kappa" in ran.out
    printed = json.loads(run("diff", "here", "wide", "--json").out)
    assert printed["schema"] == "antiscale.diff/1"
    assert printed["differs"] is True
    assert printed["config"] == [{"name": "kappa", "first": 0.25, "second": 0.5}]
    refused(run("diff", "here", "nowhere"), "nowhere is not a run")
    refused(run("diff", "here"), "Missing argument")
    Path("again/rows.csv").write_text("")
    refused(run("diff", "here", "again"), "again/rows.csv is damaged")


@pytest.mark.usefixtures("unpainted")
def test_a_learner_of_ones_own_runs_by_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my_learners.py").write_text(
        "class Base:\n"
        "    side = 'vf'\n"
        "    def __call__(self, data, setting):\n"
        "        return setting.pmf + 0 * data.counts\n"
        "class Broken:\n"
        "    side = 'vb'\n"
        "    def __call__(self, data, setting):\n"
        "        return data.nothing\n"
        "class Wrong:\n"
        "    side = 'vb'\n"
        "    def __call__(self, data, setting):\n"
        "        return 2 * setting.pmf + 0 * data.labels\n"
    )
    ran = run(*SMALL, "--learner", "my_learners:Base", "--expert", "base", "--json")
    assert ran.status == 0, ran.err
    row = json.loads(ran.out)["rows"][0]
    assert row["vf_learner"] == "my_learners:Base"
    assert row["vf_mean"] == pytest.approx(0, abs=1e-12)
    assert row["vf_upper"] is None
    refused(run(*SMALL, "--learner", "my_learners:Broken"), "failed with AttributeError")
    refused(run(*SMALL, "--learner", "my_learners:Wrong"), "must return pmfs")


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["sweep"],
        ["plot"],
        ["report"],
        ["diff"],
        ["info"],
        ["bounds"],
        ["separation"],
        ["search"],
        ["diagnose"],
        ["certify"],
        ["figures"],
    ],
)
def test_help_says_what_it_does_and_shows_examples(run: Run, command: list[str]) -> None:
    ran = run(*command, "--help")
    assert ran.status == 0
    assert "Usage: antiscale" in ran.out
    if command in (["sweep"], ["plot"], ["report"], ["diff"]):
        assert "Example" in ran.out


def test_info_lists_what_there_is(run: Run) -> None:
    printed = json.loads(run("info", "--json").out)
    assert {"jax", "numpy", "antiscale", "python"} <= printed["versions"].keys()
    assert printed["families"].keys() == FAMILIES.keys()
    assert printed["reward_classes"].keys() == CLASSES.keys()
    assert printed["learners"].keys() == BUILT_IN.keys()
    text = run("info").out
    assert "learner sft (vf)" in text
    assert "cpu" in text or "gpu" in text


def test_version(run: Run) -> None:
    assert run("--version").out.startswith("antiscale 0.")


def test_the_progress_bar_stays_off_standard_output() -> None:
    command = [sys.executable, "-m", "antiscale", "info", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    json.loads(ran.stdout)


def test_bounds_lists_evaluates_and_compares(run: Run) -> None:
    listed = json.loads(run("bounds", "--json").out)
    assert listed["schema"] == "antiscale.bounds/1"
    by_label = {entry["label"]: entry for entry in listed["bounds"]}
    assert by_label["T4c"]["inputs"] == ["pmf", "returns", "n", "prompt_mass", "kappa", "overlap"]
    assert "E[n_x^(-1/2); n_x > 0]" in run("bounds").out.replace("\n", " ")
    place = ["--set", "pmf=0.5,0.5", "--set", "returns=[0,100]", "--set", "n=1000"]
    one = json.loads(run("bounds", "T4c", *place, "--set", "kappa=0.25", "--json").out)
    assert one["inputs"]["returns"] == [0, 100]
    assert one["inputs"]["overlap"] == "affinity"
    assert one["value"] == pytest.approx(0.931151, rel=1e-5)
    text = run("bounds", "T4c", *place, "--set", "kappa=0.25").out
    assert "= 0.93115" in text
    assert "[0.5, 0.5]" in text
    table = json.loads(run("bounds", "--table", "--horizon", "64", "--samples", "99", "--json").out)
    assert (table["horizon"], table["n"]) == (64, 99)
    assert {row["label"] for row in table["rows"]} == set(by_label)
    shown = run("bounds", "--table", "--family", "two_point", "--horizon", "64").out
    assert "exact overlap" in shown
    constants = json.loads(run("bounds", "--constants", "--json").out)["constants"]
    assert constants["two_point"]["low"] == "0.270116046864"
    assert "[0.270116046864, 0.270116046865]" in run("bounds", "--constants").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["T4x"], ["unknown label 'T4x'"]),
        (["T4c"], ["T4c needs pmf, returns, n; pass --set pmf=..."]),
        (["T4c", "--table"], ["one of the three"]),
        (["--table", "--constants"], ["one of the three"]),
        (["--family", "sharp"], ["--family goes with --table"]),
        (["--set", "n=3"], ["--set goes with a label or with --table"]),
        (["T4c", "--samples", "3"], ["--samples goes with --table"]),
        (["--table", "--expert", "hard"], ["--table takes --expert optimal or base"]),
        (["--table", "--horizon", "0"], ["horizon must be a whole number >= 1"]),
        (["T3a", "--set", "eps=-1"], ["eps must be >= 0; got -1"]),
        (["T3a", "--set", "eps"], ["--set takes NAME=VALUE"]),
    ],
)
def test_bad_bounds_get_one_line_and_status_two(
    run: Run, arguments: list[str], words: list[str]
) -> None:
    refused(run("bounds", *arguments), *words)


def test_separation_leaves_rows_a_figure_and_a_manifest(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coarse(*args: Any, points: int, **rest: Any) -> list[dict[str, Any]]:
        return phase.diagram(*args, points=min(points, 4), **rest)

    monkeypatch.setattr(separation, "diagram", coarse)
    small = [
        "separation",
        "--horizon",
        "64",
        "--samples-per-token",
        "64",
        "--repeats",
        "4",
        "--quiet",
    ]
    ran = run(*small, "--phase-horizon", "256", "--out", "here")
    assert ran.status == 0
    assert "certified from H = " in ran.out.replace("\n", " ")
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert names == {"rows.csv", "in_n.csv", "phase.csv", "result.json", "separation.png",
                     "separation.svg", "manifest.json"}  # fmt: skip
    # Again, over the same folder: the same bytes.
    before = (tmp_path / "here/separation.svg").read_bytes()
    again = run(*small, "--phase-horizon", "256", "--out", "here", "--json")
    assert (tmp_path / "here/separation.svg").read_bytes() == before
    printed = json.loads(again.out)
    assert printed["schema"] == "antiscale.separation/1"
    assert printed == json.loads((tmp_path / "here/result.json").read_text())
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    refused(run(*small, "--no-phase", "--out", "other"), "holds files but no manifest.json")
    refused(run("separation", "--phase-horizon", "3"), "--phase-horizon must be a whole number")
    refused(run("separation", "--horizon", "0"), "horizon must be a whole number >= 1")
    refused(run("separation", "--kappa", "x"), "--kappa must be a number")


@pytest.mark.parametrize("command", ["sweep", "separation", "search"])
def test_set_over_a_file_that_has_no_table_there(command: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("parameters = 5\n")
    ran = run(command, "--config", "odd.toml", "--set", "spread=0.5")
    refused(ran, "parameters must be a table of names and values; got 5")
