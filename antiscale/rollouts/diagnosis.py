"""From a table of rollouts to what it says about cloning against verification."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from antiscale import presets
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats, shown
from antiscale.rollouts import averages, certified, search
from antiscale.rollouts.comparison import compare, outcome
from antiscale.rollouts.config import QUANTILES, SCHEMA, DiagnoseConfig
from antiscale.rollouts.copies import copied
from antiscale.rollouts.estimates import Estimates, estimate
from antiscale.rollouts.predictions import Outlook
from antiscale.rollouts.reading import sentences
from antiscale.rollouts.samples import Rollouts
from antiscale.rollouts.table import Loaded, load, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Called after each step with (steps done, steps in all, what is being done).
Progress = Callable[[int, int, str], None]

# No value, and no ends.
_UNKNOWN: Any = averages.Interval(*(None,) * 3)  # type: ignore[arg-type]
# Horizons at which sigma is drawn against H.
_CURVE = 24
# The tables of a diagnosis.
TABLES = ("problems", "horizons", "search", "roc", "curve", "losses")


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    config
        What was asked.
    summary
        The object that `antiscale diagnose --json` prints.
    problems
        One row per problem and horizon: J, sigma, c(eps), ... with their intervals, in tokens.
    horizons
        One row per horizon: means over problems with their intervals, and the predictions.
    search
        One row per number of samples n: pass@n, best-of-n by score, majority of answers.
    roc
        Points of the score's ROC; empty without scores.
    curve
        Mean of sigma_x against H, on a finer grid of horizons.
    losses
        Bounds and simulated losses against n, at the largest horizon.
    rollouts
        The samples themselves.
    """

    config: DiagnoseConfig
    summary: dict[str, Any]
    problems: pd.DataFrame
    horizons: pd.DataFrame
    search: pd.DataFrame
    roc: pd.DataFrame
    curve: pd.DataFrame
    losses: pd.DataFrame
    rollouts: Rollouts

    @property
    def reading(self) -> str:
        """Three sentences that claim no more than the intervals allow."""
        return " ".join(self.summary["reading"])

    def to_json(self) -> dict[str, Any]:
        """Return the summary with infinities and NaN as text."""
        return writable(self.summary)

    def figure(self) -> Figure:
        """Draw the distributions of sigma_x/H and c_x(eps) over problems, and what follows."""
        from antiscale.plots.rollouts import diagnose_figure

        return diagnose_figure(self.tables(), self.summary)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name, as `write` names their files."""
        return {name: getattr(self, name) for name in TABLES}

    def export_model(self, path: Path) -> None:
        """Write the samples as an explicit trace model, for `antiscale sweep --family explicit`."""
        from antiscale.rollouts.export import write_model

        write_model(self.rollouts, path)

    def __str__(self) -> str:
        return self.reading

    def __repr__(self) -> str:
        return f"<Diagnosis of {self.summary['problems']} problems: {self.reading}>"


def diagnose(
    table: pd.DataFrame | str | Path | None = None, *, example: str | None = None,
    progress: Progress | None = None, **options: Any,
) -> Diagnosis:  # fmt: skip
    """Put rollouts of a real model through the theorem.

    Measures, problem by problem, how heterogeneous (sigma_x) and how anti-concentrated (c_x(eps))
    the returns R = (H - T + 1)_+ are, T = tokens_to_first_correct where the table has it, else the
    length if correct and infinity if not; and says what T4, T5 and T7 make of it.

    Parameters
    ----------
    table
        One row per sample: problem, correct (0/1), length (tokens, >= 1, or 0 for an empty one),
        and if there are any tokens_to_first_correct, answer, score, model, sample. A DataFrame, a
        CSV, JSON, JSONL or Parquet file, or a folder of sample files of lm-evaluation-harness.
    example
        Instead of a table: one that comes with antiscale, under its own columns: arithmetic, codet,
        gsm8k.
    progress
        Called after each step.
    **options
        Those of `DiagnoseConfig`: columns, model, against, filter, horizon, eps, kappa, samples,
        level, seed.

    Raises
    ------
    InputError
        If the table cannot be used, an option is not known or not allowed, or all problems have a
        single sample (unless two models are compared).

    Examples
    --------
    >>> import antiscale as ac, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({
    ...     "problem": np.repeat(np.arange(50), 40),
    ...     "correct": rng.random(2000) < 0.3,
    ...     "length": rng.integers(20, 200, 2000),
    ... })
    >>> found = ac.diagnose(table, horizon=256)
    >>> float(round(found.horizons.accuracy[0], 2))
    0.3
    """
    if (table is None) == (example is None):
        raise InputError("diagnose takes a table or the name of an example: give one of them")
    config = DiagnoseConfig.from_mapping(options)
    if example is not None:
        table, columns = presets.example(example)
        config = dataclasses.replace(config, columns=columns | dict(config.columns))
    if not isinstance(table, pd.DataFrame | str | Path):
        raise InputError(f"table must be a DataFrame or a path; got {shown(table)}")
    try:
        frame = table if isinstance(table, pd.DataFrame) else read_table(Path(table), config)
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown(str(table))} cannot be read: {error!s:.80}") from None
    return diagnose_loaded(load(frame, config), config, progress=progress)


def diagnose_loaded(
    loaded: Loaded, config: DiagnoseConfig, *, progress: Progress | None = None
) -> Diagnosis:
    """Diagnose a table that has been read and checked; see `diagnose`."""
    require_samples(loaded)
    rollouts = loaded.rollouts
    horizons = config.horizon or _default_horizons(rollouts.length)
    other = loaded.other
    compared: dict[str, Any] = (
        {} if other is None else {"comparison": compare(rollouts, other, config)}
    )
    if int(np.max(rollouts.counts)) == 1:
        return _compared_only(loaded, config, compared)
    done = itertools.count(1)

    def step(what: str) -> None:
        if progress is not None:
            progress(next(done), 2 * len(horizons) + 2, what)

    step("measuring")
    found = estimate(
        rollouts, horizons, eps=config.eps, kappa=config.kappa, level=config.level,
        progress=lambda number: step(f"H = {horizons[number - 1]}"),
    )  # fmt: skip
    copies = copied(rollouts)
    ends, telling = _proved(rollouts, horizons, config, copies is None)
    outlooks = [
        Outlook(rollouts, each, low, tells, config.kappa[0], config.level, config.seed)
        for each, (low, _), tells in zip(found, ends, telling, strict=True)
    ]
    rows = []
    with ThreadPoolExecutor(2) as pool:
        predicted = pool.map(lambda each: each.at(config.samples_at(each.found.horizon)), outlooks)
        for each, proved, prediction in zip(found, ends, predicted, strict=True):
            rows.append(_horizon_row(rollouts, each, proved, prediction, config))
            step("predicting")
    if other is not None:
        compared["outcomes"] = [outcome(rollouts, other, each) for each in found]
    curves, spent = _search(rollouts, config.level)
    roc, scored = _roc(rollouts, config.level)
    losses = outlooks[-1].curve(max(prediction["n"], 64 * len(rollouts.counts)))
    summary = {
        **_heading(loaded, config), "certified": copies is None, **spent, "horizons": rows,
        **scored, **compared, "notes": _notes(loaded, prediction, copies, spent),
    }  # fmt: skip
    summary["reading"] = sentences(summary)
    step("summing up")
    return Diagnosis(
        config, summary, _problem_rows(rollouts, found, config),
        pd.DataFrame([_flat(row) for row in rows]).assign(accuracy=summary["accuracy"]),
        curves, roc, _curve(rollouts), pd.DataFrame(losses), rollouts,
    )  # fmt: skip


def require_samples(loaded: Loaded) -> None:
    """Refuse a table with one sample per problem, unless it is to compare two models.

    Raises
    ------
    InputError
        If no problem has two samples and there is nothing to compare with.
    """
    if int(np.max(loaded.rollouts.counts)) == 1 and loaded.other is None:
        raise InputError(
            "every problem has one sample, which cannot give sigma_x, the spread within a problem: "
            "draw at least two samples of each (32 or more to say much), or compare two models of "
            "the table with --model and --against"
        )


def _proved(
    rollouts: Rollouts, horizons: tuple[int, ...], config: DiagnoseConfig, independent: bool
) -> tuple[list[certified.Ends], list[Floats]]:
    """Ends of the mean of sigma_x, and lower bounds of P(R != H/2), per horizon.

    Of samples that are copies nothing is known but that returns lie in [0, H].
    """
    if not independent:
        nothing = np.zeros(len(rollouts.counts))
        return [(0.0, horizon / 2.0) for horizon in horizons], [nothing for _ in horizons]
    asked = bool(config.horizon)
    ends = certified.sigma_ends(rollouts, horizons, config.level, asked=asked)
    return ends, certified.least_telling(rollouts, horizons, config.level, asked=asked)


def _default_horizons(length: Floats) -> tuple[int, ...]:
    wanted = np.ceil(np.quantile(length, QUANTILES) - 1e-9).astype(int)
    return tuple(int(h) for h in np.unique(wanted))


def _heading(loaded: Loaded, config: DiagnoseConfig) -> dict[str, Any]:
    """What the table holds: the first keys of the summary."""
    rollouts, level = loaded.rollouts, config.level
    accuracy = averages.bounded_mean(rollouts.accuracy, level)
    solved = averages.bounded_mean((rollouts.solutions > 0).astype(float), level)
    return {
        "schema": SCHEMA, "model": loaded.model, "unit": loaded.unit, "level": level,
        "problems": len(rollouts.counts), "samples": rollouts.samples,
        "samples_per_problem": [int(np.min(rollouts.counts)), int(np.max(rollouts.counts))],
        **accuracy.named("accuracy"), **solved.named("solved"),
        "unsolved_problems": int((rollouts.solutions == 0).sum()),
    }  # fmt: skip


def _compared_only(loaded: Loaded, config: DiagnoseConfig, compared: dict[str, Any]) -> Diagnosis:
    """One sample per problem: the comparison, and why there is no more."""
    accuracy = float(loaded.rollouts.accuracy.mean())
    summary = {
        **_heading(loaded, config), "pass_at": {"1": accuracy}, "horizons": [], **compared,
        "notes": loaded.notes,
    }  # fmt: skip
    summary["reading"] = sentences(summary)
    none = pd.DataFrame()
    return Diagnosis(config, summary, none, none, none, none, none, none, loaded.rollouts)


def _notes(
    loaded: Loaded, prediction: dict[str, Any], copies: str | None, spent: dict[str, Any]
) -> list[str]:
    """What the numbers rest on."""
    rollouts, notes = loaded.rollouts, list(loaded.notes)
    if copies is not None:
        notes.append(
            f"{copies} Intervals are for independent samples and may miss the truth of copies: "
            "nothing is certified."
        )
    single = int((rollouts.counts == 1).sum())
    if single:
        notes.append(
            f"{single:,} problems have a single sample: they count for accuracy, not for sigma."
        )
    least, most = int(np.min(rollouts.counts)), int(np.max(rollouts.counts))
    if least < most:
        top, over = list(spent["search_problems"].items())[-1]
        notes.append(
            f"Problems have {least} to {most} samples; pass@n and best-of-n go up to {top}, at "
            f"each n over the problems with n samples or more ({over:,} at {top})."
        )
    if rollouts.time[np.isfinite(rollouts.time)].size == 0:
        notes.append("No sample is correct: every return is zero.")
    if loaded.unit != "tokens":
        notes.append(f"Lengths, H, sigma and losses count {loaded.unit}, not tokens.")
    notes.append(
        "Losses are for the reward and its mirror H - R at each problem, traces spread evenly over "
        f"problems. T4f and the largest spread are averaged over {prediction['bound_problems']}, "
        f"simulated cloning over {prediction['measured_problems']} of {prediction['problems']:,} "
        "problems, evenly spaced in sigma."
    )
    return notes


def _horizon_row(
    rollouts: Rollouts, found: Estimates, proved: certified.Ends, prediction: dict[str, Any],
    config: DiagnoseConfig,
) -> dict[str, Any]:  # fmt: skip
    """Means over problems at one horizon."""
    level, horizon, k = config.level, float(found.horizon), rollouts.counts
    known = np.isfinite(found.sigma)
    spread = known & (found.sigma > 0)
    sigma = averages.sigma_mean(found, k, level)
    bands = found.sigma_low[known], found.sigma_high[known]
    low, high = averages.median_of_bounds(*bands, level, most=horizon / 2.0)
    found_in_time = rollouts.total(np.isfinite(rollouts.time).astype(np.int64))
    share = averages.correctness_share(found, k, found_in_time, level)

    def over_problems(name: str, most: float, at: Any = ...) -> averages.Interval:
        values, low, high = _three(found, name, name, at).values()
        ends = averages.mean_of_bounds(low, high, level, problems=len(k), most=most)
        return averages.Interval(float(values.mean()), *ends)

    above = [averages.mean_above(found, e, eps, k, level) for e, eps in enumerate(config.eps)]
    best = [over_problems("best", horizon, i) for i in range(len(config.kappa))]
    ratios = zip(config.kappa, found.max_ratio, strict=True)
    return {
        "horizon": found.horizon,
        "sigma_mean": sigma.value, "sigma_median": float(np.median(found.sigma[known])),
        "sigma_low": proved[0], "sigma_high": proved[1],
        "sigma_low_approximate": sigma.low, "sigma_high_approximate": sigma.high,
        "sigma_median_low": low, "sigma_median_high": high,
        **averages.bounded_mean(found.mean, level, high=horizon).named("mean_return"),
        **(share or _UNKNOWN).named("correctness_share"),
        "sigma_problems": int(known.sum()), "spread_problems": int(spread.sum()),
        **_keyed("c_eps", config.eps, above),
        **over_problems("sharpness", 1.0).named("sharpness"),
        **_keyed("best_return", config.kappa, best),
        "max_ratio": {f"{kappa:g}": float(each.max()) for kappa, each in ratios},
        "prediction": prediction,
    }  # fmt: skip


def _keyed(
    name: str, keys: tuple[float, ...], found: Iterable[averages.Interval | None]
) -> dict[str, dict[str, float]]:
    """An object per estimate and end, with an entry for each of the keys."""
    texts = [f"{key:g}" for key in keys]
    rows = [(each or _UNKNOWN).named(name) for each in found]
    return {end: {k: row[end] for k, row in zip(texts, rows, strict=True)} for end in rows[0]}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its nested objects spelled out: c_eps_0.5, prediction_n, ..."""
    return {
        f"{name}_{key}" if key else name: item
        for name, value in row.items()
        for key, item in (value if isinstance(value, dict) else {"": value}).items()
    }


