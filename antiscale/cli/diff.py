"""`antiscale diff`."""

from dataclasses import dataclass
from pathlib import Path

import typer

from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option


@dataclass(frozen=True, kw_only=True)
class Pair(Flags):
    """The runs that are compared.

    Parameters
    ----------
    first
        A results folder: A.
    second
        Another: B.
    """

    first: Path = option(metavar="RUN", argument=True)
    second: Path = option(metavar="RUN", argument=True)


@command(Options(Pair), Options(Results, "as_json"))
def diff(pair: Pair, results: Results) -> None:
    """Say what changed between two runs: configuration, versions, and values beyond chance.

    Exit status 0: no value differs beyond its interval (where exact: beyond rounding), and
    both runs have the same cells (H, n). 1: results differ. 2: a folder cannot be read.

    Examples
    --------
    antiscale diff runs/HASH runs/OTHER
    antiscale diff before after --json > changes.json
    """
    from antiscale.cli.screens.diff import screen
    from antiscale.sweeps.compare import compare
    from antiscale.sweeps.folder import read_run

    found = compare(read_run(pair.first), read_run(pair.second))
    results.show(found.to_json(), lambda _: screen(found, str(pair.first), str(pair.second)))
    if found.differs:
        raise typer.Exit(1)
