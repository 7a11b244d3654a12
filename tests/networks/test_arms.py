"""Arms of one tiny cell, against bisection, loops and direct samples."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from antiscale.networks import arms
from antiscale.networks.arms import Cell, Run
from antiscale.networks.config import TrainConfig
from antiscale.networks.evaluation import Law
from antiscale.networks.study import pretrain
from antiscale.networks.transformer import Transformer, pick

H = 8
SIZES = (6, 300)
# The others take the same ways; what they learn from is tested without training.
METHODS = ("sft", "ball", "best_of_n")
SHORT = {"steps": 20, "batch": 32, "rate": 3e-3}
CONFIG = TrainConfig(
    environment="styles", parameters={"prompts": 2, "number": 2, "lengths": 2},
    places={H: SIZES}, methods=METHODS, data_seeds=2, base_seeds=2, width=16, layers=1, heads=2,
    pretrain={"steps": 300, "batch": 48, "rate": 1e-2}, finetune=SHORT,
    verifier={"steps": 60, "batch": 64, "rate": 1e-2}, gradient={"steps": 3, "batch": 8, "rate": 0},
    group=4, fresh=208, law=600, evaluation=100, tries=4, kept=2,
)  # fmt: skip
GAIN = np.arange(H + 1.0)


@pytest.fixture(scope="module")
def cell() -> Cell:
    """Every method at one horizon."""
    made = Cell(CONFIG, pretrain(CONFIG), H, SIZES, jax.random.key(4))
    made.compute()
    return made


@pytest.fixture
def scratch(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """The cell, whose rows are put back."""
    monkeypatch.setattr(cell, "rows", [])
    monkeypatch.setattr(cell, "arrays", {})
    monkeypatch.setattr(cell, "fitted", dict(cell.fitted))
    monkeypatch.setattr(cell, "samples", [])
    return cell


def by_bisection(pmf: np.ndarray, returns: np.ndarray, kappa: float) -> np.ndarray:
    """w = (R - nu)_+ / lambda with E w = 1 and chi-square kappa, or the best types alone."""
    some = returns[pmf > 0]
    at_best = pmf[returns == some.max()].sum()
    if 1 / at_best - 1 <= kappa:
        return np.where(returns == some.max(), 1 / at_best, 0.0) * (pmf > 0)

    def ratio(nu: float) -> np.ndarray:
        w = np.maximum(returns - nu, 0.0)
        return w / (pmf @ w)

    low, high = some.min() - 1e6, some.max()
    for _ in range(200):
        middle = (low + high) / 2
        above = middle < some.max() and pmf @ (ratio(middle) - 1) ** 2 < kappa
        low, high = (middle, high) if above else (low, middle)
    return ratio(low) * (pmf > 0)


def rows_of(cell: Cell, method: str) -> list[dict[str, Any]]:
    return [row for row in cell.rows if row["method"] == method]


def gains(times: np.ndarray) -> np.ndarray:
    return np.maximum(H + 1 - times, 0)


def test_the_bases_know_their_styles(cell: Cell) -> None:
    """What is measured below rests on this: next to no mass off the styles, and valid traces."""
    assert cell.law.style.shape == (2, 2, 2)
    assert (cell.law.style.sum(-1) > 0.98).all()
    assert (cell.law.valid > 0.95).all()
    assert cell.law.samples == 2 * CONFIG.law
    np.testing.assert_allclose(cell.pmf.sum(-1), 1)
    # Styles' chances are the network's own.
    for base in range(2):
        prefix = jnp.asarray(CONFIG.world.prefix(H))
        logits = np.asarray(pick(cell.bases, base).next_logits(prefix), float)[:, -1]
        chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        first = CONFIG.world.first_style
        np.testing.assert_allclose(cell.law.style[base], chances[:, first : first + 2], rtol=1e-4)


def test_the_law_is_that_of_fresh_traces(cell: Cell) -> None:
    """Mean returns of stratified samples and of plain ones."""
    gain = gains(cell.fresh.times).reshape(2, 2, 2, CONFIG.fresh)
    gain = gain.transpose(0, 2, 1, 3).reshape(2, 2, -1)
    apart = gain.mean(-1) - cell.law.mean
    error = np.sqrt(gain.var(-1) / gain.shape[-1] + cell.law.noise)
    # False failure: 5.5 standard errors, 4 times 4e-8; traces of no style count up to H.
    assert (np.abs(apart) < 5.5 * error + H * (1 - cell.law.style.sum(-1))).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_expert_is_the_best_of_the_ball(cell: Cell, mirrored: bool) -> None:
    returns = H - GAIN if mirrored else GAIN
    for base, x in np.ndindex(2, 2):
        pmf = cell.pmf[base, x]
        w = by_bisection(pmf, returns, CONFIG.kappa)
        np.testing.assert_allclose(cell.ratio[mirrored][base, x], w, atol=1e-6)
        assert cell.expert[mirrored][base, x] == pytest.approx(pmf @ (w * returns), abs=1e-6)
        chi2 = pmf @ (cell.ratio[mirrored][base, x] - 1) ** 2
        assert chi2 == pytest.approx(CONFIG.kappa, rel=1e-9)
    # The gain is real, so that the tests below see it.
    assert (cell.expert[False] > cell.law.mean + 1).all()


def test_the_rows_of_base_and_expert(cell: Cell) -> None:
    base, expert = rows_of(cell, "base"), rows_of(cell, "expert")
    assert [row["base_seed"] for row in base] == [row["base_seed"] for row in expert] == [0, 1]
    for k in range(2):
        assert base[k]["J"] == pytest.approx(cell.law.mean[k].mean())
        assert base[k]["J_base"] == expert[k]["J_base"] == base[k]["J"]
        assert abs(base[k]["kl"]) < 1e-4
        assert base[k]["chi2_least"] == 0
        # Up to the mass off the styles.
        assert expert[k]["loss"] < H * (1 - cell.law.style.sum(-1)).max() + 1e-9
        w = cell.ratio[False][k]
        kl = (cell.pmf[k] * np.where(w > 0, w * np.log(np.where(w > 0, w, 1)), 0)).sum(-1).mean()
        assert expert[k]["kl"] == pytest.approx(kl, rel=1e-9)
        assert expert[k]["chi2_style"] <= CONFIG.kappa + 0.02
        assert expert[k]["chi2_least"] <= CONFIG.kappa + 1e-9


def test_accepted_traces_earn_what_the_expert_does(cell: Cell) -> None:
    traces = cell.by_expert
    assert traces.tokens.shape == (4, SIZES[-1], CONFIG.world.lead + H)
    for base in range(2):
        gain = gains(traces.times[2 * base : 2 * base + 2]).ravel()
        x = traces.x[2 * base : 2 * base + 2].ravel()
        expected = cell.expert[False][base]
        for at in range(2):
            here = gain[x == at]
            # Both the traces and the law are samples.
            w = cell.ratio[False][base, at] * GAIN
            within = cell.law.returns[base, at] @ w**2 - (cell.law.returns[base, at] @ w) ** 2
            noise = (cell.law.style[base, at] ** 2 * within).sum() / cell.law.samples
            error = np.sqrt(here.var() / len(here) + noise)
            off = 2 * H * (1 - cell.law.style[base, at].sum())
            # False failure: 5.5 standard errors, 4 times 4e-8.
            assert abs(here.mean() - expected[at]) < 5.5 * error + off
        # Prompts stay equally likely: 5.5 standard errors of 600 traces.
        assert abs(x.mean() - 0.5) < 5.5 * 0.5 / np.sqrt(len(x))
    for z in (traces, cell.labelled, cell.fresh):
        for d in range(4):
            again = CONFIG.world.times(jnp.asarray(z.tokens[d], jnp.int32), jnp.asarray(z.x[d]))
            np.testing.assert_array_equal(z.times[d], np.asarray(again))
            prefix = CONFIG.world.prefix(H)[z.x[d]]
            np.testing.assert_array_equal(z.tokens[d, :, : CONFIG.world.prompt], prefix)
        # Draws do not share traces.
        assert (z.tokens[0] != z.tokens[1]).any()


def test_every_method_gives_one_finite_row_per_run(cell: Cell) -> None:
    plain = {(n, base, seed) for n, base, seed in itertools.product(SIZES, (0, 1), (0, 1))}
    for method in METHODS:
        rows = rows_of(cell, method)
        rewards = ("r", "mirror") if method in ("ball", "best_of_n") else ("r",)
        found = [(row["reward"], row["n"], row["base_seed"], row["seed"]) for row in rows]
        assert len(found) == len(set(found))
        assert set(found) == {(reward, *each) for reward in rewards for each in plain}
        for row in rows:
            assert (row["environment"], row["horizon"], row["labels"]) == ("styles", H, row["n"])
            assert row["tokens"] == (CONFIG.tries * H if "best" in method else H)
            numbers = [value for value in row.values() if isinstance(value, float)]
            assert np.isfinite(numbers).all()
            assert 0 <= row["J"] <= H
            assert 0 <= row["solved"] <= 1
    assert len(cell.rows) == 4 + 8 * len(METHODS) + 16


def test_losses_are_those_of_the_arrays(cell: Cell) -> None:
    for row in cell.rows:
        mirrored = row["reward"] == "mirror"
        key = f"J/{row['method']}/{row['n']}/{row['base_seed']}/{row['seed']}"
        mean, noise = cell.arrays[key + ("/mirror" if mirrored else "")].astype(float)
        expert = cell.arrays["expert_mirrored" if mirrored else "expert"][row["base_seed"]]
        returns = cell.arrays["base_returns"][row["base_seed"]].astype(float)
        law = (cell.arrays["base_style"][row["base_seed"]][..., None] * returns).sum(1)
        start = law @ GAIN
        variance = law @ GAIN**2 - start**2
        start = H - start if mirrored else start
        lost = expert - mean
        expected = {
            "J": mean.mean(), "J_expert": expert.mean(), "J_base": start.mean(),
            "loss": np.abs(lost).mean(), "signed_loss": lost.mean(),
            "noise": np.sqrt(noise.mean()),
            "rms_loss": np.sqrt(max((lost**2 - noise).mean(), 0)),
        }  # fmt: skip
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=2e-3), (name, key)
        # The law's mass off the styles is left out here.
        least = ((mean - start) ** 2 / variance).mean()
        assert row["chi2_least"] == pytest.approx(least, rel=0.1, abs=1e-4)


def test_a_mirrored_row_of_the_same_policy_earns_the_rest(scratch: Cell) -> None:
    rng = np.random.default_rng(1)
    style = np.array([[[0.7, 0.3], [0.4, 0.6]]] * 2)
    returns = rng.dirichlet(np.ones(H + 1), (2, 2, 2))
    returns[1] = returns[0]
    law = Law(style, returns, 50, np.ones(2), np.zeros((2, 2)), np.zeros((2, 2)))
    scratch._report("test", [Run(1, 6), Run(1, 6, True)], law)
    one, mirror = scratch.rows
    pmf = (style[0][..., None] * returns[0]).sum(1)
    assert one["J"] == pytest.approx((pmf @ GAIN).mean())
    assert one["J"] + mirror["J"] == pytest.approx(H)
    assert one["J_base"] + mirror["J_base"] == pytest.approx(H)
    assert one["solved"] == pytest.approx(1 - pmf[:, 0].mean())
    assert mirror["solved"] == pytest.approx(1 - pmf[:, -1].mean())
    assert (one["reward"], mirror["reward"]) == ("r", "mirror")
    assert one["chi2_least"] == pytest.approx(mirror["chi2_least"])
    assert mirror["J_expert"] == pytest.approx(scratch.expert[True][0].mean())
    noise = (style[0] ** 2 * (returns[0] @ GAIN**2 - (returns[0] @ GAIN) ** 2)).sum(-1) / 49
    assert one["noise"] == mirror["noise"] == pytest.approx(np.sqrt(noise.mean()))


def test_the_best_by_score_is_taken_in_each_group(scratch: Cell) -> None:
    runs = [Run(0, 6), Run(3, 300), Run(1, 6, True)]
    rng = np.random.default_rng(2)
    shape = (3, 2 * CONFIG.fresh)
    scores, times = rng.random(shape), rng.integers(1, H + 2, shape)
    scratch._best("test", runs, scores, times)
    for k, (run, row) in enumerate(zip(runs, scratch.rows, strict=True)):
        taken: list[list[int]] = [[], []]
        for start in range(0, shape[1], CONFIG.tries):
            at = max(range(start, start + CONFIG.tries), key=lambda i: scores[k, i])
            gain = max(H + 1 - int(times[k, at]), 0)
            taken[start // CONFIG.fresh].append(H - gain if run.mirrored else gain)
        assert row["J"] == pytest.approx(np.mean(taken))
        assert row["solved"] == pytest.approx(np.mean(np.array(taken) > 0))
        noise = [np.var(each, ddof=1) / len(each) for each in taken]
        assert row["noise"] == pytest.approx(np.sqrt(np.mean(noise)))
    assert [(row["base_seed"], row["seed"]) for row in scratch.rows] == [(0, 0), (1, 1), (0, 1)]


def test_scores_are_the_verifiers_of_their_runs(cell: Cell) -> None:
    runs, judges = cell.fitted["verifier"]
    assert len(runs) == 16
    assert cell.scores.shape == (16, 2 * CONFIG.fresh)
    for k in (0, 5, 10, 15):
        tokens = jnp.asarray(cell.fresh.tokens[runs[k].draw][::26], jnp.int32)
        z = np.asarray(pick(judges, k).hazards(tokens, CONFIG.world.lead), float)
        alive = np.cumprod(1 / (1 + np.exp(z)), -1)
        np.testing.assert_allclose(cell.scores[k, ::26], (1 - alive).sum(-1), rtol=1e-3, atol=1e-4)
    # A verifier knows, and of the mirror it knows the contrary.
    for k, run in enumerate(runs):
        if run.n == SIZES[-1]:
            seen = np.corrcoef(cell.scores[k], gains(cell.fresh.times[run.draw]))[0, 1]
            assert (-seen if run.mirrored else seen) > 0.25


def test_evaluation_agrees_with_plain_samples(cell: Cell) -> None:
    """J and KL of the clones, by traces that are not stratified by style."""
    runs, models = cell.fitted["sft"]
    group, bases = pick(models, jnp.arange(4, 8)), cell._start(runs[4:])
    x = np.tile(np.repeat(np.arange(2), 500), (4, 1))
    traces = cell._write(group, "plain", x)
    read = jax.jit(jax.vmap(Transformer.log_probs))
    seen = jnp.asarray(traces.tokens, jnp.int32)
    ratio = np.asarray(read(group, seen) - read(bases, seen))[:, :, CONFIG.world.prompt - 1 :]
    for k, run in enumerate(runs[4:]):
        base, seed = cell.draws[run.draw]
        (row,) = [
            row for row in rows_of(cell, "sft")
            if (row["n"], row["base_seed"], row["seed"]) == (run.n, base, seed)
        ]  # fmt: skip
        gain = gains(traces.times[k])
        error = np.sqrt(gain.var() / len(gain) + row["noise"] ** 2 / 2)
        # False failure: 5.5 standard errors, 8 times 4e-8; 2% may be of no style.
        assert abs(gain.mean() - row["J"]) < 5.5 * error + 0.02 * H
        kl = ratio[k].sum(-1)
        # Stratified, with 100 traces per style and prompt: hardly noisier than 1000 plain ones.
        error = np.sqrt(4 * kl.var() / len(kl))
        assert abs(kl.mean() - row["kl"]) < 5.5 * error + 0.02
        assert row["kl"] > 0.01


@pytest.fixture
def caught(scratch: Cell, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What arms give to training, without training."""
    found = SimpleNamespace(data=[], weights=[], verifier=[])

    def fit(schedule: Any, models: Any, data: Any, key: Any, **about: Any) -> Any:
        found.data.append(data)
        found.verifier.append(about["verifier"])
        return models, jnp.zeros(len(models.bias))

    drawn = Cell._resampled

    def resampled(self: Cell, name: str, weights: np.ndarray, run: int) -> np.ndarray:
        found.weights.append(weights)
        return drawn(self, name, weights, run)

    monkeypatch.setattr(arms, "fit", fit)
    monkeypatch.setattr(Cell, "_resampled", resampled)
    monkeypatch.setattr(Cell, "_evaluate", lambda *_: None)
    return found


