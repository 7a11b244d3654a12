"""Training: gradients by finite differences, the survival law by enumeration, Adam by hand."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from antiscale.networks.styles import Styles
from antiscale.networks.training import (
    Data,
    Progress,
    Reward,
    Schedule,
    fit,
    imitation,
    judge,
    policy_gradient,
    survival,
)
from antiscale.networks.transformer import Transformer, pick, sample, stack

H = 6
WORLD = Styles(horizons=(H,), prompts=2, number=2, lengths=2)
LEAD, PROMPT, TOTAL = WORLD.lead, WORLD.prompt, WORLD.longest
LOSSES: dict[str, tuple[Any, int]] = {
    "imitation": (imitation, PROMPT), "survival": (survival, LEAD)
}  # fmt: skip


def rough(seed: int, dtype: type = np.float64, scale: float = 0.3) -> Transformer:
    model = Transformer.create(jax.random.key(0), WORLD.vocabulary, TOTAL, 8, 1, 2)
    rng = np.random.default_rng(seed)
    return jax.tree_util.tree_map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) * scale, dtype), model
    )


def traces(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Any tokens and any hitting times."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, WORLD.vocabulary, (count, TOTAL)), rng.integers(1, H + 2, count)


BATCH = 5


@functools.cache
def compiled(name: str) -> Any:
    function, start = LOSSES[name]
    return jax.jit(
        jax.value_and_grad(lambda model, tokens, times: function(model, tokens, times, start))
    )


def loss(
    name: str, model: Transformer, tokens: np.ndarray, times: np.ndarray
) -> tuple[float, Transformer]:
    """Value and gradient; of BATCH traces, or of one that is repeated."""
    value, slope = compiled(name)(model, np.resize(tokens, (BATCH, TOTAL)), np.resize(times, BATCH))
    return float(value), slope


def moved(model: Transformer, by: list[np.ndarray], scale: float) -> Transformer:
    leaves, form = jax.tree_util.tree_flatten(model)
    return jax.tree_util.tree_unflatten(
        form, [leaf + scale * each for leaf, each in zip(leaves, by, strict=True)]
    )


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_finite_differences(name: str) -> None:
    model, (tokens, times) = rough(1), traces(2, 5)
    times[:2] = 1, H + 1
    _, slope = loss(name, model, tokens, times)
    slopes = [np.asarray(each) for each in jax.tree_util.tree_leaves(slope)]
    rng = np.random.default_rng(3)
    for _ in range(5):
        by = [rng.normal(size=each.shape) for each in slopes]
        along = sum((each * step).sum() for each, step in zip(slopes, by, strict=True))
        up, down = (loss(name, moved(model, by, s), tokens, times)[0] for s in (1e-5, -1e-5))
        assert along == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)
        assert abs(along) > 1e-4
    # What the loss does not use stays as it is.
    unused = slope.head if name == "survival" else slope.hazard
    assert not np.asarray(unused).any()


def test_imitation_is_the_mean_over_tokens_after_the_prompt() -> None:
    model, (tokens, times) = rough(1), traces(2, 5)
    logits = np.asarray(jax.jit(Transformer.next_logits)(model, tokens))
    chance = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    terms = [
        -np.log(chance[row, t - 1, tokens[row, t]])
        for row, t in itertools.product(range(5), range(PROMPT, TOTAL))
    ]
    found, _ = loss("imitation", model, tokens, times)
    assert found == pytest.approx(np.mean(terms), rel=1e-12)


def hitting_law(z: np.ndarray) -> np.ndarray:
    """P(T = 1), ..., P(T = H), P(T > H) from the hazards' logits, step by step."""
    law, alive = [], 1.0
    for hazard in 1 / (1 + np.exp(-z)):
        law.append(alive * hazard)
        alive *= 1 - hazard
    return np.array([*law, alive])


@pytest.fixture(scope="module")
def hazards() -> tuple[Transformer, np.ndarray, np.ndarray]:
    model, (tokens, _) = rough(4, scale=0.6), traces(5, BATCH)
    z = jax.jit(lambda model, tokens: model.hazards(tokens, LEAD))(model, tokens)
    assert z.shape == (BATCH, H)
    return model, tokens, np.asarray(z)


def test_survival_is_minus_the_log_of_the_law(hazards) -> None:
    model, tokens, z = hazards
    for row in range(2):
        law = hitting_law(z[row])
        chances = np.array([
            np.exp(-H * loss("survival", model, tokens[row], np.array([t]))[0])
            for t in range(1, H + 2)
        ])  # fmt: skip
        np.testing.assert_allclose(chances, law, rtol=1e-10)
        assert chances.sum() == pytest.approx(1, rel=1e-10)
    # Over a batch it is the mean.
    times = np.array([1, 3, H, H + 1, 2])
    terms = [-np.log(hitting_law(z[k])[t - 1]) / H for k, t in enumerate(times)]
    found, _ = loss("survival", model, tokens, times)
    assert found == pytest.approx(np.mean(terms), rel=1e-10)


