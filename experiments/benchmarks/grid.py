"""Time a grid on one thread, on two threads and in two processes, and what a dry run says before.

    python experiments/benchmarks/grid.py [--grid kappa_by_n] [--rounds 1]

Each run is a process of its own with an empty compilation cache, one after another. Printed for
each: the seconds that a dry run forecasts (itself in an earlier process, its cache then emptied),
the seconds from the plan to the last row, their ratio, and how often the function that was compiled
most often was (of the run's own functions, and of JAX's). Rows of all runs must be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Threads or processes, and threads of XLA: None leaves them to XLA.
WAYS = {
    "one thread": ({"threads": 1}, "1"),
    "two threads": ({"threads": 2}, None),
    "two processes": ({"jobs": 2}, "1"),
}
RUN = """
import collections, hashlib, json, sys, time
import jax
from antiscale import presets
from antiscale.core.config import read_config
from antiscale.core.engine import Engine
from antiscale.grids.axes import Axes
from antiscale.grids.forecast import forecast
from antiscale.grids.plan import GridPlan
from antiscale.grids.run import run_grid

if __name__ == "__main__":
    grid, engine, dry = sys.argv[1], Engine(**json.loads(sys.argv[2])), sys.argv[3] == "dry"
    compiled = collections.Counter()
    def listen(event, seconds, fun_name="", **_):
        if event.endswith("backend_compile_duration"):
            compiled[fun_name] += 1
    jax.monitoring.register_event_duration_secs_listener(listen)
    plan = GridPlan.of(Axes.of(read_config(presets.find("grids", grid))))
    started = time.perf_counter()
    if dry:
        found = forecast(plan, engine)
        print(json.dumps({"forecast": found.seconds, "took": time.perf_counter() - started}))
    else:
        found = run_grid(plan, engine=engine)
        seconds = time.perf_counter() - started
        text = found.frame.to_csv().encode()
        print(json.dumps({"seconds": seconds, "points": len(plan.points), "compiled": compiled,
                          "rows": hashlib.sha256(text).hexdigest()[:12]}))
"""


def run(grid: str, way: str, kind: str, folder: Path) -> dict[str, object]:
    """One process."""
    engine, threads = WAYS[way]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if threads is not None:
        environment |= {"NPROC": threads, "OMP_NUM_THREADS": threads}
    # A file, which processes of --jobs can import.
    script = folder / "run.py"
    script.write_text(RUN)
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        found = subprocess.run(
            [sys.executable, str(script), grid, json.dumps(engine), kind], check=True,
            env=environment | {"JAX_COMPILATION_CACHE_DIR": cache}, capture_output=True, text=True,
        )  # fmt: skip
    read: dict[str, object] = json.loads(found.stdout.splitlines()[-1])
    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", default="kappa_by_n")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    rows = set()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            for way, runs in found.items():
                dry = run(given.grid, way, "dry", Path(folder))
                real = run(given.grid, way, "run", Path(folder))
                runs.append((float(dry["forecast"]), float(real["seconds"])))
                rows.add(real["rows"])
                counts = sorted(real["compiled"].items(), key=lambda item: -item[1])
                said = ", ".join(f"{name} {count}" for name, count in counts if count > 1)
                print(
                    f"{way:14} forecast {runs[-1][0]:7.1f} s (in {dry['took']:.1f} s), took "
                    f"{runs[-1][1]:7.1f} s, ratio {runs[-1][0] / runs[-1][1]:.2f}; compiled "
                    f"{sum(real['compiled'].values())}, more than once: {said or 'none'}",
                    flush=True,
                )
    assert len(rows) == 1, "rows differ"
    first = statistics.median(seconds for _, seconds in found["one thread"])
    for way, runs in found.items():
        ratio = statistics.median(seconds for _, seconds in runs) / first
        print(f"{way:14} {ratio:.2f} of one thread's time")


if __name__ == "__main__":
    main()
