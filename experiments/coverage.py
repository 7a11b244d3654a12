"""How often the intervals hold what they are of: of simulated losses, and of `antiscale diagnose`.

    antiscale figures coverage --out runs/coverage

The rows of the figure of that name; hours. Losses: data sets of 20 and of 200 replicates from laws
whose mean is known, from even to rare; Student's interval and antiscale.core.intervals.mean. One
problem: samples of known policies, the intervals of sigma_x and c_x(eps) from k of them. Many
problems: 50 of random difficulty, the intervals of the means of sigma_x (proved) and c_x(eps)
(Student's). The mean of sigma_x: its proved ends for problems alike and unlike, few and many, and
for samples that are copies. The level is 99% for losses, else 95%.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from antiscale.core import intervals
from antiscale.figures import Progress
from antiscale.figures.coverage import Config
from antiscale.rollouts import averages, certified
from antiscale.rollouts.band import band, extremes
from antiscale.rollouts.copies import copied
from antiscale.rollouts.estimates import estimate
from antiscale.rollouts.samples import Rollouts

HORIZON = 100
LEVEL = 0.95
SAMPLES = (8, 32, 100)
EPS = (0.25, 1.0)
PROBLEMS = 50
NARROW = np.arange(36, 46)  # lengths that hardly vary
WIDE = np.arange(1, 161)  # lengths of which many are over the budget
STYLES = np.array([10, 90])  # a short and a long way
# Lognormal, median 40 and log-deviation 1.5, at 999 quantiles: one in four is over the budget.
HEAVY = np.ceil(40.0 * np.exp(1.5 * special.ndtri(np.arange(1, 1000) / 1000.0)))


class Policy(NamedTuple):
    """Right with probability `success`, then of a length drawn evenly from `lengths`."""

    success: float
    lengths: np.ndarray

    def law(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns in tokens and their masses; a return may occur more than once."""
        returns = np.maximum(HORIZON + 1.0 - self.lengths, 0.0)
        mass = np.full(len(returns), self.success / len(returns))
        return np.append(returns, 0.0), np.append(mass, 1.0 - self.success)

    def truth(self) -> tuple[float, list[float]]:
        """sigma, and c(eps) for each of EPS."""
        returns, mass = self.law()
        mean = float(mass @ returns)
        sigma = float(np.sqrt(mass @ (returns - mean) ** 2))
        reached = [returns >= mean + sigma * np.sqrt(eps) - 1e-9 * HORIZON for eps in EPS]
        return sigma, [float(mass[each].sum()) for each in reached]


POLICIES = {
    "right 2%, like lengths": Policy(0.02, NARROW),
    "right 10%, like lengths": Policy(0.1, NARROW),
    "right 30%, like lengths": Policy(0.3, NARROW),
    "right 50%, like lengths": Policy(0.5, NARROW),
    "right 90%, like lengths": Policy(0.9, NARROW),
    "right 50%, lengths 1 to 160": Policy(0.5, WIDE),
    "always right, lengths 1 to 160": Policy(1.0, WIDE),
    "right 60%, short or long": Policy(0.6, STYLES),
}
MANY = "50 problems, right Beta(0.3, 1)"


class Regime(NamedTuple):
    """How likely problems are to be right, how long samples are, and whether they are copies.

    Attributes
    ----------
    success
        Draws the problems' probabilities of being right.
    lengths
        Of which a sample's length is drawn evenly.
    copies
        How many times each of k/copies independent samples is taken.
    quantile
        The budget is this quantile of the samples' lengths; None for 100 tokens.
    """

    success: Callable[[np.random.Generator, int], np.ndarray]
    lengths: np.ndarray
    copies: int = 1
    quantile: float | None = None


