"""Where tasks run: in this process, in processes of this machine, or on a Dask cluster.

A task goes to the same function wherever it runs, and the caller gets its result when it ends: what
is computed depends on the engine no more than on the order in which tasks end. Nothing is ever
forked (JAX has threads): processes are started anew, and take functions and models that were
defined in a notebook along (cloudpickle).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.version import __version__

Task = TypeVar("Task")
Result = TypeVar("Result")

# What takes more processes with it than this is not run again.
_DEATHS = 3
# Seconds: for a scheduler to answer, and between two looks at how many workers there are.
_ANSWER, _LOOK = 5.0, 1.0
# Read by XLA when JAX is first used, and by the libraries of linear algebra.
_THREADS = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ADDRESS = re.compile(r"((tcp|tls|ucx|ws|wss)://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", re.ASCII)


def address(name: str, value: Any) -> str:
    """`value` if it may be the address of a scheduler: HOST:PORT, or tcp://HOST:PORT."""
    found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 0 < int(found[4]) < 2**16:
        raise InputError(
            f"{name} must be an address HOST:PORT, as `dask scheduler` says it when it starts; "
            f"got {validate.shown(value)}"
        )
    return found[0]


@dataclass(frozen=True)
class Engine:
    """Where tasks run.

    A process of `jobs` and a worker of a scheduler compute with one thread, unless NPROC and
    OMP_NUM_THREADS say otherwise. One that dies loses only its task, which is run again.

    Parameters
    ----------
    jobs
        Processes; 1: this process.
    scheduler
        Address of a running Dask scheduler, whose workers are used instead. They need the versions
        of antiscale, Python, JAX, NumPy and SciPy that this process has.
    threads
        Tasks at a time in this process, where it is the only one.

    Examples
    --------
    >>> from antiscale.core.engine import Engine
    >>> waiting = iter([3, 4])
    >>> list(Engine().run(lambda x: x * x, lambda: next(waiting, None)))
    [(3, 9), (4, 16)]
    """

    jobs: int = 1
    scheduler: str | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        validate.integer("jobs", self.jobs, least=1)
        validate.integer("threads", self.threads, least=1)
        if self.scheduler is not None:
            address("scheduler", self.scheduler)
            if self.jobs > 1:
                raise InputError("give jobs (processes of this machine) or scheduler, not both")

    @property
    def in_this_process(self) -> bool:
        """Whether tasks run in the process that calls."""
        return self.scheduler is None and self.jobs == 1

    def tasks_at_once(self) -> int:
        """How many tasks run at a time; of a scheduler, the threads of the workers it has now.

        Raises
        ------
        InputError
            If the scheduler does not answer.
        """
        if self.scheduler is not None:
            with _client(self.scheduler) as client:
                return max(1, _threads_of(client, self.scheduler))
        return self.jobs if self.jobs > 1 else self.threads

    def run(
        self, function: Callable[[Task], Result], next_task: Callable[[], Task | None]
    ) -> Generator[tuple[Task, Result]]:
        """Yield each task with its result, in the order in which they end.

        Parameters
        ----------
        function
            What is done; elsewhere it runs more than once if its process dies, so it should only
            compute.
        next_task
            Asked for a task, always in the calling thread, when there is room for one; None: none
            now. It is asked again after each result, so that it may decide by what has ended; with
            None and no task under way the run ends.

        Raises
        ------
        InputError
            If the scheduler does not answer or is lost, its workers have other versions, a task
            cannot be sent to other processes, or its process dies three times. What the function
            raises is raised.
        """
        if self.scheduler is not None:
            return _on_dask(self.scheduler, function, next_task)
        if self.jobs > 1:
            return _in_processes(self.jobs, function, next_task)
        if self.threads > 1:
            return _in_threads(self.threads, function, next_task)
        return _here(function, next_task)


def _here(
    function: Callable[[Task], Result], next_task: Callable[[], Task | None]
) -> Generator[tuple[Task, Result]]:
    while (task := next_task()) is not None:
        yield task, function(task)


