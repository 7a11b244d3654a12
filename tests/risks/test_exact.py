"""Risks without sampling: against enumeration of data sets, the sampled ones, and the bounds."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.learners import BUILT_IN, Data, GridPrior, Setting
from antiscale.risks.exact import bayes_risk_on_two_types, search_on_clone, sft_mirror_risk
from antiscale.sweeps.cell import simulate
from tests.oracles_bounds import (
    bayes_risk,
    count_vectors,
    data_law,
    exact_many_point_on_two_types,
    law_of_counts,
)

# Sampled risks have 99% Student intervals of half-width d, 2.59 standard errors at 300 replicates,
# as many as here; a miss by 2 d has probability below 1e-6.
SLACK, HALF = 2.0, 2.59
# What no replicate happened to show, in tokens: events of probability 1e-8 or so.
RARE = 1e-6


def enumerated_sft(expert, base, returns, n: int, rho) -> float:
    """SFT's risk over the mirror class by writing down every data set, prompt by prompt."""
    total = 0.0
    for p, b, r, mass in zip(expert, base, returns, rho, strict=True):
        for seen in range(n + 1):
            chance = stats.binom.pmf(seen, n, mass)
            if seen == 0:
                total += mass * chance * abs(p @ r - b @ r)
                continue
            counts = count_vectors(seen, len(p))
            law = law_of_counts(p[None], counts)[0]
            total += mass * chance * float(law @ np.abs(counts @ r / seen - p @ r))
    return total


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_sft_on_the_mirror_class_is_that_of_all_data_sets(rng, n: int) -> None:
    for _ in range(4):
        expert, base = rng.dirichlet(np.ones(3), (2, 2))
        returns = rng.integers(0, 9, (2, 3)).astype(float) * rng.choice([1, 4])
        rho = rng.dirichlet(np.ones(2))
        found = sft_mirror_risk(expert, returns, n, rho, base=base)
        assert found.value == pytest.approx(
            enumerated_sft(expert, base, returns, n, rho), rel=1e-9, abs=1e-12
        )


