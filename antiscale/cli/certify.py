"""`antiscale certify`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from antiscale import presets
from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core import engine, machine, validate
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps

# Processor seconds of one round of one check, about.
_ROUND = 1.0


@dataclass(frozen=True, kw_only=True)
class Attack(Flags):
    """What is attacked, and for how long.

    Parameters
    ----------
    minutes
        How long to attack. Default: 1.
    rounds
        Rounds per result instead: the same outcome every time.
    bound
        Attack this result only; repeatable.
    seed
        Seed of the random streams.
    jobs
        Processes.
    scheduler
        Address of a running Dask scheduler: attack on its workers instead, on one machine or many.
    replay
        Evaluate a saved instance and nothing else: one of the worst known (antiscale info), or a
        file of a run.
    mutants
        Attack wrong bounds instead: every one must be caught.
    """

    minutes: float | None = option(None, validate.real, "M")
    rounds: int | None = option(None, validate.integer, "N", least=1)
    bound: tuple[str, ...] = option((), metavar="LABEL")
    seed: int = option(0, validate.integer, "SEED", least=0)
    jobs: int = option(1, validate.integer, "N", least=1, most=256)
    scheduler: str | None = option(None, engine.address, "HOST:PORT")
    replay: str | None = option(None, metavar="NAME|FILE.json")
    mutants: bool = option(False)

    def agree(self) -> None:
        """Refuse two lengths, and none."""
        if self.minutes is not None and self.rounds is not None:
            raise InputError("give --minutes or --rounds, not both")
        if self.minutes is not None and self.minutes <= 0:
            raise InputError(f"--minutes must be positive; got {self.minutes:g}")
        if self.scheduler is not None and self.jobs > 1:
            raise InputError("give --jobs or --scheduler, not both")


@command(
    Options(Attack),
    Options(
        Results, "out as_json quiet",
        out="Folder of the ledger; runs in it add up. Default: runs/certify.",
    ),
)  # fmt: skip
def certify(attack: Attack, results: Results) -> None:
    """Try to break every bound: adversarial instances, each against an exact truth.

    A ratio of 1 means that a bound is met exactly; above 1 it is crossed: then the instance is
    printed and the exit status is 1. Runs add up in a ledger; the worst instances are kept.

    Examples
    --------
    antiscale certify --minutes 5 --jobs 2
    antiscale certify --bound T7b --rounds 20 --seed 1
    antiscale certify --rounds 20 --scheduler localhost:8786
    antiscale certify --mutants
    antiscale certify --replay T4c-two-types-exactly
    """
    from antiscale.certify import CHECKS, checks, minimise
    from antiscale.certify import ledger as ledgers
    from antiscale.certify import run as runner
    from antiscale.cli.screens import certify as screens
    from antiscale.registry import result

    if attack.replay is not None:
        content = ledgers.read_worst(presets.find("instances", attack.replay))
        value, truth, ratio, crossed = ledgers.replay(content)
        now = {"bound": value, "truth": truth, "ratio_now": ratio, "crossed": crossed}
        results.show(content | now, lambda _: screens.replayed(content, now))
        raise typer.Exit(1 if crossed else 0)
    out = Path("runs/certify") if results.out is None else results.out
    many, jobs = attack.rounds, attack.jobs
    minutes = (attack.minutes or 1.0) if many is None else None
    machine.require(f"certify in {jobs} processes", "--jobs", floats=5e7 * jobs)
    labels = [result(label).label for label in attack.bound]
    keys = [key for label in labels for key in checks.of_label(label)] or list(CHECKS)
    if attack.mutants:
        _attack_mutants(ledgers.read(out), labels, results)
        return
    machine.require(
        "this attack", "--minutes" if many is None else "--rounds",
        seconds=60.0 * jobs * (minutes or 0.0) if many is None else _ROUND * many * len(keys),
    )  # fmt: skip
    again = "add to it" if many is None else "finish it"
    keeps(f"every finished round is in {out}/ledger.csv; run the same command again to {again}")
    with results.progress(1000) as advance:

        def show(share: float, tried: int, violations: int) -> None:
            if advance is not None:
                advance(round(1000 * share), 1000, f"{tried:,} tried, {violations} crossed")

        updated, found = runner.certify(
            out, keys, seed=attack.seed, minutes=minutes, rounds=many, jobs=jobs,
            scheduler=attack.scheduler, progress=show,
        )  # fmt: skip
    broken = {
        key: minimise(CHECKS[key], attack.instance)
        for key, attack in found.items()
        if attack.violations and attack.instance is not None
    }
    summary = [row for row in updated.summary() if not labels or row["label"] in labels]
    tried = {CHECKS[key].label for key in keys if found[key].tried}
    asked = list(dict.fromkeys(CHECKS[key].label for key in keys))
    this = {
        "tried": sum(attack.tried for attack in found.values()),
        "violations": sum(attack.violations for attack in found.values()),
        "reached": [label for label in asked if label in tried],
        "not_reached": [label for label in asked if label not in tried],
    }
    results.show(
        {"schema": ledgers.SCHEMA, "run": this, "results": summary, "broken": broken},
        lambda _: screens.summary(summary, this, broken),
        f"\nLedger: {out}/  (ledger.csv, worst/; --replay {out}/worst/NAME.json)",
    )
    if broken:
        raise typer.Exit(1)


def _attack_mutants(known: Any, labels: list[str], results: Results) -> None:
    from antiscale.certify.mutants import MUTANTS, caught, scaled
    from antiscale.cli.screens import certify as screens
    from antiscale.registry import RESULTS

    worst = {row["label"]: row["worst"] for row in known.summary()}
    chosen = [m for m in MUTANTS if not labels or m.label in labels]
    chosen += [scaled(x, worst[x]) for x in RESULTS if x in worst and (not labels or x in labels)]
    rows = []
    with results.progress(len(chosen)) as advance:
        for done, mutant in enumerate(chosen):
            if advance is not None:
                advance(done, len(chosen), f"{mutant.label}: {mutant.error}")
            rows.append((mutant, caught(mutant)))
    listed = [
        {"label": m.label, "error": m.error, **(found._asdict() if found else {"how": None})}
        for m, found in rows
    ]
    result = {"schema": "antiscale.mutants/1", "mutants": listed}
    results.show(result, lambda _: screens.mutants(rows))
    if any(found is None for _, found in rows):
        raise typer.Exit(1)
