"""Sample files of lm-evaluation-harness (`--log_samples`) as a table of rollouts.

A folder holds files `samples_<task>_<date>.jsonl`, usually within one folder per model; a line is
one response to one document, with a metric per response. Several runs of a task are several
samples of each of its documents.
"""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from antiscale.core.errors import InputError
from antiscale.core.texts import listed, shown, text
from antiscale.core.validate import nearest
from antiscale.rollouts.config import IGNORED, DiagnoseConfig
from antiscale.rollouts.formats.files import not_utf8

_NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d{2}-\d{2}T[\d.:-]+)?\.jsonl")
# Metrics that are verdicts; a line that has just one other metric is judged by that one.
_VERDICTS = ("exact_match", "acc", "pass@1", "pass_at_1", "correct")
_KEPT = ("length", "tokens_to_first_correct", "score")


def read_harness(folder: Path, config: DiagnoseConfig) -> pd.DataFrame:
    """Read every sample file below a folder into one row per response.

    problem is task and document, sample the file (and the place of a response among several),
    model the folder the file lies in, answer what the filter extracted, correct the metric (or
    the field that `config.columns` names), and length the number of words of the response, unless
    `config.columns` names a field that holds it: the files count no tokens. Tasks without generated
    text (multiple choice), and without the filter asked for, are left out with a note; where a
    filter extracts nothing but gives whole responses, there are no answers.

    Raises
    ------
    InputError
        If there are no sample files, or lines are not UTF-8 or of their format, hold several
        filters or metrics without a choice, judge several responses by one verdict, or none holds
        text.
    """
    files = sorted(file for file in folder.rglob("*.jsonl") if _NAME.fullmatch(file.name))
    if not files:
        raise InputError(
            f"{folder} holds no samples_*.jsonl of lm-evaluation-harness (run it with "
            "--log_samples)"
        )
    rows: list[dict[str, Any]] = []
    silent: dict[str, str] = {}
    for number, file in enumerate(files):
        try:
            rows += _rows(file, number, folder, config)
        except _NoTextError as error:
            silent.setdefault(_task(file), str(error))
        except UnicodeDecodeError:
            raise not_utf8(file) from None
    if not rows:
        first = next(iter(silent.values()), None)
        raise InputError(first or f"the sample files of {folder} have no lines")
    notes = [f"Left out, as they hold no generated text: {listed(silent)}."] if silent else []
    frame = pd.DataFrame(rows)
    filters = sorted({str(name) for name in frame["filter"]})
    chosen = config.filter
    if chosen is None and len(filters) > 1:
        raise InputError(
            f"{folder} holds the same responses under {len(filters)} filters: "
            f"{listed(filters)}; choose one with --filter NAME"
        )
    if chosen is not None:
        if chosen not in filters:
            raise InputError(f"unknown filter {shown(chosen)}{nearest(chosen, filters[:5])}")
        kept = frame[frame["filter"] == chosen]
        lost = sorted(set(frame["task"]) - set(kept["task"]))
        if lost:
            notes.append(f"Left out, as they lack the filter {chosen}: {listed(lost)}.")
        frame = kept
    whole = frame.groupby("task")["whole"].all()
    if whole.any() and "answer" not in config.columns:
        notes.append(
            "The filter extracts no answers but gives whole responses in "
            f"{listed(whole[whole].index)}: there is no majority."
        )
        frame = frame.drop(columns="answer")
    frame = frame.drop(columns=["filter", "task", "whole"])
    # What a user's names point to has been looked up; the table has our names.
    renamed = {source: role for role, source in config.columns.items() if role in frame.columns}
    frame = frame.assign(**{source: frame[role] for source, role in renamed.items()})
    frame.attrs["notes"] = notes
    if "length" not in config.columns:
        frame.attrs["unit"] = "words"
    return frame


class _NoTextError(InputError):
    """A task that logs no generated text."""


def _task(file: Path) -> str:
    match = _NAME.fullmatch(file.name)
    assert match is not None
    return match["task"]


def _rows(file: Path, number: int, folder: Path, config: DiagnoseConfig) -> list[dict[str, Any]]:
    task = _task(file)
    model = file.parent.name if file.parent != folder else ""
    found = []
    with file.open(encoding="utf-8-sig") as stream:
        for at, line_text in enumerate(stream, 1):
            if not line_text.strip():
                continue
            where = f"{file}, line {at}"
            try:
                line = json.loads(line_text)
                document, logged = line["doc_id"], line["resps"]
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    f"{where} is no sample of lm-evaluation-harness (doc_id, resps, ...)"
                ) from None
            responses = _responses(logged, where)
            verdicts = _several(_verdict(line, where, config), len(responses), where)
            several: dict[str, list[Any]] = {}
            for role in _KEPT:
                name = config.columns.get(role, IGNORED)
                if name != IGNORED:
                    if name not in line:
                        raise InputError(
                            f"{where} lacks the field {shown(name)} (for {role}); it has "
                            f"{listed(sorted(line))}"
                        )
                    several[role] = _several(line[name], len(responses), where)
            answers = line.get("filtered_resps")
            answers = answers if isinstance(answers, list) else [answers]
            if len(answers) != len(responses):
                answers = [None] * len(responses)
            for place, (response, answer) in enumerate(zip(responses, answers, strict=True)):
                row = {
                    "problem": f"{task}/{text(document)}", "sample_id": f"{number}.{place}",
                    "correct": verdicts[place], "length": len(response.split()), "answer": answer,
                    "filter": str(line.get("filter", "none")), "task": task,
                    "whole": answer is None or text(answer) == text(response),
                    **({"model": model} if model else {}),
                }  # fmt: skip
                found.append(row | {role: values[place] for role, values in several.items()})
    return found


def _responses(resps: Any, where: str) -> list[str]:
    """The generated texts of one line."""
    flat = resps
    while isinstance(flat, list) and len(flat) == 1 and isinstance(flat[0], list):
        flat = flat[0]
    if not isinstance(flat, list) or not flat or not all(isinstance(text, str) for text in flat):
        raise _NoTextError(
            f"{where} holds no generated text (a multiple-choice task?): rollouts need traces"
        )
    return flat


def _verdict(line: dict[str, Any], where: str, config: DiagnoseConfig) -> Any:
    asked = config.columns.get("correct")
    named = line.get("metrics")
    named = named if isinstance(named, list) else _VERDICTS
    metrics = [name for name in named if isinstance(name, str) and name in line]
    if asked is not None:
        if asked not in line:
            raise InputError(f"{where} lacks the metric {shown(asked)}; it has {listed(metrics)}")
        return line[asked]
    usual = [name for name in metrics if name in _VERDICTS]
    choices = metrics if len(metrics) == 1 else usual
    if len(choices) != 1:
        raise InputError(
            f"{where} has the metrics {listed(metrics)}; say which one is the "
            "verdict with --columns correct=METRIC"
        )
    return line[choices[0]]


def _several(value: Any, count: int, where: str) -> list[Any]:
    """One value per response."""
    if isinstance(value, list) and len(value) == count:
        return value
    if not isinstance(value, list) and count == 1:
        return [value]
    raise InputError(
        f"{where} has {count} responses but one value for all of them; log each response with its "
        "own verdict (repeats: 1, one run per sample)"
    )