def test_sft_on_fair_bits_is_de_moivres_mean_deviation() -> None:
    # E|Bin(n, 1/2)/n - 1/2| = C(n-1, floor(n/2)) / 2^n for even n (de Moivre 1730).
    for n in (2, 10, 1000, 10**6):
        found = sft_mirror_risk(
            np.array([[0.5, 0.5]]),
            np.array([[1.0, 0.0]]),
            n,
            np.ones(1),
            base=np.array([[0.5, 0.5]]),
        )
        log = stats.binom.logpmf(n // 2, n, 0.5) - np.log(2)
        assert found.value == pytest.approx(float(np.exp(log)), rel=1e-8)


def test_a_mean_of_five_values_is_that_of_convolutions_and_for_many_traces_normal() -> None:
    law, returns = np.array([0.3, 0.1, 0.2, 0.3, 0.1]), np.arange(5.0)
    mean = law @ returns
    sigma = np.sqrt(law @ (returns - mean) ** 2)

    def risk(n: int) -> float:
        found = sft_mirror_risk(law[None], returns[None], n, np.ones(1), base=law[None])
        assert found.value is not None
        return found.value

    sums = law
    for _ in range(10):
        sums = np.convolve(sums, sums)
    direct = sums @ np.abs(np.arange(len(sums)) / 1024 - mean)
    assert risk(1024) == pytest.approx(direct, rel=1e-10)
    # The mean deviation of a lattice sum is the normal one but for a share of order 1/n.
    for n in (10**6, 10**8):
        limit = np.sqrt(2 / np.pi / n) * sigma
        assert risk(n) == pytest.approx(limit, rel=max(1 / n, 1e-7))


def test_what_has_no_exact_risk_says_why() -> None:
    fractions = sft_mirror_risk(
        np.array([[0.5, 0.5]]), np.array([[0.5, 0.0]]), 9, np.ones(1), base=np.array([[0.5, 0.5]])
    )
    assert fractions.value is None
    assert "lattice" in fractions.reason
    returns = np.arange(5000.0)[None]
    even = np.full((1, 5000), 1 / 5000)
    fine = sft_mirror_risk(even, returns, 10**9, np.full(1, 0.5), base=even)
    assert "too fine" in fine.reason
    row = simulate(ac.SweepConfig(repeats=2, exact=True), 16, 512).row
    assert row["vf_exact"] is None
    assert "no closed law" in row["vf_exact_reason"]
    assert "too many sets" in row["vb_exact_reason"]


CASES = [
    {"reward_class": "mirror", "parameters": {"styles": 4, "lengths": 2, "prompts": 3}},
    {"reward_class": "styles", "parameters": {"styles": 4, "lengths": 2, "prompts": 2}},
    {"family": "sharp", "parameters": {"styles": 6, "prompts": 2}, "samples": 40},
    {"family": "difficulty", "parameters": {"prompts": 3, "lengths": 2}, "samples": 20},
    {"family": "two_point", "samples": 3},
    {"family": "two_point", "samples": 5, "reward_class": "tabular"},
    {"family": "erdos", "parameters": {"steps": 3, "prompts": 2}, "samples": 9},
    {"family": "geometric", "parameters": {"announced": False}, "samples": 9},
    {"family": "explicit", "samples": 6, "reward_class": "explicit", "kappa": 1.0,
     "parameters": {"pmf": [[0.5, 0.3, 0.2]], "hitting_times": [[1, 9, 17]]},
     "class_parameters": {"hitting_times": [[9, 1, 5], [17, 17, 1]]}},
]  # fmt: skip


SEEN_ONLY = [name for name, learner in BUILT_IN.items() if learner.seen_only]
PAIRS = [(case, "simple") for case in range(len(CASES))]
PAIRS += [(1, learner) for learner in SEEN_ONLY if learner != "simple"]
PAIRS += [
    pytest.param(8, learner, marks=pytest.mark.slow) for learner in SEEN_ONLY if learner != "simple"
]
# Under `mirror` the types that tell 0/1 rewards apart are not all that tell returns apart.
CASES += [
    {
        "family": "explicit", "samples": 2, "reward_class": "mirror", "kappa": 1.0,
        "parameters": {"pmf": [[0.1, 0.5, 0.4]], "hitting_times": [[float("inf"), 8, 3]]},
    }
]  # fmt: skip
PAIRS += [(len(CASES) - 1, "binary")]


def test_the_learners_that_ask_only_what_was_seen_are_these() -> None:
    assert SEEN_ONLY == ["simple", "binary", "wide", "plugin", "kl", "best_of_n"]


@functools.cache
def row_of(case: int, learner: str) -> dict[str, Any]:
    """One row serves cloning's test and verification's."""
    config = ac.SweepConfig(**CASES[case], learner=learner, exact=True, repeats=300)
    return simulate(config, 16, config.cells()[0].n).row


@pytest.mark.parametrize(("case", "learner"), PAIRS)
def test_sampled_verification_lies_about_the_exact_one(case: int, learner: str) -> None:
    row = row_of(case, learner)
    assert row["vb_exact"] is not None, row["vb_exact_reason"]
    half = HALF * row["vb_error"]
    assert abs(row["vb_mean"] - row["vb_exact"]) <= SLACK * half + RARE
    if row["vb_upper"] is not None:
        assert row["vb_exact"] <= row["vb_upper"] + 1e-9


@pytest.mark.parametrize("case", range(len(CASES)))
def test_sampled_cloning_lies_about_the_exact_one(case: int) -> None:
    row = row_of(case, "simple")
    assert row["vf_learner"] == "sft"
    if row["vf_exact"] is None:
        assert row["rewards_stated"] > 2
        return
    half = HALF * row["vf_error"]
    assert abs(row["vf_mean"] - row["vf_exact"]) <= SLACK * half + RARE
    if row["vf_upper"] is not None:
        assert row["vf_exact"] <= row["vf_upper"] + 1e-9


@pytest.mark.parametrize("learner", ["sft", "smoothed_sft", "shrinkage", "mle"])
@pytest.mark.parametrize("mass", [0.2, pytest.param(0.5, marks=pytest.mark.slow)])
def test_every_cloner_is_exact_on_two_types(learner: str, mass: float) -> None:
    config = ac.SweepConfig(
        family="two_point", parameters={"mass": mass}, learner=learner, exact=True, repeats=300
    )
    for n in (1, 30, 2000):
        row = simulate(config, 16, n).row
        half = HALF * row["vf_error"]
        assert abs(row["vf_mean"] - row["vf_exact"]) <= SLACK * half + RARE
        if row["vf_upper"] is not None:
            assert row["vf_exact"] <= row["vf_upper"] + 1e-9


@pytest.mark.parametrize("form", ["two_point", "many_point"])
def test_the_bayes_learner_is_exact_and_above_its_bound(form: str) -> None:
    for n in (16, 512, 8192):
        config = ac.SweepConfig(
            family="two_point", learner="bayes", expert="hard", form=form, exact=True, repeats=300
        )
        row = simulate(config, 16, n).row
        half = HALF * row["vf_error"]
        assert abs(row["vf_mean"] - row["vf_exact"]) <= SLACK * half + RARE
        assert row["vf_exact"] >= row["vf_lower"] * (1 - 1e-9)
        prior = ac.bounds.hardest_prior(
            [[0.5, 0.5]], [[12.0, 4.0]], n, prompt_mass=1.0, kappa=0.25, form=form
        )
        exact = 4.0 * bayes_risk_on_two_types(
            float(prior.scale[0]), ac.bounds.GRID_STEPS, 0.5, n, many=form == "many_point"
        )
        assert row["vf_exact"] == pytest.approx(exact, rel=1e-6)


def test_bayes_risk_by_binomial_sums_is_that_of_all_data_sets() -> None:
    for mass, scale, steps, n in ((0.5, 0.4, 8, 6), (0.3, 0.2, 4, 9), (0.5, 0.7, 1, 5)):
        g = np.array([np.sqrt((1 - mass) / mass), -np.sqrt(mass / (1 - mass))])
        theta = np.linspace(-scale, scale, steps + 1)
        policies = np.array([mass, 1 - mass]) * (1 + theta[:, None] * g)
        expected = bayes_risk(theta, data_law(policies, n, 1.0))
        found = bayes_risk_on_two_types(scale, steps, mass, n)
        assert found == pytest.approx(expected, rel=1e-10)
        law = data_law(policies, n, 1.0)
        pairs = [(i, j) for i in range(steps + 1) for j in range(i + 1, steps + 1)]
        overlap = sum(np.minimum(law[i], law[j]).sum() for i, j in pairs)
        bound = scale / steps / (steps + 1) * overlap
        assert exact_many_point_on_two_types(scale, steps, mass, n) == pytest.approx(
            bound, rel=1e-10
        )
        assert bound <= expected * (1 + 1e-12)


def test_the_many_point_bound_is_nearly_met_on_two_fair_types() -> None:
    """At n = 10^4 the Bayes learner stands within 1.4 of T4c, within 1.1 of its exact-TV form."""
    n = 10**4
    hellinger = ac.bounds.hardest_prior(
        [[0.5, 0.5]], [[12.0, 4.0]], n, prompt_mass=1.0, kappa=0.25, form="many_point"
    )
    at_its_prior = 4.0 * bayes_risk_on_two_types(
        float(hellinger.scale[0]), ac.bounds.GRID_STEPS, 0.5, n
    )
    assert 1.0 <= at_its_prior / float(hellinger.value[0]) <= 1.4
    scale, steps = 0.2, 512
    exact = exact_many_point_on_two_types(scale, steps, 0.5, n)
    bayes = bayes_risk_on_two_types(scale, steps, 0.5, n)
    assert 1.0 <= bayes / exact <= 1.1
    assert exact * np.sqrt(n) == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)


