"""Tasks in, results out, wherever they run: nothing is lost, run twice in the result, or left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from antiscale.core import engine
from antiscale.core.engine import Engine
from antiscale.core.errors import InputError
from tests.cluster import Cluster, cluster

HERE = [Engine(), Engine(threads=3), Engine(jobs=2)]


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Cluster]:
    with cluster(2) as found:
        yield found


def ran(engine: Engine, function: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
    waiting = iter(tasks)
    return list(engine.run(function, lambda: next(waiting, None)))


def _fails(task: int) -> int:
    if task == 3:
        raise InputError("three is not allowed; give another")
    if task == 4:
        raise FileNotFoundError(2, "of the function's own", "nowhere")
    return task


def results_are_those_of_the_function(engine: Engine) -> None:
    offset = 100
    # A function of no module, as in a notebook.
    found = ran(engine, lambda task: task + offset, range(7))
    assert sorted(found) == [(task, task + 100) for task in range(7)]
    assert ran(engine, abs, []) == []


def what_is_next_may_depend_on_what_has_ended(engine: Engine) -> None:
    asked_in: set[int] = set()
    waiting = [5]

    def next_task() -> int | None:
        asked_in.add(threading.get_ident())
        return waiting.pop() if waiting else None

    seen = []
    for task, result in engine.run(lambda task: task - 1, next_task):
        seen.append(task)
        waiting.extend([result] if result > 2 else [])
    assert seen == [5, 4, 3]
    assert asked_in == {threading.get_ident()}


def what_is_raised_is_raised(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"^three is not allowed; give another$"):
        ran(engine, _fails, [3])
    with pytest.raises(FileNotFoundError, match="of the function's own"):
        ran(engine, _fails, [4])


def whoever_dies_loses_only_its_task(engine: Engine, folder: Path) -> None:
    """Each task leaves a file per attempt; the first at one of them is its process's end."""

    def once_deadly(task: int) -> int:
        attempt = len(list(folder.glob(f"{task}-*")))
        (folder / f"{task}-{attempt}").touch()
        if task == 2 and attempt == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)
        return task * task

    assert sorted(ran(engine, once_deadly, range(6))) == [(task, task**2) for task in range(6)]
    assert len(list(folder.glob("2-*"))) == 2


KINDS = [
    results_are_those_of_the_function,
    what_is_next_may_depend_on_what_has_ended,
    what_is_raised_is_raised,
]


@pytest.mark.parametrize("engine", HERE, ids=["here", "threads", "processes"])
@pytest.mark.parametrize("kind", KINDS)
def test_on_this_machine(kind: Callable[[Engine], None], engine: Engine) -> None:
    kind(engine)


def test_results_come_in_the_order_in_which_they_end() -> None:
    begun = threading.Barrier(2)

    def function(task: str) -> float:
        begun.wait(60)
        time.sleep({"long": 0.5, "short": 0.0}[task])
        return time.monotonic()

    found = ran(Engine(threads=2), function, ["long", "short"])
    assert [ended for _, ended in found] == sorted(ended for _, ended in found)
    assert len(found) == 2


# Processes


def test_a_process_that_dies_loses_only_its_task(tmp_path: Path) -> None:
    whoever_dies_loses_only_its_task(Engine(jobs=2), tmp_path)
    # The other process went on with what it was at.
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "0-0", "1-0", "2-0", "2-1", "3-0", "4-0", "5-0",
    ]  # fmt: skip


