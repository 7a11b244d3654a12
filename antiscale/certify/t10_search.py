"""Attacks on what is proved of search: T10."""

import functools
import math

import numpy as np
from scipy import optimize, stats

from antiscale.certify import instances as gene
from antiscale.certify import pessimist, truths
from antiscale.certify.check import TOP, Bound, Pair, check
from antiscale.core.validate import Floats

_TRIES = gene.count(1, 10**4)


# T10a and T10b


@check(
    "T10a T10b", "any scores", "order statistics", pmf=gene.pmf(1, 200),
    returns=gene.table(1, "pmf"), tries=gene.count(1, 10**6),
)  # fmt: skip
def _any_scores(bound: Bound, pmf: Floats, returns: Floats, tries: int, label: str) -> Pair:
    # Rounded, so that ties are common.
    return _divergence(bound, pmf, np.round(returns), float(tries), label)


@check("T10a T10b", "fine scores", "order statistics", size=gene.count(1, 20000), tries=_TRIES)
def _fine_scores(bound: Bound, size: int, tries: int, label: str) -> Pair:
    """Many equally likely scores: near the atomless law that attains it."""
    return _divergence(bound, np.full(size, 1 / size), np.arange(float(size)), float(tries), label)


def _divergence(bound: Bound, pmf: Floats, scores: Floats, n: float, label: str) -> Pair:
    law = truths.best_of_n(pmf, scores, n)
    w = np.divide(law, pmf, out=np.zeros_like(law), where=pmf > 0)
    if w.max() > n * (1 + 1e-9):
        return math.nan, 1.0
    kl = label == "T10a"
    truth = (law * np.log(np.where(law > 0, w, 1.0))).sum() if kl else pmf @ (w - 1) ** 2
    return bound(n=n), max(float(truth), 0.0)


# T10c to T10e


@check(
    "T10c", "any event", "one try after another", c=gene.positive(1e-3, 0.99),
    delta=gene.positive(1e-3, 0.9),
)  # fmt: skip
def _tries(bound: Bound, c: float, delta: float) -> Pair:
    truth, missed = 1, 1 - c
    while missed > delta * (1 + 1e-9) and truth < 10**5:
        truth, missed = truth + 1, missed * (1 - c)
    return bound(coverage=c, delta=delta), truth


def _lost(pmf: Floats, right: Floats, scores: Floats, n: float) -> float:
    """What best-of-N by `scores` loses against best-of-N by the right returns."""
    return float((truths.best_of_n(pmf, right, n) - truths.best_of_n(pmf, scores, n)) @ right)


@check(
    "T10d", "any verifier", "order statistics", pmf=gene.pmf(2, 12), pair=gene.table(2, "pmf"),
    fooled=gene.table(1, "pmf"), tries=_TRIES,
)  # fmt: skip
def _wrong_verifier(bound: Bound, pmf: Floats, pair: Floats, fooled: Floats, tries: int) -> Pair:
    """A return that is wrong on some types."""
    right, n = pair[0], float(tries)
    scores = np.where(fooled[: len(pmf)] > TOP / 2, pair[1], right)
    error = min(float(pmf[scores != right].sum()), 1.0)
    return bound(horizon=TOP, error=error, n=n), max(_lost(pmf, right, scores, n), 0.0)


@check(
    "T10d", "rare errors", "order statistics", error=gene.positive(1e-9, 0.9),
    gap=gene.positive(1e-6, TOP), tries=_TRIES,
)  # fmt: skip
def _fooled_rarely(bound: Bound, error: float, gap: float, tries: int) -> Pair:
    """The instance that attains it: rare worthless traces that look best."""
    pmf, n = np.array([error, 1 - error]), float(tries)
    right, scores = np.array([0.0, TOP - gap]), np.array([TOP, TOP - gap])
    return bound(horizon=TOP, error=error, n=n), _lost(pmf, right, scores, n)