def test_a_judge_expects_the_mean_return(hazards) -> None:
    model, tokens, z = hazards
    found = np.asarray(judge(stack([model]), jnp.asarray(tokens)[None], LEAD))
    laws = np.stack([hitting_law(each) for each in z])
    # R = H - T + 1: the sum over t of P(T <= t).
    np.testing.assert_allclose(found[0], laws @ np.arange(H, -1, -1), rtol=1e-10)
    np.testing.assert_allclose(found[0], np.cumsum(laws[:, :-1], -1).sum(-1), rtol=1e-10)


SCHEDULE = Schedule(steps=25, batch=4, rate=1e-2)


def fitted(
    models: Transformer, tokens: np.ndarray, times: np.ndarray, size: list[int], *,
    verifier: bool = False, schedule: Schedule = SCHEDULE, progress: Progress | None = None,
) -> tuple[Transformer, np.ndarray]:  # fmt: skip
    data = Data(jnp.asarray(tokens), jnp.asarray(times), jnp.asarray(size, jnp.int32))
    found, value = fit(
        schedule, models, data, jax.random.key(7), environment=WORLD, verifier=verifier,
        progress=progress, what="verifier",
    )  # fmt: skip
    return found, np.asarray(value)


def same(one: Transformer, two: Transformer, *, atol: float = 0.0) -> bool:
    pairs = zip(*(jax.tree_util.tree_leaves(each) for each in (one, two)), strict=True)
    return all(np.allclose(a, b, rtol=0, atol=atol) for a, b in pairs)


@pytest.fixture(scope="module")
def two() -> tuple[Transformer, np.ndarray, np.ndarray]:
    """Two models, and three traces for each."""
    tokens, times = traces(8, 6)
    return (
        stack([rough(1), rough(2)]), tokens.reshape(2, 3, TOTAL), times.reshape(2, 3)
    )  # fmt: skip


@pytest.mark.parametrize("verifier", [False, True])
def test_each_run_is_what_it_would_be_alone(two, verifier: bool) -> None:
    models, tokens, times = two
    # With one trace each there is nothing to draw, so that keys do not matter.
    both, value = fitted(models, tokens, times, [1, 1], verifier=verifier)
    name = "survival" if verifier else "imitation"
    for k in range(2):
        twice = [np.stack([z[k], z[k]]) for z in (tokens, times)]
        alone, _ = fitted(pick(models, jnp.array([k, k])), *twice, [1, 1], verifier=verifier)
        assert same(pick(both, jnp.array([k])), pick(alone, jnp.array([0])), atol=1e-9)
        assert same(pick(alone, jnp.array([1])), pick(alone, jnp.array([0])), atol=1e-9)
        first, _ = loss(name, pick(models, k), tokens[k, 0], times[k, :1])
        last, _ = loss(name, pick(both, k), tokens[k, 0], times[k, :1])
        # The value is the mean over the steps.
        assert last < value[k] < first
        assert last < 0.8 * first


