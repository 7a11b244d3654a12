"""`antiscale figures`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console, progress
from antiscale.core import validate
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps

EXAMPLES = """
[bold]Examples[/bold]

  antiscale figures

  antiscale figures gap phase

  antiscale figures --fast

  antiscale figures --check

  antiscale figures heterogeneity --from-rows
"""


def figures(
    name: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Figures; default: all.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="The smoke variants: small, for a look.")
    ] = False,
    from_rows: Annotated[
        bool,
        typer.Option(
            "--from-rows", help="Draw from the rows that are there, else from ours; no computing."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Compute again; compare with the rows that are there, else with ours."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Default: figures; with --fast: runs/figures-fast."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Rebuild the paper's figures and ours from their configurations.

    Each leaves PNG, SVG and PDF, the rows that made it (CSV) and what they were made of (JSON).
    What is up to date is left alone. Rows that are not in the folder are those that come with
    antiscale. Figures of measurements that take hours or an idle machine are drawn from the
    stored rows, and left out of --fast and --check, unless they are named.
    """
    from antiscale.figures import module, names, records

    named = [validate.choice("figure", n, names()) for n in name or ()]
    if check and from_rows:
        raise InputError("--check computes and --from-rows does not: give one of them")
    chosen = {n: module(n).RECORD for n in named} or records()
    measured = set() if named else {n for n, record in chosen.items() if record.script}
    if fast or check:
        chosen = {n: record for n, record in chosen.items() if n not in measured}
    configs = presets.folder("figures")
    target = out or (Path("runs/figures-fast") if fast else Path("figures"))

    from rich.table import Table

    from antiscale.figures import build

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in ("figure", "name", "shows", "state"):
        table.add_column(header, no_wrap=header != "shows")
    found: list[dict[str, Any]] = []
    keeps(f"figures that were finished are in {target}; run the same command again to go on")
    differ = False
    for k, (one, record) in enumerate(chosen.items()):
        with progress(1, hidden=quiet) as advance:

            def show(done: int, total: int, what: str, one: str = one, k: int = k) -> None:
                if advance is not None:
                    advance(done, total, f"{one} ({k + 1}/{len(chosen)}): {what}")

            if check:
                rows = build.check(one, configs, target, fast=fast, progress=show)
                beyond = [row for row in rows if not row.inside]
                differ = differ or bool(beyond)
                state = "same rows" if not rows else f"{len(beyond)} values differ"
                if rows and not beyond:
                    state = f"{len(rows)} values differ within their intervals"
                found.append({"name": one, "state": state,
                              "differences": [row._asdict() for row in rows]})  # fmt: skip
            else:
                built = build.build(
                    one, configs, target, fast=fast, from_rows=from_rows or one in measured,
                    progress=show,
                )  # fmt: skip
                state = built.state
                found.append({"name": one, "state": state, "files": [str(f) for f in built.files]})
        table.add_row(str(record.number), one, record.title, state)
    if as_json:
        printed = {"schema": "antiscale.figures/1", "figures": found}
        print(json.dumps(writable(printed), default=str))
    else:
        console().print(table, highlight=False)
        if not check:
            print(f"\nFigures: {target}/  (png, svg, pdf, csv, json)")
        elif any(build.kept(one, target, fast=fast) != target for one in chosen):
            print(f"\nRows that {target}/ does not hold were compared with those of antiscale.")
    if differ:
        raise typer.Exit(1)
