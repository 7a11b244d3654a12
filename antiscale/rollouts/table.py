"""Read a table of rollouts, one row per sample, and check every row of it."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from antiscale.core import texts
from antiscale.core.errors import InputError
from antiscale.core.texts import coded, listed, shown, text
from antiscale.core.validate import Floats
from antiscale.rollouts.config import IGNORED, OPTIONAL, REQUIRED, DiagnoseConfig
from antiscale.rollouts.formats.files import read_file
from antiscale.rollouts.formats.harness import read_harness
from antiscale.rollouts.samples import Booleans, Integers, Rollouts

# Under these names a column numbers the samples of one problem even where --columns names none.
_SAMPLE = ("sample", "sample_id")
# What harnesses write where no answer was found, in lower case.
_NO_ANSWER = ("[invalid]", "[invalidanswer]", "[invalid answer]", "[noanswer]", "[no answer]")
# Answers of which most are longer than this are whole texts.
_LONG = 100
# The longest sample, as the largest horizon.
_LONGEST = 2.0**40
# A length counted in a column's texts.
_COUNTED = re.compile(r"(words|characters)\((.+)\)")

Column: TypeAlias = "pd.Series[Any]"


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
    notes
        What a reader should know of the table.
    """

    rollouts: Rollouts
    other: Rollouts | None
    model: str | None
    unit: str
    notes: list[str]


def read_table(path: Path, config: DiagnoseConfig) -> pd.DataFrame:
    """Read a CSV, JSON, JSONL or Parquet file, or a folder of lm-evaluation-harness sample files.

    Raises
    ------
    InputError
        If there is no such file, it has another ending, or it cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_dir():
        return read_harness(path, config)
    return read_file(path, lambda names: _wanted(names, config))


def _wanted(names: list[str], config: DiagnoseConfig) -> list[str]:
    """The columns worth reading; all of them if none is, so that the error can name them."""
    asked = {part for name in config.columns.values() for part in _parts(name, names)}
    ours = {*REQUIRED, *OPTIONAL, *_SAMPLE} - set(config.columns)
    found = [name for name in names if name in asked | ours]
    needed = {part for r in REQUIRED for part in _parts(config.columns.get(r, r), names)}
    return found if needed <= set(found) else names


def _counted(name: str, there: Any) -> re.Match[str] | None:
    """What a length that is no column's name counts, and in the texts of which column."""
    return None if name in there else _COUNTED.fullmatch(name)


def _parts(name: str, there: list[str]) -> list[str]:
    """The columns that a role's name refers to: itself, a quotient's two, or a counted text's."""
    if name in there:
        return [name]
    counted = _counted(name, there)
    return [counted[2]] if counted else name.split("/")


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
    names = {role: name for role, name in names.items() if name != IGNORED}
    if "sample" not in config.columns and "sample" not in names and "sample_id" in frame.columns:
        names["sample"] = "sample_id"
    _check_columns(frame, names)
    if len(frame) == 0:
        raise InputError("the table has no rows")
    if counted := _counted(names["length"], frame.columns):
        unit = counted[1]
    else:
        named = (unit for unit in ("characters", "words") if unit[:4] in names["length"])
        unit = frame.attrs.get("unit") or next(named, "tokens")
    notes: list[str] = list(frame.attrs.get("notes", ()))
    chosen, against, model = _choose(frame.reset_index(drop=True), names, config)
    rollouts, found = _rollouts(chosen, names, config)
    if "tokens_to_first_correct" not in names:
        notes.append(
            "T, the first correct token, is taken to be the length of a correct sample: an upper "
            "bound of it."
        )
    other = None if against is None else _rollouts(against, names, config)[0]
    return Loaded(rollouts, other, model, unit, notes + found)


