"""What the page's sliders show: T4, T5, T7 and T9 on a grid, every value computed here.

The page only looks values up, so that a slider at one of its stops shows exactly what Python
computes there. No loss is simulated: these are the bounds, by the functions that the sweep uses.
"""

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.core.errors import InputError
from antiscale.core.numbers import number, setting
from antiscale.learners import Bound
from antiscale.models import families
from antiscale.models.measures import heterogeneity
from antiscale.sweeps.case import Case, certified_gap
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.plan import Plan

KAPPAS = (0.05, 0.1, 0.25, 0.5, 1.0)
RATIOS = (2.0, 8.0, 32.0, 128.0, 512.0)

# Curves over H, in tokens, in the order of the tables.
CURVES = ("vf_lower", "vf_upper", "vb_upper", "gap_certified")

# Called after each step with the steps done, those in all, and what is being done.
Progress = Callable[[int, int, str], None]
# A cell for each n/H, and sigma.
Cells = tuple[list[dict[str, Any]], float]


@dataclass(frozen=True)
class Slider:
    """One slider: its stops, what is shown at each, and the run's own."""

    name: str
    label: str
    stops: tuple[float, ...]
    texts: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class Explorer:
    """Bounds over H at every stop of the sliders.

    Attributes
    ----------
    sliders
        kappa, n/H, and the family's heterogeneity knob where it has one.
    horizons
        The H of every curve, in tokens.
    curves
        By name nested lists [stops of each slider ..., H] in tokens; None where no bound applies.
    names
        The same shape for `vf_lower` and `vb_upper`: the label of the bound that is the best there.
    certified
        [stops of each slider ...]: the first H from which the gap is certified, None if it is not.
    reason
        Why a curve is missing, where one is; at the run's own stops.
    """

    sliders: tuple[Slider, ...]
    horizons: tuple[int, ...]
    curves: dict[str, Any]
    names: dict[str, Any]
    certified: Any
    reason: str | None

    @property
    def start(self) -> tuple[int, ...]:
        """The run's own stops."""
        return tuple(slider.start for slider in self.sliders)

    def at(self, name: str, stops: tuple[int, ...]) -> Any:
        """A curve, or what is certified, at the stops with these numbers."""
        found = self.certified if name == "certified" else self.curves[name]
        for stop in stops:
            found = found[stop]
        return found


def of_run(config: SweepConfig, rows: list[dict[str, Any]]) -> SweepConfig:
    """The run's configuration with H varying and its family as it was: files by their digest."""
    return dataclasses.replace(
        config, vary="H", samples=None, samples_per_token=rows[-1]["n"] / rows[-1]["horizon"],
        parameters=json.loads(rows[-1]["parameters"]), prompts=None, styles=None, exact=False,
    )  # fmt: skip


