"""An environment of one's own goes through the whole pipeline; its splits are kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from antiscale.networks.config import METHODS, SCHEMA, TrainConfig
from antiscale.networks.environment import Environment
from antiscale.networks.environments import ENVIRONMENTS
from antiscale.networks.study import StudyFolder, _traces, run_study

M, E, K = 3, 2, 4


@dataclass(frozen=True, kw_only=True)
class Toy(Environment):
    """Two styles, each right at token 1 or never; NumPy writes the traces.

    Prompts 0 to 2 are finetuned on, 3 and 4 evaluated, 5 to 8 taught.
    """

    environment: ClassVar[str] = "toy"
    announced: ClassVar[bool] = False
    prompt: ClassVar[int] = 1
    head: ClassVar[int] = 1
    vocabulary: ClassVar[int] = 2 + 2 + M + E + K
    styles: ClassVar[int] = 2
    first_style: ClassVar[int] = 2

    @property
    def all_prompts(self) -> int:
        return M + E + K

    @property
    def taught(self) -> range:
        return range(M + E, M + E + K)

    @property
    def evaluated(self) -> range:
        return range(M, M + E)

    def prefix(self, horizon: int) -> np.ndarray:
        return 4 + np.arange(M + E + K)[:, None]

    def base(self, key: jax.Array, x: jax.Array, horizon: int) -> jax.Array:
        at = np.asarray(x)  # fails under jit
        style = np.asarray(jax.random.bernoulli(key, 0.5, at.shape)).astype(int)
        body = np.repeat(style[:, None], horizon, 1)
        return jnp.asarray(np.concatenate([4 + at[:, None], 2 + style[:, None], body], 1))

    def best(self, key: jax.Array, x: jax.Array, horizon: int) -> jax.Array:
        ones = jnp.ones((len(x), horizon), int)
        return jnp.concatenate([4 + x[:, None], 2 + ones[:, :1], ones], 1)

    def times(self, tokens: jax.Array, x: jax.Array) -> jax.Array:
        body = tokens[:, 2:] == 1
        return jnp.where(body.any(1), body.argmax(1) + 1, body.shape[1] + 1)

    def valid(self, tokens: jax.Array, x: jax.Array) -> jax.Array:
        return (tokens[:, 2:] < 2).mean(1)

    def law(self, horizon: int) -> np.ndarray:
        law = np.zeros((M + E + K, 2, horizon + 1))
        law[:, 0, 0] = law[:, 1, -1] = 0.5
        return law


SHORT = {"steps": 4, "batch": 8, "rate": 3e-3}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict], pd.DataFrame]:
    """Every method, through a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENTS, "toy", __name__)
        config = TrainConfig(
            environment="toy", parameters={"prompts": M}, places={4: (5,)}, methods=METHODS,
            data_seeds=2, width=8, layers=1, heads=2, pretrain=SHORT, finetune=SHORT,
            verifier=SHORT, gradient=SHORT, group=4, fresh=8, law=8, evaluation=6, tries=4, kept=3,
        )  # fmt: skip
        path: Path = tmp_path_factory.mktemp("toy") / "study"
        with StudyFolder.open(path, SCHEMA, config.hash()) as folder:
            found = run_study(config, folder)
            assert found is not None
            with np.load(path / "laws-H4.npz") as laws:
                # The law is found where arms learn and where they are evaluated.
                assert laws["base_style"].shape == (1, M + E, 2)
                assert laws["J/sft/5/0/0"].shape == (2, E)
            return found.rows, pd.read_parquet(path / "rollouts.parquet")


def test_every_method_runs(study: tuple[list[dict], pd.DataFrame]) -> None:
    rows, _ = study
    assert {row["method"] for row in rows} == {"base", "expert", *METHODS}
    assert all(np.isfinite(row["loss"]) and 0 <= row["J"] <= 4 for row in rows)
    labels = {row["method"]: row["labels"] for row in rows}
    assert labels == dict.fromkeys(METHODS, 5) | {
        "base": 0, "expert": 0, "ball_true": 8 * M, "pg_true": 4 * 8, "best_of_n_true": 4
    }  # fmt: skip
    # Only arms that ask the learned verifier have its error.
    asked = {row["method"] for row in rows if "verifier_error" in row}
    assert asked == {"ball", "rejection", "pg_learned", "best_of_n", "best_of_n_clone"}


def test_the_base_learns_from_the_taught_prompts_alone() -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    tokens = np.asarray(_traces(Toy(horizons=(4,), prompts=M), keys, 4, 5, 64))
    assert tokens.shape == (2, 5, 64, 6)
    assert set(np.unique(tokens[..., 0] - 4)) == set(range(M + E, M + E + K))
    assert (tokens[0] != tokens[1]).any()


def test_nested_traces_are_pretrained_on_at_the_largest_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from antiscale.networks import study as module

    monkeypatch.setitem(ENVIRONMENTS, "toy", __name__)
    monkeypatch.setattr(Toy, "nested", True)
    lengths: list[int] = []

    def taken(models: Any, states: Any, tokens: Any, schedule: Any, start: int) -> Any:
        lengths.append(tokens.shape[-1])
        return models, states, np.zeros(1)

    monkeypatch.setattr(module, "_pretrain", taken)
    module.pretrain(
        TrainConfig(
            environment="toy", parameters={"prompts": M}, places={4: (5,), 6: (5,)}, width=8,
            layers=1, heads=2, pretrain=SHORT | {"steps": 25},
        )
    )  # fmt: skip
    assert lengths == [8, 8, 8]


def test_policies_are_evaluated_on_their_own_prompts(
    study: tuple[list[dict], pd.DataFrame],
) -> None:
    _, table = study
    assert set(table["problem"]) == {M, M + 1}
    assert (table.groupby(["model", "problem"]).size() == 3).all()
    scored = table.groupby("model")["score"].count() > 0
    assert scored[scored].index.tolist() == ["base-4-0-0.0"]
    assert table.loc[table["score"].notna(), "score"].between(0, 4).all()


def test_best_of_n_by_the_truth_is_the_best_of_each_group(
    study: tuple[list[dict], pd.DataFrame],
) -> None:
    rows, _ = study
    mean = {m: np.mean([r["J"] for r in rows if r["method"] == m]) for m in METHODS}
    assert mean["best_of_n_true"] >= mean["best_of_n"]
