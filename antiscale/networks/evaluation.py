"""What a policy earns: the law of the return style by style, and how far it is from the base."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.core.validate import Floats
from antiscale.networks.environment import Environment
from antiscale.networks.transformer import Transformer, sample

# By device: bytes of keys and values at a time, and the most sequences per network. A call of one
# shape for everything is compiled once.
_ROOM = {"cpu": (2**28, 512), "gpu": (3 * 2**31, 4096)}


def _at_once(models: Transformer, total: int) -> int:
    """Sequences per network that K networks write or read at a time, a power of two."""
    count, layers, d = models.mix.shape[:3]
    room, most = _ROOM.get(jax.default_backend(), _ROOM["cpu"])
    fits = room // (8 * count * layers * d * total)
    return min(most, 2 ** int(np.log2(max(fits, 16))))


def in_parts(
    models: Transformer, total: int, *arrays: npt.NDArray[Any]
) -> Iterator[tuple[slice, int, tuple[npt.NDArray[Any], ...]]]:
    """Cut arrays [K, N, ...] along N into parts of one shape, the last filled up.

    Yields where a part belongs, how many of it count, and its arrays.
    """
    rows, size = arrays[0].shape[1], _at_once(models, total)
    for start in range(0, rows, size):
        at = np.arange(start, start + size) % rows
        count = min(size, rows - start)
        yield slice(start, start + count), count, tuple(each[:, at] for each in arrays)


def write(
    models: Transformer, key: jax.Array, prefix: npt.NDArray[Any], lead: int, total: int
) -> npt.NDArray[np.int16]:
    """Sequences of K models from prefixes [K, B, P], at most `lead` tokens: [K, B, total]."""
    given = prefix.shape[-1]
    prefix = np.pad(prefix, ((0, 0), (0, 0), (0, lead - given))).astype(np.int32)
    out = np.zeros((*prefix.shape[:2], total), np.int16)
    for part, count, (known,) in in_parts(models, total, prefix):
        here = jax.random.fold_in(key, part.start)
        found = sample(models, here, jnp.asarray(known), jnp.asarray(given), total)
        out[:, part] = np.asarray(found)[:, :count]
    return out


@functools.partial(jax.jit, static_argnames=("environment", "horizon"))
def _read(
    models: Transformer, bases: Transformer, tokens: jax.Array, x: jax.Array,
    environment: Environment, horizon: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:  # fmt: skip
    """Returns, audit, and log pi/pi_b of what follows the style: [K, N] each."""

    def one(model: Transformer, base: Transformer, tokens: jax.Array, x: jax.Array) -> Any:
        rest = slice(environment.prompt, None)
        ratio = model.log_probs(tokens)[:, rest] - base.log_probs(tokens)[:, rest]
        gain = jnp.maximum(horizon - environment.times(tokens, x) + 1, 0)
        return gain, environment.valid(tokens, x), ratio.sum(1)

    return jax.vmap(one)(models, bases, tokens, x)


@jax.jit
def _next(models: Transformer, prefix: jax.Array) -> jax.Array:
    """P(first token of the trace | prompt), [K, Q, vocabulary]."""
    return jax.vmap(lambda model: jax.nn.softmax(model.next_logits(prefix)[:, -1]))(models)


class Law(NamedTuple):
    """Laws of K policies at Q prompts.

    Attributes
    ----------
    style : [K, Q, styles]
        P(style | prompt), exact; what is left of 1 is no style and earns nothing.
    returns : [K, Q, styles, H + 1]
        Share of the sampled traces of each style with return 0, ..., H.
    samples
        Traces per prompt and style.
    valid : [K]
        Audit: share of steps that the procedure could have written.
    kl : [K, Q]
        KL(pi || pi_b) over traces, estimated, in nats.
    chi2_style : [K, Q]
        Chi-square to the base over styles alone, exact: never more than over traces.
    """

    style: Floats
    returns: Floats
    samples: int
    valid: Floats
    kl: Floats
    chi2_style: Floats

    def merged(self, count: int) -> Law:
        """Take each `count` policies in a row for one, whose samples they share."""

        def mean(z: Floats) -> Floats:
            return z.reshape(-1, count, *z.shape[1:]).mean(1)

        return Law(
            mean(self.style), mean(self.returns), self.samples * count, mean(self.valid),
            mean(self.kl), mean(self.chi2_style),
        )  # fmt: skip

    def at(self, prompts: npt.NDArray[np.int64]) -> Law:
        """Leave only these places of the Q prompts."""
        return self._replace(
            style=self.style[:, prompts], returns=self.returns[:, prompts],
            kl=self.kl[:, prompts], chi2_style=self.chi2_style[:, prompts],
        )  # fmt: skip

    @property
    def pmf(self) -> Floats:
        """P(style, R), [K, Q, styles, H + 1]."""
        return self.style[..., None] * self.returns

    @property
    def of_return(self) -> Floats:
        """P(R) at each prompt, [K, Q, H + 1]: traces of no style earn nothing."""
        law = self.pmf.sum(-2)
        law[..., 0] += 1.0 - law.sum(-1)
        return np.maximum(law, 0.0)

    @property
    def mean(self) -> Floats:
        """J at each prompt, [K, Q], in tokens."""
        return self.pmf.sum(-2) @ np.arange(self.returns.shape[-1])

    @property
    def noise(self) -> Floats:
        """Variance of `mean` by sampling, [K, Q]."""
        gain = np.arange(self.returns.shape[-1])
        spread = self.returns @ gain**2 - (self.returns @ gain) ** 2
        return (self.style**2 * spread).sum(-1) / max(self.samples - 1, 1)


def apart(style: Floats, before: Floats) -> Floats:
    """Chi-square of P(style) from the base's, [...]; what is no style counts as one more."""

    def whole(p: Floats) -> Floats:
        return np.append(p, np.maximum(1.0 - p.sum(-1, keepdims=True), 1e-30), axis=-1)

    return (whole(style) ** 2 / np.maximum(whole(before), 1e-30)).sum(-1) - 1.0


