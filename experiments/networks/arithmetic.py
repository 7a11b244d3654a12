"""The rows of figure `arithmetic`: `antiscale figures arithmetic` runs its study, or takes it up.

Minutes on two cores. Beside the study's own rows: the law of T by style and what it says of other
budgets, from the base's law, and what each arm solves within h tokens and in k tries, from the
sampled traces. The folder is runs/study-NAME.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from antiscale import presets
from antiscale.core import device, intervals
from antiscale.core.config import read_config
from antiscale.figures import Progress
from antiscale.figures.arithmetic import RECORD, Config
from antiscale.models.measures import anticoncentration, heterogeneity
from antiscale.networks.config import TrainConfig
from antiscale.networks.study import kept_study
from antiscale.networks.words import gaps
from antiscale.search import pass_at_k

# Arms whose traces are shown beside the base's.
SHOWN = ("base", "sft", "ball", "ball_true")


def rows(config: Config, progress: Progress) -> dict[str, pd.DataFrame]:
    """The study's rows, and everything that is drawn."""
    given = TrainConfig.from_mapping(read_config(presets.find("studies", config.study)))
    path = Path("runs") / f"study-{config.study}"
    frame = kept_study(given, path, progress).frame.assign(device=device.description())
    horizon = given.horizons[-1]
    with np.load(path / f"laws-H{horizon}.npz") as laws:
        law = laws["base_style"][..., None] * laws["base_returns"]
    law = law[:, _places(given)].mean(0)
    table = pd.read_parquet(path / "rollouts.parquet")
    names = given.world.style_names
    drawn = [
        *_times(law, names), *_budgets(law, given.kappa), *_solved(table, given),
        *_gaps(frame), *_tries(table, given),
    ]  # fmt: skip
    columns = ("panel", "series", "x", "value", "low", "high")
    return dict(zip(RECORD.tables, (pd.DataFrame(drawn, columns=columns), frame), strict=True))


def _places(config: TrainConfig) -> slice:
    """Where the evaluated problems stand among those whose law was found."""
    world = config.world
    return slice(-len(world.evaluated), None) if world.evaluated.start else slice(None)


def _times(law: np.ndarray, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """P(T <= h) by style, mean over problems, for every h."""
    mass = law.sum(-1).mean(0)
    each = law.mean(0)[:, :0:-1].cumsum(-1) / mass[:, None]
    return [
        ("T", name, h, value, value, value)
        for name, line in zip(names, each, strict=True) for h, value in enumerate(line, 1)
    ]  # fmt: skip


def _budgets(law: np.ndarray, kappa: float) -> list[tuple[Any, ...]]:
    """sigma_x/h and c_x(kappa) at smaller budgets h, quartiles over problems."""
    pmf, most = law.sum(1), law.shape[-1] - 1
    pmf[:, 0] += np.maximum(1.0 - pmf.sum(-1), 0.0)
    pmf /= pmf.sum(-1, keepdims=True)
    found = []
    for h in np.unique(np.geomspace(8, most, 12).round().astype(int)):
        gain = np.maximum(np.arange(most + 1) - (most - h), 0.0)
        returns = np.broadcast_to(gain, pmf.shape)
        sigma = np.asarray(heterogeneity(pmf, returns)) / h
        above = np.asarray(anticoncentration(pmf, returns, kappa, horizon=int(h)))
        for panel, values in (("sigma", sigma), ("c", above)):
            low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
            found.append((panel, "base", h, middle, low, high))
    return found


def _models(table: pd.DataFrame, config: TrainConfig, method: str) -> list[pd.DataFrame]:
    """The traces of each run of a method at the largest H and n, and the study's own spread."""
    horizon, sizes = config.places[-1]
    n = 0 if method in ("base", "ball_true") else sizes[-1]
    name = rf"^{method}-{horizon}-{n}-\d+\.\d+$"
    some = table[table["model"].str.match(name)]
    return [each for _, each in some.groupby("model")]


def _solved(table: pd.DataFrame, config: TrainConfig) -> list[tuple[Any, ...]]:
    """Share solved within h tokens by each arm, and by the base's best of N tries of H tokens."""
    found: list[tuple[Any, ...]] = []
    horizon = config.horizons[-1]
    for method in SHOWN:
        models = _models(table, config, method)
        for h in range(4, horizon + 1, 4) if models else ():
            each = [(model["tokens_to_first_correct"] <= h).mean() for model in models]
            found.append(("solved", method, h, *_spread(each)))
    for model in _models(table, config, "base")[:1]:
        for k in _powers(config.kept):
            value = _pass(model, k)
            found.append(("solved", "base, best of N", k * horizon, value, value, value))
    return found


def _spread(each: list[float]) -> tuple[float, float, float]:
    """Mean over runs and its ends."""
    return float(np.mean(each)), min(each), max(each)


def _powers(most: int) -> list[int]:
    return [2**k for k in range(most.bit_length()) if 2**k <= most]


def _pass(model: pd.DataFrame, k: int) -> float:
    """pass@k without bias, mean over problems."""
    counts = model.groupby("problem")["correct"].agg(["size", "sum"])
    return float(np.mean(pass_at_k(counts["size"].to_numpy(), counts["sum"].to_numpy(), k)))


def _tries(table: pd.DataFrame, config: TrainConfig) -> list[tuple[Any, ...]]:
    """pass@k of the base and of each arm."""
    return [
        ("pass", method, k, *_spread([_pass(model, k) for model in models]))
        for method in SHOWN for models in [_models(table, config, method)] if models
        for k in _powers(config.kept)
    ]  # fmt: skip


def _gaps(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Loss of sft minus that of ball, along n at the largest H and along H, by spread."""
    every = gaps(frame)
    found: list[tuple[Any, ...]] = []
    horizon = every["horizon"].max()
    for (spread, n), some in every[every["horizon"] == horizon].groupby(["spread", "n"]):
        found.append(("n", f"{spread:g}", n, *_interval(some)))
    own = frame["spread"].iloc[0]
    some = every[every["spread"] == own]
    slope = some["n"] / some["horizon"]
    shared = slope.groupby(slope).apply(lambda z: some.loc[z.index, "horizon"].nunique())
    for h, part in some[slope == shared.idxmax()].groupby("horizon"):
        found.append(("H", f"{own:g}", h, *_interval(part)))
    return found


def _interval(some: pd.DataFrame) -> tuple[float, float, float]:
    gap = some["gap"].to_numpy(float)
    return tuple(intervals.mean(gap)[:3]) if len(gap) > 1 else (gap[0],) * 3
