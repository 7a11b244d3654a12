"""`antiscale diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from antiscale.cli.terminal import console

EXAMPLES = """
[bold]Examples[/bold]

  antiscale diff runs/HASH runs/OTHER

  antiscale diff before after --json > changes.json
"""


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="A results folder: A.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="Another: B.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Say what changed between two runs: configuration, versions, and values beyond chance.

    Exit status 0: no value differs beyond its interval (where exact: beyond rounding), and
    both runs have the same cells (H, n). 1: results differ. 2: a folder cannot be read.
    """
    from antiscale.cli.screens.diff import screen
    from antiscale.sweeps.compare import compare
    from antiscale.sweeps.folder import read_run

    found = compare(read_run(first), read_run(second))
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
    else:
        console().print(screen(found, str(first), str(second)), highlight=False)
    if found.differs:
        raise typer.Exit(1)
