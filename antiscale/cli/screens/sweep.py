"""A sweep for a terminal: the losses, the exponents and the reading."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import number, setting
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.words import (
    exponents_head,
    exponents_rows,
    losses_columns,
    notes,
    passes_table,
    reading,
)

# Below this width a terminal gets the table without the columns that rarely change.
_WIDE = 108


def screen(
    config: SweepConfig, rows: list[dict[str, Any]], fit: dict[str, Any], *, width: int
) -> RenderableType:
    """Return the table, the fitted exponents and the reading, for a console of `width` columns."""
    wide = width >= _WIDE
    head = exponents_head(config, fit, wide=wide)
    lines = [reading(config, rows, fit), *notes(config, rows, fit)]
    if not wide:
        lines.insert(1, _ranges(rows))
    passes: list[RenderableType] = []
    if config.pass_at:
        first, *others = passes_table(config, rows[-1])
        passes = [table(*first, rows=others, right=first, wrap=()), Text()]
    return Group(
        Text(_title(config, rows), style="bold"),
        losses_table(rows, wide=wide),
        Text(),
        *passes,
        table(*head, rows=exponents_rows(fit, wide=wide), right=head[1:], wrap=()),
        *(Text(line) for line in ("", lines[0], "", *lines[1:])),
    )


def _title(config: SweepConfig, rows: list[dict[str, Any]]) -> str:
    last = rows[-1]
    low, high = last["rewards_stated"], last["rewards_stated_max"]
    count = f"{low}" if low == high else f"{low} to {high}"
    whole = " (all of the class)" if last["rewards_whole_class"] else ""
    noisy = config.noise > 0 and config.vary != "noise"
    noise = f", noise {setting(config.noise)}" if noisy else ""
    return (
        f"{config.family}, class {last['reward_class']}, expert {config.expert}, "
        f"kappa {setting(config.kappa)}{noise}: losses in tokens, E sup over {count} "
        f"rewards{whole}, ± for 99%"
    )


def _ranges(rows: list[dict[str, Any]]) -> str:
    """The measures that a narrow table leaves out, over all rows."""

    def spread(label: str, values: list[float]) -> str:
        low, high = number(min(values)), number(max(values))
        return f"{label} = {low}" if low == high else f"{label} = {low} to {high}"

    spreads = spread("sigma/H", [row["sigma"] / row["horizon"] for row in rows])
    measures = (("c_0", "c0"), ("W", "max_ratio"))
    others = (spread(label, [row[name] for row in rows]) for label, name in measures)
    return f"{', '.join((spreads, *others))}."


def losses_table(rows: list[dict[str, Any]], *, wide: bool = True) -> Table:
    """One line per (H, n): the two sides, each between its bounds; losses in tokens."""
    columns = losses_columns(rows, wide=wide)
    headers = [column.header for column in columns]
    shown = table(*headers, right=headers, wrap=(), padding=(0, 1 if wide else 0, 0, 1))
    for column, made in zip(columns, shown.columns, strict=True):
        made.style = {"vf": "yellow", "vb": "cyan"}.get(column.side, "")
    for row in rows:
        cells = [column.text(row) for column in columns[:-1]]
        shown.add_row(*cells, certified(row["gap_certified"]))
    return shown


def certified(gap: float | None) -> Text:
    """A certified gap, in green where there is one."""
    style = "green" if gap is not None and gap > 0 else "dim"
    return Text(number(gap, toward="down"), style=style)
