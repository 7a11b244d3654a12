"""Figure 16: what a real model's rollouts say, and verifiers against finetuning on GSM8K."""

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from antiscale.figures import Progress, Record
from antiscale.plots.rollouts import diagnose_figure
from antiscale.rollouts.diagnosis import TABLES, diagnose

RECORD = Record(
    16, "A diagnosis of real rollouts",
    "Not in the paper: what `antiscale diagnose --example codet` draws, of the samples of "
    "CodeGen-16B on HumanEval that CodeT published (MIT licence).",
    tables=(*(f"rollouts_codet_{name}.csv" for name in TABLES), "rollouts_codet.json",
            "rollouts_gsm8k.json"),
    digits="%.6g",
)  # fmt: skip
# Columns of the problems that are kept: what the picture shows, and what names it.
_KEPT = [
    "problem", "horizon", "samples", "solutions", "accuracy", "mean_return", "sigma", "sigma_low",
    "sigma_high", "sigma_shrunk", "c_0.25", "c_0.5", "c_1", "c_2", "sharpness",
    "best_return_0.25", "max_ratio_0.25",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config:
    """The example tables.

    Attributes
    ----------
    horizons
        Budgets in tokens; the command's default if empty.
    pairs
        Models of GSM8K that are compared: verification, finetuning.
    """

    horizons: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]


def rows(config: Config, progress: Progress) -> dict[str, Any]:
    """The tables and the summary of the CodeT samples, and the summaries of the pairs."""
    found = diagnose(example="codet", horizon=config.horizons, progress=progress)
    tables = found.tables()
    tables["problems"] = tables["problems"][_KEPT]
    return {
        **{f"rollouts_codet_{name}.csv": table for name, table in tables.items()},
        "rollouts_codet.json": found.to_json(),
        "rollouts_gsm8k.json": compared(config),
    }


def compared(config: Config) -> list[dict[str, Any]]:
    """Verification against finetuning on GSM8K, for both sizes of model."""
    return [
        diagnose(example="gsm8k", model=model, against=against).to_json()
        for model, against in config.pairs
    ]


def note(rows: dict[str, Any]) -> str:
    """The three sentences that `antiscale diagnose` prints."""
    return " ".join(rows["rollouts_codet.json"]["reading"])


def draw(rows: dict[str, Any]) -> Figure:
    """The command's picture."""
    tables = {name: rows[f"rollouts_codet_{name}.csv"] for name in TABLES}
    return diagnose_figure(tables, rows["rollouts_codet.json"])
