"""The tutorial runs from top to bottom, says what is so, and uses public names only."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import antiscale as ac
from tests.notebooks import FOLDER, opened

FILE = FOLDER / "tutorial.py"


@pytest.fixture(scope="module")
def app() -> Any:
    return opened("tutorial")


def knobs(horizon: int, spread: float, kappa: float) -> dict[str, Any]:
    """What the notebook's controls hold; given, their cell is not run."""
    values = {"budget": horizon, "spread": spread, "radius": kappa}
    return {name: SimpleNamespace(value=value) for name, value in values.items()}


def words(outputs: Any) -> str:
    html = " ".join(getattr(output, "text", "") for output in outputs)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_it_runs_and_ends_with_the_gap(app: Any) -> None:
    outputs, found = app.run()
    assert len(outputs) == 10
    rows = found["rows"]
    assert list(rows.horizon) == [16, 32, 64, 128, 256, 512, 1024]
    # Its bounds for one place are the sweep's there.
    assert found["must_lose"] == pytest.approx(rows.vf_lower.iloc[-1], rel=1e-12)
    assert found["may_lose"] == pytest.approx(rows.vb_upper.iloc[-1], rel=1e-12)
    assert found["gap"] == pytest.approx(rows.gap_certified.iloc[-1], rel=1e-12)
    assert (rows.vf_mean > rows.vb_mean).all()
    # The fits' standard errors are 0.0084 and 0.017: more than five of them off has chance 6e-7.
    assert found["exponents"]["vf_slope"] == pytest.approx(0.5, abs=0.05)
    assert found["exponents"]["vb_slope"] == pytest.approx(0.0, abs=0.1)
    text = words(outputs)
    assert f"loses at least {found['must_lose']:.3g} tokens" in text
    assert "verification certainly wins here" in text


def test_its_numbers_follow_from_the_definitions(app: Any) -> None:
    _, found = app.run(defs=knobs(64, 1.0, 0.1))
    model = found["model"]
    p, r = model.pmf[0], np.maximum(64 - model.hitting_times[0] + 1, 0)
    assert found["mean"][0] == pytest.approx(p @ r)
    assert found["sigma"][0] == pytest.approx(np.sqrt(p @ (r - p @ r) ** 2))
    assert found["n"] == 2048


def test_every_knob_may_be_turned(app: Any) -> None:
    outputs, found = app.run(defs=knobs(64, 0.2, 1.0))
    assert found["model"].horizon == 64
    assert found["gap"] < 0
    assert "not certain at this budget" in words(outputs)


def test_it_uses_public_names_in_ten_cells() -> None:
    tree = ast.parse(FILE.read_text())
    cells = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(cells) == 10
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"marimo", "numpy", "Figure", "antiscale"}
    used = set(re.findall(r"\bac\.(\w+)(?:\.(\w+))?", FILE.read_text()))
    assert len(used) > 10
    for name, part in used:
        assert name in ac.__all__
        packages = ("bounds", "families", "rewards")
        assert not part or (name in packages and part in vars(getattr(ac, name)))
