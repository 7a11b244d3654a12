"""The public names: there, documented, and not shadowed by modules."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import types

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
    for name in set(ac.__all__) - {"bounds", "search", "__version__"}:
        assert not isinstance(getattr(ac, name), types.ModuleType), name


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
