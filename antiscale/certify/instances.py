"""Adversarial instances: what may vary, how it is drawn, how it is mutated."""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.models.families import load_family
from antiscale.models.traces import TraceModel

# Returns of instances lie in [0, TOP] tokens.
TOP = 16.0
# An instance: plain values by name, so that it can be written down and replayed.
Instance = dict[str, Any]
Rng = np.random.Generator


@dataclass(frozen=True)
class Gene:
    """One thing that varies: how to draw it, and how to change it a little.

    Continuous ones have `encode` and `decode`, to and from free real numbers. `tidy` gives the
    nearest value that is allowed, `read` what an attack computes with; None if nothing can be.
    """

    draw: Callable[[Rng, Instance], Any]
    mutate: Callable[[Rng, Any, Instance], Any]
    encode: Callable[[Any], Floats] | None = None
    decode: Callable[[Floats, Any], Any] | None = None
    tidy: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value


def again(fresh: Callable[[Rng], Any]) -> Gene:
    """A gene that is changed by drawing it again."""
    return Gene(lambda rng, _: fresh(rng), lambda rng, *_: fresh(rng))


def draw(genes: Mapping[str, Gene], rng: Rng) -> Instance:
    """Draw every gene in order; later ones may look at earlier ones."""
    instance: Instance = {}
    for name, gene in genes.items():
        instance[name] = gene.draw(rng, instance)
    return instance


def mutate(genes: Mapping[str, Gene], rng: Rng, instance: Instance) -> Instance:
    """Change one or two genes."""
    changed = dict(instance)
    names = list(genes)
    for name in rng.choice(names, size=min(len(names), int(rng.integers(1, 3))), replace=False):
        changed[name] = genes[name].mutate(rng, changed[name], changed)
    return changed


def encode(genes: Mapping[str, Gene], instance: Instance) -> Floats:
    """Everything continuous about an instance as one vector of free real numbers."""
    parts = [g.encode(instance[name]) for name, g in genes.items() if g.encode is not None]
    return np.concatenate(parts) if parts else np.zeros(0)


def decode(genes: Mapping[str, Gene], instance: Instance, free: Floats) -> Instance:
    """The instance with its continuous parts from such a vector."""
    changed, at = dict(instance), 0
    for name, gene in genes.items():
        if gene.encode is not None and gene.decode is not None:
            start, at = at, at + len(gene.encode(instance[name]))
            changed[name] = gene.decode(free[start:at], instance[name])
    return changed


def _floats(value: Any) -> Floats:
    return np.array(value, dtype=float)


def _summing_to_one(value: Any) -> Any:
    mass = np.maximum(_floats(value), 0.0)
    total = mass.sum(-1, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1.0), 1 / mass.shape[-1]).tolist()


def _pmf(rng: Rng, size: int) -> Floats:
    """Even, skewed, heavy-tailed, almost a point mass, or with masses of zero; all by chance."""
    kind = int(rng.integers(6))
    if kind == 0:
        mass = rng.dirichlet(np.full(size, 1.0))
    elif kind == 1:
        mass = rng.dirichlet(np.full(size, 0.15)) + 1e-12
    elif kind == 2:
        mass = np.full(size, 1.0 / size)
    elif kind == 3:
        mass = np.full(size, 10.0 ** rng.uniform(-9, -1))
        mass[rng.integers(size)] = 1.0
    elif kind == 4:
        mass = rng.permutation(np.arange(1.0, size + 1.0) ** -rng.uniform(0.5, 4.0))
    else:
        mass = rng.dirichlet(np.full(size, 2.0))
        if size > 2:
            mass[rng.integers(size)] = 0.0
    return mass / mass.sum()


def _nudged(rng: Rng, value: list[float], spread: float) -> list[float]:
    mass = np.maximum(value, 1e-12) * np.exp(rng.normal(0, spread, len(value)))
    return (mass / mass.sum()).tolist()


def _of_masses(draw: Callable[[Rng, Instance], Any], mutate: Callable[..., Any]) -> Gene:
    """A gene of one pmf or several: they sum to one, and their logarithms are free."""

    def decode(free: Floats, value: Any) -> Any:
        mass = np.exp(free - free.max()).reshape(np.shape(value))
        return (mass / mass.sum(-1, keepdims=True)).tolist()

    def encode(value: Any) -> Floats:
        return np.log(np.maximum(np.ravel(value), 1e-9))

    return Gene(draw, mutate, encode, decode, _summing_to_one, _floats)


