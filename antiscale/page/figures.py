"""The page's interactive figures, as dictionaries for plotly.js; nothing is computed here.

Colours are left to the page, which has a light and a dark theme: a trace's `meta` names its role
("vf", "vb", "gap" or "ink"). Legends are the page's as well, as buttons that show and hide curves.
"""

import math
from collections.abc import Sequence
from typing import Any

from antiscale.core.errors import InputError
from antiscale.core.numbers import Toward, number, plus_minus, setting, tick
from antiscale.page.explorer import Explorer
from antiscale.page.typography import digits
from antiscale.sweeps.config import ROUNDING, SweepConfig

Rows = list[dict[str, Any]]
Trace = dict[str, Any]


def script() -> str:
    """Return plotly.js itself, to stand in the page.

    Raises
    ------
    InputError
        If Plotly is not installed.
    """
    try:
        from plotly import offline
    except ImportError:
        raise InputError(
            "the report page needs Plotly and Jinja; install them with: pip install plotly jinja2"
        ) from None
    return str(offline.get_plotlyjs())


def losses(config: SweepConfig, rows: Rows) -> dict[str, Any]:
    """Both losses with their intervals, between their bounds; exact where they are known."""
    last = rows[-1]
    log = all(row["vf_loss"] > 0 for row in rows)
    traces = [
        _measured(rows, "vf_loss", f"VF {_how(rows, 'vf')}: {last['vf_learner']}", "vf", "circle"),
        _bound(rows, "vf_upper", "VF upper", "vf", "dash"),
        _bound(rows, "vf_lower", f"VF lower, {last['vf_lower_holds_for']}", "vf", "dot"),
        _measured(
            rows, "vb_loss", f"VB {_how(rows, 'vb')}: {last['vb_learner']}", "vb", "square", log=log
        ),
        _bound(rows, "vb_upper", "VB upper", "vb", "dash"),
    ]
    if not all(row["rewards_whole_class"] for row in rows):
        whole = _measured(
            rows, "vf_class", "VF over all of ℛ", "vf", "circle-open", key="vf_class_mean"
        )
        traces.insert(3, whole and whole | {"visible": "legendonly"})
    for side in ("vf", "vb"):
        least = ROUNDING * last["horizon"] if log else -math.inf
        if rows[0]["exact"] and any(
            row[f"{side}_method"] == "exact" and row[f"{side}_mean"] > least for row in rows
        ):
            check = _measured(
                rows, side, f"{side.upper()} sampled, as a check", "ink", "x", key=f"{side}_mean"
            )
            traces.append(check and check | {"mode": "markers"})
    traces.append(_theory(rows, "vf", "vf_loss"))
    return _figure(config, rows, traces, "loss (tokens)", log=log)


def gap(config: SweepConfig, rows: Rows) -> dict[str, Any]:
    """The gap measured, with its interval, and certified."""
    traces = [
        _measured(rows, "gap", "measured", "gap", "diamond", key="gap_measured"),
        _bound(rows, "gap_certified", "certified (T9)", "gap", "dash", symbol="triangle-up"),
        _theory(rows, "gap", "gap_measured"),
    ]
    log = all(row["gap_measured"] > 0 for row in rows)
    return _figure(config, rows, traces, "VF − VB (tokens)", log=log)


def explored_bounds(explorer: Explorer) -> dict[str, Any] | None:
    """The bounds at the run's own stops; the page puts in those of others.

    None where no bound applies at any stop.
    """
    looks: tuple[tuple[str, str, str, str, Toward], ...] = (
        ("vf_upper", "VF upper (T5)", "vf", "dash", "up"),
        ("vf_lower", "VF lower (T4)", "vf", "dot", "down"),
        ("vb_upper", "VB upper (T7)", "vb", "dash", "up"),
    )
    horizons = explorer.horizons
    traces = [
        _line(horizons, explorer.at(name, explorer.start), label, role, dash, name, toward=toward)
        for name, label, role, dash, toward in looks
        if any(value is not None for value in _flat(explorer.curves[name]))
    ]
    if not traces:
        return None
    # All stops' curves, so that the axis does not move with the sliders.
    values = [v for name, *_ in looks for v in _flat(explorer.curves[name]) if v is not None]
    figure = _layout(horizons, traces, "bound on the loss (tokens)", log=True)
    positive = [v for v in values if v > 0]
    if positive:
        figure["layout"]["yaxis"]["range"] = _range(positive, log=True)
    return figure | {"step": _step(values)}


def explored_gap(explorer: Explorer) -> dict[str, Any] | None:
    """The certified gap at the run's own stops; None where there is none at any stop."""
    if all(value is None for value in _flat(explorer.curves["gap_certified"])):
        return None
    trace = _line(
        explorer.horizons, explorer.at("gap_certified", explorer.start),
        "certified gap (T9 = T4 − T7)", "gap", "dash", "gap_certified", symbol="triangle-up",
        toward="down",
    )  # fmt: skip
    return _layout(explorer.horizons, [trace], "VF lower − VB upper (tokens)", log=False)


