"""`antiscale figures`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from antiscale import presets
from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core import validate
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps


@dataclass(frozen=True, kw_only=True)
class Figures(Flags):
    """Which figures, and how they are made.

    Parameters
    ----------
    name
        Figures; default: all.
    fast
        The smoke variants: small, for a look.
    from_rows
        Draw from the rows that are there, else from ours; no computing.
    check
        Compute them again and compare with the rows that are there, else with ours.
    """

    name: tuple[str, ...] = option((), metavar="NAME", argument=True)
    fast: bool = option(False)
    from_rows: bool = option(False)
    check: bool = option(False)

    def agree(self) -> None:
        """Refuse to compute and not to."""
        if self.check and self.from_rows:
            raise InputError("--check computes and --from-rows does not: give one of them")


@command(
    Options(Figures),
    Options(Results, "out as_json quiet", out="Default: figures; with --fast: runs/figures-fast."),
)
def figures(options: Figures, results: Results) -> None:
    """Rebuild the paper's figures and ours from their configurations.

    Each leaves PNG, SVG and PDF, the rows that made it (CSV) and what they were made of (JSON).
    What is up to date is left alone. Rows that are not in the folder are those that come with
    antiscale. Figures of measurements that take hours or an idle machine are drawn from the
    stored rows, and left out of --fast and --check, unless they are named.

    Examples
    --------
    antiscale figures
    antiscale figures gap phase
    antiscale figures --fast
    antiscale figures --check
    antiscale figures heterogeneity --from-rows
    """
    from antiscale.figures import module, names, records

    named = [validate.choice("figure", n, names()) for n in options.name]
    chosen = {n: module(n).RECORD for n in named} or records()
    measured = set() if named else {n for n, record in chosen.items() if record.script}
    if options.fast or options.check:
        chosen = {n: record for n, record in chosen.items() if n not in measured}
    configs, fast = presets.folder("figures"), options.fast
    target = results.out or Path("runs/figures-fast" if fast else "figures")

    from antiscale.cli.screens.figures import screen
    from antiscale.figures import build

    found: list[dict[str, Any]] = []
    keeps(f"figures that were finished are in {target}; run the same command again to go on")
    differ = False
    for k, one in enumerate(chosen):
        with results.progress(1) as advance:

            def show(done: int, total: int, what: str, one: str = one, k: int = k) -> None:
                if advance is not None:
                    advance(done, total, f"{one} ({k + 1}/{len(chosen)}): {what}")

            if options.check:
                rows = build.check(one, configs, target, fast=fast, progress=show)
                beyond = [row for row in rows if not row.inside]
                differ = differ or bool(beyond)
                state = f"{len(rows)} values differ within their intervals" if rows else "same rows"
                if beyond:
                    state = f"{len(beyond)} values differ"
                more: dict[str, Any] = {"differences": [row._asdict() for row in rows]}
            else:
                built = build.build(
                    one, configs, target, fast=fast,
                    from_rows=options.from_rows or one in measured, progress=show,
                )  # fmt: skip
                state, more = built.state, {"files": [str(f) for f in built.files]}
            found.append({"name": one, "state": state} | more)
    lines = []
    if not options.check:
        lines = [f"\nFigures: {target}/  (png, svg, pdf, csv, json)"]
    elif any(build.kept(one, target, fast=fast) != target for one in chosen):
        lines = [f"\nRows that {target}/ does not hold were compared with those of antiscale."]
    result = {"schema": "antiscale.figures/1", "figures": found}
    results.show(result, lambda _: screen(found), *lines)
    if differ:
        raise typer.Exit(1)
