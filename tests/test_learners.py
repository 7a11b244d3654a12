"""Learners against what they are defined to be."""

from __future__ import annotations

from pathlib import Path

import clarabel
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

import antiscale as ac
from antiscale.learners import BUILT_IN, Setting, load_learner
from antiscale.learners.protocol import Data
from tests.oracles_classes import members_of, small_model, version_space

KAPPA = 0.5


def setting_of(model: ac.TraceModel, rewards: str = "styles") -> Setting:
    return Setting(
        jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), float(model.horizon), KAPPA,
        ac.load_class(rewards, model),
    )  # fmt: skip


def drawn(model: ac.TraceModel, rng, n: int) -> tuple[np.ndarray, Data]:
    counts = np.stack([rng.multinomial(n, p) for p in model.pmf]).astype(float)
    labels = np.where(counts > 0, model.returns, 0.0)
    return counts, Data(jnp.asarray(counts), jnp.asarray(labels))


def best_worst_case(p, members, kappa: float) -> float:
    """max over the ball of the least J over the members, by a cone solver."""
    size = len(p)
    root = np.sqrt(p)
    # Variables (u, t): maximise t subject to root.u = 1, u >= 0, |u| <= sqrt(1+kappa),
    # t <= (root R_r).u for each member.
    a = sparse.csc_matrix(
        np.vstack(
            [
                np.append(root, 0),
                np.hstack([-np.eye(size), np.zeros((size, 1))]),
                np.hstack([-members * root, np.ones((len(members), 1))]),
                np.zeros(size + 1),
                np.hstack([-np.eye(size), np.zeros((size, 1))]),
            ]
        )
    )
    b = np.concatenate(
        [[1], np.zeros(size), np.zeros(len(members)), [np.sqrt(1 + kappa)], np.zeros(size)]
    )
    cones = [
        clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(size + len(members)),
        clarabel.SecondOrderConeT(size + 1),
    ]  # fmt: skip
    options = clarabel.DefaultSettings()
    options.verbose = False
    goal = np.append(np.zeros(size), -1.0)
    nothing = sparse.csc_matrix((size + 1, size + 1))
    return -clarabel.DefaultSolver(nothing, goal, a, b, cones, options).solve().obj_val


def test_sft_is_the_empirical_law_and_the_base_where_nothing_was_seen() -> None:
    model = small_model()
    counts = np.zeros(model.pmf.shape)
    counts[0, [0, 3]] = [3, 1]
    policy = np.asarray(load_learner("sft")(Data(jnp.asarray(counts)), setting_of(model)))
    np.testing.assert_array_equal(policy[0], counts[0] / 4)
    np.testing.assert_array_equal(policy[1], model.pmf[1])


def test_smoothing_adds_one_half_over_the_support() -> None:
    model = ac.load_family("explicit", horizon=9, pmf=[0.5, 0.5, 0], hitting_times=[1, 2, 3])
    counts = jnp.asarray([[3.0, 0.0, 0.0]])
    policy = load_learner("smoothed_sft")(Data(counts), setting_of(model, "mirror"))
    np.testing.assert_allclose(policy, [[3.5 / 4, 0.5 / 4, 0.0]])


@pytest.mark.parametrize("rewards", ["mirror", "styles"])
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_learner_returns_a_policy(rng, name: str, rewards: str) -> None:
    model = small_model()
    for n in (0, 1, 5, 100):
        _, data = drawn(model, rng, n)
        if BUILT_IN[name].side == "vf":
            data = Data(data.counts)
        policy = np.asarray(load_learner(name)(data, setting_of(model, rewards)))
        np.testing.assert_allclose(policy.sum(-1), 1, rtol=1e-12)
        assert (policy >= 0).all()
        if n == 0:
            np.testing.assert_array_equal(policy, model.pmf)


@pytest.mark.parametrize("rewards", ["mirror", "styles"])
def test_the_simple_learner_is_the_best_worst_case_policy_of_the_ball(rng, rewards: str) -> None:
    model = small_model()
    for n in (1, 2, 4, 8):
        for _ in range(6):
            counts, data = drawn(model, rng, n)
            policy = np.asarray(load_learner("simple")(data, setting_of(model, rewards)))
            for x in range(model.prompts):
                chi2 = ((policy[x] / model.pmf[x] - 1) ** 2) @ model.pmf[x]
                assert chi2 <= KAPPA * (1 + 1e-9)
                consistent = version_space(
                    members_of(rewards, model, x), model.returns[x], counts[x] > 0
                )
                worst = (consistent @ policy[x]).min()
                best = best_worst_case(model.pmf[x], consistent, KAPPA)
                assert worst == pytest.approx(best, abs=1e-5 * model.horizon)


def test_the_wide_learner_puts_all_mass_on_the_best_of_the_worst_case(rng) -> None:
    model = small_model()
    counts, data = drawn(model, rng, 5)
    policy = np.asarray(load_learner("wide")(data, setting_of(model)))
    for x in range(model.prompts):
        consistent = version_space(members_of("styles", model, x), model.returns[x], counts[x] > 0)
        least = consistent.min(0)
        assert (policy[x] @ least) == pytest.approx(least.max())
        np.testing.assert_array_equal(policy[x] > 0, least == least.max())


def test_the_binary_learner_seeks_any_right_trace(rng) -> None:
    model = small_model()
    _, data = drawn(model, rng, 200)
    policy = np.asarray(load_learner("binary")(data, setting_of(model)))
    expected = ac.chi2_ball_optimum(model.pmf, model.correct.astype(float), KAPPA)
    np.testing.assert_allclose(policy, model.pmf * expected.density_ratio, rtol=1e-9)


def test_batches_are_loops(rng) -> None:
    model = small_model()
    counts = np.stack([drawn(model, rng, 4)[0] for _ in range(3)])
    labels = np.where(counts > 0, model.returns, 0.0)
    for name, learner in BUILT_IN.items():
        data = [Data(jnp.asarray(c), jnp.asarray(r)) for c, r in zip(counts, labels, strict=True)]
        batch = learner(Data(jnp.asarray(counts), jnp.asarray(labels)), setting_of(model))
        for k in range(3):
            one = learner(data[k], setting_of(model))
            np.testing.assert_allclose(batch[k], one, rtol=1e-12, err_msg=name)


def test_ones_own_learner_is_loaded_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_learners.py").write_text(
        "class Clone:\n    side = 'vf'\n"
        "    def __call__(self, data, setting):\n        return setting.pmf\n"
        "def no_side(data, setting):\n    return setting.pmf\n"
    )
    monkeypatch.chdir(tmp_path)
    learner = load_learner("own_learners:Clone")
    assert (learner.name, learner.side) == ("own_learners:Clone", "vf")
    for name, words in (
        ("own_learners:Other", "has no 'Other'"),
        ("own_learners:no_side", "side = 'vf'"),
        ("no_such_module:X", "cannot import 'no_such_module'"),
        ("sftt", "did you mean 'sft'"),
    ):
        with pytest.raises(ac.InputError, match=words):
            load_learner(name)
