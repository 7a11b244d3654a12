"""What a computation takes, against what this machine has.

Estimates are rough, from above by a factor of two or so: they are there to refuse what would end in
swapping, or in a killed process after a day, before anything is begun.
"""

import contextlib
import os
from pathlib import Path

from antiscale.core.errors import InputError

# Environment variables that override what is found.
GIB_VARIABLE, HOURS_VARIABLE = "ANTISCALE_GIB", "ANTISCALE_HOURS"
# Longer commands are refused as probable typing errors.
_HOURS = 48.0
_GIB = 2.0**30


def memory() -> float:
    """Bytes that there are, in the machine or in the container that holds us; inf if not known."""
    insisted = _insisted(GIB_VARIABLE)
    if insisted is not None:
        return insisted * _GIB
    found = float("inf")
    # Windows has no sysconf.
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found = float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroups 2 and 1
        with contextlib.suppress(OSError, ValueError):
            found = min(found, float((Path("/sys/fs/cgroup") / limit).read_text()))
    return found


def hours() -> float:
    """The most processor hours that one command may be expected to take."""
    return _insisted(HOURS_VARIABLE) or _HOURS


def require(what: str, lower: str, *, floats: float = 0.0, seconds: float = 0.0) -> None:
    """Raise InputError if `what` takes more than the machine has.

    Parameters
    ----------
    what
        What is to be computed, as the message names it.
    lower
        The options to lower, as the message names them.
    floats
        Numbers of eight bytes that are held at a time.
    seconds
        Processor seconds in all.
    """
    have, need = memory(), 8.0 * floats
    if need > 0.8 * have:
        raise InputError(
            f"{what} needs about {_amount(need / _GIB)} GiB of memory, this machine has "
            f"{_amount(have / _GIB)}; lower {lower} (to insist, set {GIB_VARIABLE})"
        )
    if seconds > 3600.0 * hours():
        raise InputError(
            f"{what} takes about {_amount(seconds / 3600.0)} processor hours, more than the "
            f"{_amount(hours())} allowed; lower {lower} (to insist, set {HOURS_VARIABLE})"
        )


def _insisted(variable: str) -> float | None:
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise InputError(f"{variable} must be a number > 0; got {text[:40]!r}")
    return value


def _amount(value: float) -> str:
    return f"{value:,.3g}" if value < 1e3 else f"{value:,.0f}" if value < 1e6 else f"{value:.0e}"
