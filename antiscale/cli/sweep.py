"""`antiscale sweep`."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiscale import presets
from antiscale.cli.options import Flags, Options, command
from antiscale.cli.plot import draw
from antiscale.cli.terminal import Results, load_ahead, say
from antiscale.core import engine, machine, validate
from antiscale.core.config import option, read_config
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps
from antiscale.sweeps.config import SweepConfig


@dataclass(frozen=True, kw_only=True)
class Grid(Flags):
    """A grid of points instead, and where they are computed.

    Parameters
    ----------
    grid
        Run one point for each combination of values: options of a grid (antiscale info) or a file,
        in which lists are axes. --config and flags override them.
    jobs
        Processes that compute points.
    scheduler
        Address of a running Dask scheduler: compute on its workers instead.
    dry_run
        Print points, compiled shapes, memory and time, and run nothing but a few points.
    """

    grid: str | None = option(None, metavar="NAME|FILE.toml", group="Grids")
    jobs: int = option(1, validate.integer, "N", group="Grids", least=1, most=256)
    scheduler: str | None = option(None, engine.address, "HOST:PORT", group="Grids")
    dry_run: bool = option(False, group="Grids")

    def agree(self) -> None:
        """Refuse two engines, and what is for grids without one."""
        if self.scheduler is not None and self.jobs > 1:
            raise InputError("give --jobs or --scheduler, not both")
        if self.grid is None and (self.jobs > 1 or self.scheduler is not None or self.dry_run):
            raise InputError("--jobs, --scheduler and --dry-run are for grids: give --grid")


@command(
    Options(SweepConfig, presets="sweeps", make=dict),
    Options(Grid),
    Options(Results, out="Folder for the results. Default: runs/<config hash>."),
)
def sweep(asked: Mapping[str, Any], grid: Grid, results: Results) -> None:
    """Measure what cloning and verification lose as the budget grows, against explicit bounds.

    Leaves a folder with rows (Parquet, CSV), a manifest and a plot.
    A run that was cut short goes on; a finished one is shown again at once.

    Examples
    --------
    antiscale sweep --horizon 4096
    antiscale sweep --horizon 4096 --family homogeneous
    antiscale sweep --family sharp --set c0=0.02 --horizon 1024
    antiscale sweep --expert hard --form two_point --learner smoothed_sft
    antiscale sweep --vary n --horizon 256 --samples 1000000
    antiscale sweep --family two_point --expert hard --learner bayes --exact
    antiscale sweep --noise 0.3 --vary noise --horizon 256
    antiscale sweep --family difficulty --vary n --samples 512 --horizon 64 --pass-at 1,4,16
    antiscale sweep --config default --json > sweep.json
    antiscale sweep --grid families --dry-run
    antiscale sweep --grid families --jobs 2
    """
    if grid.grid is not None:
        _sweep_grid(read_config(presets.find("grids", grid.grid)), asked, grid, results)
        return
    # Late: only a command that computes waits for JAX.
    from antiscale.cli.screens.sweep import screen
    from antiscale.sweeps.folder import open_run
    from antiscale.sweeps.plan import Plan
    from antiscale.sweeps.run import run_sweep

    config = SweepConfig.from_mapping(asked)
    plan = Plan.of(config)
    path = Path("runs") / plan.hash if results.out is None else results.out
    folder = open_run(plan, path, overwrite=results.overwrite)
    keeps(f"finished cells are kept in {path}; run the same command again to go on")
    if folder.complete:
        say(f"shown from {path}, finished {folder.manifest['finished']}; --overwrite runs it again")
    else:
        threading.Thread(target=load_ahead).start()
    with results.progress(len(plan.places)) as advance:
        found = run_sweep(plan, folder, advance)
    draw(folder, found.plot)
    results.show(
        found.to_json(),
        lambda width: screen(config, found.rows, found.fit, width=width),
        f"\nResults: {path}/  (rows, manifest, plot.png, plot.svg)",
        wider=config.exact,
    )


def _sweep_grid(
    given: Mapping[str, Any], asked: Mapping[str, Any], grid: Grid, results: Results
) -> None:
    from antiscale.cli.screens import grid as screens
    from antiscale.grids.axes import Axes
    from antiscale.grids.folder import open_grid
    from antiscale.grids.forecast import forecast
    from antiscale.grids.plan import GridPlan
    from antiscale.grids.run import run_grid, usual

    tables = {
        name: {**validate.table(name, given.get(name, {})), **value}
        for name, value in asked.items() if isinstance(value, Mapping)
    }  # fmt: skip
    plan = GridPlan.of(Axes.of({**given, **asked, **tables}))
    where = usual(engine.Engine(grid.jobs, grid.scheduler))
    machine.require(f"a grid in {grid.jobs} processes", "--jobs", floats=5e7 * grid.jobs)
    path = Path("runs") / f"grid-{plan.hash}" if results.out is None else results.out
    if grid.dry_run:
        kept = None if results.overwrite else path
        with results.progress(1, "timing") as advance:
            known = forecast(plan, where, kept, advance)
        results.show(known.to_json(), lambda _: screens.forecast(plan, known))
        return
    folder = open_grid(plan, path, overwrite=results.overwrite)
    keeps(f"finished points are kept in {path}; run the same command again to go on")
    if folder.complete:
        say(f"shown from {path}, finished {folder.manifest['finished']}; --overwrite runs it again")
    with results.progress(len(plan.points)) as advance:
        found = run_grid(plan, folder, engine=where, progress=advance)
    try:
        draw(folder, found.plot)
        drawn = "plot.png, plot.svg"
    except InputError as error:
        drawn = f"no picture: {error}; antiscale plot {path} draws it"
    results.show(
        found.to_json(), lambda _: screens.screen(found),
        f"\nResults: {path}/  (rows/, manifest, {drawn})",
    )  # fmt: skip
