"""The environment `styles`: the default family, written in tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from antiscale.core import validate
from antiscale.core.config import option
from antiscale.core.validate import Floats
from antiscale.models.families import load_family
from antiscale.models.traces import TraceModel
from antiscale.networks.environment import Array, Environment, Key, Tokens, drawn


@dataclass(frozen=True, kw_only=True)
class Styles(Environment):
    """The default family, written in tokens: an announced style, right or wrong by prompt.

    The head is a style and a length; the body is a step up to the length and an answer there. An
    answer is right where the style is valid. With 2 lengths or more the law of T is that of the
    family `heterogeneous`, and its types are the pairs (style, length).

    Parameters
    ----------
    horizons
        The budgets H on which the base policy is trained.
    prompts
        m, equally likely.
    seed
        Not used: the family has no random part.
    number
        B, the styles, with halving weights.
    lengths
        L, the equally likely lengths.
    spread
        The heterogeneity knob of the family.
    """

    number: int = option(6, validate.integer, least=2, most=64)
    lengths: int = option(8, validate.integer, least=1, most=64)

    environment: ClassVar[str] = "styles"
    announced: ClassVar[bool] = True
    prompt: ClassVar[int] = 2
    head: ClassVar[int] = 2
    _step: ClassVar[int] = 0
    _answer: ClassVar[int] = 1
    _blank: ClassVar[int] = 2

    @property
    def styles(self) -> int:
        """B, and the style that is valid everywhere where spread < 1."""
        return self.number + (self.spread < 1)

    @property
    def first_style(self) -> int:
        """Token of style 0."""
        return 3 + self.prompts + len(self.horizons)

    @property
    def _first_length(self) -> int:
        return self.first_style + self.styles

    @property
    def vocabulary(self) -> int:
        """Body, prompts, horizons, styles, and one token per length."""
        return self._first_length + self.lengths + 2

    def model(self, horizon: int) -> TraceModel:
        """Return the family's model, whose law this is."""
        return load_family(
            "heterogeneous", horizon=horizon, prompts=self.prompts, styles=self.number,
            lengths=self.lengths, spread=self.spread,
        )  # fmt: skip

    @cached_property
    def _tables(self) -> dict[int, tuple[Array, ...]]:
        """For each H: pmf, style, length and length's token by type, and whether it is right."""
        found: dict[int, tuple[Array, ...]] = {}
        for horizon in self.horizons:
            model = self.model(horizon)
            known = [np.unique(row[model.pmf[x] > 0]) for x, row in enumerate(model.lengths)]
            code = np.stack(
                [np.searchsorted(a, b) for a, b in zip(known, model.lengths, strict=True)]
            )
            found[horizon] = (
                model.pmf, model.styles, np.nan_to_num(model.lengths).astype(int),
                np.minimum(code, self.lengths + 1), model.returns > 0,
            )  # fmt: skip
        return found

    def prefix(self, horizon: int) -> Array:
        """Horizon and prompt, a token each."""
        x = np.arange(self.prompts)
        place = 3 + self.prompts + self.horizons.index(horizon)
        return np.stack([np.full_like(x, place), 3 + x], -1)

    def _written(self, x: jax.Array, j: jax.Array, horizon: int) -> Tokens:
        _, styles, lengths, code, _ = (jnp.asarray(z)[x, j] for z in self._tables[horizon])
        t = jnp.arange(1, horizon + 1)
        at = lengths[:, None]
        body = jnp.where(t < at, self._step, jnp.where(t == at, self._answer, self._blank))
        head = jnp.stack([self.first_style + styles, self._first_length + code], -1)
        prompt = jnp.asarray(self.prefix(horizon))[x]
        return jnp.concatenate([prompt, head, body], -1).astype(jnp.int32)

    @drawn
    def base(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Draw types of the family."""
        pmf = jnp.asarray(self._tables[horizon][0], jnp.float32)
        return self._written(x, jax.random.categorical(key, jnp.log(pmf)[x]), horizon)

    def best(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """The shortest right type."""
        pmf, _, lengths, _, right = self._tables[horizon]
        j = np.argmin(np.where(right & (pmf > 0), lengths, horizon + 1), -1)
        return self._written(x, jnp.asarray(j)[x], horizon)

    def times(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Where the answer stands, if the style is valid at the prompt."""
        body = tokens[:, self.lead :]
        answered = body == self._answer
        horizon = body.shape[1]
        _, styles, _, _, right = self._tables[horizon]
        ok = np.zeros((self.prompts, self.styles), dtype=bool)
        np.logical_or.at(ok, (np.arange(self.prompts)[:, None], styles), right)
        style = tokens[:, self.prompt] - self.first_style
        inside = (style >= 0) & (style < self.styles)
        valid = jnp.asarray(ok)[x, jnp.clip(style, 0, self.styles - 1)] & inside
        return jnp.where(valid & answered.any(1), jnp.argmax(answered, 1) + 1, horizon + 1)

    def valid(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Share of body tokens that the announced length asks for."""
        horizon = tokens.shape[1] - self.lead
        styles, code = (jnp.asarray(self._tables[horizon][k])[x] for k in (1, 3))
        style = tokens[:, self.prompt, None] - self.first_style
        length = tokens[:, self.prompt + 1, None] - self._first_length
        same = (styles == style) & (code == length)
        written = self._written(x, jnp.argmax(same, -1), horizon)
        agree = (written[:, self.lead :] == tokens[:, self.lead :]).mean(-1)
        return jnp.where(same.any(-1), agree, 0.0)

    def law(self, horizon: int) -> Floats:
        """The family's."""
        pmf, styles, lengths, _, right = self._tables[horizon]
        law = np.zeros((self.prompts, self.styles, horizon + 1))
        returns = np.where(right, horizon - lengths + 1, 0)
        np.add.at(law, (np.arange(self.prompts)[:, None], styles, returns), pmf)
        return law