def _in_threads(
    threads: int, function: Callable[[Task], Result], next_task: Callable[[], Task | None]
) -> Generator[tuple[Task, Result]]:
    pool = ThreadPoolExecutor(threads)
    try:
        yield from _as_they_end(
            lambda task: pool.submit(function, task), lambda: threads, next_task
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _as_they_end(
    submit: Callable[[Task], Future[Result]], room: Callable[[], int],
    next_task: Callable[[], Task | None], patience: float | None = None,
) -> Generator[tuple[Task, Result]]:  # fmt: skip
    """Keep as many tasks under way as there is room for; look again after `patience` seconds."""
    running: dict[Future[Result], Task] = {}
    while True:
        while len(running) < room() and (task := next_task()) is not None:
            running[submit(task)] = task
        if not running:
            return
        ended, _ = wait(running, patience, FIRST_COMPLETED)
        for future in ended:
            yield running.pop(future), future.result()


# Processes of this machine


@dataclass
class _Job(Generic[Task]):
    """A task under way, and how many processes have died of it."""

    task: Task
    sent: bytes
    deaths: int = 0


def _in_processes(
    jobs: int, function: Callable[[Task], Result], next_task: Callable[[], Task | None]
) -> Generator[tuple[Task, Result]]:
    """Each process is a pool of its own: one that dies breaks no other."""
    from concurrent.futures.process import BrokenProcessPool

    import loky

    _start_tracker()
    started: list[Any] = []
    lost: list[_Job[Task]] = []
    running: dict[Future[Result], tuple[_Job[Task], Any]] = {}

    def start() -> Any:
        # Without loky's check for leaks, which takes compiled code for one.
        given = _few_threads() | {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e18"}
        pool = loky.ProcessPoolExecutor(
            1, initializer=_become_worker, initargs=(os.getpid(),), env=given
        )
        started.append(pool)
        return pool

    def next_job() -> _Job[Task] | None:
        if lost:
            return lost.pop()
        task = next_task()
        return None if task is None else _Job(task, _sent(function, task))

    idle: list[Any] = [None] * jobs
    kill = True
    try:
        while True:
            while idle and (job := next_job()) is not None:
                pool = idle.pop() or start()
                with _signals_later():
                    try:
                        future = pool.submit(_there, None, job.sent)
                    except BrokenProcessPool:  # died while it had nothing to do
                        pool = start()
                        future = pool.submit(_there, None, job.sent)
                running[future] = job, pool
            if not running:
                break
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                job, pool = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    pool.shutdown(wait=False, kill_workers=True)
                    started.remove(pool)
                    idle.append(None)
                    job.deaths += 1
                    if job.deaths == _DEATHS:
                        raise InputError(
                            "a process of --jobs was killed or ran out of memory, three times at "
                            "the same task; what is finished is kept; fewer --jobs need less memory"
                        ) from None
                    lost.append(job)
                else:
                    idle.append(pool)
                    yield job.task, result
        kill = False
    finally:
        # What they are at is lost anyway; waiting for it may take minutes.
        for pool in started:
            pool.shutdown(wait=False, kill_workers=kill)


def _start_tracker() -> None:
    """Start loky's process that frees what killed processes held, so that it does so in silence."""
    from loky.backend import resource_tracker

    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker"
    try:
        resource_tracker.ensure_running()
    finally:
        os.environ.pop("PYTHONWARNINGS")
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """A process that is started within the block never hears Ctrl-C; this one hears it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _become_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


# A Dask cluster


@contextlib.contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    """A connection to a scheduler; what is lost on the way is said in one line."""
    try:
        import distributed
        from distributed.comm.core import CommClosedError
        from distributed.utils import silence_logging_cmgr
    except ImportError:
        raise InputError(
            "--scheduler needs Dask; install it with: pip install distributed"
        ) from None
    with silence_logging_cmgr("CRITICAL"):
        try:
            client = distributed.Client(scheduler, timeout=_ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); start one "
                "with `dask scheduler`, and give the address that it says"
            ) from None
        try:
            yield client
        except distributed.KilledWorker:
            raise InputError(
                f"workers of {scheduler} were killed or ran out of memory, again and again at the "
                "same task; what is finished is kept; give each worker more memory"
            ) from None
        except ModuleNotFoundError as error:
            raise InputError(
                f"a worker of {scheduler} has no module {error.name}: install it there, or put "
                "its folder on the worker's PYTHONPATH"
            ) from None
        except (CancelledError, CommClosedError):
            raise _lost(scheduler) from None
        finally:
            # The scheduler forgets what nobody waits for.
            with contextlib.suppress(Exception):
                client.close(timeout=_ANSWER)


def _on_dask(
    scheduler: str, function: Callable[[Task], Result], next_task: Callable[[], Task | None]
) -> Generator[tuple[Task, Result]]:
    with _client(scheduler) as client:
        # The same task twice is two tasks.
        pool = client.get_executor(pure=False)
        made_by = versions()
        yield from _as_they_end(
            lambda task: pool.submit(_there, made_by, _sent(function, task)),
            _room(client, scheduler), next_task, _LOOK,
        )  # fmt: skip


def _threads_of(client: Any, scheduler: str) -> int:
    """The threads of the workers that there are."""
    try:
        return sum(client.nthreads().values())
    except OSError:
        raise _lost(scheduler) from None


def _room(client: Any, scheduler: str) -> Callable[[], int]:
    """Twice the workers' threads, as many as there are now: none waits for the next task."""
    looked, threads, told = -_LOOK, 0, False

    def room() -> int:
        nonlocal looked, threads, told
        if time.monotonic() - looked >= _LOOK:
            threads, looked = _threads_of(client, scheduler), time.monotonic()
            if not threads and not told:
                print(f"antiscale: waiting for workers at {scheduler}", file=sys.stderr)
                told = True
        # Tasks that wait tell a cluster that adapts to start workers.
        return 2 * max(threads, 1)

    return room


def _lost(scheduler: str) -> InputError:
    return InputError(
        f"lost the Dask scheduler at {scheduler}, or it cancelled what was asked of it; what is "
        "finished is kept"
    )


# What travels


def _sent(function: Callable[[Task], Result], task: Task) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps((function, task))
    except Exception as error:  # whatever an object raises that cannot be written down
        raise InputError(
            f"this cannot be sent to another process ({validate.shown(str(error))}); run it in "
            "this one, without jobs and scheduler"
        ) from None


def _there(made_by: dict[str, str] | None, sent: bytes) -> Any:
    """Do a task, in another process."""
    import cloudpickle

    mine = versions() if made_by is not None else {}
    for name, version in (made_by or {}).items():
        if mine[name] != version:
            raise InputError(
                f"a worker of --scheduler has {name} {mine[name]}, this process has {version}; "
                "results must not depend on where they are computed: install the same there"
            )
    for name, value in _few_threads().items():
        os.environ.setdefault(name, value)
    function, task = cloudpickle.loads(sent)
    return function(task)


def _few_threads() -> dict[str, str]:
    """As many processes as there are cores share them; your own settings go first."""
    return {name: os.environ.get(name, "1") for name in _THREADS}


@functools.cache
def versions() -> dict[str, str]:
    """What results depend on: they must be the same wherever tasks run."""
    from antiscale.core import provenance

    known = provenance.versions()
    python = ".".join(known["python"].split(".")[:2])
    found = {"antiscale": f"{__version__} ({_digest()})", "Python": python}
    return found | {name: known[name] for name in ("jax", "jaxlib", "numpy", "scipy")}


def _digest() -> str:
    """Eight digits that name this copy of the code."""
    home, total = Path(__file__).parents[1], hashlib.sha256()
    for file in sorted(home.rglob("*.py")):
        own = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(home).as_posix()} {own}\n".encode())
    return total.hexdigest()[:8]
