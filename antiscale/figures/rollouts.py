"""Rows that `antiscale diagnose` derived from real rollouts, as they are in figures/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from antiscale import presets

if TYPE_CHECKING:
    import pandas as pd


def stored(table: str) -> pd.DataFrame:
    """Read rollouts_<table>.csv."""
    import pandas as pd

    return pd.read_csv(presets.rows() / f"rollouts_{table}.csv")
