"""`antiscale sweep --grid` and `antiscale plot` of what it left, as they are typed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from antiscale import cli
from antiscale.grids import run as grids
from antiscale.grids.axes import Axes
from antiscale.grids.forecast import forecast
from antiscale.grids.plan import GridPlan

FILE = """
horizon = 16
repeats = 4
rewards = 4
kappa = [0.1, 1.0]
n = ["2 H", 100]
learner = ["sft", "wide"]
[parameters]
spread = [0.5, 1.0]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in a folder with grid.toml, in this process."""
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(FILE)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["antiscale", *words])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


def test_a_grid_is_run_shown_again_and_drawn(run: Run) -> None:
    status, out, err = run("sweep", "--grid", "grid.toml", "--out", "found")
    assert (status, err) == (0, "")
    assert "loss in tokens, by kappa, n, parameters.spread" in out
    assert "Of 8 points (kappa x n x parameters.spread)" in out
    rows = pd.read_parquet("found/rows")
    assert len(rows) == 16
    assert {"plot.png", "plot.svg", "manifest.json"} < {
        file.name for file in Path("found").iterdir()
    }
    again = run("sweep", "--grid", "grid.toml", "--out", "found", "--json")
    assert again[0] == 0
    assert again[2].startswith("antiscale: shown from found")
    assert len(json.loads(again[1])["rows"]) == 16
    before = Path("found/plot.svg").read_bytes()
    words = ("--x", "kappa", "--y", "mean", "--facets", "n", "--facets", "parameters.spread")
    status, out, _ = run("plot", "found", *words)
    assert (status, out) == (0, "found/plot.png\nfound/plot.svg\n")
    assert Path("found/plot.svg").read_bytes() != before
    assert run("plot", "found", "--out", "elsewhere")[0] == 0
    assert Path("elsewhere/plot.svg").read_bytes() == before
    # The files of rows are listed and checked.
    part = next(Path("found/rows").iterdir())
    part.write_bytes(part.read_bytes()[:-9])
    status, _, err = run("plot", "found")
    assert status == 2
    assert "damaged" in err


def test_flags_replace_what_the_file_says(run: Run) -> None:
    status, out, _ = run(
        "sweep", "--grid", "grid.toml", "--kappa", "0.3", "--set", "spread=0.7", "--json",
        "--learner", "sft",
    )  # fmt: skip
    assert status == 0
    rows = json.loads(out)["rows"]
    assert [(row["kappa"], row["n"], row["learner"]) for row in rows] == [
        (0.3, 32, "sft"), (0.3, 100, "sft"),
    ]  # fmt: skip


def test_a_dry_run_writes_nothing_and_leaves_out_what_is_kept(run: Run) -> None:
    status, out, err = run("sweep", "--grid", "grid.toml", "--dry-run")
    assert (status, err) == (0, "")
    assert "points           8      2 kappa x 2 n x 2 parameters.spread" in out
    assert "compiled shapes  2 " in out
    assert not Path("runs").exists()
    found = json.loads(run("sweep", "--grid", "grid.toml", "--dry-run", "--json")[1])
    expected = {"points": 8, "learners": 2, "rows": 16, "shapes": 2, "chunks": 2, "kept": 0}
    assert {name: found[name] for name in expected} == expected
    assert found["timed"] == 8
    assert found["seconds"] > 0
    assert run("sweep", "--grid", "grid.toml")[0] == 0
    found = json.loads(run("sweep", "--grid", "grid.toml", "--dry-run", "--json")[1])
    assert (found["kept"], found["timed"], found["seconds"]) == (2, 0, 0.0)


def test_a_grid_without_a_picture_says_so(run: Run) -> None:
    with Path("grid.toml").open("a") as file:
        file.write("styles = [2, 4]\n")
    status, out, _ = run("sweep", "--grid", "grid.toml", "--out", "found", "--learner", "sft")
    assert status == 0
    assert "no picture: a picture has panels by two columns" in out
    assert run("plot", "found", "--facets", "n")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--jobs", "2"), "are for grids: give --grid"),
        (("--dry-run",), "are for grids: give --grid"),
        (("--grid", "familes"), "did you mean 'families'?"),
        (("--grid", "none.toml"), "config file none.toml does not exist"),
        (("--grid", "grid.toml", "--jobs", "2", "--scheduler", "a:1"), "not both"),
        (("--grid", "grid.toml", "--scheduler", "a"), "HOST:PORT"),
        (("--grid", "grid.toml", "--vary", "n"), "leave out vary"),
        (("--grid", "grid.toml", "--kappa", "-1"), "at n = 2 H"),
        (("--grid", "grid.toml", "--samples", "7"), "n is given twice"),
        (("--grid", "bad.toml"), "kapa"),
    ],
)
def test_what_cannot_be_used_gets_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    Path("bad.toml").write_text("kapa = [1.0]\n")
    status, out, err = run("sweep", *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(file.name for file in Path().iterdir()) == ["bad.toml", "grid.toml"]


def test_a_plot_of_a_sweep_has_no_panels_to_choose(run: Run) -> None:
    small = ("--horizon", "16", "--repeats", "4", "--rewards", "4", "--out", "found", "--quiet")
    assert run("sweep", *small)[0] == 0
    status, _, err = run("plot", "found", "--facets", "kappa")
    assert status == 2
    assert "found is a sweep; --x, --y, --facets and --lines are of grids" in err
    before = Path("found/plot.svg").read_bytes()
    assert run("plot", "found")[0] == 0
    assert Path("found/plot.svg").read_bytes() == before


def test_the_forecast_counts_every_point_of_every_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """With points whose times are known."""
    from antiscale.core.engine import Engine
    from antiscale.grids import forecast as module
    from antiscale.grids.chunk import Spent
    from antiscale.grids.plan import base_of

    options: dict[str, Any] = {
        "repeats": [2, 3, 4, 6, 10, 20], "horizon": 16, "kappa": [0.1, 1.0],
        "n": [8, 16, 32, 64, 128],
    }  # fmt: skip
    plan = GridPlan.of(Axes.of(options))
    monkeypatch.setattr(
        "antiscale.sweeps.plan.Plan.seconds_at", lambda self, place: 1e-3 * self.config.repeats
    )

    def steps(chunk: Any) -> Any:
        """A second for each repeat, half a one more to set a case up; compiling takes 10 more."""
        seen: set[str] = set()
        for k, point in enumerate(chunk.points):
            fresh = base_of(point) not in seen
            seen.add(base_of(point))
            size = point.plan.config.repeats
            yield [], Spent(size * (1.5 if fresh else 1.0) + 10.0 * (k == 0), k == 0, fresh)

    monkeypatch.setattr(module, "one_by_one", steps)
    monkeypatch.setattr(module, "_SECONDS", 1e9)
    found = forecast(plan, Engine(threads=2))
    each = [5 * 2 * size + 2 * size / 2 for size in options["repeats"]]
    assert found.shapes == 6
    assert found.timed == 4 * 10
    assert found.seconds == pytest.approx(6 * 10 + max(sum(each) / 2, max(each)))


def test_a_dry_run_in_python(tmp_path: Path) -> None:
    small: dict[str, Any] = {"horizon": 16, "repeats": 4, "rewards": 4, "kappa": [0.1, 0.2]}
    found = grids.sweep(**small, dry_run=True, out=tmp_path / "grid")
    assert (found.points, found.workers) == (2, 2)
    assert not (tmp_path / "grid").exists()
    assert found.memory is None or 1e8 < found.memory < 1e11
