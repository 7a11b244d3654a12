"""When verification certainly wins, and when it is measured to: T9 as a tool."""

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.core import device, validate
from antiscale.core.config import check_keys, writable
from antiscale.core.errors import InputError
from antiscale.core.folder import Folder
from antiscale.core.numbers import fixed, number, setting
from antiscale.core.validate import Floats
from antiscale.sweeps import sample_size
from antiscale.sweeps.case import Case, certified_gap
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.config import SweepConfig, doubling
from antiscale.sweeps.exponents import LARGEST, theory
from antiscale.sweeps.phase import PANELS, POINTS, diagram
from antiscale.sweeps.phase import reading as phase_reading
from antiscale.sweeps.plan import Plan, Planned

SCHEMA = "antiscale.separation/1"
# Exponents that differ by less grow alike at any horizon that is tried.
_GROWS = 0.1
# H of the phase diagram: large enough for rates to tell, small enough for n = H^1.8 to be exact.
PHASE_HORIZON = 2**20

# Called after each step with (steps done, steps in all, what is being done).
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Separation:
    """What `separation` found.

    Attributes
    ----------
    rows
        Along n(H): per horizon the bounds, the certified gap and the measured one, in tokens.
    in_n
        The same at the largest horizon, n = 1, 2, 4, ...
    certified
        `horizon` and `n`: from where on the gap is certified along n(H); `horizon_n`: the smallest
        n from which it is at the largest horizon. None where never.
    measured
        The same for the measured gap: the first of the grid from which its 99% interval is
        positive.
    exponents
        Growth in H of the bounds and of the measured losses, by least squares, and theory's.
    reason
        Why the gap is not certified, or what the certificate does not say; None if it grows.
    phase
        Rows of T9's phase diagram.
    traces
        How many traces each side needs at the largest horizon for a loss that was named
        (`sample_size.traces_needed`); None if none was.
    """

    plan: Plan
    rows: list[dict[str, Any]]
    in_n: list[dict[str, Any]]
    certified: dict[str, Any]
    measured: dict[str, Any]
    exponents: dict[str, Any]
    reason: str | None
    phase: list[dict[str, Any]]
    traces: dict[str, Any] | None = None

    @property
    def config(self) -> SweepConfig:
        """What was asked for."""
        return self.plan.config

    def to_json(self) -> dict[str, Any]:
        """Return the object that `antiscale separation --json` prints."""
        found = {name: value for name, value in vars(self).items() if name != "plan"}
        plain: dict[str, Any] = {"schema": SCHEMA} | found | {"config": self.config.to_dict()}
        return {name: writable(value) for name, value in plain.items()}


