"""What a person reads of a sweep: a table, the exponents and one plain sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.bounds.separation import certified_from
from antiscale.config import SweepConfig
from antiscale.numbers import DASH, interval, number

if TYPE_CHECKING:
    from antiscale.separation import Separation

# What varies, and what exponents are in: noise divides n by 1/c, c = (sqrt(1-noise)-sqrt(noise))^2.
KEY = {"H": "H", "n": "n", "noise": "noise"}
VARIABLE = {"H": "H", "n": "n", "noise": "1/c"}

# Below this width a terminal gets the table without the columns that rarely change.
_WIDE = 108


def screen(
    config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any], *, width: int
) -> RenderableType:
    """Return the table, the fitted exponents and the reading, for a console of `width` columns."""
    lines = [reading(config, rows, fit), *notes(rows, fit)]
    if width < _WIDE:
        lines.insert(1, _ranges(rows))
    return Group(
        Text(_title(config, rows), style="bold"),
        losses_table(rows, wide=width >= _WIDE),
        Text(),
        exponents_table(config, fit),
        *(Text(line) for line in ("", lines[0], "", *lines[1:])),
    )


def _title(config: SweepConfig, rows: list[dict[str, Any]]) -> str:
    last = rows[-1]
    low, high = last["rewards_stated"], last["rewards_stated_max"]
    count = f"{low}" if low == high else f"{low} to {high}"
    whole = " (all of the class)" if last["rewards_whole_class"] else ""
    return (
        f"{config.family}, class {config.class_name()}, expert {config.expert}, "
        f"kappa {config.kappa:g}{_noise(config)}: losses in tokens, E sup over {count} rewards"
        f"{whole}, ± for 99%"
    )


def _noise(config: SweepConfig) -> str:
    return f", noise {config.noise:g}" if config.noise > 0 and config.vary != "noise" else ""


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
    exact = "vf_exact" in rows[0]
    noisy = rows[0]["vary"] == "noise"
    headers = [
        *(["noise"] if noisy else []), "H", "n", *measures, "VF\nlower", f"VF\n{vf}",
        *(["VF\nexact"] if exact else []), "VF\nupper", f"VB\n{vb}",
        *(["VB\nexact"] if exact else []), "VB\nupper",
        "gap\nmeasured" if wide else "gap", "gap\ncertified" if wide else "certi-\nfied",
    ]  # fmt: skip
    table = Table(
        box=None, pad_edge=False, padding=(0, 1 if wide else 0, 0, 1), header_style="bold"
    )
    for header in headers:
        style = {"VF": "yellow", "VB": "cyan"}.get(header[:2], "")
        table.add_column(header, justify="right", style=style, no_wrap=True)
    for row in rows:
        certified = row["gap_certified"]
        cells = [number(row["noise"])] if noisy else []
        cells += [f"{row['horizon']}", f"{row['n']}"]
        if wide:
            cells += [
                number(row["sigma"] / row["horizon"]), number(row["c0"]), number(row["max_ratio"])
            ]  # fmt: skip
        cells += [
            number(row["vf_lower"]),
            plus_minus(row["vf_mean"], row["vf_high"]),
            *([number(row["vf_exact"])] if exact else []),
            number(row["vf_upper"]),
            plus_minus(row["vb_mean"], row["vb_high"]),
            *([number(row["vb_exact"])] if exact else []),
            number(row["vb_upper"]),
            number(row["gap_measured"]),
        ]
        style = "green" if certified is not None and certified > 0 else "dim"
        table.add_row(*cells, Text(number(certified), style=style))
    return table


def plus_minus(mean: float, high: float) -> str:
    """A mean and half its symmetric interval, to the mean's decimals."""
    text, half = number(mean), high - mean
    decimals = len(text.partition(".")[2]) if "e" not in text else None
    if text == "0" or decimals is None:
        return f"{text} ± {number(half)}"
    return f"{text} ± {half:.{decimals}f}"


