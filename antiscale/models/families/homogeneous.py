"""One style, always right: the other half of the theorem, where cloning loses little."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Homogeneous(FromMapping):
    """Every trace correct and of like length: R = 3H/4 + O(sqrt H), so sigma grows as sqrt(H).

    Heterogeneity fails: with n proportional to H cloning's loss neither grows nor falls, and
    verification has next to nothing to add. Lengths are H/4 + 1 + (u - 1/2) sqrt(H), rounded,
    with u uniform on {1, 3, ..., 2L-1}/(2L). With many styles, of halving weights, a verifier must
    see each of them to learn that it is right, for as little: then no gap is certified at all.

    Parameters
    ----------
    prompts
        m, equally likely.
    lengths
        L, the number of equally likely lengths.
    styles
        B, all of them right on every prompt, of weights proportional to 2^-b.
    """

    name: ClassVar[str] = "homogeneous"
    reward_class: ClassVar[str] = "styles"
    prompts: int = option(8, validate.integer, least=1)
    lengths: int = option(8, validate.integer, least=1)
    styles: int = option(1, validate.integer, least=1, most=1000)

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, self.styles * self.lengths

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        uniform.require(self.name, horizon)
        u = uniform.middles(self.lengths)
        tokens = np.rint(horizon / 4 + (u - 0.5) * np.sqrt(horizon)) + 1
        pmf, lengths, styles = uniform.grid(self.prompts, self.styles, tokens)
        exponent = 0.5 if self.lengths > 1 else None
        return uniform.model(
            self.name, horizon, pmf, lengths, styles=styles, sigma_exponent=exponent
        )
