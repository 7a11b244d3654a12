"""T4: what every verifier-free algorithm must lose to some expert of the ball.

Each form is a Bayes bound under a prior over experts; `hardest_prior` gives that prior's scale, so
that a simulation can draw the experts that the bound speaks of. T4b and T4d, over many styles, are
in `t4_blocks`.
"""

from __future__ import annotations

import functools
import itertools
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

_AT_BASE = ("pmf", "returns", "n", "prompt_mass", "kappa", "overlap")
FORMS = ("two_point", "many_point", "best")
OVERLAPS = ("affinity", "averaged", "normal", "exact")

# K of T4c: for large n the bound stands sqrt(0.614/K)/0.629, two per cent, under that of K = inf.
GRID_STEPS = 4096
# T4c's limit by affinity, in sigma/sqrt(n rho).
_LIMIT = 0.62854
# Cells of T4c's inner sum, and levels of the return beyond which returns are merged.
_CELLS = 8
_LEVELS = 256
# With normal overlaps, pair by pair: levels; the work of a grid in pairs times levels; the widest
# grid in standard errors (a wider one would be the coarser); and the least n rho (below, little or
# nothing is gained over the affinity).
_NORMAL_LEVELS = 32
_NORMAL_WORK = 5e6
_NORMAL_WIDTH = 64.0
_NORMAL_FROM = 64.0
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
    inputs=_AT_BASE, fixed={"form": "two_point"},
)  # fmt: skip
@theorem(
    "T4c", "many points",
    "worst expert loses >= sum_x rho sigma (D/2) sum_j sum_i [1 - TV(i, i+j)]/(K+1)",
    kind="tight", direction="lower", learner="any VF learner", origin="rate", figure="sandwich",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25},
    inputs=_AT_BASE, fixed={"form": "many_point"},
)  # fmt: skip
@theorem(
    "T4f", "at any expert",
    "T4a and T4c around any expert pi_c of the ball, with J_c, sigma_c for J, sigma",
    kind="valid", direction="lower", learner="any VF learner", origin="ours", figure="price",
    example={
        "pmf": [0.9, 0.1], "returns": [0, 100], "n": 1000, "kappa": 0.25, "centre": [0.75, 0.25],
    },
    inputs=(*_AT_BASE[:3], "centre", *_AT_BASE[3:], "form"),
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
    centre: npt.ArrayLike | None = None,
) -> Floats:
    """Lower bound on one prompt's worst-expert loss of any verifier-free algorithm (T4a, T4c, T4f).

    T4a (two points): sup over eps <= epsmax of eps sigma [1 - sqrt(1 - BC^2)],
    BC = (1 - rho (1 - E sqrt(1 - eps^2 g^2)))^n, g = (R - J)/sigma,
    epsmax = min(sqrt(kappa), 1/max|g|).
    T4c (many points, theta_i = -a + i D, i = 0..K, D = 2a/K, a <= epsmax):
    sigma (D/2) sum_j (1/(K+1)) sum_i [1 - sqrt(1 - BC_ij^2)],
    BC_ij = (1 - rho (1 - E sqrt((1 + theta_i g)(1 + theta_{i+j} g))))^n.
    Valid for every n, for any class that holds r and rbar at the prompt; T4c's constant tends to
    0.62854 sigma/sqrt(rho n), T4a's to 0.27012; with normal or exact overlaps to sqrt(2/pi) and
    0.33994, to which finite grids come within 2 to 5%.
    T4f: the experts are pi_c (1 + theta g), g = (R - J_c)/sigma_c, with pi_c = `centre` in the ball
    and theta in the interval in which they are policies of the ball, which holds 0 and may be
    one-sided; theta lies around 0, or as near to it as the interval lets it.

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
        averaged), "normal" (the log-likelihood ratio's normal law less the error of Berry and
        Esseen: sharper from thousands of traces, for any R) or "exact" (where R takes two values,
        for any n; otherwise while the data sets can be listed, C(n + L, L) <= 200,000 for L values
        of R). Each is at least the one before.
    centre : [..., S]
        The expert pi_c around which experts are taken (T4f); None: the base policy, with theta of
        both signs alike (T4a, T4c).

    Returns
    -------
    [...] tokens, *before* weighting: the bound is sum_x rho(x) vf_lower(x).

    Raises
    ------
    InputError
        If `pmf` or `centre` does not sum to one, n or kappa is negative or NaN, prompt_mass is no
        probability, the form is unknown, an exact overlap is out of reach, or `centre` lies outside
        the ball.
    """
    validate.choice("form", form, FORMS)
    validate.choice("overlap", overlap, OVERLAPS)
    solve = functools.partial(_best_form, form=form, overlap=overlap)
    return _by_prompt(pmf, returns, n, prompt_mass, kappa, solve, centre).value


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


