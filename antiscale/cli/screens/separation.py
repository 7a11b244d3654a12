"""A separation for a terminal: the gaps, their growth and the reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.cli.screens.sweep import certified
from antiscale.core.numbers import interval, number, setting
from antiscale.sweeps.separation import reading
from antiscale.sweeps.words import exponent

if TYPE_CHECKING:
    from antiscale.sweeps.separation import Separation


def screen(found: Separation) -> RenderableType:
    """Return the tables and the reading of `antiscale separation` for a terminal."""
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
            certified(gap),
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
        f"{config.family}, class {found.plan.reward_class}, expert {config.expert}, kappa "
        f"{setting(config.kappa)}: gaps in tokens, VF - VB"
    )
    return Group(Text(title, style="bold"), table, Text(), growth, Text(), Text(reading(found)))
