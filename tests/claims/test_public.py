"""The public names: there, documented, and not shadowed by modules."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import antiscale as ac


def modules() -> list[str]:
    return [
        m.name for m in pkgutil.walk_packages(ac.__path__, "antiscale.") if "__main__" not in m.name
    ]


def test_public_names_stay_functions_after_every_module_is_imported() -> None:
    # A submodule of the same name would replace a lazy function on import.
    for name in modules():
        importlib.import_module(name)
    for name in set(ac.__all__) - {"bounds", "families", "learners", "rewards", "search"}:
        assert not isinstance(getattr(ac, name), types.ModuleType), name
    assert ac.families is importlib.import_module("antiscale.models.families")


def test_the_public_names_are_those_of_the_stub_and_each_has_its_type() -> None:
    assert set(ac.__all__) == {
        "InputError", "SweepConfig", "TokenChain", "TraceModel", "__version__", "anticoncentration",
        "bounds", "chi2_ball_optimum", "chi2_ball_optimum_average", "chi2_ball_pessimist",
        "coverage", "diagnose", "families", "heterogeneity", "learners", "mean_return", "rewards",
        "search", "separation", "sharpness", "sweep", "theorems",
    }  # fmt: skip
    stub = ast.parse(Path(ac.__file__).with_suffix(".pyi").read_text())
    imported = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.name for node in imported for alias in node.names) == ac.__all__
    for node in imported:
        for alias in node.names:
            home = importlib.import_module("." + (node.module or alias.name), "antiscale")
            found = getattr(home, alias.name) if node.module else home
            assert getattr(ac, alias.name) is found, alias.name
            assert alias.asname == alias.name  # else a type checker takes it for private
    assert dir(ac) == ac.__all__


def test_names_of_earlier_versions_still_work_and_have_their_types() -> None:
    stub = ast.parse(Path(ac.__file__).with_suffix(".pyi").read_text())
    assigned = {node.targets[0].id for node in stub.body if isinstance(node, ast.Assign)}
    assert assigned == set(ac._EARLIER)
    assert {"load_family", "load_class", "geometric_chain", "BallOptimum"} <= assigned
    for name in assigned:
        assert getattr(ac, name).__name__ == name
    assert ac.load_family is ac.families.load_family


def test_a_trace_model_shows_itself_in_one_line() -> None:
    model = ac.families.load_family("heterogeneous", horizon=64)
    assert repr(model) == "<TraceModel heterogeneous: horizon 64, 8 prompts, 144 types>"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ac.nothing  # noqa: B018


def test_everything_public_has_a_docstring() -> None:
    missing = []
    for name in modules():
        module = importlib.import_module(name)
        if not module.__doc__:
            missing.append(name)
        for key, value in vars(module).items():
            ours = getattr(value, "__module__", None) == name
            if ours and not key.startswith("_") and inspect.isroutine(value) and not value.__doc__:
                missing.append(f"{name}.{key}")
    assert not missing


def test_importing_the_package_and_asking_for_help_does_not_load_jax() -> None:
    code = (
        "import sys, antiscale, antiscale.cli; "
        "raise SystemExit(any(m in sys.modules for m in ('jax', 'pandas', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_module_imports_in_a_circle() -> None:
    # Each first among our own, in a process of its own that loads what is not ours once.
    code = """
import importlib, sys
for name in ("antiscale.ball.optimum", "antiscale.bounds", "antiscale.sweeps.run",
             "antiscale.search", "antiscale.search.reading"):
    for loaded in [key for key in sys.modules if key.partition(".")[0] == "antiscale"]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
