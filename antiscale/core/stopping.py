"""How the command line ends on a signal to stop: soon, in one line, with nothing half-written.

SIGINT (Ctrl-C), SIGTERM and SIGHUP raise `Stopped` in the main thread. That alone is not enough:
Python runs the handler only between two of its own steps, which a long computation in compiled code
delays, and an exception raised inside a callback of a library may be swallowed there. So a second
thread receives the signal at once, and ends the process if it has not ended by itself in time.

The exit status is 128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# Seconds that a command has to end by itself.
GRACE = 0.5
_NOTHING = "nothing was kept; run the same command again to start over"
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(BaseException):
    """A signal to stop came. No KeyboardInterrupt, which libraries catch themselves."""


class _State:
    kept = _NOTHING
    signal: int | None = None
    reported = threading.Lock()  # taken by who prints the line, and never released


def keeps(what: str) -> None:
    """Say what the command under way keeps when it is stopped, and how to go on."""
    _State.kept = what


def tell() -> None:
    """Say in one line that the command was stopped and what is kept; once."""
    if not _State.reported.acquire(blocking=False):
        return
    # A progress bar may be on this line, with the cursor hidden. Writing needs no lock of Python's.
    start = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}antiscale: stopped; {_State.kept}\n".encode(errors="replace"))


def status() -> int:
    """The exit status of a command that was stopped."""
    return 128 + (_State.signal or signal.SIGINT)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within the block, signals to stop end the process as this module's docstring says."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.kept, _State.signal = _NOTHING, None
    if _State.reported.locked():
        _State.reported.release()
    read, write = os.pipe()
    os.set_blocking(write, False)
    threading.Thread(target=_watch, args=(read,), daemon=True).start()
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # What is ignored stays ignored (nohup).
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    unraisable = sys.unraisablehook
    sys.unraisablehook = _quietly(unraisable)
    for number in before:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        if _State.signal is None:
            signal.set_wakeup_fd(woken)
            sys.unraisablehook = unraisable
            for number, handler in before.items():
                signal.signal(number, handler)
            os.write(write, b"\0")
            os.close(write)


def _quietly(before: Callable[[Any], object]) -> Callable[[Any], None]:
    """A hook that says nothing of `Stopped` swallowed in a callback: the watcher ends us."""

    def hook(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Stopped):
            before(unraisable)

    return hook


def _stop(number: int, frame: FrameType | None) -> None:
    if _State.signal is not None:  # a second signal
        _end()
    _State.signal = number
    raise Stopped


def _watch(read: int) -> None:
    """Wait for a signal's number; end the process if it is still there after the grace."""
    heard = os.read(read, 1)
    if heard == b"\0":
        os.close(read)
        return
    if _State.signal is None:
        _State.signal = heard[0]
    time.sleep(GRACE)
    _end()


def _end() -> None:
    # Late: the first thing that a command does must be quick.
    folder = sys.modules.get("antiscale.core.folder")
    if folder is not None:
        # Rather before a file is written or after it than meanwhile.
        folder.WRITING.acquire(timeout=1.0)
    tell()
    os._exit(status())
