"""A study: what it leaves behind, and that it goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd
import pytest

from antiscale.core.errors import InputError
from antiscale.networks import study as module
from antiscale.networks.arms import Cell
from antiscale.networks.config import SCHEMA, TrainConfig
from antiscale.networks.study import StudyFolder, create, pretrain, run_study
from antiscale.networks.training import Schedule

TINY = {"steps": 2, "batch": 8, "rate": 1e-2}
CONFIG = TrainConfig(
    environment="planted", parameters={"prompts": 2, "number": 2}, places={5: (4,), 6: (3, 4)},
    methods=("optimal_path",), secondary_at=(6,), width=8, layers=1, heads=2,
    pretrain={"steps": 10, "batch": 16, "rate": 1e-2},
    finetune=TINY, fresh=8, law=8, evaluation=4, tries=2, kept=2,
)  # fmt: skip


def opened(path: Path, **how: Any) -> StudyFolder:
    return StudyFolder.open(path, SCHEMA, CONFIG.hash(), **how)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A study that ran without a stop."""
    path = tmp_path_factory.mktemp("study") / "whole"
    with opened(path) as folder:
        study = run_study(CONFIG, folder)
        assert study is not None
        folder.store(study, {})
    assert study.to_json()["rows"] == study.rows
    return path, study.rows


def test_what_a_study_leaves(finished: tuple[Path, list[dict[str, Any]]]) -> None:
    path, rows = finished
    expected = {
        "manifest.json", "bases.eqx", "laws-H5.npz", "laws-H6.npz", "rollouts.parquet", "rows.csv",
        "result.json",
    }  # fmt: skip
    assert {file.name for file in path.iterdir()} == expected
    found = [(row["method"], row["horizon"], row["n"]) for row in rows]
    assert found == [
        ("base", 5, 0), ("expert", 5, 0),
        ("base", 6, 0), ("expert", 6, 0), ("optimal_path", 6, 3),
        ("optimal_path", 6, 4),
    ]  # fmt: skip
    result = json.loads((path / "result.json").read_text())
    assert result["schema"] == SCHEMA
    assert result["rows"] == rows
    assert TrainConfig.from_mapping(result["config"]) == CONFIG
    table = pd.read_csv(path / "rows.csv")
    assert table["method"].tolist() == [row["method"] for row in rows]
    np.testing.assert_allclose(table["J"], [row["J"] for row in rows], rtol=1e-12)
    with np.load(path / "laws-H6.npz") as laws:
        assert laws["base_returns"].shape == (1, 2, 2, 7)
        np.testing.assert_allclose(laws["base_returns"].sum(-1), 1, rtol=1e-5)
        for row in rows[2:]:
            mean, _ = laws[f"J/{row['method']}/{row['n']}/0/0"]
            assert mean.mean() == pytest.approx(row["J"], abs=1e-6)


def test_the_rollout_table(finished: tuple[Path, list[dict[str, Any]]]) -> None:
    table = pd.read_parquet(finished[0] / "rollouts.parquet")
    # Two traces of each of two prompts, for the base at each H and each network trained.
    assert table.groupby("model").size().to_dict() == {
        "base-5-0-0.0": 4, "base-6-0-0.0": 4, "optimal_path-6-3-0.0": 4, "optimal_path-6-4-0.0": 4
    }  # fmt: skip
    for _, each in table.groupby("model"):
        assert sorted(zip(each["problem"], each["sample"], strict=True)) == [
            (0, 0), (0, 1), (1, 0), (1, 1)
        ]  # fmt: skip
    times = table["tokens_to_first_correct"]
    assert (times.notna() == table["correct"]).all()
    assert (times[table["correct"]] <= table["length"][table["correct"]]).all()


