"""For every labelled result: what may vary, the bound there, and the truth it must not cross."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.bounds.registry import RESULTS
from antiscale.certify import genes, truths
from antiscale.certify.genes import Gene, Instance
from antiscale.light import LightTypes
from antiscale.validate import Floats

# A bound as a function of its inputs: the registry's, or a mutation of it.
Bound = Callable[..., Any]

# Rounding, relative to the truth, that no bound is blamed for.
SLACK = 1e-7


@dataclass(frozen=True)
class Check:
    """How one result is attacked.

    Attributes
    ----------
    label
        The result.
    direction
        "upper": truth <= bound; "lower": bound <= truth; "equal": both.
    genes
        What varies.
    evaluate
        (instance, bound function) -> (bound, truth), or None where the instance is out of the
        result's assumptions.
    by
        How the truth is found, in a few words.
    """

    label: str
    direction: str
    genes: Mapping[str, Gene]
    evaluate: Callable[[Instance, Bound], tuple[float, float] | None]
    by: str

    def ratio(self, instance: Instance, bound: Bound | None = None) -> float | None:
        """Return how near the bound comes to being crossed: above 1 + SLACK it is.

        upper: truth/bound; lower: bound/truth; equal: the larger over the smaller.
        """
        found = self.evaluate(instance, bound or RESULTS[self.label])
        if found is None:
            return None
        value, truth = found
        if math.isnan(value) or math.isnan(truth):
            return math.inf
        if self.direction == "upper":
            return _over(truth, value)
        if self.direction == "lower":
            return _over(value, truth)
        return max(_over(value, truth), _over(truth, value))


def _over(first: float, second: float) -> float:
    """first/second, both >= 0 up to rounding; 0 where both vanish."""
    if first <= 1e-13:
        return 0.0
    return math.inf if second <= 0 else first / second


def _array(value: Any) -> Floats:
    return np.array(value, dtype=float)


def _spread(pmf: Floats, returns: Floats) -> float:
    mean = pmf @ returns
    return math.sqrt(max(float(pmf @ (returns - mean) ** 2), 0.0))


def _number(value: Any) -> float:
    return float(np.asarray(value))


# T1 to T3


def _heterogeneity(x: Instance, bound: Bound) -> tuple[float, float] | None:
    # A token tree: the first token chooses a branch, the second (if any) a leaf.
    pmf, second, leaves = _array(x["pmf"]), _array(x["second"]), _array(x["leaves"])
    size = len(second)
    tree = [
        (float(p), [(float(q), float(leaves[i % len(leaves)] * (j + 1) / size))
                    for j, q in enumerate(second)])
        for i, p in enumerate(pmf)
    ]  # fmt: skip
    law = np.concatenate([p * second for p in pmf])
    returns = np.concatenate([[leaf for _, leaf in branch] for _, branch in tree])
    _, variance = truths.q_variance(tree)  # type: ignore[arg-type]
    if variance < 1e-12:
        return None
    return _number(bound(pmf=law, returns=returns)), math.sqrt(variance)


def _ball(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    if x["kappa"] <= 0 or np.ptp(returns[pmf > 0]) < 1e-9:
        return None
    # Values may be zero: measure from one below the least return.
    shift = float(returns.min()) - 1.0
    value = _number(bound(pmf=pmf, returns=returns, kappa=x["kappa"])) - shift
    return value, truths.dual_optimum(pmf, returns, x["kappa"]) - shift


def _cantelli(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    sigma = _spread(pmf, returns)
    if sigma < 1e-9:
        return None
    # What is just below the level does not count, what is at it does.
    level = pmf @ returns + sigma * math.sqrt(x["eps"])
    reached = float(pmf[returns >= level + 1e-9 * sigma].sum())
    return _number(bound(eps=x["eps"])), reached


def _cantelli_pair(x: Instance, bound: Bound) -> tuple[float, float] | None:
    top = 1 / (1 + x["eps"])
    pmf, returns = np.array([1 - top, top]), np.array([0.0, 1.0])
    level = pmf @ returns + _spread(pmf, returns) * math.sqrt(x["eps"])
    return _number(bound(eps=x["eps"])), float(pmf[returns >= level - 1e-9].sum())


def _cantelli_any(x: Instance, bound: Bound) -> tuple[float, float] | None:
    return _cantelli_pair(x, bound) if x["pair"] else _cantelli(x, bound)


def _above_mean(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    mean = float(pmf @ returns)
    if _spread(pmf, returns) < 1e-6:
        return None
    return _number(bound(pmf=pmf, returns=returns)), float(pmf[returns > mean].sum())


def _window(x: Instance, bound: Bound) -> tuple[float, float] | None:
    steps = np.array(x["steps"][: x["k"]], dtype=float)
    width = float(steps.min())
    sums = np.zeros(1)
    for step in steps:
        sums = np.concatenate([sums, sums + step])
    sums = np.sort(sums)
    ends = np.searchsorted(sums, sums + width - 1e-9, side="left")
    return _number(bound(steps=len(steps))), float((ends - np.arange(len(sums))).max() / len(sums))


def _conditioning(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    value, _ = truths.best_in_ball(pmf, returns[None], x["kappa"])
    event = (returns >= value[0] - 1e-9 * 16) & (pmf > 0)
    reached = float(pmf[event].sum())
    conditioned = np.where(event, pmf, 0.0) / reached
    if conditioned @ returns < value[0] - 1e-6:
        return math.nan, 1.0  # worse than the ball's optimum
    return _number(bound(coverage=reached)), float((conditioned[event] / pmf[event]).max())


# T4: Bayes risks under the bound's own prior, and minimax risks by linear programs


def _law_of_experts(x: Instance, theta: Floats) -> tuple[float, Floats] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    sigma = _spread(pmf, returns)
    if sigma < 1e-9 * 16 or x["kappa"] <= 0:
        return None
    g = (returns - pmf @ returns) / sigma
    policies = np.maximum(pmf * (1 + theta[:, None] * g), 0.0)
    return sigma, truths.shown(policies, x["n"], x["rho"])


def _place(x: Instance) -> dict[str, Any]:
    return {
        "pmf": _array(x["pmf"]), "returns": _array(x["returns"]), "n": x["n"],
        "prompt_mass": x["rho"], "kappa": x["kappa"],
    }  # fmt: skip


def _grid_bound(form: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    def evaluate(x: Instance, bound: Bound) -> tuple[float, float] | None:
        pmf, returns = _array(x["pmf"]), _array(x["returns"])
        sigma = _spread(pmf, returns)
        if sigma < 1e-9 * 16 or x["kappa"] <= 0:
            return None
        overlap = x["overlap"]
        if overlap == "exact" and (pmf > 0).sum() != 2:
            overlap = "averaged"
        # The prompt's own term, weighted by its mass, as the statement has it.
        value = x["rho"] * _number(bound(overlap=overlap, **_place(x)))
        worst = float(np.abs((returns - pmf @ returns)[pmf > 0]).max()) / sigma
        most = min(math.sqrt(x["kappa"]), 1 / worst)
        theta = np.linspace(-most, most, 33)
        found = _law_of_experts(x, theta)
        assert found is not None
        law = found[1]
        # SFT, the base policy and a shrunken SFT at their worst expert: no bound for all
        # learners may exceed any of them. The worst of 33 experts is the worst but for 1e-3.
        counts = truths.counts_shown(len(pmf), x["n"], x["rho"])
        total = counts.sum(-1)
        g = (returns - pmf @ returns) / sigma
        clone = np.where(total > 0, counts @ g / np.maximum(total, 1), 0.0)
        risks = [
            (law * np.abs(theta[:, None] - np.clip(clone * c, -most, most))).sum(-1).max()
            for c in (1.0, 0.8, 0.5, 0.0)
        ]
        if x["program"] and law.size <= 1600:
            played = truths.minimax_learner(theta[::4], law[::4])
            if played is not None:
                risks.append((law * np.abs(theta[:, None] - played)).sum(-1).max())
        truth = x["rho"] * sigma * min(risks) * (1 + 2e-3)
        return value, truth

    return evaluate


def _grid_large(form: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    """Two types, any n: SFT at its worst expert by De Moivre."""

    def evaluate(x: Instance, bound: Bound) -> tuple[float, float] | None:
        q, n, kappa = x["q"], x["large"], x["kappa"]
        if kappa <= 0:
            return None
        sigma = math.sqrt(q * (1 - q))
        most = min(math.sqrt(kappa), math.sqrt(min(q, 1 - q) / max(q, 1 - q)))
        chances = q + np.linspace(-most, most, 65) * sigma
        worst = max(truths.mean_deviation(n, float(c)) for c in chances)
        value = _number(
            bound(pmf=np.array([1 - q, q]), returns=np.array([0.0, 1.0]), n=n, kappa=kappa,
                  prompt_mass=1.0, overlap="affinity")
        )  # fmt: skip
        idle = most * sigma
        return value, min(worst * (1 + 1e-3), idle) if n > 0 else idle

    return evaluate


def _mixed(form: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    small, large = _grid_bound(form), _grid_large(form)
    return lambda x, bound: (large if x["far"] else small)(x, bound)


def _blocks(form: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    def evaluate(x: Instance, bound: Bound) -> tuple[float, float] | None:
        mass, height = _array(x["mass"])[:2], _array(x["heights"])
        mass = mass / mass.sum() * x["weight"]
        if mass.min() < 1e-9 or x["kappa"] <= 0 or height.max() <= 0:
            return None
        place: dict[str, Any] = {"prompt_mass": x["rho"], "kappa": x["kappa"]}
        value = _number(bound(style_mass=mass, style_return=height, n=x["n"], **place))
        prior = bounds.hardest_block_prior(mass, height, x["n"], form=form, **place)
        eps, q = float(prior.scale[0]), float(mass.min())
        if q**2 * eps**2 * (1 / mass).sum() > x["kappa"] * (1 + 1e-9):
            return math.nan, 1.0  # the prior leaves the ball
        theta = np.linspace(-eps, eps, 2 if form == "two_point" else bounds.GRID_STEPS + 1)
        policies = mass * np.maximum(1 + theta[:, None] * np.array([q, -q]) / mass, 0.0)
        law = truths.shown(np.append(policies, np.full((len(theta), 1), 1 - mass.sum()), 1),
                           x["n"], x["rho"])  # fmt: skip
        return value, 0.5 * q * float(height.sum()) * truths.median_risk(theta, law)

    return evaluate


def _often(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, returns = _array(x["pmf"]), _array(x["returns"])
    sigma = _spread(pmf, returns)
    if sigma < 1e-6 or x["kappa"] <= 0:
        return None
    loss = _number(bound(chance=x["chance"], **_place(x)))
    eps = loss / sigma
    most = float(np.abs((returns - pmf @ returns)[pmf > 0]).max()) / sigma
    if eps > min(math.sqrt(x["kappa"]), 1 / most) * (1 + 1e-9):
        return math.nan, 1.0  # the experts leave the ball
    found = _law_of_experts(x, np.array([-eps, eps]))
    assert found is not None
    up, down = found[1]
    # The best a learner can do is a test between the two: the least of the larger error is where a
    # randomised likelihood ratio test makes both alike.
    order = np.argsort(np.divide(down, up, out=np.full_like(up, np.inf), where=up > 0))
    wrong_up = np.concatenate([[1.0], 1 - np.cumsum(up[order])])
    wrong_down = np.concatenate([[0.0], np.cumsum(down[order])])
    k = int(np.argmax(wrong_down >= wrong_up))
    if k == 0:
        least = wrong_up[0]
    else:
        a, b = wrong_up[k - 1] - wrong_down[k - 1], wrong_up[k] - wrong_down[k]
        t = a / (a - b) if a != b else 0.0
        least = wrong_up[k - 1] + t * (wrong_up[k] - wrong_up[k - 1])
    return float(x["chance"]), float(max(least, 1e-300))


# T5: exact risks and exact failure probabilities of cloning


def _two_prompts(x: Instance) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Experts, bases, returns [2, 2], rho [2], the law of the data and its counts [N, 2, 2]."""
    expert = np.stack([[1 - x["e1"], x["e1"]], [1 - x["e2"], x["e2"]]])
    base = np.stack([[1 - x["b1"], x["b1"]], [1 - x["b2"], x["b2"]]])
    returns = _array(x["returns2"])
    rho = np.array([x["rho"], 1 - x["rho"]])
    counts = truths.count_vectors(x["n"], 4)
    law = truths.law_of_counts((rho[:, None] * expert).reshape(1, 4), x["n"])[0]
    return expert, base, returns, rho, law, counts.reshape(-1, 2, 2)


