"""A sweep in words: the cells of its tables, the exponents and one plain sentence."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from antiscale.bounds.t9_separation import certified_from
from antiscale.core.numbers import (
    DASH,
    Toward,
    fixed,
    fixed_interval,
    interval,
    number,
    plus_minus,
    setting,
)
from antiscale.sweeps.config import ROUNDING, SweepConfig
from antiscale.sweeps.exponents import VARIABLE

# The curves that the bounds' own exponents are fitted to.
BOUNDS = {
    "vf": {"lower": "VF lower", "upper": "VF upper"},
    "vb": {"upper": "VB upper"},
    "gap": {"lower": "VF lower - VB upper", "upper": "VF upper - VB upper"},
}
SIDES = {"vf": "VF loss", "vb": "VB loss", "gap": "gap"}


class Shown(NamedTuple):
    """A column of the table of losses: its name in the rows, header, side, and a row's text."""

    name: str
    header: str
    side: str
    text: Callable[[dict[str, Any]], str]


def losses_columns(rows: list[dict[str, Any]], *, wide: bool = True) -> list[Shown]:
    """The table of a sweep: each side's loss between its bounds; the measures too if `wide`."""

    def rounded(name: str, toward: Toward = "nearest") -> Callable[[dict[str, Any]], str]:
        return lambda row: number(row[name], toward=toward)

    columns = [Shown("noise", "noise", "", rounded("noise"))] * (rows[0]["vary"] == "noise")
    columns += [
        Shown("horizon", "H", "", lambda row: f"{row['horizon']}"),
        Shown("n", "n", "", lambda row: f"{row['n']}"),
    ]
    if wide:
        columns += [
            Shown("sigma", "sigma/H", "", lambda row: number(row["sigma"] / row["horizon"])),
            Shown("c0", "c_0", "", rounded("c0")),
            Shown("max_ratio", "W", "", rounded("max_ratio")),
        ]
    if wide and rows[0]["vf_lower_holds_for"] == "worst expert":
        columns.append(Shown("vf_lower", "worst\nexpert", "vf", rounded("vf_lower", "down")))
    lower = "vf_lower_local"
    columns.append(Shown(lower, "VF\nlower", "vf", rounded(lower, "down")))
    for side, label in (("vf", "VF"), ("vb", "VB")):
        learner = rows[0][f"{side}_learner"]
        columns.append(Shown(f"{side}_loss", f"{label}\n{learner}", side, partial(loss, side=side)))
        # The simulation stands beside the exact losses where they were asked for.
        exact = rows[0]["exact"] and any(row[f"{side}_method"] == "exact" for row in rows)
        if wide and exact:
            text = partial(sampled, side=side)
            columns.append(Shown(f"{side}_mean", f"{label}\nsampled", side, text))
        upper = f"{side}_upper"
        columns.append(Shown(upper, f"{label}\nupper", side, rounded(upper, "up")))
    return [
        *columns,
        Shown("gap_measured", "gap\nmeasured" if wide else "gap", "gap", rounded("gap_measured")),
        Shown("gap_certified", "gap\ncertified" if wide else "certi-\nfied", "gap",
              rounded("gap_certified", "down")),
    ]  # fmt: skip


def loss(row: dict[str, Any], side: str) -> str:
    """The risk to show, with its interval unless it is exact; a star marks a coarse one."""
    text = plus_minus(*(row[f"{side}_loss{end}"] for end in ("", "_low", "_high")))
    return f"{text}*" if row[f"{side}_coarse"] else text


def sampled(row: dict[str, Any], side: str) -> str:
    """The mean over replicates with its interval, which checks an exact risk."""
    return plus_minus(*(row[f"{side}_{end}"] for end in ("mean", "low", "high")))


def exponents_head(config: SweepConfig, fit: dict[str, Any], *, wide: bool = True) -> list[str]:
    """The headers of the exponents' table."""
    variable, points = VARIABLE[config.vary], fit["vf_slope"]["points"]
    head = [
        f"exponent in {variable}", f"largest {points}", "99%", "theory's\nlimit",
        "of lower\nbounds", "of upper\nbounds",
    ]  # fmt: skip
    return [*head, f"all {variable}", "99%"] if wide else head


def exponents_rows(fit: dict[str, Any], *, wide: bool = True) -> list[list[str]]:
    """The exponents of both sides and of the gap, beside theory's and the bounds' own."""
    rows = []
    for name, label in SIDES.items():
        slope = fit[f"{name}_slope"]
        cells = [
            label, exponent(slope["estimate"]), exponent_interval(slope),
            exponent(slope["theory"]),
            *(exponent(slope.get(f"bound_{end}")) for end in ("lower", "upper")),
        ]  # fmt: skip
        if wide:
            cells += [exponent(slope["all_estimate"]), exponent_interval(slope, "all_")]
        rows.append(cells)
    return rows


