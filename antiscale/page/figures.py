"""The page's interactive figures, as dictionaries for plotly.js; nothing is computed here.

Colours are left to the page, which has a light and a dark theme: a trace's `meta` names its role
("vf", "vb", "gap" or "ink"). Legends are the page's as well, as buttons that show and hide curves.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from antiscale.core.numbers import Toward, number, plus_minus, setting, tick
from antiscale.page.explorer import Explorer
from antiscale.page.typography import digits
from antiscale.plots.sweep import WORST, local_holds_for
from antiscale.sweeps.config import ROUNDING, SweepConfig

Rows = list[dict[str, Any]]
Trace = dict[str, Any]
_SIDES = ("vf", "vb")

# What lies along x, by what varies: its column, its name and its sign.
_AXES = {
    "H": ("horizon", "test-time budget H (tokens)", "H"),
    "n": ("n", "traces n for each side", "n"),
    "noise": ("noise", "probability η of a reversed verdict", "η"),
}


def toward(name: str) -> Toward:
    """How a curve's numbers are rounded: lower bounds down, upper bounds up."""
    ends: Mapping[str, Toward] = {"upper": "up", "theory": "nearest"}
    return ends.get(name.rpartition("_")[2], "down")


def losses(config: SweepConfig, rows: Rows) -> dict[str, Any]:
    """Both losses with their intervals, between their bounds; exact where they are known."""
    last = rows[-1]
    log = all(row["vf_loss"] > 0 for row in rows)
    vf, vb = (f"{_how(rows, side)}: {last[f'{side}_learner']}" for side in _SIDES)
    worst = last["vf_lower_holds_for"] == "worst expert"
    traces = [
        _measured(rows, "vf_loss", f"VF {vf}", "vf", "circle"),
        _bound(rows, "vf_upper", "VF upper", "vf", "dash"),
        _bound(rows, "vf_lower_local", f"VF lower, {local_holds_for(last)}", "vf", "dot"),
        _bound(rows, "vf_lower", WORST, "vf", "dashdot") if worst else None,
        _measured(rows, "vb_loss", f"VB {vb}", "vb", "square", log=log),
        _bound(rows, "vb_upper", "VB upper", "vb", "dash"),
    ]
    if not all(row["rewards_whole_class"] for row in rows):
        whole = _measured(rows, "vf_class_mean", "VF over all of ℛ", "vf", "circle-open")
        traces.insert(4, whole and whole | {"visible": "legendonly"})
    least = ROUNDING * last["horizon"] if log else -math.inf
    for side in _SIDES:
        exact = (row for row in rows if row[f"{side}_method"] == "exact")
        if rows[0]["exact"] and any(row[f"{side}_mean"] > least for row in exact):
            label = f"{side.upper()} sampled, as a check"
            check = _measured(rows, f"{side}_mean", label, "ink", "x")
            traces.append(check and check | {"mode": "markers"})
    traces.append(_theory(rows, "vf", "vf_loss"))
    return _layout(config.vary, rows, traces, "loss (tokens)", log=log)


def gap(config: SweepConfig, rows: Rows) -> dict[str, Any]:
    """The gap measured, with its interval, and certified."""
    traces = [
        _measured(rows, "gap_measured", "measured", "gap", "diamond"),
        _bound(rows, "gap_certified", "certified (T9)", "gap", "dash", symbol="triangle-up"),
        _theory(rows, "gap", "gap_measured"),
    ]
    log = all(row["gap_measured"] > 0 for row in rows)
    return _layout(config.vary, rows, traces, "VF − VB (tokens)", log=log)


def explored_bounds(explorer: Explorer) -> dict[str, Any] | None:
    """The bounds at the run's own stops; the page puts in those of others.

    None where no bound applies at any stop.
    """
    looks = {
        "vf_upper": ("VF upper (T5)", "vf", "dash"), "vf_lower": (f"{WORST} (T4)", "vf", "dot"),
        "vb_upper": ("VB upper (T7)", "vb", "dash"),
    }  # fmt: skip
    known = {name: _known(explorer, name) for name in looks}
    traces = [
        _line(name, explorer.at(name, explorer.start), *look)
        for name, look in looks.items()
        if known[name]
    ]
    if not traces:
        return None
    # All stops' curves, so that the axis does not move with the sliders.
    values = [value for each in known.values() for value in each]
    figure = _layout("H", _along(explorer), traces, "bound on the loss (tokens)", log=True)
    positive = [v for v in values if v > 0]
    if positive:
        figure["layout"]["yaxis"]["range"] = _range(positive, log=True)
    return figure | {"step": _step(values)}


def explored_gap(explorer: Explorer) -> dict[str, Any] | None:
    """The certified gap at the run's own stops; None where there is none at any stop."""
    if not _known(explorer, "gap_certified"):
        return None
    values, label = explorer.at("gap_certified", explorer.start), "certified gap (T9 = T4 − T7)"
    trace = _line("gap_certified", values, label, "gap", "dash", symbol="triangle-up")
    return _layout("H", _along(explorer), [trace], "VF lower − VB upper (tokens)", log=False)


def _along(explorer: Explorer) -> Rows:
    return [{"horizon": horizon} for horizon in explorer.horizons]


