"""Attacks on the gap between cloning and verification, T9, and on misspecified classes, T12."""

import math

import numpy as np

from antiscale import bounds
from antiscale.certify import instances as gene
from antiscale.certify import minimax, truths
from antiscale.certify.check import TOP, Bound, Pair, check, spread
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel

_KAPPA = gene.positive(1e-3, 1e2, 1e-9, 1e6)


def _mirror_loss(pmf: Floats, returns: Floats, kappa: float) -> tuple[float, float, float]:
    """On the class {r, rbar}: what the base policy loses to the ball, W, and P(R != H/2)."""
    pair = np.stack([returns, TOP - returns])
    best, optimal = truths.best_in_ball(pmf, pair, kappa)
    idle = float((best - pair @ pmf).max())
    return idle, truths.max_ratio(pmf, optimal), float(pmf[returns != TOP / 2].sum())


@check(
    "T9", "two types", "De Moivre and all data sets", q=gene.share(1e-4, 1 - 1e-4, 0.5),
    large=gene.count(0, 10**9), kappa=_KAPPA, form=gene.choice("two_point", "best"),
)  # fmt: skip
def _gap(bound: Bound, q: float, large: int, kappa: float, form: str) -> Pair:
    """Two types: any learner's worst risk less the pessimist's, for any n."""
    pmf, returns = np.array([1 - q, q]), np.array([0.0, TOP])
    if kappa <= 0:
        return None
    sigma = spread(pmf, returns)
    most = min(math.sqrt(kappa), math.sqrt(min(q, 1 - q) / max(q, 1 - q)))
    cloning = sigma * minimax.two_type_risk(q, most, large)
    idle, ratio, _ = _mirror_loss(pmf, returns, kappa)
    # One trace distinguishes r from its mirror; with none the base policy is played.
    verification = idle if large == 0 else 0.0
    upper = bounds.vb_upper(TOP, float(large == 0), max_ratio=ratio, sigma=sigma, kappa=kappa)
    lower = bounds.vf_lower(pmf, returns, large, form=form, kappa=kappa)
    # Gaps may be negative: both are measured from -H.
    value = float(bound(vf_lower=lower, vb_upper=upper))
    return value + TOP, cloning - verification + TOP


@check(
    "T9", "families", "worst experts of 14 learners; all data sets", 16, family=gene.family(),
    masses=gene.masses(16), n=gene.count(0, 3), kappa=_KAPPA,
)  # fmt: skip
def _gap_of_family(bound: Bound, family: TraceModel, masses: Floats, n: int, kappa: float) -> Pair:
    """All prompts of a family with the class {r, rbar} at each."""
    if not family.announced or kappa <= 0:
        return None
    rho = gene.normalised(masses, len(family.pmf))
    pmf = np.asarray(family.pmf)
    returns = np.asarray(family.returns, dtype=float) * (TOP / family.horizon)
    lower = float(rho @ bounds.vf_lower(pmf, returns, n, prompt_mass=rho, kappa=kappa))
    cloning = verification = error = sigma = 0.0
    ratio = 1.0
    for p, r, share in zip(pmf, returns, rho, strict=True):
        p, r = truths.merged(p, r)
        idle, w, apart = _mirror_loss(p, r, kappa)
        missed = float((1 - share * apart) ** n)
        verification += share * missed * idle
        error += share * missed * apart
        sigma += share * spread(p, r)
        ratio = max(ratio, w)
        if spread(p, r) < 1e-9 * TOP:
            continue
        if not truths.listable(n, len(p) + 1, 1.0):
            return None
        most = min(math.sqrt(kappa), spread(p, r) / float(np.abs(r - p @ r).max()))
        cloning += share * spread(p, r) * minimax.worst_risk(p, r, most, n, float(share))
    upper = bounds.vb_upper(TOP, min(error, 1.0), kappa=kappa, max_ratio=ratio, sigma=sigma)
    value = float(bound(vf_lower=lower, vb_upper=upper))
    return value + TOP, cloning - verification + TOP


@check(
    "T12", "any instance", "binomial sums", mass=gene.share(0.01, 0.49),
    share=gene.share(0.01, 0.99), n=gene.count(1, 1000),
)  # fmt: skip
def _misspecified(bound: Bound, mass: float, share: float, n: int) -> Pair:
    best = TOP
    common = best * (0.5 + 0.5 * share)
    if not best / 2 < common < best or not 0 < mass < 0.5:
        return None
    found = bound(best=best, common=common, mass=mass)
    # The clone plays the empirical law of the expert's styles at both prompts.
    k = np.arange(n + 1)
    law = truths.binomial(n, 0.5)
    values = 0.5 * (best * k / n) + 0.5 * (best * (n - k) / n)
    truth = np.array([best, common, 2 * mass * best / 2 + (1 - 2 * mass) * common, law @ values])
    given = np.array([found.expert, found.verified, found.base, found.cloned], dtype=float)
    worst = int(np.argmax(np.abs(given - truth)))
    return given[worst], truth[worst]
