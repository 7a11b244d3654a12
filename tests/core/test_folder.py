"""Folders: what is one's own is never touched, what was cut short goes on, two at once are told."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import antiscale as ac
from antiscale import cli
from antiscale.core.errors import InputError
from antiscale.core.folder import (
    MANIFEST,
    Folder,
    locked,
    read_manifest,
    seal,
    write_whole,
)
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.folder import open_run, read_run
from antiscale.sweeps.plan import Plan

# Folders are told apart by their names and rows.
pytestmark = pytest.mark.usefixtures("unpainted")

open_folder = functools.partial(Folder.open, again=True)

SCHEMA = "antiscale.test/1"
QUICK = SweepConfig(horizon=16, repeats=4, rewards=4)
SWEEP = ["sweep", "--horizon", "16", "--repeats", "4", "--rewards", "4", "--quiet"]
TABLE = "problem,sample,correct,length\n" + "".join(
    f"p{k % 4},{k // 4},{(k * 7) % 3 // 2},{5 + k % 6}\n" for k in range(48)
)
# Every command that leaves a folder, as small as it goes.
COMMANDS = {
    "sweep": SWEEP,
    "separation": ["separation", "--horizon", "32", "--repeats", "2", "--no-phase", "--quiet"],
    "search": ["search", "--strategy", "oracle", "--horizon", "16", "--budget", "16", "--quiet"],
    "diagnose": ["diagnose", "table.csv", "--quiet"],
    "plot": ["plot", "run"],
}
# Those of seconds are for the longer checks.
QUICK_ONES = [
    pytest.param(command, marks=[pytest.mark.slow] * (command in ("separation", "diagnose")))
    for command in COMMANDS
]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run the command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["antiscale", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, made once; tests take copies."""
    path: Path = tmp_path_factory.mktemp("finished") / "run"
    ac.sweep(QUICK, out=path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def one_line(ran: tuple[int, str, str], *words: str) -> None:
    status, out, err = ran
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("antiscale: error: ")
    for word in words:
        assert word in err


def reseal(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text()) | changes
    manifest["seal"] = seal(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def prepare(command: str, finished: Path) -> None:
    Path("table.csv").write_text(TABLE)
    if command == "plot":
        shutil.copytree(finished, "run")


def left_by(command: str, call: Call, finished: Path) -> list[str]:
    """Let the command fill the folder ``here``; return its arguments."""
    prepare(command, finished)
    small = [*COMMANDS[command], "--out", "here"]
    assert call(*small)[0] == 0
    return small


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_ones_own_files_is_not_touched(
    command: str, call: Call, finished: Path
) -> None:
    prepare(command, finished)
    mine = Path("mine")
    (mine / "cells").mkdir(parents=True)
    for name in ("cells/H16-n512.json", ".partial-notes", "report.html", "rows.csv", "plot.png"):
        (mine / name).write_text("precious")
    for manifest in (None, '{"name": "a package of mine"}', "{", '{"schema": "antiscale.sweep/2"}'):
        if manifest is not None:
            (mine / MANIFEST).write_text(manifest)
        before = contents(mine)
        for extra in ([], ["--overwrite"]):
            one_line(call(*COMMANDS[command], "--out", "mine", *extra), "mine")
            assert contents(mine) == before


@pytest.mark.parametrize("command", QUICK_ONES)
def test_overwrite_clears_what_the_same_command_listed_and_nothing_else(
    command: str, call: Call, finished: Path
) -> None:
    small = left_by(command, call, finished)
    listed = set(read_manifest(Path("here"))["files"])
    assert listed == set(contents(Path("here"))) - {MANIFEST}
    (Path("here") / "cells").mkdir()
    mine = ("cells/mine.json", ".partial-notes", "notes.txt")
    for name in mine:
        (Path("here") / name).write_text("precious")
    # Another configuration is in the way, and goes only when told.
    reseal(Path("here"), hash="0" * 12)
    before = contents(Path("here"))
    one_line(call(*small), "another configuration", "--overwrite")
    assert contents(Path("here")) == before
    assert call(*small, "--overwrite")[0] == 0
    after = contents(Path("here"))
    assert set(after) == listed | {MANIFEST, *mine}
    assert all(after[name] == b"precious" for name in mine)
    # What another command made is not its to clear.
    reseal(Path("here"), schema="antiscale.other/1")
    one_line(call(*small, "--overwrite"), "antiscale.other/1", "choose another --out")
    assert contents(Path("here"))["notes.txt"] == b"precious"


@pytest.mark.parametrize("command", QUICK_ONES)
def test_a_folder_whose_process_died_is_taken_over(
    command: str, call: Call, finished: Path
) -> None:
    small = left_by(command, call, finished)
    whole = contents(Path("here"))
    # Died after the first of its files, while it wrote the second.
    manifest = read_manifest(Path("here"))
    first, second, *others = manifest["files"]
    for name in (second, *others):
        (Path("here") / name).unlink()
    (Path("here") / f"{manifest['temporary']}{second}").write_text("half")
    (Path("here") / ".antiscale.lock").touch()
    reseal(Path("here"), status="running", files={first: None, second: None})
    assert call(*small)[0] == 0
    again = contents(Path("here"))
    assert set(again) == set(whole)
    assert {k: v for k, v in again.items() if k != MANIFEST} == {
        k: v for k, v in whole.items() if k != MANIFEST
    }


def test_a_process_that_died_before_its_manifest_was_there_leaves_no_obstacle(
    tmp_path: Path,
) -> None:
    (tmp_path / f".partial-{'0' * 32}-{MANIFEST}").write_text("{")
    with open_folder(tmp_path, SCHEMA, "a") as folder:
        folder.write("rows.csv", b"1")
        folder.finish()
    assert read_manifest(tmp_path)["status"] == "complete"


def test_what_fails_before_it_has_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError), open_folder(tmp_path / "new", SCHEMA, "a"):
        raise InputError("no")
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError), open_folder(tmp_path / "there", SCHEMA, "a"):
        raise InputError("no")
    assert contents(tmp_path / "there") == {}


