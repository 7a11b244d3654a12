"""The ledger of all attacks: tidy rows that add up, and the worst instance of each result.

ledger.csv      one row per (label, seed, rounds of one run)
worst/T7b.json  the worst instance known, for --replay
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
from antiscale.certify.attack import Found, minimise
from antiscale.certify.checks import CHECKS, SLACK
from antiscale.certify.genes import Instance
from antiscale.config import writable
from antiscale.errors import InputError
from antiscale.results import RunFolder

SCHEMA = "antiscale.certify/1"
COLUMNS = (
    "label", "version", "seed", "first_round", "last_round", "tried", "violations", "worst",
    "median", "sampled",
)  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """The rows and worst instances of one folder."""

    path: Path
    rows: list[dict[str, Any]]
    worst: dict[str, dict[str, Any]]

    def next_round(self, label: str, seed: int) -> int:
        """The first round of this seed that was never run."""
        done = [r["last_round"] for r in self.rows if (r["label"], r["seed"]) == (label, seed)]
        return max(done, default=-1) + 1

    def with_run(self, found: dict[str, Found], seed: int, rounds: dict[str, int]) -> Ledger:
        """The ledger with another run: `rounds` says how many rounds each label had."""
        rows, worst = list(self.rows), dict(self.worst)
        for label, attack in found.items():
            first = self.next_round(label, seed)
            rows.append(
                {
                    "label": label,
                    "version": antiscale.__version__,
                    "seed": seed,
                    "first_round": first,
                    "last_round": first + rounds[label] - 1,
                    "tried": attack.tried,
                    "violations": attack.violations,
                    "worst": attack.worst if attack.tried else 0.0,
                    "median": float(np.median(attack.ratios)) if attack.ratios else 0.0,
                    "sampled": len(attack.ratios),
                }
            )
            known = worst.get(label)
            if attack.instance is not None and (known is None or attack.worst > known["ratio"]):
                worst[label] = {
                    "schema": SCHEMA, "label": label, "direction": CHECKS[label].direction,
                    "ratio": attack.worst, "truth": CHECKS[label].by,
                    "instance": attack.instance,
                }  # fmt: skip
        return Ledger(self.path, rows, worst)

    def summary(self) -> list[dict[str, Any]]:
        """One row per result: all its runs added up (the median weighted by what was sampled)."""
        found = []
        for label, check in CHECKS.items():
            rows = [row for row in self.rows if row["label"] == label]
            sampled = sum(row["sampled"] for row in rows)
            found.append(
                {
                    "label": label,
                    "direction": check.direction,
                    "truth": check.by,
                    "tried": sum(row["tried"] for row in rows),
                    "violations": sum(row["violations"] for row in rows),
                    "worst": max((row["worst"] for row in rows), default=None),
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
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        for label, content in self.worst.items():
            body = json.dumps(writable(content), indent=1, allow_nan=False) + "\n"
            folder.write(f"worst/{label}.json", body.encode())
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
            rows = [_typed(row) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{file} is damaged; move it away to start a new ledger") from None
    worst = {f.stem: read_worst(f) for f in sorted((path / "worst").glob("*.json"))}
    return Ledger(path, rows, worst)


def _typed(row: dict[str, str]) -> dict[str, Any]:
    kinds = dict.fromkeys(COLUMNS, int) | {"label": str, "version": str, "worst": float,
                                           "median": float}  # fmt: skip
    return {name: kinds[name](row[name]) for name in COLUMNS}


def read_worst(file: Path) -> dict[str, Any]:
    """Read a saved instance.

    Raises
    ------
    InputError
        If the file is missing, or is no instance of a known result.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA or set(CHECKS[content["label"]].genes) != set(
            content["instance"]
        ):
            raise KeyError(file.name)
        content["ratio"] = float(content["ratio"])
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{file} is no saved instance of antiscale certify (of this version)"
        ) from None
    return content


def minimised(label: str, instance: Instance) -> Instance:
    """A simpler instance that still crosses the bound, for print."""
    return minimise(label, instance)


def replay(content: dict[str, Any]) -> tuple[float | None, bool]:
    """The ratio of a saved instance now, and whether its bound is crossed."""
    ratio = CHECKS[content["label"]].ratio(content["instance"])
    return ratio, ratio is not None and ratio > 1.0 + SLACK
