"""What a grid varies: the options of a sweep whose values are lists, and how they combine."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from antiscale.core import validate
from antiscale.core.config import check_keys
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.sweeps.config import SweepConfig

# Lists by nature, which are no axes.
_LISTS = ("learner", "pass_at")
# Tables of options, and the option that says whose.
_TABLES = {"parameters": "family", "class_parameters": "reward_class"}
# Options of a sweep that a grid has other means for.
_NOT_HERE = {"vary": "a grid varies what is given as a list"}
# More are refused as a probable error of typing.
MOST_POINTS = 10**6
# c H^p with its parts optional: "4 H", "H^1.5", "0.5*H^2".
_RULE = re.compile(r"\s*([0-9.eE+-]+)?\s*\*?\s*H\s*(?:\^\s*([0-9.]+))?\s*")


class Axis(NamedTuple):
    """Options that vary together, and the values that they take, one tuple for each step."""

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Axes:
    """The options of a grid: those fixed, the axes, and the learners of every point.

    Attributes
    ----------
    fixed
        Options with one value, as `SweepConfig` names them; `n` is the number of traces.
    axes
        In the order given; the last one varies fastest. Options of a family are called
        `parameters.NAME`.
    learners
        The arms of every point: names, `module:name`, objects or classes. Empty: the default of
        each side.
    """

    fixed: Mapping[str, Any]
    axes: tuple[Axis, ...]
    learners: tuple[Any, ...]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Axes:
        """Sort options by whether they vary.

        Parameters
        ----------
        options
            Fields of `SweepConfig`, `n`, `model`, and `zip`: lists of names of axes that go
            together, step by step. A list (tuple, range, 1-D array) is an axis, also inside
            `parameters` and `class_parameters`.

        Raises
        ------
        InputError
            For an unknown name, an empty axis, axes that go together and are not as long as one
            another, or more than a million points.

        Examples
        --------
        >>> axes = Axes.of({"kappa": [0.1, 0.25], "n": ["4 H", 1000], "horizon": 64})
        >>> len(axes), [axis.names for axis in axes.axes]
        (4, [('kappa',), ('n',)])
        """
        given = dict(options)
        zipped = given.pop("zip", ())
        learners = given.pop("learner", ())
        check_keys(SweepConfig, [name for name in given if name not in ("n", "model")])
        for name, why in _NOT_HERE.items():
            if name in given:
                raise InputError(f"leave out {name}: {why}")
        if "n" in given and {"samples", "samples_per_token"} & set(given):
            raise InputError("n is given twice: as n, and as samples or samples_per_token")
        fixed: dict[str, Any] = {}
        varied: dict[str, tuple[Any, ...]] = {}
        for name, value in given.items():
            for part, inner in _parts(name, value, given):
                steps = listed(part, inner)
                if steps is None:
                    fixed[part] = inner
                else:
                    varied[part] = steps
        several = isinstance(learners, list | tuple)
        arms = tuple(learners) if several else (learners,)
        axes = cls(fixed, _combined(varied, zipped), arms)
        if len(axes) > MOST_POINTS:
            raise InputError(_too_many(len(axes)))
        return axes

    def __len__(self) -> int:
        """The number of points."""
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def names(self) -> list[str]:
        """What varies."""
        return [name for axis in self.axes for name in axis.names]

    def points(self) -> Iterator[dict[str, Any]]:
        """The values that vary, by name, point by point."""
        for steps in itertools.product(*(axis.values for axis in self.axes)):
            named = zip(self.axes, steps, strict=True)
            yield {
                name: value
                for axis, step in named
                for name, value in zip(axis.names, step, strict=True)
            }

    def options_at(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a point's options, those of `SweepConfig` and `model`."""
        options: dict[str, Any] = {}
        for name, value in {**self.fixed, **values}.items():
            table, _, key = name.partition(".")
            if key:
                options[table] = options.get(table, {}) | {key: value}
            else:
                options[name] = value
        # A trace model has a horizon of its own.
        if (own := getattr(options.get("model"), "horizon", None)) is not None:
            options.setdefault("horizon", own)
        if "n" in options:
            horizon = options.get("horizon", SweepConfig.horizon)
            options["samples"] = samples(options.pop("n"), horizon)
        return options


