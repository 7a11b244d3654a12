"""The README's reading of real rollouts, and its figure.

    python experiments/diagnose.py

Derived numbers are written to figures/rollouts_*. The tables and their sources are in
experiments/rollouts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

import antiscale as ac
from antiscale import plots
from antiscale.plots.rollouts import diagnose_figure
from antiscale.rollouts import reading

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "figures"
PAIRS = (("6b_verification", "6b_finetuning"), ("175b_verification", "175b_finetuning"))
# Columns of the problems that are kept: what the figure shows, and what names it.
KEPT = ("problem", "horizon", "samples", "solutions", "accuracy", "mean_return", "sigma",
        "sigma_low", "sigma_high", "sigma_shrunk", "c_0.25", "c_0.5", "c_1", "c_2", "sharpness",
        "best_return_0.25", "max_ratio_0.25")  # fmt: skip
TABLES = ("problems", "horizons", "search", "roc", "curve", "losses")


def gsm8k() -> list[dict[str, Any]]:
    """Verification against finetuning on GSM8K, for both sizes of model."""
    return [
        ac.diagnose(example="gsm8k", model=model, against=against).to_json()
        for model, against in PAIRS
    ]


def stored() -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """The tables and the summary of the CodeT samples, as they are in the repository."""
    tables = {name: pd.read_csv(FIGURES / f"rollouts_codet_{name}.csv") for name in TABLES}
    return tables, json.loads((FIGURES / "rollouts_codet.json").read_text())


def markdown(summary: dict[str, Any]) -> str:
    """The README's table: one line per horizon."""
    lines = [
        "| H | sigma/H, mean | right or wrong | c(0.25), mean | cloning loses, certified "
        "| verification at most | certified from n |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in summary["horizons"]:
        h, predicted = row["horizon"], row["prediction"]
        limit = predicted["vb_upper_certified"]

        def ends(name: str, scale: float = 1.0, row: dict[str, Any] = row) -> str:
            low, high = (row[f"{name}{end}"] for end in ("_low", "_high"))
            if isinstance(low, dict):
                low, high = low["0.25"], high["0.25"]
            return reading.share_ends(low / scale, high / scale)

        cells = [
            f"{h}",
            f"{reading.share(row['sigma_mean'] / h)} {ends('sigma', h)}",
            f"{reading.share(row['correctness_share'])} {ends('correctness_share')}",
            f"{reading.share(row['c_eps']['0.25'])} {ends('c_eps')}",
            reading.loss_least(predicted["vf_lower_certified"]),
            reading.loss_most(limit, h),
            f"{predicted['n_certified']}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def rewritten(readme: str, summary: dict[str, Any]) -> str:
    """The README with the reading's sentences and the table as they are now."""
    first = readme.index("\n> At H = ") + 1
    last = readme.index("\n\n", first)
    readme = readme[:first] + "\n".join(f"> {s}" for s in summary["reading"]) + readme[last:]
    first = readme.index("<!-- diagnose table -->\n") + len("<!-- diagnose table -->\n")
    last = readme.index("\n\n", first)
    return readme[:first] + markdown(summary).rstrip("\n") + readme[last:]


def write() -> None:
    """Compute the derived numbers and store them."""
    found = ac.diagnose(example="codet")
    for name, table in found.tables().items():
        kept = table[list(KEPT)] if name == "problems" else table
        kept.to_csv(FIGURES / f"rollouts_codet_{name}.csv", index=False, float_format="%.6g")
    for name, content in (("codet", found.to_json()), ("gsm8k", gsm8k())):
        text = json.dumps(content, indent=1, allow_nan=False)
        (FIGURES / f"rollouts_{name}.json").write_text(text + "\n")


def main() -> None:
    write()
    kept, summary = stored()
    for kind, image in plots.encode(diagnose_figure(kept, summary)).items():
        (FIGURES / f"diagnose.{kind}").write_bytes(image)
    readme = ROOT / "README.md"
    readme.write_text(rewritten(readme.read_text(), summary))
    print("\n".join(summary["reading"]))


if __name__ == "__main__":
    main()
