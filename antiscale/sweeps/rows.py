"""The columns of a sweep's rows: one table of names, units and meanings."""

import dataclasses
import re
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
    yield Column(f"{name}mean", "tokens", f"{meaning}, estimated from the replicates")
    for end in ("low", "high"):
        yield Column(f"{name}{end}", "tokens", f"{end} end of its 99% interval")
    if error:
        yield Column(f"{name}error", "tokens", "its standard error")


def _learner(pre: str, whose: str) -> Iterator[Column]:
    yield Column(f"{pre}learner", "", f"name of the {whose}learner", "string")


def _vf_lower(pre: str, loss: str) -> Iterator[Column]:
    yield Column(f"{pre}lower_holds_for", "", "worst expert, or hard prior", "string")
    stated = f"lower bound on the {loss} over the stated rewards"
    yield from _bound(f"{pre}lower_local", f"{stated}, near the expert (T4f)")
    yield from _bound(f"{pre}lower", f"{stated}, worst expert (T4)")


def _risk(pre: str, loss: str) -> Iterator[Column]:
    yield from _estimate(pre, f"{loss}, E sup over the stated rewards")
    yield from _estimate(f"{pre}sup_", f"{loss}, sup over the stated rewards of E", error=False)
    yield from _estimate(f"{pre}signed_", f"{loss} at the true reward")
    yield from _estimate(f"{pre}positive_", f"positive part of the {loss} at the true reward")
    yield from _estimate(
        f"{pre}quantile_", f"`quantile` of the {loss} at the true reward", error=False
    )


def _upper(pre: str, label: str = "") -> Iterator[Column]:
    meaning = f"upper bound on this learner's loss over the stated rewards{label}"
    yield from _bound(f"{pre}upper", meaning)


def _vf_class(pre: str, loss: str) -> Iterator[Column]:
    yield from _bound(f"{pre}class_lower", f"lower bound on the {loss} over all of calR (T4)")
    yield from _estimate(f"{pre}class_", f"{loss}, E sup over all of calR")
    yield from _bound(f"{pre}class_upper", "upper bound on this learner's loss over all of calR")


def _verifier_error() -> Iterator[Column]:
    yield Column("verifier_error", "probability", "error of the verifier that this bound uses (T6)")
    yield Column("verifier_error_name", "", "which of T6's errors it is", "string")


def _shown(pre: str, loss: str) -> Iterator[Column]:
    yield Column(f"{pre}loss", "tokens", f"{loss} to show: exact where known, else the mean")
    for end in ("low", "high"):
        yield Column(f"{pre}loss_{end}", "tokens", f"{end} end of its interval")
    yield Column(f"{pre}method", "", "exact or simulated", "string")
    yield Column(f"{pre}coarse", "", "whether its interval is wider than the loss itself", "bool")
    yield Column(f"{pre}may_be_negative", "", "whether this loss can be below zero", "bool")


def _exact(pre: str, loss: str) -> Iterator[Column]:
    # A bare "exact" is the option's name.
    name = f"{pre}exact" if pre else "exact_loss"
    yield Column(name, "tokens", f"{loss} without sampling; none where out of reach")
    yield Column(f"{pre}exact_reason", "", f"why there is no {name}", "string")


_VF, _VB = "verifier-free loss", "verifier-based loss"

# What is known of a place whoever learns there.
_PLACE = (
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
)  # fmt: skip

_ALL = (
    *_PLACE,
    *_learner("vf_", "verifier-free "),
    *_learner("vb_", "verifier-based "),
    *_vf_lower("vf_", _VF),
    *_risk("vf_", _VF),
    *_upper("vf_"),
    *_vf_class("vf_", _VF),
    *_risk("vb_", _VB),
    *_upper("vb_", " (T7)"),
    *_verifier_error(),
    *_exact("vf_", _VF),
    *_exact("vb_", _VB),
    *_shown("vf_", _VF),
    *_shown("vb_", _VB),
    Column("gap_measured", "tokens", "vf_loss - vb_loss"),
    *(Column(f"gap_{end}", "tokens", f"{end} end of its interval") for end in ("low", "high")),
    Column("gap_error", "tokens", "its standard error"),
    Column("gap_certified", "tokens", "vf_lower - vb_upper (T9); none where a bound is missing"),
    Column("gap_certified_reason", "", "why there is no gap_certified", "string"),
    Column("vf_slope_theory", "", "theory's exponent of the verifier-free loss"),
    Column("vb_slope_theory", "", "theory's exponent of the verifier-based loss"),
    Column("gap_slope_theory", "", "theory's exponent of the gap"),
)  # fmt: skip

