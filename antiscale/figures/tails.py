"""Figure 8: anti-concentration over problems, of a real model and of families."""

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale.core.numbers import fixed, setting
from antiscale.figures import Record, by_series, part
from antiscale.figures.spread import LOOKS, TITLES
from antiscale.figures.spread import Config as Config
from antiscale.figures.spread import rows as rows
from antiscale.plots import style

RECORD = Record(
    8, "Anti-concentration over problems, real and simulated",
    "The paper measures anti-concentration of language models on MATH. Here the real problems "
    "are HumanEval's, with the samples of CodeGen-16B that CodeT published (MIT licence); the "
    "families are exact.",
)  # fmt: skip


def note(rows: pd.DataFrame) -> str:
    """One sentence of reading."""
    *_, last = by_series(rows, "real").values()
    known = last["c_0.25"].dropna()
    return (
        f"Where there is spread ({len(known)} problems at H = {setting(last['horizon'].iloc[0])}), "
        f"half of the problems have c(0.25) of at most {fixed(known.median(), 2)} in their "
        "samples, well below what is possible: reward on real problems is rarer than in most "
        "families, and most like that of difficulty. Bars span the middle half of the problems; a "
        "single problem's interval is wide."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Median and middle half of c over problems with spread at each level, and T3a's limit."""
    with style.sheet(3.0, note(rows)) as figure:
        panels = figure.subplots(1, 2)
        for axes, (panel, title) in zip(panels, TITLES.items(), strict=True):
            found = part(rows, panel)
            names = [name for name in map(str, found)
                     if re.fullmatch(r"c_[\d.]+", name) and found[name].notna().any()]  # fmt: skip
            eps = np.array([float(name[2:]) for name in names])
            each = zip(LOOKS, by_series(rows, panel).items(), strict=False)
            for k, ((color, line), (series, one)) in enumerate(each):
                values = one[names]
                low, middle, high = (values.quantile(q).to_numpy(float) for q in (0.25, 0.5, 0.75))
                shift = 1.0 + 0.04 * (k - 1.5)
                axes.errorbar(eps * shift, middle, [middle - low, high - middle], fmt=line,
                              color=color, marker="os^D"[k], capsize=2, label=series)  # fmt: skip
            if panel == "real":
                mean = part(rows, "mean", series).iloc[0]
                at, low, high = (
                    np.array([mean[name.replace("c_", f"c_{end}")] for name in names], dtype=float)
                    for end in ("", "low_", "high_")
                )
                axes.errorbar(eps * 1.16, at, [at - low, high - at], fmt="_", color=style.INK,
                              capsize=2, label=f"mean, {series} (95%)")  # fmt: skip
            fine = np.geomspace(eps.min() * 0.8, eps.max() * 1.2, 64)
            axes.plot(fine, 1 / (1 + fine), label="most possible (T3a)", **style.HINT)
            axes.set(xscale="log", xlabel=r"level $\varepsilon$", ylabel=r"$c_x(\varepsilon)$",
                     title=title)  # fmt: skip
            style.shares(axes, 1.45)
            style.plain_ticks(axes, eps)
            style.note_legend(axes)
    return figure
