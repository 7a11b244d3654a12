"""Exponents: how a loss grows, by least squares on log-log axes with a bootstrap interval."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from antiscale import bounds
from antiscale.core import intervals
from antiscale.core.random import stream
from antiscale.core.validate import Floats
from antiscale.sweeps.config import ROUNDING, SweepConfig

# Slopes are fitted over this many of the largest horizons; lower-order terms bias small ones.
LARGEST = 5
_RESAMPLES = 2000
# Theory's exponent, or the reason why there is none.
Expected: TypeAlias = tuple[float | None, str | None]
_LABELS = {"vf": "the verifier-free loss", "vb": "the verifier-based loss", "gap": "the gap"}
# What exponents are in: noise divides n by 1/c, c = (sqrt(1 - noise) - sqrt(noise))^2 (T6c).
VARIABLE = {"H": "H", "n": "n", "noise": "1/c"}


def fit_exponents(
    config: SweepConfig, cells: Sequence[Sequence[Any]], losses: Sequence[dict[str, Floats]],
    sigma_exponent: float | None, *, exact: Sequence[dict[str, float | None]] | None = None,
    outside_theory: str | None = None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
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
    exact
        For each cell the exact risks, "vf" and "vb", in tokens, which are fitted in place of the
        replicates' mean; None where there is none.
    outside_theory
        Why theory's exponents do not apply to these learners, if they do not.

    Returns
    -------
    `vf_slope`, `vb_slope` and `gap_slope`, each with `estimate`, `low`, `high` (over the largest
    five), `theory` and `theory_is` (the limit that it speaks of), `all_estimate`, `all_low`,
    `all_high` (over all), `points`, `method` ("exact" where every point is, so that the interval
    is the estimate; else "bootstrap"), and `reason` where a value is None.
    """
    x = np.log([_varied(config, *cell) for cell in cells])
    zero = ROUNDING * np.array([cell[0] for cell in cells])
    known = [{}] * len(losses) if exact is None else exact
    means: dict[str, Floats] = {}
    resampled: dict[str, Floats] = {}
    for index, side in enumerate(("vf", "vb")):
        rng = stream(config.seed, "bootstrap", index)
        means[side], resampled[side] = np.empty(len(x)), np.empty((_RESAMPLES, len(x)))
        for k, (cell, sure) in enumerate(zip(losses, known, strict=True)):
            drawn = rng.integers(0, len(cell[side]), (_RESAMPLES, len(cell[side])))
            value = sure.get(side)
            means[side][k] = cell[side].mean() if value is None else value
            resampled[side][:, k] = cell[side][drawn].mean(-1) if value is None else value
    means["gap"] = means["vf"] - means["vb"]
    resampled["gap"] = resampled["vf"] - resampled["vb"]
    expected = theory(config, sigma_exponent)
    if outside_theory is not None:
        expected = dict.fromkeys(expected, (None, outside_theory))
    limit = {"theory_is": f"the limit {VARIABLE[config.vary]} -> infinity"}
    return {
        f"{name}_slope": _fit(name, x, means[name], resampled[name], zero, expected[name]) | limit
        for name in ("vf", "vb", "gap")
    }


def bound_exponents(
    config: SweepConfig, rows: Sequence[dict[str, Any]]
) -> dict[str, dict[str, float | None]]:
    """Fit the exponents of the bounds' own curves over the same points as the losses'.

    What a bound with its constants and lower-order terms predicts at these sizes, where theory's
    exponent is a limit.

    Parameters
    ----------
    config
        The sweep's configuration.
    rows
        Of the sweep, in growing order.

    Returns
    -------
    `vf_slope`, `vb_slope` and `gap_slope`, each with `bound_lower` and `bound_upper` (over the
    largest five) and `all_bound_lower`, `all_bound_upper`; None where a bound is not positive
    everywhere. For the gap these are VF lower - VB upper (T9) and VF upper - VB upper; it also has
    `theory_here` and `all_theory_here`, the exponent over these points of the difference of two
    power laws with theory's exponents through the last losses.
    """
    x = np.log([_varied(config, row["horizon"], row["n"], row["noise"]) for row in rows])
    last = rows[-1]
    rates = [last[f"{side}_slope_theory"] for side in ("vf", "vb")]
    laws = np.full(len(x), np.nan)
    if None not in rates and last["vb_loss"] >= 0:
        one, other = (
            last[f"{side}_loss"] * np.exp(rate * (x - x[-1]))
            for side, rate in zip(("vf", "vb"), rates, strict=True)
        )
        laws = one - other

    def column(name: str) -> Floats:
        return np.array([row[name] for row in rows], dtype=float)

    vf, vb, none = column("vf_upper"), column("vb_upper"), np.full(len(x), np.nan)
    curves = {
        "vf": (column("vf_lower"), vf), "vb": (none, vb), "gap": (column("gap_certified"), vf - vb)
    }  # fmt: skip
    least = ROUNDING * column("horizon")

    def slope(y: Floats, part: slice) -> float | None:
        if len(x[part]) < 2 or not (y[part] > least[part]).all():
            return None
        return float(_slope(x[part], np.log(y[part])))

    parts = (("", slice(-LARGEST, None)), ("all_", slice(None)))
    found = {
        f"{name}_slope": {
            f"{prefix}bound_{end}": slope(curve, part)
            for prefix, part in parts
            for end, curve in zip(("lower", "upper"), pair, strict=True)
        }
        for name, pair in curves.items()
    }
    found["gap_slope"] |= {f"{prefix}theory_here": slope(laws, part) for prefix, part in parts}
    return found


def _varied(config: SweepConfig, horizon: int, n: int, noise: float = 0.0) -> float:
    """What the exponents are in: H, n, or 1/c, what noise divides n by (T6)."""
    if config.vary == "noise":
        return float(1.0 / (np.sqrt(1.0 - noise) - np.sqrt(noise)) ** 2)
    return float(n if config.vary == "n" else horizon)


def _fit(
    name: str, x: Floats, mean: Floats, resampled: Floats, zero: Floats, expected: Expected
) -> dict[str, Any]:
    last, label = slice(-LARGEST, None), _LABELS[name]
    result: dict[str, Any] = {
        "estimate": None, "low": None, "high": None, "theory": expected[0], "method": "bootstrap",
        "all_estimate": None, "all_low": None, "all_high": None, "points": len(x[last]),
    }  # fmt: skip
    reasons = [expected[1]]
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
        slopes = _slope(x[part], np.log(resampled[:, part]))
        _, low, high, _ = intervals.bootstrap(slopes, result[f"{prefix}estimate"])
        result |= {f"{prefix}low": low, f"{prefix}high": high}
    if (resampled[:, last] == mean[last]).all():
        result["method"] = "exact"
    result["reason"] = "; ".join(dict.fromkeys(filter(None, reasons))) or None
    return result


def _slope(x: Floats, y: Floats) -> Floats:
    """Least-squares slope of y [..., k] on x [k]."""
    centred = x - x.mean()
    return y @ centred / (centred @ centred)


def theory(config: SweepConfig, sigma_exponent: float | None) -> dict[str, Expected]:
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
    why = (
        "theory leaves the gap's growth open: cloning's rate does not exceed verification's proved "
        "rate"
    )
    vf = (bounds.vf_exponent(sigma_exponent, growth), None)
    return {"vf": vf, "vb": vb, "gap": (gap, why if gap is None else None)}
