"""Wrong bounds, to attack the attacker: every one of them must be caught.

A mutant is caught where it is crossed; or, for a tight or exact result, where it is met no more on
the very instances on which the right bound is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from antiscale.bounds import overlap
from antiscale.certify.attack import attack
from antiscale.certify.check import Bound
from antiscale.certify.checks import CHECKS, of_label
from antiscale.certify.instances import Instance
from antiscale.registry import RESULTS

# A tight bound that is met within this share by the right one and not by the mutant.
_MET = 0.05
# The inputs of a bound by name, and changes to them.
Given = dict[str, Any]
Inputs = Callable[[Given], Given]
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
    return _mutant(label, f"scaled by {factor:.3g}", output=lambda value, _: factor * value)


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


def _mutant(
    label: str, error: str, *, inputs: Inputs | Given | None = None,
    output: Callable[[Any, Given], Any] | None = None,
) -> Mutant:  # fmt: skip
    """The result's function with some of its inputs changed, or its value.

    Parameters
    ----------
    inputs
        Inputs to replace, or their function of the inputs.
    output
        The wrong value as a function of the right one and of the inputs.
    """

    def wrong(**given: Any) -> Any:
        changed = inputs(given) if callable(inputs) else inputs or {}
        value = RESULTS[label](**(given | changed))
        if output is None:
            return value
        if hasattr(value, "_replace"):
            return type(value)(*(output(part, given) for part in value))
        return output(value, given)

    return Mutant(label, error, wrong)


def _power(name: str, exponent: float) -> Inputs:
    return lambda x: {name: np.asarray(x[name], dtype=float) ** exponent}


_N_HALF = "BC for BC^2 in the overlap"
_NO_MASS = "the prompt's mass dropped"


def _unweighted(value: Any, x: Given) -> Any:
    return value / np.asarray(x["prompt_mass"])


def _deviation(pmf: Any, returns: Any) -> Any:
    return np.sqrt(np.maximum(pmf @ returns**2 - (pmf @ returns) ** 2, 1e-300))


def _without_the_error(**given: Any) -> Any:
    with mock.patch.object(overlap, "BERRY_ESSEEN", (0.0, 0.0)):
        return RESULTS["T4e"](**given | {"overlap": "normal"})


def _either_sign(pmf: Any, returns: Any, scores: Any, kappa: float) -> float:
    """T10n with the score's sign chosen afterwards."""
    both = (RESULTS["T10n"](pmf=pmf, returns=returns, scores=sign * np.asarray(scores), kappa=kappa)
            for sign in (1.0, -1.0))  # fmt: skip
    return float(min(both))


