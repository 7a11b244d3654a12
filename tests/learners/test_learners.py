"""Learners against what they are defined to be."""

from __future__ import annotations

import functools
from pathlib import Path

import clarabel
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

import antiscale as ac
from antiscale.learners import BUILT_IN, GridPrior, Setting, load_learner
from antiscale.learners.base import Data
from antiscale.learners.loglinear import log_linear, trace_features
from antiscale.sweeps.case import Case
from antiscale.sweeps.cell import simulate
from tests.oracles_classes import members_of, small_model, version_space

KAPPA = 0.5


def setting_of(model: ac.TraceModel, rewards: str = "styles") -> Setting:
    m = model.prompts
    return Setting(
        jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), float(model.horizon), KAPPA,
        ac.load_class(rewards, model),
        pair=jnp.asarray(np.where(model.pmf > 0, model.returns, 0.0)),
        prior=GridPrior(jnp.full(m, 0.3), jnp.arange(m) % 2 == 0, 64),
        features=jnp.asarray(trace_features(model)),
    )  # fmt: skip


def drawn(model: ac.TraceModel, rng, n: int) -> tuple[np.ndarray, Data]:
    counts = np.stack([rng.multinomial(n, p) for p in model.pmf]).astype(float)
    labels = np.where(counts > 0, model.returns, 0.0)
    return counts, Data(jnp.asarray(counts), jnp.asarray(labels))


@functools.cache
def compiled(name: str):
    """The learner as it runs in a sweep, inside `jax.jit`."""
    return jax.jit(load_learner(name))


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
        policy = np.asarray(compiled(name)(data, setting_of(model, rewards)))
        np.testing.assert_allclose(policy.sum(-1), 1, rtol=1e-12)
        assert (policy >= 0).all()
        if n == 0:
            np.testing.assert_allclose(policy, model.pmf, rtol=1e-12)


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
    for name in BUILT_IN:
        learner = compiled(name)
        data = [Data(jnp.asarray(c), jnp.asarray(r)) for c, r in zip(counts, labels, strict=True)]
        batch = learner(Data(jnp.asarray(counts), jnp.asarray(labels)), setting_of(model))
        for k in range(3):
            one = learner(data[k], setting_of(model))
            np.testing.assert_allclose(batch[k], one, rtol=1e-9, err_msg=name)


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


def test_ones_own_learner_carries_its_own_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bounded_learners.py").write_text(
        "from antiscale.learners import Bound\n"
        "class Clone:\n    side = 'vf'\n"
        "    def __call__(self, data, setting):\n        return setting.pmf + 0 * data.counts\n"
        "    def upper(self, premises, over):\n"
        "        return {'stated': Bound(premises.horizon / 2, 'T0'), 'class': premises.n}[over]\n"
        "class Silent(Clone):\n    def upper(self, premises, over): return None\n"
        "class Wrong(Clone):\n    def upper(self, premises, over): return 'many'\n"
        "class Broken(Clone):\n    def upper(self, premises, over): return premises.nothing\n"
    )
    monkeypatch.chdir(tmp_path)
    row = simulate(
        ac.SweepConfig(learner="bounded_learners:Clone", repeats=4, rewards=4), 16, 40
    ).row
    assert (row["vf_upper"], row["vf_upper_name"]) == (8.0, "T0")
    assert (row["vf_class_upper"], row["vf_class_upper_name"]) == (
        40.0,
        "bounded_learners:Clone's own",
    )
    case = Case.of(ac.SweepConfig(), 16, 40)
    silent = load_learner("bounded_learners:Silent").upper(case, "stated")
    assert silent.value is None
    assert silent.reason == "no bound is proved for the learner bounded_learners:Silent"
    for name in ("Wrong", "Broken"):
        with pytest.raises(ac.InputError, match="as it was asked for its bound") as error:
            load_learner(f"bounded_learners:{name}").upper(case, "stated")
        assert "\n" not in str(error.value)


def test_shrinkage_believes_what_chance_cannot_explain() -> None:
    p = np.array([[0.5, 0.25, 0.25]])
    model = ac.load_family("explicit", horizon=9, pmf=p, hitting_times=[[1, 2, 3]])
    learner = load_learner("shrinkage")
    for counts in ([[50.0, 26.0, 24.0]], [[400.0, 500.0, 100.0]], [[3.0, 0.0, 0.0]]):
        n = np.sum(counts)
        pearson = (n * (np.array(counts) / n - p) ** 2 / p).sum()
        believed = max(0.0, 1 - 2 / pearson)
        found = learner(Data(jnp.asarray(counts)), setting_of(model, "mirror"))
        np.testing.assert_allclose(found, p + believed * (np.array(counts) / n - p), atol=1e-14)


