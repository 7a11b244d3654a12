"""What a person reads: numbers, intervals, the sentence and the notes."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from antiscale import report
from antiscale.config import SweepConfig
from antiscale.numbers import number
from antiscale.sweeps import SweepResult, run_sweep


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return run_sweep(SweepConfig(horizon=256, repeats=30, rewards=8))


def shown(result: SweepResult, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(report.screen(result.config, result.rows, result.fit, width=width))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e-9, "0"),
        (0.00012345, "1.2e-04"),
        (0.012345, "0.0123"),
        (0.12345, "0.123"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (123.45, "123"),
        (12345.6, "12,346"),
        (-0.5253, "-0.525"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_half_widths_have_the_means_decimals() -> None:
    assert report.plus_minus(17.27, 17.68) == "17.3 ± 0.4"
    assert report.plus_minus(0.0935, 0.0979) == "0.0935 ± 0.0044"
    assert report.plus_minus(0.0, 0.0) == "0 ± 0"


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_and_shows_every_row(result: SweepResult, width: int) -> None:
    text = shown(result, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for row in result.rows:
        assert number(row["vf_lower"]) in text
        assert report.plus_minus(row["vb_mean"], row["vb_high"]) in text


def test_the_reading_says_who_loses_what_and_what_is_certain(result: SweepResult) -> None:
    sentence = report.reading(result.config, result.rows, result.fit)
    last = result.rows[-1]
    assert f"At H = 256 cloning loses {number(last['vf_mean'])} tokens" in sentence
    assert "from H = 128 on every verifier-free algorithm has an expert" in sentence
    assert number(last["gap_certified"]) in sentence
    assert sentence.endswith(".")


def test_without_a_certified_gap_the_reading_says_so(result: SweepResult) -> None:
    rows = [row | {"gap_certified": -1.0} for row in result.rows]
    assert "do not certify a gap" in report.reading(result.config, rows, result.fit)
    rows = [row | {"gap_certified": None, "gap_certified_reason": "why"} for row in result.rows]
    assert "no gap is certified (why)" in report.reading(result.config, rows, result.fit)


def test_the_lower_bound_is_said_to_hold_for_the_worst_expert(result: SweepResult) -> None:
    assert "for the worst expert" in shown(result, 120)
    rows = [row | {"vf_lower_holds_for": "hard prior"} for row in result.rows]
    assert "for the prior that these experts are drawn from" in "\n".join(
        report.notes(rows, result.fit)
    )


def test_whatever_is_missing_comes_with_its_reason() -> None:
    result = run_sweep(SweepConfig(horizon=16, repeats=8, rewards=4, learner="binary"))
    text = shown(result, 120)
    assert "– VB upper: no bound is proved for the learner binary." in text
    assert "– VF exponent: a slope needs at least two points." in text
