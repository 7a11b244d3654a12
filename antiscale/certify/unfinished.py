"""Runs of so many rounds that have not ended: the same command takes one up where it stopped.

unfinished/0-20-1f3a9c2e.jsonl     seed 0, 20 rounds: what it began with, then a line per round

The file is there while its run goes on, and stays if that is stopped or killed; a lock beside it,
which the system releases with the process, tells the one from the other.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from antiscale.certify.attack import Found
from antiscale.certify.instances import Instance
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.folder import WRITING, reading, write_whole, writing

if TYPE_CHECKING:
    from filelock import FileLock

_FOLDER = "unfinished"


@dataclass
class Unfinished:
    """A run that is this process's own until it is closed.

    Attributes
    ----------
    asked
        What the command asked for: the same again takes it up.
    first
        By check: the number of its first round.
    starts
        By check: the worst instance that was known when it began, or None.
    rounds
        By check: its finished rounds by number.
    """

    file: Path
    asked: Mapping[str, Any]
    first: dict[str, int]
    starts: dict[str, Instance | None]
    rounds: dict[str, dict[int, Found]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock: FileLock | None = None

    @classmethod
    def begin(
        cls, folder: Path, asked: Mapping[str, Any], first: dict[str, int],
        starts: dict[str, Instance | None],
    ) -> Self:  # fmt: skip
        """Write down what a run begins with; under the folder's lock, as `take_up` and `remove`."""
        name = f"{asked['seed']}-{asked['rounds']}-{uuid.uuid4().hex[:8]}.jsonl"
        run = cls(folder / _FOLDER / name, asked, first, starts)
        with writing(folder):
            run.file.parent.mkdir(exist_ok=True)
        run._own()
        run._rewrite()
        return run

    @classmethod
    def take_up(cls, folder: Path, asked: Mapping[str, Any]) -> Self | None:
        """Return a run that asked for the same and was stopped, the earliest; None without one."""
        found = [cls._read(file) for file in sorted((folder / _FOLDER).glob("*.jsonl"))]
        for run in sorted(found, key=lambda run: sorted(run.first.values())):
            if run.asked == asked and run._own():
                # Without a line that a process was writing when it was killed.
                run._rewrite()
                return run
        return None

    @classmethod
    def _read(cls, file: Path) -> Self:
        with reading(file):
            lines = file.read_text(encoding="utf-8").split("\n")
        try:
            run = cls(file, **json.loads(lines[0]))
            for line in lines[1:-1]:  # whole ones
                key, number, found = json.loads(line)
                found |= {"worst": float(found["worst"]), "ratios": [*map(float, found["ratios"])]}
                run.rounds.setdefault(key, {})[number] = Found(**found)
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{file} is damaged; delete it when no certify runs") from None
        return run

    def add(self, key: str, number: int, found: Found) -> None:
        """Write down a finished round."""
        self.rounds.setdefault(key, {})[number] = found
        with WRITING, writing(self.file), self.file.open("a", encoding="utf-8") as stream:
            stream.write(_line(key, number, found))

    def close(self) -> None:
        """Leave the run to the next that asks for the same."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def remove(self) -> None:
        """Forget the run, which has ended."""
        with contextlib.suppress(OSError):
            self.file.unlink()
            self.file.with_suffix(".lock").unlink()
        self.close()
        with contextlib.suppress(OSError):  # holds others
            self.file.parent.rmdir()

    def _own(self) -> bool:
        from filelock import FileLock, Timeout

        lock = FileLock(self.file.with_suffix(".lock"), timeout=0, thread_local=False)
        with writing(self.file):
            try:
                lock.acquire()
            except Timeout:
                return False
        self._lock = lock
        return True

    def _rewrite(self) -> None:
        head = {"asked": self.asked, "first": self.first, "starts": self.starts}
        lines = [
            _line(key, number, found)
            for key, rounds in self.rounds.items()
            for number, found in rounds.items()
        ]
        write_whole(self.file, "".join([f"{json.dumps(writable(head))}\n", *lines]).encode())


def _line(key: str, number: int, found: Found) -> str:
    content = writable([key, number, vars(found)])
    return json.dumps(content, allow_nan=False, default=lambda scalar: scalar.item()) + "\n"
