"""A study: pretrained bases, then cell by cell every arm; rows out, and what made them kept.

runs/train-<hash>/manifest.json   configuration, versions, device, list of files
rows.csv        one row per method, H, n, base and data seed
rollouts.parquet   some traces of each run: problem, sample, correct, ...
laws-H<H>.npz   base's law by prompt and style; J by prompt of every run
result.json     rows, as printed by --json
bases.eqx       the pretrained networks
Files of a further spread s end in -spread<s>.
"""

from __future__ import annotations

import functools
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from antiscale.core.errors import InputError
from antiscale.core.folder import Folder, read_json
from antiscale.networks.arms import Cell
from antiscale.networks.config import SCHEMA, TrainConfig
from antiscale.networks.environment import Environment
from antiscale.networks.training import Progress, Schedule, imitation, update
from antiscale.networks.transformer import Transformer, stack

if TYPE_CHECKING:
    import pandas as pd

# Steps of pretraining at one horizon before the next has its turn.
_TURN = 10


@functools.partial(jax.jit, static_argnames=("schedule", "start"))
def _pretrain(
    models: Transformer, states: Any, tokens: jax.Array, schedule: Schedule, start: int
) -> Any:
    def run(model: Any, state: Any, tokens: jax.Array) -> Any:
        def step(both: Any, tokens: jax.Array) -> Any:
            value, slope = jax.value_and_grad(imitation)(both[0], tokens, None, start)
            return update(schedule, both, slope), value

        both, values = lax.scan(step, (model, state), tokens)
        return *both, values.mean()

    return jax.vmap(run)(models, states, tokens)


