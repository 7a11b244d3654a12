"""The ball's best policy over samples or over a law with few atoms, for every problem at once (T2).

`antiscale.ball.optimum` solves the same for any batch with JAX; here returns are sorted and masses
the same for all problems, so the top set is found by running sums and nothing is compiled.
"""

from typing import NamedTuple

import numpy as np

from antiscale.core.validate import Floats
from antiscale.rollouts.band import before


class SampleOptimum(NamedTuple):
    """V_kappa and W of each problem's law.

    Attributes
    ----------
    value
        V_kappa, in tokens, [m].
    max_ratio
        W, the largest density ratio of the ball's optimum, [m].
    threshold
        nu, in tokens: w is proportional to (R - nu)_+; the maximum itself at the vertex, -inf where
        w = 1 throughout. [m]
    """

    value: Floats
    max_ratio: Floats
    threshold: Floats


def ball_optimum(returns: Floats, mass: Floats, kappa: float) -> SampleOptimum:
    """Maximise E[w R] subject to E[w] = 1, w >= 0, E[(w - 1)^2] <= kappa at every problem (T2).

    Parameters
    ----------
    returns : [S, m]
        Atoms, ascending down a column, in tokens.
    mass : [S]
        Their masses, the same for every problem; they sum to one.
    kappa
        Radius of the ball, >= 0.
    """
    columns = np.arange(returns.shape[1])
    x, p = returns[::-1], mass[::-1, None]
    best = x[0]
    # What lies above each level x_j: t = E(R - x_j)_+ and q = E(R - x_j)_+^2.
    held = np.cumsum(mass[::-1])
    gap = x[:-1] - x[1:]
    rise = held[:-1, None] * gap
    t = before(rise)
    q = before(gap * (2.0 * t[:-1] + rise))
    # The top set ends at the last level with q > (1 + kappa) t^2: below it w would be too flat.
    inside = (q > (1.0 + kappa) * (1.0 + 1e-14) * t * t) | (t == 0.0)
    last = len(x) - 1 - np.argmax(inside[::-1], axis=0)
    p_top = held[last]
    depth = best - x  # below the best return, so that a common offset costs no digits
    share = p * depth
    first, second = before(share)[1:], before(share * depth)[1:]
    mean = first[last, columns] / p_top
    spread = np.sqrt(np.maximum(second[last, columns] / p_top - mean**2, 0.0))
    # p (1 + kappa) - 1 without 1 - p, which would lose a small kappa.
    rest = np.append(np.cumsum(mass)[::-1][1:], 0.0)[last]
    room = np.sqrt(np.maximum(p_top * kappa - rest, 0.0))
    # All mass goes to the best return where the ball holds that; t = 0 there and above.
    mass_best = ((t == 0.0) * p).sum(0)
    vertex = (1.0 + kappa) * mass_best >= 1.0
    still = (depth[-1] == 0.0) | (kappa == 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = best - mean + spread * room
        threshold = best - mean - spread / room
        ratio = (mean * room + spread) / (p_top * spread)
    return SampleOptimum(
        np.where(still, best - first[-1], np.where(vertex, best, value)),
        np.where(still, 1.0, np.where(vertex, 1.0 / mass_best, ratio)),
        np.where(still, -np.inf, np.where(vertex, best, threshold)),
    )


def density_ratio(returns: Floats, found: SampleOptimum) -> Floats:
    """The optimum's w at each of [k, m] samples of equal mass."""
    excess = np.maximum(returns - found.threshold, 0.0)
    excess = np.where(np.isneginf(found.threshold), 1.0, excess)
    excess = np.where((excess > 0).any(0), excess, returns == returns.max(0))
    return excess / excess.mean(0)