def pmf(least: int, most: int) -> Gene:
    """A pmf over `least` to `most` types; sizes are even on a log scale."""

    def fresh(rng: Rng, _: Instance) -> list[float]:
        size = int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))
        return _pmf(rng, min(max(size, least), most)).tolist()

    def nudge(rng: Rng, value: list[float], _: Instance) -> list[float]:
        if rng.uniform() < 0.2:
            return _pmf(rng, len(value)).tolist()
        return _nudged(rng, value, 10.0 ** rng.uniform(-2, 0.5))

    return _of_masses(fresh, nudge)


def table(rows: int, of: str, *, top: float = TOP) -> Gene:
    """Values in [0, top], one row (or `rows` of them) as long as the gene `of`."""

    def fresh(rng: Rng, instance: Instance) -> Any:
        size = len(instance[of])
        found = np.array([_returns(rng, size, top) for _ in range(rows)])
        return found[0].tolist() if rows == 1 else found.tolist()

    def nudge(rng: Rng, value: Any, _: Instance) -> Any:
        array = _floats(value)
        place = tuple(int(rng.integers(k)) for k in array.shape)
        kind = int(rng.integers(4))
        if kind == 0:
            array[place] = rng.choice([0.0, top / 2, top])
        elif kind == 1:
            array[place] = array.flat[rng.integers(array.size)]  # a tie
        elif kind == 2:
            array[place] = rng.uniform(0, top)
        else:
            array = array + rng.normal(0, top * 10.0 ** rng.uniform(-4, -1), array.shape)
        return tidy(array)

    def decode(free: Floats, value: Any) -> Any:
        return tidy(free.reshape(np.shape(value)))

    def tidy(value: Any) -> Any:
        return np.clip(value, 0.0, top).tolist()

    return Gene(fresh, nudge, lambda value: np.ravel(_floats(value)), decode, tidy, _floats)


def _returns(rng: Rng, size: int, top: float) -> Floats:
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: rng.choice([0.0, top], size),
        lambda: np.clip(top / 2 + rng.normal(0, 1e-6 * top, size), 0, top),  # near-constant
        lambda: np.clip(rng.pareto(0.7, size), 0, top),  # heavy tails
        lambda: rng.integers(0, int(top) + 1, size).astype(float),
        lambda: top * np.eye(size)[rng.integers(size)],  # one good type
        lambda: rng.uniform(0, top, size),
    )
    return kinds[int(rng.integers(6))]()


def tree(depth: int, *, top: float = TOP) -> Gene:
    """A token tree: a return, or a list of (probability, tree)."""

    def grow(rng: Rng, left: int) -> Any:
        if left == 0 or (left < depth and rng.uniform() < 0.3):
            return float(_returns(rng, 1, top)[0])
        mass = _pmf(rng, int(rng.integers(1, 4)))
        return [[float(p), grow(rng, left - 1)] for p in mass]

    return again(lambda rng: grow(rng, depth))


def laws(rows: int, of: str) -> Gene:
    """`rows` pmfs, each as long as the gene `of`."""

    def fresh(rng: Rng, instance: Instance) -> list[list[float]]:
        return [_pmf(rng, len(instance[of])).tolist() for _ in range(rows)]

    def nudge(rng: Rng, value: list[list[float]], _: Instance) -> list[list[float]]:
        changed = [list(row) for row in value]
        k = int(rng.integers(len(changed)))
        changed[k] = _nudged(rng, changed[k], 1.0)
        return changed

    return _of_masses(fresh, nudge)


def masses(most: int) -> Gene:
    """Weights from which the masses of up to `most` prompts are taken, even or not."""
    drawn = again(lambda rng: _pmf(rng, most).tolist())
    return dataclasses.replace(drawn, tidy=_summing_to_one, read=_floats)


def normalised(weights: Floats, prompts: int) -> Floats:
    """The prompts' masses from `masses`: the first so many, made to sum to one."""
    part = weights[:prompts] + 1e-9
    return part / part.sum()


# What each family lets vary, and how far.
_PROMPTS: dict[str, tuple[float, float]] = {"prompts": (1, 4)}
_SHARE, _FEW = (0.02, 0.98), (1, 6)
_VARIES: dict[str, dict[str, tuple[float, float]]] = {
    "heterogeneous": _PROMPTS | {"styles": (2, 10), "lengths": (1, 4), "spread": (0.0, 1.0)},
    "homogeneous": _PROMPTS | {"styles": (1, 4), "lengths": _FEW},
    "sharp": _PROMPTS | {"styles": (2, 28), "c0": (0.004, 0.5)},
    "erdos": _PROMPTS | {"steps": (1, 8), "ratio": (1.0, 3.0)},
    "lognormal": _PROMPTS | {"mean": (0.1, 0.9), "spread": (0.05, 1.0)},
    "difficulty": _PROMPTS | {"alpha": (0.2, 3.0), "beta": (0.2, 3.0), "lengths": _FEW},
    "two_point": _PROMPTS | {"mass": _SHARE, "high": (0.5, 1.0), "low": (0.0, 0.5)},
    "geometric": _PROMPTS | {"rate": (0.2, 8.0)},
    "planted": {},
}


