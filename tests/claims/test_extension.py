"""A learner with a theorem of its own, a family, a reward class, a strategy, a theorem, a figure.

Each is added to a copy of the package as CONTRIBUTING says: in one file, and one line where the
package's `__init__` lists what it has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

LEARNER = '''"""The base policy itself."""
from dataclasses import dataclass

from antiscale.learners.base import Learner
from antiscale.learners.premises import Bound


@dataclass(frozen=True)
class Still(Learner):
    """Learns nothing."""

    name = "still"
    side = "vf"

    def __call__(self, data, setting):
        return setting.pmf + 0 * data.counts

    def upper(self, premises, over):
        return Bound(float(premises.horizon), "T0")
'''

FAMILY = '''"""A fair coin."""
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.models.traces import TraceModel, uniform_prompts


@dataclass(frozen=True, kw_only=True)
class Coin(FromMapping):
    """Right at once, or never.

    Parameters
    ----------
    prompts
        m, equally likely.
    """

    name: ClassVar[str] = "coin"
    reward_class: ClassVar[str] = "pair"
    prompts: int = option(2, validate.integer, least=1)

    def size(self, horizon):
        return self.prompts, 2

    def at(self, horizon):
        shape = (self.prompts, 2)
        return TraceModel(
            family=self.name, horizon=horizon, pmf=np.full(shape, 0.5),
            hitting_times=np.broadcast_to([1.0, np.inf], shape).copy(),
            lengths=np.ones(shape), styles=np.zeros(shape, dtype=np.int64),
            prompt_mass=uniform_prompts(self.prompts), sigma_exponent=1.0,
        )
'''

REWARDS = '''"""A reward and its mirror, by another name."""
from dataclasses import dataclass
from typing import ClassVar

from antiscale.core.pytree import pytree
from antiscale.rewards.mirror import Mirror


@pytree
@dataclass(frozen=True, eq=False)
class Pair(Mirror):
    """As mirror."""

    name: ClassVar[str] = "pair"
'''

STRATEGY = """

@strategy("nothing", "no trace at all")
def _nothing(search):
    shape = (len(search.problem.pmf), len(search.budgets), search.problem.pmf.shape[-1])
    return Outcome(search.problem, np.zeros(shape), np.zeros(shape[:2]))
"""

THEOREM = '''"""T99: an example."""
from antiscale.core.theorem import theorem


@theorem(
    "T99", "an example", "2 x", kind="exact", learner="none", origin="ours", example={"x": 2.0}
)
def doubled(x):
    """2 x (T99)."""
    return 2 * x
'''

FIGURE = '''"""Squares."""
from dataclasses import dataclass

import pandas as pd

from antiscale.figures import Record
from antiscale.plots import style

RECORD = Record(99, "Squares", "Not in the paper.")


@dataclass(frozen=True, kw_only=True)
class Config:
    """How many."""

    most: int


def rows(config, progress):
    return pd.DataFrame({"n": range(config.most), "square": [n * n for n in range(config.most)]})


def note(rows):
    return f"The last one is {rows['square'].iloc[-1]}."


def draw(rows):
    with style.sheet(2.0, note(rows)) as figure:
        figure.subplots().plot(rows["n"], rows["square"])
    return figure
'''

SCRIPT = """
import json
from pathlib import Path

import antiscale as ac
from antiscale import presets
from antiscale.figures import build

row = ac.sweep(family="coin", learner="still", horizon=16, repeats=2).rows[-1]
search = ac.search.search_curves(family="coin", horizon=16, strategies=("nothing",), budgets=(16,))
figure = build.build("squares", presets.folder("figures"), Path("out"))
print(json.dumps({
    "family": row["family"], "class": row["reward_class"], "learner": row["vf_learner"],
    "bound": [row["vf_upper"], row["vf_upper_name"]],
    "strategy": [row["accuracy"] for row in search.rows],
    "theorem": [ac.theorems["T99"].value, ac.bounds.doubled(4.0)],
    "figure": [figure.state, Path("out/squares.png").is_file()],
}))
"""


def put(file: Path, text: str) -> None:
    assert not file.exists()
    file.write_text(text)


def listed(file: Path, before: str, line: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, line + before, 1))


def test_each_kind_of_thing_is_added_in_one_file(tmp_path: Path) -> None:
    ours = tmp_path / "antiscale"
    shutil.copytree(ROOT / "antiscale", ours, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "experiments/figures").mkdir(parents=True)
    put(ours / "learners/still.py", LEARNER)
    put(ours / "models/families/coin.py", FAMILY)
    put(ours / "rewards/pair.py", REWARDS)
    put(ours / "bounds/t99_example.py", THEOREM)
    put(ours / "figures/squares.py", FIGURE)
    put(tmp_path / "experiments/figures/squares.toml", "# Figure 99. Squares.\nmost = 4\n")
    with (ours / "search/strategies.py").open("a") as file:
        file.write(STRATEGY)
    for package, name, module in (
        ("learners", "Still", "learners.still"),
        ("models/families", "Coin", "models.families.coin"),
        ("rewards", "Pair", "rewards.pair"),
    ):
        init = ours / package / "__init__.py"
        listed(init, "_ALL: tuple", f"from antiscale.{module} import {name}\n\n")
        text = init.read_text()
        call = f"{name}()" if package == "learners" else name
        assert "...] = (" in text
        init.write_text(text.replace("...] = (", f"...] = (\n    {call},", 1))
    with (ours / "bounds/__init__.py").open("a") as file:
        file.write("from antiscale.bounds.t99_example import doubled as doubled\n")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "family": "coin", "class": "pair", "learner": "still", "bound": [16.0, "T0"],
        "strategy": [0.0], "theorem": [4.0, 8.0], "figure": ["made", True],
    }  # fmt: skip
