"""Every labelled bound side by side, at one (H, n) of a family."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from antiscale import bounds
from antiscale.core.errors import InputError
from antiscale.core.numbers import number, setting
from antiscale.core.theorem import plain
from antiscale.learners import OVER
from antiscale.learners.search import BestOfN
from antiscale.learners.verification import Weighted, verification_terms
from antiscale.models.measures import anticoncentration, heterogeneity
from antiscale.registry import RESULTS
from antiscale.sweeps.case import Case, certified_gap

# Failure probability at which the bounds in probability are shown.
DELTA = 0.05
# N of Cov_N that is shown (T5f).
FOLD = 4.0


class Value(NamedTuple):
    """A bound at one cell.

    Attributes
    ----------
    value, class_value
        Over the stated rewards, and over all of calR; None where it does not hold there.
    reason
        Why a value is missing.
    variant
        Which of several values of one label, or the inputs that were chosen for it.
    """

    value: float | None = None
    class_value: float | None = None
    reason: str | None = None
    variant: str = ""


# A value of the theorem with a label.
Labelled = Iterator[tuple[str, Value]]

_OWN_INSTANCE = Value(reason="holds for its own instance; evaluate it by its label")


def rows(case: Case) -> list[dict[str, Any]]:
    """Evaluate every theorem at one cell.

    Returns
    -------
    One row per label and variant: `label`, `variant`, `name`, `kind`, `learner`, `unit`, `value`
    (over the stated rewards), `class_value` (over all of calR), and `reason` where there is none.
    """
    values: dict[str, list[Value]] = {}
    for group in (_base_policy, _cloning, _verification, _search):
        for label, value in group(case):
            values.setdefault(label, []).append(value)
    return [
        {"label": label, "variant": found.variant}
        | theorem.facts("name", "kind", "learner", "unit")
        | plain(found)
        for label, theorem in RESULTS.items()
        for found in values.get(label, [_OWN_INSTANCE])
    ]


def _base_policy(case: Case) -> Labelled:
    model, rho = case.model, case.model.prompt_mass
    law = {"pmf": model.pmf, "returns": model.returns}
    spread = np.asarray(heterogeneity(**law))
    yield "T1", Value(float(np.sqrt(rho @ spread**2)), variant="root mean square over prompts")
    yield "T2", Value(float(rho @ np.asarray(case.optima.value[0])))
    area = RESULTS["T13b"](**law, kappa=case.config.kappa)
    yield "T13b", Value(float(rho @ area), variant="mean over prompts")
    most = float(RESULTS["T3a"](eps=case.config.kappa))
    yield "T3a", Value(most, variant=f"measured c_0 = {number(case.c0)}")
    above = float(np.min(anticoncentration(**law, eps=0.0, horizon=case.horizon)))
    least = float(np.min(RESULTS["T3b"](**law)))
    yield "T3b", Value(least, variant=f"measured P(R >= J) = {number(above)}")
    yield "T3c", Value(reason="holds for sums of fair bits; see antiscale family erdos")
    yield "T3d", Value(float(RESULTS["T3d"](coverage=case.worst["coverage"])))


def _cloning(case: Case) -> Labelled:
    if case.rewards.mirror_closed:
        yield from _points(case)
    else:
        for label in ("T4a", "T4b", "T4c", "T4d", "T4e", "T4f", "T4g", "T4h"):
            yield label, Value(reason=case.lower.over_class.reason)
    over_stated, over_class = (case.learners["vf"].upper(case, over) for over in OVER)
    for label in ("T5a", "T5b"):
        if over_stated.name == label:
            yield label, Value(over_stated.value, over_class.value)
        else:
            reason = f"for the learner {RESULTS[label].learner}, not {case.learners['vf'].name}"
            yield label, Value(reason=over_stated.reason or reason)
    if over_stated.name == "T5a" and len(case.experts) == 1:
        value = RESULTS["T5c"](
            sigma_expert=case.rewards.deviation(case.experts[0]), horizon=case.horizon, n=case.n,
            delta=DELTA, prompt_mass=case.model.prompt_mass,
            fallback_gap=case.rewards.shift(case.experts[0], case.model.pmf),
        )  # fmt: skip
        yield "T5c", Value(float(value), float(value), variant=f"delta = {setting(DELTA)}")
    else:
        yield "T5c", Value(reason="for sft and one expert")
    yield from _weighted(case)
    if case.drawn:
        yield "T5f", Value(reason="for one expert; it is drawn from T4's prior")
    else:
        rho = case.model.prompt_mass
        missed = RESULTS["T5f"](expert=case.experts[0], n=case.n, fold=FOLD, prompt_mass=rho)
        yield "T5f", Value(float(rho @ missed), variant=f"N = {setting(FOLD)}")


def _weighted(case: Case) -> Labelled:
    """T5d and T5e: over a reward and its mirror, whatever the class's verifier-based learner."""
    model, rho = case.model, case.model.prompt_mass
    reason = "labels are noisy" if case.noise > 0 else case.lower.over_class.reason
    if case.noise > 0 or not case.rewards.mirror_closed:
        yield from ((label, Value(reason=reason)) for label in ("T5d", "T5e"))
        return
    least = float(rho @ RESULTS["T5d"](
        pmf=model.pmf, returns=model.returns, n=case.n, prompt_mass=rho, kappa=case.config.kappa
    ))  # fmt: skip
    held = case.stated.all_of_class or case.stated.with_mirror
    yield "T5d", Value(least if held else None, least, None if held else "r or rbar is not stated")
    over = [Weighted().upper(case, each) for each in OVER]
    yield "T5e", Value(over[0].value, over[1].value, over[0].reason)


