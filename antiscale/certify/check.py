"""One way to attack one result: what may vary, the bound there, and the truth it must not cross."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from antiscale.certify.instances import TOP as TOP
from antiscale.certify.instances import Gene, Instance
from antiscale.core.validate import Floats
from antiscale.registry import RESULTS

# A bound as a function of its inputs: the registry's, or a mutation of it.
Bound = Callable[..., Any]
# The bound and the truth, or None where the instance is out of the result's assumptions.
Pair = tuple[Any, Any] | None
Evaluate = Callable[..., Pair]

# Rounding that does not count as a violation: relative to the truth, and absolute (tokens, with
# returns up to TOP, and probabilities).
SLACK, ROUNDING = 1e-7, 1e-11


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
    by
        How the truth is found, in a few words.
    draws
        Instances that a round draws; fewer where they are expensive.
    direction
        "upper": truth <= bound; "lower": bound <= truth; "equal": both.
    genes
        What varies.
    function
        (bound function, values of the genes by name) -> (bound, truth), or None. It may also name
        `label`. Genes that it does not name only give others their size.
    """

    label: str
    arena: str
    by: str
    draws: int
    direction: str
    genes: Mapping[str, Gene]
    function: Evaluate

    @property
    def key(self) -> str:
        """Label and arena, as in file names: T4c-two-types."""
        return key_of(self.label, self.arena)

    def evaluate(
        self, instance: Instance, bound: Bound | None = None
    ) -> tuple[float, float] | None:
        """Return the bound and the truth; None out of the result's assumptions."""
        values = {
            name: gene.read(instance[name])
            for name, gene in self.genes.items()
            if name in self._taken
        }
        if any(value is None for value in values.values()):
            return None
        label = {"label": self.label} if "label" in self._taken else {}
        found = self.function(bound or RESULTS[self.label], **values, **label)
        return None if found is None else (float(np.asarray(found[0])), float(found[1]))

    @cached_property
    def _taken(self) -> set[str]:
        """The names that the function takes: all genes where it takes any name."""
        named = inspect.signature(self.function).parameters
        every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in named.values())
        return {*named, *(self.genes if every else ())}

    def ratio(self, instance: Instance, bound: Bound | None = None) -> float | None:
        """Return how near the bound comes to being crossed: above 1 + SLACK it is.

        upper: truth/bound; lower: bound/truth; equal: the larger over the smaller.
        """
        return self.ratio_of(self.evaluate(instance, bound))

    def ratio_of(self, found: tuple[float, float] | None) -> float | None:
        """The ratio of what `evaluate` found."""
        if found is None:
            return None
        value, truth = found
        if math.isnan(value) or math.isnan(truth):
            return math.inf
        above, below = _over(value, truth), _over(truth, value)
        return {"upper": below, "lower": above, "equal": max(above, below)}[self.direction]


LISTED: list[Check] = []


def check(
    labels: str, arena: str, by: str, draws: int | tuple[int, ...] = 48, /, **genes: Gene
) -> Callable[[Evaluate], Evaluate]:
    """List a function as the attack on a result, or on several (with blanks between) alike.

    Parameters
    ----------
    labels, arena, by
        As the attributes of `Check`.
    draws
        One number for all labels, or one for each.
    genes
        What varies, by name, in the order of drawing.
    """
    names = labels.split()
    each = (draws,) * len(names) if isinstance(draws, int) else draws

    def listed(function: Evaluate) -> Evaluate:
        # Decorators are applied from the last to the first: what is written above goes before.
        own = (place for place, entry in enumerate(LISTED) if entry.function is function)
        place = next(own, len(LISTED))
        for label, count in zip(names, each, strict=True):
            direction = RESULTS[label].direction
            LISTED.insert(place, Check(label, arena, by, count, direction, genes, function))
        return function

    return listed


def _over(first: float, second: float) -> float:
    """first/second, both >= 0 up to rounding; 0 where the first vanishes."""
    if first <= ROUNDING:
        return 0.0
    if second <= 0:
        return math.inf
    # What is above by rounding alone is met.
    return min(first / second, 1.0) if first - second <= ROUNDING else first / second


def spread(pmf: Floats, returns: Floats) -> float:
    """The standard deviation of the returns."""
    mean = pmf @ returns
    return math.sqrt(max(float(pmf @ (returns - mean) ** 2), 0.0))
