"""What was typed, as values."""

import contextlib
import json
from typing import Any

from antiscale.core.errors import InputError
from antiscale.core.validate import shown


def number(flag: str, text: str) -> int | float:
    """A number as typed; 1e6 is as good as 1000000."""
    with contextlib.suppress(ValueError):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{flag} must be a number; got {shown(text)}") from None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _parts(texts: list[str]) -> list[str]:
    """Values given one by one or with commas."""
    return [part.strip() for text in texts for part in text.split(",")]


def numbers(flag: str, texts: list[str]) -> list[int | float]:
    """Numbers given one by one or with commas; what is empty is left out."""
    parts = _parts(texts)
    return [number(flag, part) for part in [part for part in parts if part] or parts]


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


def pairs(flag: str, texts: list[str]) -> dict[str, str]:
    """Pairs OURS=THEIRS, given one by one or with commas."""
    found: dict[str, str] = {}
    for pair in _parts(texts):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or not value:
            raise InputError(
                f"{flag} takes OURS=THEIRS, e.g. problem=task_id,length=n_tokens; got {shown(pair)}"
            )
        if name in found:
            raise InputError(f"{flag} names {name} twice")
        found[name] = value
    return found
