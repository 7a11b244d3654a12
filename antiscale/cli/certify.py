"""`antiscale certify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console, progress
from antiscale.cli.typed import number
from antiscale.core import machine, validate
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps

# Processor seconds of one round of one check, about.
_ROUND = 1.0

EXAMPLES = """
[bold]Examples[/bold]

  antiscale certify --minutes 5 --jobs 2

  antiscale certify --bound T7b --rounds 20 --seed 1

  antiscale certify --mutants

  antiscale certify --replay T4c-two-types-exactly
"""


def certify(
    minutes: Annotated[
        str | None, typer.Option(metavar="M", help="How long to attack. Default: 1.")
    ] = None,
    rounds: Annotated[
        str | None,
        typer.Option(metavar="N", help="Rounds per result instead: the same outcome every time."),
    ] = None,
    bound: Annotated[
        list[str] | None,
        typer.Option("--bound", metavar="LABEL", help="Attack this result only; repeatable."),
    ] = None,
    seed: Annotated[str, typer.Option(metavar="SEED", help="Seed of the random streams.")] = "0",
    jobs: Annotated[str, typer.Option(metavar="N", help="Processes.")] = "1",
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.json",
            help="Evaluate a saved instance and nothing else: one of the worst known (antiscale "
            "info), or a file of a run.",
        ),
    ] = None,
    mutants: Annotated[
        bool,
        typer.Option("--mutants", help="Attack wrong bounds instead: every one must be caught."),
    ] = False,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the ledger; runs in it add up.")
    ] = Path("runs/certify"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Try to break every bound: adversarial instances, each against an exact truth.

    A ratio of 1 means that a bound is met exactly; above 1 it is crossed: then the instance is
    printed and the exit status is 1. Runs add up in a ledger; the worst instances are kept.
    """
    from antiscale.certify import CHECKS, checks, minimise
    from antiscale.certify import ledger as ledgers
    from antiscale.certify import run as runner
    from antiscale.cli.screens import certify as screens
    from antiscale.registry import result

    if replay is not None:
        content = ledgers.read_worst(presets.find("instances", replay))
        value, truth, ratio, crossed = ledgers.replay(content)
        if as_json:
            now = {"bound": value, "truth": truth, "ratio_now": ratio, "crossed": crossed}
            print(json.dumps(writable(content | now), allow_nan=False))
        else:
            shown = screens.replayed(content, value, truth, ratio, crossed=crossed)
            console().print(shown, highlight=False)
        raise typer.Exit(1 if crossed else 0)
    if minutes is not None and rounds is not None:
        raise InputError("give --minutes or --rounds, not both")
    time = None
    if rounds is None:
        time = validate.real("--minutes", number("--minutes", minutes or "1"))
        if time <= 0:
            raise InputError(f"--minutes must be positive; got {time:g}")
    workers = validate.integer("--jobs", number("--jobs", jobs), least=1, most=256)
    machine.require(f"certify in {workers} processes", "--jobs", floats=5e7 * workers)
    labels = [result(label).label for label in bound or []]
    keys = [key for label in labels for key in checks.of_label(label)] or list(CHECKS)
    if mutants:
        known = ledgers.read(out)
        _attack_mutants(known, labels, quiet=quiet, as_json=as_json)
        return
    many = None
    if rounds is not None:
        many = validate.integer("--rounds", number("--rounds", rounds), least=1)
    machine.require(
        "this attack", "--minutes" if many is None else "--rounds",
        seconds=60.0 * workers * (time or 0.0) if many is None else _ROUND * many * len(keys),
    )  # fmt: skip
    keeps(f"every finished round is in {out}/ledger.csv; run the same command again to add to it")
    with progress(1000, hidden=quiet) as advance:

        def show(share: float, tried: int, violations: int) -> None:
            if advance is not None:
                advance(round(1000 * share), 1000, f"{tried:,} tried, {violations} crossed")

        updated, found = runner.certify(
            out,
            keys,
            seed=validate.integer("--seed", number("--seed", seed), least=0),
            minutes=time,
            rounds=many,
            jobs=workers,
            progress=show,
        )
    broken = {
        key: minimise(CHECKS[key], attack.instance)
        for key, attack in found.items()
        if attack.violations and attack.instance is not None
    }
    summary = [row for row in updated.summary() if not labels or row["label"] in labels]
    this = {
        "tried": sum(attack.tried for attack in found.values()),
        "violations": sum(attack.violations for attack in found.values()),
    }
    tried = {CHECKS[key].label for key in keys if found[key].tried}
    asked = list(dict.fromkeys(CHECKS[key].label for key in keys))
    reached = [label for label in asked if label in tried]
    missed = [label for label in asked if label not in tried]
    if as_json:
        printed = {
            "schema": ledgers.SCHEMA, "run": this | {"reached": reached, "not_reached": missed},
            "results": summary, "broken": broken,
        }  # fmt: skip
        print(json.dumps(writable(printed), allow_nan=False))
    else:
        console().print(screens.summary(summary, this, broken, reached, missed), highlight=False)
        print(f"\nLedger: {out}/  (ledger.csv, worst/; --replay {out}/worst/NAME.json)")
    if broken:
        raise typer.Exit(1)


def _attack_mutants(known: Any, labels: list[str], *, quiet: bool, as_json: bool) -> None:
    from antiscale.certify.mutants import MUTANTS, caught, scaled
    from antiscale.cli.screens import certify as screens
    from antiscale.registry import RESULTS

    worst = {row["label"]: row["worst"] for row in known.summary()}
    chosen = [m for m in MUTANTS if not labels or m.label in labels]
    chosen += [scaled(x, worst[x]) for x in RESULTS if x in worst and (not labels or x in labels)]
    rows = []
    with progress(len(chosen), hidden=quiet) as advance:
        for done, mutant in enumerate(chosen):
            if advance is not None:
                advance(done, len(chosen), f"{mutant.label}: {mutant.error}")
            rows.append((mutant, caught(mutant)))
    if as_json:
        listed = [
            {"label": m.label, "error": m.error, **(found._asdict() if found else {"how": None})}
            for m, found in rows
        ]
        print(json.dumps(writable({"schema": "antiscale.mutants/1", "mutants": listed})))
    else:
        console().print(screens.mutants(rows), highlight=False)
    if any(found is None for _, found in rows):
        raise typer.Exit(1)
