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
        "P(T<=H)": ("success", 1), "J/H": ("mean_return", horizon),
        "sigma/H": ("sigma", horizon), "its max/H": ("sigma_max", horizon), "c_0": ("c0", 1),
        "V/H": ("best_return", horizon), "ct_0": ("ct0", 1), "W": ("max_ratio", 1),
        "Q(H/16)": ("sharpness", 1),
    }  # fmt: skip
    rows = [
        [f"{x + 1}", *(number(found[name][x] / unit) for name, unit in columns.values())]
        for x in shown
    ]
    headers = ["prompt", *columns]
    measures = table(*headers, rows=rows, right=headers)
    title, *about = found["help"].split("\n\n")[:2]
    size = (
        f"At H = {horizon}, kappa = {setting(found['kappa'])}: {prompts} prompts, "
        f"{found['types']} types each, class {found['reward_class']}"
        f"{'' if found['announced'] else ', types not announced'}."
    )
    window = ""
    if "window" in found:
        window = (
            f"T3c: no window of {setting(found['window'])} tokens holds more than "
            f"{number(found['window_bound'], toward='up')} of the traces; the fullest holds "
            f"{number(max(found['window_sharpness']))}."
        )
    after = [Text(window)] if window else []
    return Group(Text(title, style="bold"), *map(Text, about), Text(), Text(size), measures, *after)
