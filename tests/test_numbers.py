"""Printed numbers: directed rounding never improves on the value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiscale.numbers import DASH, interval, number


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
