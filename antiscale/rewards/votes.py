"""Noisy labels: what flipped verdicts leave of the evidence (T6)."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats

# Two arrays that belong together: a value, and where it is told.
Pair: TypeAlias = tuple[Array, Array]


@pytree
@dataclass(frozen=True, eq=False)
class Votes:
    """How often each type's label was flipped, and how far votes must stand apart to be trusted.

    A label that is flipped reverses the verdict of its block and says nothing else wrong: r for
    rbar (`mirror`), a right style for a wrong one (`styles`), R for H - R (`tabular`). The learner
    sees two labels and how often each came; a class uses them symmetrically.

    Attributes
    ----------
    counts, flipped : [..., m, S]
        Traces of each type, and how many of their labels were flipped.
    noise
        eta, the flip probability, in [0, 1/2).
    tolerance : [m]
        t: a verdict stands in the version space if at most t more labels speak against it than
        for it.
    """

    counts: Array
    flipped: Array
    noise: float
    tolerance: Floats

    def lead(self, says_yes: Array, member: Any) -> Array:
        """Labels for "yes" minus labels for "no", per block [..., m, B].

        `says_yes` [..., m, S] is the verdict of the label before flips; `member` [m, S, B] says
        which types count for which block.
        """
        margin = self.counts - 2.0 * self.flipped
        return jnp.einsum("...ms,msb->...mb", jnp.where(says_yes, margin, -margin), member)

    def verdict(self, lead: Array) -> Pair:
        """For leads [..., m, B]: whether one verdict alone is left, and whether it is "yes"."""
        return jnp.abs(lead) > self.tolerance[..., :, None], lead > 0

    def belief(self, lead: Array) -> Array:
        """P(yes | votes) under even odds: (eta/(1 - eta))^-lead against 1."""
        return jax.nn.sigmoid(lead * jnp.log((1.0 - self.noise) / self.noise))


@validate.boundary
def tolerance(blocks: npt.NDArray[np.int64], n: int, noise: float) -> Floats:
    """T at each prompt: the least with (eta/(1 - eta))^(t + 1) <= 1/(B n) (T6), [m].

    Then the truth is missing from the version space of a prompt with probability at most 1/n.

    Parameters
    ----------
    blocks : [m]
        B, the verdicts to be found at each prompt.
    n
        Labelled traces in all.
    noise
        eta in (0, 1/2).
    """
    eta = float(validate.probability("noise", noise, allow_zero=False))
    if eta >= 0.5:
        raise InputError(f"noise must lie in (0, 0.5); got {eta:g}")
    traces = float(validate.nonnegative("n", n, finite=True))
    count = validate.nonnegative("blocks", blocks, finite=True)
    odds = math.log((1.0 - eta) / eta)
    needed = np.log(np.maximum(count, 1) * max(traces, 1)) / odds - 1.0
    return np.maximum(np.ceil(needed - 1e-12), 0.0)
