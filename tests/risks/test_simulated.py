"""Losses against slow loops, and their means against exact enumeration."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.data import draw_counts
from antiscale.learners import Learner, Setting, load_learner
from antiscale.learners.base import Data
from antiscale.rewards import Votes
from antiscale.risks.simulated import cloning_losses, distinct_sets, verification_losses
from tests.learners.test_learners import compiled
from tests.oracles_bounds import count_vectors, law_of_counts
from tests.oracles_classes import members_of, small_model

KAPPA = 0.5


def setting_of(model: ac.TraceModel, rewards: str) -> Setting:
    return Setting(
        jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), float(model.horizon), KAPPA,
        ac.load_class(rewards, model),
    )  # fmt: skip


def counts_of(model, policy, n: int, repeats: int, side="base"):
    return draw_counts(
        policy, model.prompt_mass, n, seed=3, side=side, horizon=model.horizon,
        replicates=range(repeats), backend="cpu",
    )  # fmt: skip


def covers(sample: np.ndarray, exact: float) -> bool:
    """Whether an interval that misses with probability 1e-6 covers the exact value."""
    half = stats.t.ppf(1 - 5e-7, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample))
    return abs(sample.mean() - exact) <= half + 1e-12


@pytest.mark.parametrize("rewards", ["mirror", "styles"])
@pytest.mark.parametrize("name", ["sft", "smoothed_sft"])
def test_cloning_losses_are_what_a_slow_loop_finds(rng, name: str, rewards: str) -> None:
    model, setting = small_model(), setting_of(small_model(), rewards)
    expert = rng.dirichlet(np.ones(model.types), (1, model.prompts))
    counts = counts_of(model, expert[0], 20, 6, "expert")
    members, _ = setting.rewards.all_members()
    losses = cloning_losses(load_learner(name), setting, counts, expert, members)
    for k in range(6):
        policy = np.asarray(compiled(name)(Data(jnp.asarray(counts[k])), setting))
        for x in range(model.prompts):
            every = members_of(rewards, model, x) @ (expert[0, x] - policy[x])
            assert float(losses.whole_class[k, x]) == pytest.approx(every.max(), rel=1e-10)
            np.testing.assert_allclose(
                losses.by_reward[k, x], members[:, x] @ (expert[0, x] - policy[x]), atol=1e-10
            )


@pytest.mark.parametrize("rewards", ["mirror", "styles"])
@pytest.mark.parametrize("name", ["simple", "wide", "binary"])
def test_verification_losses_are_what_a_slow_loop_finds(name: str, rewards: str) -> None:
    model, setting = small_model(), setting_of(small_model(), rewards)
    counts = counts_of(model, model.pmf, 9, 5)
    members, _ = setting.rewards.all_members()
    losses = verification_losses(load_learner(name), setting, counts, members)
    for k in range(5):
        for r, truth in enumerate(members):
            labels = np.where(counts[k] > 0, truth, 0.0)
            data = Data(jnp.asarray(counts[k]), jnp.asarray(labels))
            policy = np.asarray(compiled(name)(data, setting))
            for x in range(model.prompts):
                best = float(ac.chi2_ball_optimum(model.pmf[x], truth[x], KAPPA).value)
                assert float(losses.by_reward[k, x, r]) == pytest.approx(
                    best - policy[x] @ truth[x], abs=1e-9
                )


def tiny() -> ac.TraceModel:
    """Two prompts of masses 0.3 and 0.7, two styles of one type each, H = 10."""
    return ac.load_family(
        "explicit", horizon=10, pmf=[[0.6, 0.4], [0.3, 0.7]], prompt_mass=[0.3, 0.7],
        hitting_times=[[3, np.inf], [np.inf, 9]], lengths=[[3, 9], [3, 9]], styles=[[0, 1], [0, 1]],
    )  # fmt: skip


@pytest.mark.parametrize("rewards", ["mirror", "styles"])
def test_the_sampled_risk_of_sft_is_the_exact_one(rewards: str) -> None:
    model, n = tiny(), 6
    setting = setting_of(model, rewards)
    expert = np.array([[[0.7, 0.3], [0.2, 0.8]]])
    joint = (model.prompt_mass[:, None] * expert[0]).ravel()
    every = count_vectors(n, 4)
    members, _ = setting.rewards.all_members()
    shaped = every.reshape(-1, 2, 2) * 1.0
    exact = cloning_losses(load_learner("sft"), setting, shaped, expert, members)
    law = law_of_counts(joint[None], every)[0]
    counts = counts_of(model, expert[0], n, 3000, "expert")
    sampled = cloning_losses(load_learner("sft"), setting, counts, expert, members)
    for found, truth in (
        (sampled.whole_class, exact.whole_class),
        (np.asarray(sampled.by_reward).max(-1), np.asarray(exact.by_reward).max(-1)),
    ):
        assert covers(found @ model.prompt_mass, law @ (np.asarray(truth) @ model.prompt_mass))


def test_at_a_fixed_reward_clonings_mean_loss_is_what_unseen_prompts_cost() -> None:
    model, n = tiny(), 3
    setting = setting_of(model, "mirror")
    expert = np.array([[[0.7, 0.3], [0.2, 0.8]]])
    joint = (model.prompt_mass[:, None] * expert[0]).ravel()
    every = count_vectors(n, 4)
    law = law_of_counts(joint[None], every)[0]
    losses = cloning_losses(
        load_learner("sft"), setting, every.reshape(-1, 2, 2) * 1.0, expert, model.returns[None]
    )
    signed = law @ (np.asarray(losses.by_reward)[..., 0] @ model.prompt_mass)
    gap = ((expert[0] - model.pmf) * model.returns).sum(-1)
    unseen = (1 - model.prompt_mass) ** n
    assert signed == pytest.approx(model.prompt_mass @ (unseen * gap), rel=1e-12)


@pytest.mark.parametrize("name", ["simple", "wide"])
def test_the_sampled_risk_of_verification_is_the_exact_one(name: str) -> None:
    model, n = tiny(), 5
    setting = setting_of(model, "styles")
    members, _ = setting.rewards.all_members()
    joint = (model.prompt_mass[:, None] * model.pmf).ravel()
    every = count_vectors(n, 4)
    law = law_of_counts(joint[None], every)[0]
    shaped = every.reshape(-1, 2, 2) * 1.0
    exact = verification_losses(load_learner(name), setting, shaped, members)
    risk = law @ (np.asarray(exact.by_reward).max(-1) @ model.prompt_mass)
    sampled = verification_losses(
        load_learner(name), setting, counts_of(model, model.pmf, n, 3000), members
    )
    assert covers(np.asarray(sampled.by_reward).max(-1) @ model.prompt_mass, risk)


def test_verification_depends_on_what_was_seen_and_not_how_often() -> None:
    model, setting = small_model(), setting_of(small_model(), "styles")
    counts = counts_of(model, model.pmf, 9, 4)
    members, _ = setting.rewards.all_members()
    once = verification_losses(load_learner("simple"), setting, np.minimum(counts, 1), members)
    often = verification_losses(load_learner("simple"), setting, counts * 1e6, members)
    np.testing.assert_array_equal(once.by_reward, often.by_reward)


class _Silent(Learner):
    """A learner that does not say that it asks only what was seen."""

    def __init__(self, learner):
        self.name, self.side, self._learner = learner.name, learner.side, learner

    def __call__(self, data, setting):
        return self._learner(data, setting)


def prompts_apart(rng) -> ac.TraceModel:
    """Three prompts of different laws, the last of them so rare that it is often never seen."""
    pmf = rng.dirichlet(np.ones(6), 3)
    pmf[1, 4:] = 0.0
    pmf /= pmf.sum(-1, keepdims=True)
    lengths = np.array([[2, 3, 8, 9, 4, 6], [9, 9, 3, 3, 2, 2], [1, 5, 7, 2, 8, 3.0]])
    styles = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 2], [0, 1, 2, 3, 4, 5]])
    right = rng.random((3, 6)) < 0.5
    right = np.take_along_axis(right, styles, axis=-1)
    return ac.load_family(
        "explicit", horizon=9, pmf=pmf, prompt_mass=[0.6, 0.35, 0.05], styles=styles,
        hitting_times=np.where(right, lengths, np.inf), lengths=lengths,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rewards"),
    [
        ("simple", "mirror"), ("binary", "mirror"), ("plugin", "tabular"), ("wide", "tabular"),
        ("kl", "mirror"), ("best_of_n", "tabular"), ("simple", "known"),
    ],
)  # fmt: skip
def test_what_was_seen_alike_is_worked_out_once_and_found_the_same(rng, name, rewards) -> None:
    model = prompts_apart(rng)
    setting, learner = setting_of(model, rewards), load_learner(name)
    counts = counts_of(model, model.pmf, 5, 60)
    assert (counts.sum(-1) == 0).any()
    stated = setting.rewards.draw_members(rng, 3)
    stated = np.concatenate([model.returns[None], 9 - model.returns[None], stated])
    if rewards == "known":
        stated = stated[:1]
    once = verification_losses(learner, setting, counts, stated)
    plain = verification_losses(_Silent(learner), setting, counts, stated)
    np.testing.assert_allclose(once.by_reward, plain.by_reward, rtol=1e-12, atol=1e-12)
    sets, which = distinct_sets(np.asarray(setting.rewards.alike), counts)
    assert len(sets) < len(counts)
    assert which.shape == (60, 3)


def test_a_block_seen_in_part_is_seen_like_a_block_seen_whole(rng) -> None:
    model = small_model()
    setting = setting_of(model, "styles")
    members, _ = setting.rewards.all_members()
    counts = counts_of(model, model.pmf, 4, 40)
    for name in ("simple", "plugin", "binary"):
        once = verification_losses(load_learner(name), setting, counts, members)
        plain = verification_losses(_Silent(load_learner(name)), setting, counts, members)
        np.testing.assert_allclose(once.by_reward, plain.by_reward, rtol=1e-12, atol=1e-12)


def test_distinct_sets_are_those_of_a_slow_loop(rng) -> None:
    counts = rng.poisson(0.7, (50, 2, 7)) * 1.0
    alike = np.array([[0, 0, 1, -1, 2, 2, -1], [0, 1, 2, 3, 4, 5, 6]])
    sets, which = distinct_sets(alike, counts)
    for x in range(2):
        for r in range(50):
            told = set(alike[x][(counts[r, x] > 0)]) - {-1}
            expected = [1.0 if group in told else 0.0 for group in alike[x]]
            np.testing.assert_array_equal(sets[which[r, x], x], expected)
        assert (
            len({tuple(row) for row in sets[: which[:, x].max() + 1, x]}) == which[:, x].max() + 1
        )


def test_flipped_labels_are_never_merged() -> None:
    model, setting = small_model(), setting_of(small_model(), "styles")
    counts = np.ones((5, *model.pmf.shape)) * 7
    flipped = np.zeros_like(counts)
    flipped[1::2] = 6
    members, _ = setting.rewards.all_members()
    votes = Votes(jnp.asarray(counts), jnp.asarray(flipped), 0.3, np.zeros(model.prompts))
    found = verification_losses(load_learner("simple"), setting, counts, members, votes).by_reward
    one = [
        verification_losses(
            load_learner("simple"), setting, counts[[k]], members,
            Votes(jnp.asarray(counts[[k]]), jnp.asarray(flipped[[k]]), 0.3, votes.tolerance),
        ).by_reward[0]
        for k in range(2)
    ]  # fmt: skip
    np.testing.assert_allclose(found, np.stack([one[k % 2] for k in range(5)]), rtol=1e-12)
    assert (found[0] != found[1]).any()


class _MostSeen(Learner):
    """A learner of one's own that asks how often: it plays the type it saw most."""

    name, side = "most", "vb"

    def __call__(self, data, setting):
        counts = jnp.broadcast_to(data.counts, data.labels.shape)
        best = jnp.argmax(counts, axis=-1)[..., None] == jnp.arange(counts.shape[-1])
        return jnp.where(counts.sum(-1, keepdims=True) > 0, best * 1.0, setting.pmf)