def test_the_bases_on_disk_are_those_trained(finished: tuple[Path, list[dict[str, Any]]]) -> None:
    kept = eqx.tree_deserialise_leaves(finished[0] / "bases.eqx", create(CONFIG))
    again = pretrain(CONFIG)
    for a, b, start in zip(
        *(jax.tree_util.tree_leaves(z) for z in (kept, again, create(CONFIG))), strict=True
    ):
        np.testing.assert_array_equal(a, b)
        assert a.shape == start.shape
    assert np.abs(kept.head - create(CONFIG).head).max() > 1e-3


def test_horizons_take_turns_in_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[tuple[int, ...]] = []

    def taken(models: Any, states: Any, tokens: Any, schedule: Any, start: int) -> Any:
        turns.append(tokens.shape)
        return models, states, np.zeros(1)

    monkeypatch.setattr(module, "_pretrain", taken)
    pretrain(TrainConfig.of(CONFIG.to_dict() | {"pretrain": TINY | {"steps": 35}}))
    # One base, steps, batch, tokens: five before the body.
    assert turns == [(1, 10, 8, 10), (1, 10, 8, 11), (1, 10, 8, 10), (1, 5, 8, 11)]


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("nothing is to be computed")


def test_a_stopped_study_goes_on_and_gives_the_same_rows(
    finished: tuple[Path, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rows = tmp_path / "stopped", finished[1]
    compute, horizons = Cell.compute, []

    def stopping(self: Cell) -> None:
        if self.horizon == 6:
            raise KeyboardInterrupt
        compute(self)

    def counting(self: Cell) -> None:
        horizons.append(self.horizon)
        compute(self)

    monkeypatch.setattr(Cell, "compute", stopping)
    with pytest.raises(KeyboardInterrupt), opened(path) as folder:
        run_study(CONFIG, folder)
    assert not (path / "result.json").exists()
    monkeypatch.setattr(Cell, "compute", counting)
    monkeypatch.setattr(module, "pretrain", refuse)
    with opened(path) as folder:
        study = run_study(CONFIG, folder)
        assert study is not None
        folder.store(study, {})
    assert horizons == [6]
    assert study.rows == rows
    files = ("rows.csv", "result.json", "bases.eqx")
    assert all((path / name).read_bytes() == (finished[0] / name).read_bytes() for name in files)
    one, two = (pd.read_parquet(each / "rollouts.parquet") for each in (path, finished[0]))
    pd.testing.assert_frame_equal(one, two)
    assert opened(path).complete


def test_a_slice_of_no_time_stops_before_the_next_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cell, "compute", refuse)
    path = tmp_path / "sliced"
    with opened(path) as folder:
        # Time enough to begin the bases, and no more.
        assert run_study(CONFIG, folder, minutes=1e-4) is None
    # The bases are kept, and the folder is not complete.
    monkeypatch.setattr(module, "pretrain", refuse)
    with opened(path) as folder:
        assert not folder.complete
        assert run_study(CONFIG, folder, minutes=0.0) is None
    assert (path / "bases.eqx").exists()
    # All that is damaged is noticed, whichever way.
    whole = (path / "bases.eqx").read_bytes()
    for content in (b"", whole[:40], whole[: len(whole) // 2], b"PK" + whole[2:], b"x" * 500):
        (path / "bases.eqx").write_bytes(content)
        with opened(path) as folder, pytest.raises(InputError, match=r"bases\.eqx is damaged"):
            run_study(CONFIG, folder)


def test_a_study_run_again_trains_no_bases(
    finished: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rows = finished
    monkeypatch.setattr(module, "pretrain", refuse)
    assert opened(path).study(CONFIG).rows == rows
    with opened(path, again=True) as folder:
        study = run_study(CONFIG, folder)
        assert study is not None
        folder.store(study, {"svg": b"<svg/>"})
    assert study.rows == rows
    assert (path / "study.svg").read_bytes() == b"<svg/>"
    assert opened(path).complete


def test_another_configuration_is_refused(finished: tuple[Path, list[dict[str, Any]]]) -> None:
    other = TrainConfig.of(CONFIG.to_dict() | {"seed": 1})
    with pytest.raises(InputError, match="another configuration"):
        StudyFolder.open(finished[0], SCHEMA, other.hash())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"wdth": 8}, "did you mean 'width'"),
        ({"environment": "plan"}, "did you mean 'plain'"),
        ({"parameters": {"numbr": 2}}, "did you mean 'number'"),
        ({"parameters": {"number": 3}}, "even"),
        ({"methods": ["stf"]}, "did you mean 'sft'"),
        ({"methods": []}, "methods"),
        ({"places": {}}, "places"),
        ({"places": "16"}, "table of horizons"),
        ({"places": [[16]]}, "table of horizons"),
        ({"places": {3: [4]}}, "horizon must be a whole number >= 4"),
        ({"places": {16: [0]}}, "n must be"),
        ({"width": 18, "heads": 4}, "multiple of heads"),
        ({"gradient": {"steps": 1, "batch": 12, "rate": 0.1}, "group": 8}, "multiple of group"),
        ({"fresh": 10, "tries": 4}, "multiple of tries"),
        ({"kappa": -1}, "kappa"),
        ({"pretrain": {"step": 3}}, "did you mean 'steps'"),
        ({"finetune": {"steps": 0, "batch": 1, "rate": 0.1}}, "steps"),
        ({"secondary_at": [0]}, "secondary_at"),
        ({"spreads": [1.5]}, "spreads must"),
        ({"spreads": [0.5, 0.5]}, "spreads must differ"),
        ({"spreads": [1.0]}, "got 1 again"),
    ],
)
def test_bad_configurations_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainConfig.from_mapping(given)


