"""What `antiscale search` computes: a frozen dataclass that rejects what it does not know."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale.core import validate
from antiscale.core.config import FromMapping, fingerprint, option, writable
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
# The default budgets in units of H.
_DEFAULT_BUDGETS = tuple(2.0**k for k in range(-3, 7))


# What `antiscale search --verifier` sets.
_of_verifier = functools.partial(option, via="verifier")


def _strategies(name: str, given: Any) -> tuple[str, ...]:
    """Names that differ."""
    names = validate.names(name, given, allowed="one or more names", least=1)
    repeated = sorted({each for each in names if names.count(each) > 1})
    if repeated:
        raise InputError(f"{name} must differ; got {shown(repeated[0])} more than once")
    return names


def _budgets(name: str, given: Any) -> tuple[int, ...]:
    """Whole numbers of tokens, rising."""
    one = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    budgets = (given,) if one else given
    if not isinstance(budgets, list | tuple):
        raise InputError(f"{name} must be whole numbers of tokens; got {shown(budgets)}")
    whole = validate.each(name, budgets, of=validate.integer, least=1, most=2**32)
    if any(a >= b for a, b in itertools.pairwise(whole)):
        raise InputError(f"{name} must rise; got {', '.join(map(str, whole))}")
    return whole


def _wrong_answers(name: str, given: Any) -> int | str:
    """How many, or "styles"."""
    if isinstance(given, str):
        if given != "styles":
            raise InputError(f"{name} must be a whole number >= 1 or 'styles'; got {shown(given)}")
        return given
    return validate.integer(name, given, least=1, most=10**4)


def _pairs(name: str, given: Any, *, most: int) -> tuple[tuple[float, float], ...]:
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


@dataclass(frozen=True, kw_only=True)
class SearchConfig(FromMapping):
    """Strategies, budgets and verifiers on one trace model.

    Parameters
    ----------
    horizon
        The longest trace H in tokens, and the scale of the return (H - T + 1)_+.
    family
        Family of trace models, as for sweep; see `antiscale family`.
    parameters
        A parameter of the family; repeatable.
    strategies
        A strategy, and who writes the traces, if not the base policy: base, cloned, expert or
        finetuned; repeatable. Default: the nine of the README's figure.
    budgets
        Token budgets, rising; repeatable. Default: H/8, H/4, ..., 64 H.
    budget_kind
        hard: no run spends more (traces are drawn until the next no longer fits). expected: the
        budget is spent on average, over traces and over prompts' own mean costs.
    samples
        Traces n behind clone, learned verifier and finetuned policy. Default: 32 H.
    kappa
        Radius of the ball of the expert, of finetuning and of pessimism.
    reward_class
        The class calR of rewards that the learned verifier knows. Default: the family's.
    wrong_answers
        Number of equally likely wrong answers, or "styles". A model that carries answers votes with
        its own.
    auc
        Of the noisy verifier's Gaussian score.
    roc
        Points (false positive, true positive) of a verifier's ROC curve, rising.
    true_positive, false_positive
        Rates of a verdict (verdict, rejection, revision, correlated, pessimism).
    verifiers
        Rates (true, false) of the several verifiers, one pair each.
    combine
        How they are combined: log-odds or vote.
    correlation, passes
        Of the verifier of correlated and pessimism: of its false positives on traces of one answer;
        verdicts per trace.
    accept_right, accept_wrong, fix, spoil
        Self-correction: see `SelfVerifier`.
    verifier_tokens
        Tokens that one verdict costs, added to each trace that is verified.
    """

    horizon: int = option(256, validate.integer, "H", least=1, most=2**24)
    family: str = option("difficulty", validate.name, "NAME")
    parameters: Mapping[str, Any] = option(dict, validate.table, "NAME=VALUE", flag="--set")
    strategies: tuple[str, ...] = option(
        DEFAULT_STRATEGIES, _strategies, "NAME[@POLICY]", flag="--strategy"
    )
    budgets: tuple[int, ...] = option(
        (), _budgets, "B[,B...]", flag="--budget", order=validate.rising
    )
    budget_kind: str = option("hard", validate.choice, "KIND", allowed=KINDS)
    samples: int | None = option(None, validate.integer, "N", least=1, most=10**15)
    kappa: float = option(0.25, validate.real, "X", least=0, note="the radius of the ball")
    reward_class: str | None = option(None, validate.name, "NAME")
    wrong_answers: int | str = _of_verifier(4, _wrong_answers)
    auc: float = _of_verifier(0.85, validate.chance, allow_zero=False, allow_one=False)
    roc: tuple[tuple[float, float], ...] = _of_verifier(
        ((0.05, 0.5), (0.2, 0.8)), _pairs, most=1000
    )
    true_positive: float = _of_verifier(0.9, validate.chance)
    false_positive: float = _of_verifier(0.2, validate.chance)
    verifiers: tuple[tuple[float, float], ...] = _of_verifier(
        ((0.9, 0.2), (0.8, 0.1), (0.7, 0.2)), _pairs, most=14
    )
    combine: str = _of_verifier("log-odds", validate.choice, allowed=COMBINATIONS)
    correlation: float = _of_verifier(0.2, validate.chance)
    passes: int = _of_verifier(8, validate.integer, least=1, most=1000)
    # `SelfVerifier` checks these.
    accept_right: float = _of_verifier(0.9)
    accept_wrong: float = _of_verifier(0.4)
    fix: float | None = _of_verifier(None)
    spoil: float | None = _of_verifier(None)
    verifier_tokens: int = _of_verifier(0, validate.integer, least=0, most=2**24)

    def agree(self) -> None:
        """Choose budgets where none are given, and check the rates of self-correction."""
        if not self.budgets:
            scaled = (max(1, round(self.horizon * share)) for share in _DEFAULT_BUDGETS)
            self._put("budgets", tuple(dict.fromkeys(scaled)))
        self.self_verifier()

    def self_verifier(self) -> SelfVerifier:
        """Return the rates of self-correction."""
        rates = ("accept_right", "accept_wrong", "fix", "spoil")
        return SelfVerifier(**{name: getattr(self, name) for name in rates})

    def family_parameters(self) -> dict[str, Any]:
        """Return the family's parameters: its defaults and those given."""
        return settled(self.family, parameters_of(self.family) | dict(self.parameters))

    def class_name(self) -> str:
        """Return the reward class: the one given, or the family's own."""
        if self.reward_class is not None:
            return self.reward_class
        return family(self.family, **self.family_parameters()).reward_class

    @property
    def traces(self) -> int:
        """n, the traces that clones, verifiers and finetuning learn from."""
        return 32 * self.horizon if self.samples is None else self.samples

    def hash(self) -> str:
        """Return twelve hexadecimal digits that name the configuration and this version's rows."""
        plain = self.to_dict() | {
            "parameters": writable(self.family_parameters()),
            "reward_class": self.class_name(),
            "samples": self.traces,
        }
        return fingerprint(SCHEMA, __version__, plain)