def test_a_learner_that_asks_how_often_gets_every_replicate(rng) -> None:
    model = prompts_apart(rng)
    setting = setting_of(model, "mirror")
    counts = counts_of(model, np.where(model.pmf > 0, model.pmf, 0.0), 9, 30)
    found = verification_losses(_MostSeen(), setting, counts, model.returns[None]).by_reward
    for r in range(30):
        for x in range(3):
            best = float(ac.chi2_ball_optimum(model.pmf[x], model.returns[x], KAPPA).value)
            policy = np.eye(6)[counts[r, x].argmax()] if counts[r, x].any() else model.pmf[x]
            assert found[r, x, 0] == pytest.approx(best - policy @ model.returns[x], abs=1e-9)


class _Wrong:
    def __init__(self, side, policy):
        self.name, self.side, self._policy = "wrong", side, policy

    def __call__(self, data, setting):
        return self._policy(data, setting)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (lambda data, setting: setting.pmf, r"must return a policy of shape"),
        (lambda data, setting: None, "got NoneType"),
        (lambda data, setting: 2 * setting.pmf + 0 * data.counts, "must return pmfs"),
        (lambda data, setting: setting.pmf * jnp.nan + 0 * data.counts, "must return pmfs"),
        (
            lambda data, setting: 0 * data.counts + jnp.eye(setting.pmf.shape[-1])[0] * 2
            - jnp.eye(setting.pmf.shape[-1])[1],
            "must return pmfs",
        ),
    ],
)  # fmt: skip
def test_a_learner_that_returns_no_policy_is_named(policy, words: str) -> None:
    model, setting = tiny(), setting_of(tiny(), "mirror")
    counts = counts_of(model, model.pmf, 5, 4)
    with pytest.raises(ac.InputError, match=words):
        cloning_losses(_Wrong("vf", policy), setting, counts, model.pmf[None], model.returns[None])
