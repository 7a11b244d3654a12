"""Search for an expression of three numbers that gives a target, written out token by token.

A trace opens states, each with two numbers left, and combines these two:

====================  ==========================================================================
``[ a op b r c``      opens the state {r, c}: r = a op b, and c is the number left over
``: r c``             goes back to a state that was opened before
``op v``              v is what op makes of the current state; v = target solves the problem
``!``, ``?``          found, given up; blanks follow
====================  ==========================================================================

An operator takes the larger number first. T is the position of the first valid v = target. A style
is a fixed rule for which states are opened, when they are looked at, and after how many it gives
up: none looks at the solution. Which style is quick differs by problem, as solutions do.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from antiscale.core import validate
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.networks.environment import Array, Environment, Key, Tokens


class Style(NamedTuple):
    """A rule of search.

    Attributes
    ----------
    order
        Of the states: ``best``, those first that most often solve problems of this target;
        ``worst``, the reverse; ``plain``, pair by pair, as the numbers are given; ``back``, the
        reverse; ``random``, plain from a random pair on, round and round.
    width
        States opened in a row before they are looked at; 0 for all.
    states
        States until it gives up; 0 for the environment's patience.
    """

    name: str
    order: str
    width: int
    states: int


STYLES = (
    Style("best", "best", 1, 0),
    Style("random", "random", 1, 0),
    Style("worst", "worst", 1, 0),
    Style("broad-best", "best", 0, 0),
    Style("broad-random", "random", 0, 0),
    Style("beam", "back", 3, 3),
    Style("direct", "plain", 1, 2),
)

# Which of three numbers, in falling order, are combined; the third is left.
_PAIRS = ((0, 1, 2), (0, 2, 1), (1, 2, 0))


class _Problems(NamedTuple):
    """Every problem of one arithmetic, U of them.

    Attributes
    ----------
    table : [O, V, V]
        Value of an operator, the same for both orders; -1 where it has none.
    numbers : [U, 3]
        In falling order.
    target : [U]
    states : [U, N, 5]
        a, op, b, r, c of each state; r = -1 where there is none.
    values : [U, N, O]
        What each operator makes of the state.
    rank : [V, N]
        For each target, the states in the order in which they most often hold a solution.
    """

    table: Array
    numbers: Array
    target: Array
    states: Array
    values: Array
    rank: Array


def _table(modulus: int, largest: int) -> Array:
    """Value of +, -, * modulo a number, or of +, -, *, / among 1, ..., largest: [O, V, V]."""
    top = modulus or largest + 1
    a, b = np.meshgrid(np.arange(top), np.arange(top), indexing="ij")
    a, b = np.maximum(a, b), np.minimum(a, b)
    if modulus:
        return np.stack([a + b, a - b, a * b]) % modulus
    least = np.maximum(b, 1)
    found = np.stack([a + b, a - b, a * b, np.where(a % least == 0, a // least, -1)])
    return np.where((b > 0) & (found > 0) & (found <= largest), found, -1)


@functools.cache
def _problems(modulus: int, top: int, largest: int) -> _Problems:
    """Every three numbers with every target that they make and that is none of them."""
    table = _table(modulus, largest)
    count = len(table)
    most = modulus - 1 if modulus else top
    falling = range(most, 0, -1)
    numbers = np.array(list(itertools.combinations_with_replacement(falling, 3)))
    every = []
    for (i, j, k), op in itertools.product(_PAIRS, range(count)):
        a, b, c = (numbers[:, at] for at in (i, j, k))
        every.append(np.stack([a, np.full_like(a, op), b, table[op, a, b], c], -1))
    states = np.stack(every, 1)
    r, c = states[..., 3], states[..., 4]
    values = np.where(r[..., None] < 0, -1, np.moveaxis(table[:, r, c], 0, -1))
    made = np.zeros((len(numbers), table.shape[-1]), bool)
    row = np.broadcast_to(np.arange(len(numbers))[:, None, None], values.shape)
    made[row[values >= 0], values[values >= 0]] = True
    made[np.arange(len(numbers))[:, None], numbers] = False
    at, target = np.nonzero(made)
    states, values = states[at], values[at]
    solved = (values == target[:, None, None]).any(-1)
    often, of = np.zeros((2, table.shape[-1], solved.shape[1]))
    np.add.at(often, target, solved)
    np.add.at(of, target, states[..., 3] >= 0)
    rank = np.argsort(-often / np.maximum(of, 1), -1, kind="stable")
    return _Problems(table, numbers[at], target, states, values, rank)


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Environment):
    """Search for an expression of three numbers that gives a target.

    A problem is three numbers and a target. Problems 0 to m - 1 are finetuned on, the next ones are
    evaluated on, and the rest teach the base policy. At spread 1 a trace has each of seven styles
    with the same probability; with probability 1 - spread it has the problem's own style instead.

    Parameters
    ----------
    horizons
        The budgets H at which the base policy is trained and evaluated.
    prompts
        m, the problems to finetune on, equally likely.
    seed
        Of the order of the problems.
    modulus
        Numbers 1 to modulus - 1 with +, -, * modulo this; 0 for whole numbers with +, -, *, /.
    top, largest
        Of whole numbers: the largest one given, and the largest value.
    patience
        States that a style looks at before it gives up.
    evaluation_problems, pretraining_problems
        Problems in the two other parts; by default all that are left teach.
    spread
        The heterogeneity knob: with probability 1 - spread a trace has the problem's own style, one
        of two that draw nothing, so that at spread 0 a problem's return is always the same. The two
        are those that change the solve rate least.
    quicker
        Share of the problems whose own style is the quicker of the two, the first ones in the order
        of their prompts; by default such that the mean return over all problems at the largest H
        does not change with spread.
    """

    modulus: int = option(13, validate.integer, least=0, most=61)
    top: int = option(12, validate.integer, least=3, most=50)
    largest: int = option(32, validate.integer, least=8, most=200)
    patience: int = option(6, validate.integer, least=3, most=9)
    evaluation_problems: int = option(128, validate.integer, least=1, most=10**4)
    pretraining_problems: int | None = option(None, validate.integer, least=1, most=10**6)
    spread: float = option(1.0, validate.chance)
    quicker: float | None = option(None, validate.chance)

    environment: ClassVar[str] = "arithmetic"
    announced: ClassVar[bool] = False
    nested: ClassVar[bool] = True
    prompt: ClassVar[int] = 4
    head: ClassVar[int] = 1
    _blank: ClassVar[int] = 0

    def agree(self) -> None:
        """Refuse an arithmetic that has too few problems."""
        if 0 < self.modulus < 5:
            raise InputError(f"modulus must be 0, or 5 to 61; got {self.modulus}")
        if not self.modulus and self.top > self.largest:
            raise InputError(f"top must be at most largest; got {self.top} and {self.largest}")
        least = self.prompts + self.evaluation_problems + (self.pretraining_problems or 1)
        if least > (most := len(self._all.target)):
            raise InputError(
                f"this arithmetic has {most} problems, and prompts, evaluation_problems and "
                f"pretraining_problems need {least}"
            )

    @property
    def _all(self) -> _Problems:
        if self.modulus:
            return _problems(self.modulus, 0, 0)
        return _problems(0, self.top, self.largest)

    @property
    def _which(self) -> Array:
        """Of all problems, those used, in their order."""
        return _drawn(self)

    @property
    def all_prompts(self) -> int:
        """M, the problems of all three parts."""
        return len(self._which)

    @property
    def evaluated(self) -> range:
        """Problems on which policies are compared."""
        return range(self.prompts, self.prompts + self.evaluation_problems)

    @property
    def taught(self) -> range:
        """Problems on which the base policy is trained."""
        return range(self.prompts + self.evaluation_problems, self.all_prompts)

    # Tokens: blank, values, operators, four signs, styles.

    @property
    def _operators(self) -> int:
        """The first operator's token."""
        return 1 + self._all.table.shape[-1]

    @property
    def _signs(self) -> int:
        """The token [; then come :, ! and ?."""
        return self._operators + len(self._all.table)

    @property
    def first_style(self) -> int:
        """Token of style 0."""
        return self._signs + 4

    @property
    def styles(self) -> int:
        """Seven."""
        return len(STYLES)

    @property
    def vocabulary(self) -> int:
        """Tokens in all."""
        return self.first_style + self.styles

    @property
    def style_names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(style.name for style in STYLES)

    @staticmethod
    def near(base: Mapping[Hashable, Any]) -> bool:
        """The stop rule: 98% of the steps valid, 90% of the procedure's solve rate, even styles.

        A style's mean share may be 10% off.
        """
        solved = base["solved"] >= 0.9 * base["solved_procedure"]
        return bool(base["valid"] >= 0.98 and solved and base["style_off"] <= 0.1)

    def written(self, tokens: Array) -> str:
        """Return a sequence as text, its blanks left out."""
        values, operators = self._all.table.shape[-1], "+-*/"[: len(self._all.table)]
        words = ["", *map(str, range(values)), *operators, *"[:!?"]
        words += [f"<{style.name}>" for style in STYLES]
        return " ".join(words[int(token)] for token in tokens if token)

    def prefix(self, horizon: int) -> Array:
        """The target and the numbers."""
        known, which = self._all, self._which
        return 1 + np.concatenate([known.target[which, None], known.numbers[which]], -1)

    # The procedure.

    def _order(self, x: Array, style: Style, start: Array) -> Array:
        """The states that a style looks at, in its order: [B, states], -1 for none."""
        known, which = self._all, self._which[x]
        count = known.states.shape[1]
        if style.order in ("plain", "back"):
            order = np.broadcast_to(np.arange(count), (len(x), count))
        elif style.order == "random":
            order = (start[:, None] * len(known.table) + np.arange(count)) % count
        else:
            order = known.rank[known.target[which]]
        if style.order in ("worst", "back"):
            order = order[:, ::-1]
        none = known.states[which[:, None], order, 3] < 0
        last = np.argsort(none, -1, kind="stable")
        order = np.take_along_axis(np.where(none, -1, order), last, -1)
        return order[:, : style.states or self.patience]

    def _run(self, x: Array, style: Style, start: Array) -> tuple[Array, Array]:
        """Traces of a style at problems x [B], and their T (0: never right), uncut."""
        known, which = self._all, self._which[x][:, None]
        order = self._order(x, style, start)
        a, op, b, r, c = np.moveaxis(known.states[which, order], -1, 0)
        values = known.values[which, order]
        sign = np.full_like(a, self._signs)
        opened = np.stack([sign, 1 + a, self._operators + op, 1 + b, 1 + r, 1 + c], -1)
        returned = np.stack([sign + 1, 1 + r, 1 + c], -1)
        operators = np.broadcast_to(self._operators + np.arange(values.shape[-1]), values.shape)
        made = np.stack([operators, 1 + values], -1) * (values >= 0)[..., None]
        made = made.reshape(*order.shape, -1)
        there = (order >= 0)[..., None]
        units = np.concatenate([opened, returned, made], -1) * there
        hit = np.zeros(units.shape, bool)
        hit[..., 10::2] = (values == known.target[which][..., None]) & there
        # Which tokens of which states, in the order of the trace.
        size, count, width = units.shape[-1], order.shape[1], style.width or self.patience
        layout: list[int] = []
        for first in range(0, count, width):
            some = range(first * size, min(first + width, count) * size, size)
            if width > 1:
                layout += [k + j for k in some for j in range(6)]
                layout += [k + j for k in some for j in range(6, size)]
            else:
                layout += [k + j for k in some for j in (*range(6), *range(9, size))]
        tokens, found = (
            np.pad(z.reshape(len(x), -1)[:, layout], ((0, 0), (0, 1))) for z in (units, hit)
        )
        # It ends where it has found, and otherwise with the last state.
        solved, first = found.any(-1), found.argmax(-1)
        end = np.where(solved, first + 1, tokens.shape[1] - 1)
        place = np.arange(tokens.shape[1])
        tokens = np.where(place > end[:, None], self._blank, tokens)
        tokens[np.arange(len(x)), end] = self._signs + np.where(solved, 2, 3)
        # What an operator has no value for leaves no gap.
        real = tokens != self._blank
        written = np.zeros_like(tokens)
        row, at = np.nonzero(real)
        written[row, (np.cumsum(real, -1) - 1)[row, at]] = tokens[row, at]
        return written, np.where(solved, real.sum(-1) - 1, 0)

    def _times(self, style: Style) -> Array:
        """T for each problem and start, 0 for never: [M, starts], one start if it draws none."""
        x, starts = np.arange(self.all_prompts), len(_PAIRS) if style.order == "random" else 1
        return np.stack([self._run(x, style, np.full_like(x, s))[1] for s in range(starts)], -1)

    @property
    def weights(self) -> Floats:
        """P(style | problem), [M, styles]."""
        return _weights(self)

    def _sequence(self, x: Array, style: Array, body: Array, horizon: int) -> Tokens:
        body = np.pad(body, ((0, 0), (0, max(horizon - body.shape[1], 0))))[:, :horizon]
        head = self.first_style + style[:, None]
        return jnp.asarray(np.concatenate([self.prefix(horizon)[x], head, body], -1), jnp.int32)

    def base(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Search in a style; on the host, not under jit."""
        rng, at = _generator(key), np.asarray(x)
        u = rng.random(len(at))[:, None]
        style = (u > np.cumsum(self.weights, -1)[at, :-1]).sum(-1)
        start = rng.integers(0, len(_PAIRS), len(at))
        body = np.zeros((len(at), horizon), int)
        for k, each in enumerate(STYLES):
            some = np.nonzero(style == k)[0]
            if not len(some):
                continue
            tokens = self._run(at[some], each, start[some])[0][:, :horizon]
            body[some, : tokens.shape[1]] = tokens
        return self._sequence(at, style, body, horizon)

    def best(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Open a state that holds a solution, and write the solution."""
        known, at = self._all, np.asarray(x)
        which = self._which[at]
        right = known.values[which] == known.target[which][:, None, None]
        chance = _generator(key).random(right.shape) * right
        state, op = np.divmod(chance.reshape(len(at), -1).argmax(-1), right.shape[-1])
        a, first, b, r, c = known.states[which, state].T
        sign, end = np.full_like(a, self._signs), np.full_like(a, self._signs + 2)
        body = np.stack([
            sign, 1 + a, self._operators + first, 1 + b, 1 + r, 1 + c, self._operators + op,
            1 + known.target[which], end,
        ], -1)  # fmt: skip
        direct = [style.name for style in STYLES].index("direct")
        return self._sequence(at, np.full(len(at), direct), body, horizon)

    def law(self, horizon: int) -> Floats:
        """By running every style at every problem from every start."""
        law = np.zeros((self.all_prompts, self.styles, horizon + 1))
        row = np.arange(self.all_prompts)[:, None]
        for k, style in enumerate(STYLES):
            times = _times(self, style)
            gain = np.where(times > 0, np.maximum(horizon - times + 1, 0), 0)
            np.add.at(law[:, k], (row, gain), 1.0 / times.shape[1])
        return law * self.weights[..., None]

    # The verifier and the audit, of any tokens.

    def _read(self, tokens: Tokens, x: jax.Array) -> tuple[jax.Array, ...]:
        """T [B], and for each token of the body how many steps it ends or is, and the valid ones.

        A unit is read where its tokens have the right kinds, wherever it stands; the operator of [
        begins none. What belongs to no unit is a step, invalid. A unit that the budget cuts is no
        step.
        """
        body = tokens[:, self.lead :]
        horizon = body.shape[1]
        known, which = self._all, jnp.asarray(self._which)[x]
        table = jnp.asarray(known.table, jnp.int32)
        last = table.shape[-1] - 1
        target = jnp.asarray(known.target, jnp.int32)[which][:, None]
        given = jnp.asarray(known.numbers, jnp.int32)[which][:, :, None]
        sign, first = self._signs, self._operators
        place = jnp.arange(horizon)
        padded = jnp.pad(body, ((0, 0), (2, 5)), constant_values=-1)

        def ahead(k: int) -> jax.Array:
            return padded[:, 2 + k : 2 + k + horizon]

        def is_value(token: jax.Array) -> jax.Array:
            return (token >= 1) & (token < first)

        def is_operator(token: jax.Array) -> jax.Array:
            return (token >= first) & (token < sign)

        def value(k: int) -> jax.Array:
            return jnp.clip(ahead(k) - 1, 0, last)

        def operator(k: int) -> jax.Array:
            return jnp.clip(ahead(k) - first, 0, len(table) - 1)

        def has(kinds: str) -> jax.Array:
            """Whether the next tokens are values (v) and operators (o), or beyond the budget."""
            kind = {"v": is_value, "o": is_operator}
            each = [(ahead(k) < 0) | kind[z](ahead(k)) for k, z in enumerate(kinds, 1)]
            return jnp.stack(each).all(0)

        ends = (body == sign + 2) | (body == sign + 3)
        after = jnp.cumsum(ends, 1) - ends > 0
        opens, returns = (body == sign) & ~after, (body == sign + 1) & ~after
        unit_open, unit_return = opens & has("vovvv"), returns & has("vv")
        unit_apply = is_operator(body) & (ahead(-2) != sign) & ~after & has("v")

        a, b, r, c = value(1), value(3), value(4), value(5)
        low, high = jnp.minimum(jnp.minimum(a, b), c), jnp.maximum(jnp.maximum(a, b), c)
        same = (given[:, 0] == high) & (given[:, 1] == a + b + c - low - high)
        same &= given[:, 2] == low
        whole = place + 6 <= horizon
        good_open = unit_open & whole & same & (a >= b) & (table[operator(2), a, b] == r)
        # A state that was opened before: a valid [ to the left with the same two numbers.
        left = jnp.where(opens, r, a)
        right = jnp.where(opens, c, value(2))
        state = left * (last + 1) + right
        before = good_open[:, None, :] & (place[:, None] > place)
        opened = (before & (state[:, :, None] == state[:, None, :])).any(-1)
        good_return = unit_return & (place + 3 <= horizon) & opened
        # The current state is that of the last [ or :, if that is valid.
        latest = lax.cummax(jnp.where(opens | returns, place, -1), axis=1)

        def current(z: jax.Array) -> jax.Array:
            return jnp.take_along_axis(z, jnp.maximum(latest, 0), 1)

        stands = current(good_open | good_return) & (latest >= 0)
        made = table[operator(0), current(left), current(right)]
        good_apply = unit_apply & (place + 2 <= horizon) & stands & (made == a)
        hit = good_apply & (a == target)
        times = jnp.where(hit.any(1), jnp.argmax(hit, 1) + 2, horizon + 1)

        final = ends & ~after
        found = times[:, None] <= place
        good = good_open | good_return | good_apply | (final & (found == (body == sign + 2)))
        covered = final | (after & (body == self._blank))
        steps = final
        for unit, size in ((unit_open, 6), (unit_return, 3), (unit_apply, 2)):
            steps |= unit & (place + size <= horizon)
            wide = jnp.pad(unit, ((0, 0), (size - 1, 0)))
            for k in range(size):
                covered |= wide[:, k : k + horizon]
        return times, steps | ~covered, good

    def times(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Where the first valid value is the target."""
        return self._read(tokens, x)[0]

    def valid(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Share of steps that are valid; 1 where the budget is too short for a step."""
        _, steps, good = self._read(tokens, x)
        count = steps.sum(1)
        return jnp.where(count > 0, good.sum(1) / jnp.maximum(count, 1), 1.0)


def _generator(key: Key) -> np.random.Generator:
    """NumPy's generator, from JAX's key."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())


# One computation for all equal environments.


@functools.lru_cache(maxsize=16)
def _drawn(world: Arithmetic) -> Array:
    """The problems of the three parts."""
    order = np.random.default_rng(world.seed).permutation(len(world._all.target))
    if world.pretraining_problems is None:
        return order
    return order[: world.prompts + world.evaluation_problems + world.pretraining_problems]


@functools.lru_cache(maxsize=64)
def _times(world: Arithmetic, style: Style) -> Array:
    return world._times(style)


@functools.lru_cache(maxsize=16)
def _weights(world: Arithmetic) -> Floats:
    """P(style | problem); a problem's own style by its place among the sorted prompts."""
    top, count = max(world.horizons), world.all_prompts
    even = np.full((count, len(STYLES)), 1.0 / len(STYLES))
    if world.spread == 1:
        return even
    times = [_times(world, style) for style in STYLES]
    gain = np.stack(
        [np.where(t > 0, np.maximum(top - t + 1, 0), 0).mean(-1) for t in times], -1
    )  # [M, styles]
    goal, mean = gain.mean(), gain.mean(0)
    solved = (gain > 0).mean(0)
    often = np.mean([((t > 0) & (t <= top)).mean() for t in times])
    drawless = [k for k, style in enumerate(STYLES) if style.order != "random"]

    def apart(pair: tuple[int, int]) -> float:
        """How far the solve rate moves where two styles have the mean return of all."""
        share = (goal - mean[pair[1]]) / (mean[pair[0]] - mean[pair[1]])
        return float(abs(share * solved[pair[0]] + (1 - share) * solved[pair[1]] - often))

    pairs = itertools.permutations(drawless, 2)
    quick, slow = min((z for z in pairs if mean[z[0]] >= goal > mean[z[1]]), key=apart)
    prompts = world.prefix(top)
    order = np.lexsort(prompts.T[::-1])
    if world.quicker is None:
        change = np.cumsum((gain[:, quick] - gain[:, slow])[order]) / count
        reached = mean[slow] + np.append(0.0, change)
        cut = int(np.argmin(np.abs(reached - goal)))
    else:
        cut = round(world.quicker * count)
    own = np.zeros_like(even)
    own[order[:cut], quick] = 1
    own[order[cut:], slow] = 1
    return world.spread * even + (1 - world.spread) * own
