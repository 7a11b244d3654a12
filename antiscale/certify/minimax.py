"""Risks of cloning games at one prompt: experts pi_b (1 + theta g), loss |theta - D(data)|.

A bound for every learner may not exceed the worst risk of any of them; a Bayes bound may not exceed
the risk of the posterior median.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
from scipy import linalg, optimize, special

from antiscale.certify import truths
from antiscale.core.validate import Floats

# Experts at which a learner's risk is taken, and how many more around the worst of them.
_COARSE, _FINE = 33, 17
# From experts theta [K] to the laws of what is seen of the prompt, [K, N].
LawOf = Callable[[Floats], Floats]


def standardised(pmf: Floats, returns: Floats) -> Floats:
    """G = (R - J)/sigma, sigma > 0."""
    # From the heaviest type, whose return is all but the mean where it has nearly all the mass.
    away = returns - returns[np.argmax(pmf)]
    centred = away - pmf @ away
    return centred / np.sqrt(pmf @ centred**2)


def largest_theta(pmf: Floats, returns: Floats, kappa: float) -> float:
    """The largest theta with pi_b (1 + theta g) a policy of the ball; sigma > 0."""
    worst = float(np.abs(standardised(pmf, returns)[pmf > 0]).max())
    return min(math.sqrt(kappa), 1 / worst)


def thetas(base: Floats, centre: Floats, returns: Floats, kappa: float) -> tuple[float, float]:
    """The ends of the interval of theta in which centre (1 + theta g) is in the ball; sigma > 0.

    By bisection on what it is to be a policy of the ball.
    """
    held = base > 0
    base, centre, g = base[held], centre[held], standardised(centre, returns)[held]

    def end(sign: float) -> float:
        inside, outside = 0.0, 1.0
        while _in_ball(base, centre * (1 + sign * outside * g), kappa) and outside < 1e12:
            inside, outside = outside, 2 * outside
        for _ in range(200):
            middle = (inside + outside) / 2
            if _in_ball(base, centre * (1 + sign * middle * g), kappa):
                inside = middle
            else:
                outside = middle
        return sign * inside

    return end(-1.0), end(1.0)


def _in_ball(base: Floats, policy: Floats, kappa: float) -> bool:
    divergence = float((policy**2 / base).sum()) - 1
    return bool(policy.min() >= -1e-15) and divergence <= kappa * (1 + 1e-9) + 1e-12


def law_of_experts(pmf: Floats, g: Floats, theta: Floats, n: int, rho: float) -> Floats:
    """The law of what n samples show of the prompt, for every expert theta: [K, N]."""
    policies = np.maximum(pmf * (1 + theta[:, None] * g), 0.0)
    return truths.shown(policies, n, rho)


def median_learner(theta: Floats, law: Floats) -> Floats:
    """The posterior median under the uniform prior on theta, for every data set: [N]."""
    below = np.cumsum(law, axis=0)
    return theta[np.argmax(below >= below[-1] / 2 * (1 - 1e-12), axis=0)]


def median_risk(theta: Floats, law: Floats) -> float:
    """Min over D of the mean over theta (uniform) of E|theta - D(data)|."""
    played = median_learner(theta, law)
    return float((law * np.abs(theta[:, None] - played)).sum()) / len(theta)


def worst_risk(
    pmf: Floats, returns: Floats, most: float, n: int, rho: float, *, least: float | None = None
) -> float:
    """The least worst-expert risk among many learners, over theta in [least, most], per sigma.

    `least` is -most unless stated otherwise; `pmf` is the expert at theta = 0.

    The learners: the clone, three shrunken ones (0 is the base policy), and posterior medians under
    uniform priors and two-point priors of several widths.
    """
    g = standardised(pmf, returns)
    least = -most if least is None else least
    law_of = functools.partial(law_of_experts, pmf, g, n=n, rho=rho)
    theta = np.linspace(least, most, _COARSE)
    law = law_of(theta)
    counts = truths.counts_shown(len(pmf), n, rho)
    total = counts.sum(-1)
    clone = np.where(total > 0, counts @ g / np.maximum(total, 1), 0.0)
    played = [np.clip(clone * shrink, least, most) for shrink in (1.0, 0.8, 0.5, 0.0)]
    middle = _COARSE // 2
    for half in (1, 2, 4, 8, middle):
        inside = slice(middle - half, middle + half + 1)
        played.append(median_learner(theta[inside], law[inside]))
        played.append(median_learner(theta[inside][:: 2 * half], law[inside][:: 2 * half]))
    learners = np.array(played)
    # |theta - D| over all learners and experts at once: [learners, K].
    risks = np.einsum("kn,lkn->lk", law, np.abs(theta[None, :, None] - learners[:, None, :]))
    at = np.argmax(risks, axis=1)
    return min(
        _refined(law_of, theta, int(k), risk, played_)
        for k, risk, played_ in zip(at, risks.max(1), learners, strict=True)
        if risk <= 1.02 * risks.max(1).min()
    )


def _refined(law_of: LawOf, theta: Floats, k: int, risk: float, played: Floats) -> float:
    """A learner's worst risk, looked for more closely around the worst expert so far."""
    low, high = theta[max(k - 1, 0)], theta[min(k + 1, len(theta) - 1)]
    for _ in range(2):
        fine = np.linspace(low, high, _FINE)
        risks = (law_of(fine) * np.abs(fine[:, None] - played)).sum(-1)
        at = int(np.argmax(risks))
        risk = max(risk, float(risks[at]))
        low, high = fine[max(at - 1, 0)], fine[min(at + 1, _FINE - 1)]
    # The risk is smooth but for kinks at D; what the last grid can hide is far below this. At the
    # ends it hides nothing.
    return risk if at in (0, _FINE - 1) else risk * (1 + 1e-5)


