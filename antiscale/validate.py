"""Checks at the Python boundary; inside jit everything is assumed valid.

Each check takes the argument's name, so that the message can say what came and what is allowed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from antiscale.errors import InputError

Floats = npt.NDArray[np.float64]

# A pmf read from float32 or from text sums to one only to about this much; it is then rescaled.
PMF_TOLERANCE = 1e-6


def floats(name: str, value: npt.ArrayLike) -> Floats:
    """`value` as a float64 array without NaN."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numeric; got {value!r:.60}") from error
    if np.isnan(array).any():
        raise InputError(f"{name} contains NaN; remove or replace it")
    return array


def pmf(name: str, value: npt.ArrayLike) -> Floats:
    """`value` [..., S] as pmfs over the last axis, rescaled to sum to one exactly."""
    array = floats(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise InputError(
            f"{name} needs at least one type on its last axis; got shape {array.shape}"
        )
    if not np.isfinite(array).all() or (array < 0).any():
        raise InputError(f"{name} must hold finite masses >= 0; got minimum {np.min(array):.6g}")
    total = array.sum(-1, keepdims=True)
    worst = total.flat[int(np.argmax(np.abs(total - 1)))] if total.size else 1.0
    if abs(worst - 1) > PMF_TOLERANCE:
        raise InputError(f"{name} must sum to 1 over its last axis; got a sum of {worst:.8g}")
    return array / total


def nonnegative(name: str, value: npt.ArrayLike, *, finite: bool = False) -> Floats:
    """`value` as an array of numbers >= 0."""
    array = floats(name, value)
    if (array < 0).any() or (finite and np.isinf(array).any()):
        kind = "finite and >= 0" if finite else ">= 0"
        raise InputError(f"{name} must be {kind}; got {_offender(array, finite):.6g}")
    return array


def _offender(array: Floats, finite: bool) -> float:
    bad = (array < 0) | (np.isinf(array) if finite else False)
    return float(array[bad].flat[0])


def probability(
    name: str, value: npt.ArrayLike, *, allow_zero: bool = True, allow_one: bool = True
) -> Floats:
    """`value` as an array of numbers in [0, 1], its ends included or not.

    What is above 1 by rounding alone, as a sum of masses may be, is taken for 1.
    """
    array = floats(name, value)
    if allow_one:
        array = np.where((array > 1) & (array <= 1 + 1e-12), 1.0, array)
    low = (array < 0) if allow_zero else (array <= 0)
    high = (array > 1) if allow_one else (array >= 1)
    if (low | high).any():
        interval = f"{'[' if allow_zero else '('}0, 1{']' if allow_one else ')'}"
        raise InputError(f"{name} must lie in {interval}; got {array[low | high].flat[0]:.6g}")
    return array


def integer(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """`value` as a whole number of at least `least`."""
    allowed = f"a whole number >= {least}" + ("" if most is None else f" and <= {most}")
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
        raise InputError(f"{name} must be {allowed}; got {value!r}")
    if not math.isfinite(value) or int(value) != value:
        raise InputError(f"{name} must be {allowed}; got {value!r}")
    if value < least or (most is not None and value > most):
        raise InputError(f"{name} must be {allowed}; got {int(value)}")
    return int(value)


def real(name: str, value: Any) -> float:
    """`value` as one finite number."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
        raise InputError(f"{name} must be a number; got {value!r}")
    if not math.isfinite(value):
        raise InputError(f"{name} must be finite; got {value!r}")
    return float(value)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """`value` if it is one of `allowed`, with the nearest name suggested otherwise."""
    names = sorted(allowed)
    if value in names:
        return str(value)
    raise InputError(f"unknown {name} {value!r}{nearest(str(value), names)}")


def nearest(value: str, names: list[str]) -> str:
    """The end of an error message: the allowed names, and the one that was probably meant."""
    close = difflib.get_close_matches(value, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} allowed: {', '.join(names)}"


def boolean(name: str, value: Any) -> bool:
    """`value` as true or false."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be true or false; got {value!r}")
    return bool(value)
