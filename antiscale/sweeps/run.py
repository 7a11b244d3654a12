"""A sweep: cells in, rows and fitted exponents out."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiscale.core import device
from antiscale.sweeps import words
from antiscale.sweeps.cell import Cell, simulate
from antiscale.sweeps.config import SCHEMA, Place, SweepConfig
from antiscale.sweeps.exponents import bound_exponents, fit_exponents
from antiscale.sweeps.folder import RunFolder, open_run
from antiscale.sweeps.plan import Plan, Planned
from antiscale.sweeps.rows import COLUMNS, arms_of, pass_columns

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SweepConfig", "SweepResult", "run_sweep", "sweep"]

# Called after each cell with the cells done, those in all, and the horizon just done.
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, repr=False)
class SweepResult:
    """What a sweep found.

    For this version a result also passes for its DataFrame: columns, indexing, `len`, iteration
    and `attrs` are those of `frame`.

    Attributes
    ----------
    rows
        One dictionary per (H, n); every parameter is repeated in each.
    fit
        `vf_slope`, `vb_slope`, `gap_slope`; see `antiscale.sweeps.exponents.fit_exponents` and
        `bound_exponents`.
    finished
        When the run whose rows were read from disk had finished; None if they were computed now.
    """

    config: SweepConfig
    rows: list[dict[str, Any]]
    fit: dict[str, dict[str, Any]]
    finished: str | None = None

    @classmethod
    def of(cls, folder: RunFolder) -> SweepResult:
        """Read the result of a complete run."""
        stored = folder.result()
        config = SweepConfig.from_mapping(stored["config"])
        return cls(config, stored["rows"], stored["fit"], folder.manifest["finished"])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    @property
    def arms(self) -> pd.DataFrame:
        """The rows as one for each learner; concatenates with frames of grids."""
        import pandas as pd

        return pd.DataFrame(arms_of(self.rows, self.config.pass_at))

    @property
    def reading(self) -> str:
        """Who loses what, how that grows, and what is certain."""
        return words.reading(self.config, self.rows, self.fit)

    def plot(self) -> Figure:
        """Draw the losses between their bounds, and the gap."""
        from antiscale.plots import sweep_figure

        return sweep_figure(self.frame, words.caption(self.config, self.rows, self.fit))

    def save(self, file: str | Path) -> Path:
        """Write rows (.parquet, .csv, .json) or the picture (.png, .svg, .pdf); return where."""
        from antiscale.sweeps.saving import save

        return save(self, file)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `antiscale sweep --json` prints."""
        return {
            "schema": SCHEMA,
            "config": self.config.to_dict(),
            "config_hash": self.rows[0]["config_hash"],
            "rows": self.rows,
            "fit": self.fit,
        }

    @property
    def attrs(self) -> dict[str, Any]:
        """The fit and the time of an earlier finish, as a DataFrame's attributes."""
        return {"fit": self.fit, "finished": self.finished}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.frame, name)

    def __getitem__(self, key: Any) -> Any:
        return self.frame[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.frame)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.reading

    def __repr__(self) -> str:
        return f"<SweepResult of {len(self)} rows: {self.reading}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.reading)}</p>{self.frame.to_html(max_rows=20)}"


def sweep(
    config: Planned = None,
    *,
    model: Any = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> SweepResult:
    """Run a sweep over horizons, sample sizes or noise, as `antiscale.sweep` does without lists.

    Its arguments are those of `antiscale.sweep`.

    Returns
    -------
    SweepResult
        `frame` with one row per (H, n), the fitted exponents `fit`, the sentences `reading`, and
        `plot()`.

    Raises
    ------
    InputError
        For anything in the configuration or the folder that cannot be used.
    """
    plan = Plan.of(config, model=model, **options)
    folder = None if out is None else open_run(plan, Path(out), overwrite=overwrite)
    return run_sweep(plan, folder, progress)


def run_sweep(
    planned: Planned, folder: RunFolder | None = None, progress: Progress | None = None
) -> SweepResult:
    """Run the cells that `folder` does not hold yet, then fit, then write the results.

    Same arguments as `sweep`, with a plan and a folder from `open_run`.
    """
    plan = Plan.of(planned)
    if folder is None:
        return _run(plan, None, progress)
    if folder.complete:
        return SweepResult.of(folder)
    with folder:
        return _run(plan, folder, progress)


def _run(plan: Plan, folder: RunFolder | None, progress: Progress | None) -> SweepResult:
    device.keep_compiled_code()
    started = time.perf_counter()
    config = plan.config
    cells = _cells(plan, folder, progress)
    fit = fit_exponents(
        config,
        plan.places,
        [cell.replicates for cell in cells],
        plan.sigma_exponent,
        exact=[{side: cell.row[f"{side}_exact"] for side in ("vf", "vb")} for cell in cells],
        outside_theory=f"T9 speaks of learners whose class holds the expert, not of {plan.tied[0]}"
        " (T12)"
        if plan.tied
        else None,
    )
    theory = {f"{name}_theory": slope["theory"] for name, slope in fit.items()}
    common = {"config_hash": plan.hash} | plan.columns() | theory
    names = [*COLUMNS, *pass_columns(config.pass_at)]
    rows = [{name: (common | cell.row)[name] for name in names} for cell in cells]
    fit = {name: fit[name] | bound for name, bound in bound_exponents(config, rows).items()}
    result = SweepResult(config, rows, fit)
    if folder is not None:
        folder.store(result.frame, _replicates(plan, cells), result.to_json(), started)
    return result


def _cells(plan: Plan, folder: RunFolder | None, progress: Progress | None) -> list[Cell]:
    """Take finished cells from the folder and simulate the others, two at a time on a CPU."""
    places = plan.places
    found: dict[Place, Cell] = {}
    if folder is not None:
        stored = {place: folder.load_cell(place) for place in places}
        found = {place: cell for place, cell in stored.items() if cell is not None}

    def keep(place: Place, cell: Cell) -> None:
        if folder is not None:
            folder.save_cell(place, cell)
        found[place] = cell
        if progress is not None:
            progress(len(found), len(places), place.horizon)

    missing = [place for place in places if place not in found]
    if missing:
        # The first one compiles for all. It is the largest, so that bad news comes early.
        first = missing.pop()
        keep(first, simulate(plan, *first))
    with ThreadPoolExecutor(2 if device.backend() == "cpu" else 1) as pool:
        running = {pool.submit(simulate, plan, *place): place for place in reversed(missing)}
        try:
            for done in as_completed(running):
                keep(running[done], done.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [found[place] for place in places]


def _replicates(plan: Plan, cells: list[Cell]) -> pd.DataFrame:
    """Return one row per (H, n, replicate): the headline loss of each side, in tokens."""
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "config_hash": plan.hash,
                    "seed": plan.config.seed,
                    "horizon": cell.row["horizon"],
                    "n": cell.row["n"],
                    "noise": cell.row["noise"],
                    "replicate": range(plan.config.repeats),
                    "vf_loss": cell.replicates["vf"],
                    "vb_loss": cell.replicates["vb"],
                }
            )
            for cell in cells
        ],
        ignore_index=True,
    )
