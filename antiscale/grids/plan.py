"""A grid's points, resolved and checked, in groups of one compiled shape and chunks of those."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from antiscale.core.config import fingerprint, writable
from antiscale.core.errors import InputError
from antiscale.core.version import __version__
from antiscale.grids.axes import Axes
from antiscale.learners import DEFAULT, Learner, load_learner, renew
from antiscale.sweeps.config import Place, SweepConfig
from antiscale.sweeps.plan import Plan, sources_of
from antiscale.sweeps.rows import ARM_COLUMNS, Column, pass_columns

SCHEMA = "antiscale.grid/1"
# What a chunk is to take, in processor seconds by the rough estimate, and the points it has at
# most: little is lost with a worker, and little spent on handing chunks out.
_CHUNK_SECONDS, _CHUNK_POINTS = 8.0, 64
# Points that differ in these alone share everything else of their plan.
_FREE = ("kappa", "samples", "samples_per_token", "seed")


@dataclass(frozen=True, eq=False)
class Point:
    """One point: its number in the grid, what varies there, its plan and its place."""

    number: int
    values: Mapping[str, Any]
    plan: Plan
    place: Place


@dataclass(frozen=True, eq=False)
class Chunk:
    """Points that are computed together and kept in one file.

    Attributes
    ----------
    number
        Of the chunk, in order.
    shape
        What compiled code depends on there.
    points, learners
        What to compute: every learner at every point.
    hash
        Names what is to be computed: points, learners, and the version of the rows.
    """

    number: int
    shape: tuple[Any, ...]
    points: tuple[Point, ...]
    learners: Mapping[str, Learner]
    hash: str

    @property
    def file(self) -> str:
        """Its file in the grid's folder."""
        return f"rows/part-{self.number:05d}-{self.hash}.parquet"


@dataclass(frozen=True, eq=False)
class GridPlan:
    """What a grid will do. Making it checks that every point can run.

    Attributes
    ----------
    axes
        What varies.
    learners
        The arms of every point, by name.
    points
        In the order of the axes, the last varying fastest.
    chunks
        All points, those of one shape together; within a shape those that differ in n and seed
        alone stand together.
    columns
        Of the rows.
    hash
        Names what is asked for.
    nameless
        Why the hash does not name it, so that nothing may be written to disk; None if it does.
    """

    axes: Axes
    learners: dict[str, Learner]
    points: list[Point]
    chunks: list[Chunk]
    columns: dict[str, Column]
    hash: str
    nameless: str | None

    @classmethod
    def of(cls, axes: Axes) -> GridPlan:
        """Resolve a grid.

        Raises
        ------
        InputError
            If a name is unknown, or what is asked for does not fit together at some point.
        """
        learners = _learners(axes.learners)
        points = list(_points(axes, learners))
        first: dict[str, Point] = {}
        for point in points:
            if (twin := first.setdefault(point.plan.hash, point)) is not point:
                raise InputError(
                    f"two points are the same: {_said(twin.values)}, and {_said(point.values)}; "
                    "give each value once"
                )
        tries = points[0].plan.config.pass_at
        columns = ARM_COLUMNS | pass_columns(tries, arms=True)
        columns |= {
            name: Column(name, "", "an axis of the grid", _arrow([p.values[name] for p in points]))
            for name in axes.names
            if "." in name
        }
        sources, nameless = sources_of(learners.values())
        # Rows of the same points differ in these columns, so they name chunks too.
        extra = {name: columns[name].type for name in axes.names if "." in name}
        chunks = list(_chunks(points, learners, sources, extra))
        whole = fingerprint(SCHEMA, axes.names, [chunk.hash for chunk in chunks])
        return cls(axes, learners, points, chunks, columns, whole, nameless)

    def to_dict(self) -> dict[str, Any]:
        """Return what was asked for as plain values, for manifests and JSON."""
        named: dict[str, Any] = {name: _plain(value) for name, value in self.axes.fixed.items()}
        for axis in self.axes.axes:
            for name, steps in zip(axis.names, zip(*axis.values, strict=True), strict=True):
                named[name] = [_plain(step) for step in steps]
        together = [list(axis.names) for axis in self.axes.axes if len(axis.names) > 1]
        for name in [name for name in named if "." in name]:
            table, _, key = name.partition(".")
            named[table] = named.get(table, {}) | {key: named.pop(name)}
        named["learner"] = list(self.learners)
        return named | ({"zip": together} if together else {})


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> Any:
    """A value for JSON; an object by the name of its kind."""
    try:
        return json.loads(json.dumps(writable(value)))
    except (TypeError, ValueError):
        return getattr(value, "__name__", None) or type(value).__name__


