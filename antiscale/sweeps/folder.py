"""Run folders: what a sweep leaves on disk, and how one that was cut short goes on.

    runs/<config hash>/manifest.json    configuration, seed, versions, device, times, list of files
                       rows.parquet     one row per (H, n), every parameter repeated; rows.csv too
                       replicates.parquet   the losses of every replicate
                       result.json      rows and fit, as printed by --json
                       plot.png, plot.svg; report.html once `antiscale report` made it
                       cells/           finished cells of a run that is under way

`antiscale.core.folder` says how such folders are written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from antiscale.core.errors import InputError
from antiscale.core.folder import MANIFEST, Folder, now, of_command, read_json, read_manifest, shown
from antiscale.core.provenance import git_commit, versions
from antiscale.sweeps.config import SCHEMA, Place
from antiscale.sweeps.plan import Plan, Planned
from antiscale.sweeps.rows import ARM_COLUMNS, COLUMNS, Column, pass_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from antiscale.sweeps.cell import Cell

# A column that says for which k there are others.
_PASS = r"pass_at_(\d+)_base"
_RESULTS = ("rows.parquet", "rows.csv", "replicates.parquet", "result.json")


class RunFolder(Folder):
    """One sweep's folder; `open_run` makes or resumes it."""

    def _cell_file(self, place: Place) -> str:
        noise = f"-noise{place.noise:.6g}" if place.noise > 0 else ""
        return f"cells/H{place.horizon}-n{place.n}{noise}.json"

    def save_cell(self, place: Place, cell: Cell) -> None:
        """Keep a finished cell until the run is complete."""
        replicates = {k: v.tolist() for k, v in cell.replicates.items()}
        body = json.dumps({"row": cell.row, "replicates": replicates}, allow_nan=False)
        digest = hashlib.sha256(body.encode()).hexdigest()
        self.write(self._cell_file(place), json.dumps({"sha256": digest, "cell": body}).encode())

    def load_cell(self, place: Place) -> Cell | None:
        """Return a finished cell of an earlier attempt, None if there is none.

        Raises
        ------
        InputError
            If the file is there but damaged.
        """
        from antiscale.sweeps.cell import Cell

        file = self.path / self._cell_file(place)
        if not file.exists():
            return None
        try:
            wrapped = read_json(file)
            body = wrapped["cell"]
            if hashlib.sha256(body.encode()).hexdigest() != wrapped["sha256"]:
                raise ValueError("checksum")
            cell = json.loads(body)
            if (cell["row"]["horizon"], cell["row"]["n"]) != (place.horizon, place.n):
                raise ValueError("another place")
            replicates = {k: np.asarray(v, dtype=float) for k, v in cell["replicates"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"{file} is damaged; delete it to compute it again, or pass --overwrite"
            ) from None
        return Cell(cell["row"], replicates)

    def store(
        self, rows: pd.DataFrame, replicates: pd.DataFrame, result: dict[str, Any], started: float
    ) -> None:
        """Write the results and mark the run complete; its cells are then no longer needed."""
        self.write("rows.parquet", parquet(rows))
        self.write("rows.csv", rows.to_csv(index=False).encode())
        self.write("replicates.parquet", parquet(replicates))
        self.write("result.json", json.dumps(result, indent=1, allow_nan=False).encode())
        self.finish(list(_RESULTS), wall_time_s=round(time.perf_counter() - started, 3))

    def rows(self) -> pd.DataFrame:
        """Return the rows of a complete run."""
        import pandas as pd

        return pd.read_parquet(self.path / "rows.parquet")

    def result(self) -> dict[str, Any]:
        """Return rows and fit, as printed by --json."""
        return read_json(self.path / "result.json")


def open_run(planned: Planned, path: Path, *, overwrite: bool = False) -> RunFolder:
    """Make the run's folder, or take up the one that is there; locked unless it is complete.

    Raises
    ------
    InputError
        If the folder cannot be written, holds another configuration or other files, or is damaged;
        or if a learner that was given as an object has no source by which to name the run.
    """
    from antiscale.core import device

    plan = Plan.of(planned)
    if plan.nameless is not None:
        raise InputError(plan.nameless)
    machine = f"{device.description()}; {os.cpu_count()} cores, {platform.machine()}"
    return RunFolder.open(
        path, SCHEMA, plan.hash, overwrite=overwrite, seed=plan.config.seed,
        config=plan.config.to_dict(), sources=plan.sources, versions=versions(), device=machine,
        git_commit=git_commit(), started=now(),
    )  # fmt: skip


def read_run(path: Path) -> RunFolder:
    """Open a complete run to read from.

    Raises
    ------
    InputError
        If there is none, it is not complete, or it is damaged.
    """
    if not (path / MANIFEST).is_file():
        raise InputError(f"{path} is not a run: it has no {MANIFEST}")
    folder = RunFolder(path, read_manifest(path))
    if folder.manifest["schema"] != SCHEMA:
        whose = "of another version" if of_command(folder.manifest, SCHEMA) else "not of a sweep"
        raise InputError(
            f"{path} holds {shown(folder.manifest['schema'])}, not the results of a sweep "
            f"({SCHEMA}): they are {whose}; name a folder that antiscale sweep left"
        )
    if not folder.complete:
        raise InputError(f"{path} is not complete; run its sweep again to finish it")
    if set(_RESULTS) - {name for name, digest in folder.files.items() if digest is not None}:
        raise InputError(f"{path} lacks results; run its sweep again with --overwrite")
    folder.verify()
    return folder


def arrow_field(column: Column) -> pa.Field[Any]:
    """A column's field of an Arrow schema, with its unit and meaning."""
    import pyarrow as pa

    about = {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, pa.type_for_alias(column.type), metadata=about)


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a Parquet file whose known columns have their type, unit and meaning in its schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    tries = [int(found[1]) for name in frame if (found := re.fullmatch(_PASS, str(name)))]
    known = ARM_COLUMNS | COLUMNS | pass_columns(tries, arms=True) | pass_columns(tries)
    fields = [
        arrow_field(known[field.name]) if field.name in known else field for field in table.schema
    ]
    buffer = io.BytesIO()
    pq.write_table(table.cast(pa.schema(fields, table.schema.metadata)), buffer)
    return buffer.getvalue()