def test_a_task_that_kills_three_processes_ends_the_run(tmp_path: Path) -> None:
    def deadly(task: int) -> int:
        (tmp_path / f"{len(list(tmp_path.iterdir()))}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
        return task

    with pytest.raises(InputError, match="--jobs was killed or ran out of memory, three times"):
        ran(Engine(jobs=2), deadly, [1])
    assert len(list(tmp_path.iterdir())) == 3


def _about(task: int) -> tuple[int, dict[str, str | None], bool, int]:
    import jax.numpy as jnp

    jnp.ones(3).sum().block_until_ready()
    names = [(thread / "comm").read_text() for thread in Path("/proc/self/task").iterdir()]
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    given = {name: os.environ.get(name) for name in engine._THREADS}
    return os.getpid(), given, deaf, sum("XLAEigen" in name for name in names)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at threads")
def test_a_process_computes_with_one_thread_and_leaves_ctrl_c_to_us(monkeypatch) -> None:
    for name in engine._THREADS:
        monkeypatch.delenv(name, raising=False)
    ((_, (pid, given, deaf, pools)),) = ran(Engine(jobs=2), _about, [0])
    assert pid != os.getpid()
    assert given == dict.fromkeys(engine._THREADS, "1")
    assert deaf
    assert pools == 1  # threads with which XLA computes
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert engine._few_threads()["OMP_NUM_THREADS"] == "3"


SCRIPT = """
import os, sys, time
from pathlib import Path
from antiscale import cli
from antiscale.core.engine import Engine
from antiscale.core.stopping import keeps

folder = Path(sys.argv[2])

def function(task):
    (folder / f"{os.getpid()}").touch()
    while folder.exists():
        time.sleep(0.05)

def run():
    keeps("all is kept")
    kind, _, value = sys.argv[1].partition("=")
    engine = Engine(**{kind: int(value) if kind == "jobs" else value})
    for _ in engine.run(function, iter(range(99)).__next__):
        pass

cli._run = run
cli.main()
"""


def begun(how: str, folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A command with two tasks under way, and the processes that they are in."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how, str(folder)], stderr=subprocess.PIPE, text=True
    )
    while len(pids := [int(file.name) for file in folder.iterdir()]) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    return process, pids


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left(number: signal.Signals, tmp_path: Path) -> None:
    process, pids = begun("jobs=2", tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert (process.returncode, err) == (130, "antiscale: stopped; all is kept\n")
    else:
        assert err == ""
    deadline = time.monotonic() + 60
    while any(map(alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_cannot_travel_is_told() -> None:
    lock = threading.Lock()
    with pytest.raises(InputError, match="cannot be sent to another process"):
        ran(Engine(jobs=2), lambda task: lock, [1])


# A Dask cluster


@pytest.mark.cluster
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_cluster(kind: Callable[[Engine], None], two_workers: Cluster) -> None:
    kind(Engine(scheduler=two_workers.address))


@pytest.mark.cluster
def test_a_worker_that_dies_loses_only_its_task(two_workers: Cluster, tmp_path: Path) -> None:
    whoever_dies_loses_only_its_task(Engine(scheduler=two_workers.address), tmp_path)
    two_workers.grow(1)


@pytest.mark.cluster
def test_workers_of_other_versions_are_refused(two_workers: Cluster, monkeypatch) -> None:
    wrong = engine.versions() | {"jax": "0.0.1"}
    monkeypatch.setattr(engine, "versions", lambda: wrong)
    with pytest.raises(InputError, match=r"a worker .* has jax .*, this process has 0\.0\.1"):
        ran(Engine(scheduler=two_workers.address), abs, [1])


@pytest.mark.cluster
def test_a_module_that_a_worker_lacks_is_named(two_workers: Cluster, tmp_path, monkeypatch) -> None:
    (tmp_path / "of_mine.py").write_text("def function(task): return task\n")
    monkeypatch.syspath_prepend(tmp_path)
    import of_mine

    with pytest.raises(InputError, match="has no module of_mine: install it there"):
        ran(Engine(scheduler=two_workers.address), of_mine.function, [1])


@pytest.mark.cluster
def test_a_cluster_forgets_a_command_that_is_stopped(two_workers: Cluster, tmp_path: Path) -> None:
    from distributed import Client

    process, _ = begun(f"scheduler={two_workers.address}", tmp_path)
    with Client(two_workers.address, set_as_default=False) as client:

        def tasks() -> int:
            found: int = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
            return found

        assert tasks() == 4  # twice as many as threads
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "antiscale: stopped; all is kept\n")
        deadline = time.monotonic() + 60
        while tasks():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    shutil.rmtree(tmp_path)  # the workers' sign to go on


@pytest.mark.cluster
def test_workers_are_waited_for_and_a_lost_scheduler_is_told(capsys) -> None:
    from distributed import Client

    with cluster(0) as empty:
        waiting = iter(range(100))
        late = threading.Timer(1.5, empty.grow, [1])
        late.start()
        results = Engine(scheduler=empty.address).run(abs, lambda: next(waiting, None))
        assert next(results)[1] in range(100)
        late.join()
        assert capsys.readouterr().err == f"antiscale: waiting for workers at {empty.address}\n"
        with Client(empty.address, set_as_default=False) as client:
            client.shutdown()
        with pytest.raises(InputError, match="lost the Dask scheduler"):
            list(results)
        with pytest.raises(InputError, match="no Dask scheduler answers at"):
            ran(Engine(scheduler=empty.address), abs, [1])


def test_dask_is_asked_for_where_it_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="needs Dask; install it with: pip install distributed"):
        ran(Engine(scheduler="localhost:8786"), abs, [1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"jobs": 0}, "jobs must be a whole number >= 1"),
        ({"threads": 0.5}, "threads must be a whole number >= 1"),
        ({"jobs": 2, "scheduler": "here:1"}, "not both"),
        *(
            ({"scheduler": value}, "scheduler must be an address HOST:PORT")
            for value in ("", "here", "here:0", "here:70000", "a b:1", "x://here:1", 3, "here:1\n")
        ),
    ],
)
def test_bad_engines_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Engine(**given)


def test_addresses_are_those_that_dask_says() -> None:
    for value in ("localhost:8786", "tcp://10.0.0.1:8786", "tls://[::1]:8786", "a-b.svc:1"):
        assert engine.address("--scheduler", value) == value
