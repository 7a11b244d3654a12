"""What became of each figure, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from antiscale.cli.screens.tables import table
from antiscale.figures import FIGURES


def screen(found: list[dict[str, Any]]) -> Table:
    """Return one line per figure."""
    shown = table("figure", "name", "shows", "state", wrap=("shows",))
    for each in found:
        number, title = FIGURES[each["name"]]
        shown.add_row(str(number), each["name"], title, each["state"])
    return shown