def separation(
    config: Planned = None, *, model: Any = None, phase_horizon: float | None = PHASE_HORIZON,
    phase_points: int = POINTS, loss: float | None = None, progress: Progress | None = None,
    **options: Any,
) -> Separation:  # fmt: skip
    """Find the smallest H and n from which the gap is certified, and the measured crossing (T9).

    Parameters
    ----------
    config
        A sweep over horizons, also as names and values; its n(H) is the budget rule.
    model
        The base policy as an object, in place of family and parameters, as `sweep` takes it.
    phase_horizon
        H of the phase diagram, 16 to 2^24; None leaves it out.
    phase_points
        Points of the phase diagram per axis, at least 2.
    loss
        Tokens: how many traces each side needs to lose no more, at the largest horizon. None asks
        nothing.
    progress
        Called after each step.
    **options
        Fields of `SweepConfig` by name; they replace those of `config`. `learner` may be objects,
        as for `sweep`.

    Raises
    ------
    InputError
        If the configuration does not vary H, or cannot run.

    Examples
    --------
    >>> import antiscale as ac
    >>> found = ac.separation(family="two_point", horizon=16, repeats=2, phase_horizon=None)
    >>> found.certified["horizon"], found.reason is None
    (16, True)
    """
    phase_points = validate.integer("phase_points", phase_points, least=2, most=1000)
    if phase_horizon is not None:
        phase_horizon = validate.integer("phase_horizon", phase_horizon, least=16, most=2**24)
    if loss is not None:
        loss = validate.real("loss", loss, above=0.0)
    also = ("model", "phase_horizon", "phase_points", "loss", "progress")
    check_keys(SweepConfig, options, also=also)
    plan = Plan.of(config, model=model, **options)
    config = plan.config
    if config.vary != "H":
        raise InputError(f"separation varies H; got vary = {config.vary!r}")
    device.keep_compiled_code()
    places = plan.places
    largest = places[-1]
    many = doubling(1, largest.n)
    phase_steps = 0 if phase_horizon is None else len(PANELS) * phase_points
    total = len(places) + len(many) + phase_steps + (loss is not None)
    steps = itertools.count(1)

    def step(what: str) -> None:
        if progress is not None:
            progress(next(steps), total, what)

    rows = [_row(plan, *place) for place in places[-1:]]
    step(f"H = {largest.horizon}")
    with ThreadPoolExecutor(2 if device.backend() == "cpu" else 1) as pool:
        for row in pool.map(lambda place: _row(plan, *place), places[:-1]):
            rows.append(row)
            step(f"H = {row['horizon']}")
        rows.sort(key=lambda row: row["horizon"])
        in_n = []
        for row in pool.map(lambda n: _row(plan, largest.horizon, n, largest.noise), many):
            in_n.append(row)
            step(f"n = {row['n']}")

    def starts(horizon: int | None, n: int | None) -> dict[str, Any]:
        traces = None if horizon is None else config.samples_at(horizon)
        return {"horizon": horizon, "n": traces, "horizon_n": n}

    certified = starts(
        _start(rows, "gap_certified", "horizon", lambda horizon: _case_at(plan, horizon)),
        _start(in_n, "gap_certified", "n", Case.of(plan, *largest, whole=False).with_samples),
    )
    measured = starts(_start(rows, "gap_low", "horizon"), _start(in_n, "gap_low", "n"))
    exponents = _exponents(plan, rows)
    phase: list[dict[str, Any]] = []
    if phase_horizon is not None:
        phase = diagram(
            float(phase_horizon), min(config.kappa, 0.5), points=phase_points,
            progress=lambda: step("phase diagram"),
        )  # fmt: skip
    traces = None
    if loss is not None:
        traces = sample_size.traces_needed(Case.of(plan, *largest, whole=False), loss)
        step("traces needed")
    reason = _reason(rows, certified["horizon"] is not None, exponents)
    return Separation(plan, rows, in_n, certified, measured, exponents, reason, phase, traces)


def _row(plan: Plan, horizon: int, n: int, noise: float) -> dict[str, Any]:
    """One place: what the sweep says there."""
    found = simulate(plan, horizon, n, noise).row
    kept = (
        "horizon", "n", "sigma", "max_ratio", "vf_lower", "vf_lower_name", "vf_lower_reason",
        "vb_upper", "vb_upper_name", "vb_upper_reason", "gap_certified", "vf_mean", "vf_low",
        "vf_high", "vf_loss", "vf_method", "vb_mean", "vb_low", "vb_high", "vb_loss", "vb_method",
        "gap_measured", "gap_low", "gap_high",
    )  # fmt: skip
    return {name: found[name] for name in kept}


def _case_at(plan: Plan, horizon: int) -> Case:
    return Case.of(plan, horizon, plan.config.samples_at(horizon), plan.config.noise, whole=False)


def _start(
    rows: list[dict[str, Any]], gap: str, name: str, at: Callable[[int], Case] | None = None
) -> int | None:
    """From which horizon or n (`name`) on a gap is positive; None where never.

    Given the cases between those of the rows, bisects for the first whole number with a certified
    gap.
    """
    start = bounds.certified_from([row[gap] for row in rows])
    if start is None:
        return None
    high = rows[start][name]
    low = high - 1 if start == 0 or at is None else rows[start - 1][name]
    if at is not None:
        _, high = sample_size.bisected(low, high, lambda x: (certified_gap(at(x)).value or 0.0) > 0)
    return int(high)