def test_clones_learn_from_their_n_expert_traces(scratch: Cell, caught: SimpleNamespace) -> None:
    scratch.sft()
    assert caught.verifier == [False, False]
    for n, data in zip(SIZES, caught.data, strict=True):
        np.testing.assert_array_equal(data.size, n)
        np.testing.assert_array_equal(data.tokens[:, :n], scratch.by_expert.tokens[:, :n])
    runs, models = scratch.fitted["sft"]
    assert [(run.n, run.draw) for run in runs] == list(itertools.product(SIZES, range(4)))
    np.testing.assert_array_equal(models.head, scratch.bases.head[np.array([0, 0, 1, 1] * 2)])


def test_verifiers_learn_from_their_n_labels(scratch: Cell, caught: SimpleNamespace) -> None:
    del scratch.fitted["verifier"]
    kept = scratch.scores
    scratch.verify()
    scratch.scores = kept
    assert caught.verifier == [True] * 4
    for k, data in enumerate(caught.data):
        n = SIZES[k % 2]
        np.testing.assert_array_equal(data.size, n)
        np.testing.assert_array_equal(data.tokens[:, :n], scratch.labelled.tokens[:, :n])
        gain = gains(scratch.labelled.times[:, :n])
        # Under the mirror R is H - R.
        np.testing.assert_array_equal(
            gains(np.asarray(data.times)[:, :n]), H - gain if k > 1 else gain
        )


