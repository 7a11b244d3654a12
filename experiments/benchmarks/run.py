"""Measure antiscale against other ways to the same numbers, side by side in one run.

    pip install -c .ci/constraints.txt -e ".[bench]" && python experiments/benchmarks/run.py

Writes experiments/benchmarks/results.json (every number, the machine, the versions),
results.csv (the table) and figures/benchmarks.png and .svg. Takes about four minutes on two cores.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from competitors import by_bisection, by_closed_form, by_cvxpy, counts_from_traces
from matplotlib.figure import Figure

import antiscale as ac
from antiscale.ball.optimum import solve
from antiscale.data import draw_counts
from antiscale.learners import Setting, load_learner
from antiscale.plots.style import GAP, INK, VB, VF
from antiscale.plots.sweep import encode, styled
from antiscale.risks.simulated import cloning_losses, verification_losses

HERE = Path(__file__).parent
FIGURES = HERE.parent.parent / "figures"


def best_of(run: Callable[[], object], repeats: int) -> float:
    """Seconds of the quickest of several runs, after one that compiles and warms up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def slope(x: list[float], seconds: list[float]) -> float:
    """Least-squares slope on log-log axes."""
    return float(np.polyfit(np.log(x), np.log(seconds), 1)[0])


def ball(rows: list[dict]) -> None:
    """64 pmfs of 4097 types: the same optimum by five programs, checked to agree."""
    rng = np.random.default_rng(0)
    pmf = rng.dirichlet(np.ones(4097), 64)
    returns = rng.integers(0, 4097, (64, 4097)).astype(float)
    kappa = 0.25
    on_device = jnp.asarray(pmf), jnp.asarray(returns), jnp.full(64, kappa)
    ours = np.asarray(ac.chi2_ball_optimum(pmf, returns, kappa).value)

    def in_bulk(program: Callable[..., float]) -> Callable[[], np.ndarray]:
        return lambda: np.array([program(p, r, kappa) for p, r in zip(pmf, returns, strict=True)])

    programs: dict[str, tuple[Callable[[], object], int]] = {
        "antiscale (JAX, active set)": (lambda: solve(*on_device).value.block_until_ready(), 20),
        "NumPy, sorted closed form": (in_bulk(by_closed_form), 5),
        "bisection to 1e-10": (in_bulk(by_bisection), 3),
        "CVXPY with Clarabel": (in_bulk(by_cvxpy), 1),
    }
    seconds = {}
    for name, (program, repeats) in programs.items():
        worst = np.abs(np.asarray(program()) - ours).max() / 4096
        assert worst < 1e-5, (name, worst)
        seconds[name] = best_of(program, repeats)
        rows.append({"benchmark": "ball, 64 x 4097", "program": name, "seconds": seconds[name]})


def simulation(rows: list[dict]) -> None:
    """One replicate of SFT at n traces: from counts, and by drawing and counting traces."""
    model = ac.families.load_family("heterogeneous", horizon=1024)
    rewards = ac.rewards.load_class("mirror", model)
    setting = Setting(jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), 1024.0, 0.25, rewards)
    learner = load_learner("sft")
    members = model.returns[None]

    def risk(counts: np.ndarray) -> object:
        return cloning_losses(learner, setting, counts, model.pmf[None], members).by_reward

    for n in (10**4, 10**6):
        ours = best_of(
            lambda n=n: risk(
                draw_counts(model.pmf, model.prompt_mass, n, seed=0, side="expert",
                            horizon=1024, replicates=range(8))
            ), 5,
        ) / 8  # fmt: skip
        theirs = best_of(
            lambda n=n: risk(counts_from_traces(model, n, np.random.default_rng(0))), 2
        )
        label = f"simulation, n = 10^{round(np.log10(n))}"
        rows.append({"benchmark": label, "program": "antiscale (counts)", "seconds": ours})
        rows.append({"benchmark": label, "program": "NumPy trace by trace", "seconds": theirs})


def scaling(curves: dict[str, dict]) -> None:
    """How cost grows with n, types, prompts and replicates."""

    def cell(n: int, types: int, prompts: int, repeats: int) -> Callable[[], object]:
        model = ac.families.load_family(
            "heterogeneous", horizon=4096, prompts=prompts, styles=8, lengths=types // 8
        )
        rewards = ac.rewards.load_class("mirror", model)
        setting = Setting(
            jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), 4096.0, 0.25, rewards
        )
        members = np.stack([model.returns, 4096 - model.returns])

        def run() -> object:
            counts = draw_counts(model.pmf, model.prompt_mass, n, seed=0, side="base",
                                 horizon=4096, replicates=range(repeats))  # fmt: skip
            found = verification_losses(load_learner("simple"), setting, counts, members)
            return found.by_reward.block_until_ready()

        return run

    standard = {"n": 10**5, "types": 128, "prompts": 8, "repeats": 64}
    grids = {
        "n": [10**4, 10**5, 10**6, 10**7, 10**8, 10**9],
        "types": [128, 256, 512, 1024, 2048],
        "prompts": [8, 16, 32, 64, 128],
        "repeats": [64, 128, 256, 512, 1024],
    }
    for name, grid in grids.items():
        seconds = [best_of(cell(**(standard | {name: value})), 3) for value in grid]
        curves[name] = {"x": grid, "seconds": seconds, "slope": slope(grid, seconds)}


