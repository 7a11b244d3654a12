"""Pessimism about a score (T10n): its law, its bound, its strategy, and CodeT's curve."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale import bounds, presets, search
from antiscale.certify import truths
from antiscale.rollouts import search as rolled
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.rollouts.table import load, read_table
from antiscale.search import SearchConfig
from antiscale.search.laws.correlated import correlated
from antiscale.search.strategies import STRATEGIES, Search, Setup
from tests import oracles_search as oracle

PMF = np.array([0.4, 0.3, 0.2, 0.1])
SCORES = np.array([1.0, 0.0, 3.0, 2.0])
KAPPAS = (0.0, 1e-6, 0.25, 1.0, 3.0, 100.0)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_the_law_is_the_balls_optimum_and_its_tries_the_largest_ratio(kappa: float) -> None:
    law, tries = search.pessimism(PMF, SCORES, kappa)
    _, policy = truths.best_in_ball(PMF, SCORES[None], kappa)
    np.testing.assert_allclose(law, policy[0], atol=2e-8)
    assert tries == pytest.approx((policy[0] / PMF).max(), rel=1e-7)
    assert PMF @ (law / PMF - 1.0) ** 2 <= kappa + 1e-9


def test_only_the_order_and_the_shape_of_a_score_matter() -> None:
    law, tries = search.pessimism(PMF, SCORES, 0.25)
    other, same = search.pessimism(PMF, 1e6 * SCORES - 17.0, 0.25)
    np.testing.assert_allclose(law, other, rtol=1e-9)
    assert tries == pytest.approx(float(same), rel=1e-9)


@pytest.mark.parametrize("tries", [0, 1, 2, 3, 4])
def test_at_most_so_many_tries_by_enumeration(tries: int) -> None:
    _, policy = truths.best_in_ball(PMF, SCORES[None], 1.0)
    ratio = policy[0] / PMF
    accept = ratio / ratio.max()
    law, spent = np.zeros(4), 0.0
    # Every sequence of traces with every verdict.
    kinds = [(j, told) for j in range(4) for told in (0, 1)]
    for run in itertools.product(kinds, repeat=tries):
        chance = math.prod(PMF[j] * (accept[j] if told else 1.0 - accept[j]) for j, told in run)
        first = next((k for k, (_, told) in enumerate(run) if told), tries - 1)
        if tries:
            law[run[first][0]] += chance
            spent += chance * (first + 1)
    found = search.pessimism(PMF, SCORES, 1.0, tries)
    np.testing.assert_allclose(found.law, law, atol=3e-8)
    assert found.spent == pytest.approx(spent, abs=1e-7)
    # What the cap changes: (1 - 1/W)^N of the mass.
    whole = search.pessimism(PMF, SCORES, 1.0)
    missed = (1.0 - 1.0 / whole.spent) ** tries
    if tries:
        assert 0.5 * np.abs(found.law - whole.law).sum() <= missed + 1e-9


def test_the_law_and_its_tries_on_a_million_runs(rng) -> None:
    # 1e-6 each.
    law, tries = search.pessimism(PMF, SCORES, 1.0, 3)
    _, policy = truths.best_in_ball(PMF, SCORES[None], 1.0)
    accept = np.minimum(policy[0] / PMF / (policy[0] / PMF).max(), 1.0)
    kept, spent = oracle.rejection(rng, PMF, accept, np.ones(4), tries=3)
    oracle.agree(kept, law)
    oracle.agree_in_mean(spent, float(tries), 3.0)


def loss(pmf, returns, scores, kappa: float) -> float:
    best, _ = truths.best_in_ball(np.array(pmf), np.array([returns], dtype=float), kappa)
    _, played = truths.best_in_ball(np.array(pmf), np.array([scores], dtype=float), kappa)
    return float(best[0] - played[0] @ np.array(returns))


def test_the_bound_is_the_least_over_c() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        p, r, s = rng.dirichlet(np.ones(5)), rng.normal(size=5), rng.normal(size=5)
        found = bounds.score_pessimism_loss(p, r, s, 0.25)
        grid = r - np.linspace(0.0, 30.0, 30_001)[:, None] * s
        spread = np.sqrt(np.maximum((p * grid**2).sum(-1) - (p * grid).sum(-1) ** 2, 0.0))
        # Within the grid's step: the spread is least at a smooth point or at c = 0.
        assert found <= spread.min() * (1 + 1e-9)
        assert found >= spread.min() * (1 - 1e-3)
        assert loss(p, r, s, 0.25) <= found * (1 + 1e-9)


def test_against_the_base_policy_half_of_it_is_enough() -> None:
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(300):
        size = int(rng.integers(2, 8))
        p, r = rng.dirichlet(np.ones(size)), rng.normal(size=size)
        s = rng.normal(size=size) - rng.uniform(0, 3) * r
        kappa = float(10.0 ** rng.uniform(-3, 2))
        _, played = truths.best_in_ball(p, s[None], kappa)
        half = float(bounds.score_pessimism_loss(p, r, s, kappa)) / 2.0
        worst = max(worst, float(p @ r - played[0] @ r) / half)
    assert 0.9 < worst <= 1.0 + 1e-9


def test_without_clipping_the_value_is_the_correlations() -> None:
    rng = np.random.default_rng(2)
    p, r, s = rng.dirichlet(np.ones(6)), rng.normal(size=6), rng.uniform(size=6)
    mean, spread = p @ s, math.sqrt(p @ (s - p @ s) ** 2)
    kappa = (spread / (mean - s.min())) ** 2  # the largest that clips no type
    law, _ = search.pessimism(p, s, kappa)
    sigma = math.sqrt(p @ (r - p @ r) ** 2)
    corr = p @ ((r - p @ r) * (s - mean)) / (sigma * spread)
    assert law @ r == pytest.approx(p @ r + math.sqrt(kappa) * corr * sigma, abs=1e-7)


@pytest.mark.parametrize("aimed", [-0.9, -0.3, 0.0, 0.3, 0.9, 0.999])
def test_the_two_is_sharp_at_every_correlation(aimed: float) -> None:
    # A rare bad type, about which both agree or only the score speaks; opposed on the rest.
    rare = 1e-10
    v = 1e-5 if aimed >= 0 else 1.0
    a = v / abs(aimed) * math.sqrt(1 - aimed**2) if aimed < 0 else 0.1
    if aimed > 0:
        a = aimed / math.sqrt(1 - aimed**2)
    deep = a / math.sqrt(rare)
    p = np.array([rare, (1 - rare) / 2, (1 - rare) / 2])
    r = np.array([-deep if aimed > 0 else 0.0, 1.0, -1.0])
    s = np.array([-deep, -v, v])
    assert _correlation(p, r, s) == pytest.approx(aimed, abs=1e-3)
    ratio = loss(p, r, s, 0.25) / float(bounds.score_pessimism_loss(p, r, s, 0.25))
    assert 0.999 < ratio <= 1 + 1e-9


@pytest.mark.parametrize("kappa", [1.5, 4.0, 100.0])
def test_beyond_one_the_root_of_two_and_two_kappa_is_enough_and_sharp(kappa: float) -> None:
    share = 2.0 * math.sqrt(kappa) / math.sqrt(2.0 * (1.0 + kappa))
    rng = np.random.default_rng(3)
    for _ in range(100):
        size = int(rng.integers(2, 8))
        p, r = rng.dirichlet(np.ones(size)), rng.normal(size=size)
        s = rng.normal(size=size) - rng.uniform(-2, 3) * r
        found = float(bounds.score_pessimism_loss(p, r, s, kappa)) / share
        assert loss(p, r, s, kappa) <= found * (1 + 1e-9)
    q, rare = 1 / (1 + kappa), 1e-10
    cases = (1.0, 0.0, False), (1e-5, 0.5, True), (1.0, 0.5, False), (1e-6, 1e-3, True)
    for v, a, common in cases:
        p = np.array([rare, q, q, 1 - 2 * q - rare])
        deep = a / math.sqrt(rare)
        r, s = np.array([-deep * common, 1, -1, 0]), np.array([-deep, -v, v, 0])
        found = float(bounds.score_pessimism_loss(p, r, s, kappa)) / share
        assert loss(p, r, s, kappa) / found == pytest.approx(1.0, abs=1e-3)


def _correlation(p, r, s) -> float:
    r, s = r - p @ r, s - p @ s
    return float(p @ (r * s) / math.sqrt((p @ r**2) * (p @ s**2)))


def test_many_prompts_broadcast() -> None:
    pmf = np.stack([PMF, PMF[::-1]])
    law, tries = search.pessimism(pmf, SCORES, [[0.25], [1.0], [2.0]])
    assert law.shape == (3, 2, 4)
    assert tries.shape == (3, 2)
    for k, kappa in enumerate((0.25, 1.0, 2.0)):
        for x in range(2):
            one = search.pessimism(pmf[x], SCORES, kappa)
            np.testing.assert_allclose(law[k, x], one.law, atol=1e-12)
            assert tries[k, x] == pytest.approx(float(one.spent))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scores": [0.0, np.nan, 1.0, 2.0]}, "scores"),
        ({"scores": [0.0, np.inf, 1.0, 2.0]}, "finite"),
        ({"kappa": -1.0}, "kappa"),
        ({"kappa": np.inf}, "kappa"),
        ({"tries": 1.5}, "tries must be whole"),
        ({"pmf": [0.5, 0.6, 0.0, 0.0]}, "pmf must sum to 1"),
    ],
)
def test_bad_input_gets_one_clear_line(given: dict, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        search.pessimism(**({"pmf": PMF, "scores": SCORES, "kappa": 1.0} | given))


MODEL = {
    "pmf": [[0.15, 0.15, 0.35, 0.35]],
    "hitting_times": [[3.0, 5.0, np.inf, np.inf]],
    "lengths": [[3.0, 5.0, 3.0, 5.0]],
    "styles": [[0, 0, 1, 1]],
}


def setup(**changes: object) -> Setup:
    given = {
        "family": "explicit", "parameters": MODEL, "horizon": 9, "budgets": (5, 11, 26, 4000),
        "wrong_answers": 2, "correlation": 0.5, "passes": 2, "kappa": 1.0,
        "strategies": ("pessimism",),
    }  # fmt: skip
    return Setup.of(SearchConfig(**(given | changes)))


def accepting(settings: SearchConfig, base) -> tuple[np.ndarray, np.ndarray]:
    """Chance that a trace of each type is accepted in each state, by the oracle's ball."""
    law = correlated(
        base.solved, base.answers, settings.true_positive, settings.false_positive,
        settings.correlation, passes=settings.passes,
    )  # fmt: skip
    mass, weight = law.mass[0], law.weight[0]
    accept = []
    for state in mass:  # [L, S]
        seen = state @ base.pmf[0]
        _, policy = truths.best_in_ball(seen, np.arange(len(seen))[None].astype(float), 1.0)
        ratio = policy[0] / seen
        accept.append(ratio / ratio.max() @ state)
    return np.array(accept), weight


