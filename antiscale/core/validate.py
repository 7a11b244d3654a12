"""Checks at the Python boundary; inside jit everything is assumed valid.

Each check takes the argument's name, so that the message can say what came and what is allowed.
"""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from antiscale.core.errors import InputError

Floats = npt.NDArray[np.float64]

# A pmf read from float32 or from text sums to one only to about this much; it is then rescaled.
PMF_TOLERANCE = 1e-6
# Beyond this products of two or three numbers leave the floats; inf is allowed where it is said.
LARGEST = 1e100
# Whole numbers beyond this are no longer exact in floats.
LARGEST_INTEGER = 2**53

P = ParamSpec("P")
T = TypeVar("T")


def shown(value: Any, most: int = 60) -> str:
    """`value` as a message shows it: its start, in one line."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**most:
        return f"a whole number of {int(value.bit_length() * math.log10(2)) + 1} digits"
    if isinstance(value, str | bytes):
        text = repr(value[:most]) + ("..." if len(value) > most else "")
    elif isinstance(value, np.ndarray) and value.size > 8:
        text = f"an array of shape {value.shape}"
    else:
        try:
            text = repr(value)
        except Exception:  # of a foreign object, or of a number inside with too many digits
            text = f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= most + 5 else f"{text[:most]}..."


def boundary(function: Callable[P, T]) -> Callable[P, T]:
    """Let a public function of numbers end in a result or in InputError.

    The function checks each argument; this adds what shows only when they meet: shapes that do not
    fit together, and sizes whose arithmetic leaves the floats (no NaN is ever returned).
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                result = function(*args, **kwargs)
        except InputError:
            raise
        except FloatingPointError:
            raise _beyond_floats(function) from None
        except (ValueError, IndexError, TypeError) as error:
            if not any(word in str(error) for word in _OF_SHAPES):
                raise
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            shapes = ", ".join(
                f"{name} {_shape(value) or '(one number)'}"
                for name, value in given.items()
                if value is not None and not isinstance(value, str)
            )
            raise InputError(
                f"{function.__name__}: shapes do not fit together: {shapes}; see its help"
            ) from None
        if _has_nan(result):
            raise _beyond_floats(function)
        return result

    return checked


# What NumPy's and JAX's messages about shapes have in common.
_OF_SHAPES = (
    "broadcast", "shape", "dimension", "axis", "axes", "too many indices", "subscript",
    "tuple index", "length-1", "zero-size",
)  # fmt: skip


def _beyond_floats(function: Callable[..., Any]) -> InputError:
    return InputError(
        f"{function.__name__} leaves the range of floats for these arguments; use numbers nearer "
        "to 1, or fewer samples"
    )


def _shape(value: Any) -> tuple[int, ...]:
    try:
        return np.shape(value)
    except ValueError:  # ragged
        return ()


def _has_nan(result: Any) -> bool:
    if isinstance(result, Mapping):
        return any(_has_nan(value) for value in result.values())
    if isinstance(result, tuple):
        return any(_has_nan(value) for value in result)
    if isinstance(result, float | np.ndarray | np.floating):
        array = np.asarray(result)
        return array.dtype.kind == "f" and bool(np.isnan(array).any())
    return False


def floats(
    name: str, value: npt.ArrayLike, *, nan: bool = False, empty: bool = False,
    most: float = LARGEST,
) -> Floats:  # fmt: skip
    """`value` as a float64 array of at least one number; none is NaN. Unless either is allowed.

    Finite ones are at most `most` in size. Infinity is let through: `finite` and others refuse it.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufOU":
            raise TypeError(f"not real numbers: {array.dtype}")
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} must be numeric; got {shown(value)}") from None
    if array.size == 0 and not empty:
        raise InputError(f"{name} needs at least one number; got shape {array.shape}")
    if not nan and np.isnan(array).any():
        raise InputError(f"{name} contains NaN; remove or replace it")
    beyond = array[np.isfinite(array) & (np.abs(array) > most)]
    if beyond.size:
        raise InputError(f"{name} must lie within -{most:g} and {most:g}; got {beyond.flat[0]:g}")
    return array


def finite(name: str, value: npt.ArrayLike) -> Floats:
    """`value` as an array of finite numbers."""
    array = floats(name, value)
    if (infinite := array[np.isinf(array)]).size:
        raise InputError(f"{name} must be finite; got {infinite.flat[0]:g}")
    return array


def whole(name: str, value: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """`value` as an array of whole numbers of at most 2^53 in size."""
    array = finite(name, value)
    if (array != np.floor(array)).any() or (np.abs(array) > LARGEST_INTEGER).any():
        raise InputError(f"{name} must be whole numbers of at most 2^53; got {shown(value)}")
    return array.astype(np.int64)


def flags(name: str, value: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """`value` [..., S] as true or false, given as such or as 1 and 0."""
    array = floats(name, value)
    if array.ndim == 0 or not np.isin(array, (0.0, 1.0)).all():
        raise InputError(f"{name} must list 1 or 0 for each type; got {shown(value)}")
    return array.astype(bool)


def listed(name: str, value: Any) -> Sequence[Any]:
    """`value` as a sequence of at least one entry."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        value = list(value)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or not len(value):
        raise InputError(f"{name} must be a list of at least one entry; got {shown(value)}")
    return value


