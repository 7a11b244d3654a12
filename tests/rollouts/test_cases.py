"""Rollout files as people have them: each has one right answer, or one clear refusal."""

from __future__ import annotations

import datetime
import decimal
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats

import antiscale as ac
from antiscale.core.errors import InputError
from antiscale.core.texts import coded, text
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.rollouts.export import model_table
from antiscale.rollouts.table import Loaded, load, read_table
from antiscale.search import SearchConfig, search_curves

CASES = Path(__file__).parents[1] / "cases"


def read(path: Path, **options: Any) -> Loaded:
    config = DiagnoseConfig.from_mapping(options)
    return load(read_table(path, config), config)


def refused(path: Path, *words: str, **options: Any) -> None:
    with pytest.raises(InputError) as error:
        read(path, **options)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 300 + len(str(path.parent))
    for word in words:
        assert word in message, message


# The cases.


@pytest.mark.parametrize("name", ["capped.jsonl", "half.jsonl"])
def test_ends_lie_within_what_returns_can_have_and_are_drawn(name: str) -> None:
    found = ac.diagnose(CASES / name)
    for row in found.summary["horizons"]:
        for end in ("", "_approximate"):
            low, high = row[f"sigma_low{end}"], row[f"sigma_high{end}"]
            assert 0 <= low <= high <= row["horizon"] / 2
    assert len(found.figure().axes) == 6


def test_whole_texts_are_not_answers() -> None:
    found = read(CASES / "fulltext")
    assert found.rollouts.answer is None
    assert found.rollouts.counts.tolist() == [3] * len(found.rollouts.counts)
    assert any("no majority" in note for note in found.notes)


@pytest.mark.parametrize(
    ("files", "majority"),
    [(("empty.csv", "empty.jsonl"), 1.0), (("none.csv", "none.parquet"), 1.0)],
)
def test_what_is_blank_is_no_answer_and_none_is_a_word(
    files: tuple[str, str], majority: float
) -> None:
    summaries = [ac.diagnose(CASES / name).to_json() for name in files]
    assert summaries[0] == summaries[1]
    assert summaries[0]["majority"]["5"] == 1.0


def test_a_chat_is_a_name_by_its_content() -> None:
    found = read(CASES / "chat.jsonl", columns={"problem": "prompt"}).rollouts
    assert found.counts.tolist() == [3] * 5


def test_lists_are_compared_by_content() -> None:
    found = read(CASES / "listanswer.parquet").rollouts
    assert found.answers is not None
    assert list(found.answers) == ['["x", "y"]']


def test_refusals_are_one_clear_line() -> None:
    refused(CASES / "hugelen.csv", "row 1", "at most 2^40 = 1099511627776", "1e+19")
    refused(CASES / "latin", "samples_gsm8k", "not UTF-8", "Latin-1")
    refused(CASES / "timedelta.parquet", "a duration is no number of tokens")
    columns = {"problem": "task_id", "correct": "passed", "length": "completion"}
    refused(CASES / "text.jsonl", "must be numeric", "words(COLUMN)", columns=columns)


@pytest.mark.parametrize(("name", "shape"), [("columns.json", (2, 2)), ("array.json", (4, 4))])
def test_json_of_columns_and_of_records(name: str, shape: tuple[int, int]) -> None:
    found = read(CASES / name).rollouts
    assert found.counts.tolist() == [shape[1]] * shape[0]


def test_words_of_a_text_are_counted() -> None:
    columns = {"problem": "task_id", "correct": "passed", "length": "words(completion)"}
    found = read(CASES / "text.jsonl", columns=columns)
    assert found.unit == "words"
    frame = pd.read_json(CASES / "text.jsonl", lines=True)
    counted = sorted(len(each.split()) for each in frame.completion)
    assert sorted(found.rollouts.length) == counted
    columns["length"] = "characters(completion)"
    found = read(CASES / "text.jsonl", columns=columns)
    assert found.unit == "characters"
    assert sorted(found.rollouts.length) == sorted(map(len, frame.completion))


def test_tasks_without_text_are_left_out() -> None:
    found = read(CASES / "mix", filter="strict-match")
    assert found.rollouts.counts.tolist() == [2] * 12
    assert any("arc_easy" in note for note in found.notes)