def _points(case: Case) -> Labelled:
    """T4, where the class holds the mirror of each of its rewards."""
    model, rho, stated = case.model, case.model.prompt_mass, case.stated
    law = {"pmf": model.pmf, "returns": model.returns}
    place: dict[str, Any] = {"n": case.n, "prompt_mass": rho, "kappa": case.config.kappa}
    held = stated.all_of_class or stated.with_mirror
    reason = None if held else "the stated rewards do not hold r and rbar at every prompt"
    variants = {
        "affinity": "", "averaged": "averaged over n_x", "normal": "normal overlap",
        "exact": "exact overlap",
    }  # fmt: skip
    for label, (overlap, variant) in itertools.product(("T4a", "T4c"), variants.items()):
        try:
            value = float(rho @ RESULTS[label](overlap=overlap, **law, **place))
        except InputError:
            continue  # an exact overlap is out of reach
        yield label, Value(value if held else None, value, reason, variant)
    blocks = case.lower.block_masses
    whole = None if stated.all_of_class else "holds over all of calR only"
    for label in ("T4b", "T4d"):
        if blocks is None:
            yield label, Value(reason="the class is not made of two blocks or more")
            continue
        losses = RESULTS[label](style_mass=blocks[0], style_return=blocks[1], **place)
        value = float(rho @ losses)
        yield label, Value(value if stated.all_of_class else None, value, reason=whole)
    for label in ("T4e", "T4h"):
        try:
            worst = float(np.max(rho * RESULTS[label](chance=DELTA, **law, **place)))
        except InputError:
            yield label, Value(reason="an exact overlap is out of reach")
        else:
            yield label, Value(worst, worst, variant=f"with probability {setting(DELTA)}")
    centres = {"at the largest spread": case.widest.policy}
    if not case.drawn:
        centres = {"at the drawn expert": case.experts[0]} | centres
    for variant, centre in centres.items():
        value = float(rho @ RESULTS["T4f"](centre=centre, **law, **place))
        yield "T4f", Value(value if held else None, value, reason, variant)
    mean = float(rho @ case.widest.value)
    yield "T4g", Value(mean, mean, variant="mean over prompts")


def _verification(case: Case) -> Labelled:
    missing = Value(reason="labels are noisy" if case.noise > 0 else "labels are clean")
    found = {
        label: Value(error.value, error.value, variant=str(error.name))
        for label, error in case.verifier_errors.items()
    }
    if case.noise == 0:
        mass, rho = case.rewards.verified_blocks, case.model.prompt_mass
        value = RESULTS["T6d"](style_mass=mass, n=case.n, delta=DELTA, prompt_mass=rho)
        found["T6d"] = Value(value, value, variant=f"delta = {setting(DELTA)}")
    for label in ("T6a", "T6b", "T6c", "T6d"):
        yield label, found.get(label, missing)
    error = case.learners["vb"].verifier_error(case)
    assert error.value is not None
    for learner in bounds.VB_LEARNERS:
        terms = verification_terms(case, learner, error.value)
        best = min(terms, key=lambda key: terms[key])
        yield "T7", Value(terms[best], variant=f"{learner}: {best} with {error.name}")
        for label in ("T7a", "T7b", "T7c"):
            # Once, for the first of the learners that it is for.
            if learner == RESULTS[label].learner.partition(",")[0]:
                yield label, Value(terms[label])
    gap = certified_gap(case)
    yield "T9", Value(gap.value, variant=gap.name or "", reason=gap.reason)


def _search(case: Case) -> Labelled:
    tries = float(RESULTS["T10c"](coverage=case.c0, delta=DELTA))
    for label in ("T10a", "T10b"):
        yield label, Value(float(RESULTS[label](n=tries)), variant=f"N = {setting(tries)}")
    chosen = f"delta = {setting(DELTA)}, c_0 = {number(case.c0)}"
    yield "T10c", Value(tries, variant=chosen)
    error = case.learners["vb"].verifier_error(case)
    wrong = float(RESULTS["T10d"](horizon=case.horizon, error=error.value, n=tries))
    yield "T10d", Value(wrong, variant=f"N = {setting(tries)}, with {error.name}")
    search = BestOfN()
    bound, error = search.upper(case, "stated"), search.verifier_error(case)
    yield "T10e", Value(bound.value, variant=f"with {error.name}")
