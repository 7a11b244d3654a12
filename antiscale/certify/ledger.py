"""The ledger of all attacks: tidy rows that add up, and the worst instance of each check.

ledger.csv                     one row per run and check
worst/T7b-any-labels.json      the worst instance known, for --replay
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import antiscale
from antiscale.bounds.registry import RESULTS
from antiscale.certify.attack import Found
from antiscale.certify.check import SLACK, Check, key_of
from antiscale.certify.checks import CHECKS
from antiscale.config import writable
from antiscale.errors import InputError
from antiscale.results import RunFolder

SCHEMA = "antiscale.certify/1"
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
    path
        The folder.
    rows
        One per run and check: `tried` instances within the result's assumptions, `violations`,
        the `worst` ratio, and the `median` ratio of the `sampled` instances drawn at random.
    worst
        By check: its worst instance, as in its file.
    """

    path: Path
    rows: list[dict[str, Any]]
    worst: dict[str, dict[str, Any]]

    def next_round(self, key: str, seed: int) -> int:
        """The first round of this check and seed that was never run."""
        check = CHECKS[key]
        done = [
            row["last_round"]
            for row in self.rows
            if (row["label"], row["arena"], row["seed"]) == (check.label, check.arena, seed)
        ]
        return max(done, default=-1) + 1

    def with_run(self, found: dict[str, Found], seed: int, rounds: dict[str, int]) -> Ledger:
        """The ledger with another run: `rounds` says how many rounds each check had."""
        rows, worst = list(self.rows), dict(self.worst)
        for key, attack in found.items():
            check, first = CHECKS[key], self.next_round(key, seed)
            rows.append(
                {
                    "label": check.label,
                    "arena": check.arena,
                    "version": antiscale.__version__,
                    "seed": seed,
                    "first_round": first,
                    "last_round": first + rounds[key] - 1,
                    "tried": attack.tried,
                    "violations": attack.violations,
                    "worst": attack.worst if attack.tried else 0.0,
                    "median": float(np.median(attack.ratios)) if attack.ratios else 0.0,
                    "sampled": len(attack.ratios),
                }
            )
            known = worst.get(key)
            if attack.instance is not None and (known is None or attack.worst > known["ratio"]):
                worst[key] = {
                    "schema": SCHEMA, "label": check.label, "arena": check.arena,
                    "direction": check.direction, "truth": check.by, "ratio": attack.worst,
                    "instance": attack.instance,
                }  # fmt: skip
        return Ledger(self.path, rows, worst)

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
            sampled = sum(row["sampled"] for row in rows)
            top = max(rows, key=lambda row: row["worst"])
            check = CHECKS[key_of(label, top["arena"])]
            found.append(
                {
                    "label": label,
                    "direction": check.direction,
                    "arenas": len({row["arena"] for row in rows}),
                    "tried": sum(row["tried"] for row in rows),
                    "violations": sum(row["violations"] for row in rows),
                    "worst": top["worst"],
                    "arena": top["arena"],
                    "truth": check.by,
                    "median": sum(row["median"] * row["sampled"] for row in rows) / sampled
                    if sampled
                    else None,
                }
            )
        return found

    def save(self) -> None:
        """Write everything, each file whole or not at all."""
        folder = RunFolder(self.path)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        for key, content in self.worst.items():
            body = json.dumps(writable(content), indent=1, allow_nan=False) + "\n"
            folder.write(f"worst/{key}.json", body.encode())
        folder.write("ledger.csv", text.getvalue().encode())


def read(path: Path) -> Ledger:
    """Read a folder's ledger; an empty one if there is none.

    Raises
    ------
    InputError
        If a file cannot be read or is damaged.
    """
    file = path / "ledger.csv"
    if not file.exists():
        return Ledger(path, [], {})
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = [
                {name: kind(row[name]) for name, kind in COLUMNS.items()}
                for row in csv.DictReader(stream)
            ]
        if {row["label"] for row in rows} - set(RESULTS):
            raise KeyError(file.name)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{file} is damaged; move it away to start a new ledger") from None
    # Arenas that are no more have had their day; their rows go with them.
    rows = [row for row in rows if key_of(row["label"], row["arena"]) in CHECKS]
    files = sorted((path / "worst").glob("*.json"))
    return Ledger(path, rows, {f.stem: read_worst(f) for f in files if f.stem in CHECKS})


def read_worst(file: Path) -> dict[str, Any]:
    """Read a saved instance.

    Raises
    ------
    InputError
        If the file is missing, or is no instance of a known check.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise KeyError(file.name)
        if set(check_of(content).genes) != set(content["instance"]):
            raise KeyError(file.name)
        content["ratio"] = float(content["ratio"])
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{file} is no saved instance of antiscale certify (of this version)"
        ) from None
    return content


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
        found = check.evaluate(content["instance"], RESULTS[check.label])
    except Exception as error:  # a file may hold anything; what fails stays attached as the cause
        raise InputError(
            f"the saved instance of {check.key} cannot be evaluated ({type(error).__name__}: "
            f"{error!s:.100}); it is damaged or of another version"
        ) from error
    ratio = check.ratio_of(found)
    crossed = ratio is not None and ratio > 1.0 + SLACK
    return *(found or (None, None)), ratio, crossed