@pytest.mark.parametrize("learner", ["sft", "smoothed_sft", "shrinkage", "mle", "bayes"])
def test_no_cloners_exact_worst_case_lies_under_t4(rng, learner: str) -> None:
    # Three types: the learner's average over each form's own experts, all data sets written down.
    pmf, returns, kappa = np.array([[0.5, 0.3, 0.2]]), np.array([[8.0, 4.0, 0.0]]), 0.5
    model = ac.load_family(
        "explicit", horizon=8, pmf=pmf, hitting_times=[[1, 5, np.inf]], lengths=[[1, 5, 9]]
    )
    mean = (pmf * returns).sum()
    sigma = np.sqrt((pmf * (returns - mean) ** 2).sum())
    g = (returns[0] - mean) / sigma
    for n in (1, 4, 12):
        for form in ("two_point", "many_point"):
            prior = ac.bounds.hardest_prior(
                pmf, returns, n, prompt_mass=1.0, kappa=kappa, form=form
            )
            scale = float(prior.scale[0])
            steps = 256 if form == "many_point" else 1
            theta = np.linspace(-scale, scale, steps + 1)
            setting = Setting(
                jnp.asarray(pmf), jnp.ones(1), 8.0, kappa, ac.load_class("mirror", model),
                pair=jnp.asarray(returns),
                prior=GridPrior(jnp.array([scale]), jnp.array([steps > 1]), steps),
            )  # fmt: skip
            counts = count_vectors(n, 3)
            data = Data(jnp.asarray(counts[:, None, :], dtype=float))
            policy = np.asarray(BUILT_IN[learner](data, setting))[:, 0]
            experts = pmf * (1 + theta[:, None] * g)
            law = law_of_counts(experts, counts)
            loss = np.abs((experts @ returns[0])[:, None] - policy @ returns[0])
            worst = float((law * loss).sum() / len(theta))
            # The bound is for 4096 steps; with fewer it is smaller by at most the grid's share.
            share = 1.0 if form == "two_point" else 1 - 1 / steps
            assert worst >= float(prior.value[0]) * share * (1 - 1e-9)


