"""Every command that the documents and the help show is one that works where they say it does.

Those of the README and of the help are run in a folder that holds the files they name and nothing
else, smaller by what `CUT` adds to them; `pytest -m slow` runs all of them, pictures included.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import typer

import antiscale as ac
from antiscale import cli, plots, presets
from antiscale.cli import commands
from tests.rollouts.test_tables import harness

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
APP: Any = typer.main.get_command(commands.app)
PROGRAMS = ("antiscale", "marimo", "pip", "pytest", "python", "python3")
# What stands for any name that fits.
PLACEHOLDERS = {"NAME": "difficulty"}


class Cut(NamedTuple):
    """What is added to a command that matches, where the last value of an option counts."""

    pattern: str
    added: str = ""
    slow: bool = False


# All that match are applied; a command that none matches fails.
CUT = (
    Cut(r"sweep\b", "--horizon 16 --repeats 4 --rewards 4"),
    Cut(r"sweep .*--samples ", "--samples 16"),
    Cut(r"sweep .*(--noise|--exact|--config (?!default)|--horizon 512)", slow=True),
    Cut(r"sweep --grid \S+ --jobs", "--jobs 1 --family two_point"),
    Cut(r"separation\b", "--horizon 16 --repeats 2 --phase-horizon 16", slow=True),
    Cut(r"search\b", "--horizon 16 --samples 32 --budget 16"),
    Cut(r"search( --config \w+)?$", "--strategy single"),
    Cut(r"certify --minutes", "--minutes 0.01 --jobs 1"),
    Cut(r"certify --bound", "--rounds 1", slow=True),
    Cut(r"certify --mutants", "--bound T7b"),
    Cut(r"certify --replay", slow=True),
    Cut(r"figures( --\w+)*$", "bilevel"),
    Cut(r"figures( --fast)?$", "--fast"),
    Cut(r"figures [a-z]+ .*--from-rows"),
    Cut(r"figures benchmarks --out", "--from-rows"),
    Cut(r"figures [a-z ]+( --fast)?$", "--fast", slow=True),
    Cut(r"diagnose\b(?!.*lm_eval)", "--horizon 64"),
    Cut(r"diagnose .*lm_eval"),
    Cut(r"diagnose .*--export-model", "--export-model exported.csv"),
    Cut(r"report\b", "--no-sliders"),
    Cut(r"train styles --size smoke", "--config smoke.toml"),
    Cut(r"train (?!styles)", "--size smoke", slow=True),
    Cut(r"(family|bounds|plot|diff|info)\b"),
)

# Programs that are not ours, and an option that changes the shell's own files.
PARSED = re.compile(r"(marimo|pip|pytest|python3?) |pytest$|antiscale --install-completion$")

# What needs a running Dask cluster is understood, and not run here.
CLUSTER = "--scheduler"


class Shown(NamedTuple):
    """A command, and where it is shown."""

    where: str
    line: str


def fenced(text: str) -> Iterator[str]:
    """The commands of bash blocks: without comments, one by one."""
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            for part in re.sub(r"\s+#.*", "", line).split(" && "):
                yield part.strip()


def inline(text: str) -> Iterator[str]:
    """The commands between backticks."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for found in re.findall(r"`([^`]+)`", text):
        for part in found.replace("\n", " ").split(" && "):
            if part.split()[0] in PROGRAMS and part not in PROGRAMS:
                yield part


def in_help(command: Any = APP, name: str = "") -> Iterator[Shown]:
    """The commands of every help text's examples."""
    for line in (command.epilog or "").splitlines():
        if line.startswith("  "):
            yield Shown(f"{name} --help".strip(), line.strip())
    for key, sub in getattr(command, "commands", {}).items():
        yield from in_help(sub, f"{name} {key}".strip())


def shown() -> list[Shown]:
    """What a reader of the README or of the help meets, each once."""
    found = [Shown("README", line) for line in (*fenced(README), *inline(README))]
    return list({one.line: one for one in (*in_help(), *reversed(found))}.values())


def elsewhere() -> list[Shown]:
    """What the other documents and the configurations show: not run, but understood."""
    found = []
    for name in ("CONTRIBUTING.md", "paper_bounds.md", "figures/README.md",
                 "experiments/rollouts/README.md"):  # fmt: skip
        text = (ROOT / name).read_text()
        found += [Shown(name, line) for line in (*fenced(text), *inline(text))]
    for file in (ROOT / "experiments").rglob("*.toml"):
        lines = re.findall(r"^# Run it with: (.*)", file.read_text(), re.MULTILINE)
        found += [Shown(file.name, line) for line in lines]
    return found


def words(line: str) -> list[str]:
    """A command's arguments: without its program and what its output goes to."""
    line = line.partition(" > ")[0].replace(".venv/bin/", "")
    return [PLACEHOLDERS.get(word, word) for word in shlex.split(line)[1:]]


def cuts(line: str) -> list[Cut]:
    text = line.removeprefix(".venv/bin/").removeprefix("antiscale ").partition(" > ")[0]
    return [cut for cut in CUT if re.match(cut.pattern, text)]


# A name between backticks, as in `antiscale report`, mentions a command and does not show one.
MENTIONS = {one.line for one in shown() if len(one.line.split()) == 2} - {
    *fenced(README), *(one.line for one in in_help()),
}  # fmt: skip
RUN = [
    one
    for one in shown()
    if not PARSED.match(one.line.replace(".venv/bin/", ""))
    and one.line not in MENTIONS
    and CLUSTER not in one.line
]
FAST = [one for one in RUN if not any(cut.slow for cut in cuts(one.line))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name."""
    made = tmp_path_factory.mktemp("commands")
    code = re.search(r"```python\n(# mine.py\n.*?)```", README, re.DOTALL)
    assert code is not None
    (made / "mine.py").write_text(code[1])
    (made / "model.csv").write_text(
        "prompt,style,length,probability,solved\n"
        "a,0,4,0.5,1\na,1,8,0.5,0\nb,0,6,0.25,1\nb,1,12,0.75,0\n"
    )
    rng = np.random.default_rng(0)
    samples = pd.DataFrame(
        {
            "problem": np.repeat(np.arange(10), 8),
            "correct": (rng.random(80) < 0.4).astype(int),
            "length": rng.integers(10, 60, 80),
        }
    )
    samples.to_csv(made / "samples.csv", index=False)
    passed = rng.integers(0, 5, 80)
    # Under the names of either command.
    samples.assign(
        task_id=samples.problem, n_tokens=samples.length, passed=samples.correct,
        tests_passed=passed, tests_total=5,
    ).to_parquet(made / "rollouts.parquet")  # fmt: skip
    both = pd.concat([samples.assign(model="tuned"), samples.assign(model="base")])
    both.to_json(made / "both.jsonl", orient="records", lines=True)
    harness(made / "lm_eval_output/model")
    (made / "mygrid.toml").write_text('kappa = [0.1, 1.0]\nn = ["2 H", 100]\n')
    study = presets.find("studies", "styles-smoke").read_text()
    (made / "smoke.toml").write_text(
        study.replace("places = { 16 = [16, 64] }", 'places = { 16 = [16] }\nmethods = ["sft"]')
        .replace("steps = 200", "steps = 10")
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def runs(folder: Path) -> Path:
    """The same with runs: runs/HASH and before, runs/OTHER and after differ in their seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(plots, "encode", lambda figure: {})
        for seed, names in enumerate((("HASH", "before"), ("OTHER", "after"))):
            line = f"sweep --horizon 16 --repeats 4 --rewards 4 --seed {seed} --out runs/{names[0]}"
            patch.setattr(sys, "argv", ["antiscale", *line.split(), "-q"])
            with pytest.raises(SystemExit):
                cli.main()
            shutil.copytree(folder / "runs" / names[0], folder / names[1])
        grid = folder / "runs/grid-HASH"
        ac.sweep(
            family=["two_point", "sharp"], kappa=[0.1, 1.0], n=[16, 32], horizon=16, repeats=4,
            rewards=4, out=grid,
        )  # fmt: skip
    return folder


def run(
    one: Shown, there: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run a command, cut; it must succeed and print."""
    found = cuts(one.line)
    assert found, f"CUT says nothing of {one.line!r} ({one.where})"
    arguments = words(one.line) + [word for cut in found for word in cut.added.split()]
    patch.chdir(there)
    patch.setattr(sys, "argv", ["antiscale", *arguments])
    patch.setattr(sys, "path", list(sys.path))
    patch.delitem(sys.modules, "mine", raising=False)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    # Two runs that differ are told apart by the status.
    allowed = (0, 1) if arguments[0] == "diff" else (0,)
    assert (stopped.value.code or 0) in allowed, err
    # A run that an earlier example finished is shown again, which is said.
    assert all("shown from" in line for line in err.splitlines())
    assert out.strip()
    if "--json" in arguments:
        json.loads(out)


def test_there_are_as_many_commands_as_a_reader_counts() -> None:
    """What extracts them would be of no use if it found none."""
    assert len([one for one in RUN if one.where == "README"]) >= 40
    assert len(list(in_help())) >= 50
    assert all(one.line.startswith("antiscale ") for one in in_help())
    assert len(elsewhere()) >= 50
    # Every command of ours is shown somewhere.
    assert {words(one.line)[0] for one in RUN} == set(APP.commands) | {"family"}


def test_the_help_as_printed_holds_its_examples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Brackets, which rich may take for markup, are there too; an argument has one pair of them."""
    monkeypatch.setenv("COLUMNS", "200")
    for where in dict.fromkeys(one.where for one in in_help()):
        monkeypatch.setattr(sys, "argv", ["antiscale", *where.split()])
        with pytest.raises(SystemExit):
            cli.main()
        printed = capsys.readouterr().out
        assert "[[" not in printed, where
        for one in in_help():
            assert one.where != where or one.line in printed, one


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize("one", FAST, ids=lambda one: one.line)
def test_a_command_works(
    one: Shown, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(one, runs, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("one", RUN, ids=lambda one: one.line)
def test_a_command_works_pictures_included(
    one: Shown, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(one, runs, monkeypatch, capsys)


@pytest.mark.parametrize("one", [*shown(), *elsewhere()], ids=lambda one: one.line)
def test_a_command_is_understood(one: Shown) -> None:
    """Of ours each option is known, and each preset there; of others, the files they name."""
    program, *_ = shlex.split(one.line.replace(".venv/bin/", ""))
    arguments = words(one.line)
    if program != "antiscale":
        for word in arguments:
            if word.startswith(("experiments/", ".ci/")):
                assert (ROOT / word).is_file(), word
        extras = re.findall(r"\[([\w,]+)\]", one.line)
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for extra in (name for names in extras for name in names.split(",")):
            assert extra in known["optional-dependencies"]
        return
    if PARSED.match(one.line):
        assert arguments[0] in {name for option in APP.params for name in option.opts}
        return
    command, context = APP, None
    while hasattr(command, "commands"):
        name, *arguments = arguments
        assert name in command.commands
        command = command.commands[name]
        if not arguments:
            return
    # Raises for what it does not know.
    parsed = command.make_context(name, list(arguments), parent=context)
    for kind, option in (("examples", "example"), ("instances", "replay"), ("sweeps", "config")):
        value = parsed.params.get(option)
        if value is not None and not {"NAME", "FILE"} & set(shlex.split(one.line)):
            kind = "searches" if (name, kind) == ("search", "sweeps") else kind
            assert value in presets.names(kind), value
