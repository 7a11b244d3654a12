"""Figure 2: bi-level rewards, token by token, and how their spread adds up (T1)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.numbers import fixed, percent
from antiscale.figures import Progress, Record, by_series, part
from antiscale.models.chains import TokenChain
from antiscale.plots import style

RECORD = Record(
    2, "Bi-level rewards: how their spread adds up to sigma",
    "The paper defines bi-level rewards and heterogeneity as a sum of variances of Q; the "
    "traces are ours, the sums exact (T1).",
)  # fmt: skip


# Of the traces.
_COLORS = (style.VB, style.GAP, style.AMBER, style.VF, style.PURPLE)
_STROKES: Any = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Styles, each solving the prompt with its own chance per token.

    Attributes
    ----------
    horizon
        H in tokens.
    hazards
        Chance per token of each style; 0 for a style that never solves it.
    weights
        Probability of each style, announced by the first token.
    traces
        For each trace shown: its style and the token at which it is right (0: never).
    """

    horizon: int = option(check=validate.integer, least=2, most=10**5)
    hazards: tuple[float, ...] = option(check=validate.each, of=validate.chance)
    weights: tuple[float, ...]
    traces: tuple[tuple[int, int], ...]

    def agree(self) -> None:
        """Refuse weights and traces of other styles than there are."""
        if len(validate.pmf("weights", self.weights)) != len(self.hazards):
            raise InputError("weights must have one entry per hazard")
        for style_, time in self.traces:
            validate.integer("style", style_, least=0, most=len(self.hazards) - 1)
            validate.integer("time", time, least=0, most=self.horizon)


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """E[R | first h tokens] along each trace, and the sum of Var Q up to each token.

    Columns: panel ("trace" or "spread"), series, h, reward, value (the return expected given the
    first h tokens), spread (sum of E Var Q up to token h, squared tokens), sigma2 (Var R).
    """
    size, H = len(config.hazards), config.horizon
    hazards = np.array([*config.hazards, 0.0])
    transition = np.diag(1 - hazards)
    transition[:, size] += hazards
    chain = TokenChain(transition, np.array([*config.weights, 0.0]))
    solved = np.eye(size + 1)[size]
    # value[h]: the return still to come from token h on, by the state before it.
    value = np.zeros((H + 2, size + 1))
    for h in range(H, 0, -1):
        value[h] = transition @ (solved + value[h + 1])
    found: list[dict[str, Any]] = []
    mean = float(chain.start @ value[1])
    for k, (kind, time) in enumerate(config.traces):
        style_ = f"style {kind + 1}, " + (f"right at token {time}" if time else "never right")
        for h in range(H + 1):
            # Right from this token on, a trace earns one token of reward each.
            earned = max(h - time + 1, 0) if time > 0 else 0
            # Before the first token the style is not known: the expectation is J.
            expected = earned + float(value[h + 1][size if earned else kind]) if h else mean
            reward = {"reward": float(earned > 0), "value": expected, "mean": mean}
            found.append({"panel": "trace", "series": f"{k}: {style_}", "h": h} | reward)
    law, pmf = chain.start, chain.hitting_law(H)
    returns = np.append(np.arange(H, 0, -1.0), 0.0)
    sigma2 = float(pmf @ (returns - pmf @ returns) ** 2)
    # The first move is the choice of a style.
    variance = float(law @ (value[1] - mean) ** 2)
    for h in range(H + 1):
        if h > 0:
            q = solved + value[h + 1]
            variance += float(law @ (transition @ q**2 - value[h] ** 2))
            law = law @ transition
        found.append({"panel": "spread", "series": "sum", "h": h, "spread": variance,
                      "sigma2": sigma2, "mean": mean})  # fmt: skip
        progress(h + 1, H + 1, "tokens")
    return pd.DataFrame(found)


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    first, last = (part(rows, "spread").iloc[k] for k in (0, -1))
    return (
        "A trace earns one token of reward per token from its first correct solution on; what it "
        f"is expected to return moves from J = {fixed(last['mean'], 1)} to its return, and the "
        "squares of these moves add up to the variance of the return, "
        f"{fixed(last['sigma2'], 0)} = {fixed(last['sigma2'] ** 0.5, 1)} tokens squared, of which "
        f"the choice of a style makes {percent(first['spread'] / last['sigma2'])}."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Rewards and expected returns along traces; the spread that adds up to Var R."""
    with style.sheet(3.0, note(rows)) as figure:
        top, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.1, 0.9))
        traces = by_series(rows, "trace")
        names = [name.split(": ")[1] for name in traces]
        looks = zip(names, traces.values(), _COLORS, _STROKES, strict=False)
        for k, (name, one, color, line) in enumerate(looks):
            rewards = k + 0.75 * one["reward"]
            top.fill_between(one["h"], k, rewards, step="pre", color=color, alpha=0.35, linewidth=0)
            top.step(one["h"], rewards, where="pre", color=color, linestyle=line)
            middle.plot(one["h"], one["value"], color=color, linestyle=line, label=name)
        horizon, mean = one["h"].max(), one["mean"].iloc[0]
        top.set(xlabel="token $h$", xlim=(0, horizon), ylim=(-0.15, len(names)),
                title="Rewards $r_h$")  # fmt: skip
        places = [k + 0.35 for k in range(len(names))]
        top.set_yticks(places, [name.replace(", ", ",\n") for name in names])
        top.grid(visible=False)
        middle.axhline(mean, color=style.INK, linewidth=0.7, linestyle=":")
        middle.annotate("$J$", (horizon, mean), xytext=(-2, 2),
                        textcoords="offset points", ha="right")  # fmt: skip
        middle.set(xlabel="tokens written $h$", ylabel="$E[R\\,|\\,$first $h$ tokens$]$ (tokens)",
                   xlim=(-0.5, horizon), title="Expected return")  # fmt: skip
        spread = part(rows, "spread")
        right.step(spread["h"], spread["spread"], where="post", color=style.VB,
                   label=r"$\sum_{k\leq h} E\,\mathrm{Var}_a Q_k$")  # fmt: skip
        right.axhline(spread["sigma2"].iloc[0], color=style.INK, linestyle="--", linewidth=1,
                      label=r"$\sigma^2 = \mathrm{Var}(R)$")  # fmt: skip
        right.set(xlabel="token $h$", ylabel="squared tokens", ylim=(0, None),
                  xlim=(-0.5, horizon), title="Squared moves")  # fmt: skip
        right.legend(loc="lower right")
    return figure
