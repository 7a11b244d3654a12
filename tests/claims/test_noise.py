"""Flipped labels: the version space with tolerance, its error and its failures (T6), and T7."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.learners import Data
from antiscale.rewards import Votes, tolerance
from antiscale.sweeps.cell import simulate
from tests.learners.test_learners import compiled, setting_of


def lead_law(n: int, mass: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Leads of the true verdict after n labels, and their probabilities: an exact sum."""
    chance = np.zeros(2 * n + 1)
    for seen in range(n + 1):
        flips = np.arange(seen + 1)
        law = stats.binom.pmf(seen, n, mass) * stats.binom.pmf(flips, seen, noise)
        np.add.at(chance, n + seen - 2 * flips, law)
    return np.arange(-n, n + 1), chance


@pytest.mark.parametrize("noise", [0.02, 0.2, 0.45])
@pytest.mark.parametrize("n", [0, 1, 10, 120])
def test_t6_with_noise_is_never_crossed(noise: float, n: int) -> None:
    for mass in (0.02, 0.3, 1.0):
        lead, chance = lead_law(n, mass, noise)
        for t in (0, 1, 3, 8):
            unsettled = chance[lead <= t].sum()
            bound = ac.bounds.noisy_unseen_mass([mass], n, noise, t)
            assert mass * unsettled <= bound * (1 + 1e-12)
            wrong = chance[lead < -t].sum()
            assert wrong <= ac.bounds.wrong_verdict(noise, t) * (1 + 1e-12)


def test_t6_with_noise_is_not_vacuous_and_reduces_to_the_unseen_mass() -> None:
    mass = np.array([0.5, 0.3, 0.2])
    for n in (0, 5, 400):
        clean = ac.bounds.unseen_mass(mass, n, prompt_mass=0.3)
        assert ac.bounds.noisy_unseen_mass(mass, n, 0.0, 0.0, prompt_mass=0.3) == pytest.approx(
            clean
        )
    # The rate in n is that of c n clean labels, c = (sqrt(1 - eta) - sqrt(eta))^2.
    for noise in (0.1, 0.3):
        c = (np.sqrt(1 - noise) - np.sqrt(noise)) ** 2
        one, two = (ac.bounds.noisy_unseen_mass([1e-3], n, noise, 0.0) for n in (10**4, 2 * 10**4))
        assert np.log(one / two) == pytest.approx(10**4 * c * 1e-3, rel=1e-3)
        lead, chance = lead_law(400, 0.5, noise)
        truth = -np.log(chance[lead <= 0].sum())
        bound = -np.log(ac.bounds.noisy_unseen_mass([0.5], 400, noise, 0.0) / 0.5)
        assert 0.85 < bound / truth <= 1.0


def test_the_tolerance_keeps_the_truth() -> None:
    for noise in (0.01, 0.2, 0.49):
        for n in (1, 100, 10**6):
            blocks = np.array([1, 18])
            t = tolerance(blocks, n, noise)
            lost = blocks * ac.bounds.wrong_verdict(noise, t)
            assert (lost <= 1 / n * (1 + 1e-9)).all()
            # One label less would not do.
            tighter = blocks * ac.bounds.wrong_verdict(noise, np.maximum(t - 1, 0))
            assert ((tighter > 1 / n) | (t == 0)).all()


@pytest.mark.parametrize("rewards", ["mirror", "styles", "tabular"])
@pytest.mark.parametrize(
    "learner", ["simple", "wide", "plugin", "rejection", "kl", "weighted", "by_value"]
)
def test_a_learner_cannot_tell_which_labels_were_flipped(rng, rewards: str, learner: str) -> None:
    # The same two labels with the same counts, written the other way round.
    model = ac.load_family("heterogeneous", horizon=32, prompts=2, styles=3, lengths=2)
    setting = setting_of(model, rewards)
    policies = []
    counts = rng.integers(0, 9, model.pmf.shape).astype(float)
    flipped = rng.binomial(counts.astype(int), 0.3).astype(float)
    labels = jnp.asarray(model.returns)
    other = setting.rewards.flip(labels)
    for label, flips in ((labels, flipped), (other, counts - flipped)):
        votes = Votes(jnp.asarray(counts), jnp.asarray(flips), 0.3, np.full(2, 2.0))
        shown = jnp.where(counts > 0, label, 0.0)
        policies.append(compiled(learner)(Data(jnp.asarray(counts), shown, votes), setting))
    np.testing.assert_allclose(policies[0], policies[1], atol=1e-12)


