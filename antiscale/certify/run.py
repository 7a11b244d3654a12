"""Many rounds of attack, shared out evenly over checks and processes."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from antiscale.certify.attack import Found, attack
from antiscale.certify.check import key_of
from antiscale.certify.checks import CHECKS
from antiscale.certify.instances import Instance
from antiscale.certify.ledger import Ledger, Record
from antiscale.core.errors import InputError

# Called with the share of the work done, instances tried and violations found.
Progress = Callable[[float, int, int], None]


class _Task(NamedTuple):
    """One round to run: check, seed, number, and the instance to begin with."""

    key: str
    seed: int
    number: int
    start: Instance | None


# A finished round, what it found, and what it cost in seconds.
_Round = tuple[_Task, Found, float]


def certify(
    folder: Path,
    keys: Sequence[str],
    *,
    seed: int = 0,
    minutes: float | None = None,
    rounds: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[Ledger, dict[str, Found]]:
    """Run the checks, add each finished round to the folder's ledger, and return what was found.

    Rounds of a seed are numbered; a run goes on after those that the ledger has, and two at a time
    share none. With `rounds` every check has that many, and the outcome depends on the seed and the
    ledger alone, whatever the number of processes. With `minutes` every result is attacked once, in
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
    jobs
        Processes.
    progress
        Called after each round.

    Returns
    -------
    The ledger, other runs included, and what this run found of each check.

    Raises
    ------
    InputError
        If the folder cannot be written or holds no ledger, or a process was killed.
    """
    if (minutes is None) == (rounds is None):
        raise ValueError("give minutes or rounds")
    record = Record(folder, seed, keys, rounds)
    known = record.known
    started, running = Counter[str](), Counter[str]()
    spent = dict.fromkeys(keys, 0.0)
    tried = violations = 0
    begin = time.perf_counter()
    first = _rotation(known, keys) if minutes is not None else []

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
        worst = known.worst.get(key, {"instance": None})
        return _Task(key, seed, record.next_round(key), worst["instance"])

    with contextlib.closing(_rounds(next_task, jobs)) as results:
        for task, found, seconds in results:
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
    return task, found, time.perf_counter() - begin


def _rounds(next_task: Callable[[], _Task | None], jobs: int) -> Generator[_Round]:
    if jobs == 1:
        while (task := next_task()) is not None:
            yield _run(task)
        return
    # Spawned, not forked: JAX has threads.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_become_worker)
    try:
        running: set[Future[_Round]] = set()
        while True:
            while len(running) < jobs and (task := next_task()) is not None:
                running.add(pool.submit(_run, task))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BaseException as error:
        # What they are at is lost anyway; waiting for it may take minutes.
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        if isinstance(error, BrokenProcessPool):
            raise InputError(
                "a process of --jobs was killed or ran out of memory; every finished round is "
                "kept; fewer --jobs need less memory"
            ) from None
        raise
    pool.shutdown()


def _become_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
