"""All commands in one application."""

from typing import Annotated

import typer

from antiscale.cli import (
    bounds,
    certify,
    diagnose,
    diff,
    family,
    figures,
    info,
    options,
    plot,
    report,
    search,
    separation,
    sweep,
)
from antiscale.core.version import __version__

app = typer.Typer(
    name="antiscale",
    help="When does finetuning with verification beat cloning expert traces, and by how much?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"antiscale {__version__}")
        raise typer.Exit


_COMMANDS = (
    sweep.sweep, plot.plot, report.report, diff.diff, separation.separation, search.search,
    diagnose.diagnose, bounds.bounds, certify.certify, figures.figures,
)  # fmt: skip
for command in _COMMANDS:
    options.add(app, command)
app.add_typer(family.app, name="family")
options.add(app, info.info)
