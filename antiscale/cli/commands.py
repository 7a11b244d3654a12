"""All commands in one application."""

import importlib
from typing import Annotated

import typer

from antiscale.cli import family, options
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


# A command is the function of its module's name; `--help` lists them in this order.
_COMMANDS = (
    "sweep", "plot", "report", "diff", "separation", "search", "train", "diagnose", "bounds",
    "certify", "figures", "family", "info",
)  # fmt: skip
for _name in _COMMANDS:
    if _name == "family":
        app.add_typer(family.app, name=_name)
    else:
        options.add(app, getattr(importlib.import_module(f"antiscale.cli.{_name}"), _name))
