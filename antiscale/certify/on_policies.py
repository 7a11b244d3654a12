"""Attacks on what is proved of the base policy: T1, T2, T3 and T11."""

from __future__ import annotations

import math

import numpy as np

from antiscale.certify import instances, truths
from antiscale.certify.check import TOP, Bound, Check, Evaluate, Pair, array, number, spread
from antiscale.certify.instances import Gene, Instance
from antiscale.core.validate import Floats

# Sizes to which laws are padded with types of mass zero, so that JAX compiles few shapes.
_SIZES = (3, 8, 32, 128, 512)


def _padded(pmf: Floats, returns: Floats) -> tuple[Floats, Floats]:
    size = next(s for s in _SIZES if s >= len(pmf))
    # A type that is never written may have any return.
    return (
        np.pad(pmf, (0, size - len(pmf))),
        np.pad(returns, (0, size - len(pmf)), constant_values=2 * TOP),
    )


def _of_law(x: Instance) -> tuple[Floats, Floats]:
    return array(x["pmf"]), array(x["returns"])


def _of_family(x: Instance) -> tuple[Floats, Floats] | None:
    model = truths.family_model(x["family"])
    if model is None:
        return None
    k = x["prompt"] % len(model.pmf)
    return np.asarray(model.pmf[k]), np.asarray(model.returns[k], dtype=float)


def _heterogeneity_of_tree(x: Instance, bound: Bound) -> Pair:
    _, variance = truths.q_variance(x["tree"])
    law, returns = (array(column) for column in zip(*truths.leaves(x["tree"]), strict=True))
    if variance < 1e-12:
        return None
    return number(bound(pmf=law, returns=returns)), math.sqrt(variance)


def _heterogeneity_of_family(x: Instance, bound: Bound) -> Pair:
    found = _of_family(x)
    if found is None:
        return None
    pmf, returns = found
    mean = math.fsum(pmf * returns)
    sigma = math.sqrt(math.fsum(pmf * (returns - mean) ** 2))
    return None if sigma < 1e-9 else (number(bound(pmf=pmf, returns=returns)), sigma)


def _ball(pmf: Floats, returns: Floats, kappa: float, bound: Bound) -> Pair:
    held = returns[pmf > 0]
    if kappa <= 0 or np.ptp(held) < 1e-9:
        return None
    padded, values = _padded(pmf, returns)
    # Values may be zero: measure from one below the least return.
    shift = float(held.min()) - 1.0
    value = number(bound(pmf=padded, returns=values, kappa=kappa)) - shift
    return value, truths.dual_optimum(pmf, returns, kappa) - shift


def _cantelli(pmf: Floats, returns: Floats, eps: float, bound: Bound) -> Pair:
    sigma = spread(pmf, returns)
    if sigma < 1e-9:
        return None
    # What is just below the level does not count, what is at it does.
    level = pmf @ returns + sigma * math.sqrt(eps)
    reached = float(pmf[returns >= level + 1e-9 * sigma].sum())
    return number(bound(eps=eps)), reached


def _cantelli_attained(x: Instance, bound: Bound) -> Pair:
    """The two-point law that attains it."""
    top = 1 / (1 + x["eps"])
    pmf, returns = np.array([1 - top, top]), np.array([0.0, 1.0])
    level = pmf @ returns + spread(pmf, returns) * math.sqrt(x["eps"])
    return number(bound(eps=x["eps"])), float(pmf[returns >= level - 1e-9].sum())


def _above_mean(pmf: Floats, returns: Floats, bound: Bound) -> Pair:
    mean = float(pmf @ returns)
    if spread(pmf, returns) < 1e-6:
        return None
    return number(bound(pmf=pmf, returns=returns)), float(pmf[returns > mean].sum())


def _window(x: Instance, bound: Bound) -> Pair:
    steps = np.array(x["steps"][: x["k"]], dtype=float)
    width = float(steps.min())
    sums = np.zeros(1)
    for step in steps:
        sums = np.concatenate([sums, sums + step])
    sums = np.sort(sums)
    ends = np.searchsorted(sums, sums + width - 1e-9, side="left")
    return number(bound(steps=len(steps))), float((ends - np.arange(len(sums))).max() / len(sums))


def _equal_steps(x: Instance, bound: Bound) -> Pair:
    """Equal steps, any number of them: the sum's law by convolution, its largest atom."""
    law = truths.fair_bits(x["many"])
    return number(bound(steps=x["many"])), float(law.max())


