"""One way to attack one result: what may vary, the bound there, and the truth it must not cross."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale.certify.instances import Gene, Instance
from antiscale.core.validate import Floats
from antiscale.registry import RESULTS

# A bound as a function of its inputs: the registry's, or a mutation of it.
Bound = Callable[..., Any]
# The bound and the truth, or None where the instance is out of the result's assumptions.
Pair = tuple[float, float] | None
Evaluate = Callable[[Instance, Bound], Pair]

# Rounding that no bound is blamed for: relative to the truth, and absolute (tokens, with returns up
# to TOP, and probabilities alike).
SLACK, ROUNDING = 1e-7, 1e-11
# Returns of instances lie in [0, TOP] tokens.
TOP = 16.0


def key_of(label: str, arena: str) -> str:
    """The key of a label's check in an arena."""
    return f"{label}-{arena.replace(' ', '-')}"


@dataclass(frozen=True)
class Check:
    """How one result is attacked in one arena.

    Attributes
    ----------
    label
        The result.
    arena
        Which instances: a word or two.
    direction
        "upper": truth <= bound; "lower": bound <= truth; "equal": both.
    genes
        What varies.
    evaluate
        (instance, bound function) -> (bound, truth), or None.
    by
        How the truth is found, in a few words.
    draws
        Instances that a round draws; fewer where they are dear.
    """

    label: str
    arena: str
    direction: str
    genes: Mapping[str, Gene]
    evaluate: Evaluate
    by: str
    draws: int = 48

    @property
    def key(self) -> str:
        """Label and arena, as in file names: T4c-two-types."""
        return key_of(self.label, self.arena)

    def ratio(self, instance: Instance, bound: Bound | None = None) -> float | None:
        """Return how near the bound comes to being crossed: above 1 + SLACK it is.

        upper: truth/bound; lower: bound/truth; equal: the larger over the smaller.
        """
        return self.ratio_of(self.evaluate(instance, bound or RESULTS[self.label]))

    def ratio_of(self, found: Pair) -> float | None:
        """The ratio of what `evaluate` found."""
        if found is None:
            return None
        value, truth = found
        if math.isnan(value) or math.isnan(truth):
            return math.inf
        if self.direction == "upper":
            return _over(truth, value)
        if self.direction == "lower":
            return _over(value, truth)
        return max(_over(value, truth), _over(truth, value))


def _over(first: float, second: float) -> float:
    """first/second, both >= 0 up to rounding; 0 where the first vanishes."""
    if first <= ROUNDING:
        return 0.0
    if second <= 0:
        return math.inf
    # What is above by rounding alone is met.
    return min(first / second, 1.0) if first - second <= ROUNDING else first / second


def array(value: Any) -> Floats:
    """An instance's list as an array."""
    return np.array(value, dtype=float)


def number(value: Any) -> float:
    """A bound's value as a number."""
    return float(np.asarray(value))


def spread(pmf: Floats, returns: Floats) -> float:
    """The standard deviation of the returns."""
    mean = pmf @ returns
    return math.sqrt(max(float(pmf @ (returns - mean) ** 2), 0.0))
