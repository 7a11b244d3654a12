"""`antiscale diagnose`."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console, load_ahead, progress
from antiscale.cli.typed import number
from antiscale.core.errors import InputError
from antiscale.core.validate import shown

EXAMPLES = """
[bold]Examples[/bold]

  antiscale diagnose --example codet

  antiscale diagnose samples.csv

  antiscale diagnose rollouts.parquet --columns problem=task_id,length=n_tokens,correct=passed

  antiscale diagnose rollouts.parquet --columns score=tests_passed/tests_total --horizon 512

  antiscale diagnose both.jsonl --model tuned --against base --json

  antiscale diagnose lm_eval_output/ --filter strict-match --columns correct=exact_match

  antiscale diagnose samples.csv --export-model model.csv

  antiscale sweep --family explicit --set file=model.csv --horizon 512
"""


def diagnose(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="One row per sample: CSV, JSON, JSONL or Parquet; or a folder of sample files of "
            "lm-evaluation-harness.",
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of FILE: a table that comes with antiscale, under its own columns: "
            f"{', '.join(presets.names('examples'))}.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS,...",
            help="The table's names for problem, correct, length, and where it has them "
            "tokens_to_first_correct, answer, score (or passed/total), model, sample; - for none. "
            "length=words(COLUMN) counts a text's words.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose samples, if the table has several.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Another model to compare with, problem by problem."),
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter", metavar="NAME", help="Which answer filter of lm-evaluation-harness."
        ),
    ] = None,
    horizon: Annotated[
        list[str] | None,
        typer.Option(
            metavar="H",
            help="Test-time budget in tokens; repeatable. Default: the 50, 75, 90 and 99% "
            "quantiles of length.",
        ),
    ] = None,
    eps: Annotated[
        list[str] | None,
        typer.Option(metavar="X", help="Level of c(eps); repeatable. Default: 0.25, 0.5, 1, 2."),
    ] = None,
    kappa: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X",
            help="Radius of the chi-square ball; repeatable, predictions use the first. "
            "Default: 0.25, 1.",
        ),
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Traces per side, over all problems, to predict for. Default: 32 H."
        ),
    ] = None,
    level: Annotated[
        str | None, typer.Option(metavar="X", help="Coverage of the intervals. Default: 0.95.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="SEED", help="Seed of what is drawn. Default: 0.")
    ] = None,
    export_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="Write the samples as a trace model for --family explicit."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the results. Default: runs/diagnose-<hash>."),
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
    """Say from a real model's rollouts whether it is one where cloning loses.

    Measures per problem how far returns spread (sigma) and how rare good ones are (c), each with an
    interval that is honest for the samples there are, and applies the bounds at your n and H.
    Leaves rows, a manifest and a figure.
    """
    given: dict[str, Any] = {
        "columns": _columns(columns or []),
        "model": model,
        "against": against,
        "filter": filter_,
        "horizon": _numbers("--horizon", horizon),
        "eps": _numbers("--eps", eps),
        "kappa": _numbers("--kappa", kappa),
        "samples": number("--samples", samples),
        "level": number("--level", level),
        "seed": number("--seed", seed),
    }
    given = {name: value for name, value in given.items() if value is not None}

    from antiscale.rollouts.config import SCHEMA, DiagnoseConfig

    config = DiagnoseConfig.from_mapping(given)
    if example is not None and file is None:
        file, own = presets.example(example)
        config = dataclasses.replace(config, columns=own | dict(config.columns))
    elif example is not None or file is None:
        raise InputError("diagnose takes a table, or --example NAME: give one of them")
    if export_model is not None and export_model.suffix.lower() != ".csv":
        raise InputError(f"--export-model writes a CSV file; got {export_model}")

    from antiscale.cli.screens.diagnose import screen
    from antiscale.core.folder import open_folder
    from antiscale.rollouts import folder as folders
    from antiscale.rollouts.diagnosis import diagnose_loaded, require_samples
    from antiscale.rollouts.table import file_digest, load, read_table

    with progress(1, hidden=quiet) as advance:
        if advance is not None:
            advance(0, 1, "reading")
        loaded = load(read_table(file, config), config)
        require_samples(loaded)
        digest = file_digest(file)
        name = config.hash(digest)
        path = out if out is not None else Path("runs") / f"diagnose-{name}"
        about = {"seed": config.seed, "config": config.to_dict(), "table_sha256": digest}
        with open_folder(path, SCHEMA, name, overwrite=overwrite, **about) as folder:
            threading.Thread(target=load_ahead).start()
            found = diagnose_loaded(loaded, config, progress=advance)
            if export_model is not None:
                found.export_model(export_model)
            files = folders.write(found, folder)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    terminal = console(wider=True)
    terminal.print(screen(found.summary, width=terminal.width), highlight=False)
    terminal.print(f"\nResults: {path}/  ({', '.join(files)})", highlight=False)
    if export_model is not None:
        terminal.print(
            f"Model: {export_model}  (antiscale sweep --family explicit --set file={export_model})",
            highlight=False,
        )


def _columns(texts: list[str]) -> dict[str, str] | None:
    """Pairs OURS=THEIRS, with commas or given one by one."""
    found: dict[str, str] = {}
    for pair in (part for text in texts for part in text.split(",")):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or not value:
            raise InputError(
                "--columns takes OURS=THEIRS, e.g. problem=task_id,length=n_tokens; got "
                f"{shown(pair)}"
            )
        if name in found:
            raise InputError(f"--columns names {name} twice")
        found[name] = value
    return found or None


def _numbers(flag: str, texts: list[str] | None) -> list[Any] | None:
    """Numbers given one by one or with commas."""
    if not texts:
        return None
    return [number(flag, part.strip()) for text in texts for part in text.split(",")]
