"""Figure 1: who sees what, one cloned trace against best-of-N, and both sides as H grows."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from antiscale.core.numbers import fixed, number, setting
from antiscale.figures import Progress, Record, part, sweeps
from antiscale.plots import style
from antiscale.sweeps.config import SweepConfig

RECORD = Record(
    1, "Who sees what; one cloned trace against best-of-N; both sides as H grows",
    "The paper's figure shows who sees what and how the gap scales in H and n. Rebuilt: the "
    "schematic is redrawn, (b) is exact for the family `difficulty`, (c) simulates the "
    "default family; the bounds' constants are ours.",
)  # fmt: skip


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


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "budget" (accuracy and value per strategy) and "value" (the sweep's rows)."""
    from antiscale.search import SearchConfig, search_curves

    search = SearchConfig(
        horizon=config.search_horizon, samples=config.search_samples,
        strategies=("single@cloned", "learned", "oracle"),
    )  # fmt: skip
    found = search_curves(search).frame
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
    gain = fixed(last["optimal_return"] - last["base_return"], 0)
    return (
        f"(b) A clone of an expert solves {fixed(clone['accuracy'], 2)} of the prompts however "
        "many tokens it may write; best-of-N with a verifier learned from as many traces reaches "
        f"{fixed(search['accuracy'], 2)}. (c) At H = {setting(last['horizon'])} with n = "
        f"{setting(last['n'] / last['horizon'])} H the best policy of the ball is worth {gain} "
        f"tokens more than the base policy; cloning stays {fixed(last['vf_loss'], 1)} tokens below "
        "it and grows apart as H^0.5, verification "
        f"{number(last['vb_loss'], 2)} (99% intervals shaded)."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """The flow of data above; below, accuracy against tokens and distance to the best against H."""
    with style.sheet(5.0, note(rows)) as figure:
        grid = figure.add_gridspec(2, 2, height_ratios=(0.75, 1))
        places = (grid[0, :], grid[1, 0], grid[1, 1])
        top, left, right = (figure.add_subplot(place) for place in places)
        _flow(top)
        looks = {
            "oracle": ("best-of-N, oracle", style.SKY, "^", ":"),
            "learned": ("VB: best-of-N, learned verifier", style.VB, "s", "-"),
            "single@cloned": ("VF: one cloned trace, cut at the budget", style.VF, "o", "-"),
        }
        budget = part(rows, "budget")
        for name, (label, color, marker, line) in looks.items():
            one = part(rows, "budget", name)
            left.plot(one["budget"], one["accuracy"], line, color=color, marker=marker, label=label)
        style.mark_horizon(left, float(budget["horizon"].iloc[0]))
        left.set(xscale="log", xlabel="token budget", ylabel="P(right)",
                 title="Accuracy against tokens")  # fmt: skip
        style.plain_ticks(left, budget["budget"].unique(), most=5)
        style.shares(left, 1.35)
        left.legend(loc="upper left")
        _values(right, part(rows, "value"))
    return figure


def _values(axes: Axes, rows: pd.DataFrame) -> None:
    """How far base policy, clone and verified policy stay below the ball's best."""
    x = rows["horizon"].to_numpy(float)
    axes.plot(x, rows["optimal_return"] - rows["base_return"], ":", color=style.GREY,
              marker="v", label=r"base policy $\pi_b$")  # fmt: skip
    style.side(axes, x, rows, "vf", "VF: cloning")
    style.side(axes, x, rows, "vb", "VB: verification")
    for side, (color, _) in style.SIDES.items():
        slope = float(rows[f"{side}_slope_theory"].iloc[0])
        last = 1.6 * rows[f"{side}_loss"].iloc[-1]
        style.power_law(axes, x, last, slope, f"theory: slope {setting(slope)}", color)
    title = f"Below the best, n = {setting(rows['n'].iloc[-1] / x[-1])} H"
    style.log_axes(axes, x, style.BUDGET, title, r"$V_\kappa - J$ (tokens)")
    style.headroom(axes, 0.5)
    axes.legend(loc="upper left", ncols=2, columnspacing=0.8)


def _flow(axes: Axes) -> None:
    """Boxes and arrows: what either learner sees."""
    axes.set(xlim=(0, 100), ylim=(0, 40), title="Who sees what")
    axes.axis("off")
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