def test_search_on_an_exported_model_votes_as_the_samples_do(tmp_path: Path) -> None:
    found = ac.diagnose(CASES / "wrongmajority.parquet")
    majority = found.summary["majority"]
    assert [round(majority[n], 3) for n in ("1", "2", "4", "5")] == [0.4, 0.354, 0.208, 0.0]
    found.export_model(tmp_path / "m.csv")
    voted = search_curves(SearchConfig(
        family="explicit", parameters={"file": str(tmp_path / "m.csv")}, horizon=5,
        strategies=("majority",), budgets=(5, 25, 125, 625),
    )).curve("majority")  # fmt: skip
    # Three of five votes are for the wrong answer: P(Bin(n, 0.4) > n/2).
    exact = [stats.binom.sf(n // 2, n, 0.4) for n in (1, 5, 25, 125)]
    np.testing.assert_allclose(voted, exact, rtol=1e-9)


# Their kin: one content, every format.

ANSWERS: dict[str, list[Any]] = {
    "numbers": [7, 8, 7, 8, None, 7],
    "floats": [7.0, 8.5, 7.0, None, 0.1, 7.0],
    "texts": ["7", "7.0", " 7 ", "", "None", "NA"],
    "words": ["nan", "null", "07", "7.50", "1e3", "é"],
    "huge": [2**53 + 1, 2**53, 2**53 + 1, 2**53, None, 2**53],
    "truth": [True, False, True, None, False, True],
    "lists": [["x", 7], ["x", 7.0], ["y"], None, [], ["x"]],
    "tables": [{"a": 1, "b": "x"}, {"b": "x", "a": 1}, {"a": 2, "b": None}, None, {"a": 2}, {}],
    "markers": ["[invalid]", "[invalidanswer]", "[INVALID]", "5", "5", "6"],
    "lines": ["a\nb", "a\r\nb", 'say "x", y', "a, b", "'", "\ufeffx"],
}
# Which rows have one answer; -1 for none.
EXPECTED = {
    "numbers": [0, 1, 0, 1, -1, 0], "floats": [0, 1, 0, -1, 2, 0], "texts": [0, 0, 0, -1, 1, 2],
    "words": [0, 1, 2, 3, 4, 5], "huge": [0, 1, 0, 1, -1, 1], "truth": [0, 1, 0, -1, 1, 0],
    "lists": [0, 0, 1, -1, 2, 3], "tables": [0, 0, 1, -1, 1, 2],
    "markers": [-1, -1, -1, 0, 0, 1], "lines": [0, 0, 1, 2, 3, 4],
}  # fmt: skip


def records(answers: list[Any]) -> list[dict[str, Any]]:
    """Two problems of three samples."""
    return [
        {"problem": f"p{row // 3}", "correct": row % 2, "length": 5 + row, "answer": answer}
        for row, answer in enumerate(answers)
    ]


def as_csv(rows: list[dict[str, Any]], folder: Path) -> Path:
    def cell(value: Any) -> Any:
        return json.dumps(value) if isinstance(value, (list, dict)) else value

    file = folder / "t.csv"
    frame = pd.DataFrame({k: pd.Series([cell(r[k]) for r in rows], dtype=object) for k in rows[0]})
    frame.to_csv(file, index=False)
    return file


def as_crlf_csv(rows: list[dict[str, Any]], folder: Path) -> Path:
    file = as_csv(rows, folder)
    content = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + content)
    return file


def as_jsonl(rows: list[dict[str, Any]], folder: Path) -> Path:
    file = folder / "t.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def as_bom_jsonl(rows: list[dict[str, Any]], folder: Path) -> Path:
    file = folder / "t.jsonl"
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_bytes(b"\xef\xbb\xbf" + lines.encode())
    return file


def as_array(rows: list[dict[str, Any]], folder: Path) -> Path:
    file = folder / "t.json"
    file.write_text(json.dumps(rows, indent=2))
    return file


def as_columns(rows: list[dict[str, Any]], folder: Path) -> Path:
    file = folder / "t.json"
    file.write_text(json.dumps({name: [row[name] for row in rows] for name in rows[0]}))
    return file


def as_parquet(rows: list[dict[str, Any]], folder: Path) -> Path:
    """Typed where values are of one type, else as text: Parquet holds no mixtures."""
    file = folder / "t.parquet"
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = pa.array([None if v is None else json.dumps(v) for v in values])
    parquet.write_table(pa.table(columns), file)
    return file


def as_frame(rows: list[dict[str, Any]], folder: Path) -> pd.DataFrame:
    return pd.DataFrame({k: pd.Series([r[k] for r in rows], dtype=object) for k in rows[0]})


WRITERS: list[Callable[[list[dict[str, Any]], Path], Any]] = [
    as_csv, as_crlf_csv, as_jsonl, as_bom_jsonl, as_array, as_columns, as_parquet, as_frame,
]  # fmt: skip


def answered(written: Any, **options: Any) -> list[int]:
    """Which answer each row has, in order of appearance."""
    config = DiagnoseConfig.from_mapping(options)
    frame = written if isinstance(written, pd.DataFrame) else read_table(written, config)
    found = load(frame, config).rollouts
    assert found.answer is not None
    in_order = found.answer[np.argsort(found.length)]
    codes, _ = pd.factorize(np.where(in_order < 0, np.nan, in_order))
    return [int(code) for code in codes]


@pytest.mark.parametrize("write", WRITERS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", list(ANSWERS))
def test_the_same_content_votes_alike_in_every_format(
    kind: str, write: Callable[..., Any], tmp_path: Path
) -> None:
    assert answered(write(records(ANSWERS[kind]), tmp_path)) == EXPECTED[kind]


@pytest.mark.parametrize("seed", range(6))
def test_any_mixture_reads_alike_from_every_format(seed: int, tmp_path: Path) -> None:
    """Problems and answers drawn from what is easily confused; the same result, or refusal."""
    drawn = random.Random(seed)
    things: list[Any] = [
        7, 7.0, "7", "7.0", "07", 7.5, "7.5", None, "", " ", "NA", "nan", "None", "True", True,
        "true", "[invalid]", 2**60 + 1, 1e22, "1e+22", -0.0, "0", "2024-10-01", "a,b", 'q"', "日本",
        ["x", 1.0], ["x", 1], {"k": None}, {"k": [1, None]}, "[1, 2]", "[1,2]", "{", "-0",
    ]  # fmt: skip
    names = ["NA", "1", "p q", "None", "1.5"]
    rows = [
        {"problem": drawn.choice(names), "correct": drawn.choice([0, 1]), "length": 5 + row,
         "answer": drawn.choice(things)}
        for row in range(120)
    ]  # fmt: skip
    results = []
    for write in WRITERS:
        folder = tmp_path / write.__name__
        folder.mkdir()
        written = write(rows, folder)
        config = DiagnoseConfig()
        frame = written if isinstance(written, pd.DataFrame) else read_table(written, config)
        found = load(frame, config).rollouts
        assert found.answers is not None
        names = [*found.answers, None]
        results.append(
            (list(found.problems), found.counts.tolist(), [names[code] for code in found.answer])
        )
    # Parquet writes a mixture as JSON text, in which "7" has quotes: numbers alone are alike.
    kept = [each for each, write in zip(results, WRITERS, strict=True) if write is not as_parquet]
    for each in kept[1:]:
        assert each == kept[0]
    assert results[WRITERS.index(as_parquet)][:2] == kept[0][:2]


def test_typed_columns_are_names_as_their_text_is(tmp_path: Path) -> None:
    day = datetime.date(2024, 10, 1)
    columns: list[pa.Array] = [
        pa.array([b"x", b"y", b"x", b"y"]),
        pa.array([day, None, day, None]),
        pa.array([datetime.datetime(2024, 10, 1)] * 4),
        pa.array(["x", "y", "x", "y"]).dictionary_encode(),
        pa.array([decimal.Decimal("7.00"), decimal.Decimal("7.50")] * 2),
        pa.array([0.1, 7.0, 0.1, 7.0], pa.float32()),
        pa.array([2**63 + 1, 5, 2**63 + 1, None], pa.uint64()),
    ]
    expected = [["x", "y"], ["2024-10-01"], ["2024-10-01"], ["x", "y"], ["7", "7.50"], ["0.1", "7"],
                [str(2**63 + 1), "5"]]  # fmt: skip
    for column, names in zip(columns, expected, strict=True):
        table = pa.table(
            {"problem": ["a", "a", "b", "b"], "correct": [0, 1, 0, 1], "length": [1, 2, 3, 4],
             "answer": column}
        )  # fmt: skip
        parquet.write_table(table, tmp_path / "t.parquet")
        found = read(tmp_path / "t.parquet").rollouts
        assert found.answers is not None
        assert list(found.answers) == names


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"), (7.0, "7"), ("7.0", "7"), (" 7 ", "7"), (np.int64(7), "7"), (True, "True"),
        (np.float32(0.1), "0.1"), (1e22, "1" + 22 * "0"), ("1e+22", "1" + 22 * "0"), (-0.0, "0"),
        ("-0.0", "0"), ("1.10", "1.10"), ("", None), (" \t", None), (None, None), (pd.NA, None),
        (float("nan"), None), (pd.NaT, None), (float("inf"), "inf"), (b"x", "x"),
        (pd.Timestamp("2024-10-01"), "2024-10-01"), (pd.Timestamp("2024-10-01 05:00"),
        "2024-10-01 05:00:00"), ((1, "a"), '["1", "a"]'), (np.array([1.0]), '["1"]'),
        ('{"b": 1, "a": null}', '{"b": "1"}'), ("[not json]", "[not json]"), ("NA", "NA"),
    ],
)  # fmt: skip
def test_the_normalisation(value: Any, expected: str | None) -> None:
    assert text(value) == expected
    # What is normal stays so.
    assert expected is None or text(expected) == expected


