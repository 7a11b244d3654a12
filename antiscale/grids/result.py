"""What a grid found: rows that draw, table and save themselves."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiscale.core import validate
from antiscale.grids import words
from antiscale.grids.axes import Axes
from antiscale.grids.folder import GridFolder, read_part
from antiscale.grids.plan import SCHEMA
from antiscale.sweeps.saving import save

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class GridResult:
    """What a grid found.

    Attributes
    ----------
    axes
        What varies.
    rows
        One row for each point and learner, as an Arrow table whose columns have unit and meaning.
    """

    axes: Axes
    rows: pa.Table

    @classmethod
    def of(cls, folder: GridFolder) -> GridResult:
        """Read the result of a complete grid, its rows in the order of the files."""
        import pyarrow as pa

        parts = [
            read_part(folder.path / name) for name in folder.files if name.endswith(".parquet")
        ]
        rows = pa.concat_tables([part.replace_schema_metadata() for part in parts])
        return cls(Axes.of(folder.manifest["grid"]), rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame; frames of any grids, and `SweepResult.arms`, concatenate."""
        frame: pd.DataFrame = self.rows.to_pandas()
        return frame

    @property
    def reading(self) -> str:
        """Who loses least, and where."""
        return words.reading(self.frame, self.axes.names)

    def table(
        self, value: str = "loss", rows: Sequence[str] | None = None, columns: str = "learner"
    ) -> pd.DataFrame:
        """Return one column's mean over all else, by axes.

        Parameters
        ----------
        value
            The column to show.
        rows
            Columns that name the lines; default: all axes but `columns` and the seed.
        columns
            The column whose values stand side by side.
        """
        lines = [name for name in words.varied(self.frame, self.axes.names) if name != columns]
        lines = [name for name in lines if name not in words.REPEATED]
        if rows is not None:
            lines = list(rows)
        for name in (value, columns, *lines):
            validate.choice("column", name, map(str, self.frame))
        if not lines:
            lines = ["horizon"]
        return self.frame.pivot_table(value, lines, columns, sort=False)

    def plot(
        self, x: str | None = None, y: str = "loss", *, facets: Sequence[str] | None = None,
        lines: str = "learner",
    ) -> Figure:  # fmt: skip
        """Draw one column along an axis, one line per learner, panels by two other axes.

        Parameters
        ----------
        x
            Along the horizontal axis; default: the axis with the most numbers.
        y
            The column to draw, with its interval.
        facets
            At most two columns, whose values make the panels: those of the first side by side,
            those of the second below one another. Default: the axes left. What is left then
            (seeds) is averaged over.
        lines
            The column whose values are lines.
        """
        from antiscale.plots.grid import grid_figure

        frame = self.frame
        x, panels = words.layout(frame, self.axes.names, x, facets, lines)
        for name in (x, y, lines, *panels):
            validate.choice("column", name, map(str, frame))
        return grid_figure(frame, x, y, lines, panels, self.reading)

    def save(self, file: str | Path) -> Path:
        """Write the rows (.parquet, .csv, .json) or the picture (.png, .svg, .pdf); return where.

        Raises
        ------
        InputError
            If the name ends in something else, or the file cannot be written.
        """
        return save(self, file)

    def to_json(self) -> dict[str, Any]:
        """Return the rows as plain values, for JSON."""
        return {"schema": SCHEMA, "rows": self.rows.to_pylist()}

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __str__(self) -> str:
        return self.reading

    def __repr__(self) -> str:
        return f"<GridResult of {len(self.axes)} points, {len(self)} rows: {self.reading}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.reading)}</p>{self.table().to_html(max_rows=40)}"
