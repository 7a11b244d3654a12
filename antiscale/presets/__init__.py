"""What the package has under a name: configurations, saved instances, example tables; and rows.

There is one copy, in the repository's experiments/ and figures/. A wheel carries it beside this
file (pyproject.toml says what); a clone and an editable install find it where it is.
"""

import difflib
import itertools
import os
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from antiscale.core.errors import InputError

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


class Kind(NamedTuple):
    """A kind of preset: what messages call it, its folder in experiments/, its files' ending."""

    called: str
    folder: str
    ending: str = ".toml"


KINDS: dict[str, Kind] = {
    "sweeps": Kind("sweep", "."),
    "grids": Kind("grid", "grids"),
    "searches": Kind("search", "searches"),
    "studies": Kind("study", "networks"),
    "figures": Kind("figure", "figures"),
    "examples": Kind("example", "rollouts"),
    "instances": Kind("saved instance", "certify/worst", ".json"),
}


class Example(NamedTuple):
    """A table of rollouts, and its names for our columns."""

    table: Path
    columns: dict[str, str]


def _installed() -> bool:
    return (_HERE / "default.toml").is_file()


def folder(kind: str) -> Path:
    """Return the folder in which presets of a kind are."""
    return (_HERE if _installed() else _ROOT / "experiments") / KINDS[kind].folder


def rows() -> Path:
    """Return the folder of the figures' rows, as the repository has them in figures/."""
    return _HERE / "rows" if _installed() else _ROOT / "figures"


def names(kind: str) -> list[str]:
    """Return the names of all presets of a kind."""
    return sorted(file.stem for file in folder(kind).glob(f"*{KINDS[kind].ending}"))


def summary(kind: str, name: str) -> str:
    """Return the first sentence of a preset's file, which says what it is."""
    lines = _preset(kind, name).read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    text = " ".join(line.removeprefix("# ") for line in comment)
    # A figure's number has a full stop too.
    return re.split(r"(?<=\.)(?<!Figure \d\.)(?<!Figure \d\d\.) ", text)[0]


def find(kind: str, value: str) -> Path:
    """Return the file that a value means: a path if it has a slash or the ending, else a preset.

    Raises
    ------
    InputError
        If there is no preset of this name, with the nearest one. A path is taken as it is.
    """
    ending = KINDS[kind].ending
    if Path(value).suffix == ending or any(sep in value for sep in (os.sep, os.altsep) if sep):
        return Path(value)
    return _preset(kind, value, f"; a file's name has a slash or ends in {ending}")


def example(name: str) -> Example:
    """Return an example table and its columns.

    Raises
    ------
    InputError
        If there is none of this name, with the nearest one.
    """
    file = _preset("examples", name)
    given: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return Example(file.with_suffix(".parquet"), given["columns"])


def _preset(kind: str, name: str, otherwise: str = "") -> Path:
    called, _, ending = KINDS[kind]
    known = names(kind)
    if name in known:
        return folder(kind) / f"{name}{ending}"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    listed = f"there are: {', '.join(known)}" if len(known) <= 20 else "antiscale info lists them"
    raise InputError(f"there is no {called} {name!r}{hint} {listed}{otherwise}")
