"""Attacks on what is proved of the base policy: T1, T2, T3 and T11."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from antiscale.certify import instances as gene
from antiscale.certify import truths
from antiscale.certify.check import TOP, Bound, Evaluate, Pair, check, spread
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel

# Sizes to which laws are padded with types of mass zero, so that JAX compiles few shapes.
_SIZES = (3, 8, 32, 128, 512)

_KAPPA = gene.positive(1e-4, 1e3, 1e-9, 1e9)
_EPS = gene.positive(1e-4, 1e2)
_FAMILY = {"family": gene.family(), "prompt": gene.count(0, 3)}


def _law(family: TraceModel, prompt: int) -> tuple[Floats, Floats]:
    """The policy and the returns at a prompt of a family."""
    k = prompt % len(family.pmf)
    return np.asarray(family.pmf[k]), np.asarray(family.returns[k], dtype=float)


def _thrice(label: str, by: str, **genes: gene.Gene) -> Callable[[Evaluate], Evaluate]:
    """List an attack on laws of few types, of many, and on the families."""

    def listed(function: Evaluate) -> Evaluate:
        def on_family(bound: Bound, family: TraceModel, prompt: int, **rest: Any) -> Pair:
            return function(bound, *_law(family, prompt), **rest)

        # As with decorators, the last comes first.
        for arena, sizes in (("many types", (7, 400)), ("few types", (2, 6))):
            law = {"pmf": gene.pmf(*sizes), "returns": gene.table(1, "pmf")}
            check(label, arena, by, **law, **genes)(function)
        check(label, "families", by, **_FAMILY, **genes)(on_family)
        return function

    return listed


@check("T1", "trees", "token by token", tree=gene.tree(4))
def _heterogeneity_of_tree(bound: Bound, tree: Any) -> Pair:
    _, variance = truths.q_variance(tree)
    law, returns = (np.array(column) for column in zip(*truths.leaves(tree), strict=True))
    return None if variance < 1e-12 else (bound(pmf=law, returns=returns), math.sqrt(variance))


@check("T1", "families", "exact sums", **_FAMILY)
def _heterogeneity_of_family(bound: Bound, family: TraceModel, prompt: int) -> Pair:
    pmf, returns = _law(family, prompt)
    mean = math.fsum(pmf * returns)
    sigma = math.sqrt(math.fsum(pmf * (returns - mean) ** 2))
    return None if sigma < 1e-9 else (bound(pmf=pmf, returns=returns), sigma)


@_thrice("T2", "the one-dimensional dual", kappa=_KAPPA)
def _ball(bound: Bound, pmf: Floats, returns: Floats, kappa: float) -> Pair:
    held = returns[pmf > 0]
    if kappa <= 0 or np.ptp(held) < 1e-9:
        return None
    more = next(size for size in _SIZES if size >= len(pmf)) - len(pmf)
    # A type that is never written may have any return.
    values = np.pad(returns, (0, more), constant_values=2 * TOP)
    # Values may be zero: measure from one below the least return.
    shift = float(held.min()) - 1.0
    value = float(bound(pmf=np.pad(pmf, (0, more)), returns=values, kappa=kappa)) - shift
    return value, truths.dual_optimum(pmf, returns, kappa) - shift


@_thrice("T3a", "plain sums", eps=_EPS)
def _cantelli(bound: Bound, pmf: Floats, returns: Floats, eps: float) -> Pair:
    sigma = spread(pmf, returns)
    if sigma < 1e-9:
        return None
    # What is just below the level does not count, what is at it does.
    level = pmf @ returns + sigma * math.sqrt(eps)
    return bound(eps=eps), pmf[returns >= level + 1e-9 * sigma].sum()


@check("T3a", "two values", "plain sums", eps=_EPS)
def _cantelli_attained(bound: Bound, eps: float) -> Pair:
    """The two-point law that attains it."""
    top = 1 / (1 + eps)
    pmf, returns = np.array([1 - top, top]), np.array([0.0, 1.0])
    level = pmf @ returns + spread(pmf, returns) * math.sqrt(eps)
    return bound(eps=eps), pmf[returns >= level - 1e-9].sum()


@_thrice("T3b", "plain sums")
def _above_mean(bound: Bound, pmf: Floats, returns: Floats) -> Pair:
    if spread(pmf, returns) < 1e-6:
        return None
    return bound(pmf=pmf, returns=returns), pmf[returns > float(pmf @ returns)].sum()


@check(
    "T3c", "any steps", "all subsets",
    steps=gene.Gene(lambda rng, _: (1 + rng.integers(0, 3, 12)).tolist(),
                    lambda rng, *_: rng.choice([1, 1, 1, 2], 12).tolist()),
    k=gene.count(1, 12),
)  # fmt: skip
def _window(bound: Bound, steps: list[int], k: int) -> Pair:
    chosen = np.array(steps[:k], dtype=float)
    sums = np.zeros(1)
    for step in chosen:
        sums = np.concatenate([sums, sums + step])
    sums = np.sort(sums)
    ends = np.searchsorted(sums, sums + float(chosen.min()) - 1e-9, side="left")
    return bound(steps=len(chosen)), (ends - np.arange(len(sums))).max() / len(sums)


@check("T3c", "equal steps", "convolution", many=gene.count(0, 400))
def _equal_steps(bound: Bound, many: int) -> Pair:
    """Equal steps, any number of them: the sum's law by convolution, its largest atom."""
    return bound(steps=many), truths.fair_bits(many).max()


@_thrice("T3d", "bisection and plain sums", kappa=_KAPPA)
def _conditioning(bound: Bound, pmf: Floats, returns: Floats, kappa: float) -> Pair:
    value, _ = truths.best_in_ball(pmf, returns[None], kappa)
    event = (returns >= value[0] - 1e-9 * TOP) & (pmf > 0)
    reached = float(pmf[event].sum())
    conditioned = np.where(event, pmf, 0.0) / reached
    if conditioned @ returns < value[0] - 1e-6:
        return math.nan, 1.0  # worse than the ball's optimum
    return bound(coverage=reached), (conditioned[event] / pmf[event]).max()


@check(
    "T11", "any word", "all traces", vocabulary=gene.count(2, 4),
    target=gene.Gene(lambda rng, _: rng.integers(0, 4, 4).tolist(),
                     lambda rng, *_: rng.integers(0, 2, 4).tolist()),
    length=gene.count(1, 4), skill=gene.share(0.0, 1.0), horizon=gene.count(1, 8),
)  # fmt: skip
def _planted(
    bound: Bound, vocabulary: int, target: list[int], length: int, skill: float, horizon: int
) -> Pair:
    word = [token % vocabulary for token in target][:length]
    horizon = max(horizon, 1)
    if vocabulary**horizon > 3000:
        return None
    value = bound(target=word, vocabulary=vocabulary, skill=skill, horizon=horizon)
    return value, truths.planted_success(word, vocabulary, skill, horizon)


@check(
    "T11", "one letter", "runs of successes", length=gene.count(1, 6), skill=gene.share(0.0, 1.0),
    far=gene.choice(1, 8, 64, 512),
)  # fmt: skip
def _planted_alike(bound: Bound, length: int, skill: float, far: int) -> Pair:
    """One letter again and again, any horizon: runs of successes, by their own recursion."""
    value = bound(target=[0] * length, vocabulary=2, skill=skill, horizon=far)
    return value, truths.run_of_successes(length, skill, far)
