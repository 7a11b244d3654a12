"""What a person sees while a command runs: the console and the progress bar."""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any


def console(*, wider: bool = False) -> Any:
    """Standard output; wide enough for the table when it is not a terminal."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=140 if wider else 120)


def say(line: str) -> None:
    """One line on standard error."""
    print(f"antiscale: {' '.join(line.split())}", file=sys.stderr)


def progress(total: int, *, hidden: bool, start: str = "compiling") -> Any:
    """A context manager that gives a callback, or None where no bar is wanted."""
    if hidden or not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    @contextlib.contextmanager
    def bar() -> Any:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as progress:
            task = progress.add_task(start, total=total)

            def advance(done: int, total: int, what: int | str) -> None:
                shown = f"H = {what}" if isinstance(what, int) else what
                progress.update(task, completed=done, total=total, description=shown)

            yield advance

    return bar()


def load_ahead() -> None:
    """Load what writes the results while the processor's other core computes them."""
    for module in ("pandas", "pyarrow.parquet", "antiscale.plots"):
        importlib.import_module(module)
