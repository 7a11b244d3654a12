"""A figure from its configuration: rows, picture, and a manifest that says what they are of."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import runpy
from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure

from antiscale import figures, presets
from antiscale.core.config import check_keys, read_config, writable
from antiscale.core.errors import InputError
from antiscale.core.folder import of_command, write_whole
from antiscale.core.provenance import versions
from antiscale.core.version import __version__
from antiscale.figures import Progress
from antiscale.plots import style

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "antiscale.figure/2"
KINDS = ("png", "svg", "pdf")
# Exact columns are the same on other machines but for this.
TOLERANCE = 1e-9
# And but for this where a loss is 0 up to rounding.
ROUNDING = 1e-12


class Built(NamedTuple):
    """What became of a figure: "made", "redrawn" or "up to date", and its files."""

    name: str
    state: str
    files: list[Path]


class Difference(NamedTuple):
    """Where rows computed again differ from the committed ones."""

    name: str
    column: str
    row: int
    committed: Any
    found: Any
    inside: bool  # of the committed row's own interval


def configuration(name: str, folder: Path, *, fast: bool) -> Any:
    """Read a figure's configuration from folder/NAME.toml.

    `preset` names a configuration of the repository ("sweeps/default") that the others override;
    the [smoke] table overrides them if fast.

    Raises
    ------
    InputError
        If the file is missing, or holds an unknown key or a value that is not allowed.
    """
    cls = figures.module(name).Config
    file = folder / f"{name}.toml"
    given = read_config(file)
    smoke = given.pop("smoke", {})
    if "preset" in given:
        given = read_config(presets.find(*given.pop("preset").split("/"))) | given
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
    name: str, configs: Path, out: Path, *, fast: bool = False, from_rows: bool = False,
    progress: Progress = lambda done, total, what: None,
) -> Built:  # fmt: skip
    """Make a figure, unless its files are those of this configuration and these rows.

    Parameters
    ----------
    name
        One of `antiscale.figures.names()`.
    configs, out
        Folders of the configurations and for the figures.
    fast
        The configuration's smoke variant.
    from_rows
        Draw from the rows of `kept`, whatever made them; compute nothing.
    progress
        Called after each step of the computation.
    """
    record = figures.module(name).RECORD
    tables = [out / file for file in files_of(name)]
    manifest = out / f"{name}.json"
    config = plain(configuration(name, configs, fast=fast))
    source = kept(name, out, fast=fast) if from_rows else out
    known = _manifest(source / f"{name}.json")
    if from_rows:
        texts = {file.name: _stored(source / file.name) for file in tables}
        config = known["config"] if known else config
    else:
        if known is not None and known["config"] == config:
            files = [*(out / file for file in known["files"]), manifest]
            there = all(file.exists() for file in files)
            if there and known["rows"] == digest(_stored(file) for file in tables):
                return Built(name, "up to date", files)
        _refuse(name, manifest, [*tables, *(out / f"{name}.{kind}" for kind in KINDS)])
        rows = _computed(name)(configuration(name, configs, fast=fast), progress)
        texts = _written(name, rows)
        # Kept should drawing fail.
        _save(name, out, {file: text.encode() for file, text in texts.items()})
    try:
        rows = _read(name, source, texts)
        drawn = pictures(name, rows)
        note = figures.module(name).note(rows)
    except InputError:
        raise
    except Exception as error:
        if not from_rows:
            raise
        raise InputError(
            f"{source / tables[0].name} holds no rows of figure {name} ({type(error).__name__}: "
            f"{error}); make them with: antiscale figures {name}"
        ) from None
    content = {
        f"{picture}.{kind}": image for picture, figure in drawn.items()
        for kind, image in style.encode(figure, KINDS).items()
    }  # fmt: skip
    if source != out:
        content |= {file: text.encode() for file, text in texts.items()}
    _save(name, out, content)
    made = sorted({*content, *texts})
    about = {
        "number": record.number, "title": record.title, "note": note, "config": config,
        "rows": digest(texts.values()), "files": made, "version": __version__,
        "versions": versions(),
    }  # fmt: skip
    _write(manifest, name, about)
    state = "redrawn" if from_rows else "made"
    return Built(name, state, [*(out / file for file in made), manifest])


def _save(name: str, out: Path, content: dict[str, bytes]) -> None:
    """Write files; a manifest says first whose they are."""
    manifest = out / f"{name}.json"
    _refuse(name, manifest, [out / file for file in content])
    _write(manifest, name, {"status": "running"})
    for file, written in content.items():
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        write_whole(out / file, written)


def pictures(name: str, rows: Any) -> dict[str, Figure]:
    """The pictures of a figure's rows, by name."""
    drawn = figures.module(name).draw(rows)
    return drawn if isinstance(drawn, dict) else {name: drawn}


def files_of(name: str) -> tuple[str, ...]:
    """The files of a figure's rows."""
    return figures.module(name).RECORD.tables or (f"{name}.csv",)