def test_the_weights_of_labelled_traces_are_the_balls(
    scratch: Cell, caught: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [Run(1, 6), Run(3, 300), Run(0, 6), Run(1, 6)]
    monkeypatch.setattr(scratch, "runs", lambda: runs)
    scratch.weighted()
    for run, weights in zip(runs, caught.weights, strict=True):
        x = scratch.labelled.x[run.draw, : run.n]
        gain = gains(scratch.labelled.times[run.draw, : run.n]).astype(float)
        assert weights.shape == (run.n,)
        for prompt in set(x.tolist()):
            at = x == prompt
            even = np.full(at.sum(), 1 / at.sum())
            w = by_bisection(even, gain[at], CONFIG.kappa)
            np.testing.assert_allclose(weights[at], w, atol=1e-5)
            assert even @ (weights[at] - 1) ** 2 <= CONFIG.kappa * (1 + 1e-9)
    # Traces are drawn by these weights from the labelled ones: those of weight 0 never.
    for run, weights, tokens in zip(
        runs, caught.weights, np.concatenate([data.tokens for data in caught.data]), strict=True
    ):
        mine = scratch.labelled.tokens[run.draw, : run.n]
        allowed = {row.tobytes() for row in mine[weights > 0].astype(np.int16)}
        assert {row.tobytes() for row in tokens.astype(np.int16)} <= allowed
        np.testing.assert_array_equal(caught.data[0].size, SHORT["steps"] * SHORT["batch"])


@pytest.mark.parametrize("method", ["ball", "rejection"])
def test_the_weights_of_fresh_traces(scratch: Cell, caught: SimpleNamespace, method: str) -> None:
    getattr(scratch, method)()
    assert len(caught.weights) == (16 if method == "ball" else 8)
    for k, weights in enumerate(caught.weights):
        if method == "rejection":
            np.testing.assert_allclose(weights, scratch.scores[k], atol=1e-6)
            continue
        for prompt in range(2):
            part = slice(prompt * CONFIG.fresh, (prompt + 1) * CONFIG.fresh)
            scores = np.round(scratch.scores[k, part], 1)
            even = np.full(CONFIG.fresh, 1 / CONFIG.fresh)
            w = by_bisection(even, scores, CONFIG.kappa)
            np.testing.assert_allclose(weights[part], w, atol=1e-5)


def test_traces_are_resampled_by_their_weights(cell: Cell) -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 4.0])
    size = SHORT["steps"] * SHORT["batch"]
    counts = np.bincount(cell._resampled("test", weights, 0), minlength=5)
    assert counts.sum() == size
    error = np.sqrt(weights / 8 * (1 - weights / 8) * size)
    # False failure: 5.5 standard errors, 3 times 4e-8.
    assert (np.abs(counts - size * weights / 8) <= 5.5 * error).all()
    assert (cell._resampled("test", weights, 1) != cell._resampled("test", weights, 0)).any()


