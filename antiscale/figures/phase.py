"""Figure 9: where the gap is certified and measured, and the phase diagram (T9)."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from antiscale import plots
from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.figures import Progress, Record, part
from antiscale.sweeps.config import SweepConfig

RECORD = Record(
    9, "Where the gap is certain, and the phase diagram",
    "Not in the paper: its rates, drawn over all exponents, with exact risks of the light- "
    "type instance.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """The default family along n(H), and the light-type instance over exponents.

    Attributes
    ----------
    horizon, samples_per_token, repeats, seed
        Of the sweep along which the gap is certified.
    phase_horizon, phase_points
        H of the phase diagram, and its points per axis.
    """

    horizon: int
    samples_per_token: float
    repeats: int
    seed: int
    phase_horizon: int = option(check=validate.integer, least=16, most=2**24)
    phase_points: int = option(check=validate.integer, least=2, most=1000)


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "along H", "along n", "bounded" and "growing": gaps, then points (a, b)."""
    from antiscale.sweeps.separation import reading, separation

    found = separation(
        SweepConfig(horizon=config.horizon, samples_per_token=config.samples_per_token,
                    repeats=config.repeats, seed=config.seed),
        phase_horizon=config.phase_horizon, phase_points=config.phase_points,
        progress=progress,
    )  # fmt: skip
    frames = [
        pd.DataFrame(found.rows).assign(panel="along H", note=reading(found)),
        pd.DataFrame(found.in_n).assign(panel="along n"),
        pd.DataFrame(found.phase),
    ]
    merged = pd.concat(frames, ignore_index=True)
    return merged[["panel", *(name for name in merged if name != "panel")]]


def note(rows: pd.DataFrame) -> str:
    """A few sentences of reading."""
    from antiscale.sweeps.phase import reading

    found = part(rows, "along H")["note"].iloc[0]
    return f"{found} {reading(part(rows, 'bounded')['horizon'].iloc[0])}"


def draw(rows: pd.DataFrame) -> Figure:
    """Both gaps above, both phase diagrams below."""
    phases = rows[rows["panel"].isin(("bounded", "growing"))]
    return plots.separation_figure(part(rows, "along H"), part(rows, "along n"), phases, note(rows))
