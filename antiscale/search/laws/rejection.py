"""Rejection: draw traces until the verifier accepts one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.renewal import Whole, binned, check_size, cut_off, look, renew


class Stopped(NamedTuple):
    """What a strategy that may stop early returns, and what it spends.

    Attributes
    ----------
    law : [..., S]
        Law of the type that is returned; what is missing returned nothing.
    spent : [...]
        Mean traces drawn, or mean tokens.
    """

    law: Floats
    spent: Floats


@validate.boundary
def until_accepted(
    pmf: npt.ArrayLike, accept: npt.ArrayLike, tries: npt.ArrayLike = np.inf
) -> Stopped:
    """Draw until a trace is accepted, at most N times; then the last one is returned (T10).

    An accepted trace is of type j in proportion to pi_b(j) a_j; with a = sum pi_b a_j there are
    [1 - (1 - a)^N]/a draws on average.

    Parameters
    ----------
    pmf, accept : [..., S]
        Base policy; probability a_j that a trace of each type is accepted, independently each time.
    tries : broadcasts against the leading axes
        N >= 0, whole; inf draws without end (then some a_j must be positive).

    Returns
    -------
    Stopped
        `spent` in traces. With N = 0 nothing is returned.

    Raises
    ------
    InputError
        If an argument is out of range, or nothing can be accepted and N is infinite.
    """
    p, a = validate.pmf("pmf", pmf), validate.probability("accept", accept)
    n = validate.nonnegative("tries", tries)
    if p.shape[-1:] != a.shape[-1:]:
        raise InputError(f"pmf {p.shape} and accept {a.shape} must have the same types")
    if (np.isfinite(n) & (n != np.floor(n))).any():
        raise InputError(f"tries must be whole numbers or inf; got {n[n % 1 != 0].flat[0]:g}")
    chance = (p * a).sum(-1)
    if (np.isinf(n) & (chance == 0)).any():
        raise InputError("no type is ever accepted, so drawing never ends; give tries a limit")
    with np.errstate(divide="ignore", invalid="ignore"):
        log = n * np.log1p(-np.minimum(chance, 1.0))
        missed = np.where(n == 0, 1.0, np.exp(log))
        drawn = np.where(chance > 0, -np.expm1(np.where(n == 0, 0.0, log)) / chance, n)
        last = np.where((n > 0) & (chance < 1), missed / (1.0 - chance), 0.0)
    law = p * a * drawn[..., None] + p * (1.0 - a) * last[..., None]
    return Stopped(law, drawn)


def capped_until_accepted(pmf: Floats, accept: Floats, costs: Whole, budgets: Whole) -> Stopped:
    """As `until_accepted`, as long as traces fit into a token budget (T10h).

    Where none was accepted the last completed trace is returned, and all tokens are spent.

    Parameters
    ----------
    pmf, accept, costs : [m, S]
        The policy that writes; how likely a trace is accepted; whole tokens.
    budgets : [Q]
        Whole tokens.

    Returns
    -------
    Stopped
        `law` [m, Q, S]; `spent` [m, Q] in tokens.
    """
    top = int(np.max(budgets))
    law = np.zeros((len(pmf), len(budgets), pmf.shape[-1]))
    spent = np.zeros((len(pmf), len(budgets)))
    for x, (p, a, c) in enumerate(zip(pmf, accept, costs, strict=True)):
        prices, place = np.unique(c, return_inverse=True)
        check_size(top, 2, len(prices))
        drawn, rejected = binned(place, p), binned(place, p * (1.0 - a))
        start = np.zeros((top + 1, 1))
        start[0] = 1.0
        # Chance of t tokens on rejected traces, and the same summed over t and weighted by t.
        at = renew(start, rejected[:, None], prices)[:, 0]
        upto, tokens = np.cumsum(at), np.cumsum(at * np.arange(top + 1))
        unspent = np.ones(len(budgets))
        for u, price in enumerate(prices):
            done = look(upto, budgets, int(price))
            here = place == u
            accepted = (p * a)[here]
            law[x][:, here] += done[:, None] * accepted
            unspent -= done * accepted.sum()
            used = look(tokens, budgets, int(price)) + price * done
            spent[x] += accepted.sum() * used
            # The last of the rejected: the next one, of any cost above what is left, is cut off.
            cut = cut_off(upto, budgets, int(price), drawn, prices)
            law[x][:, here] += cut[:, None] * (p * (1.0 - a))[here]
        spent[x] += np.maximum(unspent, 0.0) * budgets
    return Stopped(law, spent)