def exponent(value: float | None, toward: Toward = "nearest") -> str:
    """Three decimals; a dash where there is none."""
    return fixed(value, 3, toward=toward)


def exponent_interval(slope: dict[str, Any], prefix: str = "") -> str:
    """An exponent's interval rounded outwards; "exact" where it is that of exact losses."""
    low, high = slope[f"{prefix}low"], slope[f"{prefix}high"]
    if low is None:
        return DASH
    return "exact" if low == high else fixed_interval(low, high, 3)


def reading(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> str:
    """One plain sentence: both losses, how they grow, and which gap is certified."""
    last = rows[-1]
    variable = VARIABLE[config.vary]
    key = {"H": "horizon"}.get(config.vary, config.vary)
    place = f"{config.vary} = {setting(last[key])}"
    sentence = (
        f"At {place} cloning loses {number(last['vf_loss'])} tokens and verification "
        f"{number(last['vb_loss'])}"
    )
    growth = [
        f"{label} as {variable}^{exponent(fit[key]['estimate'])}"
        for label, key in (("cloning's loss goes", "vf_slope"), ("verification's", "vb_slope"))
        if fit[key]["estimate"] is not None
    ]
    if growth:
        sentence += "; " + ", ".join(growth)
    start = certified_from([row["gap_certified"] for row in rows])
    if start is not None:
        loser = "every verifier-free algorithm has an expert on which it must lose more"
        if config.expert == "hard":
            loser = "every verifier-free algorithm must lose more under this prior"
        sentence += (
            f"; from {config.vary} = {setting(rows[start][key])} on {loser} than verification "
            f"does, by at least {number(last['gap_certified'], toward='down')} tokens at {place}"
        )
    elif last["gap_certified"] is None:
        sentence += f"; no gap is certified ({last['gap_certified_reason']})"
    else:
        sentence += "; the bounds do not certify a gap at this size"
    return sentence + "."


def caption(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> str:
    """The note under the plot: the reading, and what marks in the picture mean."""
    return " ".join((reading(config, rows, fit), *negative(rows), *coarse(rows)))


def _with_name(value: float | None, name: str | None, toward: Toward) -> str:
    return DASH if value is None else f"{number(value, toward=toward)} ({name})"


def notes(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> list[str]:
    """What the numbers are, and why some are missing."""
    last = rows[-1]
    lines = []
    if last["vf_lower"] is not None:
        holds = "for the prior that these experts are drawn from."
        if last["vf_lower_holds_for"] == "worst expert":
            worst = _with_name(last["vf_lower"], last["vf_lower_name"], "down")
            holds = (
                "for the worst expert on the segment through the drawn one (no bound on every "
                f"algorithm holds at one fixed expert). Worst expert of the ball: {worst}; the "
                "certified gap is that less VB upper."
            )
        lines.append(f"VF lower: {last['vf_lower_local_name']}, {holds}")
    lines.append(
        f"Over all of calR: cloning loses {number(last['vf_class_mean'])} "
        f"{interval(last['vf_class_low'], last['vf_class_high'])}, bounds "
        f"{_with_name(last['vf_class_lower'], last['vf_class_lower_name'], 'down')} and "
        f"{_with_name(last['vf_class_upper'], last['vf_class_upper_name'], 'up')}."
    )
    if last["vb_upper"] is not None:
        lines.append(
            f"VB upper: {last['vb_upper_name']} with verifier error "
            f"{last['verifier_error_name']} = {number(last['verifier_error'], toward='up')}."
        )
    lines.append(
        f"±, brackets: approximate 99% intervals from {config.repeats} replicates; exact losses "
        "have none."
    )
    lines += [*crossings(rows), *checks(rows), *negative(rows), *coarse(rows), *limits(config, fit)]
    missing = {
        "VF lower": last["vf_lower_reason"],
        "VF upper": last["vf_upper_reason"],
        # Exact risks that are cheap come by themselves; only those asked for are missed.
        "VF exact": last["vf_exact_reason"] if last["exact"] else None,
        "VB exact": last["vb_exact_reason"] if last["exact"] else None,
        "VB upper": last["vb_upper_reason"],
        "VF exponent": fit["vf_slope"]["reason"],
        "VB exponent": fit["vb_slope"]["reason"],
        "gap exponent": fit["gap_slope"]["reason"],
    }
    lines += [f"{DASH} {name}: {reason}." for name, reason in missing.items() if reason]
    return lines


def checks(rows: list[dict[str, Any]]) -> list[str]:
    """Which losses are exact, and how the simulation agrees with them."""
    lines = []
    for side, label in SIDES.items():
        exact = [row for row in rows if row.get(f"{side}_method") == "exact"]
        if not exact:
            continue
        ends = [[row[f"{side}_{name}"] for name in ("low", "exact", "high")] for row in exact]
        held = sum(low <= value <= high for low, value, high in ends)
        some = "" if len(exact) == len(rows) else f" in {len(exact)} of {len(rows)} rows"
        lines.append(
            f"{label}: exact, without sampling{some}; the simulation's 99% intervals hold {held} "
            f"of {len(exact)}."
        )
    return lines


def passes_table(config: SweepConfig, row: dict[str, Any]) -> list[list[str]]:
    """pass@k at the true reward in one row: a header with the policies, then a line for each k."""
    learners = (f"{side.upper()}\n{row[f'{side}_learner']}" for side in ("vf", "vb"))
    lines = [[f"n = {row['n']}", "base\npolicy", "ball's\noptimum", *learners]]
    for k in config.pass_at:
        name = f"pass_at_{k}"
        means = [fixed(row[f"{name}_{whose}"], 3) for whose in ("base", "best")]
        for side in ("vf", "vb"):
            ends = (row[f"{name}_{side}_{end}"] for end in ("mean", "low", "high"))
            means.append(plus_minus(*ends))
        lines.append([f"pass@{k}", *means])
    return lines


def crossings(rows: list[dict[str, Any]]) -> list[str]:
    """The first k at which each learner's pass@k is below the base policy's, and why (T13a).

    It is that of the replicates' mean: a fall that no replicate shows is not seen.
    """
    last = rows[-1]
    lines = []
    for side, label in (("vf", "VF"), ("vb", "VB")) if "pass_crossing_vf" in last else ():
        at, cause = (last[f"pass_crossing_{side}{end}"] for end in ("", "_cause"))
        where = "is below the base policy's at no k"
        if at is not None:
            where = f"first falls below the base policy's at k = {setting(at)}: {cause}"
        lines.append(
            f"{label} {last[f'{side}_learner']}, right within H tokens: over the replicates its "
            f"pass@k {where} (T13a)."
        )
    return lines


def negative(rows: list[dict[str, Any]]) -> list[str]:
    """Why a loss is below zero, where one is by more than rounding."""

    def below(side: str) -> bool:
        return any(row[f"{side}_loss"] < -ROUNDING * row["horizon"] for row in rows)

    lines = []
    if below("vf"):
        lines.append(
            "VF loss below 0: without the reward's mirror among the stated rewards cloning errs to "
            "either side of the expert, so its loss has no sign."
        )
    if below("vb"):
        lines.append(
            f"VB loss below 0: the learner {rows[-1]['vb_learner']} may leave the ball, and losses "
            "are counted from the ball's best policy; below 0 it earns more than that one."
        )
    return lines


def coarse(rows: list[dict[str, Any]]) -> list[str]:
    """What the star of a loss means, where there is one."""
    if not any(row[f"{side}_coarse"] for row in rows for side in ("vf", "vb")):
        return []
    return [
        "Starred or hollow: the interval is wider than the loss, for too few replicates show "
        "any; more --repeats or, where it can be summed, --exact would tell."
    ]


def limits(config: SweepConfig, fit: dict[str, Any]) -> list[str]:
    """Where an interval excludes theory's exponent: it is a limit; the bounds' exponents here."""
    variable = VARIABLE[config.vary]
    lines = []
    for side, label in SIDES.items():
        slope = fit[f"{side}_slope"]
        theory = slope["theory"]
        places = {"": f"the largest {slope['points']} {variable}", "all_": f"all {variable}"}
        for prefix, place in places.items():
            low, high = slope[f"{prefix}low"], slope[f"{prefix}high"]
            if theory is None or low is None or low <= theory <= high:
                continue
            said = f"lies in {fixed_interval(low, high, 3)}"
            if low == high:
                said = f"is exactly {exponent(low)}"
            own, rates = [], slope.get(f"{prefix}theory_here")
            if rates is not None:
                own = [f"theory's two rates through the last losses give {exponent(rates)}"]
            own += [
                f"{name} itself goes as {variable}^{exponent(value)}"
                for end, name in BOUNDS[side].items()
                if (value := slope.get(f"{prefix}bound_{end}")) is not None
            ]
            here = f". Over the same {variable} {', '.join(own)}" if own else ""
            lines.append(
                f"{label[0].upper()}{label[1:]} over {place}: the exponent {said}; theory's "
                f"{exponent(theory)} is {slope['theory_is']}{here}."
            )
            break
    return lines
