"""Every problem at one horizon: J, sigma, c(eps), sharpness, V_kappa, W, each with its interval."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from antiscale.core.validate import Floats
from antiscale.rollouts.band import DISTINCT, Band, band, extremes, window_mass, without_one
from antiscale.rollouts.optimum import ball_optimum
from antiscale.rollouts.samples import Block, Booleans, Rollouts

# Returns within this share of H count as equal, as in `models.measures` (which needs JAX).
TIE = 1e-9
# Sharpness is measured in windows of this share of H, as `antiscale family` does.
WINDOW = 1 / 16
# Chance that a threshold from all samples but one is on the wrong side of J + sigma sqrt(eps).
SLIP = 0.01


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates for m problems at one horizon; pairs are 95% intervals (or of the level asked for).

    Everything with an interval holds at once, for a problem, with the interval's probability: it is
    read off one band (`antiscale.rollouts.band`). Lengths in tokens; NaN where k_x is too small.

    Attributes
    ----------
    horizon
        H.
    mean, mean_low, mean_high : [m]
        J_x: the mean of R.
    variance : [m]
        sigma_x^2 without bias: sum (R - J)^2/(k - 1). NaN for k = 1.
    sigma, sigma_low, sigma_high : [m]
        Its root (biased downward), at most H/2 as sigma_x is, and the interval of sigma_x.
    variance_noise : [m]
        Estimate without bias of the variance of `variance`; NaN for k < 4.
    half_variance : [2, m]
        `variance` of either half of the samples, split at random; NaN for halves of one sample.
    within : [m]
        Part of sigma_x^2 due to length: P(correct) Var(R | correct), estimated as c/k times the
        variance of R among the c correct samples.
    above, above_low, above_high : [E, m]
        c_x(eps): the share of samples with R >= J + sigma sqrt(eps), J and sigma of the same
        samples (the plug-in estimate; NaN where they are all alike), and the interval of c_x(eps).
    reached_least, reached_most : [E, m]
        Statistics whose expectations are at most c_x(eps) + SLIP and, for sigma_x > 0, at least
        c_x(eps)(1 - SLIP): the shares of samples at or above a threshold that is too high (too low,
        zero returns left out) for every sample but with probability SLIP given the others.
    sharpness, sharpness_low, sharpness_high : [m]
        Q_x(H/16).
    best, best_low, best_high : [K, m]
        V_kappa of the samples' law, and the interval of V_kappa.
    max_ratio : [K, m]
        W of the samples' law. Samples cannot bound W from above: a rare best return may be missing.
    max_ratio_mirror : [m]
        W for the mirror H - R, at the first kappa.
    mirror_gain : [m]
        V_kappa - J for the mirror H - R, at the first kappa.
    """

    horizon: int
    mean: Floats
    mean_low: Floats
    mean_high: Floats
    variance: Floats
    sigma: Floats
    sigma_low: Floats
    sigma_high: Floats
    variance_noise: Floats
    half_variance: Floats
    within: Floats
    above: Floats
    above_low: Floats
    above_high: Floats
    reached_least: Floats
    reached_most: Floats
    sharpness: Floats
    sharpness_low: Floats
    sharpness_high: Floats
    best: Floats
    best_low: Floats
    best_high: Floats
    max_ratio: Floats
    max_ratio_mirror: Floats
    mirror_gain: Floats


def estimate(
    rollouts: Rollouts, horizons: Iterable[int], *, eps: tuple[float, ...],
    kappa: tuple[float, ...], level: float, progress: Callable[[int], None] = lambda number: None,
) -> list[Estimates]:  # fmt: skip
    """Measure every problem at every horizon.

    Parameters
    ----------
    rollouts
        The samples.
    horizons
        H, in tokens.
    eps, kappa
        Levels of c_x, and radii of the ball.
    level
        Coverage of a problem's intervals.
    progress
        Called after each horizon with its number in the list.
    """
    kinds = np.unique(rollouts.counts).tolist()
    rounded = len(kinds) > DISTINCT
    bands = {k: band(k, level, rounded=rounded) for k in kinds}
    crossed = {k: without_one(k, 1.0 - SLIP, rounded=rounded) for k in kinds if k > 1}
    found = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for number, horizon in enumerate(horizons, 1):

            def one(block: Block, horizon: int = horizon) -> dict[str, Floats]:
                limits = bands[len(block.rows)], crossed.get(len(block.rows))
                return _block(rollouts, block, horizon, limits, np.array(eps), kappa)

            blocks = list(rollouts.blocks())
            parts = list(pool.map(one, blocks))
            place = np.argsort(np.concatenate([block.problems for block in blocks]))
            joined = {
                name: np.concatenate([part[name] for part in parts], axis=-1)[..., place]
                for name in parts[0]
            }
            found.append(Estimates(horizon=horizon, **joined))
            progress(number)
    return found