@check(
    "T10e", "any labels", "all data sets and truths", 24, pmf=gene.pmf(2, 3),
    n=gene.count(0, 10**6), kappa=gene.positive(1e-3, 1e2), delta=gene.positive(1e-6, 0.5),
)  # fmt: skip
def _learned_verifier(bound: Bound, pmf: Floats, n: int, kappa: float, delta: float) -> Pair:
    """Free labels, all data sets and truths: best-of-N by what is known to be right."""
    table, seen = truths.free_labels(len(pmf), TOP), truths.subsets(len(pmf))
    best, optimal = truths.best_in_ball(pmf, table, kappa)
    regret = np.zeros(len(seen))
    for k, row in enumerate(seen):
        for truth, value in zip(table, best, strict=True):
            feared = np.where(row, truth, 0.0)
            level = truths.best_in_ball(pmf, feared[None], kappa)[0][0]
            reached = min(float(pmf[feared >= level - 1e-9 * TOP].sum()), 1.0)
            # As few tries as are allowed: the most that can be lost.
            tries = 1.0
            if reached < 1:
                least = math.log(delta) / math.log1p(-reached)
                tries = max(math.ceil(least * (1 - 1e-12)), 1.0)
            played = truths.best_of_n(pmf, feared, tries)
            regret[k] = max(regret[k], value - played @ truth)
    chance = pessimist.chances(pmf, n, 1.0)
    unseen = min(float(chance @ (~seen @ pmf)), 1.0)
    ratio = truths.max_ratio(pmf, optimal)
    value = bound(horizon=TOP, error=unseen, delta=delta, kappa=kappa, max_ratio=ratio)
    return value, max(float(chance @ regret), 0.0)


# T10f and T10g: scores of few levels

# What is rarer than this (of TOP) is left out: a peak it makes is out of the grid's reach.
_RARE = 0.02
# What moves less than this is flat, for rounding.
_FLAT = 1e-13


def _levels(masses: Floats) -> tuple[Floats, Floats] | None:
    """Masses of right and wrong traces at each score level, [states, levels]: none, or not tiny."""
    if (masses.max(-1) < _RARE).any():
        return None
    masses = np.where(masses < _RARE, 0.0, masses)
    masses = masses / masses.sum(-1, keepdims=True)
    half = masses.shape[-1] // 2
    return masses[:, :half], masses[:, half:]


def _accuracy(right: Floats, wrong: Floats, n: Floats) -> Floats:
    """P(best-of-N is right) with ties at random, the mean over states: [N]."""
    total = right + wrong
    reached = np.cumsum(total, -1)
    below = reached - total
    purity = np.divide(right, total, out=np.zeros_like(total), where=total > 0)
    picked = np.minimum(reached, 1.0)[..., None] ** n - np.maximum(below, 0.0)[..., None] ** n
    return (purity[..., None] * picked).sum(1).mean(0)


@check(
    "T10f", "few levels", "order statistics", four=gene.choice(*([0] * k for k in (2, 4, 8))),
    masses=gene.table(1, "four"), tries=_TRIES,
)  # fmt: skip
def _roc(bound: Bound, masses: Floats, tries: int) -> Pair:
    levels = _levels(masses[None])
    if levels is None:
        return None
    right, wrong = levels
    c = float(right.sum())
    if not 1e-6 < c < 1 - 1e-6:
        return None
    fpr = np.minimum(np.cumsum(wrong[0, ::-1]) / (1 - c), 1.0)[:-1]
    tpr = np.minimum(np.cumsum(right[0, ::-1]) / c, 1.0)[:-1]
    value = bound(success=c, false_positive=fpr, true_positive=tpr, n=tries)
    return value, _accuracy(right, wrong, np.array([float(tries)]))[0]


@check(
    "T10g", "few levels", "a grid over N, climbed", eight=gene.choice([0] * 6, [0] * 8),
    masses=gene.table(3, "eight"), states=gene.count(1, 3),
)  # fmt: skip
def _turning_point(bound: Bound, masses: Floats, states: int) -> Pair:
    """Where accuracy begins to fall for good, on a fine grid of real N and then climbed."""
    levels = _levels(masses[:states])
    if levels is None:
        return None
    value = float(bound(right=levels[0], wrong=levels[1]))
    grid = np.geomspace(1.0, 1e6, 4001)
    slope = np.diff(_accuracy(*levels, grid))
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
        lambda log_n: -float(_accuracy(*levels, np.array([math.exp(log_n)]))[0]),
        bounds=(math.log(grid[at - 1]), math.log(grid[min(at + 2, 4000)])), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    # A maximum is known to half of the digits only: held to one part in a thousand.
    found = math.exp(float(peak.x))
    return (value, value) if abs(value / found - 1) < 1e-3 else (value, found)


