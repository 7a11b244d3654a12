"""Two runs side by side: their settings, code and versions, and which results differ.

A sampled value differs where a two-sample t-test says so at a chance of `CHANCE` over all
comparisons together (Bonferroni): two runs that differ in their seed alone are judged different
that rarely. An exact value differs where it is off by more than rounding.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scipy import special

from antiscale.core.intervals import LEVEL
from antiscale.core.numbers import fixed, setting
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.folder import RunFolder
from antiscale.sweeps.rows import settings_of

SCHEMA = "antiscale.diff/1"

# Chance that runs which differ in their seed alone are judged different, over all comparisons.
CHANCE = 1e-3
# Rounding: of an exact value relative to itself, and of anything relative to the horizon.
RELATIVE, OF_HORIZON = 1e-9, 1e-12

# Estimates whose intervals are not made for a test: a maximum's bootstrap, order statistics.
_NOT_JUDGED = ("vf_sup", "vb_sup", "vf_quantile", "vb_quantile")
# The risk that is shown, and its interval: exact where it is known, else the sampled one.
_REPEATED = tuple(f"{side}_loss{end}" for side in ("vf", "vb") for end in ("", "_low", "_high"))


@dataclass(frozen=True)
class Change:
    """A setting that is not the same in both runs; None where a run has none."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True)
class Difference:
    """One value that is not the same in both runs.

    Attributes
    ----------
    horizon, n, noise
        The cell.
    column
        Of the rows.
    kind
        "sampled"; "exact"; "unjudged", for an estimate whose interval serves no test; "text".
    first, second
        The values.
    first_interval, second_interval
        The ends of their 99% intervals, for estimates.
    z
        The difference over its standard error, for sampled values; None where that is zero.
    relative
        |first - second| over the larger, for exact values; None where one is missing.
    beyond
        Whether the difference is more than chance or rounding explains.
    """

    horizon: int
    n: int
    noise: float
    column: str
    kind: str
    first: Any
    second: Any
    first_interval: tuple[float, float] | None = None
    second_interval: tuple[float, float] | None = None
    z: float | None = None
    relative: float | None = None
    beyond: bool = False