def explore(
    config: SweepConfig, *, kappas: tuple[float, ...] = KAPPAS,
    ratios: tuple[float, ...] = RATIOS, spreads: tuple[float, ...] | None = None,
    progress: Progress | None = None,
) -> Explorer:  # fmt: skip
    """Compute the bounds at every stop of the sliders.

    Parameters
    ----------
    config
        A sweep over H (see `of_run`); its own kappa, n/H and knob are added to the stops.
    kappas, ratios, spreads
        Stops of the radius, of n/H, and of the family's knob (default: the family's own).
    progress
        Called after each step.

    Raises
    ------
    InputError
        If the configuration does not vary H, or its own stop cannot be computed.
    """
    if config.vary != "H":
        raise InputError(f"the sliders' curves are over H; got vary = {config.vary!r}")
    own = config.family_parameters()
    knob = families.knob_of(config.family)
    kappas = _with(kappas, config.kappa)
    ratios = _with(ratios, config.samples_per_token)
    # A family without a knob has one stop, which is never shown.
    values: tuple[float, ...] = (math.nan,)
    if knob is not None:
        values = _with(knob[1] if spreads is None else spreads, own[knob[0]])
    horizons = tuple(place.horizon for place in config.cells())
    middle = 0 if knob is None else values.index(own[knob[0]])
    start = (kappas.index(config.kappa), ratios.index(config.samples_per_token), middle)
    places = list(itertools.product(range(len(kappas)), range(len(values)), range(len(horizons))))
    found: dict[tuple[int, int, int], Cells] = {}
    plans: dict[tuple[int, int], Plan] = {}

    def work(place: tuple[int, int, int]) -> Cells:
        k, s, h = place
        parameters = dict(config.parameters) | ({} if knob is None else {knob[0]: values[s]})
        there = dataclasses.replace(config, kappa=kappas[k], parameters=parameters)
        try:
            if (k, s) not in plans:
                plans[k, s] = Plan.of(there)
            return _along(plans[k, s], horizons[h], ratios)
        except InputError as error:
            if (k, s) == (start[0], start[2]):
                raise
            return [_nothing(str(error))] * len(ratios), float("nan")

    # The run's own stop goes first, so that bad news comes early.
    places.sort(key=lambda place: (place[:2] != (start[0], start[2]), place))
    found[places[0]] = work(places[0])
    with ThreadPoolExecutor(2) as pool:
        try:
            for place, cells in zip(places[1:], pool.map(work, places[1:]), strict=True):
                found[place] = cells
                if progress is not None:
                    progress(len(found), len(places), f"kappa = {setting(kappas[place[0]])}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

    def table(name: str) -> np.ndarray[Any, Any]:
        shape = (len(kappas), len(ratios), len(values), len(horizons))
        result = np.empty(shape, dtype=object)
        for (k, s, h), (cells, _) in found.items():
            for r, cell in enumerate(cells):
                result[k, r, s, h] = cell[name]
        return result if knob is not None else result[:, :, 0]

    radii = tuple(f"κ = {setting(k)}" for k in kappas)
    data = tuple(f"n = {setting(r)} H" for r in ratios)
    sliders = [
        Slider("kappa", "radius of the ball, κ", kappas, radii, start[0]),
        Slider("ratio", "data per token of budget, n/H", ratios, data, start[1]),
    ]
    last = len(horizons) - 1
    if knob is not None:
        spread = [found[start[0], s, last][1] / horizons[-1] for s in range(len(values))]
        pairs = zip(values, spread, strict=True)
        texts = tuple(f"{knob[0]} = {setting(v)}, σ/H = {number(z)}" for v, z in pairs)
        sliders.append(Slider(knob[0], "heterogeneity", values, texts, start[2]))
    gaps = table("gap_certified")
    certified = np.empty(gaps.shape[:-1], dtype=object)
    for stop in np.ndindex(certified.shape):
        first = bounds.certified_from(gaps[stop].astype(float))
        certified[stop] = None if first is None else horizons[first]
    curves = {name: table(name).tolist() for name in CURVES}
    names = {name: table(f"{name}_name").tolist() for name in ("vf_lower", "vb_upper")}
    reason = found[start[0], start[2], last][0][start[1]]["reason"]
    return Explorer(tuple(sliders), horizons, curves, names, certified.tolist(), reason)


def _with(stops: tuple[float, ...], own: float) -> tuple[float, ...]:
    return tuple(sorted({*map(float, stops), float(own)}))


def _along(plan: Plan, horizon: int, ratios: tuple[float, ...]) -> Cells:
    """One cell for each n/H, and sigma (the median over prompts), at one H."""
    configs = (dataclasses.replace(plan.config, samples_per_token=ratio) for ratio in ratios)
    samples = [each.samples_at(horizon) for each in configs]
    case = Case.of(plan, horizon, samples[0], plan.config.noise, whole=False)
    spread = np.asarray(heterogeneity(case.model.pmf, case.model.returns))
    cells = [_cell(case), *(_cell(case.with_samples(n)) for n in samples[1:])]
    return cells, float(np.median(spread))


def _cell(case: Case) -> dict[str, Any]:
    lower, gap = case.lower.over_stated, certified_gap(case)
    upper, verified = (case.learners[side].upper(case, "stated") for side in ("vf", "vb"))
    found: Mapping[str, Bound] = {
        "vf_lower": lower, "vf_upper": upper, "vb_upper": verified, "gap_certified": gap,
    }  # fmt: skip
    reasons = dict.fromkeys(bound.reason for bound in found.values() if bound.reason)
    cell: dict[str, Any] = {name: bound.value for name, bound in found.items()}
    cell |= {f"{name}_name": bound.name for name, bound in found.items()}
    return cell | {"reason": "; ".join(reasons) or None}


def _nothing(reason: str) -> dict[str, Any]:
    names = [*CURVES, *(f"{name}_name" for name in CURVES)]
    return dict.fromkeys(names) | {"reason": reason}