def size_around(
    centre: Floats, pmf: Floats, returns: Floats, n: npt.ArrayLike, **place: npt.ArrayLike
) -> Floats:
    """The size of T4f around a centre, [...] tokens, roughly: only to choose a centre."""

    def solve(laws: Laws) -> _Solution:
        theta, usual = laws.limit, _LIMIT * laws.usual
        size = theta * usual / (theta + usual)
        return np.full(len(size), FORMS[-1]), theta, size

    return _by_prompt(pmf, returns, n, solve=solve, centre=centre, **place).value


@theorem(
    "T4e", "two points, in probability",
    "with probability >= [1 - sqrt(1 - BC^2)]/2 one prompt's loss is >= eps sigma",
    kind="valid", direction="lower", learner="any VF learner", origin="known",
    heading="In probability",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25, "chance": 0.1},
    inputs=(*_AT_BASE[:3], "chance", *_AT_BASE[3:]),
)  # fmt: skip
@theorem(
    "T4h", "a fixed reward",
    "an expert eps sigma better than pi_b: P(no better than pi_b) >= (1 - TV)/2 at a fixed reward",
    kind="tight", direction="lower", learner="any VF learner", origin="ours", figure="price",
    heading="A fixed reward",
    example={"pmf": [0.5, 0.5], "returns": [0, 100], "n": 1000, "kappa": 0.25, "chance": 0.25},
    inputs=("pmf", "returns", "n", "chance", "prompt_mass", "kappa"),
    fixed={"overlap": "exact"},
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
    overlap: str = "affinity",
    centre: npt.ArrayLike | None = None,
) -> Floats:
    """Loss that every verifier-free algorithm suffers at a prompt with some probability (T4e, T4h).

    The largest eps sigma, eps <= epsmax, with (1 - TV)/2 >= chance, where 1 - TV is what the laws
    of the data under pi_b (1 + eps g) and pi_b (1 - eps g) have in common, or
    1 - sqrt(1 - BC^2) below it, BC as in T4a.

    T4h: for every algorithm, under one of the two pairs (pi_b (1 + eps g), r) and
    (pi_b (1 - eps g), rbar), both fixed beforehand, it loses at least eps sigma with at least that
    probability; as each expert is eps sigma better than pi_b under its own reward, the clone is
    then no better than pi_b. T4e, which follows: for one of the two experts, for r or for rbar.
    Around another expert (T4f) eps is half the distance of the two experts' thetas, and what the
    clone is no better than is the policy half way between them.

    Parameters
    ----------
    pmf, returns, n, prompt_mass, kappa, overlap, centre
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
    validate.choice("overlap", overlap, OVERLAPS)
    solve = functools.partial(_in_probability, chance=least, overlap=overlap)
    return _by_prompt(pmf, returns, n, prompt_mass, kappa, solve, centre).value


class Laws(NamedTuple):
    """Prompts of L distinct returns each: masses and g = (R - J)/sigma [N, L]; all else [N].

    Experts are p (1 + theta g), theta from `low` <= 0 to `high` >= 0. One prompt alone has no axis
    N.
    """

    p: Floats
    g: Floats
    n: Floats
    rho: Floats
    low: Floats
    high: Floats

    @property
    def limit(self) -> Floats:
        """The largest half-distance of two thetas: epsmax."""
        return 0.5 * (self.high - self.low)

    def middle(self, a: Floats) -> Floats:
        """The middle of the interval of half-width a that is nearest to 0."""
        return np.minimum(np.maximum(self.low + a, 0.0), self.high - a)

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
    centre: npt.ArrayLike | None = None,
) -> Prior:
    p = validate.pmf("pmf", pmf)
    r = validate.floats("returns", returns)
    validate.on_support(p, r)
    r = np.where(p > 0, r, 0.0)
    n_, rho, budget = samples(n, prompt_mass, kappa)
    c = p if centre is None else _in_ball(validate.pmf("centre", centre), p, budget)
    batch = np.broadcast_shapes(
        p.shape[:-1], r.shape[:-1], c.shape[:-1], n_.shape, rho.shape, budget.shape
    )
    types = np.broadcast_shapes(p.shape[-1:], r.shape[-1:], c.shape[-1:])
    if 0 in batch:
        raise InputError(f"there is no prompt: leading axes broadcast to {batch}")
    rows = np.concatenate(
        [np.broadcast_to(z, (*batch, *types)).reshape(-1, *types) for z in (p, r, c)]
        + [np.broadcast_to(z, batch).reshape(-1, 1) for z in (n_, rho, budget)],
        axis=-1,
    )
    # Prompts are often alike: each distinct one is worked out once.
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    both = centre is None
    laws, sigma = zip(*(_law(row, types[0], both=both) for row in distinct), strict=True)
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


def _in_ball(centre: Floats, pmf: Floats, kappa: Floats) -> Floats:
    """The centre, if it is a policy of the ball."""
    if ((centre > 0) & (pmf == 0)).any():
        raise InputError("centre puts mass on a type that the base policy never takes; leave it 0")
    # From c - b, so that small divergences keep their digits.
    away = np.broadcast_to((centre - pmf) ** 2, np.broadcast_shapes(centre.shape, pmf.shape))
    divergence = np.divide(away, pmf, out=np.zeros(away.shape), where=pmf > 0).sum(-1)
    # Its root has the rounding of the policy.
    if (np.sqrt(divergence) > np.sqrt(kappa) * (1.0 + 1e-9) + 1e-15).any():
        raise InputError(
            f"centre must lie in the ball, chi-square divergence at most kappa; got "
            f"{np.max(divergence):.6g} at a prompt; move it towards the base policy"
        )
    return centre


def _law(row: Floats, types: int, *, both: bool) -> tuple[Laws, float]:
    """The law at one prompt's centre, and its sigma in tokens.

    With `both` theta has both signs alike, as T4a and T4c have it.
    """
    base, r, p = row[: 3 * types].reshape(3, types)
    n, rho, kappa = row[3 * types :]
    held, taken = p > 0, base > 0
    over = (p[held] - base[held]) / base[held]
    spent = float((p[taken] - base[taken]) ** 2 @ (1.0 / base[taken]))
    r, inverse = np.unique(r[held], return_inverse=True)
    # E_c[w_c - 1; R] and E_c[w_c; R].
    tilt = np.bincount(inverse, weights=p[held] * over).astype(np.float64)
    weight = np.bincount(inverse, weights=p[held] * (over + 1.0)).astype(np.float64)
    p = np.bincount(inverse, weights=p[held]).astype(np.float64)
    # From the heaviest, whose distance from the mean would lose its digits where it is nearly all.
    r = r - r[np.argmax(p)]
    r = r - r @ p if len(r) > 1 else r
    sigma = float(np.sqrt(p @ r**2))
    g = r / sigma if sigma > 0.0 else 0.0 * r
    low, high = 0.0, 0.0
    if both and sigma > 0.0:
        high = float(min(np.sqrt(kappa), 1.0 / np.abs(g).max()))
        low = -high
    elif sigma > 0.0:
        room = max(float(kappa) - spent, 0.0)
        low, high = _thetas(g, room, float(tilt @ g), float(weight @ g**2))
    return Laws(p, g, n, rho, np.asarray(low), np.asarray(high)), sigma


def _thetas(g: Floats, room: float, slope: float, curve: float) -> tuple[float, float]:
    """The interval of theta in which p (1 + theta g) is a policy of the ball.

    1 + theta g >= 0, and curve theta^2 + 2 slope theta <= room: the divergence that theta adds,
    with slope E_b[(w_c - 1) w_c g] and curve E_b[w_c^2 g^2], against what the centre leaves.
    """
    low, high = -1.0 / g[-1], -1.0 / g[0]
    if math.isfinite(room):
        far = abs(slope) + math.sqrt(slope**2 + curve * room)
        # The two roots, without cancellation.
        near = room / far if far > 0.0 else 0.0
        ends = (-far / curve, near) if slope > 0.0 else (-near, far / curve)
        low, high = max(low, ends[0]), min(high, ends[1])
    return low, high


def _best_form(laws: Laws, *, form: str, overlap: str) -> _Solution:
    forms = ("two_point", "many_point") if form == "best" else (form,)
    names = np.full(len(laws.p), forms[0], dtype="<U10")
    scale, value = np.zeros((2, len(names)))
    some = np.flatnonzero(laws.limit > 0.0)
    laws = laws.at(some)
    for name in forms if some.size else ():
        found = [_by_affinity(laws, name, overlaps.BOUNDS[overlap])]
        for sharper in _sharper(overlap):
            # Grids are coarser, and n_x is binned from above: the one before may be the larger.
            each = np.array([_by_pairs(laws.at(i), name, sharper) for i in range(len(some))])
            found.append((each[:, 0], each[:, 1]))
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


def _sharper(overlap: str) -> tuple[str, ...]:
    """The overlaps taken pair by pair up to this one, the costliest first, as it may be refused."""
    return OVERLAPS[OVERLAPS.index(overlap) : 1 : -1]


def _by_pairs(law: Laws, form: str, overlap: str) -> tuple[float, float]:
    """The best scale of one law, with each pair's overlap "normal" or "exact", and its value."""
    pairs, most, all_pairs, searched = _exact_pairs, _EXACT_STEPS, _EXACT_PAIRS, law
    if overlap == "normal":
        if law.n * law.rho < _NORMAL_FROM:
            return float(law.limit), 0.0
        law = _few(law)
        pairs, most, all_pairs = _normal_pairs, GRID_STEPS, _NORMAL_WORK / len(law.g)
        width = np.minimum(law.limit, _NORMAL_WIDTH * law.usual)
        searched = law._replace(low=-width, high=width)
    elif len(law.g) > 2:
        # Listed data sets are many, so their grid is coarse; any grid gives a valid bound.
        most = 64

    def value(a: float, fineness: float, work: float) -> float:
        steps = 1
        if form == "many_point":
            steps = int(np.clip(math.ceil(2.0 * a / law.usual * fineness), 16, most))
        while True:
            theta = law.middle(np.asarray(a)) + a * (2.0 * np.arange(steps + 1) / steps - 1.0)
            found = pairs(theta, law, work)
            if found is not None:
                return float(a / steps * found / (steps + 1))
            # Away from the centre data may tell experts apart less well than at it.
            steps //= 2

    def best(fineness: float) -> tuple[float, float]:
        scale, found = maximise(
            lambda grid, _: np.array([value(float(a), fineness, all_pairs / 4) for a in grid]),
            _alone(searched),
        )
        return float(scale[0]), float(found[0])

    if form == "two_point":
        # A grid of one step has (D/2)(1/2)(1 - TV) = eps (1 - TV)/2: half of T4a.
        eps, half = best(1.0)
        return eps, 2.0 * half
    a, _ = best(1.5)
    # Laws more than 14 standard errors apart do not overlap.
    fineness = float(np.clip(math.sqrt(all_pairs * law.usual / (28.0 * a)), 1.5, 100.0))
    return a, value(a, fineness, 2.0 * all_pairs)