def test_mle_is_the_likeliest_of_its_class_and_finds_the_expert(rng) -> None:
    model = small_model()
    learner = load_learner("mle")
    setting = setting_of(model, "mirror")
    class_ = np.asarray(learner.policies(setting, setting.pair))
    assert len(class_) == 65
    assert learner.log_class_size(model.prompts) == pytest.approx(2 * np.log(65))
    np.testing.assert_allclose(class_[0], model.pmf)
    chi2 = (model.pmf * (class_ / model.pmf - 1) ** 2).sum(-1)
    assert (chi2 <= KAPPA * (1 + 1e-9)).all()
    for k in (0, 20, 32, 50, 64):
        counts = np.stack([rng.multinomial(10**6, q) for q in class_[k]]).astype(float)
        found = np.asarray(learner(Data(jnp.asarray(counts)), setting))
        with np.errstate(divide="ignore", invalid="ignore"):
            fits = np.where(counts > 0, counts * np.log(class_), 0.0).sum(-1)
        np.testing.assert_array_equal(found, class_[fits.argmax(0), np.arange(model.prompts)])
        # 10^6 traces name the expert to the neighbouring member of the path at worst.
        assert np.abs(found - class_[k]).sum(-1).max() < 0.1


def test_bayes_plays_the_posterior_median(rng) -> None:
    model = small_model()
    setting = setting_of(model, "mirror")
    counts, _ = drawn(model, rng, 9)
    found = np.asarray(load_learner("bayes")(Data(jnp.asarray(counts)), setting))
    for x in range(model.prompts):
        mean = model.pmf[x] @ model.returns[x]
        g = (model.returns[x] - mean) / np.sqrt(model.pmf[x] @ (model.returns[x] - mean) ** 2)
        steps = 64 if x % 2 == 0 else 1
        theta = np.linspace(-0.3, 0.3, steps + 1)
        weight = np.exp(counts[x] @ np.log(1 + theta * g[:, None]))
        expected = min(theta, key=lambda t: weight @ np.abs(theta - t))
        np.testing.assert_allclose(found[x], model.pmf[x] * (1 + expected * g), rtol=1e-9)


def test_kl_spends_the_whole_budget_on_an_exponential_tilt(rng) -> None:
    model = small_model()
    _, data = drawn(model, rng, 1000)
    policy = np.asarray(load_learner("kl")(data, setting_of(model)))
    ratio = policy / model.pmf
    chi2 = (model.pmf * (ratio - 1) ** 2).sum(-1)
    np.testing.assert_allclose(chi2, KAPPA, rtol=1e-6)
    for x in range(model.prompts):
        line = np.polyfit(model.returns[x], np.log(ratio[x]), 1)
        np.testing.assert_allclose(np.polyval(line, model.returns[x]), np.log(ratio[x]), atol=1e-9)
    simple = np.asarray(load_learner("simple")(data, setting_of(model)))
    assert ((simple - policy) * model.returns).sum(-1).min() > -1e-9


def test_rejection_clones_its_own_accepted_traces(rng) -> None:
    model = small_model()
    counts, data = drawn(model, rng, 50)
    accepted = np.where(model.returns > 0, counts, 0)
    found = load_learner("rejection")(data, setting_of(model))
    np.testing.assert_allclose(found, accepted / accepted.sum(-1, keepdims=True))


def test_loglinear_cloning_matches_the_mean_features(rng) -> None:
    model = small_model()
    setting = setting_of(model)
    counts, _ = drawn(model, rng, 500)
    policy = np.asarray(load_learner("loglinear")(Data(jnp.asarray(counts)), setting))
    phi = trace_features(model)
    share = counts.sum(-1) / counts.sum()
    seen = np.einsum("ms,msd->d", counts, phi) / counts.sum()
    np.testing.assert_allclose(np.einsum("m,ms,msd->d", share, policy, phi), seen, atol=1e-4)
    # It is of the class: the log-ratio is linear in the features, the same at both prompts.
    log_ratio = np.log(policy / model.pmf)
    design = np.concatenate([phi.reshape(-1, phi.shape[-1]), np.repeat(np.eye(2), 6, 0)], -1)
    fit, *_ = np.linalg.lstsq(design, log_ratio.ravel(), rcond=None)
    np.testing.assert_allclose(design @ fit, log_ratio.ravel(), atol=1e-8)
    np.testing.assert_allclose(log_linear(jnp.zeros(phi.shape[-1]), setting), model.pmf)


