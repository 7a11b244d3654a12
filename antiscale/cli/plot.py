"""`antiscale plot`, and the drawing of a run's plot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from antiscale.cli.options import Flags, Options, Run, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option
from antiscale.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from antiscale.core.folder import Folder

_SCHEMA = "antiscale.plot/1"


@dataclass(frozen=True, kw_only=True)
class Panels(Flags):
    """What the picture of a grid shows.

    Parameters
    ----------
    x
        Column along the horizontal axis. Default: the axis with the most numbers.
    y
        Column to draw, with its interval.
    facets
        A column whose values make panels; at most two: side by side, below one another. Default:
        the axes left. What is left then is averaged over.
    lines
        Column whose values are lines.
    """

    x: str | None = option(None, metavar="COLUMN", group="Grids")
    y: str = option("loss", metavar="COLUMN", group="Grids")
    facets: tuple[str, ...] = option((), metavar="COLUMN", group="Grids")
    lines: str = option("learner", metavar="COLUMN", group="Grids")


@command(
    Options(Run),
    Options(Panels),
    Options(Results, "out overwrite", out="Where to put plot.png and plot.svg. Default: RUN."),
)
def plot(run: Run, panels: Panels, results: Results) -> None:
    """Redraw the plot of a sweep or of a grid from its rows alone.

    Examples
    --------
    antiscale plot runs/HASH
    antiscale plot runs/grid-HASH --x n --facets kappa --facets family
    """
    from antiscale.core.folder import Folder
    from antiscale.grids import folder as grids
    from antiscale.grids.result import GridResult
    from antiscale.sweeps.folder import read_run
    from antiscale.sweeps.run import SweepResult

    folder: Folder
    if grids.is_grid(run.run):
        folder = grids.read_grid(run.run)
        found = GridResult.of(folder)

        def make() -> Figure:
            facets = panels.facets or None
            return found.plot(panels.x, panels.y, facets=facets, lines=panels.lines)
    else:
        folder = read_run(run.run)
        if panels != Panels():
            raise InputError(f"{run.run} is a sweep; --x, --y, --facets and --lines are of grids")
        make = SweepResult.of(folder).plot
    out = results.out
    if out is None or out.resolve() == run.run.resolve():
        files = draw(folder, make, redraw=True)
    else:
        name = folder.manifest["hash"]
        with Folder.open(out, _SCHEMA, name, overwrite=results.overwrite, again=True) as target:
            files = draw(target, make, redraw=True)
            target.finish()
    for file in files:
        print(file)


def draw(folder: Folder, make: Callable[[], Figure], *, redraw: bool = False) -> list[Path]:
    """Write plot.png and plot.svg where they are missing."""
    files = [folder.path / "plot.png", folder.path / "plot.svg"]
    if redraw or not all(file.exists() for file in files):
        from antiscale import plots

        for kind, content in plots.encode(make()).items():
            folder.write(f"plot.{kind}", content)
    return files
