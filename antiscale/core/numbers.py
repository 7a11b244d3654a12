"""How a number and an interval are printed: few digits, and never better than they are.

A lower bound is rounded down, an upper bound up and an interval outwards, so that what is printed
still holds. Estimates are rounded to the nearest. Screens, pages, figures and sentences print by
this module alone, so that one quantity has one face everywhere.
"""

import decimal
import math
from typing import Literal

Toward = Literal["nearest", "down", "up"]

DASH = "–"

# An estimate below this prints as zero.
_ZERO = 5e-7

_ROUNDING = {
    "nearest": decimal.ROUND_HALF_EVEN, "down": decimal.ROUND_FLOOR, "up": decimal.ROUND_CEILING,
}  # fmt: skip
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
    # What is below zero is not zero when rounded down, nor what is above it when rounded up.
    small = -_ZERO < value < _ZERO
    if small and (toward == "nearest" or value == 0 or (value > 0) == (toward == "down")):
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


def fixed(value: float | None, places: int, *, toward: Toward = "nearest") -> str:
    """A number to so many decimals, for columns of exponents and ratios; a dash where undefined.

    Examples
    --------
    >>> fixed(0.49961, 3), fixed(0.49961, 3, toward="up"), fixed(-0.0004, 3, toward="down")
    ('0.500', '0.500', '-0.001')
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    unit = decimal.Decimal(1).scaleb(-places, _EXACT)
    rounded = decimal.Decimal(repr(float(value))).quantize(unit, _ROUNDING[toward], _EXACT)
    # Adding zero drops the sign of a negative one.
    return f"{rounded + 0:,.{places}f}"


def precise(value: float | None, digits: int = 10, *, toward: Toward = "nearest") -> str:
    """A number to so many significant digits, without trailing zeros; a dash where undefined.

    Examples
    --------
    >>> precise(0.931107772846, toward="down"), precise(2.0), precise(1e-30, toward="up")
    ('0.9311077728', '2', '1e-30')
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    context = decimal.Context(prec=digits, rounding=_ROUNDING[toward])
    return f"{context.create_decimal(repr(float(value))).normalize(_EXACT):.{digits}g}"


def fixed_interval(low: float | None, high: float | None, places: int) -> str:
    """The ends of an interval to so many decimals, rounded outwards."""
    return f"[{fixed(low, places, toward='down')}, {fixed(high, places, toward='up')}]"


def percent(value: float | None, places: int = 0, *, toward: Toward = "nearest") -> str:
    """A share in per cent.

    Examples
    --------
    >>> percent(0.2549), percent(0.2501, toward="up")
    ('25%', '26%')
    """
    text = fixed(None if value is None else 100.0 * value, places, toward=toward)
    return text if text == DASH else f"{text}%"


def setting(value: float) -> str:
    """A number that was chosen, as it was given: all its digits up to six.

    Examples
    --------
    >>> setting(0.25), setting(32.0), setting(1048576.0)
    ('0.25', '32', '1048576')
    """
    return f"{value:.0f}" if abs(value) < 1e15 and value == round(value) else f"{value:.6g}"


def tick(value: float) -> str:
    """A number at an axis: whole below 100,000, a power of ten above, two digits below one."""
    if value == 0:
        return "0"
    if abs(value) >= 1e5:
        return f"{value:.0e}"
    return setting(value) if abs(value) >= 1 else f"{value:.2g}"


def plus_minus(value: float, low: float, high: float) -> str:
    """An estimate and half its interval, to the estimate's decimals; the half is rounded up.

    What is printed holds the whole interval. Ends in brackets where "plus or minus" would say what
    the interval does not: where the sides differ by more than half, or the half reaches below a
    zero that the interval does not cross. An exact value, whose ends are the value, stands alone.

    Examples
    --------
    >>> plus_minus(17.27, 16.86, 17.68), plus_minus(0.02, 0.0, 0.15), plus_minus(2.5, 2.5, 2.5)
    ('17.3 ± 0.5', '0.0200 [0, 0.150]', '2.50')
    """
    shown = number(value)
    if low == value == high or not math.isfinite(high - low):
        return shown
    sides = value - low, high - value
    centre = decimal.Decimal(shown.replace(",", ""))
    least, most = (decimal.Decimal(repr(float(end))) for end in (low, high))
    half = max(centre - least, most - centre)
    if max(sides) > 1.5 * min(sides) or float(centre - half) < 0 <= low:
        return f"{shown} {interval(low, high)}"
    exponent = centre.as_tuple().exponent
    assert isinstance(exponent, int)
    if "e" in shown or shown == "0":
        return f"{shown} ± {number(float(half), toward='up')}"
    return f"{shown} ± {half.quantize(decimal.Decimal(1).scaleb(exponent), _ROUNDING['up']):,f}"


def share(value: float | None) -> str:
    """An estimate without unit: sigma/H, a probability."""
    return number(value, 2)


def share_ends(low: float | None, high: float | None) -> str:
    """The ends of its interval."""
    return interval(low, high, 2)


def with_ends(value: float | None, low: float | None, high: float | None) -> str:
    """An estimate and the ends of its interval; a dash where undefined."""
    return DASH if value is None else f"{share(value)} {share_ends(low, high)}"
