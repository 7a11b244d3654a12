"""`antiscale report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from antiscale.cli.terminal import progress
from antiscale.core.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  antiscale report runs/HASH

  antiscale report runs/HASH --out page.html --no-sliders
"""


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Where to put the page. Default: RUN/report.html."),
    ] = None,
    sliders: Annotated[
        bool,
        typer.Option(
            "--sliders/--no-sliders",
            help="Whether to compute the bounds at other kappa, n/H and heterogeneity.",
        ),
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the page's data as one JSON object.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Make one HTML page of a run: claim, figures, sliders, table, bounds and manifest.

    The page holds all it needs: it opens from disk, without a network. Needs Plotly and Jinja.
    """
    from antiscale import page
    from antiscale.core.folder import write_whole
    from antiscale.sweeps.folder import read_run

    target = run / "report.html" if out is None else out
    if target.is_dir():
        raise InputError(f"{target} is a folder; name a file with --out")
    if out is not None and target.exists() and not page.made_by_us(target):
        raise InputError(
            f"{target} is there already and is no page of antiscale report; choose another --out"
        )
    folder = read_run(run)
    with progress(1, hidden=quiet) as advance:
        made = page.build(folder, sliders=sliders, progress=advance)
    if out is None:
        folder.write(target.name, made.html.encode())
    else:
        write_whole(target, made.html.encode())
    if as_json:
        print(json.dumps({"page": str(target)} | made.data, allow_nan=False))
        return
    print(target)
