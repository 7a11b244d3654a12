"""Slow and plain: search strategies drawn a million times, or all their draws enumerated."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import stats

RUNS = 10**6
# Chance that one comparison of a right law with RUNS draws fails by bad luck.
LEVEL = 1e-6


def agree(drawn: np.ndarray, law: np.ndarray, level: float = LEVEL) -> None:
    """Counts of types (-1: nothing) against a law: exact binomial tails, one cell at a time.

    A right law fails with probability at most `level` (Bonferroni over cells).
    """
    runs = len(drawn)
    law = np.append(law, 1.0 - law.sum())
    counts = np.bincount(np.where(drawn < 0, len(law) - 1, drawn), minlength=len(law))
    chance = np.clip(law, 0.0, 1.0)
    chance[chance < 1e-12] = 0.0
    low, high = stats.binom.cdf(counts, runs, chance), stats.binom.sf(counts - 1, runs, chance)
    worst = 2.0 * np.minimum(low, high)
    assert (worst > level / len(law)).all(), (counts / runs, law)


def agree_in_mean(sample: np.ndarray, mean: float, width: float, level: float = LEVEL) -> None:
    """The mean of bounded draws against an exact mean, by Bernstein's inequality."""
    runs, spread = len(sample), sample.std() * (1 + 1e-2) + 1e-12
    log = np.log(2.0 / level)
    allowed = spread * np.sqrt(2.0 * log / runs) + 2.0 * width * log / (3.0 * runs)
    assert abs(sample.mean() - mean) <= allowed, (sample.mean(), mean, allowed)


