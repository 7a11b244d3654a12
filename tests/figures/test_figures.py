"""The figures: from configuration to rows to picture, and those that are stored."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from antiscale import figures, presets
from antiscale.cli import main
from antiscale.core.errors import InputError
from antiscale.figures import build
from antiscale.plots import style

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "experiments/figures"
# Made within a second or two: these are made in full, the others in their smoke variant.
CHEAP = ("bilevel", "anticoncentrated", "spread", "tails", "over_optimisation")
RECORDS = figures.records()
# Computed by the package; the others are measured by a script.
COMPUTED = [name for name, record in RECORDS.items() if record.script is None]
# The smoke variants that take the longest are made by `pytest -m slow`.
_LONG = {
    "assumptions", "budgets", "families", "heterogeneity", "limits", "pass_at_k", "phase",
    "planted", "price", "sandwich", "search",
}  # fmt: skip
SMOKE = [pytest.param(n, marks=pytest.mark.slow) if n in _LONG else n for n in COMPUTED]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)


def run(arguments: list[str], capsys) -> tuple[int, str, str]:
    sys.argv = ["antiscale", "figures", *arguments]
    with pytest.raises(SystemExit) as stopped:
        main()
    out = capsys.readouterr()
    return int(stopped.value.code or 0), out.out, out.err


def test_every_figure_has_a_module_a_configuration_and_a_place_in_the_gallery() -> None:
    assert {file.stem for file in CONFIGS.glob("*.toml")} == set(RECORDS)
    numbers = [record.number for record in RECORDS.values()]
    assert numbers == list(range(1, 24))
    for name, record in RECORDS.items():
        module = figures.module(name)
        assert record.title
        assert record.origin.endswith(".")
        assert record.script is None or (ROOT / record.script).is_file()
        full, smoke = (build.configuration(name, CONFIGS, fast=fast) for fast in (False, True))
        assert isinstance(full, module.Config)
        assert full != smoke


@pytest.mark.parametrize("name", SMOKE)
def test_every_smoke_variant_is_made_and_made_again_the_same(name: str, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    made = build.build(
        name, CONFIGS, tmp_path, fast=True, progress=lambda *step: steps.append(step)
    )
    assert made.state == "made"
    assert all(file.stat().st_size > 0 for file in made.files)
    assert steps[-1][0] == steps[-1][1]
    assert build.build(name, CONFIGS, tmp_path, fast=True).state == "up to date"
    before = {file: file.read_bytes() for file in made.files}
    assert build.build(name, CONFIGS, tmp_path, fast=True, from_rows=True).state == "redrawn"
    assert {file: file.read_bytes() for file in made.files} == before
    stored = json.loads((tmp_path / f"{name}.json").read_text())
    assert stored["note"].endswith(".")
    assert stored["number"] == RECORDS[name].number


@pytest.mark.parametrize("name", RECORDS)
def test_the_stored_figure_is_that_of_the_stored_rows(name: str) -> None:
    stored = json.loads((ROOT / f"figures/{name}.json").read_text())
    texts = [(ROOT / "figures" / file).read_text() for file in build.files_of(name)]
    assert stored["rows"] == build.digest(texts)
    rows = build.rows_of(name, ROOT / "figures")
    module = figures.module(name)
    assert stored["note"] == module.note(rows)
    pictures = build.pictures(name, rows)
    assert all(isinstance(figure, Figure) for figure in pictures.values())
    assert set(stored["files"]) == {
        *build.files_of(name), *(f"{one}.{kind}" for one in pictures for kind in build.KINDS)
    }  # fmt: skip
    for file in stored["files"]:
        assert (ROOT / "figures" / file).stat().st_size > 0
    # The configuration is the one in the repository.
    config = build.configuration(name, CONFIGS, fast=False)
    assert stored["config"] == json.loads(json.dumps(build.plain(config)))


@pytest.mark.parametrize("name", CHEAP)
def test_stored_rows_are_made_anew(name: str) -> None:
    assert build.check(name, CONFIGS, ROOT / "figures") == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMPUTED if name not in CHEAP])
def test_all_stored_rows_are_made_anew(name: str) -> None:
    differ = build.check(name, CONFIGS, ROOT / "figures")
    assert not [row for row in differ if not row.inside]


def test_the_gallery_is_that_of_the_stored_figures() -> None:
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        documents = importlib.import_module("documents")
    finally:
        sys.path.pop(0)
    assert (ROOT / "figures/README.md").read_text() == documents.gallery()


@pytest.mark.slow
def test_text_within_a_figure_does_not_overlap() -> None:
    """Titles, labels and notes: no two of them share a pixel."""
    for name, figure in [
        drawn
        for one in RECORDS
        for drawn in build.pictures(one, build.rows_of(one, ROOT / "figures")).items()
    ]:
        with style.styled():
            figure.draw_without_rendering()
            renderer = figure.canvas.get_renderer()
            boxes = []
            for axes in figure.axes:
                texts = [axes.xaxis.label, axes.yaxis.label, axes._left_title, axes.title]
                boxes += [
                    (text.get_text(), text.get_window_extent(renderer))
                    for text in texts
                    if text.get_text() and text.get_visible()
                ]
            if figure._supxlabel is not None:
                note = figure._supxlabel
                boxes.append((note.get_text()[:20], note.get_window_extent(renderer)))
            width, height = figure.canvas.get_width_height()
        for k, (text, box) in enumerate(boxes):
            inside = box.x0 > -2 and box.y0 > -2 and box.x1 < width + 2 and box.y1 < height + 2
            assert inside, (name, text)
            for other, second in boxes[k + 1 :]:
                assert not box.overlaps(second), (name, text, other)


@pytest.mark.usefixtures("unpainted")
def test_a_change_of_configuration_or_rows_is_noticed(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    configs.mkdir()
    text = (CONFIGS / "bilevel.toml").read_text()
    (configs / "bilevel.toml").write_text(text)
    out = tmp_path / "out"
    build.build("bilevel", configs, out)
    assert build.build("bilevel", configs, out).state == "up to date"
    (configs / "bilevel.toml").write_text(text.replace("0.15", "0.16"))
    assert build.build("bilevel", configs, out).state == "made"
    rows = pd.read_csv(out / "bilevel.csv")
    rows.loc[3, "value"] *= 1 + 1e-6
    rows.to_csv(out / "bilevel.csv", index=False)
    differ = build.check("bilevel", configs, out)
    assert [(row.column, row.row) for row in differ] == [("value", 3)]
    # Rows that were changed by hand do not pass for those of the code.
    assert build.build("bilevel", configs, out).state == "made"
    assert build.check("bilevel", configs, out) == []


def test_a_difference_inside_an_interval_is_said_to_be() -> None:
    old = pd.DataFrame({"vf_mean": [1.0], "vf_low": [0.9], "vf_high": [1.1], "n": [3]})
    new = old.assign(vf_mean=[1.05])
    (row,) = build._differences("x", old, new)
    assert row.inside
    (row,) = build._differences("x", old, old.assign(vf_mean=[1.2]))
    assert not row.inside
    (row,) = build._differences("x", old, old.assign(n=[4]))
    assert not row.inside


@pytest.mark.usefixtures("unpainted")
def test_a_figure_is_stale_by_its_configuration_and_rows_alone(tmp_path: Path) -> None:
    build.build("bilevel", CONFIGS, tmp_path)
    stored = json.loads((tmp_path / "bilevel.json").read_text())
    (tmp_path / "bilevel.json").write_text(json.dumps(stored | {"versions": {}, "version": "0"}))
    assert build.build("bilevel", CONFIGS, tmp_path).state == "up to date"
    (tmp_path / "bilevel.pdf").unlink()
    assert build.build("bilevel", CONFIGS, tmp_path).state == "made"


@pytest.mark.slow
def test_a_figure_with_several_tables_and_pictures_is_kept_whole(tmp_path: Path) -> None:
    made = build.build("families", CONFIGS, tmp_path, fast=True)
    names = {str(file.relative_to(tmp_path)) for file in made.files}
    assert names == {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert {"families.csv", "families_sweeps.csv", "families/homogeneous.svg"} <= names
    before = (tmp_path / "families/default.png").read_bytes()
    (tmp_path / "families/default.png").unlink()
    assert build.build("families", CONFIGS, tmp_path, fast=True, from_rows=True).files == made.files
    assert (tmp_path / "families/default.png").read_bytes() == before


@pytest.mark.usefixtures("unpainted")
def test_what_is_measured_is_drawn_unless_it_is_named(tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path), "--json", "--quiet"]
    for file in build.files_of("coverage"):
        shutil.copy(ROOT / "figures" / file, tmp_path)
    status, text, _ = run(["coverage", "--from-rows", *out], capsys)
    assert (status, json.loads(text)["figures"][0]["state"]) == (0, "redrawn")
    status, text, _ = run(["coverage", *out], capsys)
    assert json.loads(text)["figures"][0]["state"] == "up to date"
    # Named, the small variant is measured.
    status, text, _ = run(["coverage", "--fast", *out], capsys)
    assert json.loads(text)["figures"][0]["state"] == "made"


def test_what_is_measured_needs_a_clone(monkeypatch, tmp_path: Path) -> None:
    real = presets.folder
    monkeypatch.setattr(
        presets, "folder", lambda kind: tmp_path if kind == "sweeps" else real(kind)
    )
    with pytest.raises(InputError, match="--from-rows"):
        build._computed("benchmarks")


@pytest.mark.usefixtures("unpainted")
def test_the_command_makes_checks_and_reports(tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path)]
    status, text, _ = run(["bilevel", "anticoncentrated", *out], capsys)
    assert status == 0
    assert text.count("made") == 2
    status, text, _ = run(["bilevel", *out, "--json"], capsys)
    found = json.loads(text)
    assert found["figures"][0]["state"] == "up to date"
    assert len(found["figures"][0]["files"]) == 5
    status, text, _ = run(["bilevel", "--check", *out], capsys)
    assert status == 0
    assert "same rows" in text
    rows = pd.read_csv(tmp_path / "bilevel.csv")
    rows.loc[0, "value"] += 1
    rows.to_csv(tmp_path / "bilevel.csv", index=False)
    status, text, _ = run(["bilevel", "--check", *out], capsys)
    assert status == 1
    assert "1 values differ" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "unknown figure 'nothing'"),
        (["gapp"], "did you mean 'gap'"),
        (["bilevel", "--check", "--from-rows"], "give one of them"),
        (["bilevel", "--fast", "--from-rows", "--out", "nowhere"], "bilevel.csv does not exist"),
    ],
)
def test_bad_input_gets_one_line(arguments: list[str], words: str, capsys) -> None:
    status, out, err = run(arguments, capsys)
    assert status == 2
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("bilevel", "horizon = 40", "horizont = 40", "bilevel.toml 'horizont'; did you mean"),
        ("bilevel", "horizon = 40\n", "", "horizon"),
        ("bilevel", "hazards = [0.15", "hazards = [1.5", "hazards must lie in"),
        ("planted", "paces = [0.25", "paces = [0.9", "paces must rise"),
        ("budgets", '"hard"]', '"hard", "x"]', "one entry per mixture"),
    ],
)
def test_bad_configurations_are_told(
    name: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    text = (CONFIGS / f"{name}.toml").read_text()
    assert old in text
    (tmp_path / f"{name}.toml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=words):
        build.configuration(name, tmp_path, fast=False)
    with pytest.raises(InputError, match="does not exist"):
        build.configuration("gap", tmp_path, fast=False)


ADDED = '''
"""Figure 99: squares."""

from dataclasses import dataclass

import pandas as pd

from antiscale.figures import Record
from antiscale.plots import style

RECORD = Record(99, "Squares", "Not in the paper.")


@dataclass(frozen=True, kw_only=True)
class Config:
    most: int


def rows(config, progress):
    progress(1, 1, "squares")
    return pd.DataFrame({"n": range(config.most), "square": [n * n for n in range(config.most)]})


def note(rows):
    return f"The last one is {rows['square'].iloc[-1]}."


def draw(rows):
    with style.sheet(2.0, note(rows)) as figure:
        figure.subplots().plot(rows["n"], rows["square"])
    return figure
'''


@pytest.mark.usefixtures("unpainted")
def test_a_figure_is_added_by_one_module_and_its_configuration(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "squares.py").write_text(ADDED)
    (tmp_path / "squares.toml").write_text("# Figure 99. Squares.\nmost = 4\n[smoke]\nmost = 2\n")
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    monkeypatch.setattr(presets, "folder", lambda kind: tmp_path)
    assert figures.names() == ["squares"]
    assert figures.records()["squares"].number == 99
    assert build.build("squares", tmp_path, tmp_path / "out").state == "made"
    assert build.build("squares", tmp_path, tmp_path / "out").state == "up to date"
    assert build.check("squares", tmp_path, tmp_path / "out") == []
    assert json.loads((tmp_path / "out/squares.json").read_text())["note"] == "The last one is 9."
    del sys.modules["antiscale.figures.squares"]