def test_the_strategy_under_a_hard_cap_on_a_million_runs(rng) -> None:
    # 1e-6 each.
    made = setup()
    found = STRATEGIES["pessimism"].run(Search(made, "base", made.base))
    accept, weight = accepting(made.config, made.base)
    state = oracle.states(rng, weight, oracle.RUNS)
    kept, spent = np.empty(oracle.RUNS, dtype=int), np.empty(oracle.RUNS)
    for k, each in enumerate(accept):
        here = state == k
        some = oracle.rejection(
            rng, made.base.pmf[0], np.minimum(each, 1.0), made.base.costs[0], budget=11,
            runs=int(here.sum()),
        )  # fmt: skip
        kept[here], spent[here] = some
    oracle.agree(kept, found.law[0, 1])
    oracle.agree_in_mean(spent, found.spent[0, 1], 11.0)


@pytest.mark.parametrize("kind", ["hard", "expected"])
def test_with_tokens_to_spare_the_strategy_draws_from_pi_s(kind: str) -> None:
    made = setup(budget_kind=kind)
    found = STRATEGIES["pessimism"].run(Search(made, "base", made.base))
    accept, weight = accepting(made.config, made.base)
    law = made.base.pmf[0] * accept
    law /= law.sum(-1, keepdims=True)
    np.testing.assert_allclose(found.law[0, -1], weight @ law, atol=1e-7)


