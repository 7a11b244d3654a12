"""A command's folder: locked while it is written, each file whole or not at all, all listed.

`manifest.json` says what made the folder and what is in it:

    schema      the command whose folder it is, e.g. antiscale.sweep/1
    status      "running", or "complete"
    hash        of what was asked for: configuration, and the content of the files that it names
    files       every file that the command writes, listed before it is written; with its SHA-256
                once the run is complete (null: not checked)
    temporary   how the names of this run's temporary files begin
    seal        SHA-256 of all the rest, so that a change made by hand is noticed

Only listed files are ever replaced or removed, and only by the command that listed them. A folder
whose process died is taken over by the next run of the same configuration.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from antiscale.core.errors import InputError

if TYPE_CHECKING:
    from filelock import FileLock

MANIFEST = "manifest.json"
LOCK = ".antiscale.lock"
_TEMPORARY = re.compile(r"\.partial-[0-9a-f]{32}-")
# Left by a process that was killed before its folder had a manifest; no other program's.
_STRAY = re.compile(_TEMPORARY.pattern + re.escape(MANIFEST))
# Seconds to wait for another process that is writing: the time that one file takes.
_PATIENCE = 2.0
# No manifest is longer (bytes); reading one must not take a minute.
_LONGEST = 2**26

# Held while a file is written, so that a signal to stop ends the process before or after.
WRITING = threading.RLock()


@dataclass
class Folder:
    """One command's folder; `Folder.open` makes one or takes one up.

    As a context manager it is locked until the block ends; a folder in which nothing was written by
    then, because of an error, is taken back.
    """

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock: FileLock | None = None
        self._made = False
        self._written: dict[str, None] = {}

    @classmethod
    def open(
        cls, path: Path, schema: str, hash_: str, *, overwrite: bool = False, again: bool = False,
        **about: Any,
    ) -> Self:  # fmt: skip
        """Make the folder, or take up the one that is there.

        Parameters
        ----------
        path, schema, hash_
            Where, for which command, and what is asked for.
        overwrite
            Start again where a run of this command is, whatever its configuration.
        again
            Whether a complete run of the same configuration is to be written again. Otherwise it is
            checked and returned as it is, not locked.
        about
            Further entries of the manifest.

        Raises
        ------
        InputError
            If the folder cannot be written, is being written by another process, is damaged, or
            holds another configuration, another command's results, or anything else.
        """
        folder = cls(path)
        with writing(path):
            there = path.is_dir()
        with contextlib.ExitStack() as unlock:
            unlock.callback(folder.close)
            # The second time no other process can change it.
            for locking in (False, True):
                if locking:
                    with writing(path):
                        path.mkdir(parents=True, exist_ok=True)
                    folder._lock = _acquired(path, _PATIENCE)
                folder._look(schema, hash_, overwrite=overwrite)
                if folder.complete and not overwrite and not again:
                    folder.verify()
                    return folder
            folder._take(schema, hash_, overwrite=overwrite, about=about)
            unlock.pop_all()
        folder._made = not there
        return folder

    @property
    def complete(self) -> bool:
        """Whether the run finished and its files may be trusted."""
        return self.manifest.get("status") == "complete"

    @property
    def files(self) -> dict[str, str | None]:
        """Names of the files that the manifest lists, with their digests where they are known."""
        return self.manifest.get("files", {})

    def write(self, name: str, content: bytes) -> None:
        """List a file and write it, whole or not at all.

        Raises
        ------
        InputError
            If it cannot be written, or a file of that name is there that the manifest does not
            list.
        """
        with self._held():
            target = self.path / name
            if name not in self.files and (target.exists() or target.is_symlink()):
                raise InputError(
                    f"{target} is there already and is not of this run; move it away, or choose "
                    "another --out"
                )
            if self.files.get(name, "") is not None:
                self._save(files=self.files | {name: None})
            write_whole(target, content, self.manifest["temporary"])
            self._written[name] = None

    def finish(self, keep: list[str] | None = None, **about: Any) -> None:
        """Mark the run complete. Its files are `keep` (default: those written since it was opened).

        All other files that the manifest lists are removed.
        """
        kept = list(self._written) if keep is None else keep
        with self._held():
            digests: dict[str, str | None] = {name: digest(self.path / name) for name in kept}
            stale = [name for name in self.files if name not in digests]
            entries = about | {"status": "complete", "finished": now()}
            self._save(**entries, files=digests | dict.fromkeys(stale))
            if stale:
                self._remove(stale)
                self._save(files=digests)

    def verify(self) -> None:
        """Check that the files of a complete run are as they were written.

        Raises
        ------
        InputError
            If one is missing or differs from its digest.
        """
        for name, expected in self.files.items():
            file = self.path / name
            if expected is None:
                continue
            there = file.is_file()
            with reading(file):
                if not there or digest(file) != expected:
                    raise InputError(
                        f"{file} is {'damaged' if there else 'missing'}; run the command that made "
                        f"{self.path} again with --overwrite"
                    )

    def close(self) -> None:
        """Let other processes write."""
        if self._lock is not None:
            _release(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        empty = error is not None and self._lock is not None and not self.files
        if empty:
            (self.path / MANIFEST).unlink(missing_ok=True)
        self.close()
        if empty and self._made:
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def _look(self, schema: str, hash_: str, *, overwrite: bool) -> None:
        """Read the manifest, if there is one, and refuse what may not be touched."""
        self.manifest = {}
        with writing(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise InputError(f"{self.path} is a file; choose another folder with --out")
            names = [file.name for file in self.path.iterdir()] if self.path.is_dir() else []
        if MANIFEST not in names:
            if any(name != LOCK and not _STRAY.fullmatch(name) for name in names):
                raise InputError(
                    f"{self.path} holds files but no {MANIFEST}, so antiscale did not make it; "
                    "choose another --out"
                )
            return
        self.manifest = read_manifest(self.path)
        if not of_command(self.manifest, schema):
            raise InputError(
                f"{self.path} holds {shown(self.manifest['schema'])}, other files than results of "
                f"{schema.partition('/')[0]}; choose another --out"
            )
        if self.manifest["hash"] != hash_ and not overwrite:
            raise InputError(
                f"{self.path} holds another configuration ({shown(self.manifest['hash'])}, this "
                f"one is {hash_}); choose another --out or pass --overwrite"
            )

    def _take(self, schema: str, hash_: str, *, overwrite: bool, about: dict[str, Any]) -> None:
        """Make the folder this run's: its own from now on, what an earlier attempt left kept."""
        before = self.manifest
        if before:
            self._remove_temporary()
            self._remove(list(self.files) if overwrite else [])
        fresh = {"schema": schema, "status": "running", "hash": hash_} | about
        if not before or overwrite:
            files: dict[str, Any] = {}
        elif before["status"] == "running":
            # When it began, and by which code, is as it was.
            fresh, files = fresh | before, before["files"]
        else:
            files = dict.fromkeys(before["files"])
        self.manifest = {}
        self._save(**fresh | {"temporary": f".partial-{uuid.uuid4().hex}-", "files": files})

    def _save(self, **changes: Any) -> None:
        """Change entries of the manifest and write it."""
        entries = self.manifest | changes
        # Last, because they are long.
        entries["files"] = entries.pop("files", {})
        entries.pop("seal", None)
        entries["seal"] = seal(entries)
        text = json.dumps(entries, indent=2, allow_nan=False) + "\n"
        write_whole(self.path / MANIFEST, text.encode(), entries["temporary"])
        self.manifest = entries

    def _remove(self, names: list[str]) -> None:
        home = self.path.resolve()
        with writing(self.path):
            for name in names:
                file = self.path / name
                # A link in place of a folder of ours leads elsewhere.
                if file.parent.resolve() in (home, home / PurePosixPath(name).parent):
                    with contextlib.suppress(IsADirectoryError, PermissionError):
                        file.unlink(missing_ok=True)
            for parent in {PurePosixPath(name).parent for name in names} - {PurePosixPath()}:
                with contextlib.suppress(OSError):  # holds other files
                    (self.path / parent).rmdir()

    def _remove_temporary(self) -> None:
        """Remove what a process that was killed was writing."""
        start = self.manifest["temporary"]
        with writing(self.path):
            for parent in {(self.path / name).parent for name in (MANIFEST, *self.files)}:
                for file in parent.glob(f"{start}*"):
                    file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock; what was written meanwhile into a folder that was not ours is read."""
        if self._lock is not None:
            yield
            return
        before = self.manifest
        self._lock = _acquired(self.path, _PATIENCE)
        try:
            self.manifest = read_manifest(self.path)
            if any(self.manifest[key] != before.get(key) for key in ("schema", "hash", "status")):
                raise InputError(f"{self.path} was written anew meanwhile; run this again")
            yield
        finally:
            self.close()


@contextlib.contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Keep other processes from writing into a folder; wait for them for `patience` seconds.

    Raises
    ------
    InputError
        If the folder cannot be written, or another process holds it for longer.
    """
    lock = _acquired(path, patience)
    try:
        yield
    finally:
        _release(lock)


