"""What a study's rows say, in sentences that follow from their intervals alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from antiscale.core.numbers import interval, number, setting
from antiscale.networks.environments import load_environment

if TYPE_CHECKING:
    import pandas as pd

# A run whose J gained less than this share of the expert's lead has kept its start.
MOVED = 0.1
# What a base is trained for, and compared at.
_PLACE = ("spread", "horizon")


def comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out where a base is too far from its procedure (the stop rule)."""
    base = rows[rows["method"] == "base"]
    near = [load_environment(each["environment"]).near(each) for each in base.to_dict("records")]
    far = set(zip(*(base.loc[~np.array(near, dtype=bool), key] for key in _PLACE), strict=True))
    return rows[[at not in far for at in zip(*(rows[key] for key in _PLACE), strict=True)]]


def own_spread(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the study's own heterogeneity, which come first."""
    return rows[rows["spread"] == rows["spread"].iloc[0]]


def kept_start(rows: pd.DataFrame, method: str) -> tuple[int, int]:
    """How many runs of a method kept their start, and how many there are."""
    some = rows[rows["method"] == method]
    moved = (some["J"] - some["J_base"]) / (some["J_expert"] - some["J_base"])
    return int((moved < MOVED).sum()), len(some)


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Loss of sft minus that of ball at each place, n and draw, under the reward r."""
    keys = [*_PLACE, "n", "base_seed", "seed"]
    some = rows[(rows["reward"] == "r") & rows["method"].isin(["sft", "ball"])]
    wide = some.pivot_table(index=keys, columns="method", values="loss")
    if not {"sft", "ball"} <= set(wide.columns):
        return wide.assign(gap=np.nan).iloc[:0].reset_index()
    return wide.dropna().assign(gap=lambda z: z["sft"] - z["ball"]).reset_index()


def _compare(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], what: str) -> str:
    """One sentence on whether a mean grew, from Welch's interval at 99%."""
    from scipy import stats  # late: SciPy would double the time of --help

    a, b = before.mean(), after.mean()
    change = f"from {number(a, 2)} to {number(b, 2)} tokens"
    if min(len(before), len(after)) < 2:
        return f"Not shown at this size: the gap {what} goes {change} in one run each."
    low, high = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.99)
    between = f"{change}; change {interval(low, high, 2)}, 99%"
    if low > 0:
        return f"The gap grows {what}: {between}."
    if high < 0:
        return f"The gap shrinks {what}: {between}."
    return f"Not shown at this size: the gap {what} goes {between}."


def reading(rows: pd.DataFrame) -> list[str]:
    """Say whether the gap between cloning and verification grows with H, n and heterogeneity."""
    near = comparable(rows)
    if near.empty:
        return ["Stop rule: no comparison, for no base is near enough to its procedure."]
    found = gaps(near)
    if found.empty:
        return ["No comparison: no horizon has both sft and ball and a base near its procedure."]
    found["per_token"] = found["n"] / found["horizon"]
    every, said = found, []
    found = found[found["spread"] == rows["spread"].iloc[0]]
    if found.empty:
        return ["No comparison at the study's own heterogeneity: its base is too far."]
    shared = found.groupby("per_token")["horizon"].nunique()
    if (shared > 1).any():
        ray = found[found["per_token"] == shared[shared > 1].index[-1]]
        ends = ray["horizon"].min(), ray["horizon"].max()
        first, last = (ray.loc[ray["horizon"] == h, "gap"].to_numpy(float) for h in ends)
        slope = setting(float(ray["per_token"].iloc[0]))
        along = f"with H (n = {slope} H, H = {ends[0]} to {ends[1]})"
        said.append(_compare(first, last, along))
    else:
        said.append("H: no two horizons share n/H.")
    several = found.groupby("horizon")["n"].nunique()
    if (several > 1).any():
        horizon = several[several > 1].index[-1]
        here = found[found["horizon"] == horizon]
        sizes = here["n"].min(), here["n"].max()
        first, last = (here.loc[here["n"] == n, "gap"].to_numpy(float) for n in sizes)
        said.append(_compare(first, last, f"with n (H = {horizon}, n = {sizes[0]} to {sizes[1]})"))
    else:
        said.append("n: not varied at one horizon.")
    horizon = every["horizon"].max()
    here = every[every["horizon"] == horizon]
    here = here[here["n"] == here["n"].min()]
    if here["spread"].nunique() > 1:
        ends = here["spread"].min(), here["spread"].max()
        first, last = (here.loc[here["spread"] == s, "gap"].to_numpy(float) for s in ends)
        base = rows[(rows["method"] == "base") & (rows["horizon"] == horizon)]
        sigma = [number(base.loc[base["spread"] == s, "sigma"].mean(), 3) for s in ends]
        along = f"with heterogeneity (H = {horizon}, n = {here['n'].iloc[0]}, "
        said.append(_compare(first, last, f"{along}sigma = {sigma[0]} to {sigma[1]} tokens)"))
    elif rows["spread"].nunique() > 1:
        said.append("Heterogeneity: no comparison, for a base is too far from its procedure.")
    else:
        said.append("Heterogeneity: not varied in this study.")
    return said


def seeds(rows: pd.DataFrame) -> str:
    """Which seeds the intervals are over."""
    bases, draws = rows["base_seed"].nunique(), rows["seed"].nunique()
    return (
        f"{bases} base{'s' if bases > 1 else ''}, {draws} data seed{'s' if draws > 1 else ''} each"
    )
