"""Exact truths to hold bounds against: enumeration of data sets, binomial sums, plain formulas."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import stats


def count_vectors(n: int, size: int) -> np.ndarray:
    """All ways to see n traces fall on `size` types, [N, size]."""
    bars = itertools.combinations(range(n + size - 1), size - 1)
    rows = [np.diff([-1, *bar, n + size - 1]) - 1 for bar in bars]
    return np.array(rows, dtype=int).reshape(-1, size)


def law_of_counts(policies: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """P(counts) under each policy: [K, S], [N, S] -> [K, N]."""
    n = int(counts[0].sum())
    ways = np.exp(
        math.lgamma(n + 1) - np.array([[math.lgamma(c + 1) for c in row] for row in counts]).sum(-1)
    )
    return ways * np.prod(policies[:, None, :] ** counts[None], axis=-1)


def data_law(policies: np.ndarray, n: int, rho: float) -> np.ndarray:
    """The law of what n samples show of one prompt of mass rho: [K, outcomes]."""
    parts = []
    for seen in range(n + 1):
        chance = stats.binom.pmf(seen, n, rho)
        if chance > 0:
            parts.append(chance * law_of_counts(policies, count_vectors(seen, policies.shape[1])))
    return np.concatenate(parts, axis=-1)


def bayes_risk(theta: np.ndarray, law: np.ndarray) -> float:
    """min over D of E|theta - D(data)|, theta uniform on K values: the posterior median's risk."""
    order = np.argsort(theta)
    theta, law = theta[order], law[order]
    weight = law / len(theta)
    half = np.cumsum(weight, 0) >= weight.sum(0) / 2 * (1 - 1e-12)
    median = theta[half.argmax(0)]
    return float((weight * np.abs(theta[:, None] - median)).sum())


def standardised(p: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, float]:
    mean = p @ r
    sigma = math.sqrt(p @ (r - mean) ** 2)
    return (r - mean) / sigma, sigma


def two_point_at(eps: float, p, g, n: int, rho: float) -> float:
    """T4a at one eps by its formula as printed, in units of sigma."""
    affinity = p @ np.sqrt(np.maximum(1 - (eps * g) ** 2, 0))
    bc = (1 - rho * (1 - affinity)) ** n
    return eps * (1 - math.sqrt(max(1 - bc**2, 0.0)))


def many_point_at(a: float, steps: int, p, g, n: int, rho: float) -> float:
    """T4c at one a by its double sum as printed, in units of sigma."""
    theta = np.linspace(-a, a, steps + 1)
    root = np.sqrt(np.maximum(1 + theta[:, None] * g, 0))

    def defect(rows: slice, columns: slice) -> np.ndarray:
        return 1 - np.minimum((root[rows] * p) @ root[columns].T, 1)

    return a / steps * overlap_of_pairs(defect, steps, n, rho) / (steps + 1)


def overlap_of_pairs(defect, steps: int, n: int, rho: float) -> float:
    """The sum over i < k <= `steps` of 1 - sqrt(1 - BC^2), BC = (1 - rho defect(i, k))^n.

    Row by row, in blocks that stay in the processor's cache; what is below the diagonal is not
    computed.
    """
    total, size = 0.0, 64
    for first in range(0, steps + 1, size):
        bc = (1 - rho * defect(slice(first, first + size), slice(first, None))) ** n
        total += np.triu(1 - np.sqrt(np.maximum(1 - bc**2, 0)), 1).sum()
    return float(total)


def inverse_root_count(n: int, rho: float) -> float:
    """E[N^(-1/2); N > 0] by summing over the binomial law."""
    k = np.arange(1, n + 1)
    return float((stats.binom.pmf(k, n, rho) / np.sqrt(k)).sum())


def exact_many_point_on_two_types(scale: float, steps: int, mass: float, n: int) -> float:
    """T4c with exact total variation at a prompt of mass 1, in units of sigma, pair by pair."""
    theta = np.linspace(-scale, scale, steps + 1)
    chance = mass * (1 + theta * math.sqrt((1 - mass) / mass))
    k = np.arange(n + 1)
    laws = stats.binom.pmf(k, n, chance[:, None])
    total = sum(np.minimum(laws[i], laws[i + 1 :]).sum() for i in range(steps))
    return scale / steps * total / (steps + 1)
