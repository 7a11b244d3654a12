"""What a person reads: numbers, intervals, the sentence and the notes."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from rich.console import Console

from antiscale.cli.screens.sweep import screen
from antiscale.core.numbers import number
from antiscale.sweeps import words
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.run import SweepResult, run_sweep


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return run_sweep(SweepConfig(horizon=256, repeats=30, rewards=8))


def shown(result: SweepResult, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(screen(result.config, result.rows, result.fit, width=width))
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


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_and_shows_every_row(result: SweepResult, width: int) -> None:
    text = shown(result, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for row in result.rows:
        assert number(row["vf_lower_local"], toward="down") in text
        assert width < 100 or number(row["vf_lower"], toward="down") in text
        assert number(row["vf_upper"], toward="up") in text
        assert words.loss(row, "vb") in text


def test_the_reading_says_who_loses_what_and_what_is_certain(result: SweepResult) -> None:
    sentence = words.reading(result.config, result.rows, result.fit)
    last = result.rows[-1]
    assert f"At H = 256 cloning loses {number(last['vf_mean'])} tokens" in sentence
    assert "from H = 128 on every verifier-free algorithm has an expert" in sentence
    assert f"by at least {number(last['gap_certified'], toward='down')} tokens" in sentence
    assert sentence.endswith(".")


def test_without_a_certified_gap_the_reading_says_so(result: SweepResult) -> None:
    rows = [row | {"gap_certified": -1.0} for row in result.rows]
    assert "do not certify a gap" in words.reading(result.config, rows, result.fit)
    rows = [row | {"gap_certified": None, "gap_certified_reason": "why"} for row in result.rows]
    assert "no gap is certified (why)" in words.reading(result.config, rows, result.fit)


def test_the_lower_bound_is_said_to_hold_for_the_worst_expert(result: SweepResult) -> None:
    text = " ".join(shown(result, 120).split())
    assert "for the worst expert on the segment through the drawn one" in text
    assert f"Worst expert of the ball: {number(result.rows[-1]['vf_lower'], toward='down')}" in text
    rows = [row | {"vf_lower_holds_for": "hard prior"} for row in result.rows]
    assert "for the prior that these experts are drawn from" in "\n".join(
        words.notes(result.config, rows, result.fit)
    )


def test_whatever_is_missing_comes_with_its_reason() -> None:
    result = run_sweep(SweepConfig(horizon=16, repeats=8, rewards=4, learner="binary"))
    text = shown(result, 120)
    assert "– VB upper: no bound is proved for the learner binary." in text
    assert "– VF exponent: a slope needs at least two points." in text


def test_one_quantity_has_one_face(result: SweepResult) -> None:
    """A gap of 1.59985 was 1.60 in a table and 1.5 below it; a lower bound is rounded down."""
    rows = [row | {"gap_certified": 7.59985} for row in result.rows]
    shown_table = shown(SweepResult(result.config, rows, result.fit), 120)
    assert "7.59" in shown_table
    assert "7.60" not in shown_table
    assert "7.59" in words.reading(result.config, rows, result.fit)


def test_an_interval_without_theorys_exponent_is_explained(result: SweepResult) -> None:
    """The gap over H <= 256 grows faster than its limit, as its bound does."""
    fit = {**result.fit, "gap_slope": result.fit["gap_slope"] | {"low": 0.584, "high": 0.619}}
    (line,) = words.limits(result.config, fit)
    assert "Gap over the largest 5 H: the exponent lies in [0.584, 0.619]" in line
    assert "theory's 0.500 is the limit H -> infinity" in line
    slope = fit["gap_slope"]
    assert f"theory's two rates through the last losses give {slope['theory_here']:.3f}" in line
    assert f"VF upper - VB upper itself goes as H^{slope['bound_upper']:.3f}" in line
    held = {name: slope | {"low": -9.0, "high": 9.0} for name, slope in fit.items()}
    held = {name: slope | {"all_low": -9.0, "all_high": 9.0} for name, slope in held.items()}
    assert words.limits(result.config, held) == []


def test_the_bounds_own_exponents_are_those_of_their_curves(result: SweepResult) -> None:
    x = np.log([row["horizon"] for row in result.rows])
    for side, name, end in (("vf", "vf_lower", "lower"), ("vf", "vf_upper", "upper"),
                            ("vb", "vb_upper", "upper")):  # fmt: skip
        y = np.log([row[name] for row in result.rows])
        found = result.fit[f"{side}_slope"]
        assert found[f"bound_{end}"] == pytest.approx(np.polyfit(x[-5:], y[-5:], 1)[0], rel=1e-9)
        assert found[f"all_bound_{end}"] == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-9)


def test_a_learner_outside_the_ball_may_earn_more_and_the_notes_say_so(
    result: SweepResult,
) -> None:
    assert words.negative(result.rows) == []
    rows = [row | {"vb_loss": -0.7, "vb_learner": "best_of_n"} for row in result.rows]
    (line,) = words.negative(rows)
    assert "best_of_n may leave the ball" in line
    assert line in words.caption(result.config, rows, result.fit)
    assert line in words.notes(result.config, rows, result.fit)


def test_exact_losses_stand_alone_with_the_simulation_as_their_check() -> None:
    result = run_sweep(SweepConfig(family="difficulty", horizon=32, repeats=30, exact=True))
    text = shown(result, 140)
    assert result.fit["vb_slope"]["method"] == "exact"
    assert "VB loss: exact, without sampling; the simulation's 99% intervals hold" in text
    for row in result.rows:
        assert words.loss(row, "vb") == number(row["vb_exact"])
        assert words.sampled(row, "vb") in text
    assert "–  VF exact" not in text


def test_a_coarse_loss_is_marked() -> None:
    row = {"vb_loss": 0.02, "vb_loss_low": 0.0, "vb_loss_high": 0.15, "vb_coarse": True}
    assert words.loss(row, "vb") == "0.0200 [0, 0.150]*"
