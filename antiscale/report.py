"""What a person reads of a sweep: a table, the exponents and one plain sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.bounds.separation import certified_from
from antiscale.config import SweepConfig
from antiscale.numbers import (
    DASH,
    Toward,
    fixed,
    fixed_interval,
    interval,
    number,
    plus_minus,
    setting,
)

if TYPE_CHECKING:
    from antiscale.separation import Separation

# What varies, and what exponents are in: noise divides n by 1/c, c = (sqrt(1-noise)-sqrt(noise))^2.
KEY = {"H": "H", "n": "n", "noise": "noise"}
VARIABLE = {"H": "H", "n": "n", "noise": "1/c"}
# Whose curves the bounds' own exponents are of.
BOUNDS = {
    "vf": {"lower": "VF lower", "upper": "VF upper"},
    "vb": {"upper": "VB upper"},
    "gap": {"lower": "VF lower - VB upper", "upper": "VF upper - VB upper"},
}
# Below this share of the horizon a loss is rounding.
_ROUNDING = 1e-9
SIDES = {"vf": "VF loss", "vb": "VB loss", "gap": "gap"}

# Below this width a terminal gets the table without the columns that rarely change.
_WIDE = 108


def screen(
    config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any], *, width: int
) -> RenderableType:
    """Return the table, the fitted exponents and the reading, for a console of `width` columns."""
    lines = [reading(config, rows, fit), *notes(config, rows, fit)]
    if width < _WIDE:
        lines.insert(1, _ranges(rows))
    return Group(
        Text(_title(config, rows), style="bold"),
        losses_table(rows, wide=width >= _WIDE),
        Text(),
        exponents_table(config, fit, wide=width >= _WIDE),
        *(Text(line) for line in ("", lines[0], "", *lines[1:])),
    )


def _title(config: SweepConfig, rows: list[dict[str, Any]]) -> str:
    last = rows[-1]
    low, high = last["rewards_stated"], last["rewards_stated_max"]
    count = f"{low}" if low == high else f"{low} to {high}"
    whole = " (all of the class)" if last["rewards_whole_class"] else ""
    return (
        f"{config.family}, class {config.class_name()}, expert {config.expert}, "
        f"kappa {setting(config.kappa)}{_noise(config)}: losses in tokens, E sup over {count} "
        f"rewards{whole}, ± for 99%"
    )


def _noise(config: SweepConfig) -> str:
    return f", noise {setting(config.noise)}" if config.noise > 0 and config.vary != "noise" else ""


def _ranges(rows: list[dict[str, Any]]) -> str:
    """The measures that a narrow table leaves out, over all rows."""

    def spread(label: str, values: list[float]) -> str:
        low, high = number(min(values)), number(max(values))
        return f"{label} = {low}" if low == high else f"{label} = {low} to {high}"

    return ", ".join(
        (
            spread("sigma/H", [row["sigma"] / row["horizon"] for row in rows]),
            spread("c_0", [row["c0"] for row in rows]),
            spread("W", [row["max_ratio"] for row in rows]) + ".",
        )
    )


def losses_table(rows: list[dict[str, Any]], *, wide: bool = True) -> Table:
    """One line per (H, n): the two sides, each between its bounds; losses in tokens."""
    vf, vb = rows[0]["vf_learner"], rows[0]["vb_learner"]
    measures = ["sigma/H", "c_0", "W"] if wide else []
    checked = {side: wide and is_checked(rows, side) for side in ("vf", "vb")}
    noisy = rows[0]["vary"] == "noise"
    headers = [
        *(["noise"] if noisy else []), "H", "n", *measures, "VF\nlower", f"VF\n{vf}",
        *(["VF\nsampled"] if checked["vf"] else []), "VF\nupper", f"VB\n{vb}",
        *(["VB\nsampled"] if checked["vb"] else []), "VB\nupper",
        "gap\nmeasured" if wide else "gap", "gap\ncertified" if wide else "certi-\nfied",
    ]  # fmt: skip
    table = Table(
        box=None, pad_edge=False, padding=(0, 1 if wide else 0, 0, 1), header_style="bold"
    )
    for header in headers:
        style = {"VF": "yellow", "VB": "cyan"}.get(header[:2], "")
        table.add_column(header, justify="right", style=style, no_wrap=True)
    for row in rows:
        cells = [number(row["noise"])] if noisy else []
        cells += [f"{row['horizon']}", f"{row['n']}"]
        if wide:
            cells += [
                number(row["sigma"] / row["horizon"]), number(row["c0"]), number(row["max_ratio"])
            ]  # fmt: skip
        cells += [
            number(row["vf_lower"], toward="down"),
            loss(row, "vf"),
            *([sampled(row, "vf")] if checked["vf"] else []),
            number(row["vf_upper"], toward="up"),
            loss(row, "vb"),
            *([sampled(row, "vb")] if checked["vb"] else []),
            number(row["vb_upper"], toward="up"),
            number(row["gap_measured"]),
        ]
        table.add_row(*cells, _certified(row["gap_certified"]))
    return table


def _certified(gap: float | None) -> Text:
    style = "green" if gap is not None and gap > 0 else "dim"
    return Text(number(gap, toward="down"), style=style)


def is_checked(rows: list[dict[str, Any]], side: str) -> bool:
    """Whether the simulation stands beside the exact losses: where they were asked for."""
    return rows[0]["exact"] and any(row[f"{side}_method"] == "exact" for row in rows)


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


def exponents_table(config: SweepConfig, fit: dict[str, Any], *, wide: bool = True) -> Table:
    """The exponents of both sides and of the gap, beside theory's and the bounds' own."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in exponents_head(config, fit, wide=wide):
        justify = "left" if header.startswith("exp") else "right"
        table.add_column(header, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for cells in exponents_rows(fit, wide=wide):
        table.add_row(*cells)
    return table


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
    """One plain sentence: who loses what, how that grows, and what is certain."""
    last = rows[-1]
    variable = VARIABLE[config.vary]
    key = {"H": "horizon"}.get(config.vary, config.vary)
    place = f"{KEY[config.vary]} = {setting(last[key])}"
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
    gaps = [math.nan if row["gap_certified"] is None else row["gap_certified"] for row in rows]
    start = certified_from(gaps)
    if start is not None:
        loser = (
            "every verifier-free algorithm has an expert on which it must lose more"
            if config.expert != "hard"
            else "every verifier-free algorithm must lose more under this prior"
        )
        sentence += (
            f"; from {KEY[config.vary]} = {setting(rows[start][key])} on {loser} than verification "
            f"does, by {number(last['gap_certified'], toward='down')} tokens at {place}"
        )
    elif last["gap_certified"] is None:
        sentence += f"; no gap is certified ({last['gap_certified_reason']})"
    else:
        sentence += "; the bounds do not certify a gap at this size"
    return sentence + "."


def caption(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> str:
    """What stands under the plot: the reading, and what needs a word in the picture."""
    return " ".join((reading(config, rows, fit), *negative(rows), *coarse(rows)))


def separation_screen(found: Separation) -> RenderableType:
    """Return the tables and the reading of `antiscale separation` for a terminal."""
    from antiscale.separation import reading as plain_words

    config = found.config
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in (
        "H", "n", "sigma/H", "W", "VF lower", "", "VB upper", "", "certified", "measured", "99%"
    ):  # fmt: skip
        table.add_column(header, justify="left" if header == "" else "right", no_wrap=True)
    for row in found.rows:
        gap = row["gap_certified"]
        table.add_row(
            f"{row['horizon']}", f"{row['n']}", number(row["sigma"] / row["horizon"]),
            number(row["max_ratio"]),
            number(row["vf_lower"], toward="down"), row["vf_lower_name"] or "",
            number(row["vb_upper"], toward="up"), row["vb_upper_name"] or "",
            _certified(gap),
            number(row["gap_measured"]), Text(interval(row["gap_low"], row["gap_high"])),
        )  # fmt: skip
    growth = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in ("exponent in H", "of the bound", "measured", "theory's limit"):
        growth.add_column(header, justify="left" if header.startswith("exp") else "right")
    for side, label in (("vf", "cloning"), ("vb", "verification"), ("gap", "gap")):
        slope = found.exponents[side]
        growth.add_row(
            label, exponent(slope["bound"]), exponent(slope["measured"]), exponent(slope["theory"])
        )
    title = (
        f"{config.family}, class {config.class_name()}, expert {config.expert}, kappa "
        f"{setting(config.kappa)}: gaps in tokens, VF - VB"
    )
    return Group(Text(title, style="bold"), table, Text(), growth, Text(), Text(plain_words(found)))


def _with_name(value: float | None, name: str | None, toward: Toward) -> str:
    return DASH if value is None else f"{number(value, toward=toward)} ({name})"


def notes(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> list[str]:
    """What the numbers are, and why some are missing."""
    last = rows[-1]
    lines = []
    if last["vf_lower"] is not None:
        holds = last["vf_lower_holds_for"]
        lines.append(
            f"VF lower: {last['vf_lower_name']}, "
            + (
                "for the worst expert (at a fixed expert it bounds no curve)."
                if holds == "worst expert"
                else "for the prior that these experts are drawn from."
            )
        )
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
    lines += [*checks(rows), *negative(rows), *coarse(rows), *limits(config, fit)]
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
        held = sum(
            row[f"{side}_low"] <= row[f"{side}_exact"] <= row[f"{side}_high"] for row in exact
        )
        some = "" if len(exact) == len(rows) else f" in {len(exact)} of {len(rows)} rows"
        lines.append(
            f"{label}: exact, without sampling{some}; the simulation's 99% intervals hold {held} "
            f"of {len(exact)}."
        )
    return lines


def negative(rows: list[dict[str, Any]]) -> list[str]:
    """Why a loss is below zero, where one is by more than rounding."""

    def below(side: str) -> bool:
        return any(row[f"{side}_loss"] < -_ROUNDING * row["horizon"] for row in rows)

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
    """What the star of a loss means, where one stands."""
    if not any(row[f"{side}_coarse"] for row in rows for side in ("vf", "vb")):
        return []
    return [
        "Starred or hollow: the interval is wider than the loss, for too few replicates show "
        "any; more --repeats or, where it can be summed, --exact would tell."
    ]


def limits(config: SweepConfig, fit: dict[str, Any]) -> list[str]:
    """Where an interval excludes theory's exponent: it is a limit, and what bounds say here."""
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
            said = (
                f"is exactly {exponent(low)}" if low == high
                else f"lies in {fixed_interval(low, high, 3)}"
            )  # fmt: skip
            own = [] if slope.get(f"{prefix}theory_here") is None else [
                f"theory's two rates through the last losses give "
                f"{exponent(slope[f'{prefix}theory_here'])}"
            ]  # fmt: skip
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