def program_risk(pmf: Floats, returns: Floats, most: float, n: int, rho: float) -> float | None:
    """The minimax risk in units of sigma, by a linear program over learners, or None.

    The program's learner is best against 9 experts; its worst risk over all of them is returned.
    """
    law_of = functools.partial(law_of_experts, pmf, standardised(pmf, returns), n=n, rho=rho)
    theta = np.linspace(-most, most, 9)
    played = _minimax_learner(theta, law_of(theta))
    if played is None:
        return None
    fine = np.linspace(-most, most, 8 * _COARSE + 1)
    risks = (law_of(fine) * np.abs(fine[:, None] - played)).sum(-1)
    k = int(np.argmax(risks))
    return _refined(law_of, fine, k, float(risks[k]), played)


def _minimax_learner(theta: Floats, law: Floats) -> Floats | None:
    """The D(data) that minimises max over theta of E|theta - D(data)|."""
    k, n = law.shape
    # Variables: D [n], a [k, n] >= |theta_i - D|, t >= sum_n law_in a_in.
    signs, same = np.tile([1.0, -1.0], k), np.eye(n)
    risk = np.hstack([np.zeros((k, n)), linalg.block_diag(*law), -np.ones((k, 1))])
    apart = np.hstack([
        np.kron(-signs[:, None], same), np.kron(np.repeat(np.eye(k), 2, axis=0), -same),
        np.zeros((2 * k * n, 1)),
    ])  # fmt: skip
    limits = np.concatenate([np.zeros(k), np.repeat(-signs * np.repeat(theta, 2), n)])
    cost = np.eye(1, n + k * n + 1, n + k * n)[0]
    box = [(theta[0], theta[-1])] * n + [(0, None)] * (k * n) + [(0, None)]
    rows = np.concatenate([risk, apart])
    found = optimize.linprog(cost, rows, limits, bounds=box, method="highs")
    return None if found.x is None else found.x[:n]


def mean_deviation(n: int, p: float) -> float:
    """E|N/n - p| for N ~ Binomial(n, p): De Moivre's closed form."""
    if p <= 0 or p >= 1 or n == 0:
        return 0.0
    k = int(np.floor(n * p)) + 1
    log = special.betaln(k + 1, n - k + 1) + np.log1p(n)  # -log of the binomial coefficient
    return float(
        2 * (1 - p) * k / n * np.exp(-log + special.xlogy(k, p) + special.xlog1py(n - k, -p))
    )


def two_type_risk(q: float, most: float, n: int, *, least: float | None = None) -> float:
    """For types of mass 1 - q and q: the least worst risk of the clone and of a constant learner.

    Experts have theta in [least, most]; `least` is -most unless stated otherwise.
    """
    least = -most if least is None else least
    half = float(most - least) / 2
    if n == 0:
        return half
    sigma = np.sqrt(q * (1 - q))
    _, risk = truths.zoom(
        lambda grid: -np.array([mean_deviation(n, float(q + t * sigma)) for t in grid]),
        least, most, points=65, rounds=2,
    )  # fmt: skip
    return float(min(-risk / sigma * (1 + 1e-4), half))


def overlap_of_binomials(n: int, first: float, second: float) -> float:
    """1 - TV of Binomial(n, first) and Binomial(n, second), first < second, from their cdfs."""
    if first >= second:
        return 1.0
    if first <= 0 or second >= 1:
        # One of them is a point mass: what the other puts there.
        return float(((1.0 - second) if first <= 0 else first) ** n)
    odds = np.log(second) - np.log(first) + np.log1p(-first) - np.log1p(-second)
    c = math.floor(n * (np.log1p(-first) - np.log1p(-second)) / odds)
    below = truths.binomial_cdf(c, n, second)
    above = 1.0 - truths.binomial_cdf(c, n, first)
    return min(below + above, 1.0)
