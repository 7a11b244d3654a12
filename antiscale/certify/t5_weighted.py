"""Attacks on weighted cloning and on the coverage of a clone: T5d, T5e, T5f."""

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import truths
from antiscale.certify.check import Bound, Pair, check, spread
from antiscale.core.validate import Floats

_MASS = gene.share(0.02, 1.0, 1.0)
_KAPPA = gene.positive(1e-3, 1e2, 0.0)
_FOLD = gene.positive(1.0, 1e2, 1.0)


@check(
    "T5d T5e", "few types", "all data sets", 32, pmf=gene.pmf(2, 4), returns=gene.table(1, "pmf"),
    rho=_MASS, n=gene.count(0, 10), kappa=_KAPPA,
)  # fmt: skip
def _weighted(bound: Bound, pmf: Floats, returns: Floats, rho: float, n: int, kappa: float) -> Pair:
    """The ball's optimum around every law that n traces may show, for r and for its mirror."""
    if not truths.listable(n, len(pmf), rho) or spread(pmf, returns) < 1e-6:
        return None
    counts = truths.counts_shown(len(pmf), n, rho)
    chance = truths.shown(pmf[None], n, rho)[0]
    total = counts.sum(-1, keepdims=True)
    laws = np.where(total > 0, counts / np.maximum(total, 1), pmf)
    losses = []
    for goal in (returns, -returns):
        found = np.where(total[:, 0] > 0, _values(laws, goal, kappa), pmf @ goal)
        losses.append(truths.best_in_ball(pmf, goal[None], kappa)[0][0] - found)
    truth = float(chance @ np.maximum(*losses))
    value = rho * bound(pmf=pmf, returns=returns, n=n, prompt_mass=rho, kappa=kappa)
    return value, rho * max(truth, 0.0)


def _values(laws: Floats, returns: Floats, kappa: float) -> Floats:
    """V_kappa of the returns under each law [N, S], by bisection on the threshold."""
    there = laws > 0
    top = np.max(np.where(there, returns, -np.inf), axis=-1)
    mean = laws @ returns
    if kappa <= 0:
        return mean
    variance = (laws * (returns - mean[:, None]) ** 2).sum(-1)
    low, high = mean - np.sqrt(variance / kappa) - (top - mean) - 1.0, top.copy()
    for _ in range(80):
        nu = (low + high) / 2
        u = np.maximum(returns - nu[:, None], 0.0)
        first = (laws * u).sum(-1)
        tight = (laws * (u - first[:, None]) ** 2).sum(-1) > kappa * first**2
        high, low = np.where(tight, nu, high), np.where(tight, low, nu)
    u = np.maximum(returns - low[:, None], 0.0)
    weight = laws * u
    all_best = (1 + kappa) * (laws * (returns == top[:, None])).sum(-1) >= 1 - 1e-12
    total = weight.sum(-1)
    value = (weight * returns).sum(-1) / np.where(total > 0, total, 1.0)
    found: Floats = np.where(all_best | (total <= 0), top, value)
    return found


@check(
    "T5d T5e", "two types", "binomial sums", q=gene.share(1e-3, 1 - 1e-3, 0.5),
    large=gene.count(1, 10**5), kappa=_KAPPA,
)  # fmt: skip
def _weighted_two_types(bound: Bound, q: float, large: int, kappa: float) -> Pair:
    """Around a frequency f the ball holds the success probabilities f +- sqrt(kappa f (1 - f))."""
    seen = np.arange(large + 1) / large

    def reach(f: Floats) -> Floats:
        found: Floats = np.sqrt(kappa * f * (1 - f))
        return found

    here = np.array(q)
    up = np.minimum(here + reach(here), 1.0) - np.minimum(seen + reach(seen), 1.0)
    down = np.maximum(seen - reach(seen), 0.0) - np.maximum(here - reach(here), 0.0)
    truth = float(truths.binomial(large, q) @ np.maximum(up, down))
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 1.0])
    return bound(pmf=pmf, returns=returns, n=large, prompt_mass=1.0, kappa=kappa), truth


@check("T5f", "few types", "all data sets", expert=gene.pmf(1, 5), rho=_MASS, n=gene.count(0, 8),
       fold=_FOLD)  # fmt: skip
def _covered(bound: Bound, expert: Floats, rho: float, n: int, fold: float) -> Pair:
    if not truths.listable(n, len(expert), rho):
        return None
    counts = truths.counts_shown(len(expert), n, rho)
    total = counts.sum(-1, keepdims=True)
    rare = counts * fold <= total * expert * (1 - 1e-12)
    truth = float(truths.shown(expert[None], n, rho)[0] @ (rare @ expert))
    return rho * bound(expert=expert, n=n, fold=fold, prompt_mass=rho), rho * truth


@check("T5f", "any number", "binomial sums", expert=gene.pmf(1, 60), large=gene.count(0, 10**6),
       fold=_FOLD)  # fmt: skip
def _covered_far(bound: Bound, expert: Floats, large: int, fold: float) -> Pair:
    truth = sum(
        p * truths.binomial_cdf(np.floor(large * p / fold * (1 - 1e-12)), large, p)
        for p in expert
        if 0 < p < 1
    )
    return bound(expert=expert, n=large, fold=fold, prompt_mass=1.0), float(truth)