def exponents_table(config: SweepConfig, fit: dict[str, Any]) -> Table:
    """The exponents of both sides and of the gap, beside theory's."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    points = fit["vf_slope"]["points"]
    variable = VARIABLE[config.vary]
    for header in (
        f"exponent in {variable}", f"largest {points}", "99%", "theory", f"all {variable}", "99%"
    ):  # fmt: skip
        table.add_column(header, justify="left" if header.startswith("exp") else "right")
    for name, label in (("vf", "VF loss"), ("vb", "VB loss"), ("gap", "gap")):
        slope = fit[f"{name}_slope"]
        table.add_row(
            label,
            exponent(slope["estimate"]),
            f"[{exponent(slope['low'])}, {exponent(slope['high'])}]",
            exponent(slope["theory"]),
            exponent(slope["all_estimate"]),
            f"[{exponent(slope['all_low'])}, {exponent(slope['all_high'])}]",
        )
    return table


def exponent(value: float | None) -> str:
    """Three decimals; a dash where there is none."""
    return DASH if value is None else f"{value:.3f}".replace("-0.000", "0.000")


def reading(config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any]) -> str:
    """One plain sentence: who loses what, how that grows, and what is certain."""
    last = rows[-1]
    variable = VARIABLE[config.vary]
    key = {"H": "horizon"}.get(config.vary, config.vary)
    place = f"{KEY[config.vary]} = {last[key]:.10g}"
    sentence = (
        f"At {place} cloning loses {number(last['vf_mean'])} tokens and verification "
        f"{number(last['vb_mean'])}"
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
            f"; from {KEY[config.vary]} = {rows[start][key]:.10g} on {loser} than verification "
            f"does, by {number(last['gap_certified'])} tokens at {place}"
        )
    elif last["gap_certified"] is None:
        sentence += f"; no gap is certified ({last['gap_certified_reason']})"
    else:
        sentence += "; the bounds do not certify a gap at this size"
    return sentence + "."


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
            number(row["max_ratio"]), number(row["vf_lower"]), row["vf_lower_name"] or "",
            number(row["vb_upper"]), row["vb_upper_name"] or "",
            Text(number(gap), style="green" if gap is not None and gap > 0 else "dim"),
            number(row["gap_measured"]), Text(interval(row["gap_low"], row["gap_high"])),
        )  # fmt: skip
    growth = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in ("exponent in H", "of the bound", "measured", "theory"):
        growth.add_column(header, justify="left" if header.startswith("exp") else "right")
    for side, label in (("vf", "cloning"), ("vb", "verification"), ("gap", "gap")):
        slope = found.exponents[side]
        growth.add_row(
            label, exponent(slope["bound"]), exponent(slope["measured"]), exponent(slope["theory"])
        )
    title = (
        f"{config.family}, class {config.class_name()}, expert {config.expert}, kappa "
        f"{config.kappa:g}: gaps in tokens, VF - VB"
    )
    return Group(Text(title, style="bold"), table, Text(), growth, Text(), Text(plain_words(found)))


def _with_name(value: float | None, name: str | None) -> str:
    return DASH if value is None else f"{number(value)} ({name})"


def notes(rows: list[dict[str, Any]], fit: dict[str, Any]) -> list[str]:
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
        f"{_with_name(last['vf_class_lower'], last['vf_class_lower_name'])} and "
        f"{_with_name(last['vf_class_upper'], last['vf_class_upper_name'])}."
    )
    if last["vb_upper"] is not None:
        lines.append(
            f"VB upper: {last['vb_upper_name']} with verifier error "
            f"{last['verifier_error_name']} = {number(last['verifier_error'])}."
        )
    missing = {
        "VF lower": last["vf_lower_reason"],
        "VF upper": last["vf_upper_reason"],
        "VF exact": last.get("vf_exact_reason"),
        "VB exact": last.get("vb_exact_reason"),
        "VB upper": last["vb_upper_reason"],
        "VF exponent": fit["vf_slope"]["reason"],
        "VB exponent": fit["vb_slope"]["reason"],
        "gap exponent": fit["gap_slope"]["reason"],
    }
    lines += [f"{DASH} {name}: {reason}." for name, reason in missing.items() if reason]
    return lines
