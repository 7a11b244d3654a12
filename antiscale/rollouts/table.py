"""Read a table of rollouts, one row per sample, and check every row of it."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from antiscale.core.errors import InputError
from antiscale.core.texts import coded, listed, numbers, shown, text
from antiscale.core.validate import Floats
from antiscale.rollouts.config import IGNORED, OPTIONAL, REQUIRED, DiagnoseConfig
from antiscale.rollouts.formats.files import read_file
from antiscale.rollouts.formats.harness import read_harness
from antiscale.rollouts.samples import Booleans, Integers, Rollouts

# Under these names a column numbers the samples of one problem even where --columns names none.
_SAMPLE = ("sample", "sample_id")
# What harnesses write where no answer was found, in lower case.
_NO_ANSWER = frozenset(
    {"[invalid]", "[invalidanswer]", "[invalid answer]", "[noanswer]", "[no answer]"}
)
# Answers of which most are longer than this are whole texts.
_LONG = 100
# The longest sample, as the largest horizon.
_LONGEST = 2.0**40
# A length counted in a column's texts.
_COUNTED = re.compile(r"(words|characters)\((.+)\)")


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


def _parts(name: str, there: list[str]) -> list[str]:
    """The columns that a role's name refers to: itself, a quotient's two, or a counted text's."""
    if name in there:
        return [name]
    if counted := _COUNTED.fullmatch(name):
        return [counted[2]]
    return name.split("/")


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
    counted = _COUNTED.fullmatch(names["length"])
    if names["length"] in frame.columns or counted is None:
        named = (unit for unit in ("characters", "words") if unit[:4] in names["length"])
        unit = frame.attrs.get("unit") or next(named, "tokens")
    else:
        unit = counted[1]
    notes: list[str] = list(frame.attrs.get("notes", ()))
    frame, against, model = _choose(frame.reset_index(drop=True), names, config)
    asked = frozenset(config.columns)
    rollouts, numbered, found = _rollouts(frame, names, config.seed, asked)
    if "tokens_to_first_correct" not in names:
        notes.append(
            "T, the first correct token, is taken to be the length of a correct sample: an upper "
            "bound of it."
        )
    notes += found
    if not numbered:
        notes.append("No column numbers the samples, so a sample given twice cannot be told.")
    other = None if against is None else _rollouts(against, names, config.seed, asked)[0]
    return Loaded(rollouts, other, model, unit, "tokens_to_first_correct" in names, notes)


def _check_columns(frame: pd.DataFrame, names: dict[str, str]) -> None:
    there = [str(name) for name in frame.columns]
    absent = [role for role in REQUIRED if role not in names]
    used = set()
    for role, name in names.items():
        parts = _parts(name, there)
        one = name in there or (role == "length" and _COUNTED.fullmatch(name) is not None)
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
    codes, models = coded(frame[names["model"]])
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0]) + 1
        raise InputError(f"{names['model']} is missing in row {row}; fill it in")
    if config.model is None and len(models) > 1:
        raise InputError(
            f"the table mixes {len(models)} models: {listed(models)}; choose one with --model "
            "NAME (and --against NAME to compare)"
        )
    picked, chosen = [], [models[0] if config.model is None else config.model]
    for name in (chosen[0], config.against):
        if name is not None:
            name = text(name) or name
            if name not in models:
                close = difflib.get_close_matches(name, models, n=1)
                hint = f"; did you mean {shown(close[0])}?" if close else ";"
                raise InputError(
                    f"unknown model {shown(name)}{hint} the table has {listed(models)}"
                )
            picked.append(frame[codes == models.index(name)])
    return picked[0], picked[1] if len(picked) > 1 else None, chosen[0]


def _rollouts(
    frame: pd.DataFrame, names: dict[str, str], seed: int, asked: frozenset[str]
) -> tuple[Rollouts, bool, list[str]]:
    """The samples, whether a column numbers them, and what a reader should know."""
    rows = frame.index.to_numpy() + 1
    notes: list[str] = []
    problem, labels = _labels(frame[names["problem"]], names["problem"], rows)
    numbered = "sample" in names and _numbered(frame, names, problem, labels, rows, asked)
    correct = _verdicts(frame[names["correct"]], names["correct"], rows)
    length = _lengths(frame, names["length"], rows)
    empty = length == 0
    if empty.any():
        length = np.where(empty, 1.0, length)
        notes.append(
            f"{empty.sum():,} empty sample{'s count' if empty.sum() > 1 else ' counts'} as one "
            "token, its end."
        )
    if "tokens_to_first_correct" in names:
        name = names["tokens_to_first_correct"]
        time = _first_correct(frame[name], name, correct, length, rows)
    else:
        time = np.where(correct, length, np.inf)
    answer, answers = _answers(frame, names, "answer" in asked, notes)
    score = _scores(frame, names, problem, labels, rows, "score" in asked, notes)
    found = Rollouts.of(
        labels, problem, correct, length, time, seed=seed, score=score, answer=answer,
        answers=answers,
    )  # fmt: skip
    return found, numbered, notes


def _labels(column: pd.Series[Any], name: str, rows: Integers) -> tuple[Integers, npt.NDArray[Any]]:
    codes, labels = coded(column)
    if (codes < 0).any():
        raise InputError(f"{name} is missing in row {rows[codes < 0][0]}; every sample needs one")
    return codes, np.array(labels, dtype=object)