def _measured(
    rows: Rows, side: str, label: str, role: str, symbol: str, *, key: str | None = None,
    log: bool = True,
) -> Trace | None:  # fmt: skip
    """A measured curve with its interval; None where it is zero but for rounding."""
    key = key or side
    if log and all(abs(row[key]) <= ROUNDING * row["horizon"] for row in rows):
        return None
    values = [row[key] for row in rows]
    ends = [(row[f"{side}_low"], row[f"{side}_high"]) for row in rows]
    texts = [digits(plus_minus(v, *two)) for v, two in zip(values, ends, strict=True)]
    trace = _line(None, values, label, role, "solid", key, symbol=symbol, texts=texts)
    bars = {
        "array": [high - v for v, (_, high) in zip(values, ends, strict=True)],
        "arrayminus": [v - low for v, (low, _) in zip(values, ends, strict=True)],
        "symmetric": False, "thickness": 1.2, "width": 3,
    }  # fmt: skip
    return trace | {"error_y": bars}


def _bound(
    rows: Rows, name: str, label: str, role: str, dash: str | None, *, symbol: str | None = None
) -> Trace | None:
    """A column as a line or, without dash, as markers; None where it is nowhere defined."""
    values = [row.get(name) for row in rows]
    if all(value is None for value in values):
        return None
    label_of = rows[-1].get(f"{name}_name")
    label = f"{label} ({label_of})" if label_of else label
    toward: Toward = "up" if name.endswith("_upper") else "down"
    return _line(None, values, label, role, dash, name, symbol=symbol, toward=toward)


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
    return _line(None, values, label, "ink", "dashdot", f"{side}_theory")


def _scale(row: dict[str, Any]) -> float:
    """What exponents are in: H, n, or 1/c with c = (sqrt(1 - noise) - sqrt(noise))^2."""
    if row["vary"] == "noise":
        return float((math.sqrt(1.0 - row["noise"]) - math.sqrt(row["noise"])) ** -2)
    return float(row["n" if row["vary"] == "n" else "horizon"])


def _line(
    x: Sequence[float] | None, values: Sequence[float | None], label: str, role: str,
    dash: str | None, name: str, *, symbol: str | None = None, texts: list[str] | None = None,
    toward: Toward = "nearest",
) -> Trace:  # fmt: skip
    texts = [digits(number(v, toward=toward)) for v in values] if texts is None else texts
    mode = "markers" if dash is None else "lines" if symbol is None else "lines+markers"
    return {
        "type": "scatter", "x": list(x or ()), "y": list(values), "customdata": texts,
        "name": label, "meta": role, "uid": name, "mode": mode,
        "line": {"dash": dash or "solid", "width": 2},
        "marker": {"symbol": symbol or "circle", "size": 8},
        "hovertemplate": "%{customdata}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _figure(
    config: SweepConfig, rows: Rows, traces: list[Trace | None], title: str, *, log: bool
) -> dict[str, Any]:
    key = {"H": "horizon", "n": "n", "noise": "noise"}[config.vary]
    x = [row[key] for row in rows]
    return _layout(x, [trace | {"x": x} for trace in traces if trace], title, log=log, key=key)


def _layout(
    x: Sequence[float], traces: list[Trace], title: str, *, log: bool, key: str = "horizon"
) -> dict[str, Any]:
    noise = key == "noise"
    shown = list(x) if noise else list(x)[:: max(1, -(-len(x) // 6))]
    names = {
        "horizon": "test-time budget H (tokens)", "n": "traces n for each side",
        "noise": "probability η of a reversed verdict",
    }  # fmt: skip
    symbols = {"horizon": "H", "n": "n", "noise": "η"}
    layout = {
        "xaxis": {
            "type": "linear" if noise else "log", "title": {"text": names[key]},
            "range": _range(x, log=not noise),
            "tickvals": shown, "ticktext": [tick(value) for value in shown],
            "tickangle": 0, "unifiedhovertitle": {"text": symbols[key] + " = %{x:~d}"},
        },
        "yaxis": {
            "type": "log" if log else "linear", "title": {"text": title}, "tickformat": "~g",
            "exponentformat": "none", "automargin": True,
        },
        "hovermode": "x unified", "showlegend": False,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
    }  # fmt: skip
    step = _step([v for trace in traces for v in trace["y"]])
    return {"data": traces, "layout": layout, "step": step}


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


def _flat(nested: Any) -> list[Any]:
    return [v for item in nested for v in _flat(item)] if isinstance(nested, list) else [nested]
