"""Run every family's experiment and tabulate what it shows.

    python experiments/families.py

Runs experiments/<name>.toml for each name below, leaves the plots in figures/families/ and writes
figures/families.csv: which premises hold, the exponents with 99% intervals (or exact), theory's
limits, and the exponents of the upper bounds' own curves over the same H.
Prints the same as the table for the README.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from antiscale.core.numbers import DASH, fixed, fixed_interval, number, setting

HERE = Path(__file__).parent
FIGURES = HERE.parent / "figures"

# Experiment: what it shows, and whether sigma ~ H and anti-concentration hold along it.
SHOWN = {
    "default": ("many styles, right or wrong by prompt", "yes", "yes"),
    "homogeneous": ("one style, all right: sigma ~ sqrt H", "no", "yes"),
    "sharp": ("reward on an event of mass 0.0156", "yes", "weakly: c_0 small"),
    "erdos": ("steps with short and long versions (T3c)", "yes", "yes"),
    "lognormal": ("measured length laws", "yes", "yes"),
    "difficulty": ("Beta-distributed success, as pass@k", "yes", "not on hard prompts"),
    "two_point": ("T4's minimal instance, Bayes learner", "yes", "yes"),
    "geometric": ("constant chance per token, announced", "yes", "yes"),
    "unannounced": ("the same, not announced: T4 does not apply", "yes", "yes"),
    "planted": ("planted words, skills announced (T11)", "yes", "yes"),
}
COLUMNS = ["experiment", "shows", "heterogeneous", "anti_concentrated", "sigma_over_h", "c0",
           "vf_slope", "vf_low", "vf_high", "vf_theory", "vf_bound", "vb_slope", "vb_low",
           "vb_high", "vb_theory", "vb_bound", "vf_loss", "vf_method", "vb_loss", "vb_method",
           "certified_from"]  # fmt: skip


def summary(name: str, folder: Path) -> dict[str, object]:
    """Run one experiment and take from its JSON what the table shows."""
    command = [sys.executable, "-m", "antiscale", "sweep", "--config", str(HERE / f"{name}.toml"),
               "--json", "--quiet", "--out", str(folder)]  # fmt: skip
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    last = found["rows"][-1]
    (FIGURES / "families").mkdir(exist_ok=True)
    for kind in ("png", "svg"):
        plot = (folder / f"plot.{kind}").read_bytes()
        (FIGURES / "families" / f"{name}.{kind}").write_bytes(plot)
    shows, heterogeneous, concentrated = SHOWN[name]
    row: dict[str, object] = {
        "experiment": name, "shows": shows, "heterogeneous": heterogeneous,
        "anti_concentrated": concentrated, "sigma_over_h": last["sigma"] / last["horizon"],
        "c0": last["c0"],
    }  # fmt: skip
    for side in ("vf", "vb"):
        slope = found["fit"][f"{side}_slope"]
        row |= {
            f"{side}_slope": slope["estimate"], f"{side}_low": slope["low"],
            f"{side}_high": slope["high"], f"{side}_theory": slope["theory"],
            f"{side}_bound": slope["bound_upper"], f"{side}_loss": last[f"{side}_loss"],
            f"{side}_method": last[f"{side}_method"],
        }  # fmt: skip
    gaps = [r["gap_certified"] if r["gap_certified"] is not None else -1 for r in found["rows"]]
    positive = [all(gap > 0 for gap in gaps[k:]) for k in range(len(gaps))]
    row["certified_from"] = (
        found["rows"][positive.index(True)]["horizon"] if True in positive else None
    )
    return row


def markdown(rows: list[dict[str, str]]) -> str:
    """Return the README's table from the rows of families.csv."""

    def slope(row: dict[str, str], side: str) -> str:
        known = {
            name: float(row[f"{side}_{name}"]) if row[f"{side}_{name}"] else None
            for name in ("slope", "low", "high", "theory", "bound")
        }
        limit, own = known["theory"], known["bound"]
        theory = "" if limit is None else f" ({setting(limit)}; {fixed(own, 2)})"
        if known["slope"] is None:
            return f"{DASH}{theory}"
        value = fixed(known["slope"], 2)
        if known["low"] is not None and known["low"] == known["high"]:
            value += " exact"
        elif known["low"] is not None:
            value += f" {fixed_interval(known['low'], known['high'], 2)}"
        return value + theory

    lines = [
        "| experiment | shows | sigma ~ H | anti-concentrated | sigma/H | c_0 | VF slope "
        "| VB slope | certified from |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            f"[{row['experiment']}](experiments/{row['experiment']}.toml)", row["shows"],
            row["heterogeneous"], row["anti_concentrated"], number(float(row["sigma_over_h"])),
            number(float(row["c0"]), 2), slope(row, "vf"), slope(row, "vb"),
            f"H = {row['certified_from']}" if row["certified_from"] else DASH,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in SHOWN:
            print(f"{name} ...", flush=True)
            rows.append(summary(name, Path(folder) / name))
    with (FIGURES / "families.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    with (FIGURES / "families.csv").open(newline="") as stream:
        print(markdown(list(csv.DictReader(stream))))


if __name__ == "__main__":
    main()
