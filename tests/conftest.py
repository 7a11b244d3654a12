"""Shared by all tests. A test that samples states the probability that it fails by bad luck."""

from __future__ import annotations

import numpy as np
import pytest

from antiscale.core import device as device  # float64 from the first JAX array on


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: a test sees the same numbers in every run."""
    return np.random.default_rng(20250217)
