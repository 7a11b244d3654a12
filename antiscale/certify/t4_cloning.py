"""Attacks on what cloning must lose: T4."""

import math
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.certify import instances as gene
from antiscale.certify import minimax, truths
from antiscale.certify.check import TOP, Bound, Pair, check, spread
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel

_KAPPA = gene.positive(1e-4, 1e2, 0.0, 1e-9, 1e6)
_MASS = gene.share(0.02, 1.0, 1.0)
_CHANCE = gene.positive(1e-3, 0.5)
# Normal overlaps take the longest.
_OVERLAP = {"overlap": gene.choice(*["affinity", "averaged"] * 3, "normal")}
_FEW = {"pmf": gene.pmf(2, 4), "returns": gene.table(1, "pmf")}
_MANY = {"pmf": gene.pmf(5, 200), "returns": gene.table(1, "pmf")}
_THREE = {"pmf": gene.pmf(2, 3), "returns": gene.table(1, "pmf")}
_GRID = {
    "n": gene.count(0, 6), "rho": _MASS, "kappa": _KAPPA,
    "overlap": gene.choice(*["affinity"] * 6, "averaged", "exact"),
}  # fmt: skip
_TWO = {"q": gene.share(1e-6, 1 - 1e-6, 0.5), "large": gene.count(0, 10**9)}
_STYLES = {
    "mass": gene.pmf(2, 6), "weight": gene.share(0.05, 1.0, 1.0),
    "heights": gene.table(1, "mass"), "n": gene.count(0, 12), "rho": _MASS, "kappa": _KAPPA,
}  # fmt: skip
_LEARNERS = "worst experts of 14 learners"


# T4a and T4c: the worst experts of many learners


@check("T4a T4c", "few types", _LEARNERS, (48, 12), **_FEW, **_GRID)
@check("T4a T4c", "many types", _LEARNERS, (48, 12), **_MANY, **_GRID | {"n": gene.count(0, 1)})
@check(
    "T4a T4c", "programs", "linear programs", (48, 12), **_THREE,
    **_GRID | {"n": gene.count(0, 4), "program": gene.choice(True)},
)  # fmt: skip
def _listed(
    bound: Bound, pmf: Floats, returns: Floats, n: int, rho: float, kappa: float, overlap: str,
    program: bool = False,
) -> Pair:  # fmt: skip
    sigma = spread(pmf, returns)
    if sigma < 1e-9 * TOP or kappa <= 0 or not truths.listable(n, len(pmf), rho):
        return None
    if overlap == "exact" and len(np.unique(returns[pmf > 0])) > 2 and n > 2:
        overlap = "averaged"  # the exact one lists data sets: too expensive here
    # The prompt's own term, weighted by its mass, as the statement has it.
    value = rho * bound(
        pmf=pmf, returns=returns, n=n, prompt_mass=rho, kappa=kappa, overlap=overlap
    )
    risk = minimax.program_risk if program else minimax.worst_risk
    least = risk(pmf, returns, minimax.largest_theta(pmf, returns, kappa), n, rho)
    return None if least is None else (value, rho * sigma * least)


@check("T4a T4c", "two types", "De Moivre's mean deviation", **_TWO, kappa=_KAPPA, **_OVERLAP)
@check(
    "T4a T4c", "two types exactly", "De Moivre's mean deviation", (4, 1),
    **_TWO | {"large": gene.count(0, 10**6)}, kappa=_KAPPA, overlap=gene.choice("exact"),
)  # fmt: skip
def _two_types(bound: Bound, q: float, large: int, kappa: float, overlap: str) -> Pair:
    if kappa <= 0:
        return None
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 1.0])
    value = bound(pmf=pmf, returns=returns, n=large, kappa=kappa, prompt_mass=1.0, overlap=overlap)
    most = minimax.largest_theta(pmf, returns, kappa)
    return value, spread(pmf, returns) * minimax.two_type_risk(q, most, large)


