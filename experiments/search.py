"""Test-time search at equal token budgets, and where best-of-N turns down.

    python experiments/search.py

Writes figures/search.{png,svg,csv} from experiments/searches/difficulty.toml, and
figures/over_optimisation.{png,svg,csv}. Every number is an exact sum; nothing is sampled.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from antiscale import plots
from antiscale.config import read_config
from antiscale.search import SearchConfig, SearchResult, search_curves
from antiscale.search import over_optimisation as over
from antiscale.search.figures import LABELS, over_optimisation_figure, search_figure
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
    print(rows.pivot(index="budget", columns="strategy", values="accuracy").round(3).to_string())
    print(pd.DataFrame(peaks).to_string())


if __name__ == "__main__":
    main()
