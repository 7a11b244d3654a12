"""Files of rollouts as columns, none of which a reader has guessed the type of.

CSV is read as text, JSON as Python reads it, Parquet as it is typed; what is compared is then made
alike by `antiscale.core.texts`. Columns that are not needed are not read.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from antiscale.core.errors import InputError
from antiscale.core.texts import shown

# Which of a file's column names to read.
Choose = Callable[[list[str]], list[str]]

# Rows of a CSV file must fit into a block.
_BLOCK = 2**24
# A reader's own words are quoted up to this length.
_QUOTED = 120
# Lines of JSON that are read together.
_LINES = 4096
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

_ENDINGS = {
    ".csv": "CSV", ".jsonl": "JSONL", ".ndjson": "JSONL", ".json": "JSON", ".parquet": "Parquet",
    ".pq": "Parquet",
}  # fmt: skip


def read_file(path: Path, choose: Choose) -> pd.DataFrame:
    """Read the chosen columns of a CSV, JSON, JSONL or Parquet file.

    Raises
    ------
    InputError
        If the name has another ending, the file cannot be read, is not UTF-8, or has a chosen
        column twice.
    """
    kind = _ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path} must end in .csv, .jsonl, .json or .parquet (unpack it first if it is "
            "compressed), or be a folder of sample files of lm-evaluation-harness"
        )
    read = {"CSV": _csv, "Parquet": _parquet}.get(kind, _json)
    try:
        return read(path, choose)
    except InputError:
        raise
    except Exception as error:  # each reader has errors of its own
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        if isinstance(error, UnicodeDecodeError) or re.search("utf-?8", line.lower()):
            raise not_utf8(path) from None
        line = line if len(line) <= _QUOTED else f"{line[:_QUOTED]}..."
        raise InputError(f"{path} is no readable {kind} file: {line}") from None


def not_utf8(path: Path) -> InputError:
    """The refusal of a text file in another encoding."""
    guess = "UTF-16" if _start(path) in _UTF16 else "another encoding, perhaps Latin-1"
    return InputError(f"{path} is not UTF-8 text (it is in {guess}); convert it to UTF-8")


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(2)


def _once(path: Path, names: list[str], chosen: list[str]) -> list[str]:
    twice = [name for name in chosen if names.count(name) > 1]
    if twice:
        raise InputError(f"{path} has the column {shown(twice[0])} twice; keep one")
    return chosen


def _csv(path: Path, choose: Choose) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as reader

    if _start(path) in _UTF16:
        raise not_utf8(path)
    # What is no UTF-8 may lie in a column that is not needed.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        names = next(csv.reader(stream), [])
    if not names:
        raise InputError(f"{path} is no readable CSV file: it is empty")
    chosen = _once(path, names, choose(names))
    # By place, as names that are not needed may occur twice.
    places = [f"{place}" for place in range(len(names))]
    wanted = [places[names.index(name)] for name in chosen]
    table = reader.read_csv(
        path,
        read_options=reader.ReadOptions(block_size=_BLOCK, column_names=places, skip_rows=0),
        parse_options=reader.ParseOptions(newlines_in_values=True),
        convert_options=reader.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())
        ),
    )
    # The first row is the header.
    return table.slice(1).rename_columns(chosen).to_pandas()


def _parquet(path: Path, choose: Choose) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    names = file.schema_arrow.names
    table = file.read(columns=_once(path, names, choose(names)))
    # Whole numbers stay whole beside missing ones.
    kept = {
        getattr(pa, f"{kind}int{bits}")(): pd.api.types.pandas_dtype(f"{kind.upper()}Int{bits}")
        for kind in ("", "u") for bits in (8, 16, 32, 64)
    }  # fmt: skip
    return table.to_pandas(types_mapper=kept.get, ignore_metadata=True)


def _json(path: Path, choose: Choose) -> pd.DataFrame:
    """Records, one per line or in an array, or an object of columns."""
    columns = _columns(path)
    if columns is not None:
        return pd.DataFrame({name: _tidy(columns[name]) for name in choose(list(columns))})
    found: dict[str, list[Any]] = {}
    known: set[str] = set()
    count = 0
    for first, records in _records(path):
        for place, record in enumerate(records):
            if not isinstance(record, dict):
                raise InputError(f"{path}: line {first + place} is no JSON object: {shown(record)}")
        before = len(known)
        known.update(*records)
        if len(known) > before:
            for name in choose(sorted(known)):
                found.setdefault(name, [None] * count)
        for name, values in found.items():
            values.extend([record.get(name) for record in records])
        count += len(records)
    # Names wanted for want of better ones may have been left behind.
    chosen = [name for name in found if name in choose(sorted(known))]
    return pd.DataFrame({name: _tidy(found[name]) for name in chosen})


def _columns(path: Path) -> dict[str, list[Any]] | None:
    """The columns of a file that is one object of lists, or of rows by label; None for others."""
    with path.open(encoding="utf-8-sig") as stream:
        start = stream.read(1 << 16).lstrip()
        if path.suffix.lower() != ".json" or not start.startswith("{"):
            return None
        stream.seek(0)
        whole: Any = None
        with contextlib.suppress(ValueError):
            # Lines of records begin with a whole one.
            if not _nested(json.loads(start.partition("\n")[0])):
                return None
        with contextlib.suppress(ValueError):
            whole = json.load(stream)
    if not _nested(whole):
        return None
    values = [list(each.values()) if isinstance(each, dict) else each for each in whole.values()]
    if len({len(each) for each in values}) > 1:
        raise InputError(f"{path} is a JSON object of columns of different lengths")
    return dict(zip(whole, values, strict=True))


def _nested(value: Any) -> bool:
    """Whether all values are lists, or all are objects."""
    return isinstance(value, dict) and {type(each) for each in value.values()} in ({list}, {dict})


def _records(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """The records, some at a time, and the number of the first: its line, or place in the array."""
    with path.open(encoding="utf-8-sig") as stream:
        start = stream.read(64).lstrip()
        stream.seek(0)
        if start.startswith("["):
            yield 1, json.load(stream)
            return
        number = 1
        while lines := list(itertools.islice(stream, _LINES)):
            filled = [line for line in lines if not line.isspace()]
            try:
                # As one array: much faster than line by line.
                records = json.loads(f"[{','.join(filled)}]")
            except ValueError:
                records = []
            if len(records) != len(filled) or len(filled) != len(lines):
                records = [_record(path, number + at, line) for at, line in enumerate(lines)
                           if not line.isspace()]  # fmt: skip
            yield number, records
            number += len(lines)


def _record(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        why = str(error).partition(":")[0]
        raise InputError(f"{path} is no readable JSONL file: line {number}: {why}") from None


def _tidy(values: list[Any]) -> pd.Series[Any]:
    """A column of one type where it is one; else of Python's objects as they are."""
    plain = ("integer", "floating", "boolean", "string")
    if pd.api.types.infer_dtype(values, skipna=False) in plain:
        with contextlib.suppress(UnicodeEncodeError):  # half of a character
            return pd.Series(values)
    return pd.Series(values, dtype=object)
