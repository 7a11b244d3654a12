"""Names, answers and numbers of a table, alike whichever format, reader or chunk they came through.

Problems, answers, models and samples are compared as text after one normalisation:

- None, NaN and what is empty or blank is missing;
- a whole number has no point: 7, 7.0, "7" and "7.0" are "7"; other numbers are written as short as
  they are exact; True and False are "True" and "False";
- text loses blanks at its ends, and a line ends in one line feed; bytes are UTF-8 text;
- lists, tables and chats, or text that holds them as JSON, are JSON with sorted keys, without what
  is missing, of such texts.

Nothing else is changed: "None", "NA" and "nan" are words, and "07" and "7.50" not "7" and "7.5".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from antiscale.core.errors import InputError
from antiscale.core.validate import Floats

Integers = npt.NDArray[np.int64]

_WHOLE = re.compile(r"-?\d+\.0+")
_EXPONENT = re.compile(r"-?\d(\.\d+)?e\+\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan", re.IGNORECASE)
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(\.0+)?")


def text(value: Any) -> str | None:
    """One value as text, None where it is missing.

    Raises
    ------
    InputError
        For bytes that are not UTF-8.

    Examples
    --------
    >>> text(7.0), text(" 7 "), text(""), text({"b": [1.0], "a": None})
    ('7', '7', None, '{"b": ["1"]}')
    """
    if isinstance(value, str):
        return _of_string(value)
    if isinstance(value, (bytes, bytearray)):
        try:
            return _of_string(bytes(value).decode())
        except UnicodeDecodeError:
            raise InputError(f"a name or an answer is not UTF-8 text: {shown(value)}") from None
    if isinstance(value, (dict, list, tuple, set, frozenset, np.ndarray)):
        return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        # A float32 is as short as it is exact in its own type.
        number = value if isinstance(value, float) else float(str(value))
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() else repr(float(number))
    return _of_string(str(value))


def _of_string(value: str) -> str | None:
    found = value.strip()
    if not found:
        return None
    if not found.isascii():
        # Half of a character, as where a text was cut, cannot be written again.
        found = found.encode(errors="replace").decode()
    if "\r" in found:
        found = found.replace("\r\n", "\n")
    if found[0] in "[{" and found[-1] in "]}":
        try:
            return json.dumps(_plain(json.loads(found)), ensure_ascii=False, sort_keys=True)
        except (ValueError, RecursionError):
            return found
    if found[-1] == "0":
        if _WHOLE.fullmatch(found):
            found = found.partition(".")[0]
            return "0" if found == "-0" else found
        if midnight := _MIDNIGHT.fullmatch(found):
            return midnight[1]
    if "e+" in found and _EXPONENT.fullmatch(found) and repr(float(found)) == found:
        return text(float(found))
    return found


def _plain(value: Any) -> Any:
    """Lists and tables of texts."""
    if isinstance(value, dict):
        each = {str(key): _plain(item) for key, item in value.items()}
        return {key: item for key, item in each.items() if item is not None}
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, (_plain(item) for item in value)))
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    return text(value)


def coded(column: pd.Series[Any]) -> tuple[Integers, list[str]]:
    """A column's texts in order of appearance, and which of them each row has; -1 where missing."""
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) != "string":
        # Here 1, 1.0 and True would count as equal, and lists not be counted at all.
        column = pd.Series([text(value) for value in column], dtype=object)
    codes, values = pd.factorize(column)
    # An index would give a float32 as a longer number.
    each: Iterable[Any] = values.to_numpy() if values.dtype.kind == "f" else values
    texts = np.array([text(value) for value in each], dtype=object)
    again, names = pd.factorize(texts)
    # One more for the missing, to which -1 points.
    final = np.append(again, -1).astype(np.int64)[codes]
    return final, [str(name) for name in names]


def numbers(column: pd.Series[Any], name: str, rows: Integers) -> Floats:
    """A column as floats, NaN where it is missing.

    Raises
    ------
    InputError
        For what is no number: a duration, a date, a truth value, or text that spells none.
    """
    kinds = pd.api.types
    if kinds.is_timedelta64_dtype(column):
        raise InputError(
            f"{name} must be numeric; it holds durations, and a duration is no number of tokens"
        )
    if kinds.is_datetime64_any_dtype(column) or kinds.is_bool_dtype(column):
        raise InputError(f"{name} must be numeric; it holds {column.dtype}")
    if kinds.is_numeric_dtype(column) and not kinds.is_complex_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    codes, names = coded(column)
    good = [_NUMBER.fullmatch(each) is not None for each in names]
    values = [float(each) if fits else math.nan for each, fits in zip(names, good, strict=True)]
    bad = np.flatnonzero(~np.array([*good, True])[codes])
    if bad.size:
        row = int(bad[0])
        given = column.iloc[row]
        hint = ""
        if len(str(given).split()) > 1:
            hint = "; to count the words of a text, use --columns length=words(COLUMN)"
        raise InputError(f"{name} must be numeric; got {shown(given)} in row {rows[row]}{hint}")
    return np.array([*values, math.nan])[codes]


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names for a message, on one line and each cut short; or "none"."""
    several = [" ".join(str(name).split())[:40] for name in names]
    return (", ".join(several[:most]) or "none") + (", ..." if len(several) > most else "")


def shown(value: Any, most: int = 60) -> str:
    """A value for a message, cut to `most` characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
