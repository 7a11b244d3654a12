"""Reading tables: every format alike, and one clear line for each thing that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale.core.errors import InputError
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.rollouts.table import file_digest, load, read_table
from tests.oracles_rollouts import synthetic

TABLE, _ = synthetic(6, 5, 0)
RENAMED = {"problem": "task_id", "length": "length_tokens", "correct": "passed"}


def loaded(frame: pd.DataFrame, **options: Any):
    return load(frame, DiagnoseConfig.from_mapping(options))


def refused(frame: pd.DataFrame, *words: str, **options: Any) -> None:
    with pytest.raises(InputError) as error:
        loaded(frame, **options)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_format_says_the_same(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"rollouts.{kind}"
    frame = TABLE.rename(columns=RENAMED).assign(text="a, b\nc")
    if kind == "csv":
        frame.to_csv(file, index=False)
    elif kind == "jsonl":
        frame.to_json(file, orient="records", lines=True)
    else:
        frame.to_parquet(file)
    config = DiagnoseConfig(columns=RENAMED)
    found, direct = load(read_table(file, config), config), loaded(TABLE)
    for name in ("problem", "correct", "length", "time", "draw"):
        np.testing.assert_array_equal(getattr(found.rollouts, name), getattr(direct.rollouts, name))
    assert list(found.rollouts.problems) == [f"task/{x}" for x in range(6)]
    assert len(file_digest(file)) == 64


def test_samples_are_sorted_by_problem_and_latest_solution_first() -> None:
    mixed = TABLE.sample(frac=1.0, random_state=0)
    rollouts = loaded(mixed).rollouts
    assert (np.diff(rollouts.problem) >= 0).all()
    assert (np.diff(rollouts.returns(70.0))[np.diff(rollouts.problem) == 0] >= 0).all()
    (block,) = list(rollouts.blocks())
    assert block.rows.shape == (5, 6)


def test_verdicts_may_be_words_numbers_or_truth_values() -> None:
    truth = loaded(TABLE).rollouts.correct
    for verdict in (
        TABLE.correct.astype(bool), TABLE.correct.map({1: "True", 0: "false"}),
        TABLE.correct.astype(float), TABLE.correct.astype("boolean"),
    ):  # fmt: skip
        np.testing.assert_array_equal(loaded(TABLE.assign(correct=verdict)).rollouts.correct, truth)


def test_the_first_correct_token_is_used_where_there_is_one() -> None:
    early = np.where(TABLE.correct == 1, TABLE.length - 5, np.nan)
    found = loaded(TABLE.assign(tokens_to_first_correct=early))
    assert not any("upper bound" in note for note in found.notes)
    right = found.rollouts.correct
    np.testing.assert_array_equal(found.rollouts.time[right], found.rollouts.length[right] - 5)
    assert "upper bound" in loaded(TABLE).notes[0]


def test_a_score_may_be_a_quotient_and_a_problem_may_have_none() -> None:
    passed = TABLE.correct + 1
    total = np.where(TABLE.problem == "task/2", 0, 4)
    frame = TABLE.assign(passed=np.where(total == 0, 0, passed), total=total)
    found = loaded(frame, columns={"score": "passed/total"})
    score = found.rollouts.score
    assert score is not None
    assert set(score[found.rollouts.problem == 2]) == {0.0}
    assert set(score[found.rollouts.problem != 2]) == {0.25, 0.5}
    # A column of that very name comes first.
    frame["passed/total"] = 1.0
    assert set(loaded(frame, columns={"score": "passed/total"}).rollouts.score) == {1.0}


def test_units_are_read_off_the_columns_name() -> None:
    assert loaded(TABLE).unit == "tokens"
    frame = TABLE.rename(columns={"length": "length_chars"})
    assert loaded(frame, columns={"length": "length_chars"}).unit == "characters"


def test_missing_columns_are_named_with_what_there_is() -> None:
    refused(TABLE.rename(columns=RENAMED), "problem, correct, length", "task_id", "--columns")
    refused(TABLE, "n_tokens (for length)", columns={"length": "n_tokens"})
    refused(TABLE, "a/b (for score)", columns={"score": "a/b"})
    refused(TABLE.iloc[:0], "no rows")


def test_unknown_roles_and_options_are_named_with_the_nearest() -> None:
    refused(TABLE, "'lenght'", "'length'", columns={"lenght": "n"})
    with pytest.raises(InputError, match=r"unknown option 'horizn'; did you mean 'horizon'"):
        ac.diagnose(TABLE, horizn=3)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("length", -3, ("length must be at least 1", "-3", "row 3", "1 such rows")),
        ("length", 0.5, ("length must be at least 1", "row 3")),
        ("length", 1e300, ("at most 2^40 = 1099511627776", "1e+300", "row 3")),
        ("length", True, ("numeric", "True", "row 3")),
        ("length", pd.Timedelta("5s"), ("numeric", "Timedelta", "row 3")),
        ("length", np.inf, ("finite", "row 3")),
        ("length", np.nan, ("length is missing or NaN", "row 3")),
        ("length", "long", ("numeric", "'long'", "row 3")),
        ("correct", 0.5, ("0 or 1", "0.5", "row 3")),
        ("correct", "maybe", ("0 or 1", "'maybe'", "row 3")),
        ("correct", np.nan, ("correct is missing or NaN", "row 3")),
        ("problem", None, ("problem is missing in row 3",)),
    ],
)
def test_bad_values_are_named_with_their_row(
    column: str, value: Any, words: tuple[str, ...]
) -> None:
    frame = TABLE.astype({column: object})
    frame.loc[2, column] = value
    refused(frame, *words)


def test_contradictions_about_the_first_correct_token() -> None:
    first = TABLE.correct[TABLE.correct == 1].index[0]
    time = np.where(TABLE.correct == 1, 1.0, np.nan)
    time[first] = np.nan
    refused(TABLE.assign(tokens_to_first_correct=time), "a correct sample", f"row {first + 1}")
    time[first] = TABLE.length[first] + 1
    refused(TABLE.assign(tokens_to_first_correct=time), "between 1 and the length")


def test_scores_must_be_there_for_all_samples_of_a_problem_or_none() -> None:
    score = np.ones(30)
    score[7] = np.nan
    asked = {"score": "score"}
    told = "score all samples of a problem or none"
    refused(TABLE.assign(score=score), told, "row 8", "task/1", columns=asked)
    refused(TABLE.assign(score=np.nan), "missing in every row", columns=asked)
    # A column nobody asked for decides nothing.
    for held in (score, np.nan, "good"):
        found = loaded(TABLE.assign(score=held))
        assert found.rollouts.score is None
        assert any("score is left out" in note for note in found.notes)
    refused(TABLE.assign(a=1, b=0), "finite", columns={"score": "a/b"})


def test_samples_given_twice_are_refused() -> None:
    numbered = TABLE.assign(sample=np.tile(np.arange(5), 6))
    assert loaded(numbered).rollouts.samples == 30
    again = pd.concat([numbered, numbered.iloc[[4]]])
    refused(again, "1 samples are given twice", "'task/0'", "'4'", "row 31")
    refused(again.rename(columns={"sample": "sample_id"}), "given twice")
    refused(again.rename(columns={"sample": "draw"}), "given twice", columns={"sample": "draw"})
    assert any("given twice cannot be told" in note for note in loaded(TABLE).notes)
    # A text that two samples share is no sample given twice, nor a name of the problem.
    assert loaded(TABLE.assign(sample="the same text")).rollouts.samples == 30
    assert loaded(TABLE.assign(sample_id=TABLE.problem)).rollouts.samples == 30
    assert loaded(again, columns={"sample": "-"}).rollouts.samples == 31


def test_columns_can_be_ignored() -> None:
    blank = TABLE.assign(score=np.nan, model=np.nan)
    assert loaded(blank, columns={"score": "-", "model": "-"}).rollouts.score is None
    refused(TABLE, "lacks the column length", columns={"length": "-"})


def test_mixed_models_need_a_choice() -> None:
    both = pd.concat([TABLE.assign(model="base"), TABLE.assign(model="tuned")])
    refused(both, "mixes 2 models: base, tuned", "--model")
    refused(both, "'tunde'; did you mean 'tuned'", model="tunde")
    refused(TABLE, "no column model", model="base")
    found = loaded(both, model="tuned", against="base")
    assert found.model == "tuned"
    assert found.other is not None
    assert found.rollouts.samples == found.other.samples == 30
    # The same numbers of samples of either model are not duplicates.
    assert loaded(both.assign(sample=np.tile(np.arange(5), 12)), model="base").model == "base"
    with pytest.raises(InputError, match="another model"):
        DiagnoseConfig(model="a", against="a")
    with pytest.raises(InputError, match="name a model"):
        DiagnoseConfig(against="a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": 0}, "horizon"), ({"horizon": [10, "x"]}, "horizon"), ({"eps": -1}, "eps"),
        ({"kappa": []}, "kappa"), ({"level": 0.3}, "level"), ({"seed": -1}, "seed"),
        ({"samples": 0}, "samples"), ({"columns": ["a"]}, "columns"),
        ({"columns": {"length": 3}}, "length"), ({"model": 3}, "model"),
    ],
)  # fmt: skip
def test_options_that_are_not_allowed(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        DiagnoseConfig.from_mapping(options)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    config = DiagnoseConfig()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no parquet")
    lines = tmp_path / "broken.jsonl"
    lines.write_text('{"problem": 1}\n{"problem": ')
    other = tmp_path / "rollouts.xlsx"
    other.write_text("x")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for file, words in (
        (tmp_path / "absent.csv", "does not exist"), (broken, "no readable Parquet"),
        (lines, "no readable JSONL"), (other, "must end in"), (empty, "no readable CSV"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            read_table(file, config)


def harness(folder: Path, *, runs: int = 3, **fields: Any) -> None:
    """Sample files as lm-evaluation-harness writes them, one per run."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for run in range(runs):
        lines = []
        for document in range(4):
            right = float(rng.random() < 0.5)
            line = {
                "doc_id": document, "doc": {"question": "?"}, "target": "7",
                "arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": {}}},
                "resps": [["so it is " + "x " * document + "7"]], "filtered_resps": ["7"],
                "filter": "strict-match", "metrics": ["exact_match"], "exact_match": right,
            } | fields  # fmt: skip
            lines.append(json.dumps(line))
        name = f"samples_gsm8k_2025-01-0{run + 1}T10-00-00.123456.jsonl"
        (folder / name).write_text("\n".join(lines) + "\n")


