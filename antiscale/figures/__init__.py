"""The paper's figures and ours: one module each, from a configuration over rows to a picture.

A module has `Config` (a frozen dataclass), `rows(config, progress)` (all that is computed),
`draw(rows)` and `note(rows)` (all that is shown), and `PAPER` (how it differs from the paper's).
`build` reads experiments/figures/NAME.toml and writes figures/NAME.csv, .png, .svg, .pdf, .json.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from antiscale.core import validate


class Entry(NamedTuple):
    """A figure's number (the paper's up to 8) and what it shows."""

    number: int
    title: str


FIGURES: dict[str, Entry] = {
    "gap": Entry(1, "Who sees what; one cloned trace against best-of-N; both sides as H grows"),
    "bilevel": Entry(2, "Bi-level rewards: how their spread adds up to sigma"),
    "anticoncentrated": Entry(3, "Anti-concentrated and sharp returns, and the ball's optimum"),
    "planted": Entry(4, "The planted subsequence: loss against n, H and heterogeneity"),
    "heterogeneity": Entry(5, "Controlled heterogeneity at one mean return"),
    "budgets": Entry(6, "A budget-forced clone against best-of-N, simulated and real"),
    "spread": Entry(7, "Heterogeneity over problems, real and simulated"),
    "tails": Entry(8, "Anti-concentration over problems, real and simulated"),
    "phase": Entry(9, "Where the gap is certain, and the phase diagram"),
    "sandwich": Entry(10, "Best learner, bounds and exact Bayes risk"),
    "assumptions": Entry(11, "What breaks each assumption"),
}


def module(name: str) -> Any:
    """Return a figure's module.

    Raises
    ------
    InputError
        If there is no such figure.
    """
    return importlib.import_module(f"antiscale.figures.{validate.choice('figure', name, FIGURES)}")
