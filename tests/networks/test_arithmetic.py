"""Arithmetic: the verifier against a slow reader, traces against rules, the law against draws."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from antiscale.core.errors import InputError
from antiscale.networks.arithmetic import STYLES, Arithmetic

H = 32
SMALL: dict[str, Any] = {
    "horizons": (H, 64), "prompts": 4, "evaluation_problems": 3, "pretraining_problems": 13,
}  # fmt: skip
WORLDS = {
    "prime": Arithmetic(modulus=13, **SMALL),
    "seven": Arithmetic(modulus=7, seed=3, patience=4, spread=0.6, **SMALL),
    "whole": Arithmetic(modulus=0, **SMALL),
    "whole-wide": Arithmetic(modulus=0, top=20, largest=64, patience=9, spread=0.0, **SMALL),
}
EACH = 1000


@pytest.fixture(scope="module", params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> Arithmetic:
    return WORLDS[request.param]


@functools.cache
def drawn(name: str, horizon: int = H) -> tuple[np.ndarray, np.ndarray]:
    """Problems, and a trace of the procedure at each: EACH traces per problem."""
    world = WORLDS[name]
    x = np.repeat(np.arange(world.all_prompts), EACH)
    return x, np.asarray(world.base(jax.random.key(7), jnp.asarray(x), horizon))


def traces(world: Arithmetic, horizon: int = H) -> tuple[np.ndarray, np.ndarray]:
    return drawn(next(name for name, each in WORLDS.items() if each is world), horizon)


# A slow reader, which shares nothing with the package but the text of a token.


@functools.cache
def words(world: Arithmetic) -> list[str]:
    """The text of each token."""
    return [world.written(np.array([token])) for token in range(world.vocabulary)]


def compute(world: Arithmetic, op: str, a: int, b: int) -> int | None:
    """a op b for a >= b, None if there is no such value."""
    if world.modulus:
        return {"+": a + b, "-": a - b, "*": a * b}[op] % world.modulus
    if op == "/" and a % b:
        return None
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[op]
    return value if 1 <= value <= world.largest else None


@functools.cache
def problem(world: Arithmetic, x: int) -> tuple[int, list[int]]:
    text = words(world)
    target, *numbers = (int(text[token]) for token in world.prefix(H)[x])
    return target, numbers


def read(world: Arithmetic, tokens: np.ndarray, x: int) -> tuple[int, int, int]:
    """T, steps and valid steps, from left to right."""
    target, numbers = problem(world, x)
    names = words(world)
    text = [names[token] for token in tokens[world.lead :]]
    operators = "+-*" if world.modulus else "+-*/"
    length, t = len(text), 0
    opened: set[tuple[int, int]] = set()
    state: tuple[int, int] | None = None
    time, steps, good = length + 1, 0, 0

    def kinds(pattern: str) -> bool:
        """Whether the next tokens are values and operators, as far as the trace goes."""
        some = text[t + 1 : t + 1 + len(pattern)]
        return all(
            word.isdecimal() if kind == "v" else word in operators and word != ""
            for kind, word in zip(pattern, some, strict=False)
        )

    while t < length:
        word, size, ok = text[t], 1, False
        before = text[t - 2] if t >= 2 else ""
        if word in ("!", "?"):
            ok = (time <= t) == (word == "!")
            stray = sum(each != "" for each in text[t + 1 :])
            return time, steps + 1 + stray, good + ok
        if word == "[":
            state = None
            if kinds("vovvv"):
                size = 6
                if t + size <= length:
                    a, b, r, c = (int(text[t + k]) for k in (1, 3, 4, 5))
                    ok = a >= b and sorted([a, b, c]) == sorted(numbers)
                    ok = ok and compute(world, text[t + 2], a, b) == r
                    if ok:
                        state = r, c
                        opened.add(state)
        elif word == ":":
            state = None
            if kinds("vv"):
                size = 3
                if t + size <= length:
                    back = int(text[t + 1]), int(text[t + 2])
                    ok = back in opened
                    state = back if ok else None
        elif word != "" and word in operators and before != "[" and kinds("v"):
            size = 2
            if t + size <= length and state is not None:
                v = int(text[t + 1])
                ok = compute(world, word, max(state), min(state)) == v
                if ok and v == target:
                    time = min(time, t + 2)
        if t + size <= length:
            steps, good = steps + 1, good + ok
        t += size
    return time, steps, good


@functools.cache
def reader(world: Arithmetic) -> Any:
    """The verifier and the audit, compiled once for each number of traces and budget."""
    return jax.jit(lambda tokens, x: (world.times(tokens, x), world.valid(tokens, x)))


def agree(world: Arithmetic, tokens: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hold the verifier and the audit to the slow reader; returns T and the share of steps."""
    times, valid = reader(world)(jnp.asarray(tokens), jnp.asarray(x))
    slow = [read(world, row, a) for row, a in zip(tokens, x.tolist(), strict=True)]
    np.testing.assert_array_equal(times, [time for time, _, _ in slow])
    share = np.array([good / steps if steps else 1.0 for _, steps, good in slow])
    np.testing.assert_allclose(valid, share, rtol=1e-6)
    return np.asarray(times), share


