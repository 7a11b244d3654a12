"""Figure 12: the default sweep, both losses between their bounds and the gap."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from antiscale import plots
from antiscale.figures import Progress, Record
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.exponents import fit_exponents
from antiscale.sweeps.run import SweepResult, sweep
from antiscale.sweeps.words import caption

RECORD = Record(
    12, "A sweep: both losses between their bounds, and the gap",
    "Not in the paper: what `antiscale sweep` draws, of the default instance.", digits=None,
)  # fmt: skip


Config = SweepConfig


def found(config: SweepConfig, progress: Progress) -> SweepResult:
    """Run the sweep."""
    return sweep(
        config, progress=lambda done, total, horizon: progress(done, total, f"H = {horizon}")
    )


def rows(config: SweepConfig, progress: Progress) -> pd.DataFrame:
    """The sweep's rows."""
    return found(config, progress).frame


def note(rows: pd.DataFrame) -> str:
    """The reading that `antiscale sweep` prints; its exponents are fitted to the rows."""
    config = SweepConfig(vary=rows["vary"].iloc[0], expert=rows["expert"].iloc[0])
    plain: Any = rows.astype(object).where(rows.notna(), None).to_dict("records")
    losses = [{side: np.array([row[f"{side}_loss"]]) for side in ("vf", "vb")} for row in plain]
    places = [(row["horizon"], row["n"], row["noise"]) for row in plain]
    return caption(config, plain, fit_exponents(config, places, losses, None))


def draw(rows: pd.DataFrame) -> Figure:
    """Both losses, and the gap."""
    return plots.sweep_figure(rows, note(rows))