def test_a_file_is_listed_before_it_is_written(tmp_path: Path, monkeypatch) -> None:
    from antiscale.core import folder as module

    listed: list[tuple[str, bool]] = []

    def spy(target: Path, content: bytes, temporary: str | None = None) -> None:
        if target.name != MANIFEST:
            listed.append((target.name, target.name in read_manifest(tmp_path)["files"]))
        write_whole(target, content, temporary)

    monkeypatch.setattr(module, "write_whole", spy)
    with open_folder(tmp_path, SCHEMA, "a") as folder:
        folder.write("one.csv", b"1")
        folder.write("two.csv", b"2")
    assert listed == [("one.csv", True), ("two.csv", True)]


def test_files_that_a_new_run_does_not_write_again_go(tmp_path: Path) -> None:
    for names in (["rows.csv", "phase.csv"], ["rows.csv"]):
        with open_folder(tmp_path, SCHEMA, "a") as folder:
            for name in names:
                folder.write(name, b"1")
            folder.finish()
    assert set(contents(tmp_path)) == {MANIFEST, "rows.csv"}


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt", "a/b/c.txt", ".."]
)
def test_a_manifest_lists_nothing_outside_its_folder(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    with open_folder(inside, SCHEMA, "a") as folder:
        folder.write("rows.csv", b"1")
        folder.finish()
    (tmp_path / "outside.txt").write_text("precious")
    reseal(inside, files={name: None})
    with pytest.raises(InputError, match="damaged"):
        open_folder(inside, SCHEMA, "a", overwrite=True)
    assert (tmp_path / "outside.txt").read_text() == "precious"


def test_a_link_in_place_of_a_folder_of_ours_is_not_followed(tmp_path: Path) -> None:
    inside, mine = tmp_path / "in", tmp_path / "mine"
    with open_folder(inside, SCHEMA, "a") as folder:
        folder.write("cells/one.json", b"1")
        folder.finish()
    shutil.move(inside / "cells", mine)
    (inside / "cells").symlink_to(mine)
    with open_folder(inside, SCHEMA, "b", overwrite=True) as folder:
        folder.finish()
    assert (mine / "one.json").exists()


def test_a_file_that_is_not_of_the_run_is_not_replaced(call: Call, finished: Path) -> None:
    shutil.copytree(finished, "here")
    Path("here/report.html").write_text("my own page")
    one_line(call("report", "here", "--no-sliders"), "report.html is there already")
    one_line(
        call("report", "here", "--no-sliders", "--out", "here/report.html"),
        "no page of antiscale",
    )
    assert Path("here/report.html").read_text() == "my own page"
    Path("here/report.html").unlink()
    for _ in range(2):
        assert call("report", "here", "--no-sliders")[0] == 0
    assert "report.html" in read_manifest(Path("here"))["files"]
    Path("table.csv").write_text(TABLE)
    one_line(
        call("diagnose", "table.csv", "--quiet", "--export-model", "table.csv"), "no exported model"
    )
    assert Path("table.csv").read_text() == TABLE


def test_figures_replace_only_their_own(tmp_path: Path) -> None:
    from antiscale.figures import build

    configs = Path(__file__).parents[2] / "experiments/figures"
    (tmp_path / "bilevel.png").write_text("mine")
    with pytest.raises(InputError, match=r"bilevel\.png is there already"):
        build.build("bilevel", configs, tmp_path, fast=True)
    assert contents(tmp_path) == {"bilevel.png": b"mine"}
    (tmp_path / "bilevel.png").unlink()
    # Died while writing: its manifest says whose the files are.
    assert build.build("bilevel", configs, tmp_path, fast=True).state == "made"
    begun = {"schema": build.SCHEMA, "name": "bilevel", "status": "running"}
    (tmp_path / "bilevel.json").write_text(json.dumps(begun))
    assert build.build("bilevel", configs, tmp_path, fast=True).state == "made"
    for text in ("", "a,b\n1,2\n", "a" * 10_000, "part\nx\n"):
        (tmp_path / "bilevel.csv").write_text(text)
        with pytest.raises(InputError, match=r"bilevel\.csv"):
            build.build("bilevel", configs, tmp_path, fast=True, from_rows=True)


# Two at once


def test_a_folder_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    folder = open_run(QUICK, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="being written by another antiscale"):
        open_run(QUICK, tmp_path)
    with pytest.raises(InputError, match="being written by another antiscale"):
        open_run(QUICK, tmp_path, overwrite=True)
    assert contents(tmp_path) == before
    folder.close()
    open_run(QUICK, tmp_path).close()


def test_temporary_files_of_another_writer_are_left_alone(tmp_path: Path) -> None:
    with open_folder(tmp_path, SCHEMA, "a") as folder:
        folder.write("rows.csv", b"1")
        other = tmp_path / f".partial-{'f' * 32}-rows.csv"
        other.write_text("under way")
        folder.finish()
    assert other.read_text() == "under way"


def test_the_lock_leaves_no_file_and_holds_one_at_a_time(tmp_path: Path) -> None:
    with (
        locked(tmp_path, 0.0),
        pytest.raises(InputError, match="another antiscale"),
        locked(tmp_path, 0.0),
    ):
        pass
    assert contents(tmp_path) == {}


# Manifests and results that were edited


def values(kept: object) -> list[object]:
    """What a hand may put in place of a value."""
    return [None, 0, -1.5, "x", [], {}, [kept], {"a": kept}, 10**4000]


@pytest.mark.parametrize("sealed", [False, True])
def test_edited_manifests_are_told(sealed: bool, call: Call, finished: Path) -> None:
    """`sealed`: whoever edited it made the seal right as well."""
    shutil.copytree(finished, "here")
    manifest = read_manifest(Path("here"))
    for key in ("schema", "status", "files", "temporary", *(() if sealed else ("hash", "seal"))):
        edits = [manifest | {key: value} for value in values(manifest[key])]
        edits.append({k: v for k, v in manifest.items() if k != key})
        for edited in edits:
            if sealed:
                edited["seal"] = seal(edited)
            Path("here", MANIFEST).write_text(json.dumps(edited))
            with pytest.raises(InputError):
                read_run(Path("here"))
            if key != "files":
                with pytest.raises(InputError):
                    open_run(QUICK, Path("here"))
        for command in (["plot", "here"], ["diff", "here", "here"], ["report", "here"]):
            one_line(call(*command), "here")


@pytest.mark.parametrize(
    "text", ["", "null", "[" * 10**5, '{"a":' * 10**5, '{"seal": ' + "9" * 5000 + "}", "\udcff"]
)
def test_manifests_that_are_not_ours_are_told(text: str, call: Call, finished: Path) -> None:
    shutil.copytree(finished, "here")
    Path("here", MANIFEST).write_bytes(text.encode(errors="surrogateescape"))
    for command in ([*SWEEP, "--out", "here"], ["plot", "here"], ["report", "here"]):
        one_line(call(*command), "manifest.json is damaged")


def test_a_manifest_that_is_no_file_or_huge_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(InputError, match="damaged"):
        read_run(tmp_path) if (tmp_path / MANIFEST).is_file() else read_manifest(tmp_path)
    (tmp_path / MANIFEST).unlink()
    with (tmp_path / MANIFEST).open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(InputError, match="damaged"):
        open_run(QUICK, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 10**5, '{"rows": 3, "fit": []}'])
