"""Prompts from easy to hopeless: Beta-distributed success probabilities."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.validate import Floats
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Difficulty(FromMapping):
    """A mixture of prompts whose success probability is Beta distributed, as pass@k curves show.

    Heterogeneity holds (right or wrong is worth up to H tokens); anti-concentration fails on the
    hard prompts, where the chance of a correct trace, and with it c_0, is tiny: verification has
    to find what the base policy hardly ever writes. The m prompts are m equal slices of the
    Beta law, each with its slice's mean. A trace is right with its prompt's probability; lengths
    are scale-free, u H + 1 with u uniform on {1, 3, ..., 2L-1}/(2L), and say nothing about
    correctness.

    Parameters
    ----------
    prompts
        m, equally likely.
    alpha, beta
        Parameters of the Beta law, > 0; the mean success probability is alpha/(alpha + beta).
    lengths
        L, the number of equally likely lengths; the horizon must be at least 2 L.
    """

    name: ClassVar[str] = "difficulty"
    reward_class: ClassVar[str] = "styles"
    prompts: int = option(16, validate.integer, least=1)
    alpha: float = option(0.5, validate.real, above=0)
    beta: float = option(1.5, validate.real, above=0)
    lengths: int = option(8, validate.integer, least=1)

    def success(self) -> Floats:
        """Probability of a correct trace at each prompt, from hard to easy: [m]."""
        from scipy import special  # late: SciPy would double the time of --help

        edges = special.betaincinv(self.alpha, self.beta, np.linspace(0, 1, self.prompts + 1))
        below = special.betainc(self.alpha + 1, self.beta, edges)
        mean = self.alpha / (self.alpha + self.beta)
        return np.clip(mean * self.prompts * np.diff(below), 0.0, 1.0)

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return self.prompts, 2 * self.lengths

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        uniform.require(f"{self.name} with {self.lengths} lengths", horizon, 2 * self.lengths)
        success = self.success()
        by_style = np.stack([success, 1 - success], axis=-1)
        pmf = np.repeat(by_style, self.lengths, axis=-1) / self.lengths
        tokens = np.tile(np.floor(horizon * uniform.middles(self.lengths)) + 1, 2)
        styles = np.repeat([0, 1], self.lengths)
        return uniform.model(self.name, horizon, pmf, tokens, right=styles == 0, styles=styles)
