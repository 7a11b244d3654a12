"""Other ways to what antiscale computes, as a careful user would write them."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from scipy import optimize


def by_closed_form(pmf, returns, kappa: float) -> float:
    """T2 in NumPy: sort, running moments of every top set, and the one that fits its threshold."""
    order = np.argsort(-returns)
    p, r = pmf[order], returns[order]
    mass, first, second = np.cumsum(p), np.cumsum(p * r), np.cumsum(p * r * r)
    best = mass[np.searchsorted(-r, -r[0], side="right") - 1]
    if 1 + kappa >= 1 / best:
        return float(r[0])
    mean = first / mass
    spread = np.sqrt(np.maximum(second / mass - mean**2, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(mass * (1 + kappa) - 1)
        threshold = mean - spread / root
    after = np.append(r[1:], -np.inf)
    fits = np.flatnonzero((r > threshold) & (threshold >= after))
    return float(mean[fits[0]] + spread[fits[0]] * root[fits[0]])


def by_bisection(pmf, returns, kappa: float) -> float:
    """The threshold nu by root finding on E(R - nu)_+^2 = (1 + kappa) (E(R - nu)_+)^2."""
    top = returns.max()
    if 1 + kappa >= 1 / pmf[returns == top].sum():
        return float(top)

    def excess(nu: float) -> float:
        u = np.maximum(returns - nu, 0.0)
        return float(pmf @ u**2 - (1 + kappa) * (pmf @ u) ** 2)

    low = returns.min() - (top - returns.min()) / np.sqrt(min(kappa, 1.0)) - 1.0
    nu = optimize.bisect(excess, low, top - 1e-9, xtol=1e-10 * (top - returns.min()))
    u = np.maximum(returns - nu, 0.0)
    return float((pmf * u) @ returns / (pmf @ u))


def by_cvxpy(pmf, returns, kappa: float) -> float:
    """The second-order cone program in u = sqrt(p) w, which is the better scaled."""
    root = np.sqrt(pmf)
    u = cp.Variable(len(pmf), nonneg=True)
    centre = pmf @ returns
    goal = cp.Maximize((root * (returns - centre)) @ u)
    problem = cp.Problem(goal, [root @ u == 1, cp.norm(u, 2) <= np.sqrt(1 + kappa)])
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value + centre)


def counts_from_traces(model, n: int, rng: np.random.Generator):
    """Draw n prompts and traces one by one (in bulk NumPy calls), and count them: [1, m, S]."""
    prompts = rng.choice(model.prompts, n, p=model.prompt_mass)
    u = rng.random(n)
    cumulative = np.cumsum(model.pmf, axis=-1)
    counts = np.zeros(model.pmf.shape)
    for x in range(model.prompts):
        types = np.searchsorted(cumulative[x], u[prompts == x], side="right")
        counts[x] = np.bincount(types.clip(max=model.types - 1), minlength=model.types)
    return counts[None]
