"""The registry: its labels, its document, its command, its bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import antiscale as ac
from antiscale.cli.typed import assignment
from antiscale.core.theorem import KINDS
from antiscale.figures import names
from antiscale.registry import RESULTS, result
from antiscale.sweeps import evaluated
from antiscale.sweeps.case import Case, certified_gap

DOCUMENT = (Path(__file__).parents[2] / "paper_bounds.md").read_text()


@pytest.mark.parametrize("label", RESULTS)
def test_every_result_evaluates_at_its_example_and_echoes_its_inputs(label: str) -> None:
    entry = RESULTS[label]
    found = entry.evaluate(entry.example)
    assert found["inputs"].items() >= dict(entry.example).items()
    assert entry.kind in KINDS
    assert entry.label == label
    json.dumps(found, allow_nan=False)
    values = found["value"]
    values = list(values.values()) if isinstance(values, dict) else [values]
    assert all(np.isfinite(values))
    assert all(np.array(values) > 0)


def test_the_documents_list_is_the_registrys() -> None:
    rows = re.findall(r"^\| \[(T\w+)\]\(#\S+\) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert [label for label, _ in rows] == list(RESULTS)
    for label, cells in rows:
        entry = RESULTS[label]
        shown = [cell.strip() for cell in re.split(r"(?<!\\)\|", cells)]
        expected = [entry.name, entry.kind, entry.origin, entry.learner, f"`{entry.statement}`"]
        assert [cell.replace("\\|", "|") for cell in shown] == expected


def test_each_theorem_links_to_its_section_of_the_document_and_to_a_figure_that_there_is() -> None:
    titles = re.findall(r"^#{2,3} (.*)$", DOCUMENT, re.MULTILINE)
    # As GitHub makes anchors of headings.
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = dict(re.findall(r"^\| \[(T\w+)\]\(#(\S+)\) \|", DOCUMENT, re.MULTILINE))
    for label, entry in RESULTS.items():
        assert entry.anchor == f"paper_bounds.md#{links[label]}"
        assert links[label] in anchors
        assert entry.figure is None or entry.figure in names(), label


def printed(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {printed(item)}" for name, item in value.items())
    return f"{value:.6g}"


def number(label: str, arguments: str) -> str:
    given = dict(assignment(text) for text in re.findall(r"--set (\S+)", arguments))
    return printed(RESULTS[label].evaluate(given)["value"])


def test_every_worked_number_of_the_document_is_recomputed() -> None:
    found = re.findall(
        r"`antiscale bounds (T\w+)((?: --set \S+=\S+)*)` = ((?:\w+ )?[\w.+,\- ]*?) (?:[a-z-]+) \|",
        DOCUMENT,
    )
    assert {label for label, _, _ in found} == set(RESULTS)
    assert len(found) == DOCUMENT.count("`antiscale bounds T")
    cache: dict[tuple[str, str], str] = {}
    for label, arguments, shown in found:
        key = (label, arguments)
        cache[key] = cache.get(key) or number(label, arguments)
        assert cache[key] == shown, (label, arguments)


def test_every_ratio_beside_two_worked_numbers_is_theirs() -> None:
    rows = re.findall(r"` = ([\d.e+-]+) \w+ *\| `[^`]*` = ([\d.e+-]+) \w+ \| ([\d.]+) \|", DOCUMENT)
    assert len(rows) >= 7
    for first, second, ratio in rows:
        assert float(second) / float(first) == pytest.approx(float(ratio), rel=1e-3)


def test_each_section_names_its_results_function() -> None:
    sections = re.split(r"^#{2,3} (T\d+[a-z]?)\. .*$", DOCUMENT, flags=re.MULTILINE)
    texts = dict(zip(sections[1::2], sections[2::2], strict=True))
    for label, entry in RESULTS.items():
        # The card of T7, say, stands before T7a begins.
        assert f"`{entry.public_name}`" in texts[label] or (
            entry.public_name.removeprefix("antiscale.models.chains.") in texts[label]
        ), label
        for field in ("the paper", "here", "for", "used by", "function", "test", "worked"):
            assert f"| {field} |" in texts[label], (label, field)
        assert f"| here | {'an ' if entry.kind == 'identity' else ''}{entry.kind}" in texts[label]


@pytest.mark.parametrize(
    ("label", "given", "words"),
    [
        ("T4c", {"m": 3}, "T4c has no input 'm'; allowed: pmf, returns, n"),
        ("T4c", {"kapa": 3}, "did you mean 'kappa'"),
        ("T4c", {"n": 10}, "T4c needs pmf, returns; pass --set pmf=... --set returns=..."),
        ("T4c", {"pmf": [1, 1], "returns": [0, 1], "n": 3}, "must sum to 1"),
        ("T4a", {"pmf": [1, 1], "returns": [0, 1, 2], "n": 3}, "."),
        ("T7c", {"horizon": 3, "error": 0.1, "coverage": 0}, r"coverage must lie in \(0, 1\]"),
        ("T6a", {"n": "many", "log_class_size": 2}, "n must be numeric; got 'many'"),
    ],
)
def test_bad_input_gets_one_clear_line(label: str, given: dict, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        result(label).evaluate(given)


def test_an_unknown_label_is_told_what_there_is() -> None:
    with pytest.raises(ac.InputError, match="unknown label 'T4x'"):
        result("T4x")


CONFIGS = {
    "default": {},
    "two types": {"family": "two_point"},
    "unannounced": {"family": "geometric", "parameters": {"announced": False}},
    "noisy": {"noise": 0.1},
    "mle": {"family": "two_point", "learner": ["mle"]},
    "tabular": {"family": "two_point", "reward_class": "tabular"},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_holds_every_label_and_agrees_with_the_sweep(name: str) -> None:
    config = ac.SweepConfig.from_mapping(CONFIGS[name])
    case = Case.of(config, 64, 256, config.noise)
    rows = evaluated.rows(case)
    assert {row["label"] for row in rows} == set(RESULTS)
    for row in rows:
        assert row["value"] is not None or row["class_value"] is not None or row["reason"]
    value = {}
    for row in rows:
        if row["variant"] not in ("averaged over n_x", "normal overlap", "exact overlap"):
            value.setdefault(row["label"], row)
    lower = case.lower.over_class
    if lower.value is not None:
        largest = max(value[label]["class_value"] or 0.0 for label in ("T4a", "T4b", "T4c", "T4d"))
        # At each prompt the sweep takes the larger of T4a and T4c.
        assert lower.value >= largest * (1 - 1e-12)
    gap = certified_gap(case)
    assert value["T9"]["value"] == gap.value
    upper = case.learners["vb"].upper(case, "stated")
    assert value["T7"]["value"] == upper.value


def test_cases_with_other_samples_are_cases_afresh() -> None:
    for kwargs in ({}, {"noise": 0.1}, {"expert": "hard", "form": "two_point", "repeats": 3}):
        config = ac.SweepConfig(**kwargs)
        moved = Case.of(config, 32, 100, config.noise).with_samples(512)
        fresh = Case.of(config, 32, 512, config.noise)
        assert moved.lower.over_stated == fresh.lower.over_stated
        assert moved.learners["vb"].upper(moved, "stated") == fresh.learners["vb"].upper(
            fresh, "stated"
        )
        np.testing.assert_array_equal(moved.experts, fresh.experts)


def test_values_are_rounded_to_the_side_that_the_falsifier_attacks() -> None:
    from antiscale.certify.checks import CHECKS

    rounded = {"upper": "up", "lower": "down", "equal": "nearest"}
    for check in CHECKS.values():
        assert RESULTS[check.label].toward == rounded[check.direction], check.label