# T10h to T10m


@check(
    "T10h", "few costs", "all sequences of traces", pmf=gene.pmf(2, 4),
    costs=gene.again(lambda rng: rng.integers(1, 7, 4).tolist()),
    solved=gene.again(lambda rng: rng.integers(0, 2, 4).tolist()), budget=gene.count(1, 30),
)  # fmt: skip
def _hard_cap(bound: Bound, pmf: Floats, costs: list[int], solved: list[int], budget: int) -> Pair:
    """Every sequence of traces that fits into the budget, one by one."""
    costs, solved = costs[: len(pmf)], solved[: len(pmf)]
    if budget // min(costs) > 6:
        return None

    @functools.cache
    def run(left: int, found: int) -> float:
        total = 0.0
        for p, cost, right in zip(pmf, costs, solved, strict=True):
            if cost > left:
                total += p * found  # cut off: what was found so far is returned
            else:
                total += p * run(left - cost, max(found, right))
        return total

    return bound(pmf=pmf, solved=solved, costs=costs, budget=budget), run(budget, 0)


@check("T10i", "few answers", "all votes", pmf=gene.pmf(2, 4), n=gene.count(1, 12))
def _vote(bound: Bound, pmf: Floats, n: int) -> Pair:
    counts = truths.count_vectors(n, len(pmf))
    law = truths.law_of_counts(pmf[None], n)[0]
    lost = (counts[:, 1:] >= counts[:, :1]).any(-1)
    return bound(answers=pmf, n=n), law[lost].sum()


