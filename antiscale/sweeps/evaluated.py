"""Every labelled bound side by side, at one (H, n) of a family."""

from __future__ import annotations

from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.bounds.registry import RESULTS, plain
from antiscale.core.errors import InputError
from antiscale.core.numbers import number, setting
from antiscale.learners import OVER, Bound
from antiscale.learners.search import BestOfN
from antiscale.learners.verification import verification_terms
from antiscale.models.measures import anticoncentration, heterogeneity
from antiscale.sweeps.case import Case, certified_gap

# Failure probability at which the bounds in probability are shown.
DELTA = 0.05

_OWN_INSTANCE = "speaks of its own instance; evaluate it by its label"


def rows(case: Case) -> list[dict[str, Any]]:
    """Evaluate every result of the registry at one cell.

    Returns
    -------
    One row per label and variant: `label`, `variant`, `name`, `kind`, `learner`, `unit`, `value`
    (over the stated rewards), `class_value` (over all of calR), and `reason` where there is none.
    """
    found: list[dict[str, Any]] = []

    def add(
        label: str, value: float | None, whole: float | None = None, *, variant: str = "",
        reason: str | None = None,
    ) -> None:  # fmt: skip
        result = RESULTS[label]
        found.append(
            {
                "label": label,
                "variant": variant,
                "name": result.name,
                "kind": result.kind,
                "learner": result.learner,
                "unit": result.unit,
                "value": plain(value),
                "class_value": plain(whole),
                "reason": reason,
            }
        )

    model, rho, kappa = case.model, case.model.prompt_mass, case.config.kappa
    spread = np.asarray(heterogeneity(model.pmf, model.returns))
    add("T1", float(np.sqrt(rho @ spread**2)), variant="root mean square over prompts")
    add("T2", float(rho @ np.asarray(case.optima.value[0])))
    add("T3a", float(RESULTS["T3a"](eps=kappa)), variant=f"measured c_0 = {number(case.c0)}")
    above = anticoncentration(model.pmf, model.returns, 0.0, horizon=case.horizon)
    add(
        "T3b", float(np.min(RESULTS["T3b"](pmf=model.pmf, returns=model.returns))),
        variant=f"measured P(R >= J) = {number(float(np.min(above)))}",
    )  # fmt: skip
    add("T3c", None, reason="speaks of sums of fair bits; see antiscale family erdos")
    add("T3d", float(RESULTS["T3d"](coverage=case.worst["coverage"])))
    _add_cloning(case, add)
    _add_verification(case, add)
    for label in ("T8a", "T8b", "T10f", "T10g", "T10h", "T10i", "T10j", "T10k", "T10l", "T10m",
                  "T11", "T12"):  # fmt: skip
        add(label, None, reason=_OWN_INSTANCE)
    gap = certified_gap(case)
    add("T9", gap.value, variant=gap.name or "", reason=gap.reason)
    tries = float(RESULTS["T10c"](coverage=case.c0, delta=DELTA))
    add("T10a", float(RESULTS["T10a"](n=tries)), variant=f"N = {setting(tries)}")
    add("T10b", float(RESULTS["T10b"](n=tries)), variant=f"N = {setting(tries)}")
    add("T10c", tries, variant=f"delta = {setting(DELTA)}, c_0 = {number(case.c0)}")
    error = case.learners["vb"].verifier_error(case)
    wrong = float(RESULTS["T10d"](horizon=case.horizon, error=error.value, n=tries))
    add("T10d", wrong, variant=f"N = {setting(tries)}, with {error.name}")
    search = BestOfN()
    add(
        "T10e", search.upper(case, "stated").value,
        variant=f"with {search.verifier_error(case).name}",
    )  # fmt: skip
    order = list(RESULTS)
    return sorted(found, key=lambda row: order.index(row["label"]))