def test_equal_hashes_are_not_equal_names() -> None:
    codes, names = coded(pd.Series([1, True, "1", 1.0, "True"], dtype=object))
    assert (codes.tolist(), names) == ([0, 1, 0, 0, 1], ["1", "True"])


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        text(b"\xff\xfe")


# Files that are not what they seem.


def test_files_in_other_encodings_are_named(tmp_path: Path) -> None:
    content = "problem,correct,length,answer\né,1,5,x\né,0,6,y\n"
    for encoding, word in (("latin-1", "Latin-1"), ("utf-16", "UTF-16")):
        for name in ("t.csv", "t.jsonl"):
            (tmp_path / name).write_bytes(content.encode(encoding))
            refused(tmp_path / name, "t.", "not UTF-8", word)
    # In a column that nobody wants they decide nothing.
    odd = "problem,correct,length,note\na,1,5,é\na,0,6,y\n"
    (tmp_path / "t.csv").write_bytes(odd.encode("latin-1"))
    assert read(tmp_path / "t.csv").rollouts.samples == 2


def test_half_of_a_character_is_text(tmp_path: Path) -> None:
    # A reply cut within an emoji: it can be read, and written again.
    rows = records(["\ud83d", "x", "\ud83d", "x", "x", "x"])
    found = ac.diagnose(as_jsonl(rows, tmp_path)).rollouts
    assert found.answers is not None
    assert list(found.answers) == ["?", "x"]
    model_table(found).to_csv(tmp_path / "m.csv")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    """Bytes changed, cut and put in: nothing but one clear line, or a table."""
    drawn = random.Random(3)
    rows = records(["5", "6", "5", "6", "5", "6"])
    for write in (as_csv, as_jsonl, as_array, as_parquet):
        whole = write(rows, tmp_path).read_bytes()
        for _ in range(60):
            content = bytearray(whole)
            for _ in range(drawn.randint(1, 5)):
                at = drawn.randrange(len(content) or 1)
                put = drawn.choice([b"", b"\n", b"\x00", b'"', b"{", b"[", b",", b"\xff", b"NaN"])
                content[at : at + drawn.randint(0, 6)] = put
            file = tmp_path / f"damaged{write(rows, tmp_path).suffix}"
            file.write_bytes(bytes(content))
            told = ""
            try:
                read(file)
            except InputError as error:
                told = str(error)
            assert len(told) < 300 + len(str(file))
            assert "\n" not in told