def read(folder: Path, **options: Any):
    config = DiagnoseConfig.from_mapping(options)
    return load(read_table(folder, config), config)


def test_runs_of_the_harness_are_samples(tmp_path: Path) -> None:
    harness(tmp_path / "org__model")
    found = read(tmp_path)
    assert found.model == "org__model"
    assert found.unit == "words"
    assert list(found.rollouts.problems) == [f"gsm8k/{document}" for document in range(4)]
    assert (found.rollouts.counts == 3).all()
    assert set(found.rollouts.length[found.rollouts.problem == 2]) == {6.0}
    assert found.rollouts.answer is not None
    harness(tmp_path / "org__other")
    with pytest.raises(InputError, match="mixes 2 models"):
        read(tmp_path)
    assert read(tmp_path, model="org__other", against="org__model").other is not None


def test_several_filters_of_the_harness_need_a_choice(tmp_path: Path) -> None:
    harness(tmp_path)
    file = next(tmp_path.glob("*.jsonl"))
    text = file.read_text()
    file.write_text(text + text.replace("strict-match", "flexible-extract"))
    with pytest.raises(InputError, match="2 filters: flexible-extract, strict-match"):
        read(tmp_path)
    assert read(tmp_path, filter="strict-match").rollouts.samples == 12
    with pytest.raises(InputError, match="did you mean 'strict-match'"):
        read(tmp_path, filter="strict-mach")