def _check_columns(frame: pd.DataFrame, names: dict[str, str]) -> None:
    there = [str(name) for name in frame.columns]
    absent = [role for role in REQUIRED if role not in names]
    used = set()
    for role, name in names.items():
        parts = _parts(name, there)
        one = name in there or (role == "length" and _counted(name, there) is not None)
        allowed = one or len(parts) == 1 or (role == "score" and len(parts) == 2)
        used |= set(parts)
        if not allowed or any(part not in there for part in parts):
            absent.append(role if name == role else f"{name} (for {role})")
    if absent:
        raise InputError(
            f"the table lacks the column{'s' if len(absent) > 1 else ''} "
            f"{listed(absent)}; it has {listed(there, 5)}; rename with columns, e.g. --columns "
            "problem=task_id,length=n_tokens,correct=passed"
        )
    twice = {name for name in there if there.count(name) > 1} & used
    if twice:
        raise InputError(f"the table has the column {shown(sorted(twice)[0])} twice; keep one")


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
    column = frame[names["model"]]
    codes, models = coded(column)
    _refuse(codes < 0, column, "is missing", "; fill it in")
    if config.model is None and len(models) > 1:
        raise InputError(
            f"the table mixes {len(models)} models: {listed(models)}; choose one with --model "
            "NAME (and --against NAME to compare)"
        )

    def of(name: str) -> pd.DataFrame:
        name = text(name) or name
        if name not in models:
            close = difflib.get_close_matches(name, models, n=1)
            hint = f"; did you mean {shown(close[0])}?" if close else ";"
            raise InputError(f"unknown model {shown(name)}{hint} the table has {listed(models)}")
        return frame[codes == models.index(name)]

    model = models[0] if config.model is None else config.model
    return of(model), None if config.against is None else of(config.against), model


def _rollouts(
    frame: pd.DataFrame, names: dict[str, str], config: DiagnoseConfig
) -> tuple[Rollouts, list[str]]:
    """The samples, and what a reader should know."""
    notes: list[str] = []
    given = {role: frame[name] for role, name in names.items() if name in frame.columns}
    problem, labels = coded(given["problem"])
    _refuse(problem < 0, given["problem"], "is missing", "; every sample needs one")
    numbered = "sample" in given and _numbered(given["sample"], problem, labels, config)
    correct = _verdicts(given["correct"])
    length = _lengths(frame, names["length"])
    empty = length == 0
    if empty.any():
        length = np.where(empty, 1.0, length)
        notes.append(
            f"{empty.sum():,} empty sample{'s count' if empty.sum() > 1 else ' counts'} as one "
            "token, its end."
        )
    time = np.where(correct, length, np.inf)
    if "tokens_to_first_correct" in given:
        time = _first_correct(given["tokens_to_first_correct"], correct, length)
    answer = answers = score = None
    if "answer" in given:
        answer, answers = _answers(given["answer"], "answer" in config.columns, notes)
    if "score" in names:
        try:
            score = _score(frame, names["score"], problem, labels)
        except InputError as error:
            # Of a column that --columns does not name.
            if "score" in config.columns:
                raise
            notes.append(f"The column score is left out: {error}.")
    if not numbered:
        notes.append("No column numbers the samples, so a sample given twice cannot be told.")
    found = Rollouts.of(
        np.array(labels, dtype=object), problem, correct, length, time, seed=config.seed,
        score=score, answer=answer, answers=answers,
    )  # fmt: skip
    return found, notes


def _refuse(
    bad: Booleans, column: Column, why: str, what_to_do: str = "", *, got: Floats | None = None
) -> None:
    """Refuse a column with bad rows: why, which is the first one, and its value if given."""
    if bad.any():
        value = "" if got is None else f"; got {got[bad][0]:g}"
        row = column.index[bad][0] + 1
        raise InputError(f"{column.name} {why}{value} in row {row}{what_to_do}")


def _refuse_nan(values: Floats, column: Column) -> None:
    bad = np.isnan(values)
    rows = f"{bad.sum():,} row{'s' if bad.sum() > 1 else ''}"
    then = "; fill it in or drop the sample"
    _refuse(bad, column, f"is missing or NaN in {rows}, first", then)


def _numbers(column: Column) -> Floats:
    return texts.numbers(column, str(column.name), column.index.to_numpy() + 1)


def _numbered(column: Column, problem: Integers, labels: list[str], config: DiagnoseConfig) -> bool:
    """Refuse a sample given twice; whether a column numbers the samples at all.

    A column that --columns does not name may hold a text, or the problem's name: then it does not.
    """
    codes, samples = coded(column)
    missing = codes < 0
    if "sample" not in config.columns:
        counts = np.bincount(problem)
        kinds = pd.Series(codes).groupby(problem).nunique().to_numpy()
        whole_texts = column.name == "sample" and not all(each.isdecimal() for each in samples)
        if missing.any() or whole_texts or ((kinds == 1).all() and int(np.max(counts)) > 1):
            return False
    _refuse(missing, column, "is missing", "; fill it in")
    twice = pd.Series(problem * len(samples) + codes).duplicated().to_numpy()
    if twice.any():
        at = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{twice.sum():,} samples are given twice: problem {shown(labels[problem[at]], 40)} "
            f"has sample {shown(samples[codes[at]], 40)} in row {column.index[at] + 1} again; drop "
            "the repeats, number the samples of a problem apart, or pass --columns sample=-"
        )
    return True


