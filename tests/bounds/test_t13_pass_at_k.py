"""T13: pass@k before and after finetuning, areas over budgets, and a sweep's `--pass-at`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

import antiscale as ac
from antiscale import bounds
from antiscale.certify import truths
from antiscale.sweeps import words
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.plan import Plan


def test_the_crossing_is_the_first_k_one_by_one() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        m = int(rng.integers(1, 6))
        before, after, mass = rng.beta(0.5, 2, m), rng.beta(0.5, 2, m), rng.dirichlet(np.ones(m))
        at = bounds.pass_at_k_crossing(before, after, prompt_mass=mass)
        every = np.arange(1.0, 3000.0)[:, None]
        lead = ((1 - before) ** every - (1 - after) ** every) @ mass
        slow = next((k for k, gap in enumerate(lead, 1) if gap < -1e-13), math.inf)
        assert at == slow or (math.isinf(slow) and at >= 3000), (before, after, mass)
        found.append(at)
    # All that can happen does: none, at once, later.
    assert {True, False} == {math.isinf(at) for at in found}
    assert min(found) == 1
    assert any(1 < at < math.inf for at in found)


@pytest.mark.parametrize("rare", [1e-3, 1e-5, 1e-9])
def test_a_crossing_far_out_is_bracketed(rare: float) -> None:
    # The harder prompt's mass halves, the other's doubles.
    before, after = [3 * rare, rare], [6 * rare, rare / 2]
    at = bounds.pass_at_k_crossing(before, after)

    def lead(k: float) -> float:
        log = np.log1p(-np.array([before, after]))
        both = np.expm1(k * log).sum(-1)
        return float(both[0] - both[1])

    assert lead(at) < 0 <= lead(at - 1)
    k = optimize.brentq(lead, 0.1 / rare, 10 / rare)
    assert at == math.ceil(k)


def test_nothing_is_below_where_nothing_fell() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        before = rng.beta(0.5, 1, 4)
        after = before + rng.random((7, 4)) * (1 - before)
        assert bounds.pass_at_k_crossing(before, after) == math.inf
        # One prompt with less makes it cross, and the least of all decides.
        worse = after.copy()
        worse[3, np.argmin(before)] = before.min() * 0.5
        assert bounds.pass_at_k_crossing(before, worse) < math.inf


def test_a_crossing_where_all_terms_vanish_in_floats_is_found() -> None:
    """The falling prompt's miss outlasts the rising one's by a hair: 2^-46419."""
    at = bounds.pass_at_k_crossing([0.5, 0.5001], [0.5 - 1e-9, 0.9])

    def lead(k: float) -> float:
        """log of what the second prompt gains, less log of what the first loses, over 0.5^k."""
        lost = np.log(np.expm1(k * np.log1p(2e-9)))
        return float(k * np.log(0.4999 / 0.5) - lost)

    assert at == math.ceil(optimize.brentq(lead, 1e3, 1e6))


def test_equal_chances_cancel_although_they_are_rounded() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        p = rng.dirichlet(np.ones(5))
        same = p[:3].sum(), 1 - p[3:].sum()
        assert bounds.pass_at_k_crossing([same[0], 0.7], [0.7, same[1]]) == math.inf
    # 1/3 + 1/3 against 2/3 at the chance of 0.1; what is left rises.
    rho = [1 / 3, 1 / 3, 1 / 3]
    assert bounds.pass_at_k_crossing([0.1, 0.3, 0.2], [0.3, 0.1, 0.4], prompt_mass=rho) == math.inf
    assert bounds.pass_at_k_crossing([1.0, 0.5], [0.5, 1.0]) == math.inf


def test_a_saddle_points_pessimist_can_fall_with_clean_labels() -> None:
    """T13a (v): two rewards, neither the least; the third type says nothing of either."""
    pmf, rewards = [0.8, 0.1, 0.1], np.array([[10.0, 0.0, 0.0], [1.0, 10.0, 0.0]])
    _, policies = truths.best_in_ball(np.array(pmf), rewards[1:], 0.25)
    assert policies[0] @ rewards.T == pytest.approx([6.84, 3.17], abs=5e-3)
    policy = pmf * np.asarray(ac.chi2_ball_pessimist(pmf, rewards, 0.25).density_ratio)
    assert policy == pytest.approx(policies[0], abs=1e-5)
    assert policy[0] == pytest.approx(0.684, abs=5e-4)
    assert bounds.pass_at_k_crossing([0.8], [policy[0]]) == 1.0


def test_data_are_averaged_over_as_prompts_are() -> None:
    before, after = np.array([0.3, 0.1]), np.array([[0.5, 0.1], [0.2, 0.3], [0.6, 0.0]])
    at = bounds.pass_at_k_crossing(before, after)
    flat = bounds.pass_at_k_crossing(np.tile(before, 3), after.ravel())
    assert at == flat == 7


@pytest.mark.parametrize("average", [False, True])
def test_the_balls_optimum_lowers_no_curve_at_any_budget_of_tokens(average: bool) -> None:
    """T13a (i): P(T <= h) does not fall at any prompt and any h, per prompt and on average."""
    rng = np.random.default_rng(2)
    m, size = 3, 6  # one shape: compiled once
    for _ in range(100):
        p, rho = rng.dirichlet(np.full(size, 0.7), m), rng.dirichlet(np.ones(m))
        r = np.where(rng.random((m, size)) < 0.4, 0.0, rng.integers(1, 20, (m, size)))
        kappa = float(10.0 ** rng.uniform(-3, 1.5))
        if average:
            best = ac.chi2_ball_optimum_average(p, r, kappa, rho)
        else:
            best = ac.chi2_ball_optimum(p, r, kappa)
        policy = p * np.asarray(best.density_ratio)
        for level in range(1, 20):
            rise = ((policy - p) * (r >= level)).sum(-1)
            assert (rise >= -1e-9).all()


def learned(p, r, seen, kappa: float) -> np.ndarray:
    """The pessimist that takes for 0 whatever it has not seen."""
    _, policy = truths.best_in_ball(p, np.where(seen, r, 0.0)[None], kappa)
    return policy[0]


def test_a_pessimist_with_clean_labels_keeps_pass_at_k_within_h_but_not_within_less() -> None:
    """T13a (iii): whatever was seen, right mass does not fall; P(T <= h) can for h < H."""
    rng = np.random.default_rng(3)
    fell_earlier = 0
    for _ in range(300):
        size = int(rng.integers(2, 8))
        p = rng.dirichlet(np.ones(size))
        r = np.where(rng.random(size) < 0.4, 0.0, rng.integers(1, 20, size))
        policy = learned(p, r, rng.random(size) < 0.5, float(10.0 ** rng.uniform(-2, 1)))
        assert ((policy - p) * (r > 0)).sum() >= -1e-9
        fell_earlier += any(((policy - p) * (r >= g)).sum() < -1e-6 for g in range(1, 20))
    assert fell_earlier > 10
    # The instance of the document: H = 10, a fast right style unseen, a slow one seen.
    p, r = np.array([0.4, 0.4, 0.2]), np.array([10.0, 2.0, 0.0])
    policy = learned(p, r, np.array([False, True, True]), 0.25)
    assert policy[0] < p[0] - 0.1  # within one token
    assert policy[:2].sum() > p[:2].sum()  # within H


@pytest.mark.parametrize(
    ("before", "expert", "n"), [(0.1, 0.3, 4), (0.5, 0.68, 10), (0.02, 0.2, 30)]
)
def test_every_clone_falls_below_the_base_policy(before: float, expert: float, n: int) -> None:
    """T13a (iv): at the latest beyond n log(1 - c_e)/log(1 - c); all data sets by hand."""
    right = np.arange(n + 1) / n
    law = stats.binom.pmf(np.arange(n + 1), n, expert)

    def lead(k: int) -> float:
        return float(law @ (1 - (1 - right) ** k)) - (1 - (1 - before) ** k)

    latest = math.floor(n * math.log1p(-expert) / math.log1p(-before)) + 1
    assert lead(1) > 0
    assert all(lead(k) < 0 for k in (latest, latest + 1, 2 * latest))
    # Data sets as prompts, weighted by their law.
    at = bounds.pass_at_k_crossing(np.full(n + 1, before), right, prompt_mass=law / law.sum())
    assert at == next(k for k in range(1, latest + 1) if lead(k) < 0)


def test_areas_are_sums_over_budgets() -> None:
    rng = np.random.default_rng(4)
    size, horizon = 6, 12
    for _ in range(100):
        p = rng.dirichlet(np.ones(size))
        times = np.where(rng.random(size) < rng.random(), np.inf, rng.integers(1, 13, size))
        r = np.maximum(horizon - times + 1, 0.0)
        solved = [float(p @ (times <= h)) for h in range(1, horizon + 1)]
        assert sum(solved) == pytest.approx(p @ r)  # J is the area
        kappa = float(10.0 ** rng.uniform(-3, 1.5))
        each = [
            float(truths.best_in_ball(p, (times <= h).astype(float)[None], kappa)[0][0])
            for h in range(1, horizon + 1)
        ]
        found = float(bounds.per_budget_optimum(p, r, kappa))
        assert found == pytest.approx(sum(each), rel=1e-8, abs=1e-9)
        one = float(ac.chi2_ball_optimum(p, r, kappa).value)
        assert one <= found * (1 + 1e-9)
        values, vertex = len(np.unique(r)), (1 + kappa) * p[r == r.max()].sum() >= 1
        if values <= 2 or vertex:
            assert one == pytest.approx(found, rel=1e-7)
        else:
            assert one < found


def test_the_documents_regret_is_recomputed() -> None:
    p, r = [0.5, 0.3, 0.2], [0.0, 60.0, 100.0]
    assert float(ac.chi2_ball_optimum(p, r, 0.25).value) == pytest.approx(58.2237, abs=1e-4)
    assert float(bounds.per_budget_optimum(p, r, 0.25)) == pytest.approx(61.0)
    assert float(bounds.per_budget_optimum(p, r, np.inf)) == 100.0
    assert float(bounds.per_budget_optimum(p, r, 0.0)) == pytest.approx(38.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bounds.pass_at_k_crossing([0.5], [0.2, 0.3]), "must be of shape"),
        (lambda: bounds.pass_at_k_crossing([1.5], [0.2]), "before must lie in"),
        (lambda: bounds.pass_at_k_crossing([0.5], [0.2], prompt_mass=[0.5, 0.5]), "one entry per"),
        (lambda: bounds.per_budget_optimum([1.0], [-1.0], 0.25), "returns must be"),
        (lambda: bounds.per_budget_optimum([1.0], [1.0], -0.25), "kappa"),
        (lambda: ac.SweepConfig(pass_at=(0,)), "pass_at must be a whole number >= 1"),
        (lambda: ac.SweepConfig(pass_at=("a",)), "pass_at"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()


CLONE = {"family": "difficulty", "horizon": 16, "samples": 64, "vary": "n", "repeats": 200}


def columns(**options) -> dict:
    config = ac.SweepConfig(pass_at=(1, 4, 64), **options)
    return simulate(config, *config.cells()[-1]).row


def test_a_sweeps_clone_crosses_and_its_verifier_does_not() -> None:
    row = columns(**CLONE)
    assert row["pass_at_1_base"] < row["pass_at_1_vf_low"]
    assert row["pass_at_64_base"] > row["pass_at_64_vf_high"]
    assert 1 < row["pass_crossing_vf"] <= 64
    assert row["pass_crossing_vf_cause"] == "right traces not seen lost mass"
    assert row["pass_crossing_vb"] is row["pass_crossing_vb_cause"] is None
    for k in (1, 4, 64):
        assert row[f"pass_at_{k}_base"] <= row[f"pass_at_{k}_vb_mean"] <= row[f"pass_at_{k}_best"]


def test_a_sweeps_pass_at_k_against_all_data_sets() -> None:
    """One prompt: the clone's right mass is binomial over n, the verifier's is known when seen."""
    # Hoeffding: each mean misses by more than 0.045 with probability 2e-7, one of three with 1e-6.
    given = {"family": "two_point", "parameters": {"prompts": 1, "mass": 0.3, "low": 0.0},
             "horizon": 16, "samples": 6, "vary": "n", "repeats": 4000}  # fmt: skip
    config = ac.SweepConfig(pass_at=(1, 4, 64), **given)
    row = simulate(config, *config.cells()[-1]).row
    model = Plan.of(config).model_at(16)[0]
    right = model.returns[0] > 0
    c = float(model.pmf[0] @ right)
    best = float(truths.best_in_ball(model.pmf[0], model.returns, config.kappa)[1][0] @ right)
    n = config.cells()[-1].n
    law = stats.binom.pmf(np.arange(n + 1), n, best)
    for k in (1, 4, 64):
        assert row[f"pass_at_{k}_base"] == pytest.approx(1 - (1 - c) ** k)
        assert row[f"pass_at_{k}_best"] == pytest.approx(1 - (1 - best) ** k, rel=1e-6)
        truth = float(law @ (1 - (1 - np.arange(n + 1) / n) ** k))
        assert truth == pytest.approx(row[f"pass_at_{k}_vf_mean"], abs=0.045)


def test_noisy_labels_make_a_verifier_cross() -> None:
    row = columns(horizon=16, samples=32, vary="n", noise=0.3, learner=("sft", "plugin"))
    assert row["pass_at_1_vb_mean"] > row["pass_at_1_base"]
    assert 1 < row["pass_crossing_vb"] < math.inf
    assert row["pass_crossing_vb_cause"] == "labels are noisy"
    clean = columns(horizon=16, samples=32, vary="n", learner=("sft", "plugin"))
    assert clean["pass_crossing_vb"] is None


# Style 0 is right at the first prompt, of mass 0.8, style 1 at the second; one law for both.
TIED = {
    "pmf": [[0.25, 0.25, 0.5], [0.25, 0.25, 0.5]],
    "hitting_times": [[4.0, np.inf, np.inf], [np.inf, 4.0, np.inf]],
    "styles": [[0, 1, 2], [0, 1, 2]],
    "lengths": [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]],
    "prompt_mass": [0.8, 0.2],
}


@pytest.mark.parametrize("side", ["vf", "vb"])
def test_one_parameter_for_all_prompts_makes_a_learner_cross(side: str) -> None:
    given = {"horizon": 16, "samples": 4096, "vary": "n", "family": "explicit", "kappa": 3.0,
             "parameters": TIED, "reward_class": "explicit", "learner": ("loglinear", "npg"),
             "class_parameters": {"hitting_times": [TIED["hitting_times"],
                                                    TIED["hitting_times"][::-1]],
                                  "mirrors": False}, "repeats": 20}  # fmt: skip
    row = columns(**given)
    # The law of the styles nears (0.8, 0.2, 0) for the clone and (1, 0, 0) for the verifier.
    assert row[f"pass_at_1_{side}_mean"] > row["pass_at_1_base"] + 0.3
    assert row[f"pass_crossing_{side}_cause"] == "one parameter serves all prompts"
    limit = {"vf": ([0.8, 0.2]), "vb": ([1.0, 0.0])}[side]
    expected = bounds.pass_at_k_crossing([0.25, 0.25], limit, prompt_mass=[0.8, 0.2])
    assert row[f"pass_crossing_{side}"] == pytest.approx(expected, abs=1)


def test_without_pass_at_nothing_changes() -> None:
    plain, asked = ac.SweepConfig(), ac.SweepConfig(pass_at=(4, 1, 4))
    assert asked.pass_at == (1, 4)
    assert Plan.of(plain).hash != Plan.of(asked).hash
    assert "pass_at" not in Plan.of(asked).columns()
    found = ac.sweep(horizon=16, repeats=2)
    assert not [name for name in found.frame if name.startswith("pass_")]


def test_a_sweep_says_where_its_curves_cross_and_why() -> None:
    found = ac.sweep(pass_at=(1, 64), **CLONE | {"repeats": 20})
    lines = words.crossings(found.rows)
    at = found.rows[-1]["pass_crossing_vf"]
    assert lines == [
        "VF sft, right within H tokens: over the replicates its pass@k first falls below the base "
        f"policy's at k = {at:g}: right traces not seen lost mass (T13a).",
        "VB simple, right within H tokens: over the replicates its pass@k is below the base "
        "policy's at no k (T13a).",
    ]
    head, *others = words.passes_table(found.config, found.rows[-1])
    assert head == ["n = 64", "base\npolicy", "ball's\noptimum", "VF\nsft", "VB\nsimple"]
    assert [line[0] for line in others] == ["pass@1", "pass@64"]
    for whose, place in (("base", 1), ("best", 2)):
        shown = [f"{found.rows[-1][f'pass_at_{k}_{whose}']:.3f}" for k in (1, 64)]
        assert [line[place] for line in others] == shown
    assert words.crossings(ac.sweep(horizon=16, repeats=2).rows) == []
