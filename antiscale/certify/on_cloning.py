"""Attacks on what is proved of cloning: T4 and T5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.certify import instances, minimax, truths
from antiscale.certify.check import TOP, Bound, Check, Evaluate, Pair, array, number, spread
from antiscale.certify.instances import Instance
from antiscale.core.validate import Floats

# Data sets that are listed at the most.
_LISTED = 1500


def _most(pmf: Floats, returns: Floats, kappa: float) -> float:
    """The largest theta with pi_b (1 + theta g) a policy of the ball; sigma > 0."""
    worst = float(np.abs((returns - pmf @ returns)[pmf > 0]).max()) / spread(pmf, returns)
    return min(math.sqrt(kappa), 1 / worst)


def _listable(n: int, kinds: int, rho: float) -> bool:
    return math.comb(n + kinds - (rho >= 1.0), kinds - (rho >= 1.0)) <= _LISTED


# T4a and T4c: the worst experts of many learners


def _listed(x: Instance, bound: Bound) -> Pair:
    pmf, returns, n, rho, kappa = array(x["pmf"]), array(x["returns"]), x["n"], x["rho"], x["kappa"]
    sigma = spread(pmf, returns)
    if sigma < 1e-9 * TOP or kappa <= 0 or not _listable(n, len(pmf), rho):
        return None
    overlap = x["overlap"]
    if overlap == "exact" and len(np.unique(returns[pmf > 0])) > 2 and n > 2:
        overlap = "averaged"  # the exact one lists data sets: too dear here
    # The prompt's own term, weighted by its mass, as the statement has it.
    place = {"pmf": pmf, "returns": returns, "n": n, "prompt_mass": rho, "kappa": kappa}
    value = rho * number(bound(overlap=overlap, **place))
    most = _most(pmf, returns, kappa)
    if x.get("program"):
        least = minimax.program_risk(pmf, returns, most, n, rho)
        if least is None:
            return None
    else:
        least = minimax.worst_risk(pmf, returns, most, n, rho)
    return value, rho * sigma * least


def _two_types(x: Instance, bound: Bound) -> Pair:
    q, n, kappa = x["q"], x["large"], x["kappa"]
    if kappa <= 0:
        return None
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 1.0])
    value = number(
        bound(pmf=pmf, returns=returns, n=n, kappa=kappa, prompt_mass=1.0, overlap=x["overlap"])
    )
    return value, spread(pmf, returns) * minimax.two_type_risk(q, _most(pmf, returns, kappa), n)


def _families(x: Instance, bound: Bound) -> Pair:
    """All prompts of a family, with uneven masses."""
    model = truths.family_model(x["family"])
    if model is None or not model.announced or x["kappa"] <= 0:
        return None
    rho = instances.normalised(x["masses"], len(model.pmf))
    pmf, returns = np.asarray(model.pmf), np.asarray(model.returns, dtype=float)
    value = float(
        rho @ bound(pmf=pmf, returns=returns, n=x["n"], prompt_mass=rho, kappa=x["kappa"],
                    overlap=x["overlap"])
    )  # fmt: skip
    truth = 0.0
    for p, r, share in zip(pmf, returns, rho, strict=True):
        p, r = truths.merged(p, r)
        if spread(p, r) < 1e-9 * TOP:
            continue
        if not _listable(x["n"], len(p), share):
            return None
        risk = minimax.worst_risk(p, r, _most(p, r, x["kappa"]), x["n"], float(share))
        truth += share * spread(p, r) * risk
    return value, truth


# T4b and T4d: the Bayes risk of the bound's own prior


def _blocks(form: str) -> Evaluate:
    def evaluate(x: Instance, bound: Bound) -> Pair:
        mass = array(x["mass"])[: len(x["mass"]) // 2 * 2] * x["weight"]
        height = array(x["heights"])[: len(mass)]
        if x["kappa"] <= 0 or height.max() <= 0:
            return None
        place: dict[str, Any] = {"prompt_mass": x["rho"], "kappa": x["kappa"]}
        value = number(bound(style_mass=mass, style_return=height, n=x["n"], **place))
        prior = bounds.hardest_block_prior(mass, height, x["n"], form=form, **place)
        steps = 1 if form == "two_point" else bounds.GRID_STEPS
        truth = cost = 0.0
        for k, eps in enumerate(np.atleast_1d(prior.scale)):
            pair, heights = mass[2 * k : 2 * k + 2], height[2 * k : 2 * k + 2]
            q = float(pair.min())
            if q <= 0 or eps <= 0:
                continue
            cost += (eps * q) ** 2 * float((1 / pair).sum())
            theta = np.linspace(-eps, eps, steps + 1)
            # Other pairs keep their mass whatever their own theta: one kind for all that is left.
            tilted = pair * np.maximum(1 + theta[:, None] * np.array([q, -q]) / pair, 0.0)
            rest = np.full((len(theta), 1), max(1 - pair.sum(), 0.0))
            law = truths.shown(np.append(tilted, rest, 1), x["n"], x["rho"])
            truth += 0.5 * q * float(heights.sum()) * minimax.median_risk(theta, law)
        if cost > x["kappa"] * (1 + 1e-9):
            return math.nan, 1.0  # the prior leaves the ball
        # The prompt's own term, weighted by its mass, as the statement has it.
        return x["rho"] * value, x["rho"] * truth

    return evaluate


def _two_blocks(x: Instance, bound: Bound) -> Pair:
    """Two styles that are everything, any n: a binomial count tells the two experts apart."""
    mass, height = np.array([1 - x["q"], x["q"]]), array(x["heights"])
    if x["kappa"] <= 0 or height.max() <= 0:
        return None
    place: dict[str, Any] = {"n": x["large"], "kappa": x["kappa"], "prompt_mass": 1.0}
    value = number(bound(style_mass=mass, style_return=height, **place))
    prior = bounds.hardest_block_prior(mass, height, **place)
    q, eps = float(mass.min()), float(prior.scale[0])
    if (eps * q) ** 2 * (1 / mass).sum() > x["kappa"] * (1 + 1e-9):
        return math.nan, 1.0
    shared = minimax.overlap_of_binomials(x["large"], x["q"] - eps * q, x["q"] + eps * q)
    return value, 0.5 * eps * q * float(height.sum()) * shared


# T4e: the least that the larger of two errors of a test can be


def _often(x: Instance, bound: Bound) -> Pair:
    pmf, returns = array(x["pmf"]), array(x["returns"])
    sigma = spread(pmf, returns)
    if sigma < 1e-6 or x["kappa"] <= 0 or not _listable(x["n"], len(pmf), x["rho"]):
        return None
    loss = number(bound(chance=x["chance"], pmf=pmf, returns=returns, n=x["n"],
                        prompt_mass=x["rho"], kappa=x["kappa"]))  # fmt: skip
    eps = loss / sigma
    if eps > _most(pmf, returns, x["kappa"]) * (1 + 1e-9):
        return math.nan, 1.0  # the experts leave the ball
    g = minimax.standardised(pmf, returns)
    up, down = minimax.law_of_experts(pmf, g, np.array([-eps, eps]), x["n"], x["rho"])
    return float(x["chance"]), max(_test_error(up, down), 1e-300)


def _often_two_types(x: Instance, bound: Bound) -> Pair:
    q, n, kappa = x["q"], x["large"], x["kappa"]
    if kappa <= 0:
        return None
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 1.0])
    loss = number(
        bound(chance=x["chance"], pmf=pmf, returns=returns, n=n, prompt_mass=1.0, kappa=kappa)
    )
    if loss > spread(pmf, returns) * _most(pmf, returns, kappa) * (1 + 1e-9):
        return math.nan, 1.0
    # Half the overlap is the mean of a test's two errors: the larger of them is at least that.
    return float(x["chance"]), 0.5 * minimax.overlap_of_binomials(n, q - loss, q + loss)


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


# T5: exact risks and failure probabilities of cloning


def _sft_mirror(
    expert: Floats, base: Floats, returns: Floats, rho: Floats, n: int, bound: Bound
) -> Pair:
    """SFT on the mirror class, [m, S] each: the mean over n_x of the mean deviation given n_x."""
    sigma = np.array([spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    value = float(rho @ bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap))
    truth = 0.0
    for p, r, share, idle in zip(expert, returns, rho, gap, strict=True):
        chance = truths.binomial(n, float(share))
        deviation = truths.mean_deviations(p, r, n)
        truth += share * (chance[0] * idle + chance[1:] @ deviation)
    return value, float(truth)


def _sft_prompts(x: Instance, bound: Bound) -> Pair:
    m = x["m"]
    expert, base, returns = (array(x[name])[:m] for name in ("experts", "bases", "returns"))
    return _sft_mirror(expert, base, returns, instances.normalised(x["masses"], m), x["n"], bound)


def _sft_families(x: Instance, bound: Bound) -> Pair:
    model = truths.family_model(x["family"])
    if model is None or not model.announced:
        return None
    rho = instances.normalised(x["masses"], len(model.pmf))
    base, returns = np.asarray(model.pmf), np.asarray(model.returns, dtype=float)
    expert = base
    if x["kappa"] > 0:
        solved = [truths.best_in_ball(p, r[None], x["kappa"])[1][0]
                  for p, r in zip(base, returns, strict=True)]  # fmt: skip
        expert = np.array(solved)
    return _sft_mirror(expert, base, returns, rho, x["n"], bound)


def _sft_two_types(x: Instance, bound: Bound) -> Pair:
    q, n = x["q"], x["large"]
    gap = abs(q - x["idle"])
    value = number(bound(sigma_expert=math.sqrt(q * (1 - q)), n=n, prompt_mass=1.0,
                         fallback_gap=gap))  # fmt: skip
    return value, minimax.mean_deviation(n, q) if n > 0 else gap


def _sft_blocks(x: Instance, bound: Bound) -> Pair:
    """The class styles: the loss is max(sum of delta_b^+, sum of delta_b^-), over all data sets."""
    expert, base, f = array(x["expert"]), array(x["base"][0]), array(x["returns"])
    n, rho = x["n"], x["rho"]
    if not _listable(n, len(expert), rho):
        return None
    block = np.arange(len(f)) % x["blocks"]
    parts = np.array([np.where(block == b, f, 0.0) for b in range(x["blocks"])])
    sigma = 0.5 * (sum(spread(expert, part) for part in parts) + spread(expert, f))
    gap = _block_loss(parts @ (expert - base))
    value = rho * number(bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap))
    law, clone = _clones(expert, base, n, rho)
    return value, rho * float(law @ _block_loss((expert - clone) @ parts.T))


def _block_loss(delta: Floats) -> Any:
    return np.maximum(np.maximum(delta, 0).sum(-1), np.maximum(-delta, 0).sum(-1))


def _clones(expert: Floats, base: Floats, n: int, rho: float) -> tuple[Floats, Floats]:
    """The law of the data and SFT's policy for each data set: [N], [N, S]."""
    law = truths.shown(expert[None], n, rho)[0]
    counts = truths.counts_shown(len(expert), n, rho)
    total = counts.sum(-1, keepdims=True)
    return law, np.where(total > 0, counts / np.maximum(total, 1), base)


