"""Figures from the repository alone: configuration, rows, picture, and what they were made of."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from antiscale import figures, presets
from antiscale.core.config import check_keys, read_config, writable
from antiscale.core.errors import InputError
from antiscale.core.folder import write_whole
from antiscale.core.provenance import versions
from antiscale.core.version import __version__
from antiscale.figures.sweeps import Progress
from antiscale.plots import style

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "antiscale.figure/1"
KINDS = ("png", "svg", "pdf")
# Exact columns are the same elsewhere but for this; a row's digits as they are written down.
TOLERANCE, DIGITS = 1e-9, "%.12g"


class Built(NamedTuple):
    """What became of a figure: "made", "redrawn" or "up to date", and its files."""

    name: str
    state: str
    files: list[Path]


class Difference(NamedTuple):
    """Where rows made anew differ from the committed ones."""

    name: str
    column: str
    row: int
    committed: Any
    found: Any
    inside: bool  # of the committed row's own interval


def configuration(name: str, folder: Path, *, fast: bool) -> Any:
    """Read a figure's configuration from folder/NAME.toml; its [smoke] table overrides if fast.

    Raises
    ------
    InputError
        If the file is missing, or holds an unknown key or a value that is not allowed.
    """
    cls = figures.module(name).Config
    file = folder / f"{name}.toml"
    given = read_config(file)
    smoke = given.pop("smoke", {})
    check_keys(cls, (*given, *smoke), f"key of {file}")
    merged = given | smoke if fast else given
    plain = {key: tuple(v) if isinstance(v, list) else v for key, v in merged.items()}
    try:
        return cls(**plain)
    except TypeError as error:
        raise InputError(f"{file}: {error}") from None


def plain(config: Any) -> Any:
    """A configuration as JSON has it."""
    return json.loads(json.dumps(writable(dataclasses.asdict(config))))


def build(
    name: str,
    configs: Path,
    out: Path,
    *,
    fast: bool = False,
    from_rows: bool = False,
    progress: Progress | None = None,
) -> Built:
    """Make a figure, unless its files are those of this configuration and this code.

    Parameters
    ----------
    name
        A key of `antiscale.figures.FIGURES`.
    configs, out
        Folders of the configurations and for the figures.
    fast
        The configuration's smoke variant.
    from_rows
        Draw from the rows of `kept`, whatever made them; compute nothing.
    progress
        Called after each step of the computation.
    """
    files = [out / f"{name}.{kind}" for kind in (*KINDS, "csv", "json")]
    config = configuration(name, configs, fast=fast)
    made_of = {"config": plain(config), "code": code_of(name)}
    if from_rows:
        source = kept(name, out, fast=fast)
        text = _stored(source)
        before = _manifest(source.with_suffix(".json"))
        made_of = {key: before[key] for key in made_of} if before else made_of
    else:
        before = _manifest(files[4])
        known = before is not None and all(before.get(k) == v for k, v in made_of.items())
        if known and all(file.exists() for file in files):
            assert before is not None
            if before["rows"] == _digest(_stored(files[3])):
                return Built(name, "up to date", files)
        rows = figures.module(name).rows(config, progress)
        text = rows.to_csv(index=False, float_format=DIGITS, lineterminator="\n")
        _begin(name, files, files)
        write_whole(files[3], text.encode())
        source = files[3]
    frame = _frame(source, text)
    try:
        figure = figures.module(name).draw(frame)
        note = figures.module(name).note(frame)
    except Exception as error:
        if not from_rows:
            raise
        raise InputError(
            f"{source} holds no rows of figure {name} ({type(error).__name__}: {error}); "
            f"make them with: antiscale figures {name}"
        ) from None
    if from_rows:
        # Whose the rows are does not matter.
        _begin(name, files, [file for file in files if file != source])
        if source != files[3]:
            write_whole(files[3], text.encode())
    for kind, content in style.encode(figure).items():
        write_whole(out / f"{name}.{kind}", content)
    manifest = {
        "schema": SCHEMA, "name": name, "number": figures.FIGURES[name].number,
        "title": figures.FIGURES[name].title, "note": note,
        **made_of, "rows": _digest(text), "version": __version__,
        "versions": versions(),
    }  # fmt: skip
    write_whole(files[4], (json.dumps(manifest, indent=1) + "\n").encode())
    return Built(name, "redrawn" if from_rows else "made", files)


def _begin(name: str, files: list[Path], written: list[Path]) -> None:
    """Refuse to replace files that are not of this figure; a manifest says whose they are."""
    found = _json(files[4])
    if isinstance(found, dict) and (found.get("schema"), found.get("name")) == (SCHEMA, name):
        return
    for file in written:
        if file.exists():
            raise InputError(
                f"{file} is there already and {files[4].name} does not say that it is of figure "
                f"{name}; move it away or choose another --out"
            )
    begun = {"schema": SCHEMA, "name": name, "status": "running"}
    write_whole(files[4], (json.dumps(begun, indent=1) + "\n").encode())


def check(
    name: str, configs: Path, out: Path, *, fast: bool = False, progress: Progress | None = None
) -> list[Difference]:
    """Compute a figure's rows anew and return where they differ from those of `kept`."""
    stored = kept(name, out, fast=fast)
    committed = _frame(stored, _stored(stored))
    rows = figures.module(name).rows(configuration(name, configs, fast=fast), progress)
    found = _frame(stored, rows.to_csv(index=False, float_format=DIGITS, lineterminator="\n"))
    if list(found.columns) != list(committed.columns) or len(found) != len(committed):
        return [Difference(name, "(shape)", -1, committed.shape, found.shape, inside=False)]
    return list(_differences(name, committed, found))


