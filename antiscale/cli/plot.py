"""`antiscale plot`, and the drawing of a sweep's plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    from antiscale.core.folder import Folder
    from antiscale.sweeps.folder import RunFolder

_SCHEMA = "antiscale.plot/1"

EXAMPLES = "[bold]Example[/bold]\n\n  antiscale plot runs/HASH"


def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to put plot.png and plot.svg. Default: RUN."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the plot of another run in DIR.")
    ] = False,
) -> None:
    """Redraw a sweep's plot from its rows alone."""
    from antiscale.core.folder import Folder
    from antiscale.sweeps.folder import read_run
    from antiscale.sweeps.words import caption

    folder = read_run(run)
    result = folder.result()
    settings = SweepConfig.from_mapping(result["config"])
    note = caption(settings, result["rows"], result["fit"])
    if out is None or out.resolve() == run.resolve():
        files = draw(folder, note, redraw=True)
    else:
        name = folder.manifest["hash"]
        with Folder.open(out, _SCHEMA, name, overwrite=overwrite, again=True) as target:
            files = draw(folder, note, target, redraw=True)
            target.finish()
    for file in files:
        print(file)


def draw(
    folder: RunFolder, note: str, target: Folder | None = None, *, redraw: bool = False
) -> list[Path]:
    """Write plot.png and plot.svg where they are missing."""
    target = folder if target is None else target
    files = [target.path / "plot.png", target.path / "plot.svg"]
    if redraw or not all(file.exists() for file in files):
        from antiscale import plots

        for kind, content in plots.encode(plots.sweep_figure(folder.rows(), note)).items():
            target.write(f"plot.{kind}", content)
    return files
