"""Slow, independent ways to the ball's optimum: a cone solver, and fifty digits of arithmetic."""

from __future__ import annotations

import clarabel
import mpmath
import numpy as np
from scipy import sparse


def padded(pmf, returns, size=12):
    """The law with types of mass zero up to `size`: one shape, so that JAX compiles once."""
    more = size - len(pmf)
    return np.pad(np.asarray(pmf, float), (0, more)), np.pad(np.asarray(returns, float), (0, more))


def together(laws, size=12):
    """The laws (pmf, returns) padded to `size` and stacked: two arrays [count, size]."""
    return tuple(map(np.stack, zip(*(padded(p, r, size) for p, r in laws), strict=True)))


def by_cone_solver(pmf, returns, kappa, prompt_mass=None):
    """The optimal value over [m, S] prompts with the average budget; m = 1 is the ball itself.

    Variables u = sqrt(rho p) w. Maximise sum sqrt(rho p) R u subject to sum_j sqrt(rho p) u = rho
    at each prompt, u >= 0, |u| <= sqrt(1 + kappa).
    """
    pmf, returns = np.atleast_2d(pmf), np.atleast_2d(returns)
    rho = np.ones(1) if prompt_mass is None else np.asarray(prompt_mass)
    keep = pmf > 0
    root = np.sqrt(rho[:, None] * pmf)[keep]
    owner = np.nonzero(keep)[0]
    # Measured from each prompt's mean and in units of the spread, for the solver's tolerances.
    mean = (pmf * np.where(keep, returns, 0)).sum(-1)
    r = (returns - mean[:, None])[keep]
    scale = max(np.abs(r).max(), 1e-300)
    size = len(root)
    sums = sparse.csc_matrix((root, (owner, np.arange(size))), shape=(len(pmf), size))
    a = sparse.vstack([sums, -sparse.eye(size), np.zeros((1, size)), -sparse.eye(size)], "csc")
    b = np.concatenate([rho, np.zeros(size), [np.sqrt(1 + kappa)], np.zeros(size)])
    cones = [
        clarabel.ZeroConeT(len(pmf)),
        clarabel.NonnegativeConeT(size),
        clarabel.SecondOrderConeT(size + 1),
    ]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    zero = sparse.csc_matrix((size, size))
    solution = clarabel.DefaultSolver(zero, -root * r / scale, a, b, cones, settings).solve()
    return float(-solution.obj_val * scale + rho @ mean)


def by_enumeration(pmf, returns, kappa, digits=50):
    """(value, density ratios) from every top set in fifty digits: the formula of T2, tried on all.

    Masses or budgets of 1e-300 take `digits` beyond 600: differences of numbers near 1 are theirs.

    A feasible w is one of: the vertex, or w = b (R - nu)_+ for a top set A consistent with its nu.
    """
    with mpmath.workdps(digits):
        p = [mpmath.mpf(float(x)) for x in pmf]
        total = mpmath.fsum(p)
        p = [x / total for x in p]
        r = [mpmath.mpf(float(x)) if q > 0 else None for x, q in zip(returns, p, strict=True)]
        levels = sorted({x for x in r if x is not None}, reverse=True)
        kappa = mpmath.mpf(float(kappa)) if np.isfinite(kappa) else mpmath.inf
        best = mpmath.fsum(q for q, x in zip(p, r, strict=True) if x == levels[0])
        if 1 + kappa >= 1 / best or len(levels) == 1:
            return levels[0], [1 / best if x == levels[0] else mpmath.mpf(0) for x in r]
        if kappa == 0:
            mean = mpmath.fsum(q * x for q, x in zip(p, r, strict=True) if x is not None)
            return mean, [mpmath.mpf(int(x is not None)) for x in r]
        for lowest in range(1, len(levels)):
            inside = [x is not None and x >= levels[lowest] for x in r]
            mass = mpmath.fsum(q for q, i in zip(p, inside, strict=True) if i)
            if mass * (1 + kappa) <= 1:
                continue
            mean = mpmath.fsum(q * x for q, x, i in zip(p, r, inside, strict=True) if i) / mass
            var = mpmath.fsum(
                q * (x - mean) ** 2 for q, x, i in zip(p, r, inside, strict=True) if i
            )
            root = mpmath.sqrt(mass * (1 + kappa) - 1)
            nu = mean - mpmath.sqrt(var / mass) / root
            below = levels[lowest + 1] if lowest + 1 < len(levels) else -mpmath.inf
            if levels[lowest] > nu >= below:
                value = mean + mpmath.sqrt(var / mass) * root
                scale = mass * (mean - nu)
                return value, [
                    (x - nu) / scale if i else mpmath.mpf(0) for x, i in zip(r, inside, strict=True)
                ]
        raise AssertionError("no top set is consistent with its own threshold")


def by_levels(pmf, returns, kappa):
    """The value in NumPy by walking the levels from the top (no iteration, no search)."""
    order = np.argsort(-returns)
    r, p = returns[order], pmf[order]
    gaps = np.append(r[:-1] - r[1:], np.inf)
    c = np.cumsum(p)
    t = np.concatenate([[0.0], np.cumsum(gaps[:-1] * c[:-1])])  # E(R - level)_+ at each level
    q = np.concatenate([[0.0], np.cumsum(2 * gaps[:-1] * t[:-1] + gaps[:-1] ** 2 * c[:-1])])
    last = int(np.nonzero((q > (1 + kappa) * t**2) | (t == 0))[0].max())
    p, r = p[: last + 1], r[: last + 1]
    mass = p.sum()
    mean = p @ r / mass
    return mean + np.sqrt(p @ (r - mean) ** 2 / mass) * np.sqrt(mass * (1 + kappa) - 1)
