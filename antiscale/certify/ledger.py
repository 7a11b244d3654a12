"""The ledger of all attacks: tidy rows that add up, and the worst instance of each check.

ledger.csv                     one row per run and check; more where a run was cut short
worst/T7b-any-labels.json      the worst instance known, for --replay
unfinished/                    runs of so many rounds that have not ended
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from antiscale.certify.attack import Found
from antiscale.certify.check import SLACK, Check, key_of
from antiscale.certify.checks import CHECKS
from antiscale.certify.instances import Gene, Instance
from antiscale.certify.unfinished import Unfinished
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.folder import LOCK, locked, read_json, write_whole, writing
from antiscale.core.version import __version__
from antiscale.registry import RESULTS

SCHEMA = "antiscale.certify/1"
_HANDED_OUT = "handed_out.json"
# By check and seed: the first round that was not handed out.
_Handed = dict[str, dict[str, int]]
# Seconds to wait for another run that is writing; each writes for milliseconds.
_PATIENCE = 60.0
COLUMNS: dict[str, type] = {
    "label": str, "arena": str, "version": str, "seed": int, "first_round": int,
    "last_round": int, "tried": int, "violations": int, "worst": float, "median": float,
    "sampled": int,
}  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """The rows and worst instances of one folder.

    Attributes
    ----------
    rows
        One per run and check: `tried` instances within the result's assumptions, `violations`,
        the `worst` ratio, and the `median` ratio of the `sampled` instances drawn at random.
    worst
        By check: its worst instance, as in its file.
    """

    rows: list[dict[str, Any]]
    worst: dict[str, dict[str, Any]]

    def next_round(self, key: str, seed: int) -> int:
        """The first round of this check and seed that was never run."""
        mine = [row for row in self.rows if row["seed"] == seed and check_of(row).key == key]
        return max((row["last_round"] for row in mine), default=-1) + 1

    def summary(self) -> list[dict[str, Any]]:
        """One row per result: all its runs and arenas added up.

        `median` is the mean of the runs' medians, weighted by what each sampled; `arena` and
        `truth` are those of the worst instance.
        """
        found = []
        for label in RESULTS:
            rows = [row for row in self.rows if row["label"] == label]
            if not rows:
                continue
            tried, violations, sampled = (
                sum(row[name] for row in rows) for name in ("tried", "violations", "sampled")
            )
            top = max(rows, key=lambda row: row["worst"])
            medians = sum(row["median"] * row["sampled"] for row in rows)
            found.append({
                "label": label, "direction": check_of(top).direction,
                "arenas": len({row["arena"] for row in rows}), "tried": tried,
                "violations": violations, "worst": top["worst"], "arena": top["arena"],
                "truth": check_of(top).by, "median": medians / sampled if sampled else None,
            })  # fmt: skip
        return found


class Record:
    """One run's part of a ledger on disk, written round by round beside those of other runs.

    Rounds of a check and seed are handed out under the folder's lock, so that runs at the same time
    share no round. A run that ends early leaves a gap: its rounds that were handed out and never
    finished. Each stretch of rounds without a gap is a row, so a whole run is one row per check.
    A run of so many rounds is taken up by the next that asks for the same, and leaves no gap then.
    """

    def __init__(self, path: Path, seed: int, keys: Sequence[str], rounds: int | None) -> None:
        """Take up the folder's ledger, or begin one; with `rounds`, so many for every check.

        With `rounds`, a run of the same seed, checks and rounds that was stopped is taken up.

        Raises
        ------
        InputError
            If the folder cannot be written, or holds anything but a ledger.
        """
        self.path, self.seed, self.keys = path, seed, list(keys)
        self._rounds: dict[str, dict[int, Found]] = {key: {} for key in keys}
        self._mine: dict[str, tuple[int, int]] = {}  # the block of rounds now handed out
        self._blocks: dict[str, list[tuple[int, int]]] = {key: [] for key in keys}
        self._worst: dict[str, dict[str, Any]] = {}  # as this run wrote them
        self._run: Unfinished | None = None
        _refuse_others(path)
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not (path / "ledger.csv").exists():
                _write_rows(path, [])
            self.known = read(path)
            if rounds is not None:
                self._run = self._taken_up(rounds) or self._begun(rounds)

    def start(self, key: str) -> Instance | None:
        """The worst instance of a check that was known when the run began."""
        if self._run is not None:
            return self._run.starts[key]
        worst: Instance | None = self.known.worst.get(key, {"instance": None})["instance"]
        return worst

    def finished(self, key: str) -> int:
        """How many rounds of a check this run has finished."""
        return len(self._rounds[key])

    def next_round(self, key: str) -> int:
        """Hand out the next round of a check."""
        first, last = self._mine.get(key, (0, -1))
        while first <= last and first in self._rounds[key]:  # before the run was stopped
            first += 1
        if first > last:
            with self._locked():
                handed = _read_handed(self.path)
                self.known = replace(self.known, rows=read_rows(self.path))
                # Few blocks, so that two runs at once leave few rows.
                self._hand_out(handed, key, 4 << len(self._blocks[key]))
                _write_handed(self.path, handed)
            first, last = self._mine[key]
        self._mine[key] = first + 1, last
        return first

    def keep(self, key: str, number: int, found: Found) -> None:
        """Add a finished round and write it down."""
        self._rounds[key][number] = found
        if self._run is not None:
            self._run.add(key, number, found)
        with self._locked():
            self._keep_worst(key)
            self._write()

    def finish(self) -> tuple[Ledger, dict[str, Found]]:
        """Return rounds that were handed out and not run; the ledger now, and what this run found.

        Each result is of the rounds in the order of their numbers, not of their ends.
        """
        with self._locked():
            handed = _read_handed(self.path)
            for key, (first, last) in self._mine.items():
                # Others may have rounds that were not run unless later ones are out.
                if first <= last and handed.get(key, {}).get(str(self.seed)) == last + 1:
                    handed[key][str(self.seed)] = first
            ledger = read(self.path)
            for key, seeds in handed.items():
                handed[key] = {
                    seed: number
                    for seed, number in seeds.items()
                    if key in CHECKS and number > ledger.next_round(key, int(seed))
                }  # what the ledger's rows do not say
            _write_handed(self.path, {key: seeds for key, seeds in handed.items() if seeds})
            if self._run is not None:
                self._run.remove()
        return ledger, {key: self.found(key) for key in self.keys}

    def close(self) -> None:
        """Leave a run that has not ended to the next one that asks for the same."""
        if self._run is not None:
            self._run.close()

    def found(self, key: str) -> Found:
        """What this run found of a check so far."""
        return Found.together(found for _, found in sorted(self._rounds[key].items()))

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path, _PATIENCE)

    def _asked(self, rounds: int) -> dict[str, Any]:
        asked = {"seed": self.seed, "rounds": rounds, "checks": self.keys}
        return {"version": __version__} | asked

    def _begun(self, rounds: int) -> Unfinished:
        handed = _read_handed(self.path)
        for key in self.keys:
            self._hand_out(handed, key, rounds)
        _write_handed(self.path, handed)
        first = {key: first for key, (first, _) in self._mine.items()}
        worst = self.known.worst
        starts = {key: worst[key]["instance"] if key in worst else None for key in self.keys}
        return Unfinished.begin(self.path, self._asked(rounds), first, starts)

    def _taken_up(self, rounds: int) -> Unfinished | None:
        run = Unfinished.take_up(self.path, self._asked(rounds))
        if run is None:
            return None
        self._rounds |= run.rounds
        for key, first in run.first.items():
            self._mine[key] = first, first + rounds - 1
            self._blocks[key] = [self._mine[key]]
            # The worst instance in the folder may be one that this run wrote.
            if (known := self.known.worst.get(key)) is not None and any(
                (found.worst, found.instance) == (known["ratio"], known["instance"])
                for found in self._rounds[key].values()
            ):
                self._worst[key] = known
            self._keep_worst(key)
        self._write()  # of its last round it may not have come to that
        return run

    def _hand_out(self, handed: _Handed, key: str, count: int) -> None:
        seeds, seed = handed.setdefault(key, {}), str(self.seed)
        first = max(self.known.next_round(key, self.seed), seeds.get(seed, 0))
        seeds[seed] = first + count
        self._mine[key] = first, first + count - 1
        self._blocks[key].append(self._mine[key])

    def _write(self) -> None:
        """Write all rows: those of others as they are, ours in the order of the checks."""
        rows = [
            row
            for row in read_rows(self.path)
            if row["seed"] != self.seed
            or not any(
                first <= row["first_round"] <= last
                for first, last in self._blocks.get(check_of(row).key, [])
            )
        ]
        for key, rounds in self._rounds.items():
            # Of rounds without a gap each one's number and its place differ by the same.
            numbers = enumerate(sorted(rounds))
            for _, stretch in itertools.groupby(numbers, lambda item: item[1] - item[0]):
                run = [number for _, number in stretch]
                found = Found.together(rounds[number] for number in run)
                rows.append(_row(CHECKS[key], self.seed, run[0], run[-1], found))
        _write_rows(self.path, rows)

    def _keep_worst(self, key: str) -> None:
        """Write the worst instance down if no other run knows a worse one."""
        check, found = CHECKS[key], self.found(key)
        if found.instance is None:
            return
        file = self.path / "worst" / f"{key}.json"
        known = read_worst(file) if file.exists() else None
        # Of equal ones, the first by number stays, whichever ended first.
        mine = known is not None and known == self._worst.get(key)
        if known is not None and not mine and found.worst <= known["ratio"]:
            return
        content = {
            "schema": SCHEMA, "label": check.label, "arena": check.arena,
            "direction": check.direction, "truth": check.by, "ratio": found.worst,
            "instance": found.instance,
        }  # fmt: skip
        if content != known:
            body = json.dumps(writable(content), indent=1, allow_nan=False) + "\n"
            write_whole(file, body.encode())
            self._worst[key] = read_worst(file)


def _read_handed(path: Path) -> _Handed:
    """Which rounds were handed out; the file is there as long as the rows do not say it."""
    file = path / _HANDED_OUT
    if not file.exists():
        return {}
    found = read_json(file)
    try:
        return {k: {s: int(n) for s, n in seeds.items()} for k, seeds in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{file} is damaged; delete it when no certify runs") from None


def _write_handed(path: Path, handed: _Handed) -> None:
    if any(handed.values()):
        write_whole(path / _HANDED_OUT, (json.dumps(handed, indent=1) + "\n").encode())
    else:
        (path / _HANDED_OUT).unlink(missing_ok=True)


def _row(check: Check, seed: int, first: int, last: int, found: Found) -> dict[str, Any]:
    values = (
        check.label, check.arena, __version__, seed, first, last, found.tried, found.violations,
        found.worst if found.tried else 0.0,
        float(np.median(found.ratios)) if found.ratios else 0.0, len(found.ratios),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path / "ledger.csv", text.getvalue().encode())


def _refuse_others(path: Path) -> None:
    with writing(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; choose another folder with --out")
        names = {file.name for file in path.iterdir()} if path.is_dir() else set()
    if "ledger.csv" not in names and names - {LOCK}:
        raise InputError(
            f"{path} holds files but no ledger.csv, so it is not a ledger of antiscale certify; "
            "choose another --out"
        )


def read(path: Path) -> Ledger:
    """Read a folder's ledger; an empty one if there is none.

    Raises
    ------
    InputError
        If a file cannot be read or is damaged.
    """
    rows = read_rows(path)
    files = sorted((path / "worst").glob("*.json")) if (path / "ledger.csv").exists() else []
    return Ledger(rows, {f.stem: read_worst(f) for f in files if f.stem in CHECKS})


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a folder's rows; none if there is no ledger."""
    file = path / "ledger.csv"
    if not file.exists():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = [
                {name: kind(row[name]) for name, kind in COLUMNS.items()}
                for row in csv.DictReader(stream)
            ]
        if {row["label"] for row in rows} - set(RESULTS):
            raise KeyError(file.name)
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise InputError(f"{file} is damaged; move it away to start a new ledger") from None
    # Rows of arenas that no longer exist are dropped.
    return [row for row in rows if key_of(row["label"], row["arena"]) in CHECKS]


