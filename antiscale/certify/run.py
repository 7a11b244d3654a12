"""Many rounds of attack, shared out evenly over checks, on any engine."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from antiscale.certify.attack import Found, attack
from antiscale.certify.check import key_of
from antiscale.certify.checks import CHECKS
from antiscale.certify.instances import Instance
from antiscale.certify.ledger import Ledger, Record
from antiscale.core.engine import Engine

# Called with the share of the work done, instances tried and violations found.
Progress = Callable[[float, int, int], None]


class _Task(NamedTuple):
    """One round to run: check, seed, number, and the instance to begin with."""

    key: str
    seed: int
    number: int
    start: Instance | None


# What a finished round found, and what it cost in seconds.
_Round = tuple[Found, float]


def certify(
    folder: Path,
    keys: Sequence[str],
    *,
    seed: int = 0,
    minutes: float | None = None,
    rounds: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[Ledger, dict[str, Found]]:
    """Run the checks, add each finished round to the folder's ledger, and return what was found.

    Rounds of a seed are numbered; a run goes on after those that the ledger has, and two at a time
    share none. With `rounds` every check has that many, and the outcome depends on the seed and the
    ledger alone, whatever the engine and the number of processes. A run with `rounds` that is
    stopped leaves the rest to the next one of the same seed, checks and rounds in that folder: it
    does the rounds that lack, and ends as if nothing had happened; the one after that adds so many
    more. With `minutes` every result is attacked once, in
    the arena that fewest runs attacked, beginning with the results that fewest runs reached; from
    then on every check has about the same time.

    Parameters
    ----------
    folder
        Where the ledger is, or is to be; the worst instances known are tried first.
    keys
        Which checks.
    seed
        Names the random streams.
    minutes, rounds
        When to stop; exactly one of them.
    jobs, scheduler
        Processes, or the address of a Dask scheduler; see `antiscale.core.engine.Engine`.
    progress
        Called after each round.

    Returns
    -------
    The ledger, other runs included, and what this run found of each check.

    Raises
    ------
    InputError
        If the folder cannot be written or holds no ledger, or the engine fails.
    """
    engine = Engine(jobs=jobs, scheduler=scheduler)
    if (minutes is None) == (rounds is None):
        raise ValueError("give minutes or rounds")
    record = Record(folder, seed, keys, rounds)
    started = Counter({key: record.finished(key) for key in keys})
    running = Counter[str]()
    spent = dict.fromkeys(keys, 0.0)
    tried = violations = 0
    begin = time.perf_counter()
    first = _rotation(record.known, keys) if minutes is not None else []

    def next_task() -> _Task | None:
        """A round of the check with the least time so far, those under way counted in."""
        if minutes is not None and time.perf_counter() - begin > 60 * minutes:
            return None
        waiting = [key for key in keys if rounds is None or started[key] < rounds]
        if not waiting:
            return None

        def cost(key: str) -> tuple[float, int]:
            finished = started[key] - running[key]
            mean = spent[key] / finished if finished else 1.0
            return spent[key] + running[key] * mean, started[key]

        key = first.pop(0) if first else min(waiting, key=cost)
        started[key] += 1
        running[key] += 1
        return _Task(key, seed, record.next_round(key), record.start(key))

    with (
        contextlib.closing(record),
        contextlib.closing(engine.run(_run, next_task)) as results,
    ):
        for task, (found, seconds) in results:
            record.keep(task.key, task.number, found)
            running[task.key] -= 1
            spent[task.key] += seconds
            tried, violations = tried + found.tried, violations + found.violations
            if progress is not None:
                if rounds is not None:
                    share = (started.total() - running.total()) / (len(keys) * rounds)
                else:
                    share = (time.perf_counter() - begin) / (60 * (minutes or 1.0))
                progress(min(share, 1.0), tried, violations)
        return record.finish()


def _rotation(known: Ledger, keys: Sequence[str]) -> list[str]:
    """One check of each result: those first that the ledger has least of, in runs."""
    runs = Counter(key_of(row["label"], row["arena"]) for row in known.rows)
    arenas: dict[str, list[str]] = {}
    for key in keys:
        arenas.setdefault(CHECKS[key].label, []).append(key)
    # Both are stable: of equals the first one stays.
    rising = sorted(arenas.values(), key=lambda of: sum(runs[key] for key in of))
    return [min(of, key=lambda key: runs[key]) for of in rising]


def _run(task: _Task) -> _Round:
    begin = time.perf_counter()
    found = attack(CHECKS[task.key], task.seed, task.number, start=task.start)
    return found, time.perf_counter() - begin