def test_edited_results_are_told(text: str, call: Call, finished: Path) -> None:
    shutil.copytree(finished, "here")
    Path("here/result.json").write_text(text)
    for command in (
        [*SWEEP, "--out", "here"], ["plot", "here"], ["report", "here"], ["diff", "here", "here"],
    ):  # fmt: skip
        one_line(call(*command), "here/result.json is damaged")


@pytest.mark.parametrize("cell", [None, 3, [], {}, {"row": 3}, {"row": {}, "replicates": []}])
def test_edited_cells_are_told_whatever_is_in_them(
    cell: object, call: Call, finished: Path
) -> None:
    import hashlib

    shutil.copytree(finished, "here")
    reseal(Path("here"), status="running")
    Path("here/cells").mkdir()
    body = json.dumps(cell)
    wrapped = {"sha256": hashlib.sha256(body.encode()).hexdigest(), "cell": body}
    for content in (json.dumps(wrapped), "[" * 10**5, "[1]", '{"cell": 3, "sha256": "x"}'):
        Path("here/cells/H16-n512.json").write_text(content)
        one_line(call(*SWEEP, "--out", "here"), "H16-n512.json is damaged", "delete it")


# What a run's name holds


def learner(value: float, helper: bool = False) -> None:
    """A module with a learner that puts a mass of `value` less on the first type."""
    scale = "from helper import SCALE\n" if helper else f"SCALE = {value}\n"
    if helper:
        Path("helper.py").write_text(f"SCALE = {value}\n")
    Path("mine.py").write_text(
        f"import json\n{scale}"
        "class Mine:\n    side = 'vf'\n"
        "    def __call__(self, data, setting):\n"
        "        total = data.counts.sum(-1, keepdims=True)\n"
        "        mle = (data.counts + 1e-9) / (total + 1e-9 * data.counts.shape[-1])\n"
        "        return SCALE * setting.pmf + (1 - SCALE) * mle\n"
    )


