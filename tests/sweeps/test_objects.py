"""Objects in place of names: learners, base policies, and the runs that they name."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale.core.content import NoContentError, digest_of
from antiscale.learners import load_learner
from antiscale.models.given import given_family
from antiscale.sweeps.folder import read_run
from antiscale.sweeps.plan import Plan

INF = math.inf
QUICK: dict[str, Any] = {"horizon": 32, "repeats": 3}
ARRAYS = {
    "pmf": [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]],
    "hitting_times": [[3.0, INF, 9.0], [2.0, INF, INF]],
    "lengths": [[3.0, 5.0, 9.0], [2.0, 7.0, 1.0]],
    "styles": [[0, 1, 0], [0, 1, 0]],
}
FRAME = pd.DataFrame({
    "prompt": ["x", "x", "x", "y", "y"], "style": ["a", "b", "a", "a", "b"],
    "length": [3, 5, 9, 2, 7], "probability": [0.5, 0.25, 0.25, 0.75, 0.25],
    "solved": [1, 0, 1, 1, 0],
})  # fmt: skip
# What says how a run was asked for, not what it found.
ASKED = ("config_hash", "family", "parameters", "vf_learner", "vb_learner")


@dataclass(frozen=True)
class Mixed:
    """A share of the base policy, the rest the empirical law."""

    share: Any = 0.25
    side = "vf"

    def __call__(self, data, setting):
        seen = data.counts.sum(-1, keepdims=True)
        return self.share * setting.pmf + (1 - self.share) * data.counts / seen


@dataclass  # neither frozen nor hashable
class Loose:
    """The same, made carelessly."""

    share: Any = 0.25
    side = "vf"
    __call__ = Mixed.__call__


def found(rows: list[dict[str, Any]]) -> str:
    """The rows without the names by which they were asked for."""
    name = json.dumps(rows[-1]["vf_learner"])[1:-1]  # reasons say it too
    kept = [{k: v for k, v in row.items() if k not in ASKED} for row in rows]
    return json.dumps(kept).replace(f"learner {name}", "learner")


def explicit_model() -> ac.TraceModel:
    return ac.families.load_family("explicit", horizon=9, **ARRAYS)


def as_file(folder: Path, kind: str) -> Path:
    file = folder / f"model.{kind}"
    if kind == "csv":
        FRAME.to_csv(file, index=False)
    elif kind == "parquet":
        FRAME.to_parquet(file)
    else:
        np.savez(file, **{name: FRAME[name].to_numpy(str if name in ("prompt", "style") else None)
                          for name in FRAME})  # fmt: skip
    return file


def test_a_model_in_every_form_gives_the_rows_of_the_named_one(tmp_path: Path) -> None:
    named = ac.sweep(family="explicit", parameters=ARRAYS, **QUICK)
    forms: dict[str, Any] = {
        "arrays": ARRAYS, "frame": FRAME, "model": explicit_model(),
        "function": lambda horizon: replace(explicit_model(), horizon=horizon),
        "family": ac.families.family("explicit", **ARRAYS),
        "text": str(as_file(tmp_path, "csv")),
    } | {kind: as_file(tmp_path, kind) for kind in ("csv", "parquet", "npz")}  # fmt: skip
    for form, model in forms.items():
        assert found(ac.sweep(model=model, **QUICK).rows) == found(named.rows), form
    # One model by three ways has one digest; what has a name has its run's hash.
    digests = {Plan.of(model=forms[k], **QUICK).hash for k in ("arrays", "frame", "model")}
    assert len(digests) == 1
    by_name = Plan.of(family="explicit", parameters=ARRAYS, **QUICK)
    assert Plan.of(model=forms["family"], **QUICK).hash == by_name.hash
    file = {"file": forms["text"]}
    from_file = Plan.of(family="explicit", parameters=file, **QUICK)
    assert Plan.of(model=forms["csv"], **QUICK).hash == from_file.hash
    sharp = Plan.of(model=ac.families.family("sharp", c0=0.02))
    assert sharp.hash == Plan.of(family="sharp", parameters={"c0": 0.02}).hash
    assert Plan.of(model="sharp").hash == Plan.of(family="sharp").hash


def test_a_model_is_named_in_rows_by_its_content() -> None:
    row = ac.sweep(model=FRAME, horizon=16, repeats=2).rows[-1]
    digest = json.loads(row["parameters"])
    assert row["family"] == "explicit"
    assert set(digest) == {"sha256"}
    assert len(digest["sha256"]) == 64
    other = FRAME.assign(length=[3, 5, 8, 2, 7])
    assert Plan.of(model=other, **QUICK).hash != Plan.of(model=FRAME, **QUICK).hash

    def mine(horizon: int) -> ac.TraceModel:
        return replace(explicit_model(), horizon=horizon)

    plan = Plan.of(model=mine, **QUICK)
    assert plan.config.family == "mine"
    # Over the models, so that another function that makes the same has the same.
    assert plan.parameters == Plan.of(model=lambda h: mine(h), **QUICK).parameters
    assert plan.parameters != Plan.of(model=mine, horizon=16).parameters


def test_a_function_is_called_once_for_each_horizon() -> None:
    calls: list[int] = []

    def mine(horizon: int) -> ac.TraceModel:
        calls.append(horizon)
        return ac.families.load_family("heterogeneous", horizon=horizon, prompts=2, styles=4)

    rows = ac.sweep(model=mine, horizon=64, repeats=3, reward_class="styles").rows
    assert sorted(calls) == [16, 32, 64]
    options: dict[str, Any] = {"prompts": 2, "styles": 4, "horizon": 64, "repeats": 3}
    assert found(rows) == found(ac.sweep(reward_class="styles", **options).rows)


def test_a_trace_model_brings_its_horizon_and_what_it_is() -> None:
    model = ac.families.load_family("geometric", horizon=64, announced=False)
    plan = Plan.of(model=model)
    assert plan.config.horizon == 64
    assert plan.reward_class == "known"
    assert Plan.of({"horizon": 32}, model=model).config.horizon == 32
    assert plan.sigma_exponent is None
    at = given_family(replace(model, prompt_mass=np.array([0.7, 0.1, 0.1, 0.1]))).at(128)
    assert (at.horizon, at.announced, at.prompt_mass[0]) == (128, False, 0.7)
    np.testing.assert_array_equal(at.hitting_times, model.hitting_times)


def test_a_token_chain_is_the_family_of_its_hitting_times() -> None:
    chain = ac.geometric_chain(1 / 16)
    model = given_family(chain).at(32)
    law = chain.hitting_law(32)
    np.testing.assert_array_equal(model.pmf[0, :33], law)
    assert model.pmf[0] @ model.returns[0] == pytest.approx(
        sum((32 - t + 1) * law[t - 1] for t in range(1, 33)), rel=1e-12
    )
    row = ac.sweep(model=chain, horizon=16, repeats=2).rows[-1]
    assert (row["family"], row["reward_class"]) == ("token_chain", "known")


def test_learners_as_names_objects_and_classes_are_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ac.sweep(learner=["sft", "wide"], **QUICK)
    for given in ([ac.learners.SFT(), "wide"], ["sft", ac.learners.Wide], ac.learners.Wide()):
        again = ac.sweep(learner=given, **QUICK)
        assert found(again.rows) == found(named.rows)
        assert again.rows[-1]["vb_learner"] == "wide"
    for given in (["sft", "wide"], [ac.learners.SFT, ac.learners.Wide()]):
        hash_ = Plan.of(learner=given).hash
        assert hash_ == Plan.of(learner=["sft", "wide"]).hash
    (tmp_path / "mixed_learner.py").write_text(
        "class Mixed:\n    side = 'vf'\n    def __call__(self, data, setting):\n"
        "        seen = data.counts.sum(-1, keepdims=True)\n"
        "        return 0.25 * setting.pmf + 0.75 * data.counts / seen\n"
    )
    monkeypatch.chdir(tmp_path)
    by_name = ac.sweep(learner="mixed_learner:Mixed", **QUICK)
    for given in (Mixed, Mixed(), Mixed(0.25), Loose(), Loose, Mixed(np.float64(0.25))):
        again = ac.sweep(learner=given, **QUICK)
        assert found(again.rows) == found(by_name.rows)
        assert again.rows[-1]["vf_learner"] == ("Loose" if "Loose" in str(given) else "Mixed")


def test_a_built_in_learner_with_other_parameters_is_not_that_of_the_name() -> None:
    smoothed = load_learner(ac.learners.SmoothedSFT(pseudo_count=4.0))
    assert smoothed.name == "SmoothedSFT"
    assert load_learner(ac.learners.SmoothedSFT(pseudo_count=0.5)).name == "smoothed_sft"
    held, plain = (load_learner(x) for x in (ac.learners.MLE(steps=8), "mle"))
    assert held.needs == plain.needs == {"pair"}
    # A learner in two steps stays one: its plans are made once for equal fits.
    mine = type("Cautious", (ac.learners.Wide,), {})
    rows = ac.sweep(learner=mine(), **QUICK).rows
    assert found(rows) == found(ac.sweep(learner="wide", **QUICK).rows)
    assert rows[-1]["vb_learner"] == "Cautious"


def test_equal_objects_are_compiled_once() -> None:
    traced: list[int] = []

    class Counted:
        side = "vf"

        def __init__(self, weight):
            self.weight = weight

        def __call__(self, data, setting):
            traced.append(1)
            return setting.pmf + 0 * data.counts

    run = {"learner": Counted(np.arange(3.0)), "horizon": 16, "repeats": 2}
    ac.sweep(**run)
    once = len(traced)
    ac.sweep(**run | {"learner": Counted(np.arange(3.0))})
    assert len(traced) == once > 0
    run["learner"].weight = np.arange(4.0)  # changed in place
    ac.sweep(**run)
    assert len(traced) == 2 * once
    # What cannot be read equals itself alone.
    lock = Counted(threading.Lock())
    assert load_learner(lock) == load_learner(lock) != load_learner(Counted(threading.Lock()))
    assert hash(load_learner(lock)) == hash(load_learner(lock))


def test_options_of_a_plan_keep_its_objects() -> None:
    plan = Plan.of(model=FRAME, learner=[Mixed(0.5), "wide"], **QUICK)
    again = Plan.of(plan, kappa=0.5)
    assert again.learners == plan.learners
    assert again.parameters == plan.parameters
    assert again.hash == Plan.of(model=FRAME, learner=[Mixed(0.5), "wide"], kappa=0.5, **QUICK).hash
    assert Plan.of(plan, family="sharp").config.family == "sharp"
    assert Plan.of(plan) is plan


def test_separation_takes_objects_too() -> None:
    options: dict[str, Any] = {"horizon": 16, "repeats": 2, "phase_horizon": None}
    one = ac.separation(model=ARRAYS, learner=ac.learners.Wide, **options)
    other = ac.separation(family="explicit", parameters=ARRAYS, learner="wide", **options)
    assert one.rows == other.rows
    with pytest.raises(ac.InputError, match="did you mean 'model'"):
        ac.separation(modl=ARRAYS)


SCRIPT = """
import sys
import numpy as np
import antiscale as ac

