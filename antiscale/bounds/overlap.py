"""How much two laws of the data overlap: 1 - TV, bounded by affinities or exact (T4).

The data at one prompt are n_x ~ Binomial(n, rho) traces; under two experts their laws P, Q overlap
by the integral of min(P, Q) = 1 - TV. Four bounds on it: `from_affinity`, 1 - sqrt(1 - BC^2) with
BC that of all n pairs; `averaged`, the same given n_x and then averaged over n_x, at least that;
`normal`, the log-likelihood ratio's normal law less the error of Berry and Esseen, sharper for many
data and to be taken with one of the others; and the exact one, for experts told apart by few types.

Numerics: affinities enter as 1 - B (sums of non-negative terms, no cancellation), powers of n by
log1p, and 1 - sqrt(1 - BC^2) as BC^2 / (1 + sqrt(1 - BC^2)).
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from antiscale.core.validate import Floats

# A bound on 1 - TV from n [N], rho [N] and the defect 1 - B of one trace of the prompt, [N, ...].
Overlap = Callable[[Floats, Floats, Floats], Floats]

# Bins of the law of n_x.
_BINS = 32
# Data sets listed one by one, at most.
LISTED = 200_000
# |F - Phi| <= a (beta_3 + b)/sqrt(n) for standardised sums of n iid terms (Shevtsova 2011, arXiv
# 1111.6554): never more than 0.4748 beta_3/sqrt(n), as beta_3 >= 1.
BERRY_ESSEEN = (0.33554, 0.415)


def one_minus_tv(log_affinity: Floats) -> Floats:
    """1 - sqrt(1 - BC^2) <= 1 - TV, from log BC <= 0 (Bretagnolle-Huber, by Cauchy-Schwarz)."""
    square = np.exp(2.0 * log_affinity)
    result: Floats = square / (1.0 + np.sqrt(-np.expm1(2.0 * log_affinity)))
    return result


def from_affinity(n: Floats | float, rho: Floats | float, defect: Floats) -> Floats:
    """1 - sqrt(1 - BC^2) with log BC = n log(1 - rho (1 - B)), from the defect 1 - B."""
    n, rho = (np.reshape(z, np.shape(z) + (1,) * (defect.ndim - np.ndim(z))) for z in (n, rho))
    with np.errstate(divide="ignore", over="ignore"):
        # Without data laws that do not overlap are alike all the same: 0 times a finite number.
        log_affinity = np.maximum(np.log1p(-np.minimum(rho * defect, 1.0)), -1e300)
        return one_minus_tv(n * log_affinity)


class Counts(NamedTuple):
    """The law of n_x in bins: their probability, conditional mean and largest value."""

    chance: Floats
    mean: Floats
    top: Floats


def binomial_cdf(k: Floats, n: Floats | float, chance: Floats | float) -> Floats:
    """P(N <= k) for N ~ Binomial(n, chance), 0 < chance < 1; n may exceed 2^31."""
    inside = np.clip(k, 0.0, np.maximum(np.asarray(n) - 1.0, 0.0))
    value = special.betainc(np.maximum(n - inside, 1e-300), inside + 1.0, 1.0 - np.asarray(chance))
    result: Floats = np.where(np.asarray(k) < 0, 0.0, np.where(np.asarray(k) >= n, 1.0, value))
    return result


def counts(n: float, rho: float) -> Counts:
    """Bin the law Binomial(n, rho) of n_x; zero is a bin of its own, as T4's convexity asks."""
    n = float(math.ceil(n))  # more data can only lower the bound
    if rho >= 1.0 or n == 0:
        whole = np.array([float(n if rho > 0 else 0)])
        return Counts(np.ones(1), whole, whole)
    middle, spread = n * rho, math.sqrt(n * rho * (1.0 - rho))
    inner = np.floor(middle + spread * np.linspace(-6.0, 6.0, _BINS - 1))
    ends = np.unique(np.clip(np.concatenate([[-1.0, 0.0], inner, [n]]), -1.0, n))
    # k P(N = k) = n rho P(N' = k - 1) with N' ~ Binomial(n - 1, rho).
    chance = np.diff(binomial_cdf(ends, n, rho))
    first = middle * np.diff(binomial_cdf(ends - 1.0, n - 1.0, rho))
    keep = chance > 1e-15
    chance, first, low, top = chance[keep], first[keep], ends[:-1][keep] + 1, ends[1:][keep]
    return Counts(chance, np.clip(first / chance, low, top), top)


def averaged(n: Floats | float, rho: Floats | float, defect: Floats) -> Floats:
    """Average 1 - sqrt(1 - B^2k) over k = n_x, from below; at least `from_affinity`.

    k -> 1 - sqrt(1 - B^2k) is convex, so a bin of k's counts at its mean (Jensen).
    """
    if np.ndim(n) > 0:
        laws = zip(np.asarray(n), np.asarray(rho), defect, strict=True)
        return np.stack([averaged(*law) for law in laws])
    fixed = from_affinity(n, rho, defect)
    if rho >= 1.0:
        return fixed
    law = counts(float(n), float(rho))
    total = np.zeros_like(defect)
    with np.errstate(divide="ignore"):
        log = np.log1p(-np.minimum(defect, 1.0))
    for chance, mean in zip(law.chance, law.mean, strict=True):
        total += chance * (one_minus_tv(mean * log) if mean > 0 else 1.0)
    return np.maximum(fixed, total)


