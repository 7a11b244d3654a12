"""Shared by all tests. A test that samples states the probability that it fails by bad luck."""

from __future__ import annotations

import os

import numpy as np
import pytest

from antiscale.core import device

_CACHE = "JAX_COMPILATION_CACHE_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """Compile once: workers, the processes that tests start and later runs share a folder.

    It is in pytest's own cache, which `pytest --cache-clear` empties.
    """
    if _CACHE not in os.environ and config.pluginmanager.hasplugin("cacheprovider"):
        os.environ[_CACHE] = str(config.cache.mkdir("jax"))
    if _CACHE in os.environ:
        device.keep_compiled_code()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: a test sees the same numbers in every run."""
    return np.random.default_rng(20250217)
