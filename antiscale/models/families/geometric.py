"""A constant chance per token: the simplest trace whose hitting time shows only as it happens."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Geometric(FromMapping):
    """Each token solves the prompt with one constant probability, rate/H.

    Tests what T4 assumes: that types are announced. T is geometric with mean H/rate, so sigma is
    proportional to H and rewards are anti-concentrated. With announced = true the first token
    announces T, the mirror H - R is a legal reward, and T4 applies. With announced = false T shows
    only as it happens: the mirror would have to pay a trace before it is known to be slow, so it
    is no bi-level reward; the only class left is `known`, cloning's loss at the one reward is
    zero on average, and there is no lower bound to report.

    Parameters
    ----------
    prompts
        m, equally likely and alike.
    rate
        Expected number of solutions in H tokens, in (0, 16].
    announced
        Whether the first token announces T.
    """

    name: ClassVar[str] = "geometric"
    prompts: int = option(4, validate.integer, least=1)
    rate: float = option(2.0, validate.real, above=0, most=16)
    announced: bool = option(True, validate.boolean)

    @property
    def reward_class(self) -> str:
        """The class that a sweep uses by default."""
        return "mirror" if self.announced else "known"

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, uniform.types_of(horizon)

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        uniform.require(self.name, horizon)
        # P(T > t) = (1 - rate/H)^t, in logs: at rate = H the first token always solves.
        with np.errstate(divide="ignore", invalid="ignore"):
            alive = np.exp(np.arange(horizon + 1) * np.log1p(-self.rate / horizon))
        alive[0] = 1.0
        law = np.append(alive[:-1] * (self.rate / horizon), alive[-1])
        laws = np.tile(law, (self.prompts, 1))
        return uniform.model_of_hitting_times(self.name, laws, announced=self.announced)
