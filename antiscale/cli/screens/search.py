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
    kind = "spent on average"
    if config.budget_kind == "hard":
        kind = "hard caps (drawn until the next trace no longer fits)"
    title = (
        f"{config.family} at H = {config.horizon}, n = {config.traces}; budgets in tokens, {kind}"
    )
    accuracy = _table(found, "accuracy", "P(right)", 1.0)
    returns = _table(found, "value", "return/H", float(config.horizon))
    notes = [Text(f"{name}: {note}.") for name, note in found.notes.items()]
    heading, words = Text(title, style="bold"), Text(reading(found))
    return Group(heading, Text(), accuracy, Text(), returns, Text(), words, *notes)


def _table(found: SearchResult, column: str, header: str, scale: float) -> Table:
    budgets = [f"{each}" if each < 10**6 else tick(each) for each in found.config.budgets]
    rows = [
        (name, *(fixed(value / scale, 3) for value in found.curve(name, column)))
        for name in found.config.strategies
    ]
    return table(header, *budgets, rows=rows, right=budgets, wrap=(), padding=(0, 1, 0, 0))


def listing() -> RenderableType:
    """Return the strategies for a terminal: one line each, and who may write."""
    look: dict[str, Any] = {"padding": (0, 2, 0, 0)}
    rows = [(name, strategy.summary) for name, strategy in STRATEGIES.items()]
    shown = table("strategy", "what it does", rows=rows, wrap=("what it does",), **look)
    policies = {
        "base": "the base policy",
        "cloned": "tabular SFT on n traces of the expert, in the mean (single only)",
        "expert": "the ball's best policy for the true return",
        "finetuned": "the learner `simple` on n labelled traces, case by case",
    }
    who = table("@policy", "who writes the traces", rows=policies.items(), **look)
    return Group(shown, Text(), who)