def _alone(law: Laws) -> Laws:
    """One law as a batch of one."""
    return Laws(*(np.asarray(z)[None] for z in law))


def _few(law: Laws) -> Laws:
    """The law with few levels, which tell its experts apart no less well."""
    return spread_onto_few_levels(_alone(law), _NORMAL_LEVELS).at(0)


def _over_lags(term: Callable[[int], Floats], steps: int, left: float, work: float) -> float | None:
    """Sum overlaps over all pairs of steps + 1 even points, lag by lag, but for a share `left`.

    None if that takes more than `work` pairs: overlaps at the lag that they reach are not small.
    """
    if steps > 16 and work < steps**2 and float(term(max(int(work / steps), 1)).mean()) > 1e-6:
        return None
    total = 0.0
    for lag in range(1, steps + 1):
        found = float(term(lag).sum())
        total += found
        # Overlaps fall with the lag. What is left out is >= 0, so the bound stays valid.
        if found * (steps + 1 - lag) < left * total:
            break
    return total


def _normal_pairs(theta: Floats, law: Laws, work: float = np.inf) -> float | None:
    """The sum over i < k of normal overlaps, or of affinities where those are the larger.

    None if it takes more than `work` pairs.
    """
    n, rho = float(law.n), float(law.rho)

    def term(lag: int) -> Floats:
        low, high = theta[:-lag], theta[lag:]
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        defect = _defect(middle[None], half[None], _alone(law))[0]
        normal = overlaps.normal(n, rho, law.p, law.g, low, high)
        return np.maximum(overlaps.from_affinity(n, rho, defect), normal)

    return _over_lags(term, len(theta) - 1, 1e-5, work)


