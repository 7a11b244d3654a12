"""A Dask cluster of real processes on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What tests define is found by the workers too.
ROOT = str(Path(__file__).parents[1])


@dataclass
class Cluster:
    """A scheduler and its workers, of one thread each."""

    address: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def grow(self, workers: int) -> None:
        """Start so many workers more; they come to the scheduler when they have started."""
        for _ in range(workers):
            self.workers.append(_begun("worker", self.address, "--nthreads", "1", "--no-nanny"))


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """A scheduler and so many workers, all of which have come, on ports that the system chooses."""
    scheduler = _begun("scheduler", "--host", "127.0.0.1", "--port", "0")
    running = [scheduler]
    try:
        assert scheduler.stderr is not None
        said = iter(scheduler.stderr.readline, b"")
        found = next(m for line in said if (m := re.search(rb"Scheduler at: +(\S+)", line)))
        here = Cluster(found[1].decode(), running[1:])
        running = here.workers
        here.grow(workers)
        if workers:
            from distributed import Client

            with Client(here.address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=120)
        yield here
    finally:
        for process in (*running, scheduler):
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()


def _begun(kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *arguments]
    path = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE if kind == "scheduler" else subprocess.DEVNULL,
    )  # fmt: skip
