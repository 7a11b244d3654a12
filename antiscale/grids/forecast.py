"""What a grid will take, before it runs: points, compiled shapes, memory, time."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from antiscale.core.engine import Engine
from antiscale.grids.chunk import Spent, one_by_one
from antiscale.grids.plan import Chunk, GridPlan, base_of

SCHEMA = "antiscale.forecast/1"
# Shapes that are timed (the largest, and those with the most to do); points of one timing, and
# seconds after which it ends, given two points.
_SHAPES, _POINTS, _SECONDS = 4, 16, 3.0
# Timings at once of one shape, where a cluster has room for more.
_AT_ONCE = 4


@dataclass(frozen=True)
class Forecast:
    """What a grid will take.

    Attributes
    ----------
    points, learners, rows
        How many there are.
    shapes
        Compiled shapes: code is compiled once for each in a process.
    chunks, kept
        Files of rows, and how many of them the folder holds already.
    workers
        Chunks at a time.
    timed
        Points that were run, without keeping their rows, to time the rest.
    seconds
        Wall time of what is left.
    memory
        Bytes that one process holds at most; None where the system does not say.
    """

    points: int
    learners: int
    rows: int
    shapes: int
    chunks: int
    kept: int
    workers: int
    timed: int
    seconds: float
    memory: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as plain values, for JSON."""
        return {"schema": SCHEMA} | asdict(self)


class _Timing(NamedTuple):
    """What a process found: when it began, what each point took, the most memory it held."""

    begun: float
    spent: list[Spent]
    memory: float | None


class _Cost(NamedTuple):
    """Seconds of one shape: to compile, of a point, and to set up what points share."""

    compiling: float
    point: float
    setup: float

    def of(self, chunk: Chunk) -> float:
        bases = len({base_of(point) for point in chunk.points})
        return self.point * len(chunk.points) + self.setup * bases

    def scaled(self, factor: float) -> _Cost:
        return _Cost(self.compiling, self.point * factor, self.setup * factor)


def forecast(
    plan: GridPlan, engine: Engine, path: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Forecast:  # fmt: skip
    """Say what a grid takes on an engine, by timing a few points of its largest shapes there.

    Nothing is written.

    Parameters
    ----------
    plan, engine
        What is to run, and where.
    path
        The grid's folder, whose chunks are not run again.
    progress
        Called after each timing.

    Raises
    ------
    InputError
        If a point cannot be computed, or the engine cannot be used.
    """
    left = [c for c in plan.chunks if path is None or not (path / c.file).exists()]
    groups: dict[tuple[Any, ...], list[Chunk]] = {}
    for chunk in left:
        groups.setdefault(chunk.shape, []).append(chunk)
    most = max((_rough(some[0]) for some in groups.values()), default=0.0)
    # Those with the most to do, and first of all the one with the largest points: they set memory.
    order = sorted(groups, key=lambda shape: -sum(_rough(c) * len(c.points) for c in groups[shape]))
    order.sort(key=lambda shape: _rough(groups[shape][0]) < most)
    at_once = min(engine.tasks_at_once(), _AT_ONCE)
    # In the order in which they run: what neighbours share is then paid for as often as there.
    probes = [
        replace(chunk, points=chunk.points[:_POINTS])
        for shape in order[:_SHAPES]
        for chunk in groups[shape][:at_once]
    ]
    found: dict[tuple[Any, ...], list[_Timing]] = {}
    waiting, asked, timed = iter(probes), time.time(), 0
    with contextlib.closing(engine.run(_timed, lambda: next(waiting, None))) as timings:
        for done, (probe, timing) in enumerate(timings, 1):
            found.setdefault(probe.shape, []).append(timing)
            timed += len(timing.spent)
            if progress is not None:
                progress(done, len(probes), "timing")
    # Workers of a cluster may have come meanwhile.
    workers = engine.tasks_at_once()
    every = [timing for some in found.values() for timing in some]
    start = min((t.begun for t in every), default=asked) - asked if engine.jobs > 1 else 0.0
    costs = {shape: _cost(timings) for shape, timings in found.items()}
    seconds = (
        max(start, 0.0) + _wall(groups, costs, workers, shared=engine.in_this_process)
        if left
        else 0.0
    )
    held = [timing.memory for timing in every if timing.memory is not None]
    return Forecast(
        points=len(plan.points),
        learners=len(plan.learners),
        rows=len(plan.points) * len(plan.learners),
        shapes=len({chunk.shape for chunk in plan.chunks}),
        chunks=len(plan.chunks),
        kept=len(plan.chunks) - len(left),
        workers=workers,
        timed=timed,
        seconds=seconds,
        memory=max(held, default=None),
    )


def _rough(chunk: Chunk) -> float:
    """Processor seconds of a point, by the rough estimate."""
    first = chunk.points[0]
    return first.plan.seconds_at(first.place)


def _timed(chunk: Chunk) -> _Timing:
    """Time a chunk's points, in whatever process."""
    begun, spent = time.time(), []
    for _, took in one_by_one(chunk):
        spent.append(took)
        if len(spent) > 1 and sum(each.seconds for each in spent) > _SECONDS:
            break
    return _Timing(begun, spent, _most_memory())


def _most_memory() -> float | None:
    """The most bytes that this process has held."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(held) * (1.0 if sys.platform == "darwin" else 1024.0)


def _cost(timings: Iterable[_Timing]) -> _Cost:
    """What the points of a shape take."""
    spent = [each for timing in timings for each in timing.spent]
    first = [each.seconds for each in spent if each.compiled]
    fresh = [each.seconds for each in spent if each.fresh and not each.compiled]
    again = [each.seconds for each in spent if not each.fresh and not each.compiled]
    point = _mean(again or fresh or first)
    setup = max(_mean(fresh) - point, 0.0) if fresh else 0.0
    return _Cost(max(_mean(first) - point - setup, 0.0), point, setup)


def _wall(
    groups: dict[tuple[Any, ...], list[Chunk]], costs: dict[tuple[Any, ...], _Cost], workers: int,
    *, shared: bool,
) -> float:  # fmt: skip
    """Seconds for all chunks; `shared`: what one of the workers has compiled, all have."""
    # A shape that was not timed is as those that were, by the rough estimate of a point.
    known = [cost.scaled(1.0 / _rough(groups[shape][0])) for shape, cost in costs.items()]
    typical = _Cost(*(_mean(list(each)) for each in zip(*known, strict=True)))
    busy = compiling = longest = 0.0
    for shape, chunks in groups.items():
        cost = costs.get(shape) or typical.scaled(_rough(chunks[0]))
        each = [cost.of(chunk) for chunk in chunks]
        busy += sum(each)
        longest = max(longest, *each)
        # Processes that meet a shape compile it side by side, threads wait for one of them.
        compiling += cost.compiling * (1.0 if shared else min(1.0, len(chunks) / workers))
    return compiling + max(busy / workers, longest)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
