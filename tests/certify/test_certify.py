"""The falsifier: what it finds, that it repeats, adds up and replays, and what it says."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import antiscale as ac
from antiscale.certify import (
    CHECKS,
    Found,
    attack,
    instances,
    ledger,
    minimax,
    minimise,
    pessimist,
    truths,
)
from antiscale.certify import run as runner
from antiscale.certify.check import SLACK, Check
from antiscale.certify.checks import of_label
from antiscale.certify.mutants import Mutant
from antiscale.certify.run import certify
from antiscale.cli import main
from antiscale.registry import RESULTS

LEDGER = Path(__file__).parents[2] / "experiments" / "certify"


def test_every_result_is_attacked_and_every_check_has_one_name() -> None:
    assert {check.label for check in CHECKS.values()} == set(RESULTS)
    assert all(of_label(label) for label in RESULTS)
    for key, check in CHECKS.items():
        assert key == check.key
        # An upper bound is attacked from below, a lower one from above.
        assert check.direction in ("upper", "lower", "equal")


def short(key: str, draws: int) -> Check:
    """The check with a round of at most so many draws."""
    return dataclasses.replace(CHECKS[key], draws=min(draws, CHECKS[key].draws))


@pytest.mark.parametrize("key", CHECKS)
@pytest.mark.parametrize("draws", [16, pytest.param(48, marks=pytest.mark.slow)])
def test_no_bound_is_crossed(key: str, draws: int) -> None:
    found = attack(short(key, draws), seed=1, number=1)
    assert found.violations == 0, found.instance
    assert found.tried > 0
    # The instance of the worst ratio gives it again.
    assert found.instance is not None
    assert CHECKS[key].ratio(found.instance) == found.worst


@pytest.mark.parametrize("key", ["T4b-few-styles", "T5a-families", "T7b-any-labels", "T1-trees"])
def test_a_round_repeats_and_another_differs(key: str) -> None:
    check = short(key, 8)
    first, again = attack(check, 3, 5), attack(check, 3, 5)
    assert (first.worst, first.instance, first.ratios) == (
        again.worst,
        again.instance,
        again.ratios,
    )
    assert attack(check, 4, 5).ratios != first.ratios
    assert attack(check, 3, 6).ratios != first.ratios


def test_instances_are_plain_values_and_survive_being_written_down() -> None:
    for key, check in CHECKS.items():
        rng = np.random.default_rng(7)
        for _ in range(5):
            instance = instances.draw(check.genes, rng)
            instance = instances.mutate(check.genes, rng, instance)
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
        instance = instances.draw(check.genes, rng)
        free = instances.encode(check.genes, instance)
        back = instances.encode(check.genes, instances.decode(check.genes, instance, free))
        assert back.shape == free.shape
        moved = instances.decode(check.genes, instance, free + 0.01)
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
    assert game.mistake == pytest.approx(clean.mistake)
    from antiscale.risks.rare_types import LightTypes

    model = LightTypes(
        horizon=16.0, n=9, light=3, expected=0.7, heavy_gap=0.0, light_gap=8.0, kappa=2.0
    )
    listed = pessimist.light_regret(0.7, 3, 9, 2.0, heavy=np.array([8.0]), high=16.0)
    assert model.bayes_regret() == pytest.approx(listed, rel=1e-9)


def test_the_two_searches_of_the_ball_agree(rng) -> None:
    for _ in range(200):
        pmf, returns = instances._pmf(rng, 5), instances._returns(rng, 5, 16.0)
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
    from antiscale import registry

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
        (["--scheduler", "here"], "--scheduler must be an address HOST:PORT"),
        (["--scheduler", "here:1", "--jobs", "2"], "give --jobs or --scheduler, not both"),
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


def stub(check: Check, seed: int, number: int, **_: object) -> Found:
    """A round that costs nothing: its ratio says which it was."""
    return Found(tried=1, worst=number / 1000, instance={"n": number}, ratios=[0.5])


CHEAP = ["T3a-two-values", "T12-any-instance", "T10i-two-answers"]


class _StopError(Exception):
    pass


def rounds_in(path: Path) -> dict[tuple[str, str], list[int]]:
    """The rounds that the ledger's rows say were run."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in ledger.read(path).rows:
        numbers = range(row["first_round"], row["last_round"] + 1)
        found.setdefault((row["label"], row["arena"]), []).extend(numbers)
    return found


