"""Environments: what a prompt asks, who writes traces, and the token that makes one right.

A sequence is a prompt [P tokens], a head that announces how the trace is written (its first token
is the style), and a body of H tokens. The verifier says T, the token of the body that makes the
trace right, H + 1 if none does; the return is R = H - T + 1 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.models.chains import planted_chain
from antiscale.models.families import load_family
from antiscale.models.traces import TraceModel

Key: TypeAlias = jax.Array
Tokens: TypeAlias = jax.Array
Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Environment(FromMapping):
    """What every environment has in common.

    Attributes
    ----------
    environment
        Its name on the command line.
    held_out
        Prompts on which the base policy is trained and no arm is: M - m of them.
    announced
        Whether the head tells the hitting time, so that a reward may be mirrored (T4).
    """

    horizons: tuple[int, ...] = (16, 32)
    prompts: int = option(16, validate.integer, least=2, most=512)
    seed: int = option(0, validate.integer, least=0)

    environment: ClassVar[str]
    announced: ClassVar[bool]
    held_out: ClassVar[int] = 0

    @property
    def all_prompts(self) -> int:
        """M, those held out included; the first m are finetuned on."""
        return self.prompts + self.held_out

    # Tokens of the prompt and of the head.
    prompt: ClassVar[int]
    head: ClassVar[int]

    @property
    def vocabulary(self) -> int:
        """Tokens in all."""
        raise NotImplementedError

    @property
    def styles(self) -> int:
        """How many styles there are."""
        raise NotImplementedError

    @property
    def first_style(self) -> int:
        """The token of style 0; the others follow."""
        raise NotImplementedError

    @property
    def lead(self) -> int:
        """Tokens before the body."""
        return self.prompt + self.head

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return self.lead + max(self.horizons)

    def prefix(self, horizon: int) -> Array:
        """Return the prompts, [M, P]."""
        raise NotImplementedError

    def base(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Draw whole sequences of the procedural base policy at prompts x [B]: [B, lead + H]."""
        raise NotImplementedError

    def best(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Draw sequences that are right as soon as can be (optimal paths)."""
        raise NotImplementedError

    def times(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """T of sequences [B, lead + H] at prompts x [B]."""
        raise NotImplementedError

    def valid(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Share of a sequence's steps that the procedure could have written, [B] (the audit)."""
        raise NotImplementedError

    def law(self, horizon: int) -> Floats:
        """P(style, R) of the procedural base policy, exactly: [M, styles, H + 1]."""
        raise NotImplementedError


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
    spread: float = option(1.0, validate.chance)

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
    spread: float = option(1.0, validate.chance)

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


ENVIRONMENTS: dict[str, type[Environment]] = {
    each.environment: each for each in (Styles, Planted, Plain)
}
