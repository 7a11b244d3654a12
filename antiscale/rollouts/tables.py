"""Read a table of rollouts, one row per sample, and check every row of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from antiscale import validate
from antiscale.errors import InputError
from antiscale.rollouts.config import IGNORED, OPTIONAL, REQUIRED, DiagnoseConfig
from antiscale.rollouts.harness import read_harness
from antiscale.rollouts.samples import Booleans, Integers, Rollouts
from antiscale.validate import Floats

_ENDINGS = {
    ".csv": "CSV", ".jsonl": "JSONL", ".ndjson": "JSONL", ".json": "JSONL", ".parquet": "Parquet",
    ".pq": "Parquet",
}  # fmt: skip

# Under these names a column tells samples of one problem apart without being asked to.
_SAMPLE = ("sample", "sample_id")


class Loaded(NamedTuple):
    """What a table holds, after every check.

    Attributes
    ----------
    rollouts
        The samples of the model asked for.
    other
        Those of the model it is compared with, if any.
    model
        Its name, None where the table names none.
    unit
        What `length` counts: tokens, unless its column is named after words or characters.
    announces
        Whether the table says at which token a sample is first correct.
    notes
        What a reader should know of the table.
    """

    rollouts: Rollouts
    other: Rollouts | None
    model: str | None
    unit: str
    announces: bool
    notes: list[str]


def read_table(path: Path, config: DiagnoseConfig) -> pd.DataFrame:
    """Read a CSV, JSONL or Parquet file, or a folder of lm-evaluation-harness sample files.

    Raises
    ------
    InputError
        If there is no such file, it has another ending, or it cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_dir():
        return read_harness(path, config)
    kind = _ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path} must end in .csv, .jsonl or .parquet, or be a folder of sample files of "
            "lm-evaluation-harness"
        )
    try:
        if kind == "CSV":
            names = list(pd.read_csv(path, nrows=0).columns)
            return pd.read_csv(path, usecols=_wanted(names, config))
        if kind == "Parquet":
            import pyarrow.parquet as pq

            return pd.read_parquet(path, columns=_wanted(pq.read_schema(path).names, config))
        from pyarrow import json as reader

        # A line must fit into a block.
        options = reader.ReadOptions(block_size=2**26)
        frame: pd.DataFrame = reader.read_json(path, read_options=options).to_pandas()
        return frame
    except Exception as error:  # each reader has errors of its own
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is no readable {kind} file: {line}") from None


def _wanted(names: list[str], config: DiagnoseConfig) -> list[str]:
    """The columns worth reading; all of them if none is, so that the error can name them."""
    asked = {part for name in config.columns.values() for part in (name, *name.split("/"))}
    ours = {*REQUIRED, *OPTIONAL, *_SAMPLE}
    found = [name for name in names if name in asked | ours]
    roles = [config.columns.get(role, role) for role in REQUIRED]
    return found if set(roles) <= set(found) else names


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's sample files."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        digest.update((str(file.relative_to(path)) if path.is_dir() else "").encode() + content)
    return digest.hexdigest()


def load(frame: pd.DataFrame, config: DiagnoseConfig) -> Loaded:
    """Check a table and sort its samples.

    Raises
    ------
    InputError
        For a missing column, no rows, a value that is missing or not allowed, a sample given
        twice, or several models without a choice.
    """
    names = {
        role: config.columns.get(role, role)
        for role in (*REQUIRED, *OPTIONAL)
        if role in config.columns or role in frame.columns
    }
    if "sample" not in config.columns:
        # A column "sample" may as well hold the text of one.
        if "sample" in names and not pd.api.types.is_integer_dtype(frame["sample"]):
            del names["sample"]
        if "sample" not in names and "sample_id" in frame.columns:
            names["sample"] = "sample_id"
    names = {role: name for role, name in names.items() if name != IGNORED}
    _check_columns(frame, names)
    if len(frame) == 0:
        raise InputError("the table has no rows")
    named = (unit for unit in ("characters", "words") if unit[:4] in names["length"])
    unit = frame.attrs.get("unit") or next(named, "tokens")
    frame, against, model = _choose(frame.reset_index(drop=True), names, config)
    notes: list[str] = []
    if "tokens_to_first_correct" not in names:
        notes.append(
            "T, the first correct token, is taken to be the length of a correct sample: an upper "
            "bound of it."
        )
    if "sample" not in names:
        notes.append("The table has no column sample, so a sample given twice cannot be told.")
    rollouts = _rollouts(frame, names, config.seed)
    other = None if against is None else _rollouts(against, names, config.seed)
    return Loaded(rollouts, other, model, unit, "tokens_to_first_correct" in names, notes)