SCALE = {scale}

def helper(x):
    return SCALE * x

class Mine:
    side = "vf"
    def __init__(self, weights):
        self.weights = weights
    def __call__(self, data, setting):
        return (1 - helper(1)) * setting.pmf + helper(setting.pmf) + 0 * data.counts

def mine(horizon):
    return ac.families.load_family("heterogeneous", horizon=horizon, prompts=2, styles=4)

calls = []
found = ac.sweep(
    model=mine, learner=[Mine(np.arange({size})), "wide"], horizon=32, repeats=2,
    out=sys.argv[1], progress=lambda *done: calls.append(done),
)
print(len(calls), found.rows[-1]["config_hash"], found.rows[-1]["vf_mean"])
"""


def run(folder: Path, *, scale: float = 0.5, size: int = 3, seed: str = "0") -> Any:
    script = folder / "mine.py"
    script.write_text(SCRIPT.format(scale=scale, size=size))
    return subprocess.run(
        [sys.executable, str(script), str(folder / "out")], cwd=folder, capture_output=True,
        text=True, check=False, env=os.environ | {"PYTHONHASHSEED": seed},
    )  # fmt: skip


def test_a_run_of_objects_is_taken_up_by_another_process_and_read(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path, seed="7")
    assert first.returncode == again.returncode == 0, first.stderr
    assert first.stdout.split()[1:] == again.stdout.split()[1:]
    assert (first.stdout[0], again.stdout[0]) == ("2", "0")  # cells: all, then none
    # Another setting, or another value of what the learner uses, is another run.
    for changes in ({"size": 4}, {"scale": 0.25}):
        refused = run(tmp_path, **changes)
        assert "holds another configuration" in refused.stderr
    out = tmp_path / "out"
    assert set(read_run(out).manifest["sources"]) == {"Mine"}
    for command in (["plot", out], ["report", out], ["diff", out, out]):
        shown = subprocess.run(
            [sys.executable, "-m", "antiscale", *map(str, command)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr
    page = (out / "report.html").read_text()
    assert "# of objects (mine Mine)" in page
    # Its configuration does not bring the objects back, and says so.
    config = read_run(out).manifest["config"]
    for given, words in (
        (config, "was given in Python, as an object"),
        (config | {"family": "sharp", "parameters": {}}, "unknown learner .* 'Mine'"),
    ):
        with pytest.raises(ac.InputError, match=words):
            ac.sweep(given)


def test_what_has_no_source_runs_but_is_not_written(tmp_path: Path) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("def typed(data, setting):\n    return setting.pmf + 0 * data.counts", scope)
    scope["typed"].side = "vf"
    options: dict[str, Any] = {"learner": scope["typed"], "horizon": 16, "repeats": 2}
    assert ac.sweep(**options).rows[-1]["vf_learner"] == "typed"
    with pytest.raises(ac.InputError, match="define it in a file") as error:
        ac.sweep(**options, out=tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_plan_of_objects_survives_pickling() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    class Local:  # by value: no module has it
        side = "vf"

        def __call__(self, data, setting):
            return setting.pmf + 0 * data.counts

    plan = Plan.of(model=lambda h: replace(explicit_model(), horizon=h), learner=Local, **QUICK)
    again = pickle.loads(cloudpickle.dumps(plan))
    assert again.hash == plan.hash
    assert found(ac.sweep(again).rows) == found(ac.sweep(plan).rows)


def fails(horizon: int) -> None:
    raise ZeroDivisionError("no\nuse")


def sharp(horizon: int) -> ac.TraceModel:
    return explicit_model()


class NoSide:
    def __call__(self, data, setting):
        return setting.pmf


class Asks(Mixed):
    def __init__(self, needed) -> None:
        pass


class Shy(Mixed):
    @property
    def name(self) -> str:
        raise RuntimeError("not today")


wide = type("wide", (Mixed,), {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": FRAME.assign(length=np.nan)}, "length in the DataFrame contains NaN"),
        ({"model": FRAME.assign(solved=[1, 0, None, 1, 0])}, "solved in the DataFrame contains"),
        ({"model": FRAME.drop(columns="style")}, "the DataFrame lacks the columns style"),
        ({"model": FRAME.assign(probability=0.5)}, "probability in the DataFrame must sum to 1"),
        ({"model": FRAME.assign(prompt=[None, *"xxyy"])}, "prompt in the DataFrame is missing"),
        ({"model": FRAME.iloc[:0]}, "the DataFrame has no rows"),
        ({"model": pd.concat([FRAME, FRAME[["style"]]], axis=1)}, "two col"),
        ({"model": pd.DataFrame()}, "lacks the columns prompt"),
        ({"model": FRAME["length"]}, "model"),
        ({"model": {"pmf": [1.0]}}, "needs the parameter 'hitting_times'"),
        ({"model": {"pmff": [1.0]}}, "did you mean 'pmf'"),
        ({"model": {}}, "got an empty table"),
        ({"model": {"pmf": [0.5, np.nan], "hitting_times": [1, 2]}}, "pmf contains NaN"),
        ({"model": "nowhere.csv"}, "file nowhere.csv does not exist"),
        ({"model": Path("model.txt")}, "does not exist"),
        ({"model": "sharpp"}, "did you mean 'sharp'"),
        ({"model": 3}, "model must be a family's name, .*; got 3"),
        ({"model": [1, 2]}, r"got 1"),
        ({"model": ac.TraceModel}, "got the class 'TraceModel'"),
        ({"model": lambda horizon: None}, "must return a TraceModel .* H = 16; got None"),
        ({"model": lambda horizon: explicit_model()}, "H = 16; got one of horizon 9"),
        ({"model": lambda: None}, "failed with TypeError at H = 16"),
        ({"model": fails}, "model 'fails' failed with ZeroDivisionError at H = 16: no;"),
        ({"model": sharp}, "has the name of a family of ours"),
        ({"model": FRAME, "family": "heterogeneous"}, "give either model or family"),
        ({"model": FRAME, "parameters": {}}, "give either model or parameters"),
        ({"model": FRAME, "prompts": 3}, "give either model or prompts"),
        ({"config": {"family": "sharp"}, "model": FRAME}, "give either model or family"),
        ({"modle": FRAME}, "did you mean 'model'"),
        ({"overwrit": True}, "did you mean 'overwrite'"),
        ({"learner": NoSide()}, "learner 'NoSide' must be callable .* side = 'vf'"),
        ({"learner": Asks}, "learner 'Asks' failed with TypeError when it was made"),
        ({"learner": Shy()}, "failed with RuntimeError when it was asked for its name"),
        ({"learner": wide()}, "needs a name of its own"),
        ({"learner": [Mixed(), Mixed(0.5)]}, "two learners are called 'Mixed'"),
        ({"learner": object()}, "learner must be a name or a list of names"),
        ({"learner": [None]}, "learner must be a name or a list of names"),
        ({"learner": [len]}, "learner 'len' must be callable"),
    ],
)
def test_what_is_no_model_or_learner_is_refused_in_one_line(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ac.InputError, match=words) as error:
        ac.sweep(**{"horizon": 16, "repeats": 2} | options)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) <= 300


def test_the_users_exception_stays_the_cause() -> None:
    with pytest.raises(ac.InputError) as error:
        ac.sweep(model=fails, horizon=16)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_digests_tell_contents_apart_and_say_what_they_cannot_read() -> None:
    values = [
        1, 1.0, True, "1", b"1", None, [1], (1,), {1}, {"a": 1}, {"b": 1}, np.ones(1),
        np.ones(1, np.float32), np.ones((1, 1)), Mixed(), Mixed(0.5), Mixed, Loose(), NoSide(),
        Mixed(np.arange(3)), len, np.sum, np.random.default_rng(0), np.random.default_rng(1),
    ]  # fmt: skip
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of(Mixed(np.arange(3))) == digest_of(Mixed(np.arange(3)))
    endless: list[Any] = [1]
    endless.append(endless)
    assert digest_of(endless) != digest_of([1])
    with pytest.raises(NoContentError, match="a lock cannot be read"):
        digest_of(threading.Lock())
