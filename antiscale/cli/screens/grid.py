"""A grid for a terminal: what it will take, or who loses what where."""

from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import number, setting
from antiscale.grids.forecast import Forecast
from antiscale.grids.plan import GridPlan
from antiscale.grids.result import GridResult
from antiscale.grids.words import REPEATED, duration

# Longer tables are cut: all rows are in the files.
_LINES = 40


def forecast(plan: GridPlan, found: Forecast) -> RenderableType:
    """Return one line for each thing that a grid takes."""
    sizes = " x ".join(
        f"{len(axis.values)} {' and '.join(axis.names)}" for axis in plan.axes.axes
    )  # fmt: skip
    kept = f"{found.kept} of them kept already" if found.kept else "files of rows"
    memory = "not known on this system"
    if found.memory is not None:
        memory = f"{number(found.memory / 2**30)} GiB at most in one process"
    where = f"{found.workers} at a time, by {found.timed} points that were timed"
    rows = [
        ("points", f"{found.points:,}", sizes or "no axis"),
        ("learners", f"{found.learners}", ", ".join(plan.learners)),
        ("rows", f"{found.rows:,}", ""),
        ("compiled shapes", f"{found.shapes}", "prompts, types, rewards and repeats that differ"),
        ("chunks", f"{found.chunks:,}", kept),
        ("memory", "", memory),
        ("time", duration(found.seconds), where),
    ]
    return table("", "", "", rows=rows)


def screen(found: GridResult) -> RenderableType:
    """Return the losses of all learners by axes, and the reading."""
    frame = found.table()
    names = [str(name) for name in frame.index.names]
    lines = [
        [*map(_shown, key if isinstance(key, tuple) else (key,)), *map(number, losses)]
        for key, losses in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    learners = [str(name) for name in frame.columns]
    head = f"loss in tokens, by {', '.join(names)}"
    over = [name for name in REPEATED if found.frame[name].nunique() > 1]
    if over:
        head += f"; mean over {', '.join(over)}"
    numbers = [name for name in names if found.frame[name].dtype.kind in "if"]
    shown = table(*names, *learners, rows=lines[:_LINES], right=[*numbers, *learners], wrap=())
    cut = len(lines) - _LINES
    more = [Text(f"and {cut:,} lines more, in rows/")] if cut > 0 else []
    return Group(Text(head, style="bold"), shown, *more, Text(), Text(found.reading))


def _shown(value: object) -> str:
    return setting(value) if isinstance(value, float) else str(value)