def _check_columns(frame: pd.DataFrame, names: dict[str, str]) -> None:
    there = [str(name) for name in frame.columns]
    absent = [role for role in REQUIRED if role not in names]
    for role, name in names.items():
        parts = name.split("/") if role == "score" and name not in there else [name]
        if any(part not in there for part in parts) or len(parts) > 2:
            absent.append(role if name == role else f"{name} (for {role})")
    if absent:
        listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
        raise InputError(
            f"the table lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}; it "
            f"has {listed or 'none'}; rename with columns, e.g. --columns "
            "problem=task_id,length=n_tokens,correct=passed"
        )
    twice = {name for name in there if there.count(name) > 1}
    if twice & set(names.values()):
        raise InputError(f"the table has the column {sorted(twice)[0]} twice; keep one")


def _choose(
    frame: pd.DataFrame, names: dict[str, str], config: DiagnoseConfig
) -> tuple[pd.DataFrame, pd.DataFrame | None, str | None]:
    """The rows of the model asked for, those of the one to compare with, and its name."""
    if "model" not in names:
        if config.model is not None:
            raise InputError(
                f"model {config.model!r} was asked for, but the table has no column model; rename "
                "one with --columns model=NAME, or leave the model out"
            )
        return frame, None, None
    codes, labels = pd.factorize(frame[names["model"]])
    models = [str(label) for label in labels]
    if (codes < 0).any():
        raise InputError(f"{names['model']} is missing in row {_first(codes < 0)}; fill it in")
    if config.model is None and len(models) > 1:
        listed = ", ".join(models[:8]) + (", ..." if len(models) > 8 else "")
        raise InputError(
            f"the table mixes {len(models)} models: {listed}; choose one with --model NAME (and "
            "--against NAME to compare)"
        )
    chosen = models[0] if config.model is None else config.model
    picked = []
    for name in (chosen, config.against):
        if name is not None:
            validate.choice("model", name, models)
            picked.append(frame[codes == models.index(name)])
    return picked[0], picked[1] if len(picked) > 1 else None, chosen


def _rollouts(frame: pd.DataFrame, names: dict[str, str], seed: int) -> Rollouts:
    rows = frame.index.to_numpy() + 1
    problem, labels = _labels(frame[names["problem"]], names["problem"], rows)
    if "sample" in names:
        _refuse_duplicates(frame, names, problem, rows)
    correct = _verdicts(frame[names["correct"]], names["correct"], rows)
    length = _numbers(frame[names["length"]], names["length"], rows)
    _check_lengths(length, names["length"], rows)
    if "tokens_to_first_correct" in names:
        name = names["tokens_to_first_correct"]
        time = _first_correct(frame[name], name, correct, length, rows)
    else:
        time = np.where(correct, length, np.inf)
    answer = None
    if "answer" in names:
        answer = np.asarray(pd.factorize(frame[names["answer"]])[0], dtype=np.int64)
    score = _scores(frame, names["score"], problem, labels, rows) if "score" in names else None
    return Rollouts.of(
        labels, problem, correct, length, time, seed=seed, score=score, answer=answer
    )


def _first(bad: Booleans) -> int:
    """The first bad row, counted from 1 without a header."""
    return int(np.flatnonzero(bad)[0]) + 1


def _labels(column: pd.Series[Any], name: str, rows: Integers) -> tuple[Integers, npt.NDArray[Any]]:
    codes, labels = pd.factorize(column)
    if (codes < 0).any():
        raise InputError(f"{name} is missing in row {rows[codes < 0][0]}; every sample needs one")
    return np.asarray(codes, dtype=np.int64), np.asarray(labels.astype(str), dtype=object)


