"""Renewal recursions in tokens: what sums of whole costs can come to."""

import numpy as np
import numpy.typing as npt

from antiscale.core import machine, validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats

Whole = npt.NDArray[np.int64]

# Floats that one recursion may take in all.
MOST = 2**31


def whole_tokens(name: str, value: npt.ArrayLike, least: int = 0) -> Whole:
    """`value` as whole tokens, at least `least`."""
    array = validate.nonnegative(name, value, finite=True)
    bad = array[(array < least) | (array != np.floor(array))]
    if bad.size:
        allowed = f"whole tokens, at least {least}" if least else "whole tokens"
        raise InputError(f"{name} must be {allowed}; got {bad.flat[0]:g}")
    return array.astype(np.int64)


def binned(place: npt.NDArray[np.int64], mass: Floats, count: int = 0) -> Floats:
    """Sum of the masses at each place."""
    return np.bincount(place, mass, minlength=count).astype(np.float64)


def renew(source: Floats, kernel: Floats, costs: Whole) -> Floats:
    """Solve x(t) = source(t) + sum_u kernel_u x(t - cost_u) for t = 0..B; all terms are >= 0.

    Parameters
    ----------
    source : [B + 1, C]
        One column for each recursion.
    kernel : [U, C]
        Mass of each cost.
    costs : [U]
        Whole tokens, at least 1.

    Returns
    -------
    [B + 1, C]
    """
    x = np.array(source)
    # A block no longer than the least cost depends on finished ones alone.
    step = int(np.min(costs))
    for start in range(0, len(x), step):
        stop = min(start + step, len(x))
        for share, cost in zip(kernel, costs, strict=True):
            first = max(start - int(cost), 0)
            if stop - cost > first:
                x[first + cost : stop] += share * x[first : stop - cost]
    return x


def look(cumulated: Floats, budgets: Whole, price: int | Whole) -> Floats:
    """The cumulated chance at each budget less a price, 0 where that is negative."""
    left = budgets - price
    return np.where(left >= 0, cumulated[np.maximum(left, 0)], 0.0)


def cut_off(
    cumulated: Floats, budgets: Whole, price: int, following: Floats, prices: Whole
) -> Floats:
    """Chance [Q] that a trace of this price fits and the next, of law `following`, does not."""
    done = look(cumulated, budgets, price)
    cut = np.zeros(len(budgets))
    for share, next_price in zip(following, prices, strict=True):
        cut += share * (done - look(cumulated, budgets, int(price + next_price)))
    return cut


def check_size(budget: int, columns: int, costs: int) -> None:
    """Refuse what would take minutes, or more memory than there is."""
    machine.require(
        f"a hard cap of {budget} tokens",
        "the budgets or the horizon",
        floats=6.0 * budget,
        seconds=2e-5 * budget * costs,
    )
    if float(budget + 1) * columns * costs > MOST:
        raise InputError(
            f"a hard cap of {budget} tokens over {columns} score levels and {costs} costs is too "
            "much to sum; lower the budgets or the horizon, or take the budget on average "
            "(--budget-kind expected)"
        )


def overshoot(mass: Floats, costs: Whole, budget: int) -> Floats:
    """P(cost > t) for t = 0..B: [B + 1, ...] from masses [U, ...] of the costs [U]."""
    late = np.zeros((budget + 1, *mass.shape[1:]))
    for share, cost in zip(mass, costs, strict=True):
        late[: min(int(cost), budget + 1)] += share
    return late


def traces_that_fit(mass: Floats, prices: Whole, budgets: Whole) -> Floats:
    """P(N = n, the first costs c_u), traces being drawn until the next no longer fits (T10h).

    P(N >= n, first costs c_u) = p_u P(n - 1 traces cost at most B - c_u together). Traces that fit
    are shorter than others; by symmetry each of them has the first one's law given N.

    Parameters
    ----------
    mass, prices : [U]
        Law of a trace's cost; whole tokens, rising.
    budgets : [Q]
        Whole tokens.

    Returns
    -------
    [Q, M + 1, U], n = 0..M, M the most that fit into the largest budget; 0 at n = 0.
    """
    top = int(np.max(budgets))
    most = top // int(np.min(prices))
    check_size(top, most + 1, len(prices))
    total = np.eye(1, top + 1)[0]
    # reached[n] = P(at least n fit, the first costs c_u).
    reached = np.zeros((most + 2, len(budgets), len(prices)))
    for n in range(1, most + 1):
        reached[n] = mass * look(np.cumsum(total), budgets[:, None], prices)
        following = np.zeros(top + 1)
        # Sums of n traces lie at n times the least price or above.
        low = (n - 1) * int(prices[0])
        for share, price in zip(mass, prices, strict=True):
            if low + price <= top:
                following[low + price :] += share * total[low : top + 1 - price]
        total = following
    found = np.maximum(reached[:-1] - reached[1:], 0.0)
    found[0] = 0.0
    return np.moveaxis(found, 0, 1)