def test_a_configuration_survives_its_own_dictionary() -> None:
    config = TrainConfig.of(
        CONFIG.to_dict() | {"secondary_at": [6], "methods": ["sft", "weighted"]}
    )
    text = json.dumps(config.to_dict())
    again = TrainConfig.from_mapping(json.loads(text))
    assert again == config
    assert again.hash() == config.hash()
    assert json.dumps(again.to_dict()) == text
    assert config.places == ((5, (4,)), (6, (3, 4)))
    assert config.horizons == config.world.horizons == (5, 6)
    assert config.finetune == Schedule(**TINY)
    assert (config.arms(5), config.arms(6)) == (("sft",), ("sft", "weighted"))
    # Using a schedule or a world leaves the name alone.
    assert config.finetune.optimiser is not None
    assert config.world.law(5).shape == (18, 2, 6)
    assert config.hash() == again.hash()


def test_the_parts_of_a_study() -> None:
    config = TrainConfig.of(CONFIG.to_dict() | {"spreads": [0.5, 0], "seed": 7})
    parts = config.parts
    assert list(parts) == ["", "-spread0.5", "-spread0"]
    assert [part.world.spread for part in parts.values()] == [1.0, 0.5, 0.0]
    # Their bases are trained at every horizon, and compared at the largest.
    assert [part.horizons for part in parts.values()] == [(5, 6)] * 3
    assert config.compared("") == config.places
    assert config.compared("-spread0") == ((6, (3, 4)),)
    assert [part.seed for part in parts.values()] == [7, 10, 13]
    assert all(part.spreads == () for part in parts.values())
    assert module.cells(config) == ["H5", "H6", "H6-spread0.5", "H6-spread0"]


def test_the_name_depends_on_everything_and_on_no_order() -> None:
    names = {CONFIG.hash()}
    for change in (
        {"seed": 1}, {"places": {5: [4], 6: [3, 5]}}, {"kappa": 0.3}, {"width": 16}, {"law": 9},
        {"parameters": {"prompts": 2, "number": 4}}, {"finetune": TINY | {"steps": 3}},
    ):  # fmt: skip
        names.add(TrainConfig.of(CONFIG.to_dict() | change).hash())
    assert len(names) == 8
    given = CONFIG.to_dict()
    given["places"] = [[6, [4, 3]], [5, [4]]]
    given["parameters"] = dict(reversed(given["parameters"].items()))
    assert TrainConfig.from_mapping(dict(reversed(given.items()))).hash() == CONFIG.hash()
