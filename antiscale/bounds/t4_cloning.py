"""T4: what every verifier-free algorithm must lose to some expert of the ball.

Each form is a Bayes bound under a prior over experts; `hardest_prior` gives that prior's scale, so
that a simulation can draw the experts that the bound speaks of. T4b and T4d, over many styles, are
in `cloning_blocks`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.bounds import overlap as overlaps
from antiscale.bounds.overlap import Overlap
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

FORMS = ("two_point", "many_point", "best")
OVERLAPS = ("affinity", "averaged", "exact")

# K of T4c: for large n the bound stands sqrt(0.614/K)/0.629, two per cent, under that of K = inf.
GRID_STEPS = 4096
# Cells of T4c's inner sum, and levels of the return beyond which returns are merged.
_CELLS = 8
_LEVELS = 256
# Floats worked on at once: larger arrays leave the processor's cache and are paged in each time.
_AT_ONCE = 24576
# Laws are summed over lags in blocks of about this many floats, and may stop after each.
_BLOCK = 2**17
# With exact overlaps: pairs of grid points that T4c compares, and most grid points.
_EXACT_PAIRS = 4e6
_EXACT_STEPS = 2**16


class Prior(NamedTuple):
    """The prior under which a form of T4 is a Bayes bound, per prompt [...].

    Attributes
    ----------
    form
        "two_point" (T4a: experts 1 + v scale g, v = -1 or 1) or "many_point" (T4c: experts
        1 + theta g, theta uniform on `GRID_STEPS` + 1 even steps from -scale to scale).
    scale
        eps (T4a) or a (T4c): a multiple of g = (R - J)/sigma.
    value
        The prompt's term, in tokens, before weighting by rho(x).
    """

    form: npt.NDArray[np.str_]
    scale: Floats
    value: Floats


@theorem(
    "T4a", "two points", "worst expert loses >= sum_x rho sup_eps eps sigma [1 - sqrt(1 - BC^2)]",
    kind="valid", direction="lower", learner="any VF learner", origin="rate", figure="sandwich",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25},
    fixed={"form": "two_point"},
)  # fmt: skip
@theorem(
    "T4c", "many points",
    "worst expert loses >= sum_x rho sigma (D/2) sum_j sum_i [1 - TV(i, i+j)]/(K+1)",
    kind="tight", direction="lower", learner="any VF learner", origin="rate", figure="sandwich",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25},
    fixed={"form": "many_point"},
)  # fmt: skip
@validate.boundary
def vf_lower(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "best",
    overlap: str = "affinity",
) -> Floats:
    """Lower bound on one prompt's worst-expert loss of any verifier-free algorithm (T4a, T4c).

    T4a (two points): sup over eps <= epsmax of eps sigma [1 - sqrt(1 - BC^2)],
    BC = (1 - rho (1 - E sqrt(1 - eps^2 g^2)))^n, g = (R - J)/sigma,
    epsmax = min(sqrt(kappa), 1/max|g|).
    T4c (many points, theta_i = -a + i D, i = 0..K, D = 2a/K, a <= epsmax):
    sigma (D/2) sum_j (1/(K+1)) sum_i [1 - sqrt(1 - BC_ij^2)],
    BC_ij = (1 - rho (1 - E sqrt((1 + theta_i g)(1 + theta_{i+j} g))))^n.
    Valid for every n, for any class that holds r and rbar at the prompt; T4c's constant tends to
    0.62854 sigma/sqrt(rho n), T4a's to 0.27012, and with exact overlaps to sqrt(2/pi) and 0.33994.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy and returns (tokens).
    n, prompt_mass, kappa : broadcast against the leading axes
        Samples; rho(x); radius of the ball.
    form
        "two_point", "many_point" or "best" (the larger).
    overlap
        How 1 - TV is bounded: "affinity" (above), "averaged" (given n_x ~ Binomial(n, rho), then
        averaged) or "exact" (where R takes two values, for any n; otherwise while the data sets can
        be listed, C(n + L, L) <= 200,000 for L values of R). Each is at least the one before.

    Returns
    -------
    [...] tokens, *before* weighting: the bound is sum_x rho(x) vf_lower(x).

    Raises
    ------
    InputError
        If `pmf` does not sum to one, n or kappa is negative or NaN, prompt_mass is no
        probability, the form is unknown, or an exact overlap is out of reach.
    """
    validate.choice("form", form, FORMS)
    validate.choice("overlap", overlap, OVERLAPS)
    solve = functools.partial(_best_form, form=form, overlap=overlap)
    return _by_prompt(pmf, returns, n, prompt_mass, kappa, solve).value


@validate.boundary
def hardest_prior(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "best",
) -> Prior:
    """Return the prior over experts at which `vf_lower` is attained (T4a, T4c); same arguments."""
    validate.choice("form", form, FORMS)
    solve = functools.partial(_best_form, form=form, overlap="affinity")
    return _by_prompt(pmf, returns, n, prompt_mass, kappa, solve)


@theorem(
    "T4e", "two points, in probability",
    "with probability >= [1 - sqrt(1 - BC^2)]/2 one prompt's loss is >= eps sigma",
    kind="valid", direction="lower", learner="any VF learner", origin="ours",
    heading="In probability",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25, "chance": 0.1},
)  # fmt: skip
@validate.boundary
def vf_lower_in_probability(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    chance: float,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
) -> Floats:
    """Loss that every verifier-free algorithm suffers at a prompt with some probability (T4e).

    The largest eps sigma, eps <= epsmax, with [1 - sqrt(1 - BC^2)]/2 >= chance, BC as in T4a: for
    every algorithm one of two experts of the ball makes it lose at least that much with at least
    that probability, for r or for rbar. Valid.

    Parameters
    ----------
    pmf, returns, n, prompt_mass, kappa
        As for `vf_lower`.
    chance
        Probability in (0, 1/2].

    Returns
    -------
    [...] tokens lost at this prompt, *before* weighting by rho(x).

    Raises
    ------
    InputError
        As `vf_lower`, or if `chance` lies outside (0, 1/2].
    """
    least = float(validate.probability("chance", chance, allow_zero=False))
    if least > 0.5:
        raise InputError(f"chance must lie in (0, 0.5]; got {least:.6g}")
    solve = functools.partial(_in_probability, chance=least)
    return _by_prompt(pmf, returns, n, prompt_mass, kappa, solve).value


class Laws(NamedTuple):
    """Prompts of L distinct returns each: masses and g = (R - J)/sigma [N, L]; all else [N].

    `limit` is epsmax. One prompt alone has no axis N.
    """

    p: Floats
    g: Floats
    n: Floats
    rho: Floats
    limit: Floats

    @property
    def usual(self) -> Floats:
        """The scale of theta that data can tell apart."""
        result: Floats = 1.0 / np.sqrt(self.n * self.rho + 1.0)
        return result

    def at(self, index: Any) -> Laws:
        """Return the prompts of an index."""
        return Laws(*(z[index] for z in self))


# For each prompt, [N]: the form, the prior's scale, and the value in units of sigma.
_Solution = tuple[npt.NDArray[np.str_], Floats, Floats]


def _by_prompt(
    pmf: npt.ArrayLike,
    returns: npt.ArrayLike,
    n: npt.ArrayLike,
    prompt_mass: npt.ArrayLike,
    kappa: npt.ArrayLike,
    solve: Callable[[Laws], _Solution],
) -> Prior:
    p = validate.pmf("pmf", pmf)
    r = validate.floats("returns", returns)
    validate.on_support(p, r)
    r = np.where(p > 0, r, 0.0)
    n_, rho, budget = samples(n, prompt_mass, kappa)
    batch = np.broadcast_shapes(p.shape[:-1], r.shape[:-1], n_.shape, rho.shape, budget.shape)
    types = np.broadcast_shapes(p.shape[-1:], r.shape[-1:])
    if 0 in batch:
        raise InputError(f"there is no prompt: leading axes broadcast to {batch}")
    rows = np.concatenate(
        [np.broadcast_to(z, (*batch, *types)).reshape(-1, *types) for z in (p, r)]
        + [np.broadcast_to(z, batch).reshape(-1, 1) for z in (n_, rho, budget)],
        axis=-1,
    )
    # Prompts are often alike: each distinct one is worked out once.
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    laws, sigma = zip(*(_law(row, types[0]) for row in distinct), strict=True)
    levels = np.array([len(law.p) for law in laws])
    forms = np.full(len(laws), FORMS[1])
    scales, values = np.zeros((2, len(laws)))
    for size in np.unique(levels):
        same = np.flatnonzero(levels == size)
        for part in np.array_split(same, math.ceil(len(same) * size / _AT_ONCE)):
            together = Laws(*(np.stack(z) for z in zip(*(laws[i] for i in part), strict=True)))
            forms[part], scales[part], values[part] = solve(together)
    where = where.reshape(batch)
    return Prior(forms[where], scales[where], (values * np.array(sigma))[where])


def samples(
    n: npt.ArrayLike, prompt_mass: npt.ArrayLike, kappa: npt.ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Check what says how much is seen of a prompt, and how far experts may go."""
    return (
        validate.nonnegative("n", n, finite=True),
        validate.probability("prompt_mass", prompt_mass),
        validate.nonnegative("kappa", kappa),
    )


