"""Reward on a rare event: anti-concentration fails as the event gets rarer."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.families import horizon as horizons
from antiscale.models.traces import TraceModel, uniform_prompts


@dataclass(frozen=True, kw_only=True)
class Sharp(FromMapping):
    """Reward on a rare event of mass c0, spread over styles with halving weights.

    Tests anti-concentration: while c0 <= 1/(1 + kappa) the measured c_0 is c0, the ball's optimum
    needs a density ratio of about sqrt(kappa/c0) on the rare event, and verification's loss and
    its bound grow as c0 falls. Valid styles (even ones on even prompts, odd ones on odd prompts)
    share the mass c0, the others the mass 1 - c0, each with weights that halve from one style to
    the next. All traces have one length, with return 15H/16 when right.

    Parameters
    ----------
    prompts
        m, equally likely.
    styles
        B, at least 2.
    c0
        Probability that a trace is correct, in (0, 1).
    """

    name: ClassVar[str] = "sharp"
    reward_class: ClassVar[str] = "styles"
    prompts: int = option(8, validate.integer, least=1)
    styles: int = option(28, validate.integer, least=2, most=1000)
    c0: float = option(0.0625, validate.chance, allow_zero=False, allow_one=False)

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, self.styles

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        horizons.require(self.name, horizon)
        style = np.arange(self.styles)
        shape = (self.prompts, self.styles)
        valid = style % 2 == (np.arange(self.prompts) % 2)[:, None]
        weights = np.broadcast_to(np.exp2(-(style // 2).astype(float)), shape)
        right = np.where(valid, weights, 0)
        wrong = np.where(valid, 0, weights)
        pmf = self.c0 * right / right.sum(-1, keepdims=True) + (1 - self.c0) * wrong / wrong.sum(
            -1, keepdims=True
        )
        lengths = np.full(shape, float(horizon // 16 + 1))
        return TraceModel(
            family=self.name,
            horizon=horizon,
            pmf=pmf,
            hitting_times=np.where(valid, lengths, math.inf),
            lengths=lengths,
            styles=np.broadcast_to(style, shape).copy(),
            prompt_mass=uniform_prompts(self.prompts),
            sigma_exponent=1.0,
        )
