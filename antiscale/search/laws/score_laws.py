"""Distribution of verifier scores given the trace's type and the verifier's persistent errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiscale.core.validate import Floats


@dataclass(frozen=True, eq=False)
class ScoreLaw:
    """A verifier as a law of scores.

    The *state* is what the verifier is persistently wrong about: drawn once per prompt, it is the
    same for every trace. Given the state, scores of different traces are independent, with a law
    that depends on the trace's type. Scores have L levels, the lowest first; an atomless law has L
    points of quadrature instead.

    Attributes
    ----------
    weight : [..., K]
        Probability of each state.
    mass : [..., K, L, S]
        P(score = level | type, state); at a point of quadrature, its weight times the density.
    below, above : [..., K, L, S]
        P(score < level) and P(score > level).
    atomless
        Whether no two scores are ever equal.
    """

    weight: Floats
    mass: Floats
    below: Floats
    above: Floats
    atomless: bool = False

    @classmethod
    def discrete(cls, mass: Floats, weight: Floats | None = None) -> ScoreLaw:
        """Build the law from its levels' masses [..., K, L, S]; one state if no weight is given."""
        upto = np.cumsum(mass, axis=-2)
        tail = np.cumsum(mass[..., ::-1, :], axis=-2)[..., ::-1, :]
        chance = np.ones((*mass.shape[:-3], 1)) if weight is None else weight
        # Sums of the levels on either side; a difference would lose what is tiny.
        zero = np.zeros_like(mass[..., :1, :])
        below = np.concatenate([zero, upto[..., :-1, :]], axis=-2)
        above = np.concatenate([tail[..., 1:, :], zero], axis=-2)
        return cls(chance, mass, below, above)

    def at(self, prompt: int) -> ScoreLaw:
        """Return the law at one prompt, where there is one per prompt: no leading axes."""
        if self.mass.ndim == 3:
            return self
        return ScoreLaw(
            self.weight[prompt], self.mass[prompt], self.below[prompt], self.above[prompt],
            self.atomless,
        )  # fmt: skip


def mean_power(upto: Floats, above: Floats, width: Floats, n: Floats) -> Floats:
    """Mean of N v^(N-1) over v in [F(s-), F(s)]: the density ratio of best-of-N at score s (T10).

    [F(s)^N - F(s-)^N]/[F(s) - F(s-)], and N F(s)^(N-1) where F has no jump; 0 where F(s) = 0.

    Parameters
    ----------
    upto, above, width
        F(s), 1 - F(s) and F(s) - F(s-), each summed by itself so that none loses digits.
    n
        N >= 1; all broadcast.
    """
    upto, above, width, n = np.broadcast_arrays(upto, above, width, n)
    there = upto > 0
    safe = np.where(there, upto, 1.0)
    log = np.where(safe < 0.5, np.log(safe), np.log1p(-np.minimum(above, 0.5)))
    share = np.minimum(width / safe, 1.0)
    # Below the spacing of floats at 1, log(1 - share) is -share, and dividing by a width that may
    # be subnormal is avoided.
    jump = share > 1e-17
    with np.errstate(divide="ignore"):
        inside = -np.expm1(n * np.log1p(-np.where(jump, share, 0.5)))
    stepped = np.exp(n * log) * inside / np.where(jump, width, 1.0)
    rise = n * np.where(jump, 0.0, share)
    flat = np.where(rise > 1e-17, -np.expm1(-rise) / np.where(rise > 1e-17, rise, 1.0), 1.0)
    smooth = n * np.exp((n - 1.0) * log) * flat
    return np.where(there, np.where(jump, stepped, smooth), 0.0)
