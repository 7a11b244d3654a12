"""A finite list of rewards, written down: the pessimist is a saddle point (T2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.ball.pessimist import saddle_point
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel, bilevel_return
from antiscale.rewards.blocks import TypeByType
from antiscale.rewards.votes import Pair


@pytree
@dataclass(frozen=True, eq=False)
class Table(TypeByType):
    """calR_x = K rewards given by their hitting times, and their mirrors if asked for.

    The least consistent return of each type need not belong to one consistent reward, so the
    pessimist is the saddle point of T2 over the version space, found anew for each.

    Parameters of the class (`class_parameters` of a sweep)
    ------------------------------------------------------
    hitting_times : [K, m, S], or [K, S] for the same at every prompt
        T of each type under each reward, in tokens; inf (text "inf" in TOML and JSON) for wrong.
        The model's own reward is added if it is not among them.
    mirrors
        Whether the class holds H - R for each R as well; default true. Without mirrors T4 does
        not apply.
    """

    name: ClassVar[str] = "explicit"
    blocks: ClassVar[None] = None
    pmf: Floats
    horizon: float
    members: Floats  # [K, m, S] returns
    there: npt.NDArray[np.bool_]  # [K, m] the first of equal members at a prompt
    mirror_closed: bool = field(metadata={"static": True})

    @classmethod
    def of(cls, model: TraceModel, *, hitting_times: Any = None, mirrors: bool = True) -> Table:
        """Bind the class to `model`."""
        validate.boolean("mirrors", mirrors)
        if hitting_times is None:
            raise InputError(
                "reward class 'explicit' needs hitting_times: one row of T per reward "
                "(class_parameters, or --set-class hitting_times=[[...], ...])"
            )
        times = validate.floats("hitting_times of the reward class", hitting_times)
        if times.ndim == 2:
            times = np.broadcast_to(times[:, None, :], (len(times), model.prompts, times.shape[-1]))
        if times.ndim != 3 or times.shape[1:] != model.pmf.shape:
            raise InputError(
                "hitting_times of the reward class must have shape [rewards, prompts, types] = "
                f"[K, {model.prompts}, {model.types}] or [K, {model.types}]; got {times.shape}"
            )
        if (times < 1).any():
            raise InputError(f"hitting times count tokens from 1; got {np.min(times):.6g}")
        support = model.pmf > 0
        returns = np.concatenate([model.returns[None], bilevel_return(model.horizon, times)])
        if mirrors:
            returns = np.concatenate([returns, model.horizon - returns])
        returns = np.where(support, returns, 0.0)
        there = np.zeros(returns.shape[:2], dtype=bool)
        for x in range(model.prompts):
            there[np.unique(returns[:, x], axis=0, return_index=True)[1], x] = True
        return cls(model.pmf, float(model.horizon), returns, there, mirrors)

    def log_sizes(self) -> Floats:
        """Log of the number of different members at each prompt, [m]."""
        return np.log(self.there.sum(0))

    def all_members(self) -> tuple[Floats, Any]:
        """Return the table."""
        return self.members, self.there

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw a row at each prompt."""
        rows = np.stack([rng.choice(np.flatnonzero(there), count) for there in self.there.T], -1)
        return self.members[rows, np.arange(self.there.shape[1])]

    def worst_loss(self, difference: Array) -> Array:
        """Sup over the table of E_difference R, [..., m], in tokens."""
        return jnp.max(jnp.einsum("...ms,kms->...mk", difference, self.members), axis=-1)

    def deviation(self, expert: Floats) -> Floats:
        """sigma_e of T5a for a finite class: min((sum_r Var_e R)^(1/2), H (log(2K)/2)^(1/2))."""
        mean = np.einsum("...ms,kms->...mk", expert, self.members)
        square = np.einsum("...ms,kms->...mk", expert, self.members**2)
        # A mirror's loss is the reward's with the other sign: one variance stands for both.
        each = np.where(self.there.T, np.maximum(square - mean**2, 0.0), 0.0).sum(-1)
        each /= 2.0 if self.mirror_closed else 1.0
        largest = self.horizon * np.sqrt((self.log_sizes() + math.log(2)) / 2)
        return np.minimum(np.sqrt(each), largest)

    def shift(self, expert: Floats, policy: Floats) -> Floats:
        """sup_r (J_e - J)^+, [..., m], in tokens."""
        each = np.einsum("...ms,kms->...mk", expert - policy, self.members)
        return np.maximum(each.max(-1), 0.0)

    def _consistent(self, seen: Array, labels: Array, members: Any) -> Array:
        """Which members agree with every label, [..., m, K]."""
        agrees = (members == labels[..., None, :, :]) | ~seen[..., None, :, :]
        mask = jnp.all(agrees | ~(self.pmf > 0), axis=-1)
        mask = jnp.moveaxis(mask, -2, -1) & self.there.T
        # Labels that no member could give tell nothing.
        return jnp.where(jnp.any(mask, axis=-1, keepdims=True), mask, self.there.T)

    def flip(self, labels: Array) -> Array:
        """No channel of flipped labels is defined for this class."""
        raise InputError(f"reward class {self.name!r} has no noisy labels; use noise = 0")

    def pessimist(self, seen: Array, labels: Array, votes: Any = None) -> Pair:
        """Least return of each type over the version space; not itself a member in general."""
        mask = self._consistent(seen, labels, self.members)
        by_prompt = jnp.moveaxis(jnp.asarray(self.members), 0, 1)
        lower = jnp.min(jnp.where(mask[..., None], by_prompt, jnp.inf), axis=-2)
        return lower, jnp.ones(mask.shape[:-1], dtype=bool)

    def posterior_mean(self, seen: Array, labels: Array, votes: Any = None) -> Array:
        """Mean over the version space."""
        mask = self._consistent(seen, labels, self.members).astype(jnp.float64)
        total = jnp.sum(mask, axis=-1)[..., None]
        return jnp.einsum("...mk,kms->...ms", mask, self.members) / total

    def version(
        self, seen: Array, labels: Array, votes: Any = None, *, binary: bool = False
    ) -> Array:
        """Which members agree with every label: 1 or 0, [..., m, K]."""
        return self._consistent(seen, labels, self._as(binary)).astype(jnp.float64)

    def _as(self, binary: bool) -> Floats:
        return (self.members > 0).astype(float) if binary else self.members

    def pessimal_policy(self, version: Array, kappa: Any, *, binary: bool = False) -> Array:
        """Return the saddle point's policy over the version space."""
        mask, members = version > 0, self._as(binary)
        pmf = jnp.broadcast_to(self.pmf, (*mask.shape[:-1], self.pmf.shape[-1]))
        by_prompt = jnp.moveaxis(jnp.asarray(members), 0, 1)
        by_prompt = jnp.broadcast_to(by_prompt, (*mask.shape, members.shape[-1]))
        best = saddle_point(pmf, by_prompt, jnp.full(mask.shape[:-1], kappa), mask)
        return pmf * best.density_ratio