def _conditioning(pmf: Floats, returns: Floats, kappa: float, bound: Bound) -> Pair:
    value, _ = truths.best_in_ball(pmf, returns[None], kappa)
    event = (returns >= value[0] - 1e-9 * TOP) & (pmf > 0)
    reached = float(pmf[event].sum())
    conditioned = np.where(event, pmf, 0.0) / reached
    if conditioned @ returns < value[0] - 1e-6:
        return math.nan, 1.0  # worse than the ball's optimum
    return number(bound(coverage=reached)), float((conditioned[event] / pmf[event]).max())


def _planted(x: Instance, bound: Bound) -> Pair:
    vocabulary = x["vocabulary"]
    target = [token % vocabulary for token in x["target"]][: x["length"]]
    horizon = max(x["horizon"], 1)
    if vocabulary**horizon > 3000:
        return None
    value = bound(target=target, vocabulary=vocabulary, skill=x["skill"], horizon=horizon)
    return float(value), truths.planted_success(target, vocabulary, x["skill"], horizon)


def _planted_alike(x: Instance, bound: Bound) -> Pair:
    """One letter again and again, any horizon: runs of successes, by their own recursion."""
    horizon, length = x["far"], x["length"]
    value = bound(target=[0] * length, vocabulary=2, skill=x["skill"], horizon=horizon)
    return float(value), truths.run_of_successes(length, x["skill"], horizon)


_KAPPA = instances.positive(1e-4, 1e3, 1e-9, 1e9)
_EPS = instances.positive(1e-4, 1e2)
_FEW = {"pmf": instances.pmf(2, 6), "returns": instances.table(1, "pmf")}
_MANY = {"pmf": instances.pmf(7, 400), "returns": instances.table(1, "pmf")}
_FAMILY = {"family": instances.family(), "prompt": instances.count(0, 3)}


def _thrice(
    label: str, direction: str, extra: dict[str, Gene], function: object, by: str
) -> list[Check]:
    """The same attack on few types, on many, and on the families."""

    def on(law: object) -> Evaluate:
        def evaluate(x: Instance, bound: Bound) -> Pair:
            found = law(x)  # type: ignore[operator]
            if found is None:
                return None
            return function(*found, *(x[name] for name in extra), bound)  # type: ignore[operator]

        return evaluate

    arenas = (("few types", _FEW, _of_law), ("many types", _MANY, _of_law),
              ("families", _FAMILY, _of_family))  # fmt: skip
    return [
        Check(label, arena, direction, {**law_genes, **extra}, on(law), by)
        for arena, law_genes, law in arenas
    ]


CHECKS = (
    Check("T1", "trees", "equal", {"tree": instances.tree(4)}, _heterogeneity_of_tree,
          "token by token"),
    Check("T1", "families", "equal", _FAMILY, _heterogeneity_of_family, "exact sums"),
    *_thrice("T2", "equal", {"kappa": _KAPPA}, _ball, "the one-dimensional dual"),
    *_thrice("T3a", "upper", {"eps": _EPS}, _cantelli, "plain sums"),
    Check("T3a", "two values", "upper", {"eps": _EPS}, _cantelli_attained, "plain sums"),
    *_thrice("T3b", "lower", {}, _above_mean, "plain sums"),
    Check("T3c", "any steps", "upper", {"steps": Gene(
        lambda rng, _: (1 + rng.integers(0, 3, 12)).tolist(),
        lambda rng, *_: rng.choice([1, 1, 1, 2], 12).tolist(),
    ), "k": instances.count(1, 12)}, _window, "all subsets"),
    Check("T3c", "equal steps", "upper", {"many": instances.count(0, 400)}, _equal_steps,
          "convolution"),
    *_thrice("T3d", "equal", {"kappa": _KAPPA}, _conditioning, "bisection and plain sums"),
    Check("T11", "any word", "equal", {
        "vocabulary": instances.count(2, 4),
        "target": Gene(lambda rng, _: rng.integers(0, 4, 4).tolist(),
                       lambda rng, *_: rng.integers(0, 2, 4).tolist()),
        "length": instances.count(1, 4), "skill": instances.share(0.0, 1.0),
        "horizon": instances.count(1, 8)}, _planted, "all traces"),
    Check("T11", "one letter", "equal", {
        "length": instances.count(1, 6), "skill": instances.share(0.0, 1.0),
        "far": Gene(lambda rng, _: int(rng.choice([1, 8, 64, 512])),
                    lambda rng, *_: int(rng.choice([1, 8, 64, 512])))},
          _planted_alike, "runs of successes"),
)  # fmt: skip