def test_a_run_that_is_interrupted_keeps_every_finished_round(tmp_path: Path, rng) -> None:
    total = 0
    for _ in range(5):
        most, done, tried = int(rng.integers(1, 12)), 0, 0

        def count(share: float, so_far: int, violations: int, most: int = most) -> None:
            nonlocal done, tried
            done, tried = done + 1, so_far
            if done == most:
                raise _StopError

        with pytest.raises(_StopError):
            certify(tmp_path, CHEAP, seed=3, minutes=1, progress=count)
        total += tried
        rows = ledger.read(tmp_path).rows
        assert sum(row["tried"] for row in rows) == total
        # No round twice, and what was handed out and not run is not said to have been.
        for numbers in rounds_in(tmp_path).values():
            assert len(set(numbers)) == len(numbers)
    before = len(ledger.read(tmp_path).rows)
    certify(tmp_path, CHEAP, seed=3, rounds=1)
    assert len(ledger.read(tmp_path).rows) == before + len(CHEAP)


def test_rounds_that_end_out_of_turn_are_one_row_in_the_end(tmp_path: Path) -> None:
    (key,) = keys = ["T3a-two-values"]
    record = ledger.Record(tmp_path, 0, keys, 4)
    numbers = [record.next_round(key) for _ in range(4)]
    found = {k: attack(CHECKS[key], 0, k) for k in numbers}
    spans = []
    for k in (3, 0, 2, 1):
        record.keep(key, k, copy.deepcopy(found[k]))
        rows = ledger.read(tmp_path).rows
        spans.append([(row["first_round"], row["last_round"]) for row in rows])
    assert spans == [[(3, 3)], [(0, 0), (3, 3)], [(0, 0), (2, 3)], [(0, 3)]]
    record.finish()
    whole, _ = certify(tmp_path.parent / "in-turn", keys, seed=0, rounds=4)
    assert ledger.read(tmp_path).rows == whole.rows
    assert ledger.read(tmp_path).worst == whole.worst


@pytest.mark.parametrize("rounds", [6, None])
def test_two_runs_at_once_add_up(tmp_path: Path, rounds: int | None, rng) -> None:
    key = "T3a-two-values"
    runs = [ledger.Record(tmp_path, 0, [key], rounds) for _ in range(2)]
    worst, tried = 0.0, 0
    for run in [runs[int(k)] for k in rng.permutation([0] * 6 + [1] * 6)]:
        number = run.next_round(key)
        found = attack(CHECKS[key], 0, number)
        worst, tried = max(worst, found.worst), tried + found.tried
        run.keep(key, number, found)
    mine = [run.finish()[1][key] for run in runs]
    read = ledger.read(tmp_path)
    assert sum(row["tried"] for row in read.rows) == tried == sum(f.tried for f in mine)
    assert max(row["worst"] for row in read.rows) == worst == read.worst[key]["ratio"]
    (numbers,) = rounds_in(tmp_path).values()
    assert len(numbers) == len(set(numbers)) == 12
    if rounds is not None:
        assert sorted(numbers) == list(range(12))
        assert len(read.rows) == 2
        assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.csv", "worst"]


def test_short_runs_rotate_over_the_results(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "attack", stub)
    monkeypatch.setattr(ledger.Record, "_keep_worst", lambda self, key: None)
    labels = list(dict.fromkeys(check.label for check in CHECKS.values()))
    seen: list[str] = []
    for _ in range(5):
        before = {(row["label"], row["arena"]) for row in ledger.read(tmp_path).rows}
        done = 0

        def count(*_: object) -> None:
            nonlocal done
            done += 1
            if done == 12:
                raise _StopError

        with pytest.raises(_StopError):
            certify(tmp_path, list(CHECKS), minutes=1, progress=count)
        after = {(row["label"], row["arena"]) for row in ledger.read(tmp_path).rows}
        seen += [label for label, _ in after - before]
    # 60 rounds in five runs: every result once before any is attacked again.
    assert len(set(seen[:36])) == 36
    assert set(seen) == set(labels)


def test_results_that_were_not_reached_are_named(tmp_path: Path, monkeypatch, capsys) -> None:
    def slow(*arguments: object, **named: object) -> Found:
        time.sleep(0.02)
        return stub(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "attack", slow)
    monkeypatch.setattr(ledger.Record, "_keep_worst", lambda self, key: None)
    command = ["certify", "--minutes", "0.0001", "--out", str(tmp_path)]
    status, out, _ = run(command, capsys)
    assert status == 0
    assert "no bound was crossed" not in out
    assert "NOT ATTACKED for lack of time" in out
    status, out, _ = run([*command, "--json"], capsys)
    found = json.loads(out)["run"]
    assert found["not_reached"]
    assert set(found["reached"]) | set(found["not_reached"]) == set(RESULTS)
    assert not set(found["reached"]) & set(found["not_reached"])


