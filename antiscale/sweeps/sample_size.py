"""How many traces until each side loses no more than so many tokens, by the bounds inverted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.core import validate
from antiscale.core.numbers import number, setting
from antiscale.learners import Bound
from antiscale.sweeps.case import Case

# No more traces than this are looked at; and answers are this near to the bound's own crossing.
MOST = 2**50
_NEAR = 1e-3
# Whether so many traces are enough.
Enough = Callable[[int], bool]


def traces_needed(case: Case, loss: float) -> dict[str, Any]:
    """Find how many traces each side needs to lose no more than `loss` tokens, by its bounds.

    For its worst expert of the ball cloning needs at least `vf_least`: with one trace fewer every
    verifier-free algorithm loses more to some expert (T4f at the base policy and `hardest_centre`).
    The named learners need at most `vf_most` (T5), for the run's own expert, which may be an easier
    one, and `vb_most` (T7 with T6), for every expert: from there on their bounds are no larger. All
    three hold as they stand; they are within a thousandth of where the bound crosses.

    Parameters
    ----------
    case
        One (H, n) of a sweep; its n does not count.
    loss
        In tokens, over the stated rewards as in a sweep; positive.

    Returns
    -------
    `loss`, `horizon`; per number of traces `vf_least`, `vf_most`, `vb_most` the number, the bound's
    label `_name`, and `_reason` why there is none; and `ratio`, vf_least/vb_most: so many times
    fewer traces are enough for verification.

    Raises
    ------
    InputError
        If `loss` is not a positive number.
    """
    loss = validate.real("loss", loss, above=0.0)

    def upper(side: str, n: int) -> Bound:
        return case.learners[side].upper(case.with_samples(n, lower_too=case.drawn), "stated")

    def enough(side: str) -> Enough:
        return lambda n: _value(upper(side, n)) <= loss

    found: dict[str, Any] = {"loss": loss, "horizon": case.horizon}
    missing = case.lower.over_stated.reason
    least = None
    if missing is None and _lower(case, 0) <= loss:
        missing = "T4 and T4f are below it without any data"
    elif missing is None:
        ends = _crossing(lambda n: _lower(case, n) <= loss, step=16)
        # With one trace fewer the lower bound still exceeds the loss.
        least = MOST + 1 if ends is None else ends[0] + 1
    found |= _answer("vf_least", least, "T4, T4f", missing)
    for side in ("vf", "vb"):
        known = upper(side, MOST)
        ends, missing = None, known.reason
        if known.value is not None:
            ends = _crossing(enough(side), step=2)
            if ends is None:
                missing = f"it is above {setting(loss)} tokens at n = {MOST:.2g} still"
        found |= _answer(f"{side}_most", ends and ends[1], known.name, missing)
    most = found["vb_most"]
    found["ratio"] = None if least is None or most is None else least / most
    return found


def _answer(name: str, n: int | None, label: str | None, reason: str | None) -> dict[str, Any]:
    return {name: n, f"{name}_name": label if n is not None else None, f"{name}_reason": reason}


def _value(bound: Bound) -> float:
    return np.inf if bound.value is None else bound.value


def _lower(case: Case, n: int) -> float:
    """T4 over the stated rewards, for the worst expert."""
    model = case.model
    by_prompt = bounds.vf_lower_over_ball(
        model.pmf, model.returns, n, prompt_mass=model.prompt_mass, kappa=case.kappa,
        widest=case.widest.policy,
    )  # fmt: skip
    return float(model.prompt_mass @ by_prompt)


def _crossing(enough: Enough, *, step: int) -> tuple[int, int] | None:
    """The last n that is not enough and the first from which all are, looked for from above.

    Both to `_NEAR`: the first of the two is not enough, the second is. A bound may rise and fall
    once, as T5a does where a prompt is seen about once; by more than `step` in n, to be noticed.
    None if MOST is not enough.
    """
    if not enough(MOST):
        return None
    low, high = MOST // step, MOST
    while low and enough(low):
        low, high = low // step, low
    return bisected(low, high, enough, near=_NEAR)


def bisected(low: int, high: int, enough: Enough, *, near: float = 0.0) -> tuple[int, int]:
    """Narrow down where whole numbers become enough, `low` not and `high` yes, to `near` of it."""
    while high - low > max(1, int(near * high)):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return low, high


def reading(found: dict[str, Any]) -> str:
    """Say how many traces each side needs."""
    parts = []
    if found["vf_least"] is not None:
        many = _many(found["vf_least"], "down")
        parts.append(f"cloning its worst expert takes at least {many} traces (T4, T4f)")
    for side, whose in (("vf", "cloning this expert"), ("vb", "verification")):
        if found[f"{side}_most"] is not None:
            most, label = found[f"{side}_most"], found[f"{side}_most_name"]
            parts.append(f"{whose} at most {_many(most, 'up')} ({label})")
    for name in ("vf_least", "vf_most", "vb_most"):
        if found[f"{name}_reason"]:
            parts.append(f"no {name}: {found[f'{name}_reason']}")
    text = (
        f"To lose no more than {setting(found['loss'])} tokens at H = {found['horizon']}: "
        + "; ".join(parts)
    )
    if (found["ratio"] or 0.0) > 1.0:
        text += (
            f": verification needs {number(found['ratio'], toward='down')} times fewer, certified"
        )
    return text + "."


def _many(n: int, toward: Any) -> str:
    """A number of traces: whole while it is short, else to three digits on its safe side."""
    if n < 10**6:
        return f"{n:,}"
    unit = 10 ** (len(str(n)) - 3)
    return f"{(n // unit if toward == 'down' else -(-n // unit)) * unit:.2e}"
