"""The command line: parse, call, print. One module per command."""

from __future__ import annotations

import gc
import sys
from typing import Annotated, Any

import typer

import antiscale
from antiscale.cli import (
    bounds,
    certify,
    diagnose,
    diff,
    family,
    figures,
    info,
    plot,
    report,
    search,
    separation,
    sweep,
)
from antiscale.errors import InputError
from antiscale.validate import shown

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
        print(f"antiscale {antiscale.__version__}")
        raise typer.Exit


_COMMANDS = (
    sweep.sweep, plot.plot, report.report, diff.diff, separation.separation, search.search,
    diagnose.diagnose, bounds.bounds, certify.certify, figures.figures,
)  # fmt: skip
for command in _COMMANDS:
    app.command(epilog=sys.modules[command.__module__].EXAMPLES)(command)
app.add_typer(family.app, name="family")
app.command()(info.info)


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit status 2."""
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        status = app(prog_name="antiscale", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except usage_error as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        print("antiscale: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # A path that cannot be used, wherever it was first touched; other failures are ours.
        if error.filename is None:
            raise
        _fail(f"{shown(str(error.filename))}: {error.strerror or error}")
    # What is still there may go with the process, uncollected: it saves a third of a second.
    gc.freeze()
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> None:
    print(f"antiscale: error: {InputError(message)}", file=sys.stderr)
    sys.exit(2)
