"""Attacks on what every learner must lose: T8."""

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import pessimist
from antiscale.certify.check import TOP, Bound, Pair, check
from antiscale.risks.rare_types import LightTypes

_FAST = {"n": gene.count(2, 10**6), "kappa": gene.positive(1e-3, 1.0)}
_SLOW = {
    "n": gene.count(2, 10**6), "kappa": gene.positive(1e-3, 1e2), "c": gene.positive(0.05, 3.0),
}  # fmt: skip


def _allowed(d: int, n: int, kappa: float, c: float | None = None) -> bool:
    """Whether T8a (T8b where c is given) holds for d types of mass c/n each."""
    share = (1.0 if c is None else c) * d / n
    return share < 1 and kappa <= ((1 - share) / (1 + share) if c is None else 1 / share - 1)


@check("T8a", "any number", "sums over counts", d=gene.choice(1, 2, 4), **_FAST)
def _fast(bound: Bound, d: int, n: int, kappa: float) -> Pair:
    if not _allowed(d, n, kappa):
        return None
    model = LightTypes(horizon=TOP, n=n, light=d, heavy_gap=TOP / 2, light_gap=TOP / 2, kappa=kappa)
    return bound(horizon=TOP, n=n, light=d, kappa=kappa), max(model.bayes_regret(), 0.0)


@check("T8a", "few types", "all labels and data sets", d=gene.count(1, 4), **_FAST)
def _fast_listed(bound: Bound, d: int, n: int, kappa: float) -> Pair:
    if not _allowed(d, n, kappa):
        return None
    heavy = np.array([TOP, 0.0])
    truth = pessimist.light_regret(1.0, d, n, kappa, heavy=heavy, high=TOP)
    return bound(horizon=TOP, n=n, light=d, kappa=kappa), max(truth, 0.0)


@check("T8b", "any number", "sums over counts", d=gene.choice(1, 4, 24), **_SLOW)
def _slow(bound: Bound, d: int, n: int, kappa: float, c: float) -> Pair:
    if not _allowed(d, n, kappa, c):
        return None
    model = LightTypes(
        horizon=TOP, n=n, light=d, expected=c, heavy_gap=0.0, light_gap=TOP / 2, kappa=kappa
    )
    value = bound(horizon=TOP, n=n, light=d, kappa=kappa, expected=c)
    return value, max(model.bayes_regret(), 0.0)


@check("T8b", "few types", "all labels and data sets", 16, d=gene.count(1, 5), **_SLOW)
def _slow_listed(bound: Bound, d: int, n: int, kappa: float, c: float) -> Pair:
    if not _allowed(d, n, kappa, c):
        return None
    truth = pessimist.light_regret(c, d, n, kappa, heavy=np.array([TOP / 2]), high=TOP)
    return bound(horizon=TOP, n=n, light=d, kappa=kappa, expected=c), max(truth, 0.0)
