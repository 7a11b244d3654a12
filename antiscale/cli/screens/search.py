"""Search curves and the list of strategies for a terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import fixed, tick
from antiscale.search.curves import SearchResult
from antiscale.search.reading import reading
from antiscale.search.strategies import STRATEGIES


def screen(found: SearchResult) -> RenderableType:
    """Return the tables and the reading for a terminal: one line per strategy."""
    config = found.config
    kind = {
        "hard": "hard caps (drawn until the next trace no longer fits)",
        "expected": "spent on average",
    }[config.budget_kind]
    title = (
        f"{config.family} at H = {config.horizon}, n = {config.traces}; budgets in tokens, {kind}"
    )
    parts: list[RenderableType] = [Text(title, style="bold")]
    for column, header, scale in (
        ("accuracy", "P(right)", 1.0), ("value", "return/H", float(config.horizon)),
    ):  # fmt: skip
        parts += [Text(), _table(found, column, header, scale)]
    notes = [Text(f"{name}: {note}.") for name, note in found.notes.items()]
    return Group(*parts, Text(), Text(reading(found)), *notes)


def _table(found: SearchResult, column: str, header: str, scale: float) -> Table:
    budgets = [_tokens(budget) for budget in found.config.budgets]
    shown = table(header, *budgets, right=budgets, wrap=(), padding=(0, 1, 0, 0))
    for name in found.config.strategies:
        values: list[Any] = found.curve(name, column)
        shown.add_row(name, *(fixed(value / scale, 3) for value in values))
    return shown


def _tokens(budget: int) -> str:
    return f"{budget}" if budget < 10**6 else tick(budget)


def listing() -> RenderableType:
    """Return the strategies for a terminal: one line each, and who may write."""
    shown = table("strategy", "what it does", wrap=("what it does",), padding=(0, 2, 0, 0))
    for name, strategy in STRATEGIES.items():
        shown.add_row(name, strategy.summary)
    policies = {
        "base": "the base policy",
        "cloned": "tabular SFT on n traces of the expert, in the mean (single only)",
        "expert": "the ball's best policy for the true return",
        "finetuned": "the learner `simple` on n labelled traces, case by case",
    }
    who = table("@policy", "who writes the traces", padding=(0, 2, 0, 0))
    for name, summary in policies.items():
        who.add_row(name, summary)
    return Group(shown, Text(), who)