@pytest.mark.parametrize("horizon", [4, 7, 8, H, 100])
def test_the_verifier_reads_traces_of_the_procedure(world: Arithmetic, horizon: int) -> None:
    x, tokens = (z[:: EACH // 25] for z in traces(world, horizon))
    times, share = agree(world, tokens, x)
    np.testing.assert_array_equal(share, 1.0)
    if horizon >= H:
        # Right ones end with !, wrong ones and those that are cut do not.
        ends = [tokens[k, world.lead + t] if t < horizon else -1 for k, t in enumerate(times)]
        found = world.first_style - 2
        assert all((end == found) == (t < horizon) for end, t in zip(ends, times, strict=True))
        assert 0.2 < (times <= horizon).mean() < 1


def test_the_verifier_reads_nonsense(world: Arithmetic) -> None:
    rng = np.random.default_rng(1)
    x, tokens = (z[:: EACH // 20].copy() for z in traces(world, 64))
    body = tokens[:, world.lead :]
    count, horizon = body.shape
    rows = np.arange(count)
    attacks = []
    # Tokens drawn evenly; those of the problem alone; few kinds, so that units happen.
    attacks.append(rng.integers(0, world.vocabulary, body.shape))
    signs = world.first_style - 4
    own = np.concatenate([
        tokens[:, : world.prompt], rng.integers(signs - 3, signs + 2, (count, 4))
    ], -1)  # fmt: skip
    attacks.append(own[rows[:, None], rng.integers(0, own.shape[1], body.shape)])
    attacks.append(np.where(rng.random(body.shape) < 0.5, body, attacks[-1]))
    # One token, a tenth or a third of them changed.
    one = body.copy()
    one[rows, rng.integers(0, horizon, count)] = rng.integers(0, world.vocabulary, count)
    attacks.append(one)
    for share in (0.1, 0.33):
        attacks.append(np.where(rng.random(body.shape) < share, attacks[0], body))
    # Only values changed, to any value.
    values = (body > 0) & (body < signs - 3) & (rng.random(body.shape) < 0.1)
    attacks.append(np.where(values, rng.integers(1, signs - 3, body.shape), body))
    # One token left out, one written twice, two parts exchanged, another problem's, a later start.
    at = rng.integers(0, horizon - 1, count)[:, None]
    place = np.arange(horizon)
    attacks.append(np.take_along_axis(body, np.minimum(place + (place >= at), horizon - 1), 1))
    attacks.append(np.take_along_axis(body, place - (place > at), 1))
    attacks.append(np.take_along_axis(body, (place + at) % horizon, 1))
    attacks.append(body[rng.permutation(count)])
    attacks.append(np.where(place >= at, 0, body))
    # The end somewhere else, and tokens after it.
    early = body.copy()
    early[rows, at[:, 0]] = signs + rng.integers(2, 4, count)
    attacks.append(early)
    attacks.append(np.where((body == 0) & (rng.random(body.shape) < 0.3), attacks[0], body))
    solved, shares = [], []
    for attack in attacks:
        tokens[:, world.lead :] = attack
        times, share = agree(world, tokens, x)
        solved.append((times <= horizon).mean())
        shares.append(share.mean())
    # The attacks reach what they attack: right, wrong, and partly valid ones.
    assert max(solved) > 0.5
    assert min(shares) < 0.1
    assert sum(0.1 < share < 0.99 for share in shares) > 8


def written(world: Arithmetic, target: int, numbers: str, text: str) -> tuple[np.ndarray, int]:
    """A sequence of H tokens in words, and the problem's place."""
    names = words(world)
    goal = [target, *map(int, numbers.split())]
    found = (world.prefix(H) == [names.index(str(k)) for k in goal]).all(-1)
    x = int(np.argmax(found))
    assert found[x]
    row = np.zeros(world.lead + H, int)
    body = [names.index(word) if word != "_" else 0 for word in text.split()]
    row[: world.prompt], row[world.prompt] = world.prefix(H)[x], world.first_style
    row[world.lead : world.lead + len(body)] = body
    return row, x


@pytest.mark.parametrize(
    ("text", "time", "valid"),
    [
        # Numbers 7, 5, 2 modulo 13, target 4: 7 * 2 = 1, 5 - 1 = 4.
        ("[ 7 * 2 1 5 - 4 !", 8, 1),
        ("[ 7 * 2 1 5 - 4", 8, 1),
        ("[ 7 * 2 1 5 + 6 - 4 * 5 ?", 10, 4 / 5),
        ("[ 7 * 2 1 5 + 6 !", H + 1, 2 / 3),
        ("[ 7 * 2 1 5 + 6 ?", H + 1, 1),
        # b before a; a number that is not given; a wrong value; a number used twice.
        ("[ 2 * 7 1 5 - 4 !", H + 1, 0),
        ("[ 7 * 3 8 5 - 3 !", H + 1, 0),
        ("[ 7 * 2 2 5 - 4 !", H + 1, 0),
        ("[ 7 * 2 1 7 - 4 !", H + 1, 0),
        # A state that was opened, one that was not, one opened later.
        ("[ 7 * 2 1 5 [ 7 + 5 12 2 : 1 5 - 4 !", 17, 1),
        ("[ 7 + 5 12 2 : 1 5 - 4 !", H + 1, 1 / 4),
        (": 1 5 - 4 [ 7 * 2 1 5 !", H + 1, 1 / 4),
        (": 1 5 - 4 [ 7 * 2 1 5 ?", H + 1, 2 / 4),
        # The two numbers of a state are in its order; a failed return leaves no state.
        ("[ 7 * 2 1 5 : 5 1 - 4 ?", H + 1, 2 / 4),
        ("[ 7 * 2 1 5 [ 7 * 5 1 2 - 4 ?", H + 1, 2 / 4),
        # A stray token is a step; the state is kept.
        ("[ 7 * 2 1 5 5 - 4 !", 9, 3 / 4),
        # The operator of [ begins no unit, whatever follows.
        ("[ 7 * 2 1 5 [ 7 - 4 !", H + 1, 1 / 6),
        # What comes after the end is read no more.
        ("? [ 7 * 2 1 5 - 4", H + 1, 1 / 9),
        ("_ [ 7 * 2 1 5 - 4 !", 9, 3 / 4),
        ("<best> [ 7 * 2 1 5 - 4 !", 9, 3 / 4),
    ],
)
def test_the_verifier_by_hand(text: str, time: int, valid: float) -> None:
    world = Arithmetic(horizons=(H,), prompts=2)
    row, x = written(world, 4, "7 5 2", text)
    if text[-1] not in "!?" and text[0] != "?":
        # Without an end, blanks are steps: read it in a budget of its own length.
        row = row[: world.lead + len(text.split())]
        time = min(time, len(text.split()) + 1)
    times, share = agree(world, row[None], np.array([x]))
    assert times[0] == time
    np.testing.assert_allclose(share[0], valid, rtol=1e-6)


def test_blanks_without_an_end_are_invalid_steps() -> None:
    world = Arithmetic(horizons=(H,), prompts=2)
    row, x = written(world, 4, "7 5 2", "[ 7 * 2 1 5 + 6")
    found = world.valid(jnp.asarray(row)[None], jnp.asarray([x]))
    np.testing.assert_allclose(float(found[0]), 2 / (2 + H - 8), rtol=1e-6)


def test_problems_are_in_one_part_each() -> None:
    for seed, modulus in itertools.product(range(2), (0, 11)):
        world = Arithmetic(modulus=modulus, seed=seed, horizons=(H,), evaluation_problems=100)
        parts = [range(world.prompts), world.evaluated, world.taught]
        assert [k for part in parts for k in part] == list(range(world.all_prompts))
        assert world.taught.stop - world.taught.start > 1000
        keys = {(target, *sorted(numbers)) for target, *numbers in world.prefix(H).tolist()}
        assert len(keys) == world.all_prompts
        fewer = Arithmetic(
            modulus=modulus, seed=seed, horizons=(H,), evaluation_problems=100,
            pretraining_problems=20,
        )  # fmt: skip
        assert len(fewer.taught) == 20
        np.testing.assert_array_equal(fewer.prefix(H), world.prefix(H)[: fewer.all_prompts])


def test_the_seed_orders_the_problems() -> None:
    one, two, again = (Arithmetic(horizons=(H,), seed=seed).prefix(H) for seed in (0, 1, 0))
    assert (one != two).any()
    np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize("modulus", [5, 7, 0])
def test_the_problems_are_those_that_have_a_solution(modulus: int) -> None:
    """Every expression by brute force."""
    world = Arithmetic(
        modulus=modulus, top=6, largest=12, horizons=(H,), prompts=2, evaluation_problems=2
    )
    values = range(world.modulus or world.largest + 1)
    expected = set()
    for numbers in itertools.combinations_with_replacement(range(1, modulus or 7), 3):
        for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
            for one, two in itertools.product("+-*" if modulus else "+-*/", repeat=2):
                a, b, c = (numbers[at] for at in (i, j, k))
                r = compute(world, one, max(a, b), min(a, b))
                v = None if r is None else compute(world, two, max(r, c), min(r, c))
                if v in values and v not in numbers:
                    expected.add((v, *numbers))
    found = set()
    for x in range(world.all_prompts):
        target, numbers = problem(world, x)
        assert numbers == sorted(numbers, reverse=True)
        found.add((target, *sorted(numbers)))
    assert found == expected


def blocks(text: str) -> list[list[str]]:
    """A trace's units, each with its sign."""
    found: list[list[str]] = []
    for word in text.split():
        if word in "[:!?":
            found.append([word])
        else:
            found[-1].append(word)
    return found


def states(world: Arithmetic, x: int) -> list[list[tuple[str, ...]]]:
    """The states of a problem for each pair: a, op, b, r, c as text, "" for what is no value."""
    _, numbers = problem(world, x)
    return [
        [
            (str(numbers[i]), op, str(numbers[j]), "" if r is None else str(r), str(numbers[k]))
            for op in ("+-*" if world.modulus else "+-*/")
            for r in [compute(world, op, numbers[i], numbers[j])]
        ]
        for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0))
    ]


def solves(world: Arithmetic, x: int, state: tuple[str, ...]) -> bool:
    if not state[3]:
        return False
    two = sorted((int(state[3]), int(state[4])), reverse=True)
    operators = "+-*" if world.modulus else "+-*/"
    return any(compute(world, op, *two) == problem(world, x)[0] for op in operators)


def test_styles_search_by_their_rules(world: Arithmetic) -> None:
    """Opened states, their order, and where it gives up, from the text."""
    for x, kind in itertools.product(range(world.all_prompts), STYLES):
        pairs = states(world, x)
        many = kind.states or world.patience
        row = kind.width or world.patience
        for start in range(3 if kind.order == "random" else 1):
            body, time = world._run(np.array([x]), kind, np.array([start]))
            text = world.written(body[0])
            units = blocks(text)
            opened = [tuple(unit[1:6]) for unit in units if unit[0] == "["]
            looked = [unit for unit in units if unit[0] == ("[" if kind.width == 1 else ":")]
            turned = [state for pair in pairs[start:] + pairs[:start] for state in pair if state[3]]
            most = min(many, len(turned))
            # It gives up after all of its states, and ends with the first that solves.
            right = [solves(world, x, state) for state in opened[: len(looked)]]
            assert sum(right) == right[-1:].count(True)
            assert text.endswith("!" if any(right) else "?")
            assert (time[0] > 0) == any(right)
            if not any(right):
                assert len(opened) == len(looked) == most
            # As many as are opened in a row, looked at in the same order.
            assert len(opened) == min(-(-len(looked) // row) * row, most)
            if kind.width != 1:
                same = [[":", *state[3:]] for state in opened]
                assert [unit[:3] for unit in looked] == same[: len(looked)]
            if kind.order in ("plain", "random"):
                assert opened == turned[: len(opened)]
            elif kind.order == "back":
                assert opened == turned[::-1][: len(opened)]
            else:
                left = list(turned)
                for state in opened:
                    left.remove(state)


@pytest.mark.parametrize("modulus", [7, 0])
def test_the_best_order_is_by_how_often_a_state_solves(modulus: int) -> None:
    """For each target, over all problems; the worst order is the reverse."""
    world = Arithmetic(
        modulus=modulus, top=7, largest=14, horizons=(H,), prompts=2, evaluation_problems=2
    )
    of: dict[int, list[int]] = {}
    for x in range(world.all_prompts):
        of.setdefault(problem(world, x)[0], []).append(x)
    best, worst = (next(s for s in STYLES if s.order == name) for name in ("best", "worst"))
    for target, problems in of.items():
        every = [[state for pair in states(world, x) for state in pair] for x in problems]
        share = []
        for k in range(len(every[0])):
            there = [bool(some[k][3]) for some in every]
            right = [solves(world, x, some[k]) for x, some in zip(problems, every, strict=True)]
            share.append(sum(right) / max(sum(there), 1))
        rank = sorted(range(len(share)), key=lambda k: (-share[k], k))
        for x, some in zip(problems[:4], every, strict=False):
            for style, order in ((best, rank), (worst, rank[::-1])):
                body, _ = world._run(np.array([x]), style, np.array([0]))
                units = blocks(world.written(body[0]))
                opened = [tuple(unit[1:6]) for unit in units if unit[0] == "["]
                expected = [some[k] for k in order if some[k][3]]
                assert opened == expected[: len(opened)], (target, x)


def test_the_law_is_a_law(world: Arithmetic) -> None:
    for horizon in (*world.horizons, 128):
        law = world.law(horizon)
        assert law.shape == (world.all_prompts, world.styles, horizon + 1)
        assert (law >= 0).all()
        np.testing.assert_allclose(law.sum((1, 2)), 1, rtol=1e-12)
        np.testing.assert_allclose(law.sum(-1), world.weights, rtol=1e-12)


@pytest.mark.parametrize("horizon", [H, 64])
def test_traces_have_the_law(world: Arithmetic, horizon: int) -> None:
    x, tokens = traces(world, horizon)
    style = tokens[:, world.prompt] - world.first_style
    assert ((style >= 0) & (style < world.styles)).all()
    parts = zip(np.array_split(tokens, 20), np.array_split(x, 20), strict=True)
    times = np.concatenate([reader(world)(jnp.asarray(z), jnp.asarray(at))[0] for z, at in parts])
    law = world.law(horizon)
    seen = np.zeros(law.shape)
    np.add.at(seen, (x, style, horizon - times + 1), 1)
    assert not seen[law == 0].any()
    expected = EACH * law
    often = expected >= 10
    assert expected[~often].sum() < 0.02 * len(x)
    statistic = ((seen - expected)[often] ** 2 / expected[often]).sum()
    # False failure: 1e-6 for each of eight; fewer, as each problem's counts have a given sum.
    assert statistic < stats.chi2.isf(1e-6, often.sum())


def test_the_best_traces_are_the_shortest_right_ones(world: Arithmetic) -> None:
    x = np.repeat(np.arange(world.all_prompts), 30)
    tokens = np.asarray(world.best(jax.random.key(3), jnp.asarray(x), H))
    times, share = agree(world, tokens, x)
    np.testing.assert_array_equal(times, 8)
    np.testing.assert_array_equal(share, 1.0)
    assert (tokens[:, world.lead + 9 :] == 0).all()
    # Every solution is written.
    for k in range(world.all_prompts):
        target, numbers = problem(world, k)
        operators = "+-*" if world.modulus else "+-*/"
        every = set()
        for i, j, c in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
            for one, two in itertools.product(operators, repeat=2):
                r = compute(world, one, numbers[i], numbers[j])
                left = numbers[c]
                if r is not None and compute(world, two, max(r, left), min(r, left)) == target:
                    every.add(f"[ {numbers[i]} {one} {numbers[j]} {r} {left} {two} {target} !")
        found = {world.written(row[world.lead :]) for row in tokens[x == k]}
        assert found <= every
        # False failure: a solution of the at most 27 (whole: 48) is missed by 30 draws.
        assert len(found) >= min(2, len(every))


def test_sequences_begin_with_the_prompt(world: Arithmetic) -> None:
    x, tokens = traces(world)
    assert tokens.shape[1] == world.lead + H
    np.testing.assert_array_equal(tokens[:, : world.prompt], world.prefix(H)[x])
    assert tokens.min() >= 0
    assert tokens.max() < world.vocabulary == len(set(words(world)))


def test_a_longer_budget_continues_the_same_trace(world: Arithmetic) -> None:
    x = jnp.arange(world.all_prompts)
    short, long = (np.asarray(world.base(jax.random.key(9), x, h)) for h in (H, 150))
    np.testing.assert_array_equal(short, long[:, : world.lead + H])


def test_styles_are_equally_likely_at_spread_one() -> None:
    np.testing.assert_allclose(WORLDS["prime"].weights, 1 / 7)


def moments(law: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pmf, gain = law.sum(1), np.arange(law.shape[-1])
    return pmf @ gain, pmf @ gain**2 - (pmf @ gain) ** 2


@pytest.mark.parametrize("modulus", [7, 13, 0])
def test_spread_keeps_the_mean_and_takes_the_variance_away(modulus: int) -> None:
    means, within = [], []
    for spread in (1.0, 0.6, 0.2, 0.0):
        world = Arithmetic(modulus=modulus, spread=spread, horizons=(32, 64), evaluation_problems=8)
        mean, variance = moments(world.law(64))
        means.append(mean.mean())
        within.append(variance)
    # A problem more or less of the quicker style moves the mean by less than 64/M.
    np.testing.assert_allclose(means, means[0], atol=64 / world.all_prompts)
    assert (np.diff([each.mean() for each in within]) < -10).all()
    np.testing.assert_allclose(within[-1], 0, atol=1e-9)


def test_a_problems_own_style_follows_its_prompt() -> None:
    """At spread 0 the prompts in order have the quicker style first, and the slower one then."""
    for share in (0.0, 0.3, 1.0):
        world = Arithmetic(horizons=(64,), spread=0.0, quicker=share, prompts=64)
        own = world.weights.argmax(-1)
        np.testing.assert_array_equal(world.weights.max(-1), 1)
        order = sorted(range(world.all_prompts), key=lambda k: tuple(world.prefix(64)[k]))
        assert (np.diff(own[order]) != 0).sum() == (0 < share < 1)
        count = round(share * world.all_prompts)
        assert (own[order[:count]] == own[order[0]]).all()
        if share == 0.3:
            law = Arithmetic(horizons=(64,), prompts=64).law(64)
            mean = (law @ np.arange(65.0) / law.sum(-1)).mean(0)
            quick, slow = own[order[0]], own[order[-1]]
            assert mean[quick] > mean.mean() > mean[slow]


def test_which_style_is_quickest_differs_by_problem() -> None:
    law = Arithmetic(horizons=(64,), prompts=64).law(64)
    mean = law @ np.arange(65.0) / law.sum(-1)
    quickest = np.bincount(mean.argmax(-1), minlength=7) / len(mean)
    assert (quickest > 0.04).sum() >= 4
    assert quickest.max() < 0.6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"modulus": 3}, "modulus must be 0, or 5 to 61"),
        ({"modulus": -1}, "modulus"),
        ({"modulus": 0, "top": 20, "largest": 16}, "top must be at most largest"),
        ({"modulus": 5, "prompts": 64}, "this arithmetic has"),
        ({"modulus": 7, "pretraining_problems": 100}, "this arithmetic has 238 problems"),
        ({"spread": 1.5}, "spread"),
        ({"quicker": -1.0}, "quicker"),
        ({"patience": 0}, "patience"),
        ({"spred": 1}, "did you mean 'spread'"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Arithmetic.from_mapping(parameters)
