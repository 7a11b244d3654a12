"""The same ledger and worst instances on every engine, whoever dies or is stopped on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from antiscale.certify import ledger
from antiscale.certify.checks import of_label
from antiscale.certify.run import certify
from antiscale.core.errors import InputError
from tests.cluster import cluster

KEYS = ["T3a-two-values", "T12-any-instance", "T10i-two-answers"]
ROUNDS = 6


class _StopError(Exception):
    pass


def content(folder: Path) -> dict[str, bytes]:
    """All that a ledger's folder holds."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What two runs in one process leave: the second begins with the worst that the first found."""
    folder = tmp_path_factory.mktemp("one")
    for _ in range(2):
        certify(folder, KEYS, seed=4, rounds=ROUNDS)
    return content(folder)


def stopped_after(rounds: int, folder: Path, **engine: int) -> None:
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        if done == rounds:
            raise _StopError

    with pytest.raises(_StopError):
        certify(folder, KEYS, seed=4, rounds=ROUNDS, progress=count, **engine)


def test_a_run_that_is_stopped_is_finished_by_the_same_command(
    tmp_path: Path, expected: dict[str, bytes]
) -> None:
    stopped_after(2, tmp_path)
    assert len(list((tmp_path / "unfinished").glob("*.jsonl"))) == 1
    stopped_after(6, tmp_path, jobs=2)
    certify(tmp_path, KEYS, seed=4, rounds=ROUNDS)
    rows = ledger.read(tmp_path).rows
    assert [(row["first_round"], row["last_round"]) for row in rows] == [(0, ROUNDS - 1)] * 3
    assert not (tmp_path / "unfinished").exists()
    stopped_after(1, tmp_path)
    # Another seed, other checks and other rounds are other runs.
    certify(tmp_path, KEYS[:1], seed=9, rounds=1)
    assert len(list((tmp_path / "unfinished").glob("*.jsonl"))) == 1
    certify(tmp_path, KEYS, seed=4, rounds=ROUNDS, jobs=2)
    found = ledger.read(tmp_path)
    assert [row for row in found.rows if row["seed"] == 4] == [
        row for row in _rows(expected, tmp_path) if row["seed"] == 4
    ]


def _rows(files: dict[str, bytes], folder: Path) -> list[dict[str, object]]:
    other = folder / "other"
    other.mkdir()
    (other / "ledger.csv").write_bytes(files["ledger.csv"])
    return ledger.read_rows(other)


def test_the_last_round_of_a_killed_run_is_whole_or_run_again(
    tmp_path: Path, expected: dict[str, bytes]
) -> None:
    stopped_after(5, tmp_path)
    (file,) = (tmp_path / "unfinished").glob("*.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    # Killed after a round was written down, before its row was; and in the middle of the next.
    file.write_text("".join([*lines, lines[-1][: len(lines[-1]) // 2]]))
    (tmp_path / "ledger.csv").write_text(",".join(ledger.COLUMNS) + "\n")
    for worst in (tmp_path / "worst").iterdir():
        worst.unlink()
    for _ in range(2):
        certify(tmp_path, KEYS, seed=4, rounds=ROUNDS)
    assert content(tmp_path) == expected


def test_a_run_that_goes_on_elsewhere_is_not_taken_up(tmp_path: Path) -> None:
    first = ledger.Record(tmp_path, 0, KEYS, 2)
    second = ledger.Record(tmp_path, 0, KEYS, 2)
    assert [record.next_round(KEYS[0]) for record in (first, second)] == [0, 2]
    first.close()
    third = ledger.Record(tmp_path, 0, KEYS, 2)
    assert third.next_round(KEYS[0]) == 0
    second.close()
    third.close()


def test_a_damaged_unfinished_run_is_told(tmp_path: Path) -> None:
    stopped_after(1, tmp_path)
    (file,) = (tmp_path / "unfinished").glob("*.jsonl")
    for text in ("", "{}\n", '{"asked": 3, "first": {}, "starts": 1, "more": 2}\n', "[[[\n"):
        file.write_text(text)
        with pytest.raises(InputError, match=r"jsonl is damaged; delete it when no certify runs"):
            certify(tmp_path, KEYS, seed=4, rounds=ROUNDS)


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes")
def test_processes_and_workers_that_are_killed_change_nothing(
    tmp_path: Path, expected: dict[str, bytes]
) -> None:
    with cluster(2) as two:
        victims: list[int] = []

        def kill(*_: object) -> None:
            """Kill a worker in the middle of the run."""
            if victims:
                os.kill(victims.pop(), signal.SIGKILL)

        for number in range(2):
            victims += [two.workers[0].pid] if number == 0 else []
            certify(
                tmp_path / "dask", KEYS, seed=4, rounds=ROUNDS, scheduler=two.address, progress=kill
            )
        assert not victims
        assert two.workers[0].wait(60) == -signal.SIGKILL
        assert two.workers[1].poll() is None
    assert content(tmp_path / "dask") == expected

    def kill_one(*_: object) -> None:
        # One of ours that attacks, not the process that frees what they hold.
        mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in mine}
        workers = [pid for pid, line in lines.items() if b"popen_loky" in line]
        if workers and not killed:
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    killed: list[int] = []
    for _ in range(2):
        certify(tmp_path / "two", KEYS, seed=4, rounds=ROUNDS, jobs=2, progress=kill_one)
    assert killed
    assert content(tmp_path / "two") == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_stopped_goes_on_with_other_workers(
    number: signal.Signals, tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    command = [sys.executable, "-m", "antiscale", "certify", "--bound", "T12", "--rounds", "20"]
    command += ["--out", str(out), "--quiet"]
    process = subprocess.Popen(
        [*command, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while not ledger.read_rows(out):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        kept = f"every finished round is in {out}/ledger.csv; run the same command again"
        assert err.decode() == f"antiscale: stopped; {kept} to finish it\n"
    assert len(list((out / "unfinished").glob("*.jsonl"))) == 1
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    certify(tmp_path / "whole", of_label("T12"), seed=0, rounds=20)
    found, whole = content(out), content(tmp_path / "whole")
    assert {name: found[name] for name in whole} == whole
    assert not (out / "unfinished").exists()
