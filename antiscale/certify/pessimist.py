"""Verification games at one prompt, solved for every truth and every set of types seen."""

import math
from typing import NamedTuple

import numpy as np

from antiscale.certify import truths
from antiscale.core.validate import Floats


class Game(NamedTuple):
    """What a pessimist loses to every truth, and what its bounds need.

    Attributes
    ----------
    risk, mistake
        E sup over truths of the regret, and of the largest P(R_r != R) in the version space.
    max_ratio, sigma, coverage
        W, the largest sigma and the least ct_0 over truths.
    failure
        Expected number of types whose true label is ruled out.
    """

    risk: float
    mistake: float
    max_ratio: float
    sigma: float
    coverage: float
    failure: float = 0.0


def _game(
    risk: float, mistake: float, pmf: Floats, table: Floats, best: Floats, optimal: Floats,
    failure: float = 0.0,
) -> Game:  # fmt: skip
    """The game whose truths are `table` [K, S], with the ball's optima and their values."""
    mean = table @ pmf
    level = best[:, None] - 1e-9 * max(float(table.max()), 1.0)
    return Game(
        float(risk),
        float(mistake),
        truths.max_ratio(pmf, optimal),
        float(np.sqrt((pmf * (table - mean[:, None]) ** 2).sum(-1).max())),
        float(((table >= level) @ pmf).min()),
        float(failure),
    )


def chances(pmf: Floats, n: int, rho: float) -> Floats:
    """P(the types seen in n samples are exactly these) for each subset, by inclusion-exclusion.

    Subsets in the order of itertools.product((False, True), repeat=S): the last type runs fastest.
    """
    size = len(pmf)
    outside = rho * (~truths.subsets(size) @ pmf)
    # P(all seen lie in A) for each A, then differences over each type in turn.
    with np.errstate(divide="ignore"):
        power = np.log1p(-np.minimum(outside, 1.0))
    inside = np.exp(n * power) if n > 0 else np.ones(2**size)
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
    agree = (table[:, None] == table) | ~truths.subsets(size)[:, None, None, :]
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
    apart = np.where(held, (table[:, None] != table) @ pmf, 0.0)
    chance = chances(pmf, n, rho)
    return _game(chance @ regret.max(1), chance @ apart.max((1, 2)), pmf, table, best, optimal)


def play_pair(pmf: Floats, table: Floats, kappa: float) -> Game | None:
    """The pessimist of Pi_kappa against two rewards [2, S] that no label separated.

    None where the best response to the worst mixture is not unique, so that it need not be the
    pessimist's policy.
    """
    best, optimal = truths.best_in_ball(pmf, table, kappa)

    def played(q: Floats) -> tuple[Floats, Floats]:
        mixed = q[:, None] * table[0] + (1 - q[:, None]) * table[1]
        return truths.best_in_ball(pmf, mixed, kappa)

    worst, value = truths.zoom(lambda q: played(q)[0], 0.0, 1.0, points=17, rounds=8)
    policy = played(np.array([worst]))[1][0]
    if (table @ policy).min() < value - 1e-7 * float(np.ptp(table)):
        return None
    apart = (table[0] != table[1]) @ pmf
    return _game((best - table @ policy).max(), apart, pmf, table, best, optimal)


def play_noisy(
    pmf: Floats, high: float, kappa: float, n: int, eta: float, tolerance: int, *, wide: bool
) -> Game:
    """Free labels {0, high} per type; each label is reversed with probability eta.

    A verdict stays possible while at most `tolerance` more labels contradict it than support it.
    """
    size = len(pmf)
    counts = truths.count_vectors(n, 2 * size)
    law = truths.law_of_counts(np.concatenate([pmf * (1 - eta), pmf * eta])[None], n)[0]
    lead = counts[:, :size] - counts[:, size:]
    # Of each type: is the true verdict left, is the false one?
    true_left, false_left = -lead <= tolerance, lead <= tolerance
    status = np.concatenate([true_left, false_left], axis=1)
    kinds, where = np.unique(status, axis=0, return_inverse=True)
    table = truths.free_labels(size, high)
    best, optimal = truths.best_in_ball(pmf, table, kappa)
    regret = np.zeros(len(kinds))
    for k, row in enumerate(kinds):
        own, other = row[:size], row[size:]
        flipped = high - table
        # The least of what is left; a type with nothing left is feared to be worth nothing.
        feared = np.where(own & other, 0.0, np.where(own, table, np.where(other, flipped, 0.0)))
        _, played = truths.best_in_ball(pmf, feared, 1e12 if wide else kappa)
        regret[k] = (best - (played * table).sum(-1)).max()
    settled = true_left & ~false_left
    return _game(
        law @ regret[where.ravel()], law @ (~settled @ pmf), pmf, table, best, optimal,
        law @ (~true_left).sum(-1),
    )  # fmt: skip