def _lengths(frame: pd.DataFrame, name: str) -> Floats:
    if counted := _counted(name, frame.columns):
        unit, column = counted[1], frame[counted[2]]
        found = np.zeros(len(frame))
        for at, each in enumerate(column):
            if isinstance(each, str):
                found[at] = len(each.split()) if unit == "words" else len(each)
            elif not pd.api.types.is_scalar(each) or not pd.isna(each):
                row = column.index[at] + 1
                raise InputError(f"{name[:60]} counts a text; got {shown(each)} in row {row}")
        return found
    column, length = frame[name], _numbers(frame[name])
    _refuse_nan(length, column)
    _refuse(np.isinf(length), column, "must be finite; got inf")
    short = (length < 1) & (length != 0)
    count = f" ({short.sum():,} such rows)"
    _refuse(short, column, "must be at least 1, or 0 for an empty sample", count, got=length)
    huge = length > _LONGEST
    count = f" ({huge.sum():,} such rows)"
    _refuse(huge, column, f"must be at most 2^40 = {_LONGEST:.0f}", count, got=length)
    return length


def _answers(
    column: Column, asked: bool, notes: list[str]
) -> tuple[Integers | None, npt.NDArray[Any] | None]:
    """Which answer each sample gives, -1 for none, and the answers; None for whole texts."""
    codes, answers = coded(column)
    none = np.array([each.lower() in _NO_ANSWER for each in answers] + [True])
    codes = np.where(none[codes], -1, codes)
    given = codes[codes >= 0]
    long = np.array([len(each) > _LONG for each in answers], dtype=bool)
    if len(given) == 0:
        notes.append("The column answer holds no answers: there is no majority.")
    elif not asked and 2 * int(long[given].sum()) > len(given):
        notes.append(
            "The column answer holds whole texts, which are no answers: there is no majority."
        )
    else:
        return codes, np.array(answers, dtype=object)
    return None, None


def _verdicts(column: Column) -> Booleans:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        words = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
        codes, names = coded(column)
        known = [words.get(each.lower(), np.inf) for each in names]
        values = np.array([*known, np.nan])[codes]
    _refuse_nan(values, column)
    bad = (values != 0) & (values != 1)
    if bad.any():
        got = f"got {shown(column[bad].iloc[0])}"
        _refuse(bad, column, f"must be 0 or 1, or true or false; {got}")
    return np.asarray(values == 1)


def _first_correct(column: Column, correct: Booleans, length: Floats) -> Floats:
    time = _numbers(column)
    never = np.isnan(time) | np.isinf(time)
    lost = never & correct
    then = (
        f", a correct sample ({lost.sum():,} such rows); give the token, or leave the column out "
        "to use the length"
    )
    _refuse(lost, column, "is missing", then)
    outside = ~never & ((time < 1) | (time > length))
    if outside.any():
        limit = f", of length {length[outside][0]:g}"
        _refuse(outside, column, "must lie between 1 and the length", limit, got=time)
    return np.where(never, np.inf, time)


def _score(frame: pd.DataFrame, name: str, problem: Integers, labels: list[str]) -> Floats:
    """The verifier's scores; a problem without any gets the same for all its samples."""
    if name in frame.columns:
        score = _numbers(frame[name])
    else:
        top, bottom = (_numbers(frame[part]) for part in name.split("/"))
        with np.errstate(divide="ignore", invalid="ignore"):
            score = top / bottom
    column = pd.Series(score, frame.index, name=name)
    _refuse(np.isinf(score), column, "must be finite; got inf")
    blank = np.isnan(score)
    share = np.bincount(problem, weights=blank) / np.bincount(problem)
    partly = (share > 0) & (share < 1)
    if partly.any():
        at = int(np.flatnonzero(partly)[0])
        then = (
            f" while other samples of problem {shown(labels[at], 40)} have one; score all samples "
            "of a problem or none"
        )
        _refuse(blank & (problem == at), column, "is missing or NaN", then)
    if blank.all():
        raise InputError(f"{name} is missing in every row; leave the score out")
    return np.where(blank, 0.0, score)