def _add_cloning(case: Case, add: Any) -> None:
    model, rho, n = case.model, case.model.prompt_mass, case.n
    place: dict[str, Any] = {
        "pmf": model.pmf, "returns": model.returns, "n": n, "prompt_mass": rho,
        "kappa": case.config.kappa,
    }  # fmt: skip
    why = case.lower.over_class.reason
    mirrored = case.rewards.mirror_closed
    held = mirrored and (case.stated.all_of_class or case.stated.with_mirror)
    untold = why or "the stated rewards do not hold r and rbar at every prompt"
    for label in ("T4a", "T4c"):
        for overlap in ("affinity", "averaged", "exact"):
            if not mirrored:
                add(label, None, reason=why)
                break
            try:
                value = float(rho @ RESULTS[label](overlap=overlap, **place))
            except InputError:
                continue  # an exact overlap is out of reach
            variant = (
                ""
                if overlap == "affinity"
                else {"averaged": "averaged over n_x"}.get(overlap, "exact overlap")
            )
            add(label, value if held else None, value, variant=variant,
                reason=None if held else untold)  # fmt: skip
    blocks = case.lower.block_masses
    for label in ("T4b", "T4d"):
        if not mirrored or blocks is None:
            add(label, None, reason=why or "the class is not made of two blocks or more")
            continue
        value = float(
            rho @ RESULTS[label](style_mass=blocks[0], style_return=blocks[1], n=n,
                                 prompt_mass=rho, kappa=case.config.kappa)
        )  # fmt: skip
        whole = case.stated.all_of_class
        add(label, value if whole else None, value,
            reason=None if whole else "holds over all of calR only")  # fmt: skip
    if mirrored:
        losses = rho * RESULTS["T4e"](chance=DELTA, **place)
        add("T4e", float(np.max(losses)), float(np.max(losses)),
            variant=f"with probability {setting(DELTA)}")  # fmt: skip
    else:
        add("T4e", None, reason=why)
    over_stated, over_class = (case.learners["vf"].upper(case, over) for over in OVER)
    by_label = {over_stated.name: (over_stated, over_class)}
    for label in ("T5a", "T5b"):
        pair = by_label.get(label)
        if pair is None:
            reason = f"for the learner {RESULTS[label].learner}, not {case.learners['vf'].name}"
            add(label, None, reason=over_stated.reason or reason)
        else:
            add(label, pair[0].value, pair[1].value)
    if over_stated.name == "T5a" and len(case.experts) == 1:
        value = RESULTS["T5c"](
            sigma_expert=case.rewards.deviation(case.experts[0]), horizon=case.horizon, n=n,
            delta=DELTA, prompt_mass=rho,
            fallback_gap=case.rewards.shift(case.experts[0], model.pmf),
        )  # fmt: skip
        add("T5c", float(value), float(value), variant=f"delta = {setting(DELTA)}")
    else:
        add("T5c", None, reason="for sft and one expert")


def _add_verification(case: Case, add: Any) -> None:
    errors = case.verifier_errors
    for label in ("T6a", "T6b", "T6c"):
        bound = errors.get(label)
        if bound is None:
            noisy = "labels are clean" if label == "T6c" else "labels are noisy"
            add(label, None, reason=noisy)
        else:
            add(label, bound.value, bound.value, variant=bound.name)
    if case.noise == 0:
        value = RESULTS["T6d"](
            style_mass=case.rewards.verified_blocks, n=case.n, delta=DELTA,
            prompt_mass=case.model.prompt_mass,
        )  # fmt: skip
        add("T6d", value, value, variant=f"delta = {setting(DELTA)}")
    else:
        add("T6d", None, reason="labels are noisy")
    error: Bound = case.learners["vb"].verifier_error(case)
    assert error.value is not None
    for learner in bounds.VB_LEARNERS:
        terms = verification_terms(case, learner, error.value)
        best = min(terms, key=lambda key: terms[key])
        add("T7", terms[best], variant=f"{learner}: {best} with {error.name}")
        for label in ("T7a", "T7b", "T7c"):
            if label in terms and (learner == "simple" or label == "T7c"):
                add(label, terms[label])
