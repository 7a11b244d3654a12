"""Wrong bounds, to attack the attacker: every one of them must be caught.

A mutant is caught where it is crossed; or, for a tight or exact result, where it is met no more on
the very instances on which the right bound is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from antiscale.certify.attack import attack
from antiscale.certify.check import Bound
from antiscale.certify.checks import CHECKS, of_label
from antiscale.certify.instances import Instance
from antiscale.registry import RESULTS

# A tight bound that is met within this share by the right one and not by the mutant.
_MET = 0.05
_CLOSED = ("identity", "exact", "tight")


@dataclass(frozen=True)
class Mutant:
    """A bound gone wrong.

    Attributes
    ----------
    label
        The result.
    error
        What is wrong with it, in words.
    bound
        The wrong function, with the registry's inputs.
    """

    label: str
    error: str
    bound: Bound


class Caught(NamedTuple):
    """How a mutant was caught: "crossed" or "no longer met"; where; after how many instances."""

    how: str
    key: str
    tried: int
    instance: Instance | None


def scaled(label: str, worst: float) -> Mutant:
    """The result's bound, moved so that its worst known ratio becomes 1/0.9 (tight: 1/0.7).

    Parameters
    ----------
    label
        The result.
    worst
        The worst ratio that is known of it, in (0, 1].
    """
    share = 0.7 if RESULTS[label].kind == "tight" else 0.9
    lower = CHECKS[of_label(label)[0]].direction == "lower"
    factor = 1.0 / (share * worst) if lower else share * worst
    return Mutant(label, f"scaled by {factor:.3g}", _output(label, lambda value: factor * value))


def caught(mutant: Mutant, *, seed: int = 0, rounds: int = 4) -> Caught | None:
    """Attack a mutant in every arena of its label, and say how it was caught; None if it was not.

    Parameters
    ----------
    mutant
        What to attack.
    seed, rounds
        Of the attack: so many rounds in each arena at the most.
    """
    tried, best = 0, -math.inf
    keys = of_label(mutant.label)
    for number in range(rounds):
        for key in keys:
            found = attack(CHECKS[key], seed, number, bound=mutant.bound, until_crossed=True)
            tried += found.tried
            if found.violations:
                return Caught("crossed", key, tried, found.instance)
            best = max(best, found.worst)
    if RESULTS[mutant.label].kind not in _CLOSED:
        return None
    # The same rounds against the right bound.
    right = max(attack(CHECKS[key], seed, k).worst for k in range(rounds) for key in keys)
    if right >= 1.0 - _MET and best < right - _MET:
        return Caught("no longer met", keys[-1], tried, None)
    return None


def _inputs(label: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Bound:
    """The result's function with some of its inputs changed."""

    def wrong(**given: Any) -> Any:
        return RESULTS[label](**{**given, **change(given)})

    return wrong


def _output(label: str, change: Callable[[Any], Any]) -> Bound:
    def wrong(**given: Any) -> Any:
        value = RESULTS[label](**given)
        if hasattr(value, "_replace"):
            return type(value)(*map(change, value))
        return change(value)

    return wrong


def _both(label: str, change: Callable[[Any, dict[str, Any]], Any]) -> Bound:
    return lambda **given: change(RESULTS[label](**given), given)


