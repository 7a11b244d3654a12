"""`antiscale plot`, and the drawing of a sweep's plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale.config import SweepConfig

EXAMPLES = "[bold]Example[/bold]\n\n  antiscale plot runs/HASH"


def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to put plot.png and plot.svg. Default: RUN."),
    ] = None,
) -> None:
    """Redraw a sweep's plot from its rows alone."""
    from antiscale.report import caption
    from antiscale.results import RunFolder, read_run

    folder = read_run(run)
    result = folder.result()
    settings = SweepConfig.from_mapping(result["config"])
    target = folder if out is None else RunFolder(out)
    files = draw(folder, caption(settings, result["rows"], result["fit"]), target, redraw=True)
    for file in files:
        print(file)


def draw(folder: Any, note: str, target: Any = None, *, redraw: bool = False) -> list[Path]:
    """Write plot.png and plot.svg where they are missing."""
    target = folder if target is None else target
    files = [target.path / "plot.png", target.path / "plot.svg"]
    if redraw or not all(file.exists() for file in files):
        from antiscale import plots

        for kind, content in plots.encode(plots.sweep_figure(folder.rows(), note)).items():
            target.write(f"plot.{kind}", content)
    return files
