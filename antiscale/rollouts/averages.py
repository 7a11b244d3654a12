"""From problems to their mean and median, with intervals that allow for few samples per problem."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from antiscale.core.validate import Floats
from antiscale.rollouts.estimates import SLIP, Estimates
from antiscale.rollouts.samples import Integers

# Below this many problems no mean is taken to be normal: intervals come from the bands alone.
FEW = 10
# The other problems' mean variance counts as this many samples of a problem in `over_sigma`.
_PRIOR = 4.0


# How the names of an interval's ends differ from the estimate's.
ENDS = ("", "_low", "_high")


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float

    def named(self, name: str) -> dict[str, float]:
        """The three by the names that tables and summaries have."""
        return {name + end: part for end, part in zip(ENDS, self, strict=True)}


def student(count: int, level: float) -> float:
    """Student's quantile for a two-sided interval over `count` problems."""
    return float(special.stdtrit(count - 1, (1.0 + level) / 2.0))


def bounded_mean(values: Floats, level: float, *, low: float = 0.0, high: float = 1.0) -> Interval:
    """Mean over problems of values in [low, high], for problems drawn like these.

    The upper end is Student's for the values and one more at the top of the range, the lower end
    for the values and one more at its bottom: conservative for zeros and ones from ten problems on
    (within 0.3 points of 95% at worst, by enumeration), and never of width zero.

    Parameters
    ----------
    values : [m]
        One per problem.
    level
        Coverage.
    """

    def end(extra: float, sign: float) -> float:
        padded = np.append(values, extra)
        half = student(len(padded), level) * padded.std(ddof=1) / math.sqrt(len(padded))
        return float(padded.mean() + sign * half)

    return Interval(float(values.mean()), max(end(low, -1.0), low), min(end(high, 1.0), high))


def misses(problems: int, level: float) -> int:
    """The most intervals of level `level`, one per problem, that miss with probability `level`.

    The smallest f with P(Binomial(m, 1 - level) <= f) >= level.
    """
    count = np.arange(problems + 1)
    return int(np.argmax(special.bdtr(count, problems, 1.0 - level) >= level - 1e-12))


def mean_of_bounds(
    low: Floats, high: Floats, level: float, *, problems: int, most: float
) -> tuple[float, float]:
    """Interval for the mean over problems of parameters in [0, most], from their intervals.

    All but f = `misses(problems, level)` intervals hold at once with probability `level`; whichever
    f those are, they cost at most the f largest distances to the range's ends. Valid for any choice
    of problems among `problems`, even one made by looking at the samples.

    Parameters
    ----------
    low, high : [m]
        Intervals of level `level`, from independent samples.
    problems
        How many problems there were before any were chosen.
    """
    f = misses(problems, level)
    down = np.sort(low)[::-1][:f].sum()
    up = np.sort(most - high)[::-1][:f].sum()
    return float((low.sum() - down) / len(low)), float((high.sum() + up) / len(high))


def median_of_bounds(
    low: Floats, high: Floats, level: float, *, most: float
) -> tuple[float, float]:
    """Interval for the median over problems of parameters in [0, most], from their intervals.

    If at most f intervals miss, the parameters' order statistic of rank r is at least the low ends'
    of rank r - f and at most the high ends' of rank r + f.
    """
    count = len(low)
    f = misses(count, level)
    first, last = (count - 1) // 2 - f, count // 2 + f
    lowest = float(np.sort(low)[first]) if first >= 0 else 0.0
    return lowest, float(np.sort(high)[last]) if last < count else most


def sigma_mean(found: Estimates, counts: Integers, level: float) -> Interval:
    """Mean of sigma_x over the problems that have two samples or more; its ends are approximate.

    With ten problems or more, Student's intervals over problems of two statistics whose
    expectations lie on either side of sigma_x: below, the sample standard deviation (Jensen's
    inequality); above, `over_sigma`. With fewer problems, from their bands. Student's are no proved
    ends: they count on many problems, or unlike ones; `certified.sigma_ends` are.

    Parameters
    ----------
    found
        Estimates at one horizon.
    counts : [m]
        k_x.
    level
        Coverage, about.
    """
    known = np.isfinite(found.sigma)
    sigma, most = found.sigma[known], found.horizon / 2.0
    value = float(sigma.mean())
    if len(sigma) < FEW:
        bands = found.sigma_low[known], found.sigma_high[known]
        return Interval(value, *mean_of_bounds(*bands, level, problems=len(sigma), most=most))
    wide = student(len(sigma), level) / math.sqrt(len(sigma))
    above = over_sigma(found, counts, level)[known]
    low = value - wide * float(sigma.std(ddof=1))
    high = float(above.mean()) + wide * float(above.std(ddof=1))
    return Interval(value, min(max(low, 0.0), most), min(high, most))