def _law(row: Floats, types: int) -> tuple[Laws, float]:
    """One prompt's law, and its sigma in tokens."""
    p, r = row[:types], row[types : 2 * types]
    n, rho, kappa = row[2 * types :]
    r, inverse = np.unique(r[p > 0], return_inverse=True)
    p = np.bincount(inverse, weights=p[p > 0]).astype(np.float64)
    r = r - r @ p
    sigma = float(np.sqrt(p @ r**2))
    g = r / sigma if sigma > 0.0 else 0.0 * r
    limit = min(np.sqrt(kappa), 1.0 / np.abs(g).max()) if sigma > 0.0 else np.float64(0.0)
    return Laws(p, g, n, rho, np.asarray(limit)), sigma


def _best_form(laws: Laws, *, form: str, overlap: str) -> _Solution:
    forms = ("two_point", "many_point") if form == "best" else (form,)
    names = np.full(len(laws.p), forms[0], dtype="<U10")
    scale, value = np.zeros((2, len(names)))
    some = np.flatnonzero(laws.limit > 0.0)
    laws = laws.at(some)
    for name in forms if some.size else ():
        bound = overlaps.from_affinity if overlap == "affinity" else overlaps.averaged
        found = [_by_affinity(laws, name, bound)]
        if overlap == "exact":
            # Its grid is coarser, and n_x is binned from above: the others may be the larger.
            exact = np.array([_exactly(laws.at(i), name) for i in range(len(some))])
            found.append((exact[:, 0], exact[:, 1]))
        for scale_, value_ in found:
            better = (value_ > value[some]) | (scale[some] == 0.0)
            place = some[better]
            names[place], scale[place], value[place] = name, scale_[better], value_[better]
    return names, scale, value


