"""Attacks on the error of a verifier learned from n labels: T6."""

import math
from decimal import Decimal

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import truths
from antiscale.certify.check import Bound, Pair, check
from antiscale.core.validate import Floats

_DELTA = gene.positive(1e-3, 0.9)
_MASS = gene.share(0.02, 1.0, 1.0)
_LARGE = gene.count(0, 10**9)
_KIND = {
    "uniform": gene.choice(False, True), "delta": _DELTA, "expected": gene.choice(False, True),
}  # fmt: skip


def _errors(pmf: Floats, table: Floats, n: int) -> tuple[Floats, Floats]:
    """The law of the data, and max P(R_r != R) over the version space for each truth: [N, K]."""
    counts = truths.count_vectors(n, len(pmf))
    law = truths.law_of_counts(pmf[None], n)[0]
    differ = table[:, None] != table
    apart = differ @ pmf
    clash = (differ[None] & (counts > 0)[:, None, None]).any(-1)
    return law, np.where(clash, 0.0, apart).max(-1)


@check(
    "T6a", "few types", "all data sets", pmf=gene.pmf(2, 4), table=gene.table(8, "pmf"),
    members=gene.count(1, 8), n=gene.count(0, 8), **_KIND,
)  # fmt: skip
def _verifier(
    bound: Bound, pmf: Floats, table: Floats, members: int, n: int, uniform: bool, delta: float,
    expected: bool,
) -> Pair:  # fmt: skip
    table = np.unique(np.round(table[:members] / 8) * 8, axis=0)
    law, left = _errors(pmf, table, n)
    error = left.max(-1) if uniform else left[:, 0]
    place = {"n": n, "log_class_size": math.log(len(table)), "uniform": uniform}
    if expected:
        return bound(**place), law @ error
    return bound(delta=delta, **place), truths.quantile(law, error, delta)


@check("T6a", "two members", "powers to fifty digits", e=gene.share(), large=_LARGE, **_KIND)
def _verifier_of_two(
    bound: Bound, e: float, large: int, uniform: bool, delta: float, expected: bool
) -> Pair:
    """Two members that differ with probability e: they agree on n labels with (1 - e)^n."""
    place = {"n": large, "log_class_size": math.log(2), "uniform": uniform}
    agree = float(truths.power(1 - Decimal(e), large))
    if expected:
        return bound(**place), e * agree
    return bound(delta=delta, **place), e if agree > delta * (1 + 1e-12) else 0.0


@check("T6b", "few blocks", "all data sets", pmf=gene.pmf(1, 4), rho=_MASS, n=gene.count(0, 8))
def _unseen(bound: Bound, pmf: Floats, rho: float, n: int) -> Pair:
    counts = truths.counts_shown(len(pmf), n, rho)
    law = truths.shown(pmf[None], n, rho)[0]
    value = rho * bound(style_mass=pmf, n=n, prompt_mass=rho)
    return value, rho * float(law @ ((counts == 0) @ pmf))


@check(
    "T6b", "many blocks", "powers to fifty digits", pmf=gene.pmf(5, 200), rho=_MASS, large=_LARGE
)
def _unseen_far(bound: Bound, pmf: Floats, rho: float, large: int) -> Pair:
    """Many blocks, any n: sums to fifty digits."""
    missed = (Decimal(p) * truths.power(1 - Decimal(rho) * Decimal(p), large) for p in pmf)
    return bound(style_mass=pmf, n=large, prompt_mass=rho), sum(missed, Decimal(0))


@check(
    "T6b", "styles", "all data sets and truths", pmf=gene.pmf(2, 5), returns=gene.table(1, "pmf"),
    blocks=gene.count(1, 3), mirrors=gene.choice(False, True), n=gene.count(0, 6),
)  # fmt: skip
def _unseen_styles(
    bound: Bound, pmf: Floats, returns: Floats, blocks: int, mirrors: bool, n: int
) -> Pair:
    """T6b (iv): the largest error over all truths of a class of styles, over all data sets."""
    table = truths.styles(pmf, returns, blocks, mirrors=mirrors)
    if table is None or blocks > len(pmf):
        return None
    law, left = _errors(pmf, table, n)
    mass = np.bincount(np.arange(len(pmf)) % blocks, weights=pmf)
    return bound(style_mass=mass, n=n), law @ left.max(-1)


@check(
    "T6c", "few blocks", "random walks", pmf=gene.pmf(1, 4), rho=_MASS, n=gene.count(0, 100),
    eta=gene.share(0.0, 0.49, 0.0), tolerance=gene.count(0, 6),
)  # fmt: skip
def _unseen_noisy(
    bound: Bound, pmf: Floats, rho: float, n: int, eta: float, tolerance: int
) -> Pair:
    truth = 0.0
    for mass in pmf:
        law = truths.random_walk(n, rho * mass * (1 - eta), rho * mass * eta)
        truth += mass * law[np.arange(-n, n + 1) <= tolerance].sum()
    value = bound(style_mass=pmf, n=n, noise=eta, tolerance=tolerance, prompt_mass=rho)
    return rho * value, rho * float(truth)


@check(
    "T6d", "few blocks", "all data sets", pmf=gene.pmf(1, 4), rho=gene.share(0.02, 0.98),
    n=gene.count(0, 8), delta=_DELTA,
)  # fmt: skip
def _unseen_often(bound: Bound, pmf: Floats, rho: float, n: int, delta: float) -> Pair:
    joint = np.concatenate([rho * pmf, (1 - rho) * pmf])
    joint = joint[joint > 0]
    if len(joint) > 5:
        joint = joint[:5] / joint[:5].sum()
    counts = truths.count_vectors(n, len(joint))
    law = truths.law_of_counts(joint[None], n)[0]
    unseen = (counts == 0) @ joint
    value = bound(style_mass=joint, n=n, delta=delta, prompt_mass=1.0)
    return value, truths.quantile(law, unseen, delta)
