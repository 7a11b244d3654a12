"""Attacks on what is proved of search: T10."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from scipy import optimize, stats

from antiscale.certify import instances, pessimist, truths
from antiscale.certify.check import TOP, Bound, Check, Evaluate, Pair, array, number
from antiscale.certify.instances import Gene, Instance
from antiscale.core.validate import Floats


def _divergence(kind: str, pmf: Floats, scores: Floats, n: float, bound: Bound) -> Pair:
    law = truths.best_of_n(pmf, scores, n)
    w = np.divide(law, pmf, out=np.zeros_like(law), where=pmf > 0)
    if w.max() > n * (1 + 1e-9):
        return math.nan, 1.0
    if kind == "kl":
        truth = float((law * np.log(np.where(law > 0, w, 1.0))).sum())
    else:
        truth = float(pmf @ (w - 1) ** 2)
    return number(bound(n=n)), max(truth, 0.0)


def _any_scores(kind: str) -> Evaluate:
    def evaluate(x: Instance, bound: Bound) -> Pair:
        # Rounded, so that ties are common.
        return _divergence(
            kind, array(x["pmf"]), np.round(array(x["returns"])), float(x["tries"]), bound
        )

    return evaluate


def _fine_scores(kind: str) -> Evaluate:
    """Many scores alike likely: near the atomless law that attains it."""

    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf = np.full(x["size"], 1 / x["size"])
        return _divergence(kind, pmf, np.arange(float(x["size"])), float(x["tries"]), bound)

    return evaluate


def _tries(x: Instance, bound: Bound) -> Pair:
    value = number(bound(coverage=x["c"], delta=x["delta"]))
    truth, missed = 1, 1 - x["c"]
    while missed > x["delta"] * (1 + 1e-9) and truth < 10**5:
        truth, missed = truth + 1, missed * (1 - x["c"])
    return value, float(truth)


def _wrong_verifier(x: Instance, bound: Bound) -> Pair:
    """Best-of-N by a return that is wrong on some types, against best-of-N by the right one."""
    pmf, right = array(x["pmf"]), array(x["pair"][0])
    scores = np.where(array(x["fooled"])[: len(pmf)] > TOP / 2, array(x["pair"][1]), right)
    error = min(float(pmf[scores != right].sum()), 1.0)
    n = float(x["tries"])
    value = number(bound(horizon=TOP, error=error, n=n))
    loss = (truths.best_of_n(pmf, right, n) - truths.best_of_n(pmf, scores, n)) @ right
    return value, max(float(loss), 0.0)


def _fooled_rarely(x: Instance, bound: Bound) -> Pair:
    """The instance that attains it: rare worthless traces that look best."""
    pmf = np.array([x["error"], 1 - x["error"]])
    right, scores = np.array([0.0, TOP - x["gap"]]), np.array([TOP, TOP - x["gap"]])
    n = float(x["tries"])
    loss = (truths.best_of_n(pmf, right, n) - truths.best_of_n(pmf, scores, n)) @ right
    return number(bound(horizon=TOP, error=x["error"], n=n)), float(loss)


def _learned_verifier(x: Instance, bound: Bound) -> Pair:
    """Free labels, all data sets and truths: best-of-N by what is known to be right."""
    pmf, high, kappa, delta = array(x["pmf"]), TOP, x["kappa"], x["delta"]
    size = len(pmf)
    table = np.array(list(itertools.product((0.0, high), repeat=size)))
    seen = np.array(list(itertools.product((False, True), repeat=size)))
    best, optimal = truths.best_in_ball(pmf, table, kappa)
    regret = np.zeros(len(seen))
    for k, row in enumerate(seen):
        for truth, value in zip(table, best, strict=True):
            feared = np.where(row, truth, 0.0)
            level = truths.best_in_ball(pmf, feared[None], kappa)[0][0]
            reached = min(float(pmf[feared >= level - 1e-9 * TOP].sum()), 1.0)
            # As few tries as are allowed: the most that can be lost.
            n = (
                1.0
                if reached >= 1
                else max(math.ceil(math.log(delta) / math.log1p(-reached) * (1 - 1e-12)), 1.0)
            )
            played = truths.best_of_n(pmf, feared, n)
            regret[k] = max(regret[k], value - played @ truth)
    chance = pessimist.chances(pmf, x["n"], 1.0)
    unseen = float(chance @ (~seen @ pmf))
    ratio = max(1.0, float((optimal[:, pmf > 0] / pmf[pmf > 0]).max()))
    value = number(bound(horizon=high, error=min(unseen, 1.0), delta=delta, kappa=kappa,
                         max_ratio=ratio))  # fmt: skip
    return value, max(float(chance @ regret), 0.0)


def _levels(x: Instance) -> tuple[Floats, Floats]:
    """Masses of right and wrong traces at each score level, [states, levels]: none, or not tiny."""
    masses = array(x["masses"])[: x["states"]]
    masses = np.where(masses < _RARE, 0.0, masses)
    masses = masses / masses.sum(-1, keepdims=True)
    half = masses.shape[-1] // 2
    return masses[:, :half], masses[:, half:]


# What is rarer than this (of TOP) is left out: a peak it makes is out of the grid's reach.
_RARE = 0.02
# What moves less than this is flat, for rounding.
_FLAT = 1e-13


def _accuracy(right: Floats, wrong: Floats, n: Floats) -> Floats:
    """P(best-of-N is right) with ties at random, the mean over states: [N]."""
    total = right + wrong
    reached = np.cumsum(total, -1)
    below = reached - total
    purity = np.divide(right, total, out=np.zeros_like(total), where=total > 0)
    picked = np.minimum(reached, 1.0)[..., None] ** n - np.maximum(below, 0.0)[..., None] ** n
    found: Floats = (purity[..., None] * picked).sum(1).mean(0)
    return found


def _roc(x: Instance, bound: Bound) -> Pair:
    if array(x["masses"]).max() < _RARE:
        return None
    right, wrong = _levels(x | {"states": 1})
    c = float(right.sum())
    if not 1e-6 < c < 1 - 1e-6:
        return None
    fpr = np.minimum(np.cumsum(wrong[0, ::-1]) / (1 - c), 1.0)[:-1]
    tpr = np.minimum(np.cumsum(right[0, ::-1]) / c, 1.0)[:-1]
    value = number(bound(success=c, false_positive=fpr, true_positive=tpr, n=x["tries"]))
    return value, float(_accuracy(right, wrong, np.array([float(x["tries"])]))[0])


def _turning_point(x: Instance, bound: Bound) -> Pair:
    """Where accuracy begins to fall for good, on a fine grid of real N and then climbed."""
    if (array(x["masses"])[: x["states"]].max(-1) < _RARE).any():
        return None
    right, wrong = _levels(x)
    value = number(bound(right=right, wrong=wrong))
    grid = np.geomspace(1.0, 1e6, 4001)
    slope = np.diff(_accuracy(right, wrong, grid))
    moved = np.flatnonzero(np.abs(slope) > _FLAT)
    if not len(moved):
        return None
    if slope[moved[-1]] > 0:
        # It rises as long as it can be seen to move.
        return (1.0, 1.0) if value > 0.9 * grid[moved[-1]] else (math.nan, 1.0)
    if value > 0.9 * grid[moved[-1]]:
        return None  # what is claimed to happen is smaller than rounding
    rising = moved[slope[moved] > 0]
    if not len(rising):
        return (1.0, 1.0) if value < grid[moved[0] + 1] else (math.nan, 1.0)
    at = int(rising[-1]) + 1
    if np.abs(slope[at:]).max() < 1e3 * _FLAT:
        return None  # too flat a peak to be found in sixteen digits
    peak = optimize.minimize_scalar(
        lambda log_n: -float(_accuracy(right, wrong, np.array([math.exp(log_n)]))[0]),
        bounds=(math.log(grid[at - 1]), math.log(grid[min(at + 2, 4000)])), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    # A maximum is known to half of the digits only: held to one part in a thousand.
    found = math.exp(float(peak.x))
    return (value, value) if abs(value / found - 1) < 1e-3 else (value, found)


def _hard_cap(x: Instance, bound: Bound) -> Pair:
    """Every sequence of traces that fits into the budget, one by one."""
    pmf = array(x["pmf"])
    size = len(pmf)
    costs, solved = x["costs"][:size], x["solved"][:size]
    if x["budget"] // min(costs) > 6:
        return None
    value = number(bound(pmf=pmf, solved=solved, costs=costs, budget=x["budget"]))

    @functools.cache
    def run(left: int, found: int) -> float:
        total = 0.0
        for p, cost, right in zip(pmf, costs, solved, strict=True):
            if cost > left:
                total += p * found  # cut off: what was found so far is returned
            else:
                total += p * run(left - cost, max(found, right))
        return total

    return value, run(x["budget"], 0)


def _vote(x: Instance, bound: Bound) -> Pair:
    answers = array(x["pmf"])
    counts = truths.count_vectors(x["n"], len(answers))
    law = truths.law_of_counts(answers[None], x["n"])[0]
    lost = (counts[:, 1:] >= counts[:, :1]).any(-1)
    return number(bound(answers=answers, n=x["n"])), float(law[lost].sum())


def _two_answers(x: Instance, bound: Bound) -> Pair:
    """Two answers, any number of votes: a binomial tail."""
    q, n = x["q"], x["large"]
    tied = truths.binomial_cdf(n // 2, n, q)
    return number(bound(answers=[q, 1 - q], n=n)), tied


def _allocation(x: Instance, bound: Bound) -> Pair:
    """Random allocations by a linear program."""
    m, options = x["m"], 4
    tokens = np.cumsum(array(x["tokens"])[:m, :options], -1)
    values = array(x["values"])[:m, :options]
    rho = instances.normalised(x["masses"], m)
    budget = float(rho @ tokens.min(-1)) + x["spare"]
    value = bound(tokens=list(tokens), values=list(values), budget=budget, prompt_mass=rho)
    weights = np.repeat(rho, options)
    one_each = np.kron(np.eye(m), np.ones(options))
    found = optimize.linprog(
        -weights * values.ravel(), A_ub=[weights * tokens.ravel()], b_ub=[budget],
        A_eq=one_each, b_eq=np.ones(m), method="highs",
    )  # fmt: skip
    if found.x is None:
        return None
    # The solver's tolerance undone: a feasible allocation, and what it is worth.
    played = np.maximum(found.x.reshape(m, options), 0.0)
    played = played / played.sum(-1, keepdims=True)
    cheapest = np.eye(options)[np.argmin(tokens, -1)]
    cost, least = (float(rho @ (q * tokens).sum(-1)) for q in (played, cheapest))
    if cost > budget:
        share = max(budget - least, 0.0) / (cost - least)
        played = share * played + (1 - share) * cheapest
    return float(value), float(rho @ (played * values).sum(-1))


def _revision(x: Instance, bound: Bound) -> Pair:
    """Every order of answers, one by one."""
    c, others, tries = x["c"], x["others"], min(x["tries"], x["others"] + 1)
    right, wrong = x["tpr"], x["fpr"]
    value = bound(success=c, tries=tries, wrong_answers=others, true_positive=right,
                  false_positive=wrong)  # fmt: skip
    each = (1 - c) / others

    @functools.cache
    def run(k: int, alive: bool, rejected: int) -> float:
        """P(the right answer is returned) from try k on; `alive` if it was not rejected."""
        rest = (c if alive else 0.0) + each * (others - rejected)
        total, last = 0.0, k == tries - 1
        if alive:
            onward = 0.0 if last else run(k + 1, False, rejected)
            total += c / rest * (1.0 if last else right + (1 - right) * onward)
        if rejected < others and not last:
            share = each * (others - rejected) / rest
            total += share * (1 - wrong) * run(k + 1, alive, rejected + 1)
        return total

    return float(value), run(0, True, 0)


def _self_correction(x: Instance, bound: Bound) -> Pair:
    """Round after round: what stands, what is open."""
    c, a, b, f, s = (x[name] for name in ("c", "accept", "pass", "fix", "spoil"))
    value = number(bound(success=c, accept_right=a, accept_wrong=b, fix=f, spoil=s,
                         rounds=x["rounds"]))  # fmt: skip
    stands, right, wrong = 0.0, c, 1 - c
    for _ in range(x["rounds"]):
        stands += a * right
        open_right, open_wrong = (1 - a) * right, (1 - b) * wrong
        right = open_right * (1 - s) + open_wrong * f
        wrong = open_right * s + open_wrong * (1 - f)
    return value, stands + right


def _passes(x: Instance, bound: Bound) -> Pair:
    """The share of samples without replacement that hold a right trace."""
    n, k = x["samples"], min(x["k"], x["samples"])
    right = min(x["right"], n)
    value = number(bound(n_samples=n, n_correct=right, k=k))
    return value, float(stats.hypergeom.sf(0, n, right, k))


def _passes_on_average(x: Instance, bound: Bound) -> Pair:
    """Unbiased: the mean over a binomial number of right traces."""
    n, k = x["few"], min(x["k"], x["few"])
    law = truths.binomial(n, x["p"])
    mean = sum(law[c] * number(bound(n_samples=n, n_correct=c, k=k)) for c in range(n + 1))
    return float(mean), -math.expm1(k * math.log1p(-x["p"]))


_KAPPA = instances.positive(1e-3, 1e2)
_SCORED = {"pmf": instances.pmf(1, 200), "returns": instances.table(1, "pmf"),
           "tries": instances.count(1, 10**6)}  # fmt: skip
_FINE = {"size": instances.count(1, 20000), "tries": instances.count(1, 10**4)}

CHECKS = (
    Check("T10a", "any scores", "upper", _SCORED, _any_scores("kl"), "order statistics"),
    Check("T10a", "fine scores", "upper", _FINE, _fine_scores("kl"), "order statistics"),
    Check("T10b", "any scores", "upper", _SCORED, _any_scores("chi2"), "order statistics"),
    Check("T10b", "fine scores", "upper", _FINE, _fine_scores("chi2"), "order statistics"),
    Check("T10c", "any event", "equal", {"c": instances.positive(1e-3, 0.99),
                                         "delta": instances.positive(1e-3, 0.9)}, _tries,
          "one try after another"),
    Check("T10d", "any verifier", "upper",
          {"pmf": instances.pmf(2, 12), "pair": instances.table(2, "pmf"),
           "fooled": instances.table(1, "pmf"), "tries": instances.count(1, 10**4)},
           _wrong_verifier,
          "order statistics"),
    Check("T10d", "rare errors", "upper",
          {"error": instances.positive(1e-9, 0.9), "gap": instances.positive(1e-6, TOP),
           "tries": instances.count(1, 10**4)}, _fooled_rarely, "order statistics"),
    Check("T10e", "any labels", "upper",
          {"pmf": instances.pmf(2, 3), "n": instances.count(0, 10**6), "kappa": _KAPPA,
           "delta": instances.positive(1e-6, 0.5)}, _learned_verifier, "all data sets and truths",
          draws=24),
    Check("T10f", "few levels", "equal",
          {"four": instances.choice(*([0] * k for k in (2, 4, 8))), "masses": instances.table(1,
                                                                                              "four"),
           "tries": instances.count(1, 10**4)}, lambda x, bound: _roc(
               x | {"masses": [x["masses"]]}, bound), "order statistics"),
    Check("T10g", "few levels", "equal",
          {"eight": instances.choice([0] * 6, [0] * 8), "masses": instances.table(3, "eight"),
           "states": instances.count(1, 3)}, _turning_point, "a grid over N, climbed"),
    Check("T10h", "few costs", "equal",
          {"pmf": instances.pmf(2, 4),
           "costs": Gene(lambda rng, _: rng.integers(1, 7, 4).tolist(),
                         lambda rng, *_: rng.integers(1, 7, 4).tolist()),
           "solved": Gene(lambda rng, _: rng.integers(0, 2, 4).tolist(),
                          lambda rng, *_: rng.integers(0, 2, 4).tolist()),
           "budget": instances.count(1, 30)}, _hard_cap, "all sequences of traces"),
    Check("T10i", "few answers", "upper", {"pmf": instances.pmf(2, 4), "n": instances.count(1, 12)},
          _vote, "all votes"),
    Check("T10i", "two answers", "upper", {"q": instances.share(0.01, 0.99),
                                           "large": instances.count(1, 10**6)}, _two_answers,
          "binomial tails"),
    Check("T10j", "few problems", "upper",
          {"m": instances.count(1, 4), "four": instances.choice([0] * 4),
           "tokens": instances.table(4, "four"),
           "values": instances.table(4, "four"), "masses": instances.masses(4),
           "spare": instances.positive(1e-3, 64.0)}, _allocation, "linear programs"),
    Check("T10k", "few answers", "equal",
          {"c": instances.share(0.01, 0.99), "others": instances.count(1, 60),
           "tries": instances.count(1, 40), "tpr": instances.share(), "fpr": instances.share()},
           _revision,
          "try by try"),
    Check("T10l", "any rates", "equal",
          {**{name: instances.share() for name in ("c", "accept", "pass", "fix", "spoil")},
           "rounds": instances.count(0, 200)}, _self_correction, "round by round"),
    Check("T10m", "any sample", "equal",
          {"samples": instances.count(1, 10**4), "right": instances.count(0, 10**4),
           "k": instances.count(1, 10**4)}, _passes, "hypergeometric tails"),
    Check("T10m", "on average", "equal",
          {"few": instances.count(1, 40), "p": instances.share(0.01, 0.99),
           "k": instances.count(1, 40)},
          _passes_on_average, "binomial sums"),
)  # fmt: skip
