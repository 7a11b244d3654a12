"""The command line told to stop, or its output refused: one line and a status, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from antiscale.cli import main
from antiscale.core import stopping

PYTHON = [sys.executable, "-c"]
# A command that computes in another way than most: swallowing, deaf, or in a thread.
COMMAND = """
import sys, threading, time
from antiscale.core import stopping
from antiscale import cli
from antiscale.core import stopping

def swallowing():
    while True:
        try:
            time.sleep(0.05)
        except BaseException:
            pass  # as a library does in a callback of the garbage collector

def deaf():
    # In compiled code Python's handler does not run; other threads do.
    import ctypes, signal
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    ctypes.CDLL(None).sleep(60)

def waiting():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 60).result()

def unwinding():
    time.sleep(60)

def run():
    stopping.keeps("all is kept")
    print("begun", flush=True)
    {kind}()

cli._run = run
cli.main()
"""


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("unwinding", signal.SIGINT),
        ("unwinding", signal.SIGHUP),
        ("swallowing", signal.SIGINT),
        ("deaf", signal.SIGTERM),
        ("waiting", signal.SIGTERM),
    ],
)
def test_a_command_that_is_told_to_stop_says_so_and_ends(kind: str, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*PYTHON, COMMAND.replace("{kind}", kind)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert err == "antiscale: stopped; all is kept\n"
    assert process.returncode == 128 + number


def test_what_is_ignored_stays_ignored() -> None:
    command = COMMAND.replace("{kind}()", "sys.stdin.readline()\n    print('done')\n    return 0")
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *PYTHON, command], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate("go on\n", timeout=60)
    assert (process.returncode, out, err) == (0, "done\n", "")


def test_no_file_is_half_written_when_the_process_is_ended(tmp_path: Path) -> None:
    command = COMMAND.replace(
        "{kind}()",
        "from pathlib import Path\n    from antiscale.core.folder import write_whole\n"
        "    def write():\n"
        f"        target = Path({str(tmp_path)!r}) / 'x'\n"
        "        write_whole(target, b'a' * 10**6)\n"
        "        print('written', flush=True)\n"
        "        while True: write_whole(target, b'a' * 10**6)\n"
        "    threading.Thread(target=write).start()\n    swallowing()",
    )
    process = subprocess.Popen([*PYTHON, command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"begun\n", b"written\n"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert [file.name for file in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").stat().st_size == 10**6


def test_handlers_are_put_back(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(sys, "argv", ["antiscale", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert stopping.status() == 130
    assert capsys.readouterr().out.startswith("antiscale 0.")


@pytest.mark.slow
def test_a_sweep_that_is_stopped_keeps_its_cells(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "antiscale", "sweep", "--horizon", "4096", "--quiet"]
    process = subprocess.Popen(
        [*command, "--repeats", "2000", "--out", str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not list((out / "cells").glob("H*.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    kept = f"finished cells are kept in {out}; run the same command again to go on"
    assert err == f"antiscale: stopped; {kept}\n"
    assert process.returncode == 130
    assert list((out / "cells").glob("H*.json"))
    assert not list(out.rglob(".partial-*"))


# Where output cannot go


def shell(line: str, **environment: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        ["bash", "-c", line.replace("antiscale", f"{sys.executable} -m antiscale", 1)],
        capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("antiscale bounds >&-", "standard output is closed"),
        ("antiscale bounds >/dev/full", "cannot write to standard output: No space left"),
        ("antiscale --version >/dev/full", "cannot write to standard output: No space left"),
        ("antiscale bounds 1</dev/null", "cannot write to standard output: Bad file"),
    ],
)
def test_output_that_cannot_be_written_is_one_line_and_status_two(line: str, words: str) -> None:
    status, _, err = shell(line)
    assert status == 2
    assert words in err
    assert err.startswith("antiscale: error: ")
    assert err.count("\n") == 1


def test_errors_that_nobody_can_read_keep_their_status() -> None:
    for line in ("antiscale sweep --horizon 0 2>&-", "antiscale sweep --horizon 0 2>/dev/full"):
        assert shell(line) == (2, "", "")


def test_characters_that_the_output_lacks_are_replaced() -> None:
    status, out, err = shell("antiscale bounds", PYTHONIOENCODING="ascii")
    assert (status, err) == (0, "")
    assert out.isascii()
    assert "?" in out
