"""The documents say what the code does."""

from __future__ import annotations

import csv
import importlib
import inspect
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import antiscale as ac
from antiscale.core.numbers import number
from antiscale.figures import build
from antiscale.learners import BUILT_IN
from antiscale.models.families import FAMILIES
from antiscale.registry import RESULTS
from antiscale.rewards import CLASSES
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.plan import Plan

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BOUNDS = (ROOT / "paper_bounds.md").read_text()
LABEL = re.compile(r"\bT\d+[a-z]?\b")
HEADINGS = re.findall(r"^#{2,3} (T\d+[a-z]?)\.", BOUNDS, re.MULTILINE)
# Headings that gather several results, each of which has its own label.
GATHERED = {"T3", "T4", "T5", "T6", "T8", "T10", "T13"}


def public_results() -> dict[str, Any]:
    """Every public function of the modules that compute what paper_bounds.md states."""
    found = {
        f"antiscale.bounds.{k}": v for k, v in vars(ac.bounds).items() if inspect.isfunction(v)
    }
    found |= {
        f"antiscale.search.{k}": v for k, v in vars(ac.search).items() if inspect.isfunction(v)
    }
    for module in (
        "antiscale.ball.optimum",
        "antiscale.models.chains",
        "antiscale.models.measures",
        "antiscale.ball.pessimist",
    ):
        for name, value in vars(importlib.import_module(module)).items():
            if inspect.isfunction(value) and value.__module__ == module and hasattr(ac, name):
                home = "antiscale" if name in ac.__all__ else module
                found[f"{home}.{name}"] = value
    return found


def test_labels_of_the_document_the_docstrings_and_the_registry_are_the_same() -> None:
    assert set(HEADINGS) - GATHERED == set(RESULTS)
    assert len(HEADINGS) == len(set(HEADINGS))
    named = {label for f in public_results().values() for label in LABEL.findall(f.__doc__)}
    assert named <= set(HEADINGS)
    assert set(RESULTS) <= named
    for label, entry in RESULTS.items():
        assert label in LABEL.findall(entry.function.__doc__ or ""), label


def test_every_public_result_names_its_label() -> None:
    unlabelled = [
        name
        for name, function in public_results().items()
        if not LABEL.search(function.__doc__) and name != "antiscale.mean_return"
    ]
    assert unlabelled == []


def test_functions_and_tests_named_in_the_document_exist() -> None:
    names = set(re.findall(r"`antiscale\.([\w.]+)`", BOUNDS))
    modules = {"risks.rare_types", "models.chains.planted_success", "search"}
    assert {f"antiscale.{name}" for name in names - modules} <= public_results().keys()
    for path in re.findall(r"`(tests/[\w/]+\.py)`", BOUNDS):
        assert (ROOT / path).is_file(), path
    sections = re.split(r"^#{2,3} (T\d+[a-z]?)\. .*$", BOUNDS, flags=re.MULTILINE)
    for label, section in zip(sections[1::2], sections[2::2], strict=True):
        if label not in GATHERED:
            for part in ("**Statement.**", "**Proof.**", "∎", "| test | `tests/"):
                assert part in section, (label, part)


def test_everything_public_of_the_bounds_is_in_the_document() -> None:
    quiet = {"constants", "best_expected", "hardest_prior", "hardest_block_prior",
             "vb_upper_terms"}  # fmt: skip
    for name, value in vars(ac.bounds).items():
        if inspect.isfunction(value) and name not in quiet:
            assert f"antiscale.bounds.{name}" in BOUNDS, name


def test_mathematics_is_closed() -> None:
    for document in (README, BOUNDS):
        text = re.sub(r"```.*?```", "", document, flags=re.DOTALL)
        assert text.count("$$") % 2 == 0
        for paragraph in re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL).split("\n\n"):
            assert paragraph.count("$") % 2 == 0, paragraph


def test_the_readmes_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"## From Python\n\n```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    scope: dict[str, Any] = {}
    exec(code[1], scope)
    out = capsys.readouterr().out
    assert "tokens lost by any cloning algorithm" in out
    assert list(scope["found"].frame.horizon) == [16, 32, 64, 128, 256]