# Families whose risks are summed without being asked for: one side at least.
CHEAP_CASES = [
    {"family": "difficulty"},
    {"family": "two_point"},
    pytest.param({"family": "planted"}, marks=pytest.mark.slow),
    {"family": "geometric", "kappa": 1.0},
    pytest.param({"family": "lognormal", "learner": "wide"}, marks=pytest.mark.slow),
    pytest.param({"family": "difficulty", "learner": "best_of_n"}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("case", CHEAP_CASES, ids=lambda c: "-".join(map(str, c.values())))
def test_what_is_shown_is_exact_where_it_can_be_and_within_its_bounds(case) -> None:
    """Exact losses are shown unasked; none lies outside its proved bounds, and sampling agrees."""
    config = ac.SweepConfig(**case, horizon=32, repeats=100)
    methods = set()
    for place in config.cells()[-1:]:
        row = simulate(config, *place).row
        for side in ("vf", "vb"):
            methods.add(row[f"{side}_method"])
            if row[f"{side}_exact"] is None:
                assert row[f"{side}_loss"] == row[f"{side}_mean"]
                assert row[f"{side}_exact_reason"]
                continue
            assert row[f"{side}_loss"] == row[f"{side}_exact"]
            assert row[f"{side}_loss_low"] == row[f"{side}_loss_high"] == row[f"{side}_exact"]
            assert not row[f"{side}_coarse"]
            # Five standard errors: a miss has probability below 1e-6, skewed as these losses are,
            # unless hardly any replicate shows a loss; then the interval holds what it can.
            low, high = row[f"{side}_low"], row[f"{side}_high"]
            slack = 5 * row[f"{side}_error"] + 3 * (high - low) + RARE
            assert abs(row[f"{side}_mean"] - row[f"{side}_exact"]) <= slack
            if row[f"{side}_upper"] is not None:
                assert row[f"{side}_exact"] <= row[f"{side}_upper"] * (1 + 1e-9) + 1e-9
        assert row["gap_measured"] == row["vf_loss"] - row["vb_loss"]
        for side in ("vf", "vb"):
            if not row[f"{side}_may_be_negative"]:
                assert min(row[f"{side}_loss"], row[f"{side}_low"]) >= -1e-9 * place.horizon
    assert "exact" in methods


def test_the_drawn_loss_of_hard_prompts_does_not_cross_its_bound() -> None:
    """At n = 131072 twenty replicates show .021 or nothing where the truth is .003."""
    config = ac.SweepConfig(family="difficulty", repeats=20)
    row = simulate(config, 4096, 2**17).row
    assert row["vb_method"] == "exact"
    assert 0.002 < row["vb_loss"] < 0.004 < row["vb_upper"] < 0.009


def test_work_beyond_what_is_cheap_is_done_when_asked_for() -> None:
    case = {"family": "planted", "horizon": 64, "repeats": 2}
    rows = [simulate(ac.SweepConfig(**case, exact=exact), 64, 2048).row for exact in (False, True)]
    assert rows[0]["vf_method"] == "simulated"
    assert "500,000 are allowed" in rows[0]["vf_exact_reason"]
    assert rows[1]["vf_method"] == "exact"


def test_search_on_a_clone_is_the_sum_over_its_data(rng) -> None:
    n, rho = 5, np.array([0.7, 0.3])
    expert, base, tries = rng.uniform(0, 1, 2), rng.uniform(0, 1, 2), np.array([1.0, 3.0, 50.0])
    found = search_on_clone(expert, base, n, rho, tries)
    for x in range(2):
        # Right and wrong traces of the prompt, and those of the other.
        counts = count_vectors(n, 3)
        law = law_of_counts(
            np.array([[rho[x] * expert[x], rho[x] * (1 - expert[x]), 1 - rho[x]]]), counts
        )[0]
        seen = counts[:, :2].sum(-1)
        right = np.where(seen > 0, counts[:, 0] / np.maximum(seen, 1), base[x])
        expected = law @ (1 - (1 - right[:, None]) ** tries)
        np.testing.assert_allclose(found[x], expected, rtol=1e-12)
    # One try is the clone's mean: the expert where it was seen, since a frequency is unbiased.
    never = (1 - rho) ** n
    np.testing.assert_allclose(found[:, 0], (1 - never) * expert + never * base, rtol=1e-12)
