"""Gradient steps for K networks at once: imitation, a verifier's survival form, policy gradient."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.networks.environment import Environment
from antiscale.networks.transformer import Transformer

# Called with the steps done, those in all, and what they are of.
Progress = Callable[[int, int, str], None]
# Steps in one compiled call.
_CHUNK = 50


@dataclass(frozen=True, kw_only=True)
class Schedule(FromMapping):
    """Adam with a warm-up and a cosine, gradients clipped to norm 1.

    Attributes
    ----------
    steps, batch
        Gradient steps, and sequences in each.
    rate
        Largest learning rate.
    """

    steps: int = option(check=validate.integer, least=1, most=10**6)
    batch: int = option(check=validate.integer, least=1, most=10**5)
    rate: float = option(check=validate.real, least=0, most=1)

    @functools.cached_property
    def optimiser(self) -> optax.GradientTransformation:
        """Optax's transformation."""
        warm = max(1, self.steps // 20)
        rate = optax.warmup_cosine_decay_schedule(
            0.0, self.rate, warm, self.steps + 1, self.rate / 20
        )
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))


class Data(NamedTuple):
    """What each of K runs learns from: traces [K, N, L], hitting times [K, N].

    Run k has the first `size[k]`.
    """

    tokens: jax.Array
    times: jax.Array
    size: jax.Array


def imitation(model: Transformer, tokens: jax.Array, times: Any, prompt: int) -> jax.Array:
    """Mean of -log pi(trace | prompt) per token, over the batch."""
    return -model.log_probs(tokens)[:, prompt - 1 :].mean()


def survival(model: Transformer, tokens: jax.Array, times: jax.Array, lead: int) -> jax.Array:
    """Mean of -log P(T) where each token has its hazard: a verifier that reads token by token."""
    z = model.hazards(tokens, lead)
    step = jnp.arange(1, z.shape[1] + 1)
    right = jnp.where(step == times[:, None], -jax.nn.softplus(-z), -jax.nn.softplus(z))
    return -jnp.where(step <= times[:, None], right, 0.0).sum(1).mean() / z.shape[1]


@functools.partial(jax.jit, static_argnames="lead")
def judge(models: Transformer, tokens: jax.Array, lead: int) -> jax.Array:
    """Return what K verifiers expect of traces [K, N, L] in tokens: sum_t P(T <= t), [K, N]."""

    def one(model: Transformer, tokens: jax.Array) -> jax.Array:
        alive = jnp.cumsum(jax.nn.softplus(model.hazards(tokens, lead)), 1)
        return -jnp.expm1(-alive).sum(1)

    return jax.vmap(one)(models, tokens)


def update(schedule: Schedule, both: tuple[Any, Any], slope: Any) -> tuple[Any, Any]:
    """Move a model, and the optimiser's state, along a gradient."""
    model, state = both
    change, state = schedule.optimiser.update(slope, state, model)
    return optax.apply_updates(model, change), state


@functools.partial(jax.jit, static_argnames=("loss", "start", "schedule", "steps"))
def _fit(
    models: Transformer, states: Any, data: Data, key: jax.Array, loss: Any, start: int,
    schedule: Schedule, steps: int,
) -> tuple[Transformer, Any, jax.Array]:  # fmt: skip
    def run(model: Any, state: Any, data: Data, key: Any) -> Any:
        def step(both: Any, key: jax.Array) -> Any:
            at = jax.random.randint(key, (schedule.batch,), 0, data.size)
            value, slope = jax.value_and_grad(loss)(
                both[0], data.tokens[at].astype(jnp.int32), data.times[at], start
            )
            return update(schedule, both, slope), value

        both, values = lax.scan(step, (model, state), jax.random.split(key, steps))
        return *both, values.mean()

    keys = jax.random.split(key, len(data.size))
    return jax.vmap(run)(models, states, data, keys)


def _steps(
    schedule: Schedule, models: Transformer, one: Any, key: jax.Array, progress: Progress | None,
    what: str, tokens: int,
) -> tuple[Transformer, jax.Array]:  # fmt: skip
    """Run a schedule in chunks; returns the models and the last chunk's mean of each run.

    A step reads `tokens` tokens, of all runs together.
    """
    states = jax.vmap(schedule.optimiser.init)(models)
    done, value, begun = 0, jnp.zeros(len(models.bias)), time.monotonic()
    while done < schedule.steps:
        steps = min(_CHUNK, schedule.steps - done)
        models, states, value = one(models, states, jax.random.fold_in(key, done), steps)
        done += steps
        if progress is not None:
            jax.block_until_ready(value)
            rate = done * tokens / (time.monotonic() - begun)
            progress(done, schedule.steps, f"{what}, {rate:,.0f} tokens/s")
    return models, value


