"""Any subset of styles may be the valid one, and the whole may be mirrored (T4b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from antiscale.core.errors import InputError
from antiscale.core.pytree import pytree
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel, bilevel_return
from antiscale.rewards.blocks import BlockRewards, Blocks
from antiscale.rewards.votes import Pair, Votes


@pytree
@dataclass(frozen=True, eq=False)
class Styles(BlockRewards):
    """calR_x = {r_v, H - r_v : v in {0,1}^B}, r_v = sum_b v_b f_b, f_b = H - length + 1 on style b.

    Styles are those with mass at the prompt. No f_b may be 0, H/2 or H on its support: then one
    labelled trace tells a reward from its mirror, and one of each style fixes the reward.
    """

    name: ClassVar[str] = "styles"
    mirror_closed: ClassVar[bool] = True
    pmf: Floats
    horizon: float
    blocks: Blocks
    present: npt.NDArray[np.bool_]  # [m, B] whether the style has mass at the prompt

    @classmethod
    def of(cls, model: TraceModel) -> Styles:
        """Bind the class to `model`.

        Raises
        ------
        InputError
            If a style is right on some traces and wrong on others of the same prompt, a wrong
            trace's length is not known, or an f_b is 0, H/2 or H.
        """
        support = model.pmf > 0
        if np.isnan(model.lengths[support]).any():
            raise InputError(
                "reward class 'styles' needs `lengths` for wrong traces too (the tokens at which "
                "they would be right were their style valid); pass lengths or use 'mirror'"
            )
        f = np.where(support, bilevel_return(model.horizon, np.nan_to_num(model.lengths)), 0.0)
        ambiguous = support & ((f == 0) | (f == model.horizon / 2) | (f == model.horizon))
        if ambiguous.any():
            raise InputError(
                "reward class 'styles' needs returns other than 0, H/2 and H, so that one trace "
                f"tells a reward from its mirror; got {f[ambiguous].flat[0]:.6g} at "
                f"H = {model.horizon}; change the lengths or use 'mirror'"
            )
        labels = [np.unique(model.styles[x][support[x]]) for x in range(model.prompts)]
        count = max(len(names) for names in labels)
        index = np.zeros(model.styles.shape, dtype=np.int64)
        present = np.zeros((model.prompts, count), dtype=bool)
        for x, names in enumerate(labels):
            index[x] = np.searchsorted(names, model.styles[x]).clip(max=len(names) - 1)
            present[x, : len(names)] = True
        bound = cls(model.pmf, float(model.horizon), Blocks(f, index, count), present)
        right = np.einsum("ms,msb->mb", support & (model.returns > 0), bound.blocks.member) > 0
        mixed = support & (model.returns != f * bound.blocks.over_types(right))
        if mixed.any():
            x, j = np.argwhere(mixed)[0]
            raise InputError(
                f"reward class 'styles' needs each style all right or all wrong at a prompt; style "
                f"{model.styles[x, j]} at prompt {x} is mixed; split the style or use 'mirror'"
            )
        return bound

    @property
    def alike(self) -> npt.NDArray[np.int64]:
        """The type's style."""
        assert self.blocks.index is not None, "styles are blocks with an index"
        return np.where(self.pmf > 0, self.blocks.index, -1)

    @property
    def verified_member(self) -> Floats:
        """1[type j is of style b], [m, S, B]."""
        return self.blocks.member

    @property
    def verified_blocks(self) -> Floats:
        """p_b, [m, B]."""
        return self.blocks.mass(self.pmf)

    def log_sizes(self) -> Floats:
        """(B + 1) log 2 for every prompt: with f_b as required all members differ."""
        return np.log(2.0) * (self.present.sum(-1) + 1)

    def all_members(self) -> tuple[Floats, Any]:
        """Return all 2^(B+1) members, r_v before mirrors."""
        v = (np.arange(2**self.blocks.count)[:, None] >> np.arange(self.blocks.count)) & 1
        there = ~((v[:, None, :] == 1) & ~self.present).any(-1)
        everywhere = np.broadcast_to(v[:, None, :], (len(v), *self.present.shape))
        direct = self.blocks.value * self.blocks.over_types(everywhere)
        return np.concatenate([direct, self.horizon - direct]), np.tile(there, (2, 1))

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw v and the mirror uniformly."""
        bits = rng.integers(0, 2, (count, *self.present.shape), dtype=np.int64)
        direct = self.blocks.value * self.blocks.over_types(bits)
        flip = rng.integers(0, 2, (count, len(self.present), 1), dtype=np.int64).astype(bool)
        return np.where(flip, self.horizon - direct, direct)

    def flip(self, labels: Array) -> Array:
        """The label that a reversed verdict gives: right for wrong, under a mirror as without."""
        f, horizon = self.blocks.value, self.horizon
        direct = jnp.where(labels == f, 0.0, f)
        mirror = jnp.where(labels == horizon, horizon - f, horizon)
        return jnp.where((labels == 0) | (labels == f), direct, mirror)

    def _by_style(self, seen: Array, right: Array, votes: Votes | None) -> Pair:
        """For each style [..., m, B]: is its verdict known, and if so, is it right.

        Labels of one style agree on whether it is right unless they were flipped.
        """
        if votes is None:
            # Counts of types, which single precision holds exactly and sums twice as fast.
            member = jnp.asarray(self.blocks.member, jnp.float32)
            known, yes = (
                jnp.einsum("...ms,msb->...mb", z.astype(jnp.float32), member) > 0
                for z in (seen, seen & right)
            )
            return known, yes
        known, yes = votes.verdict(votes.lead(right, self.blocks.member))
        return known, known & yes

    def _mirrored(self, seen: Array, labels: Array) -> Array:
        """Whether the reward is a mirror, [..., m].

        Labels are 0 or f for a reward, H or H - f for a mirror, and 0 < f < H, f != H/2; a
        flipped verdict does not change which.
        """
        f, horizon = self.blocks.value, self.horizon
        return jnp.any(seen & ((labels == horizon) | (labels == horizon - f)), axis=-1)

    def pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """Unseen styles count as wrong (under a mirror, as right): each is the least possible."""
        f, horizon = self.blocks.value, self.horizon
        seen = seen & (self.pmf > 0)
        known, right = self._by_style(seen, (labels > 0) & (labels < horizon), votes)
        known, right = self.blocks.over_types(known), self.blocks.over_types(right)
        direct = jnp.where(right, f, 0.0)
        mirror = jnp.where(known & ~right, horizon, horizon - f)
        mirrored = self._mirrored(seen, labels)
        return jnp.where(mirrored[..., None], mirror, direct), jnp.any(seen, axis=-1)

    def posterior_mean(self, seen: Array, labels: Array, votes: Votes | None = None) -> Array:
        """Mean over the members by what the labels say of each; H/2 where nothing was seen."""
        f, horizon = self.blocks.value, self.horizon
        seen = seen & (self.pmf > 0)
        right = (labels > 0) & (labels < horizon)
        if votes is None:
            known, yes = self._by_style(seen, right, None)
            belief = jnp.where(known, yes.astype(jnp.float64), 0.5)
        else:
            belief = votes.belief(votes.lead(right, self.blocks.member))
        direct = f * self.blocks.over_types(belief)
        mirrored = self._mirrored(seen, labels)
        told = jnp.any(seen, axis=-1)
        known_kind = jnp.where(mirrored[..., None], horizon - direct, direct)
        return jnp.where(told[..., None], known_kind, horizon / 2)

    def binary_pessimist(self, seen: Array, labels: Array, votes: Votes | None = None) -> Pair:
        """A mirror is never 0 here, so it looks like "every style right": unseen styles are 0."""
        seen = seen & (self.pmf > 0)
        _, right = self._by_style(seen, labels > 0, votes)
        right = self.blocks.over_types(right)
        return right.astype(jnp.float64), jnp.any(seen, axis=-1)
