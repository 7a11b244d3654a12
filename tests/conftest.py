"""Shared by all tests. A test that samples states the probability that it fails by bad luck."""

from __future__ import annotations

import os
import shutil
import tempfile

import numpy as np
import pytest

from antiscale.core import device

_CACHE = "JAX_COMPILATION_CACHE_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """Compile once per run: workers and the processes that tests start share one new folder."""
    if _CACHE not in os.environ:
        os.environ[_CACHE] = tempfile.mkdtemp(prefix="antiscale-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(_CACHE), ignore_errors=True))
    device.keep_compiled_code()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: a test sees the same numbers in every run."""
    return np.random.default_rng(20250217)
