"""Two runs side by side: chance is not a difference, a difference is not chance."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

import antiscale as ac
from antiscale.cli.screens.diff import screen
from antiscale.core import intervals
from antiscale.sweeps import compare
from antiscale.sweeps.compare import Comparison
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.folder import RunFolder, read_run
from antiscale.sweeps.plan import Plan

CONFIG = SweepConfig(horizon=64, repeats=30, rewards=8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunFolder]:
    """A run with changed settings, made once."""
    home = tmp_path_factory.mktemp("runs")

    def make(**changes: Any) -> RunFolder:
        config = dataclasses.replace(CONFIG, **changes)
        path: Path = home / Plan.of(config).hash
        if not path.exists():
            ac.sweep(config, out=path)
        return read_run(path)

    return make


class Edited(RunFolder):
    """A run whose results were changed after the fact."""

    def __init__(self, run: RunFolder, edit: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(run.path, copy.deepcopy(run.manifest))
        self.edited = run.result()
        edit(self.edited)

    def result(self) -> dict[str, Any]:
        return self.edited


def shown(found: Comparison) -> str:
    console = Console(width=120, file=io.StringIO())
    console.print(screen(found, "one", "two"))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 120
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def test_a_run_does_not_differ_from_itself(runs: Callable[..., RunFolder]) -> None:
    found = compare.compare(runs(), runs())
    assert not found.differs
    assert found.differences == found.config == found.versions == found.code == []
    assert (found.cells, found.sampled) == (3, 3 * 8)
    assert found.exact >= 3 * 15
    assert found.largest == 0
    assert "Nothing differs beyond its interval: 3 cells in common" in shown(found)


def test_another_seed_is_not_a_difference(runs: Callable[..., RunFolder]) -> None:
    found = compare.compare(runs(), runs(seed=1))
    assert not found.differs
    assert [change.name for change in found.config] == ["seed"]
    assert found.differences  # every sampled value is another
    assert found.largest is not None
    assert found.limit is not None
    assert 0 < found.largest < found.limit
    assert "stated rewards, which are drawn" in shown(found)


def test_z_is_welchs_from_the_replicates(runs: Callable[..., RunFolder]) -> None:
    pair = runs(), runs(seed=1, repeats=50)
    found = compare.compare(*pair)
    z = {(d.horizon, d.column): d.z for d in found.differences}
    replicates = [pd.read_parquet(run.path / "replicates.parquet") for run in pair]
    for horizon in (16, 32, 64):
        losses = [frame[frame.horizon == horizon] for frame in replicates]
        for side in ("vf", "vb"):
            samples = [frame[f"{side}_loss"] for frame in losses]
            welch = stats.ttest_ind(*samples, equal_var=False)
            assert z[horizon, f"{side}_mean"] == pytest.approx(welch.statistic, rel=1e-9)
    # Student's with the fewer replicates' freedom, the chance shared by all comparisons.
    assert found.sampled == 24
    assert found.limit == pytest.approx(stats.t.isf(compare.CHANCE / 24 / 2, 29), rel=1e-9)


def test_another_spread_is_a_difference(runs: Callable[..., RunFolder]) -> None:
    found = compare.compare(runs(), runs(parameters={"spread": 0.5}, horizon=32))
    assert found.differs
    assert found.only_first == [(64, 2048, 0.0)]
    assert found.only_second == []
    changes = {change.name: (change.first, change.second) for change in found.config}
    assert changes == {"horizon": (64, 32), "parameters.spread": (1.0, 0.5)}
    beyond = {difference.column for difference in found.beyond}
    assert {"sigma", "vf_lower", "vf_mean", "gap_measured"} <= beyond
    assert "base_return" not in beyond  # the knob keeps J
    text = shown(found)
    assert "parameters.spread 1.0 0.5" in text
    assert "Only A has (H = 64, n = 2048)." in text
    assert "vf_mean 2 of 2" in text


def test_runs_without_a_common_cell_differ(runs: Callable[..., RunFolder]) -> None:
    found = compare.compare(runs(horizon=16), runs(horizon=16, samples=100))
    assert found.differs
    assert (found.cells, found.limit, found.largest) == (0, None, None)
    assert "no cell (H, n) in common" in shown(found)


def test_noise_is_a_place_only_where_it_varies(runs: Callable[..., RunFolder]) -> None:
    small: dict[str, Any] = {"horizon": 16, "repeats": 4, "rewards": 4}
    found = compare.compare(runs(**small), runs(**small, noise=0.2))
    assert found.cells == 1
    varied = runs(**small, noise=0.2, vary="noise")
    found = compare.compare(runs(**small), varied)
    assert found.cells == 1
    assert len(found.only_second) == 6
    assert not found.beyond  # where noise is zero, the same cell


def edit_cell(column: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def edit(result: dict[str, Any]) -> None:
        result["rows"][1][column] = change(result["rows"][1][column])

    return edit


@pytest.mark.parametrize(
    ("column", "change", "beyond"),
    [
        ("vf_lower", lambda value: value * (1 + 1e-7), True),
        ("vf_lower", lambda value: value * (1 + 1e-11), False),
        ("vb_upper", lambda value: None, True),
        ("rewards_stated", lambda value: value + 1, True),
        ("vf_mean", lambda value: value + 1e-10, False),
        ("vf_mean", lambda value: value * 2, True),
        ("vf_sup_mean", lambda value: value * 2, False),
        ("vf_loss", lambda value: value * 2, False),  # repeats what is judged already
        ("vf_lower_name", lambda value: "T4x", False),
    ],
)
def test_exact_values_may_differ_by_rounding_only(
    runs: Callable[..., RunFolder], column: str, change: Callable[[Any], Any], beyond: bool
) -> None:
    found = compare.compare(runs(), Edited(runs(), edit_cell(column, change)))
    repeated = column == "vf_loss"
    assert [d.column for d in found.differences] == ([] if repeated else [column])
    assert found.differs is beyond
    assert [d.column for d in found.beyond] == ([column] if beyond else [])
    if column == "vf_lower_name":
        assert "Texts that differ: vf_lower_name." in shown(found)
    else:
        shown(found)


def test_what_has_no_spread_is_judged_as_it_stands(runs: Callable[..., RunFolder]) -> None:
    def constant(value: float) -> Callable[[dict[str, Any]], None]:
        def edit(result: dict[str, Any]) -> None:
            for name in ("vb_mean", "vb_low", "vb_high"):
                result["rows"][0][name] = value
            result["rows"][0]["vb_error"] = 0.0

        return edit

    found = compare.compare(Edited(runs(), constant(0.0)), Edited(runs(), constant(1.0)))
    (difference,) = found.beyond
    assert (difference.column, difference.z) == ("vb_mean", None)
    rounding = compare.compare(Edited(runs(), constant(0.0)), Edited(runs(), constant(1e-12)))
    assert not rounding.differs


def test_code_and_versions_are_told(runs: Callable[..., RunFolder]) -> None:
    other = Edited(runs(), lambda result: result["rows"][0].pop("vf_lower"))
    other.manifest["git_commit"] = "0" * 40
    other.manifest["versions"]["numpy"] = "1.0"
    del other.manifest["versions"]["jax"]
    found = compare.compare(runs(), other)
    assert [change.name for change in found.code] == ["git_commit"]
    assert {change.name: change.second for change in found.versions} == {
        "numpy": "1.0", "jax": None
    }  # fmt: skip
    assert found.columns_first == ["vf_lower"]
    assert not found.differs
    text = shown(found)
    assert "numpy" in text
    assert "Only A has the columns vf_lower." in text
    json.dumps(found.to_json(), allow_nan=False)


def test_bounds_averaged_over_drawn_experts_are_not_judged(runs: Callable[..., RunFolder]) -> None:
    pair = runs(expert="hard", horizon=16), runs(expert="hard", horizon=16, seed=1)
    found = compare.compare(*pair)
    kinds = {difference.column: difference.kind for difference in found.differences}
    assert kinds["vf_upper"] == kinds["vf_class_upper"] == "unjudged"
    assert not found.beyond


class Made(RunFolder):
    """A run whose every mean is drawn here: normal replicates of known mean."""

    def __init__(self, run: RunFolder, draws: dict[str, Any]) -> None:
        super().__init__(run.path, run.manifest)
        self.made = run.result()
        for i, row in enumerate(self.made["rows"]):
            for name, sample in draws.items():
                row |= dict(zip([f"{name}_{end}" for end in ("mean", "low", "high", "error")],
                                intervals.mean(sample[i]), strict=True))  # fmt: skip

    def result(self) -> dict[str, Any]:
        return self.made


def test_chance_tells_runs_apart_as_rarely_as_stated(
    runs: Callable[..., RunFolder], rng: np.random.Generator
) -> None:
    names = ("vf", "vb", "vf_signed", "vb_signed", "vf_positive", "vb_positive", "vf_class")
    run, other = runs(), runs(repeats=12)
    told_apart = 0
    for _ in range(200):
        made = [
            Made(run, {name: rng.normal(5, 1, (3, 30)) for name in names}),
            Made(other, {name: rng.normal(5, 3, (3, 12)) for name in names}),
        ]
        found = compare.compare(*made)
        told_apart += any(d.kind == "sampled" and d.column != "gap_measured" for d in found.beyond)
    # At a chance of 1e-3 per pair, six of 200 or more come up with probability 7e-8.
    assert told_apart < 6
    apart = compare.compare(
        Made(run, {"vf": rng.normal(5, 1, (3, 30))}), Made(run, {"vf": rng.normal(8, 1, (3, 30))})
    )
    # Three apart at a standard error of 0.26: z is 11.6, and the limit 5 is missed at 1e-9.
    assert {d.horizon for d in apart.beyond if d.column == "vf_mean"} == {16, 32, 64}


def test_runs_of_before_errors_were_kept_are_judged_by_students_intervals(
    runs: Callable[..., RunFolder],
) -> None:
    def old(result: dict[str, Any]) -> None:
        for row in result["rows"]:
            for name in [name for name in row if name.endswith("_error") and name[:2] != "ve"]:
                base = name.removesuffix("_error")
                middle = row["gap_measured" if base == "gap" else f"{base}_mean"]
                half = float(stats.t.ppf(0.995, 29)) * row.pop(name)
                row[f"{base}_low"], row[f"{base}_high"] = middle - half, middle + half

    new, before = runs(), runs(seed=1)
    expected = {(d.horizon, d.column): d.z for d in compare.compare(new, before).differences}
    found = compare.compare(new, Edited(before, old)).differences
    assert {d.column for d in found} >= {"vf_mean", "vb_mean", "gap_measured"}
    for difference in found:
        if difference.z is not None:
            z = expected[difference.horizon, difference.column]
            assert difference.z == pytest.approx(z, rel=1e-9)


def test_asking_for_exact_risks_is_a_setting_and_no_result(runs: Callable[..., RunFolder]) -> None:
    def asked(result: dict[str, Any]) -> None:
        for row in result["rows"]:
            row |= {"exact": True, "vf_exact": 1.0, "vf_exact_reason": None}

    found = compare.compare(runs(), Edited(runs(), asked))
    assert {d.column for d in found.differences} == {"vf_exact", "vf_exact_reason"}
    assert not found.beyond