@pytest.mark.parametrize("rewards", ["mirror", "styles", "tabular"])
def test_without_flips_and_tolerance_votes_change_nothing(rng, rewards: str) -> None:
    model = ac.load_family("heterogeneous", horizon=32, prompts=2, styles=3, lengths=2)
    setting = setting_of(model, rewards)
    counts = rng.integers(0, 2, model.pmf.shape).astype(float)
    labels = jnp.asarray(np.where(counts > 0, model.returns, 0.0))
    votes = Votes(jnp.asarray(counts), jnp.zeros_like(labels), 1e-12, np.zeros(2))
    for learner in (
        "simple", "wide", "binary", "plugin", "rejection", "kl", "weighted", "by_value"
    ):  # fmt: skip
        with_votes = compiled(learner)(Data(jnp.asarray(counts), labels, votes), setting)
        without = compiled(learner)(Data(jnp.asarray(counts), labels), setting)
        np.testing.assert_allclose(with_votes, without, atol=1e-9, err_msg=learner)


@pytest.mark.parametrize(
    "rewards", ["mirror", "styles", pytest.param("tabular", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("learner", ["simple", "wide"])
def test_noisy_verification_stays_below_t7(rewards: str, learner: str) -> None:
    for noise, n in ((0.05, 400), (0.3, 4000)):
        config = ac.SweepConfig(
            noise=noise, reward_class=rewards, learner=learner, repeats=60, rewards=10,
            parameters={"styles": 4, "lengths": 2, "prompts": 2},
        )  # fmt: skip
        row = simulate(config, 32, n, noise).row
        assert row["vb_low"] <= row["vb_upper"]
        clean = simulate(config, 32, n, 0.0).row
        assert clean["vb_mean"] <= row["vb_mean"] + 1e-9
        assert clean["vf_mean"] == row["vf_mean"]


def test_a_sweep_over_the_flip_probability() -> None:
    config = ac.SweepConfig(
        horizon=32, vary="noise", noise=0.3, repeats=20, rewards=5,
        parameters={"styles": 4, "lengths": 2, "prompts": 2},
    )  # fmt: skip
    found = ac.sweep(config)
    rows = found.frame
    assert rows.noise.tolist() == pytest.approx([0.05 * i for i in range(7)])
    assert rows.vb_mean.is_monotonic_increasing
    assert found.fit["vf_slope"]["theory"] == 0.0
    assert abs(found.fit["vf_slope"]["estimate"]) < 1e-9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise": 0.5}, "noise must lie in"),
        ({"noise": -0.1}, "noise must lie in"),
        ({"noise": 0.1, "reward_class": "known"}, "no noisy labels"),
        ({"noise": 0.1, "family": "explicit", "reward_class": "explicit",
          "parameters": {"pmf": [0.5, 0.5], "hitting_times": [1, 2]},
          "class_parameters": {"hitting_times": [[2, 1]]}}, "no noisy labels"),
    ],
)  # fmt: skip
def test_noise_that_makes_no_sense_is_refused(changes, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        ac.sweep(ac.SweepConfig(horizon=16, repeats=2, **changes))
    for call in (
        lambda: ac.bounds.noisy_unseen_mass([0.5], 3, 0.5, 0),
        lambda: ac.bounds.wrong_verdict(0.7, 0),
        lambda: ac.bounds.wrong_verdict(0.1, -1),
    ):
        with pytest.raises(ac.InputError):
            call()