@pytest.mark.parametrize("metrics", [None, 5, "x", [["x"]], [None], {}, float("nan")])
def test_the_harness_with_odd_metrics(metrics: Any, tmp_path: Path) -> None:
    line = {"doc_id": 0, "resps": [["so 7"]], "metrics": metrics, "exact_match": 1.0}
    (tmp_path / "samples_t.jsonl").write_text(json.dumps(line))
    if isinstance(metrics, list):
        refused(tmp_path, "metrics none")
    else:
        assert read(tmp_path).rollouts.samples == 1


def test_columns_that_stand_there_twice(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("problem,correct,length,length\na,1,5,6\na,0,5,6\n")
    refused(file, "'length' twice")
    file.write_text("problem,correct,length,note,note\na,1,5,x,y\na,0,5,x,y\n")
    assert read(file).rollouts.samples == 2


def test_ragged_and_broken_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("problem,correct,length\na,1,5\na,0,5,6\n")
    refused(tmp_path / "t.csv", "no readable CSV")
    (tmp_path / "t.jsonl").write_text('{"problem": 1, "correct": 1, "length": 5}\n[1, 2]\n')
    refused(tmp_path / "t.jsonl", "line 2", "no JSON object")
    (tmp_path / "t.jsonl").write_text('{"problem": 1, "correct": 1, "length": 5}\n{"problem": "x')
    refused(tmp_path / "t.jsonl", "line 2")
    (tmp_path / "t.json").write_text('{"problem": ["a", "b"], "correct": [1]}')
    refused(tmp_path / "t.json", "different lengths")
    (tmp_path / "t.csv.gz").write_bytes(b"\x1f\x8b")
    refused(tmp_path / "t.csv.gz", "unpack it first")


def test_rows_by_label_as_pandas_writes_them(tmp_path: Path) -> None:
    frame = pd.DataFrame({"problem": list("aabb"), "correct": [1, 0, 1, 0], "length": [5, 6, 7, 8]})
    frame.to_json(tmp_path / "t.json")
    assert read(tmp_path / "t.json").rollouts.counts.tolist() == [2, 2]
    frame.set_index("problem").to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").rollouts.counts.tolist() == [2, 2]


def test_numbers_as_text_are_numbers(tmp_path: Path) -> None:
    rows = records([1, 2, 1, 2, 1, 2])
    truth = read(as_jsonl(rows, tmp_path)).rollouts
    spelled = [
        row | {"length": f" {row['length']}.0 ", "correct": str(bool(row["correct"]))}
        for row in rows
    ]
    found = read(as_jsonl(spelled, tmp_path)).rollouts
    np.testing.assert_array_equal(found.length, truth.length)
    np.testing.assert_array_equal(found.correct, truth.correct)
    for length in ("1_000", "0x10", "5,000", "five", [5], {"n": 5}, True):
        bad = [rows[0] | {"length": length}, *rows[1:]]
        refused(as_jsonl(bad, tmp_path), "length must be numeric")


def test_long_values_are_not_told_at_length(tmp_path: Path) -> None:
    long = "x" * 10_000
    rows = records([1, 2, 1, 2, 1, 2])
    for column in ("length", "correct"):
        bad = [rows[0] | {column: long}, *rows[1:]]
        refused(as_jsonl(bad, tmp_path), column)
    bad = [row | {"problem": long, "sample": at // 2} for at, row in enumerate(rows)]
    refused(as_jsonl(bad, tmp_path), "given twice")
    bad = [row | {"model": f"{long}{at}"} for at, row in enumerate(rows)]
    refused(as_jsonl(bad, tmp_path), "mixes 6 models")
    refused(as_jsonl(bad, tmp_path), "unknown model", model="y" * 5000)
    refused(as_jsonl([{long: 1}], tmp_path), "lacks the columns")


def test_an_empty_reply_is_one_token(tmp_path: Path) -> None:
    rows = [row | {"length": 0} if at < 2 else row for at, row in enumerate(records([1] * 6))]
    found = read(as_jsonl(rows, tmp_path))
    assert sorted(found.rollouts.length)[:3] == [1.0, 1.0, 7.0]
    assert any("2 empty samples count as one token" in note for note in found.notes)
    texts = [row | {"reply": "" if at < 2 else "a b"} for at, row in enumerate(records([1] * 6))]
    for write in (as_csv, as_jsonl, as_parquet):
        found = read(write(texts, tmp_path), columns={"length": "words(reply)"})
        assert sorted(found.rollouts.length) == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_an_answer_column_of_whole_texts_has_no_votes(tmp_path: Path) -> None:
    rows = records([f"So let us think. {'and then ' * 30} it is {at}." for at in range(6)])
    found = read(as_jsonl(rows, tmp_path))
    assert found.rollouts.answer is None
    assert any("whole texts" in note for note in found.notes)
    asked = read(as_jsonl(rows, tmp_path), columns={"answer": "answer"})
    assert asked.rollouts.answer is not None


def test_an_answer_column_without_answers_has_no_votes(tmp_path: Path) -> None:
    for blank in (None, "", "[invalid]"):
        found = read(as_csv(records([blank] * 6), tmp_path))
        assert found.rollouts.answer is None
        assert any("no answers" in note for note in found.notes)


def test_columns_nobody_asked_for_decide_nothing(tmp_path: Path) -> None:
    rows = records(["5", "6", "5", "6", "5", "6"])
    truth = read(as_jsonl(rows, tmp_path)).rollouts
    for extra in ("x", None, [1], {"a": 1}, float("nan"), 1e308, ""):
        odd = [row | {"note": extra, "sample": extra, "score": extra} for row in rows]
        odd[0]["note"] = 7
        for write in (as_jsonl, as_array, as_csv):
            found = read(write(odd, tmp_path)).rollouts
            for name in ("problem", "correct", "length", "time", "answer"):
                np.testing.assert_array_equal(getattr(found, name), getattr(truth, name))


def test_the_harness_writes_null_and_markers_for_no_answer(tmp_path: Path) -> None:
    for run, answer in enumerate((None, "[invalid]", "", "7", "7.0", 7)):
        line = {
            "doc_id": 0, "resps": [["so it is 7"]], "filtered_resps": [answer], "exact_match": 1.0,
            "filter": "strict-match",
        }  # fmt: skip
        name = f"samples_gsm8k_2025-01-0{run + 1}T10-00-00.123456.jsonl"
        (tmp_path / name).write_text(json.dumps(line))
    found = read(tmp_path).rollouts
    assert sorted(found.answer) == sorted([-1, -1, -1, *[found.answer.max()] * 3])


# Votes with a model's own answers.


def test_models_carry_the_samples_answers(tmp_path: Path) -> None:
    rows = [
        {"problem": "NA", "correct": int(answer == "5"), "length": 5, "answer": answer}
        for answer in ("5", "5", "6", "6", "6", None, None)
    ] + [
        # One answer that is judged both ways, and a right sample that gives none.
        {"problem": "007", "correct": right, "length": 5, "answer": answer}
        for answer, right in (("x", 1), ("x", 0), ("y", 0), (None, 1))
    ]
    found = ac.diagnose(pd.DataFrame(rows), horizon=5)
    model = model_table(found.rollouts)
    assert set(model["prompt"]) == {"NA", "007"}
    assert (model.answer == "").sum() == 2
    file = tmp_path / "m.csv"
    found.export_model(file)
    voted = search_curves(SearchConfig(
        family="explicit", parameters={"file": str(file)}, horizon=5, strategies=("majority",),
        budgets=(5, 15, 5000), budget_kind="expected",
    )).curve("majority")  # fmt: skip
    # One trace: 2/7 and 1/4 (the right one without an answer has no vote).
    assert voted[0] == pytest.approx((2 / 7 + 1 / 4) / 2)
    # Three of "NA", by all 7^3 draws; of "007" x wins unless y has more votes.
    answers = [["5", "5", "6", "6", "6", "", ""], ["x", "x", "y", ""]]
    worth = [{"5": 1.0, "6": 0.0}, {"x": 0.5, "y": 0.0}]
    total = 0.0
    for names, value in zip(answers, worth, strict=True):
        for drawn in itertools.product(names, repeat=3):
            votes = {a: drawn.count(a) for a in value if a in drawn}
            top = [a for a in votes if votes[a] == max(votes.values())]
            total += sum(value[a] for a in top) / max(len(top), 1) / len(names) ** 3
    assert voted[1] == pytest.approx(total / 2)
    # Many: the wrong "6" and the doubtful "x".
    assert voted[2] == pytest.approx(0.25, abs=1e-3)
