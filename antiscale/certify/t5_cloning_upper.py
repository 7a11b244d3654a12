"""Attacks on what cloning loses at most: T5, by exact risks and failure probabilities."""

import math
from typing import Any

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import minimax, truths
from antiscale.certify.check import TOP, Bound, Pair, check, spread
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel

_MASS = gene.share(0.02, 1.0, 1.0)
_PART = gene.share(0.02, 0.98)
_DELTA = gene.positive(1e-3, 0.9)
_TWO = {
    "q": gene.share(1e-6, 1 - 1e-6, 0.5), "large": gene.count(0, 10**9), "idle": gene.share(),
}  # fmt: skip
_TWO_EXPERTS = {name: gene.share() for name in ("e1", "e2", "b1", "b2")}


def _sft_mirror(
    bound: Bound, expert: Floats, base: Floats, returns: Floats, rho: Floats, n: int
) -> Pair:
    """SFT on the mirror class, [m, S] each: the mean over n_x of the mean deviation given n_x."""
    sigma = np.array([spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    truth = 0.0
    for p, r, share, idle in zip(expert, returns, rho, gap, strict=True):
        chance = truths.binomial(n, float(share))
        deviation = truths.mean_deviations(p, r, n)
        truth += share * (chance[0] * idle + chance[1:] @ deviation)
    return rho @ bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap), truth


@check(
    "T5a", "few prompts", "all data sets", m=gene.count(1, 3),
    types=gene.choice(*([0] * k for k in (2, 3, 4))), experts=gene.laws(3, "types"),
    bases=gene.laws(3, "types"), returns=gene.table(3, "types"), masses=gene.masses(3),
    n=gene.count(0, 10),
)  # fmt: skip
def _sft_prompts(
    bound: Bound, m: int, experts: Floats, bases: Floats, returns: Floats, masses: Floats, n: int
) -> Pair:
    rho = gene.normalised(masses, m)
    return _sft_mirror(bound, experts[:m], bases[:m], returns[:m], rho, n)


@check("T5a", "two types", "De Moivre's mean deviation", **_TWO)
def _sft_two_types(bound: Bound, q: float, large: int, idle: float) -> Pair:
    gap = abs(q - idle)
    sigma = math.sqrt(q * (1 - q))
    value = bound(sigma_expert=sigma, n=large, prompt_mass=1.0, fallback_gap=gap)
    return value, minimax.mean_deviation(large, q) if large > 0 else gap


@check(
    "T5a", "families", "convolution", family=gene.family(), masses=gene.masses(16),
    n=gene.count(0, 24), kappa=gene.positive(1e-3, 1e2, 0.0),
)  # fmt: skip
def _sft_families(bound: Bound, family: TraceModel, masses: Floats, n: int, kappa: float) -> Pair:
    if not family.announced:
        return None
    base, returns = np.asarray(family.pmf), np.asarray(family.returns, dtype=float)
    expert = base
    if kappa > 0:
        rows = zip(base, returns, strict=True)
        expert = np.array([truths.best_in_ball(p, r[None], kappa)[1][0] for p, r in rows])
    return _sft_mirror(bound, expert, base, returns, gene.normalised(masses, len(base)), n)


@check(
    "T5a", "styles", "all data sets", expert=gene.pmf(2, 6), base=gene.laws(1, "expert"),
    returns=gene.table(1, "expert"), blocks=gene.count(1, 4), n=gene.count(0, 6), rho=_MASS,
)  # fmt: skip
def _sft_blocks(
    bound: Bound, expert: Floats, base: Floats, returns: Floats, blocks: int, n: int, rho: float
) -> Pair:
    """The class styles: the loss is max(sum of delta_b^+, sum of delta_b^-), over all data sets."""
    if not truths.listable(n, len(expert), rho):
        return None
    block = np.arange(len(returns)) % blocks
    parts = np.array([np.where(block == b, returns, 0.0) for b in range(blocks)])
    sigma = 0.5 * (sum(spread(expert, part) for part in parts) + spread(expert, returns))
    gap = _block_loss(parts @ (expert - base[0]))
    value = rho * bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap)
    law, clone = _clones(expert, base[0], n, rho)
    return value, rho * float(law @ _block_loss((expert - clone) @ parts.T))


def _block_loss(delta: Floats) -> Any:
    return np.maximum(np.maximum(delta, 0).sum(-1), np.maximum(-delta, 0).sum(-1))


def _clones(expert: Floats, base: Floats, n: int, rho: float) -> tuple[Floats, Floats]:
    """The law of the data and SFT's policy for each data set: [N], [N, S]."""
    law = truths.shown(expert[None], n, rho)[0]
    return law, _clone(truths.counts_shown(len(expert), n, rho), base)


def _clone(counts: Floats, base: Floats) -> Floats:
    total = counts.sum(-1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), base)


