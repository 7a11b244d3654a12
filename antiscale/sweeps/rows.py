"""The columns of a sweep's rows: one table of names, units and meanings."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from antiscale.core.config import described, type_of
from antiscale.core.intervals import Estimate
from antiscale.learners import Bound
from antiscale.sweeps.config import SweepConfig

# What the rows call an option whose name they need for what was measured.
_RENAMED = {
    "horizon": "horizon_max", "c0": "c0_required", "rewards": "rewards_requested",
    "noise": "noise_max",
}  # fmt: skip
# Options that rows have in another form.
_ELSEWHERE = ("learner", "prompts", "styles", "pass_at")


# Types of options, as Arrow names them.
_TYPES = {"float": "double", "int": "int64", "bool": "bool"}


class Column(NamedTuple):
    """A column: its name, unit (empty for text and pure numbers), meaning, and type in Arrow."""

    name: str
    unit: str
    meaning: str
    type: str = "double"


def _settings() -> Iterator[Column]:
    """The options of the configuration, as its docstring describes them."""
    meanings = described(SweepConfig)
    types = {field.name: type_of(field) for field in dataclasses.fields(SweepConfig)}
    units = {"horizon": "tokens", "samples": "traces", "samples_per_token": "traces per token"}
    for name in settings_of(SweepConfig().to_dict()):
        option = {new: old for old, new in _RENAMED.items()}.get(name, name)
        kind = types[option].partition(" ")[0]
        yield Column(name, units.get(option, ""), meanings[option], _TYPES.get(kind, "string"))


def settings_of(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration's options as the rows name them."""
    return {_RENAMED.get(k, k): v for k, v in config.items() if k not in _ELSEWHERE}


def _bound(name: str, meaning: str) -> Iterator[Column]:
    yield Column(name, "tokens", f"{meaning}; none where no bound applies")
    yield Column(f"{name}_name", "", f"label of {name} in paper_bounds.md", "string")
    yield Column(f"{name}_reason", "", f"why there is no {name}", "string")


def _estimate(name: str, meaning: str, *, error: bool = True) -> Iterator[Column]:
    yield Column(f"{name}_mean", "tokens", f"{meaning}, estimated from the replicates")
    for end in ("low", "high"):
        yield Column(f"{name}_{end}", "tokens", f"{end} end of its 99% interval")
    if error:
        yield Column(f"{name}_error", "tokens", "its standard error")


def _risk(side: str, loss: str) -> Iterator[Column]:
    yield from _estimate(side, f"{loss}, E sup over the stated rewards")
    yield from _estimate(f"{side}_sup", f"{loss}, sup over the stated rewards of E", error=False)
    yield from _estimate(f"{side}_signed", f"{loss} at the true reward")
    yield from _estimate(f"{side}_positive", f"positive part of the {loss} at the true reward")
    yield from _estimate(
        f"{side}_quantile", f"`quantile` of the {loss} at the true reward", error=False
    )


def _shown(side: str, loss: str) -> Iterator[Column]:
    yield Column(f"{side}_loss", "tokens", f"{loss} to show: exact where known, else the mean")
    for end in ("low", "high"):
        yield Column(f"{side}_loss_{end}", "tokens", f"{end} end of its interval")
    yield Column(f"{side}_method", "", "exact or simulated", "string")
    yield Column(f"{side}_coarse", "", "whether its interval is wider than the loss itself", "bool")
    yield Column(f"{side}_may_be_negative", "", "whether this loss can be below zero", "bool")


def _exact(side: str, loss: str) -> Iterator[Column]:
    yield Column(f"{side}_exact", "tokens", f"{loss} without sampling; none where out of reach")
    yield Column(f"{side}_exact_reason", "", f"why there is no {side}_exact", "string")


_VF, _VB = "verifier-free loss", "verifier-based loss"