def _by_affinity(laws: Laws, form: str, bound: Overlap) -> tuple[Floats, Floats]:
    if form == "two_point":
        return maximise(functools.partial(_two_point, bound=bound), laws)
    few = spread_onto_few_levels(laws)
    a, _ = maximise(functools.partial(many_point_glimpse, bound=bound), few)
    return a, many_point(a, few, bound)


def _exactly(law: Laws, form: str) -> tuple[float, float]:
    if law.n != int(law.n):
        raise InputError(f"with exact overlaps n must be a whole number; got {law.n:.6g}")

    def value(a: float, fineness: float) -> float:
        steps = 1
        if form == "many_point":
            # Listed data sets are many, so their grid is coarse; any grid gives a valid bound.
            most = _EXACT_STEPS if len(law.g) == 2 else 64
            steps = int(np.clip(math.ceil(2.0 * a / law.usual * fineness), 16, most))
        theta = a * (2.0 * np.arange(steps + 1) / steps - 1.0)
        return a / steps * _exact_pairs(theta, law) / (steps + 1)

    def best(fineness: float) -> tuple[float, float]:
        scale, found = maximise(
            lambda grid, _: np.array([value(float(a), fineness) for a in grid]),
            Laws(*(np.asarray(z)[None] for z in law)),
        )
        return float(scale[0]), float(found[0])

    if form == "two_point":
        # A grid of one step has (D/2)(1/2)(1 - TV) = eps (1 - TV)/2: half of T4a.
        eps, half = best(1.0)
        return eps, 2.0 * half
    a, _ = best(1.5)
    # Laws more than 14 standard errors apart do not overlap.
    return a, value(a, float(np.clip(math.sqrt(_EXACT_PAIRS * law.usual / (28.0 * a)), 1.5, 100.0)))