def _learners(given: Sequence[Any]) -> dict[str, Learner]:
    """The arms by name; the default of each side where none is named.

    Raises
    ------
    InputError
        If a learner is unknown, or two have one name.
    """
    found: dict[str, Learner] = {}
    renew([each for each in given if isinstance(each, str)])
    for each in given or DEFAULT.values():
        learner = load_learner(each)
        if learner.name in found:
            raise InputError(f"two learners are called {learner.name!r}; give them different names")
        found[learner.name] = learner
    return found


def _points(axes: Axes, learners: dict[str, Learner]) -> Iterator[Point]:
    """Every point with its plan; what plans share is resolved once."""
    known: dict[str, Plan] = {}
    for number, values in enumerate(axes.points()):
        try:
            options = axes.options_at(values)
            model = options.pop("model", None)
            # A point is one place: with n varying, no horizon below it is looked at.
            config = SweepConfig.from_mapping(options | {"vary": "n"})
            place = Place(config.horizon, config.samples_at(config.horizon), config.noise)
            config = replace(config, samples=place.n)
            key = fingerprint(writable(config.to_dict() | dict.fromkeys(_FREE)), id(model))
            if key not in known:
                known[key] = Plan.of(config, model=model).among(learners)
            here = {name: getattr(config, name) for name in _FREE}
            plan = replace(known[key].moved(**here), places=[place])
        except InputError as error:
            said = _said(values)
            raise InputError(f"at {said}: {error}" if said else str(error)) from error
        yield Point(number, values, plan, place)


def _chunks(
    points: Sequence[Point], learners: dict[str, Learner], sources: Mapping[str, str | None],
    extra: Mapping[str, str],
) -> Iterator[Chunk]:  # fmt: skip
    groups: dict[tuple[Any, ...], list[Point]] = {}
    for point in points:
        groups.setdefault(point.plan.shape(point.place), []).append(point)
    number = 0
    for shape, group in groups.items():
        # What does not depend on the seed, or on n, is computed once where such points are near.
        first: dict[str, int] = {}
        order = sorted(
            group,
            key=lambda point: (
                first.setdefault(_but(point, "samples", "seed"), len(first)), point.place.n
            ),
        )  # fmt: skip
        cost = order[0].plan.seconds_at(order[0].place) * len(learners)
        size = max(1, min(_CHUNK_POINTS, int(_CHUNK_SECONDS / cost)))
        for start in range(0, len(order), size):
            part = tuple(order[start : start + size])
            asked = [[point.plan.hash, list(point.place)] for point in part]
            name = fingerprint(SCHEMA, __version__, asked, list(learners), sources, extra)
            yield Chunk(number, shape, part, learners, name)
            number += 1


def base_of(point: Point) -> str:
    """Names a point but for n: points of one base are set up once."""
    return _but(point, "samples")


def _but(point: Point, *names: str) -> str:
    """Names a point but for some of its options."""
    config = point.plan.config.to_dict() | dict.fromkeys(names) | {"samples_per_token": None}
    return fingerprint(writable(config), writable(point.plan.parameters))


def _arrow(values: Sequence[Any]) -> str:
    """The type of a column of such values, as Arrow names it."""
    if all(isinstance(value, bool) for value in values):
        return "bool"
    if all(isinstance(value, int) for value in values):
        return "int64"
    if all(isinstance(value, int | float) for value in values):
        return "double"
    return "string"
