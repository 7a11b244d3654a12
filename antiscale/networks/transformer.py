"""A small decoder-only transformer, with a hazard head, and sampling with cached keys."""

from __future__ import annotations

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

_EPSILON = 1e-5


def _normal(z: jax.Array) -> jax.Array:
    """Zero mean, unit variance over features."""
    return (z - z.mean(-1, keepdims=True)) * lax.rsqrt(z.var(-1, keepdims=True) + _EPSILON)


class Transformer(eqx.Module):
    """Pre-norm blocks, learned positions, GELU; layers are stacked along the first axis.

    Attributes
    ----------
    token : [vocabulary, d]
    position : [longest, d]
    attend : [layers, d, 3 d]
    mix : [layers, d, d]
    up, down : [layers, d, 4 d] and [layers, 4 d, d]
    head : [d, vocabulary]
    hazard : [d]
        The verifier's head, with `bias`: logit of P(right with this token | not right before).
    heads
        Attention heads.
    """

    token: jax.Array
    position: jax.Array
    attend: jax.Array
    mix: jax.Array
    up: jax.Array
    down: jax.Array
    head: jax.Array
    hazard: jax.Array
    bias: jax.Array
    heads: int = eqx.field(static=True)

    @classmethod
    def create(
        cls, key: jax.Array, vocabulary: int, longest: int, width: int, layers: int, heads: int,
    ) -> Transformer:  # fmt: skip
        """Draw the weights; what each block adds is small at first."""
        keys = iter(jax.random.split(key, 7))

        def draw(scale: float, *shape: int) -> jax.Array:
            return scale * jax.random.normal(next(keys), shape, jnp.float32)

        d, small = width, (2 * layers) ** -0.5
        return cls(
            token=draw(0.02, vocabulary, d),
            position=draw(0.02, longest, d),
            attend=draw(d**-0.5, layers, d, 3 * d),
            mix=draw(small * d**-0.5, layers, d, d),
            up=draw(d**-0.5, layers, d, 4 * d),
            down=draw(small * (4 * d) ** -0.5, layers, 4 * d, d),
            head=draw(0.1 * d**-0.5, d, vocabulary),
            hazard=jnp.zeros(d, jnp.float32),
            bias=jnp.full((), -3.0, jnp.float32),
            heads=heads,
        )

    @property
    def _blocks(self) -> tuple[jax.Array, ...]:
        return self.attend, self.mix, self.up, self.down

    def features(self, tokens: jax.Array) -> jax.Array:
        """Return the last layer's features of sequences [B, L]: [B, L, d]."""
        count, length = tokens.shape
        mask = jnp.tril(jnp.ones((length, length), bool))

        def block(z: jax.Array, weights: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            attend, mix, up, down = weights
            three = (_normal(z) @ attend).reshape(count, length, 3, self.heads, -1)
            q, k, v = three[:, :, 0], three[:, :, 1], three[:, :, 2]
            scores = jnp.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5
            weight = jax.nn.softmax(jnp.where(mask, scores, -1e9))
            z = z + jnp.einsum("bhij,bjhd->bihd", weight, v).reshape(z.shape) @ mix
            return z + jax.nn.gelu(_normal(z) @ up) @ down, None

        z, _ = lax.scan(block, self.token[tokens] + self.position[:length], self._blocks)
        return _normal(z)

    def next_logits(self, tokens: jax.Array) -> jax.Array:
        """Logits of the token after each of [B, L]: [B, L, vocabulary]."""
        return self.features(tokens) @ self.head

    def log_probs(self, tokens: jax.Array) -> jax.Array:
        """Log pi(token t + 1 | tokens up to t), [B, L - 1]."""
        logp = jax.nn.log_softmax(self.next_logits(tokens[:, :-1]))
        return jnp.take_along_axis(logp, tokens[:, 1:, None], -1)[..., 0]

    def hazards(self, tokens: jax.Array, lead: int) -> jax.Array:
        """Logits of the hazard at each token of the body, [B, H]."""
        return (self.features(tokens) @ self.hazard + self.bias)[:, lead:]

    def _step(
        self, token: jax.Array, t: jax.Array, caches: list[tuple[jax.Array, jax.Array]]
    ) -> tuple[jax.Array, list[tuple[jax.Array, jax.Array]]]:
        """Logits after one more token [B] at position t, and the caches with its key and value."""
        seen = jnp.arange(caches[0][0].shape[1]) <= t
        z, after = self.token[token] + self.position[t], []
        # Layer by layer, not by a scan, which would copy every cache at every token.
        for layer, (keys, values) in enumerate(caches):
            attend, mix, up, down = (weights[layer] for weights in self._blocks)
            three = (_normal(z) @ attend).reshape(len(z), 3, self.heads, -1)
            q, k, v = three[:, 0], three[:, 1], three[:, 2]
            keys = lax.dynamic_update_index_in_dim(keys, k, t, 1)
            values = lax.dynamic_update_index_in_dim(values, v, t, 1)
            scores = jnp.einsum("bhd,bjhd->bhj", q, keys) * q.shape[-1] ** -0.5
            weight = jax.nn.softmax(jnp.where(seen, scores, -1e9))
            z = z + jnp.einsum("bhj,bjhd->bhd", weight, values).reshape(z.shape) @ mix
            z = z + jax.nn.gelu(_normal(z) @ up) @ down
            after.append((keys, values))
        return _normal(z) @ self.head, after

    def sample(self, key: jax.Array, prefix: jax.Array, given: jax.Array, total: int) -> jax.Array:
        """Continue the first `given` tokens of sequences [B, P] to `total` tokens, [B, total]."""
        count, width = prefix.shape
        layers, d = self.mix.shape[:2]
        empty = jnp.zeros((count, total, self.heads, d // self.heads), jnp.float32)
        caches = [(empty, empty) for _ in range(layers)]
        known = jnp.pad(prefix, ((0, 0), (0, total - width))).T.astype(jnp.int32)

        def write(state: tuple, t: jax.Array) -> tuple[tuple, jax.Array]:  # type: ignore[type-arg]
            token, caches = state
            logits, caches = self._step(token, t, caches)
            drawn = jax.random.categorical(jax.random.fold_in(key, t), logits)
            token = jnp.where(t + 1 < given, known[t + 1], drawn).astype(jnp.int32)
            return (token, caches), token

        _, written = lax.scan(write, (known[0], caches), jnp.arange(total - 1))
        return jnp.concatenate([known[:1], written]).T


@functools.partial(jax.jit, static_argnames="total")
def sample(
    models: Transformer, key: jax.Array, prefix: jax.Array, given: jax.Array, total: int
) -> jax.Array:
    """Continue the first `given` tokens of [K, B, P] with K models: [K, B, total]."""
    keys = jax.random.split(key, len(models.bias))

    def one(model: Transformer, key: jax.Array, known: jax.Array) -> jax.Array:
        return model.sample(key, known, given, total)

    return jax.vmap(one)(models, keys, prefix)


def stack(models: list[Transformer]) -> Transformer:
    """K models as one, along a new first axis."""
    return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *models)


def pick(models: Transformer, which: jax.Array) -> Transformer:
    """Those of K models, in that order."""
    return jax.tree_util.tree_map(lambda leaf: leaf[which], models)
