"""Exponents: how a loss grows, by least squares on log-log axes with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from antiscale import bounds, intervals
from antiscale.config import SweepConfig
from antiscale.counts import stream
from antiscale.validate import Floats

# Slopes are fitted over this many of the largest horizons; lower-order terms bias small ones.
LARGEST = 5
_RESAMPLES = 2000
_LABELS = {"vf": "the verifier-free loss", "vb": "the verifier-based loss", "gap": "the gap"}
# Below this share of the horizon a loss is rounding.
_ZERO = 1e-9


def fit_exponents(
    config: SweepConfig,
    cells: Sequence[Sequence[Any]],
    losses: Sequence[dict[str, Floats]],
    sigma_exponent: float | None,
    *,
    outside_theory: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Fit the exponents of both sides' losses and of the gap.

    Parameters
    ----------
    config
        The sweep's configuration: which of H and n varies, and the seed of the resamples.
    cells
        (H, n) or (H, n, noise) in growing order.
    losses
        For each cell the replicates' losses, "vf" and "vb", [R] in tokens.
    sigma_exponent
        a with sigma ~ H^a along the family, or None.
    outside_theory
        Why theory's exponents do not apply to these learners, if they do not.

    Returns
    -------
    `vf_slope`, `vb_slope` and `gap_slope`, each with `estimate`, `low`, `high` (over the largest
    five), `theory`, `all_estimate`, `all_low`, `all_high` (over all), `points`, and `reason` where
    a value is None.
    """
    x = np.log([_varied(config, *cell) for cell in cells])
    zero = _ZERO * np.array([cell[0] for cell in cells])
    means = {side: np.array([cell[side].mean() for cell in losses]) for side in ("vf", "vb")}
    resampled: dict[str, Floats] = {}
    for index, side in enumerate(("vf", "vb")):
        rng = stream(config.seed, "bootstrap", index)
        columns = []
        for cell in losses:
            drawn = rng.integers(0, len(cell[side]), (_RESAMPLES, len(cell[side])))
            columns.append(cell[side][drawn].mean(-1))
        resampled[side] = np.stack(columns, axis=-1)
    means["gap"] = means["vf"] - means["vb"]
    resampled["gap"] = resampled["vf"] - resampled["vb"]
    expected = theory(config, sigma_exponent)
    if outside_theory is not None:
        expected = dict.fromkeys(expected, (None, outside_theory))
    return {
        f"{name}_slope": _fit(name, x, means[name], resampled[name], zero, *expected[name])
        for name in ("vf", "vb", "gap")
    }


def _varied(config: SweepConfig, horizon: int, n: int, noise: float = 0.0) -> float:
    """What the exponents are in: H, n, or 1/c, what noise divides n by (T6)."""
    if config.vary == "noise":
        return float(1.0 / (np.sqrt(1.0 - noise) - np.sqrt(noise)) ** 2)
    return float(n if config.vary == "n" else horizon)


def _fit(
    name: str,
    x: Floats,
    mean: Floats,
    resampled: Floats,
    zero: Floats,
    theory: float | None,
    theory_reason: str | None,
) -> dict[str, Any]:
    last = slice(-LARGEST, None)
    label = {"vf": "the verifier-free loss", "vb": "the verifier-based loss", "gap": "the gap"}[
        name
    ]
    result: dict[str, Any] = {"estimate": None, "low": None, "high": None, "theory": theory}
    result |= {"all_estimate": None, "all_low": None, "all_high": None, "points": len(x[last])}
    reasons = [] if theory_reason is None else [theory_reason]
    for prefix, part in (("", last), ("all_", slice(None))):
        if len(x[part]) < 2:
            reasons.append("a slope needs at least two points")
            break
        if (mean[part] <= zero[part]).any():
            kind = "zero to rounding" if (np.abs(mean[part]) <= zero[part]).any() else "negative"
            reasons.append(f"{label} is {kind} at some points, so it has no exponent")
            continue
        result[f"{prefix}estimate"] = float(_slope(x[part], np.log(mean[part])))
        if (resampled[:, part] <= 0).any():
            reasons.append(f"{label} vanishes in some resamples, so its slope has no interval")
            continue
        interval = intervals.bootstrap(
            _slope(x[part], np.log(resampled[:, part])), result[f"{prefix}estimate"]
        )
        result[f"{prefix}low"], result[f"{prefix}high"] = interval.low, interval.high
    result["reason"] = "; ".join(dict.fromkeys(reasons)) or None
    return result


def _slope(x: Floats, y: Floats) -> Floats:
    """Least-squares slope of y [..., k] on x [k]."""
    centred = x - x.mean()
    result: Floats = y @ centred / (centred @ centred)
    return result


def theory(
    config: SweepConfig, sigma_exponent: float | None
) -> dict[str, tuple[float | None, str | None]]:
    """T9's exponents in H with n = H^b, or in n at a fixed H; or the reason why there is none."""
    if config.vary == "noise":
        open_ = (None, "theory bounds verification's loss under noise and fixes no exponent")
        return {"vf": (0.0, None), "vb": open_, "gap": open_}
    if config.vary == "n":
        cloning, verifying = bounds.vf_exponent(0.0, 1.0), bounds.vb_exponent(2.0)
        return {"vf": (cloning, None), "vb": (verifying, None), "gap": (cloning, None)}
    growth = 0.0 if config.samples is not None else 1.0
    vb = (bounds.vb_exponent(growth), None)
    if sigma_exponent is None:
        unknown = (None, "how sigma grows along this family is not known beforehand")
        return {"vf": unknown, "vb": vb, "gap": unknown}
    gap = bounds.gap_exponent(sigma_exponent, growth)
    return {
        "vf": (bounds.vf_exponent(sigma_exponent, growth), None),
        "vb": vb,
        "gap": (gap, None)
        if gap is not None
        else (
            None,
            "theory leaves the gap's growth open: cloning's rate does not exceed "
            "verification's proved rate",
        ),
    }