def _traces(world: Environment, keys: jax.Array, horizon: int, steps: int, batch: int) -> jax.Array:
    """Traces of the procedure for each base and step, [bases, steps, batch, L]."""

    def one(key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        x = jax.random.randint(first, (batch,), world.taught.start, world.taught.stop)
        return jnp.asarray(world.base(second, x, horizon), jnp.int32)

    return jnp.stack(
        [jnp.stack([one(each) for each in jax.random.split(key, steps)]) for key in keys]
    )


def create(config: TrainConfig) -> Transformer:
    """Draw the weights of every base, stacked."""
    world = config.world
    keys = jax.random.split(jax.random.key(config.seed), config.base_seeds)
    return stack([
        Transformer.create(
            key, world.vocabulary, world.longest, config.width, config.layers, config.heads
        )
        for key in keys
    ])  # fmt: skip


def pretrain(config: TrainConfig, progress: Progress | None = None) -> Transformer:
    """Train the bases on traces of the procedural policy, drawn afresh at every step."""
    models, world, schedule = create(config), config.world, config.pretrain
    states = jax.vmap(schedule.optimiser.init)(models)
    horizons = config.horizons[-1:] if world.nested else config.horizons
    key, done = jax.random.key(config.seed + 1), 0
    while done < schedule.steps:
        # From the shortest, which is cheap and shows what styles mean, to the longest, over and
        # over.
        horizon = horizons[done // _TURN % len(horizons)]
        steps = min(_TURN, schedule.steps - done)
        keys = jax.random.split(jax.random.fold_in(key, done), config.base_seeds)
        tokens = _traces(world, keys, horizon, steps, schedule.batch)
        models, states, value = _pretrain(models, states, tokens, schedule, world.prompt)
        done += steps
        if progress is not None and done % (5 * _TURN) == 0:
            progress(done, schedule.steps, f"base: loss {float(value.mean()):.3f}")
    return models


@dataclass(frozen=True, repr=False)
class Study:
    """What a study found; `rows` as dictionaries."""

    config: TrainConfig
    rows: list[dict[str, Any]]

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `antiscale train --json` prints."""
        return {"schema": SCHEMA, "config": self.config.to_dict(), "rows": self.rows}


class StudyFolder(Folder):
    """One study's folder: bases and finished cells are kept, so that it can go on."""

    def bases(
        self, config: TrainConfig, progress: Progress | None = None, part: str = ""
    ) -> Transformer:
        """The pretrained networks of a part of the study, from disk if they are there."""
        name = f"bases{part}.eqx"
        file = self.path / name
        if name in self.files and file.exists():
            try:
                return eqx.tree_deserialise_leaves(file, create(config))
            except (RuntimeError, ValueError, EOFError):
                raise InputError(
                    f"{file} is damaged; delete it to train it again, or pass --overwrite"
                ) from None
        models = pretrain(config, progress)
        content = io.BytesIO()
        eqx.tree_serialise_leaves(content, models)
        self.write(name, content.getvalue())
        return models

    def store(self, study: Study, images: dict[str, bytes]) -> None:
        """Write the results and mark the study complete; its cells are then no longer needed."""
        result = json.dumps(study.to_json(), indent=1, allow_nan=False)
        self.write("rows.csv", study.frame.to_csv(index=False).encode())
        self.write("result.json", result.encode())
        for kind, image in images.items():
            self.write(f"study.{kind}", image)
        parts = study.config.parts
        laws = [f"laws-{name}.npz" for name in cells(study.config)]
        pictures = [f"study.{kind}" for kind in images]
        self.finish([
            *(f"bases{part}.eqx" for part in parts), *laws, "rollouts.parquet", "rows.csv",
            "result.json", *pictures,
        ])  # fmt: skip

    def study(self, config: TrainConfig) -> Study:
        """Return what a complete folder holds."""
        return Study(config, read_json(self.path / "result.json")["rows"])

    def rows(self, cell: str) -> list[dict[str, Any]] | None:
        """Rows of a finished cell; None where there is none."""
        name = f"cells/{cell}.json"
        if name not in self.files or not (self.path / name).exists():
            return None
        return read_json(self.path / name)["rows"]

    def keep(self, cell: Cell, part: str = "") -> None:
        """Keep a finished cell; its rows last, which say that it is finished."""
        arrays = io.BytesIO()
        np.savez_compressed(arrays, allow_pickle=False, **cell.arrays)
        name = f"H{cell.horizon}{part}"
        self.write(f"laws-{name}.npz", arrays.getvalue())
        table = io.BytesIO()
        rollouts(cell, part).to_parquet(table, index=False)
        self.write(f"cells/{name}.parquet", table.getvalue())
        body = json.dumps({"rows": cell.rows}, allow_nan=False)
        self.write(f"cells/{name}.json", body.encode())


def cells(config: TrainConfig) -> list[str]:
    """Names of a study's cells: a horizon and a part."""
    return [f"H{horizon}{part}" for part in config.parts for horizon, _ in config.compared(part)]


def rollouts(cell: Cell, part: str = "") -> pd.DataFrame:
    """The kept traces as a table that `antiscale diagnose` reads."""
    import pandas as pd

    frames = [pd.DataFrame({"problem": [], "sample": [], "model": []})]
    for kept in cell.samples:
        for k, run in enumerate(kept["runs"]):
            base, seed = cell.draws[run.draw]
            times = cell.times_of(kept["times"][k], run.mirrored)
            right = times <= cell.horizon
            mirror = "-mirror" if run.mirrored else ""
            frames.append(pd.DataFrame({
                "problem": kept["x"][k], "sample": np.arange(len(times)) % cell.config.kept,
                "correct": right, "length": cell.horizon,
                "tokens_to_first_correct": np.where(right, times, np.nan),
                "score": np.nan if kept["scores"] is None else kept["scores"][k],
                "model": f"{kept['method']}-{cell.horizon}-{run.n}-{base}.{seed}{mirror}{part}",
            }))  # fmt: skip
    return pd.concat(frames[1:] or frames, ignore_index=True)


def kept_study(config: TrainConfig, path: Path, progress: Progress | None = None) -> Study:
    """The study of a folder, run as far as it is not there yet."""
    with StudyFolder.open(path, SCHEMA, config.hash(), config=config.to_dict()) as folder:
        if folder.complete:
            return folder.study(config)
        found = run_study(config, folder, progress)
        assert found is not None, "without a limit of minutes it ends"
        folder.store(found, {})
        return found


def run_study(
    config: TrainConfig, folder: StudyFolder, progress: Progress | None = None,
    minutes: float | None = None,
) -> Study | None:  # fmt: skip
    """Compute what is missing of a study; None if the minutes were over before it was done."""
    import pandas as pd

    end = None if minutes is None else time.monotonic() + 60 * minutes
    rows: list[dict[str, Any]] = []
    last = 0.0
    for part, some in config.parts.items():
        places = config.compared(part)
        known = {horizon: folder.rows(f"H{horizon}{part}") for horizon, _ in places}
        missing = None in known.values()
        if missing and end is not None and time.monotonic() >= end:
            return None
        bases = folder.bases(some, progress, part) if missing else None
        for horizon, sizes in places:
            found = known[horizon]
            if found is None:
                # The next cell is about twice as long as the last.
                if end is not None and time.monotonic() + 2 * last > end:
                    return None
                begun = time.monotonic()
                assert bases is not None, "trained where a cell is missing"
                key = jax.random.fold_in(jax.random.key(some.seed + 2), horizon)
                cell = Cell(some, bases, horizon, sizes, key, progress)
                cell.compute()
                folder.keep(cell, part)
                found, last = cell.rows, time.monotonic() - begun
            rows += found
    parts = [f"cells/{name}.parquet" for name in cells(config)]
    table = io.BytesIO()
    whole = pd.concat([pd.read_parquet(folder.path / name) for name in parts], ignore_index=True)
    whole.to_parquet(table, index=False)
    folder.write("rollouts.parquet", table.getvalue())
    return Study(config, rows)
