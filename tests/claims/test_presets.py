"""What comes with the package: found by name, and in a wheel as it is in the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import antiscale as ac
from antiscale import cli, presets
from antiscale.core.errors import InputError

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["antiscale", *line.split()])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


def test_every_configuration_and_instance_of_the_repository_has_a_name() -> None:
    named = {presets.find(kind, name) for kind in presets.KINDS for name in presets.names(kind)}
    assert {file.resolve() for file in named} == {
        *(ROOT / "experiments").rglob("*.toml"), *(ROOT / "experiments/certify/worst").glob("*"),
    }  # fmt: skip
    for kind in presets.KINDS:
        for name in presets.names(kind) if kind != "instances" else ():
            assert presets.summary(kind, name).endswith("."), name
            assert "Run it with" not in presets.summary(kind, name)
    assert presets.summary("figures", "spread").startswith("Figure 7. Four families")


def test_a_slash_or_the_ending_makes_a_path(tmp_path: Path) -> None:
    for value in ("./default", "default.toml", str(tmp_path / "default")):
        assert presets.find("sweeps", value) == Path(value)
    assert presets.find("instances", "mine.json") == Path("mine.json")
    assert presets.find("sweeps", "default").samefile(ROOT / "experiments/default.toml")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sweep --config defualt", "no sweep 'defualt'; did you mean 'default'? there are: "),
        ("separation --config zzz", "no sweep 'zzz'; there are: default, difficulty, "),
        ("search --config dificulty", "did you mean 'difficulty'?"),
        ("sweep --config ./default", "config file default does not exist"),
        (
            "certify --replay T4c-two-types-exactl",
            "did you mean 'T4c-two-types-exactly'? antiscale",
        ),
        ("certify --replay ./T4c-two-types-exactly", "T4c-two-types-exactly does not exist"),
        (
            "diagnose --example codeT",
            "no example 'codeT'; did you mean 'codet'? there are: arithmetic, codet, ",
        ),
        ("diagnose --example ./codet", "no example './codet'"),
        ("diagnose", "a table, or --example NAME: give one"),
        ("diagnose a.csv --example codet", "a table, or --example NAME: give one"),
        ("figures bilvel", "did you mean 'bilevel'?"),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest_name(
    run: Run, line: str, words: str
) -> None:
    status, out, err = run(line)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err
    assert not list(Path().iterdir())


def test_info_lists_what_there_is(run: Run) -> None:
    found = json.loads(run("info --json")[1])["presets"]
    assert {kind: list(listed) for kind, listed in found.items()} == {
        kind: presets.names(kind) for kind in presets.KINDS
    }
    screen = run("info")[1]
    for kind in presets.KINDS:
        assert all(name in screen for name in presets.names(kind))


def test_an_example_may_be_asked_for_without_some_of_its_columns() -> None:
    found = ac.diagnose(example="codet", columns={"score": "-"}, horizon=64)
    assert found.summary["samples"] == 16_400
    assert "best_of" not in found.summary
    with pytest.raises(InputError, match="give one of them"):
        ac.diagnose()


def test_a_figure_is_drawn_and_checked_from_the_rows_that_come_with_the_package(run: Run) -> None:
    status, out, _ = run("figures bilevel --check")
    assert (status, "same rows" in out, "those of antiscale" in out) == (0, True, True)
    assert not list(Path().iterdir())
    assert run("figures bilevel --from-rows")[0] == 0
    drawn = {file.name for file in Path("figures").iterdir()}
    assert drawn == {f"bilevel.{kind}" for kind in ("csv", "json", "pdf", "png", "svg")}
    ours = (presets.rows() / "bilevel.csv").read_bytes()
    assert Path("figures/bilevel.csv").read_bytes() == ours
    kept = json.loads(Path("figures/bilevel.json").read_text())
    assert kept["rows"] == json.loads((presets.rows() / "bilevel.json").read_text())["rows"]
    assert "those of antiscale" not in run("figures bilevel --check")[1]
    status, _, err = run("figures gap --from-rows --fast")
    assert (status, "does not exist" in err) == (2, True)


# The wheel.


def carried() -> dict[str, Path]:
    """What a wheel must carry of what is not code: its name there, and the file here."""
    files = {
        f"antiscale/presets/{file.relative_to(ROOT / 'experiments')}": file
        for kind, (_, folder, ending) in presets.KINDS.items()
        for file in (ROOT / "experiments" / folder).glob(
            "*" if kind == "examples" else f"*{ending}"
        )
    }
    rows = [*(ROOT / "figures").glob("*.csv"), *(ROOT / "figures").glob("*.json")]
    return files | {f"antiscale/presets/rows/{file.name}": file for file in rows}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    made = tmp_path_factory.mktemp("wheel")
    (file,) = WheelBuilder(str(ROOT)).build(directory=str(made), versions=["standard"])
    with zipfile.ZipFile(file) as archive:
        archive.extractall(made / "unpacked")
    return made / "unpacked"


def test_the_wheel_carries_what_has_a_name_and_nothing_twice(wheel: Path) -> None:
    found = {
        str(file.relative_to(wheel))
        for file in (wheel / "antiscale/presets").rglob("*")
        if file.is_file()
    }
    assert found == carried().keys() | {"antiscale/presets/__init__.py"}
    assert (wheel / "antiscale/__init__.pyi").is_file()
    for name, file in carried().items():
        assert (wheel / name).read_bytes() == file.read_bytes(), name
    (licences,) = wheel.glob("*.dist-info/licenses")
    # The table that is the project's own is under its licence.
    for name in set(presets.names("examples")) - {"arithmetic"}:
        notice = f"experiments/rollouts/LICENSE-{name}.txt"
        assert (licences / notice).read_text() == (ROOT / notice).read_text()
        assert "MIT" in (ROOT / notice).read_text()


def test_a_source_distribution_holds_what_the_wheel_is_made_of() -> None:
    wheel = {file.relative_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    source = {file.relative_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    assert wheel <= source
    assert {"pyproject.toml", "README.md", "LICENSE", ".ci/constraints.txt"} <= source


# Run one after another in one process that knows the wheel alone.
INSTALLED = (
    ("info --json", '"homogeneous_styles"'),
    ("sweep --config homogeneous --horizon 16 --repeats 4 --rewards 4", "homogeneous, "),
    ("search --config difficulty --strategy single --budget 16 --horizon 16", "single"),
    ("certify --replay T10c-any-event", "not crossed"),
    ("diagnose --example gsm8k --model 6b_verification --against 6b_finetuning", "1,319"),
    ("diagnose --example arithmetic --model base-48-0-0.0 --against sft-48-768-0.0", "48 shared"),
    ("figures spread --check", "those of antiscale"),
    ("figures bilevel --from-rows", "redrawn"),
)
PROGRAM = """
import sys, antiscale
from antiscale.cli import main
print(antiscale.__file__)
for line in sys.argv[1:]:
    sys.argv = ["antiscale", *line.split()]
    try:
        main()
    except SystemExit as stopped:
        print("\\nstatus", stopped.code, "of", line)
"""


def test_an_installed_package_finds_them_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *(line for line, _ in INSTALLED)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(wheel)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith(str(wheel))
    rest = ran.stdout
    for line, words in INSTALLED:
        printed, _, rest = rest.partition(f"\nstatus 0 of {line}\n")
        assert words in printed, (line, printed, ran.stderr)


def test_no_message_names_a_package_that_is_on_no_index() -> None:
    """antiscale itself is on none: only a path, as in "pip install .", may be installed."""
    for file in (ROOT / "antiscale").rglob("*.py"):
        for after in re.findall(r"pip install(.*)", file.read_text()):
            assert "antiscale" not in after, file