def _known(explorer: Explorer, name: str) -> list[float]:
    """A curve's values at all stops, as far as it has any."""
    return [value for value in np.ravel(explorer.curves[name]).tolist() if value is not None]


def _measured(
    rows: Rows, name: str, label: str, role: str, symbol: str, *, log: bool = True
) -> Trace | None:
    """A measured curve with its interval; None where it is zero but for rounding."""
    if log and all(abs(row[name]) <= ROUNDING * row["horizon"] for row in rows):
        return None
    # vf_loss_low is an end of vf_loss, vf_low of vf_mean and gap_low of gap_measured.
    stem = name.removesuffix("_mean").removesuffix("_measured")
    found = [(row[name], row[f"{stem}_low"], row[f"{stem}_high"]) for row in rows]
    texts = [digits(plus_minus(*each)) for each in found]
    values = [value for value, _, _ in found]
    trace = _line(name, values, label, role, "solid", symbol=symbol, texts=texts)
    bars = {
        "array": [high - value for value, _, high in found],
        "arrayminus": [value - low for value, low, _ in found],
        "symmetric": False, "thickness": 1.2, "width": 3,
    }  # fmt: skip
    return trace | {"error_y": bars}


def _bound(
    rows: Rows, name: str, label: str, role: str, dash: str, *, symbol: str | None = None
) -> Trace | None:
    """A column as a line; None where it is nowhere defined."""
    values = [row.get(name) for row in rows]
    if all(value is None for value in values):
        return None
    label_of = rows[-1].get(f"{name}_name")
    label = f"{label} ({label_of})" if label_of else label
    return _line(name, values, label, role, dash, symbol=symbol)


def _how(rows: Rows, side: str) -> str:
    methods = {row[f"{side}_method"] for row in rows}
    return {1: methods.copy().pop()}.get(len(methods), "exact or simulated")


def _theory(rows: Rows, side: str, mean: str) -> Trace | None:
    """A line of theory's slope through the last measured point; None where theory has none."""
    slope, last = rows[-1][f"{side}_slope_theory"], rows[-1][mean]
    if slope is None or last <= 0 or len(rows) < 2:
        return None
    x = [_scale(row) for row in rows]
    values = [last * (z / x[-1]) ** slope for z in x]
    label = digits(f"theory, limit: slope {setting(slope)}")
    return _line(f"{side}_theory", values, label, "ink", "dashdot")


def _scale(row: dict[str, Any]) -> float:
    """What exponents are in: H, n, or 1/c with c = (sqrt(1 - noise) - sqrt(noise))^2."""
    if row["vary"] == "noise":
        return float((math.sqrt(1.0 - row["noise"]) - math.sqrt(row["noise"])) ** -2)
    return float(row["n" if row["vary"] == "n" else "horizon"])


def _line(
    name: str, values: Sequence[float | None], label: str, role: str, dash: str, *,
    symbol: str | None = None, texts: list[str] | None = None,
) -> Trace:  # fmt: skip
    texts = texts or [digits(number(v, toward=toward(name))) for v in values]
    return {
        "type": "scatter", "x": [], "y": list(values), "customdata": texts,
        "name": label, "meta": role, "uid": name, "mode": "lines+markers" if symbol else "lines",
        "line": {"dash": dash, "width": 2},
        "marker": {"symbol": symbol or "circle", "size": 8},
        "hovertemplate": "%{customdata}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _layout(
    vary: str, rows: Rows, traces: Sequence[Trace | None], title: str, *, log: bool
) -> dict[str, Any]:
    """The figure of the traces that there are, over what varies along the rows."""
    key, name, sign = _AXES[vary]
    x, noise = [row[key] for row in rows], vary == "noise"
    drawn = [trace | {"x": x} for trace in traces if trace]
    shown = x if noise else x[:: max(1, -(-len(x) // 6))]
    layout = {
        "xaxis": {
            "type": "linear" if noise else "log", "title": {"text": name},
            "range": _range(x, log=not noise),
            "tickvals": shown, "ticktext": [tick(value) for value in shown],
            "tickangle": 0, "unifiedhovertitle": {"text": sign + " = %{x:~d}"},
        },
        "yaxis": {
            "type": "log" if log else "linear", "title": {"text": title}, "tickformat": "~g",
            "exponentformat": "none", "automargin": True,
        },
        "hovermode": "x unified", "showlegend": False,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
    }  # fmt: skip
    step = _step([v for trace in drawn for v in trace["y"]])
    return {"data": drawn, "layout": layout, "step": step}


def _step(values: Sequence[float | None]) -> Any:
    """Plotly's tick step on a log axis: 1, 2, 5 over a few decades, else every so many powers."""
    positive = [value for value in values if value is not None and value > 0]
    decades = math.log10(max(positive) / min(positive)) if positive else 0.0
    return "D2" if decades < 3 else math.ceil(decades / 8)


def _range(values: Sequence[float], *, log: bool) -> list[float]:
    """An axis's range with room at both ends."""
    low, high = (math.log10(f(values)) if log else f(values) for f in (min, max))
    pad = 0.04 * (high - low or 1.0)
    return [low - pad, high + pad]
