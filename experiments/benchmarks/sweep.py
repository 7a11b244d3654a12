"""Time `antiscale sweep --horizon 4096` against another checkout, in turns on one machine.

    python experiments/benchmarks/sweep.py OTHER [--rounds 5] [--config default]

OTHER is the root of the other checkout (a git worktree, say). Each run is a process of its own and
reports the seconds of its imports, of the sweep with its results written (all that is neither
import nor drawing), and of the drawing; wall seconds, and processor seconds of the sweep. Each
round runs both checkouts with a warm compilation cache, then both with an empty one. Printed are
medians and the median of the ratios of a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Runs in either checkout: what it calls is the public face, and is there in both.
RUN = """
import json, sys, time
start = time.perf_counter()
import antiscale as ac, antiscale.plots, pandas, pyarrow.parquet, matplotlib.figure
sweep = ac.sweep  # loaded now: the names of the package load on first use
imported = time.perf_counter()
used = time.process_time()
rows = sweep(json.loads(sys.argv[1]), out=sys.argv[2], overwrite=True)
swept, used = time.perf_counter(), time.process_time() - used
antiscale.plots.encode(antiscale.plots.sweep_figure(pandas.read_parquet(sys.argv[2] + "/rows.parquet"), ""))
drawn = time.perf_counter()
print(json.dumps({"import": imported - start, "sweep": swept - imported, "sweep, processor": used,
                  "drawing": drawn - swept}))
"""  # noqa: E501


def run(root: Path, config: str, cache: Path, out: Path) -> dict[str, float]:
    """One process in one checkout."""
    environment = os.environ | {"PYTHONPATH": str(root), "JAX_COMPILATION_CACHE_DIR": str(cache)}
    found = subprocess.run(
        [sys.executable, "-c", RUN, config, str(out)], cwd=root, env=environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    seconds: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--config", default="default")
    given = parser.parse_args()
    config = json.dumps(tomllib.loads((ROOT / f"experiments/{given.config}.toml").read_text()))
    roots = {"other": given.other.resolve(), "this": ROOT}
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, root in roots.items():
            run(root, config, Path(folder, name), Path(folder, "run"))
        for round_ in range(given.rounds):
            for kind in ("warm", "cold"):
                for name, root in roots.items():
                    cache = Path(folder, name if kind == "warm" else f"{name}-{round_}")
                    found = run(root, config, cache, Path(folder, "run"))
                    runs.setdefault((kind, name), []).append(found)
    print(f"{'seconds':24} {'other':>8} {'this':>8} {'other/this':>11}")
    for kind in ("warm", "cold"):
        pair = runs[kind, "other"], runs[kind, "this"]
        for part in pair[0][0]:
            other, this = ([row[part] for row in rows] for rows in pair)
            ratio = statistics.median(a / b for a, b in zip(other, this, strict=True))
            print(
                f"{kind + ', ' + part:24} {statistics.median(other):8.2f} "
                f"{statistics.median(this):8.2f} {ratio:11.2f}"
            )


if __name__ == "__main__":
    main()
