"""The README's reading of real rollouts, and its figure.

    python experiments/diagnose.py [FOLDER]

FOLDER holds the tables (default: the environment variable ANTISCALE_ROLLOUTS, or shared/rollouts
beside the repository). Derived numbers are written to figures/rollouts_*; without the tables only
the figure and the README's sentences and table are made anew, from the numbers stored.

Sources, both under the MIT licence: CodeT's samples of CodeGen-16B on HumanEval
(github.com/microsoft/CodeT, Microsoft), judged by the official tests; GSM8K model solutions
(github.com/openai/grade-school-math, OpenAI).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import antiscale as ac
from antiscale import plots
from antiscale.rollouts import reading
from antiscale.rollouts.figure import diagnose_figure

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "figures"
CODET = "codet_humaneval_codegen16b.parquet"
GSM8K = "gsm8k_openai_ft_vs_verifier.parquet"
CODET_COLUMNS = {
    "problem": "problem_id", "length": "length_tokens",
    "score": "gen_tests_passed/gen_tests_total",
}  # fmt: skip
GSM8K_COLUMNS = {"problem": "problem_id", "length": "length_words"}
PAIRS = (("6b_verification", "6b_finetuning"), ("175b_verification", "175b_finetuning"))
# Columns of the problems that are kept: what the figure shows, and what names it.
KEPT = ("problem", "horizon", "samples", "solutions", "accuracy", "mean_return", "sigma",
        "sigma_low", "sigma_high", "sigma_shrunk", "c_0.25", "c_0.5", "c_1", "c_2", "sharpness",
        "best_return_0.25", "max_ratio_0.25")  # fmt: skip
TABLES = ("problems", "horizons", "search", "roc", "curve", "losses")


def folder(given: str | None = None) -> Path | None:
    """Where the tables are, None if they are nowhere."""
    named = given or os.environ.get("ANTISCALE_ROLLOUTS")
    path = ROOT.parent / "shared/rollouts" if named is None else Path(named)
    return path if (path / CODET).is_file() else None


def codet(tables: Path) -> ac.Diagnosis:
    """Diagnose the CodeT table with the default options."""
    return ac.diagnose(tables / CODET, columns=CODET_COLUMNS)


def gsm8k(tables: Path) -> list[dict[str, Any]]:
    """Verification against finetuning on GSM8K, for both sizes of model."""
    found = []
    for model, against in PAIRS:
        made = ac.diagnose(tables / GSM8K, columns=GSM8K_COLUMNS, model=model, against=against)
        found.append(made.to_json())
    return found


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


def write(tables: Path) -> None:
    """Compute the derived numbers and store them."""
    found = codet(tables)
    for name, table in found.tables().items():
        kept = table[list(KEPT)] if name == "problems" else table
        kept.to_csv(FIGURES / f"rollouts_codet_{name}.csv", index=False, float_format="%.6g")
    for name, content in (("codet", found.to_json()), ("gsm8k", gsm8k(tables))):
        text = json.dumps(content, indent=1, allow_nan=False)
        (FIGURES / f"rollouts_{name}.json").write_text(text + "\n")


def main() -> None:
    tables = folder(sys.argv[1] if len(sys.argv) > 1 else None)
    if tables is None:
        print("the tables are not there; drawing from the stored numbers")
    else:
        write(tables)
    kept, summary = stored()
    for kind, image in plots.encode(diagnose_figure(kept, summary)).items():
        (FIGURES / f"diagnose.{kind}").write_bytes(image)
    readme = ROOT / "README.md"
    readme.write_text(rewritten(readme.read_text(), summary))
    print("\n".join(summary["reading"]))


if __name__ == "__main__":
    main()