def family() -> Gene:
    """A family of antiscale at a small horizon, its parameters drawn from all over their ranges."""

    def fresh(rng: Rng, _: Instance) -> dict[str, Any]:
        name = str(rng.choice(list(_VARIES)))
        parameters = {
            key: int(rng.integers(low, int(high) + 1))
            if isinstance(low, int)
            else float(rng.uniform(low, high))
            for key, (low, high) in _VARIES[name].items()
        }
        return {"name": name, "horizon": int(2 ** rng.integers(4, 7)), "parameters": parameters}

    def nudge(rng: Rng, value: dict[str, Any], instance: Instance) -> dict[str, Any]:
        other = fresh(rng, instance)
        return other if rng.uniform() < 0.5 else value | {"horizon": other["horizon"]}

    def tidy(value: dict[str, Any]) -> dict[str, Any]:
        parameters = {
            key: type(low)(np.clip(value["parameters"][key], low, high))
            for key, (low, high) in _VARIES[value["name"]].items()
        }
        horizon = 2 ** int(np.clip(np.round(np.log2(value["horizon"])), 4, 6))
        return {"name": value["name"], "horizon": horizon, "parameters": parameters}

    return Gene(
        fresh, nudge, tidy=tidy, read=lambda value: _model(json.dumps(value, sort_keys=True))
    )


@functools.lru_cache(maxsize=1024)
def _model(made: str) -> TraceModel | None:
    """The trace model of a family gene; None if the family does not allow it."""
    asked = json.loads(made)
    try:
        return load_family(asked["name"], horizon=asked["horizon"], **asked["parameters"])
    except InputError:
        return None


def count(least: int, most: int) -> Gene:
    """A whole number, small ones and the ends more often than not."""

    def fresh(rng: Rng, _: Instance) -> int:
        if rng.uniform() < 0.2:
            return int(rng.choice([least, most]))
        span = np.log1p(most - least)
        return least + int(np.expm1(rng.uniform(0, span)))

    def nudge(rng: Rng, value: int, _: Instance) -> int:
        if rng.uniform() < 0.5:
            return tidy(value + int(rng.integers(-2, 3)))
        return tidy(round(value * 2.0 ** rng.uniform(-1, 1)))

    def tidy(value: int) -> int:
        return int(np.clip(value, least, most))

    return Gene(fresh, nudge, tidy=tidy)


def positive(low: float, high: float, *extremes: float) -> Gene:
    """A number on a log scale between `low` and `high`, or one of the extremes."""

    def fresh(rng: Rng, _: Instance) -> float:
        if extremes and rng.uniform() < 0.15:
            return float(rng.choice(np.array(extremes)))
        return float(10.0 ** rng.uniform(np.log10(low), np.log10(high)))

    def nudge(rng: Rng, value: float, instance: Instance) -> float:
        if rng.uniform() < 0.1 or not low <= value <= high:
            return fresh(rng, instance)
        return inside(value * 10.0 ** rng.normal(0, 0.2))

    def inside(value: float) -> float:
        return float(np.clip(value, low, high))

    return Gene(
        fresh, nudge, lambda value: np.log([max(value, low)]),
        lambda free, _: inside(np.exp(np.clip(free[0], -50, 50))),
        lambda value: value if value in extremes else inside(value),
    )  # fmt: skip


def share(low: float = 0.0, high: float = 1.0, *extremes: float) -> Gene:
    """A number in [low, high], near its ends more often than not."""

    def fresh(rng: Rng, _: Instance) -> float:
        if extremes and rng.uniform() < 0.3:
            return float(rng.choice(np.array(extremes)))
        return float(low + (high - low) * rng.beta(0.5, 0.5))

    def nudge(rng: Rng, value: float, instance: Instance) -> float:
        if rng.uniform() < 0.1:
            return fresh(rng, instance)
        return tidy(value + rng.normal(0, 0.1 * (high - low)))

    def tidy(value: float) -> float:
        return float(np.clip(value, low, high))

    return Gene(fresh, nudge, lambda value: np.array([value]), lambda free, _: tidy(free[0]), tidy)


def choice(*values: Any) -> Gene:
    """One of a few values."""
    return again(lambda rng: values[int(rng.integers(len(values)))])
