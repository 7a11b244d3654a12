"""Best-of-N as a learner: its law, its number of tries, and T10e inside the sweep."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import antiscale as ac
from antiscale import bounds
from antiscale.learners import BUILT_IN, Setting, load_learner
from antiscale.learners.base import Data
from antiscale.learners.search import BestOfN, best_of
from antiscale.sweeps.case import Case
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.run import run_sweep
from tests.oracles_classes import members_of, small_model, version_space

KAPPA = 0.5


def test_the_jax_law_is_the_law_of_search(rng) -> None:
    for n in (1.0, 2.0, 7.0, 1e4, 1e9):
        p = rng.dirichlet(np.full(6, 0.5), 8)
        p[0, 2] = 0.0
        p /= p.sum(-1, keepdims=True)
        scores = rng.integers(0, 4, (8, 6)).astype(float)
        ours = np.asarray(best_of(jnp.asarray(p), jnp.asarray(scores), jnp.full(8, n)))
        np.testing.assert_allclose(ours, ac.search.best_of_n(p, scores, n), rtol=1e-9, atol=1e-13)


def setting_of(model: ac.TraceModel, rewards: str, kappa: float = KAPPA) -> Setting:
    return Setting(
        jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), float(model.horizon), kappa,
        ac.load_class(rewards, model),
    )  # fmt: skip


@pytest.mark.parametrize("rewards", ["styles", "mirror", "tabular"])
def test_each_data_set_obeys_the_proof(rng, rewards: str) -> None:
    """E R >= V_hat - H delta, V_hat the ball's best for the least consistent return."""
    model = small_model()
    learner, setting = BestOfN(), setting_of(model, rewards)
    delta = learner.missing(float(model.horizon))
    assert delta == model.horizon**-2.0
    for n in (0, 1, 5, 40):
        counts = np.stack([rng.multinomial(n, p) for p in model.pmf]).astype(float)
        labels = np.where(counts > 0, model.returns, 0.0)
        policy = np.asarray(learner(Data(jnp.asarray(counts), jnp.asarray(labels)), setting))
        np.testing.assert_allclose(policy.sum(-1), 1.0, atol=1e-12)
        for x in range(model.prompts):
            some = model.pmf[x] > 0
            if rewards == "tabular":
                lower = np.where(counts[x] > 0, model.returns[x], 0.0)
            else:
                left = version_space(members_of(rewards, model, x), model.returns[x], counts[x] > 0)
                lower = left.min(0)
                mirrored = {tuple(r[some]) for r in left} >= {
                    tuple((model.horizon - r)[some]) for r in left
                }
                if mirrored:
                    np.testing.assert_allclose(policy[x], model.pmf[x], atol=1e-12)
                    continue
            best = ac.chi2_ball_optimum(model.pmf[x], lower, KAPPA)
            reached = float(policy[x] @ model.returns[x])
            assert reached >= float(policy[x] @ lower) - 1e-9
            assert reached >= float(best.value) - model.horizon * delta - 1e-9
            # The law is best-of-N by that return, N from its coverage.
            c = float(model.pmf[x][lower >= float(best.value) - 1e-9 * model.horizon].sum())
            tries = float(bounds.tries_needed(min(c, 1.0), delta))
            expected = ac.search.best_of_n(model.pmf[x], lower, tries)
            np.testing.assert_allclose(policy[x], expected, atol=1e-9)


def test_it_is_a_learner_of_the_sweep_with_its_bound() -> None:
    assert isinstance(BUILT_IN["best_of_n"], BestOfN)
    config = ac.SweepConfig(horizon=128, learner="best_of_n", repeats=20, rewards=8)
    result = run_sweep(config)
    for row in result.rows:
        assert row["vb_learner"] == "best_of_n"
        assert row["vb_upper_name"] == "T10e"
        assert row["vb_high"] <= row["vb_upper"]
        assert row["gap_certified"] == row["vf_lower"] - row["vb_upper"]
        case = Case.of(ac.SweepConfig(), row["horizon"], row["n"])
        ball = BUILT_IN["simple"].upper(case, "stated")
        assert row["vb_upper"] == pytest.approx((ball.value or 0.0) + 1 / row["horizon"], rel=1e-6)


def test_search_leaves_the_ball_and_may_gain(rng) -> None:
    # The documents' number: at H = 1024 the default family's measured loss is about -11.9 tokens.
    config = ac.SweepConfig(learner="best_of_n", repeats=4)
    row = simulate(config, 1024, 32 * 1024).row
    assert row["vb_mean"] == pytest.approx(-11.9, abs=0.3)
    assert row["vb_upper"] == pytest.approx(0.835, abs=5e-4)


