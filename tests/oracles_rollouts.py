"""Slow, independent computations for the tests of antiscale.rollouts, and synthetic tables."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from antiscale.rollouts.band import Band


def extremes_by_linear_programs(
    x: np.ndarray, horizon: float, limits: Band, eps: list[float]
) -> dict[str, object]:
    """Extremes of J, sigma and J + sigma sqrt(eps) over laws on a grid within the band.

    For each mean the second moment is minimised and maximised by a linear program; the mean is
    then scanned. The grid holds the samples, so results stand just inside the exact ones.
    """
    atoms = np.unique(np.concatenate([[0.0, horizon], x, np.linspace(0.0, horizon, 61)]))
    rows, sides = [], []
    for i, value in enumerate(x):
        rows += [-(atoms <= value).astype(float), (atoms < value).astype(float)]
        sides += [-limits.low[i + 1], limits.high[i]]
    ones = np.ones((1, len(atoms)))
    low = linprog(atoms, rows, sides, ones, [1.0]).fun
    high = -linprog(-atoms, rows, sides, ones, [1.0]).fun
    least, most = math.inf, 0.0
    reach = [[math.inf, -math.inf] for _ in eps]
    for mean in np.linspace(low, high, 161):
        both = np.vstack([ones, atoms])
        down = linprog(atoms**2, rows, sides, both, [1.0, mean])
        up = linprog(-(atoms**2), rows, sides, both, [1.0, mean])
        if down.status or up.status:
            continue
        smaller = math.sqrt(max(down.fun - mean**2, 0.0))
        larger = math.sqrt(max(-up.fun - mean**2, 0.0))
        least, most = min(least, smaller), max(most, larger)
        for ends, level in zip(reach, eps, strict=True):
            ends[0] = min(ends[0], mean + math.sqrt(level) * smaller)
            ends[1] = max(ends[1], mean + math.sqrt(level) * larger)
    return {"mean": (low, high), "sigma": (least, most), "threshold": reach}


def best_of_subsets(score: list[float], correct: list[bool], n: int) -> float:
    """Best of n by enumeration of all subsets, ties for the best score split evenly."""
    total = []
    for chosen in itertools.combinations(range(len(score)), n):
        top = max(score[i] for i in chosen)
        tied = [correct[i] for i in chosen if score[i] == top]
        total.append(sum(tied) / len(tied))
    return sum(total) / len(total)


def synthetic(
    problems: int, samples: int, seed: int, *, success: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of rollouts with known truth.

    Problem x is right with probability p_x (Beta(0.5, 1), or `success`); a right sample takes 20 +
    {0..39} tokens, a wrong one 20 + {0..79}. Returns the table and one row per problem with `p`.
    """
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 1.0, problems) if success is None else np.full(problems, success)
    problem = np.repeat(np.arange(problems), samples)
    correct = rng.random(len(problem)) < p[problem]
    length = 20 + rng.integers(0, np.where(correct, 40, 80))
    table = pd.DataFrame(
        {"problem": [f"task/{x}" for x in problem], "correct": correct.astype(int),
         "length": length}
    )  # fmt: skip
    return table, pd.DataFrame({"problem": [f"task/{x}" for x in range(problems)], "p": p})


def true_sigma(p: np.ndarray, horizon: float) -> np.ndarray:
    """sigma_x of `synthetic` at a horizon of at least 60."""
    returns = horizon + 1.0 - (20.0 + np.arange(40))
    return np.sqrt(p * (returns**2).mean() - (p * returns.mean()) ** 2)


def true_above(p: float, horizon: float, eps: float) -> float:
    """c_x(eps) of `synthetic` at a horizon of at least 60, for 0 < p < 1."""
    returns = horizon + 1.0 - (20.0 + np.arange(40))
    mean, sigma = p * returns.mean(), float(true_sigma(np.array(p), horizon))
    return float(p * (returns >= mean + sigma * math.sqrt(eps) - 1e-9).mean())
