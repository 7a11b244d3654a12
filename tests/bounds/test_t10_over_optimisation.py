"""Over-optimisation: theory's turning point against the law it speaks of (T10g)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import antiscale as ac
from antiscale import bounds
from antiscale.search import ScoreLaw
from antiscale.search import over_optimisation as over
from antiscale.search.laws.best_of import select
from antiscale.search.laws.correlated import fooled_rates

ROOT = Path(__file__).parents[2]


def accuracy(right: np.ndarray, wrong: np.ndarray, weight: np.ndarray, n) -> np.ndarray:
    """Best-of-N's accuracy from the law of T10, for masses [K, L] of right and wrong traces."""
    c = right.sum(-1)
    n = np.atleast_1d(np.asarray(n, dtype=float))
    total = np.zeros(len(n))
    for r, w, q, c_k in zip(right, wrong, weight, c, strict=True):
        pmf = np.array([c_k, 1 - c_k])
        mass = np.stack([r / max(c_k, 1e-300), w / max(1 - c_k, 1e-300)], -1)
        law = ScoreLaw.discrete(mass[None, None] * np.ones((1, 1, 1, 1)))
        total += q * select(np.broadcast_to(pmf, (len(n), 2)), law, n)[:, 0]
    return total


masses = st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12).filter(lambda m: sum(m) > 0.5)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(masses, st.floats(0.05, 0.95))
def test_accuracy_falls_for_good_from_the_turning_point_on(raw: list[float], q: float) -> None:
    table = np.array(raw).reshape(2, 2, 3) + 1e-3  # right or wrong, state, level
    table /= table.sum(axis=(0, 2), keepdims=True)
    weight = np.array([q, 1 - q])
    turn = bounds.turning_point(table[0], table[1], weight)
    # Long enough for the slowest term, of mass 1e-3/3 or more above it, to be alone.
    n = np.geomspace(1, 2e5, 1500)
    steps = np.diff(accuracy(table[0], table[1], weight, n))
    if np.isinf(turn):
        # The last change that is more than rounding is a rise, or there is none.
        moved = np.flatnonzero(np.abs(steps) > 1e-12)
        assert len(moved) == 0 or steps[moved[-1]] > 0 or abs(steps[moved[-1]]) < 1e-9
    else:
        assert (steps[n[:-1] >= turn] <= 1e-12).all()
        before = steps[(n[1:] <= turn)]
        if turn > 1.01 and len(before) > 1:
            assert before[-1] >= -1e-9


def test_hacks_above_the_right_traces_peak_where_the_formula_says() -> None:
    for b, c in ((0.05, 0.25), (0.3, 0.1), (1e-6, 0.2), (0.4, 0.59)):
        peak = np.log(np.log1p(-b - c) / np.log1p(-b)) / np.log((1 - b) / (1 - b - c))
        turn = bounds.turning_point([0, c, 0], [1 - b - c, 0, b])
        assert turn == pytest.approx(max(peak, 1.0), rel=1e-9)
        n = np.arange(1, 10**4)
        curve = (1 - b) ** n - (1 - b - c) ** n
        best = n[curve.argmax()]
        assert abs(best - turn) < 1


def test_rare_hacks_do_the_harm_and_common_ones_do_not() -> None:
    c, q = 0.2, 0.1
    right = np.array([[0, c, 0], [0, c, 0]])
    for b, falls in ((0.01, True), (0.19, True), (0.21, False), (0.5, False)):
        wrong = np.array([[1 - c, 0, 0], [1 - b - c, 0, b]])
        turn = bounds.turning_point(right, wrong, [1 - q, q])
        assert np.isfinite(turn) == falls
        far = accuracy(right, wrong, np.array([1 - q, q]), [500, 1000])
        assert (far[1] < far[0] - 1e-15) == (falls and b < 0.1)


def test_equally_rare_tops_are_one_term() -> None:
    """Hacks as rare as right traces: the likelier state decides; if neither is, what lies below."""
    b = c = 0.1
    right = np.array([[0, c, 0], [0, c, 0]])
    wrong = np.array([[1 - b - c, 0, b], [1 - c, 0, 0]])
    for q in (0.3, 0.5, 0.7):
        turn = bounds.turning_point(right, wrong, [q, 1 - q])
        assert np.isfinite(turn) == (q > 0.5)
    n = [5, 10, 20, 50]
    expected = [0.307, 0.364, 0.341, 0.302]
    np.testing.assert_allclose(accuracy(right, wrong, np.array([0.7, 0.3]), n), expected, atol=5e-4)
    turn = bounds.turning_point(right, wrong, [0.7, 0.3])
    assert 5 < turn < 20
    # With q = 1/2 the two tops cancel: the purest top, of 1, does not decide, and nothing falls.
    curve = accuracy(right, wrong, np.array([0.5, 0.5]), np.arange(1.0, 400))
    assert (np.diff(curve) >= -1e-15).all()


