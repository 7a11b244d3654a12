"""How a number and an interval are printed: few digits, and never better than they are.

A lower bound is rounded down, an upper bound up and an interval outwards, so that what is printed
still holds. Estimates are rounded to the nearest.
"""

from __future__ import annotations

import decimal
import math
from typing import Literal

Toward = Literal["nearest", "down", "up"]

DASH = "–"

# An estimate below this prints as zero.
_ZERO = 5e-7

_ROUNDING = {
    "nearest": decimal.ROUND_HALF_EVEN,
    "down": decimal.ROUND_FLOOR,
    "up": decimal.ROUND_CEILING,
}
# Digits enough for every float64 written out.
_EXACT = decimal.Context(prec=1200)


def number(value: float | None, digits: int = 3, *, toward: Toward = "nearest") -> str:
    """A number to `digits` significant digits, at most four decimals; a dash where undefined.

    Parameters
    ----------
    value
        The number; None and NaN print as a dash.
    digits
        Significant digits, at least 2. From 1000 on whole numbers are printed.
    toward
        "nearest", or "down" for a lower bound and "up" for an upper bound: the printed decimal is
        then never above (below) the value.

    Returns
    -------
    str

    Examples
    --------
    >>> number(1.59985), number(1.59985, toward="down"), number(0.0000842, toward="up")
    ('1.60', '1.59', '8.5e-05')
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    # The shortest decimal that names the float: 0.1 stays 0.1 in every direction.
    exact = decimal.Decimal(repr(float(value)))
    zero = {
        "nearest": -_ZERO < value < _ZERO,
        "down": 0 <= value < _ZERO,
        "up": -_ZERO < value <= 0,
    }
    if zero[toward]:
        return "0"
    scientific = abs(exact) < decimal.Decimal("1e-3") or abs(exact) >= decimal.Decimal("1e15")
    places = digits - 2 - exact.adjusted() if scientific else _decimals(exact, digits)
    rounded = exact.quantize(decimal.Decimal(1).scaleb(-places, _EXACT), _ROUNDING[toward], _EXACT)
    if scientific:
        mantissa, _, exponent = f"{rounded:.{digits - 2}e}".partition("e")
        return f"{mantissa}e{int(exponent):+03d}"
    # 9.999 to three digits is 10.0, not 10.00.
    return f"{rounded:,.{min(places, _decimals(rounded, digits))}f}"


def _decimals(value: decimal.Decimal, digits: int) -> int:
    return min(max(0, digits - 1 - value.adjusted()), 4) if abs(value) < 1000 else 0


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """The ends of an interval in brackets, rounded outwards.

    Examples
    --------
    >>> interval(0.12345, 0.56712)
    '[0.123, 0.568]'
    """
    return f"[{number(low, digits, toward='down')}, {number(high, digits, toward='up')}]"
