"""The picture of a diagnosis, from its tables alone: after the paper's figures 7 and 8."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from antiscale.core.numbers import share, with_ends
from antiscale.plots import style
from antiscale.plots.style import GAP, GREY, INK, VB, VF

# Problems drawn one by one; of more, so many evenly spaced ones stand for all.
_DRAWN = 400


def diagnose_figure(tables: dict[str, pd.DataFrame], summary: dict[str, Any]) -> Figure:
    """Draw sigma_x/H and c_x(eps) over problems, sigma against H, losses against n, and search.

    Parameters
    ----------
    tables
        `problems`, `horizons`, `search`, `roc`, `curve`, `losses` of a diagnosis.
    summary
        What `antiscale diagnose --json` prints; its reading is set under the panels.
    """
    row = summary["horizons"][-1]
    problems = tables["problems"]
    here = problems[problems["horizon"] == row["horizon"]]
    with style.styled():
        note = style.paragraph(" ".join(summary["reading"]))
        # Set by hand: the note's height is known, and a layout engine takes a second.
        height = 7.5 + 0.115 * note.count("\n")
        figure = Figure(figsize=(style.PAGE, height))
        FigureCanvasAgg(figure)
        edges = {"bottom": 1.0 - 6.85 / height, "top": 1.0 - 0.28 / height}
        edges |= {"left": 0.085, "right": 0.98, "hspace": 0.42, "wspace": 0.24}
        axes = figure.subplots(3, 2, gridspec_kw=edges)
        draw_sigma(axes[0, 0], here, row)
        draw_anticoncentration(axes[0, 1], here, row)
        draw_horizons(axes[1, 0], tables["curve"], summary)
        draw_losses(axes[1, 1], tables["losses"], row, summary)
        draw_search(axes[2, 0], tables["search"])
        if tables["roc"].empty:
            draw_sharpness(axes[2, 1], here, row)
        else:
            draw_roc(axes[2, 1], tables["roc"], summary["roc"])
        figure.text(0.01, 0.08 / height, note, ha="left", va="bottom", fontsize=6.5, color=INK)
    return figure


def _thinned(rows: pd.DataFrame, by: str) -> tuple[pd.DataFrame, Any]:
    """Problems in order of a column, at most so many, and their place among all in [0, 1]."""
    known = rows.dropna(subset=[by]).sort_values(by, kind="stable")
    count = len(known)
    kept = np.unique(np.linspace(0, count - 1, min(count, _DRAWN)).round().astype(int))
    return known.iloc[kept], (kept + 0.5) / max(count, 1)


def _in_order(axes: Axes, rows: pd.DataFrame, name: str, scale: float, mean: Any) -> None:
    """Every problem's value with its interval, in order, and their mean with its own."""
    shown, place = _thinned(rows, name)
    ends = shown[f"{name}_low"] / scale, shown[f"{name}_high"] / scale
    label = "interval of one problem"
    axes.vlines(place, *ends, color=GREY, alpha=0.7, linewidth=0.7, label=label)
    axes.plot(place, shown[name] / scale, ".", color=VF, label="samples")
    value, low, high = (end / scale for end in mean)
    axes.axhspan(low, high, color=VB, alpha=0.15, linewidth=0)
    axes.axhline(value, color=VB, linewidth=1.0, label="mean, with its interval")
    axes.set(xlim=(0, 1), xlabel="problems, in order")
    axes.legend(loc="upper left")


def draw_sigma(axes: Axes, rows: pd.DataFrame, row: dict[str, Any]) -> None:
    """Every problem's sigma_x/H with its interval, in order, and their mean."""
    mean = (row[f"sigma_{end}"] for end in ("mean", "low", "high"))
    _in_order(axes, rows, "sigma", float(row["horizon"]), mean)
    axes.axhline(0.5, **style.HINT)
    axes.annotate("no return on [0, H] spreads more", (0.02, 0.51), fontsize=6.5, color=INK)
    title = f"Heterogeneity, $H$ = {row['horizon']:,}"
    axes.set(ylim=(0, 0.85), ylabel=r"$\sigma_x/H$", title=title)


def _bars(axes: Axes, at: Any, mean: Any, low: Any, high: Any, label: str | None) -> None:
    """Intervals and estimates, which need not lie within them."""
    axes.vlines(at, low, high, color=VB, linewidth=1.2)
    axes.plot(at, mean, "s", color=VB, label=label)


def draw_anticoncentration(axes: Axes, rows: pd.DataFrame, row: dict[str, Any]) -> None:
    """c_x(eps) of every problem with some spread, per eps, their mean, and Cantelli's limit."""
    keys = list(row["c_eps"])
    # Only the first level's marks are named.
    names = [
        "problems, in order (samples)", "Cantelli: 1/(1 + eps)",
        "mean, with its interval (approximate)",
    ]  # fmt: skip
    for at, key in enumerate(keys):
        each, limit, mean = names if at == 0 else ["_"] * 3
        shown, place = _thinned(rows, f"c_{key}")
        place = at - 0.32 + 0.5 * place
        axes.plot(place, shown[f"c_{key}"], ".", color=VF, markersize=2.5, label=each)
        cap = 1.0 / (1.0 + float(key))
        axes.hlines(cap, at - 0.38, at + 0.38, color=INK, linestyle=":", label=limit, linewidth=1.0)
        value, low, high = (row[f"c_eps{end}"][key] for end in ("", "_low", "_high"))
        if value is not None:
            _bars(axes, [at + 0.3], [value], [low], [high], mean)
    axes.set_xticks(range(len(keys)), keys)
    axes.set(ylim=(-0.02, 1.2), xlabel=r"$\varepsilon$", ylabel=r"$c_x(\varepsilon)$",
             title="Anti-concentration")  # fmt: skip
    axes.legend(loc="upper right")


