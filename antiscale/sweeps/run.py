"""A sweep: cells in, rows and fitted exponents out."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from antiscale.core import device, machine, validate
from antiscale.core.errors import InputError
from antiscale.learners import choose_learners, renew
from antiscale.models.families import family, load_family
from antiscale.rewards import load_class
from antiscale.rewards.evaluation import WHOLE
from antiscale.sweeps import words
from antiscale.sweeps.cell import Cell, simulate
from antiscale.sweeps.config import SCHEMA, Place, SweepConfig
from antiscale.sweeps.exponents import bound_exponents, fit_exponents
from antiscale.sweeps.folder import RunFolder, open_run

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

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    @property
    def reading(self) -> str:
        """Who loses what, how that grows, and what is certain."""
        return words.reading(self.config, self.rows, self.fit)

    def plot(self) -> Figure:
        """Draw the losses between their bounds, and the gap."""
        from antiscale.plots import sweep_figure

        return sweep_figure(self.frame, words.caption(self.config, self.rows, self.fit))

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
    config: SweepConfig | Mapping[str, Any] | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> SweepResult:
    """Run a sweep.

    Parameters
    ----------
    config
        What to run, also as names and values; the default instance if None.
    out
        Folder for the results; None leaves nothing on disk.
    overwrite
        Replace the run that a folder holds.
    progress
        Called after each cell with (cells done, cells in all, horizon).
    **options
        Fields of `SweepConfig` by name; they replace those of `config`.

    Returns
    -------
    SweepResult
        `frame` with one row per (H, n), the fitted exponents `fit`, the sentences `reading`, and
        `plot()`.

    Raises
    ------
    InputError
        For anything in the configuration or the folder that cannot be used.

    Examples
    --------
    >>> import antiscale as ac
    >>> found = ac.sweep(horizon=32, repeats=4)
    >>> list(found.frame.horizon)
    [16, 32]
    >>> round(found.fit["vf_slope"]["theory"], 2)
    0.5
    """
    config = SweepConfig.of(config, **options)
    validate.boolean("overwrite", overwrite)
    check(config)
    folder = None if out is None else open_run(config, Path(out), overwrite=overwrite)
    finished = folder.manifest["finished"] if folder and folder.complete else None
    return replace(run_sweep(config, folder, progress), finished=finished)


def check(config: SweepConfig) -> None:
    """Raise InputError if a configuration cannot run, before anything is written."""
    renew(config.learner)
    cloner = choose_learners(config.learner)["vf"]
    if cloner.name == "bayes" and (config.expert != "hard" or config.form == "blocks"):
        raise InputError(
            "learner 'bayes' is the best against the prior of T4a or T4c; run it with --expert "
            "hard, and form best, two_point or many_point"
        )
    parameters = config.family_parameters()
    # Before the model is built: whatever the class is, it holds a reward and its mirror.
    _require(config, *family(config.family, **parameters).size(config.horizon), 2)
    for horizon in sorted({place.horizon for place in config.cells()}):
        model = load_family(config.family, horizon=horizon, **parameters)
        rewards = load_class(config.class_name(), model, **config.class_parameters)
        members = float(np.exp(np.minimum(rewards.log_sizes().max(), 60.0)))
        stated = members + 2 if members <= WHOLE else config.rewards
        _require(config, model.prompts, model.types, stated)
        if config.noise > 0:
            rewards.flip(jnp.asarray(model.returns))


def _require(config: SweepConfig, prompts: int, types: int, rewards: float) -> None:
    """Refuse a sweep whose largest cell this machine cannot hold, or that takes days.

    Held at a time: counts of both sides and what is sorted on the way, 500 resamples of the
    repeats, and for a few repeats at once the ball's optimum for every stated reward. Measured at
    0.03 to 0.1 microseconds for each repeat, reward, prompt and type, and half a millisecond for
    each repeat.
    """
    cell, repeats = float(prompts) * types, float(config.repeats)
    machine.require(
        f"a sweep of {config.repeats} repeats over {prompts} prompts and {types} types",
        "--repeats, --prompts, --horizon or --rewards",
        floats=cell * (8.0 * repeats + 30.0 * rewards)
        + prompts * rewards * (4.0 * repeats + 500.0)
        + 1000.0 * repeats,
        seconds=len(config.cells()) * repeats * (1e-7 * rewards * cell + 5e-4),
    )


def run_sweep(
    config: SweepConfig, folder: RunFolder | None = None, progress: Progress | None = None
) -> SweepResult:
    """Run the cells that `folder` does not hold yet, then fit, then write the results.

    Same arguments as `sweep`, with a folder from `open_run`.
    """
    if folder is None:
        return _run(config, None, progress)
    if folder.complete:
        stored = folder.result()
        return SweepResult(config, stored["rows"], stored["fit"])
    with folder:
        return _run(config, folder, progress)


def _run(config: SweepConfig, folder: RunFolder | None, progress: Progress | None) -> SweepResult:
    device.keep_compiled_code()
    started = time.perf_counter()
    # Once: a learner's source may be edited while it runs.
    hash_ = config.hash() if folder is None else folder.manifest["hash"]
    places = config.cells()
    cells = _cells(config, places, folder, progress)
    family = load_family(config.family, horizon=places[-1].horizon, **config.family_parameters())
    # At one known reward cloning's loss is zero on average, whatever sigma is.
    grows = None if config.class_name() == "known" else family.sigma_exponent
    tied = [x.name for x in choose_learners(config.learner).values() if getattr(x, "tied", False)]
    fit = fit_exponents(
        config,
        places,
        [cell.replicates for cell in cells],
        grows,
        exact=[{side: cell.row[f"{side}_exact"] for side in ("vf", "vb")} for cell in cells],
        outside_theory=f"T9 speaks of learners whose class holds the expert, not of {tied[0]} (T12)"
        if tied
        else None,
    )
    theory = {f"{name}_theory": slope["theory"] for name, slope in fit.items()}
    parameters = {"config_hash": hash_} | config.columns()
    rows = [parameters | cell.row | theory for cell in cells]
    fit = {name: fit[name] | bound for name, bound in bound_exponents(config, rows).items()}
    result = SweepResult(config, rows, fit)
    if folder is not None:
        folder.store(result.frame, _replicates(hash_, config, cells), result.to_json(), started)
    return result


def _cells(
    config: SweepConfig,
    places: list[Place],
    folder: RunFolder | None,
    progress: Progress | None,
) -> list[Cell]:
    """Take finished cells from the folder and simulate the others, two at a time on a CPU."""
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
        keep(first, simulate(config, *first))
    with ThreadPoolExecutor(2 if device.backend() == "cpu" else 1) as pool:
        running = {pool.submit(simulate, config, *place): place for place in reversed(missing)}
        try:
            for done in as_completed(running):
                keep(running[done], done.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [found[place] for place in places]


def _replicates(hash_: str, config: SweepConfig, cells: list[Cell]) -> pd.DataFrame:
    """Return one row per (H, n, replicate): the headline loss of each side, in tokens."""
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "config_hash": hash_,
                    "seed": config.seed,
                    "horizon": cell.row["horizon"],
                    "n": cell.row["n"],
                    "noise": cell.row["noise"],
                    "replicate": range(config.repeats),
                    "vf_loss": cell.replicates["vf"],
                    "vb_loss": cell.replicates["vb"],
                }
            )
            for cell in cells
        ],
        ignore_index=True,
    )
