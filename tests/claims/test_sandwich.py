"""The sandwich figure: the document's tables and the stored rows are what the code gives."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from antiscale.figures import build, sandwich

ROOT = Path(__file__).parents[2]
STORED = pd.read_csv(ROOT / "figures/sandwich.csv")
DOCUMENT = (ROOT / "paper_bounds.md").read_text()


CONFIG = build.configuration("sandwich", ROOT / "experiments/figures", fast=False)


@pytest.mark.parametrize("n", [10, 1000])
def test_stored_cloning_rows_are_computed_anew(n: int) -> None:
    row = STORED[(STORED.panel == "cloning") & (STORED.n == n)].iloc[0]
    for name, value in sandwich.cloning(CONFIG, n).items():
        assert value == pytest.approx(row[name], rel=1e-6), name


@pytest.mark.parametrize("n", [512, 2**20])
@pytest.mark.parametrize("sharp", [False, True])
def test_stored_verification_rows_are_computed_anew(n: int, sharp: bool) -> None:
    panel = "verification, sharp" if sharp else "verification"
    row = STORED[(panel == STORED.panel) & (STORED.n == n)].iloc[0]
    for name, value in sandwich.verification(CONFIG, n, sharp=sharp).items():
        assert value == pytest.approx(row[name], rel=1e-5, abs=1e-9), name


def test_the_sandwich_closes() -> None:
    cloning = STORED[STORED.panel == "cloning"]
    assert cloning.n.iloc[-1] == 10**6
    assert (cloning.ratio.diff().dropna() < 0).all()
    assert 1 < cloning.ratio.iloc[-1] < 1.02
    known = cloning.dropna(subset=["bayes"])
    assert (known.bayes <= known.learner).all()
    for panel, limit in (("verification", 12.0), ("verification, sharp", 5.3)):
        rows = STORED[panel == STORED.panel]
        assert rows.ratio.iloc[-1] == pytest.approx(limit, rel=0.03)
        assert (rows.lower <= rows.bayes * (1 + 1e-6)).all()
        assert (rows.bayes <= rows.learner * (1 + 1e-9)).all()
        assert (rows.learner_sup <= rows.upper).all()
        assert (rows.wide < 0).all()


def shown(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.4g}"


def test_the_documents_tables_are_the_stored_rows() -> None:
    columns = ["upper", "learner", "bayes", "many_point_exact", "many_point_affinity",
               "two_point_exact", "two_point_affinity", "ratio"]  # fmt: skip
    lines = 0
    for _, row in STORED[STORED.panel == "cloning"].iterrows():
        line = f"| {row.n} | " + " | ".join(shown(row[name]) for name in columns) + " |"
        lines += line in DOCUMENT
    assert lines == 6
    columns = ["upper", "learner_sup", "learner", "bayes", "lower", "ratio", "wide"]
    lines = 0
    for _, row in STORED[STORED.panel != "cloning"].iterrows():
        name = "T8b, T7a" if "sharp" in row.panel else "T8a, T7b"
        cells = " | ".join(shown(row[column]) for column in columns)
        lines += f"| {name} | {row.n} | {cells} |" in DOCUMENT
    assert lines == 8
