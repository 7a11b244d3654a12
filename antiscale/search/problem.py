"""A trace model as search sees it: what traces cost, what they are worth, what they answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from antiscale.core import machine, validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats, shown
from antiscale.models.traces import TraceModel
from antiscale.search.laws.renewal import Whole

# Prompts times types times answers.
_MOST = 2**28


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchProblem:
    """m problems, each with S types of traces.

    A trace costs its length, at most H; where that is not known (a wrong trace without one), H. It
    is right if its return is positive. A model that carries answers gives them; else right traces
    all give one answer and wrong ones others.

    Attributes
    ----------
    horizon
        H, in tokens: the longest trace, and the scale of the return.
    pmf : [m, S]
        The policy that writes.
    returns : [m, S]
        R = (H - T + 1)_+, in tokens.
    costs : [m, S]
        Whole tokens, at least 1.
    answers : [m, S, A]
        P(answer | type); answer 0 is the right one, but where `given`.
    given
        Whether the answers are the model's own; the last one then means no answer and has no vote.
    prompt_mass : [m]
        rho(x).
    """

    horizon: int
    pmf: Floats
    returns: Floats
    costs: Whole
    answers: Floats
    prompt_mass: Floats
    given: bool = False

    @classmethod
    def of(cls, model: TraceModel, wrong_answers: int | str = 4) -> SearchProblem:
        """Take a trace model's traces.

        Parameters
        ----------
        model
            Any trace model.
        wrong_answers
            How many equally likely wrong answers there are, or "styles": each style of wrong traces
            is an answer of its own. Not used where the model carries answers.

        Raises
        ------
        InputError
            If `wrong_answers` is neither.
        """
        lengths = np.where(model.correct, model.hitting_times, model.lengths)
        known = np.isfinite(lengths)
        costs = np.ceil(np.minimum(np.where(known, lengths, model.horizon), model.horizon))
        solved = (model.returns > 0) & (model.pmf > 0)
        return cls(
            horizon=model.horizon, pmf=model.pmf, prompt_mass=model.prompt_mass,
            returns=np.where(model.pmf > 0, model.returns, 0.0),
            costs=np.maximum(costs, 1.0).astype(np.int64),
            answers=_answers(model, solved, wrong_answers), given=model.answers is not None,
        )  # fmt: skip

    @cached_property
    def solved(self) -> npt.NDArray[np.bool_]:
        """Which types are right, [m, S]."""
        return self.returns > 0

    @cached_property
    def success(self) -> Floats:
        """Chance that a trace is right, [m]."""
        return (self.pmf * self.solved).sum(-1)

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which answers are right: those that traces give more often right than wrong, [m, A]."""
        joint = self.pmf[..., None] * self.answers
        return 2.0 * (joint * self.solved[..., None]).sum(1) > joint.sum(1)

    @cached_property
    def voting(self) -> npt.NDArray[np.bool_]:
        """Which answers have a vote, [A]."""
        return np.arange(self.answers.shape[-1]) < self.answers.shape[-1] - self.given

    @cached_property
    def answer_mass(self) -> Floats:
        """P(answer), [m, A]."""
        return np.einsum("ms,msa->ma", self.pmf, self.answers)

    def mean_cost(self, costs: npt.ArrayLike) -> Floats:
        """E[cost] of a trace at each problem, [m], in tokens, for costs [m, S]."""
        return (self.pmf * np.asarray(costs)).sum(-1)

    def split(self, chance: Floats, pmf: Floats) -> SearchProblem:
        """Return the problem in which the policy is random: m K problems.

        Parameters
        ----------
        chance : [m, K]
            Probability of each of K policies at each problem.
        pmf : [m, K, S]
            The policies.
        """
        repeated: dict[str, Any] = {
            name: np.repeat(getattr(self, name), chance.shape[-1], axis=0)
            for name in ("returns", "costs", "answers")
        }
        mass = (self.prompt_mass[:, None] * chance).reshape(-1)
        return replace(self, pmf=pmf.reshape(-1, pmf.shape[-1]), prompt_mass=mass, **repeated)


def _answers(model: TraceModel, solved: npt.NDArray[np.bool_], wrong_answers: int | str) -> Floats:
    if model.answers is not None:
        return _given(model, model.answers)
    right = solved[..., None].astype(float)
    if wrong_answers == "styles":
        # Styles by their place among those with mass at the prompt.
        styles, count = _places(model.styles, model.pmf > 0)
        wrong = _certain(styles, count)
    elif isinstance(wrong_answers, str):
        raise InputError(
            f"wrong_answers must be a whole number >= 1 or 'styles'; got {shown(wrong_answers)}"
        )
    else:
        count = validate.integer("wrong_answers", wrong_answers, least=1, most=10**4)
        machine.require(
            f"a search over {model.prompts} prompts, {model.types} types and {count} answers",
            "the horizon, wrong_answers or the family's parameters",
            floats=4.0 * model.pmf.size * (count + 1),
        )
        wrong = np.full((*model.pmf.shape, count), 1.0 / count)
    return np.concatenate([right, (1.0 - right) * wrong], axis=-1)


def _given(model: TraceModel, answers: npt.NDArray[np.int64]) -> Floats:
    """The model's own answers by their place at the prompt, and last that there is none."""
    none = (answers < 0) | (model.pmf <= 0)
    places, different = _places(answers, ~none)
    count = different + 1
    if model.pmf.size * count > _MOST:
        raise InputError(
            f"{model.prompts} prompts with up to {count - 1} different answers among {model.types} "
            "types are too many to vote on; take fewer prompts or samples"
        )
    return _certain(np.where(none, count - 1, places), count)


def _places(names: Whole, known: npt.NDArray[np.bool_]) -> tuple[Whole, int]:
    """Place [m, S] of each type's name among those of `known` types at its prompt; how many."""
    different = [np.unique(row[some]) for row, some in zip(names, known, strict=True)]
    rows = zip(different, names, strict=True)
    places = [np.minimum(np.searchsorted(d, row), max(len(d) - 1, 0)) for d, row in rows]
    return np.stack(places), max(map(len, different))


def _certain(places: Whole, count: int) -> Floats:
    """Laws [m, S, count] that put all mass on one place."""
    return (places[..., None] == np.arange(count)).astype(float)
