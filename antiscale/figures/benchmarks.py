"""Figure 17: the ball's optimum and a sweep's cell against other ways to the same numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core.numbers import fixed, number
from antiscale.figures import Record, part
from antiscale.plots import style

RECORD = Record(
    17, "Time to the same numbers, by antiscale and by other ways",
    "Not in the paper: seconds, measured on one machine, which the rows name.",
    digits=None, script="experiments/benchmarks/run.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is timed.

    Attributes
    ----------
    pmfs, types
        How many pmfs of how many types the ball's optimum is found for.
    samples
        n of the simulations.
    horizon
        Of the sweep.
    sizes
        How many sizes the cost of a cell is measured at.
    """

    pmfs: int
    types: int
    samples: tuple[int, ...]
    horizon: int
    sizes: int


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    ball = part(rows, "time")
    ball = ball[ball["benchmark"].str.startswith("ball")]["seconds"]
    scaling = part(rows, "scaling")
    sizes = np.log10(scaling[scaling["benchmark"] == "n"]["x"])
    return (
        f"The ball's optimum takes {number(1e3 * ball.iloc[0], 2)} ms where a cone solver takes "
        f"{number(ball.max(), 2)} s; a cell costs as much at n = "
        f"10^{sizes.min():.0f} as at n = 10^{sizes.max():.0f} traces."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Seconds of every program, and of a cell as it grows."""
    shown = part(rows, "time")
    shown = shown[shown["benchmark"].str.startswith(("ball", "simulation"))]
    with style.sheet(3.0, note(rows)) as figure:
        left, right = figure.subplots(1, 2)
        ours = shown["program"].str.startswith("antiscale")
        sides = [style.VB if one else style.VF for one in ours]
        left.barh(range(len(shown)), shown["seconds"], color=sides, height=0.6)
        for place, row in enumerate(shown.itertuples()):
            if row.ratio != 1:
                times = f" {round(row.ratio, -1 if row.ratio > 100 else 1):,g} times"
                left.text(row.seconds, place, times, va="center", fontsize=6.5)
        left.set_yticks(range(len(shown)), shown["benchmark"] + ": " + shown["program"])
        left.invert_yaxis()
        left.set(xscale="log", xlabel="seconds (blue: antiscale)",
                 title="The same numbers, by other ways")  # fmt: skip
        left.set_xlim(right=60 * shown["seconds"].max())
        names = {"n": "traces n", "types": "types S", "prompts": "prompts m",
                 "repeats": "replicates"}  # fmt: skip
        colors = (style.VF, style.VB, style.GAP, style.INK)
        scaling = part(rows, "scaling").groupby("benchmark", sort=False)
        for (name, one), marker, color in zip(scaling, "os^D", colors, strict=False):
            label = f"{names[str(name)]}: slope {fixed(one['slope'].iloc[0], 2)}"
            x = one["x"] / one["x"].iloc[0]
            right.plot(x, one["seconds"], marker=marker, color=color, label=label)
        right.set(xscale="log", yscale="log", xlabel="times the smallest size", ylabel="seconds",
                  title="Cost of one cell")  # fmt: skip
        right.legend(loc="center right")
    return figure