@pytest.mark.parametrize(("kappa", "n"), [(10.0, 60), (10.0, 150), (1e3, 150)])
def test_the_bound_holds_for_exact_risks_and_is_not_vacuous(kappa: float, n: int) -> None:
    # With a wide ball the comparator is as free as search: losses are positive.
    config = ac.SweepConfig(
        learner="best_of_n", kappa=kappa, repeats=40, rewards=10, exact=True,
        parameters={"styles": 4, "prompts": 4},
    )  # fmt: skip
    row = simulate(config, 64, n).row
    assert 0 < row["vb_exact"] <= row["vb_upper"] < 12 * row["vb_exact"]
    # Four half-widths of a 99% interval are ten standard errors: far beyond 1e-6.
    half = 2.6 * row["vb_error"]
    assert abs(row["vb_mean"] - row["vb_exact"]) <= 4 * half + 1e-9


def test_an_explicit_class_is_held_to_unseen_types_alone() -> None:
    times = [[1.0, np.inf], [np.inf, 2.0]]
    config = ac.SweepConfig(
        family="two_point", learner="best_of_n", reward_class="explicit",
        class_parameters={"hitting_times": times}, repeats=10,
    )  # fmt: skip
    case = Case.of(config, 32, 64)
    upper, error = BestOfN().upper(case, "stated"), BestOfN().verifier_error(case)
    assert error.name == "eu_n"
    row = simulate(config, 32, 64).row
    assert row["vb_upper"] == upper.value
    # Ten replicates without a loss cannot exclude a rare one: the interval's end lies higher.
    assert row["vb_mean"] <= row["vb_upper"]


def test_noisy_labels_add_what_may_be_lost() -> None:
    config = ac.SweepConfig(learner="best_of_n", noise=0.2, repeats=20, rewards=8)
    row = simulate(config, 64, 4096, 0.2).row
    clean = simulate(config, 64, 4096).row
    assert row["vb_upper_name"] == "T10e"
    assert row["vb_upper"] > clean["vb_upper"]
    assert row["vb_high"] <= row["vb_upper"]


def test_a_stated_delta_is_used() -> None:
    model = small_model()
    setting = setting_of(model, "styles")
    counts = jnp.asarray(np.where(model.pmf > 0, 3.0, 0.0))
    data = Data(counts, jnp.asarray(np.where(model.pmf > 0, model.returns, 0.0)))
    values = [
        float((np.asarray(BestOfN(delta=delta)(data, setting))[0] * model.returns[0]).sum())
        for delta in (1.0, 0.5, 0.1, 1e-6)
    ]
    assert values == sorted(values)
    assert values[0] == pytest.approx(float(model.pmf[0] @ model.returns[0]))
    assert values[-1] == pytest.approx(model.returns[0].max(), abs=1e-4 * model.horizon)
    assert load_learner("best_of_n").side == "vb"


def test_the_bounds_by_hand() -> None:
    upper = bounds.best_of_n_upper
    assert float(upper(100, 0.01, 0.001, max_ratio=1.5)) == pytest.approx(1.6)
    assert float(upper(100, 0.01, 0.0, kappa=0.25)) == pytest.approx(100 * (0.01 + 0.05))
    assert float(upper(100, 0.01, 0.0, kappa=0.25, max_ratio=1.5)) == pytest.approx(1.5)
    assert float(upper(100, 0.9, 0.5, kappa=0.25)) == 100.0
    assert float(upper(100, 0.0, 0.0, kappa=1.0, failure=0.02)) == pytest.approx(2.0)
    loss = bounds.wrong_verifier_loss
    assert float(loss(100, 0.1, 2)) == pytest.approx(19.0)
    assert float(loss(100, 1e-12, 1e6)) == pytest.approx(1e-4, rel=1e-6)


def test_a_wrong_verifier_loses_no_more_and_nearly_as_much(rng) -> None:
    for _ in range(100):
        p, r = rng.dirichlet(np.ones(6)), rng.uniform(0, 10, 6)
        wrong = np.where(rng.random(6) < 0.3, rng.uniform(0, 10, 6), r)
        e = p[wrong != r].sum()
        for n in (1, 2, 9, 100):
            loss = (ac.search.best_of_n(p, r, n) - ac.search.best_of_n(p, wrong, n)) @ r
            assert loss <= bounds.wrong_verifier_loss(10, e, n) + 1e-12
    e, n = 1e-3, 50
    p = np.array([e, 1 - e])
    loss = (ac.search.best_of_n(p, [0, 9.999], n) - ac.search.best_of_n(p, [10, 9.999], n)) @ [
        0,
        9.999,
    ]
    assert loss == pytest.approx(float(bounds.wrong_verifier_loss(10, e, n)), rel=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.best_of_n_upper(10, 0.1, 0.1), "needs kappa or max_ratio"),
        (lambda: bounds.best_of_n_upper(10, 0.1, 2, kappa=1), r"delta must lie in \[0, 1\]"),
        (lambda: bounds.best_of_n_upper(10, 0.1, 0, max_ratio=0.5), "max_ratio must be >= 1"),
        (lambda: bounds.wrong_verifier_loss(10, 1.5, 2), r"error must lie in \[0, 1\]"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
