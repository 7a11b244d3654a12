"""Exact values of what each bound bounds: data sets listed, laws convolved, games solved.

Nothing here is shared with antiscale.bounds, nor with the engine: even the ball's optimum is found
by bisection.
"""

import functools
import itertools
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from antiscale.certify.instances import TOP
from antiscale.core.validate import Floats

# Data sets that are listed at the most.
_LISTED = 1500


@functools.lru_cache(maxsize=256)
def count_vectors(n: int, kinds: int) -> Floats:
    """All ways in which n traces fall on `kinds` types, [N, kinds]."""
    bars = itertools.combinations(range(n + kinds - 1), kinds - 1)
    rows = [np.diff((-1, *bar, n + kinds - 1)) - 1 for bar in bars]
    return np.array(rows, dtype=float).reshape(-1, kinds)


def listable(n: int, kinds: int, rho: float) -> bool:
    """Whether the data sets of n samples at a prompt of mass rho are few enough to be listed."""
    others = kinds - (rho >= 1.0)
    return math.comb(n + others, others) <= _LISTED


def subsets(size: int) -> npt.NDArray[np.bool_]:
    """Every subset of `size` types, [2^S, S]; the last type runs fastest."""
    return np.array(list(itertools.product((False, True), repeat=size)))


def free_labels(size: int, high: float) -> Floats:
    """Every reward that is 0 or `high` on each type, [2^S, S]."""
    return np.where(subsets(size), high, 0.0)


def styles(pmf: Floats, returns: Floats, blocks: int, *, mirrors: bool) -> Floats | None:
    """The class styles [K, S]: any set of right styles, and the mirrors; None where f is 0 or H/2.

    Type j has style j mod `blocks`; H is TOP.
    """
    f = np.clip(returns, 0.0, TOP)
    if ((f <= 0) | (f == TOP / 2) | (f >= TOP)).any():
        return None
    table = free_labels(blocks, 1.0)[:, np.arange(len(pmf)) % blocks] * f
    return np.concatenate([table, TOP - table]) if mirrors else table


def power(base: Decimal, n: int) -> Decimal:
    """base^n to fifty digits."""
    with localcontext() as context:
        context.prec, context.Emin = 50, -(10**15)
        return base**n if n else Decimal(1)


def max_ratio(pmf: Floats, policies: Floats) -> float:
    """W: the largest density ratio of policies [K, S], at least 1."""
    return max(1.0, float((policies[:, pmf > 0] / pmf[pmf > 0]).max()))


def zoom(
    values: Callable[[Floats], Floats], low: float, high: float, *, points: int, rounds: int
) -> tuple[float, float]:
    """Where a unimodal function is least in [low, high], and its value: grids within grids."""
    for _ in range(rounds):
        grid = np.linspace(low, high, points)
        found = values(grid)
        k = int(np.argmin(found))
        low, high = float(grid[max(k - 1, 0)]), float(grid[min(k + 1, points - 1)])
    return float(grid[k]), float(found[k])


@functools.lru_cache(maxsize=256)
def _log_ways(n: int, kinds: int) -> Floats:
    return special.gammaln(n + 1) - special.gammaln(count_vectors(n, kinds) + 1).sum(-1)


def law_of_counts(policies: Floats, n: int) -> Floats:
    """P(counts) under each policy [K, S] (rows may sum to one only): [K, N]."""
    kinds = policies.shape[-1]
    counts = count_vectors(n, kinds)
    log = special.xlogy(counts[None], policies[:, None, :]).sum(-1)
    return np.exp(_log_ways(n, kinds) + log)


def shown(policies: Floats, n: int, rho: float) -> Floats:
    """The law of what n samples show of a prompt of mass rho: [K, N]; one kind for the rest."""
    if rho >= 1.0:
        return law_of_counts(policies, n)
    rest = np.full((len(policies), 1), 1.0 - rho)
    return law_of_counts(np.concatenate([rho * policies, rest], axis=-1), n)


def counts_shown(kinds: int, n: int, rho: float) -> Floats:
    """The counts that go with `shown`, the rest left out: [N, kinds]."""
    return count_vectors(n, kinds) if rho >= 1.0 else count_vectors(n, kinds + 1)[:, :kinds]