@check(
    "T4a T4c", "families", _LEARNERS, (48, 12), family=gene.family(), masses=gene.masses(16),
    n=gene.count(0, 3), kappa=_KAPPA, **_OVERLAP,
)  # fmt: skip
def _families(
    bound: Bound, family: TraceModel, masses: Floats, n: int, kappa: float, overlap: str
) -> Pair:
    """All prompts of a family, with uneven masses."""
    if not family.announced or kappa <= 0:
        return None
    rho = gene.normalised(masses, len(family.pmf))
    pmf, returns = np.asarray(family.pmf), np.asarray(family.returns, dtype=float)
    value = rho @ bound(
        pmf=pmf, returns=returns, n=n, prompt_mass=rho, kappa=kappa, overlap=overlap
    )
    truth = 0.0
    for p, r, share in zip(pmf, returns, rho, strict=True):
        p, r = truths.merged(p, r)
        if spread(p, r) < 1e-9 * TOP:
            continue
        if not truths.listable(n, len(p), share):
            return None
        risk = minimax.worst_risk(p, r, minimax.largest_theta(p, r, kappa), n, float(share))
        truth += share * spread(p, r) * risk
    return value, truth


# T4b and T4d: the Bayes risk of the bound's own prior


@check("T4b", "few styles", "Bayes risk of the prior", **_STYLES)
@check("T4d", "few styles", "Bayes risk of the prior", 24, **_STYLES | {"n": gene.count(0, 6)})
def _styles(
    bound: Bound, mass: Floats, weight: float, heights: Floats, n: int, rho: float, kappa: float,
    label: str,
) -> Pair:  # fmt: skip
    mass = mass[: len(mass) // 2 * 2] * weight
    height = heights[: len(mass)]
    if kappa <= 0 or height.max() <= 0:
        return None
    form, steps = ("two_point", 1) if label == "T4b" else ("many_point", bounds.GRID_STEPS)
    place: dict[str, Any] = {"prompt_mass": rho, "kappa": kappa}
    value = bound(style_mass=mass, style_return=height, n=n, **place)
    prior = bounds.hardest_block_prior(mass, height, n, form=form, **place)
    truth = cost = 0.0
    for k, eps in enumerate(np.atleast_1d(prior.scale)):
        pair, sides = mass[2 * k : 2 * k + 2], height[2 * k : 2 * k + 2]
        q = float(pair.min())
        if q <= 0 or eps <= 0:
            continue
        cost += (eps * q) ** 2 * float((1 / pair).sum())
        theta = np.linspace(-eps, eps, steps + 1)
        # Other pairs keep their mass whatever their own theta: one kind for all that is left.
        tilted = pair * np.maximum(1 + theta[:, None] * np.array([q, -q]) / pair, 0.0)
        rest = np.full((len(theta), 1), max(1 - pair.sum(), 0.0))
        law = truths.shown(np.append(tilted, rest, 1), n, rho)
        truth += 0.5 * q * float(sides.sum()) * minimax.median_risk(theta, law)
    if cost > kappa * (1 + 1e-9):
        return math.nan, 1.0  # the prior leaves the ball
    # The prompt's own term, weighted by its mass, as the statement has it.
    return rho * value, rho * truth


@check(
    "T4b", "two styles", "overlap of binomials", **_TWO, pair=gene.choice([0, 0]),
    heights=gene.table(1, "pair"), kappa=_KAPPA,
)  # fmt: skip
def _two_styles(bound: Bound, q: float, large: int, heights: Floats, kappa: float) -> Pair:
    """Two styles that are everything, any n: a binomial count distinguishes the two experts."""
    mass = np.array([1 - q, q])
    if kappa <= 0 or heights.max() <= 0:
        return None
    place: dict[str, Any] = {"n": large, "kappa": kappa, "prompt_mass": 1.0}
    value = bound(style_mass=mass, style_return=heights, **place)
    eps = float(bounds.hardest_block_prior(mass, heights, **place).scale[0])
    least = float(mass.min())
    if (eps * least) ** 2 * (1 / mass).sum() > kappa * (1 + 1e-9):
        return math.nan, 1.0
    shared = minimax.overlap_of_binomials(large, q - eps * least, q + eps * least)
    return value, 0.5 * eps * least * float(heights.sum()) * shared


# T4f: as T4a and T4c, around an expert that is drawn too


@check(
    "T4f", "few types", _LEARNERS, 24, **_FEW, **_GRID, towards=gene.laws(1, "pmf"),
    share=gene.share(0.0, 1.0, 1.0), form=gene.choice("two_point", "many_point"),
)  # fmt: skip
def _around(
    bound: Bound, pmf: Floats, returns: Floats, n: int, rho: float, kappa: float, overlap: str,
    towards: Floats, share: float, form: str,
) -> Pair:  # fmt: skip
    if kappa <= 0 or not truths.listable(n, len(pmf), rho):
        return None
    if overlap == "exact" and len(np.unique(returns[pmf > 0])) > 2 and n > 2:
        overlap = "averaged"
    # As far towards another policy as the ball allows, and less.
    other = np.where(pmf > 0, np.asarray(towards)[0], 0.0)
    if other.sum() <= 0:
        return None
    other = other / other.sum()
    apart = float(np.divide((other - pmf) ** 2, pmf, out=np.zeros_like(pmf), where=pmf > 0).sum())
    far = min(1.0, math.sqrt(kappa / apart)) if apart > 0 else 1.0
    centre = pmf + share * far * (other - pmf)
    sigma = spread(centre, returns)
    if sigma < 1e-6 * TOP:
        return None
    value = rho * bound(
        pmf=pmf, returns=returns, n=n, prompt_mass=rho, kappa=kappa, overlap=overlap, form=form,
        centre=centre,
    )  # fmt: skip
    least, most = minimax.thetas(pmf, centre, returns, kappa)
    return value, rho * sigma * minimax.worst_risk(centre, returns, most, n, rho, least=least)


@check(
    "T4f", "two types", "De Moivre's mean deviation", **_TWO, kappa=_KAPPA, **_OVERLAP,
    place=gene.share(),
)  # fmt: skip
def _around_two_types(
    bound: Bound, q: float, large: int, kappa: float, overlap: str, place: float
) -> Pair:
    if kappa <= 0:
        return None
    reach = math.sqrt(kappa * q * (1 - q))
    low, high = max(q - reach, 0.0), min(q + reach, 1.0)
    p = low + place * (high - low)
    if not 1e-9 < p < 1 - 1e-9:
        return None
    centre = np.array([1 - p, p])
    value = bound(
        pmf=np.array([1 - q, q]), returns=np.array([0.0, 1.0]), n=large, kappa=kappa,
        prompt_mass=1.0, overlap=overlap, centre=centre,
    )  # fmt: skip
    sigma = math.sqrt(p * (1 - p))
    ends = (low - p) / sigma, (high - p) / sigma
    return value, sigma * minimax.two_type_risk(p, ends[1], large, least=ends[0])


# T4g: the largest spread


@check("T4g", "few types", "the dual, on a grid", 24, **_FEW, kappa=_KAPPA)
@check("T4g", "many types", "the dual, on a grid", 12, **_MANY, kappa=_KAPPA)
def _largest(bound: Bound, pmf: Floats, returns: Floats, kappa: float) -> Pair:
    held = returns[pmf > 0]
    least, width = held.min(), np.ptp(held)
    if width < 1e-6 * TOP:
        return None
    unit = (returns - least) / width
    _, dual = truths.zoom(
        lambda a: truths.best_in_ball(pmf, (unit - a[:, None]) ** 2, kappa)[0],
        0.0, 1.0, points=65, rounds=8,
    )  # fmt: skip
    return bound(pmf=pmf, returns=returns, kappa=kappa), width * math.sqrt(max(dual, 0.0))


@check("T4g", "two types", "a parabola", q=_TWO["q"], kappa=_KAPPA)
def _largest_of_two(bound: Bound, q: float, kappa: float) -> Pair:
    """The success probability of the ball that is nearest to one half."""
    reach = math.sqrt(kappa * q * (1 - q))
    p = min(max(0.5, q - reach), q + reach)
    value = bound(pmf=np.array([1 - q, q]), returns=np.array([0.0, TOP]), kappa=kappa)
    return value, TOP * math.sqrt(p * (1 - p))


# T4e and T4h: the least that the larger of two errors of a test can be


@check(
    "T4e T4h", "few types", "Neyman-Pearson tests", **_FEW, n=_GRID["n"], rho=_MASS, kappa=_KAPPA,
    chance=_CHANCE,
)  # fmt: skip
def _often(
    bound: Bound, pmf: Floats, returns: Floats, n: int, rho: float, kappa: float, chance: float
) -> Pair:
    sigma = spread(pmf, returns)
    # Below, the rounding of the returns themselves would show in the laws.
    if sigma < 1e-4 or kappa <= 0 or not truths.listable(n, len(pmf), rho):
        return None
    loss = bound(chance=chance, pmf=pmf, returns=returns, n=n, prompt_mass=rho, kappa=kappa)
    eps = float(loss) / sigma
    if eps > minimax.largest_theta(pmf, returns, kappa) * (1 + 1e-9):
        return math.nan, 1.0  # the experts leave the ball
    g = minimax.standardised(pmf, returns)
    up, down = minimax.law_of_experts(pmf, g, np.array([-eps, eps]), n, rho)
    return chance, max(_test_error(up, down), 1e-300)


@check("T4e", "two types", "overlap of binomials", **_TWO, kappa=_KAPPA, chance=_CHANCE)
@check(
    "T4e", "two types normally", "overlap of binomials", **_TWO, kappa=_KAPPA,
    chance=_CHANCE, overlap=gene.choice("normal"),
)  # fmt: skip
@check(
    "T4h", "two types", "overlap of binomials", 12, **_TWO | {"large": gene.count(0, 10**6)},
    kappa=_KAPPA, chance=_CHANCE,
)  # fmt: skip
def _often_two_types(
    bound: Bound, q: float, large: int, kappa: float, chance: float, overlap: str = ""
) -> Pair:
    if kappa <= 0:
        return None
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 1.0])
    place: dict[str, Any] = {"n": large, "prompt_mass": 1.0, "kappa": kappa}
    # T4h has its own overlap.
    place |= {"overlap": overlap} if overlap else {}
    loss = float(bound(chance=chance, pmf=pmf, returns=returns, **place))
    if loss > spread(pmf, returns) * minimax.largest_theta(pmf, returns, kappa) * (1 + 1e-9):
        return math.nan, 1.0
    # Half the overlap is the mean of a test's two errors: the larger of them is at least that.
    return chance, 0.5 * minimax.overlap_of_binomials(large, q - loss, q + loss)


def _test_error(up: Floats, down: Floats) -> float:
    """The least of the larger error: a randomised likelihood ratio test with both alike."""
    order = np.argsort(np.divide(down, up, out=np.full_like(up, np.inf), where=up > 0))
    wrong_up = np.concatenate([[1.0], 1 - np.cumsum(up[order])])
    wrong_down = np.concatenate([[0.0], np.cumsum(down[order])])
    k = int(np.argmax(wrong_down >= wrong_up))
    if k == 0:
        return float(wrong_up[0])
    a, b = wrong_up[k - 1] - wrong_down[k - 1], wrong_up[k] - wrong_down[k]
    t = a / (a - b) if a != b else 0.0
    return float(wrong_up[k - 1] + t * (wrong_up[k] - wrong_up[k - 1]))