def _sft_losses(
    expert: Floats, base: Floats, returns: Floats, rho: Floats, counts: Floats
) -> Floats:
    total = counts.sum(-1, keepdims=True)
    clone = np.where(total > 0, counts / np.maximum(total, 1), base)
    return np.abs(((expert - clone) * returns).sum(-1)) @ rho


def _sft(x: Instance, bound: Bound) -> tuple[float, float] | None:
    if x["far"]:
        q, n = x["e1"], x["large"]
        value = _number(bound(sigma_expert=math.sqrt(q * (1 - q)), n=n, prompt_mass=1.0,
                              fallback_gap=abs(q - x["b1"])))  # fmt: skip
        truth = truths.mean_deviation(n, q) if n > 0 else abs(q - x["b1"])
        return value, truth
    expert, base, returns, rho, law, counts = _two_prompts(x)
    spread = np.array([_spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    value = rho @ bound(sigma_expert=spread, n=x["n"], prompt_mass=rho, fallback_gap=gap)
    return float(value), float(law @ _sft_losses(expert, base, returns, rho, counts))


def _sft_often(x: Instance, bound: Bound) -> tuple[float, float] | None:
    expert, base, returns, rho, law, counts = _two_prompts(x)
    spread = np.array([_spread(p, r) for p, r in zip(expert, returns, strict=True)])
    gap = np.abs(((expert - base) * returns).sum(-1))
    value = _number(bound(sigma_expert=spread, horizon=16.0, n=x["n"], delta=x["delta"],
                          prompt_mass=rho, fallback_gap=gap))  # fmt: skip
    losses = _sft_losses(expert, base, returns, rho, counts)
    return float(x["delta"]), float(law[losses > value * (1 + 1e-9) + 1e-12].sum())


def _mle(x: Instance, bound: Bound) -> tuple[float, float] | None:
    returns = _array(x["returns"])
    policies = _array(x["policies"])[:, : len(returns)] + 1e-3
    policies = policies / policies.sum(-1, keepdims=True)
    law = truths.law_of_counts(policies, x["n"])
    counts = truths.count_vectors(x["n"], len(returns))
    chosen = policies[np.argmax(counts @ np.log(policies.T), axis=-1)]
    losses = np.abs((policies[0] - chosen) @ returns)
    place = {
        "sigma_expert": _spread(policies[0], returns), "horizon": 16.0, "n": x["n"],
        "log_class_size": math.log(len(policies)),
    }  # fmt: skip
    if x["expected"]:
        return _number(bound(delta=None, **place)), float(law[0] @ losses)
    value = _number(bound(delta=x["delta"], **place))
    return float(x["delta"]), float(law[0][losses > value * (1 + 1e-9)].sum())


# T6 and T7: version spaces and pessimists, all data sets written down


def _errors(pmf: Floats, table: Floats, n: int) -> tuple[Floats, Floats]:
    """The law of the data, and max P(R_r != R) over the version space for each truth: [N, K]."""
    counts = truths.count_vectors(n, len(pmf))
    law = truths.law_of_counts(pmf[None], n)[0]
    differ = table[:, None] != table
    apart = differ @ pmf
    clash = (differ[None] & (counts > 0)[:, None, None]).any(-1)
    return law, np.where(clash, 0.0, apart).max(-1)


def _verifier(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf = _array(x["pmf"])
    table = np.unique(np.round(_array(x["table"])[:, : len(pmf)] / 8) * 8, axis=0)
    law, left = _errors(pmf, table, x["n"])
    place = {"n": x["n"], "log_class_size": math.log(len(table))}
    error = left.max(-1) if x["uniform"] else left[:, 0]
    if x["expected"]:
        return _number(bound(uniform=x["uniform"], **place)), float(law @ error)
    value = _number(bound(uniform=x["uniform"], delta=x["delta"], **place))
    return float(x["delta"]), float(law[error > value * (1 + 1e-9)].sum())


def _unseen(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, rho, n = _array(x["pmf"]), x["rho"], x["n"]
    counts = truths.counts_shown(len(pmf), n, rho)
    law = truths.shown(pmf[None], n, rho)[0]
    value = _number(bound(style_mass=pmf, n=n, prompt_mass=rho))
    return value, float(law @ ((counts == 0) @ pmf))


def _unseen_noisy(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, rho, n, eta = _array(x["pmf"]), x["rho"], x["n"], x["eta"]
    value = _number(
        bound(style_mass=pmf, n=n, noise=eta, tolerance=x["tolerance"], prompt_mass=rho)
    )
    truth = 0.0
    for mass in pmf:
        law = truths.random_walk(n, rho * mass * (1 - eta), rho * mass * eta)
        truth += mass * law[np.arange(-n, n + 1) <= x["tolerance"]].sum()
    return value, float(truth)


def _unseen_often(x: Instance, bound: Bound) -> tuple[float, float] | None:
    pmf, n = _array(x["pmf"]), x["n"]
    joint = np.concatenate([x["rho"] * pmf, (1 - x["rho"]) * pmf])
    joint = joint[joint > 0]
    if len(joint) > 5:
        joint = joint[:5] / joint[:5].sum()
    value = _number(bound(style_mass=joint, n=n, delta=x["delta"], prompt_mass=1.0))
    counts = truths.count_vectors(n, len(joint))
    law = truths.law_of_counts(joint[None], n)[0]
    unseen = (counts == 0) @ joint
    return float(x["delta"]), float(law[unseen > value * (1 + 1e-9)].sum())


def _verification(part: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    def evaluate(x: Instance, bound: Bound) -> tuple[float, float] | None:
        pmf, kappa, n = _array(x["pmf"]), x["kappa"], x["n"]
        # Rewards are 0 or `high`: what all have in common changes no loss.
        low, high = 0.0, abs(x["high"] - x["low"])
        if high < 1e-6:
            return None
        wide = part == "T7c" or (part != "T7" and x["wide"])
        size = len(pmf)
        table = np.array(list(itertools.product((low, high), repeat=size)))
        best, optimal = truths.best_in_ball(pmf, table, kappa)
        # The pessimist fears `low` wherever it has not looked.
        seen = np.array(list(itertools.product((False, True), repeat=size)))
        feared = np.where(seen[:, None], table, low).reshape(-1, size)
        _, played = truths.best_in_ball(pmf, feared, 1e12 if wide else kappa)
        value = (played.reshape(len(seen), len(table), size) * table).sum(-1)
        regret = np.maximum((best - value).max(-1), 0.0)
        counts = truths.count_vectors(n, size)
        law = truths.law_of_counts(pmf[None], n)[0]
        which = (counts > 0) @ (2 ** np.arange(size)[::-1])
        truth = float(law @ regret[which.astype(int)])
        inputs: dict[str, Any] = {
            "horizon": high - low, "error": min(float(law @ ((counts == 0) @ pmf)), 1.0),
            "kappa": kappa,
            "max_ratio": max(1.0, float((optimal[:, pmf > 0] / pmf[pmf > 0]).max())),
            "sigma": max(_spread(pmf, row) for row in table),
            "coverage": min(
                float(pmf[row >= v - 1e-9 * 16].sum()) for row, v in zip(table, best, strict=True)
            ),
        }  # fmt: skip
        names = {
            "T7": ("horizon", "error", "kappa", "max_ratio", "sigma"),
            "T7a": ("horizon", "error", "kappa"), "T7b": ("horizon", "error", "max_ratio"),
            "T7c": ("horizon", "error", "coverage"),
        }[part]  # fmt: skip
        return _number(bound(**{name: inputs[name] for name in names})), truth

    return evaluate


# T8 to T12


def _light(x: Instance, *, sharp: bool) -> LightTypes | None:
    c, d, n = (x["c"] if sharp else 1.0), x["d"], x["n"]
    if c * d >= n:
        return None
    share = c * d / n
    most = 1 / share - 1 if sharp else (1 - share) / (1 + share)
    if x["kappa"] > most:
        return None
    return LightTypes(
        horizon=16.0, n=n, light=d, expected=c, heavy_gap=0.0 if sharp else 8.0, light_gap=8.0,
        kappa=x["kappa"],
    )  # fmt: skip


def _fast(x: Instance, bound: Bound) -> tuple[float, float] | None:
    model = _light(x, sharp=False)
    if model is None:
        return None
    value = _number(bound(horizon=16.0, n=x["n"], light=x["d"], kappa=x["kappa"]))
    return value, max(model.bayes_regret(), 0.0)


def _slow(x: Instance, bound: Bound) -> tuple[float, float] | None:
    model = _light(x, sharp=True)
    if model is None:
        return None
    value = _number(bound(horizon=16.0, n=x["n"], light=x["d"], kappa=x["kappa"], expected=x["c"]))
    return value, max(model.bayes_regret(), 0.0)


def _gap(x: Instance, bound: Bound) -> tuple[float, float] | None:
    """Mirror class, two types: the best learner's risk less the pessimist's, both exact."""
    q, n, kappa = x["q"], x["n"], x["kappa"]
    pmf, returns = np.array([1 - q, q]), np.array([0.0, 16.0])
    sigma = _spread(pmf, returns)
    if sigma < 1e-6 or kappa <= 0:
        return None
    prior = bounds.hardest_prior(pmf, returns, n, kappa=kappa, form="two_point")
    eps = float(prior.scale)
    found = _law_of_experts(
        {"pmf": pmf, "returns": returns, "n": n, "rho": 1.0, "kappa": kappa},
        np.array([-eps, eps]),
    )
    assert found is not None
    cloning = sigma * truths.median_risk(np.array([-eps, eps]), found[1])
    # One trace tells r from its mirror; with none the base policy is played.
    pair = np.stack([returns, 16.0 - returns])
    best, optimal = truths.best_in_ball(pmf, pair, kappa)
    verification = float((best - pair @ pmf).max()) if n == 0 else 0.0
    error = 1.0 if n == 0 else 0.0
    upper = bounds.vb_upper(
        16.0, error, kappa=kappa, max_ratio=max(1.0, float((optimal / pmf).max())), sigma=sigma
    )
    value = _number(bound(vf_lower=float(prior.value), vb_upper=_number(upper)))
    # Gaps may be negative: shift both by H.
    return value + 16.0, cloning - verification + 16.0


def _best_of(kind: str) -> Callable[[Instance, Bound], tuple[float, float] | None]:
    def evaluate(x: Instance, bound: Bound) -> tuple[float, float] | None:
        n = float(x["tries"])
        if x["fine"]:
            size = x["fine"]
            pmf, scores = np.full(size, 1 / size), np.arange(size, dtype=float)
        else:
            pmf, scores = _array(x["pmf"]), np.round(_array(x["returns"]))
        law = truths.best_of_n(pmf, scores, n)
        w = np.divide(law, pmf, out=np.zeros_like(law), where=pmf > 0)
        if w.max() > n * (1 + 1e-9):
            return math.nan, 1.0
        if kind == "kl":
            truth = float((law * np.log(np.where(law > 0, w, 1.0))).sum())
        else:
            truth = float(pmf @ (w - 1) ** 2)
        return _number(bound(n=n)), max(truth, 0.0)

    return evaluate


def _tries(x: Instance, bound: Bound) -> tuple[float, float] | None:
    value = _number(bound(coverage=x["c"], delta=x["delta"]))
    truth = 1
    while (1 - x["c"]) ** truth > x["delta"] * (1 + 1e-9) and truth < 10**5:
        truth += 1
    return value, float(truth)


def _planted(x: Instance, bound: Bound) -> tuple[float, float] | None:
    vocabulary = x["vocabulary"]
    target = [token % vocabulary for token in x["target"]][: x["length"]]
    horizon = max(x["horizon"], 1)
    if vocabulary**horizon > 5000:
        return None
    value = bound(target=target, vocabulary=vocabulary, skill=x["skill"], horizon=horizon)
    return float(value), truths.planted_success(target, vocabulary, x["skill"], horizon)


def _misspecified(x: Instance, bound: Bound) -> tuple[float, float] | None:
    best, mass, n = 16.0, x["mass"], x["n"]
    common = best * (0.5 + 0.5 * x["share"])
    if not best / 2 < common < best or not 0 < mass < 0.5:
        return None
    found = bound(best=best, common=common, mass=mass)
    # The clone plays the empirical law of the expert's styles at both prompts.
    k = np.arange(n + 1)
    law = truths.law_of_counts(np.array([[0.5, 0.5]]), n)[0]
    values = 0.5 * (best * k / n) + 0.5 * (best * (n - k) / n)
    truth = np.array([best, common, 2 * mass * best / 2 + (1 - 2 * mass) * common, law @ values])
    given = np.array([found.expert, found.verified, found.base, found.cloned], dtype=float)
    worst = int(np.argmax(np.abs(given - truth)))
    return float(given[worst]), float(truth[worst])


_KAPPA = genes.positive(1e-4, 1e2, 0.0, 1e-9, 1e6)
_RHO = genes.share(0.0, 1.0, 1.0, 0.5)
_DELTA = genes.positive(1e-3, 0.9)
_LAW = {"pmf": genes.pmf(2, 6), "returns": genes.table(1, "pmf")}
_GRID = {
    "pmf": genes.pmf(2, 3), "returns": genes.table(1, "pmf"), "n": genes.count(0, 6),
    "rho": genes.share(0.05, 1.0, 1.0), "kappa": _KAPPA,
    "overlap": genes.choice("affinity", "averaged", "exact"),
    "program": genes.choice(False, False, False, True), "far": genes.choice(False, True),
    "q": genes.share(1e-6, 1 - 1e-6, 0.5), "large": genes.count(0, 10**9),
}  # fmt: skip
_BLOCKS = {
    "mass": genes.pmf(2, 2), "weight": genes.share(0.05, 1.0, 1.0),
    "heights": genes.table(1, "mass"), "n": genes.count(0, 5),
    "rho": genes.share(0.05, 1.0, 1.0), "kappa": _KAPPA,
}  # fmt: skip
_PAIR = {
    "e1": genes.share(0, 1, 0.5), "e2": genes.share(0, 1), "b1": genes.share(0, 1),
    "b2": genes.share(0, 1), "rows": genes.choice([0, 0]), "returns2": genes.table(2, "rows"),
    "rho": genes.share(0.02, 0.98), "n": genes.count(0, 7),
}  # fmt: skip
_VERIFY = {
    "pmf": genes.pmf(2, 4), "kappa": genes.positive(1e-3, 1e2), "n": genes.count(0, 7),
    "low": genes.share(0.0, 16.0, 0.0), "high": genes.share(0.0, 16.0, 16.0),
    "wide": genes.choice(False, True),
}  # fmt: skip
_SEARCH = {
    **_LAW, "tries": genes.count(1, 64), "fine": genes.choice(0, 0, 0, 2000),
}  # fmt: skip

_CHECKS = (
    Check("T1", "equal", {"pmf": genes.pmf(2, 5), "second": genes.pmf(1, 4),
                          "leaves": genes.table(1, "pmf")}, _heterogeneity, "trees, step by step"),
    Check("T2", "equal", {**_LAW, "kappa": genes.positive(1e-4, 1e3, 1e-6)}, _ball,
          "the one-dimensional dual"),
    Check("T3a", "upper", {**_LAW, "eps": genes.positive(1e-4, 1e2),
                           "pair": genes.choice(False, True)}, _cantelli_any, "plain sums"),
    Check("T3b", "lower", _LAW, _above_mean, "plain sums"),
    Check("T3c", "upper", {"ten": genes.choice([0] * 10), "steps": Gene(
        lambda rng, _: (1 + rng.integers(0, 3, 10)).tolist(),
        lambda rng, value, _: (np.array(value) * 0 + rng.choice([1, 1, 2], 10)).tolist(),
    ), "k": genes.count(1, 10)}, _window, "all subsets"),
    Check("T3d", "equal", {**_LAW, "kappa": genes.positive(1e-4, 1e2)}, _conditioning,
          "bisection and plain sums"),
    Check("T4a", "lower", _GRID, _mixed("two_point"), "learners' worst experts, linear programs"),
    Check("T4b", "lower", _BLOCKS, _blocks("two_point"), "Bayes risk of the prior"),
    Check("T4c", "lower", _GRID, _mixed("many_point"), "learners' worst experts, linear programs"),
    Check("T4d", "lower", _BLOCKS, _blocks("many_point"), "Bayes risk of the prior"),
    Check("T4e", "lower", {**{k: _GRID[k] for k in ("pmf", "returns", "n", "rho", "kappa")},
                           "chance": genes.positive(1e-3, 0.5)}, _often, "Neyman-Pearson tests"),
    Check("T5a", "upper", {**_PAIR, "far": genes.choice(False, True),
                           "large": genes.count(0, 10**9)}, _sft, "all data sets; De Moivre"),
    Check("T5b", "upper", {"three": genes.choice([0] * 3), "returns": genes.table(1, "three"),
                           "policies": genes.table(4, "three"), "n": genes.count(1, 12),
                           "delta": _DELTA, "expected": genes.choice(False, True)}, _mle,
          "all data sets"),
    Check("T5c", "upper", {**_PAIR, "n": genes.count(0, 9), "delta": _DELTA}, _sft_often,
          "all data sets"),
    Check("T6a", "upper", {"pmf": genes.pmf(2, 4), "four": genes.choice([0] * 4),
                           "table": genes.table(6, "four"), "n": genes.count(0, 8),
                           "uniform": genes.choice(False, True), "delta": _DELTA,
                           "expected": genes.choice(False, True)}, _verifier, "all data sets"),
    Check("T6b", "upper", {"pmf": genes.pmf(1, 4), "rho": genes.share(0.02, 1.0, 1.0),
                           "n": genes.count(0, 8)}, _unseen, "all data sets"),
    Check("T6c", "upper", {"pmf": genes.pmf(1, 4), "rho": genes.share(0.02, 1.0, 1.0),
                           "n": genes.count(0, 60), "eta": genes.share(0.0, 0.49, 0.0),
                           "tolerance": genes.choice(0, 1, 2, 5)}, _unseen_noisy, "random walks"),
    Check("T6d", "upper", {"pmf": genes.pmf(1, 4), "rho": genes.share(0.02, 0.98),
                           "n": genes.count(0, 8), "delta": _DELTA}, _unseen_often,
          "all data sets"),
    Check("T7", "upper", _VERIFY, _verification("T7"), "all data sets and truths"),
    Check("T7a", "upper", _VERIFY, _verification("T7a"), "all data sets and truths"),
    Check("T7b", "upper", _VERIFY, _verification("T7b"), "all data sets and truths"),
    Check("T7c", "upper", _VERIFY, _verification("T7c"), "all data sets and truths"),
    Check("T8a", "lower", {"d": genes.choice(1, 2, 4), "n": genes.count(2, 10**6),
                           "kappa": genes.positive(1e-3, 1.0)}, _fast, "sums over counts"),
    Check("T8b", "lower", {"d": genes.choice(1, 4, 24), "n": genes.count(2, 10**6),
                           "kappa": genes.positive(1e-3, 1e2), "c": genes.positive(0.05, 3.0)},
          _slow, "sums over counts"),
    Check("T9", "lower", {"q": genes.share(1e-4, 1 - 1e-4, 0.5), "n": genes.count(0, 8),
                          "kappa": _KAPPA}, _gap, "Bayes risk and pessimist, all data sets"),
    Check("T10a", "upper", _SEARCH, _best_of("kl"), "order statistics"),
    Check("T10b", "upper", _SEARCH, _best_of("chi2"), "order statistics"),
    Check("T10c", "equal", {"c": genes.positive(1e-3, 0.99), "delta": _DELTA}, _tries,
          "one try after another"),
    Check("T11", "equal", {"vocabulary": genes.count(2, 4), "three": genes.choice([0] * 3),
                           "target": Gene(lambda rng, _: rng.integers(0, 4, 3).tolist(),
                                          lambda rng, *_: rng.integers(0, 4, 3).tolist()),
                           "length": genes.count(1, 3), "skill": genes.share(0.0, 1.0),
                           "horizon": genes.count(1, 7)}, _planted, "all traces"),
    Check("T12", "equal", {"mass": genes.share(0.01, 0.49), "share": genes.share(0.01, 0.99),
                           "n": genes.count(1, 40)}, _misspecified, "all data sets"),
)  # fmt: skip

CHECKS: dict[str, Check] = {check.label: check for check in _CHECKS}