def test_pessimism_stays_where_best_of_n_falls() -> None:
    """A score that false positives fool for good: T10g turns best-of-N down, pi_s has no N."""
    model = MODEL | {"pmf": [[0.05, 0.05, 0.45, 0.45]]}
    given = {"budget_kind": "expected", "correlation": 0.5, "passes": 30, "wrong_answers": 16,
             "budgets": (5, 20, 80, 640, 10**6), "false_positive": 0.1, "true_positive": 0.8,
             "parameters": model}  # fmt: skip
    made = setup(**given)
    right = {
        name: [
            float(law[made.base.solved[0]].sum())
            for law in STRATEGIES[name].run(Search(made, "base", made.base)).law[0]
        ]
        for name in ("correlated", "pessimism")
    }
    assert max(right["correlated"]) > right["correlated"][-1] + 0.05
    assert right["pessimism"] == sorted(right["pessimism"])


def codet():
    table, columns = presets.example("codet")
    asked = DiagnoseConfig(columns=columns)
    return load(read_table(table, asked), asked).rollouts


def test_codets_curve_is_recomputed_problem_by_problem() -> None:
    """The figures of the document: best-of-N falls from N = 4 on, pi_s from kappa = 2 on."""
    rollouts = codet()
    ranked = rolled.ranks(rollouts)
    won = [float(rolled.best_of_n(ranked, n).mean()) for n in (1, 4, 16, 100)]
    assert [round(each, 3) for each in won] == [0.221, 0.302, 0.274, 0.212]
    shown = {0.25: (0.272, 1.9), 1.0: (0.304, 3.3), 2.0: (0.307, 5.0), 4.0: (0.292, 7.7)}
    for kappa, (right, tries) in shown.items():
        found, drawn = rolled.pessimism(rollouts, kappa)
        assert (round(float(found.mean()), 3), round(float(drawn.mean()), 1)) == (right, tries)
        slow = []
        for x in range(0, len(found), 10):
            here = rollouts.problem == x
            p = np.full(here.sum(), 1.0 / here.sum())
            _, policy = truths.best_in_ball(p, rollouts.score[here][None], kappa)
            slow.append((policy[0] @ rollouts.correct[here], (policy[0] / p).max()))
        np.testing.assert_allclose(found[::10], [a for a, _ in slow], atol=1e-7)
        np.testing.assert_allclose(drawn[::10], [b for _, b in slow], rtol=1e-6)


def test_problems_with_unlike_numbers_of_samples_are_each_their_own() -> None:
    table = pd.DataFrame({
        "problem": ["a"] * 4 + ["b"] * 2, "correct": [1, 0, 0, 1, 0, 1], "length": 1,
        "score": [3.0, 1.0, 2.0, 2.0, 0.5, 0.0],
    })  # fmt: skip
    rollouts = load(table, DiagnoseConfig()).rollouts
    found, drawn = rolled.pessimism(rollouts, 0.5)
    for x, (score, right) in enumerate(
        [([3.0, 1.0, 2.0, 2.0], [1, 0, 0, 1]), ([0.5, 0.0], [0, 1])]
    ):
        law, tries = search.pessimism(np.full(len(score), 1 / len(score)), score, 0.5)
        assert found[x] == pytest.approx(float(law @ np.array(right)))
        assert drawn[x] == pytest.approx(float(tries))