# How 1 - TV is bounded by what is not exact; where an exact overlap is asked for, beside it.
BOUNDS: dict[str, Overlap] = {
    "affinity": from_affinity, "averaged": averaged, "normal": averaged, "exact": averaged,
}  # fmt: skip


def normal(n: float, rho: float, p: Floats, g: Floats, low: Floats, high: Floats) -> Floats:
    """1 - TV of n traces under the experts p (1 + low g) and p (1 + high g), from below, [N].

    1 - TV = P_low(Lambda >= 0) + P_high(Lambda < 0) for the log-likelihood ratio Lambda, a sum of n
    iid terms, 0 for traces of other prompts. Each probability is at least that of a normal law of
    Lambda's mean and variance less `BERRY_ESSEEN`. -inf where a term may be infinite.

    Parameters
    ----------
    n, rho
        Traces of all prompts (rounded up: more data can only lower 1 - TV); the prompt's share.
    p, g : [L]
        Masses and tilts, with sum p g = 0.
    low, high : [N]
        Tilts' factors, low <= high, with 1 + low g >= 0 and 1 + high g >= 0.
    """
    root = math.sqrt(math.ceil(n))
    p, g = np.append(rho * p, 1.0 - rho)[:, None], np.append(g, 0.0)[:, None]
    share, constant = BERRY_ESSEEN
    total = np.zeros(np.shape(low))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Of the ratio less 1, so that near experts keep their digits.
        above = (high - low) * g / (1.0 + low * g)
        ratio = np.log1p(above)
        law = p * (1.0 + low * g)
        for chance, sign in ((law, 1.0), (law * (1.0 + above), -1.0)):
            mean = (chance * ratio).sum(0)
            away = ratio - mean
            spread = np.sqrt((chance * away**2).sum(0))
            away = np.abs(away / spread)
            third = (chance * away * away * away).sum(0)
            total += special.ndtr(sign * root * mean / spread) - share * (third + constant) / root
    # Alike experts: spread 0. Where an expert lacks a type: infinite terms.
    return np.where(high > low, np.where(np.isfinite(total), total, -np.inf), 1.0)


def of_binomials(n: float, rho: float, low: Floats, high: Floats) -> Floats:
    """1 - TV of the counts of one of two types, of chance `low` or `high`, low <= high.

    Given n_x = k the overlap is P_high(Y <= c) + P_low(Y > c) with c the largest count that is
    likelier under `low` (a monotone likelihood ratio). It falls with k, so a bin of k's counts at
    its largest: exact for rho = 1, from below otherwise.
    """
    law = counts(n, rho)
    total = np.zeros(np.broadcast_shapes(low.shape, high.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        neither = np.log1p(-low) - np.log1p(-high)
        cut = neither / (neither + np.log(high) - np.log(low))
    # Where low = 0 or high = 1 the likelihood ratio is infinite on one side.
    cut = np.where(low <= 0.0, 0.0, np.where(high >= 1.0, 1.0, cut))
    apart = high > low
    for chance, k in zip(law.chance, law.top, strict=True):
        if k == 0:
            total += chance
            continue
        c = np.floor(np.where(apart, cut, 0.5) * k * (1 - 1e-15))
        # high = 1: the laws share only the count k, which then lies above c.
        c = np.where(high >= 1.0, k - 1, c)
        below = special.betainc(np.maximum(k - c, 1e-300), c + 1, 1.0 - high)
        above = special.betainc(c + 1, np.maximum(k - c, 1e-300), low)
        total += chance * np.where(apart, np.minimum(below + above, 1.0), 1.0)
    return total


def listed_laws(n: int, rho: float, policies: Floats) -> Floats | None:
    """The law of all that n samples can show of one prompt, [K, outcomes], under K policies [K, L].

    None if there are more than `LISTED` outcomes.
    """
    kinds = policies.shape[-1]
    if math.comb(n + kinds, kinds) > LISTED:
        return None
    bars = itertools.combinations(range(n + kinds), kinds)
    seen = np.array([np.diff((-1, *bar, n + kinds)) - 1 for bar in bars], dtype=float)
    chances = np.concatenate([rho * policies, np.full((len(policies), 1), 1.0 - rho)], axis=-1)
    ways = special.gammaln(n + 1) - special.gammaln(seen + 1).sum(-1)
    result: Floats = np.exp(ways + special.xlogy(seen, chances[:, None, :]).sum(-1))
    return result


def pairwise(laws: Floats) -> float:
    """The sum over i < k of the overlap of laws i and k, [K, outcomes]."""
    falling = -np.sort(-laws, axis=0)
    return float((falling * np.arange(len(laws))[:, None]).sum())
