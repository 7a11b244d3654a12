"""What `antiscale search` computes: a frozen dataclass that rejects what it does not know."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, writable
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.core.version import __version__
from antiscale.models.families import family, parameters_of, settled
from antiscale.search.laws.combined import COMBINATIONS
from antiscale.search.laws.self_correction import SelfVerifier

SCHEMA = "antiscale.search/1"
KINDS = ("hard", "expected")
POLICIES = ("base", "cloned", "expert", "finetuned")

# One curve each in the figure that the README shows.
DEFAULT_STRATEGIES = (
    "single@cloned", "majority", "oracle", "learned", "noisy", "several", "revision", "correction",
    "allocation",
)  # fmt: skip
# Budgets in units of H, unless told otherwise.
_DEFAULT_BUDGETS = tuple(2.0**k for k in range(-3, 7))


@dataclass(frozen=True, kw_only=True)
class SearchConfig(FromMapping):
    """Strategies, budgets and verifiers on one trace model.

    Parameters
    ----------
    horizon
        H in tokens: the longest trace, and the scale of the return (H - T + 1)_+.
    family, parameters
        Family of trace models and its own parameters.
    strategies
        Names, each with @POLICY if it is not the base policy that writes: base, cloned, expert,
        finetuned.
    budgets
        Token budgets, rising; default: H/8, H/4, ..., 64 H.
    budget_kind
        "hard": no run spends more (traces are drawn until the next no longer fits). "expected":
        the budget is spent on average, over traces and over prompts' own mean costs.
    samples
        n, the traces behind clones, learned verifiers and finetuned policies; default 32 H.
    kappa
        Radius of the ball of the expert and of finetuning.
    reward_class
        calR that the learned verifier knows; default: the family's own.
    wrong_answers
        Number of equally likely wrong answers, or "styles". A model that carries answers votes with
        its own.
    auc
        Of the noisy verifier's Gaussian score.
    roc
        Points (false positive, true positive) of a verifier's ROC curve, rising.
    true_positive, false_positive
        Rates of a verdict (verdict, rejection, revision, correlated).
    verifiers
        Rates (true, false) of the several verifiers, one pair each.
    combine
        How they are combined: log-odds or vote.
    correlation, passes
        Of the correlated verifier: of its false positives on traces of one answer; verdicts per
        trace.
    accept_right, accept_wrong, fix, spoil
        Self-correction: see `SelfVerifier`.
    verifier_tokens
        Tokens that one verdict costs, added to each trace that is verified.
    """

    horizon: int = 256
    family: str = "difficulty"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    budgets: tuple[int, ...] = ()
    budget_kind: str = "hard"
    samples: int | None = None
    kappa: float = 0.25
    reward_class: str | None = None
    wrong_answers: int | str = 4
    auc: float = 0.85
    roc: tuple[tuple[float, float], ...] = ((0.05, 0.5), (0.2, 0.8))
    true_positive: float = 0.9
    false_positive: float = 0.2
    verifiers: tuple[tuple[float, float], ...] = ((0.9, 0.2), (0.8, 0.1), (0.7, 0.2))
    combine: str = "log-odds"
    correlation: float = 0.2
    passes: int = 8
    accept_right: float = 0.9
    accept_wrong: float = 0.4
    fix: float | None = None
    spoil: float | None = None
    verifier_tokens: int = 0

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("horizon", validate.integer("horizon", self.horizon, least=1, most=2**24))
        put("parameters", validate.table("parameters", self.parameters))
        validate.name("family", self.family)
        if self.reward_class is not None:
            validate.name("reward_class", self.reward_class)
        names: Any = self.strategies
        names = (names,) if isinstance(names, str) else names
        if (
            not isinstance(names, list | tuple)
            or not names
            or not all(isinstance(name, str) for name in names)
        ):
            raise InputError(f"strategies must be one or more names; got {shown(names)}")
        repeated = sorted({name for name in names if list(names).count(name) > 1})
        if repeated:
            raise InputError(f"strategies must differ; got {shown(repeated[0])} more than once")
        put("strategies", tuple(names))
        put("budgets", self._checked_budgets())
        put("budget_kind", validate.choice("budget_kind", self.budget_kind, KINDS))
        if self.samples is not None:
            put("samples", validate.integer("samples", self.samples, least=1, most=10**15))
        kappa = validate.real("kappa", self.kappa)
        if kappa < 0:
            raise InputError(f"kappa must be >= 0 (the radius of the ball); got {kappa:g}")
        put("kappa", kappa)
        if not isinstance(self.wrong_answers, str) or self.wrong_answers != "styles":
            if isinstance(self.wrong_answers, str):
                raise InputError(
                    "wrong_answers must be a whole number >= 1 or 'styles'; got "
                    f"{shown(self.wrong_answers)}"
                )
            wrong = validate.integer("wrong_answers", self.wrong_answers, least=1, most=10**4)
            put("wrong_answers", wrong)
        for name in ("true_positive", "false_positive", "correlation"):
            put(name, float(validate.probability(name, validate.real(name, getattr(self, name)))))
        put("auc", float(validate.probability(
            "auc", validate.real("auc", self.auc), allow_zero=False, allow_one=False
        )))  # fmt: skip
        put("verifiers", _pairs("verifiers", self.verifiers, 14))
        put("roc", _pairs("roc", self.roc, 1000))
        put("combine", validate.choice("combine", self.combine, COMBINATIONS))
        put("passes", validate.integer("passes", self.passes, least=1, most=1000))
        tokens = validate.integer("verifier_tokens", self.verifier_tokens, least=0, most=2**24)
        put("verifier_tokens", tokens)
        self.self_verifier()

    def _checked_budgets(self) -> tuple[int, ...]:
        budgets: Any = self.budgets
        if isinstance(budgets, int | float | np.number) and not isinstance(budgets, bool):
            budgets = (budgets,)
        if not isinstance(budgets, list | tuple):
            raise InputError(f"budgets must be whole numbers of tokens; got {shown(budgets)}")
        if len(budgets) == 0:
            scaled = (max(1, round(self.horizon * share)) for share in _DEFAULT_BUDGETS)
            return tuple(dict.fromkeys(scaled))
        whole = [validate.integer("budgets", budget, least=1, most=2**32) for budget in budgets]
        if any(a >= b for a, b in itertools.pairwise(whole)):
            raise InputError(f"budgets must rise; got {', '.join(map(str, whole))}")
        return tuple(whole)

    def self_verifier(self) -> SelfVerifier:
        """Return the rates of self-correction."""
        return SelfVerifier(
            accept_right=self.accept_right, accept_wrong=self.accept_wrong, fix=self.fix,
            spoil=self.spoil,
        )  # fmt: skip

    def family_parameters(self) -> dict[str, Any]:
        """Return the family's parameters: its defaults and those given."""
        return settled(self.family, parameters_of(self.family) | dict(self.parameters))

    def class_name(self) -> str:
        """Return the reward class: the one asked for, or the family's own."""
        if self.reward_class is not None:
            return self.reward_class
        return family(self.family, **self.family_parameters()).reward_class

    @property
    def traces(self) -> int:
        """n, the traces that clones, verifiers and finetuning learn from."""
        return 32 * self.horizon if self.samples is None else self.samples

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, for JSON and TOML."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return plain | {
            "parameters": writable(self.parameters),
            "strategies": list(self.strategies),
            "budgets": list(self.budgets),
            "verifiers": [list(pair) for pair in self.verifiers],
            "roc": [list(pair) for pair in self.roc],
        }

    def hash(self) -> str:
        """Return twelve hexadecimal digits that name the configuration and this version's rows."""
        plain = self.to_dict() | {
            "parameters": writable(self.family_parameters()),
            "reward_class": self.class_name(),
            "samples": self.traces,
        }
        text = json.dumps([SCHEMA, __version__, plain], sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _pairs(name: str, given: Any, most: int) -> tuple[tuple[float, float], ...]:
    """Pairs of rates."""
    try:
        rates = validate.floats(name, given)
    except InputError:
        rates = np.zeros(0)
    if rates.ndim != 2 or rates.shape[1:] != (2,) or not 1 <= len(rates) <= most:
        raise InputError(
            f"{name} must be 1 to {most} pairs of rates, e.g. [[0.9, 0.2], [0.8, 0.1]]; got "
            f"{shown(given)}"
        )
    validate.probability(name, rates)
    return tuple((float(first), float(second)) for first, second in rates)
