"""What the documents say of rollouts is stored, and what is stored is what the code gives."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from scipy import stats

import antiscale as ac
from antiscale import plots
from antiscale.core.numbers import interval, number, with_ends
from antiscale.figures import build, diagnose
from antiscale.plots.rollouts import diagnose_figure
from antiscale.rollouts import reading

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BOUNDS = (ROOT / "paper_bounds.md").read_text()
SUMMARY = json.loads((ROOT / "figures/rollouts_codet.json").read_text())
PAIRS = json.loads((ROOT / "figures/rollouts_gsm8k.json").read_text())
COVERAGE = pd.read_csv(ROOT / "figures/rollouts_coverage.csv")
MEANS = pd.read_csv(ROOT / "figures/rollouts_coverage_means.csv")


def experiment(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


DOCUMENTS, COVER = experiment("documents"), experiment("coverage")


def stored() -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """The tables and the summary of the CodeT samples, as they are in the repository."""
    rows = build.rows_of("diagnose", ROOT / "figures")
    tables = {name: rows[f"rollouts_codet_{name}.csv"] for name in diagnose.TABLES}
    return tables, rows["rollouts_codet.json"]


# The README.


def test_the_readmes_reading_is_the_commands() -> None:
    assert reading.sentences(SUMMARY) == SUMMARY["reading"]
    for sentence in SUMMARY["reading"]:
        assert f"> {sentence}\n" in README


def test_the_readmes_table_is_the_stored_summary() -> None:
    assert DOCUMENTS.horizons() in README
    assert DOCUMENTS.sentences() in README
    assert DOCUMENTS.rewritten("README.md") == README


def test_the_readmes_other_numbers_are_stored() -> None:
    tables, _ = stored()
    last = tables["problems"].query("horizon == 300")
    spread = last[last.sigma > 0]
    low = int((spread["c_0.25"] < 0.05).sum())
    assert f"{low} of the {len(spread)} problems with some spread" in README
    assert f"of the {(last.solutions == 0).sum()} never solved" in README
    assert f"{len(last)} HumanEval problems, {last.samples.iloc[0]} samples each" in README
    best, peak = SUMMARY["best_of"], SUMMARY["best_of_peak"]
    assert (
        f"goes from {best['1']:.3f} at n = 1 to {peak['accuracy']:.3f} at n = {peak['n']} and "
        f"back to {best['100']:.3f} at n = 100"
    ) in README
    assert (
        f"it loses {number(peak['loss_after'])} "
        f"{interval(peak['loss_after_low'], peak['loss_after_high'])}"
    ) in README
    assert f"pass@n goes on to {SUMMARY['pass_at']['100']:.3f}" in README
    roc = SUMMARY["roc"]
    ends = (roc[f"within_auc{end}"] for end in ("", "_low", "_high"))
    assert with_ends(*ends) in README
    shares = [row["correctness_share"] for row in SUMMARY["horizons"]]
    assert 0.45 < shares[0] < 0.55
    assert shares[-1] > 0.98
    for pair, words in zip(
        PAIRS, ("by {} points [{}, {}] with 6B", "by {} [{}, {}] with 175B"), strict=True
    ):
        told = pair["reading"][0]
        (low, high) = re.findall(r"([+-][\d.]+) to ([+-][\d.]+) points", told)[0]
        difference = f"{100 * pair['comparison']['difference']:.1f}"
        assert words.format(difference, low.strip("+"), high.strip("+")) in README


def test_the_figure_is_drawn_from_the_stored_rows_alone() -> None:
    tables, summary = stored()
    figure = diagnose_figure(tables, summary)
    assert len(figure.axes) == 6
    assert plots.encode(figure) == plots.encode(diagnose_figure(*stored()))


def test_the_stored_rows_agree_with_one_another() -> None:
    tables, _ = stored()
    for row in SUMMARY["horizons"]:
        here = tables["problems"].query(f"horizon == {row['horizon']}")
        assert here.sigma.mean() == pytest.approx(row["sigma_mean"], rel=1e-5)
        assert here.mean_return.mean() == pytest.approx(row["mean_return"], rel=1e-5)
        for key, value in row["c_eps"].items():
            assert here[f"c_{key}"].mean() == pytest.approx(value, rel=1e-5)
        assert (here.sigma_low <= here.sigma + 1e-9).all()
        assert (here.sigma * 0.99**0.5 <= here.sigma_high + 1e-4).all()


# The coverage table.


def test_the_documents_coverage_is_the_stored_rows() -> None:
    assert DOCUMENTS.quantities() in BOUNDS
    assert DOCUMENTS.means() in BOUNDS


def test_certified_ends_hold_at_their_level_in_every_regime_of_independent_samples() -> None:
    assert set(MEANS.regime) == set(COVER.REGIMES)
    assert (MEANS.repeats == 2000).all()
    copies = MEANS.regime.str.contains("copies")
    assert (MEANS.covers[~copies] >= 0.96).all()
    # What is said of Student's low end, which is none, and of copies.
    assert MEANS.student_low_covers.min() < 0.9
    assert (MEANS.covers[copies] < 0.9).all()
    assert (MEANS.copies_seen == copies).all()


@pytest.mark.parametrize("name", ["right 40%", "right 40% to 60%", "right Beta(0.3, 1)"])
def test_stored_coverage_of_certified_ends_is_computed_anew(name: str) -> None:
    """150 other tables; each comparison fails by bad luck with probability 1e-6."""
    row = COVER.means(COVER.REGIMES[name], 10, 32, 150, seed=77)
    stored = MEANS[(MEANS.regime == name) & (MEANS.m == 10) & (MEANS.k == 32)].iloc[0]
    covered = round(150 * float(str(row["covers"])))
    assert stats.binomtest(covered, 150, 0.96, alternative="less").pvalue > 1e-6
    for end in ("low", "high", "truth"):
        assert float(str(row[end])) == pytest.approx(stored[end], abs=0.04)


def test_every_interval_covers_at_least_93_times_in_100() -> None:
    assert (COVERAGE.covered >= 0.93).all()
    assert set(COVERAGE.k) == {8, 32, 100}
    assert set(COVERAGE.policy) == {*COVER.POLICIES, COVER.MANY}
    # And says something: with 100 samples sigma is known to a quarter of H.
    assert (COVERAGE.query("k == 100 and quantity == 'sigma/H'").width < 0.26).all()


@pytest.mark.parametrize("k", [8, 100])
@pytest.mark.parametrize("name", ["right 10%, like lengths", "right 60%, short or long"])
def test_stored_coverage_is_computed_anew(name: str, k: int) -> None:
    """1000 other data sets; each comparison fails by bad luck with probability 1e-6."""
    for row in COVER.one_problem(COVER.POLICIES[name], k, 1000, seed=99):
        stored = COVERAGE[
            (COVERAGE.policy == name) & (COVERAGE.k == k) & (COVERAGE.quantity == row["quantity"])
        ].iloc[0]
        assert row["truth"] == pytest.approx(stored.truth, rel=1e-5)
        covered = round(1000 * float(row["covered"]))
        assert stats.binomtest(covered, 1000, 0.95, alternative="less").pvalue > 1e-6
        # Widths lie in [0, 1], so five standard errors are at most 0.09.
        assert abs(float(row["width"]) - stored.width) < 0.09


def test_stored_coverage_of_means_is_computed_anew() -> None:
    """30 other tables; each comparison fails by bad luck with probability 1e-6."""
    for row in COVER.many_problems(32, 30, seed=5):
        stored = COVERAGE[
            (COVERAGE.policy == COVER.MANY)
            & (COVERAGE.k == 32)
            & (COVERAGE.quantity == row["quantity"])
        ].iloc[0]
        covered = round(30 * float(row["covered"]))
        assert stats.binomtest(covered, 30, 0.95, alternative="less").pvalue > 1e-6
        assert float(row["width"]) == pytest.approx(stored.width, abs=0.05)


# The real tables, which come with the package.


@pytest.fixture(scope="module")
def codet() -> dict[str, Any]:
    return ac.diagnose(example="codet").to_json()


def test_codet_gives_what_its_description_says(codet: dict[str, Any]) -> None:
    assert (codet["problems"], codet["samples"]) == (164, 16_400)
    assert codet["accuracy"] == pytest.approx(0.221, abs=5e-4)
    assert codet["pass_at"]["10"] == pytest.approx(0.504, abs=1e-3)
    assert codet["pass_at"]["100"] == codet["solved"] == pytest.approx(0.738, abs=1e-3)
    expected = {1: 0.221, 4: 0.302, 8: 0.298, 16: 0.274, 32: 0.249, 100: 0.212}
    for n, value in expected.items():
        assert codet["best_of"][str(n)] == pytest.approx(value, abs=1e-3)
    assert codet["roc"]["within_auc"] == pytest.approx(0.78, abs=5e-3)
    assert codet["roc"]["mixed_problems"] == 121
    last = codet["horizons"][-1]
    assert last["horizon"] == 300
    # The description has the population's standard deviation; ours has k - 1 in place of k.
    for name, value in (("sigma_mean", 56.2), ("sigma_median", 52.4)):
        assert last[name] * 0.99**0.5 == pytest.approx(value, abs=0.05)
    for key, value in (("0.5", 0.153), ("1", 0.099), ("2", 0.050)):
        assert last["c_eps"][key] == pytest.approx(value, abs=1e-3)


# Simulated, and drawn otherwise by other versions of what draws them.
DRAWN = ("vf_measured", "vf_measured_low", "vf_measured_high", "n_measured")


def same(found: Any, kept: Any, where: str) -> None:
    """Equal, but for the last digits, which change with versions, and what is simulated.

    Two simulated means differ by more than four half widths of a 95% interval, 5.5 standard errors
    of their difference, with probability 3e-8.
    """
    if isinstance(kept, dict):
        assert found.keys() == kept.keys(), where
        for key in kept.keys() - set(DRAWN):
            same(found[key], kept[key], f"{where}.{key}")
        if "vf_measured" in kept:
            half = (kept["vf_measured_high"] - kept["vf_measured_low"]) / 2
            assert abs(found["vf_measured"] - kept["vf_measured"]) < 4 * half, where
            assert 0.5 <= found["n_measured"] / kept["n_measured"] <= 2, where
    elif isinstance(kept, list):
        for i, (one, other) in enumerate(zip(found, kept, strict=True)):
            same(one, other, f"{where}.{i}")
    elif isinstance(kept, float):
        assert found == pytest.approx(kept, rel=1e-4, abs=1e-9), where
    else:
        assert found == kept, where


def test_codet_gives_the_stored_summary(codet: dict[str, Any]) -> None:
    same(codet, SUMMARY, "codet")


def test_gsm8ks_pairs_are_those_of_the_stored_comparison() -> None:
    config = build.configuration("diagnose", ROOT / "experiments/figures", fast=False)
    found = diagnose.compared(config)
    same(found, PAIRS, "gsm8k")
    accuracies = [
        pair["comparison"][name] for pair in found for name in ("accuracy_against", "accuracy")
    ]
    assert accuracies == pytest.approx([0.217, 0.390, 0.347, 0.563], abs=1e-3)
    for pair in found:
        assert pair["comparison"]["low"] > 0
        assert "One sample per problem cannot give sigma_x" in pair["reading"][1]
