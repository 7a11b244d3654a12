"""T13: pass@k before and after finetuning, and the area under the curve of budgets."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Differences of right masses that are rounding, and weights that cancel but for it: relative.
_ROUNDING = 1e-12
# Up to here every k is looked at; beyond, a grid of about this many.
_EVERY = 4096
# No crossing is looked for beyond this many tries.
_MOST = 1e15
# Floats that are worked on together.
_AT_ONCE = 2**20


@theorem(
    "T13a", "pass@k after finetuning",
    "pass@k falls at some k only if right mass falls at a prompt; not for the ball's optimum",
    kind="exact", learner="any learner", origin="ours", unit="tries", figure="pass_at_k",
    heading="pass@k before and after", inputs=("before", "after"),
    example={"before": [0.5, 0.05], "after": [0.9, 0.01]},
)  # fmt: skip
@validate.boundary
def pass_at_k_crossing(
    before: npt.ArrayLike, after: npt.ArrayLike, *, prompt_mass: npt.ArrayLike | None = None
) -> float:
    """Smallest number of tries k at which pass@k is lower after than before; inf if none (T13a).

    pass@k = sum_x rho(x) [1 - (1 - c_x)^k], c_x the chance that a trace is right. It falls at some
    k only if some c_x falls, and for good iff the least c_x among those that changed does (the
    weights of equals added up). Exact for k up to 4096; beyond, two crossings within one part in
    a hundred may be missed.

    Parameters
    ----------
    before : [m]
        c_x of the base policy.
    after : [..., m]
        c_x afterwards; leading axes are averaged over, as the data of a learner.
    prompt_mass : [m]
        rho(x); default: all alike.

    Raises
    ------
    InputError
        If a chance is not in [0, 1] or the shapes differ.

    Examples
    --------
    >>> from antiscale import bounds
    >>> bounds.pass_at_k_crossing([0.5, 0.05], [0.9, 0.01])
    4.0
    >>> bounds.pass_at_k_crossing([0.5, 0.05], [0.9, 0.05])
    inf
    """
    c, d = validate.probability("before", before), validate.probability("after", after)
    if c.ndim != 1 or d.shape[-1:] != c.shape or not d.size:
        raise InputError(
            f"before must be of shape [m] and after [..., m]; got {c.shape} and {d.shape}"
        )
    even = np.full(c.shape, 1.0 / len(c))
    rho = even if prompt_mass is None else validate.pmf("prompt_mass", prompt_mass)
    if rho.shape != c.shape:
        raise InputError(f"prompt_mass must have one entry per prompt, {len(c)}; got {rho.shape}")
    d = d.reshape(-1, len(c))
    changed = (np.abs(d - c) > _ROUNDING * (c + d)) & (rho > 0)
    if not (changed & (d < c)).any():
        return float("inf")
    # Only what changed counts; equal chances together, terms without weight left out.
    weight = np.broadcast_to(rho / len(d), d.shape)[changed]
    chance = np.concatenate([d[changed], np.broadcast_to(c, d.shape)[changed]])
    chance, place = np.unique(chance, return_inverse=True)
    apart = np.diff(chance) > _ROUNDING * chance[1:]
    place = np.concatenate([[0], np.cumsum(apart)])[place.ravel()]
    chance = chance[np.concatenate([[True], apart])]
    size = np.bincount(place, np.concatenate([weight, -weight]))
    some = np.abs(size) > _ROUNDING * np.bincount(place, np.concatenate([weight, weight]))
    some &= chance < 1.0
    chance, size = chance[some], size[some]
    if not (size > 0).any():
        return float("inf")
    # In units of the largest term: it does not vanish in floats, however large k is.
    rate = np.log1p(-chance)
    rate -= rate[0]

    def below(k: Floats) -> npt.NDArray[np.bool_]:
        """Whether pass@k is lower afterwards: sum of size (1 - chance)^k > 0."""
        terms = np.exp(k[:, None] * rate) * size
        found: npt.NDArray[np.bool_] = terms.sum(-1) > _ROUNDING * np.abs(terms).sum(-1)
        return found

    def first(tries: Floats) -> int | None:
        """Place of the first of them at which it is lower."""
        parts = np.array_split(tries, -(-len(tries) * len(chance) // _AT_ONCE))
        found = (np.flatnonzero(below(part)) for part in parts)
        start = 0
        for part, at in zip(parts, found, strict=True):
            if len(at):
                return start + int(at[0])
            start += len(part)
        return None

    at = first(np.arange(1.0, _EVERY + 1))
    if at is not None:
        return float(at + 1)
    grid = np.geomspace(_EVERY, _MOST, _EVERY).round()
    at = first(grid)
    if at is None:
        return float("inf")
    low, high = grid[at - 1], grid[at]
    while high - low > 1:
        middle = np.floor((low + high) / 2.0)
        low, high = (low, middle) if below(np.array([middle]))[0] else (middle, high)
    return float(high)


@theorem(
    "T13b", "area and regret",
    "V_kappa <= sum_h max over Pi_kappa of P(T <= h) = sum_h min(1, q_h + sd_h sqrt(kappa))",
    kind="exact", learner="the comparator", origin="ours", figure="pass_at_k",
    example={"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100], "kappa": 0.25},
)  # fmt: skip
@validate.boundary
def per_budget_optimum(pmf: npt.ArrayLike, returns: npt.ArrayLike, kappa: npt.ArrayLike) -> Floats:
    """Area under the best curve "solved within h tokens", one policy for each budget h (T13b).

    R = sum_{h <= H} 1[T <= h], so that J is the area under P(T <= h), and the regret to the ball's
    optimum V_kappa is cumulative over budgets. A comparator that may change with h reaches
    sum_h min(1, q_h + sqrt(kappa q_h (1 - q_h))), q_h = P_b(T <= h), at least V_kappa; equal iff
    kappa = 0, R has two values, or all mass may go on the best. Exact.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy and returns (tokens), R >= 0.
    kappa : broadcasts against the leading axes
        Radius of the ball; inf is allowed.

    Returns
    -------
    [...] tokens.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, or returns or kappa are negative.

    Examples
    --------
    >>> import antiscale as ac
    >>> float(ac.bounds.per_budget_optimum([0.5, 0.3, 0.2], [0.0, 60.0, 100.0], 0.25))
    61.0
    >>> round(float(ac.chi2_ball_optimum([0.5, 0.3, 0.2], [0.0, 60.0, 100.0], 0.25).value), 2)
    58.22
    """
    p, r = validate.pmf("pmf", pmf), validate.nonnegative("returns", returns, finite=True)
    radius = validate.nonnegative("kappa", kappa)
    shape = np.broadcast_shapes(p.shape, r.shape, (*radius.shape, 1))
    p, r = np.broadcast_to(p, shape), np.broadcast_to(r, shape)
    order = np.argsort(r, axis=-1, kind="stable")
    mass, level = np.take_along_axis(p, order, -1), np.take_along_axis(r, order, -1)
    # P(R >= g) for g up to each value and above the one before, and P(R < g): sums, not 1 - q.
    reached = np.cumsum(mass[..., ::-1], axis=-1)[..., ::-1]
    missed = np.cumsum(mass, axis=-1) - mass
    some, others = np.minimum(reached, 1.0), np.clip(missed, 0.0, 1.0)
    both = some * others
    with np.errstate(invalid="ignore"):
        rise = np.where(both > 0, np.sqrt(radius[..., None] * both), 0.0)
    best = np.minimum(some + np.minimum(rise, others), 1.0)
    area: Floats = (np.diff(level, axis=-1, prepend=0.0) * best).sum(-1)
    return area
