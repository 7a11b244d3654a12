"""Reward on a rare event: anti-concentration fails as the event gets rarer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


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
        uniform.require(self.name, horizon)
        style = np.arange(self.styles)
        valid = style % 2 == (np.arange(self.prompts) % 2)[:, None]
        weights = np.exp2(-(style // 2).astype(float))
        pmf = np.zeros(valid.shape)
        for mass, kind in ((self.c0, valid), (1 - self.c0, ~valid)):
            share = np.where(kind, weights, 0)
            pmf += mass * share / share.sum(-1, keepdims=True)
        return uniform.model(self.name, horizon, pmf, horizon // 16 + 1, right=valid, styles=style)
