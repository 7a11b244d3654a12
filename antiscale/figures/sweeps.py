"""Rows of a figure that come from sweeps: one per panel and place."""

import itertools
from collections.abc import Mapping

import pandas as pd

from antiscale.figures import Progress
from antiscale.sweeps.config import SweepConfig

# What figures show of a sweep's rows, or need to be understood without it.
COLUMNS = (
    "family", "reward_class", "expert", "kappa", "vary", "repeats", "seed", "horizon", "n",
    "noise", "sigma", "sigma_max", "c0_stated", "max_ratio", "base_return", "optimal_return",
    "rewards_stated_max", "vf_learner", "vb_learner", "vf_lower_holds_for", "vf_lower_local",
    "vf_lower_local_name", "vf_lower", "vf_lower_name", "vf_mean", "vf_low", "vf_high",
    "vf_exact", "vf_loss", "vf_loss_low", "vf_loss_high", "vf_method", "vf_upper",
    "vf_upper_name", "vb_mean", "vb_low", "vb_high", "vb_exact", "vb_loss", "vb_loss_low",
    "vb_loss_high", "vb_method", "vb_upper", "vb_upper_name", "gap_measured", "gap_low",
    "gap_high", "gap_certified", "vf_slope_theory", "vb_slope_theory",
)  # fmt: skip


def run(panels: Mapping[tuple[str, str], SweepConfig], progress: Progress) -> pd.DataFrame:
    """Run one sweep per (panel, series) and return their rows, each with its panel and series."""
    from antiscale.sweeps.run import sweep

    total = sum(len(config.cells()) for config in panels.values())
    done, frames = itertools.count(1), []
    for (panel, series), config in panels.items():

        def advance(_: int, __: int, horizon: int, panel: str = panel) -> None:
            progress(next(done), total, f"{panel}, H = {horizon}")

        rows = sweep(config, progress=advance).frame
        frames.append(rows[list(COLUMNS)].assign(panel=panel, series=series))
    found = pd.concat(frames, ignore_index=True)
    return found[["panel", "series", *COLUMNS]]
