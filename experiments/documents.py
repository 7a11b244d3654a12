"""Write what the documents quote of the stored rows: tables, a reading, a section, the gallery.

    antiscale figures
    python experiments/documents.py

Rewrites README.md, paper_bounds.md and figures/README.md; tests hold them to it.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from antiscale import figures
from antiscale.core.numbers import (
    DASH,
    fixed,
    fixed_interval,
    number,
    setting,
    share,
    share_ends,
)
from antiscale.figures import part
from antiscale.figures.build import rows_of
from antiscale.figures.price import law_name
from antiscale.rollouts import reading
from antiscale.search.over_optimisation import OverOptimisationConfig

ROOT = Path(__file__).parents[1]
GALLERY = """# The figures

Each is made by one command from a configuration in [experiments/figures](../experiments/figures)
and nothing else; NAME.csv holds the rows that made it, NAME.json its configuration, and PNG, SVG
and PDF the picture. `antiscale figures` makes all of them, `antiscale figures --check` compares the
rows with those stored here, `antiscale figures --from-rows` redraws. What takes hours or an idle
machine to measure is drawn from the stored rows unless it is asked for by name. Numbers 1 to 8
follow the paper (Setlur, Rajaraman, Levine, Kumar,
[arXiv 2502.12118](https://arxiv.org/abs/2502.12118)); rates are the paper's, constants ours.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    first, *others = ("| " + " | ".join(line) + " |" for line in (head, *rows))
    return "\n".join((first, "|" + "---|" * len(head), *others)) + "\n"


def families() -> str:
    """The README's table: one line per family."""

    def slope(row: Any, side: str) -> str:
        value, low, high, limit, own = (
            row[f"{side}_{name}"] for name in ("slope", "low", "high", "theory", "bound")
        )
        theory = "" if pd.isna(limit) else f" ({setting(limit)}; {fixed(own, 2)})"
        if pd.isna(value):
            return f"{DASH}{theory}"
        ends = "" if pd.isna(low) else f" {fixed_interval(low, high, 2)}"
        return fixed(value, 2) + (" exact" if low == high else ends) + theory

    head = ["experiment", "shows", "sigma ~ H", "anti-concentrated", "sigma/H", "c_0", "VF slope",
            "VB slope", "certified from"]  # fmt: skip
    return table(head, [
        [
            f"[{row['experiment']}](experiments/{row['experiment']}.toml)", row["shows"],
            row["heterogeneous"], row["anti_concentrated"], number(row["sigma_over_h"]),
            number(row["c0"], 2), slope(row, "vf"), slope(row, "vb"),
            DASH if pd.isna(row["certified_from"]) else f"H = {row['certified_from']:.0f}",
        ]
        for _, row in rows_of("families")["families.csv"].iterrows()
    ])  # fmt: skip


def search() -> str:
    """The README's section on search, with its numbers from the rows."""
    rows, peaks = rows_of("search"), rows_of("over_optimisation")
    horizon, n = int(rows["horizon"].iloc[0]), int(rows["n"].iloc[0])
    success = OverOptimisationConfig().success
    accuracy = rows.pivot(index="budget", columns="strategy", values="accuracy")

    def right(strategy: str, *times: int) -> str:
        return ", ".join(f"{accuracy.loc[k * horizon, strategy]:.2f}" for k in times)

    peaks = peaks[peaks["panel"] == "peak"].set_index("correlation")
    some, most = (peaks.loc[c] for c in (0.1, 1.0))
    points = (
        "- **Search suffices** where the checker is good and right traces are not too rare. A "
        f"budget-forced clone of an expert solves {right('single@cloned', 1)}, and no budget adds "
        f"to it. Best-of-$N$ with an oracle solves {right('oracle', 2)} with $2H$ tokens and "
        f"{right('oracle', 64)} with $64H$ ({right('allocation', 64)} if tokens go where they gain "
        r"most), with no training: $N\ge\log(1/\delta)/c_0$ tries do it (T10c).",
        f"- **The checker is the limit.** With $64H$ self-correction is at "
        f"{right('correction', 64)}, majority vote at {right('majority', 64)}, revision by one "
        f"verdict at {right('revision', 64)}, an AUC of 0.85 at {right('noisy', 64)}, three "
        f"verdicts at {right('several', 64)}. Where false positives come back, more search harms: "
        f"on a prompt of success {success:g}, with correlation {some.name:g} accuracy "
        f"peaks at {some['peak_accuracy']:.2f} "
        f"with $N={some['peak']:g}$ and falls to {some['limit_accuracy']:.2f}, with "
        f"{most.name:g} from {most['peak_accuracy']:.2f} at $N={most['peak']:g}$ to "
        f"{most['limit_accuracy']:.2f} (T10g, picture there).",
        "- **Finetuning with verification adds** what search pays for in tokens. The same "
        f"{n} labelled traces, used for a verifier alone, solve {right('learned', 1, 2, 4)} with "
        "$H$, $2H$, $4H$ tokens; used to finetune as well, "
        f"{right('learned@finetuned', 1, 2, 4)}. With $64H$ little is left of the difference "
        f"({right('learned', 64)} and {right('learned@finetuned', 64)}): what no labelled trace "
        "has shown, neither can tell.",
    )
    start = (
        f"On prompts from easy to hopeless (`difficulty`, $H={horizon}$, hard token caps), as "
        "shares of prompts solved:"
    )
    wrapped = (
        textwrap.fill(text, 124, subsequent_indent="  ", break_on_hyphens=False) for text in points
    )
    return "\n".join((start, "", *wrapped)) + "\n"


def sentences() -> str:
    """The README's reading of real rollouts."""
    return "\n".join(f"> {s}" for s in rows_of("diagnose")["rollouts_codet.json"]["reading"]) + "\n"


def horizons() -> str:
    """The README's table on real rollouts: one line per horizon."""

    def line(row: dict[str, Any]) -> list[str]:
        h, predicted = row["horizon"], row["prediction"]

        def ends(name: str, scale: float = 1.0) -> str:
            low, high = (row[f"{name}{end}"] for end in ("_low", "_high"))
            if isinstance(low, dict):
                low, high = low["0.25"], high["0.25"]
            return share_ends(low / scale, high / scale)

        return [
            f"{h}", f"{share(row['sigma_mean'] / h)} {ends('sigma', h)}",
            f"{share(row['correctness_share'])} {ends('correctness_share')}",
            f"{share(row['c_eps']['0.25'])} {ends('c_eps')}",
            reading.loss_least(predicted["vf_lower_certified"]),
            reading.loss_most(predicted["vb_upper_certified"], h), f"{predicted['n_certified']}",
        ]  # fmt: skip

    head = ["H", "sigma/H, mean", "right or wrong", "c(0.25), mean", "cloning loses, certified",
            "verification at most", "certified from n"]  # fmt: skip
    found = rows_of("diagnose")["rollouts_codet.json"]["horizons"]
    return table(head, [line(row) for row in found])


def benchmarks() -> str:
    """The README's table of timings."""

    def times(row: Any) -> str:
        if row.benchmark.startswith("antiscale"):
            return ""
        return f"{row.ratio:.3g}" if row.ratio < 1000 else f"{row.ratio:.0f}"

    rows = rows_of("benchmarks")
    return table(["benchmark", "program", "seconds", "times ours"], [
        [row.benchmark, row.program, f"{row.seconds:.2g}", times(row)]
        for row in rows[rows["panel"] == "time"].itertuples()
    ])  # fmt: skip


def intervals() -> str:
    """The table of paper_bounds.md on intervals of simulated losses, in per cent."""
    head = ["replicates are", "Student, 20", "ours, 20", "Student, 200", "ours, 200"]
    return table(head, [
        [row["law"], *(fixed(100 * row[name], 1, toward="down") for name in row.index[1:])]
        for _, row in rows_of("coverage")["interval_coverage.csv"].iterrows()
    ])  # fmt: skip


def means() -> str:
    """The table of paper_bounds.md on the mean of sigma_x."""
    head = ["problems", "m", "k", "truth", "mean low end", "mean high end", "both hold",
            "low end holds", "Student's low end holds", "taken for copies"]  # fmt: skip
    return table(head, [
        [
            row.regime, f"{row.m}", f"{row.k}", f"{row.truth:.3f}", f"{row.low:.3f}",
            f"{row.high:.3f}", f"{row.covers:.4f}", f"{row.low_covers:.4f}",
            f"{row.student_low_covers:.4f}", f"{row.copies_seen:.4f}",
        ]
        for row in rows_of("coverage")["rollouts_coverage_means.csv"].itertuples()
    ])  # fmt: skip


def quantities() -> str:
    """The table of paper_bounds.md on single quantities: covered (width)."""
    rows = rows_of("coverage")["rollouts_coverage.csv"]
    return table(["policy", "k", *rows["quantity"].unique()], [
        [policy, f"{k}", *(f"{row.covered:.3f} ({row.width:.3f})" for row in part.itertuples())]
        for (policy, k), part in rows.groupby(["policy", "k"], sort=False)
    ])  # fmt: skip


def price() -> str:
    """The table of paper_bounds.md on SFT's worst risk over the ball, a line per law."""
    rows = rows_of("price")
    rows = rows[rows["panel"] == "ball"]
    ratio = (rows["learner"] / rows["sharp"]).groupby(
        [rows["n"], rows["values"], rows["success"].fillna(0.0)], sort=False
    ).first().unstack("n", sort=False)  # fmt: skip
    return table(["SFT's worst over the bound", *(f"n = {n:,.0f}" for n in ratio)], [
        [law_name(success or None, values), *(fixed(one, 3) for one in line)]
        for (values, success), line in ratio.iterrows()
    ])  # fmt: skip


def pessimism() -> str:
    """The table of paper_bounds.md on CodeT's score: best-of-N by N, pessimism by kappa."""
    rows = part(rows_of("pass_at_k"), "codet")
    lines = []
    for series, knob, shown in (("best-of-N", "N", (1, 4, 16, 100)),
                                ("pessimism", "kappa", (0.25, 1, 2, 4))):  # fmt: skip
        one = rows[rows["series"] == series]
        one = one.set_index("x" if knob == "N" else "kappa", drop=False)
        for value in shown:
            row = one.loc[value]
            lines.append([series, f"{knob} = {value:g}", fixed(row["x"], 1), fixed(row["y"], 3)])
    return table(["by CodeT's score", "knob", "tries", "right"], lines)


def gallery() -> str:
    """The gallery of all figures: figures/README.md."""
    entries = [GALLERY]
    for name, record in figures.records().items():
        stored = json.loads((ROOT / f"figures/{name}.json").read_text())
        rows = ", ".join(f"[{file}]({file})" for file in record.tables or (f"{name}.csv",))
        measured = f", measured by [{record.script}](../{record.script})" if record.script else ""
        entries.append(
            f"## Figure {record.number}: {record.title}\n\n![{record.title}]({name}.png)\n\n"
            f"{stored['note']}\n\n- Made by `antiscale figures {name}` from "
            f"[{name}.toml](../experiments/figures/{name}.toml); rows: {rows}{measured}.\n"
            f"- {record.origin}\n"
        )
    return "\n".join(entries)


# By document: what is quoted there, and how the lines that hold it now begin.
QUOTED = {
    "README.md": {
        families: "| experiment | shows |",
        search: "On prompts from easy to hopeless (`difficulty`",
        sentences: "> At H = ",
        horizons: "| H | sigma/H, mean |",
        benchmarks: "| benchmark | program |",
    },
    "paper_bounds.md": {
        price: "| SFT's worst over the bound |",
        pessimism: "| by CodeT's score |",
        intervals: "| replicates are | Student",
        means: "| problems | m | k |",
        quantities: "| policy | k |",
    },
}


def rewritten(document: str) -> str:
    """A document with what it quotes as it is now."""
    text = (ROOT / document).read_text()
    for quote, begins in QUOTED[document].items():
        now = quote()
        # As many paragraphs as are quoted; a comment ends one.
        line = r"(?!<!--)[^\n]+\n"
        pattern = rf"^{re.escape(begins)}[^\n]*\n(?:{line})*" + rf"\n(?:{line})+" * now.count(
            "\n\n"
        )
        found = re.search(pattern, text, re.MULTILINE)
        assert found, (document, begins)
        text = text[: found.start()] + now + text[found.end() :]
    return text


if __name__ == "__main__":
    for name in QUOTED:
        (ROOT / name).write_text(rewritten(name))
    (ROOT / "figures/README.md").write_text(gallery())
