"""Lognormal hitting times: the shape of measured trace lengths."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.validate import Floats
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Lognormal(FromMapping):
    """Hitting times with a lognormal law of given mean and spread, on whole tokens.

    Models lengths as they are measured: many traces near the typical length, and a heavy tail
    that the budget cuts off. Both premises hold: mean and spread are shares of H, so sigma is
    proportional to H, and returns pile up at the top, where anti-concentration is easiest. T is
    the lognormal time rounded up to a whole token, with masses from its distribution function.

    Parameters
    ----------
    prompts
        m, equally likely and alike.
    mean
        E[T]/H before rounding up, > 0.
    spread
        Standard deviation of T over H before rounding up, > 0: the heterogeneity knob.
    """

    name: ClassVar[str] = "lognormal"
    reward_class: ClassVar[str] = "mirror"
    knob: ClassVar[tuple[str, tuple[float, ...]]] = ("spread", (0.1, 0.2, 0.3, 0.4, 0.5))
    prompts: int = option(4, validate.integer, least=1)
    mean: float = option(0.4, validate.real, above=0)
    spread: float = option(0.3, validate.real, above=0)

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, uniform.types_of(horizon)

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        uniform.require(self.name, horizon)
        laws = np.tile(self._law(horizon), (self.prompts, 1))
        return uniform.model_of_hitting_times(self.name, laws)

    def _law(self, horizon: int) -> Floats:
        from scipy import special  # late: SciPy would double the time of --help

        variance = np.log1p((self.spread / self.mean) ** 2)
        middle = np.log(self.mean * horizon) - variance / 2
        z = (np.log(np.arange(1, horizon + 1)) - middle) / np.sqrt(variance)
        below, above = special.ndtr(z), special.ndtr(-z)
        # Differences of whichever tail is the smaller keep their digits.
        steps = np.where(z[1:] > 0, above[:-1] - above[1:], below[1:] - below[:-1])
        return np.concatenate([below[:1], np.maximum(steps, 0.0), above[-1:]])
