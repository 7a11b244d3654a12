"""Grids: axes, chunks, rows that depend on neither engine nor order, folders that go on."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale.core.errors import InputError
from antiscale.grids import run as grids
from antiscale.grids.axes import Axes
from antiscale.grids.chunk import compute
from antiscale.grids.folder import open_grid
from antiscale.grids.plan import GridPlan
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.plan import Plan

SMALL: dict[str, Any] = {"horizon": 16, "repeats": 4, "rewards": 4}


class Base:
    """Plays the base policy."""

    side = "vb"
    name = "base_policy"

    def __call__(self, data: Any, setting: Any) -> Any:
        return jnp.broadcast_to(setting.pmf, jnp.broadcast_shapes(
            data.counts.shape, data.labels.shape))  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Any:
    options = {"kappa": [0.1, 1.0], "n": ["4 H", 500], "seed": range(2)}
    return grids.sweep(**SMALL, **options, learner=["sft", "wide", Base])


def test_one_row_for_each_point_and_learner_in_the_order_of_the_axes(found: Any) -> None:
    frame = found.frame
    assert list(frame.learner) == ["sft", "wide", "base_policy"] * 8
    assert list(frame.kappa[::12]) == [0.1, 1.0]
    assert list(frame.n[::6]) == [64, 500] * 2
    assert list(frame.seed[::3]) == [0, 1] * 4
    assert frame.config_hash.nunique() == 8


def test_rows_are_those_of_a_sweep_at_the_same_place(found: Any) -> None:
    config = SweepConfig(**SMALL, kappa=1.0, seed=1, learner=("wide",), vary="n", samples=500)
    row = simulate(config, 16, 500).row
    frame = found.frame.query("kappa == 1.0 and n == 500 and seed == 1").set_index("learner")
    for learner, side in (("sft", "vf"), ("wide", "vb")):
        for name in ("loss", "loss_low", "loss_high", "mean", "upper", "signed_mean"):
            assert frame.loc[learner, name] == row[f"{side}_{name}"], name
    assert frame.loc["sft", "lower"] == row["vf_lower"]


def test_frames_of_grids_and_sweeps_concatenate(found: Any) -> None:
    both = ac.sweep(horizon=16, repeats=4).arms
    assert list(both) == list(found.frame)
    assert len(pd.concat([both, found.frame])) == len(both) + len(found.frame)


def test_rows_depend_on_neither_the_engine_nor_the_order_of_chunks(tmp_path: Path) -> None:
    options = SMALL | {"repeats": [4, 5], "seed": range(2), "n": 40}
    one = grids.sweep(**options, out=tmp_path / "one")
    plan = GridPlan.of(Axes.of(options))
    tables = [rows for chunk in reversed(plan.chunks) for rows in compute(chunk)]
    assert len(tables) == len(one)
    grids.sweep(**options, out=tmp_path / "two", jobs=2)
    files = sorted(file.name for file in (tmp_path / "one" / "rows").iterdir())
    assert files == sorted(file.name for file in (tmp_path / "two" / "rows").iterdir())
    assert len(files) == 2
    for name in files:
        ours, theirs = (tmp_path / which / "rows" / name for which in ("one", "two"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_a_grid_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = SMALL | {"repeats": [4, 5, 6], "n": 40}
    whole = grids.sweep(**options)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grids.sweep(**options, out=tmp_path, progress=stop)
    kept = len(list((tmp_path / "rows").iterdir()))
    assert 0 < kept < 3
    done: list[int] = []
    monkeypatch.setattr(grids, "compute", lambda chunk: done.append(1) or compute(chunk))
    again = grids.sweep(**options, out=tmp_path)
    assert len(done) == 3 - kept
    pd.testing.assert_frame_equal(again.frame, whole.frame)
    done.clear()
    shown = grids.sweep(**options, out=tmp_path)
    assert not done
    pd.testing.assert_frame_equal(shown.frame, whole.frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows"), whole.frame)


def test_a_damaged_part_is_refused(tmp_path: Path) -> None:
    plan = GridPlan.of(Axes.of(SMALL | {"n": [40]}))
    with open_grid(plan, tmp_path) as folder:
        folder.write(plan.chunks[0].file, b"no parquet")
        with pytest.raises(InputError, match="damaged"):
            folder.load(plan.chunks[0])


def test_a_model_of_ones_own_and_axes_of_a_family() -> None:
    frame = pd.DataFrame({
        "prompt": "a", "style": [0, 1, 1], "length": [2, 3, 3], "probability": [0.5, 0.3, 0.2],
        "solved": [1, 1, 0],
    })  # fmt: skip
    own = grids.sweep(model=frame, kappa=[0.1, 1.0], **SMALL, n=30)
    assert set(own.frame.family) == {"explicit"}
    assert len(own) == 4
    spread = grids.sweep(parameters={"spread": [0.5, 1.0]}, **SMALL, n=30)
    assert list(spread.frame["parameters.spread"]) == [0.5, 0.5, 1.0, 1.0]
    assert spread.frame.sigma.nunique() == 2


def test_axes_that_go_together() -> None:
    axes = Axes.of({"horizon": [4, 8], "n": [10, 20], "kappa": [0.1, 1.0], "zip": ["horizon", "n"]})
    assert len(axes) == 4
    assert [(p["horizon"], p["n"]) for p in axes.points()] == [(4, 10), (4, 10), (8, 20), (8, 20)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kapa": [0.1]}, "kappa"),
        ({"kappa": []}, "empty"),
        ({"kappa": [0.1, -1.0]}, "at kappa = -1.0: kappa"),
        ({"n": "4 K"}, "rule"),
        ({"n": ["0 H"]}, "gives 0 traces"),
        ({"n": 10, "samples": 20}, "twice"),
        ({"kappa": [0.1], "vary": "n"}, "leave out vary"),
        ({"horizon": [4, 8], "n": [1], "zip": ["horizon", "n"]}, "one length"),
        ({"n": [1], "zip": ["horizon", "n"]}, "no axis"),
        ({"seed": range(10**7)}, "at most"),
        ({"n": 10, "learner": ["sft", "sft"]}, "two learners"),
        ({"n": 10, "learner": ["sfft"]}, "sft"),
        ({"kappa": [0.1, 0.2, 0.1]}, "two points are the same: kappa = 0.1, and kappa = 0.1"),
        ({"horizon": 16, "n": ["2 H", 32]}, "n = 2 H, and n = 32; give each value once"),
    ],
)
def test_what_cannot_be_used_gets_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        grids.sweep(**{"repeats": 2} | options)
    assert "\n" not in str(caught.value)


def test_results_table_draw_and_save_themselves(found: Any, tmp_path: Path) -> None:
    table = found.table()
    assert table.shape == (4, 3)
    first = found.frame.query("kappa == 0.1 and n == 64 and learner == 'wide'")
    assert table.loc[(0.1, 64), "wide"] == pytest.approx(first.loss.mean())
    assert found.table(rows=["kappa", "n", "seed"]).shape == (8, 3)
    assert np.isfinite(table.to_numpy()).all()
    for kind in ("png", "svg", "csv", "parquet", "json"):
        assert found.save(tmp_path / f"grid.{kind}").stat().st_size > 100
    with pytest.raises(InputError, match="must end in"):
        found.save(tmp_path / "grid.txt")
    with pytest.raises(InputError, match="two columns"):
        found.plot(facets=["kappa", "n", "seed"])


def test_a_grid_of_a_plan_keeps_its_objects() -> None:
    frame = pd.DataFrame({
        "prompt": "a", "style": 0, "length": [2, 3], "probability": [0.5, 0.5], "solved": [1, 0],
    })  # fmt: skip
    plan = Plan.of(SMALL, model=frame, learner=[Base])
    own = grids.sweep(plan, kappa=[0.1, 1.0], n=30)
    assert set(own.frame.family) == {"explicit"}
    assert list(own.frame.learner) == ["base_policy"] * 2
    named = grids.sweep(SweepConfig(**SMALL, learner=("wide",)), kappa=[0.1], n=30)
    assert list(named.frame.learner) == ["wide"]
    assert named.frame.repeats[0] == SMALL["repeats"]


def test_an_edited_module_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = "data.counts * 0 + setting.pmf"
    losses = []
    for policy in (base, f"({base}) ** 2 / (setting.pmf ** 2).sum(-1, keepdims=True)"):
        lines = (
            "class Mine:", "    side = 'vf'", "    def __call__(self, data, setting):",
            f"        return {policy}",
        )  # fmt: skip
        (tmp_path / "grid_learner.py").write_text("\n".join(lines))
        again = grids.sweep(**SMALL, kappa=[0.1], n=30, learner="grid_learner:Mine")
        losses.append(again.frame.loss[0])
    assert losses[0] != losses[1]


def test_axes_that_leave_other_columns_name_another_grid() -> None:
    one = GridPlan.of(Axes.of(SMALL | {"kappa": [0.1, 0.2], "parameters": {"spread": [0.5]}}))
    two = GridPlan.of(Axes.of(SMALL | {"kappa": [0.1, 0.2], "parameters": {"spread": 0.5}}))
    assert one.hash != two.hash
    assert not {chunk.file for chunk in one.chunks} & {chunk.file for chunk in two.chunks}


def test_a_series_is_an_axis() -> None:
    axes = Axes.of({"kappa": pd.Series([0.1, 0.2])})
    assert [point["kappa"] for point in axes.points()] == [0.1, 0.2]
