"""One file of what a run found: its rows, or its picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.folder import write_whole
from antiscale.sweeps.folder import parquet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_PICTURES = ("png", "svg", "pdf")


class Result(Protocol):
    """What a run returns."""

    @property
    def frame(self) -> pd.DataFrame:
        """The rows."""

    def plot(self) -> Figure:
        """Draw them."""

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""


def save(result: Result, file: str | Path) -> Path:
    """Write rows (.parquet, .csv), the JSON object (.json) or the picture (.png, .svg, .pdf).

    Raises
    ------
    InputError
        If the name ends in something else, or the file cannot be written.
    """
    path = Path(file)
    kind = path.suffix.lower().removeprefix(".")
    if kind in _PICTURES:
        from antiscale.plots import encode

        content = encode(result.plot(), [kind])[kind]
    elif kind == "parquet":
        content = parquet(result.frame)
    elif kind == "csv":
        content = result.frame.to_csv(index=False).encode()
    elif kind == "json":
        content = json.dumps(writable(result.to_json()), allow_nan=False).encode()
    else:
        raise InputError(
            f"{path} must end in .parquet, .csv or .json (rows), or .png, .svg or .pdf (picture)"
        )
    write_whole(path, content)
    return path