def _problem_rows(
    rollouts: Rollouts, found: list[Estimates], config: DiagnoseConfig
) -> pd.DataFrame:
    """One row per problem and horizon."""
    from scipy import special

    k, c = rollouts.counts, rollouts.solutions
    miss = (1.0 - config.level) / 2.0
    # Clopper and Pearson's interval; the inverse is NaN at the ends, where the end is known.
    low = np.nan_to_num(special.betaincinv(c, k - c + 1.0, miss), nan=0.0)
    high = np.nan_to_num(special.betaincinv(c + 1.0, k - c, 1.0 - miss), nan=1.0)
    parts = []
    for each in found:
        columns: dict[str, Any] = {
            "problem": rollouts.problems, "horizon": each.horizon, "samples": k, "solutions": c,
            "accuracy": rollouts.accuracy, "accuracy_low": np.where(c == 0, 0.0, low),
            "accuracy_high": np.where(c == k, 1.0, high),
        }  # fmt: skip
        columns |= _three(each, "mean", "mean_return") | _three(each, "sigma", "sigma")
        columns["sigma_shrunk"] = averages.shrunk_sigma(each, k)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns["correctness_share"] = 1.0 - each.within / each.variance
        for e, eps in enumerate(config.eps):
            columns |= _three(each, "above", f"c_{eps:g}", e)
        columns |= _three(each, "sharpness", "sharpness")
        for i, kappa in enumerate(config.kappa):
            columns |= _three(each, "best", f"best_return_{kappa:g}", i)
            columns[f"max_ratio_{kappa:g}"] = each.max_ratio[i]
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _three(found: Estimates, name: str, label: str, at: Any = ...) -> dict[str, Floats]:
    """The columns of an estimate and of its ends."""
    return {label + end: getattr(found, name + end)[at] for end in averages.ENDS}