def test_misspecified_cloning_stays_wrong_where_verification_does_not() -> None:
    # T12's instance: cloning ends at h/2, below the base policy; npg at h' = h - 1.
    for n in (10.0, 1e4, 1e8):
        model = ac.load_family(
            "explicit", horizon=256, pmf=[[0.25, 0.25, 0.5]] * 2, styles=[[0, 1, 2]] * 2,
            hitting_times=[[17, np.inf, 18], [np.inf, 17, 18]], lengths=[[17, 17, 18]] * 2,
        )  # fmt: skip
        setting = setting_of(model, "styles")
        expert = np.array([[1.0, 0, 0], [0, 1.0, 0]]) * n / 2
        cloned = np.asarray(compiled("loglinear")(Data(jnp.asarray(expert)), setting))
        values = ac.bounds.misspecified_values(240.0, 239.0, 0.25)
        assert ((cloned * model.returns).sum(-1)).mean() == pytest.approx(values.cloned, abs=0.1)
        labels = jnp.asarray(model.returns)
        data = Data(jnp.asarray(model.pmf * n), labels)
        trained = np.asarray(compiled("npg")(data, setting))
        best = ((trained * model.returns).sum(-1)).mean()
        assert best == pytest.approx(values.verified, abs=0.1)
        assert (model.pmf * model.returns).sum(-1).mean() == pytest.approx(values.base)
        assert values.cloned < values.base < values.verified < values.expert
    for wrong in ((240.0, 120.0, 0.25), (240.0, 240.0, 0.25), (240.0, 239.0, 0.5)):
        with pytest.raises(ac.InputError):
            ac.bounds.misspecified_values(*wrong)


def test_by_value_plays_the_member_of_the_largest_estimated_value(rng) -> None:
    model = small_model()
    setting = setting_of(model, "mirror")
    class_ = np.asarray(load_learner("mle").policies(setting, setting.pair))
    counts, data = drawn(model, rng, 40)
    policy = np.asarray(load_learner("by_value")(data, setting))
    for x in range(model.prompts):
        values = (class_[:, x] / model.pmf[x]) @ (counts[x] * model.returns[x])
        np.testing.assert_array_equal(policy[x], class_[values.argmax(), x])
    # With all the labels there are it plays the ball's best policy.
    certain = Data(jnp.asarray(model.pmf * 1e9), jnp.asarray(model.returns))
    best = ac.chi2_ball_optimum(model.pmf, model.returns, KAPPA)
    found = (np.asarray(load_learner("by_value")(certain, setting)) * model.returns).sum(-1)
    np.testing.assert_allclose(found, best.value, rtol=1e-6)


def test_by_value_undoes_flips_on_average() -> None:
    from antiscale.rewards import Votes

    model = small_model()
    setting = setting_of(model, "mirror")
    counts = jnp.asarray(model.pmf * 1e6)
    votes = Votes(counts, 0.2 * counts, 0.2, np.zeros(model.prompts))
    clean = load_learner("by_value")(Data(counts, jnp.asarray(model.returns)), setting)
    noisy = load_learner("by_value")(Data(counts, jnp.asarray(model.returns), votes), setting)
    np.testing.assert_array_equal(clean, noisy)


def test_reward_weighted_likelihood_is_not_consistent(rng) -> None:
    """Its limit, the member nearest to pi_b R/J, is not the best member on many instances."""
    wrong = 0
    for _ in range(400):
        base, returns = rng.dirichlet(np.ones(4)), rng.uniform(0, 1, 4)
        members = rng.dirichlet(np.ones(4), 8)
        values = members @ returns
        # What both estimates are for infinitely many labelled traces.
        likelihood = np.log(members) @ (base * returns)
        by_value = (members / base) @ (base * returns)
        assert by_value.argmax() == values.argmax()
        wrong += likelihood.argmax() != values.argmax()
    # 73 in 100 (291 expected): below 200 with a probability under 1e-20.
    assert wrong > 200
