"""`antiscale search`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console, progress
from antiscale.cli.typed import assign, assignment, number
from antiscale.core import validate
from antiscale.core.config import read_config, writable
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.search.config import SCHEMA, SearchConfig

_DEFAULT = SearchConfig()
# What --verifier may set: the configuration's own names.
_VERIFIER = (
    "auc", "roc", "true_positive", "false_positive", "verifiers", "combine", "correlation",
    "passes", "accept_right", "accept_wrong", "fix", "spoil", "verifier_tokens", "wrong_answers",
)  # fmt: skip

EXAMPLES = """
[bold]Examples[/bold]

  antiscale search

  antiscale search --strategy oracle --strategy oracle@finetuned --strategy single@cloned

  antiscale search --strategy noisy --verifier auc=0.7 --family heterogeneous --horizon 1024

  antiscale search --family explicit --set file=model.csv --strategy majority --budget 64,256,1024

  antiscale search --config difficulty

  antiscale search --list
"""


def search(
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@POLICY]",
            help="A strategy, and who writes: base, cloned, expert or finetuned; repeatable. "
            "Default: the nine of the README's figure.",
        ),
    ] = None,
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"As for sweep. Default: {_DEFAULT.family}.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the family; repeatable."),
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(metavar="H", help=f"The longest trace, tokens. Default: {_DEFAULT.horizon}."),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="B[,B...]", help="Token budgets; repeatable. Default: H/8, H/4, ..., 64 H."
        ),
    ] = None,
    budget_kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help=f"hard cap, or expected. Default: {_DEFAULT.budget_kind}."
        ),
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Traces behind clone, learned verifier, finetuning. Default: 32 H."
        ),
    ] = None,
    kappa: Annotated[
        str | None,
        typer.Option(metavar="X", help=f"Radius of the ball. Default: {_DEFAULT.kappa:g}."),
    ] = None,
    reward_class: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The learned verifier's class. Default: the family's."),
    ] = None,
    verifier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help=f"A property of the verifiers; repeatable. Names: {', '.join(_VERIFIER)}.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Options of a preset (antiscale info) or a file; flags override them.",
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the strategies and what each does.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the results. Default: runs/search-<hash>."),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Start afresh where another configuration's results are."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Set test-time search strategies on one axis of tokens: accuracy and return, exactly (T10).

    Nothing is sampled, so there is no seed: every curve is a finite sum. Leaves rows, a manifest
    and a figure.
    """
    given: dict[str, Any] = {
        "strategies": strategy or None,
        "family": family,
        "horizon": number("--horizon", horizon),
        "budgets": _budgets(budget),
        "budget_kind": budget_kind,
        "samples": number("--samples", samples),
        "kappa": number("--kappa", kappa),
        "reward_class": reward_class,
    }
    options = {} if config is None else read_config(presets.find("searches", config))
    options |= {name: value for name, value in given.items() if value is not None}
    for text in verifier or []:
        name, value = assignment(text, "--verifier", "auc=0.8")
        if name not in _VERIFIER:
            raise InputError(
                f"--verifier has no {shown(name)}{validate.nearest(name, sorted(_VERIFIER))}"
            )
        options[name] = value
    assign(options, "parameters", set_)
    settings = SearchConfig.from_mapping(options)

    from antiscale.cli.screens.search import listing, screen
    from antiscale.search import curves, strategies
    from antiscale.search import folder as folders

    if list_:
        if as_json:
            listed = {name: entry.summary for name, entry in strategies.STRATEGIES.items()}
            print(json.dumps({"schema": SCHEMA, "strategies": listed}))
        else:
            console().print(listing(), highlight=False)
        return
    from antiscale.core.folder import open_folder

    for name in settings.strategies:
        strategies.parse(name)
    strategies.Setup.of(settings)
    name = settings.hash()
    path = out if out is not None else Path("runs") / f"search-{name}"
    about = {"config": writable(settings.to_dict())}
    with open_folder(path, SCHEMA, name, overwrite=overwrite, **about) as folder:
        start = settings.strategies[0]
        with progress(len(settings.strategies), hidden=quiet, start=start) as advance:
            found = curves.search_curves(settings, progress=advance)
        folders.write(found, folder)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    terminal = console()
    terminal.print(screen(found), highlight=False)
    terminal.print(
        f"\nResults: {path}/  (rows.csv, result.json, search.png, .svg)", highlight=False
    )


def _budgets(texts: list[str] | None) -> list[int | float] | None:
    if not texts:
        return None
    parts = [part.strip() for text in texts for part in text.split(",")]
    found = [number("--budget", part) for part in parts if part]
    return sorted({value for value in found if value is not None})
