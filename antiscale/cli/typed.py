"""What was typed, as values; and the defaults that the help shows."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.sweeps.config import SweepConfig

DEFAULT = SweepConfig()


def number(flag: str, text: str | None) -> int | float | None:
    """A number as typed; 1e6 is as good as 1000000."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{flag} must be a number; got {shown(text)}") from None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def assignment(text: str, flag: str = "--set", example: str = "spread=0.5") -> tuple[str, Any]:
    """A name and its value from NAME=VALUE: JSON, a number, or numbers with commas."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"{flag} takes NAME=VALUE, e.g. {flag} {example}; got {shown(text)}")
    # float for .5 and inf, which are no JSON; and 0.5,0.5 is as good as [0.5,0.5].
    for read in (json.loads, float, lambda text: json.loads(f"[{text}]")):
        with contextlib.suppress(ValueError):
            return name.strip(), read(value)
    return name.strip(), value


def assign(options: dict[str, Any], key: str, texts: list[str] | None) -> None:
    """Put NAME=VALUE texts into the table `options[key]`, over what a file says there.

    Raises
    ------
    InputError
        If a text is no assignment, or the file has something else than a table there.
    """
    assigned = dict(assignment(text) for text in texts or [])
    if assigned:
        options[key] = validate.table(key, options.get(key, {})) | assigned