def fit(
    schedule: Schedule, models: Transformer, data: Data, key: jax.Array, *,
    environment: Environment, verifier: bool = False, progress: Progress | None = None,
    what: str = "",
) -> tuple[Transformer, jax.Array]:  # fmt: skip
    """Train K networks, each on its own traces; the loss of the last steps is the second value.

    Parameters
    ----------
    models
        Where they start, stacked.
    data
        Traces of each of the K.
    verifier
        Fit the hazard of T to the traces instead of imitating them.
    """
    loss, start = (survival, environment.lead) if verifier else (imitation, environment.prompt)

    def one(models: Any, states: Any, key: jax.Array, steps: int) -> Any:
        return _fit(models, states, data, key, loss, start, schedule, steps)

    runs, _, length = data.tokens.shape
    return _steps(schedule, models, one, key, progress, what, runs * schedule.batch * length)


class Reward(NamedTuple):
    """What policy gradient climbs: a verifier's judgement, or where it is None the true return."""

    verifiers: Transformer | None
    mirrored: jax.Array  # [K] whether the reward is H - R


@functools.partial(
    jax.jit, static_argnames=("environment", "horizon", "schedule", "group", "beta", "steps")
)
def _climb(
    models: Transformer, states: Any, base: Transformer, reward: Reward, prefix: jax.Array,
    key: jax.Array, environment: Environment, horizon: int, schedule: Schedule, group: int,
    beta: float, steps: int,
) -> Any:  # fmt: skip
    lead, prompt = environment.lead, environment.prompt

    def loss(model: Any, tokens: Any, advantage: Any, before: Any) -> jax.Array:
        now = model.log_probs(tokens)[:, prompt - 1 :]
        # The gradient of KL(policy || base): each token answers for the log ratio from it on.
        ratio = jax.lax.stop_gradient(now - before)
        to_go = jnp.cumsum(ratio[:, ::-1], 1)[:, ::-1]
        gain = advantage[:, None] - beta * to_go
        return -(gain * now).sum(1).mean() / now.shape[1] ** 0.5

    def run(model: Any, state: Any, base: Any, verifier: Any, mirrored: Any, key: Any) -> Any:
        def step(both: Any, key: jax.Array) -> Any:
            first, second = jax.random.split(key)
            x = jax.random.randint(first, (schedule.batch // group,), 0, environment.prompts)
            x = jnp.repeat(x, group)
            tokens = both[0].sample(second, prefix[x], prompt, lead + horizon)
            if verifier is None:
                gain = (horizon - environment.times(tokens, x) + 1).astype(jnp.float32)
                gain = jnp.where(mirrored, horizon - gain, gain)
            else:
                alive = jnp.cumsum(jax.nn.softplus(verifier.hazards(tokens, lead)), 1)
                gain = -jnp.expm1(-alive).sum(1)
            each = gain.reshape(-1, group)
            # Leave-one-out baseline, in units of the batch's spread.
            above = (each - each.mean(1, keepdims=True)) * (group / (group - 1))
            advantage = (above / (above.std() + 1e-6)).reshape(-1)
            before = base.log_probs(tokens)[:, prompt - 1 :]
            slope = jax.grad(loss)(both[0], tokens, advantage, before)
            return update(schedule, both, slope), gain.mean()

        both, gains = lax.scan(step, (model, state), jax.random.split(key, steps))
        return *both, gains.mean()

    keys = jax.random.split(key, len(models.bias))
    axes = (0, 0, 0, None if reward.verifiers is None else 0, 0, 0)
    return jax.vmap(run, axes)(models, states, base, *reward, keys)


def policy_gradient(
    schedule: Schedule, models: Transformer, reward: Reward, key: jax.Array, *,
    environment: Environment, horizon: int, group: int, beta: float,
    progress: Progress | None = None, what: str = "",
) -> tuple[Transformer, jax.Array]:  # fmt: skip
    """REINFORCE with groups of traces per prompt and a KL penalty towards where it starts.

    Parameters
    ----------
    schedule
        `batch` counts traces; a multiple of `group`.
    group
        Traces per prompt; the mean of the others is the baseline.
    beta
        Weight of KL(policy || base), in units of the advantage's spread.
    """
    prefix = jnp.asarray(environment.prefix(horizon), jnp.int32)
    base = models

    def one(models: Any, states: Any, key: jax.Array, steps: int) -> Any:
        return _climb(
            models, states, base, reward, prefix, key, environment, horizon, schedule, group, beta,
            steps,
        )  # fmt: skip

    size = len(models.bias) * schedule.batch * (environment.lead + horizon)
    return _steps(schedule, models, one, key, progress, what, size)
