"""Figure 20: trained networks, cloning against verification beside the exact theory."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from antiscale.core.config import FromMapping
from antiscale.core.errors import InputError
from antiscale.figures import Record
from antiscale.plots import networks, style

_TABLES = (
    "trained_styles_small.csv", "trained_planted_small.csv",
    "trained_styles_tiny.csv", "trained_planted_tiny.csv",
)  # fmt: skip

RECORD = Record(
    20, "Trained networks: cloning against verification, beside the exact theory",
    "The paper trains networks on its planted-subsequence problem. Here small transformers are "
    "trained from nothing, in the default family written in tokens and on planted words whose "
    "right styles differ by prompt; bounds and the tabular learner are those of the trained base's "
    "own law.",
    tables=_TABLES, digits="%.6g", script="experiments/networks/studies.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Which studies are drawn.

    Attributes
    ----------
    studies
        Their names: styles and planted on a GPU, styles and planted on two cores.
    """

    studies: tuple[str, ...]

    def agree(self) -> None:
        """Refuse another number of studies than there are tables."""
        if len(self.studies) != len(_TABLES):
            raise InputError(f"studies must be {len(_TABLES)} names; got {len(self.studies)}")


def note(rows: dict[str, pd.DataFrame]) -> str:
    """What the rows say, from their intervals alone."""
    from antiscale.networks import words

    said = []
    for table in _TABLES[1], _TABLES[3]:
        some = rows[table]
        told = [sentence for sentence in words.reading(some) if "not varied" not in sentence]
        said.append(f"{_where(some)} ({words.seeds(some)}): {' '.join(told)}")
    return f"Planted, {' Planted, '.join(said)} Shaded: 99% over bases and data seeds."


def _where(rows: pd.DataFrame) -> str:
    return str(rows["device"].iloc[0])


def draw(rows: dict[str, pd.DataFrame]) -> Figure:
    """For each machine the styles along n, and planted words along n and along H."""
    from antiscale.networks import words

    with style.sheet(5.2, note(rows)) as figure:
        axes = figure.subplots(2, 3)
        for line, (styles, planted) in zip(axes, (_TABLES[:2], _TABLES[2:]), strict=True):
            first, second = (
                words.own_spread(rows[name][rows[name]["reward"] == "r"])
                for name in (styles, planted)
            )
            where = _where(first).removeprefix("NVIDIA ")
            for one, some, called in ((line[0], first, "styles"), (line[1], second, "planted")):
                horizon, slope = networks.places(some)
                here = some[some["horizon"] == horizon]
                networks.losses(one, here, "n", f"{called}, H = {horizon}; {where}")
            along = second[second["n"] == slope * second["horizon"]]
            networks.losses(line[2], along, "horizon", f"planted, n = {slope:g} H")
        style.legend_above(figure, axes[0, 0], 6)
    return figure