def test_a_verdict_turns_down_where_its_rates_differ_between_prompts() -> None:
    """TPR .95, FPR .5 on one prompt; .02, .05 on the other, which is accepted more rarely."""
    rates, c = np.array([[0.95, 0.5], [0.02, 0.05]]), 0.5
    right = c * np.stack([1 - rates[:, 0], rates[:, 0]], -1)
    wrong = (1 - c) * np.stack([1 - rates[:, 1], rates[:, 1]], -1)
    curve = accuracy(right, wrong, np.array([0.5, 0.5]), [1, 4, 1000])
    np.testing.assert_allclose(curve, [0.5, 0.565, 0.470], atol=5e-4)
    turn = bounds.turning_point(right, wrong)
    assert 2 < turn < 10
    # The rarest acceptance decides: with the good prompt the rarer it never turns down.
    rates[0] = [0.019, 0.01]
    right = c * np.stack([1 - rates[:, 0], rates[:, 0]], -1)
    wrong = (1 - c) * np.stack([1 - rates[:, 1], rates[:, 1]], -1)
    assert bounds.turning_point(right, wrong) == np.inf


def test_a_root_below_one_try_means_that_it_falls_from_the_start() -> None:
    b, c = 0.4, 0.59
    root = np.log(np.log1p(-b - c) / np.log1p(-b)) / np.log((1 - b) / (1 - b - c))
    assert root < 1
    assert bounds.turning_point([0, c, 0], [1 - b - c, 0, b]) == 1.0


def test_a_concave_score_and_a_single_verdict_never_turn_down() -> None:
    assert bounds.turning_point([0.02, 0.18], [0.6, 0.2]) == np.inf
    assert bounds.turning_point([0.05, 0.05, 0.1], [0.5, 0.2, 0.1]) == np.inf
    # A blind score stays where it is.
    assert bounds.turning_point([0.1, 0.2], [0.2333333333333333, 0.4666666666666667]) == np.inf
    # A score that is worse than none falls from the start.
    assert bounds.turning_point([0.2, 0.0], [0.0, 0.8]) == 1.0
    config = over.OverOptimisationConfig(passes=1)
    for correlation in (0.0, 0.3, 0.9):
        pmf, law = config.verifier(correlation)
        levels = law.mass[0] * pmf[0]
        assert bounds.turning_point(levels[..., 0], levels[..., 1], law.weight[0]) == np.inf


@pytest.fixture(scope="module")
def found():
    return over.over_optimisation()


def test_the_peak_is_at_the_turning_point_for_every_correlation(found) -> None:
    rows, peaks = found
    assert peaks[0]["correlation"] == 0.0
    assert np.isinf(peaks[0]["turning_point"])
    assert peaks[0]["limit_accuracy"] == pytest.approx(1.0)
    for row in peaks[1:]:
        assert abs(row["peak"] - row["turning_point"]) < 1
        assert row["peak_accuracy"] <= row["accuracy_at_turn"]
        assert row["limit_accuracy"] < row["peak_accuracy"]
        # The limit: no answer fools the verifier.
        config = over.OverOptimisationConfig()
        fooling = fooled_rates(0.1, row["correlation"])[0]
        assert row["limit_accuracy"] == pytest.approx((1 - fooling) ** config.wrong_answers)
    turns = [row["turning_point"] for row in peaks[1:]]
    assert turns == sorted(turns, reverse=True)
    curves = {row["correlation"] for row in rows}
    assert curves == set(over.OverOptimisationConfig().shown)
    text = over.reading(over.OverOptimisationConfig(), peaks)
    assert f"peaks at N = {peaks[1]['peak']:g}" in text


def test_the_stored_rows_and_the_documents_table_are_these(found) -> None:
    with (ROOT / "figures/over_optimisation.csv").open(newline="") as stream:
        stored = [row for row in csv.DictReader(stream) if row["panel"] == "peak"]
    assert len(stored) == len(found[1])
    for row, fresh in zip(stored, found[1], strict=True):
        for name, value in fresh.items():
            kept = float(row[name]) if row[name] else float("nan")
            assert kept == pytest.approx(value, rel=1e-9, nan_ok=True)
    document = (ROOT / "paper_bounds.md").read_text()
    section = document.split("<!-- over-optimisation table -->")[1].split("![")[0]
    shown = re.findall(r"^\| ([\d.]+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", section, re.M)
    assert len(shown) >= 5
    by_correlation = {row["correlation"]: row for row in found[1]}
    for correlation, peak, turn, at, limit in shown:
        row = by_correlation[float(correlation)]
        assert limit == f"{row['limit_accuracy']:.4f}"
        if turn != "never":
            assert peak == f"{row['peak']:g}"
            assert turn == f"{row['turning_point']:.4g}"
            assert at == f"{row['accuracy_at_turn']:.4f}"


def test_many_passes_come_near_the_rate_itself() -> None:
    n = np.arange(1.0, 31)
    curves = [
        over._accuracy(*over.OverOptimisationConfig(passes=passes).verifier(0.3), n)
        for passes in (np.inf, 100, 8)
    ]
    assert np.abs(curves[1] - curves[0]).max() < 0.01
    assert np.abs(curves[2] - curves[0]).max() > 0.05
    assert curves[1].argmax() == pytest.approx(curves[0].argmax(), abs=1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.turning_point([0.5], [0.4]), "right \\+ wrong must sum to 1"),
        (lambda: bounds.turning_point([0.5], [0.4, 0.1]), "must be of one shape"),
        (lambda: bounds.turning_point([0.5], [0.5], [0.5, 0.5]), "one entry per state"),
        (lambda: over.OverOptimisationConfig(shown=(0.77,)), "shown must be among"),
        (lambda: over.OverOptimisationConfig(correlations=(0.2, 0.1)), "correlations must rise"),
        (
            lambda: over.OverOptimisationConfig.from_mapping({"sucess": 0.2}),
            "did you mean 'success'",
        ),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
