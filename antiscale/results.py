"""Run folders: what a sweep leaves on disk, and how one that was cut short goes on.

    runs/<config hash>/manifest.json    configuration, seed, versions, device, times, checksums
                       rows.parquet     one row per (H, n), every parameter repeated; rows.csv too
                       replicates.parquet   the losses of every replicate
                       result.json      rows and fit, as printed by --json
                       plot.png, plot.svg; report.html once `antiscale report` made it
                       cells/           finished cells of a run that is under way

Files are written under a temporary name and renamed, so each is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import antiscale
from antiscale.config import SCHEMA, Place, SweepConfig
from antiscale.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from antiscale.simulate import Cell

MANIFEST = "manifest.json"
_RESULTS = ("rows.parquet", "rows.csv", "replicates.parquet", "result.json")
_OURS = (MANIFEST, *_RESULTS, "plot.png", "plot.svg", "report.html")
_TEMPORARY = ".partial-"


@dataclass
class RunFolder:
    """One run's folder; `open_run` makes or resumes it."""

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the run finished and its files may be trusted."""
        return self.manifest.get("status") == "complete"

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all."""
        target = self.path / name
        with _writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f"{_TEMPORARY}{os.getpid()}-{target.name}")
            try:
                partial.write_bytes(content)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    def write_manifest(self, **changes: Any) -> None:
        """Change the manifest's entries and write it."""
        self.manifest |= changes
        self.write(MANIFEST, (json.dumps(self.manifest, indent=2, allow_nan=False) + "\n").encode())

    def _cell_file(self, place: Place) -> str:
        noise = f"-noise{place.noise:.6g}" if place.noise > 0 else ""
        return f"cells/H{place.horizon}-n{place.n}{noise}.json"

    def save_cell(self, place: Place, cell: Cell) -> None:
        """Keep a finished cell until the run is complete."""
        content = {
            "row": cell.row,
            "replicates": {k: v.tolist() for k, v in cell.replicates.items()},
        }
        body = json.dumps(content, allow_nan=False)
        digest = hashlib.sha256(body.encode()).hexdigest()
        self.write(self._cell_file(place), json.dumps({"sha256": digest, "cell": body}).encode())

    def load_cell(self, place: Place) -> Cell | None:
        """Return a finished cell of an earlier attempt, None if there is none.

        Raises
        ------
        InputError
            If the file is there but damaged.
        """
        from antiscale.simulate import Cell

        file = self.path / self._cell_file(place)
        if not file.exists():
            return None
        try:
            wrapped = json.loads(file.read_bytes())
            body = wrapped["cell"]
            if hashlib.sha256(body.encode()).hexdigest() != wrapped["sha256"]:
                raise ValueError("checksum")
            cell = json.loads(body)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{file} is damaged; delete it to compute it again, or pass --overwrite"
            ) from None
        if not _has_shown(cell["row"]):
            return None  # of an earlier version: computed again
        return Cell(cell["row"], {k: np.asarray(v) for k, v in cell["replicates"].items()})

    def finish(
        self, rows: pd.DataFrame, replicates: pd.DataFrame, result: dict[str, Any], started: float
    ) -> None:
        """Write the results and mark the run complete; its cells are then no longer needed."""
        self.write("rows.parquet", _parquet(rows))
        self.write("rows.csv", rows.to_csv(index=False).encode())
        self.write("replicates.parquet", _parquet(replicates))
        self.write("result.json", json.dumps(result, indent=1, allow_nan=False).encode())
        self.write_manifest(
            status="complete",
            finished=_now(),
            wall_time_s=round(time.perf_counter() - started, 3),
            files={name: _digest(self.path / name) for name in _RESULTS},
        )
        with _writing(self.path):
            shutil.rmtree(self.path / "cells", ignore_errors=True)
            for stale in self.path.glob(f"{_TEMPORARY}*"):
                stale.unlink()

    def verify(self) -> None:
        """Check that the results of a complete run are as they were written.

        Raises
        ------
        InputError
            If a file is missing or differs from its checksum.
        """
        for name, digest in self.manifest.get("files", {}).items():
            file = self.path / name
            if not file.is_file() or _digest(file) != digest:
                raise InputError(
                    f"{file} is {'missing' if not file.exists() else 'damaged'}; run the sweep "
                    "again with --overwrite"
                )

    def rows(self) -> pd.DataFrame:
        """Return the rows of a complete run."""
        import pandas as pd

        return pd.read_parquet(self.path / "rows.parquet")

    def result(self) -> dict[str, Any]:
        """Return rows and fit, as printed by --json."""
        result: dict[str, Any] = json.loads((self.path / "result.json").read_bytes())
        if not _has_shown(result["rows"][0]):
            raise InputError(
                f"{self.path} was made by an earlier version, whose rows do not say which losses "
                "are exact; run the sweep again with --overwrite"
            )
        return result