def _exact_pairs(theta: Floats, law: Laws) -> float:
    """The sum over i < k of the exact overlap of experts theta_i and theta_k, evenly spaced."""
    n = int(law.n)
    if len(law.g) > 2:
        policies = np.clip(law.p * (1.0 + theta[:, None] * law.g), 0.0, 1.0)
        laws = overlaps.listed_laws(n, float(law.rho), policies)
        if laws is None:
            raise InputError(
                f"an exact overlap with {len(law.g)} distinct returns and n = {n} has more than "
                f"{overlaps.LISTED:,} data sets; use overlap 'averaged', or fewer samples"
            )
        return overlaps.pairwise(laws)
    chance = np.clip(law.p[1] * (1.0 + theta * law.g[1]), 0.0, 1.0)
    total = 0.0
    for lag in range(1, len(theta)):
        term = float(overlaps.of_binomials(n, float(law.rho), chance[:-lag], chance[lag:]).sum())
        total += term
        # Overlaps fall with the lag. What is left out is >= 0, so the bound stays valid.
        if term * (len(theta) - lag) < 1e-9 * total:
            break
    return total


def _in_probability(laws: Laws, *, chance: float) -> _Solution:
    """T4e: the largest eps with half the overlap at least `chance`, by bisection."""

    def enough(eps: Floats) -> npt.NDArray[np.bool_]:
        overlap = _two_point(eps, laws, overlaps.from_affinity)
        return np.asarray(overlap >= 2.0 * chance * eps)

    low, high = np.zeros_like(laws.limit), laws.limit
    whole = enough(high)
    for _ in range(80):
        middle = 0.5 * (low + high)
        within = enough(middle)
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    eps = np.where(whole, laws.limit, low)
    return np.full(len(eps), FORMS[0]), eps, eps


def maximise(f: Callable[[Floats, Laws], Floats], laws: Laws) -> tuple[Floats, Floats]:
    """Maximise f on (0, epsmax]: a log grid from below the usual scale, refined twice.

    Any scale gives a valid bound; the search only decides how sharp it is.

    Parameters
    ----------
    f
        From scales [N] and as many laws to values [N].
    laws
        One per prompt.

    Returns
    -------
    Each prompt's best scale of the last grid, and its value: [N] both.
    """
    row = np.arange(len(laws.limit))
    grid = np.geomspace(np.minimum(laws.limit, laws.usual) / 4.0, laws.limit, 16, axis=-1)
    for _ in range(3):
        each = laws.at(np.repeat(row, grid.shape[-1]))
        values = f(grid.ravel(), each).reshape(grid.shape)
        best = np.argmax(values, axis=-1)
        scale, value = grid[row, best], values[row, best]
        ends = np.maximum(best - 1, 0), np.minimum(best + 1, grid.shape[-1] - 1)
        grid = np.geomspace(grid[row, ends[0]], grid[row, ends[1]], 9, axis=-1)
    return scale, value


def _two_point(eps: Floats, laws: Laws, bound: Overlap) -> Floats:
    """T4a at one eps for each law, [N], in units of sigma."""
    square = np.minimum((eps[:, None] * laws.g) ** 2, 1.0)
    defect = (square / (1.0 + np.sqrt(1.0 - square)))[:, None] @ laws.p[..., None]
    return eps * bound(laws.n, laws.rho, defect[:, 0, 0])


