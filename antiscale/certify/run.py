"""Many rounds of attack, shared out evenly over results and processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple

from antiscale.certify.attack import Found, attack
from antiscale.certify.ledger import Ledger

# Called with the share of the work done, instances tried and violations found.
Progress = Callable[[float, int, int], None]


class Round(NamedTuple):
    """One finished round: its result and what it cost in seconds."""

    label: str
    found: Found
    seconds: float


def certify(
    ledger: Ledger,
    labels: Sequence[str],
    *,
    seed: int = 0,
    minutes: float | None = None,
    rounds: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[Ledger, dict[str, Found]]:
    """Attack each result and return the ledger with this run, and what this run found.

    Rounds of a seed are numbered; a run goes on where the ledger's last run with that seed ended.
    With `rounds` every result has that many and the outcome depends on the seed and the ledger
    alone; with `minutes` every result has about the same time.

    Parameters
    ----------
    ledger
        What is known so far; its worst instances are tried first.
    labels
        Which results.
    seed
        Names the random streams.
    minutes, rounds
        When to stop; exactly one of them.
    jobs
        Processes.
    progress
        Called after each round.
    """
    if (minutes is None) == (rounds is None):
        raise ValueError("give minutes or rounds")
    found = {label: Found() for label in labels}
    started = dict.fromkeys(labels, 0)
    spent = dict.fromkeys(labels, 0.0)
    begin = time.perf_counter()

    def next_task() -> tuple[str, int, int, object] | None:
        """The result with the least time so far."""
        if minutes is not None and time.perf_counter() - begin > 60 * minutes:
            return None
        waiting = [x for x in labels if rounds is None or started[x] < rounds]
        if not waiting:
            return None
        label = min(waiting, key=lambda x: (spent[x], started[x]))
        number = ledger.next_round(label, seed) + started[label]
        known = ledger.worst.get(label)
        started[label] += 1
        # So that a second round is not begun before the first is timed.
        spent[label] += 1e-3
        return label, seed, number, known["instance"] if known else None

    for done in _rounds(next_task, jobs):
        found[done.label].add(done.found)
        spent[done.label] += done.seconds
        if progress is not None:
            share = (
                (time.perf_counter() - begin) / (60 * minutes)
                if minutes is not None
                else sum(started.values()) / (len(labels) * (rounds or 1))
            )
            tried = sum(f.tried for f in found.values())
            progress(min(share, 1.0), tried, sum(f.violations for f in found.values()))
    ran = {label: found[label] for label in labels if started[label]}
    return ledger.with_run(ran, seed, started), found


def _run(label: str, seed: int, number: int, start: object) -> Round:
    begin = time.perf_counter()
    found = attack(label, seed, number, start=start)  # type: ignore[arg-type]
    return Round(label, found, time.perf_counter() - begin)


def _rounds(
    next_task: Callable[[], tuple[str, int, int, object] | None], jobs: int
) -> Iterator[Round]:
    if jobs == 1:
        while (task := next_task()) is not None:
            yield _run(*task)
        return
    # Spawned, not forked: JAX has threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        running: set[Future[Round]] = set()
        while True:
            while len(running) < jobs and (task := next_task()) is not None:
                running.add(pool.submit(_run, *task))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
