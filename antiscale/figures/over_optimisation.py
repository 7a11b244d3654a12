"""Figure 15: best-of-N turns down where false positives come back (T10g)."""

import pandas as pd
from matplotlib.figure import Figure

from antiscale.figures import Progress, Record, part
from antiscale.plots.search import over_optimisation_figure
from antiscale.search import over_optimisation as over

RECORD = Record(
    15, "Best-of-N peaks and turns down; the peak against the correlation of false positives",
    "Not in the paper: exact accuracies beside T10g's turning point.", digits=None,
)  # fmt: skip


Config = over.OverOptimisationConfig


def rows(config: over.OverOptimisationConfig, progress: Progress) -> pd.DataFrame:
    """Panels "curve" (accuracy in N at each shown correlation) and "peak" (one per correlation)."""
    curves, peaks = map(pd.DataFrame, over.over_optimisation(config))
    progress(1, 1, "correlations")
    return pd.concat([curves.assign(panel="curve"), peaks.assign(panel="peak")], ignore_index=True)


def note(rows: pd.DataFrame) -> str:
    """A few sentences of reading."""
    return over.reading(Config(), part(rows, "peak").to_dict("records"))


def draw(rows: pd.DataFrame) -> Figure:
    """Accuracy in N, and where it turns down."""
    return over_optimisation_figure(part(rows, "curve"), part(rows, "peak"), note(rows))
