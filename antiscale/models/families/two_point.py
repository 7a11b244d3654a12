"""The minimal instance of T4: a short and a long trace."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class TwoPoint(FromMapping):
    """A short and a long trace, both right: the least a theorem about spread can live on.

    Everything is in closed form: J = low + q (high - low), sigma = sqrt(q (1 - q)) (high - low),
    V_kappa = min(high, J + sigma sqrt(kappa)), c_x(kappa) = q while kappa <= (1 - q)/q. Both
    premises hold. The data at a prompt are one binomial count, so Bayes risks are exact too.

    Parameters
    ----------
    prompts
        m, equally likely and alike.
    mass
        q, probability of the short trace, in (0, 1).
    high, low
        Returns of the short and the long trace as shares of H, 0 <= low < high <= 1.
    """

    name: ClassVar[str] = "two_point"
    reward_class: ClassVar[str] = "mirror"
    prompts: int = option(1, validate.integer, least=1)
    mass: float = option(0.5, validate.chance, allow_zero=False, allow_one=False)
    high: float = option(0.75, validate.chance)
    low: float = option(0.25, validate.chance)

    def agree(self) -> None:
        """Refuse a short trace that returns no more than the long one."""
        if self.low >= self.high:
            raise InputError(f"low must be below high; got {self.low:g} and {self.high:g}")

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, 2

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        returns = np.rint(horizon * np.array([self.high, self.low]))
        if returns[0] == returns[1]:
            raise InputError(
                f"high and low round to the same return at H = {horizon}; raise the horizon"
            )
        pmf = np.tile([self.mass, 1 - self.mass], (self.prompts, 1))
        return uniform.model(self.name, horizon, pmf, horizon - returns + 1, right=returns > 0)
