"""A study of trained networks for a terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import number
from antiscale.networks import words
from antiscale.networks.config import IN_BALL
from antiscale.networks.study import Study


def screen(study: Study) -> RenderableType:
    """Return one line per method and place, means over draws, and the reading."""
    config, rows = study.config, study.frame
    headers = ("method", "H", "n", "reward", "J", "V_kappa", "loss", "+-", "T5a", "tabular",
               "chi2", "KL", "runs")  # fmt: skip
    lines = []
    for key, some in rows.groupby(["horizon", "n", "reward", "method"], sort=False):
        horizon, n, reward, method = map(str, key)
        loss = some["loss"].to_numpy(float)
        error = loss.std(ddof=1) / np.sqrt(len(loss)) if len(loss) > 1 else None
        sft = method == "sft"
        lines.append((
            method + ("" if method in IN_BALL else " *"), horizon, n if n != "0" else "-", reward,
            number(some["J"].mean()), number(some["J_expert"].mean()), number(loss.mean()),
            number(error, 2), number(some["sft_upper"].mean() if sft else None),
            number(some["sft_tabular"].mean() if sft else None),
            number(some["chi2_least"].mean(), 2), number(some["kl"].mean(), 2), str(len(some)),
        ))  # fmt: skip
    title = (
        f"{config.environment}: {words.seeds(rows)}; means over them; J, V_kappa, loss in tokens"
    )
    base = rows[rows["method"] == "base"]
    near = "; ".join(
        f"H = {h}: J {number(each['J'].mean())} of {number(each['J_procedure'].mean())}, total "
        f"variation {number(each['tv'].mean(), 2)}"
        for h, each in base.groupby("horizon")
    )
    kept = [
        f"{method} kept its start in {some} of {runs} runs"
        for method in ("sft", "ball")
        for some, runs in [words.kept_start(rows, method)]
        if runs
    ]
    notes = [
        f"Base against its procedure: {near}.",
        "* outside the chi-square ball. chi2 is the least with which J can be earned.",
        "; ".join(kept) + "." if kept else "",
    ]
    right = headers[1:3] + headers[4:]
    return Group(
        Text(title, style="bold"), Text(), table(*headers, rows=lines, right=right, wrap=()),
        Text(), *(Text(line) for line in [*notes, *words.reading(rows)] if line),
    )  # fmt: skip
