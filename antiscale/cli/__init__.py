"""The command line: parse, call, print. One module per command."""

import codecs
import contextlib
import gc
import io
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from antiscale.core.errors import InputError
from antiscale.core.stopping import Stopped, status, stoppable, tell

# Signs of tables where the output has no characters for them; others print as "?".
_SIGNS = {"–": "-", "−": "-", "±": "+-", "×": "x", "…": "...", "→": "->", "≤": "<=", "≥": ">="}
_PLAIN = "antiscale.plain"
codecs.register_error(
    _PLAIN,
    lambda error: (
        "".join(_SIGNS.get(sign, "?") for sign in error.object[error.start : error.end]),  # type: ignore[attr-defined]
        error.end,  # type: ignore[attr-defined]
    ),
)


def main() -> None:
    """Run the command line.

    The exit status is 0; 1 where the command says so, or the reader of the output has gone; 2 with
    one line on standard error for input that cannot be used and output that cannot be written;
    130 and 143 with one line when stopped by Ctrl-C and SIGTERM.
    """
    if sys.stderr is None:
        # Otherwise what is meant for it would go to standard output.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        _fail("standard output is closed; send it to a file or to /dev/null")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAIN)  # what it has no characters for
    try:
        with stoppable():
            code = _run()
    except (Stopped, KeyboardInterrupt):
        tell()
        # Not waited for: threads that compute. The watcher ends the process with them.
        sys.exit(status())
    # What is still there may go with the process, uncollected: it saves a third of a second.
    gc.freeze()
    sys.exit(code)


def _run() -> int:
    # Late: a signal while these load ends the process as at any other time.
    import typer

    from antiscale.cli.commands import app

    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        found = app(prog_name="antiscale", standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        _fail(str(error))
    except usage_error as error:
        _fail(error.format_message())
    except typer.Abort:
        raise Stopped from None
    except BrokenPipeError:
        # The reader of our output has gone: nobody would see a message.
        _discard_output()
        return 1
    except OSError as error:
        if error.filename is not None:
            # A path that cannot be used, wherever it was first touched.
            from antiscale.core.validate import shown

            _fail(f"{shown(str(error.filename))}: {error.strerror or error}")
        _discard_output()
        _fail(f"cannot write to standard output: {error.strerror or error}")
    return found if isinstance(found, int) else 0


def _discard_output() -> None:
    """What is still to be written would fail again when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _fail(message: str) -> NoReturn:
    with contextlib.suppress(OSError):
        print(f"antiscale: error: {InputError(message)}", file=sys.stderr)
    sys.exit(2)
