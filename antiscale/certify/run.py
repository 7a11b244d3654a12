"""Many rounds of attack, shared out evenly over checks and processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple

from antiscale.certify.attack import Found, attack
from antiscale.certify.checks import CHECKS
from antiscale.certify.genes import Instance
from antiscale.certify.ledger import Ledger

# Called with the share of the work done, instances tried and violations found.
Progress = Callable[[float, int, int], None]


class _Task(NamedTuple):
    """One round to run: check, seed, number, and the instance to begin with."""

    key: str
    seed: int
    number: int
    start: Instance | None


class _Round(NamedTuple):
    """One finished round and what it cost in seconds."""

    task: _Task
    found: Found
    seconds: float


def certify(
    ledger: Ledger,
    keys: Sequence[str],
    *,
    seed: int = 0,
    minutes: float | None = None,
    rounds: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[Ledger, dict[str, Found]]:
    """Run the checks and return the ledger with this run, and what this run found.

    Rounds of a seed are numbered; a run goes on where the ledger's last run with that seed ended.
    With `rounds` every check has that many, and the outcome depends on the seed and the ledger
    alone, whatever the number of processes; with `minutes` every check has about the same time.

    Parameters
    ----------
    ledger
        What is known so far; its worst instances are tried first.
    keys
        Which checks.
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
    started = dict.fromkeys(keys, 0)
    spent = dict.fromkeys(keys, 0.0)
    running = dict.fromkeys(keys, 0)
    done: list[_Round] = []
    tried = violations = 0
    begin = time.perf_counter()

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

        key = min(waiting, key=cost)
        known = ledger.worst.get(key)
        task = _Task(
            key, seed, ledger.next_round(key, seed) + started[key],
            None if known is None else known["instance"],
        )  # fmt: skip
        started[key] += 1
        running[key] += 1
        return task

    for round_ in _rounds(next_task, jobs):
        done.append(round_)
        running[round_.task.key] -= 1
        spent[round_.task.key] += round_.seconds
        tried, violations = tried + round_.found.tried, violations + round_.found.violations
        if progress is not None:
            share = (
                len(done) / (len(keys) * rounds)
                if rounds is not None
                else (time.perf_counter() - begin) / (60 * (minutes or 1.0))
            )
            progress(min(share, 1.0), tried, violations)
    found = {key: Found() for key in keys}
    # In the order of their numbers, not of their ends: the same with any number of processes.
    for round_ in sorted(done, key=lambda round_: round_.task.number):
        found[round_.task.key].add(round_.found)
    ran = {key: found[key] for key in keys if started[key]}
    return ledger.with_run(ran, seed, started), found


def _run(task: _Task) -> _Round:
    begin = time.perf_counter()
    found = attack(CHECKS[task.key], task.seed, task.number, start=task.start)
    return _Round(task, found, time.perf_counter() - begin)


def _rounds(next_task: Callable[[], _Task | None], jobs: int) -> Iterator[_Round]:
    if jobs == 1:
        while (task := next_task()) is not None:
            yield _run(task)
        return
    # Spawned, not forked: JAX has threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        running: set[Future[_Round]] = set()
        while True:
            while len(running) < jobs and (task := next_task()) is not None:
                running.add(pool.submit(_run, task))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
