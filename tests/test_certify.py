"""The falsifier: what it finds, that it repeats, adds up and replays, and what it says."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import antiscale as ac
from antiscale.bounds.registry import RESULTS
from antiscale.certify import CHECKS, attack, genes, ledger, minimax, minimise, pessimist, truths
from antiscale.certify.check import SLACK
from antiscale.certify.checks import of_label
from antiscale.certify.mutants import Mutant
from antiscale.certify.run import certify
from antiscale.cli import main

LEDGER = Path(__file__).parents[1] / "experiments" / "certify"


def test_every_result_is_attacked_and_every_check_has_one_name() -> None:
    assert {check.label for check in CHECKS.values()} == set(RESULTS)
    assert all(of_label(label) for label in RESULTS)
    for key, check in CHECKS.items():
        assert key == check.key
        # An upper bound is attacked from below, a lower one from above.
        assert check.direction in ("upper", "lower", "equal")


@pytest.mark.parametrize("key", CHECKS)
def test_no_bound_is_crossed(key: str) -> None:
    found = attack(CHECKS[key], seed=1, number=1)
    assert found.violations == 0, found.instance
    assert found.tried > 0
    # The instance of the worst ratio gives it again.
    assert found.instance is not None
    assert CHECKS[key].ratio(found.instance) == found.worst


@pytest.mark.parametrize("key", ["T4b-few-styles", "T5a-families", "T7b-any-labels", "T1-trees"])
def test_a_round_repeats_and_another_differs(key: str) -> None:
    first, again = attack(CHECKS[key], 3, 5), attack(CHECKS[key], 3, 5)
    assert (first.worst, first.instance, first.ratios) == (
        again.worst,
        again.instance,
        again.ratios,
    )
    assert attack(CHECKS[key], 4, 5).ratios != first.ratios
    assert attack(CHECKS[key], 3, 6).ratios != first.ratios


def test_instances_are_plain_values_and_survive_being_written_down() -> None:
    for key, check in CHECKS.items():
        rng = np.random.default_rng(7)
        for _ in range(5):
            instance = genes.draw(check.genes, rng)
            instance = genes.mutate(check.genes, rng, instance)
            assert json.loads(json.dumps(instance)) == instance, key
            # What is allowed is left as it is.
            for name, gene in check.genes.items():
                tidied = gene.tidy(instance[name])
                assert tidied == instance[name] or np.allclose(
                    tidied, instance[name], rtol=1e-12
                ), (key, name)


def test_what_is_continuous_is_encoded_and_decoded() -> None:
    rng = np.random.default_rng(3)
    for check in CHECKS.values():
        instance = genes.draw(check.genes, rng)
        free = genes.encode(check.genes, instance)
        back = genes.encode(check.genes, genes.decode(check.genes, instance, free))
        assert back.shape == free.shape
        moved = genes.decode(check.genes, instance, free + 0.01)
        assert moved.keys() == instance.keys()


def test_the_outcome_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    keys = ["T3a-two-values", "T5a-two-types", "T10a-any-scores"]
    one = certify(tmp_path / "one", keys, seed=2, rounds=3, jobs=1)
    two = certify(tmp_path / "two", keys, seed=2, rounds=3, jobs=2)
    assert one[0].rows == two[0].rows
    assert one[0].worst == two[0].worst
    assert one[1] == two[1]


def test_a_ledger_adds_up_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    keys = ["T3a-two-values", "T3a-few-types"]
    first, found = certify(tmp_path, keys, seed=5, rounds=2)
    read = ledger.read(tmp_path)
    assert read == first
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.csv", "worst"]
    assert [row["first_round"] for row in read.rows] == [0, 0]
    second, more = certify(tmp_path, keys, seed=5, rounds=1)
    assert [row["first_round"] for row in second.rows] == [0, 0, 2, 2]
    assert [row["last_round"] for row in second.rows] == [1, 1, 2, 2]
    assert all(second.next_round(key, 5) == 3 and second.next_round(key, 6) == 0 for key in keys)
    (row,) = second.summary()
    assert row["tried"] == sum(f.tried for f in (*found.values(), *more.values()))
    assert row["worst"] == max(r["worst"] for r in second.rows)
    assert row["arenas"] == 2


def test_time_is_shared_among_checks(tmp_path: Path) -> None:
    keys = ["T3a-two-values", "T4d-few-styles"]
    _, found = certify(tmp_path, keys, minutes=0.02)
    # The cheap check gets many rounds for one of the dear one.
    assert found["T3a-two-values"].tried > found["T4d-few-styles"].tried > 0


WRONG = Mutant("T3a", "wrong", lambda *, eps: 0.8 / (1 + np.asarray(eps)))


def test_a_counterexample_is_shrunk_and_stays_one() -> None:
    check = CHECKS["T3a-few-types"]
    found = attack(check, 0, 0, bound=WRONG.bound, until_crossed=True)
    assert found.violations == 1
    small = minimise(check, found.instance, bound=WRONG.bound)
    ratio = check.ratio(small, WRONG.bound)
    assert ratio is not None
    assert ratio > 1 + SLACK
    assert len(json.dumps(small)) < len(json.dumps(found.instance))
    assert sum(small["pmf"]) == pytest.approx(1)


# The truths themselves, each another way


def test_worst_risks_bracket_the_minimax_risk_of_a_linear_program(rng) -> None:
    for _ in range(6):
        pmf, returns = rng.dirichlet(np.ones(3)), rng.uniform(0, 16, 3)
        n, most = int(rng.integers(0, 4)), 0.3
        program = minimax.program_risk(pmf, returns, most, n, 0.7)
        learners = minimax.worst_risk(pmf, returns, most, n, 0.7)
        g = (returns - pmf @ returns) / np.sqrt(pmf @ (returns - pmf @ returns) ** 2)
        theta = np.linspace(-most, most, 33)
        bayes = minimax.median_risk(theta, minimax.law_of_experts(pmf, g, theta, n, 0.7))
        assert bayes <= program * (1 + 1e-9)
        assert program <= learners * (1 + 2e-2)


def test_chances_of_sets_seen_are_those_of_the_listed_data(rng) -> None:
    pmf, n, rho = rng.dirichlet(np.ones(3)), 4, 0.6
    law = truths.shown(pmf[None], n, rho)[0]
    seen = truths.counts_shown(3, n, rho) > 0
    listed = [
        law[(seen == subset).all(-1)].sum() for subset in itertools.product((False, True), repeat=3)
    ]
    np.testing.assert_allclose(pessimist.chances(pmf, n, rho), listed, atol=1e-15)


def test_mean_deviations_are_de_moivres(rng) -> None:
    q = 0.3
    found = truths.mean_deviations(np.array([1 - q, q]), np.array([0.0, 1.0]), 12)
    np.testing.assert_allclose(found, [minimax.mean_deviation(n, q) for n in range(1, 13)])


def test_overlaps_of_binomials_are_those_of_their_laws() -> None:
    for n, s, t in [(0, 0.2, 0.6), (5, 0.2, 0.6), (40, 0.45, 0.5), (7, 0.0, 0.4), (7, 0.3, 1.0)]:
        first, second = truths.binomial(n, s), truths.binomial(n, t)
        expected = np.minimum(first, second).sum()
        assert minimax.overlap_of_binomials(n, s, t) == pytest.approx(expected, abs=1e-12)


def test_the_two_games_and_the_two_light_regrets_agree() -> None:
    pmf = np.array([0.5, 0.3, 0.2])
    table = np.array(list(itertools.product((0.0, 16.0), repeat=3)))
    game = pessimist.play(pmf, table, 0.4, 5, 1.0, wide=False)
    clean = pessimist.play_noisy(pmf, 16.0, 0.4, 5, 0.0, 0, wide=False)
    assert game.risk == pytest.approx(clean.risk)
    assert game.mistake == pytest.approx(clean.unsettled)
    from antiscale.light import LightTypes

    model = LightTypes(
        horizon=16.0, n=9, light=3, expected=0.7, heavy_gap=0.0, light_gap=8.0, kappa=2.0
    )
    listed = pessimist.light_regret(0.7, 3, 9, 2.0, heavy=np.array([8.0]), high=16.0)
    assert model.bayes_regret() == pytest.approx(listed, rel=1e-9)


def test_the_two_searches_of_the_ball_agree(rng) -> None:
    for _ in range(200):
        pmf, returns = genes._pmf(rng, 5), genes._returns(rng, 5, 16.0)
        kappa = 10.0 ** rng.uniform(-6, 6)
        if np.ptp(returns[pmf > 0]) < 1e-9:
            continue
        value, policy = truths.best_in_ball(pmf, returns[None], kappa)
        dual = truths.dual_optimum(pmf, returns, kappa)
        assert value[0] == pytest.approx(dual, abs=16 * 2e-8)
        ratio = np.divide(policy[0], pmf, out=np.ones(5), where=pmf > 0)
        assert pmf @ (ratio - 1) ** 2 <= kappa * (1 + 1e-6) + 1e-9


def test_a_quantile_of_losses_is_exceeded_as_often_as_it_may_be() -> None:
    law, losses = np.array([0.1, 0.2, 0.3, 0.4]), np.array([4.0, 3.0, 3.0, 1.0])
    assert truths.quantile(law, losses, 0.05) == 4
    assert truths.quantile(law, losses, 0.1) == 3
    assert truths.quantile(law, losses, 0.59) == 3
    assert truths.quantile(law, losses, 0.6) == 1
    assert truths.quantile(law, losses, 1.0) == 0


def test_runs_of_successes_are_those_of_all_sequences() -> None:
    for length, horizon in [(1, 3), (2, 6), (3, 9)]:
        total = sum(
            0.3 ** sum(bits) * 0.7 ** (horizon - sum(bits))
            for bits in itertools.product((0, 1), repeat=horizon)
            if "1" * length in "".join(map(str, bits))
        )
        assert truths.run_of_successes(length, 0.3, horizon) == pytest.approx(total)


# The command


def run(arguments: list[str], capsys) -> tuple[int, str, str]:
    import sys

    sys.argv = ["antiscale", *arguments]
    with pytest.raises(SystemExit) as stopped:
        main()
    out = capsys.readouterr()
    return int(stopped.value.code or 0), out.out, out.err


def test_the_command_prints_a_table_and_leaves_a_ledger(tmp_path: Path, capsys) -> None:
    folder = ["--out", str(tmp_path)]
    status, out, _ = run(["certify", "--bound", "T3a", "--rounds", "1", *folder], capsys)
    assert status == 0
    assert "Cantelli" in out
    assert "no bound was crossed" in out
    worst = tmp_path / "worst" / "T3a-two-values.json"
    assert worst.exists()
    status, out, _ = run(["certify", "--replay", str(worst)], capsys)
    assert status == 0
    assert "not crossed" in out
    status, out, _ = run(["certify", "--replay", str(worst), "--json"], capsys)
    found = json.loads(out)
    assert found["ratio_now"] == found["ratio"] == pytest.approx(1)
    assert found["truth"] / found["bound"] == pytest.approx(found["ratio"])
    command = ["certify", "--bound", "T3a", "--rounds", "1", "--json", *folder]
    status, out, _ = run(command, capsys)
    found = json.loads(out)
    assert found["schema"] == ledger.SCHEMA
    assert found["results"][0]["tried"] > found["run"]["tried"] > 0
    assert found["broken"] == {}


def test_a_crossed_bound_ends_in_status_one_with_the_instance(
    tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setitem(RESULTS, "T3a", WRONG.bound)
    arguments = ["certify", "--bound", "T3a", "--rounds", "1", "--out", str(tmp_path), "--json"]
    from antiscale.bounds import registry

    monkeypatch.setattr(registry, "result", lambda label: type("R", (), {"label": label}))
    status, out, _ = run(arguments, capsys)
    found = json.loads(out)
    assert status == 1
    assert found["run"]["violations"] > 0
    assert set(found["broken"]) <= set(of_label("T3a"))
    assert found["broken"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--minutes", "0"], "--minutes must be positive"),
        (["--minutes", "nan"], "--minutes must be finite"),
        (["--minutes", "1", "--rounds", "1"], "--minutes or --rounds, not both"),
        (["--rounds", "0"], "--rounds must be a whole number >= 1"),
        (["--jobs", "0"], "--jobs must be a whole number >= 1"),
        (["--bound", "T99"], "unknown label 'T99'"),
        (["--replay", "nowhere.json"], "nowhere.json does not exist"),
        (["--seed", "-1"], "--seed must be a whole number >= 0"),
    ],
)
def test_bad_input_gets_one_line(arguments: list[str], words: str, capsys) -> None:
    status, out, err = run(["certify", *arguments], capsys)
    assert status == 2
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_damaged_files_are_told_and_left_alone(tmp_path: Path, capsys) -> None:
    file = tmp_path / "ledger.csv"
    file.write_text("label,arena\nT3a,few types\n")
    command = ["certify", "--bound", "T3a", "--rounds", "1", "--out", str(tmp_path)]
    status, _, err = run(command, capsys)
    assert status == 2
    assert "damaged; move it away" in err
    assert file.read_text() == "label,arena\nT3a,few types\n"
    saved = tmp_path / "saved.json"
    for content in ("{", "[]", json.dumps({"schema": ledger.SCHEMA, "label": "T3a", "arena": "x"})):
        saved.write_text(content)
        status, _, err = run(["certify", "--replay", str(saved)], capsys)
        assert status == 2
        assert "no saved instance" in err


# The ledger that is in the repository


def test_the_committed_ledger_is_long_holds_no_violation_and_replays() -> None:
    known = ledger.read(LEDGER)
    summary = {row["label"]: row for row in known.summary()}
    assert set(summary) == set(RESULTS)
    assert sum(row["tried"] for row in known.rows) >= 10**6
    assert sum(row["violations"] for row in known.rows) == 0
    assert set(known.worst) == set(CHECKS)
    for key, content in known.worst.items():
        _, _, ratio, crossed = ledger.replay(content)
        assert not crossed, key
        assert ratio == pytest.approx(content["ratio"], rel=1e-6), key


def test_the_document_quotes_the_ledger() -> None:
    text = (LEDGER.parents[1] / "paper_bounds.md").read_text()
    known = ledger.read(LEDGER)
    for row in known.summary():
        arena = f"[{row['arena']}](experiments/certify/worst/{row['label']}-"
        line = (
            f"| {row['label']} | {row['tried']:,} | {row['violations']} | "
            f"{row['worst']:.4f} | {row['median']:.4f} | "
        )
        assert line + arena in text, row["label"]
    total = sum(row["tried"] for row in known.rows)
    assert f"{total:,} instances" in text
    assert math.isfinite(total)
    assert ac.bounds is not None
