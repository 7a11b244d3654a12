"""Shared by all tests. A test that samples states the probability that it fails by bad luck."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

from antiscale import cli, plots
from antiscale.core import device
from antiscale.plots import style

_CACHE = "JAX_COMPILATION_CACHE_DIR"
# Most of the tests' time would go into optimising code that runs once: they run it as it is.
_QUICKLY = "--xla_backend_optimization_level=0"
# The older code generator compiles three times as fast.
_FASTER = f"{_QUICKLY} --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def _flags() -> str:
    """The fastest flags that this version of XLA knows: it aborts on one that it does not."""
    start = [sys.executable, "-c", "import jax; jax.devices()"]
    known = subprocess.run(start, env=os.environ | {"XLA_FLAGS": _FASTER}, capture_output=True)
    return _QUICKLY if known.returncode else _FASTER


def pytest_configure(config: pytest.Config) -> None:
    """Compile once: workers, the processes that tests start and later runs share a folder.

    It is in pytest's own cache, which `pytest --cache-clear` empties. Your own XLA_FLAGS go first.
    """
    if "XLA_FLAGS" not in os.environ:
        os.environ["XLA_FLAGS"] = _flags()
    if _CACHE not in os.environ and config.pluginmanager.hasplugin("cacheprovider"):
        os.environ[_CACHE] = str(config.cache.mkdir("jax"))
    if _CACHE in os.environ:
        device.keep_compiled_code()


def pytest_collection(session: pytest.Session) -> None:
    """A quarter of the time of collection would go into looking for garbage among what stays."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """From now on look for it, but not among what was collected."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: a test sees the same numbers in every run."""
    return np.random.default_rng(20250217)


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn, but their files are empty: for tests of what is around them.

    Painting takes longer than a small sweep.
    """

    def blank(figure: Figure, kinds: Iterable[str] = ("png", "svg")) -> dict[str, bytes]:
        assert isinstance(figure, Figure)
        return dict.fromkeys(kinds, b"-")

    for module in (plots, style):
        monkeypatch.setattr(module, "encode", blank)


class Ran(NamedTuple):
    """What a command left: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["antiscale", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        return Ran(int(exit_.value.code or 0), out, err)

    return call