def _exact_pairs(theta: Floats, law: Laws, work: float = np.inf) -> float | None:
    """The sum over i < k of the exact overlap of experts theta_i and theta_k, evenly spaced.

    None if it takes more than `work` pairs.
    """
    if law.n != int(law.n):
        raise InputError(f"with exact overlaps n must be a whole number; got {law.n:.6g}")
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

    def term(lag: int) -> Floats:
        return overlaps.of_binomials(n, float(law.rho), chance[:-lag], chance[lag:])

    return _over_lags(term, len(theta) - 1, 1e-9, work)


def _in_probability(laws: Laws, *, chance: float, overlap: str) -> _Solution:
    """T4e, T4h: the largest eps with half the overlap at least `chance`, by bisection."""

    def shared(eps: Floats) -> Floats:
        """What is shared by the laws that are 2 eps apart, times eps."""
        value = np.zeros_like(eps) if exact else _two_point(eps, laws, overlaps.BOUNDS[overlap])
        ends = laws.middle(eps)[:, None] + eps[:, None] * np.array([-1.0, 1.0])
        for i, pairs in itertools.product(np.flatnonzero(eps > 0.0), sharper):
            value[i] = max(value[i], eps[i] * (pairs(ends[i], laws.at(i)) or 0.0))
        return value

    by_name = {"normal": lambda ends, law: _normal_pairs(ends, _few(law)), "exact": _exact_pairs}
    # Without bins of n_x no other overlap is larger.
    exact = overlap == "exact" and laws.g.shape[-1] == 2 and bool((laws.rho >= 1.0).all())
    sharper = [by_name[name] for name in (("exact",) if exact else _sharper(overlap))]
    low, high = np.zeros_like(laws.limit), laws.limit
    whole = shared(high) >= 2.0 * chance * high
    for _ in range(80):
        middle = 0.5 * (low + high)
        within = shared(middle) >= 2.0 * chance * middle
        low, high = np.where(within, middle, low), np.where(within, high, middle)
        if (whole | (high - low <= 1e-15 * high)).all():
            break
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
    defect = _defect(laws.middle(eps)[:, None], eps[:, None], laws)
    return eps * bound(laws.n, laws.rho, defect[:, 0])


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
            least = laws.middle(a)[some, None, None, None] - scale
            ends = _defect(middle * delta + least, lags * delta / 2.0, laws.at(some))
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


