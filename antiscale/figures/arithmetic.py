"""Figure 23: arithmetic by search traces, a trained base and what finetuning makes of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator

from antiscale.core.config import FromMapping
from antiscale.core.numbers import share
from antiscale.figures import Record, by_series, part
from antiscale.plots import style

RECORD = Record(
    23, "Arithmetic by search traces: a trained base, cloning and verification",
    "The paper's figures 5 to 8 are of models of 3 to 32 billion parameters on mathematical "
    "problems. Here a small transformer, trained from nothing, searches for an expression of three "
    "numbers; its traces are searches of seven styles.",
    tables=("arithmetic.csv", "arithmetic_study.csv"), digits="%.6g",
    script="experiments/networks/arithmetic.py",
)  # fmt: skip

_LOOK = {"base": (style.INK, "-"), "sft": (style.VF, "-"), "ball": (style.VB, "-"),
         "ball_true": (style.GAP, "--"), "base, best of N": (style.AMBER, ":")}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Which study is drawn.

    Attributes
    ----------
    study
        Its name.
    """

    study: str


def note(rows: dict[str, pd.DataFrame]) -> str:
    """What the rows say, from their intervals alone."""
    from antiscale.networks import words

    table = rows["arithmetic_study.csv"]
    base = table[table["method"] == "base"]
    last = base[base["horizon"] == base["horizon"].max()].iloc[0]
    said = (
        f"Of the base's steps {share(last['valid'])} are valid; within H = {last['horizon']} "
        f"tokens it solves {share(last['solved'])} of problems that it never saw, its procedure "
        f"{share(last['solved_procedure'])}."
    )
    near = words.comparable(table)
    if near.empty:
        return f"{said} Stop rule: no comparison."
    told = " ".join(words.reading(table))
    return f"{said} {told} {words.seeds(table)}; intervals 99% over data seeds. {_crossing(rows)}"


def _crossing(rows: dict[str, pd.DataFrame]) -> str:
    """From which k on the base solves more in k tries than each arm."""
    lines = by_series(rows["arithmetic.csv"], "pass")
    if "base" not in lines:
        return ""
    before, said = lines["base"].set_index("x")["value"], []
    for name in ("sft", "ball"):
        if name not in lines:
            continue
        after = lines[name].set_index("x")["value"]
        ahead = before.index[(before > after).to_numpy()]
        said.append(f"{name}'s from k = {ahead[0]:g}" if len(ahead) else f"{name}'s at no k tried")
    return f"The base's pass@k passes {' and '.join(said)}." if said else ""


def draw(rows: dict[str, pd.DataFrame]) -> Figure:
    """Law of T, heterogeneity, solved against tokens; the gap along n and H, and pass@k."""
    table = rows["arithmetic.csv"]
    with style.sheet(4.9, note(rows)) as figure:
        (times, spread, solved), (along_n, along_h, tries) = figure.subplots(2, 3)
        shades = np.linspace(0.0, 0.85, len(by_series(table, "T")))
        for shade, dash, (name, some) in zip(
            shades, ["-", "--", "-.", ":"] * 4, by_series(table, "T").items(), strict=False
        ):
            times.plot(some["x"], some["value"], dash, color=str(shade), label=name)
        times.set(xlabel="tokens $h$", ylabel=r"$P(T \leq h)$", title="T by style, base")
        times.legend(fontsize=5.5)
        for name, color, label in (("sigma", style.VF, r"$\sigma_x/h$"),
                                   ("c", style.VB, r"$c_x(\kappa)$")):  # fmt: skip
            some = part(table, name)
            spread.plot(some["x"], some["value"], color=color, label=label)
            spread.fill_between(some["x"], some["low"], some["high"], color=color, alpha=0.18,
                                linewidth=0)  # fmt: skip
        spread.set(xlabel="tokens $h$", title="Median and quartiles", ylim=(0, None))
        spread.legend()
        _lines(solved, table, "solved", "tokens", "share solved")
        solved.set(title="Solved against tokens")
        for axes, panel, label in ((along_n, "n", style.TRACES), (along_h, "H", style.BUDGET)):
            _gap(axes, table, panel)
            axes.set(xlabel=label, ylabel="VF - VB loss (tokens)", title=f"Gap along ${panel}$")
        _lines(tries, table, "pass", "tries $k$", "pass@$k$")
        tries.set(title="pass@$k$, before and after")
    return figure


def _lines(axes: Axes, table: pd.DataFrame, panel: str, x: str, y: str) -> None:
    for name, some in by_series(table, panel).items():
        color, dash = _LOOK[name]
        axes.plot(some["x"], some["value"], dash, color=color, label=name.replace("_", " "))
        axes.fill_between(some["x"], some["low"], some["high"], color=color, alpha=0.15,
                          linewidth=0)  # fmt: skip
    axes.set(xscale="log", xlabel=x, ylabel=y, ylim=(0, 1.02))
    _plain_ticks(axes, LogLocator(base=2))
    axes.legend()


def _plain_ticks(axes: Axes, ticks: Locator) -> None:
    """Numbers as they are, and none between them."""
    axes.xaxis.set_major_locator(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()


def _gap(axes: Axes, table: pd.DataFrame, panel: str) -> None:
    lines = by_series(table, panel)
    for color, marker, (name, some) in zip(
        (style.MIDDLE, style.HIGH), "o^", lines.items(), strict=False
    ):
        error = [some["value"] - some["low"], some["high"] - some["value"]]
        axes.errorbar(some["x"], some["value"], error, color=color, marker=marker,
                      linestyle="-", capsize=2, label=f"spread {name}")  # fmt: skip
    axes.axhline(0.0, **style.HINT)
    if lines:
        ticks = np.unique(np.concatenate([some["x"] for some in lines.values()]))
        axes.set(xscale="log")
        _plain_ticks(axes, FixedLocator(ticks.tolist()))
        axes.legend()
