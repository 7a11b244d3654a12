"""`antiscale separation`."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console, load_ahead, progress
from antiscale.cli.typed import DEFAULT, assign, number
from antiscale.core import validate
from antiscale.core.config import read_config
from antiscale.sweeps.config import SweepConfig

EXAMPLES = """
[bold]Examples[/bold]

  antiscale separation

  antiscale separation --config homogeneous_styles

  antiscale separation --family sharp --samples-per-token 8 --no-phase
"""


def separation(
    horizon: Annotated[
        str | None,
        typer.Option(metavar="H", help=f"Largest budget in tokens. Default: {DEFAULT.horizon}."),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"As for sweep. Default: {DEFAULT.family}."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the family; repeatable."),
    ] = None,
    reward_class: Annotated[
        str | None, typer.Option(metavar="NAME", help="The class calR. Default: the family's.")
    ] = None,
    learner: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="As for sweep; once per side.")
    ] = None,
    kappa: Annotated[
        str | None,
        typer.Option(metavar="X", help=f"Radius of the ball. Default: {DEFAULT.kappa:g}."),
    ] = None,
    samples_per_token: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help=f"The budget rule n = X * H. Default: {DEFAULT.samples_per_token:g}.",
        ),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="N", help="The budget rule n = N at every H instead.")
    ] = None,
    repeats: Annotated[
        str | None, typer.Option(metavar="R", help=f"Replicates. Default: {DEFAULT.repeats}.")
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="SEED", help=f"Seed of everything. Default: {DEFAULT.seed}."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Options of a sweep's preset (antiscale info) or a file; flags override them.",
        ),
    ] = None,
    phase: Annotated[
        bool, typer.Option("--phase/--no-phase", help="Whether to compute T9's phase diagram.")
    ] = True,
    phase_horizon: Annotated[
        str, typer.Option(metavar="H", help="H of the phase diagram.")
    ] = "1048576",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the results. Default: runs/separation-<hash>."
        ),
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
    """Find from which H and n verification certainly wins, and where it is measured to (T9).

    The gap is certified where T4, what every cloning algorithm must lose, exceeds T7, what the
    named verifier may lose. Leaves rows, the phase diagram's points, a manifest and a figure.
    """
    given: dict[str, Any] = {
        "horizon": number("--horizon", horizon),
        "family": family,
        "reward_class": reward_class,
        "learner": learner or None,
        "kappa": number("--kappa", kappa),
        "samples_per_token": number("--samples-per-token", samples_per_token),
        "samples": number("--samples", samples),
        "repeats": number("--repeats", repeats),
        "seed": number("--seed", seed),
    }
    options = {} if config is None else read_config(presets.find("sweeps", config))
    options |= {name: value for name, value in given.items() if value is not None}
    assign(options, "parameters", set_)
    settings = SweepConfig.from_mapping(options)
    top = validate.integer(
        "--phase-horizon", number("--phase-horizon", phase_horizon), least=16, most=2**24
    )

    from antiscale.cli.screens.separation import screen
    from antiscale.core.folder import open_folder
    from antiscale.sweeps import separation as tool
    from antiscale.sweeps.plan import Plan

    plan = Plan.of(settings)
    name = plan.hash
    path = out if out is not None else Path("runs") / f"separation-{name}"
    about = {"seed": settings.seed, "config": settings.to_dict(), "sources": plan.sources}
    with open_folder(path, tool.SCHEMA, name, overwrite=overwrite, **about) as folder:
        threading.Thread(target=load_ahead).start()
        with progress(1, hidden=quiet) as advance:
            found = tool.separation(plan, phase_horizon=top if phase else None, progress=advance)
        tool.write(found, folder)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    terminal = console()
    terminal.print(screen(found), highlight=False)
    terminal.print(
        f"\nResults: {path}/  (rows.csv, in_n.csv, phase.csv, result.json, separation.png, .svg)",
        highlight=False,
    )
