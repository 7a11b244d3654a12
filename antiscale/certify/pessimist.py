"""Verification games at one prompt, solved for every truth and every set of types seen."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from antiscale.certify import truths
from antiscale.core.validate import Floats


class Game(NamedTuple):
    """A pessimist against every truth: a row per set of types seen.

    Attributes
    ----------
    chance : [2^S]
        Probability that the types seen are exactly these.
    regret, error : [2^S]
        The largest regret over truths; the largest P(R_r != R) over truths and version spaces.
    max_ratio, sigma, coverage
        W, the largest sigma and the least ct_0 over truths.
    """

    chance: Floats
    regret: Floats
    error: Floats
    max_ratio: float
    sigma: float
    coverage: float

    @property
    def risk(self) -> float:
        """E sup over truths of the regret."""
        return float(self.chance @ self.regret)

    @property
    def mistake(self) -> float:
        """E sup over truths of the largest P(R_r != R) in the version space."""
        return float(self.chance @ self.error)


def chances(pmf: Floats, n: int, rho: float) -> Floats:
    """P(the types seen in n samples are exactly these) for each subset, by inclusion-exclusion.

    Subsets in the order of itertools.product((False, True), repeat=S): the last type runs fastest.
    """
    size = len(pmf)
    subsets = np.array(list(itertools.product((False, True), repeat=size)))
    outside = rho * ((~subsets) @ pmf)
    # P(all seen lie in A) for each A, then differences over each type in turn.
    with np.errstate(divide="ignore"):
        power = np.log1p(-np.minimum(outside, 1.0))
    inside = np.exp(n * power) if n > 0 else np.ones(len(subsets))
    cube = inside.reshape((2,) * size)
    for axis in range(size):
        empty, full = np.take(cube, 0, axis), np.take(cube, 1, axis)
        cube = np.stack([empty, full - empty], axis)
    return np.maximum(cube.ravel(), 0.0)


def play(
    pmf: Floats, table: Floats, kappa: float, n: int, rho: float, *, wide: bool,
    mirrored: float | None = None,
) -> Game | None:  # fmt: skip
    """The pessimist of a finite class of rewards [K, S] that holds every truth.

    None where a version space has no least member, and the base policy may not be played instead.
    It may where r and H - r are both left, H being `mirrored` if that is given.
    """
    size = len(pmf)
    subsets = np.array(list(itertools.product((False, True), repeat=size)))
    agree = (table[:, None] == table) | ~subsets[:, None, None, :]
    held = agree.all(-1)  # [2^S, truth, member]
    feared = np.where(held[..., None], table, np.inf).min(2)  # [2^S, truth, S]
    member = ((feared[:, :, None, :] == table).all(-1) & held).any(-1)
    best, optimal = truths.best_in_ball(pmf, table, kappa)
    rows, which = np.unique(feared.reshape(-1, size), axis=0, return_inverse=True)
    played = truths.best_in_ball(pmf, rows, 1e12 if wide else kappa)[1][which.ravel()]
    played = played.reshape(feared.shape)
    if mirrored is not None:
        twin = (table[:, None] == mirrored - table).all(-1)  # [member, its mirror]
        # The truth's own mirror is left: then the base policy is played.
        idle = (held & twin[None]).any(-1)
        played = np.where(idle[..., None], pmf, played)
        member = member | idle
    if not member.all():
        return None
    regret = best - (played * table).sum(-1)
    apart = (table[:, None] != table) @ pmf
    held_apart = np.where(held, apart, 0.0)
    alive = pmf > 0
    mean = table @ pmf
    level = best[:, None] - 1e-9 * max(float(table.max()), 1.0)
    return Game(
        chances(pmf, n, rho),
        regret.max(1),
        held_apart.max((1, 2)),
        max(1.0, float((optimal[:, alive] / pmf[alive]).max())),
        float(np.sqrt((pmf * (table - mean[:, None]) ** 2).sum(-1).max())),
        float(((table >= level) @ pmf).min()),
    )


class Pair(NamedTuple):
    """Two members and nothing seen that tells them apart: each one's regret and measures."""

    regret: float
    apart: float
    max_ratio: float
    sigma: float
    coverage: float


