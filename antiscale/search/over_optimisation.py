"""Over-optimisation: best-of-N's peak against the correlation of false positives (T10g)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale.bounds import turning_point
from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.numbers import number, setting
from antiscale.core.validate import Floats
from antiscale.search.laws.best_of import select
from antiscale.search.laws.correlated import correlated
from antiscale.search.laws.score_laws import ScoreLaw

# Whole N that the peak is sought among.
_MOST = 10**4


def _rising(name: str, given: Any) -> tuple[float, ...]:
    """Rates that rise."""
    rates = validate.each(name, given, of=validate.chance)
    if list(rates) != validate.rising(rates):
        raise InputError(f"{name} must rise; got {rates}")
    return rates


@dataclass(frozen=True, kw_only=True)
class OverOptimisationConfig(FromMapping):
    """One problem, and a verifier whose false positives come back.

    Parameters
    ----------
    success
        c, the chance that a trace is right.
    wrong_answers
        M equally likely wrong answers.
    true_positive, false_positive
        Rates of a verdict over all answers.
    correlations
        Of two verdicts on traces of one wrong answer; rising, in [0, 1].
    shown
        Those whose curves are drawn.
    passes
        Verdicts per trace; inf for the rate itself.
    """

    success: float = option(0.25, validate.chance, allow_zero=False, allow_one=False)
    wrong_answers: int = option(16, validate.integer, least=1, most=10**4)
    true_positive: float = 0.9
    false_positive: float = 0.1
    correlations: tuple[float, ...] = option(
        (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), _rising
    )
    shown: tuple[float, ...] = option((0.0, 0.01, 0.1, 0.3, 1.0), _rising)
    passes: float = np.inf

    def agree(self) -> None:
        """Refuse to show what is not computed."""
        if not set(self.shown) <= set(self.correlations):
            raise InputError("shown must be among correlations")

    def verifier(self, correlation: float) -> tuple[Floats, ScoreLaw]:
        """Return the problem's two types, right and wrong [1, 2], and the verifier."""
        solved = np.array([[True, False]])
        answers = np.zeros((1, 2, self.wrong_answers + 1))
        answers[0, 0, 0] = 1.0
        answers[0, 1, 1:] = 1.0 / self.wrong_answers
        law = correlated(
            solved, answers, self.true_positive, self.false_positive, correlation,
            passes=self.passes,
        )  # fmt: skip
        return np.array([[self.success, 1.0 - self.success]]), law


def over_optimisation(
    config: OverOptimisationConfig | None = None,
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Accuracy in N at each shown correlation, and the peak at every one beside T10g's.

    Returns
    -------
    Rows `correlation`, `n`, `accuracy`; and rows `correlation`, `peak` (the whole N of the highest
    accuracy up to 10^4), `peak_accuracy`, `limit_accuracy` (at N = 10^9), `turning_point` (inf
    where it never turns down) and `accuracy_at_turn`.
    """
    config = OverOptimisationConfig.of(config)
    grid = np.unique(np.round(np.geomspace(1, 3000, 120)))
    every = np.arange(1.0, _MOST + 1)
    rows: list[dict[str, float]] = []
    peaks: list[dict[str, float]] = []
    for correlation in config.correlations:
        pmf, law = config.verifier(correlation)
        accuracy = _accuracy(pmf, law, every)
        best = int(np.argmax(accuracy))
        levels = law.mass[0] * pmf[0]  # [K, L, 2]
        turn = turning_point(levels[..., 0], levels[..., 1], law.weight[0])
        there = np.isfinite(turn)
        at_turn = _accuracy(pmf, law, np.array([turn if there else 1.0]))[0]
        peaks.append({
            "correlation": correlation, "peak": float(every[best]),
            "peak_accuracy": float(accuracy[best]),
            "limit_accuracy": float(_accuracy(pmf, law, np.array([1e9]))[0]),
            "turning_point": turn, "accuracy_at_turn": float(at_turn) if there else float("nan"),
        })  # fmt: skip
        if correlation in config.shown:
            rows += [
                {"correlation": correlation, "n": float(n), "accuracy": float(a)}
                for n, a in zip(grid, _accuracy(pmf, law, grid), strict=True)
            ]
    return rows, peaks


def _accuracy(pmf: Floats, law: ScoreLaw, n: Floats) -> Floats:
    parts = np.array_split(n, -(-len(n) // 512))
    laws = [select(np.broadcast_to(pmf, (len(part), 2)), law, part) for part in parts]
    return np.concatenate(laws)[:, 0]


def reading(config: OverOptimisationConfig, peaks: list[dict[str, float]]) -> str:
    """Say in plain words where best-of-N peaks and why."""
    turning = [row for row in peaks if np.isfinite(row["turning_point"])]
    share = (1.0 - config.success) / config.wrong_answers
    text = (
        f"c = {setting(config.success)}, {config.wrong_answers} wrong answers, false-positive rate "
        f"{setting(config.false_positive)} throughout. "
    )
    if not turning:
        return text + "Accuracy never turns down."
    first, last = turning[0], turning[-1]
    return text + (
        f"With correlation {setting(first['correlation'])} accuracy peaks at N = "
        f"{setting(first['peak'])}, with {setting(last['correlation'])} at N = "
        f"{setting(last['peak'])}, and then falls: an answer that always passes has mass "
        f"{number(share)}, no more than the right one's {setting(config.success)}, so it is found "
        "later and outranks it. Independent errors do no such harm."
    )