def draw_horizons(axes: Axes, curve: pd.DataFrame, summary: dict[str, Any]) -> None:
    """The mean of sigma_x/H against H, with intervals where they were asked for."""
    axes.plot(curve["horizon"], curve["sigma_mean"] / curve["horizon"], color=VF, label="samples")
    names = ["horizon", "sigma_mean", "sigma_low", "sigma_high"]
    h, *found = np.array([[row[name] for name in names] for row in summary["horizons"]]).T
    mean, low, high = found / h
    _bars(axes, h, mean, low, high, "mean, with its interval")
    axes.set(xscale="log", xlabel=f"budget $H$ ({summary['unit']})", ylabel=r"mean of $\sigma_x/H$",
             title="Heterogeneity depends on the budget")  # fmt: skip
    axes.set_ylim(0, 1.35 * float(max(np.max(high), np.max(mean))) or 1.0)
    axes.xaxis.minorticks_off()
    axes.legend(loc="upper left")


def draw_losses(
    axes: Axes, losses: pd.DataFrame, row: dict[str, Any], summary: dict[str, Any]
) -> None:
    """Both losses against n: certified by the intervals, and simulated on the samples."""
    n = losses["n"].to_numpy(float)
    least = 1e-4 * float(row["horizon"])

    def line(column: str, look: str, color: str, label: str) -> None:
        values = losses[column].to_numpy(float)
        axes.plot(n, np.where(values > least, values, np.nan), look, color=color, label=label)

    line("vf_measured", "-", VF, "cloning, simulated")
    line("vb_measured", "-", VB, "verification, exact")
    if summary["certified"]:
        line("vf_lower_certified", ":", VF, "cloning must lose (certified)")
        line("vb_upper_certified", "--", VB, "verification loses at most (certified)")
    start = row["prediction"]["n_certified"]
    if start is not None and start <= n[-1]:
        top, label = 3.0 * float(row["horizon"]), f"certified from n = {start:,}"
        axes.vlines(start, least, top, color=GAP, linewidth=1.0, label=label)
    axes.set(xscale="log", yscale="log", ylim=(least, 5e4 * float(row["horizon"])))
    axes.set(xlabel="traces $n$ over all problems", ylabel=f"loss ({summary['unit']})",
             title="Cloning against verification")  # fmt: skip
    axes.set_yticks([10.0**p for p in range(-2, 20) if least < 10.0**p <= 3 * row["horizon"]])
    axes.minorticks_off()
    axes.legend(loc="upper right")


def draw_search(axes: Axes, search: pd.DataFrame) -> None:
    """pass@n, best-of-n and the majority of n, with intervals."""
    looks = {
        "pass_at": (INK, "-", "pass@n (a perfect verifier)"),
        "best_of": (VB, "-", "best of n by the score"),
        "majority": (GAP, "--", "majority of n answers"),
    }
    for name, (color, look, label) in looks.items():
        if name in search:
            known = search.dropna(subset=[name])
            style.band(axes, known["n"], known, name, color=color, linestyle=look, label=label)
    axes.set(xlabel="samples $n$ per problem", ylabel="share of problems right", title="Search")
    if len(search) > 1:
        axes.set_xscale("log")
        axes.minorticks_off()
    style.shares(axes, 1.25)
    axes.legend(loc="upper left")


def draw_roc(axes: Axes, roc: pd.DataFrame, areas: dict[str, Any]) -> None:
    """The score's ROC over all samples, with its area within problems."""
    axes.plot(roc["false_positive"], roc["true_positive"], color=VB)
    axes.plot([0, 1], [0, 1], **style.HINT)
    text = f"area {share(areas['pooled_auc'])} over all samples"
    if "within_auc" in areas:
        ends = (areas[f"within_auc{end}"] for end in ("", "_low", "_high"))
        text += (
            f"\n{with_ends(*ends)} within a problem\n"
            f"(mean of {areas['mixed_problems']:,} mixed problems)"
        )
    axes.text(0.97, 0.05, text, ha="right", va="bottom", fontsize=7, transform=axes.transAxes)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="wrong samples above", ylabel="right ones above",
             title="The score as a verifier")  # fmt: skip


def draw_sharpness(axes: Axes, rows: pd.DataFrame, row: dict[str, Any]) -> None:
    """Every problem's Q_x(H/16) with its interval, in order, and their mean."""
    mean = (row[f"sharpness{end}"] for end in ("", "_low", "_high"))
    _in_order(axes, rows, "sharpness", 1.0, mean)
    axes.set(ylabel="$Q_x(H/16)$", title="Sharpness: the fullest window of H/16")
    style.shares(axes, 1.7)
