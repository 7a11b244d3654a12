"""What the curves say, in a few words; and the screen of `antiscale search`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.numbers import fixed, number, setting, tick
from antiscale.search.curves import SearchResult
from antiscale.search.strategies import STRATEGIES

# Differences of accuracy below this are rounding, and falls below this not worth a word.
_ROUNDING = 1e-9
_FALL = 1e-4


def reading(found: SearchResult, names: Mapping[str, str] | None = None) -> str:
    """Say which strategy leads, from where on search passes the single trace, and what falls.

    Parameters
    ----------
    found
        The curves.
    names
        What to call the strategies; their own names if None.
    """
    config = found.config
    called = {name: (names or {}).get(name, name) for name in config.strategies}
    last = config.budgets[-1]
    ends = {name: found.curve(name)[-1] for name in config.strategies}
    best = max(ends, key=lambda name: ends[name])
    place = f"{last} tokens ({setting(last / config.horizon)} H)"
    sentences = [f"at {place} {called[best]} is right on {number(ends[best])} of the prompts"]
    singles = [name for name in config.strategies if name.partition("@")[0] == "single"]
    if singles:
        alone = max(singles, key=lambda name: ends[name])
        if alone != best:
            sentences[0] += f", {called[alone]} on {number(ends[alone])}"
        reached: dict[int, list[str]] = {}
        never = []
        for name in config.strategies:
            if name in singles:
                continue
            ahead = [
                budget
                for budget, here in zip(config.budgets, found.curve(name), strict=True)
                if here > ends[alone] + _ROUNDING
            ]
            if ahead:
                reached.setdefault(ahead[0], []).append(called[name])
            else:
                never.append(called[name])
        passed = [
            f"from {budget} tokens {', '.join(some)}" for budget, some in sorted(reached.items())
        ]
        if never:
            passed.append(f"never {', '.join(never)}")
        if passed:
            sentences.append(
                f"right more often than {called[alone]} at any budget: {'; '.join(passed)}"
            )
    falls = []
    for name in config.strategies:
        curve = found.curve(name)
        peak = max(curve)
        if peak > curve[-1] + _FALL:
            falls.append(f"{called[name]} after {config.budgets[curve.index(peak)]} tokens")
    if falls:
        sentences.append(f"turning down: {', '.join(falls)}")
    return ". ".join(text[0].upper() + text[1:] for text in sentences) + "."


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
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(header, no_wrap=True)
    for budget in found.config.budgets:
        table.add_column(_tokens(budget), justify="right", no_wrap=True)
    for name in found.config.strategies:
        values: list[Any] = found.curve(name, column)
        table.add_row(name, *(fixed(value / scale, 3) for value in values))
    return table


def _tokens(budget: int) -> str:
    return f"{budget}" if budget < 10**6 else tick(budget)


def listing() -> RenderableType:
    """Return the strategies for a terminal: one line each, and who may write."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("strategy", "what it does"):
        table.add_column(header, no_wrap=header == "strategy")
    for name, strategy in STRATEGIES.items():
        table.add_row(name, strategy.summary)
    policies = {
        "base": "the base policy",
        "cloned": "tabular SFT on n traces of the expert, in the mean (single only)",
        "expert": "the ball's best policy for the true return",
        "finetuned": "the learner `simple` on n labelled traces, case by case",
    }
    who = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("@policy", "who writes the traces"):
        who.add_column(header)
    for name, summary in policies.items():
        who.add_row(name, summary)
    return Group(table, Text(), who)
