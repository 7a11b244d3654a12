"""What the theorem says at the user's n and H: as estimated, as certified, and as measured.

The reward class is the smallest for which cloning is hard: at each problem the reward and its
mirror H - R. The n traces fall on the m problems alike, rho = 1/m.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from antiscale import bounds
from antiscale.core.validate import Floats
from antiscale.rollouts.averages import student
from antiscale.rollouts.estimates import Estimates
from antiscale.rollouts.optimum import ball_optimum, density_ratio
from antiscale.rollouts.samples import Integers, Rollouts

# T4's search takes milliseconds a problem: as many are taken, evenly spaced in sigma.
_PROBLEMS_BOUND = 16
# Simulated cloning: problems taken (evenly spaced in sigma), paths in all, traces per path.
_PROBLEMS_PATHS = 200
_PATHS = 4096
_LENGTH = 256
# Doublings of n that are tried for where verification starts to win.
_DOUBLINGS = 50
# Steps down from a power of two to where verification is certified to win.
_STEPS = 16
# Values of sigma/H at which `lower_from_sigma` is worked out.
_GRID = 128


@dataclass(frozen=True, eq=False)
class Outlook:
    """The bounds and the simulated losses at one horizon, for any n.

    Attributes
    ----------
    rollouts, found
        The samples and their estimates.
    sigma_low
        A proved lower end of the mean of sigma_x over problems, in tokens.
    least_telling : [m]
        Lower bounds of P(R != H/2), for all problems at once.
    kappa, level, seed
        Radius of the ball (the first of those of `found`); coverage of the simulation's interval,
        and its seed.
    """

    rollouts: Rollouts
    found: Estimates
    sigma_low: float
    least_telling: Floats
    kappa: float
    level: float
    seed: int

    @cached_property
    def clones(self) -> Clones:
        """Simulated cloning: the paths are drawn once, for every n."""
        return Clones.of(self.rollouts, self.found, self.kappa, self.seed)

    def certified(self, n: int) -> tuple[float, float]:
        """T4a and T7a as the intervals allow, in tokens."""
        horizon, problems = float(self.found.horizon), len(self.rollouts.counts)
        low = lower_from_sigma(
            self.sigma_low / horizon, n, prompt_mass=1.0 / problems, kappa=self.kappa
        )
        error = _worst_unseen(self.least_telling, n, problems)
        # Problems with a single sample may have sigma = 0.
        share = float(np.isfinite(self.found.sigma).mean())
        return horizon * share * low, float(bounds.vb_upper(horizon, error, kappa=self.kappa))

    def measured(self, n: int) -> dict[str, float]:
        """Losses on the samples' law: cloning simulated, with its interval, verification exact."""
        problems = len(self.rollouts.counts)
        value, low, high = self.clones.cloning(n, problems, self.level)
        return {
            "vf_measured": value, "vf_measured_low": low, "vf_measured_high": high,
            "vb_measured": self.clones.verification(n, problems),
        }  # fmt: skip

    def at(self, n: int) -> dict[str, Any]:
        """Losses of cloning and of verification at one n, in tokens.

        Returns
        -------
        horizon, n, problems, kappa
            H, traces for each side over all problems, m, and the radius of the ball.
        sigma_max
            Largest spread of an expert of the ball (T4g), mean over problems, tokens.
        vf_lower_local, vf_upper, vb_upper
            T4f near pibar_kappa, T5a and T7. These and sigma_max are for the law of the samples:
            estimates, biased as the law is.
        vf_lower_certified, vb_upper_certified
            T4a from a proved lower end of the mean of sigma_x alone, and T7 from an upper bound of
            P(R = H/2): with probability `level` both hold, at every horizon and n, for the model
            that the samples come from, if they are independent.
        n_certified
            The n from which on vf_lower_certified exceeds vb_upper_certified; None where never.
        vf_measured, vf_measured_low, vf_measured_high
            Simulated loss of SFT on pibar_kappa's traces, drawn from the samples, and its interval.
        vb_measured
            Loss of the simple verification learner on the same law, exactly.
        n_measured
            The first power of two from which on vf_measured_low exceeds vb_measured, as far as
            tried.
        bound_problems, measured_problems
            How many problems sigma_max and vf_lower_local, and vf_measured, are averaged over.
        """
        found, horizon, problems = self.found, float(self.found.horizon), len(self.rollouts.counts)
        few = _evenly(found.sigma, _PROBLEMS_BOUND)
        tells = _tells(self.rollouts, horizon)
        unseen = float(np.mean(bounds.unseen_mass(tells[:, None], n, prompt_mass=1.0 / problems)))
        ratio = max(np.nanmax(found.max_ratio[0]), np.nanmax(found.max_ratio_mirror))
        upper = bounds.vb_upper(
            horizon, unseen, kappa=self.kappa, sigma=np.nanmean(found.sigma), max_ratio=ratio
        )
        lower, most = self.certified(n)
        return {
            "horizon": found.horizon, "n": n, "problems": problems, "kappa": self.kappa,
            **_over_ball(self.rollouts, few, horizon, n, self.kappa),
            "vf_upper": self.clones.upper(n, problems), "vb_upper": float(upper),
            "vf_lower_certified": lower, "vb_upper_certified": most,
            "n_certified": self._certified_from(), **self.measured(n),
            "n_measured": self._measured_from(), "bound_problems": len(few),
            "measured_problems": len(self.clones.tells),
        }  # fmt: skip

    def _certified_from(self) -> int | None:
        """The n from which on T4a exceeds T7a, at every n: both fall with n."""
        powers = [self.certified(2**power) for power in range(_DOUBLINGS + 1)]
        # At every n from 2^i to 2^(i+1) the one is at least its last value, the other at most its
        # first.
        lost = [i for i in range(_DOUBLINGS) if powers[i + 1][0] <= powers[i][1]]
        start = _power_after(lost)
        if start is None:
            return None
        for _ in range(_STEPS):
            # The first n with T7a below T4a at `start`: all from there on are settled.
            least, low, high = self.certified(start)[0], start // 2, start
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if self.certified(middle)[1] < least else (middle, high)
            if high == start:
                break
            start = high
        return start

    def _measured_from(self) -> int | None:
        """The power of two from which on cloning is measured to lose more, as far as tried."""
        found = [self.measured(2**power) for power in range(_DOUBLINGS)]
        return _power_after(
            [i for i, at in enumerate(found) if at["vf_measured_low"] <= at["vb_measured"]]
        )

    def curve(self, most: int) -> list[dict[str, float]]:
        """Bounds and losses at n = 1, 2, 4, ... up to at least `most`."""
        ends = ("vf_lower_certified", "vb_upper_certified")
        return [
            {"n": n, **dict(zip(ends, self.certified(n), strict=True)),
             "vf_upper": self.clones.upper(n, len(self.rollouts.counts)), **self.measured(n)}
            for n in (2**power for power in range(math.ceil(math.log2(max(most, 2))) + 1))
        ]  # fmt: skip


