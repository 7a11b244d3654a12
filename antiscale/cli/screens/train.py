"""A study of trained networks for a terminal."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, cast

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import number
from antiscale.networks import words
from antiscale.networks.config import IN_BALL, TrainConfig
from antiscale.networks.study import Study

if TYPE_CHECKING:
    import pandas as pd


def screen(study: Study) -> RenderableType:
    """Return one line per method and place, the bounds beside them, and the reading."""
    config, rows = study.config, study.frame
    title = (
        f"{config.environment}: {words.seeds(rows)}; means over them; J, V_kappa, loss in tokens"
    )
    base = rows[rows["method"] == "base"]
    near = "; ".join(
        f"{_place(place, config)}: J {number(each['J'].mean())} of "
        f"{number(each['J_procedure'].mean())}, total variation {number(each['tv'].mean(), 2)}"
        for place, each in base.groupby(["spread", "horizon"], sort=False)
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
    return Group(
        Text(title, style="bold"), Text(), _arms(rows), Text(), *_bounds(rows, config),
        *(Text(line) for line in [*notes, *words.reading(rows)] if line),
    )  # fmt: skip


def _place(place: Hashable, config: TrainConfig) -> str:
    spread, horizon = cast("tuple[float, int]", place)
    return f"H = {horizon}" + (f", spread {spread:g}" if config.spreads else "")


def _arms(rows: pd.DataFrame) -> RenderableType:
    """What each method earns and loses."""
    headers = ("method", "H", "spread", "n", "reward", "J", "V_kappa", "loss", "+-", "tabular",
               "chi2", "KL", "runs")  # fmt: skip
    lines = []
    for key, some in rows.groupby(["spread", "horizon", "n", "reward", "method"], sort=False):
        spread, horizon, n, reward, method = map(str, key)
        loss = some["loss"].to_numpy(float)
        error = loss.std(ddof=1) / np.sqrt(len(loss)) if len(loss) > 1 else None
        lines.append((
            method + ("" if method in IN_BALL else " *"), horizon, f"{float(spread):g}",
            n if n != "0" else "-", reward, number(some["J"].mean()),
            number(some["J_expert"].mean()), number(loss.mean()), number(error, 2),
            number(some["sft_tabular"].mean() if method == "sft" else None),
            number(some["chi2_least"].mean(), 2), number(some["kl"].mean(), 2), str(len(some)),
        ))  # fmt: skip
    return table(*headers, rows=lines, right=headers[1:4] + headers[5:], wrap=())


def _bounds(rows: pd.DataFrame, config: TrainConfig) -> list[RenderableType]:
    """Cloning beside T4 and T5, the verifier and its arm beside T6, T7 and T10n; under r alone."""
    headers = ("H", "spread", "n", "T4f <=", "sft", "<= T5a", "upper quarter", "T4h",
               "verifier's error", "<= T6b", "ball", "<= T7", "<= T10n")  # fmt: skip
    lines: list[tuple[str, ...]] = []
    # A study without arms that ask a verifier has no column of its error.
    columns = rows.columns.union(["verifier_error", "ball_upper"], sort=False)
    direct = rows[(rows["reward"] == "r") & rows["method"].isin(["sft", "ball"])]
    direct = direct.reindex(columns=columns)
    for key, some in direct.groupby(["spread", "horizon", "n"], sort=False):
        spread, horizon, n = map(str, key)
        sft, ball = (some[some["method"] == method] for method in ("sft", "ball"))
        quarter = sft["signed_loss"].quantile(0.75) if len(sft) > 3 else None
        shown = [
            *(sft[name].mean() for name in ("vf_lower", "loss", "sft_upper")), quarter,
            sft["vf_lower_in_probability"].mean(),
            *(ball[name].mean() for name in
              ("verifier_error", "verifier_error_upper", "loss", "simple_upper", "ball_upper")),
        ]  # fmt: skip
        lines.append(
            (
                horizon,
                f"{float(spread):g}",
                n,
                *(number(None if value is None else float(value)) for value in shown),
            )
        )
    if not lines:
        return []
    said = (
        "Losses and bounds in tokens. T4, T6b and T7 where styles announce the time; T7 at T6b's "
        "error, T10n at the measured one. Upper quarter of SFT's signed loss over the runs; by T4h "
        "some expert and reward lose that much with probability 1/4."
    )
    world = config.world
    if world.evaluated != range(world.prompts):
        said += " Losses are on prompts held out, bounds for those finetuned on."
    return [table(*headers, rows=lines, right=headers, wrap=()), Text(said, style="dim"), Text()]