def many_point(a: Floats, laws: Laws, bound: Overlap) -> Floats:
    """T4c at one a for each law, [N], in units of sigma."""
    block = int(np.clip(_BLOCK // (2 * _CELLS * laws.g.shape[-1]), 1, 256))
    total = np.zeros(len(a))
    going = np.arange(len(a))
    for first in range(1, GRID_STEPS + 1, block):
        lag = np.arange(first, min(first + block, GRID_STEPS + 1))
        terms = _lag_terms(a[going], lag, laws.at(going), bound)
        total[going] += terms.sum(-1)
        # The terms fall with the lag. What is left out is >= 0, so the bound stays valid.
        going = going[terms[:, -1] * (GRID_STEPS - lag[-1]) >= 1e-7 * total[going]]
        if not going.size:
            break
    return a / GRID_STEPS * total


def many_point_glimpse(a: Floats, laws: Laws, bound: Overlap) -> Floats:
    """T4c at one a for each law, [N], roughly: a few lags stand for all. Only to choose a."""
    lag = np.unique(np.geomspace(1, GRID_STEPS, 48).round())
    return a / GRID_STEPS * np.trapezoid(_lag_terms(a, lag, laws, bound), lag)


def _lag_terms(a: Floats, lag: npt.NDArray[Any], laws: Laws, bound: Overlap) -> Floats:
    """(1/(K+1)) sum_{i=0..K-j} [1 - sqrt(1 - BC_{i,i+j}^2)] for each lag j, from below: [N, J].

    At a fixed lag the defect 1 - B is convex in the midpoint of the pair, and 1 - sqrt(1 - BC^2)
    is convex and decreasing in the defect. So over the evenly spaced midpoints of a cell its mean
    is at least its value at the mean of the defects of the cell's two ends (Jensen twice;
    paper_bounds.md, T4c), and the cost does not grow with K.
    """
    terms = np.empty((len(a), len(lag)))
    # As many lags and laws at a time as the processor's cache holds.
    size = max(1, _AT_ONCE // (2 * _CELLS * laws.g.shape[-1]))
    for first in range(0, len(lag), size):
        lags = lag[first : first + size, None]
        border = np.floor((GRID_STEPS + 1 - lags) * np.arange(_CELLS + 1) / _CELLS)
        low, high = border[:, :-1], border[:, 1:]
        middle = np.stack([low, np.maximum(high - 1, low)]) + lags / 2.0
        together = max(1, size // len(lags))
        for start in range(0, len(a), together):
            some = slice(start, start + together)
            scale = a[some, None, None, None]
            delta = 2.0 * scale / GRID_STEPS
            ends = _defect(middle * delta - scale, lags * delta / 2.0, laws.at(some))
            overlap = bound(laws.n[some], laws.rho[some], 0.5 * (ends[:, 0] + ends[:, 1]))
            terms[some, first : first + size] = (overlap * (high - low)).sum(-1)
    return terms / (GRID_STEPS + 1)


def _defect(middle: Floats, half: Floats, laws: Laws) -> Floats:
    """1 - E sqrt((1 + s g)(1 + t g)) at s = middle - half, t = middle + half, [N, ...].

    Equals E[v^2/(u + sqrt(u^2 - v^2))], u = 1 + middle g, v = half g: nothing cancels.
    """
    flat = (len(laws.g), 1, -1)
    g = laws.g[..., None]
    u = 1.0 + middle.reshape(flat) * g
    v = np.broadcast_to(half, middle.shape).reshape(flat) * g
    root = np.sqrt(np.maximum((u - v) * (u + v), 0.0))
    return (laws.p[:, None] @ (v * v / (u + root))).reshape(middle.shape)


def spread_onto_few_levels(laws: Laws) -> Laws:
    """Split each mass between the two nearest of at most `_LEVELS` levels, keeping its mean.

    The defect is convex in g, so this can only raise it: the bound of the result is valid for the
    original, and costs the same for ten thousand returns as for a few hundred.
    """
    if laws.g.shape[-1] <= _LEVELS:
        return laws
    p, g = zip(*map(_few_levels, laws.p, laws.g), strict=True)
    return laws._replace(p=np.stack(p), g=np.stack(g))


def _few_levels(p: Floats, g: Floats) -> tuple[Floats, Floats]:
    # Even in asinh: levels are dense around the mean and geometric in the tails.
    fine = 10.0
    levels = np.sinh(np.linspace(np.arcsinh(fine * g[0]), np.arcsinh(fine * g[-1]), _LEVELS)) / fine
    levels[0], levels[-1] = g[0], g[-1]
    left = np.clip(np.searchsorted(levels, g, side="right") - 1, 0, _LEVELS - 2)
    share = (g - levels[left]) / (levels[left + 1] - levels[left])
    mass = np.zeros(_LEVELS)
    np.add.at(mass, left, p * (1.0 - share))
    np.add.at(mass, left + 1, p * share)
    return mass, levels