MUTANTS: tuple[Mutant, ...] = (
    _mutant("T1", "variance for standard deviation", output=lambda value, _: np.square(value)),
    _mutant("T2", "a factor 1/2 in the ball", inputs=lambda x: {"kappa": x["kappa"] / 2}),
    _mutant("T2", "sqrt(kappa) for kappa", inputs=_power("kappa", 0.5)),
    _mutant("T3a", "eps^2 for eps", inputs=_power("eps", 2)),
    _mutant("T3b", "the factor 4 dropped", output=lambda value, _: 4 * value),
    _mutant("T3c", "one step too many", inputs=lambda x: {"steps": x["steps"] + 1}),
    _mutant("T3d", "sqrt(ct_0) for ct_0", inputs=_power("coverage", 0.5)),
    *(_mutant(label, _NO_MASS, output=_unweighted) for label in ("T4a", "T4b", "T4c", "T4d")),
    *(
        _mutant(label, "sqrt(kappa) for kappa", inputs=_power("kappa", 0.5))
        for label in ("T4a", "T4b", "T4c", "T4d", "T4e")
    ),
    *(
        _mutant(label, _N_HALF, inputs=lambda x: {"n": x["n"] // 2})
        for label in ("T4a", "T4b", "T4e")
    ),
    Mutant("T4e", "Berry and Esseen's error left out", _without_the_error),
    _mutant("T4f", _NO_MASS, output=_unweighted),
    _mutant("T4f", "sigma of the base policy for sigma_c", output=lambda value, x: (
        value * _deviation(x["pmf"], x["returns"]) / _deviation(x["centre"], x["returns"]))),
    _mutant("T4f", "a ball around the centre", inputs=lambda x: {"pmf": x["centre"]}),
    _mutant("T4g", "a factor 1/2 in the ball", inputs=lambda x: {"kappa": x["kappa"] / 2}),
    _mutant("T4g", "the spread of the base policy", inputs={"kappa": 0.0}),
    _mutant("T4h", "the overlap for half of it", inputs=lambda x: {"chance": x["chance"] / 2}),
    _mutant("T4h", "2 eps for eps", output=lambda value, _: 2 * value),
    # At a fixed reward the clone's mean loss is that of prompts never seen.
    _mutant("T5a", "sup E for E sup", inputs={"sigma_expert": 0.0}),
    _mutant("T5a", "n_x = n", inputs={"prompt_mass": 1.0}),
    _mutant("T5a", "prompts never seen forgotten", inputs={"fallback_gap": 0.0}),
    Mutant("T5a", "n_x at its mean", lambda *, sigma_expert, n, prompt_mass=1.0, fallback_gap=0.0: (
        np.where(np.asarray(n) * prompt_mass > 0,
                 sigma_expert / np.sqrt(np.maximum(np.asarray(n) * prompt_mass, 1e-300)),
                 fallback_gap))),
    _mutant("T5b", "the term in 1/n forgotten", inputs={"horizon": 0.0}),
    _mutant("T5c", "the deviation from the mean forgotten", inputs={"horizon": 0.0}),
    _mutant("T5d", _NO_MASS, output=_unweighted),
    _mutant("T5d", "E|.| for half of it", output=lambda value, _: 2 * value),
    _mutant("T5e", "n counted once for r and once for rbar", inputs=lambda x: {"n": 2 * x["n"]}),
    _mutant("T5e", "the base policy's spread for the tilt's", inputs={"kappa": 0.0}),
    _mutant("T5f", "2 N for N", inputs=lambda x: {"fold": 2 * np.asarray(x["fold"])}),
    _mutant("T5f", "n + 1 for n", inputs=lambda x: {"n": x["n"] + 1}),
    _mutant("T6a", "log K in bits read as nats", inputs=lambda x: {
        "log_class_size": x["log_class_size"] * math.log(2)}),
    _mutant("T6b", "n_x = n", inputs={"prompt_mass": 1.0}),
    _mutant("T6b", "n + 1 for n", inputs=lambda x: {"n": x["n"] + 1}),
    _mutant("T6c", "labels taken for clean", inputs={"noise": 0.0, "tolerance": 0.0}),
    _mutant("T6c", "t + 1 labels' lead forgotten", inputs={"tolerance": 0.0}),
    _mutant("T6d", "log(1/delta) forgotten", inputs={"delta": 1.0}),
    _mutant("T7", "kappa for sqrt(kappa)", inputs=_power("kappa", 2)),
    _mutant("T7a", "kappa for sqrt(kappa)", inputs=_power("kappa", 2)),
    _mutant("T7a", "e for sqrt(e)", output=lambda _, x: (
        x["horizon"] * (x["error"] + math.sqrt(x["kappa"]) * x["error"] + x.get("failure", 0)))),
    _mutant("T7b", "W forgotten", inputs={"max_ratio": 1.0}),
    _mutant("T7b", "H - 1 for H", inputs=lambda x: {"horizon": max(x["horizon"] - 1.0, 0.0)}),
    _mutant("T7c", "sqrt(ct_0) for ct_0", inputs=_power("coverage", 0.5)),
    _mutant("T7d", "b alone for b + sqrt(kappa H b)", inputs={"own_ratio": 1.0}),
    _mutant("T7d", "kappa for sqrt(kappa)", inputs=_power("kappa", 2)),
    _mutant("T8a", "H + 1 for H", inputs=lambda x: {"horizon": x["horizon"] + 1}),
    _mutant("T8a", "kappa^(1/4) for kappa^(1/2)", output=lambda value, x: (
        value / x["kappa"] ** 0.25)),
    _mutant("T8b", "the competitor's share forgotten", output=lambda value, x: (
        value + x["horizon"] * math.sqrt(x["kappa"] * x["expected"] * x["light"] / x["n"] / 8)
        / (2 * x["light"]))),
    _mutant("T8c", "kappa^(1/4) for kappa^(1/2)", output=lambda value, x: (
        value / x["kappa"] ** 0.25)),
    _mutant("T8c", "the overlap of one label's two laws for its square", output=lambda value, x: (
        value * (1 - x["expected"] / x["n"]) ** -x["n"])),
    _mutant("T9", "verification's loss forgotten", inputs={"vb_upper": 0.0}),
    Mutant("T10a", "log base 2", lambda *, n: np.log2(n) - (n - 1) / n),
    _mutant("T10a", "N - 1 for N", inputs=lambda x: {"n": max(x["n"] - 1, 1)}),
    Mutant("T10b", "N^2/(2N - 1) - 1 with 2N", lambda *, n: max(n**2 / (2 * n) - 1, 0.0)),
    Mutant("T10c", "log base 2", lambda *, coverage, delta: np.ceil(
        np.log2(1 / delta) / -np.log1p(-coverage))),
    Mutant("T10d", "e for N e", lambda *, horizon, error, n: horizon * error),
    Mutant("T10e", "W and kappa forgotten", lambda *, horizon, error, delta, kappa, max_ratio: (
        horizon * (error + delta))),
    _mutant("T10e", "the tries that all miss forgotten", inputs={"delta": 0.0}),
    _mutant("T10f", "N - 1 for N", inputs=lambda x: {"n": max(x["n"] - 1, 1)}),
    _mutant("T10f", "TPR for FPR", inputs=lambda x: {
        "false_positive": x["true_positive"], "true_positive": x["false_positive"]}),
    _mutant("T10g", "levels from the top", inputs=lambda x: {
        "right": x["right"][..., ::-1], "wrong": x["wrong"][..., ::-1]}),
    _mutant("T10h", "the trace that is cut off counts", inputs=lambda x: {
        "budget": x["budget"] + 1}),
    _mutant("T10i", "ties won", inputs=lambda x: {"n": x["n"] + 2}),
    Mutant("T10i", "q for sqrt(q)", lambda *, answers, n: min(sum(
        (1 - (math.sqrt(answers[0]) - math.sqrt(q))) ** n if q < answers[0] else 1.0
        for q in answers[1:]), 1.0)),
    Mutant("T10j", "the mean option for the best", lambda *, tokens, values, budget, prompt_mass: (
        float(prompt_mass @ np.mean(values, axis=-1)))),
    Mutant("T10k", "rejected answers come back", lambda *, success, tries, wrong_answers,
           true_positive, false_positive: 1 - (1 - success) ** tries),
    _mutant("T10l", "a and b swapped", inputs=lambda x: {
        "accept_right": x["accept_wrong"], "accept_wrong": x["accept_right"]}),
    Mutant("T10m", "with replacement", lambda *, n_samples, n_correct, k: (
        1 - (1 - n_correct / n_samples) ** k)),
    _mutant("T10n", "1 for 2", output=lambda value, _: value / 2),
    _mutant("T10n", "kappa for sqrt(kappa)", inputs=_power("kappa", 2)),
    _mutant("T10n", "c of either sign", output=lambda value, x: (
        min(value, _either_sign(x["pmf"], x["returns"], x["scores"], x["kappa"])))),
    _mutant("T11", "H - 1 for H", inputs=lambda x: {"horizon": max(x["horizon"] - 1, 1)}),
    _mutant("T12", "the base policy's share doubled", inputs=lambda x: {
        "mass": min(2 * x["mass"], 0.49)}),
    _mutant("T13a", "before and after exchanged", inputs=lambda x: {
        "before": x["after"], "after": x["before"]}),
    _mutant("T13a", "all prompts alike", inputs={"prompt_mass": None}),
    _mutant("T13b", "sqrt(kappa) for kappa", inputs=_power("kappa", 0.5)),
    Mutant("T13b", "one policy for all budgets", lambda *, pmf, returns, kappa: (
        RESULTS["T2"](pmf=pmf, returns=returns, kappa=kappa))),
)  # fmt: skip
