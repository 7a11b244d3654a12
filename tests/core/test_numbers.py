"""Printed numbers: directed rounding never improves on the value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiscale.core.numbers import (
    DASH,
    fixed,
    fixed_interval,
    interval,
    number,
    percent,
    plus_minus,
    precise,
    setting,
    tick,
)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 5))
def test_directed_rounding_never_passes_the_value(value: float, digits: int) -> None:
    down, up = (Decimal(number(value, digits, toward=t).replace(",", "")) for t in ("down", "up"))
    assert down <= Decimal(repr(value)) <= up


@given(st.floats(1e-3, 1e9), st.integers(2, 5))
def test_the_two_directions_are_one_unit_apart(value: float, digits: int) -> None:
    down, up = (float(number(value, digits, toward=t).replace(",", "")) for t in ("down", "up"))
    unit = max(1e-4, 10.0 ** (1 - digits) * value) if value < 1000 else 1.0
    assert up - down <= 1.001 * unit
    nearest = number(value, digits)
    assert nearest in (number(value, digits, toward="down"), number(value, digits, toward="up"))


@pytest.mark.parametrize(
    ("value", "toward", "text"),
    [
        (1.59985, "nearest", "1.60"),
        (1.59985, "down", "1.59"),
        (9.999, "nearest", "10.0"),
        (9.999, "up", "10.0"),
        (999.96, "up", "1,000"),
        (131072.4, "nearest", "131,072"),
        (131072.4, "up", "131,073"),
        (0.0000842, "nearest", "8.4e-05"),
        (0.0000842, "up", "8.5e-05"),
        (3e-7, "nearest", "0"),
        (3e-7, "down", "0"),
        (3e-7, "up", "3.0e-07"),
        (-3e-7, "down", "-3.0e-07"),
        (-0.525, "down", "-0.525"),
        (-0.52501, "down", "-0.526"),
        (float("inf"), "up", "inf"),
    ],
)  # fmt: skip
def test_by_hand(value: float, toward: str, text: str) -> None:
    assert number(value, toward=toward) == text  # type: ignore[arg-type]


def test_undefined_is_a_dash() -> None:
    assert number(None) == number(float("nan"), toward="up") == DASH
    assert interval(None, 2.0) == f"[{DASH}, 2.00]"


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_fixed_decimals_never_pass_the_value(value: float, places: int) -> None:
    down, up = (Decimal(fixed(value, places, toward=t).replace(",", "")) for t in ("down", "up"))
    assert down <= Decimal(repr(value)) <= up
    assert up - down <= Decimal(1).scaleb(-places)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ten_digits_never_pass_the_value(value: float) -> None:
    down, up = (Decimal(precise(value, toward=t)) for t in ("down", "up"))
    assert down <= Decimal(repr(value)) <= up


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4), st.floats(0, 1e4))
def test_what_plus_minus_prints_holds_the_interval(
    value: float, below: float, above: float
) -> None:
    low, high = value - below, value + above
    text = plus_minus(value, low, high).replace(",", "")
    if "±" in text:
        centre, half = (Decimal(part) for part in text.split(" ± "))
        assert centre - half <= Decimal(repr(low))
        assert Decimal(repr(high)) <= centre + half
        assert not centre - half < 0 <= low
    elif "[" in text:
        ends = text.partition("[")[2].rstrip("]").split()
        assert Decimal(ends[0]) <= Decimal(repr(low))
        assert Decimal(repr(high)) <= Decimal(ends[1])
    else:
        assert low == value == high


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (plus_minus(17.27, 16.86, 17.68), "17.3 ± 0.5"),
        (plus_minus(0.0935, 0.0891, 0.0979), "0.0935 ± 0.0044"),
        (plus_minus(0.0, 0.0, 0.0), "0"),
        (plus_minus(0.0209, 0.0, 0.145), "0.0209 [0, 0.145]"),
        (plus_minus(0.0, 0.0, 107.2), "0 [0, 108]"),
        (fixed(-0.0004, 3), "0.000"),
        (fixed(None, 3), DASH),
        (fixed_interval(0.58412, 0.61912, 3), "[0.584, 0.620]"),
        (percent(0.2501, toward="up"), "26%"),
        (setting(0.25), "0.25"),
        (setting(131072.0), "131072"),
        (tick(131072.0), "1e+05"),
        (tick(0.0312), "0.031"),
    ],
)
def test_the_other_faces_by_hand(shown: str, text: str) -> None:
    assert shown == text
