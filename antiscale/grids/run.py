"""A sweep, or a grid of points: which of the two options ask for, and running a grid."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiscale.core import device, validate
from antiscale.core.config import check_keys
from antiscale.core.engine import Engine
from antiscale.core.errors import InputError
from antiscale.grids.axes import Axes, is_axis
from antiscale.grids.chunk import compute
from antiscale.grids.folder import GridFolder, open_grid, table_of
from antiscale.grids.forecast import forecast
from antiscale.grids.plan import GridPlan
from antiscale.grids.result import GridResult
from antiscale.learners import load_learner
from antiscale.sweeps import run as one
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.plan import Planned, asked_for

if TYPE_CHECKING:
    import pyarrow as pa

# Called with the points done, those in all, and how fast that goes.
Progress = Callable[[int, int, str], None]


def sweep(
    config: Planned = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    dry_run: bool = False,
    progress: Callable[..., None] | None = None,
    **options: Any,
) -> Any:
    """Run a sweep over horizons, or a grid of points if an option is a list.

    Parameters
    ----------
    config
        What to run, also as names and values; the default instance if None.
    out
        Folder for the results; None leaves nothing on disk. A run that was cut short goes on.
    overwrite
        Replace the run that a folder holds.
    jobs, scheduler
        Of a grid: processes, or the address of a running Dask scheduler (`core.engine.Engine`).
        Rows do not depend on them.
    dry_run
        Of a grid: return a `Forecast` of points, compiled shapes, memory and time instead.
    progress
        Called with what is done, what is to do, and the horizon (of a grid: points, speed).
    **options
        Fields of `SweepConfig` by name, and `model`, the base policy as an object in place of
        family and parameters: a `TraceModel`, a DataFrame, a table of arrays, a file, a family, a
        `TokenChain`, or a function H -> TraceModel; see `antiscale.models.given.given_family`. They
        replace those of `config`. `learner` may be an object or a class that follows
        `antiscale.learners`, one or a list, with names among them. A list (tuple, range, 1-D
        array) is an axis of a grid, also inside `parameters`; lists named together in `zip` go step
        by step; `n` is the number of traces or a budget rule such as "4 H"; `learner` lists the
        arms of every point, any number per side. Rows call an object by its attribute `name`, else
        by its class, and a model by its family's name ("explicit" for arrays, the function's own
        for a function) with the parameter sha256, a digest of its arrays. A run in a folder is
        named by what its objects are made of, and taken up again by the same objects in another
        process.

    Returns
    -------
    SweepResult, GridResult or Forecast
        A sweep: `frame` with one row per (H, n), the fitted exponents `fit`, the sentences
        `reading`, and `plot()`. A grid: `frame` with one row for each point and learner,
        `table()`, `plot()`, `save()`.

    Raises
    ------
    InputError
        For anything in the options or the folder that cannot be used.

    Examples
    --------
    >>> import antiscale as ac
    >>> found = ac.sweep(horizon=32, repeats=4)
    >>> list(found.frame.horizon)
    [16, 32]
    >>> round(found.fit["vf_slope"]["theory"], 2)
    0.5
    >>> mine = {"pmf": [[0.5, 0.3, 0.2]], "hitting_times": [[2, 5, float("inf")]]}
    >>> found = ac.sweep(model=mine, learner=[ac.learners.SFT(), "wide"], horizon=16, repeats=2)
    >>> found.rows[-1]["family"], found.rows[-1]["vb_learner"]
    ('explicit', 'wide')
    >>> grid = ac.sweep(horizon=16, kappa=[0.1, 1.0], n="4 H", learner=["sft", "wide"], repeats=4)
    >>> grid.frame[["kappa", "n", "learner"]].values.tolist()
    [[0.1, 64, 'sft'], [0.1, 64, 'wide'], [1.0, 64, 'sft'], [1.0, 64, 'wide']]
    """
    check_keys(SweepConfig, options, also=_ALSO)
    for name, value in (("overwrite", overwrite), ("dry_run", dry_run)):
        validate.boolean(name, value)
    engine, given = Engine(jobs, scheduler), _options(config, options)
    if not is_grid(given):
        if engine != Engine() or dry_run:
            raise InputError("jobs, scheduler and dry_run are for grids: make an option a list")
        return one.sweep(config, out=out, overwrite=overwrite, progress=progress, **options)
    plan = GridPlan.of(Axes.of(given))
    if dry_run:
        path = None if out is None or overwrite else Path(out)
        return forecast(plan, usual(engine), path, progress)
    folder = None if out is None else open_grid(plan, Path(out), overwrite=overwrite)
    return run_grid(plan, folder, engine=usual(engine), progress=progress)


def _options(config: Planned, options: dict[str, Any]) -> dict[str, Any]:
    """All that is asked for; what a configuration leaves at its default is not said."""
    given = asked_for(config, options)
    if config is None or isinstance(config, Mapping):
        return given
    default = SweepConfig()
    return {
        name: value
        for name, value in given.items()
        if name in options or value != getattr(default, name, None)
    }


# Arguments of `sweep` beside the options of its configuration.
_ALSO = ("model", "n", "zip", "out", "overwrite", "jobs", "scheduler", "dry_run", "progress")


def is_grid(options: Mapping[str, Any]) -> bool:
    """Whether options ask for a grid: an axis, a place (`n`), or several learners of one side."""
    if {"n", "zip"} & set(options) or any(is_axis(*item, options) for item in options.items()):
        return True
    learners = options.get("learner", ())
    several = learners if isinstance(learners, list | tuple) else ()
    if len(several) < 2:
        return False
    try:
        sides = Counter(load_learner(each).side for each in several)
    except InputError:  # for the sweep to say in its own words
        return False
    return max(sides.values()) > 1


def run_grid(
    plan: GridPlan, folder: GridFolder | None = None, *, engine: Engine | None = None,
    progress: Progress | None = None,
) -> GridResult:  # fmt: skip
    """Compute the chunks that `folder` does not hold yet.

    Rows depend neither on the engine nor on the order in which chunks end.

    Parameters
    ----------
    plan, folder
        What to run, and where to keep it (from `open_grid`).
    engine
        Where chunks are computed; default: `usual(Engine())`.
    progress
        Called after each chunk.
    """
    if folder is None:
        return GridResult(plan.axes, _run(plan, None, engine, progress))
    if folder.complete:
        return GridResult(plan.axes, in_order(plan, _stored(plan, folder)))
    with folder:
        return GridResult(plan.axes, _run(plan, folder, engine, progress))


def _stored(plan: GridPlan, folder: GridFolder | None) -> dict[int, pa.Table]:
    """The chunks that a folder holds, by number."""
    tables = {} if folder is None else {c.number: folder.load(c) for c in plan.chunks}
    return {number: table for number, table in tables.items() if table is not None}


def usual(engine: Engine) -> Engine:
    """The engine asked for; in this process two chunks at a time on a CPU."""
    if engine == Engine():
        return Engine(threads=2 if device.backend() == "cpu" else 1)
    return engine


def _run(
    plan: GridPlan, folder: GridFolder | None, engine: Engine | None, progress: Progress | None
) -> pa.Table:
    device.keep_compiled_code()
    started = time.perf_counter()
    found = _stored(plan, folder)
    waiting = iter([chunk for chunk in plan.chunks if chunk.number not in found])
    before = done = sum(len(chunk.points) for chunk in plan.chunks if chunk.number in found)
    running = (usual(Engine()) if engine is None else engine).run(
        compute, lambda: next(waiting, None)
    )
    # Closed at once where this is stopped: what its workers are at would go on.
    with contextlib.closing(running) as results:
        for chunk, rows in results:
            table = table_of(chunk, rows, plan.columns)
            if folder is not None:
                folder.save(chunk, table)
            found[chunk.number] = table
            done += len(chunk.points)
            if progress is not None:
                speed = (done - before) / (time.perf_counter() - started)
                progress(done, len(plan.points), f"{speed:.3g} points/s")
    if folder is not None:
        folder.complete_with(plan.chunks, started)
    return in_order(plan, found)


def in_order(plan: GridPlan, chunks: Mapping[int, pa.Table]) -> pa.Table:
    """All rows in the order of the points, from the chunks by number."""
    import numpy as np
    import pyarrow as pa

    table = pa.concat_tables([chunks[chunk.number] for chunk in plan.chunks])
    numbers = [point.number for chunk in plan.chunks for point in chunk.points]
    order = np.repeat(numbers, len(plan.learners)).argsort(kind="stable")
    return table.take(order)
