"""The transformer: against a forward pass in NumPy, and its samples against its softmax."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from antiscale.networks.transformer import Transformer, pick, sample, stack

VOCABULARY, LONGEST, WIDTH, LAYERS, HEADS = 7, 10, 16, 2, 2
LENGTH = 9


def rough(seed: int, dtype: type = np.float32) -> Transformer:
    """Weights that are all large enough to matter."""
    model = Transformer.create(jax.random.key(seed), VOCABULARY, LONGEST, WIDTH, LAYERS, HEADS)
    rng = np.random.default_rng(seed)
    return jax.tree_util.tree_map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) * 0.4, np.float32).astype(dtype), model
    )


def normal(z: np.ndarray) -> np.ndarray:
    out = np.empty_like(z)
    for at in np.ndindex(z.shape[:-1]):
        mean = sum(z[at]) / len(z[at])
        variance = sum((each - mean) ** 2 for each in z[at]) / len(z[at])
        out[at] = (z[at] - mean) / math.sqrt(variance + 1e-5)
    return out


def gelu(z: np.ndarray) -> np.ndarray:
    return 0.5 * z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def slow_features(model: Transformer, tokens: np.ndarray) -> np.ndarray:
    """One sequence, head by head and place by place."""
    w = {name: np.asarray(getattr(model, name), float) for name in (
        "token", "position", "attend", "mix", "up", "down"
    )}  # fmt: skip
    z = np.stack([w["token"][token] + w["position"][t] for t, token in enumerate(tokens)])
    size = WIDTH // HEADS
    for layer in range(LAYERS):
        inner = normal(z) @ w["attend"][layer]
        q, k, v = inner[:, :WIDTH], inner[:, WIDTH : 2 * WIDTH], inner[:, 2 * WIDTH :]
        mixed = np.zeros_like(z)
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for i in range(len(z)):
                scores = np.array([q[i, part] @ k[j, part] for j in range(i + 1)])
                weight = special.softmax(scores / math.sqrt(size))
                mixed[i, part] = sum(weight[j] * v[j, part] for j in range(i + 1))
        z = z + mixed @ w["mix"][layer]
        z = z + gelu(normal(z) @ w["up"][layer]) @ w["down"][layer]
    return normal(z)


@jax.jit
def full(model: Transformer, tokens: jax.Array) -> tuple[jax.Array, ...]:
    """Features, logits, and hazards of all tokens."""
    return model.features(tokens), model.next_logits(tokens), model.hazards(tokens, 0)


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    return np.random.default_rng(3).integers(0, VOCABULARY, (4, LENGTH))


@pytest.fixture(scope="module")
def precise() -> Transformer:
    return rough(0, np.float64)


@pytest.fixture(scope="module")
def logits(precise: Transformer, tokens: np.ndarray) -> np.ndarray:
    return np.asarray(full(precise, jnp.asarray(tokens))[1])


def test_features_are_those_of_a_slow_forward_pass(
    precise: Transformer, tokens: np.ndarray, logits: np.ndarray
) -> None:
    slow = np.stack([slow_features(precise, row) for row in tokens])
    features, _, hazards = (np.asarray(z) for z in full(precise, jnp.asarray(tokens)))
    np.testing.assert_allclose(features, slow, atol=1e-10)
    np.testing.assert_allclose(logits, slow @ np.asarray(precise.head), atol=1e-10)
    expected = slow @ np.asarray(precise.hazard) + float(precise.bias)
    np.testing.assert_allclose(hazards, expected, atol=1e-10)
    np.testing.assert_array_equal(
        np.asarray(jax.jit(lambda model, seen: model.hazards(seen, 3))(precise, tokens)),
        hazards[:, 3:],
    )


def test_single_precision_is_enough(tokens: np.ndarray, logits: np.ndarray) -> None:
    # The same weights: float64 ones are cast from these.
    _, found, _ = full(rough(0), jnp.asarray(tokens))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(np.asarray(found), logits, atol=1e-4)
    assert np.abs(logits).max() > 1


def test_cached_steps_are_the_full_forward_pass(
    precise: Transformer, tokens: np.ndarray, logits: np.ndarray
) -> None:
    # What lies in the caches ahead of the place must not matter.
    seven = jnp.full((len(tokens), LONGEST, HEADS, WIDTH // HEADS), 7.0)
    caches = [(seven, -seven) for _ in range(LAYERS)]
    step = jax.jit(lambda token, t, caches: precise._step(token, t, caches))
    for t in range(LENGTH):
        found, caches = step(jnp.asarray(tokens[:, t]), jnp.asarray(t), caches)
        np.testing.assert_allclose(np.asarray(found), logits[:, t], atol=1e-10)


def test_no_token_changes_what_comes_before(
    precise: Transformer, tokens: np.ndarray, logits: np.ndarray
) -> None:
    hazards = np.asarray(full(precise, jnp.asarray(tokens))[2])
    for t in (1, 4, LENGTH - 1):
        changed = tokens.copy()
        changed[:, t] = (changed[:, t] + 1) % VOCABULARY
        _, after, others = (np.asarray(z) for z in full(precise, jnp.asarray(changed)))
        np.testing.assert_array_equal(after[:, :t], logits[:, :t])
        assert (np.abs(after[:, t:] - logits[:, t:]).max((0, 2)) > 1e-3).all()
        np.testing.assert_array_equal(others[:, :t], hazards[:, :t])
        assert (np.abs(others[:, t:] - hazards[:, t:]).max(0) > 1e-3).all()


def test_log_probabilities_by_hand(
    precise: Transformer, tokens: np.ndarray, logits: np.ndarray
) -> None:
    found = np.asarray(jax.jit(Transformer.log_probs)(precise, tokens))
    assert found.shape == (len(tokens), LENGTH - 1)
    for row, sums in enumerate(found.sum(1)):
        chance = 1.0
        for t in range(1, LENGTH):
            before = np.exp(logits[row, t - 1])
            chance *= before[tokens[row, t]] / before.sum()
        assert sums == pytest.approx(math.log(chance), abs=1e-9)


@pytest.fixture(scope="module")
def written() -> tuple[Transformer, np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Samples of two models: prefixes, and what was written with 2 or all 3 of their tokens."""
    models = stack([rough(1), rough(2)])
    prefix = np.broadcast_to(np.array([[[1, 4, 2]], [[0, 3, 6]]]), (2, 5000, 3))
    found = {
        given: np.asarray(
            sample(models, jax.random.key(given), jnp.asarray(prefix), jnp.asarray(given), 5)
        )
        for given in (2, 3)
    }
    return models, prefix, np.arange(2), found