@dataclass(frozen=True)
class Comparison:
    """What changed between two runs.

    Attributes
    ----------
    config, versions, code
        Settings, versions of libraries, and commit, device and schema that are not the same.
    only_first, only_second
        Cells (H, n, noise) that only one run has.
    columns_first, columns_second
        Columns that only one run has.
    cells, sampled, exact
        How many cells are in both, and how many sampled and exact values were compared.
    limit
        The |z| beyond which a sampled value differs: Student's, with the freedom of the run that
        has fewer replicates.
    largest
        The largest |z| found.
    differences
        Every value that is not the same, beyond chance or not.
    exponents
        Fitted exponents of both runs with their intervals, and theory's, by name.
    note
        A caution about the comparison; None if there is none.
    """

    config: list[Change]
    versions: list[Change]
    code: list[Change]
    only_first: list[tuple[int, int, float]]
    only_second: list[tuple[int, int, float]]
    columns_first: list[str]
    columns_second: list[str]
    cells: int
    sampled: int
    exact: int
    limit: float | None
    largest: float | None
    differences: list[Difference]
    exponents: dict[str, list[dict[str, Any]]]
    note: str | None

    @property
    def beyond(self) -> list[Difference]:
        """The differences that chance and rounding do not explain."""
        return [difference for difference in self.differences if difference.beyond]

    @property
    def differs(self) -> bool:
        """Whether results differ: values beyond their intervals, or cells that only one run has."""
        return bool(self.beyond or self.only_first or self.only_second)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `antiscale diff --json` prints."""
        about = {"schema": SCHEMA, "differs": self.differs, "chance": CHANCE}
        return about | dataclasses.asdict(self)


def compare(first: RunFolder, second: RunFolder) -> Comparison:
    """Compare two complete runs, as `antiscale.sweeps.folder.read_run` opens them.

    Cells are matched by (H, n), and by noise where it varies. Standard errors are the rows' own; in
    runs of before they were kept, half of Student's interval over its quantile.
    """
    results = first.result(), second.result()
    tables = [{_key(row): row for row in result["rows"]} for result in results]
    shared = [place for place in tables[0] if place in tables[1]]
    repeats = [int(result["config"]["repeats"]) for result in results]
    pairs = [(tables[0][place], tables[1][place]) for place in shared]
    columns = [list(result["rows"][0]) for result in results]
    sampled = list(_sampled(pairs, repeats))
    judged = [difference for difference in sampled if difference.kind == "sampled"]
    limit = float(-special.stdtrit(min(repeats) - 1, CHANCE / max(len(judged), 1) / 2))
    sampled = [dataclasses.replace(found, beyond=_differs(found, limit)) for found in sampled]
    exact = list(_exact(pairs))
    sizes = [abs(difference.z) for difference in judged if difference.z is not None]
    fits, kept = [result["fit"] for result in results], ("estimate", "low", "high", "theory")
    return Comparison(
        config=_changes(*(_settings(result) for result in results)),
        versions=_changes(*(dict(run.manifest.get("versions", {})) for run in (first, second))),
        code=_changes(*(_code(run.manifest) for run in (first, second))),
        only_first=[place for place in tables[0] if place not in tables[1]],
        only_second=[place for place in tables[1] if place not in tables[0]],
        columns_first=[name for name in columns[0] if name not in columns[1]],
        columns_second=[name for name in columns[1] if name not in columns[0]],
        cells=len(shared), sampled=len(judged), exact=sum(d.kind == "exact" for d in exact),
        limit=limit if judged else None, largest=max(sizes, default=None),
        differences=[d for d in (*sampled, *exact, *_texts(pairs)) if d.first != d.second],
        exponents={
            name: [{key: fit[name][key] for key in kept} for fit in fits]
            for name in fits[0] if name in fits[1]
        },
        note=_note(pairs),
    )  # fmt: skip


def _place(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["horizon"], row["n"], row["noise"]


def _key(row: dict[str, Any]) -> tuple[int, int, float]:
    """What a cell is matched by: noise counts as its place only where it varies."""
    return row["horizon"], row["n"], row["noise"] if row["vary"] == "noise" else 0.0


def _changes(first: dict[str, Any], second: dict[str, Any]) -> list[Change]:
    names = dict.fromkeys([*first, *second])
    changes = (Change(name, first.get(name), second.get(name)) for name in names)
    return [change for change in changes if change.first != change.second]


def _settings(result: dict[str, Any]) -> dict[str, Any]:
    """The configuration, its family's parameters as they were settled when the run was made."""
    settings = dict(result["config"])
    row = result["rows"][0]
    settings["reward_class"] = row["reward_class"]
    settings = {k: v for k, v in settings.items() if k not in ("prompts", "styles")}
    for name in ("parameters", "class_parameters"):
        del settings[name]
        settings |= {f"{name}.{key}": value for key, value in json.loads(row[name]).items()}
    return settings


def _code(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: manifest.get(name) for name in ("schema", "git_commit", "device")}


def _own(row: dict[str, Any]) -> list[str]:
    """The columns of what was found in a cell: not the configuration, its place or its sweep."""
    known = {"config_hash", "horizon", "n", "noise", *settings_of(SweepConfig().to_dict())}
    return [name for name in row if name not in known and not name.endswith("_slope_theory")]


def _estimates(row: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Name of each sampled value, and of its interval's ends."""
    bases = [name.removesuffix("_mean") for name in row if name.endswith("_mean")]
    found = {f"{base}_mean": (f"{base}_low", f"{base}_high") for base in bases}
    found = {name: ends for name, ends in found.items() if ends[0] in row and ends[1] in row}
    return found | {"gap_measured": ("gap_low", "gap_high")}


def _sampled(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]], repeats: list[int]
) -> Iterator[Difference]:
    quantiles = [float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) for count in repeats]
    for a, b in pairs:
        for name, (low, high) in _estimates(a).items():
            if name not in b:
                continue
            ends = [(row[low], row[high]) for row in (a, b)]
            kept = name.removesuffix("_mean").removesuffix("_measured") + "_error"
            errors = [
                row[kept] if kept in row else (end[1] - end[0]) / 2 / quantile
                for row, end, quantile in zip((a, b), ends, quantiles, strict=True)
            ]
            error = math.hypot(*errors)
            judged = name.removesuffix("_mean") not in _NOT_JUDGED
            yield Difference(
                *_place(a), name, "sampled" if judged else "unjudged", a[name], b[name],
                first_interval=ends[0], second_interval=ends[1],
                z=(a[name] - b[name]) / error if error > 0 and judged else None,
            )  # fmt: skip


