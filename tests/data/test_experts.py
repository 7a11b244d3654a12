"""Hard experts: the priors under which T4 is a Bayes bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.data import hard_block_experts, hard_experts
from tests.oracles_classes import small_model

KAPPA, N = 0.3, 200


def drawn(form: str, replicates=range(400), seed: int = 0):
    model = small_model()
    prior = ac.bounds.hardest_prior(
        model.pmf, model.returns, N, prompt_mass=model.prompt_mass, kappa=KAPPA, form=form
    )
    return model, prior, hard_experts(model, prior, seed=seed, n=N, replicates=replicates)


def tilt_of(model, experts):
    """theta at each replicate and prompt: the expert is pi_b (1 + theta g)."""
    mean = ac.mean_return(model.pmf, model.returns)
    sigma = ac.heterogeneity(model.pmf, model.returns)
    return ((experts * model.returns).sum(-1) - mean) / sigma


@pytest.mark.parametrize("form", ["two_point", "many_point"])
def test_hard_experts_are_policies_of_the_ball(form: str) -> None:
    model, _, experts = drawn(form)
    np.testing.assert_allclose(experts.sum(-1), 1, rtol=1e-12)
    assert (experts >= 0).all()
    chi2 = (model.pmf * (experts / model.pmf - 1) ** 2).sum(-1)
    assert (chi2 <= KAPPA * (1 + 1e-9)).all()


def test_two_points_are_fair_signs() -> None:
    model, prior, experts = drawn("two_point")
    theta = tilt_of(model, experts)
    np.testing.assert_allclose(np.abs(theta), np.broadcast_to(prior.scale, theta.shape), rtol=1e-9)
    for x in range(model.prompts):
        # Fails by bad luck with probability 1e-6.
        assert stats.binomtest(int((theta[:, x] > 0).sum()), len(theta)).pvalue > 1e-6


def test_many_points_are_uniform_on_the_grid() -> None:
    model, prior, experts = drawn("many_point", range(4000))
    for x in range(model.prompts):
        place = (tilt_of(model, experts)[:, x] / prior.scale[x] + 1) * ac.bounds.GRID_STEPS / 2
        np.testing.assert_allclose(place, np.rint(place), atol=1e-4)
        tenths = np.histogram(place, 10, (0, ac.bounds.GRID_STEPS))[0]
        # Fails by bad luck with probability 1e-6.
        assert stats.chisquare(tenths).pvalue > 1e-6


def test_prompts_and_replicates_are_drawn_afresh_and_by_their_keys() -> None:
    model, _, experts = drawn("many_point", range(50))
    theta = tilt_of(model, experts)
    assert len(np.unique(theta.round(9))) > 90
    np.testing.assert_array_equal(drawn("many_point", [17])[2][0], experts[17])
    assert (drawn("many_point", range(50), seed=1)[2] != experts).any()


def test_block_experts_move_each_style_of_a_pair_by_the_bounds_amount() -> None:
    model = small_model()
    rewards = ac.load_class("styles", model)
    mass, mean = rewards.blocks.mass(model.pmf), rewards.blocks.mean(model.pmf)
    order = np.argsort(-mass, axis=-1, kind="stable")
    height = np.take_along_axis(mean / mass, order, -1)
    sorted_mass = np.take_along_axis(mass, order, -1)
    prior = ac.bounds.hardest_block_prior(
        sorted_mass, height, N, prompt_mass=model.prompt_mass, kappa=KAPPA
    )
    experts = hard_block_experts(
        model, rewards, prior, order.astype(float), seed=0, n=N, replicates=range(200)
    )
    np.testing.assert_allclose(experts.sum(-1), 1, rtol=1e-12)
    chi2 = (model.pmf * (experts / model.pmf - 1) ** 2).sum(-1)
    assert (chi2 <= KAPPA * (1 + 1e-9)).all()
    moved = np.take_along_axis(
        rewards.blocks.mean(experts) - mean, np.broadcast_to(order, (200, *order.shape)), -1
    )
    amount = prior.scale[..., 0] * sorted_mass[:, :2].min(-1)  # eps q
    np.testing.assert_allclose(np.abs(moved[..., 0]), np.tile(amount * height[:, 0], (200, 1)))
    np.testing.assert_allclose(
        moved[..., 1] / height[:, 1], -moved[..., 0] / height[:, 0], rtol=1e-9
    )
    np.testing.assert_allclose(moved[..., 2], 0, atol=1e-12)  # the odd style out
    for x in range(model.prompts):
        # Fails by bad luck with probability 1e-6.
        assert stats.binomtest(int((moved[:, x, 0] > 0).sum()), 200).pvalue > 1e-6