def best_in_ball(pmf: Floats, returns: Floats, kappa: float) -> tuple[Floats, Floats]:
    """V_kappa and the policy w pmf for returns [N, S], by bisection on the threshold nu."""
    returns, back = np.unique(returns, axis=0, return_inverse=True)
    p = np.broadcast_to(pmf, returns.shape)
    r = np.where(p > 0, returns, -np.inf)
    top = r.max(-1)
    at_top = np.where(r >= top[:, None] - 1e-12 * np.maximum(np.abs(top[:, None]), 1.0), p, 0.0)
    mass = at_top.sum(-1)
    finite = np.where(p > 0, returns, 0.0)
    mean = (p * finite).sum(-1)
    sigma = np.sqrt((p * (finite - mean[:, None]) ** 2).sum(-1))
    if kappa <= 0:
        return mean[back], p[back]
    low = mean - sigma / math.sqrt(kappa) - (top - mean) - 1.0
    high = top.copy()
    for _ in range(100):
        nu = (low + high) / 2
        u = np.maximum(finite - nu[:, None], 0.0)
        first = (p * u).sum(-1)
        # Not as E u^2 > (1 + kappa) (E u)^2, which would lose a small kappa's digits.
        tight = (p * (u - first[:, None]) ** 2).sum(-1) > kappa * first**2
        found = (nu == low) | (nu == high)  # no float lies between
        high, low = np.where(tight, nu, high), np.where(tight, low, nu)
        if found.all():
            break
    u = np.where(p > 0, np.maximum(finite - low[:, None], 0.0), 0.0)
    total = (p * u).sum(-1)
    inside = p * u / np.where(total > 0, total, 1.0)[:, None]
    vertex = (1 + kappa) * mass >= 1 - 1e-12
    policy = np.where((vertex | (total <= 0))[:, None], at_top / mass[:, None], inside)
    return (policy * finite).sum(-1)[back], policy[back]


def dual_optimum(pmf: Floats, returns: Floats, kappa: float) -> float:
    """V_kappa as min over nu of nu + sqrt(1 + kappa) ||(R - nu)_+||.

    The search is over log(max R - nu): at large kappa the minimiser is next to max R.
    """
    p, top = pmf[pmf > 0], float(returns[pmf > 0].max())
    below = returns[pmf > 0] - top
    width = float(-below.min())
    sigma = math.sqrt(p @ (below - p @ below) ** 2)

    def dual(log_t: float) -> float:
        t = math.exp(log_t)
        return math.sqrt((1 + kappa) * (p @ np.maximum(below + t, 0.0) ** 2)) - t

    low, high = math.log(1e-14 * width), math.log(2 * width + sigma / math.sqrt(kappa))
    # Convex in nu, so unimodal in log t.
    _, least = zoom(
        lambda grid: np.array([dual(float(point)) for point in grid]), low, high, points=65,
        rounds=7,
    )  # fmt: skip
    return top + min(least, 0.0)


def q_variance(tree: Any) -> tuple[float, float]:
    """Mean and sum over tokens of Var Q of a token tree: [[probability, tree], ...] or a return."""
    if not isinstance(tree, list):
        return float(tree), 0.0
    weights = np.array([weight for weight, _ in tree])
    below = [q_variance(branch) for _, branch in tree]
    q = np.array([mean for mean, _ in below])
    mean = float(weights @ q)
    spread = float(weights @ (q - mean) ** 2)
    return mean, spread + float(weights @ np.array([s for _, s in below]))


def leaves(tree: Any) -> list[tuple[float, float]]:
    """Probability and return of every trace of a token tree."""
    if not isinstance(tree, list):
        return [(1.0, float(tree))]
    return [(weight * p, leaf) for weight, branch in tree for p, leaf in leaves(branch)]


def merged(pmf: Floats, returns: Floats) -> tuple[Floats, Floats]:
    """The law of the return: types of one return as one, those never written left out."""
    values, group = np.unique(returns[pmf > 0], return_inverse=True)
    return np.bincount(group, weights=pmf[pmf > 0]).astype(float), values


