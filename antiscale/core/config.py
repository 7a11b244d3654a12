"""Configurations: frozen dataclasses made from names and values, or from a TOML file.

Each field says once what it allows and how the command line takes it (`option`); the class's
docstring describes it, for the reader of the code and of `--help` alike.
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown


def check_keys(
    cls: Any, keys: Iterable[str], what: str = "config key", also: Iterable[str] = ()
) -> None:
    """Raise InputError for a key that a configuration does not have, with the nearest one.

    `also` are other names that are allowed.
    """
    known = sorted([*(field.name for field in dataclasses.fields(cls)), *also])
    validate.keys(f"unknown {what}", keys, known)


def option(
    default: Any = dataclasses.MISSING, check: Callable[..., Any] | None = None, metavar: str = "",
    *, flag: str = "", group: str = "", via: str = "", argument: bool = False,
    order: Callable[[list[Any]], list[Any]] = list, **limits: Any,
) -> Any:  # fmt: skip
    """Return a dataclass field that says what it allows and how the command line takes it.

    Parameters
    ----------
    default
        The default, which is not checked if it is None; the class `dict` for an empty table.
    check, limits
        Called with the field's name, a value and these limits; returns the value that is kept, or
        raises InputError.
    metavar
        Name of the value in `--help`.
    flag
        Names of the option, if not the field's own with dashes.
    group
        Heading under which `--help` lists the option.
    via
        The command line's option NAME=VALUE that sets this field, if it has none of its own.
    argument
        Whether the command line takes it by position.
    order
        Applied to several numbers from the command line.
    """
    checked = None if check is None else functools.partial(check, **limits)
    about = {
        "check": checked, "metavar": metavar, "flag": flag, "group": group, "via": via,
        "argument": argument, "order": order,
    }  # fmt: skip
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata=about)
    return dataclasses.field(default=default, metadata=about)


def type_of(field: dataclasses.Field[Any]) -> str:
    """Return a field's type as it is written: "int | None", "Mapping[str, Any]"."""
    return re.sub(r"(collections\.abc|typing)\.|'", "", inspect.formatannotation(field.type))


def described(cls: type) -> dict[str, str]:
    """Return the descriptions in a class's docstring by the line above each, usually a name."""
    lines = (inspect.getdoc(cls) or "").splitlines()
    if "Parameters" not in lines:
        return {}
    found: dict[str, str] = {}
    for line in lines[lines.index("Parameters") + 2 :]:
        # Names are at the margin, their descriptions are indented below them.
        if line[:1].strip():
            name = line.strip()
        elif line.strip():
            found[name] = f"{found.get(name, '')} {line.strip()}".lstrip()
    return found


class FromMapping:
    """What all configurations share: built from names and values, each checked by its field."""

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

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value, check = getattr(self, field.name), field.metadata.get("check")
            if check is not None and not (value is None and field.default is None):
                self._put(field.name, check(self.said(field.name), value))
        self.agree()

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @staticmethod
    def said(name: str) -> str:
        """Return what messages call a field."""
        return name

    def agree(self) -> None:
        """Refuse values that do not go together, each being allowed by itself."""

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, for JSON and TOML."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: writable(getattr(self, field.name)) for field in fields}

    @classmethod
    def of(cls, given: Self | Mapping[str, Any] | None, **options: Any) -> Self:
        """Return a configuration as it is, or made of names and values; `options` replace some."""
        if isinstance(given, cls):
            fields = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}  # type: ignore[arg-type]
            return cls.from_mapping(fields | options) if options else given
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


def fingerprint(*parts: Any) -> str:
    """Return twelve hexadecimal digits that name plain values."""
    text = json.dumps(parts, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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
