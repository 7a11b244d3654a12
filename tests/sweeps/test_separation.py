"""T9 as a tool: thresholds against the sweep's own rows, the phase diagram against theory."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

import antiscale as ac
from antiscale import plots
from antiscale.core.config import read_config
from antiscale.risks.rare_types import LightTypes
from antiscale.sweeps import phase
from antiscale.sweeps.case import Case, certified_gap
from antiscale.sweeps.run import run_sweep
from antiscale.sweeps.separation import reading, separation

ROOT = Path(__file__).parents[2]
SMALL = {"horizon": 256, "repeats": 8}


@pytest.fixture(scope="module")
def default():
    return separation(ac.SweepConfig(**SMALL), phase_horizon=None)


def test_its_rows_are_the_sweeps(default) -> None:
    rows = run_sweep(ac.SweepConfig(**SMALL)).rows
    assert [row["horizon"] for row in rows] == [row["horizon"] for row in default.rows]
    for ours, sweeps in zip(default.rows, rows, strict=True):
        for name, value in ours.items():
            assert value == sweeps[name], name
    assert default.in_n[-1] == default.rows[-1]


def test_the_smallest_certified_places_are_on_the_border(default) -> None:
    config = default.config

    def gap(horizon: int, n: int) -> float:
        return certified_gap(Case.of(config, horizon, n)).value or 0.0

    first = default.certified["horizon"]
    assert 64 < first <= 128
    assert default.certified["n"] == 32 * first
    assert gap(first, 32 * first) > 0 >= gap(first - 1, 32 * (first - 1))
    n = default.certified["horizon_n"]
    assert gap(256, n) > 0 >= gap(256, n - 1)
    assert default.measured["horizon"] == 16
    assert default.reason is None
    text = reading(default)
    assert f"certified from H = {first} (n = {32 * first}) on" in text


def test_the_readmes_thresholds_are_these(default) -> None:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"from \$H=(\d+)\$ on, and at \$H=4096\$ from \$n=(\d+)\$", readme)
    assert found is not None
    h, n = found.groups()
    assert int(h) == default.certified["horizon"]
    case = Case.of(ac.SweepConfig(), 4096, int(n))
    assert (certified_gap(case).value or 0) > 0
    assert (certified_gap(case.with_samples(int(n) - 1)).value or 0) <= 0
    sandwich = pd.read_csv(ROOT / "figures/sandwich.csv")
    last = sandwich[sandwich.panel == "cloning"].iloc[-1]
    assert f"{last.ratio:.3f} times the lower bound at $n=10^6$" in readme


def test_formulas_grow_as_theory_says(default) -> None:
    for side in ("vf", "vb"):
        found = default.exponents[side]
        # T4f's second order is n^(-1/3): its exponent nears the limit from above.
        assert found["bound"] == pytest.approx(found["theory"], abs=0.08)
    json.dumps(default.to_json(), allow_nan=False)


def test_a_homogeneous_base_is_never_certified_and_told_why() -> None:
    options = read_config(ROOT / "experiments/homogeneous_styles.toml") | SMALL
    found = separation(ac.SweepConfig.from_mapping(options), phase_horizon=None)
    assert found.certified == {"horizon": None, "n": None, "horizon_n": None}
    assert "never certified" in reading(found)
    assert found.reason is not None
    assert "both grow alike, so no H is large enough" in found.reason


def test_a_gap_that_does_not_grow_is_told_so() -> None:
    config = ac.SweepConfig(family="homogeneous", **SMALL)
    found = separation(config, phase_horizon=None)
    assert found.certified["horizon"] == 16
    assert found.reason is not None
    assert "the gap does not grow" in found.reason


def test_where_no_lower_bound_holds_the_reason_is_given() -> None:
    config = ac.SweepConfig(family="geometric", parameters={"announced": False}, **SMALL)
    found = separation(config, phase_horizon=None)
    assert found.certified["horizon"] is None
    assert "hitting time shows only as it happens" in reading(found)


def test_it_varies_the_horizon() -> None:
    with pytest.raises(ac.InputError, match="separation varies H; got vary = 'n'"):
        separation(ac.SweepConfig(vary="n", samples=64, **SMALL))


def test_phases_have_theorys_signs_away_from_the_border() -> None:
    top = 2.0**24
    for a, b in ((1.0, 1.0), (0.95, 0.8), (0.85, 1.2), (0.8, 1.6)):
        growing = phase.place("growing", a, b, top, 0.25)
        bounded = phase.place("bounded", a, b, top, 0.25)
        assert growing is not None
        assert bounded is not None
        assert growing["gap"] > 0
        assert bounded["gap"] > 0
        assert a > phase.boundary("growing", b)
    for a, b in ((0.5, 1.0), (0.6, 0.8), (0.3, 1.6), (0.1, 0.6)):
        growing = phase.place("growing", a, b, top, 0.25)
        bounded = phase.place("bounded", a, b, top, 0.25)
        assert growing is not None
        assert bounded is not None
        assert a < phase.boundary("growing", b)
        assert growing["gap"] < 0
        # All rewards lie within H^a: verification is below even where T7b with H is not.
        assert bounded["gap"] > 0
    assert phase.place("bounded", 0.5, 0.01, 1024.0, 0.25) is None


def test_bounds_hold_all_over_the_diagram() -> None:
    rows = phase.diagram(4096.0, 0.25, points=5)
    assert len(rows) == 50
    for row in rows:
        assert row["vb"] <= min(row["vb_upper"], row["vb_upper_range"]) * (1 + 1e-9)
        # SFT's loss at one expert is no bound on the worst expert's, but here it lies above.
        assert row["vf"] >= row["vf_lower"]
        # Both sides against one policy: their ratio is what is drawn.
        assert row["ratio"] == row["vf"] / row["vb"]
        assert row["panel"] == "growing" or row["ratio"] > 1


def test_the_stored_diagram_and_sandwich_are_the_codes() -> None:
    """A sample of the committed rows, computed anew."""
    stored = pd.read_csv(ROOT / "figures/phase.csv")
    stored = stored[stored["panel"].isin(phase.PANELS)]
    for _, row in stored.iloc[:: len(stored) // 6].iterrows():
        again = phase.place(row["panel"], row["a"], row["b"], row["horizon"], 0.25)
        assert again is not None
        for name in ("vf", "vb", "ratio", "vf_lower", "vb_upper", "vb_upper_range", "max_ratio"):
            assert again[name] == pytest.approx(row[name], rel=1e-6, abs=1e-9), name


def test_both_sides_are_compared_with_the_balls_best_policy() -> None:
    found = phase.place("growing", 0.9, 0.8, 4096.0, 0.25)
    assert found is not None
    model = LightTypes(horizon=4096.0, n=found["n"], light=phase.LIGHT, heavy_gap=4096**0.9 / 2,
                       light_gap=2048.0, kappa=0.25)  # fmt: skip
    assert found["vf"] == model.cloning_risk(phase.LIGHT // 2) != model.cloning_risk()


def test_the_diagram_draws_where_the_ratio_is_one() -> None:
    stored = pd.read_csv(ROOT / "figures/phase.csv")
    for panel, count in (("bounded", 1), ("growing", 2)):
        axes = Figure().subplots()
        plots.draw_phase(axes, stored[stored["panel"] == panel])
        drawn = [part for part in axes.collections if isinstance(part, ContourSet)]
        assert len(drawn) == count
        text = [entry.get_text() for entry in axes.get_legend().get_texts()]
        assert ("VF/VB = 1: nowhere" in text) == (panel == "bounded")


@pytest.mark.slow
def test_the_figure_draws_with_and_without_phases(default) -> None:
    frames = [pd.DataFrame(rows) for rows in (default.rows, default.in_n)]
    rows = phase.diagram(4096.0, 0.25, points=3)
    for given, count in ((None, 2), (pd.DataFrame(rows), 6)):  # two have a colour bar
        figure = plots.separation_figure(*frames, given, "A note.")
        assert len(figure.axes) == count
        first = plots.encode(figure)
        assert plots.encode(plots.separation_figure(*frames, given, "A note.")) == first
