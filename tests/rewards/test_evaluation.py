"""The stated rewards: eligible members of the class, the true one first, its mirror second."""

from __future__ import annotations

import numpy as np
import pytest

import antiscale as ac
from antiscale.rewards.evaluation import StatedRewards, stated_rewards
from tests.oracles_classes import members_of, small_model


def stated(model, name: str = "styles", **changes) -> StatedRewards:
    options = {"kappa": 0.25, "c0": 0.2, "count": 12, "seed": 0} | changes
    return stated_rewards(model, ac.load_class(name, model), **options)


def eligible_members(model, x: int, c0: float, kappa: float) -> list[tuple[float, ...]]:
    found = []
    for r in members_of("styles", model, x):
        reached = float(ac.anticoncentration(model.pmf[x], r, kappa, horizon=model.horizon))
        if reached >= c0 * (1 - 1e-9):
            found.append(tuple(r))
    return found


@pytest.mark.parametrize("c0", [0.0, 0.2, 0.4])
def test_small_classes_are_taken_whole_as_far_as_they_are_eligible(c0: float) -> None:
    model = small_model()
    found = stated(model, c0=c0)
    assert found.whole
    for x in range(model.prompts):
        listed = [tuple(r) for r in found.returns[found.eligible[:, x], x]]
        assert sorted(listed) == sorted(set(listed))
        assert sorted(listed) == sorted(eligible_members(model, x, c0, 0.25))
    assert found.all_of_class == (found.counts == 2 ** (3 + 1)).all()


def test_large_classes_are_sampled_with_r_and_its_mirror_first() -> None:
    model = ac.load_family("heterogeneous", horizon=64)
    found = stated(model, c0=0.25, count=50)
    assert not found.whole
    assert not found.all_of_class
    assert found.returns.shape == (50, *model.pmf.shape)
    assert found.with_mirror
    assert (found.counts == 50).all()
    np.testing.assert_array_equal(found.returns[0], model.returns)
    np.testing.assert_array_equal(found.returns[1], model.horizon - model.returns)
    reached = ac.anticoncentration(model.pmf, found.returns, 0.25, horizon=64)
    assert (reached >= 0.25 * (1 - 1e-9)).all()
    for x in range(model.prompts):
        assert len(np.unique(found.returns[:, x], axis=0)) == 50


def test_the_sample_is_the_same_at_every_horizon_and_follows_the_seed() -> None:
    def scaled(horizon: int, seed: int):
        model = ac.load_family("heterogeneous", horizon=horizon)
        return stated(model, c0=0.25, count=50, seed=seed).returns / horizon

    np.testing.assert_array_equal(scaled(64, 3), scaled(4096, 3))
    assert (scaled(64, 3) != scaled(64, 4)).any()


def test_a_mirror_that_is_not_anticoncentrated_is_not_stated() -> None:
    model = ac.load_family("sharp", horizon=64, styles=4, c0=0.01)
    found = stated(model, "mirror", c0=0.01)
    assert found.with_mirror == bool(
        (ac.anticoncentration(model.pmf, 64 - model.returns, 0.25) >= 0.01).all()
    )
    strict = stated(model, "mirror", c0=0.5)
    assert not strict.with_mirror
    assert not strict.all_of_class