def types(rng: np.random.Generator, pmf: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Types drawn from a pmf by inversion."""
    edges = np.cumsum(pmf)
    found = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.minimum(found, len(pmf) - 1)


def levels(rng: np.random.Generator, mass: np.ndarray, drawn: np.ndarray, state: np.ndarray):
    """Score levels of drawn types under masses [K, L, S] in the runs' states; ties are broken."""
    edges = np.cumsum(mass, axis=1)  # [K, L, S]
    u = rng.random(drawn.shape)
    at = edges[state[(...,) + (None,) * (drawn.ndim - 1)], :, drawn]
    return (u[..., None] > at[..., :-1]).sum(-1) + rng.random(drawn.shape)


def states(rng: np.random.Generator, weight: np.ndarray, runs: int) -> np.ndarray:
    return types(rng, weight, (runs,))


def best(rng, pmf, mass, weight, n, runs=RUNS) -> np.ndarray:
    """Best of n under a score law, drawn."""
    state = states(rng, weight, runs)
    drawn = types(rng, pmf, (runs, n))
    top = levels(rng, mass, drawn, state).argmax(1)
    return np.take_along_axis(drawn, top[:, None], 1)[:, 0]


def best_by_enumeration(p: np.ndarray, scores: np.ndarray, tries: int) -> np.ndarray:
    """All draws: the law of the best, ties split in proportion to p."""
    law = np.zeros(len(p))
    for draw in itertools.product(range(len(p)), repeat=tries):
        top = np.flatnonzero(scores == scores[list(draw)].max())
        law[top] += p[list(draw)].prod() * p[top] / p[top].sum()
    return law


def capped(rng, pmf, mass, weight, costs, budget, runs=RUNS) -> np.ndarray:
    """Draw until the next trace no longer fits; keep the first of the best levels."""
    state = states(rng, weight, runs)
    spent = np.zeros(runs, dtype=int)
    top, kept = np.full(runs, -1), np.full(runs, -1)
    going = np.arange(runs)
    while len(going):
        drawn = types(rng, pmf, (len(going),))
        fits = spent[going] + costs[drawn] <= budget
        going, drawn = going[fits], drawn[fits]
        spent[going] += costs[drawn]
        level = np.floor(levels(rng, mass, drawn, state[going])).astype(int)
        better = level > top[going]
        top[going[better]], kept[going[better]] = level[better], drawn[better]
    return kept


def vote(rng, law, n, runs=RUNS, chosen=None) -> np.ndarray:
    """Weighted vote of n traces (an array: of so many each) with law [A, W + 1]: the winner."""
    count, weights = law.shape
    many = np.full(runs, n) if np.isscalar(n) else n
    total = np.zeros((runs, count))
    first = np.full(runs, -1)
    for step in range(int(many.max(initial=0))):
        there = np.flatnonzero(many > step)
        drawn = types(rng, law.ravel(), (len(there),))
        total[there, drawn // weights] += drawn % weights
        if step == 0:
            first[there] = drawn // weights
    # A random trace where all weigh nothing: the first, by symmetry.
    tied = total == total.max(1, keepdims=True)
    winner = (tied + rng.random(total.shape) * tied).argmax(1)
    return np.where(total.max(1) > 0, winner, first)


def vote_by_enumeration(law: np.ndarray, n: int) -> np.ndarray:
    count, weights = law.shape
    found = np.zeros(count)
    for draw in itertools.product(range(count * weights), repeat=n):
        chance = law.ravel()[list(draw)].prod()
        total = np.zeros(count)
        for one in draw:
            total[one // weights] += one % weights
        if chance == 0:
            continue
        if total.max() == 0:
            found += chance * law[:, 0] / law[:, 0].sum()
        else:
            tied = total == total.max()
            found += chance * tied / tied.sum()
    return found


class Sequential:
    """A strategy that stops early, step by step: what is drawn next, and when it stops.

    Runs are cut off at `budget` tokens, or after `tries` traces; then the last trace stands.
    """

    def __init__(self, costs: np.ndarray, budget: float = np.inf, tries: float = np.inf) -> None:
        self.costs, self.budget, self.tries = costs, budget, tries

    def run(self, runs: int, draw, stop) -> tuple[np.ndarray, np.ndarray]:
        """Types returned (-1: none) and tokens spent.

        `draw(going, kept)` gives the next types; `stop(going, drawn)` whether each run stops.
        """
        spent, kept = np.zeros(runs), np.full(runs, -1)
        going, step = np.arange(runs), 0
        while len(going) and step < self.tries:
            drawn = draw(going, kept[going])
            none_left = drawn < 0
            going, drawn = going[~none_left], drawn[~none_left]
            fits = spent[going] + self.costs[drawn] <= self.budget
            spent[going[~fits]] = self.budget
            going, drawn = going[fits], drawn[fits]
            spent[going] += self.costs[drawn]
            kept[going] = drawn
            going = going[~stop(going, drawn)]
            step += 1
        return kept, spent


def rejection(rng, pmf, accept, costs, runs=RUNS, **limits):
    return Sequential(costs, **limits).run(
        runs,
        lambda going, kept: types(rng, pmf, (len(going),)),
        lambda going, drawn: rng.random(len(drawn)) < accept[drawn],
    )


def revision(rng, pmf, answers, accept, costs, runs=RUNS, **limits):
    """Answers that were rejected are not drawn again: redraw until a new one comes."""
    count = answers.shape[1]
    rejected = np.zeros((runs, count), dtype=bool)
    current = np.zeros(runs, dtype=int)
    joint = pmf[:, None] * answers
    possible = joint.sum(0) > 0

    def draw(going, kept):
        found = np.full(len(going), -1)
        waiting = np.flatnonzero(~rejected[going][:, possible].all(1))
        while len(waiting):
            pair = types(rng, joint.ravel(), (len(waiting),))
            answer = pair % count
            new = ~rejected[going[waiting], answer]
            found[waiting[new]] = pair[new] // count
            current[going[waiting[new]]] = answer[new]
            waiting = waiting[~new]
        return found

    def stop(going, drawn):
        yes = rng.random(len(going)) < accept[current[going]]
        rejected[going[~yes], current[going[~yes]]] = True
        return yes

    return Sequential(costs, **limits).run(runs, draw, stop)


def correction(rng, pmf, solved, judge, costs, runs=RUNS, **limits):
    """Write, verify, rewrite."""
    right, wrong = np.where(solved, pmf, 0.0), np.where(solved, 0.0, pmf)
    fix = right.sum() if judge.fix is None else judge.fix
    spoil = wrong.sum() if judge.spoil is None else judge.spoil

    def draw(going, kept):
        drawn = types(rng, pmf, (len(going),))
        again = np.flatnonzero(kept >= 0)
        chance = np.where(solved[kept[again]], 1.0 - spoil, fix)
        now = rng.random(len(again)) < chance
        drawn[again[now]] = types(rng, right, (now.sum(),))
        drawn[again[~now]] = types(rng, wrong, ((~now).sum(),))
        return drawn

    def stop(going, drawn):
        accept = np.where(solved[drawn], judge.accept_right, judge.accept_wrong)
        return rng.random(len(drawn)) < accept

    return Sequential(costs, **limits).run(runs, draw, stop)