def _numbered(
    frame: pd.DataFrame, names: dict[str, str], problem: Integers, labels: npt.NDArray[Any],
    rows: Integers, asked: frozenset[str],
) -> bool:  # fmt: skip
    """Refuse a sample given twice; whether a column numbers the samples at all.

    A column that --columns does not name may hold a text, or the problem's name: then it does not.
    """
    codes, samples = coded(frame[names["sample"]])
    missing = codes < 0
    if "sample" not in asked:
        counts = np.bincount(problem)
        kinds = pd.Series(codes).groupby(problem).nunique().to_numpy()
        texts = names["sample"] == "sample" and not all(each.isdecimal() for each in samples)
        if missing.any() or texts or ((kinds == 1).all() and int(np.max(counts)) > 1):
            return False
    if missing.any():
        raise InputError(f"{names['sample']} is missing in row {rows[missing][0]}; fill it in")
    twice = pd.Series(problem * len(samples) + codes).duplicated().to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{twice.sum():,} samples are given twice: problem {shown(labels[problem[row]], 40)} "
            f"has sample {shown(samples[codes[row]], 40)} in row {rows[row]} again; drop the "
            "repeats, number the samples of a problem apart, or pass --columns sample=-"
        )
    return True


def _lengths(frame: pd.DataFrame, name: str, rows: Integers) -> Floats:
    counted = None if name in frame.columns else _COUNTED.fullmatch(name)
    if counted is None:
        length = numbers(frame[name], name, rows)
        _check_lengths(length, name, rows)
        return length
    found = np.zeros(len(rows))
    for at, each in enumerate(frame[counted[2]]):
        if isinstance(each, str):
            found[at] = len(each.split()) if counted[1] == "words" else len(each)
        elif not pd.api.types.is_scalar(each) or not pd.isna(each):
            raise InputError(f"{name[:60]} counts a text; got {shown(each)} in row {rows[at]}")
    return found


def _answers(
    frame: pd.DataFrame, names: dict[str, str], asked: bool, notes: list[str]
) -> tuple[Integers | None, npt.NDArray[Any] | None]:
    """Which answer each sample gives, -1 for none, and the answers; None for whole texts."""
    if "answer" not in names:
        return None, None
    codes, answers = coded(frame[names["answer"]])
    none = np.array([each.lower() in _NO_ANSWER for each in answers] + [True])
    codes = np.where(none[codes], -1, codes)
    given = codes[codes >= 0]
    if len(given) == 0:
        notes.append("The column answer holds no answers: there is no majority.")
        return None, None
    long = np.array([len(each) > _LONG for each in answers], dtype=bool)
    if not asked and 2 * int(long[given].sum()) > len(given):
        notes.append(
            "The column answer holds whole texts, which are no answers: there is no majority."
        )
        return None, None
    return codes, np.array(answers, dtype=object)


def _verdicts(column: pd.Series[Any], name: str, rows: Integers) -> Booleans:
    allowed = f"{name} must be 0 or 1, or true or false"
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        words = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
        codes, texts = coded(column)
        known = [words.get(each.lower(), np.inf) for each in texts]
        values = np.array([*known, np.nan])[codes]
    _refuse_nan(values, name, rows)
    bad = (values != 0) & (values != 1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(f"{allowed}; got {shown(column.iloc[row])} in row {rows[row]}")
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
    short = (length < 1) & (length != 0)
    if short.any():
        raise InputError(
            f"{name} must be at least 1, or 0 for an empty sample; got {length[short][0]:g} in row "
            f"{rows[short][0]} ({short.sum():,} such rows)"
        )
    huge = length > _LONGEST
    if huge.any():
        raise InputError(
            f"{name} must be at most 2^40 = {_LONGEST:.0f}; got {length[huge][0]:g} in row "
            f"{rows[huge][0]} ({huge.sum():,} such rows)"
        )


def _first_correct(
    column: pd.Series[Any], name: str, correct: Booleans, length: Floats, rows: Integers
) -> Floats:
    time = numbers(column, name, rows)
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
    frame: pd.DataFrame, names: dict[str, str], problem: Integers, labels: npt.NDArray[Any],
    rows: Integers, asked: bool, notes: list[str],
) -> Floats | None:  # fmt: skip
    """The verifier's scores, or a note where a column that --columns does not name holds none."""
    if "score" not in names:
        return None
    try:
        return _score(frame, names["score"], problem, labels, rows)
    except InputError as error:
        if asked:
            raise
        notes.append(f"The column score is left out: {error}.")
        return None


def _score(
    frame: pd.DataFrame, name: str, problem: Integers, labels: npt.NDArray[Any], rows: Integers
) -> Floats:
    """The verifier's scores; a problem without any gets the same for all its samples."""
    if name in frame.columns:
        score = numbers(frame[name], name, rows)
    else:
        top, bottom = (numbers(frame[part], part, rows) for part in name.split("/"))
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
            f"{shown(labels[at], 40)} have one; score all samples of a problem or none"
        )
    if blank.all():
        raise InputError(f"{name} is missing in every row; leave the score out")
    return np.where(blank, 0.0, score)