@pytest.mark.parametrize("helper", [False, True])
def test_an_edited_learner_is_another_run(helper: bool, call: Call) -> None:
    command = [*SWEEP, "--learner", "mine:Mine", "--json"]
    found = []
    # Another test of this process may have left a module of that name, from its own folder.
    for module in ("mine", "helper"):
        sys.modules.pop(module, None)
    try:
        for value in (0.25, 0.75):  # files of the same length, within a second
            learner(value, helper)
            status, out, err = call(*command)
            assert (status, err) == (0, ""), err
            found.append(json.loads(out))
        assert found[0]["config_hash"] != found[1]["config_hash"]
        assert found[0]["rows"][0]["vf_mean"] != found[1]["rows"][0]["vf_mean"]
        # As it was before: the first run is shown, and said to be.
        learner(0.25, helper)
        status, out, err = call(*command)
        assert json.loads(out) == found[0]
        assert "shown from runs/" in err
        assert read_manifest(Path("runs", found[0]["config_hash"]))["finished"] in err
    finally:
        for module in ("mine", "helper"):
            sys.modules.pop(module, None)
    assert not Path("__pycache__").exists()


def test_runs_without_learners_of_ones_own_keep_their_names() -> None:
    # The names that these runs had when sources were not looked at.
    assert Plan.of().hash == "e79dd5cbaf34"
    assert Plan.of(SweepConfig(learner=("smoothed_sft", "wide"), horizon=64)).hash == "abf4cb0ffd6a"
    assert Plan.of().sources == {}


def test_a_run_that_was_there_is_said_to_be(call: Call, tmp_path: Path) -> None:
    first = call(*SWEEP, "--json")
    assert (first[0], first[2]) == (0, "")
    again = call(*SWEEP, "--json")
    assert again[1] == first[1]
    assert again[2].startswith("antiscale: shown from runs/")
    assert again[2].count("\n") == 1
    computed = ac.sweep(QUICK, out=tmp_path / "run")
    assert computed.finished is None
    stored = ac.sweep(QUICK, out=tmp_path / "run")
    assert stored.finished == read_manifest(tmp_path / "run")["finished"]
    np.testing.assert_array_equal(computed.frame.vf_mean, stored.frame.vf_mean)


def test_a_file_of_a_model_is_part_of_the_name(tmp_path: Path) -> None:
    from antiscale.search import SearchConfig

    file = tmp_path / "model.csv"
    names = []
    for length in (3, 4):
        file.write_text(
            f"prompt,style,length,probability,solved\na,x,{length},0.5,1\na,y,9,0.5,0\n"
        )
        parameters = {"file": str(file)}
        names.append(
            [
                Plan.of(SweepConfig(family="explicit", parameters=parameters)).hash,
                SearchConfig(family="explicit", parameters=parameters).hash(),
            ]
        )
    assert not set(names[0]) & set(names[1])


def test_folders_are_context_managers_that_let_go(tmp_path: Path) -> None:
    with Folder.open(tmp_path, SCHEMA, "a") as folder:
        folder.write("rows.csv", b"1")
    with Folder.open(tmp_path, SCHEMA, "a") as folder:
        assert not folder.complete
        assert set(folder.files) == {"rows.csv"}