def _refuse_duplicates(
    frame: pd.DataFrame, names: dict[str, str], problem: Integers, rows: Integers
) -> None:
    codes, labels = pd.factorize(frame[names["sample"]])
    if (codes < 0).any():
        raise InputError(f"{names['sample']} is missing in row {rows[codes < 0][0]}; fill it in")
    both = problem * len(labels) + codes
    twice = pd.Series(both).duplicated().to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{twice.sum():,} samples are given twice: problem "
            f"{str(frame[names['problem']].iloc[row])!r} has sample "
            f"{str(frame[names['sample']].iloc[row])!r} in row {rows[row]} again; drop the "
            "repeats, or number the samples of a problem apart"
        )


def _numbers(column: pd.Series[Any], name: str, rows: Integers) -> Floats:
    """A column as floats, NaN where it is blank."""
    try:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        numeric = pd.to_numeric(column, errors="coerce").isna().to_numpy()
        bad = int(np.flatnonzero(numeric)[0])
        raise InputError(
            f"{name} must be numeric; got {column.iloc[bad]!r} in row {rows[bad]}"
        ) from None


def _verdicts(column: pd.Series[Any], name: str, rows: Integers) -> Booleans:
    allowed = f"{name} must be 0 or 1, or true or false"
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        words = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
        blank = column.isna().to_numpy()
        text = column.astype(str).str.strip().str.lower()
        values = text.map(words).to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isnan(values) & ~blank
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(f"{allowed}; got {column.iloc[row]!r} in row {rows[row]}")
    _refuse_nan(values, name, rows)
    bad = (values != 0) & (values != 1)
    if bad.any():
        raise InputError(f"{allowed}; got {values[bad][0]:g} in row {rows[bad][0]}")
    return np.asarray(values == 1)


def _refuse_nan(values: Floats, name: str, rows: Integers) -> None:
    bad = np.isnan(values)
    if bad.any():
        raise InputError(
            f"{name} is missing or NaN in {bad.sum():,} row{'s' if bad.sum() > 1 else ''}, first "
            f"in row {rows[bad][0]}; fill it in or drop the sample"
        )


def _check_lengths(length: Floats, name: str, rows: Integers) -> None:
    _refuse_nan(length, name, rows)
    if np.isinf(length).any():
        raise InputError(f"{name} must be finite; got inf in row {rows[np.isinf(length)][0]}")
    short = length < 1
    if short.any():
        raise InputError(
            f"{name} must be at least 1; got {length[short][0]:g} in row {rows[short][0]} (in "
            f"{short.sum():,} rows in all); count the token that ends a sample, or drop empty ones"
        )


def _first_correct(
    column: pd.Series[Any], name: str, correct: Booleans, length: Floats, rows: Integers
) -> Floats:
    time = _numbers(column, name, rows)
    never = np.isnan(time) | np.isinf(time)
    lost = never & correct
    if lost.any():
        raise InputError(
            f"{name} is missing in row {rows[lost][0]}, a correct sample ({lost.sum():,} such "
            "rows); give the token, or leave the column out to use the length"
        )
    outside = ~never & ((time < 1) | (time > length))
    if outside.any():
        raise InputError(
            f"{name} must lie between 1 and the length; got {time[outside][0]:g} in row "
            f"{rows[outside][0]}, of length {length[outside][0]:g}"
        )
    return np.where(never, np.inf, time)


def _scores(
    frame: pd.DataFrame, name: str, problem: Integers, labels: npt.NDArray[Any], rows: Integers
) -> Floats:
    """The verifier's scores; a problem without any gets the same for all its samples."""
    if name in frame.columns:
        score = _numbers(frame[name], name, rows)
    else:
        top, bottom = (_numbers(frame[part], part, rows) for part in name.split("/"))
        with np.errstate(divide="ignore", invalid="ignore"):
            score = top / bottom
    if np.isinf(score).any():
        raise InputError(f"{name} must be finite; got inf in row {rows[np.isinf(score)][0]}")
    blank = np.isnan(score)
    share = np.bincount(problem, weights=blank) / np.bincount(problem)
    partly = (share > 0) & (share < 1)
    if partly.any():
        at = int(np.flatnonzero(partly)[0])
        row = rows[blank & (problem == at)][0]
        raise InputError(
            f"{name} is missing or NaN in row {row} while other samples of problem "
            f"{labels[at]!r} have one; score all samples of a problem or none"
        )
    if blank.all():
        raise InputError(f"{name} is missing in every row; leave the score out")
    return np.where(blank, 0.0, score)
