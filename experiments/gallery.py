"""Write figures/README.md: every figure with its reading note, command and configuration.

    antiscale figures
    python experiments/gallery.py

The notes are those of the stored rows; tests hold the page to them.
"""

from __future__ import annotations

import json
from pathlib import Path

from antiscale import figures

ROOT = Path(__file__).parents[1]
HEAD = """# The figures

Each is made by one command from a configuration in [experiments/figures](../experiments/figures)
and nothing else; NAME.csv holds the rows that made it, NAME.json its configuration and code, and
PNG, SVG and PDF the picture. `antiscale figures` makes all of them, `antiscale figures --check`
compares the rows with those stored here, `antiscale figures --from-rows` redraws. Numbers 1 to 8
follow the paper (Setlur, Rajaraman, Levine, Kumar,
[arXiv 2502.12118](https://arxiv.org/abs/2502.12118)); rates are the paper's, constants ours.
"""


def entry(name: str) -> str:
    """One figure's part of the page."""
    stored = json.loads((ROOT / f"figures/{name}.json").read_text())
    return (
        f"## Figure {stored['number']}: {stored['title']}\n\n"
        f"![{stored['title']}]({name}.png)\n\n{stored['note']}\n\n"
        f"- Made by `antiscale figures {name}` from "
        f"[{name}.toml](../experiments/figures/{name}.toml); rows: [{name}.csv]({name}.csv).\n"
        f"- {figures.module(name).PAPER}\n"
    )


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *map(entry, figures.FIGURES)])


if __name__ == "__main__":
    (ROOT / "figures/README.md").write_text(page())