# The rows of one learner each, which runs of any learners have alike.
_ARM = (
    *_PLACE,
    *_learner("", ""),
    Column("side", "", "vf, verifier-free, or vb, verifier-based", "string"),
    *_shown("", "loss"),
    *_vf_lower("", "loss of cloning"),
    *_risk("", "loss"),
    *_upper(""),
    *_vf_class("", "loss of cloning"),
    *_verifier_error(),
    *_exact("", "loss"),
)  # fmt: skip

COLUMNS: dict[str, Column] = {column.name: column for column in _ALL}
ARM_COLUMNS: dict[str, Column] = {column.name: column for column in _ARM}


def pass_columns(tries: Iterable[int], *, arms: bool = False) -> dict[str, Column]:
    """The columns of `pass_at`: pass@k at the true reward for every k, and the crossings.

    Those of rows with both sides; with `arms` those of rows of one learner each.
    """
    whom = {"": "learner"} if arms else {
        "vf_": "verifier-free learner", "vb_": "verifier-based learner"
    }  # fmt: skip
    found = []
    for k in tries:
        for whose, words in (("base", "base policy"), ("best", "ball's optimum")):
            found.append(Column(f"pass_at_{k}_{whose}", "probability", f"pass@{k} of the {words}"))
        for side, words in whom.items():
            name, meaning = f"pass_at_{k}_{side}", f"pass@{k} of the {words}"
            found.append(Column(f"{name}mean", "probability", f"{meaning}, over the replicates"))
            for end in ("low", "high"):
                found.append(Column(f"{name}{end}", "probability", f"{end} end of its interval"))
    for side in whom if found else ():
        name = f"pass_crossing_{side}".rstrip("_")
        meaning = "smallest k at which the learner's mean pass@k is below the base policy's (T13a)"
        found.append(Column(name, "tries", f"{meaning}; none if it never is"))
        found.append(Column(f"{name}_cause", "", "what lost right mass", "string"))
    return {column.name: column for column in found}


def of_side(side: str, name: str) -> str:
    """What a column of one learner's rows is called in rows with both sides."""
    if name.startswith("verifier_error"):
        return name
    if name == "exact_loss":
        return f"{side}_exact"
    if name.startswith("pass_"):
        # pass_at_4_mean, pass_crossing, pass_crossing_cause.
        start = re.match(r"pass_(at_\d+|crossing)", name)
        assert start is not None
        return f"{start[0]}_{side}{name[start.end() :]}"
    return f"{side}_{name}"


def arms_of(rows: Iterable[dict[str, Any]], tries: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Rows with both sides as rows of one learner each: two for one."""
    names = [*ARM_COLUMNS, *pass_columns(tries, arms=True)]
    return [
        {name: row.get(name, row.get(of_side(side, name))) for name in names} | {"side": side}
        for row in rows
        for side in ("vf", "vb")
    ]  # fmt: skip


def columns_of(name: str, found: Bound | Estimate) -> dict[str, Any]:
    """A bound or an estimate as the columns of its name."""
    if isinstance(found, Bound):
        return {name: found.value, f"{name}_name": found.name, f"{name}_reason": found.reason}
    start = f"{name}_" if name else ""
    columns = {
        f"{start}mean": found.value, f"{start}low": found.low, f"{start}high": found.high
    }  # fmt: skip
    return columns | ({} if np.isnan(found.error) else {f"{start}error": found.error})