def play_pair(pmf: Floats, table: Floats, kappa: float) -> Pair | None:
    """The pessimist of Pi_kappa against two rewards [2, S] by its saddle point.

    None where the best response to the worst mixture is not unique, so that it need not be the
    pessimist's policy.
    """
    best, optimal = truths.best_in_ball(pmf, table, kappa)
    low, high = 0.0, 1.0
    for _ in range(8):
        q = np.linspace(low, high, 17)
        mixed = q[:, None] * table[0] + (1 - q[:, None]) * table[1]
        values, policies = truths.best_in_ball(pmf, mixed, kappa)
        k = int(np.argmin(values))
        low, high = q[max(k - 1, 0)], q[min(k + 1, 16)]
    played = policies[k]
    if (table @ played).min() < values[k] - 1e-7 * float(np.ptp(table)):
        return None
    alive = pmf > 0
    mean = table @ pmf
    level = best[:, None] - 1e-9 * float(table.max())
    return Pair(
        float((best - table @ played).max()),
        float((table[0] != table[1]) @ pmf),
        max(1.0, float((optimal[:, alive] / pmf[alive]).max())),
        float(np.sqrt((pmf * (table - mean[:, None]) ** 2).sum(-1).max())),
        float(((table >= level) @ pmf).min()),
    )


class Noisy(NamedTuple):
    """The pessimist under reversed labels: its risk, what is unsettled, and what is ruled out."""

    risk: float
    unsettled: float
    ruled_out: float


def play_noisy(
    pmf: Floats, high: float, kappa: float, n: int, eta: float, tolerance: int, *, wide: bool
) -> Noisy:
    """Free labels {0, high} per type; each label is reversed with probability eta.

    A verdict stays possible while at most `tolerance` more labels speak against it than for it.
    """
    size = len(pmf)
    counts = truths.count_vectors(n, 2 * size)
    law = truths.law_of_counts(np.concatenate([pmf * (1 - eta), pmf * eta])[None], n)[0]
    lead = counts[:, :size] - counts[:, size:]
    # Of each type: is the true verdict left, is the false one?
    true_left, false_left = -lead <= tolerance, lead <= tolerance
    status = np.concatenate([true_left, false_left], axis=1)
    kinds, where = np.unique(status, axis=0, return_inverse=True)
    table = np.array(list(itertools.product((0.0, high), repeat=size)))
    best, _ = truths.best_in_ball(pmf, table, kappa)
    regret = np.zeros(len(kinds))
    for k, row in enumerate(kinds):
        own, other = row[:size], row[size:]
        flipped = high - table
        # The least of what is left; a type with nothing left is feared to be worth nothing.
        feared = np.where(own & other, 0.0, np.where(own, table, np.where(other, flipped, 0.0)))
        _, played = truths.best_in_ball(pmf, feared, 1e12 if wide else kappa)
        regret[k] = (best - (played * table).sum(-1)).max()
    settled = true_left & ~false_left
    return Noisy(
        float(law @ regret[where.ravel()]),
        float(law @ (~settled @ pmf)),
        float(law @ (~true_left).sum(-1)),
    )


def light_regret(c: float, d: int, n: int, kappa: float, *, heavy: Floats, high: float) -> float:
    """The Bayes regret of T8's instances by writing down all labels and all sets of light types.

    d light types of mass c/n, labels uniform in {0, high}; heavy types of known returns share the
    rest evenly.
    """
    mass = np.concatenate([np.full(d, c / n), np.full(len(heavy), (1 - c * d / n) / len(heavy))])
    labels = np.array(list(itertools.product((0.0, high), repeat=d)))
    table = np.concatenate([labels, np.broadcast_to(heavy, (len(labels), len(heavy)))], axis=1)
    informed = truths.best_in_ball(mass, table, kappa)[0].mean()
    total = 0.0
    seen_sets = list(itertools.product((False, True), repeat=d))
    for seen in seen_sets:
        known = np.concatenate([np.array(seen, dtype=bool), np.ones(len(heavy), dtype=bool)])
        mean = np.where(known, table, high / 2)
        value = truths.best_in_ball(mass, mean, kappa)[0].mean()
        k = sum(seen)
        # P(exactly these light types are seen).
        chance = sum(
            (-1) ** (k - j) * math.comb(k, j) * (1 - c * (d - j) / n) ** n for j in range(k + 1)
        )
        total += chance * value
    return float(informed - total)
