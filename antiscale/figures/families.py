"""Figure 13: every family's sweep, and the exponents in which the assumptions show."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale import presets
from antiscale.bounds.t9_separation import certified_from
from antiscale.core.config import read_config
from antiscale.core.numbers import fixed
from antiscale.figures import Progress, Record, sweep
from antiscale.plots import style
from antiscale.sweeps.run import SweepResult

RECORD = Record(
    13, "The exponents of both losses along every family",
    "Not in the paper: what breaks each assumption, one family each; each family's own picture is "
    "in [families](families).",
    tables=("families.csv", "families_sweeps.csv"), digits=None,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config:
    """The families' sweeps.

    Attributes
    ----------
    families
        Of each: its name in experiments/, what it shows, and whether sigma ~ H and
        anti-concentration hold along it.
    horizon, repeats
        Of every sweep.
    """

    families: tuple[tuple[str, str, str, str], ...]
    horizon: int
    repeats: int


def rows(config: Config, progress: Progress) -> dict[str, pd.DataFrame]:
    """A summary with one row per family, and the rows of all sweeps."""
    summaries, sweeps = [], []
    for name, *shown in config.families:
        given = read_config(presets.find("sweeps", name))
        given |= {"horizon": config.horizon, "repeats": config.repeats}
        found = sweep.found(sweep.Config.from_mapping(given), progress)
        sweeps.append(found.frame.assign(experiment=name))
        shows = dict(zip(("shows", "heterogeneous", "anti_concentrated"), shown, strict=True))
        summaries.append({"experiment": name} | shows | _summary(found))
    summary = pd.DataFrame(summaries).astype({"certified_from": "Int64"})
    return {"families.csv": summary, "families_sweeps.csv": pd.concat(sweeps, ignore_index=True)}


def _summary(result: SweepResult) -> dict[str, Any]:
    """The exponents with 99% intervals, theory's limits, and those of the upper bounds' curves."""
    rows, fit = result.frame, result.fit
    last = rows.iloc[-1]
    found = {"sigma_over_h": last["sigma"] / last["horizon"], "c0": last["c0"]}
    names = {"slope": "estimate", "low": "low", "high": "high", "theory": "theory",
             "bound": "bound_upper"}  # fmt: skip
    for side in ("vf", "vb"):
        found |= {f"{side}_{name}": fit[f"{side}_slope"][key] for name, key in names.items()}
    found |= {name: last[name] for name in ("vf_loss", "vf_method", "vb_loss", "vb_method")}
    start = certified_from(list(rows["gap_certified"].astype(float)))
    return found | {"certified_from": None if start is None else rows["horizon"].iloc[start]}


def note(rows: dict[str, pd.DataFrame]) -> str:
    """One sentence of reading."""
    table = rows["families.csv"].set_index("experiment")
    broken = table[table["heterogeneous"] == "no"]
    grows = table[(table["heterogeneous"] == "yes") & table["vf_slope"].notna()]["vf_slope"]
    return (
        f"Where sigma grows as H and n as well, cloning's loss grows as H^{fixed(grows.min(), 2)} "
        f"to H^{fixed(grows.max(), 2)} (theory: H^0.5); with one style it does not "
        f"(H^{fixed(broken['vf_slope'].iloc[0], 2)}). Verification's loss never grows; where it is "
        "zero to rounding it has no exponent and no mark. Bars are 99% intervals; exact ones have "
        "none."
    )


def draw(rows: dict[str, pd.DataFrame]) -> dict[str, Figure]:
    """The exponents of all families, and each family's sweep."""
    table = rows["families.csv"]
    with style.sheet(3.2, note(rows)) as figure:
        panels = figure.subplots(1, 2, sharey=True, width_ratios=(1.3, 1))
        _exponents(panels[0], table, "vf", "Cloning")
        _exponents(panels[1], table, "vb", "Verification")
        panels[0].set_yticks(range(len(table)), table["experiment"])
        panels[0].invert_yaxis()
        style.legend_above(figure, panels[0])
    found = {"families": figure}
    for name, one in rows["families_sweeps.csv"].groupby("experiment", sort=False):
        found[f"families/{name}"] = sweep.draw(one)
    return found


def _exponents(axes: Axes, table: pd.DataFrame, side: str, title: str) -> None:
    """Of each family the exponent with its interval, theory's limit and the bound's own."""
    color, marker = style.SIDES[side]
    place = range(len(table))
    axes.plot(table[f"{side}_theory"], place, "|", color=style.INK, markersize=11,
              label="theory's limit")  # fmt: skip
    axes.plot(table[f"{side}_bound"], place, "D", color=style.AMBER, mfc="none", markersize=6,
              label="of the upper bound's curve")  # fmt: skip
    axes.hlines(place, table[f"{side}_low"], table[f"{side}_high"], color=color)
    axes.plot(table[f"{side}_slope"], place, marker, color=color, label="of the loss, 99%")
    axes.set(title=title, xlabel="exponent in $H$")
