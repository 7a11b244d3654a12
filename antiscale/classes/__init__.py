"""Reward classes: the set calR that a verifier-based learner knows to hold the true reward.

Both classes here are made of *blocks* (T4b, T5a): at each prompt, functions f_b >= 0 with disjoint
supports, rewards sum_b v_b f_b, and their mirrors H - R. To add a class, write it in a file of its
own with the members of `RewardClass` and list it in `CLASSES`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import jax
import numpy as np

from antiscale import validate
from antiscale.classes.blocks import Blocks as Blocks
from antiscale.classes.mirror import Mirror
from antiscale.classes.styles import Styles
from antiscale.traces import TraceModel
from antiscale.validate import Floats


class RewardClass(Protocol):
    """A product class calR = prod_x calR_x of bi-level rewards, bound to one trace model."""

    name: ClassVar[str]
    # Whether rbar is in calR_x for every r in it, so that the base policy may be played at
    # prompts that were never seen (T7).
    mirror_closed: ClassVar[bool]

    @property
    def blocks(self) -> Blocks:
        """The f_b: what a verifier-free learner is judged on."""
        ...

    @property
    def verified_blocks(self) -> Floats:
        """[m, B] masses that must be seen to fix the reward (T6's unseen mass)."""
        ...

    def log_sizes(self) -> Floats:
        """Log |calR_x| for every prompt, [m] (natural logarithm, exact)."""
        ...

    def all_members(self) -> tuple[Floats, Any]:
        """Every member, [K, m, S], and which of the K are there at each prompt, [K, m]."""
        ...

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw `count` members uniformly at each prompt: [count, m, S]."""
        ...

    def pessimist(self, seen: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the pointwise least member of the version space, and whether the labels fix it.

        `seen` [..., m, S] says which types were drawn; `labels` [..., m, S] are their returns
        (ignored where not seen). Where the second value [..., m] is False a reward and its mirror
        are both still possible and the base policy is to be played.
        """
        ...

    def binary_pessimist(self, seen: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Do as `pessimist` for labels 1[T <= H] and the objective P(T <= H)."""
        ...


CLASSES: dict[str, Any] = {cls.name: cls for cls in (Mirror, Styles)}


def load_class(name: str, model: TraceModel) -> RewardClass:
    """Return the reward class `name` (mirror or styles) bound to a trace model.

    Raises
    ------
    InputError
        For an unknown class, or a model that the class cannot describe.
    """
    bound: RewardClass = CLASSES[validate.choice("reward class", name, CLASSES)].of(model)
    return bound