def by_hand(model: Transformer, slope: Any, schedule: Schedule) -> list[np.ndarray]:
    """Adam with clipped gradients, warm-up and cosine, written out."""
    leaves, form = jax.tree_util.tree_flatten(model)
    w = [np.asarray(leaf, float) for leaf in leaves]
    first, second = ([np.zeros_like(each) for each in w] for _ in range(2))
    warm = max(1, schedule.steps // 20)
    for step in range(schedule.steps):
        if step < warm:
            rate = schedule.rate * step / warm
        else:
            share = (step - warm) / (schedule.steps + 1 - warm)
            low = schedule.rate / 20
            rate = low + (schedule.rate - low) * (1 + np.cos(np.pi * share)) / 2
        g = jax.tree_util.tree_leaves(slope(jax.tree_util.tree_unflatten(form, w)))
        g = [np.asarray(each, float) for each in g]
        norm = np.sqrt(sum((each**2).sum() for each in g))
        g = [each / max(norm, 1.0) for each in g]
        first = [0.9 * a + 0.1 * b for a, b in zip(first, g, strict=True)]
        second = [0.999 * a + 0.001 * b**2 for a, b in zip(second, g, strict=True)]
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            a, b = a / (1 - 0.9 ** (step + 1)), b / (1 - 0.999 ** (step + 1))
            w[k] = w[k] - rate * a / (np.sqrt(b) + 1e-8)
    return w


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_steps_are_those_of_adam_by_hand(two, name: str) -> None:
    models, tokens, times = two
    found, _ = fitted(models, tokens, times, [1, 1], verifier=name == "survival")

    def slope(model: Transformer) -> Transformer:
        return loss(name, model, tokens[1, 0], times[1, :1])[1]

    expected = by_hand(pick(models, 1), slope, SCHEDULE)
    for a, b, start in zip(
        jax.tree_util.tree_leaves(pick(found, 1)), expected,
        jax.tree_util.tree_leaves(pick(models, 1)), strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(np.asarray(a), b, atol=1e-5 * max(1e-2, np.abs(b - start).max()))


@pytest.mark.parametrize("verifier", [False, True])
def test_only_the_first_traces_are_ever_used(two, verifier: bool) -> None:
    models, tokens, times = two
    first, _ = fitted(models, tokens, times, [2, 1], verifier=verifier)
    others, hits = tokens.copy(), times.copy()
    others[0, 2:], hits[0, 2:] = 3, 1
    others[1, 1:], hits[1, 1:] = 5, 2
    again, _ = fitted(models, others, hits, [2, 1], verifier=verifier)
    assert same(first, again)
    # All that a run has are used.
    others[0, 1], hits[0, 1] = 3, 1
    again, _ = fitted(models, others, hits, [2, 1], verifier=verifier)
    assert not same(pick(first, 0), pick(again, 0), atol=1e-3)
    assert same(pick(first, 1), pick(again, 1))


def test_a_verifier_learns_how_often_a_trace_is_right() -> None:
    # The same trace four times, right at token 2 once: E R = (H - 1)/4.
    tokens, _ = traces(9, 1)
    models = stack([rough(1), rough(2)])
    tokens = np.broadcast_to(tokens, (2, 4, TOTAL))
    times = np.array([[2, H + 1, H + 1, H + 1], [1, 1, H, H]])
    schedule = Schedule(steps=150, batch=256, rate=1e-2)
    seen: list[tuple[int, int, str]] = []
    found, _ = fitted(
        models, tokens, times, [4, 4], verifier=True, schedule=schedule,
        progress=lambda *done: seen.append(done),
    )  # fmt: skip
    # It says how far it is, chunk by chunk.
    assert [(done, steps) for done, steps, _ in seen] == [(50, 150), (100, 150), (150, 150)]
    assert all(what.startswith("verifier") for _, _, what in seen)
    scores = np.asarray(judge(found, jnp.asarray(tokens), LEAD))
    # The batches' shares stray by 0.03 and the last steps are short: within 0.3 tokens.
    np.testing.assert_allclose(scores[0], (H - 1) / 4, atol=0.3)
    np.testing.assert_allclose(scores[1], (H + 1) / 2, atol=0.3)


@pytest.mark.parametrize("kind", ["true", pytest.param("learned", marks=pytest.mark.slow)])
def test_policy_gradient_climbs_its_reward(kind: str) -> None:
    """The true return and its mirror; or a verifier that likes token 2 at once, or never."""
    prompts = np.repeat(np.arange(WORLD.prompts), 500)
    prefix = jnp.asarray(np.stack([WORLD.prefix(H)[prompts]] * 2))
    base = Transformer.create(jax.random.key(0), WORLD.vocabulary, TOTAL, 8, 1, 2)
    models = stack([base, base])
    judges = None
    if kind == "learned":

        def verifier(sign: float) -> Transformer:
            nothing = jax.tree_util.tree_map(jnp.zeros_like, base)
            token = nothing.token.at[:, 0].set(-1.0).at[2, 0].set(1.0).at[:, 1].set(0.5)
            leaves = vars(nothing) | {
                "token": token, "hazard": nothing.hazard.at[0].set(sign), "bias": jnp.full((), -1.0)
            }  # fmt: skip
            return Transformer(**leaves)

        judges = stack([verifier(1.0), verifier(-1.0)])
    reward = Reward(judges, jnp.array([False, True]) if judges is None else jnp.zeros(2, bool))

    def earned(models: Transformer) -> np.ndarray:
        tokens = sample(models, jax.random.key(3), prefix, jnp.asarray(PROMPT), TOTAL)
        if judges is not None:
            return np.asarray((tokens[:, :, LEAD:] == 2).mean((1, 2)))
        times = [WORLD.times(each, jnp.asarray(prompts)) for each in tokens]
        return np.array([float((H - each + 1).mean()) for each in times])

    before = earned(models)
    after, value = policy_gradient(
        Schedule(steps=40, batch=64, rate=2e-2), models, reward, jax.random.key(5),
        environment=WORLD, horizon=H, group=8, beta=0.01,
    )  # fmt: skip
    after = earned(after)
    assert value.shape == (2,)
    # Means of 1000 traces each, or 6000 tokens: many standard errors apart.
    assert after[0] > before[0] + (1.0 if judges is None else 1 / 8)
    assert after[1] < before[1] / 2