def over_sigma(found: Estimates, counts: Integers, level: float) -> Floats:
    """A statistic with mean at least sigma_x, in tokens, for every problem: [m], NaN where k_x = 1.

    (s^2/a + a)/2 has mean (sigma^2/a + a)/2 >= sigma for any a > 0 that is independent of s^2. Here
    s^2 is that of one half of a problem's samples, a^2 a mixture of the other half's and of the
    other problems' mean, and the two ways to do so are averaged. a stays above
    2 H sqrt(log(2/(1 - level))/(N - m)): where the samples of every problem are alike, the mean of
    sigma_x is below half of that with probability (1 + level)/2 (paper_bounds.md).
    """
    known = np.isfinite(found.variance)
    variance = np.where(known, found.variance, 0.0)
    others = (variance.sum() - variance) / max(int(known.sum()) - 1, 1)
    free = float((counts[known] - 1).sum())
    floor = 2.0 * found.horizon * math.sqrt(math.log(2.0 / (1.0 - level)) / max(free, 1.0))
    sizes = np.stack([(counts + 1) // 2, counts // 2])
    # Halves of one sample have no variance; a is then what the other problems have.
    usable = np.isfinite(found.half_variance)
    weight = np.where(usable, sizes / (sizes + _PRIOR), 0.0)
    half = np.where(usable, found.half_variance, 0.0)
    a = np.sqrt(np.maximum(weight * half + (1.0 - weight) * others, floor**2))
    crossed = 0.5 * (half / a[::-1] + a[::-1])
    alone = np.maximum(np.sqrt(others), floor)
    whole = 0.5 * (found.variance / alone + alone)
    return np.where(usable.all(0), crossed.mean(0), whole)


def mean_above(
    found: Estimates, e: int, eps: float, counts: Integers, level: float
) -> Interval | None:
    """Mean of c_x(eps) over the problems whose samples have some spread.

    With ten problems or more, Student's intervals over problems of `reached_least` and
    `reached_most`, whose expectations lie on either side of c_x, less (more) what may be missing:
    SLIP, and below the c_x of problems that happened to show no spread, at most
    c ((1 - c)^k + c^k) each on average (paper_bounds.md). With fewer problems, from their bands.

    Parameters
    ----------
    found
        Estimates at one horizon.
    e, eps
        Which of the levels, and its value.
    counts : [m]
        k_x.
    level
        Coverage.

    Returns
    -------
    None where no problem shows any spread.
    """
    known = np.isfinite(found.sigma)
    chosen = known & (found.sigma > 0)
    size, total = int(chosen.sum()), int(known.sum())
    if size == 0:
        return None
    value, cap = float(found.above[e, chosen].mean()), 1.0 / (1.0 + eps)
    if total < FEW:
        bands = found.above_low[e, chosen], found.above_high[e, chosen]
        return Interval(value, *mean_of_bounds(*bands, level, problems=total, most=cap))
    k = counts[known].astype(float)
    unseen = (k / (k + 1.0)) ** k / (k + 1.0) + cap ** (k + 1.0)
    least, most = found.reached_least[e, known], found.reached_most[e, known]
    wide = student(total, level) * math.sqrt(total)
    low = least.sum() - wide * least.std(ddof=1) - total * SLIP - unseen.sum()
    high = most.sum() + wide * most.std(ddof=1) + total * SLIP * cap
    return Interval(value, max(float(low) / size, 0.0), min(float(high) / size, cap))


def shrunk_sigma(found: Estimates, counts: Integers) -> Floats:
    """sigma_x with each variance moved towards the problems' mean, in tokens: [m].

    B s_x^2 + (1 - B) mean(s^2), B = tau^2/(tau^2 + c/k_x): the best linear predictor of sigma_x^2
    (Buhlmann's credibility), with c/k the mean estimate of Var(s^2) and tau^2 what the variance of
    s^2 over problems has beyond it. NaN where no problem has four samples.
    """
    variance = found.variance
    noisy = np.isfinite(found.variance_noise)
    if not noisy.any():
        return np.full(len(variance), np.nan)
    noise = max(float((found.variance_noise * counts)[noisy].mean()), 0.0) / counts
    known = np.isfinite(variance)
    mean = float(variance[known].mean())
    spread = float(variance[known].var(ddof=1)) if known.sum() > 1 else 0.0
    between = max(spread - float(noise[known].mean()), 0.0)
    share = between / np.maximum(between + noise, np.finfo(float).tiny)
    keep = np.where(noise == 0.0, 1.0, share)
    return np.sqrt(keep * variance + (1.0 - keep) * mean)


def correctness_share(
    found: Estimates, counts: Integers, solutions: Integers, level: float
) -> Interval | None:
    """Share of sigma_x^2, summed over problems, that is due to being right or wrong.

    Var(E[R | correct])/Var(R) = 1 - sum P(correct) Var(R | correct)/sum Var(R). A single correct
    sample shows no variance, so `within` has a mean below P(correct) Var(R | correct); with
    (R - b)^2/k added where there is one, b the mean return of the other problems' correct samples,
    it has one above. The ends are Student's, for ratios of means over problems.

    Parameters
    ----------
    found
        Estimates at one horizon.
    counts, solutions : [m]
        Samples, and correct samples (T finite), of each problem.
    level
        Coverage.

    Returns
    -------
    None where all samples of every problem are alike; [0, 1] with fewer than ten problems that
    have two correct samples, or fewer than ten that have both right and wrong ones.
    """
    known = np.isfinite(found.variance)
    variance, within = found.variance[known], found.within[known]
    total, count = float(variance.sum()), len(variance)
    if total == 0.0:
        return None
    value = 1.0 - float(within.sum()) / total
    k, c = counts[known], solutions[known]
    if min((c > 1).sum(), ((c > 0) & (c < k)).sum()) < FEW:
        return Interval(max(value, 0.0), 0.0, 1.0)
    returned = found.mean[known] * k
    usual = (returned.sum() - returned) / np.maximum(c.sum() - c, 1)
    single = np.where(c == 1, (returned - usual) ** 2 / k, 0.0)

    def end(part: Floats, sign: float) -> float:
        ratio = float(part.sum()) / total
        residual = float((part - ratio * variance).std(ddof=1)) * math.sqrt(count) / total
        return min(max(1.0 - ratio + sign * student(count, level) * residual, 0.0), 1.0)

    return Interval(max(value, 0.0), end(within + single, -1.0), end(within, 1.0))