def _power(name: str, exponent: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda x: {name: np.asarray(x[name], dtype=float) ** exponent}


def _set(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: values


def _unweighted(label: str) -> Bound:
    return _both(label, lambda value, x: value / np.asarray(x["prompt_mass"]))


_N_HALF = "BC for BC^2 in the overlap"
_NO_MASS = "the prompt's mass dropped"

MUTANTS: tuple[Mutant, ...] = (
    Mutant("T1", "variance for standard deviation", _output("T1", np.square)),
    Mutant("T2", "a factor 1/2 in the ball", _inputs("T2", lambda x: {"kappa": x["kappa"] / 2})),
    Mutant("T2", "sqrt(kappa) for kappa", _inputs("T2", _power("kappa", 0.5))),
    Mutant("T3a", "eps^2 for eps", _inputs("T3a", _power("eps", 2))),
    Mutant("T3b", "the factor 4 dropped", _output("T3b", lambda value: 4 * value)),
    Mutant("T3c", "one step too many", _inputs("T3c", lambda x: {"steps": x["steps"] + 1})),
    Mutant("T3d", "sqrt(ct_0) for ct_0", _inputs("T3d", _power("coverage", 0.5))),
    *(Mutant(label, _NO_MASS, _unweighted(label)) for label in ("T4a", "T4b", "T4c", "T4d")),
    *(
        Mutant(label, "sqrt(kappa) for kappa", _inputs(label, _power("kappa", 0.5)))
        for label in ("T4a", "T4b", "T4c", "T4d", "T4e")
    ),
    *(
        Mutant(label, _N_HALF, _inputs(label, lambda x: {"n": x["n"] // 2}))
        for label in ("T4a", "T4b", "T4e")
    ),
    # At a fixed reward the clone's mean loss is that of prompts never seen.
    Mutant("T5a", "sup E for E sup", _inputs("T5a", _set(sigma_expert=0.0))),
    Mutant("T5a", "n_x = n", _inputs("T5a", _set(prompt_mass=1.0))),
    Mutant("T5a", "prompts never seen forgotten", _inputs("T5a", _set(fallback_gap=0.0))),
    Mutant("T5a", "n_x at its mean", lambda *, sigma_expert, n, prompt_mass=1.0, fallback_gap=0.0: (
        np.where(np.asarray(n) * prompt_mass > 0,
                 sigma_expert / np.sqrt(np.maximum(np.asarray(n) * prompt_mass, 1e-300)),
                 fallback_gap))),
    Mutant("T5b", "the term in 1/n forgotten", _inputs("T5b", _set(horizon=0.0))),
    Mutant("T5c", "the deviation from the mean forgotten", _inputs("T5c", _set(horizon=0.0))),
    Mutant("T6a", "log K in bits read as nats", _inputs("T6a", lambda x: {
        "log_class_size": x["log_class_size"] * math.log(2)})),
    Mutant("T6b", "n_x = n", _inputs("T6b", _set(prompt_mass=1.0))),
    Mutant("T6b", "n + 1 for n", _inputs("T6b", lambda x: {"n": x["n"] + 1})),
    Mutant("T6c", "labels taken for clean", _inputs("T6c", _set(noise=0.0, tolerance=0.0))),
    Mutant("T6c", "t + 1 labels' lead forgotten", _inputs("T6c", _set(tolerance=0.0))),
    Mutant("T6d", "log(1/delta) forgotten", _inputs("T6d", _set(delta=1.0))),
    Mutant("T7", "kappa for sqrt(kappa)", _inputs("T7", _power("kappa", 2))),
    Mutant("T7a", "kappa for sqrt(kappa)", _inputs("T7a", _power("kappa", 2))),
    Mutant("T7a", "e for sqrt(e)", _both("T7a", lambda _, x: (
        x["horizon"] * (x["error"] + math.sqrt(x["kappa"]) * x["error"] + x.get("failure", 0))))),
    Mutant("T7b", "W forgotten", _inputs("T7b", _set(max_ratio=1.0))),
    Mutant("T7b", "H - 1 for H", _inputs("T7b", lambda x: {
        "horizon": max(x["horizon"] - 1.0, 0.0)})),
    Mutant("T7c", "sqrt(ct_0) for ct_0", _inputs("T7c", _power("coverage", 0.5))),
    Mutant("T8a", "H + 1 for H", _inputs("T8a", lambda x: {"horizon": x["horizon"] + 1})),
    Mutant("T8a", "kappa^(1/4) for kappa^(1/2)", _both("T8a", lambda value, x: (
        value / x["kappa"] ** 0.25))),
    Mutant("T8b", "the competitor's share forgotten", _both("T8b", lambda value, x: (
        value + x["horizon"] * math.sqrt(x["kappa"] * x["expected"] * x["light"] / x["n"] / 8)
        / (2 * x["light"])))),
    Mutant("T9", "verification's loss forgotten", _inputs("T9", _set(vb_upper=0.0))),
    Mutant("T10a", "log base 2", lambda *, n: np.log2(n) - (n - 1) / n),
    Mutant("T10a", "N - 1 for N", _inputs("T10a", lambda x: {"n": max(x["n"] - 1, 1)})),
    Mutant("T10b", "N^2/(2N - 1) - 1 with 2N", lambda *, n: max(n**2 / (2 * n) - 1, 0.0)),
    Mutant("T10c", "log base 2", lambda *, coverage, delta: np.ceil(
        np.log2(1 / delta) / -np.log1p(-coverage))),
    Mutant("T10d", "e for N e", lambda *, horizon, error, n: horizon * error),
    Mutant("T10e", "W and kappa forgotten", lambda *, horizon, error, delta, kappa, max_ratio: (
        horizon * (error + delta))),
    Mutant("T10e", "the tries that all miss forgotten", _inputs("T10e", _set(delta=0.0))),
    Mutant("T10f", "N - 1 for N", _inputs("T10f", lambda x: {"n": max(x["n"] - 1, 1)})),
    Mutant("T10f", "TPR for FPR", _inputs("T10f", lambda x: {
        "false_positive": x["true_positive"], "true_positive": x["false_positive"]})),
    Mutant("T10g", "levels from the top", _inputs("T10g", lambda x: {
        "right": x["right"][..., ::-1], "wrong": x["wrong"][..., ::-1]})),
    Mutant("T10h", "the trace that is cut off counts", _inputs("T10h", lambda x: {
        "budget": x["budget"] + 1})),
    Mutant("T10i", "ties won", _inputs("T10i", lambda x: {"n": x["n"] + 2})),
    Mutant("T10i", "q for sqrt(q)", lambda *, answers, n: min(sum(
        (1 - (math.sqrt(answers[0]) - math.sqrt(q))) ** n if q < answers[0] else 1.0
        for q in answers[1:]), 1.0)),
    Mutant("T10j", "the mean option for the best", lambda *, tokens, values, budget, prompt_mass: (
        float(prompt_mass @ np.mean(values, axis=-1)))),
    Mutant("T10k", "rejected answers come back", lambda *, success, tries, wrong_answers,
           true_positive, false_positive: 1 - (1 - success) ** tries),
    Mutant("T10l", "a and b swapped", _inputs("T10l", lambda x: {
        "accept_right": x["accept_wrong"], "accept_wrong": x["accept_right"]})),
    Mutant("T10m", "with replacement", lambda *, n_samples, n_correct, k: (
        1 - (1 - n_correct / n_samples) ** k)),
    Mutant("T11", "H - 1 for H", _inputs("T11", lambda x: {
        "horizon": max(x["horizon"] - 1, 1)})),
    Mutant("T12", "the base policy's share doubled", _inputs("T12", lambda x: {
        "mass": min(2 * x["mass"], 0.49)})),
)  # fmt: skip