@pytest.mark.parametrize("learned", [False, True])
def test_policy_gradient_climbs_the_verifier_of_its_run_or_the_truth(
    scratch: Cell, caught: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, learned: bool
) -> None:
    given: list[Any] = []

    def climb(schedule: Any, models: Any, reward: Any, key: Any, **about: Any) -> Any:
        assert (about["horizon"], about["group"], about["beta"]) == (H, 4, CONFIG.beta)
        assert schedule == CONFIG.gradient
        np.testing.assert_array_equal(models.head, scratch.bases.head[np.array([0, 0, 1, 1])])
        given.append(reward)
        return models, jnp.zeros(4)

    monkeypatch.setattr(arms, "policy_gradient", climb)
    scratch.pg_learned() if learned else scratch.pg_true()
    assert not any(np.asarray(reward.mirrored).any() for reward in given)
    if not learned:
        assert [reward.verifiers for reward in given] == [None]
        assert scratch.fitted["pg_true"][0] == [Run(d, 0) for d in range(4)]
        return
    runs, judges = scratch.fitted["verifier"]
    assert scratch.fitted["pg_learned"][0] == runs[:8]
    found = np.concatenate([reward.verifiers.hazard for reward in given])
    np.testing.assert_array_equal(found, judges.hazard[:8])


