"""What a command leaves and prints: its folder, the progress bar, one JSON object or a screen."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiscale.core.config import FromMapping, option, writable

if TYPE_CHECKING:
    from antiscale.core.folder import Folder


@dataclass(frozen=True, kw_only=True)
class Results(FromMapping):
    """Options that commands share.

    Parameters
    ----------
    out
        Folder for the results.
    overwrite
        Replace the results that the folder holds, whatever their configuration.
    as_json
        Print one JSON object and nothing else.
    quiet
        No progress bar.
    """

    out: Path | None = option(None, metavar="DIR")
    overwrite: bool = option(False)
    as_json: bool = option(False, flag="--json")
    quiet: bool = option(False, flag="--quiet -q")

    def progress(self, total: int, start: str = "compiling") -> Any:
        """Return a context manager that gives a callback, or None where no bar is wanted."""
        unseen = self.quiet or not sys.stderr.isatty()
        return contextlib.nullcontext() if unseen else _bar(total, start)

    @contextlib.contextmanager
    def folder(self, name: str, schema: str, hash_: str, **about: Any) -> Iterator[Folder]:
        """Open the folder of results that are written in one go, by default runs/NAME-HASH."""
        from antiscale.core.folder import Folder, now
        from antiscale.core.provenance import versions

        path = Path("runs") / f"{name}-{hash_}" if self.out is None else self.out
        about = {"versions": versions(), "started": now()} | about
        with Folder.open(
            path, schema, hash_, overwrite=self.overwrite, again=True, **about
        ) as folder:
            threading.Thread(target=load_ahead).start()
            yield folder

    def show(
        self, found: Any, screen: Callable[[int], Any], *lines: str, wider: bool = False
    ) -> None:
        """Print what was found as one JSON object, or its screen of so many columns and lines."""
        if self.as_json:
            print(json.dumps(writable(found), allow_nan=False, default=str))
            return
        from rich.console import Console

        # Wide enough for the table when it is not a terminal.
        terminal = Console() if sys.stdout.isatty() else Console(width=140 if wider else 120)
        if (shown := screen(terminal.width)) is not None:
            terminal.print(shown, highlight=False)
        for line in lines:
            print(line)


def say(line: str) -> None:
    """One line on standard error."""
    print(f"antiscale: {' '.join(line.split())}", file=sys.stderr)


@contextlib.contextmanager
def _bar(total: int, start: str) -> Iterator[Any]:
    """Show a progress bar on standard error; gives the callback that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(start, total=total)

        def advance(done: int, total: int, what: int | str) -> None:
            shown = f"H = {what}" if isinstance(what, int) else what
            progress.update(task, completed=done, total=total, description=shown)

        yield advance


def load_ahead() -> None:
    """Load what writes the results while the processor's other core computes them."""
    for module in ("pandas", "pyarrow.parquet", "antiscale.plots"):
        importlib.import_module(module)
