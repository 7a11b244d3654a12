"""A family at one horizon for a terminal."""

from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import number, setting


def screen(found: dict[str, Any]) -> RenderableType:
    """Return the portrait for a terminal: at most eight prompts, spread over all."""
    horizon, prompts = found["horizon"], found["prompts"]
    shown = np.unique(np.linspace(0, prompts - 1, min(prompts, 8)).round().astype(int))
    columns = {
        "prompt": None, "P(T<=H)": ("success", 1), "J/H": ("mean_return", horizon),
        "sigma/H": ("sigma", horizon), "c_0": ("c0", 1), "V/H": ("best_return", horizon),
        "ct_0": ("ct0", 1), "W": ("max_ratio", 1), "Q(H/16)": ("sharpness", 1),
    }  # fmt: skip
    measures = table(*columns, right=columns, padding=(0, 2))
    for x in shown:
        cells = [
            f"{x + 1}" if column is None else number(found[column[0]][x] / column[1])
            for column in columns.values()
        ]
        measures.add_row(*cells)
    about = found["help"].split("\n\n")
    lines = [Text(about[0], style="bold"), *[Text(text) for text in about[1:2]], Text()]
    size = (
        f"At H = {horizon}, kappa = {setting(found['kappa'])}: {prompts} prompts, "
        f"{found['types']} types "
        f"each, class {found['reward_class']}"
    )
    lines.append(Text(size + ("" if found["announced"] else ", types not announced") + "."))
    after = []
    if "window" in found:
        after.append(
            f"T3c: no window of {setting(found['window'])} tokens holds more than "
            f"{number(found['window_bound'], toward='up')} of the traces; the fullest holds "
            f"{number(max(found['window_sharpness']))}."
        )
    return Group(*lines, measures, *[Text(text) for text in after])