def test_optimal_paths_are_right_at_once(scratch: Cell, caught: SimpleNamespace) -> None:
    scratch.optimal_path()
    most = np.array([GAIN[pmf.sum(0) > 0].max() for pmf in CONFIG.world.law(H)])
    for n, data in zip(SIZES, caught.data, strict=True):
        np.testing.assert_array_equal(data.size, n)
        gain = gains(np.asarray(data.times)[:, :n])
        np.testing.assert_array_equal(gain, most[scratch.labelled.x[:, :n]])
        for d in range(4):
            x = jnp.asarray(scratch.labelled.x[d, :n])
            times = CONFIG.world.times(jnp.asarray(data.tokens[d, :n], jnp.int32), x)
            np.testing.assert_array_equal(np.asarray(times), data.times[d, :n])


def test_the_best_of_the_clones_traces_is_taken_by_their_runs_verifiers(
    scratch: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clones' traces are stood in for by fresh ones of the base."""
    count = CONFIG.fresh // 4
    at = np.concatenate([np.arange(count), CONFIG.fresh + np.arange(count)])

    def write(models: Transformer, name: str, x: np.ndarray) -> arms.Traces:
        clones = scratch.fitted["sft"][1]
        np.testing.assert_array_equal(models.head, clones.head)
        np.testing.assert_array_equal(x, np.repeat([[0, 1]] * 8, count, axis=1))
        fresh = scratch.fresh
        tokens, times = (np.concatenate([z[:, at], z[:, at]]) for z in fresh[1:])
        return arms.Traces(x, tokens, times)

    monkeypatch.setattr(scratch, "_write", write)
    scratch.best_of_n_clone()
    found = list(scratch.rows)
    runs = scratch.fitted["sft"][0]
    scratch.rows.clear()
    draws = [run.draw for run in runs]
    scratch._best(
        "best_of_n_clone", runs, scratch.scores[:8, at], scratch.fresh.times[draws][:, at]
    )
    assert found == scratch.rows
    assert len(found) == 8


def test_some_traces_of_each_network_are_kept(cell: Cell) -> None:
    kept = {each["method"]: each for each in cell.samples if len(each["runs"]) == 4}
    assert set(kept) == {"sft", "ball"}
    assert {each["method"] for each in cell.samples} == {"base", "sft", "ball"}
    for each in cell.samples:
        np.testing.assert_array_equal(each["x"], [[0, 0, 1, 1]] * len(each["runs"]))
        assert each["times"].shape == each["x"].shape