def _has_shown(row: dict[str, Any]) -> bool:
    """Whether a row names the losses to show, and how they were found."""
    return "vf_method" in row


def open_folder(path: Path, schema: str) -> RunFolder:
    """Make a folder for results that are written in one go, or take one that holds such results.

    Raises
    ------
    InputError
        If the folder cannot be written or holds anything else.
    """
    folder = RunFolder(path)
    file = path / MANIFEST
    with _writing(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; choose another folder with --out")
        occupied = path.is_dir() and any(path.iterdir())
    if occupied and (not file.exists() or _read_manifest(file).get("schema") != schema):
        raise InputError(
            f"{path} holds other files than results of {schema.partition('/')[0]}; choose "
            "another --out"
        )
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return folder


def open_run(config: SweepConfig, path: Path, *, overwrite: bool = False) -> RunFolder:
    """Make the run's folder, or take up the one that is there.

    Raises
    ------
    InputError
        If the folder cannot be written, holds another configuration or other files, or is damaged.
    """
    folder = RunFolder(path)
    file = path / MANIFEST
    with _writing(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; choose another folder with --out")
        occupied = path.is_dir() and any(path.iterdir())
    if occupied and not file.exists():
        raise InputError(
            f"{path} holds files but no {MANIFEST}, so it is not a run; choose another --out"
        )
    if occupied and overwrite:
        _clear(path)
    elif occupied:
        folder.manifest = _read_manifest(file)
        if folder.manifest["hash"] != config.hash():
            raise InputError(
                f"{path} holds another configuration ({folder.manifest['hash']}, this one is "
                f"{config.hash()}); choose another --out or pass --overwrite"
            )
        if folder.complete:
            folder.verify()
        return folder
    folder.manifest = {
        "schema": SCHEMA,
        "status": "running",
        "hash": config.hash(),
        "seed": config.seed,
        "config": config.to_dict(),
        "versions": versions(),
        "device": _device(),
        "git_commit": _git_commit(),
        "started": _now(),
    }
    folder.write_manifest()
    return folder


def read_run(path: Path) -> RunFolder:
    """Open a complete run to read from.

    Raises
    ------
    InputError
        If there is none, it is not complete, or it is damaged.
    """
    if not (path / MANIFEST).is_file():
        raise InputError(f"{path} is not a run: it has no {MANIFEST}")
    folder = RunFolder(path, _read_manifest(path / MANIFEST))
    if folder.manifest.get("schema") != SCHEMA:
        raise InputError(
            f"{path} holds {str(folder.manifest.get('schema'))!r:.60}, not the results of a sweep "
            f"({SCHEMA}); name a folder that antiscale sweep left"
        )
    if not folder.complete:
        raise InputError(f"{path} is not complete; run its sweep again to finish it")
    folder.verify()
    return folder


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_bytes())
        if not isinstance(manifest["hash"], str) or not isinstance(manifest["status"], str):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{file} is damaged; pass --overwrite to start afresh, or choose another --out"
        ) from None
    return dict(manifest)


def _clear(path: Path) -> None:
    with _writing(path):
        for name in _OURS:
            (path / name).unlink(missing_ok=True)
        shutil.rmtree(path / "cells", ignore_errors=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write to {path}: {error.strerror or error}; choose another folder with --out"
        ) from None


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    names = ("jax", "jaxlib", "numpy", "scipy", "pandas", "pyarrow", "matplotlib")
    found = {"antiscale": antiscale.__version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in names}


def _device() -> str:
    from antiscale import device

    return f"{device.description()}; {os.cpu_count()} cores, {platform.machine()}"


def _git_commit() -> str | None:
    """Return the commit of this code when it runs from its own checkout, "+" if changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(antiscale.__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        home = Path(git("rev-parse", "--show-toplevel"))
        if not Path(antiscale.__file__).is_relative_to(home / "antiscale"):
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
