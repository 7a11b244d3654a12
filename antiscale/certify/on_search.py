"""Attacks on what is proved of search: T10."""

from __future__ import annotations

import math

import numpy as np

from antiscale.certify import genes, truths
from antiscale.certify.check import Bound, Check, Evaluate, Pair, array, number
from antiscale.certify.genes import Instance
from antiscale.validate import Floats


def _divergence(kind: str, pmf: Floats, scores: Floats, n: float, bound: Bound) -> Pair:
    law = truths.best_of_n(pmf, scores, n)
    w = np.divide(law, pmf, out=np.zeros_like(law), where=pmf > 0)
    if w.max() > n * (1 + 1e-9):
        return math.nan, 1.0
    if kind == "kl":
        truth = float((law * np.log(np.where(law > 0, w, 1.0))).sum())
    else:
        truth = float(pmf @ (w - 1) ** 2)
    return number(bound(n=n)), max(truth, 0.0)


def _any_scores(kind: str) -> Evaluate:
    def evaluate(x: Instance, bound: Bound) -> Pair:
        # Rounded, so that ties are common.
        return _divergence(
            kind, array(x["pmf"]), np.round(array(x["returns"])), float(x["tries"]), bound
        )

    return evaluate


def _fine_scores(kind: str) -> Evaluate:
    """Many scores alike likely: near the atomless law that attains it."""

    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf = np.full(x["size"], 1 / x["size"])
        return _divergence(kind, pmf, np.arange(float(x["size"])), float(x["tries"]), bound)

    return evaluate


def _tries(x: Instance, bound: Bound) -> Pair:
    value = number(bound(coverage=x["c"], delta=x["delta"]))
    truth, missed = 1, 1 - x["c"]
    while missed > x["delta"] * (1 + 1e-9) and truth < 10**5:
        truth, missed = truth + 1, missed * (1 - x["c"])
    return value, float(truth)


_SCORED = {"pmf": genes.pmf(1, 200), "returns": genes.table(1, "pmf"),
           "tries": genes.count(1, 10**6)}  # fmt: skip
_FINE = {"size": genes.count(1, 20000), "tries": genes.count(1, 10**4)}

CHECKS = (
    Check("T10a", "any scores", "upper", _SCORED, _any_scores("kl"), "order statistics"),
    Check("T10a", "fine scores", "upper", _FINE, _fine_scores("kl"), "order statistics"),
    Check("T10b", "any scores", "upper", _SCORED, _any_scores("chi2"), "order statistics"),
    Check("T10b", "fine scores", "upper", _FINE, _fine_scores("chi2"), "order statistics"),
    Check("T10c", "any event", "equal", {"c": genes.positive(1e-3, 0.99),
                                         "delta": genes.positive(1e-3, 0.9)}, _tries,
          "one try after another"),
)  # fmt: skip
