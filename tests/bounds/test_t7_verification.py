"""T7: the pessimist's regret, by enumerating every data set, against each bound."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import antiscale as ac
from tests.oracles_bounds import count_vectors, law_of_counts

H = 10.0


def test_the_terms_are_the_printed_ones() -> None:
    terms = ac.bounds.vb_upper_terms(100.0, 0.01, kappa=0.25, sigma=3.0, max_ratio=2.0)
    assert {name: float(value) for name, value in terms.items()} == pytest.approx(
        {"H": 100, "T7a": 100 * (0.01 + 0.05), "T7(0)": 3.0, "T7b": 2.0}
    )
    wide = ac.bounds.vb_upper_terms(
        100.0, 0.01, learner="wide", kappa=0.25, sigma=3.0, max_ratio=2.0, coverage=0.5
    )
    assert set(wide) == {"H", "T7a", "T7b", "T7c"}
    assert float(wide["T7c"]) == pytest.approx(2.0)


def test_the_smallest_allowed_term_is_taken() -> None:
    assert float(ac.bounds.vb_upper(100.0, 0.01)) == 100.0
    assert float(ac.bounds.vb_upper(100.0, 0.01, kappa=0.25)) == pytest.approx(6.0)
    assert float(ac.bounds.vb_upper(100.0, 0.01, kappa=0.25, sigma=1.0)) == pytest.approx(1.0)
    assert float(ac.bounds.vb_upper(100.0, 0.01, max_ratio=2.0)) == pytest.approx(2.0)
    # coverage is not for the simple learner, sigma not for the wide one
    assert float(ac.bounds.vb_upper(100.0, 0.01, coverage=1.0)) == 100.0
    assert float(ac.bounds.vb_upper(100.0, 0.01, learner="wide", kappa=9.0, sigma=0.0)) < 100
    found = ac.bounds.vb_upper([10.0, 100.0], [[0.0], [0.5]], max_ratio=1.5)
    np.testing.assert_allclose(found, [[0, 0], [7.5, 75]])


def test_without_error_or_budget_there_is_no_loss() -> None:
    assert float(ac.bounds.vb_upper(100.0, 0.0, kappa=np.inf)) == 0.0
    assert float(ac.bounds.vb_upper(100.0, 1.0, kappa=0.0, sigma=5.0)) == 0.0


GRID = count_vectors(60, 3) / 60


def scanned(p, kappa: float) -> np.ndarray:
    """Policies of the ball around three types, on a simplex grid: no solver is trusted."""
    inside = (p * (GRID / p - 1) ** 2).sum(-1) <= kappa + 1e-12
    return np.concatenate([GRID[inside], p[None]])


def pessimist_value(policies, members, truth) -> float:
    """J_truth of the policy that maximises the least J over the members."""
    worst = (policies @ members.T).min(-1)
    return float(policies[worst.argmax()] @ truth)


@pytest.mark.parametrize("learner", ["simple", "wide"])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_pessimist_loses_no_more_than_each_bound(rng, learner: str, n: int) -> None:
    # Classes with rewards of any shape, not only those of the engine. The scan of policies is
    # 1/60 fine, so the pessimist it finds may be short of the true one by 2 H/60.
    coarse = 2 * H / 60
    tightest = 0.0
    for _ in range(12):
        p = rng.dirichlet(np.ones(3) * 3)
        members = np.unique(rng.choice([0.0, 4.0, 10.0], (int(rng.integers(2, 5)), 3)), axis=0)
        kappa = float(10 ** rng.uniform(-1, 1))
        counts = count_vectors(n, 3)
        law = law_of_counts(p[None], counts)[0]
        optima = ac.chi2_ball_optimum(p, members, kappa)
        error = ac.bounds.verifier_error(n, math.log(len(members)), uniform=True)
        policies = scanned(p, kappa if learner == "simple" else np.inf)
        # What is lost depends on which types were seen, not on how often.
        sets, which = np.unique(counts > 0, axis=0, return_inverse=True)
        regret = np.zeros(len(sets))
        for row, seen in enumerate(sets):
            for k, truth in enumerate(members):
                agree = (members[:, seen] == truth[seen]).all(-1)
                value = pessimist_value(policies, members[agree], truth)
                regret[row] = max(regret[row], float(optima.value[k]) - value)
        regret = regret[which.ravel()]
        exact = law @ regret
        terms = ac.bounds.vb_upper_terms(
            H, error, learner=learner, kappa=kappa,
            sigma=float(np.max(ac.heterogeneity(p, members))),
            max_ratio=float(np.max(optima.density_ratio)),
            coverage=float(np.min(ac.coverage(p, members, np.asarray(optima.value)))),
        )  # fmt: skip
        for name, bound in terms.items():
            assert exact <= float(bound) + coarse, name
        tightest = max(tightest, exact / min(float(b) for b in terms.values()))
    if n > 1:
        assert tightest > 0.01


@pytest.mark.parametrize("n", [1, 3, 6])
def test_on_an_average_budget_the_pessimist_loses_no_more_than_each_bound(rng, n: int) -> None:
    """Two prompts, types right or wrong on their own: pessimism is T2 at the least reward."""
    tightest = 0.0
    for _ in range(8):
        p, rho = rng.dirichlet(np.ones(2), 2), np.array([0.6, 0.4])
        kappa = float(10 ** rng.uniform(-1, 0.3))
        members = np.array(list(itertools.product([2.0, H], repeat=4))).reshape(-1, 2, 2)
        counts = count_vectors(n, 4)
        law = law_of_counts((rho[:, None] * p).reshape(1, 4), counts)[0]
        optima = ac.chi2_ball_optimum_average(p, members, kappa, rho)
        feared = np.where((counts > 0).reshape(-1, 1, 2, 2), members, 2.0)
        played = ac.chi2_ball_optimum_average(p, feared, kappa, rho)
        value = ((p * members) * np.asarray(played.density_ratio)).sum(-1) @ rho
        exact = law @ (np.asarray(optima.value) - value).max(-1)
        spread = np.asarray(ac.heterogeneity(p, members))
        terms = ac.bounds.vb_upper_terms(
            H - 2.0, float(rho @ ac.bounds.unseen_mass(p, n, prompt_mass=rho)), kappa=kappa,
            sigma=float(np.sqrt((spread**2 @ rho).max())),
            max_ratio=float(np.max(optima.density_ratio)),
        )  # fmt: skip
        for name, bound in terms.items():
            assert exact <= float(bound) * (1 + 1e-9), name
        tightest = max(tightest, exact / min(float(b) for b in terms.values()))
    assert tightest > 0.1


@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_in_probability_the_pessimist_loses_no_more_than_each_bound(rng, delta: float) -> None:
    """T7 with T6d's error: the exact law of the sup over all truths at once."""
    for n in (2, 5):
        p = rng.dirichlet(np.ones(4))
        members = np.array(list(itertools.product([0.0, H], repeat=4)))
        counts = count_vectors(n, 4)
        law = law_of_counts(p[None], counts)[0]
        feared = np.where((counts > 0)[:, None], members, 0.0)
        for kappa in (0.1, 1.0):
            optima = ac.chi2_ball_optimum(p, members, kappa)
            played = ac.chi2_ball_optimum(p, feared, kappa)
            value = (p * members * np.asarray(played.density_ratio)).sum(-1)
            regret = (np.asarray(optima.value) - value).max(-1)
            error = ac.bounds.unseen_mass_in_probability(p, n, delta)
            ratio = float(np.max(optima.density_ratio))
            terms = ac.bounds.vb_upper_terms(H, error, kappa=kappa, max_ratio=ratio)
            for name, bound in terms.items():
                assert law[regret > float(bound) * (1 + 1e-9)].sum() <= delta, name


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_where_nothing_was_seen_the_base_policy_may_be_played(n: int) -> None:
    # Two prompts, styles of one type each; the engine's own learners, all data sets enumerated.
    import jax.numpy as jnp

    from antiscale.learners import Setting, load_learner
    from antiscale.learners.base import Data

    model = ac.load_family(
        "explicit", horizon=10, pmf=[[0.6, 0.4], [0.3, 0.7]],
        hitting_times=[[3, np.inf], [np.inf, 9]], lengths=[[3, 9], [3, 9]], styles=[[0, 1], [0, 1]],
    )  # fmt: skip
    rewards = ac.load_class("styles", model)
    members, _ = rewards.all_members()
    kappa = 0.5
    joint = (model.prompt_mass[:, None] * model.pmf).ravel()
    counts = count_vectors(n, 4)
    law = law_of_counts(joint[None], counts)[0]
    shaped = counts.reshape(-1, 2, 2).astype(float)
    setting = Setting(jnp.asarray(model.pmf), jnp.asarray(model.prompt_mass), 10.0, kappa, rewards)
    optima = ac.chi2_ball_optimum(model.pmf, members, kappa)
    unseen = model.prompt_mass @ ac.bounds.unseen_mass(
        rewards.verified_blocks, n, prompt_mass=model.prompt_mass
    )
    for learner in ("simple", "wide"):
        regret = np.full((len(counts), 2, len(members)), -np.inf)
        for k, truth in enumerate(members):
            labels = np.where(shaped > 0, truth, 0.0)
            policy = load_learner(learner)(Data(jnp.asarray(shaped), jnp.asarray(labels)), setting)
            regret[..., k] = optima.value[k] - (np.asarray(policy) * truth).sum(-1)
        exact = law @ (regret.max(-1) @ model.prompt_mass)
        terms = ac.bounds.vb_upper_terms(
            10.0, unseen, learner=learner, kappa=kappa,
            sigma=float(model.prompt_mass @ np.max(ac.heterogeneity(model.pmf, members), 0)),
            max_ratio=float(np.max(optima.density_ratio)),
            coverage=float(np.min(ac.coverage(model.pmf, members, np.asarray(optima.value)))),
        )  # fmt: skip
        for name, bound in terms.items():
            assert exact <= float(bound) + 1e-12, (learner, name)
        if learner == "simple":
            assert exact > 0.1 * min(float(bound) for bound in terms.values())  # not vacuous


