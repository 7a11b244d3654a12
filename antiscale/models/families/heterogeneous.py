"""The default family: many styles, each right or wrong by prompt, many lengths."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Heterogeneous(FromMapping):
    """Many styles with halving weights, right or wrong by prompt; scale-free lengths.

    Both premises of the theorem hold: sigma is proportional to H, and rewards are
    anti-concentrated (c_0 does not depend on H). Style b has weight proportional to 2^-b; even
    styles are valid on even prompts, odd ones on odd prompts. Lengths are u H + 1 with u uniform
    on {1, 3, ..., 2L-1}/(2L), rounded down, so that R = H (1 - u) on valid styles.

    Parameters
    ----------
    prompts
        m, equally likely.
    styles
        B, at least 2.
    lengths
        L, the number of equally likely lengths; the horizon must be at least 2 L.
    spread
        The heterogeneity knob, in [0, 1]: with probability 1 - spread^2 a trace comes from one
        further style, valid on every prompt, whose two neighbouring lengths average to the mean
        return J. So J stays as it is, and sigma is spread times its value at 1 (up to a quarter
        of a squared token, from rounding lengths to whole tokens).
    """

    name: ClassVar[str] = "heterogeneous"
    reward_class: ClassVar[str] = "styles"
    knob: ClassVar[tuple[str, tuple[float, ...]]] = ("spread", (0.2, 0.4, 0.6, 0.8, 1.0))
    prompts: int = option(8, validate.integer, least=1)
    styles: int = option(18, validate.integer, least=2, most=1000)
    lengths: int = option(8, validate.integer, least=1)
    spread: float = option(1.0, validate.chance)

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, self.styles * self.lengths + 2

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        uniform.require(f"{self.name} with {self.lengths} lengths", horizon, 2 * self.lengths)
        tokens = np.floor(horizon * uniform.middles(self.lengths)) + 1
        pmf, lengths, styles = uniform.grid(self.prompts, self.styles, tokens)
        valid = styles % 2 == (np.arange(self.prompts) % 2)[:, None]
        if self.spread < 1:
            mean = (pmf * np.where(valid, horizon - lengths + 1, 0)).sum(-1)
            nearby = np.stack([np.floor(mean), np.floor(mean) + 1], -1)
            share = np.stack([nearby[:, 1] - mean, mean - nearby[:, 0]], -1)
            pmf = np.concatenate([pmf * self.spread**2, share * (1 - self.spread**2)], -1)
            lengths = np.concatenate([lengths, horizon - nearby + 1], -1)
            styles = np.concatenate([styles, np.full_like(nearby, self.styles, dtype=int)], -1)
            valid = np.concatenate([valid, np.ones_like(nearby, dtype=bool)], -1)
        return uniform.model(
            self.name, horizon, pmf, lengths, right=valid, styles=styles,
            sigma_exponent=1.0 if self.spread > 0 else None,
        )  # fmt: skip