def read_worst(file: Path) -> dict[str, Any]:
    """Read a saved instance.

    Raises
    ------
    InputError
        If the file is missing, or is no instance of a known check.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        check, instance = check_of(content), content["instance"]
        content["ratio"] = float(content["ratio"])
        if (
            (content["schema"], content["direction"]) != (SCHEMA, check.direction)
            or set(check.genes) != set(instance)
            or not all(_allowed(gene, instance[name]) for name, gene in check.genes.items())
            or math.isnan(content["ratio"])
            or not isinstance(content["truth"], str)
        ):
            raise ValueError(file.name)
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
            RecursionError):  # fmt: skip
        raise InputError(
            f"{file} is no saved instance of antiscale certify (of this version)"
        ) from None
    return content


def _allowed(gene: Gene, value: Any) -> bool:
    """Whether a value is one that the gene may have: the nearest allowed one is itself."""
    with np.errstate(all="ignore"):
        tidied = gene.tidy(value)
    if isinstance(value, dict):
        return tidied == value
    if isinstance(value, str | bool) or tidied is value:
        return tidied == value
    there = np.asarray(value, dtype=float), np.asarray(tidied, dtype=float)
    return there[0].shape == there[1].shape and np.allclose(*there, rtol=1e-6, atol=1e-12)


def check_of(content: dict[str, Any]) -> Check:
    """The check that a saved instance belongs to."""
    return CHECKS[key_of(content["label"], content["arena"])]


def replay(content: dict[str, Any]) -> tuple[float | None, float | None, float | None, bool]:
    """Bound, truth and ratio of a saved instance now, and whether its bound is crossed.

    Raises
    ------
    InputError
        If the instance holds what its check could not have drawn.
    """
    check = check_of(content)
    try:
        with np.errstate(all="ignore"):
            found = check.evaluate(content["instance"])
    except InputError:
        raise
    except Exception as error:  # a file may hold anything; what fails stays attached as the cause
        raise InputError(
            f"the saved instance of {check.key} cannot be evaluated ({type(error).__name__}: "
            f"{error!s:.100}); it is damaged or of another version"
        ) from error
    ratio = check.ratio_of(found)
    crossed = ratio is not None and ratio > 1.0 + SLACK
    return *(found or (None, None)), ratio, crossed