def name(what: str, value: Any) -> str:
    """`value` as a name: text, not empty."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{what} must be a name; got {shown(value)}")
    return value


def names(
    what: str, value: Any, *, allowed: str = "a name or a list of names", least: int = 0
) -> tuple[str, ...]:
    """`value`, one name or several, as names."""
    several = (value,) if isinstance(value, str) else value
    enough = isinstance(several, list | tuple) and len(several) >= least
    if not enough or not all(isinstance(name, str) for name in several):
        raise InputError(f"{what} must be {allowed}; got {shown(several)}")
    return tuple(several)


def each(name: str, value: Any, *, of: Callable[..., T], **limits: Any) -> tuple[T, ...]:
    """`value`, one or several, each of them checked."""
    one = isinstance(value, str | bytes) or not isinstance(value, Iterable)
    return tuple(of(name, item, **limits) for item in ((value,) if one else value))


def rising(values: Iterable[T]) -> list[T]:
    """Distinct values in order."""
    return sorted(set(values))  # type: ignore[type-var]


def table(what: str, value: Any) -> dict[str, Any]:
    """`value` as names and plain values (arrays as nested lists), fit for JSON and TOML."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{what} must be a table of names and values; got {shown(value)}")
    return {key: _plain(f"{what}: {key}", item) for key, item in value.items()}


