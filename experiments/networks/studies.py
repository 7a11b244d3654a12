"""The rows of figure 20: `antiscale figures trained` runs its studies, or takes up their folders.

A GPU is needed for the studies called small; each is kept in runs/study-NAME and goes on there.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from antiscale import presets
from antiscale.core import device
from antiscale.core.config import read_config
from antiscale.figures import Progress
from antiscale.figures.trained import RECORD, Config
from antiscale.networks.config import TrainConfig
from antiscale.networks.study import kept_study


def rows(config: Config, progress: Progress) -> dict[str, pd.DataFrame]:
    """The rows of each study, with the device that trained it."""
    return {
        table: study(name, progress)
        for table, name in zip(RECORD.tables, config.studies, strict=True)
    }


def study(name: str, progress: Progress) -> pd.DataFrame:
    """Run a study, or read what its folder holds."""
    given = TrainConfig.from_mapping(read_config(presets.find("studies", name)))
    found = kept_study(given, Path("runs") / f"study-{name}", progress)
    return found.frame.assign(device=device.description())
