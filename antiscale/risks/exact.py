"""Risks without sampling, where the data's law can be summed.

Cloning: SFT on a pair of mirrors, by the law of a mean of iid returns (Fourier inversion on the
returns' lattice); any learner at a single prompt with two trace types, by the binomial law of its
counts. Verification: every learner that asks only *which* blocks were seen, by summing over the
sets that may be seen.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import fft, special

from antiscale.core.errors import InputError
from antiscale.core.numbers import number
from antiscale.core.validate import Floats
from antiscale.learners import Data, Learner, Premises, Setting
from antiscale.models.traces import TraceModel
from antiscale.rewards.evaluation import StatedRewards
from antiscale.risks.simulated import verification_losses

# Work allowed per cell, in points of Fourier transforms, and in policies times types: where exact
# risks were asked for, and in every sweep (a fraction of what the simulation takes).
ASKED, CHEAP = 3e8, 2e6
# Probability left out of a binomial sum.
_TAIL = 1e-18


class Exact(NamedTuple):
    """An exact risk in tokens, or the reason why there is none."""

    value: float | None
    reason: str | None = None


def exact_risk(
    learner: Learner, setting: Setting, premises: Premises, *, work: float = ASKED
) -> Exact:
    """Return E sup over the stated rewards of the learner's loss, in tokens.

    `work` is what may be spent on it: `ASKED` or `CHEAP`.
    """
    if premises.stated.is_joint:
        return Exact(None, "parameters shared by prompts couple all their counts")
    law = _cloning if learner.side == "vf" else _verification
    return law(learner, setting, premises, work)


def _cloning(learner: Learner, setting: Setting, at: Premises, work: float) -> Exact:
    model, stated, experts, n = at.model, at.stated, at.experts, at.n
    if model.prompts == 1 and (model.pmf[0] > 0).sum() == 2:
        if at.drawn and setting.prior is None:
            return Exact(None, "with hard experts only the learner bayes has an exact risk")
        prior = setting.prior if at.drawn else None
        return _two_types(learner, setting, model, stated, experts[0], n, prior, work)
    if at.drawn:
        return Exact(None, "hard experts have an exact risk at a single prompt of two types only")
    if not learner.empirical:
        return Exact(
            None,
            f"the learner {learner.name} has an exact risk at a single prompt of two types only",
        )
    if not stated.eligible[1:].any():
        # One known reward: the empirical expert is unbiased wherever the prompt was seen.
        shift = ((experts[0] - model.pmf) * model.returns).sum(-1)
        never = (1.0 - model.prompt_mass) ** n
        return Exact(float(model.prompt_mass @ (never * shift)))
    if not stated.with_mirror or stated.eligible[2:].any():
        return Exact(None, "the sup over rewards other than one pair of mirrors has no closed law")
    return sft_mirror_risk(
        experts[0], model.returns, n, model.prompt_mass, base=model.pmf, work=work
    )


def sft_mirror_risk(
    expert: Floats, returns: Floats, n: int, prompt_mass: Floats, *, base: Floats,
    work: float = ASKED,
) -> Exact:  # fmt: skip
    """SFT's risk over {r, rbar}: sum_x rho (E|mean of n_x returns - J_e| + (1-rho)^n |J_e - J_b|).

    n_x ~ Binomial(n, rho(x)); the law of a sum of k iid returns is found by Fourier inversion on
    their lattice, wrapped where less than 1e-14 of it lies.

    Parameters
    ----------
    expert, returns, base : [m, S]
        pi_e and pi_b; returns R in tokens, on a lattice (whole tokens, say).
    n
        Samples in all.
    prompt_mass : [m]
        rho(x).
    work
        Points of Fourier transforms that may be spent.

    Returns
    -------
    The risk in tokens, or the reason why it is out of reach.
    """
    total = 0.0
    rows = np.concatenate([expert, base, returns, prompt_mass[:, None]], axis=-1)
    types = expert.shape[-1]
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    for row, times in zip(kinds, counts, strict=True):
        p, b, r = row[:types], row[types : 2 * types], row[2 * types : 3 * types]
        rho = float(row[-1])
        mean = p @ r
        never = float((1.0 - rho) ** n) if rho < 1 else 0.0
        deviation = _mean_deviation(p[p > 0], r[p > 0], n, rho, work / len(kinds))
        if isinstance(deviation, str):
            return Exact(None, deviation)
        total += times * rho * (deviation + never * abs(mean - b @ r))
    return Exact(total)


def _mean_deviation(p: Floats, r: Floats, n: int, rho: float, work: float) -> float | str:
    """E[|mean of k returns - J|; k > 0] for k ~ Binomial(n, rho), in tokens."""
    whole = np.round(r).astype(np.int64)
    if (np.abs(r - whole) > 1e-9).any():
        return "the returns are not on a lattice (whole tokens)"
    least = int(np.min(whole))
    step = math.gcd(*(whole - least).tolist())
    if step == 0:
        return 0.0
    y = (whole - least) // step
    width = int(np.max(y))
    pmf = np.bincount(y, weights=p, minlength=width + 1)
    mean = float(pmf @ np.arange(width + 1))
    sigma = float(np.sqrt(pmf @ (np.arange(width + 1) - mean) ** 2))
    counts, chance = _binomial(n, rho)
    chance, counts = chance[counts > 0], counts[counts > 0]
    # By Bernstein's inequality less than 1e-14 of the law lies outside.
    window = 2.0 * (8.3 * sigma * np.sqrt(counts) + 22.0 * width)
    sizes = np.minimum(
        2.0 ** np.ceil(np.log2(window)), 2.0 ** np.ceil(np.log2(2 * counts * width + 2))
    )
    if sizes.sum() > work:
        return (
            "the lattice is too fine: the law of the mean would take "
            f"{number(sizes.sum(), 2)} points, and {number(work, 2)} are allowed"
        )
    total = 0.0
    for size in np.unique(sizes).astype(int):
        wrapped = np.bincount(np.arange(width + 1) % size, weights=pmf, minlength=size)
        transform = fft.rfft(wrapped)
        logs = np.log(np.where(transform == 0, np.exp(-700.0), transform))
        chosen = np.flatnonzero(sizes == size)
        for part in np.array_split(chosen, max(1, len(chosen) * size // 2**20)):
            k = counts[part][:, None]
            law = fft.irfft(np.exp(k * logs), n=size, axis=-1)
            centre = np.round(k * mean)
            place = (np.arange(size) - centre + size // 2) % size - size // 2
            distance = np.abs(place + (centre - k * mean))
            deviation = (np.maximum(law, 0.0) * distance).sum(-1) / k[:, 0]
            total += float(chance[part] @ deviation)
    return total * step


def _binomial(n: int, rho: float) -> tuple[Floats, Floats]:
    """The values of Binomial(n, rho) that matter, and their probabilities."""
    if rho >= 1.0:
        return np.array([float(n)]), np.array([1.0])
    middle, spread = n * rho, np.sqrt(n * rho * (1 - rho))
    low = max(0, int(middle - 10 * spread - 40))
    high = min(n, int(middle + 10 * spread + 40))
    k = np.arange(low, high + 1, dtype=float)
    log = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    chance = np.exp(log + special.xlogy(k, rho) + special.xlog1py(n - k, -rho))
    # gammaln loses digits for large n; the masses must sum to one.
    chance /= chance.sum()
    keep = chance > _TAIL
    return k[keep], chance[keep]


def _two_types(
    learner: Learner,
    setting: Setting,
    model: TraceModel,
    stated: StatedRewards,
    expert: Floats,
    n: int,
    prior: Any,
    work: float,
) -> Exact:
    """Sum the learner's loss over the binomial count of the first of two types."""
    first, second = np.flatnonzero(model.pmf[0] > 0)
    p, r = model.pmf[0], model.returns[0]
    if prior is None:
        chances = np.array([expert[0, first]])
    else:
        mean = p @ r
        sigma = np.sqrt(p @ (r - mean) ** 2)
        index = np.arange(prior.steps + 1)
        if not bool(prior.many[0]):
            index = index[[0, -1]]
        theta = float(prior.scale[0]) * (2.0 * index / prior.steps - 1.0)
        chances = p[first] * (1.0 + theta * (r[first] - mean) / sigma)
    laws = [_binomial(n, float(chance)) for chance in chances]
    counts = np.unique(np.concatenate([k for k, _ in laws]))
    if len(counts) * len(chances) > work:
        return Exact(None, f"{len(counts)} counts under {len(chances)} experts are too many")
    data = np.zeros((len(counts), 1, model.types))
    data[:, 0, first], data[:, 0, second] = counts, n - counts
    policies = [
        np.asarray(learner(Data(jnp.asarray(part)), setting))[:, 0, first]
        for part in np.array_split(data, max(1, len(data) // 2048))
    ]
    policy = np.concatenate(policies)
    gaps = (stated.returns[:, 0, first] - stated.returns[:, 0, second])[stated.eligible[:, 0]]
    widest, narrowest = np.max(gaps), np.min(gaps)
    risk = 0.0
    for chance, (k, law) in zip(chances, laws, strict=True):
        shift = chance - policy[np.searchsorted(counts, k)]
        risk += float(law @ np.maximum(shift * widest, shift * narrowest))
    return Exact(risk / len(chances))


def _verification(learner: Learner, setting: Setting, at: Premises, work: float) -> Exact:
    """E sup by summing over which blocks were seen at each prompt."""
    model, rewards, stated, n = at.model, at.rewards, at.stated, at.n
    if at.noise > 0:
        return Exact(None, "with noisy labels it matters how often each block was seen")
    if not learner.seen_only:
        return Exact(None, f"the learner {learner.name} asks how often each type was seen")
    alike = np.asarray(rewards.alike)
    tells = alike >= 0
    mass = np.zeros((model.prompts, int(np.max(alike)) + 1))
    np.add.at(mass, (np.nonzero(tells)[0], alike[tells]), model.pmf[tells])
    # At most 1 but for rounding: a sum of many masses may exceed it.
    chances_at = np.minimum(model.prompt_mass[:, None] * mass, 1 - 1e-16)
    # Groups that are surely seen, to rounding, are not in doubt; those of mass zero never are.
    doubtful = (mass > 0) & (np.exp(n * np.log1p(-chances_at)) > 1e-17)
    most = int(doubtful.sum(-1).max())
    if 2.0**most * len(stated.returns) * model.pmf.size > work:
        return Exact(None, f"up to {most} blocks may or may not be seen: too many sets")
    # Prompts do not share what was seen, so one data set holds a set of each prompt.
    counts = np.zeros((2**most, *model.pmf.shape))
    chances = []
    for x in range(model.prompts):
        groups = np.flatnonzero(doubtful[x])
        sets = (np.arange(2 ** len(groups))[:, None] >> np.arange(len(groups))) & 1
        chances.append(chance_of_sets(mass[x][groups], n, float(model.prompt_mass[x])))
        seen = np.repeat((mass[x] > 0)[None], len(sets), 0)
        seen[:, groups] = sets
        counts[: len(sets), x][:, tells[x]] = seen[:, alike[x][tells[x]]]
    by_reward = np.asarray(verification_losses(learner, setting, counts, stated.returns).by_reward)
    worst = np.where(stated.eligible.T, by_reward, -np.inf).max(-1)
    risks = [float(chance @ worst[: len(chance), x]) for x, chance in enumerate(chances)]
    return Exact(float(model.prompt_mass @ risks))


def chance_of_sets(mass: Floats, n: int, rho: float) -> Floats:
    """P(the blocks seen, of these, are just this set) for every set, [2^B].

    P(all blocks outside A unseen) = (1 - rho p(A^c))^n, then Moebius inversion over subsets.
    """
    count = len(mass)
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    outside = (1 - bits) @ mass
    chance: Floats = np.exp(n * np.log1p(-np.minimum(rho * outside, 1 - 1e-16)))
    chance = chance.reshape((2,) * count)
    for axis in range(count):
        seen, unseen = [
            tuple(slice(None) if a != axis else value for a in range(count)) for value in (1, 0)
        ]
        chance[seen] -= chance[unseen]
    return np.maximum(chance.reshape(-1), 0.0)


def clone_coverage(expert: Floats, n: int, fold: float) -> float:
    """E Cov_N of tabular SFT at one prompt, exactly: P_{pi_e}(pi_e/pihat >= N), N = `fold` (T5f).

    sum_j p_j P(Binomial(n, p_j) <= n p_j/N); with no trace pi_b is played, which counts as covered
    nowhere here.

    Parameters
    ----------
    expert : [S]
        pi_e.
    n
        Its traces, all of this prompt.
    fold
        N >= 1.
    """
    p = np.asarray(expert, dtype=float)
    # Whole numbers that rounding took just below themselves.
    most = np.floor(n * p / fold * (1 + 1e-12) + 1e-12)
    all_of_them = most >= n
    few = special.betainc(np.where(all_of_them, 1.0, n - most), most + 1.0, 1.0 - p)
    return float(p @ np.where(all_of_them, 1.0, few))


def search_on_clone(
    expert: Floats, base: Floats, n: int, prompt_mass: Floats, tries: Floats
) -> Floats:
    """P(one of M tries of a tabular clone is right), exactly, on average over the clone's data.

    At a prompt of which n_x traces were seen the clone is right with chance Binomial(n_x, s)/n_x,
    s the expert's; at one never seen it is the base policy. A checker tells a right trace.

    Parameters
    ----------
    expert, base : [m]
        Chance of a right trace under pi_e and under pi_b.
    n
        Traces of the expert in all.
    prompt_mass : [m]
        rho(x).
    tries : [T]
        M.

    Returns
    -------
    [m, T], per prompt.
    """
    found = np.empty((len(prompt_mass), len(tries)))
    for x, (s, b, rho) in enumerate(zip(expert, base, prompt_mass, strict=True)):
        solved = np.zeros(len(tries))
        for k, chance in zip(*_binomial(n, float(rho)), strict=True):
            share, law = np.array([b]), np.ones(1)
            if k > 0:
                right, law = _binomial(int(k), float(s))
                share = right / k
            solved += chance * (law @ (1.0 - (1.0 - share[:, None]) ** tries))
        found[x] = solved
    return found


def bayes_risk_on_two_types(
    scale: float, steps: int, mass: float, n: int, *, many: bool = True
) -> float:
    """Bayes risk of T4's prior at a prompt of mass 1 with two types, in units of sigma (T4a, T4c).

    Data are one binomial count, so the posterior median's risk is a finite sum: what the best
    verifier-free learner loses on average under that prior.

    Parameters
    ----------
    scale, steps, many
        The prior: theta on `steps` + 1 even points from -scale to scale, or the two ends alone.
    mass
        q, the base policy's probability of the better type.
    n
        Samples.
    """
    theta, laws = _grid_laws(scale, steps, mass, n, many=many)
    below = np.cumsum(laws, axis=0) / laws.sum(0)
    median = theta[np.argmax(below >= 0.5 - 1e-12, axis=0)]
    return float((laws * np.abs(theta[:, None] - median)).sum() / len(theta))


def _grid_laws(
    scale: float, steps: int, mass: float, n: int, *, many: bool
) -> tuple[Floats, Floats]:
    """The grid, and the law of the better type's count under each of its points."""
    g = np.sqrt((1.0 - mass) / mass)  # of the better type
    if not 0 < scale <= min(1.0 / g, g) * (1 + 1e-12):
        raise InputError(f"scale must lie in (0, {min(1.0 / g, g):.6g}]; got {scale:.6g}")
    index: Sequence[int] = range(steps + 1) if many else (0, steps)
    theta = scale * (2.0 * np.array(index) / steps - 1.0)
    chance = np.clip(mass * (1.0 + theta * g), 0.0, 1.0)
    spread = np.sqrt(n * np.max(chance * (1 - chance)))
    low = max(0, int(n * chance.min() - 10 * spread - 10))
    high = min(n, int(n * chance.max() + 10 * spread + 10))
    k = np.arange(low, high + 1, dtype=float)
    log = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    q = chance[:, None]
    laws = np.exp(log + special.xlogy(k, q) + special.xlog1py(n - k, -q))
    return theta, laws / laws.sum(-1, keepdims=True)