def light_regret(c: float, d: int, n: int, kappa: float, *, heavy: Floats, high: float) -> float:
    """The Bayes regret of T8's instances by writing down all labels and all sets of light types.

    d light types of mass c/n, labels uniform in {0, high}; heavy types of known returns share the
    rest evenly.
    """
    mass = np.concatenate([np.full(d, c / n), np.full(len(heavy), (1 - c * d / n) / len(heavy))])
    labels, seen_sets = truths.free_labels(d, high), truths.subsets(d)
    table = np.concatenate([labels, np.broadcast_to(heavy, (len(labels), len(heavy)))], axis=1)
    informed = truths.best_in_ball(mass, table, kappa)[0].mean()
    total = 0.0
    for seen in seen_sets:
        known = np.concatenate([seen, np.ones(len(heavy), dtype=bool)])
        mean = np.where(known, table, high / 2)
        value = truths.best_in_ball(mass, mean, kappa)[0].mean()
        k = int(seen.sum())
        # P(exactly these light types are seen).
        chance = sum(
            (-1) ** (k - j) * math.comb(k, j) * (1 - c * (d - j) / n) ** n for j in range(k + 1)
        )
        total += chance * value
    return float(informed - total)


def noisy_light_regret(s: float, d: int, n: int, kappa: float, eta: float, *, high: float) -> float:
    """The Bayes regret of T8c's instance by writing down all labels and all noisy data sets.

    d light types of mass s/(c n), labels uniform in {0, high} and shown reversed with probability
    eta; two heavy types return `high` and 0.
    """
    each = s / ((1 - 2 * math.sqrt(eta * (1 - eta))) * n)
    mass = np.concatenate([np.full(d, each), np.full(2, (1 - d * each) / 2)])
    labels = truths.free_labels(d, high)
    table = np.concatenate([labels, np.broadcast_to([high, 0.0], (len(labels), 2))], axis=1)
    informed = truths.best_in_ball(mass, table, kappa)[0].mean()
    if d == 1:
        # One light type: its labels' lead is a random walk.
        law = truths.random_walk(n, each * (1 - eta), each * eta)
        laws = np.stack([law[::-1], law])
    else:
        says = np.where(labels > 0, 1 - eta, eta)
        rates = [says * each, (1 - says) * each, np.full((len(labels), 1), 1 - d * each)]
        laws = truths.law_of_counts(np.concatenate(rates, axis=1), n)
    there = laws.sum(0) > 0
    joint = laws[:, there].mean(0)
    belief = laws[:, there] / laws[:, there].sum(0)
    value = truths.best_in_ball(mass, belief.T @ table, kappa)[0]
    return float(informed - joint @ value)


def tolerant(
    pmf: Floats, members: Floats, label: Floats, kappa: float, counts: Floats, allowed: float
) -> Floats | None:
    """The policy that T7d's learner plays for each data set of counts [N, S]: [N, S].

    `members` [2, S] are the class, `label` [S] the truth. None where a best response to the worst
    mixture is not unique.
    """
    off = np.abs(members - label)
    total = np.maximum(counts.sum(-1, keepdims=True), 1)
    kept = (counts @ off.T) / total <= allowed * (1 + 1e-12) + 1e-15
    alone = truths.best_in_ball(pmf, members, kappa)[1]
    choices = [pmf, alone[0], alone[1], pmf]
    both = kept.all(-1)
    if both.any():

        def mixed(q: Floats) -> tuple[Floats, Floats]:
            mixture = q[:, None] * members[0] + (1 - q[:, None]) * members[1]
            return truths.best_in_ball(pmf, mixture, kappa)

        worst, value = truths.zoom(lambda q: mixed(q)[0], 0.0, 1.0, points=17, rounds=8)
        choices[3] = mixed(np.array([worst]))[1][0]
        if (members @ choices[3]).min() < value - 1e-7 * max(float(np.ptp(members)), 1e-12):
            return None
    found: Floats = np.array(choices)[kept @ np.array([1, 2])]
    return found