def test_the_density_ratio_is_as_stated(rng) -> None:
    for _ in range(200):
        p, r = rng.dirichlet(np.ones(4)), rng.uniform(0, 10, 4)
        kappa = float(10 ** rng.uniform(-3, 1))
        best = ac.chi2_ball_optimum(p, r, kappa)
        mean, sigma = p @ r, float(ac.heterogeneity(p, r))
        top = p[r == r.max()].sum()
        if 1 + kappa >= 1 / top:
            expected = 1 / top
        elif 1 + math.sqrt(kappa) * (r.min() - mean) / sigma >= 0:
            expected = 1 + math.sqrt(kappa) * (r.max() - mean) / sigma
        else:
            nu = float(best.threshold)
            a = r > nu
            expected = (r.max() - nu) / (p[a] @ (r[a] - nu))
        assert float(np.max(best.density_ratio)) == pytest.approx(expected, rel=1e-9)


def test_the_policy_of_coverage_is_no_farther_than_it_says(rng) -> None:
    # chi2(pibar) <= 1/ct - 1: so the wide pessimist's ball holds the comparator.
    for _ in range(200):
        p, r = rng.dirichlet(np.full(5, 0.5)), rng.integers(0, 6, 5).astype(float)
        kappa = float(10 ** rng.uniform(-3, 1.5))
        best = ac.chi2_ball_optimum(p, r, kappa)
        covered = float(ac.coverage(p, r, np.asarray(best.value)))
        chi2 = p @ (np.asarray(best.density_ratio) - 1) ** 2
        assert chi2 <= 1 / covered - 1 + 1e-9


def test_other_learners_are_held_to_no_bound() -> None:
    with pytest.raises(ac.InputError, match="only the learners simple and wide"):
        ac.bounds.vb_upper(10.0, 0.1, learner="binary")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"error": 1.5}, r"error must lie in \[0, 1\]"),
        ({"error": np.nan}, "error contains NaN"),
        ({"kappa": -1}, "kappa must be >= 0"),
        ({"max_ratio": 0.5}, r"max_ratio must be >= 1; got 0\.5"),
        ({"learner": "wide", "coverage": 0}, r"coverage must lie in \(0, 1\]"),
        ({"kappa": 1, "sigma": -1}, "sigma must be finite and >= 0"),
    ],
)
def test_bad_input_gets_one_clear_line(options: dict, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        ac.bounds.vb_upper(10.0, **({"error": 0.1} | options))


def test_enumerations_cover_all_data_sets() -> None:
    assert len(count_vectors(6, 3)) == math.comb(8, 2)
    for n, size in itertools.product((0, 1, 5), (1, 2, 4)):
        p = np.full(size, 1 / size)
        assert law_of_counts(p[None], count_vectors(n, size)).sum() == pytest.approx(1)