def _computed(name: str) -> Callable[..., Any]:
    """The function that computes a figure's rows: its module's, or its script's."""
    script = figures.module(name).RECORD.script
    if script is None:
        return figures.module(name).rows
    file = presets.folder("sweeps").parent / script
    if not file.is_file():
        raise InputError(
            f"the rows of figure {name} are measured by {script} of the repository; draw those "
            f"that come with antiscale: antiscale figures {name} --from-rows"
        )
    try:
        return runpy.run_path(str(file))["rows"]
    except ModuleNotFoundError as error:
        raise InputError(
            f"figure {name} is measured with {error.name}, which is not installed; install it "
            f"with: pip install {error.name}"
        ) from None


def _written(name: str, rows: Any) -> dict[str, str]:
    """The rows as they are on disk, by file."""
    record = figures.module(name).RECORD
    tables = rows if record.tables else {f"{name}.csv": rows}

    def text(file: str) -> str:
        if file.endswith(".csv"):
            digits = record.digits
            return tables[file].to_csv(index=False, float_format=digits, lineterminator="\n")
        return json.dumps(tables[file], indent=1, allow_nan=False) + "\n"

    return {file: text(file) for file in files_of(name)}


def _read(name: str, folder: Path, texts: dict[str, str]) -> Any:
    """The rows as `draw` takes them: a table, or tables by file where there are several."""
    import pandas as pd

    found: dict[str, Any] = {}
    for file, text in texts.items():
        read = pd.read_csv if file.endswith(".csv") else json.load
        try:
            found[file] = read(io.StringIO(text))
        except ValueError as error:  # pandas' and json's own are of this kind
            raise InputError(f"{folder / file} is not a readable table: {error}") from None
    return found if figures.module(name).RECORD.tables else found[f"{name}.csv"]


def rows_of(name: str, folder: Path | None = None) -> Any:
    """Read a figure's rows from a folder, by default those that come with antiscale."""
    folder = folder or presets.rows()
    return _read(name, folder, {file: _stored(folder / file) for file in files_of(name)})


def check(
    name: str, configs: Path, out: Path, *, fast: bool = False,
    progress: Progress = lambda done, total, what: None,
) -> list[Difference]:  # fmt: skip
    """Compute a figure's rows and return where they differ from those of `kept`."""
    folder = kept(name, out, fast=fast)
    committed = _tables(name, rows_of(name, folder))
    rows = _computed(name)(configuration(name, configs, fast=fast), progress)
    found = _tables(name, _read(name, folder, _written(name, rows)))
    return [row for file, old in committed.items() for row in _differences(name, old, found[file])]


def kept(name: str, out: Path, *, fast: bool) -> Path:
    """Return the folder of a figure's rows: `out`, else (unless fast) that of antiscale's own."""
    here = all((out / file).exists() for file in files_of(name))
    return out if fast or here else presets.rows()


def _tables(name: str, rows: Any) -> dict[str, pd.DataFrame]:
    """The rows as tables; what is no table as a row of its leaves."""
    import pandas as pd

    tables = rows if figures.module(name).RECORD.tables else {"": rows}
    return {
        file: found if isinstance(found, pd.DataFrame) else pd.DataFrame([dict(_leaves(found))])
        for file, found in tables.items()
    }


def _leaves(value: Any, place: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, f"{place}.{key}")
    else:
        yield place, value


def _differences(name: str, committed: pd.DataFrame, found: pd.DataFrame) -> list[Difference]:
    if list(found.columns) != list(committed.columns) or len(found) != len(committed):
        return [Difference(name, "(shape)", -1, committed.shape, found.shape, inside=False)]
    differ = []
    for column in committed.columns:
        stem = column.rsplit("_", 1)[0]
        ends = [committed.get(f"{stem}_{end}") for end in ("low", "high")]
        for row, (old, new) in enumerate(zip(committed[column], found[column], strict=True)):
            if old == new or (old != old and new != new):
                continue
            numbers = isinstance(old, Real) and isinstance(new, Real)
            if numbers and math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=ROUNDING):
                continue
            low, high = (None if end is None else end[row] for end in ends)
            bounded = numbers and isinstance(low, Real) and isinstance(high, Real)
            inside = bool(bounded and low <= new <= high)
            differ.append(Difference(name, column, row, old, new, inside))
    return differ


def digest(texts: Iterable[str]) -> str:
    """Sixteen hexadecimal digits that name rows."""
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def _refuse(name: str, manifest: Path, files: Iterable[Path]) -> None:
    """Refuse to replace files that are not of this figure; a manifest says whose they are."""
    found = _json(manifest)
    # Of this version or an earlier one.
    if found.get("name") == name and of_command({"schema": None} | found, SCHEMA):
        return
    for file in files:
        if file.exists():
            raise InputError(
                f"{file} is there already and {manifest.name} does not say that it is of figure "
                f"{name}; move it away or choose another --out"
            )


def _write(manifest: Path, name: str, about: dict[str, Any]) -> None:
    content = {"schema": SCHEMA, "name": name} | about
    write_whole(manifest, (json.dumps(content, indent=1) + "\n").encode())


def _manifest(file: Path) -> dict[str, Any] | None:
    """What a figure was made of; None if that is not known."""
    found = _json(file)
    good = found.get("schema") == SCHEMA and {"config", "rows", "files"} <= set(found)
    return found if good else None


def _json(file: Path) -> dict[str, Any]:
    """A JSON file's object; empty if it has none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _stored(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file} does not exist; run antiscale figures without it first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
