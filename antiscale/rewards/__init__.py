"""Reward classes: the set calR that a verifier-based learner knows to hold the true reward.

Most classes are made of *blocks* (T4b, T5a): at each prompt, functions f_b >= 0 with disjoint
supports, rewards sum_b v_b f_b, and their mirrors H - R. To add a class, write it in a file of its
own with the members of `RewardClass` and list it in `CLASSES`.
"""

import inspect
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats, shown
from antiscale.models.traces import TraceModel
from antiscale.rewards.blocks import Blocks
from antiscale.rewards.explicit import Table
from antiscale.rewards.known import Known
from antiscale.rewards.mirror import Mirror
from antiscale.rewards.styles import Styles
from antiscale.rewards.tabular import Tabular
from antiscale.rewards.votes import Pair, Votes, tolerance

__all__ = ["CLASSES", "Blocks", "RewardClass", "Votes", "load_class", "tolerance"]


class RewardClass(Protocol):
    """A product class calR = prod_x calR_x of bi-level rewards, bound to one trace model.

    `seen` [..., m, S] says which types were drawn; `labels` [..., m, S] are their returns (ignored
    where not seen); `votes` says how often they were flipped, None where labels are clean.
    """

    name: ClassVar[str]

    @property
    def mirror_closed(self) -> bool:
        """Whether rbar is in calR_x for every r in it.

        T4 needs it, and it lets the base policy be played at prompts never seen (T7).
        """

    @property
    def blocks(self) -> Blocks | None:
        """The f_b of T4b; None where the class is not made of blocks."""

    @property
    def alike(self) -> npt.NDArray[np.int64]:
        """Index of the group of types whose labels tell the same of the reward, [m, S].

        A label of one type of a group tells what labels of all its types would; -1 for types that
        tell nothing.
        """

    @property
    def verified_member(self) -> Floats:
        """1[type j is in block b], [m, S, B]: one clean label of each block fixes the reward."""

    @property
    def verified_blocks(self) -> Floats:
        """[m, B] masses of these blocks: what must be seen (T6's unseen mass)."""

    def log_sizes(self) -> Floats:
        """Log |calR_x| for every prompt, [m] (natural logarithm, exact)."""

    def all_members(self) -> tuple[Floats, Any]:
        """Every member, [K, m, S], and which of the K are there at each prompt, [K, m]."""

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw `count` members uniformly at each prompt: [count, m, S]."""

    def worst_loss(self, difference: Array) -> Array:
        """Sup over all rewards of the class of E_difference R, [..., m], in tokens."""

    def deviation(self, expert: Floats) -> Floats:
        """sigma_e of T5a, [..., m], in tokens."""

    def shift(self, expert: Floats, policy: Floats) -> Floats:
        """What is lost where `policy` is played for the expert, [..., m], in tokens (T5a)."""

    def flip(self, labels: Array) -> Array:
        """The labels that reversed verdicts give (T6, noisy labels)."""

    def pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Least consistent return of each type, and whether the labels fix the reward's kind.

        Where the second value [..., m] is False a reward and its mirror are both still possible
        and the base policy is to be played.
        """

    def posterior_mean(self, seen: Array, labels: Array, votes: Votes | None = None) -> Array:
        """Mean return of each type over the consistent rewards, [..., m, S]: a plug-in verifier."""

    def version(
        self, seen: Array, labels: Array, votes: Votes | None = None, *, binary: bool = False
    ) -> Array:
        """The version space, as far as `pessimal_policy` asks, [..., m, E].

        With `binary` for labels 1[T <= H] and the objective P(T <= H).
        """

    def pessimal_policy(self, version: Array, kappa: Any, *, binary: bool = False) -> Array:
        """Best policy of the ball for the worst consistent reward (T2, T7), [..., m, S]."""


_ALL: tuple[Any, ...] = (Mirror, Styles, Tabular, Table, Known)
CLASSES: dict[str, Any] = {cls.name: cls for cls in _ALL}


def load_class(name: str, model: TraceModel, **parameters: Any) -> RewardClass:
    """Return the reward class `name` bound to a trace model.

    Parameters
    ----------
    name
        A key of `CLASSES`: mirror, styles, tabular, explicit, known.
    model
        The trace model.
    parameters
        The class's own (only `explicit` has any: hitting_times, mirrors).

    Raises
    ------
    InputError
        For an unknown class or parameter, or a model that the class cannot describe.
    """
    validate.instance("model", model, TraceModel, "load_family makes one")
    cls = CLASSES[validate.choice("reward class", name, CLASSES)]
    allowed = [key for key in inspect.signature(cls.of).parameters if key != "model"]
    validate.keys(f"reward class {shown(name)} has no parameter", parameters, allowed)
    if getattr(cls, "needs_announcement", True) and not model.announced:
        raise InputError(
            f"reward class {name!r} needs announced types: H - R is no bi-level reward where the "
            "hitting time shows only as it happens; set announced=true or use the class 'known'"
        )
    return cls.of(model, **parameters)
