"""Attacks on what is proved of pass@k before and after finetuning, and of areas: T13."""

import math

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import truths
from antiscale.certify.check import TOP, Bound, Pair, check
from antiscale.core.validate import Floats

# Tries that are looked at one by one.
_EVERY = np.arange(1.0, 4001.0)
# A lead of one curve that is rounding.
_FLAT = 1e-12


def _first_below(before: Floats, after: Floats, mass: Floats) -> float | None:
    """The first k at which the second curve is below; None where rounding decides."""
    missed = [(1 - c)[:, None] ** _EVERY for c in (after, before)]
    lead = mass @ (missed[1] - missed[0])
    sure = np.flatnonzero(lead < -_FLAT)
    end = int(sure[0]) if len(sure) else len(lead)
    if (np.abs(lead[:end]) <= _FLAT).any():
        return None
    return float(_EVERY[end]) if len(sure) else math.inf


@check(
    "T13a", "two policies", "try by try", mass=gene.pmf(1, 12), pair=gene.table(2, "mass"),
    share=gene.positive(1e-3, 1.0),
)  # fmt: skip
def _two_policies(bound: Bound, mass: Floats, pair: Floats, share: float) -> Pair:
    """Right masses of two policies at several prompts, near one another or not."""
    before = pair[0] / TOP
    after = before + share * (pair[1] / TOP - before)
    if (mass <= 0).any():
        return None
    truth = _first_below(before, after, mass)
    if truth is None or not math.isfinite(truth):
        return None
    return bound(before=before, after=after, prompt_mass=mass), truth


@check(
    "T13a", "no fall", "the ball's optima", pmf=gene.pmf(2, 12),
    returns=gene.table(1, "pmf"), zeros=gene.table(1, "pmf"), seen=gene.table(1, "pmf"),
    kappa=gene.positive(1e-3, 1e2),
)  # fmt: skip
def _no_fall(
    bound: Bound, pmf: Floats, returns: Floats, zeros: Floats, seen: Floats, kappa: float
) -> Pair:
    """Right mass after T2 with all labels, or with those of some types, the others taken for 0."""
    returns = np.where(zeros > TOP / 2, returns, 0.0)
    known = np.where(seen > TOP / 3, returns, 0.0)
    _, policies = truths.best_in_ball(pmf, np.stack([returns, known]), kappa)
    before = np.full(2, pmf @ (returns > 0))
    after = policies @ (returns > 0)
    after = np.where(np.abs(after - before) < 1e-9, before, after)
    before, after = np.clip(before, 0, 1), np.clip(after, 0, 1)
    # No k at all: else the bound is crossed.
    fell = math.isfinite(float(bound(before=before, after=after)))
    return (math.nan if fell else 1.0), 1.0


@check(
    "T13b", "few types", "one budget after another", pmf=gene.pmf(1, 12),
    returns=gene.table(1, "pmf"), kappa=gene.positive(1e-6, 1e4, 0.0),
)  # fmt: skip
def _area(bound: Bound, pmf: Floats, returns: Floats, kappa: float) -> Pair:
    """The ball's optimum for every budget by itself, added up; and no single policy beats them."""
    levels = np.unique(np.append(returns[pmf > 0], 0.0))
    reached = (returns >= levels[1:, None]) & (pmf > 0)
    truth = 0.0
    if len(levels) > 1:
        best, _ = truths.best_in_ball(pmf, reached.astype(float), kappa)
        truth = float(np.diff(levels) @ best)
    single, _ = truths.best_in_ball(pmf, returns[None], kappa)
    value = bound(pmf=pmf, returns=returns, kappa=kappa)
    return (math.nan if single[0] > truth * (1 + 1e-7) + 1e-9 else value), truth
