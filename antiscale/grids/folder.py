"""What a grid leaves on disk: one Parquet data set of chunks, and a manifest.

    runs/grid-<hash>/manifest.json       what was asked for, versions, device, times, files
                     rows/part-*.parquet one file per chunk; together the data set
                     plot.png, plot.svg

Each chunk is written as it ends, under a name that holds the hash of what it is to compute, so that
a run that was stopped goes on, and two grids never mix.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiscale.core.errors import InputError
from antiscale.core.folder import MANIFEST, Folder, now, of_command, read_manifest, reading, shown
from antiscale.core.provenance import git_commit, versions
from antiscale.grids.plan import SCHEMA, Chunk, GridPlan
from antiscale.sweeps.folder import arrow_field
from antiscale.sweeps.rows import Column

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = b"antiscale.chunk"


class GridFolder(Folder):
    """One grid's folder; `open_grid` makes or resumes it."""

    def load(self, chunk: Chunk) -> pa.Table | None:
        """Return the rows of a chunk that an earlier attempt finished, None if there are none.

        Raises
        ------
        InputError
            If the file is there but damaged.
        """
        file = self.path / chunk.file
        if not file.exists():
            return None
        table = read_part(file)
        if (table.schema.metadata or {}).get(_CHUNK) != chunk.hash.encode():
            raise InputError(f"{file} holds another chunk; delete it to compute it again")
        return table

    def save(self, chunk: Chunk, table: pa.Table) -> None:
        """Keep a chunk."""
        self.write(chunk.file, encoded(table))

    def complete_with(self, chunks: list[Chunk], started: float) -> None:
        """Mark the grid complete."""
        seconds = round(time.perf_counter() - started, 3)
        self.finish([chunk.file for chunk in chunks], wall_time_s=seconds)


def open_grid(plan: GridPlan, path: Path, *, overwrite: bool = False) -> GridFolder:
    """Make the grid's folder, or take up the one that is there; locked unless it is complete.

    Raises
    ------
    InputError
        If the folder cannot be written, holds another grid or other files, or is damaged.
    """
    if plan.nameless is not None:
        raise InputError(plan.nameless)
    return GridFolder.open(
        path, SCHEMA, plan.hash, overwrite=overwrite, grid=plan.to_dict(), points=len(plan.points),
        versions=versions(), git_commit=git_commit(), started=now(),
    )  # fmt: skip


def is_grid(path: Path) -> bool:
    """Whether a folder holds a grid, finished or not.

    Raises
    ------
    InputError
        If its manifest is damaged.
    """
    return (path / MANIFEST).is_file() and of_command(read_manifest(path), SCHEMA)


def read_grid(path: Path) -> GridFolder:
    """Open a complete grid to read from.

    Raises
    ------
    InputError
        If it is not complete, of another version, or damaged.
    """
    folder = GridFolder(path, read_manifest(path))
    if folder.manifest["schema"] != SCHEMA:
        raise InputError(
            f"{path} holds {shown(folder.manifest['schema'])}, a grid of another version (this one "
            f"reads {SCHEMA})"
        )
    if not folder.complete:
        raise InputError(f"{path} is not complete; run its grid again to finish it")
    folder.verify()
    return folder


def table_of(chunk: Chunk, rows: list[dict[str, Any]], columns: dict[str, Column]) -> pa.Table:
    """Return a chunk's rows as a table whose columns have their type, unit and meaning."""
    import pyarrow as pa

    schema = pa.schema(map(arrow_field, columns.values()), {_CHUNK: chunk.hash.encode()})
    plain = {name: [_as(column, row.get(name)) for row in rows] for name, column in columns.items()}
    return pa.Table.from_pydict(plain, schema)


def encoded(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file, which a damaged one does not match."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, write_page_checksum=True)
    return buffer.getvalue()


def _as(column: Column, value: Any) -> Any:
    if value is None or column.type != "string":
        return value
    return value if isinstance(value, str) else str(value)


def read_part(file: Path) -> pa.Table:
    """Read a chunk's file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(file):
        try:
            return pq.read_table(file, page_checksum_verification=True)
        except (pa.ArrowException, ValueError) as error:
            line = str(error).splitlines()[0]
            raise InputError(
                f"{file} is damaged ({line:.80}); delete it to compute it again"
            ) from None