@check(
    "T5a", "any class", "all data sets", expert=gene.pmf(2, 5), base=gene.laws(1, "expert"),
    table=gene.table(6, "expert"), members=gene.count(2, 6), n=gene.count(0, 7), rho=_MASS,
)  # fmt: skip
def _sft_class(
    bound: Bound, expert: Floats, base: Floats, table: Floats, members: int, n: int, rho: float
) -> Pair:
    """Any finite class: E max_r (E_e - E_clone) R_r, over all data sets."""
    if not truths.listable(n, len(expert), rho):
        return None
    table = table[:members]
    variance = sum(spread(expert, r) ** 2 for r in table)
    sigma = min(math.sqrt(variance), TOP * math.sqrt(math.log(2 * len(table)) / 2))
    gap = max(float((table @ (expert - base[0])).max()), 0.0)
    value = rho * bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap)
    law, clone = _clones(expert, base[0], n, rho)
    return value, rho * max(float(law @ ((expert - clone) @ table.T).max(-1)), 0.0)


@check(
    "T5b", "two prompts", "all data sets", six=gene.choice([0] * 6), returns=gene.table(1, "six"),
    policies=gene.laws(4, "six"), size=gene.count(1, 4), rho=_PART, n=gene.count(1, 5),
    delta=_DELTA, expected=gene.choice(False, True),
)  # fmt: skip
def _mle(
    bound: Bound, returns: Floats, policies: Floats, size: int, rho: float, n: int, delta: float,
    expected: bool,
) -> Pair:  # fmt: skip
    """Two prompts: all data sets, the likeliest policy at each."""
    policies = policies[:size] + 1e-3
    policies = policies / policies.sum(-1, keepdims=True)
    kinds = len(policies[0]) // 2
    # The joint law of prompt and type; the prompt's mass is the same under all policies.
    inside = policies.reshape(-1, 2, kinds)
    inside = inside / inside.sum(-1, keepdims=True)
    joint = np.repeat([rho, 1 - rho], kinds) * inside.reshape(len(policies), -1)
    law = truths.law_of_counts(joint[:1], n)[0]
    counts = truths.count_vectors(n, 2 * kinds)
    chosen = joint[np.argmax(counts @ np.log(joint.T), axis=-1)]
    losses = np.abs((joint[0] - chosen) @ returns)
    pairs = zip(inside[0], returns.reshape(2, kinds), strict=True)
    first, second = (spread(p, r) ** 2 for p, r in pairs)
    value = bound(
        sigma_expert=math.sqrt(rho * first + (1 - rho) * second), horizon=TOP, n=n,
        log_class_size=math.log(len(policies)), delta=None if expected else delta,
    )  # fmt: skip
    return value, law @ losses if expected else truths.quantile(law, losses, delta)


@check(
    "T5c", "two prompts", "all data sets", **_TWO_EXPERTS, rows=gene.choice([0, 0]),
    returns=gene.table(2, "rows"), rho=_PART, n=gene.count(0, 9), delta=_DELTA,
)  # fmt: skip
def _sft_often(
    bound: Bound, e1: float, e2: float, b1: float, b2: float, returns: Floats, rho: float, n: int,
    delta: float,
) -> Pair:  # fmt: skip
    """Two prompts of two types each: the probability that the loss exceeds the bound."""
    expert, base = (np.array([[1 - a, a], [1 - b, b]]) for a, b in ((e1, e2), (b1, b2)))
    mass = np.array([rho, 1 - rho])
    counts = truths.count_vectors(n, 4).reshape(-1, 2, 2)
    law = truths.law_of_counts((mass[:, None] * expert).reshape(1, 4), n)[0]
    sigma = np.array([spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    value = bound(
        sigma_expert=sigma, horizon=TOP, n=n, delta=delta, prompt_mass=mass, fallback_gap=gap
    )
    losses = np.abs(((expert - _clone(counts, base)) * returns).sum(-1)) @ mass
    return value, truths.quantile(law, losses, delta)


@check("T5c", "two types", "binomial tails", **_TWO, delta=_DELTA)
def _sft_often_two_types(bound: Bound, q: float, large: int, idle: float, delta: float) -> Pair:
    """Two types, any n: a binomial tail."""
    n, sigma, gap = large, math.sqrt(q * (1 - q)), abs(q - idle)
    value = bound(sigma_expert=[sigma], horizon=1.0, n=n, delta=delta, fallback_gap=gap)
    if n == 0:
        return value, gap

    def exceeded(t: float) -> float:
        above = 1.0 - truths.binomial_cdf(math.floor(n * (q + t)), n, q) if q + t < 1 else 0.0
        below = truths.binomial_cdf(math.ceil(n * (q - t)) - 1, n, q) if q > t else 0.0
        return above + below

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if exceeded(middle) <= delta else (middle, high)
    return value, low
