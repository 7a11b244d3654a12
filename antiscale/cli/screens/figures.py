"""What became of each figure, for a terminal."""

from typing import Any

from rich.table import Table

from antiscale.cli.screens.tables import table
from antiscale.figures import module


def screen(found: list[dict[str, Any]]) -> Table:
    """Return one line per figure."""
    shown = table("figure", "name", "shows", "state", wrap=("shows",))
    for each in found:
        record = module(each["name"]).RECORD
        shown.add_row(str(record.number), each["name"], record.title, each["state"])
    return shown
