"""The figures of the repository: one module each, from a configuration over rows to a picture.

A module has `RECORD` (what it shows), `Config` (a frozen dataclass), `rows(config, progress)` (all
that is computed), `draw(rows)` (the picture, or several by name) and `note(rows)` (one sentence of
reading). `build` reads experiments/figures/NAME.toml and writes figures/NAME.csv, .png, .svg, .pdf,
.json. A figure is found by its module and its configuration; nothing lists it.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from antiscale import presets
from antiscale.core import validate

# Called with the steps done, those in all, and what was just done.
Progress = Callable[[int, int, str], None]


class Record(NamedTuple):
    """What a figure is.

    Attributes
    ----------
    number
        Its place in the gallery; the paper's number up to 8.
    title
        What it shows.
    origin
        How it differs from the paper's.
    tables
        The files of its rows, by what `rows` calls them: CSV, or JSON for what is no table; one
        CSV of the figure's name if empty.
    digits
        How numbers are written in CSV; None for all their digits.
    script
        The program of a clone whose `rows` are measured, where that takes an idle machine or
        hours. Such a figure is drawn from the stored rows unless it is asked for by name.
    """

    number: int
    title: str
    origin: str
    tables: tuple[str, ...] = ()
    digits: str | None = "%.12g"
    script: str | None = None


def names() -> list[str]:
    """Return the names of all figures."""
    return presets.names("figures")


def module(name: str) -> Any:
    """Return a figure's module.

    Raises
    ------
    InputError
        If there is no such figure.
    """
    return importlib.import_module(f"antiscale.figures.{validate.choice('figure', name, names())}")


def records() -> dict[str, Record]:
    """Return every figure's record by name, in order of their numbers."""
    found = {name: module(name).RECORD for name in names()}
    return dict(sorted(found.items(), key=lambda item: item[1].number))


def part(rows: Any, panel: str, series: str | None = None) -> Any:
    """The rows of one panel, or of one series of it."""
    chosen = rows["panel"] == panel
    if series is not None:
        chosen &= rows["series"] == series
    return rows[chosen]


def by_series(rows: Any, panel: str) -> dict[str, Any]:
    """The rows of one panel by series, in the order in which they come."""
    return dict(iter(part(rows, panel).groupby("series", sort=False)))