def _plain(what: str, value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = np.asarray(value).tolist()
    if isinstance(value, list | tuple):
        return type(value)(_plain(what, item) for item in value)
    if isinstance(value, Mapping):
        return table(what, value)
    whole = isinstance(value, int) and abs(value) <= 2**64
    if whole or value is None or isinstance(value, bool | str | float):
        return value
    raise InputError(f"{what} must be a number, text, true, false or a list; got {shown(value)}")


def instance(name: str, value: Any, cls: type[T], made_by: str) -> T:
    """`value` if it is of a class of ours."""
    if not isinstance(value, cls):
        raise InputError(f"{name} must be a {cls.__name__} ({made_by}); got {shown(value)}")
    return value


def on_support(pmf: Floats, returns: Floats) -> None:
    """Refuse returns [..., S] that are infinite where their type has mass, or of another shape."""
    try:
        has_mass, seen = np.broadcast_arrays(pmf > 0, returns)
    except ValueError:
        shapes = f"pmf {pmf.shape} and returns {returns.shape}"
        raise InputError(f"{shapes} must broadcast to one shape") from None
    if np.isinf(seen[has_mass]).any():
        raise InputError("returns must be finite wherever pmf is positive; got inf")


def pmf(name: str, value: npt.ArrayLike) -> Floats:
    """`value` [..., S] as pmfs over the last axis, rescaled to sum to one exactly."""
    array = floats(name, value, empty=True)
    if array.ndim and not array.shape[-1]:
        raise InputError(
            f"{name} needs at least one type on its last axis; got shape {array.shape}"
        )
    if array.ndim == 0:
        raise InputError(f"{name} needs one mass per type on its last axis; got a single number")
    if not np.isfinite(array).all() or (array < 0).any():
        raise InputError(f"{name} must hold finite masses >= 0; got minimum {np.min(array):.6g}")
    total = array.sum(-1, keepdims=True)
    worst = total.flat[int(np.argmax(np.abs(total - 1)))] if total.size else 1.0
    if abs(worst - 1) > PMF_TOLERANCE:
        raise InputError(f"{name} must sum to 1 over its last axis; got a sum of {worst:.8g}")
    return array / total


def nonnegative(
    name: str, value: npt.ArrayLike, *, finite: bool = False, most: float = LARGEST
) -> Floats:
    """`value` as an array of numbers >= 0, finite ones at most `most`."""
    array = floats(name, value, most=most)
    bad = array[(array < 0) | (np.isinf(array) & finite)]
    if bad.size:
        kind = "finite and >= 0" if finite else ">= 0"
        raise InputError(f"{name} must be {kind}; got {bad.flat[0]:.6g}")
    return array


def probability(
    name: str, value: npt.ArrayLike, *, allow_zero: bool = True, allow_one: bool = True
) -> Floats:
    """`value` as an array of numbers in [0, 1], its ends included or not.

    What is above 1 by rounding alone, as a sum of masses may be, is taken for 1. None at all, as
    of blocks that there are not, is allowed.
    """
    array = floats(name, value, empty=True)
    if allow_one:
        array = np.where((array > 1) & (array <= 1 + 1e-12), 1.0, array)
    low = (array < 0) if allow_zero else (array <= 0)
    high = (array > 1) if allow_one else (array >= 1)
    if (low | high).any():
        interval = f"{'[' if allow_zero else '('}0, 1{']' if allow_one else ')'}"
        raise InputError(f"{name} must lie in {interval}; got {array[low | high].flat[0]:.6g}")
    return array


def integer(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """`value` as a whole number of at least `least`, and small enough to be exact as a float."""
    allowed = f"a whole number >= {least}" + ("" if most is None else f" and <= {most}")
    most = LARGEST_INTEGER if most is None else most
    number = _number(name, value, allowed)
    if math.isfinite(number) and number > most:
        allowed = f"a whole number >= {least} and <= {most}"
    if not math.isfinite(number) or int(number) != number or not least <= number <= most:
        raise InputError(f"{name} must be {allowed}; got {shown(number)}")
    return int(number)


def real(
    name: str, value: Any, *, above: float | None = None, least: float | None = None,
    below: float | None = None, most: float | None = None, note: str = "",
) -> float:  # fmt: skip
    """`value` as one finite number, at most `LARGEST`, and inside the ends that are given."""
    number = _number(name, value, "a number")
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite; got {number!r}")
    if abs(number) > LARGEST:
        raise InputError(f"{name} must lie within -{LARGEST:g} and {LARGEST:g}; got {number:g}")
    low, high = (least if above is None else above), (most if below is None else below)
    under = low is not None and (number < low or number == above)
    over = high is not None and (number > high or number == below)
    if under or over:
        allowed = f"be {'>=' if above is None else '>'} {low:g}"
        if high is not None:
            ends = "[" if above is None else "(", "]" if below is None else ")"
            allowed = f"lie in {ends[0]}{low:g}, {high:g}{ends[1]}"
        raise InputError(f"{name} must {allowed}{note and f' ({note})'}; got {number:g}")
    return float(number)


def chance(name: str, value: Any, *, allow_zero: bool = True, allow_one: bool = True) -> float:
    """`value` as one number in [0, 1], its ends included or not."""
    number = real(name, value)
    return float(probability(name, number, allow_zero=allow_zero, allow_one=allow_one))


def _number(name: str, value: Any, allowed: str) -> int | float:
    """`value` as one of Python's numbers."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    # More than a float can hold, maybe: it need not be converted to be refused.
    huge = isinstance(value, int) and abs(value) > 2**64
    if huge or isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} must be {allowed}; got {shown(value)}")
    return value


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """`value` if it is one of `allowed`, with the nearest name suggested otherwise."""
    names = sorted(allowed)
    if isinstance(value, str) and value in names:
        return value
    raise InputError(f"unknown {name} {shown(value)}{nearest(value, names)}")


def keys(what: str, given: Iterable[Any], known: list[str]) -> None:
    """Refuse a name that is not known; `what` is the message's beginning, up to the name."""
    for key in given:
        if key not in known:
            hint = nearest(key, known) if known else "; it has none"
            raise InputError(f"{what} {shown(key)}{hint}")


def nearest(value: Any, names: list[str]) -> str:
    """The end of an error message: the allowed names, and the one that was probably meant."""
    close = difflib.get_close_matches(str(value)[:60], names, n=1) if isinstance(value, str) else []
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} allowed: {', '.join(names)}"


def boolean(name: str, value: Any) -> bool:
    """`value` as true or false."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be true or false; got {shown(value)}")
    return bool(value)