def _exponents(plan: Plan, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Slopes of both bounds over the largest horizons, beside theory's exponents."""
    last = rows[-LARGEST:]
    x = np.log([row["horizon"] for row in last])
    bound = {"vf": "vf_lower", "vb": "vb_upper", "gap": "gap_certified"}
    measured = {"vf": "vf_loss", "vb": "vb_loss", "gap": "gap_measured"}
    return {
        side: {
            "bound": _slope(x, [row[bound[side]] for row in last]),
            "measured": _slope(x, [row[measured[side]] for row in last]),
            "theory": exponent, "reason": reason,
        }
        for side, (exponent, reason) in theory(plan.config, plan.sigma_exponent).items()
    }  # fmt: skip


def _slope(x: Floats, values: list[Any]) -> float | None:
    """Least-squares slope of log values on x; None where one is missing or not positive."""
    y = np.array(values, dtype=float)
    return float(np.polyfit(x, np.log(y), 1)[0]) if len(y) > 1 and (y > 0).all() else None


def _reason(rows: list[dict[str, Any]], certified: bool, exponents: dict[str, Any]) -> str | None:
    last = rows[-1]
    missing = last["vf_lower_reason"] or last["vb_upper_reason"]
    if missing:
        return f"never certified: {missing}"
    lower, upper = last["vf_lower"], last["vb_upper"]
    spread = last["sigma"] / last["horizon"]
    vf, vb = exponents["vf"]["bound"], exponents["vb"]["bound"]
    growth = "cloning's bound " + ("is 0" if vf is None else f"grows as H^{fixed(vf, 2)}")
    if not certified:
        rate = "" if vb is None else f", verification's as H^{fixed(vb, 2)}"
        catch = "both grow alike, so no H is large enough"
        if vf is not None and vf > (vb or 0.0) + _GROWS:
            times = (upper / lower) ** (1 / (vf - (vb or 0.0)))
            catch = f"at this rate a horizon about {number(times)} times as large would do"
        return (
            f"never certified: with sigma/H = {number(spread)} cloning must lose only "
            f"{number(lower, toward='down')} tokens at H = {last['horizon']} and verification may "
            f"lose {number(upper, toward='up')}; {growth}{rate}: {catch}"
        )
    if vf is not None and vf < _GROWS:
        return (
            f"certified, but the gap does not grow: {growth}, because sigma/H falls "
            f"(to {number(spread)})"
        )
    return None


def reading(found: Separation) -> str:
    """Say in plain words from where on verification wins, certainly and as measured."""
    rule, sure, seen = found.config, found.certified, found.measured
    first, last = found.rows[0]["horizon"], found.rows[-1]
    fixed_n = rule.samples is not None
    budget = f"n = {rule.samples}" if fixed_n else f"n = {setting(rule.samples_per_token)} H"
    along = f"never certified up to H = {last['horizon']}, and "
    if sure["horizon"] is not None:
        along = f"certified from H = {sure['horizon']} (n = {sure['n']}) on, and "
    if seen["horizon"] is None:
        along += "not measured either"
    else:
        smallest = ", the smallest tried" if seen["horizon"] == first else ""
        along += f"measured from H = {seen['horizon']}{smallest}"
    in_n = f"not certified for any n up to {last['n']} and "
    if sure["horizon_n"] is not None:
        in_n = f"certified from n = {sure['horizon_n']} on and "
    seen_n = seen["horizon_n"]
    in_n += "not measured" if seen_n is None else f"measured from n = {seen_n}"
    text = f"Along {budget} the gap is {along}. At H = {last['horizon']} it is {in_n}."
    text += f" {found.reason[0].upper()}{found.reason[1:]}." if found.reason else ""
    return text + (f" {sample_size.reading(found.traces)}" if found.traces else "")


def write(found: Separation, folder: Folder) -> None:
    """Leave rows, phase diagram, JSON and figure in a folder of `core.folder.Folder.open`."""
    import pandas as pd

    from antiscale import plots

    tables = {"rows": found.rows, "in_n": found.in_n, "phase": found.phase}
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}
    for name, frame in frames.items():
        folder.write(f"{name}.csv", frame.to_csv(index=False).encode())
    content = json.dumps(found.to_json(), indent=1, allow_nan=False)
    folder.write("result.json", content.encode())
    note = reading(found)
    if found.phase:
        note += " " + phase_reading(found.phase[0]["horizon"])
    figure = plots.separation_figure(frames["rows"], frames["in_n"], frames.get("phase"), note)
    for kind, image in plots.encode(figure).items():
        folder.write(f"separation.{kind}", image)
    folder.finish()