def test_the_readmes_learner_is_a_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n# mine.py\n(.*?)```", README, re.DOTALL)
    assert code is not None
    (tmp_path / "readme_learner.py").write_text(code[1])
    monkeypatch.chdir(tmp_path)
    config = SweepConfig(horizon=16, repeats=4, rewards=4, learner="readme_learner:Mine")
    assert simulate(config, 16, 512).row["vf_mean"] > 0


def test_the_readmes_table_is_the_sweeps() -> None:
    # The columns that are exact; the sampled ones depend on the version of NumPy.
    for horizon in (16, 4096):
        row = simulate(SweepConfig(repeats=2), horizon, 32 * horizon).row
        (line,) = re.findall(rf"^ *{horizon} .*", README, re.MULTILINE)
        assert line.split()[:7] == [
            str(horizon), str(32 * horizon), number(row["sigma"] / horizon),
            number(row["c0"]), number(row["max_ratio"]),
            *(number(row[name], toward="down") for name in ("vf_lower", "vf_lower_local")),
        ]  # fmt: skip
        assert line.split()[10] == number(row["vf_upper"], toward="up")
        assert line.split()[14] == number(row["vb_upper"], toward="up")
        assert line.split()[16] == number(row["gap_certified"], toward="down")


def test_the_readmes_two_commands_are_one_line_each() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("antiscale sweep --horizon 4096")
    assert commands[1].endswith("pytest -n auto")
    for path in (".ci/constraints.txt", ".ci/run"):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda f: f.stem
)
def test_experiments_are_valid_configurations(file: Path) -> None:
    config = SweepConfig.from_mapping(tomllib.loads(file.read_text()))
    if file.stem == "default":
        assert Plan.of(config).hash == Plan.of().hash


def test_links_within_the_repository_lead_somewhere() -> None:
    for document in (README, BOUNDS, (ROOT / "CONTRIBUTING.md").read_text()):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document):
            assert (ROOT / target).exists(), target


def test_constraints_name_versions_and_no_hosts() -> None:
    for line in (ROOT / ".ci/constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(
            r'[\w.-]+==[\w.]+(; python_version (<|>=) "3\.12")?', line
        ), line


def test_the_readmes_tables_are_those_of_the_stored_rows() -> None:
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        documents = importlib.import_module("documents")
    finally:
        sys.path.pop(0)
    for document, text in (("README.md", README), ("paper_bounds.md", BOUNDS)):
        assert documents.rewritten(document) == text
        for quote in documents.QUOTED[document]:
            assert quote() in text
    config = build.configuration("families", ROOT / "experiments/figures", fast=False)
    with (ROOT / "figures/families.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["experiment"] for row in rows] == [name for name, *_ in config.families]
    with (ROOT / "figures/benchmarks.csv").open(newline="") as stream:
        measured = [row for row in csv.DictReader(stream) if row["panel"] == "time"]
    for row in measured:
        shown = f"| {row['benchmark']} | {row['program']} | {float(row['seconds']):.2g} |"
        assert shown in README, shown
    ball = {r["program"]: float(r["ratio"]) for r in measured if r["benchmark"].startswith("ball")}
    assert ball["CVXPY with Clarabel"] >= 1000


def test_every_family_and_class_and_learner_is_in_the_readme() -> None:
    for name in (*FAMILIES, *CLASSES, *BUILT_IN):
        assert name in README, name


def test_mathematics_is_fenced_so_that_markdown_leaves_it_alone() -> None:
    """Outside of code, Markdown eats a backslash before punctuation and reads _ as emphasis."""
    fence = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    displays = fence.findall(BOUNDS)
    assert len(displays) > 20
    assert all(body.strip() and "\n\n" not in body for body in displays)
    text = re.sub(r"^```\w*\n.*?^```$", "", BOUNDS, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"\$`([^`]+)`\$", text)
    assert len(inline) > 1000
    rest = re.sub(r"\$`[^`]+`\$", "", text)
    assert "$" not in rest
    for body in (*displays, *inline):
        assert body.count("{") == body.count("}"), body
        assert body.count(r"\left") == body.count(r"\right"), body
    for line in text.splitlines():
        if line.startswith("|"):
            # A bar inside a table ends the cell, even within code.
            assert all("|" not in body for body in re.findall(r"\$`([^`]+)`\$", line)), line