def test_the_harness_with_several_responses_per_line(tmp_path: Path) -> None:
    two = {"resps": [["one 7", "two or three 8"]], "filtered_resps": ["7", "8"]}
    harness(tmp_path / "ok", **two, exact_match=[1.0, 0.0], n_tokens=[5, 9])
    found = read(tmp_path / "ok", columns={"length": "n_tokens", "correct": "exact_match"})
    assert (found.rollouts.counts == 6).all()
    assert set(found.rollouts.length) == {5.0, 9.0}
    assert found.unit == "tokens"
    harness(tmp_path / "one", **two)
    with pytest.raises(InputError, match="2 responses but one value"):
        read(tmp_path / "one")


@pytest.mark.parametrize(
    ("fields", "options", "words"),
    [
        ({"resps": [[[-1.0, False]]]}, {}, "no generated text"),
        ({"resps": None}, {}, "no generated text"),
        ({"metrics": ["bleu", "acc", "exact_match"], "acc": 1.0, "bleu": 0.3}, {}, "which one"),
        ({}, {"columns": {"correct": "bleu"}}, "lacks the metric 'bleu'"),
        ({}, {"columns": {"length": "n_tokens"}}, "lacks the field 'n_tokens'"),
        ({"exact_match": 0.5}, {}, "must be 0 or 1"),
    ],
)
def test_what_the_harness_cannot_tell(
    tmp_path: Path, fields: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    harness(tmp_path, runs=1, **fields)
    with pytest.raises(InputError, match=words):
        read(tmp_path, **options)


def test_folders_without_samples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--log_samples"):
        read(tmp_path)
    (tmp_path / "samples_task.jsonl").write_text('{"no": "sample"}\n')
    with pytest.raises(InputError, match="line 1 is no sample"):
        read(tmp_path)