def is_axis(name: str, value: Any, options: Mapping[str, Any]) -> bool:
    """Whether an option varies, given all of them."""
    return any(listed(part, inner) is not None for part, inner in _parts(name, value, options))


def listed(name: str, value: Any) -> tuple[Any, ...] | None:
    """Return the steps of an axis; None for one value."""
    if name in _LISTS:
        return None
    # NumPy's arrays, and the columns and indices of pandas.
    if (
        isinstance(value, np.ndarray | np.generic)
        or type(value).__module__.split(".")[0] == "pandas"
    ):
        value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, list | tuple | range):
        return None
    if not len(value):
        raise InputError(f"the axis {name} is empty; give one value at least")
    if len(value) > MOST_POINTS:
        raise InputError(_too_many(len(value)))
    return tuple(value)


def _too_many(points: int) -> str:
    return f"a grid has at most {MOST_POINTS:,} points; this one has {points:,}"


def samples(rule: Any, horizon: Any) -> int:
    """Return n at a horizon: a whole number of traces, or a budget rule "c H^p".

    Examples
    --------
    >>> samples("4 H", 1024), samples("H^0.5", 1024), samples(100, 1024)
    (4096, 32, 100)
    """
    if not isinstance(rule, str):
        return validate.integer("n", rule, least=1, most=10**15)
    found = _RULE.fullmatch(rule)
    budget = validate.integer("horizon", horizon, least=1)
    try:
        if found is None:
            raise ValueError
        factor, power = (float(part or 1.0) for part in found.groups())
        n = factor * float(budget) ** power
    except (ValueError, OverflowError):
        raise InputError(
            "n must be a number of traces or a rule such as '4 H' or '0.5 H^1.5'; got "
            f"{shown(rule)}"
        ) from None
    if not 0.0 < n <= 1e15:
        raise InputError(
            f"n = {shown(rule)} gives {n:g} traces at H = {budget}; allowed are 1 to 1e15"
        )
    return max(1, round(n))


def _parts(name: str, value: Any, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An option as it is; a table of them one by one where one of its values is an axis."""
    if name in _TABLES and isinstance(value, Mapping):
        # What is explicit is given by arrays, which are no axes.
        arrays = given.get(_TABLES[name]) == "explicit"
        if not arrays and any(listed(key, item) is not None for key, item in value.items()):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
            return
    yield name, value


def _combined(varied: dict[str, tuple[Any, ...]], zipped: Any) -> tuple[Axis, ...]:
    """The axes, those that go together as one, where the first of them stands."""
    groups: list[tuple[str, ...]] = []
    if isinstance(zipped, Sequence) and not isinstance(zipped, str) and zipped:
        one = all(isinstance(name, str) for name in zipped)
        groups = [tuple(zipped)] if one else [tuple(group) for group in zipped]
    elif zipped:
        raise InputError(f"zip must be a list of axes that go together; got {shown(zipped)}")
    of: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for name in group:
            if name not in varied:
                known = ", ".join(varied) or "none"
                raise InputError(f"zip names {shown(name)}, which is no axis; the axes are {known}")
            if name in of:
                raise InputError(f"zip names {shown(name)} twice")
            of[name] = group
        lengths = {name: len(varied[name]) for name in group}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise InputError(f"axes that go together must be of one length; {said}")
    axes = []
    for name in varied:
        group = of.get(name, (name,))
        if group[0] == name:
            axes.append(Axis(group, tuple(zip(*(varied[each] for each in group), strict=True))))
    return tuple(axes)
