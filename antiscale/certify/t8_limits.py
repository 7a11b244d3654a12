"""Attacks on what every learner must lose: T8."""

import math
from typing import Any

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import pessimist
from antiscale.certify.check import TOP, Bound, Pair, check
from antiscale.risks.rare_types import LightTypes

_FAST = {"n": gene.count(2, 10**6), "kappa": gene.positive(1e-3, 1.0)}
_SLOW = {
    "n": gene.count(2, 10**6), "kappa": gene.positive(1e-3, 1e2), "c": gene.positive(0.05, 3.0),
}  # fmt: skip
_NOISY = {
    "kappa": gene.positive(1e-3, 1.0), "s": gene.positive(0.02, 3.0),
    "eta": gene.share(0.0, 0.45, 0.0),
}  # fmt: skip


def _allowed(d: int, n: int, kappa: float, c: float | None = None) -> bool:
    """Whether T8a (T8b where c is given) holds for d types of mass c/n each."""
    share = (1.0 if c is None else c) * d / n
    return share < 1 and kappa <= ((1 - share) / (1 + share) if c is None else 1 / share - 1)


def _bounded(bound: Bound, d: int, n: int, kappa: float, c: float | None) -> Any:
    expected = {} if c is None else {"expected": c}
    return bound(horizon=TOP, n=n, light=d, kappa=kappa, **expected)


@check("T8a", "any number", "sums over counts", d=gene.choice(1, 2, 4), **_FAST)
@check("T8b", "any number", "sums over counts", d=gene.choice(1, 4, 24), **_SLOW)
def _summed(bound: Bound, d: int, n: int, kappa: float, c: float | None = None) -> Pair:
    if not _allowed(d, n, kappa, c):
        return None
    expected, heavy_gap = (1.0, TOP / 2) if c is None else (c, 0.0)
    model = LightTypes(
        horizon=TOP, n=n, light=d, expected=expected, heavy_gap=heavy_gap, light_gap=TOP / 2,
        kappa=kappa,
    )  # fmt: skip
    return _bounded(bound, d, n, kappa, c), max(model.bayes_regret(), 0.0)


@check("T8c", "one type", "random walks", d=gene.choice(1), n=gene.count(2, 200), **_NOISY)
@check("T8c", "two types", "all labels and data sets", 16, d=gene.choice(2), n=gene.count(3, 8),
       **_NOISY)  # fmt: skip
def _noisy(bound: Bound, d: int, n: int, kappa: float, s: float, eta: float) -> Pair:
    share = d * s / ((1 - 2 * math.sqrt(eta * (1 - eta))) * n)
    if s > n or share >= 1 or kappa > (1 - share) / (1 + share):
        return None
    truth = pessimist.noisy_light_regret(s, d, n, kappa, eta, high=TOP)
    value = bound(horizon=TOP, n=n, light=d, kappa=kappa, noise=eta, expected=s)
    return value, max(truth, 0.0)


@check("T8a", "few types", "all labels and data sets", d=gene.count(1, 4), **_FAST)
@check("T8b", "few types", "all labels and data sets", 16, d=gene.count(1, 5), **_SLOW)
def _listed(bound: Bound, d: int, n: int, kappa: float, c: float | None = None) -> Pair:
    if not _allowed(d, n, kappa, c):
        return None
    expected, heavy = (1.0, [TOP, 0.0]) if c is None else (c, [TOP / 2])
    truth = pessimist.light_regret(expected, d, n, kappa, heavy=np.array(heavy), high=TOP)
    return _bounded(bound, d, n, kappa, c), max(truth, 0.0)