def kept(name: str, out: Path, *, fast: bool) -> Path:
    """Return the file of a figure's rows: in `out`, else (unless fast) antiscale's own."""
    here = out / f"{name}.csv"
    return here if fast or here.exists() else presets.rows() / here.name


def _differences(name: str, committed: pd.DataFrame, found: pd.DataFrame) -> list[Difference]:
    from pandas.api.types import is_numeric_dtype as is_number

    differ = []
    for column in committed.columns:
        for row, (old, new) in enumerate(zip(committed[column], found[column], strict=True)):
            if old == new or (old != old and new != new):
                continue
            numbers = isinstance(old, int | float | np.number) and isinstance(
                new, int | float | np.number
            )
            if numbers and abs(new - old) <= TOLERANCE * max(abs(old), abs(new)):
                continue
            stem = column.rsplit("_", 1)[0]
            ends = [f"{stem}_low", f"{stem}_high"]
            inside = bool(
                numbers
                and all(end in committed and is_number(committed[end]) for end in ends)
                and committed[ends[0]][row] <= new <= committed[ends[1]][row]
            )
            differ.append(Difference(name, column, row, old, new, inside))
    return differ


def code_of(name: str) -> str:
    """A digest of the source that a figure's rows and picture depend on.

    The figure's module and every module of antiscale that it imports, directly or not.
    """
    seen: dict[str, bytes] = {}
    waiting = [f"antiscale.figures.{name}"]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin).read_bytes()
        seen[module] = source
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("antiscale"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                waiting += [str(node.module), *(n for n in names if _is_module(n))]
            elif isinstance(node, ast.Import):
                waiting += [a.name for a in node.names if a.name.startswith("antiscale.")]
    # Imported for its version alone; what it gives access to is imported by name.
    seen.pop("antiscale", None)
    return _digest("".join(f"{key}\n{seen[key].decode()}" for key in sorted(seen)))


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stored(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file} does not exist; run antiscale figures without it first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None


def _manifest(file: Path) -> dict[str, Any] | None:
    """What a figure was made of; None if that is not known."""
    found = _json(file)
    good = isinstance(found, dict) and found.get("schema") == SCHEMA
    return found if good and {"config", "code", "rows"} <= set(found) else None


def _json(file: Path) -> Any:
    """A JSON file's content; None if it is not one."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _frame(file: Path, text: str) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(io.StringIO(text))
    except ValueError as error:  # pandas' own are of this kind
        raise InputError(f"{file} is no readable CSV file: {error}") from None