def command(rows: list[dict]) -> None:
    """The whole command, with an empty and with a warm compilation cache; --help."""
    program = shutil.which("antiscale", path=Path(sys.executable).parent)
    assert program, "antiscale is not installed beside this Python"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": f"{folder}/cache"}

        def run(*arguments: str) -> float:
            start = time.perf_counter()
            subprocess.run([program, *arguments], env=environment, check=True, capture_output=True)
            return time.perf_counter() - start

        sweep = ("sweep", "--horizon", "4096", "--quiet", "--overwrite", "--out", f"{folder}/run")
        cold = run(*sweep)
        warm = min(run(*sweep) for _ in range(3))
        many = min(run(*sweep, "--samples", "1000000000") for _ in range(2))
        few = min(run(*sweep, "--samples", "10000") for _ in range(2))
        shown = min(run("--help") for _ in range(3))
    label = "antiscale sweep --horizon 4096"
    for name, seconds in (
        ("empty compilation cache", cold), ("warm compilation cache", warm),
        ("warm, n = 10^4", few), ("warm, n = 10^9", many), ("antiscale --help", shown),
    ):  # fmt: skip
        rows.append({"benchmark": label, "program": name, "seconds": seconds})


def draw(rows: list[dict], curves: dict[str, dict]) -> None:
    with styled():
        _draw(Figure(figsize=(7.2, 3.2), layout="constrained"), rows, curves)


def _draw(figure: Figure, rows: list[dict], curves: dict[str, dict]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    shown = [row for row in rows if row["benchmark"].startswith(("ball", "simulation"))]
    names = [f"{row['benchmark']}: {row['program']}" for row in shown]
    colors = [VB if "antiscale" in row["program"] else VF for row in shown]
    left.barh(range(len(shown)), [row["seconds"] for row in shown], color=colors, height=0.6)
    for place, row in enumerate(shown):
        ratio = (
            ""
            if row["ratio"] == 1
            else f" {round(row['ratio'], -1 if row['ratio'] > 100 else 1):,g} times"
        )
        left.text(row["seconds"], place, ratio, va="center", fontsize=7, color=INK)
    left.set_yticks(range(len(shown)), names, fontsize=6.5)
    left.invert_yaxis()
    left.set_axisbelow(True)
    left.set(xscale="log", xlabel="seconds")
    left.set_xlim(right=max(row["seconds"] for row in shown) * 60)
    left.set_title("The same numbers, by other ways", loc="left")
    marks = {"n": ("o", VF), "types": ("s", VB), "prompts": ("^", GAP), "repeats": ("D", INK)}
    labels = {"n": "traces n", "types": "types S", "prompts": "prompts m", "repeats": "replicates"}
    for name, curve in curves.items():
        marker, color = marks[name]
        x = np.array(curve["x"]) / curve["x"][0]
        label = f"{labels[name]}: slope {curve['slope']:.2f}"
        right.plot(x, curve["seconds"], marker=marker, color=color, markersize=4, label=label)
    right.set(xscale="log", yscale="log", xlabel="times the smallest size", ylabel="seconds")
    right.legend()
    right.set_title("Cost of a cell of a sweep", loc="left")
    quickest, slowest = shown[0], max(shown[:4], key=lambda row: row["seconds"])
    figure.supxlabel(
        f"The ball's optimum takes {quickest['seconds'] * 1e3:.2g} ms where a cone solver takes "
        f"{slowest['seconds']:.2g} s; a cell costs as much at $10^4$ as at $10^9$ traces.",
        x=0.01, ha="left", fontsize=7, color=INK,
    )  # fmt: skip
    for kind, content in encode(figure).items():
        (FIGURES / f"benchmarks.{kind}").write_bytes(content)


def main() -> None:
    rows: list[dict] = []
    curves: dict[str, dict] = {}
    for step in (ball, simulation, command):
        print(f"{step.__name__} ...", flush=True)
        step(rows)
    print("scaling ...", flush=True)
    scaling(curves)
    first: dict[str, float] = {}
    for row in rows:
        # The ratio to antiscale's own way, measured in this run; rows of ours come first.
        row["ratio"] = row["seconds"] / first.setdefault(row["benchmark"], row["seconds"])
    names = ("jax", "numpy", "scipy", "cvxpy", "clarabel")
    machine = {
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in names},
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "device": ", ".join(device.device_kind for device in jax.devices()),
        "system": platform.system(),
    }
    found = {"machine": machine, "rows": rows, "scaling": curves}
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    with (HERE / "results.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["benchmark", "program", "seconds", "ratio"])
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, curves)
    for row in rows:
        print(f"{row['benchmark']:32} {row['program']:28} {row['seconds']:10.4g} s"
              f" {row['ratio']:10.4g} x")  # fmt: skip
    for name, curve in curves.items():
        print(f"cost against {name:10} slope {curve['slope']:.2f}")


if __name__ == "__main__":
    main()
