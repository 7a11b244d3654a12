"""Best-of-N where N is as many traces as fit into a token budget (T10h)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats
from antiscale.search.laws import renewal
from antiscale.search.laws.renewal import Whole, binned, check_size
from antiscale.search.laws.score_laws import ScoreLaw
from antiscale.search.laws.verifiers import Flags, by_score

# Floats that recursions which run together may hold.
_AT_ONCE = 2**24


@validate.boundary
def capped_best_of_n(
    pmf: npt.ArrayLike, scores: npt.ArrayLike, costs: npt.ArrayLike, budget: npt.ArrayLike
) -> Floats:
    """Law of the best of the traces that fit into a budget, the first of equals (T10h).

    Traces are drawn one after another until the next no longer fits; that one is cut off and
    counts for nothing. Exact, by renewal recursions over the tokens spent. Where all costs are c it
    is `best_of_n` with N = floor(budget/c).

    Parameters
    ----------
    pmf, scores : [S]
        Base policy; score of each type.
    costs : [S]
        Whole tokens that a trace of each type takes, at least 1.
    budget : a number or [Q]
        Whole tokens, >= 0.

    Returns
    -------
    [S] or [Q, S]. The mass that is missing is that no trace fitted.

    Raises
    ------
    InputError
        If an argument is out of range, or the sum too long.

    Examples
    --------
    >>> capped_best_of_n([0.5, 0.5], [0.0, 1.0], [3, 5], 8)
    array([0.25, 0.75])
    """
    p = validate.pmf("pmf", pmf)
    s = validate.floats("scores", scores)
    c = renewal.whole_tokens("costs", costs, least=1)
    if p.ndim != 1 or s.shape != p.shape or c.shape != p.shape:
        raise InputError(
            f"pmf, scores and costs must be of one shape [S]; got {p.shape}, {s.shape}, {c.shape}"
        )
    caps = renewal.whole_tokens("budget", budget)
    law = capped_select(p[None], c[None], by_score(s), caps.ravel())[0]
    return law.reshape(*caps.shape, len(p))


@theorem(
    "T10h", "best-of-N under a hard cap",
    "P(j is returned) = p_j D_s(B - c_j), by two renewal recursions over tokens",
    kind="exact", learner="best-of-N", origin="ours", unit="probability",
    example={"pmf": [0.25, 0.25, 0.5], "solved": [1, 0, 0], "costs": [3, 2, 5], "budget": 12},
    home="antiscale.search",
)  # fmt: skip
@validate.boundary
def capped_success(
    pmf: npt.ArrayLike, solved: npt.ArrayLike, costs: npt.ArrayLike, budget: int
) -> float:
    """Chance that one of the traces that fit into a budget is right (T10h): pass@budget.

    Parameters
    ----------
    pmf, solved, costs : [S]
        Base policy, whether each type is right (1 or 0), and its whole cost in tokens.
    budget
        Whole tokens, >= 0.

    Raises
    ------
    InputError
        As `capped_best_of_n`.
    """
    right = validate.flags("solved", solved)
    if np.ndim(budget) != 0 or right.shape != np.shape(pmf):
        raise InputError("pmf, solved and costs must be of one shape [S], and budget a number")
    law = capped_best_of_n(pmf, right, costs, budget)
    return float(law[right].sum())


def capped_pass(pmf: Floats, solved: Flags, costs: Whole, caps: Whole) -> Floats:
    """As `capped_success`, unchecked and at many caps: [Q] (T10h)."""
    top = int(np.max(caps))
    prices, place = np.unique(costs, return_inverse=True)
    check_size(top, 1, len(prices))
    wrong = binned(place, np.where(solved, 0.0, pmf))[:, None]
    late = renewal.overshoot(binned(place, pmf), prices, top)[:, None]
    none = renewal.renew(late, wrong, prices)[:, 0]
    # Where costs leave the right traces unaffordable this is 0 but for rounding.
    return np.maximum(1.0 - none[caps], 0.0)


def capped_select(
    pmf: Floats, costs: Whole, law: ScoreLaw, budgets: Sequence[int] | Whole
) -> Floats:
    """As `capped_best_of_n` for m prompts and any verifier (T10h): [m, Q, S].

    Parameters
    ----------
    pmf, costs : [m, S]
        The policy that writes, and what its traces cost.
    law
        The verifier, with leading axis m or none.
    budgets : [Q]
        Whole tokens.

    Raises
    ------
    InputError
        If the sum is too long.
    """
    caps = np.asarray(budgets, dtype=np.int64)
    found = np.zeros((len(pmf), len(caps), pmf.shape[-1]))
    top = int(np.max(caps))
    states, levels = law.mass.shape[-3:-1]
    priced = [np.unique(costs[x][pmf[x] > 0]) for x in range(len(pmf))]
    check_size(top, states * levels * len(pmf), max(len(prices) for prices in priced))
    at_once = max(1, _AT_ONCE // (top + 1) // (states * levels))
    # Prompts whose traces cost the same run together.
    alike: dict[bytes, list[int]] = {}
    for x, prices in enumerate(priced):
        alike.setdefault(prices.tobytes(), []).append(x)
    for members in alike.values():
        for first in range(0, len(members), at_once):
            some = members[first : first + at_once]
            laws = [law.at(x) for x in some]
            found[some] = _capped(pmf[some], costs[some], laws, priced[some[0]], caps)
    return found


def _capped(pmf: Floats, costs: Whole, laws: list[ScoreLaw], prices: Whole, caps: Whole) -> Floats:
    """`capped_select` for prompts with one set of prices [U].

    P(type j is returned | B) = p_j P(score of j = s) D_s(B - c_j): before it all completed traces
    score below s, after it none scores above, until the next overshoots.
    """
    top = int(np.max(caps))
    weight = np.stack([law.weight for law in laws])
    mass, below = np.stack([law.mass for law in laws]), np.stack([law.below for law in laws])
    of_price = (costs[..., None] == prices) & (pmf[..., None] > 0)  # [m, S, U]
    priced = np.where(of_price, pmf[..., None], 0.0)
    lower = np.einsum("mkls,msu->umkl", below, priced).reshape(len(prices), -1)
    # What does not score above: below or equal, summed without a difference.
    equal = below if laws[0].atomless else below + mass
    upper = np.einsum("mkls,msu->umkl", equal, priced).reshape(len(prices), -1)
    late = renewal.overshoot(priced.sum(1).T, prices, top)  # [B + 1, m]
    per_prompt = int(np.prod(mass.shape[1:3]))
    reach = renewal.renew(np.repeat(late, per_prompt, axis=1), upper, prices)
    reach = renewal.renew(reach, lower, prices).reshape(top + 1, *mass.shape[:3])
    found = np.zeros((len(pmf), len(caps), pmf.shape[-1]))
    for u, price in enumerate(prices):
        left = caps - int(price)
        there = reach[np.maximum(left, 0)] * (left >= 0)[:, None, None, None]  # [Q, m, K, L]
        some = np.where(of_price[..., u], pmf, 0.0)
        found += np.einsum("qmkl,mk,mkls,ms->mqs", there, weight, mass, some, optimize=True)
    return found
