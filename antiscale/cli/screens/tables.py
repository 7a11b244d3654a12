"""The look that all tables of a terminal share."""

from collections.abc import Container, Iterable

from rich.console import RenderableType
from rich.table import Table


def table(
    *headers: str, rows: Iterable[Iterable[RenderableType]] = (), right: Container[str] = (),
    wrap: Container[str] | None = None, fold: bool = False,
    padding: tuple[int, int] | tuple[int, int, int, int] = (0, 1),
) -> Table:  # fmt: skip
    """Return a table without lines, its headers in bold.

    Parameters
    ----------
    headers
        One per column; none is shown where all are empty.
    rows
        The cells of each row; more may be added.
    right
        Columns that are flush right.
    wrap
        Columns that may take several lines; default: all.
    fold
        Whether a word wider than its column goes on in the next line, rather than being cut.
    padding
        Blanks around a cell, inside the table: above and beside it, or clockwise from above.
    """
    made = Table(
        box=None, pad_edge=False, padding=padding, header_style="bold", show_header=any(headers)
    )
    for header in headers:
        made.add_column(
            header,
            justify="right" if header in right else "left",
            overflow="fold" if fold else "ellipsis",
            no_wrap=wrap is not None and header not in wrap,
        )
    for cells in rows:
        made.add_row(*cells)
    return made