def _sft_class(x: Instance, bound: Bound) -> Pair:
    """Any finite class: E max_r (E_e - E_clone) R_r, over all data sets."""
    expert, base = array(x["expert"]), array(x["base"][0])
    table = array(x["table"])[: x["members"]]
    n, rho = x["n"], x["rho"]
    if not _listable(n, len(expert), rho):
        return None
    variance = sum(spread(expert, r) ** 2 for r in table)
    sigma = min(math.sqrt(variance), TOP * math.sqrt(math.log(2 * len(table)) / 2))
    gap = max(float((table @ (expert - base)).max()), 0.0)
    value = rho * number(bound(sigma_expert=sigma, n=n, prompt_mass=rho, fallback_gap=gap))
    law, clone = _clones(expert, base, n, rho)
    return value, rho * max(float(law @ ((expert - clone) @ table.T).max(-1)), 0.0)


def _sft_often(x: Instance, bound: Bound) -> Pair:
    """Two prompts of two types each: the probability that the loss exceeds the bound."""
    expert, base = (np.stack([[1 - x[a], x[a]], [1 - x[b], x[b]]])
                    for a, b in (("e1", "e2"), ("b1", "b2")))  # fmt: skip
    returns, rho = array(x["returns"]), np.array([x["rho"], 1 - x["rho"]])
    counts = truths.count_vectors(x["n"], 4).reshape(-1, 2, 2)
    law = truths.law_of_counts((rho[:, None] * expert).reshape(1, 4), x["n"])[0]
    sigma = np.array([spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    value = number(bound(sigma_expert=sigma, horizon=TOP, n=x["n"], delta=x["delta"],
                         prompt_mass=rho, fallback_gap=gap))  # fmt: skip
    total = counts.sum(-1, keepdims=True)
    clone = np.where(total > 0, counts / np.maximum(total, 1), base)
    losses = np.abs(((expert - clone) * returns).sum(-1)) @ rho
    return value, truths.quantile(law, losses, x["delta"])


def _sft_often_two_types(x: Instance, bound: Bound) -> Pair:
    """Two types, any n: a binomial tail."""
    q, n = x["q"], x["large"]
    value = number(bound(sigma_expert=[math.sqrt(q * (1 - q))], horizon=1.0, n=n,
                         delta=x["delta"], fallback_gap=abs(q - x["idle"])))  # fmt: skip
    if n == 0:
        return value, abs(q - x["idle"])

    def exceeded(t: float) -> float:
        above = 1.0 - truths.binomial_cdf(math.floor(n * (q + t)), n, q) if q + t < 1 else 0.0
        below = truths.binomial_cdf(math.ceil(n * (q - t)) - 1, n, q) if q > t else 0.0
        return above + below

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if exceeded(middle) <= x["delta"] else (middle, high)
    return value, low


def _mle(x: Instance, bound: Bound) -> Pair:
    """Two prompts: all data sets, the likeliest policy at each."""
    policies = array(x["policies"])[: x["size"]] + 1e-3
    policies = policies / policies.sum(-1, keepdims=True)
    kinds = len(policies[0]) // 2
    # The joint law of prompt and type; the prompt's mass is the same under all policies.
    rho = np.repeat([x["rho"], 1 - x["rho"]], kinds)
    inside = policies.reshape(-1, 2, kinds)
    inside = inside / inside.sum(-1, keepdims=True)
    joint = rho * inside.reshape(len(policies), -1)
    returns = array(x["returns"])
    law = truths.law_of_counts(joint[:1], x["n"])[0]
    counts = truths.count_vectors(x["n"], len(rho))
    chosen = joint[np.argmax(counts @ np.log(joint.T), axis=-1)]
    losses = np.abs((joint[0] - chosen) @ returns)
    pairs = zip(inside[0], returns.reshape(2, kinds), strict=True)
    variances = [spread(p, r) ** 2 for p, r in pairs]
    place = {
        "sigma_expert": math.sqrt(x["rho"] * variances[0] + (1 - x["rho"]) * variances[1]),
        "horizon": TOP, "n": x["n"], "log_class_size": math.log(len(policies)),
    }  # fmt: skip
    if x["expected"]:
        return number(bound(delta=None, **place)), float(law @ losses)
    value = number(bound(delta=x["delta"], **place))
    return value, truths.quantile(law, losses, x["delta"])


_KAPPA = instances.positive(1e-4, 1e2, 0.0, 1e-9, 1e6)
_MASS = instances.share(0.02, 1.0, 1.0)
_DELTA = instances.positive(1e-3, 0.9)
_LARGE = instances.count(0, 10**9)
_GRID = {
    "n": instances.count(0, 6), "rho": _MASS, "kappa": _KAPPA,
    "overlap": instances.choice(*["affinity"] * 6, "averaged", "exact"),
}  # fmt: skip
_FEW = {"pmf": instances.pmf(2, 4), "returns": instances.table(1, "pmf")}
_MANY = {"pmf": instances.pmf(5, 200), "returns": instances.table(1, "pmf")}
_TWO = {"q": instances.share(1e-6, 1 - 1e-6, 0.5), "large": _LARGE}
_FAMILY = {"family": instances.family(), "masses": instances.masses(16)}
_BLOCKS = {
    "mass": instances.pmf(2, 6), "weight": instances.share(0.05, 1.0, 1.0),
    "heights": instances.table(1, "mass"), "n": instances.count(0, 12), "rho": _MASS,
    "kappa": _KAPPA,
}  # fmt: skip
_SIX = instances.choice([0] * 6)
_TWO_EXPERTS = {name: instances.share() for name in ("e1", "e2", "b1", "b2")}


def _grids(label: str) -> list[Check]:
    by, draws = "worst experts of 14 learners", 48 if label == "T4a" else 12
    return [
        Check(label, "few types", "lower", {**_FEW, **_GRID}, _listed, by,
              draws=draws),
        Check(label, "many types", "lower", {**_MANY, **_GRID, "n": instances.count(0, 1)}, _listed,
              by, draws=draws),
        Check(label, "programs", "lower",
              {"pmf": instances.pmf(2, 3), "returns": instances.table(1, "pmf"), **_GRID,
               "n": instances.count(0, 4), "program": instances.choice(True)}, _listed,
              "linear programs", draws=draws),
        Check(label, "two types", "lower",
              {**_TWO, "kappa": _KAPPA, "overlap": instances.choice("affinity", "averaged")},
              _two_types, "De Moivre's mean deviation"),
        Check(label, "two types exactly", "lower",
              {**_TWO, "large": instances.count(0, 10**6), "kappa": _KAPPA,
               "overlap": instances.choice("exact")}, _two_types,
              "De Moivre's mean deviation", draws=4 if label == "T4a" else 1),
        Check(label, "families", "lower",
              {**_FAMILY, "n": instances.count(0, 3), "kappa": _KAPPA,
               "overlap": instances.choice("affinity", "averaged")}, _families, by,
              draws=draws),
    ]  # fmt: skip


CHECKS = (
    *_grids("T4a"),
    Check("T4b", "few styles", "lower", _BLOCKS, _blocks("two_point"), "Bayes risk of the prior"),
    Check("T4b", "two styles", "lower",
          {**_TWO, "pair": instances.choice([0, 0]), "heights": instances.table(1, "pair"),
           "kappa": _KAPPA}, _two_blocks, "overlap of binomials"),
    *_grids("T4c"),
    Check("T4d", "few styles", "lower", _BLOCKS | {"n": instances.count(0, 6)},
          _blocks("many_point"),
          "Bayes risk of the prior", draws=24),
    Check("T4e", "few types", "lower", {**_FEW, "n": _GRID["n"], "rho": _MASS, "kappa": _KAPPA,
                                        "chance": instances.positive(1e-3, 0.5)}, _often,
          "Neyman-Pearson tests"),
    Check("T4e", "two types", "lower", {**_TWO, "kappa": _KAPPA,
                                        "chance": instances.positive(1e-3, 0.5)}, _often_two_types,
          "overlap of binomials"),
    Check("T5a", "few prompts", "upper",
          {"m": instances.count(1, 3), "types": instances.choice(*([0] * k for k in (2, 3, 4))),
           "experts": instances.laws(3, "types"), "bases": instances.laws(3, "types"),
           "returns": instances.table(3, "types"), "masses": instances.masses(3),
           "n": instances.count(0, 10)}, _sft_prompts, "all data sets"),
    Check("T5a", "two types", "upper", {**_TWO, "idle": instances.share()}, _sft_two_types,
          "De Moivre's mean deviation"),
    Check("T5a", "families", "upper", {**_FAMILY, "n": instances.count(0, 24),
                                       "kappa": instances.positive(1e-3, 1e2, 0.0)}, _sft_families,
          "convolution"),
    Check("T5a", "styles", "upper",
          {"expert": instances.pmf(2, 6), "base": instances.laws(1, "expert"),
           "returns": instances.table(1, "expert"), "blocks": instances.count(1, 4),
           "n": instances.count(0, 6), "rho": _MASS}, _sft_blocks, "all data sets"),
    Check("T5a", "any class", "upper",
          {"expert": instances.pmf(2, 5), "base": instances.laws(1, "expert"),
           "table": instances.table(6, "expert"), "members": instances.count(2, 6),
           "n": instances.count(0, 7), "rho": _MASS}, _sft_class, "all data sets"),
    Check("T5b", "two prompts", "upper",
          {"six": _SIX, "returns": instances.table(1, "six"), "policies": instances.laws(4, "six"),
           "size": instances.count(1, 4), "rho": instances.share(0.02, 0.98),
           "n": instances.count(1, 5),
           "delta": _DELTA, "expected": instances.choice(False, True)}, _mle, "all data sets"),
    Check("T5c", "two prompts", "upper",
          {**_TWO_EXPERTS, "rows": instances.choice([0, 0]), "returns": instances.table(2, "rows"),
           "rho": instances.share(0.02, 0.98), "n": instances.count(0, 9), "delta": _DELTA},
           _sft_often,
          "all data sets"),
    Check("T5c", "two types", "upper", {**_TWO, "idle": instances.share(), "delta": _DELTA},
          _sft_often_two_types, "binomial tails"),
)  # fmt: skip
