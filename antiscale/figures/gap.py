"""Figure 1: who sees what, one cloned trace against best-of-N, and both sides as H grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from antiscale.core.numbers import fixed, number, setting
from antiscale.figures import sweeps
from antiscale.figures.sweeps import Progress, part
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    import pandas as pd


# How the figure differs from the paper's: for the gallery.
PAPER = (
    "The paper's figure shows who sees what and how the gap scales in H and n. Rebuilt: the "
    "schematic is redrawn, (b) is exact for the family `difficulty`, (c) simulates the "
    "default family; the bounds' constants are ours."
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The default family along H, and search on prompts from easy to hopeless.

    Attributes
    ----------
    horizon, samples_per_token, repeats, seed
        Of the sweep.
    search_horizon, search_samples
        H of the search, and the traces behind its clone and its verifier.
    """

    horizon: int
    samples_per_token: float
    repeats: int
    seed: int
    search_horizon: int
    search_samples: int


def rows(config: Config, progress: Progress | None = None) -> pd.DataFrame:
    """Panels "budget" (accuracy and value per strategy) and "value" (the sweep's rows)."""
    import pandas as pd

    from antiscale.search import SearchConfig, search_curves

    found = search_curves(
        SearchConfig(
            horizon=config.search_horizon, samples=config.search_samples,
            strategies=("single@cloned", "learned", "oracle"),
        )
    ).frame()  # fmt: skip
    budget = found.rename(columns={"strategy": "series"}).assign(panel="budget")
    sweep = SweepConfig(
        horizon=config.horizon, samples_per_token=config.samples_per_token,
        repeats=config.repeats, seed=config.seed,
    )  # fmt: skip
    value = sweeps.run({("value", "value"): sweep}, progress)
    keep = ["panel", "series", "family", "horizon", "n", "budget", "accuracy", "value", "spent"]
    return pd.concat([budget[keep], value], ignore_index=True)


def note(rows: pd.DataFrame) -> str:
    """Two sentences of reading."""
    budget, value = part(rows, "budget"), part(rows, "value")
    clone = part(budget, "budget", "single@cloned").iloc[-1]
    search = part(budget, "budget", "learned").iloc[-1]
    last = value.iloc[-1]
    return (
        f"(b) A clone of an expert solves {fixed(clone['accuracy'], 2)} of the prompts however "
        "many "
        f"tokens it may write; best-of-N with a verifier learned from as many traces reaches "
        f"{fixed(search['accuracy'], 2)}. (c) At H = {setting(last['horizon'])} with n = "
        f"{setting(last['n'] / last['horizon'])} H the best policy of the ball is worth "
        f"{fixed(last['optimal_return'] - last['base_return'], 0)} tokens more than the base "
        "policy; "
        f"cloning stays {fixed(last['vf_loss'], 1)} tokens below it and grows apart as H^0.5, "
        f"verification {number(last['vb_loss'], 2)} (99% intervals shaded)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """The flow of data above; below, accuracy against tokens and distance to the best against H."""
    with style.styled():
        figure = style.canvas(5.0)
        grid = figure.add_gridspec(2, 2, height_ratios=(0.75, 1))
        top = figure.add_subplot(grid[0, :])
        left, right = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
        _flow(top)
        looks = {
            "oracle": ("best-of-N, oracle", style.SKY, "^", ":"),
            "learned": ("VB: best-of-N, learned verifier", style.VB, "s", "-"),
            "single@cloned": ("VF: one cloned trace, cut at the budget", style.VF, "o", "-"),
        }
        budget = part(rows, "budget")
        for name, (label, color, marker, line) in looks.items():
            one = part(budget, "budget", name)
            left.plot(one["budget"], one["accuracy"], line, color=color, marker=marker, label=label)
        H = float(budget["horizon"].iloc[0])
        left.vlines(H, 0, 1, color=style.INK, linewidth=0.8, linestyle=":")
        left.annotate("$H$", (H, 0.02), xytext=(3, 0), textcoords="offset points")
        left.set(xscale="log", ylim=(0, 1.35), xlabel="token budget", ylabel="P(right)")
        style.plain_ticks(left, budget["budget"].unique(), most=5)
        left.set_yticks(np.linspace(0, 1, 6))
        left.set_title("Accuracy against tokens")
        left.legend(loc="upper left")
        _values(right, part(rows, "value"))
        style.letter((top, left, right))
        style.add_note(figure, note(rows))
    return figure


def _values(axes: Axes, rows: pd.DataFrame) -> None:
    """How far base policy, clone and verified policy stay below the ball's best."""
    x = rows["horizon"].to_numpy(float)
    axes.plot(x, rows["optimal_return"] - rows["base_return"], ":", color=style.GREY,
              marker="v", label=r"base policy $\pi_b$")  # fmt: skip
    style.band(axes, x, rows["vf_loss"], rows["vf_loss_low"], rows["vf_loss_high"], color=style.VF,
               marker="o", label="VF: cloning")  # fmt: skip
    style.band(axes, x, rows["vb_loss"], rows["vb_loss_low"], rows["vb_loss_high"], color=style.VB,
               marker="s", label="VB: verification")  # fmt: skip
    for side, color in (("vf", style.VF), ("vb", style.VB)):
        slope = float(rows[f"{side}_slope_theory"].iloc[0])
        line = float(rows[f"{side}_loss"].iloc[-1]) * (x / x[-1]) ** slope
        axes.plot(x, 1.6 * line, "-.", color=color, linewidth=0.8,
                  label=f"theory: slope {setting(slope)}")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="test-time budget $H$ (tokens)")
    axes.set_ylabel(r"$V_\kappa - J$ (tokens)")
    style.plain_ticks(axes, x, most=5)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.5)
    rate = rows["n"].iloc[-1] / rows["horizon"].iloc[-1]
    axes.set_title(f"Below the best, n = {setting(rate)} H")
    axes.legend(loc="upper left", ncols=2, columnspacing=0.8)


def _flow(axes: Axes) -> None:
    """Boxes and arrows: what either learner sees."""
    axes.set(xlim=(0, 100), ylim=(0, 40))
    axes.axis("off")
    axes.set_title("Who sees what")
    boxes = {
        "expert": (2, 24, 17, "expert $\\pi_e$\nin the ball", style.GREY),
        "traces": (26, 24, 20, "$n$ traces,\nno reward", style.VF),
        "clone": (53, 24, 19, "clone: VF", style.VF),
        "base": (2, 4, 17, "base policy $\\pi_b$", style.GREY),
        "labels": (26, 4, 20, "$n$ traces with\nrewards $r(\\tau)$", style.VB),
        "verify": (53, 4, 19, "version space,\npessimist: VB", style.VB),
        "prompt": (79, 14, 19, "new prompt:\n$H$ tokens, $r$", style.INK),
    }
    for x, y, width, text, color in boxes.values():
        axes.add_patch(FancyBboxPatch((x, y), width, 11, boxstyle="round,pad=0.4,rounding_size=1.5",
                                      facecolor="white", edgecolor=color))  # fmt: skip
        axes.text(x + width / 2, y + 5.5, text, ha="center", va="center", fontsize=7)
    ends = (("expert", "traces"), ("traces", "clone"), ("base", "labels"), ("labels", "verify"),
            ("clone", "prompt"), ("verify", "prompt"))  # fmt: skip
    for first, second in ends:
        (x, y, width, _, color), (to, up, _, _, _) = boxes[first], boxes[second]
        axes.annotate("", (to - 0.6, up + 5.5), (x + width + 0.6, y + 5.5),
                      arrowprops={"arrowstyle": "->", "color": color})  # fmt: skip