def test_a_folder_that_holds_no_ledger_is_refused_before_anything_is_run(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(runner, "attack", None)  # would fail
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "ours" / "worst").mkdir(parents=True)
    (tmp_path / "ours" / "ledger.csv").write_text(",".join(ledger.COLUMNS) + "\n")
    (tmp_path / "ours" / "worst" / "T3a-two-values.json").write_text("mine")
    for name, words in [
        ("mine", "holds files but no ledger.csv"),
        ("file", "is a file"),
        ("file/deeper", "cannot write to"),
        ("/proc/nowhere", "cannot write to"),
        ("ours", "no saved instance"),
    ]:
        out = str(tmp_path / name)
        status, _, err = run(["certify", "--bound", "T3a", "--rounds", "1", "--out", out], capsys)
        assert status == 2
        assert words in err
        assert err.count("\n") == 1
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    assert (tmp_path / "ours/worst/T3a-two-values.json").read_text() == "mine"


HOSTILE: list[object] = [
    None, "x", "", True, -1, 0, 10**30, -0.5, 1e308, [], {}, [[]], [None], ["a"], [1, [2]],
    [-1.0, 2.0], [1e308] * 3, {"name": "x"}, {"name": "erdos", "horizon": 2**40, "parameters": {}},
]  # fmt: skip
# One check per kind of gene, each evaluated within milliseconds.
KINDS = ["T3a-families", "T5a-few-prompts", "T1-trees", "T10i-few-answers", "T12-any-instance"]


@pytest.mark.parametrize("key", KINDS)
def test_damaged_instances_are_told(key: str, tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    content = json.loads((LEDGER / "worst" / f"{key}.json").read_text())
    told = 0
    for name, value in itertools.product(content["instance"], HOSTILE):
        changed = content | {"instance": content["instance"] | {name: value}}
        file.write_text(json.dumps(changed))
        try:
            ledger.replay(ledger.read_worst(file))  # what is allowed after all has a ratio
        except ac.InputError:
            told += 1
    assert told >= 10 * len(content["instance"])
    for changes in ({"ratio": None}, {"ratio": "x"}, {"direction": "up"}, {"truth": 3},
                    {"label": ["T3a"]}, {"arena": 3}, {"instance": []}):  # fmt: skip
        file.write_text(json.dumps(content | changes))
        with pytest.raises(ac.InputError, match="no saved instance"):
            ledger.read_worst(file)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 10**5, '{"schema": 3}'])
def test_files_that_are_no_instances_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text(text)
    with pytest.raises(ac.InputError, match="no saved instance"):
        ledger.read_worst(tmp_path / "saved.json")


# Processes


def begun(out: Path, seed: int, jobs: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "antiscale", "certify", "--minutes", "9", "--quiet"]
    command += ["--jobs", str(jobs), "--seed", str(seed), "--out", str(out)]
    command += [part for label in ("T3a", "T12", "T10i") for part in ("--bound", label)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def alive(pid: str) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes")
def test_killed_processes_keep_their_rounds_and_leave_no_workers(tmp_path: Path, rng) -> None:
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
    kept: dict[tuple[str, str], list[int]] = {}
    for number in signals:
        # Two at once, with the same seed.
        runs = [begun(tmp_path, 0), begun(tmp_path, 0, jobs=1)]
        before = sum(map(len, kept.values()))
        while sum(map(len, rounds_in(tmp_path).values())) < before + 20:
            assert all(process.poll() is None for process in runs)
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 2))
        workers = Path(f"/proc/{runs[0].pid}/task/{runs[0].pid}/children").read_text().split()
        assert len(workers) >= 2
        for process in runs:
            process.send_signal(number)
        for process in runs:
            _, err = process.communicate(timeout=60)
            assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
            if number != signal.SIGKILL:
                assert err.startswith("antiscale: stopped; every finished round is in ")
                assert err.count("\n") == 1
        deadline = time.monotonic() + 60
        while any(map(alive, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        now = rounds_in(tmp_path)
        for key, numbers in now.items():
            assert len(numbers) == len(set(numbers))
            assert set(kept.get(key, [])) <= set(numbers)
        assert set(kept) <= set(now)
        kept = now


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