def _power_after(lost: list[int]) -> int | None:
    """The power of two after the last exponent that is lost; None where that is the last tried."""
    first = lost[-1] + 1 if lost else 0
    return 2**first if first < _DOUBLINGS else None


def lower_from_sigma(h: float, n: float, *, prompt_mass: float, kappa: float) -> float:
    """T4a from the mean of sigma_x/H alone: what any cloning algorithm must lose, in units of H.

    With h_x = sigma_x/H and u = h/(1/2 + sqrt(1/4 - h^2)), so that |g| <= 1/u, the prompt's term of
    T4a is at least H phi(h_x), phi(h) = h sup over eps <= min(sqrt(kappa), u) of
    eps [1 - sqrt(1 - (1 - rho d)^{2n})], d = u^2 (1 - sqrt(1 - (eps/u)^2)), and phi grows with h.
    Its largest convex minorant at the mean of h_x bounds the mean over prompts (Jensen;
    paper_bounds.md, Estimates from rollouts). Valid, and T4a itself for fair types 0 and H.

    Parameters
    ----------
    h
        Mean of sigma_x/H over prompts of equal mass, or less, in [0, 1/2].
    n
        Traces over all prompts.
    prompt_mass
        rho, the same for all prompts.
    kappa
        Radius of the ball.
    """
    if h <= 0.0 or kappa == 0.0:
        return 0.0
    # h = sin(t)/2 for t evenly spaced, and then ever nearer to pi/2, where phi is steep.
    coarse, fine = np.linspace(1.0, 1.0 / _GRID, _GRID), np.geomspace(0.5 / _GRID, 1e-8, _GRID // 4)
    left = np.pi / 2.0 * np.concatenate([coarse, fine])
    grid = np.append(0.5 * np.cos(left), 0.5)
    grid[0] = 0.0
    # phi is at least its value at the left end of each step: the step function's lower corners.
    level = np.concatenate([[0.0], _phi(grid[:-1], n, prompt_mass, kappa)])

    def slope(i: int, j: int) -> float:
        return float((level[j] - level[i]) / (grid[j] - grid[i]))

    corners = [0]
    for i in range(1, len(grid)):
        while len(corners) > 1 and slope(*corners[-2:]) >= slope(corners[-1], i):
            corners.pop()
        corners.append(i)
    return float(np.interp(h, grid[corners], level[corners]))


def _phi(h: Floats, n: float, rho: float, kappa: float) -> Floats:
    """The function phi of `lower_from_sigma`, by search over eps/u; any eps is valid."""
    u = h / (0.5 + np.sqrt(0.25 - h**2))
    largest = np.sqrt(kappa) / np.maximum(u, np.sqrt(kappa))  # of eps/u
    # Data can distinguish eps from about 1/sqrt(rho n) on.
    smallest = min(0.1, 0.1 / math.sqrt(rho * n + 1.0))
    share = np.geomspace(smallest, 1.0, 200)[:, None] * largest
    defect = (u * share) ** 2 / (1.0 + np.sqrt(1.0 - share**2))
    overlap = 1.0 - np.sqrt(-np.expm1(2.0 * n * np.log1p(-rho * defect)))
    return (h * u * share * overlap).max(0)


def _evenly(sigma: Floats, count: int) -> Integers:
    """Problems with two samples or more: all, or `count` of them evenly spaced in sigma."""
    known = np.flatnonzero(np.isfinite(sigma))
    if len(known) <= count:
        return known
    order = known[np.argsort(sigma[known], kind="stable")]
    return np.sort(order[((np.arange(count) + 0.5) * len(known) / count).astype(int)])


def _over_ball(
    rollouts: Rollouts, few: Integers, horizon: float, n: int, kappa: float
) -> dict[str, float]:
    """T4f near pibar_kappa and the largest spread, for the samples' law: mean over `few`."""
    lower, widest = [], []
    for block in rollouts.blocks(few):
        returns = rollouts.returns(horizon, block.rows)
        equal = np.full(len(returns), 1.0 / len(returns))
        best = equal[:, None] * density_ratio(returns, ball_optimum(returns, equal, kappa))
        law: dict[str, Any] = {"pmf": equal, "returns": returns.T, "kappa": kappa}
        rho = 1.0 / len(rollouts.counts)
        lower.append(bounds.vf_lower(**law, n=n, prompt_mass=rho, centre=best.T))
        widest.append(bounds.largest_spread(**law).value)
    return {
        "sigma_max": float(np.mean(np.concatenate(widest))),
        "vf_lower_local": float(np.mean(np.concatenate(lower))),
    }


def _tells(rollouts: Rollouts, horizon: float) -> Floats:
    """Share of samples with R != H/2, which distinguish the reward from its mirror, [m]."""
    half = np.abs(rollouts.returns(horizon) - horizon / 2.0) < 1e-9 * horizon
    return 1.0 - rollouts.total(half.astype(float)) / rollouts.counts


def _worst_unseen(least: Floats, n: int, problems: int) -> float:
    """T6b for the mirror class: mean over problems of sup over p >= least of p (1 - rho p)^n."""
    worst = np.clip(problems / (n + 1.0), least, 1.0)
    return float(np.mean(bounds.unseen_mass(worst[:, None], n, prompt_mass=1.0 / problems)))


@dataclass(frozen=True, eq=False)
class Clones:
    """Cloning and verification on the samples' law, at problems evenly spaced in sigma.

    Attributes
    ----------
    deviation : [replicates, _LENGTH]
        |mean of j returns - J_e|, mean over problems, for j = 1, 2, ... traces of pibar_kappa.
    expert_mean, expert_sigma, base_mean : [p]
        J_e and sigma_e of pibar_kappa, and J_b.
    idle : [p]
        What verification loses where it has seen nothing that distinguishes r from its mirror, and
        plays the base policy: the larger of V_kappa - J for either reward.
    tells : [p]
        Share of samples with R != H/2.
    """

    deviation: Floats
    expert_mean: Floats
    expert_sigma: Floats
    base_mean: Floats
    idle: Floats
    tells: Floats

    @classmethod
    def of(cls, rollouts: Rollouts, found: Estimates, kappa: float, seed: int) -> Clones:
        """Draw the paths."""
        few = _evenly(found.sigma, _PROBLEMS_PATHS)
        replicates = max(32, _PATHS // len(few))
        rng = np.random.default_rng([seed, found.horizon])
        total = np.zeros((replicates, _LENGTH))
        mean, sigma = np.empty((2, len(few)))
        steps = np.arange(1, _LENGTH + 1)
        for at, problem in enumerate(few):
            first = rollouts.starts[problem]
            x = rollouts.returns(found.horizon, slice(first, first + rollouts.counts[problem]))
            equal = np.full(len(x), 1.0 / len(x))
            column = x[:, None]
            weight = density_ratio(column, ball_optimum(column, equal, kappa))[:, 0] / len(x)
            mean[at] = weight @ x
            sigma[at] = math.sqrt(max(float(weight @ (x - mean[at]) ** 2), 0.0))
            if sigma[at] > 0:
                drawn = np.searchsorted(np.cumsum(weight), rng.random((replicates, _LENGTH)))
                paths = np.cumsum(x[np.minimum(drawn, len(x) - 1)], axis=1) / steps
                total += np.abs(paths - mean[at])
        gain = np.maximum(found.best[0] - found.mean, found.mirror_gain)[few]
        tells = _tells(rollouts, float(found.horizon))[few]
        return cls(total / len(few), mean, sigma, found.mean[few], gain, tells)

    def cloning(self, n: int, problems: int, level: float) -> tuple[float, float, float]:
        """E sup over r and its mirror of SFT's loss, n traces over m problems, and its interval."""
        count, chance = _binomial(n, 1.0 / problems)
        seen = count > 0
        place = np.minimum(count[seen], _LENGTH).astype(int)
        # Beyond the paths the deviation of a mean falls as 1/sqrt(j).
        scale = np.sqrt(place / count[seen])
        each = self.deviation[:, place - 1] @ (chance[seen] * scale)
        never = (1.0 - chance[seen].sum()) * np.abs(self.expert_mean - self.base_mean).mean()
        half = student(len(each), level) * each.std(ddof=1) / math.sqrt(len(each))
        value = float(each.mean() + never)
        return value, value - float(half), value + float(half)

    def verification(self, n: int, problems: int) -> float:
        """E sup over r and its mirror of the simple learner's loss: zero once it knows which."""
        missed = np.exp(n * np.log1p(-np.minimum(self.tells / problems, 1.0 - 1e-16)))
        return float(np.mean(missed * self.idle))

    def upper(self, n: int, problems: int) -> float:
        """T5a for the samples' law."""
        gap = np.abs(self.expert_mean - self.base_mean)
        terms = bounds.sft_upper(self.expert_sigma, n, prompt_mass=1.0 / problems, fallback_gap=gap)
        return float(np.mean(terms))


def _binomial(n: int, rho: float) -> tuple[Floats, Floats]:
    """The values of Binomial(n, rho) that matter and their probabilities."""
    middle = n * rho
    if rho == 1.0 or middle > 1e5:
        return np.array([max(round(middle), 1.0)]), np.ones(1)
    spread = 10.0 * math.sqrt(middle) + 40.0
    j = np.arange(max(0, int(middle - spread)), min(n, int(middle + spread)) + 1.0)
    log = special.gammaln(n + 1.0) - special.gammaln(j + 1.0) - special.gammaln(n - j + 1.0)
    chance = np.exp(log + j * math.log(rho) + (n - j) * math.log1p(-rho))
    return j, chance / chance.sum()
