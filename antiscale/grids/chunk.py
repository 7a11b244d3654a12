"""One chunk of a grid: points in, rows out, the same in whatever process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from antiscale.core import device
from antiscale.grids.plan import Chunk, Point, base_of
from antiscale.sweeps.case import Case
from antiscale.sweeps.cell import measure
from antiscale.sweeps.plan import Plan

Row = dict[str, Any]

# Cases kept for the points to come: those that differ in n alone share all else.
_CASES = 32
# Shapes and learners that this process has compiled code for; the first point of each is computed
# alone, so that threads do not compile the same.
_compiled: set[tuple[Any, ...]] = set()
_compiling = threading.Lock()


class Spent(NamedTuple):
    """What one point took: seconds, and whether code was compiled and a case set up for it."""

    seconds: float
    compiled: bool
    fresh: bool


def compute(chunk: Chunk) -> list[Row]:
    """Return one row for each point and learner of a chunk, in order."""
    return [row for rows, _ in one_by_one(chunk) for row in rows]


def one_by_one(chunk: Chunk) -> Iterator[tuple[list[Row], Spent]]:
    """Yield each point's rows, and what they took."""
    device.keep_compiled_code()
    cases: dict[str, Case] = {}
    code = (*chunk.shape, *chunk.learners)
    for point in chunk.points:
        with contextlib.nullcontext() if code in _compiled else _compiling:
            new, known = code not in _compiled, len(cases)
            started = time.perf_counter()
            rows = _rows(point, chunk, cases)
            _compiled.add(code)
        yield rows, Spent(time.perf_counter() - started, new, len(cases) > known)
        while len(cases) > _CASES:
            del cases[next(iter(cases))]


def _rows(point: Point, chunk: Chunk, cases: dict[str, Case]) -> list[Row]:
    """One point's rows. `cases` holds the last cases, for points that differ in n alone."""
    found: dict[str, Row] = {}
    # Learners with one set of parameters for all prompts are judged on joint rewards.
    for tied in (False, True):
        some = {name: each for name, each in chunk.learners.items() if each.tied is tied}
        if some:
            found |= _measured(point, point.plan.among(some), str(tied), cases)
    axes = {name: value for name, value in point.values.items() if "." in name}
    return [found[name] | axes for name in chunk.learners]


def _measured(point: Point, plan: Plan, kind: str, cases: dict[str, Case]) -> dict[str, Row]:
    base = f"{kind} {base_of(point)}"
    before = cases.pop(base, None)
    if before is None:
        case = Case.of(plan, *point.place)
    else:
        case = replace(before, plan=plan).with_samples(point.place.n)
    cases[base] = case
    common, arms = measure(case)
    common |= {"config_hash": plan.hash} | plan.columns()
    return {
        name: common | arm.columns | {"side": plan.learners[name].side}
        for name, arm in arms.items()
    }
