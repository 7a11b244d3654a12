"""T10g: from how many tries on best-of-N does more harm than good."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Differences of purity, and of cumulated masses, that are rounding.
_ROUNDING = 1e-12
_SCAN = 4096


@theorem(
    "T10g", "over-optimisation",
    "accuracy falls for good iff D_1 < 0, the rise of purity below the rarest top level",
    kind="exact", learner="best-of-N", origin="ours", unit="tries", figure="over_optimisation",
    example={"right": [0, 0.25, 0], "wrong": [0.7, 0, 0.05]},
)  # fmt: skip
@validate.boundary
def turning_point(
    right: npt.ArrayLike, wrong: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """N after which the accuracy of best-of-N falls for good; inf if it does not (T10g).

    With F the mass up to a level and h = right/(right + wrong) its purity, accuracy is a constant
    minus sum_i D_i F_i^N, D the rise of purity from a level to the next, over levels and states,
    added up where F is the same and left out where that sum is 0. It falls for good iff D < 0 at
    the largest F < 1: if one state alone has the rarest top, iff that top is less pure than the
    level below. The turning point is the last root of sum_i D_i F_i^N log F_i above N = 1, or 1;
    there is at most one if D changes sign once. With hacks of mass b above the right traces of mass
    c it is log[log(1 - b - c)/log(1 - b)]/log[(1 - b)/(1 - b - c)], or 1 if that is less. Exact.

    Parameters
    ----------
    right, wrong : [L] or [K, L]
        Mass of right and of wrong traces at each score level, the lowest first, in each state of
        what the verifier is persistently wrong about (and at each prompt).
    weight : [K]
        Probability of each state; default: all alike.

    Returns
    -------
    A real number of tries, at least 1 (1: it falls from the start).

    Raises
    ------
    InputError
        If masses are negative or do not sum to one in each state.
    """
    r = np.atleast_2d(validate.nonnegative("right", right, finite=True))
    w = np.atleast_2d(validate.nonnegative("wrong", wrong, finite=True))
    if r.shape != w.shape or r.ndim != 2:
        raise InputError(f"right and wrong must be of one shape [K, L]; got {r.shape}, {w.shape}")
    total = (r + w).sum(-1)
    if (np.abs(total - 1.0) > 1e-9).any():
        raise InputError(
            f"right + wrong must sum to 1 in each state; got {total[np.abs(total - 1).argmax()]:g}"
        )
    q = np.full(len(r), 1.0 / len(r)) if weight is None else validate.pmf("weight", weight)
    if q.shape != (len(r),):
        raise InputError(f"weight must have one entry per state, {len(r)}; got shape {q.shape}")
    above, rise = _terms(r, w, q)
    if len(above) == 0 or rise[0] > 0:
        return float("inf")
    # The slope, in units of its slowest term: sum_i D_i rate_i exp(-N (rate_i - rate_0)).
    rate = -np.log1p(-above)
    size, faster = rise * rate, rate - rate[0]

    def slope(n: Floats) -> Floats:
        return (size * np.exp(-n[..., None] * faster)).sum(-1)

    helping = size[size > 0].sum()
    if helping <= 0:
        return 1.0
    # Beyond this the slowest term outweighs all that help.
    end = 1.0 + max(0.0, np.log(helping / -size[0])) / faster[size > 0].min()
    grid = np.geomspace(1.0, end, _SCAN)
    rising = np.flatnonzero(slope(grid) > 0)
    if len(rising) == 0:
        return 1.0
    low, high = grid[rising[-1]], grid[min(rising[-1] + 1, _SCAN - 1)]
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if slope(np.array(middle)) > 0 else (low, middle)
    return float(low)


def _terms(right: Floats, wrong: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """1 - F and D of every level but the top one, the largest F first; those of one F together."""
    found: list[tuple[float, float]] = []
    for r, w, q in zip(right, wrong, weight, strict=True):
        mass = r + w
        some = mass > 0
        purity = r[some] / mass[some]
        tail = np.cumsum(mass[some][::-1])[::-1]
        rises = np.diff(purity)
        rises[np.abs(rises) <= _ROUNDING] = 0.0
        if q > 0:
            found += [(float(a), float(q * d)) for a, d in zip(tail[1:], rises, strict=True) if d]
    found.sort()
    above: list[float] = []
    sums: list[list[float]] = []
    for a, d in found:
        if above and a - above[-1] <= _ROUNDING * a:
            sums[-1].append(d)
        else:
            above.append(a)
            sums.append([d])
    together = [(a, sum(d)) for a, d in zip(above, sums, strict=True)
                if abs(sum(d)) > _ROUNDING * sum(map(abs, d))]  # fmt: skip
    return np.array([a for a, _ in together]), np.array([d for _, d in together])