@check(
    "T10i", "two answers", "binomial tails", q=gene.share(0.01, 0.99), large=gene.count(1, 10**6)
)
def _two_answers(bound: Bound, q: float, large: int) -> Pair:
    """Two answers, any number of votes: a binomial tail."""
    return bound(answers=[q, 1 - q], n=large), truths.binomial_cdf(large // 2, large, q)


@check(
    "T10j", "few problems", "linear programs", m=gene.count(1, 4), four=gene.choice([0] * 4),
    tokens=gene.table(4, "four"), values=gene.table(4, "four"), masses=gene.masses(4),
    spare=gene.positive(1e-3, 64.0),
)  # fmt: skip
def _allocation(
    bound: Bound, m: int, tokens: Floats, values: Floats, masses: Floats, spare: float
) -> Pair:
    """Random allocations by a linear program."""
    options = 4
    tokens, values = np.cumsum(tokens[:m, :options], -1), values[:m, :options]
    rho = gene.normalised(masses, m)
    budget = float(rho @ tokens.min(-1)) + spare
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
    return value, rho @ (played * values).sum(-1)


@check(
    "T10k", "few answers", "try by try", c=gene.share(0.01, 0.99), others=gene.count(1, 60),
    tries=gene.count(1, 40), tpr=gene.share(), fpr=gene.share(),
)  # fmt: skip
def _revision(bound: Bound, c: float, others: int, tries: int, tpr: float, fpr: float) -> Pair:
    """Every order of answers, one by one."""
    tries, each = min(tries, others + 1), (1 - c) / others

    @functools.cache
    def run(k: int, alive: bool, rejected: int) -> float:
        """P(the right answer is returned) from try k on; `alive` if it was not rejected."""
        rest = (c if alive else 0.0) + each * (others - rejected)
        total, last = 0.0, k == tries - 1
        if alive:
            onward = 0.0 if last else run(k + 1, False, rejected)
            total += c / rest * (1.0 if last else tpr + (1 - tpr) * onward)
        if rejected < others and not last:
            share = each * (others - rejected) / rest
            total += share * (1 - fpr) * run(k + 1, alive, rejected + 1)
        return total

    value = bound(
        success=c, tries=tries, wrong_answers=others, true_positive=tpr, false_positive=fpr
    )
    return value, run(0, True, 0)


@check(
    "T10l", "any rates", "round by round",
    **{name: gene.share() for name in ("c", "accept", "pass", "fix", "spoil")},
    rounds=gene.count(0, 200),
)  # fmt: skip
def _self_correction(
    bound: Bound, c: float, accept: float, fix: float, spoil: float, rounds: int, **rest: float
) -> Pair:
    """Round after round: what was accepted, and what is still open."""
    wrong_pass = rest["pass"]  # a word of Python's own
    value = bound(success=c, accept_right=accept, accept_wrong=wrong_pass, fix=fix, spoil=spoil,
                  rounds=rounds)  # fmt: skip
    accepted, right, wrong = 0.0, c, 1 - c
    for _ in range(rounds):
        accepted += accept * right
        open_right, open_wrong = (1 - accept) * right, (1 - wrong_pass) * wrong
        right = open_right * (1 - spoil) + open_wrong * fix
        wrong = open_right * spoil + open_wrong * (1 - fix)
    return value, accepted + right


@check(
    "T10m", "any sample", "hypergeometric tails", samples=_TRIES, right=gene.count(0, 10**4),
    k=_TRIES,
)  # fmt: skip
def _passes(bound: Bound, samples: int, right: int, k: int) -> Pair:
    """The share of samples without replacement that hold a right trace."""
    right, k = min(right, samples), min(k, samples)
    value = bound(n_samples=samples, n_correct=right, k=k)
    return value, stats.hypergeom.sf(0, samples, right, k)


@check(
    "T10m", "on average", "binomial sums", few=gene.count(1, 40), p=gene.share(0.01, 0.99),
    k=gene.count(1, 40),
)  # fmt: skip
def _passes_on_average(bound: Bound, few: int, p: float, k: int) -> Pair:
    """Unbiased: the mean over a binomial number of right traces."""
    k = min(k, few)
    law = truths.binomial(few, p)
    mean = sum(law[c] * float(bound(n_samples=few, n_correct=c, k=k)) for c in range(few + 1))
    return mean, -math.expm1(k * math.log1p(-p))


# T10n


@check(
    "T10n", "any scores", "two optima of the ball", pmf=gene.pmf(2, 12), pair=gene.table(2, "pmf"),
    kappa=gene.positive(1e-6, 1e4),
)  # fmt: skip
def _about_a_score(bound: Bound, pmf: Floats, pair: Floats, kappa: float) -> Pair:
    """The ball's best for the return against its best for the score."""
    right, score = pair
    # Unit and zero of both are free; bisection would lose its digits under a large offset.
    (earned, width), (below, _) = (_from_the_top(values) for values in pair)
    best, _ = truths.best_in_ball(pmf, earned[None], kappa)
    _, played = truths.best_in_ball(pmf, below[None], kappa)
    value = bound(pmf=pmf, returns=right, scores=score, kappa=kappa)
    return value, width * max(float(best[0] - played[0] @ earned), 0.0)


def _from_the_top(values: Floats) -> tuple[Floats, float]:
    """Values as multiples of their width, counted down from the largest; and the width."""
    width = float(np.ptp(values)) or 1.0
    return (values - values.max()) / width, width


@check(
    "T10n", "near scores", "two optima of the ball", pmf=gene.pmf(2, 12), pair=gene.table(2, "pmf"),
    share=gene.positive(1e-4, 1.0), scale=gene.positive(1e-3, 1e3), kappa=gene.positive(1e-6, 1e4),
)  # fmt: skip
def _near_scores(
    bound: Bound, pmf: Floats, pair: Floats, share: float, scale: float, kappa: float
) -> Pair:
    """A score that is the return but for a share, in another unit."""
    score = scale * (pair[0] + share * (pair[1] - pair[0]))
    return _about_a_score(bound, pmf, np.stack([pair[0], score]), kappa)


@check(
    "T10n", "opposite scores", "two types by hand", q=gene.share(0.01, 0.99),
    kappa=gene.positive(1e-6, 1e2), slope=gene.positive(1e-3, 1e3),
)  # fmt: skip
def _opposite(bound: Bound, q: float, kappa: float, slope: float) -> Pair:
    """Where it is attained: two types, the score the return turned round."""
    up, down = (min(math.sqrt(kappa * q * (1 - q)), room) for room in (1 - q, q))
    value = bound(pmf=[1 - q, q], returns=[0.0, TOP], scores=[slope, 0.0], kappa=kappa)
    return value, TOP * (up + down)