def _curve(rollouts: Rollouts) -> pd.DataFrame:
    """Mean over problems of the standard deviation of R, against H."""
    top = float(np.max(rollouts.length))
    grid = np.unique(np.geomspace(max(np.min(rollouts.length), 2.0), 1.5 * top, _CURVE).round())
    k = rollouts.counts
    rows = []
    for horizon in grid:
        r = rollouts.returns(float(horizon))
        mean = rollouts.total(r) / k
        square = np.maximum(rollouts.total(r * r) / k - mean**2, 0.0)
        sigma = np.sqrt(square[k > 1] * (k[k > 1] / (k[k > 1] - 1.0)))
        rows.append({"horizon": int(horizon), "sigma_mean": float(sigma.mean())})
    return pd.DataFrame(rows)


def _search(rollouts: Rollouts, level: float) -> tuple[pd.DataFrame, dict[str, Any]]:
    """pass@n, best-of-n and majority with their intervals; and those keys of the summary."""
    # As far as more than half of the problems go.
    top = int(np.sort(rollouts.counts)[(len(rollouts.counts) - 1) // 2])
    enough = rollouts.counts >= top
    shown = search.budgets(top)
    between = {int(n) for n in np.geomspace(1, top, 33).round()} | set(range(1, min(top, 16)))
    grid = sorted(between | set(shown))
    by_score = None if rollouts.score is None else search.ranks(rollouts)
    rows, best = [], {}
    for n in grid:
        there = rollouts.counts >= n
        row: dict[str, Any] = {"n": n, "problems": int(there.sum())}
        kinds = {"pass_at": search.pass_at_k(rollouts.counts, rollouts.solutions, n)}
        if by_score is not None:
            kinds["best_of"] = best[n] = search.best_of_n(by_score, n)
        if rollouts.answer is not None and n in shown:
            kinds["majority"] = search.majority_of_n(rollouts, n)
        for name, values in kinds.items():
            row |= averages.bounded_mean(values[there], level).named(name)
        rows.append(row)
    frame = pd.DataFrame(rows)
    chosen = frame.set_index(frame.n.astype(str))[frame.n.isin(shown).to_numpy()]
    spent: dict[str, Any] = {"search_problems": chosen.problems.to_dict()}
    for name in ("pass_at", "best_of", "majority"):
        if name in frame:
            spent |= {name + end: chosen[name + end].to_dict() for end in averages.ENDS}
    if best:
        # Differences are paired: over the problems that go all the way.
        spent["best_of_peak"] = _peak({n: each[enough] for n, each in best.items()}, level)
    return frame, spent


def _peak(best: dict[int, Floats], level: float) -> dict[str, Any]:
    """Where best-of-n is highest, what is gained until there and lost after; paired intervals.

    n was chosen among those tried, so the intervals are Bonferroni's for all of them.
    """
    tried = sorted(best)
    at = max(tried, key=lambda n: float(best[n].mean()))
    strict = 1.0 - (1.0 - level) / max(len(tried) - 1, 1)
    found: dict[str, Any] = {"n": at, "accuracy": float(best[at].mean()), "last_n": tried[-1]}
    for name, values in (("gain", best[at] - best[1]), ("loss_after", best[at] - best[tried[-1]])):
        mean = averages.bounded_mean(values, strict, low=-1.0, high=1.0)
        found |= (mean if values.any() else averages.Interval(0.0, 0.0, 0.0)).named(name)
    return found


def _roc(rollouts: Rollouts, level: float) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The score's ROC, and its areas for the summary."""
    found = None if rollouts.score is None else search.roc(rollouts)
    if found is None:
        return pd.DataFrame(), {}
    mixed = found.within[np.isfinite(found.within)]
    areas: dict[str, Any] = {"pooled_auc": found.pooled, "mixed_problems": len(mixed)}
    if len(mixed):
        areas |= averages.bounded_mean(mixed, level).named("within_auc")
    return found.points, {"roc": areas}
