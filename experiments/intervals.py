"""How often the intervals of simulated losses hold the mean.

    python experiments/intervals.py

Draws data sets of 20 and of 200 replicates from laws whose mean is known, from even to rare, and
counts how often Student's interval and antiscale.core.intervals.mean hold it. Writes
figures/interval_coverage.csv and prints the same as the table for paper_bounds.md.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from antiscale.core import intervals
from antiscale.core.numbers import fixed

FILE = Path(__file__).parents[1] / "figures" / "interval_coverage.csv"
SETS, MOST = 20_000, 100.0

# Law: how it is drawn, and its mean. All lie between 0 and MOST, or as good as.
LAWS: dict[str, tuple[Callable[..., np.ndarray], float]] = {
    "normal(8, 1)": (lambda rng, size: rng.normal(8.0, 1.0, size), 8.0),
    "normal, absolute value": (lambda rng, size: abs(rng.normal(size=size)), (2 / np.pi) ** 0.5),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "gamma(1/2)": (lambda rng, size: rng.gamma(0.5, size=size), 0.5),
    "gamma(1/4)": (lambda rng, size: rng.gamma(0.25, size=size), 0.25),
    "lognormal(0, 1)": (lambda rng, size: rng.lognormal(0.0, 1.0, size), np.exp(0.5)),
    "1 with probability 0.05": (lambda rng, size: (rng.random(size) < 0.05) * 1.0, 0.05),
    "1 with probability 0.01": (lambda rng, size: (rng.random(size) < 0.01) * 1.0, 0.01),
}  # fmt: skip


def rows() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for law, (draw, mean) in LAWS.items():
        row: dict[str, object] = {"law": law}
        for count in (20, 200):
            rng = np.random.default_rng(0)
            samples = draw(rng, (SETS, count))
            half = stats.t.ppf(0.995, count - 1) * samples.std(1, ddof=1) / np.sqrt(count)
            ours = [intervals.mean(sample, least=0.0, most=MOST) for sample in samples]
            row[f"student_{count}"] = float((abs(samples.mean(1) - mean) <= half).mean())
            row[f"antiscale_{count}"] = float(np.mean([e.low <= mean <= e.high for e in ours]))
        found.append(row)
    return found


def markdown(found: list[dict[str, str]]) -> str:
    lines = [
        "| replicates are | Student, 20 | ours, 20 | Student, 200 | ours, 200 |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        cells = [
            fixed(100 * float(row[f"{name}_{count}"]), 1, toward="down")
            for count in (20, 200)
            for name in ("student", "antiscale")
        ]
        lines.append("| " + " | ".join([row["law"], *cells]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    found = rows()
    with FILE.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, found[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    with FILE.open(newline="") as stream:
        print(markdown(list(csv.DictReader(stream))))


if __name__ == "__main__":
    main()