def quantile(law: Floats, losses: Floats, delta: float) -> float:
    """The least t with P(loss > t) <= delta: what a bound in probability must not be below."""
    order = np.argsort(-losses)
    above = np.cumsum(law[order])
    # Losses that are the same but for rounding are exceeded together.
    values = np.append(losses[order], 0.0)
    k = int(np.searchsorted(above, delta * (1 + 1e-12), side="right"))
    return max(float(values[min(k, len(values) - 1)]), 0.0)


def binomial(n: int, chance: float) -> Floats:
    """P(N = 0..n), N ~ Binomial(n, chance)."""
    k = np.arange(n + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.exp(ways + special.xlogy(k, chance) + special.xlog1py(n - k, -chance))


def binomial_cdf(k: float, n: int, chance: float) -> float:
    """P(N <= k), N ~ Binomial(n, chance), 0 < chance < 1; right for every n (bdtr is not)."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else float(special.betainc(n - k, k + 1, 1.0 - chance))


def mean_deviations(pmf: Floats, returns: Floats, n: int) -> Floats:
    """E|mean of k returns - E R| for k = 1..n, by convolution over the sums that there are."""
    mass, values = merged(pmf, returns)
    centre = mass @ values
    sums, law = values, mass
    found = [law @ np.abs(sums - centre)]
    for k in range(2, n + 1):
        sums = (sums[:, None] + values).ravel()
        law = (law[:, None] * mass).ravel()
        # Sums that differ by rounding alone are one.
        _, first, group = np.unique(np.round(sums, 9), return_index=True, return_inverse=True)
        sums, law = sums[first], np.bincount(group, weights=law).astype(float)
        found.append(law @ np.abs(sums / k - centre))
    return np.array(found[:n])


def fair_bits(k: int) -> Floats:
    """The law of a sum of k fair bits, by convolution."""
    law = np.ones(1)
    for _ in range(k):
        law = np.convolve(law, [0.5, 0.5])
    return law


def random_walk(n: int, up: float, down: float) -> Floats:
    """The law of a sum of n steps 1, -1, 0 on -n..n."""
    law = np.zeros(2 * n + 1)
    law[n] = 1.0
    stay = 1.0 - up - down
    for _ in range(n):
        moved = stay * law
        moved[1:] += up * law[:-1]
        moved[:-1] += down * law[1:]
        law = moved
    return law


def best_of_n(pmf: Floats, scores: Floats, n: float) -> Floats:
    """The law of best-of-N with ties split in proportion to pmf, from order statistics."""
    _, group = np.unique(scores, return_inverse=True)
    here = np.bincount(group, weights=pmf)
    reached = np.minimum(np.cumsum(here), 1.0)
    # F(s)^N - F(s-)^N without cancellation; nothing is below the least score.
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = reached**n * -np.expm1(n * np.log1p(-np.minimum(here / reached, 1.0)))
    share = np.divide(rise, here, out=np.zeros_like(rise), where=here > 0)
    return pmf * share[group]


def run_of_successes(length: int, chance: float, horizon: int) -> float:
    """P(`length` successes in a row within `horizon` trials), by recursion on the last failure."""
    reached = [0.0] * length + [chance**length]
    for h in range(length + 1, horizon + 1):
        # A failure, then a run that ends just now, and none before.
        now = chance**length * (1.0 - chance) * (1.0 - reached[h - length - 1])
        reached.append(reached[h - 1] + now)
    return reached[horizon]


def planted_success(target: list[int], vocabulary: int, skill: float, horizon: int) -> float:
    """P(T <= H) by writing down every trace."""
    length, total = len(target), 0.0
    for trace in itertools.product(range(vocabulary), repeat=horizon):
        ends = (h for h in range(length, horizon + 1) if list(trace[h - length : h]) == target)
        stop = next(ends, None)
        # A trace is stopped once solved: count it through one continuation only.
        if stop is None or any(trace[stop:]):
            continue
        chance = 1.0
        for h in range(stop):
            done = max(k for k in range(min(h, length) + 1) if list(trace[h - k : h]) == target[:k])
            chance *= skill if trace[h] == target[done] else (1 - skill) / (vocabulary - 1)
        total += chance
    return total