def evaluate(
    models: Transformer, bases: Transformer, key: jax.Array, *, environment: Environment,
    horizon: int, samples: int, prompts: np.ndarray[Any, Any] | None = None,
) -> Law:  # fmt: skip
    """Evaluate K policies, `samples` traces for each prompt and style.

    The style's probability is read off the network and only what follows it is sampled, so that
    the variance between styles does not enter.
    """
    x = np.arange(environment.prompts) if prompts is None else prompts
    styles, total, count = environment.styles, environment.lead + horizon, len(models.bias)
    prompt = jnp.asarray(environment.prefix(horizon), jnp.int32)
    first = slice(environment.first_style, environment.first_style + styles)
    style, before = (
        np.asarray(_next(each, prompt), float)[:, x, first] for each in (models, bases)
    )
    each = np.repeat(np.arange(len(x) * styles), samples)
    where, which = x[each // styles], each % styles
    prefix = np.concatenate(
        [environment.prefix(horizon)[where], environment.first_style + which[:, None]], -1
    )
    everyone = (count, len(each))
    prefix = np.broadcast_to(prefix, (*everyone, prefix.shape[-1]))
    tokens = write(models, key, prefix, environment.lead, total)
    found = [np.zeros(everyone) for _ in range(3)]
    at = np.broadcast_to(where, everyone)
    for part, real, (seen, here) in in_parts(models, 4 * total, tokens, at):
        values = _read(
            models, bases, jnp.asarray(seen, jnp.int32), jnp.asarray(here, jnp.int32), environment,
            horizon,
        )  # fmt: skip
        for whole, value in zip(found, values, strict=True):
            whole[:, part] = np.asarray(value)[:, :real]
    gain, valid, ratio = (z.reshape(count, len(x), styles, samples) for z in found)
    law = np.zeros((count, len(x), styles, horizon + 1))
    index = np.indices(gain.shape)[:3]
    np.add.at(law, (*index, gain.astype(int)), 1.0 / samples)
    # What float32 rounds to zero is no style of either.
    here, odds = style > 0, style / np.maximum(before, 1e-30)
    logs = np.log(np.where(here, odds, 1.0)) + ratio.mean(-1)
    kl = np.where(here, style * logs, 0.0).sum(-1)
    return Law(
        style, law, samples, (style * valid.mean(-1)).sum(-1).mean(-1), kl,
        apart(style, before),
    )  # fmt: skip
