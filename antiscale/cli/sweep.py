"""`antiscale sweep`."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.plot import draw
from antiscale.cli.terminal import console, load_ahead, progress, say
from antiscale.cli.typed import DEFAULT, assign, number
from antiscale.core.config import read_config
from antiscale.core.stopping import keeps
from antiscale.models import families
from antiscale.sweeps.config import EXPERTS, FORMS, SweepConfig

EXAMPLES = """
[bold]Examples[/bold]

  antiscale sweep --horizon 4096

  antiscale sweep --horizon 4096 --family homogeneous

  antiscale sweep --family sharp --set c0=0.02 --horizon 1024

  antiscale sweep --expert hard --form two_point --learner smoothed_sft

  antiscale sweep --vary n --horizon 256 --samples 1000000

  antiscale sweep --family two_point --expert hard --learner bayes --exact

  antiscale sweep --noise 0.3 --vary noise --horizon 256

  antiscale sweep --config default --json > sweep.json
"""


def sweep(
    horizon: Annotated[
        str | None,
        typer.Option(
            metavar="H",
            help="Largest test-time budget in tokens: runs 16, 32, ..., H. "
            f"Default: {DEFAULT.horizon}.",
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{', '.join(families.FAMILIES)}; see antiscale family. "
            f"Default: {DEFAULT.family}.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the family, e.g. spread=0.5; repeatable.",
        ),
    ] = None,
    reward_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The class calR: mirror, styles, tabular, explicit, known. Default: the family's.",
        ),
    ] = None,
    set_class: Annotated[
        list[str] | None,
        typer.Option(
            "--set-class",
            metavar="NAME=VALUE",
            help="A parameter of the reward class, e.g. mirrors=false; repeatable.",
        ),
    ] = None,
    expert: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Whose traces are cloned: {', '.join(EXPERTS)}. Default: {DEFAULT.expert}.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Form of the VF lower bound: {', '.join(FORMS)}. Default: {DEFAULT.form}.",
        ),
    ] = None,
    learner: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="VF: sft, smoothed_sft, shrinkage, mle, bayes, loglinear. VB: simple, binary, "
            "wide, plugin, rejection, kl, npg. Or module:name of your own; once per side. "
            "Default: sft, simple.",
        ),
    ] = None,
    kappa: Annotated[
        str | None,
        typer.Option(
            metavar="X", help=f"Radius of the chi-square ball. Default: {DEFAULT.kappa:g}."
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(metavar="M", help="Prompts m of the family. Default: the family's."),
    ] = None,
    styles: Annotated[
        str | None, typer.Option(metavar="B", help="Styles B of the family. Default: the family's.")
    ] = None,
    samples_per_token: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help=f"n = X * H traces for each side. Default: {DEFAULT.samples_per_token:g}.",
        ),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="N", help="Fix n (with --vary n: the largest n).")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="ETA",
            help="Probability that a label's verdict is reversed, in [0, 0.5). Default: 0.",
        ),
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="H|n|noise",
            help="H grows the horizon; n fixes H and grows n; noise raises ETA from 0. "
            f"Default: {DEFAULT.vary}.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Show risks computed without sampling too, where possible."),
    ] = False,
    repeats: Annotated[
        str | None, typer.Option(metavar="R", help=f"Replicates. Default: {DEFAULT.repeats}.")
    ] = None,
    rewards: Annotated[
        str | None,
        typer.Option(
            metavar="K",
            help=f"Stated rewards per prompt for classes over 1024. Default: {DEFAULT.rewards}.",
        ),
    ] = None,
    c0: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="Anti-concentration a stated reward must reach. Default: what r and rbar do.",
        ),
    ] = None,
    quantile: Annotated[
        str | None,
        typer.Option(
            metavar="Q",
            help=f"Quantile of the loss at the true reward. Default: {DEFAULT.quantile:g}.",
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="SEED", help=f"Seed of everything. Default: {DEFAULT.seed}."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Options of a preset (antiscale info) or a file; flags override them.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Results folder. Default: runs/<config hash>."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start afresh in a folder that holds a run.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Measure what cloning and verification lose as the budget grows, against explicit bounds.

    Leaves a folder with rows (Parquet, CSV), a manifest and a plot.
    A run that was cut short goes on; a finished one is shown again at once.
    """
    given: dict[str, Any] = {
        "horizon": number("--horizon", horizon),
        "family": family,
        "reward_class": reward_class,
        "expert": expert,
        "form": form,
        "learner": learner or None,
        "kappa": number("--kappa", kappa),
        "prompts": number("--prompts", prompts),
        "styles": number("--styles", styles),
        "samples_per_token": number("--samples-per-token", samples_per_token),
        "samples": number("--samples", samples),
        "noise": number("--noise", noise),
        "vary": vary,
        "exact": exact or None,
        "repeats": number("--repeats", repeats),
        "rewards": number("--rewards", rewards),
        "c0": number("--c0", c0),
        "quantile": number("--quantile", quantile),
        "seed": number("--seed", seed),
    }
    options = {} if config is None else read_config(presets.find("sweeps", config))
    options |= {name: value for name, value in given.items() if value is not None}
    assign(options, "parameters", set_)
    assign(options, "class_parameters", set_class)
    settings = SweepConfig.from_mapping(options)

    # Late: only a command that computes waits for JAX.
    from antiscale.cli.screens.sweep import screen
    from antiscale.sweeps import words
    from antiscale.sweeps.folder import open_run
    from antiscale.sweeps.plan import Plan
    from antiscale.sweeps.run import run_sweep

    plan = Plan.of(settings)
    path = out if out is not None else Path("runs") / plan.hash
    folder = open_run(plan, path, overwrite=overwrite)
    keeps(f"finished cells are kept in {path}; run the same command again to go on")
    if folder.complete:
        say(f"shown from {path}, finished {folder.manifest['finished']}; --overwrite runs it again")
    else:
        threading.Thread(target=load_ahead).start()
    total = len(plan.places)
    with progress(total, hidden=quiet) as advance:
        result = run_sweep(plan, folder, advance)
    draw(folder, words.caption(settings, result.rows, result.fit))
    if as_json:
        print(json.dumps(result.to_json(), allow_nan=False))
        return
    terminal = console(wider=settings.exact)
    terminal.print(screen(settings, result.rows, result.fit, width=terminal.width))
    terminal.print(f"\nResults: {path}/  (rows, manifest, plot.png, plot.svg)", highlight=False)
