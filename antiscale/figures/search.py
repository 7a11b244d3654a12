"""Figure 14: strategies of test-time search at equal token budgets."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from antiscale.figures import Progress, Record
from antiscale.plots.search import LABELS, search_figure
from antiscale.search import SearchConfig, SearchResult, search_curves
from antiscale.search.reading import reading

RECORD = Record(
    14, "Ten strategies of search at equal token budgets",
    "Not in the paper: every number is an exact sum (T10), none is sampled.", digits=None,
)  # fmt: skip
# What the picture shows of the strategies that are computed.
SHOWN = (
    "single@cloned", "majority", "oracle", "learned", "noisy", "several", "revision", "correction",
    "allocation", "learned@finetuned",
)  # fmt: skip


Config = SearchConfig


def rows(config: SearchConfig, progress: Progress) -> pd.DataFrame:
    """One row per strategy and budget."""
    return search_curves(config, progress=progress).frame


def note(rows: pd.DataFrame) -> str:
    """The reading that `antiscale search` prints, of the strategies shown."""
    shown: Any = rows[rows["strategy"].isin(SHOWN)].to_dict("records")
    config = SearchConfig(
        horizon=int(rows["horizon"].iloc[0]), samples=int(rows["n"].iloc[0]), strategies=SHOWN,
        budgets=tuple(int(budget) for budget in rows["budget"].unique()),
        budget_kind=rows["budget_kind"].iloc[0],
    )  # fmt: skip
    return reading(SearchResult(config, shown, {}), LABELS)


def draw(rows: pd.DataFrame) -> Figure:
    """Accuracy and return of the strategies shown."""
    return search_figure(rows[rows["strategy"].isin(SHOWN)], note(rows))
