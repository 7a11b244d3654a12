"""`antiscale plot`, and the drawing of a sweep's plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from antiscale.cli.options import Options, Run, command
from antiscale.cli.terminal import Results
from antiscale.sweeps.config import SweepConfig

if TYPE_CHECKING:
    from antiscale.core.folder import Folder
    from antiscale.sweeps.folder import RunFolder

_SCHEMA = "antiscale.plot/1"


@command(
    Options(Run),
    Options(Results, "out overwrite", out="Where to put plot.png and plot.svg. Default: RUN."),
)
def plot(run: Run, results: Results) -> None:
    """Redraw a sweep's plot from its rows alone.

    Examples
    --------
    antiscale plot runs/HASH
    """
    from antiscale.core.folder import Folder
    from antiscale.sweeps.folder import read_run
    from antiscale.sweeps.words import caption

    folder, out = read_run(run.run), results.out
    result = folder.result()
    settings = SweepConfig.from_mapping(result["config"])
    note = caption(settings, result["rows"], result["fit"])
    if out is None or out.resolve() == run.run.resolve():
        files = draw(folder, note, redraw=True)
    else:
        name = folder.manifest["hash"]
        with Folder.open(out, _SCHEMA, name, overwrite=results.overwrite, again=True) as target:
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
