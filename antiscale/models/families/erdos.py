"""Reasoning steps with a short and a long version each (T3c)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.validate import Floats
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Erdos(FromMapping):
    """A chain of k reasoning steps, each written short or long by a fair coin.

    T = t_0 + sum a_i xi_i with fair bits xi_i: the law for which Erdős (1945) bounds how sharp a
    sum can be. Tests anti-concentration at its best: no window as wide as the smallest a_i holds
    more than C(k, k/2) 2^-k of the traces (T3c), with equality for equal steps. All traces are
    right, the long versions cost H/2 tokens in all, so sigma is proportional to H; it falls as
    1/sqrt(k) with the number of steps.

    Parameters
    ----------
    prompts
        m, equally likely and alike.
    steps
        k, the number of steps; with unequal steps at most 12 (every pattern is a type).
    ratio
        The longest a_i over the shortest, >= 1; they grow evenly from one to the other.
    """

    name: ClassVar[str] = "erdos"
    reward_class: ClassVar[str] = "mirror"
    prompts: int = option(4, validate.integer, least=1)
    steps: int = option(8, validate.integer, least=1, most=1000)
    ratio: float = option(1.0, validate.real, least=1)

    def agree(self) -> None:
        """Refuse more patterns of unequal steps than there may be types."""
        if self.ratio != 1:
            validate.integer("steps", self.steps, least=1, most=12)

    def extra_tokens(self, horizon: int) -> Floats:
        """a_i, what the long version of each step costs more, in whole tokens: [k]."""
        weights = 1 + (self.ratio - 1) * np.linspace(0, 1, self.steps)
        extra = np.floor(horizon / 2 * weights / weights.sum() + 1e-9)
        if extra[0] < 1:
            least = math.ceil(2 * weights.sum() / weights[0])
            asked = f"{self.name} with {self.steps} steps and ratio {self.ratio:g}"
            uniform.require(asked, horizon, least)
        return extra

    def window(self, horizon: int) -> tuple[float, float]:
        """T3c: (a, C(k, k/2) 2^-k), a window in tokens and the most mass it can hold."""
        most = math.comb(self.steps, self.steps // 2) / 2**self.steps
        return float(self.extra_tokens(horizon)[0]), most

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, self.steps + 1 if self.ratio == 1 else 2**self.steps

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        extra = self.extra_tokens(horizon)
        start = horizon // 8 + 1
        if self.ratio == 1:
            count = np.arange(self.steps + 1)
            times = start + count * extra[0]
            law = np.array([math.comb(self.steps, k) / 2**self.steps for k in count])
        else:
            long = (np.arange(2**self.steps)[:, None] >> np.arange(self.steps)) & 1
            times = start + long @ extra
            law = np.full(len(long), 0.5**self.steps)
        laws, lengths = (np.tile(row, (self.prompts, 1)) for row in (law, times))
        # By columns: what is summed over them keeps the last bit that it had.
        return uniform.model(self.name, horizon, laws, np.asfortranarray(lengths))
