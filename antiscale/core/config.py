"""Configurations: frozen dataclasses made from names and values, or from a TOML file."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown


def check_keys(cls: Any, keys: Iterable[str], what: str = "config key") -> None:
    """Raise InputError for a key that a configuration does not have, with the nearest one."""
    known = sorted(field.name for field in dataclasses.fields(cls))
    for key in keys:
        if key not in known:
            raise InputError(f"unknown {what} {shown(key)}{validate.nearest(key, known)}")


class FromMapping:
    """What all configurations share: they are built from names and values."""

    called: ClassVar[str] = "config key"

    def __new__(cls, *values: Any, **named: Any) -> Self:
        """Refuse unknown names before the constructor does, which knows no nearest one."""
        if values:
            raise InputError(
                f"{cls.__name__} takes names and values, e.g. {cls.__name__}(kappa=0.25), or "
                f"{cls.__name__}.from_mapping(...); got {shown(values[0])}"
            )
        check_keys(cls, named, cls.called)
        return super().__new__(cls)

    @classmethod
    def of(cls, given: Self | Mapping[str, Any] | None, **options: Any) -> Self:
        """Return a configuration as it is, or made of names and values; `options` replace some."""
        if isinstance(given, cls):
            return cls.from_mapping(vars(given) | options) if options else given
        mapping: Any = {} if given is None else given
        return cls.from_mapping({**mapping, **options} if isinstance(mapping, Mapping) else mapping)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build a configuration from names and values.

        Raises
        ------
        InputError
            For an unknown name, with the nearest known one, or a value that is not allowed.
        """
        if not isinstance(mapping, Mapping):
            raise InputError(
                f"{cls.__name__} is made of a table of names and values; got {shown(mapping)}"
            )
        check_keys(cls, mapping, cls.called)
        return cls(**mapping)


def writable(value: Any) -> Any:
    """Infinity and NaN as text, which JSON has no numbers for and NumPy reads back."""
    if isinstance(value, Mapping):
        return {key: writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [writable(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read_config(path: Path) -> dict[str, Any]:
    """Read a TOML file of configuration keys.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"config file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"config file {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"config file {path} is not valid TOML: {error}") from None