def law_of_two(models: Transformer, k: int, start: np.ndarray) -> np.ndarray:
    """P(a, b) of the next two tokens, [V, V], by full forward passes."""
    rows = np.stack([np.append(start, a) for a in range(VOCABULARY)])
    _, logits, _ = full(pick(models, jnp.asarray(k)), jnp.asarray(rows))
    chances = special.softmax(np.asarray(logits, float), -1)
    return chances[0, -2, :, None] * chances[:, -1]


@pytest.mark.parametrize("given", [2, 3])
def test_samples_keep_what_is_given_and_have_the_softmax_law(written, given: int) -> None:
    models, prefix, which, found = written
    tokens = found[given]
    assert tokens.shape == (2, 5000, 5)
    np.testing.assert_array_equal(tokens[:, :, :given], prefix[:, :, :given])
    assert tokens.min() >= 0
    assert tokens.max() < VOCABULARY
    for k in which:
        start = prefix[k, 0, :given]
        # That of the prefix's end, and that after a token of its own.
        pairs = law_of_two(models, k, start)
        seen = np.zeros(pairs.shape)
        np.add.at(seen, (tokens[k, :, given], tokens[k, :, given + 1]), 1)
        expected = pairs.ravel() * len(tokens[k])
        often = expected >= 20
        observed = np.append(seen.ravel()[often], seen.ravel()[~often].sum())
        expected = np.append(expected[often], expected[~often].sum())
        statistic = ((observed - expected) ** 2 / np.maximum(expected, 1)).sum()
        assert often.sum() > 10
        # False failure: about 1e-6 for each of four laws.
        assert statistic < stats.chi2.isf(1e-6, len(expected) - 1)


def test_each_model_has_a_key_of_its_own() -> None:
    same = stack([rough(1), rough(1)])
    prefix = jnp.zeros((2, 5000, 3), int)
    one, two = np.asarray(sample(same, jax.random.key(0), prefix, jnp.asarray(3), 5))
    assert (one[:, 3:] != two[:, 3:]).mean() > 0.1


def test_a_new_network_says_little() -> None:
    model = Transformer.create(jax.random.key(0), VOCABULARY, LONGEST, WIDTH, LAYERS, HEADS)
    tokens = jnp.zeros((1, LENGTH), int)
    _, logits, hazards = full(model, tokens)
    assert float(jnp.abs(logits).max()) < 1
    np.testing.assert_allclose(np.asarray(hazards), -3.0)
    assert {leaf.dtype for leaf in jax.tree_util.tree_leaves(model)} == {jnp.dtype("float32")}


def test_picking_undoes_stacking() -> None:
    models = [rough(seed) for seed in range(3)]
    for leaf, *others in zip(
        jax.tree_util.tree_leaves(pick(stack(models), jnp.array([2, 0, 2]))),
        *(jax.tree_util.tree_leaves(models[k]) for k in (2, 0, 2)), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(leaf), np.stack(others))