def _acquired(path: Path, patience: float) -> FileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(path / LOCK, timeout=patience, thread_local=False)
    with writing(path):
        try:
            lock.acquire(poll_interval=0.02)
        except Timeout:
            raise InputError(
                f"{path} is being written by another antiscale; wait until it has finished, or "
                "choose another --out"
            ) from None
    return lock


def _release(lock: FileLock) -> None:
    # Removed while it is still ours: whoever waits for it sees that, and makes another.
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a folder's manifest.

    Raises
    ------
    InputError
        If it is not as antiscale wrote it.
    """
    file = path / MANIFEST
    manifest = read_json(file)
    try:
        files = manifest["files"]
        good = (
            manifest["seal"] == seal(manifest)
            and all(isinstance(manifest[key], str) for key in ("schema", "hash"))
            and manifest["status"] in ("running", "complete")
            and _TEMPORARY.fullmatch(manifest["temporary"]) is not None
            and all(_inside(name) for name in files)
            and all(value is None or isinstance(value, str) for value in files.values())
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        good = False
    if not good:
        raise InputError(_damaged(file))
    return dict(manifest)


def read_json(file: Path) -> Any:
    """Read a JSON file of antiscale's.

    Raises
    ------
    InputError
        If it cannot be read or is not JSON.
    """
    with reading(file):
        try:
            if not file.is_file() or file.stat().st_size > _LONGEST:
                raise ValueError
            return json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            raise InputError(_damaged(file)) from None


def of_command(manifest: dict[str, Any], schema: str) -> bool:
    """Whether a manifest is of the command whose schema is given, of any version."""
    mine, _, _ = schema.partition("/")
    return str(manifest["schema"]).partition("/")[0] == mine


def seal(manifest: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its seal."""
    entries = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def shown(text: str) -> str:
    """Text from a file in a message: quoted, and not longer than a line has room for."""
    return f"{text!r:.60}"


def write_whole(target: Path, content: bytes, temporary: str | None = None) -> None:
    """Write a file under a temporary name and rename it: it is there whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    start = f".partial-{uuid.uuid4().hex}-" if temporary is None else temporary
    with WRITING, writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(start + target.name)
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def writing(path: Path) -> contextlib.AbstractContextManager[None]:
    """An error of the system while writing is bad input."""
    return _refusing(f"cannot write to {path}", "; choose another folder with --out")


def reading(path: Path) -> contextlib.AbstractContextManager[None]:
    """An error of the system while reading is bad input."""
    return _refusing(f"{path} cannot be read")


@contextlib.contextmanager
def _refusing(what: str, advice: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{what}: {error.strerror or error}{advice}") from None


def digest(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def now() -> str:
    """The time, as manifests have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _inside(name: str) -> bool:
    """Whether a listed name is a file in the folder, or in a folder of it."""
    parts = PurePosixPath(name).parts
    return len(parts) in (1, 2) and ".." not in parts and "/" not in parts and "\0" not in name


def _damaged(file: Path) -> str:
    return (
        f"{file} is damaged, changed by hand, or not antiscale's, so nothing there is touched; "
        "move the folder away, or choose another --out"
    )
