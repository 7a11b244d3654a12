"""Any subset of styles may be the valid one, and the whole may be mirrored (T4b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.classes.blocks import Blocks
from antiscale.errors import InputError
from antiscale.traces import TraceModel, bilevel_return
from antiscale.validate import Floats


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Styles:
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
        mixed = support & (model.returns != f * bound._spread(right))
        if mixed.any():
            x, j = np.argwhere(mixed)[0]
            raise InputError(
                f"reward class 'styles' needs each style all right or all wrong at a prompt; style "
                f"{model.styles[x, j]} at prompt {x} is mixed; split the style or use 'mirror'"
            )
        return bound

    def _spread(self, v: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """V over styles [..., m, B] as an array over types [..., m, S]."""
        index = np.broadcast_to(self.blocks.index, (*v.shape[:-1], self.blocks.index.shape[-1]))
        return np.take_along_axis(v, index, axis=-1)

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
        direct = self.blocks.value * self._spread(
            np.broadcast_to(v[:, None, :], (len(v), *self.present.shape))
        )
        return np.concatenate([direct, self.horizon - direct]), np.tile(there, (2, 1))

    def draw_members(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw v and the mirror uniformly."""
        bits = rng.integers(0, 2, (count, *self.present.shape), dtype=np.int64)
        direct = self.blocks.value * self._spread(bits)
        flip = rng.integers(0, 2, (count, len(self.present), 1), dtype=np.int64).astype(bool)
        return np.where(flip, self.horizon - direct, direct)

    def _by_style(self, seen: jax.Array, right: jax.Array) -> tuple[jax.Array, jax.Array]:
        """For each type [..., m, S]: was its style seen, and if so, was it right.

        Traces of one style agree on whether it is right, so one witness stands for all.
        """
        evidence = seen[..., None] & (self.blocks.member > 0)
        witness = jnp.argmax(evidence, axis=-2)
        style_seen = _over_types(jnp.any(evidence, axis=-2), self.blocks.index)
        style_right = _over_types(_over_types(right, witness), self.blocks.index)
        return style_seen, style_seen & style_right

    def pessimist(self, seen: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Unseen styles count as wrong (under a mirror, as right): each is the least possible."""
        f, horizon = self.blocks.value, self.horizon
        seen = seen & (self.pmf > 0)
        # Labels are 0 or f for a reward, H or H - f for a mirror, and 0 < f < H, f != H/2.
        mirrored = jnp.any(seen & ((labels == horizon) | (labels == horizon - f)), axis=-1)
        style_seen, style_right = self._by_style(seen, (labels > 0) & (labels < horizon))
        direct = jnp.where(style_right, f, 0.0)
        mirror = jnp.where(style_seen & ~style_right, horizon, horizon - f)
        return jnp.where(mirrored[..., None], mirror, direct), jnp.any(seen, axis=-1)

    def binary_pessimist(self, seen: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """A mirror is never 0 here, so it looks like "every style right": unseen styles are 0."""
        seen = seen & (self.pmf > 0)
        _, style_right = self._by_style(seen, labels > 0)
        return style_right.astype(jnp.float64), jnp.any(seen, axis=-1)


def _over_types(values: jax.Array, index: jax.Array | npt.NDArray[np.int64]) -> jax.Array:
    """values[..., x, index[..., x, j]] for values [..., m, K] and index [..., m, J]."""
    batch = jnp.broadcast_shapes(values.shape[:-1], index.shape[:-1])
    return jnp.take_along_axis(
        jnp.broadcast_to(values, (*batch, values.shape[-1])),
        jnp.broadcast_to(index, (*batch, index.shape[-1])),
        axis=-1,
    )