def _differs(found: Difference, limit: float) -> bool:
    """Whether two means differ by more than chance, and by more than rounding."""
    if found.kind != "sampled" or abs(found.first - found.second) <= RELATIVE * found.horizon:
        return False
    return found.z is None or abs(found.z) > limit


def _exact(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Iterator[Difference]:
    """Numbers that are not sampled. Among them are those of hard experts, which are drawn."""
    for a, b in pairs:
        estimates = _estimates(a)
        taken = {*estimates, *(end for ends in estimates.values() for end in ends)}
        for name in _own(a):
            values = a[name], b.get(name)
            if name in taken or name not in b or any(isinstance(v, str) for v in values):
                continue
            x, y = values
            # The risk shown repeats the exact or the sampled one; its error was used for z.
            if name.endswith(("_reason", "_name", "_error", "_coarse")) or name in _REPEATED:
                continue
            if x is None or y is None:
                # How much work exact risks may take is a setting, not a result.
                free = name.endswith("_exact") and a["exact"] != b["exact"]
                relative, beyond = None, (x is None) != (y is None)
            else:
                free = name.endswith("_upper") and name.startswith("vf") and _drawn_apart(a, b)
                off, larger = abs(x - y), max(abs(x), abs(y))
                relative = off / larger if larger > 0 else 0.0
                beyond = off > RELATIVE * larger + OF_HORIZON * a["horizon"]
            kind = "unjudged" if free else "exact"
            beyond = beyond and not free
            yield Difference(*_place(a), name, kind, x, y, relative=relative, beyond=beyond)


def _drawn_apart(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether the bound is an average over experts that the two runs drew differently."""
    return "hard" in (a["expert"], b["expert"]) and (
        (a["seed"], a["repeats"]) != (b["seed"], b["repeats"])
    )


def _texts(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Iterator[Difference]:
    for a, b in pairs:
        for name in _own(a):
            if name in b and any(isinstance(row[name], str) for row in (a, b)):
                yield Difference(*_place(a), name, "text", a[name], b[name])


def _note(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> str | None:
    """Why results may differ though the same was asked for."""
    sampled = any(
        a["seed"] != b["seed"] and not (a["rewards_whole_class"] and b["rewards_whole_class"])
        for a, b in pairs
    )
    if not sampled:
        return None
    return (
        "The seeds differ, and so may the stated rewards, which are drawn where the class is "
        "large: each run's losses and bounds are the worst over its own."
    )


def reading(found: Comparison) -> str:
    """Say in plain words whether the results differ, and how that was judged."""
    count, beyond = found.sampled, found.beyond
    sampled = sum(difference.kind == "sampled" for difference in beyond)
    exact = len(beyond) - sampled
    if not found.cells:
        return "The runs have no cell (H, n) in common, so no value can be compared."
    largest, limit = fixed(found.largest, 2), fixed(found.limit, 2)
    cells = f"{found.cells} cell{'s' if found.cells > 1 else ''} in common"
    judged = (
        f"largest |z| {largest}, limit {limit}: runs that differ in their seed alone pass it with "
        f"probability at most {setting(CHANCE)}"
    )
    if not beyond:
        return (
            f"Nothing differs beyond its interval: {cells}, {count} sampled values ({judged}) and "
            f"{found.exact} exact ones, equal but for rounding."
        )
    return (
        f"{sampled} of {count} sampled values differ beyond their intervals ({judged}) and {exact} "
        f"of {found.exact} exact ones by more than rounding, over {cells}."
    )
