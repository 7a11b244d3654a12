"""Test-time search at equal token budgets, and where best-of-N turns down.

    python experiments/search.py

Writes figures/search.{png,svg,csv} from experiments/searches/difficulty.toml, and
figures/over_optimisation.{png,svg,csv}. Every number is an exact sum; nothing is sampled.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import pandas as pd

from antiscale import plots
from antiscale.core.config import read_config
from antiscale.plots.search import LABELS, over_optimisation_figure, search_figure
from antiscale.search import SearchConfig, SearchResult, search_curves
from antiscale.search import over_optimisation as over
from antiscale.search.reading import reading

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "figures"
CONFIG = ROOT / "experiments/searches/difficulty.toml"
# What the figure draws of the rows.
SHOWN = (
    "single@cloned", "majority", "oracle", "learned", "noisy", "several", "revision", "correction",
    "allocation", "learned@finetuned",
)  # fmt: skip


def keep(name: str, figure: object, rows: pd.DataFrame) -> None:
    for kind, image in plots.encode(figure).items():
        (FIGURES / f"{name}.{kind}").write_bytes(image)
    rows.to_csv(FIGURES / f"{name}.csv", index=False)


def section(rows: pd.DataFrame, peaks: pd.DataFrame) -> str:
    """The README's section, with its numbers from the rows."""
    horizon, n = int(rows["horizon"].iloc[0]), int(rows["n"].iloc[0])
    success = over.OverOptimisationConfig().success
    table = rows.pivot(index="budget", columns="strategy", values="accuracy")

    def right(strategy: str, *times: int) -> str:
        return ", ".join(f"{table.loc[k * horizon, strategy]:.2f}" for k in times)

    some, most = (peaks[peaks["correlation"] == c].iloc[0] for c in (0.1, 1.0))
    points = (
        "- **Search suffices** where the checker is good and right traces are not too rare. A "
        f"budget-forced clone of an expert solves {right('single@cloned', 1)}, and no budget adds "
        f"to it. Best-of-$N$ with an oracle solves {right('oracle', 2)} with $2H$ tokens and "
        f"{right('oracle', 64)} with $64H$ ({right('allocation', 64)} if tokens go where they gain "
        r"most), with no training: $N\ge\log(1/\delta)/c_0$ tries do it (T10c).",
        f"- **The checker is the limit.** With $64H$ self-correction is at "
        f"{right('correction', 64)}, majority vote at {right('majority', 64)}, revision by one "
        f"verdict at {right('revision', 64)}, an AUC of 0.85 at {right('noisy', 64)}, three "
        f"verdicts at {right('several', 64)}. Where false positives come back, more search harms: "
        f"on a prompt of success {success:g}, with correlation {some['correlation']:g} accuracy "
        f"peaks at {some['peak_accuracy']:.2f} "
        f"with $N={some['peak']:g}$ and falls to {some['limit_accuracy']:.2f}, with "
        f"{most['correlation']:g} from {most['peak_accuracy']:.2f} at $N={most['peak']:g}$ to "
        f"{most['limit_accuracy']:.2f} (T10g, picture there).",
        "- **Finetuning with verification adds** what search pays for in tokens. The same "
        f"{n} labelled traces, used for a verifier alone, solve {right('learned', 1, 2, 4)} with "
        "$H$, $2H$, $4H$ tokens; used to finetune as well, "
        f"{right('learned@finetuned', 1, 2, 4)}. With $64H$ little is left of the difference "
        f"({right('learned', 64)} and {right('learned@finetuned', 64)}): what no labelled trace "
        "has shown, neither can tell.",
    )
    start = (
        f"On prompts from easy to hopeless (`difficulty`, $H={horizon}$, hard token caps), as "
        "shares of prompts solved:"
    )
    wrapped = (
        textwrap.fill(text, 124, subsequent_indent="  ", break_on_hyphens=False) for text in points
    )
    return "\n".join((start, "", *wrapped))


def main() -> None:
    found = search_curves(SearchConfig.from_mapping(read_config(CONFIG)))
    rows = found.frame()
    drawn = rows[rows["strategy"].isin(SHOWN)]
    shown = replace(found.config, strategies=SHOWN)
    note = reading(SearchResult(shown, found.rows, found.notes), LABELS)
    keep("search", search_figure(drawn, note), rows)
    config = over.OverOptimisationConfig()
    curves, peaks = over.over_optimisation(config)
    note = over.reading(config, peaks)
    figure = over_optimisation_figure(pd.DataFrame(curves), pd.DataFrame(peaks), note)
    tables = [
        pd.DataFrame(curves).assign(panel="curve"), pd.DataFrame(peaks).assign(panel="peak")
    ]  # fmt: skip
    keep("over_optimisation", figure, pd.concat(tables, ignore_index=True))
    print(section(rows, pd.DataFrame(peaks)))
    print(rows.pivot(index="budget", columns="strategy", values="accuracy").round(3).to_string())
    print(pd.DataFrame(peaks).to_string())


if __name__ == "__main__":
    main()