def spread_onto_few_levels(laws: Laws, most: int = _LEVELS) -> Laws:
    """Split each mass between the two nearest of at most `most` levels, keeping its mean.

    Who sees the levels tells experts apart no less well than who sees the returns (paper_bounds.md,
    T4c): the bound of the result is valid for the original, by any overlap, and costs the same for
    ten thousand returns as for a few hundred.
    """
    if laws.g.shape[-1] <= most:
        return laws
    p, g = zip(*(_few_levels(*law, most) for law in zip(laws.p, laws.g, strict=True)), strict=True)
    return laws._replace(p=np.stack(p), g=np.stack(g))


def _few_levels(p: Floats, g: Floats, most: int) -> tuple[Floats, Floats]:
    # Even in asinh: levels are dense around the mean and geometric in the tails.
    fine = 10.0
    levels = np.sinh(np.linspace(np.arcsinh(fine * g[0]), np.arcsinh(fine * g[-1]), most)) / fine
    levels[0], levels[-1] = g[0], g[-1]
    left = np.clip(np.searchsorted(levels, g, side="right") - 1, 0, most - 2)
    share = (g - levels[left]) / (levels[left + 1] - levels[left])
    mass = np.zeros(most)
    np.add.at(mass, left, p * (1.0 - share))
    np.add.at(mass, left + 1, p * share)
    return mass, levels
