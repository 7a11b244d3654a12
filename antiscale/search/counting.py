"""How many traces fit into a token budget, where what they say does not matter."""

from __future__ import annotations

import numpy as np

from antiscale.search.renewal import Whole, check_size
from antiscale.validate import Floats


def traces_that_fit(mass: Floats, prices: Whole, budgets: Whole) -> Floats:
    """P(N = n) for n = 0..M, where traces are drawn until the next no longer fits (T10h).

    P(N >= n) = P(the first n traces cost at most B together).

    Parameters
    ----------
    mass, prices : [U]
        Law of a trace's cost; whole tokens, rising.
    budgets : [Q]
        Whole tokens.

    Returns
    -------
    [Q, M + 1], M the most that fit into the largest budget.
    """
    some = mass > 0
    mass, prices = mass[some], prices[some]
    top = int(np.max(budgets))
    most = top // int(np.min(prices))
    check_size(top, most + 1, len(prices))
    total = np.eye(1, top + 1)[0]
    reached = np.zeros((most + 2, len(budgets)))
    reached[0] = 1.0
    for n in range(1, most + 1):
        following = np.zeros(top + 1)
        # Sums of n traces lie at n times the least price or above.
        low = (n - 1) * int(prices[0])
        for share, price in zip(mass, prices, strict=True):
            if low + price <= top:
                following[low + price :] += share * total[low : top + 1 - price]
        total = following
        reached[n] = np.cumsum(total)[budgets]
    return np.maximum(reached[:-1] - reached[1:], 0.0).T
