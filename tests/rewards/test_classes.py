"""Reward classes and version spaces against lists of all members."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from tests.oracles_classes import members_of, small_model, version_space

CASES = [("mirror", 1.0), ("styles", 1.0), ("styles", 0.5)]


def seen_sets(types: int, rng: np.random.Generator, count: int = 60):
    yield np.zeros(types, dtype=bool)
    yield np.ones(types, dtype=bool)
    for _ in range(count):
        yield rng.random(types) < rng.uniform(0, 0.7)


@pytest.mark.parametrize(("name", "spread"), CASES)
def test_all_members_are_listed_once_and_counted(name: str, spread: float) -> None:
    model = small_model(spread)
    rewards = ac.load_class(name, model)
    members, there = rewards.all_members()
    for x in range(model.prompts):
        support = model.pmf[x] > 0
        listed = np.where(support, members[there[:, x], x], 0)
        expected = members_of(name, model, x)
        assert len(listed) == len(expected)
        np.testing.assert_array_equal(np.unique(listed, axis=0), expected)
        assert rewards.log_sizes()[x] == pytest.approx(math.log(len(expected)))
        assert ((listed >= 0) & (listed <= model.horizon)).all()


def test_prompts_may_have_different_numbers_of_styles() -> None:
    model = ac.load_family(
        "explicit", horizon=10, pmf=[[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]],
        hitting_times=[[3, np.inf, np.inf], [np.inf, 4, np.inf]],
        lengths=[[3, 4, 9], [3, 4, 9]], styles=[[0, 1, 2], [0, 1, 2]],
    )  # fmt: skip
    rewards = ac.load_class("styles", model)
    np.testing.assert_allclose(rewards.log_sizes() / math.log(2), [3, 4])
    members, there = rewards.all_members()
    assert there.sum(0).tolist() == [8, 16]
    assert members.shape == (16, 2, 3)


@pytest.mark.parametrize(("name", "spread"), CASES)
def test_the_pessimist_is_the_pointwise_least_consistent_reward(
    rng, name: str, spread: float
) -> None:
    model = small_model(spread)
    rewards = ac.load_class(name, model)
    pessimist = jax.jit(rewards.pessimist)
    for x in range(model.prompts):
        members, support = members_of(name, model, x), model.pmf[x] > 0
        for seen in seen_sets(model.types, rng):
            for truth in members[:: max(1, len(members) // 8)]:
                both = np.zeros((2, *model.pmf.shape))
                both[0, x], both[1, x] = seen & support, np.where(seen, truth, 0)
                lower, told = map(np.asarray, pessimist(both[0] > 0, both[1]))
                consistent = version_space(members, truth, seen & support)
                mirrored = np.where(support, model.horizon - truth, 0)
                both_left = (consistent == mirrored).all(-1).any() and (mirrored != truth).any()
                assert bool(told[x]) == (not both_left)
                if not both_left:
                    least = consistent.min(0)
                    np.testing.assert_array_equal(np.where(support, lower[x], 0), least)
                    assert (consistent == least).all(-1).any()  # it is itself a member


@pytest.mark.parametrize(("name", "spread"), CASES)
def test_the_binary_pessimist_sees_only_whether_a_trace_is_right(
    rng, name: str, spread: float
) -> None:
    model = small_model(spread)
    rewards = ac.load_class(name, model)
    pessimist = jax.jit(rewards.binary_pessimist)
    for x in range(model.prompts):
        support = model.pmf[x] > 0
        members = members_of(name, model, x)
        solved = np.where(support, members > 0, False).astype(float)
        for seen in seen_sets(model.types, rng, 30):
            for truth in solved[:: max(1, len(solved) // 8)]:
                data = np.zeros((2, *model.pmf.shape))
                data[0, x], data[1, x] = seen & support, np.where(seen, truth, 0)
                lower, told = map(np.asarray, pessimist(data[0] > 0, data[1]))
                if bool(told[x]):
                    least = version_space(solved, truth, seen & support).min(0)
                    np.testing.assert_array_equal(np.where(support, lower[x], 0), least)


@pytest.mark.parametrize(("name", "spread"), CASES)
def test_the_worst_loss_is_the_largest_over_all_members(rng, name: str, spread: float) -> None:
    model = small_model(spread)
    rewards = ac.load_class(name, model)
    for _ in range(20):
        one, other = rng.dirichlet(np.ones(model.types), (2, model.prompts)) * (model.pmf > 0)
        one, other = (z / z.sum(-1, keepdims=True) for z in (one, other))
        found = rewards.blocks.worst_loss(jnp.asarray(one - other))
        for x in range(model.prompts):
            brute = max((one[x] - other[x]) @ r for r in members_of(name, model, x))
            assert float(found[x]) == pytest.approx(brute, rel=1e-12)
        np.testing.assert_allclose(rewards.blocks.shift(one, other), found, rtol=1e-12)


def test_block_deviations_are_the_ones_of_the_bound(rng) -> None:
    model = small_model()
    blocks = ac.load_class("styles", model).blocks
    expert = rng.dirichlet(np.ones(model.types), model.prompts)
    parts = [
        np.asarray(ac.heterogeneity(expert, np.where(blocks.index == b, blocks.value, 0)))
        for b in range(blocks.count)
    ]
    whole = np.asarray(ac.heterogeneity(expert, blocks.value))
    np.testing.assert_allclose(blocks.deviation(expert), 0.5 * (sum(parts) + whole), rtol=1e-10)
    single = ac.load_class("mirror", model).blocks
    np.testing.assert_allclose(
        single.deviation(expert), ac.heterogeneity(expert, model.returns), rtol=1e-10
    )


@pytest.mark.parametrize("name", ["mirror", "styles"])
def test_drawn_members_are_members_drawn_evenly(name: str) -> None:
    model = small_model()
    rewards = ac.load_class(name, model)
    drawn = rewards.draw_members(np.random.default_rng(7), 4000)
    for x in range(model.prompts):
        members = members_of(name, model, x)
        match = (drawn[:, x, None, :] == members).all(-1)
        assert match.any(-1).all()
        # Fails by bad luck with probability 1e-6.
        assert stats.chisquare(match.sum(0)).pvalue > 1e-6


def test_the_blocks_to_verify_are_styles_or_what_tells_the_mirror() -> None:
    model = small_model()
    np.testing.assert_allclose(ac.load_class("styles", model).verified_blocks.sum(-1), 1)
    half = ac.load_family("explicit", horizon=10, pmf=[0.2, 0.3, 0.5], hitting_times=[6, 1, np.inf])
    found = ac.load_class("mirror", half).verified_blocks  # R = 5 = H/2 at the first type
    np.testing.assert_allclose(found, [[0.8]])


def test_a_reward_that_is_its_own_mirror_is_a_class_of_one() -> None:
    model = ac.load_family("explicit", horizon=10, pmf=[1.0], hitting_times=[6])
    rewards = ac.load_class("mirror", model)
    assert rewards.log_sizes().tolist() == [0.0]
    assert rewards.all_members()[1].tolist() == [[True], [False]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hitting_times": [3, np.inf]}, "needs `lengths` for wrong traces too"),
        ({"hitting_times": [6, 9], "styles": [0, 1]}, "returns other than 0, H/2 and H"),
        ({"hitting_times": [1, 9], "styles": [0, 1]}, "returns other than 0, H/2 and H"),
        ({"hitting_times": [11, 9], "styles": [0, 1]}, "returns other than 0, H/2 and H"),
        ({"hitting_times": [3, np.inf], "lengths": [3, 4]}, "each style all right or all wrong"),
    ],
)
def test_models_that_styles_cannot_describe_are_refused(options: dict, words: str) -> None:
    model = ac.load_family("explicit", horizon=10, pmf=[0.5, 0.5], **options)
    with pytest.raises(ac.InputError, match=words):
        ac.load_class("styles", model)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(ac.InputError, match="unknown reward class 'style'; did you mean 'styles'"):
        ac.load_class("style", small_model())


def test_the_oracle_lists_every_subset_and_its_mirror() -> None:
    model = small_model()
    for x, name in itertools.product(range(2), ("styles",)):
        assert len(members_of(name, model, x)) == 2 ** (3 + 1)


def test_tabular_knows_the_labels_it_has_seen() -> None:
    model = ac.load_family("explicit", horizon=4, pmf=[0.5, 0.3, 0.2], hitting_times=[1, 3, 5])
    rewards = ac.load_class("tabular", model)
    members, there = rewards.all_members()
    assert len(members) == 5**3
    assert there.all()
    assert rewards.log_sizes()[0] == pytest.approx(np.log(125))
    seen = jnp.array([[True, False, True]])
    consistent = members[(members[:, 0, [0, 2]] == model.returns[0, [0, 2]]).all(-1), 0]
    lower, told = rewards.pessimist(seen, jnp.asarray(model.returns))
    np.testing.assert_array_equal(lower[0], consistent.min(0))
    assert bool(told[0])
    mean = rewards.posterior_mean(seen, jnp.asarray(model.returns))
    np.testing.assert_allclose(mean[0], consistent.mean(0))
    # The worst loss over the class is H times the total variation.
    one, other = np.array([[0.2, 0.5, 0.3]]), np.array([[0.5, 0.3, 0.2]])
    worst = (members[:, 0] @ (one - other)[0]).max()
    assert worst == pytest.approx(4 * 0.5 * np.abs(one - other).sum())
    assert rewards.worst_loss(jnp.asarray(one - other))[0] == pytest.approx(worst)
    assert rewards.shift(one, other)[0] == pytest.approx(worst)


@pytest.mark.parametrize("name", ["mirror", "styles"])
def test_posterior_means_are_means_over_the_version_space(rng, name: str) -> None:
    model = small_model()
    rewards = ac.load_class(name, model)
    for _ in range(20):
        seen = rng.random(model.pmf.shape) < rng.choice([0.0, 0.1, 0.5])
        x_truth = [members_of(name, model, x) for x in range(model.prompts)]
        truth = np.stack([m[rng.integers(len(m))] for m in x_truth])
        found = rewards.posterior_mean(jnp.asarray(seen), jnp.asarray(np.where(seen, truth, 0)))
        for x in range(model.prompts):
            left = version_space(x_truth[x], truth[x], seen[x])
            np.testing.assert_allclose(found[x], left.mean(0), atol=1e-12)


def test_an_explicit_class_is_its_table() -> None:
    model = ac.load_family("explicit", horizon=8, pmf=[[0.5, 0.5]], hitting_times=[[1, 9]])
    table = [[[1, 9]], [[9, 1]], [[3, 3]]]
    plain = ac.load_class("explicit", model, hitting_times=table, mirrors=False)
    assert not plain.mirror_closed
    np.testing.assert_array_equal(plain.members[:, 0], [[8, 0], [8, 0], [0, 8], [6, 6]])
    assert plain.log_sizes()[0] == pytest.approx(np.log(3))  # the model's own reward is a repeat
    closed = ac.load_class("explicit", model, hitting_times=[[3, 3]])
    assert closed.mirror_closed
    assert closed.log_sizes()[0] == pytest.approx(np.log(4))
    difference = jnp.array([[0.25, -0.25]])
    assert closed.worst_loss(difference)[0] == pytest.approx(2.0)
    # T5a's spread for a finite class: never below the largest single spread.
    expert = np.array([[0.3, 0.7]])
    assert closed.deviation(expert)[0] >= ac.heterogeneity(expert, closed.members[0])[0] - 1e-12


def test_a_known_reward_leaves_nothing_to_learn() -> None:
    model = small_model()
    rewards = ac.load_class("known", model)
    assert rewards.log_sizes().tolist() == [0.0, 0.0]
    assert rewards.verified_blocks.shape == (2, 0)
    nothing = jnp.zeros(model.pmf.shape)
    policy = rewards.pessimal_policy(rewards.version(nothing > 0, nothing), 0.5)
    best = ac.chi2_ball_optimum(model.pmf, model.returns, 0.5)
    np.testing.assert_allclose(policy, model.pmf * best.density_ratio)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("explicit", {}, "needs hitting_times"),
        ("explicit", {"hitting_times": [[1, 2, 3]]}, "must have shape"),
        ("explicit", {"hitting_times": [[0, 2]]}, "count tokens from 1"),
        ("explicit", {"hitting_times": [[1, 2]], "mirrors": 1}, "true or false"),
        ("mirror", {"mirrors": False}, "has no parameter"),
        ("tabular", {}, "whole"),
    ],
)
def test_classes_refuse_what_they_cannot_describe(name: str, parameters, words: str) -> None:
    model = ac.load_family("explicit", horizon=8, pmf=[0.5, 0.5], hitting_times=[1.5, 9])
    with pytest.raises(ac.InputError, match=words):
        ac.load_class(name, model, **parameters)


def test_unannounced_types_allow_the_known_reward_alone() -> None:
    model = ac.load_family("geometric", horizon=16, announced=False)
    assert ac.load_class("known", model).name == "known"
    for name in ("mirror", "styles", "tabular", "explicit"):
        with pytest.raises(ac.InputError, match="announced"):
            ac.load_class(name, model)
