"""The attacker: random instances, mutations of the worst, and continuous ascent."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from antiscale.certify import instances
from antiscale.certify.check import SLACK, Bound, Check
from antiscale.certify.instances import Instance

# Every so many rounds the worst is climbed by Nelder and Mead's simplex.
CLIMB_EVERY = 4


@dataclass
class Found:
    """What an attack on one result found.

    Attributes
    ----------
    tried
        Instances within the result's assumptions.
    violations
        Instances at which the bound was crossed.
    worst, instance
        The largest ratio (1: met exactly) and where; None before the first.
    ratios
        A sample of the ratios of drawn instances, for the median.
    """

    tried: int = 0
    violations: int = 0
    worst: float = -math.inf
    instance: Instance | None = None
    ratios: list[float] = field(default_factory=list)

    @classmethod
    def together(cls, parts: Iterable[Found]) -> Found:
        """What several attacks on the same result found; of equal ratios the first one counts."""
        total = cls()
        for part in parts:
            total.tried += part.tried
            total.violations += part.violations
            if part.worst > total.worst:
                total.worst, total.instance = part.worst, part.instance
            total.ratios += part.ratios
        return total


def attack(
    check: Check,
    seed: int,
    number: int,
    *,
    bound: Bound | None = None,
    start: Instance | None = None,
    until_crossed: bool = False,
) -> Found:
    """Run one round of a check; the same (check, seed, number, start) gives the same round.

    Parameters
    ----------
    check
        The result and the arena.
    seed, number
        Name the round's random stream.
    bound
        What to attack in place of the registry's function: a mutation of it.
    start
        An instance to try first and to mutate from, e.g. the worst known.
    until_crossed
        Stop at the first violation.
    """
    rng = np.random.default_rng([seed, zlib.crc32(check.key.encode()), number])
    found = Found()

    def trial(instance: Instance) -> float | None:
        ratio = check.ratio(instance, bound)
        if ratio is None:
            return None
        found.tried += 1
        found.violations += ratio > 1.0 + SLACK
        if ratio > found.worst:
            found.worst, found.instance = ratio, instance
        return ratio

    def enough() -> bool:
        return until_crossed and found.violations > 0

    if start is not None:
        trial(start)
    for _ in range(check.draws):
        if enough():
            return found
        ratio = trial(instances.draw(check.genes, rng))
        if ratio is not None:
            found.ratios.append(ratio)
    for _ in range(check.draws):
        if found.instance is None or enough():
            return found
        trial(instances.mutate(check.genes, rng, found.instance))
    if number % CLIMB_EVERY == 0 and found.instance is not None and not enough():
        _climb(check, found.instance, trial)
    return found


def _climb(check: Check, instance: Instance, trial: Callable[[Instance], float | None]) -> None:
    """Climb the ratio in everything continuous, by a simplex that needs no derivatives."""
    free = instances.encode(check.genes, instance)

    def loss(point: np.ndarray) -> float:
        ratio = trial(instances.decode(check.genes, instance, point))
        return 0.0 if ratio is None or not math.isfinite(ratio) else -ratio

    if len(free):
        optimize.minimize(
            loss, free, method="Nelder-Mead", options={"maxfev": 2 * check.draws, "xatol": 1e-9}
        )


def minimise(check: Check, instance: Instance, *, bound: Bound | None = None) -> Instance:
    """Shrink a counterexample: simpler values one by one, as long as the bound stays crossed."""

    def crossed(candidate: Instance) -> bool:
        try:
            ratio = check.ratio(candidate, bound)
        except (ArithmeticError, ValueError, IndexError):
            return False  # simpler than the result allows
        return ratio is not None and ratio > 1.0 + SLACK

    best = dict(instance)
    changed = True
    while changed:
        changed = False
        for name, value in best.items():
            tidy = check.genes[name].tidy
            for simpler in map(tidy, _simpler(value)):
                candidate = best | {name: simpler}
                if len(repr(simpler)) < len(repr(value)) and crossed(candidate):
                    best, changed = candidate, True
                    break
    return best


def _simpler(value: object) -> list[object]:
    """Simpler values to try, simplest first."""
    if isinstance(value, bool):
        return [False]
    if isinstance(value, int):
        return [0, 1, value // 2, value - 1] if value > 0 else []
    if isinstance(value, float):
        rounded = [float(f"{value:.{digits}g}") for digits in (1, 2, 3)]
        return [0.0, 1.0, *rounded] if value not in (0.0, 1.0) else []
    if isinstance(value, list) and value and isinstance(value[0], float):
        return [[float(f"{item:.{digits}g}") for item in value] for digits in (1, 2)]
    return []
