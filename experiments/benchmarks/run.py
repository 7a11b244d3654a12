"""Measure antiscale against other ways to the same numbers, side by side in one run.

    pip install -c .ci/constraints.txt -e ".[bench]" && antiscale figures benchmarks

The rows of the figure of that name, every number with the machine and the versions. Takes about
four minutes on two cores.
"""

from __future__ import annotations

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

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import optimize

import antiscale as ac
from antiscale.ball.optimum import solve
from antiscale.data import draw_counts
from antiscale.figures import Progress
from antiscale.figures.benchmarks import Config
from antiscale.learners import Setting, load_learner
from antiscale.risks.simulated import cloning_losses, verification_losses


def best_of(run: Callable[[], object], repeats: int) -> float:
    """Seconds of the quickest of several runs, after one that compiles and warms up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def by_closed_form(pmf, returns, kappa: float) -> float:
    """T2 in NumPy: sort, running moments of every top set, and the one that fits its threshold."""
    order = np.argsort(-returns)
    p, r = pmf[order], returns[order]
    mass, first, second = np.cumsum(p), np.cumsum(p * r), np.cumsum(p * r * r)
    best = mass[np.searchsorted(-r, -r[0], side="right") - 1]
    if 1 + kappa >= 1 / best:
        return float(r[0])
    mean = first / mass
    spread = np.sqrt(np.maximum(second / mass - mean**2, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(mass * (1 + kappa) - 1)
        threshold = mean - spread / root
    after = np.append(r[1:], -np.inf)
    fits = np.flatnonzero((r > threshold) & (threshold >= after))
    return float(mean[fits[0]] + spread[fits[0]] * root[fits[0]])


def by_bisection(pmf, returns, kappa: float) -> float:
    """The threshold nu by root finding on E(R - nu)_+^2 = (1 + kappa) (E(R - nu)_+)^2."""
    top = returns.max()
    if 1 + kappa >= 1 / pmf[returns == top].sum():
        return float(top)

    def excess(nu: float) -> float:
        u = np.maximum(returns - nu, 0.0)
        return float(pmf @ u**2 - (1 + kappa) * (pmf @ u) ** 2)

    low = returns.min() - (top - returns.min()) / np.sqrt(min(kappa, 1.0)) - 1.0
    nu = optimize.bisect(excess, low, top - 1e-9, xtol=1e-10 * (top - returns.min()))
    u = np.maximum(returns - nu, 0.0)
    return float((pmf * u) @ returns / (pmf @ u))


def by_cvxpy(pmf, returns, kappa: float) -> float:
    """The second-order cone program in u = sqrt(p) w, which is the better scaled."""
    root = np.sqrt(pmf)
    u = cp.Variable(len(pmf), nonneg=True)
    centre = pmf @ returns
    goal = cp.Maximize((root * (returns - centre)) @ u)
    problem = cp.Problem(goal, [root @ u == 1, cp.norm(u, 2) <= np.sqrt(1 + kappa)])
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value + centre)


def counts_from_traces(model, n: int, rng: np.random.Generator):
    """Draw n prompts and traces one by one (in bulk NumPy calls), and count them: [1, m, S]."""
    prompts = rng.choice(model.prompts, n, p=model.prompt_mass)
    u = rng.random(n)
    cumulative = np.cumsum(model.pmf, axis=-1)
    counts = np.zeros(model.pmf.shape)
    for x in range(model.prompts):
        types = np.searchsorted(cumulative[x], u[prompts == x], side="right")
        counts[x] = np.bincount(types.clip(max=model.types - 1), minlength=model.types)
    return counts[None]


def ball(config: Config, rows: list[dict]) -> None:
    """The same optimum by four programs, checked to agree."""
    rng = np.random.default_rng(0)
    shape = config.pmfs, config.types
    pmf = rng.dirichlet(np.ones(config.types), config.pmfs)
    returns = rng.integers(0, config.types, shape).astype(float)
    kappa = 0.25
    on_device = jnp.asarray(pmf), jnp.asarray(returns), jnp.full(config.pmfs, kappa)
    ours = np.asarray(ac.chi2_ball_optimum(pmf, returns, kappa).value)

    def in_bulk(program: Callable[..., float]) -> Callable[[], np.ndarray]:
        return lambda: np.array([program(p, r, kappa) for p, r in zip(pmf, returns, strict=True)])

    programs: dict[str, tuple[Callable[[], object], int]] = {
        "antiscale (JAX, active set)": (lambda: solve(*on_device).value.block_until_ready(), 20),
        "NumPy, sorted closed form": (in_bulk(by_closed_form), 5),
        "bisection to 1e-10": (in_bulk(by_bisection), 3),
        "CVXPY with Clarabel": (in_bulk(by_cvxpy), 1),
    }
    label = f"ball, {config.pmfs} x {config.types}"
    for name, (program, repeats) in programs.items():
        worst = np.abs(np.asarray(program()) - ours).max() / config.types
        assert worst < 1e-5, (name, worst)
        seconds = best_of(program, repeats)
        rows.append({"benchmark": label, "program": name, "seconds": seconds})


def simulation(config: Config, rows: list[dict]) -> None:
    """One replicate of SFT at n traces: from counts, and by drawing and counting traces."""
    model = ac.families.load_family("heterogeneous", horizon=1024)
    rewards = ac.rewards.load_class("mirror", model)
    setting = Setting(jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), 1024.0, 0.25, rewards)
    learner = load_learner("sft")
    members = model.returns[None]

    def risk(counts: np.ndarray) -> object:
        return cloning_losses(learner, setting, counts, model.pmf[None], members).by_reward

    for n in config.samples:
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


def scaling(config: Config, rows: list[dict]) -> None:
    """How the cost of a cell grows with n, types, prompts and replicates."""

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
    starts = {"n": (10**4, 10), "types": (128, 2), "prompts": (8, 2), "repeats": (64, 2)}
    for name, (first, factor) in starts.items():
        # n, which costs nothing, at one more size.
        sizes = config.sizes - (name != "n")
        grid = [first * factor**k for k in range(sizes)]
        seconds = [best_of(cell(**(standard | {name: value})), 3) for value in grid]
        slope = float(np.polyfit(np.log(grid), np.log(seconds), 1)[0]) if sizes > 1 else 0.0
        rows += [
            {"panel": "scaling", "benchmark": name, "x": x, "seconds": s, "slope": slope}
            for x, s in zip(grid, seconds, strict=True)
        ]


def command(config: Config, rows: list[dict]) -> None:
    """The whole command, with an empty and with a warm compilation cache; --help."""
    program = shutil.which("antiscale", path=Path(sys.executable).parent)
    assert program, "antiscale is not installed beside this Python"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": f"{folder}/cache"}

        def run(*arguments: str) -> float:
            start = time.perf_counter()
            subprocess.run([program, *arguments], env=environment, check=True, capture_output=True)
            return time.perf_counter() - start

        horizon = str(config.horizon)
        sweep = ("sweep", "--horizon", horizon, "--quiet", "--overwrite", "--out", f"{folder}/run")
        cold = run(*sweep)
        warm = min(run(*sweep) for _ in range(3))
        many = min(run(*sweep, "--samples", "1000000000") for _ in range(2))
        few = min(run(*sweep, "--samples", "10000") for _ in range(2))
        shown = min(run("--help") for _ in range(3))
    label = f"antiscale sweep --horizon {horizon}"
    for name, seconds in (
        ("empty compilation cache", cold), ("warm compilation cache", warm),
        ("warm, n = 10^4", few), ("warm, n = 10^9", many), ("antiscale --help", shown),
    ):  # fmt: skip
        rows.append({"benchmark": label, "program": name, "seconds": seconds})


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "time" (seconds of every program) and "scaling" (of a cell as it grows)."""
    found: list[dict] = []
    steps = (ball, simulation, command, scaling)
    for done, step in enumerate(steps):
        step(config, found)
        progress(done + 1, len(steps), step.__name__)
    first: dict[str, float] = {}
    for row in found:
        if row.setdefault("panel", "time") == "time":
            # To antiscale's own way, measured in this run; rows of ours come first.
            row["ratio"] = row["seconds"] / first.setdefault(row["benchmark"], row["seconds"])
    machine = {
        "python": platform.python_version(), "processor": platform.machine(),
        "cores": os.cpu_count(),
        "device": ", ".join(device.device_kind for device in jax.devices()),
        "system": platform.system(),
    }  # fmt: skip
    names = ("jax", "numpy", "scipy", "cvxpy", "clarabel")
    machine |= {name: metadata.version(name) for name in names}
    columns = ["panel", "benchmark", "program", "x", "seconds", "ratio", "slope"]
    return pd.DataFrame(found).astype({"x": "Int64"})[columns].assign(**machine)