def _block(
    rollouts: Rollouts, block: Block, horizon: int, bands: tuple[Band, Band | None], eps: Floats,
    kappa: tuple[float, ...],
) -> dict[str, Floats]:  # fmt: skip
    """Estimates of one block of problems with k samples each."""
    limits, others = bands
    x = rollouts.returns(horizon, block.rows)
    k, problems = x.shape
    equal = np.full(k, 1.0 / k)
    mean = x.mean(0)
    square = (x - mean) ** 2
    spread = square.mean(0)
    variance = spread * k / (k - 1) if k > 1 else np.full(problems, np.nan)
    first_half = rollouts.draw[block.rows] % 2 == 0
    allowed = extremes(x, float(horizon), limits, eps)
    threshold = mean + np.sqrt(eps[:, None] * spread) - TIE * horizon
    above = np.stack([(x >= each).mean(0) for each in threshold])
    reached = np.full((2, len(eps), problems), np.nan)
    if others is not None:
        lower, upper = extremes(x, float(horizon), others, eps).threshold
        # With sigma > 0 thresholds are above zero, and zero returns below them.
        lower = np.maximum(lower, np.nextafter(0.0, 1.0))
        reached[0] = [(x >= each).mean(0) for each in upper]
        reached[1] = [(x >= each).mean(0) for each in lower]
    sharp, sharp_low, sharp_high = window_mass(x, horizon * WINDOW, float(horizon), limits)
    optima = [ball_optimum(x, equal, each) for each in kappa]
    mirror = ball_optimum(horizon - x[::-1], equal, kappa[0])
    padded = np.pad(x, ((1, 1), (0, 0)))
    padded[-1] = horizon
    lowest, highest = np.diff(limits.high, prepend=0.0), np.diff(limits.low, append=1.0)
    return {
        "mean": mean, "mean_low": allowed.mean[0], "mean_high": allowed.mean[1],
        "variance": variance, "sigma": np.minimum(np.sqrt(variance), horizon / 2.0),
        "sigma_low": allowed.sigma[0], "sigma_high": allowed.sigma[1],
        "variance_noise": _variance_noise(variance, spread, (square**2).mean(0), k),
        "half_variance": np.stack([_part_variance(x, first_half), _part_variance(x, ~first_half)]),
        "within": _within(x, np.isfinite(rollouts.time[block.rows])),
        "above": np.where(spread > 0, above, np.nan),
        "above_low": allowed.above[0], "above_high": allowed.above[1],
        "reached_least": reached[0], "reached_most": reached[1],
        "sharpness": sharp, "sharpness_low": sharp_low, "sharpness_high": sharp_high,
        "best": np.stack([found.value for found in optima]),
        "best_low": _value(padded[:-1], lowest, kappa),
        "best_high": _value(padded[1:], highest, kappa),
        "max_ratio": np.stack([found.max_ratio for found in optima]),
        "max_ratio_mirror": mirror.max_ratio,
        "mirror_gain": mirror.value - (horizon - mean),
    }  # fmt: skip


def _value(atoms: Floats, mass: Floats, kappa: tuple[float, ...]) -> Floats:
    """V_kappa of one of the band's extreme laws; V_kappa grows with the law (w >= 0)."""
    there = mass > 0
    return np.stack([ball_optimum(atoms[there], mass[there], each).value for each in kappa])


def _variance_noise(variance: Floats, second: Floats, fourth: Floats, k: int) -> Floats:
    """Unbiased estimate of Var(s^2) = kappa_4/k + 2 sigma^4/(k - 1) from central moments.

    (2 k s^4 + (k - 1) k_4)/(k (k + 1)), k_4 the fourth k-statistic (Kenney and Keeping,
    Mathematics of Statistics 2, 1951, section 7.9).
    """
    if k < 4:
        return np.full(len(variance), np.nan)
    cumulant = k**2 * ((k + 1) * fourth - 3 * (k - 1) * second**2)
    cumulant = cumulant / ((k - 1) * (k - 2) * (k - 3))
    return (2 * k * variance**2 + (k - 1) * cumulant) / (k * (k + 1))


def _part_variance(x: Floats, chosen: Booleans) -> Floats:
    """Variance without bias of the chosen samples of each column."""
    count = chosen.sum(0)
    mean = (x * chosen).sum(0) / np.maximum(count, 1)
    square = (((x - mean) ** 2) * chosen).sum(0)
    return np.where(count > 1, square / np.maximum(count - 1, 1), np.nan)


def _within(x: Floats, correct: Booleans) -> Floats:
    """c/k times the variance among the correct samples: the part of sigma^2 due to length."""
    if len(x) < 2:
        return np.full(x.shape[1], np.nan)
    return correct.mean(0) * np.nan_to_num(_part_variance(x, correct))