def alike(p: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, m: np.full(m, p)


def near_half(rng: np.random.Generator, m: int) -> np.ndarray:
    return rng.uniform(0.4, 0.6, m)


def unlike(rng: np.random.Generator, m: int) -> np.ndarray:
    return rng.beta(0.3, 1.0, m)


REGIMES = {
    "right 40%": Regime(alike(0.4), NARROW),
    "right 50%": Regime(alike(0.5), NARROW),
    "right 40% to 60%": Regime(near_half, NARROW),
    "right 2%": Regime(alike(0.02), NARROW),
    "right Beta(0.3, 1)": Regime(unlike, NARROW),
    "right 50%, heavy-tailed lengths": Regime(alike(0.5), HEAVY),
    "right Beta(0.3, 1), heavy-tailed lengths": Regime(unlike, HEAVY),
    "right 40% to 60%, heavy-tailed lengths, H the 90% quantile of length": Regime(
        near_half, HEAVY, quantile=0.9
    ),
    "right 40%, copies: 4 samples 25 times": Regime(alike(0.4), NARROW, copies=25),
}
SIZES = ((10, 4), (10, 32), (10, 100), (50, 4), (50, 32), (50, 100))
COPIED_SIZES = ((10, 100), (50, 100))
REPEATS_OF_COPIES = 200


MOST = 100.0
# Law: how it is drawn, and its mean. All lie in [0, MOST], up to a negligible mass.
LAWS: dict[str, tuple[Callable[..., np.ndarray], float]] = {
    "normal(8, 1)": (lambda rng, size: rng.normal(8.0, 1.0, size), 8.0),
    "normal, absolute value": (lambda rng, size: abs(rng.normal(size=size)), (2 / np.pi) ** 0.5),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "gamma(1/2)": (lambda rng, size: rng.gamma(0.5, size=size), 0.5),
    "gamma(1/4)": (lambda rng, size: rng.gamma(0.25, size=size), 0.25),
    "lognormal(0, 1)": (lambda rng, size: rng.lognormal(0.0, 1.0, size), np.exp(0.5)),
    "1 with probability 0.05": (lambda rng, size: (rng.random(size) < 0.05) * 1.0, 0.05),
    "1 with probability 0.01": (lambda rng, size: (rng.random(size) < 0.01) * 1.0, 0.01),
}  # fmt: skip


def one_problem(policy: Policy, k: int, repeats: int, seed: int) -> list[dict[str, object]]:
    """Coverage of one problem's intervals over independent sets of k samples."""
    rng = np.random.default_rng(seed)
    returns, mass = policy.law()
    drawn = np.sort(returns[rng.choice(len(returns), (k, repeats), p=mass)], axis=0)
    found = extremes(drawn, float(HORIZON), band(k, LEVEL), np.array(EPS))
    sigma, above = policy.truth()
    ends = {"sigma/H": (found.sigma[0] / HORIZON, found.sigma[1] / HORIZON, sigma / HORIZON)}
    for e, eps in enumerate(EPS):
        ends[f"c({eps:g})"] = (found.above[0][e], found.above[1][e], above[e])
    return [
        {
            "k": k, "quantity": name, "repeats": repeats, "truth": truth,
            "covered": float(((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean()),
            "width": float((high - low).mean()),
        }
        for name, (low, high, truth) in ends.items()
    ]  # fmt: skip


def many_problems(k: int, repeats: int, seed: int) -> list[dict[str, object]]:
    """Coverage of the intervals of means over 50 problems."""
    rng = np.random.default_rng(seed)
    names = ["sigma/H", *[f"c({eps:g})" for eps in EPS]]
    hits, widths, truths = np.zeros(3), np.zeros(3), np.zeros(3)
    for repeat in range(repeats):
        policies = [Policy(p, NARROW) for p in rng.beta(0.3, 1.0, PROBLEMS)]
        right = rng.random((PROBLEMS, k)) < np.array([p.success for p in policies])[:, None]
        length = rng.choice(NARROW, right.shape).astype(float)
        rollouts = as_rollouts(right, length, repeat)
        (found,) = estimate(rollouts, (HORIZON,), eps=EPS, kappa=(0.25,), level=LEVEL)
        spread = found.sigma > 0
        truth = [policy.truth() for policy in policies]
        (ends,) = certified.sigma_ends(rollouts, (HORIZON,), LEVEL, asked=True)
        intervals = [(ends[0] / HORIZON, ends[1] / HORIZON)]
        intervals += [
            averages.mean_above(found, e, eps, rollouts.counts, LEVEL)[1:]
            for e, eps in enumerate(EPS)
        ]
        shown = [above for (_, above), some in zip(truth, spread, strict=True) if some]
        true = np.array([np.mean([s for s, _ in truth]) / HORIZON, *np.mean(shown, axis=0)])
        low, high = np.array(intervals).T
        hits += (low <= true) & (true <= high)
        widths += high - low
        truths += true
    return [
        {
            "k": k, "quantity": name, "repeats": repeats, "truth": truths[i] / repeats,
            "covered": hits[i] / repeats, "width": widths[i] / repeats,
        }
        for i, name in enumerate(names)
    ]  # fmt: skip


def spread(p: np.ndarray, lengths: np.ndarray, horizon: float) -> np.ndarray:
    """sigma_x in tokens of problems that are right with probability p."""
    returns = np.maximum(horizon + 1.0 - lengths, 0.0)
    return np.sqrt(p * (returns**2).mean() - (p * returns.mean()) ** 2)


def means(regime: Regime, m: int, k: int, repeats: int, seed: int) -> dict[str, object]:
    """How often the ends of the mean of sigma_x hold, and where they lie on average, over H."""
    rng = np.random.default_rng(seed)
    miss = certified.event_miss(LEVEL)
    kinds = np.full(m, k)
    found = np.empty((repeats, 5))
    seen = []
    for repeat in range(repeats):
        p = regime.success(rng, m)
        shape = m, k // regime.copies
        right = np.repeat(rng.random(shape) < p[:, None], regime.copies, axis=1)
        length = np.repeat(rng.choice(regime.lengths, shape).astype(float), regime.copies, axis=1)
        horizon, below, above = HORIZON, float(HORIZON), float(HORIZON)
        each = miss
        if regime.quantile is not None:
            horizon = int(np.ceil(np.quantile(length, regime.quantile)))
            below, above = certified.neighbours(horizon)
            each = miss / certified.GRID_POINTS

        def deviations(budget: float, r: np.ndarray = right, t: np.ndarray = length) -> np.ndarray:
            return np.where(r, np.maximum(budget + 1.0 - t, 0.0), 0.0).std(1, ddof=1)

        low = max(certified.mean_low(deviations(below), kinds, below, each), 0.0)
        high = min(certified.deviation_high(deviations(above), kinds, above, each), horizon / 2)
        s = deviations(float(horizon))
        wide = averages.student(m, LEVEL) * s.std(ddof=1) / np.sqrt(m)
        truth = spread(p, regime.lengths, horizon).mean()
        found[repeat] = np.array([low, high, truth, s.mean(), s.mean() - wide]) / horizon
        if repeat < REPEATS_OF_COPIES:
            seen.append(copied(as_rollouts(right, length, repeat)) is not None)
    low, high, truth, s, student = found.T
    return {
        "m": m, "k": k, "repeats": repeats, "truth": truth.mean(),
        "low_covers": (low <= truth + 1e-12).mean(), "high_covers": (truth <= high + 1e-12).mean(),
        "covers": ((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean(),
        "low": low.mean(), "high": high.mean(),
        "student_low_covers": (student <= truth + 1e-12).mean(), "copies_seen": np.mean(seen),
    }  # fmt: skip


def as_rollouts(right: np.ndarray, length: np.ndarray, seed: int) -> Rollouts:
    """Samples [m, k] as `diagnose` holds them."""
    m, k = right.shape
    return Rollouts.of(
        np.arange(m).astype(object), np.repeat(np.arange(m), k), right.ravel(), length.ravel(),
        np.where(right, length, np.inf).ravel(), seed=seed,
    )  # fmt: skip


def losses(law: str, sets: int) -> dict[str, object]:
    """How often Student's interval and ours hold the mean of a law, with 20 and 200 replicates."""
    draw, mean = LAWS[law]
    row: dict[str, object] = {"law": law}
    for count in (20, 200):
        samples = draw(np.random.default_rng(0), (sets, count))
        half = stats.t.ppf(0.995, count - 1) * samples.std(1, ddof=1) / np.sqrt(count)
        ours = [intervals.mean(sample, least=0.0, most=MOST) for sample in samples]
        row[f"student_{count}"] = float((abs(samples.mean(1) - mean) <= half).mean())
        row[f"antiscale_{count}"] = float(np.mean([e.low <= mean <= e.high for e in ours]))
    return row


def rows(config: Config, progress: Progress) -> dict[str, pd.DataFrame]:
    """Every law; every regime and size; every policy, k and quantity."""
    total = len(LAWS) + len(REGIMES) + len(POLICIES) + len(SAMPLES)
    done = 0

    def step(what: str) -> None:
        nonlocal done
        done += 1
        progress(done, total, what)

    of_losses, of_means, of_one = [], [], []
    for law in LAWS:
        of_losses.append(losses(law, config.sets))
        step(law)
    for number, (name, regime) in enumerate(REGIMES.items()):
        for m, k in SIZES if regime.copies == 1 else COPIED_SIZES:
            seed = 1000 * number + 7 * m + k
            of_means.append({"regime": name} | means(regime, m, k, config.sets_of_means, seed))
        step(name)
    for number, (name, policy) in enumerate(POLICIES.items()):
        for k in SAMPLES:
            found = one_problem(policy, k, config.sets_of_one, number)
            of_one += [{"policy": name} | row for row in found]
        step(name)
    for k in SAMPLES:
        of_one += [{"policy": MANY} | row for row in many_problems(k, config.sets_of_many, k)]
        step(f"{MANY}, k = {k}")
    return {
        "interval_coverage.csv": pd.DataFrame(of_losses),
        "rollouts_coverage_means.csv": pd.DataFrame(of_means),
        "rollouts_coverage.csv": pd.DataFrame(of_one),
    }
