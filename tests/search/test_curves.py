"""Strategies on a token axis: each against plain simulation, the rows, the command, the README."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import antiscale as ac
from antiscale import cli, plots
from antiscale.figures.search import SHOWN
from antiscale.plots import search
from antiscale.search import SearchConfig, curves
from antiscale.search.learned import lessons
from antiscale.search.problem import SearchProblem
from antiscale.search.reading import reading
from antiscale.search.strategies import STRATEGIES, Search, Setup, parse
from tests import oracles_search as oracle

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BUDGETS = (5, 11, 26)

# Two prompts, each with its own success; costs say nothing of answers at the first alone.
MODEL = {
    "pmf": [[0.15, 0.15, 0.35, 0.35], [0.3, 0.1, 0.2, 0.4]],
    "hitting_times": [[3.0, 5.0, np.inf, np.inf], [2.0, 6.0, np.inf, np.inf]],
    "lengths": [[3.0, 5.0, 3.0, 5.0], [2.0, 6.0, 4.0, 7.0]],
    "styles": [[0, 0, 1, 1], [0, 0, 1, 1]],
}


def config(*strategies: str, **changes: object) -> SearchConfig:
    given = {
        "family": "explicit", "parameters": MODEL, "horizon": 9, "budgets": BUDGETS,
        "samples": 12, "wrong_answers": 2, "correlation": 0.5, "passes": 2, "auc": 0.8,
        "reward_class": "styles", "strategies": strategies,
    }  # fmt: skip
    return SearchConfig(**(given | changes))


def outcome(setup: Setup, name: str):
    strategy, policy = parse(name)
    found = strategy.run(Search(setup, policy, setup.written_by(policy)))
    return found.problem, found


@pytest.fixture(scope="module")
def setup() -> Setup:
    return Setup.of(config("oracle"))


# name -> (type returned, tokens spent) of a million runs at one prompt under a hard cap.
def drawn_oracle(rng, base: SearchProblem, x: int, cap: int, settings: SearchConfig):
    law = ac.search.by_score(base.returns[x])
    kept = oracle.capped(rng, base.pmf[x], law.mass, law.weight, base.costs[x], cap)
    return kept, None


def drawn_single(rng, base, x, cap, settings):
    drawn = oracle.types(rng, base.pmf[x], (oracle.RUNS,))
    costs = base.costs[x][drawn]
    return np.where(costs <= cap, drawn, -1), np.minimum(costs, cap)


def drawn_score_law(name: str):
    def draw(rng, base, x, cap, settings):
        true, false = np.array(settings.verifiers).T
        solved = base.solved[x]
        laws = {
            "verdict": lambda: ac.search.rates(
                solved, settings.true_positive, settings.false_positive
            ),
            "several": lambda: ac.search.several(solved, true, false),
            "roc": lambda: ac.search.roc(solved, *np.array(settings.roc).T),
            "correlated": lambda: ac.search.correlated(
                solved, base.answers[x], settings.true_positive, settings.false_positive,
                settings.correlation, passes=settings.passes,
            ),
        }  # fmt: skip
        law = laws[name]()
        kept = oracle.capped(rng, base.pmf[x], law.mass, law.weight, base.costs[x], cap)
        return kept, None

    return draw


def drawn_rejection(rng, base, x, cap, settings):
    accept = np.where(base.solved[x], settings.true_positive, settings.false_positive)
    return oracle.rejection(rng, base.pmf[x], accept, base.costs[x], budget=cap)


def drawn_revision(rng, base, x, cap, settings):
    accept = np.array([settings.true_positive] + [settings.false_positive] * 2)
    return oracle.revision(rng, base.pmf[x], base.answers[x], accept, base.costs[x], budget=cap)


def drawn_correction(rng, base, x, cap, settings):
    judge = settings.self_verifier()
    return oracle.correction(rng, base.pmf[x], base.solved[x], judge, base.costs[x], budget=cap)


def drawn_vote(weighted: bool):
    """Traces until the next no longer fits; then the first trace of the winning answer."""

    def draw(rng, base, x, cap, settings):
        runs, costs, p = oracle.RUNS, base.costs[x], base.pmf[x]
        count = base.answers.shape[-1]
        total, spent = np.zeros((runs, count)), np.zeros(runs)
        first = np.full((runs, count), -1)
        opening = np.full(runs, -1)
        rates = np.array(settings.verifiers)
        going = np.arange(runs)
        while len(going):
            drawn = oracle.types(rng, p, (len(going),))
            fits = spent[going] + costs[drawn] <= cap
            going, drawn = going[fits], drawn[fits]
            spent[going] += costs[drawn]
            wrong = rng.integers(1, count, len(going))
            answer = np.where(base.solved[x][drawn], 0, wrong)
            weight = np.ones(len(going))
            if weighted:
                chance = np.where(base.solved[x][drawn][:, None], rates[:, 0], rates[:, 1])
                weight = (rng.random(chance.shape) < chance).sum(-1)
            total[going, answer] += weight  # each run once
            new = first[going, answer] < 0
            first[going[new], answer[new]] = drawn[new]
            opening[going] = np.where(opening[going] < 0, drawn, opening[going])
        tied = total == total.max(1, keepdims=True)
        winner = (tied + rng.random(total.shape) * tied).argmax(1)
        kept = np.take_along_axis(first, winner[:, None], 1)[:, 0]
        return np.where(total.max(1) > 0, kept, opening), None

    return draw


SIMULATED: dict[str, Callable] = {
    "single": drawn_single,
    "oracle": drawn_oracle,
    "roc": drawn_score_law("roc"),
    "verdict": drawn_score_law("verdict"),
    "several": drawn_score_law("several"),
    "correlated": drawn_score_law("correlated"),
    "rejection": drawn_rejection,
    "revision": drawn_revision,
    "correction": drawn_correction,
    "majority": drawn_vote(weighted=False),
    "weighted": drawn_vote(weighted=True),
}


# The laws of the others are held to draws one by one; here they are set together.
QUICK = ("oracle", "majority", "weighted", "rejection")


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SIMULATED],
)
def test_a_strategy_under_a_hard_cap_is_what_is_drawn(rng, setup: Setup, name: str) -> None:
    # Each law and each mean at 1e-6. A vote's law needs costs that say nothing: the first prompt.
    problem, found = outcome(setup, name)
    for x in range(1 if name in ("majority", "weighted") else 2):
        base = problem
        if name in ("majority", "weighted"):
            model = {key: value[:1] for key, value in MODEL.items()}
            alone = Setup.of(dataclasses.replace(setup.config, parameters=model))
            base, found = outcome(alone, name)
            assert found.note is None
        kept, spent = SIMULATED[name](rng, base, x, BUDGETS[1], setup.config)
        oracle.agree(kept, found.law[x, 1])
        if spent is not None:
            oracle.agree_in_mean(spent, found.spent[x, 1], BUDGETS[1])


def test_a_vote_whose_answers_cost_differently_fixes_its_number(rng, setup: Setup) -> None:
    # 1e-6.
    problem, found = outcome(setup, "majority")
    assert "surely fit" in (found.note or "")
    n = BUDGETS[2] // 7
    law = np.stack([np.zeros(3), problem.answer_mass[1]], axis=-1)
    winner = oracle.vote(rng, law, n)
    right = np.where(problem.solved[1], problem.pmf[1], 0.0)
    exact = found.law[1, 2]
    oracle.agree(np.minimum(winner, 1), np.array([exact[problem.solved[1]].sum()]))
    np.testing.assert_allclose(
        exact[problem.solved[1]] / exact[problem.solved[1]].sum(),
        (right / right.sum())[problem.solved[1]],
    )


def test_learned_verifiers_and_finetuned_policies_from_a_million_draws(rng, setup: Setup) -> None:
    # Two laws at 1e-6: n traces are drawn, blocks are seen, the rest follows.
    n, x, cap = 12, 1, BUDGETS[1]
    taught, runs = setup.lessons, oracle.RUNS
    pmf, rho = setup.base.pmf[x], setup.base.prompt_mass[x]
    here = rng.binomial(n, rho, runs)
    right = pmf[setup.base.solved[x]].sum()
    seen = rng.binomial(here, right) > 0
    for name, finetuned in (("learned", False), ("learned@finetuned", True)):
        problem, found = outcome(setup, name)
        cases = problem.prompt_mass.reshape(2, -1)[x]
        exact = cases @ found.law.reshape(2, -1, *found.law.shape[1:])[x][:, 1] / rho
        kept = np.full(runs, -1)
        for known in (False, True):
            k = next(
                k for k in np.flatnonzero(taught.chance[x] > 0)
                if (taught.scores[x, k].max() > 0) == known
            )  # fmt: skip
            law = ac.search.by_score(taught.scores[x, k])
            writes = taught.policy[x, k] if finetuned else pmf
            some = np.flatnonzero(seen == known)
            kept[some] = oracle.capped(
                rng, writes, law.mass, law.weight, setup.base.costs[x], cap, runs=len(some)
            )
        oracle.agree(kept, exact)


def test_a_clone_on_a_million_data_sets(rng, setup: Setup) -> None:
    # 1e-6: the first of n traces at the prompt stands for the empirical law, by symmetry.
    problem, _ = outcome(setup, "single@cloned")
    seen = rng.random(oracle.RUNS) < 1 - (1 - setup.base.prompt_mass[0]) ** 12
    drawn = np.where(
        seen,
        oracle.types(rng, setup.expert[0], (oracle.RUNS,)),
        oracle.types(rng, setup.base.pmf[0], (oracle.RUNS,)),
    )
    oracle.agree(drawn, problem.pmf[0])


def test_the_lessons_are_the_learner_simples_mean(rng) -> None:
    from antiscale.learners import Data, Setting, load_learner

    settings = config("oracle", samples=6)
    setup = Setup.of(settings)
    rewards = ac.load_class("styles", setup.model)
    taught = lessons(setup.model, rewards, 6, settings.kappa)
    mean = np.einsum("mk,mks->ms", taught.chance, taught.policy)
    np.testing.assert_allclose(taught.chance.sum(-1), 1.0, atol=1e-14)
    # Every count of the two styles at each prompt, by the binomial laws: exact.
    import jax.numpy as jnp

    learner = load_learner("simple")
    total = np.zeros_like(mean)
    from scipy import stats

    for n_x in range(7):
        for right in range(n_x + 1):
            counts = np.zeros((2, 4))
            counts[:, 0], counts[:, 2] = right, n_x - right
            data = Data(
                jnp.asarray(counts), jnp.asarray(np.where(counts > 0, setup.model.returns, 0))
            )
            setting = Setting(
                jnp.asarray(setup.model.pmf), jnp.asarray(setup.model.prompt_mass), 9.0,
                settings.kappa, rewards,
            )  # fmt: skip
            policy = np.asarray(learner(data, setting))
            for x in range(2):
                p_right = setup.model.pmf[x, :2].sum()
                chance = stats.binom.pmf(n_x, 6, 0.5) * stats.binom.pmf(right, n_x, p_right)
                total[x] += chance * policy[x]
    np.testing.assert_allclose(mean, total, atol=1e-12)


def test_expected_budgets_are_spent_and_not_exceeded() -> None:
    names = tuple(name for name in STRATEGIES if name != "single")
    found = curves.search_curves(config(*names, budget_kind="expected"))
    for row in found.rows:
        assert row["spent"] <= row["budget"] * (1 + 1e-12)
        if row["strategy"] in ("oracle", "majority", "noisy", "allocation"):
            assert row["spent"] == pytest.approx(row["budget"], rel=1e-6) or (
                row["strategy"] == "allocation"
            )
    capped = curves.search_curves(config(*names))
    assert all(row["spent"] <= row["budget"] * (1 + 1e-12) for row in capped.rows)


def test_an_expected_budget_on_a_million_runs(rng) -> None:
    # Laws at 1e-6 each: the number of tries is drawn between two whole ones.
    settings = config("oracle", budget_kind="expected")
    setup = Setup.of(settings)
    base = setup.base
    mean = float(base.pmf[0] @ base.costs[0])
    many = np.floor(BUDGETS[1] / mean + rng.random(oracle.RUNS)).astype(int)
    _, found = outcome(setup, "oracle")
    drawn = oracle.types(rng, base.pmf[0], (oracle.RUNS, int(many.max())))
    score = base.returns[0][drawn] + 1e-6 * rng.random(drawn.shape)
    score[np.arange(drawn.shape[1]) >= many[:, None]] = -1.0
    winner = np.take_along_axis(drawn, score.argmax(1)[:, None], 1)[:, 0]
    oracle.agree(winner, found.law[0, 1])
    # Rejection, revision and correction: tries are drawn so that tokens come to the budget.
    for name, run in (
        ("rejection", lambda tries, runs: oracle.rejection(
            rng, base.pmf[0], np.where(base.solved[0], 0.9, 0.2), base.costs[0], runs,
            tries=tries)),
        ("revision", lambda tries, runs: oracle.revision(
            rng, base.pmf[0], base.answers[0], np.array([0.9, 0.2, 0.2]), base.costs[0], runs,
            tries=tries)),
        ("correction", lambda tries, runs: oracle.correction(
            rng, base.pmf[0], base.solved[0], settings.self_verifier(), base.costs[0], runs,
            tries=tries)),
    ):  # fmt: skip
        tight = config(name, budget_kind="expected", budgets=(5,))
        found = outcome(Setup.of(tight), name)[1]
        tokens = [0.0] + [float(run(k, 10**5)[1].mean()) for k in (1, 2)]
        assert tokens[1] < 5 < tokens[2]
        share = (5 - tokens[1]) / (tokens[2] - tokens[1])
        one, two = run(1, 10**5)[0], run(2, 10**5)[0]
        laws = [np.bincount(kept, minlength=4) / 1e5 for kept in (one, two)]
        # Estimated twice from 1e5 runs each: off by 0.02 with probability far below 1e-6.
        np.testing.assert_allclose(
            found.law[0, 0], (1 - share) * laws[0] + share * laws[1], atol=0.02
        )
        assert found.spent[0, 0] == pytest.approx(5.0)


def test_allocation_beats_the_same_budget_everywhere_and_is_the_best() -> None:
    for kind in ("hard", "expected"):
        settings = SearchConfig(
            strategies=("oracle", "allocation"), horizon=32, budgets=(32, 128), budget_kind=kind
        )
        found = curves.search_curves(settings)
        assert all(
            a >= o - 1e-12
            for a, o in zip(found.curve("allocation"), found.curve("oracle"), strict=True)
        )
    # Against the dual bound, on curves worked out here.
    setup = Setup.of(settings)
    problem, outcome_ = outcome(setup, "allocation")
    n = np.arange(200.0)
    mean = problem.mean_cost(problem.costs)
    values = [1 - (1 - c) ** n for c in problem.success]
    for q, budget in enumerate(settings.budgets):
        upper = ac.bounds.allocation_upper(
            [n * each for each in mean], values, budget, prompt_mass=problem.prompt_mass
        )
        exact = np.einsum(
            "m,ms,ms->", problem.prompt_mass, outcome_.law[:, q], problem.solved * 1.0
        )
        assert exact == pytest.approx(upper, abs=1e-10)


def test_reductions_between_strategies(setup: Setup) -> None:
    def law(name: str, **changes: object):
        changed = dataclasses.replace(setup.config, **changes)
        return outcome(Setup.of(changed), name)[1].law

    oracle_ = law("oracle")
    solved = setup.base.solved[:, None]
    # A perfect verdict finds a right trace whenever the oracle does; a blind one is one trace.
    perfect = law("verdict", true_positive=1.0, false_positive=0.0)
    np.testing.assert_allclose((perfect * solved).sum(-1), (oracle_ * solved).sum(-1), atol=1e-13)
    blind = law("noisy", auc=0.5)
    np.testing.assert_allclose(
        blind, law("verdict", true_positive=0.5, false_positive=0.5), atol=1e-12
    )
    np.testing.assert_allclose(
        law("correlated", correlation=0.0, passes=1), law("verdict"), atol=1e-13
    )
    one = law("several", verifiers=((0.9, 0.2),))
    np.testing.assert_allclose(one, law("verdict"), atol=1e-13)
    # Verdicts that cost tokens buy fewer traces.
    assert (law("verdict", verifier_tokens=5) * solved).sum() < (law("verdict") * solved).sum()
    # Enough labelled traces teach the truth.
    found = curves.search_curves(dataclasses.replace(
        setup.config, samples=10**6, strategies=("learned", "oracle")
    ))  # fmt: skip
    np.testing.assert_allclose(found.curve("learned"), found.curve("oracle"), atol=1e-9)
    np.testing.assert_allclose(found.curve("learned", "value"), found.curve("oracle", "value"))


@pytest.mark.parametrize(
    "family",
    [
        "difficulty",
        "two_point",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("heterogeneous", "planted", "lognormal", "erdos", "sharp", "geometric")
        ),
    ],
)
def test_every_strategy_runs_on_other_families(family: str) -> None:
    names = (*STRATEGIES, "single@cloned", "single@expert", "single@finetuned", "oracle@finetuned")
    reward = "known" if family == "planted" else None
    horizon = 64 if family == "planted" else 32
    found = curves.search_curves(SearchConfig(
        family=family, horizon=horizon, budgets=(horizon, 4 * horizon), strategies=names,
        reward_class=reward, samples=40_000,
    ))  # fmt: skip
    assert len(found.rows) == 2 * len(names)
    for row in found.rows:
        assert 0 <= row["accuracy"] <= 1
        assert 0 <= row["value"] <= horizon
    for name in ("oracle", "noisy", "several", "rejection"):
        curve = found.curve(name)
        assert curve[0] <= curve[1] + 1e-12
    json.dumps(found.to_json(), allow_nan=False)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["antiscale", "search", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return call


SMALL = ("--horizon", "32", "--budget", "32,64", "--strategy", "oracle", "--strategy", "majority",
         "--strategy", "single@cloned")  # fmt: skip


def test_the_command_prints_tables_and_leaves_a_folder(run: Run, tmp_path: Path) -> None:
    status, out, _ = run(*SMALL)
    assert status == 0
    for word in ("P(right)", "return/H", "single@cloned", "At 64 tokens (2 H)", "Results: "):
        assert word in out
    (folder,) = (tmp_path / "runs").iterdir()
    assert {file.name for file in folder.iterdir()} == {
        "manifest.json", "rows.csv", "result.json", "search.png", "search.svg"
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["schema"] == "antiscale.search/1"
    assert manifest["status"] == "complete"
    assert run(*SMALL)[1] == out


def test_json_is_one_object_with_schema_and_rows(run: Run) -> None:
    status, out, err = run(*SMALL, "--json", "--verifier", "auc=0.7", "--budget-kind", "expected")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["schema"] == "antiscale.search/1"
    assert len(found["rows"]) == 6
    assert found["rows"][0].keys() >= {"strategy", "budget", "accuracy", "value", "spent"}
    assert found["config"]["auc"] == 0.7


def test_a_config_file_and_an_explicit_model(run: Run, tmp_path: Path) -> None:
    table = pd.DataFrame({
        "prompt": ["a", "a", "b", "b"], "style": ["x", "y", "x", "y"],
        "length": [3, 5, 4, 6], "probability": [0.3, 0.7, 0.6, 0.4], "solved": [1, 0, 1, 0],
    })  # fmt: skip
    table.to_csv(tmp_path / "model.csv", index=False)
    (tmp_path / "search.toml").write_text('horizon = 16\nfamily = "explicit"\nbudgets = [16]\n')
    status, out, _ = run(
        "--config", "search.toml", "--set", "file=model.csv", "--strategy", "oracle", "--strategy",
        "learned", "--strategy", "majority", "--verifier", "wrong_answers=styles", "--json",
    )  # fmt: skip
    assert status == 0
    found = {row["strategy"]: row["accuracy"] for row in json.loads(out)["rows"]}
    by_hand = ac.search.capped_success([0.3, 0.7], [1, 0], [3, 5], 16) / 2
    by_hand += ac.search.capped_success([0.6, 0.4], [1, 0], [4, 6], 16) / 2
    assert found["oracle"] == pytest.approx(by_hand)


def test_the_list_names_every_strategy(run: Run) -> None:
    status, out, _ = run("--list")
    assert status == 0
    for name in STRATEGIES:
        assert name in out
    assert json.loads(run("--list", "--json")[1])["strategies"].keys() == STRATEGIES.keys()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "orcale"), "did you mean 'oracle'"),
        (("--strategy", "oracle@teacher"), "unknown policy 'teacher'"),
        (("--strategy", "oracle@cloned"), "single@cloned"),
        (("--strategy", "oracle", "--strategy", "oracle"), "more than once"),
        (("--budget", "0"), "budgets must be a whole number >= 1"),
        (("--budget", "many"), "--budget must be a number"),
        (("--budget-kind", "soft"), "unknown budget_kind 'soft'"),
        (("--verifier", "uac=0.7"), "--verifier has no 'uac'"),
        (("--verifier", "auc"), "--verifier takes NAME=VALUE"),
        (("--verifier", "auc=1"), r"auc must lie in (0, 1)"),
        (("--verifier", "verifiers=[[0.9]]"), "verifiers must be 1 to 14 pairs"),
        (("--family", "nothing"), "unknown family 'nothing'"),
        (("--horizon", "8"), "needs a horizon of at least 16"),
        (("--set", "prompt=3"), "has no parameter 'prompt'"),
        (("--horizon", "16384", "--strategy", "noisy"), "is too much to sum"),
    ],
)
def test_bad_input_is_one_line_and_status_two(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("antiscale: error: ")
    assert words in err
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ac.InputError, match="did you mean 'horizon'"):
        SearchConfig.from_mapping({"horizn": 3})
    with pytest.raises(ac.InputError, match="budgets must rise"):
        SearchConfig(budgets=(4, 2))


def test_figures_are_the_rows_and_the_same_bytes() -> None:
    found = curves.search_curves(config("oracle", "majority", "single@cloned"))
    frame = found.frame
    first, second = (plots.encode(search.search_figure(frame, reading(found))) for _ in range(2))
    assert first == second
    left = search.search_figure(frame, "A note.").axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in left.get_lines()}
    np.testing.assert_array_equal(drawn["oracle best-of-N"], found.curve("oracle"))


def test_the_stored_rows_are_the_experiments() -> None:
    options = tomllib.loads((ROOT / "experiments/searches/difficulty.toml").read_text())
    stored = pd.read_csv(ROOT / "figures/search.csv")
    settings = SearchConfig.from_mapping(options)
    assert set(stored["strategy"]) == set(settings.strategies)
    assert list(stored["budget"].unique()) == list(settings.budgets)
    # The quick ones are computed anew; the others were in the same run.
    quick = ("single@cloned", "oracle", "learned", "several", "revision", "learned@finetuned")
    fresh = curves.search_curves(
        dataclasses.replace(settings, strategies=quick, budgets=settings.budgets[:8])
    )
    for row in fresh.rows:
        (kept,) = stored[
            (stored["strategy"] == row["strategy"]) & (stored["budget"] == row["budget"])
        ].to_dict("records")
        for name in ("accuracy", "value", "spent"):
            assert kept[name] == pytest.approx(row[name], rel=1e-9)


def test_the_readmes_section_is_that_of_the_stored_rows() -> None:
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        documents = importlib.import_module("documents")
    finally:
        sys.path.pop(0)
    rows = pd.read_csv(ROOT / "figures/search.csv")
    assert documents.search() in README
    assert set(SHOWN) <= set(rows["strategy"])
