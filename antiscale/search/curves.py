"""Strategies on one axis: accuracy and return against tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from antiscale.core.config import writable
from antiscale.search.config import SCHEMA, SearchConfig
from antiscale.search.strategies import Search, Setup, parse

if TYPE_CHECKING:
    import pandas as pd


# Called after each strategy with those done, those in all, and the name of the one just done.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class SearchResult:
    """What `search_curves` found.

    Attributes
    ----------
    rows
        One dictionary per strategy and budget: `accuracy` P(the returned trace is right), `value`
        the mean return in tokens, `spent` the mean tokens spent.
    notes
        What is particular about a curve, by the strategy's name.
    """

    config: SearchConfig
    rows: list[dict[str, Any]]
    notes: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `antiscale search --json` prints."""
        return {
            "schema": SCHEMA, "config": writable(self.config.to_dict()),
            "config_hash": self.config.hash(), "rows": self.rows, "notes": self.notes,
        }  # fmt: skip

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def curve(self, strategy: str, column: str = "accuracy") -> list[float]:
        """Return one strategy's values over the budgets."""
        return [row[column] for row in self.rows if row["strategy"] == strategy]


def search_curves(
    config: SearchConfig | Mapping[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> SearchResult:
    """Accuracy, return and tokens spent of every strategy at every budget, exactly (T10).

    Parameters
    ----------
    config
        What to compute; the default figure's configuration if None.
    progress
        Called after each strategy.
    **options
        Fields of `SearchConfig` by name; they replace those of `config`.

    Raises
    ------
    InputError
        If the configuration names what does not exist, or a sum is too long.

    Examples
    --------
    >>> from antiscale.search import SearchConfig, search_curves
    >>> found = search_curves(SearchConfig(horizon=16, strategies=("oracle",), budgets=(16, 64)))
    >>> [round(row["accuracy"], 3) for row in found.rows]
    [0.315, 0.6]
    """
    config = SearchConfig.of(config, **options)
    chosen = [(name, *parse(name)) for name in config.strategies]
    setup = Setup.of(config)
    rows: list[dict[str, Any]] = []
    notes: dict[str, str] = {}
    common = {
        "config_hash": config.hash(), "family": config.family, "horizon": config.horizon,
        "n": config.traces, "budget_kind": config.budget_kind,
    }  # fmt: skip
    for done, (name, strategy, policy) in enumerate(chosen, start=1):
        outcome = strategy.run(Search(setup, policy, setup.written_by(policy)))
        problem, rho = outcome.problem, outcome.problem.prompt_mass
        accuracy = np.einsum("m,mqs,ms->q", rho, outcome.law, problem.solved.astype(float))
        value = np.einsum("m,mqs,ms->q", rho, outcome.law, problem.returns)
        spent = rho @ outcome.spent
        for q, budget in enumerate(config.budgets):
            rows.append(common | {
                "strategy": name, "policy": policy, "budget": budget,
                "accuracy": float(np.clip(accuracy[q], 0.0, 1.0)),
                "value": float(np.clip(value[q], 0.0, config.horizon)), "spent": float(spent[q]),
            })  # fmt: skip
        if outcome.note is not None:
            notes[name] = outcome.note
        if progress is not None:
            progress(done, len(chosen), name)
    return SearchResult(config, rows, notes)
