"""How many traces fit into a token budget, where what they say does not matter."""

import numpy as np

from antiscale.core.validate import Floats
from antiscale.search.laws.renewal import Whole, check_size, look


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
