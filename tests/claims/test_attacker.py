"""Hostile input, command by command and function by function; see tests/attacker.py.

Here a slice of it, another one for each target; `-m slow` feeds all of it. What the whole last
counted stands in tests/attacker.csv (`python -m tests.attacker` remakes it).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale.core import machine, validate
from antiscale.core.errors import LONGEST
from antiscale.learners import load_learner
from tests import attacker

TARGETS = attacker.targets()
# One of so many inputs in the quick slice.
_EVERY = {"function": 40, "command": 90}
# Each of these takes seconds when it is accepted.
_DEAR = {"antiscale.sweep", "antiscale.separation", "antiscale.diagnose", "certify", "separation",
         "report", "figures", "sweep", "diagnose", "search", "train"}  # fmt: skip


def failures(name: str, every: int) -> list[str]:
    outcomes = attacker.attack(TARGETS[name], every=every, offset=len(name))
    return [f"{o.input}: {o.detail}" for o in outcomes if o.verdict == "failed"]


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in _DEAR])
def test_a_slice_of_hostile_input_ends_well(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if TARGETS[name].kind == "command" and name.split()[0] in ("plot", "diff"):
        pytest.skip("needs a finished run; fed with -m slow")
    assert not failures(name, _EVERY[TARGETS[name].kind])


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_all_hostile_input_ends_well(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not failures(name, 1)


@pytest.mark.slow
def test_the_last_count_is_of_all_targets() -> None:
    assert set(pd.read_csv(attacker.COUNTS).name) == set(TARGETS), "python -m tests.attacker"


def test_the_last_count_is_without_failures() -> None:
    counted = pd.read_csv(attacker.COUNTS)
    assert (counted.failures == 0).all()
    assert (counted.refused + counted.accepted == counted.inputs).all()
    assert (counted.slowest_refusal_cpu_s <= attacker.CPU_SECONDS).all()


def test_the_attacker_can_tell_failures(tmp_path: Path) -> None:
    def attacked(item) -> set[str]:
        target = attacker.Target(
            "function", "mine", lambda: iter([("x", lambda: attacker._call(item, {}))])
        )
        (outcome,) = attacker.attack(target)
        return {outcome.verdict}

    def raises() -> None:
        raise TypeError("no")

    def refuses() -> None:
        raise ac.InputError("x must be 1; got 2")

    assert attacked(raises) == {"failed"}
    assert attacked(lambda: float("nan")) == {"failed"}
    assert attacked(lambda: np.array([1.0, np.nan])) == {"failed"}
    assert attacked(lambda: np.log(np.array(0.0))) == {"failed"}  # a warning
    assert attacked(lambda: SystemExit) == {"accepted"}
    assert attacked(refuses) == {"refused"}


def test_messages_are_one_short_line() -> None:
    message = str(ac.InputError("a\nb " + "x" * 5000 + " lower it"))
    assert len(message) <= LONGEST
    assert "\n" not in message
    assert message.endswith("lower it")
    assert len(validate.shown(10**5000)) < 60
    assert validate.shown("x" * 5000).endswith("...")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.heterogeneity([0.5, 0.5], [0, np.inf]), "finite wherever pmf is positive"),
        (lambda: ac.bounds.above_mean([0.5, 0.5], [0, np.inf]), "finite wherever pmf is positive"),
        (lambda: ac.bounds.vf_lower([0.5, 0.5], [0, np.inf], 10), "finite wherever pmf"),
        (
            lambda: ac.bounds.vf_lower_in_probability([0.5, 0.5], [0, np.inf], 10, chance=0.1),
            "finite wherever pmf",
        ),
        (lambda: ac.heterogeneity([0.5, 0.5], [1, 2, 3]), "must broadcast to one shape"),
        (lambda: ac.bounds.sft_upper([1, 2], [1, 2, 3]), "shapes do not fit together"),
        (lambda: ac.SweepConfig(kapa=1), "did you mean 'kappa'"),
        (lambda: ac.search.SearchConfig(kapa=1), "did you mean 'kappa'"),
        (lambda: ac.search.SelfVerifier(fixed=1), "did you mean 'fix'"),
        (lambda: ac.SweepConfig({"kappa": 1}), "takes names and values"),
        (lambda: ac.sweep({"kapa": 1}), "did you mean 'kappa'"),
        (lambda: ac.sweep(3), "table of names and values"),
        (lambda: ac.SweepConfig(samples_per_token=1e90), "lower --samples-per-token"),
        (lambda: ac.SweepConfig(horizon={"a": 1}), "horizon must be a whole number"),
        (lambda: ac.load_family("geometric", horizon=2**40), "lower the prompts, the horizon"),
        (lambda: ac.sweep({"repeats": 10**6, "prompts": 10**6}), "lower --repeats"),
        (lambda: ac.sweep({"prompts": 10**7}), "lower --repeats, --prompts"),
    ],
)
def test_known_attacks_are_refused_in_words(call, words: str, monkeypatch) -> None:
    monkeypatch.setenv(machine.GIB_VARIABLE, "16")
    with pytest.raises(ac.InputError, match=words):
        call()


def test_a_sweep_takes_names_and_values() -> None:
    small = {"horizon": 16, "repeats": 2, "rewards": 2, "prompts": 1, "styles": 2}
    first, second, third = ac.sweep(small), ac.sweep(ac.SweepConfig(**small)), ac.sweep(**small)
    assert first.frame.equals(second.frame)
    assert first.frame.equals(third.frame)


def test_t5c_ends_where_whole_numbers_are_far_apart() -> None:
    bound = [float(ac.bounds.sft_upper_in_probability([5.0], 10, n, 0.05)) for n in (1e12, 1e20)]
    assert 0 <= bound[1] < bound[0] < 1e-4


def test_a_label_needs_what_it_names() -> None:
    from antiscale import registry

    with pytest.raises(ac.InputError, match="T7a needs kappa"):
        registry.result("T7a").evaluate({"horizon": 100, "error": 0.001})


def test_one_may_insist_on_more_than_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(machine.GIB_VARIABLE, "1")
    with pytest.raises(ac.InputError, match=r"needs about 4 GiB.*has 1; lower x"):
        machine.require("it", "x", floats=2**29)
    monkeypatch.setenv(machine.GIB_VARIABLE, "100")
    machine.require("it", "x", floats=2**29)
    with pytest.raises(ac.InputError, match="processor hours"):
        machine.require("it", "x", seconds=1e9)
    monkeypatch.setenv(machine.HOURS_VARIABLE, "1e9")
    machine.require("it", "x", seconds=1e9)
    monkeypatch.setenv(machine.HOURS_VARIABLE, "soon")
    with pytest.raises(ac.InputError, match="must be a number"):
        machine.require("it", "x", seconds=1.0)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "raise RuntimeError('at import')",
            "failed with RuntimeError when it was imported: at import",
        ),
        ("import sys; sys.exit(3)", "failed with SystemExit when it was imported"),
        ("this is no Python", "failed with SyntaxError when it was imported"),
        (
            "class L:\n def __init__(self): raise KeyError('k')",
            "failed with KeyError when it was made",
        ),
        (
            "class L:\n @property\n def side(self): raise OSError('disk')",
            "failed with OSError when it was made: disk",
        ),
        ("class L:\n side = ['vf']\n def __call__(self, d, s): pass", "must be callable"),
        ("L = 3", "must be callable"),
    ],
)
def test_a_learner_that_fails_is_told_in_one_line(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request
) -> None:
    monkeypatch.chdir(tmp_path)
    module = f"broken_{abs(hash(source))}"
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ac.InputError, match=words):
        load_learner(f"{module}:L")


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("length", 1e300, "length in .* 1e\\+100|length in .* 2\\^53"),
        ("length", 1e60, "length in .* 2\\^53"),
        ("length", np.inf, "length in .* 2\\^53"),
        ("probability", np.nan, "contains NaN"),
        ("solved", 2, "must be 0 or 1"),
        ("length", "many", "must be numeric"),
    ],
)
def test_hostile_model_files_are_refused(
    kind: str, column: str, value, words: str, tmp_path: Path
) -> None:
    rows = {"prompt": ["a", "a"], "style": [0, 1], "length": [3, 4], "probability": [0.5, 0.5],
            "solved": [1, 0]}  # fmt: skip
    rows[column] = [value, value]
    file = tmp_path / f"model.{kind}"
    if kind == "npz":
        np.savez(file, **{name: np.array(column) for name, column in rows.items()})
    else:
        frame = pd.DataFrame(rows)
        frame.to_csv(file, index=False) if kind == "csv" else frame.to_parquet(file)
    with pytest.raises(ac.InputError, match=words):
        ac.load_family("explicit", horizon=16, file=str(file))


def test_objects_in_a_model_file_are_refused_or_names(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"prompt": [{"q": 1}, {"q": 1}], "style": [0, 1], "length": [3, 4],
         "probability": [0.5, 0.5], "solved": [1, 0]}
    )  # fmt: skip
    frame.to_parquet(tmp_path / "objects.parquet")
    model = ac.load_family("explicit", horizon=16, file=str(tmp_path / "objects.parquet"))
    assert model.prompts == 1
    frame["length"] = [{"t": 1}, {"t": 2}]
    frame.to_parquet(tmp_path / "lengths.parquet")
    with pytest.raises(ac.InputError, match="must be numeric"):
        ac.load_family("explicit", horizon=16, file=str(tmp_path / "lengths.parquet"))


@pytest.mark.parametrize(
    "instance", [{"pmf": "x"}, {"pmf": []}, {"pmf": None}, {"n": "nan"}, {"kappa": {}}]
)
def test_a_damaged_counterexample_is_refused(instance: dict, tmp_path: Path) -> None:
    import json

    from antiscale.certify import ledger

    home = Path(__file__).parents[2] / "experiments" / "certify" / "worst"
    content = json.loads((home / "T7b-any-labels.json").read_text())
    content["instance"] |= instance
    (tmp_path / "worst.json").write_text(json.dumps(content))
    with pytest.raises(ac.InputError, match=r"damaged|no saved instance"):
        ledger.replay(ledger.read_worst(tmp_path / "worst.json"))