_ALL = (
    Column("config_hash", "", "names the configuration and the version of the rows", "string"),
    *_settings(),
    Column("horizon", "tokens", "H, the test-time budget", "int64"),
    Column("n", "traces", "for each side", "int64"),
    Column("noise", "probability", "that a label's verdict is reversed"),
    Column("sigma", "tokens", "heterogeneity of the true reward, median over prompts (T1)"),
    Column("sigma_mean", "tokens", "the same, mean over prompts"),
    Column("sigma_rms", "tokens", "the same, root mean square over prompts"),
    Column("sigma_max", "tokens", "largest of any expert of the ball, mean over prompts (T4g)"),
    Column("c0", "probability", "anti-concentration of the true reward, least over prompts"),
    Column("c0_stated", "probability", "anti-concentration that every stated reward reaches"),
    Column("ct0", "probability", "P(R >= V_kappa), least over stated rewards and prompts"),
    Column("max_ratio", "", "W, the largest density ratio of the ball's optima"),
    Column("base_return", "tokens", "mean return of the base policy"),
    Column("optimal_return", "tokens", "mean return of the ball's optimum"),
    Column("log_class_size", "nats", "log |calR|"),
    Column("rewards_stated", "", "stated rewards per prompt, least over prompts", "int64"),
    Column("rewards_stated_max", "", "the same, most over prompts", "int64"),
    Column("rewards_whole_class", "", "whether they are all of calR", "bool"),
    Column("vf_learner", "", "name of the verifier-free learner", "string"),
    Column("vb_learner", "", "name of the verifier-based learner", "string"),
    Column("vf_lower_holds_for", "", "worst expert, or hard prior", "string"),
    *_bound(
        "vf_lower_local",
        "lower bound on the verifier-free loss over the stated rewards, near the expert (T4f)",
    ),
    *_bound(
        "vf_lower",
        "lower bound on the verifier-free loss over the stated rewards, worst expert (T4)",
    ),
    *_risk("vf", _VF),
    *_bound("vf_upper", "upper bound on this learner's loss over the stated rewards"),
    *_bound("vf_class_lower", "lower bound on the verifier-free loss over all of calR (T4)"),
    *_estimate("vf_class", f"{_VF}, E sup over all of calR"),
    *_bound("vf_class_upper", "upper bound on this learner's loss over all of calR"),
    *_risk("vb", _VB),
    *_bound("vb_upper", "upper bound on this learner's loss over the stated rewards (T7)"),
    Column("verifier_error", "probability", "error of the verifier that this bound uses (T6)"),
    Column("verifier_error_name", "", "which of T6's errors it is", "string"),
    *_exact("vf", _VF),
    *_exact("vb", _VB),
    *_shown("vf", _VF),
    *_shown("vb", _VB),
    Column("gap_measured", "tokens", "vf_loss - vb_loss"),
    *(Column(f"gap_{end}", "tokens", f"{end} end of its interval") for end in ("low", "high")),
    Column("gap_error", "tokens", "its standard error"),
    Column("gap_certified", "tokens", "vf_lower - vb_upper (T9); none where a bound is missing"),
    Column("gap_certified_reason", "", "why there is no gap_certified", "string"),
    Column("vf_slope_theory", "", "theory's exponent of the verifier-free loss"),
    Column("vb_slope_theory", "", "theory's exponent of the verifier-based loss"),
    Column("gap_slope_theory", "", "theory's exponent of the gap"),
)  # fmt: skip

COLUMNS: dict[str, Column] = {column.name: column for column in _ALL}


def pass_columns(tries: Iterable[int]) -> dict[str, Column]:
    """The columns of `pass_at`: pass@k at the true reward for every k, and the crossings."""
    found = []
    for k in tries:
        for whose, words in (("base", "base policy"), ("best", "ball's optimum")):
            found.append(Column(f"pass_at_{k}_{whose}", "probability", f"pass@{k} of the {words}"))
        for side, words in (("vf", "verifier-free"), ("vb", "verifier-based")):
            name, meaning = f"pass_at_{k}_{side}", f"pass@{k} of the {words} learner"
            found.append(Column(f"{name}_mean", "probability", f"{meaning}, over the replicates"))
            for end in ("low", "high"):
                found.append(Column(f"{name}_{end}", "probability", f"{end} end of its interval"))
    for side in ("vf", "vb") if found else ():
        meaning = "smallest k at which the learner's mean pass@k is below the base policy's (T13a)"
        found.append(Column(f"pass_crossing_{side}", "tries", f"{meaning}; none if it never is"))
        found.append(Column(f"pass_crossing_{side}_cause", "", "what lost right mass", "string"))
    return {column.name: column for column in found}


def columns_of(name: str, found: Bound | Estimate) -> dict[str, Any]:
    """A bound or an estimate as the columns of its name."""
    if isinstance(found, Bound):
        return {name: found.value, f"{name}_name": found.name, f"{name}_reason": found.reason}
    columns = {
        f"{name}_mean": found.value, f"{name}_low": found.low, f"{name}_high": found.high
    }  # fmt: skip
    return columns | ({} if np.isnan(found.error) else {f"{name}_error": found.error})
