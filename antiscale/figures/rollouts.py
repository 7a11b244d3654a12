"""Rows that `antiscale diagnose` derived from real rollouts, as the repository keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from antiscale.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def stored(table: str) -> pd.DataFrame:
    """Read figures/rollouts_<table>.csv.

    Raises
    ------
    InputError
        If it is missing.
    """
    import pandas as pd

    file = Path("figures") / f"rollouts_{table}.csv"
    if not file.is_file():
        raise InputError(f"{file} does not exist; run this in a clone of the repository")
    return pd.read_csv(file)
