"""The environments `planted` and `plain`: a hidden word by prompt, written with various skills."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from antiscale.core import validate
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.models.chains import planted_chain
from antiscale.networks.environment import Array, Environment, Key, Tokens, drawn


@dataclass(frozen=True, kw_only=True)
class Planted(Environment):
    """A prompt's context maps to a hidden word; a trace is right once the word stands in it.

    Style by style a trace writes the word's next letter with a skill gamma, else another letter
    evenly (T11). Half of the styles are quick and half slow; which, is drawn for each prompt
    (`planted`) or the same everywhere (`plain`, where a network generalises).

    Parameters
    ----------
    horizons
        The budgets H at which the base policy is trained and evaluated.
    prompts
        m, equally likely.
    seed
        Of the hidden map, the contexts and the styles.
    number
        Styles with a quick or a slow skill, an even number.
    quick, slow
        gamma of the two skills.
    spread
        The heterogeneity knob: with probability 1 - spread a trace is of one further style, whose
        skill has the mean return of the others at the largest H.
    """

    number: int = option(4, validate.integer, least=2, most=64)
    quick: float = option(0.9, validate.chance)
    slow: float = option(0.1, validate.chance)

    environment: ClassVar[str] = "planted"
    announced: ClassVar[bool] = False
    held_out: ClassVar[int] = 16
    shared: ClassVar[bool] = False
    prompt: ClassVar[int] = 4
    head: ClassVar[int] = 1
    _letters: ClassVar[int] = 14
    _word: ClassVar[int] = 3

    def agree(self) -> None:
        """Refuse what makes no mixture of two skills."""
        if self.number % 2:
            raise InputError(f"number must be even: half quick, half slow; got {self.number}")
        if self.quick <= self.slow:
            raise InputError(f"quick must be above slow; got {self.quick:g} and {self.slow:g}")

    @property
    def styles(self) -> int:
        """Quick and slow ones, and the middle one where spread < 1."""
        return self.number + (self.spread < 1)

    @property
    def first_style(self) -> int:
        """Token of style 0: after letters, context symbols and one token per prompt."""
        return 2 * self._letters + self.all_prompts

    @property
    def vocabulary(self) -> int:
        """Letters, symbols, prompts, styles."""
        return self.first_style + self.styles

    def _times(self, skill: float, horizon: int) -> Floats:
        """P(T = 1), ..., P(T = H), P(T > H); the same for all words of distinct letters."""
        chain = planted_chain(range(self._word), self._letters, [skill], [1.0])
        return chain.hitting_law(horizon)

    def _mean(self, skill: float, horizon: int) -> float:
        return float(self._times(skill, horizon) @ np.arange(horizon, -1, -1))

    @cached_property
    def _middle(self) -> float:
        """The skill whose mean return is that of the quick and the slow one."""
        from scipy import optimize  # late: SciPy would double the time of --help

        top = max(self.horizons)
        goal = (self._mean(self.quick, top) + self._mean(self.slow, top)) / 2
        return float(
            optimize.brentq(lambda g: self._mean(g, top) - goal, self.slow, self.quick, xtol=1e-12)
        )

    @cached_property
    def _drawn(self) -> tuple[Array, ...]:
        """Contexts [M, L], words [M, L] and skills by style [M, styles]."""
        rng = np.random.default_rng(self.seed)
        count, letters = self.all_prompts, self._letters
        hidden = rng.permutation(letters)
        possible = np.stack(np.meshgrid(*[np.arange(letters)] * self._word, indexing="ij"), -1)
        possible = possible.reshape(-1, self._word)
        a, b, c = possible.T
        possible = possible[(a != b) & (b != c) & (a != c)]
        contexts = possible[rng.permutation(len(possible))[:count]]
        half = np.repeat([self.quick, self.slow], self.number // 2)
        order = np.argsort(rng.random((count, self.number)), -1)
        skills = np.broadcast_to(half, order.shape) if self.shared else half[order]
        if self.spread < 1:
            skills = np.concatenate([skills, np.full((count, 1), self._middle)], -1)
        return contexts, hidden[contexts], skills

    @property
    def _weights(self) -> Floats:
        """P(style)."""
        each = np.full(self.number, self.spread / self.number)
        return np.append(each, 1 - self.spread) if self.spread < 1 else each

    def prefix(self, horizon: int) -> Array:
        """The context and the prompt's own token.

        The own token comes last, where the style is chosen: what finetuning has to move is near.
        """
        own = 2 * self._letters + np.arange(self.all_prompts)
        return np.concatenate([self._letters + self._drawn[0], own[:, None]], -1)

    def _sequence(self, x: jax.Array, style: jax.Array, body: jax.Array) -> Tokens:
        prompt = jnp.asarray(self.prefix(0))[x]
        head = self.first_style + style[:, None]
        return jnp.concatenate([prompt, head, body], -1).astype(jnp.int32)

    @drawn
    def base(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Write letter by letter with the style's skill."""
        first, second = jax.random.split(key)
        _, words, skills = map(jnp.asarray, self._drawn)
        weights = jnp.log(jnp.asarray(self._weights, jnp.float32))
        style = jax.random.categorical(first, weights, shape=x.shape)
        skill, word = skills[x, style].astype(jnp.float32), words[x]
        row = jnp.arange(len(x))

        def write(progress: jax.Array, key: Key) -> tuple[jax.Array, jax.Array]:
            one, two = jax.random.split(key)
            right = word[row, progress]
            other = (right + jax.random.randint(one, x.shape, 1, self._letters)) % self._letters
            hit = jax.random.uniform(two, x.shape, jnp.float32) < skill
            # Words of distinct letters: a wrong letter may be the first, and no other of the word's
            # starts.
            after = jnp.where(hit, progress + 1, (other == word[:, 0]).astype(progress.dtype))
            return jnp.where(after == self._word, 0, after), jnp.where(hit, right, other)

        start = jnp.zeros(x.shape, jnp.int32)
        _, letters = jax.lax.scan(write, start, jax.random.split(second, horizon))
        return self._sequence(x, style, letters.T)

    def best(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """A quick style, and the word over and over."""
        _, words, skills = self._drawn
        log = jnp.log(jnp.asarray(skills == self.quick, jnp.float32))
        style = jax.random.categorical(key, log[x])
        body = jnp.asarray(words)[x][:, jnp.arange(horizon) % self._word]
        return self._sequence(x, style, body)

    def times(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """The letters written when the word first stands."""
        body, word = tokens[:, self.lead :], jnp.asarray(self._drawn[1])[x]
        horizon, length = body.shape[1], self._word
        stands = jnp.stack(
            [body[:, i : horizon - length + 1 + i] == word[:, i, None] for i in range(length)]
        ).all(0)
        return jnp.where(stands.any(1), jnp.argmax(stands, 1) + length, horizon + 1)

    def valid(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Share of body tokens that are letters."""
        return (tokens[:, self.lead :] < self._letters).mean(-1)

    def law(self, horizon: int) -> Floats:
        """The chain's (T11)."""
        skills = self._drawn[2]
        laws = {skill: self._times(skill, horizon)[::-1] for skill in np.unique(skills)}
        each = np.stack([[laws[skill] for skill in row] for row in skills])
        return each * self._weights[:, None]


@dataclass(frozen=True, kw_only=True)
class Plain(Planted):
    """As planted, but the same styles are quick everywhere, so that a network generalises."""

    environment: ClassVar[str] = "plain"
    shared: ClassVar[bool] = True
