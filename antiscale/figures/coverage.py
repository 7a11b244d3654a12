"""Figure 18: how often the intervals hold what they are of."""

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from antiscale.core.numbers import percent
from antiscale.figures import Record
from antiscale.plots import style

RECORD = Record(
    18, "How often the intervals hold what they are of",
    "Not in the paper: data sets drawn from known laws.",
    tables=("interval_coverage.csv", "rollouts_coverage_means.csv", "rollouts_coverage.csv"),
    digits="%.6g", script="experiments/coverage.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config:
    """How many data sets are drawn.

    Attributes
    ----------
    sets
        For each law of losses.
    sets_of_means, sets_of_one, sets_of_many
        Of rollouts: for the mean of sigma, for one problem, and for fifty.
    """

    sets: int
    sets_of_means: int
    sets_of_one: int
    sets_of_many: int


def note(rows: dict[str, pd.DataFrame]) -> str:
    """A few sentences of reading."""
    laws, means, one = (rows[name] for name in RECORD.tables)
    independent = means[~means["regime"].str.contains("copies")]
    least = laws.drop(columns="law").min()
    ours, student = (float(least.filter(like=name).min()) for name in ("antiscale", "student"))
    return (
        f"(a) Student's 99% interval holds the mean in as few as {percent(student)} of the data "
        f"sets, ours in {percent(ours, 1, toward='down')} or more. (b) The proved ends of the mean "
        "of sigma hold together in at least "
        f"{percent(independent['covers'].min(), 1, toward='down')} where samples are independent, "
        "and not where they are copies. (c) Intervals of single quantities hold in "
        f"{percent(one['covered'].min(), 1, toward='down')} or more (95% asked for)."
    )


def draw(rows: dict[str, pd.DataFrame]) -> Figure:
    """One panel per table: shares of data sets, and the level that was asked for."""
    laws, means, one = (rows[name] for name in RECORD.tables)
    with style.sheet(5.2, note(rows)) as figure:
        left, middle, right = figure.subplots(1, 3)
        _marks(left, "Means of losses", laws, "law", 0.99, {
            "student_20": ("Student, 20", style.VF, "o"),
            "student_200": ("Student, 200", style.VF, "s"),
            "antiscale_20": ("ours, 20", style.VB, "o"),
            "antiscale_200": ("ours, 200", style.VB, "s"),
        })  # fmt: skip
        _marks(middle, r"Mean of $\sigma$", means, "regime", 0.95, {
            "student_low_covers": ("Student's low end", style.VF, "o"),
            "covers": ("both proved ends", style.VB, "s"),
        })  # fmt: skip
        wide = one.pivot_table("covered", ["policy", "k"], "quantity", sort=False).reset_index()
        _marks(right, "One quantity", wide, "policy", 0.95, {
            r"sigma/H": (r"$\sigma/H$", style.VF, "o"), "c(0.25)": ("c(0.25)", style.VB, "s"),
            "c(1)": ("c(1)", style.GAP, "^"),
        })  # fmt: skip
    return figure


def _marks(
    axes: Any, title: str, table: pd.DataFrame, key: str, level: float,
    looks: dict[str, tuple[str, str, str]],
) -> None:  # fmt: skip
    """Shares by name on y, one mark per row and column, and the level."""
    names = list(dict.fromkeys(table[key]))
    place = table[key].map(names.index)
    axes.axvline(level, label=f"asked: {level:g}", **style.HINT)
    for column, (label, color, marker) in looks.items():
        axes.plot(table[column], place, marker, color=color, mfc="none", label=label)
    axes.set_yticks(range(len(names)), [fill(name, 20) for name in names], fontsize=5.5)
    # Room for the legend below.
    axes.set(title=title, xlabel="share of data sets", ylim=(len(names) + 1.4, -0.6))
    axes.legend(loc="lower left")
