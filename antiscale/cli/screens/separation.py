"""A separation for a terminal: the gaps, their growth and the reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.cli.screens.sweep import certified
from antiscale.cli.screens.tables import table
from antiscale.core.numbers import interval, number, setting
from antiscale.sweeps.separation import reading
from antiscale.sweeps.words import exponent

if TYPE_CHECKING:
    from antiscale.sweeps.separation import Separation


def screen(found: Separation) -> RenderableType:
    """Return the tables and the reading of `antiscale separation` for a terminal."""
    config = found.config
    headers = (
        "H", "n", "sigma/H", "W", "VF lower", "", "VB upper", "", "certified", "measured", "99%"
    )  # fmt: skip
    gaps = table(*headers, right=set(headers) - {""}, wrap=())
    for row in found.rows:
        gaps.add_row(
            f"{row['horizon']}", f"{row['n']}", number(row["sigma"] / row["horizon"]),
            number(row["max_ratio"]), number(row["vf_lower"], toward="down"),
            row["vf_lower_name"] or "", number(row["vb_upper"], toward="up"),
            row["vb_upper_name"] or "", certified(row["gap_certified"]),
            number(row["gap_measured"]), Text(interval(row["gap_low"], row["gap_high"])),
        )  # fmt: skip
    names = "bound", "measured", "theory"
    exponents = "of the bound", "measured", "theory's limit"
    rows = [
        (label, *(exponent(found.exponents[side][name]) for name in names))
        for side, label in (("vf", "cloning"), ("vb", "verification"), ("gap", "gap"))
    ]
    growth = table("exponent in H", *exponents, rows=rows, right=exponents)
    title = (
        f"{config.family}, class {found.plan.reward_class}, expert {config.expert}, kappa "
        f"{setting(config.kappa)}: gaps in tokens, VF - VB"
    )
    return Group(Text(title, style="bold"), gaps, Text(), growth, Text(), Text(reading(found)))
