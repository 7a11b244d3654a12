"""The same rows on every engine, whoever dies or is stopped on the way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from antiscale.grids.run import sweep
from tests.cluster import cluster

# Five shapes: as many chunks.
OPTIONS: dict[str, Any] = {
    "horizon": 16, "rewards": 3, "n": [20, 40], "kappa": [0.1, 1.0], "repeats": [3, 4, 5, 6, 7],
}  # fmt: skip


class _StopError(Exception):
    pass


def rows(folder: Path) -> dict[str, bytes]:
    """The data set, file by file."""
    return {file.name: file.read_bytes() for file in (folder / "rows").iterdir()}


@pytest.mark.cluster
def test_workers_that_are_killed_and_a_run_that_is_stopped_change_nothing(tmp_path: Path) -> None:
    sweep(**OPTIONS, out=tmp_path / "one")
    expected = rows(tmp_path / "one")
    assert len(expected) == 5
    with cluster(2) as two:
        ended = 0

        def disturb(*_: object) -> None:
            """Kill a worker in the middle of the run, and stop the run a little later."""
            nonlocal ended
            ended += 1
            if ended == 1:
                os.kill(two.workers[0].pid, signal.SIGKILL)
            if ended == 3:
                raise _StopError

        given = OPTIONS | {"out": tmp_path / "many", "scheduler": two.address}
        assert sweep(**given, dry_run=True).workers == 2
        with pytest.raises(_StopError):
            sweep(**given, progress=disturb)
        assert two.workers[0].wait(60) == -signal.SIGKILL
        kept = rows(tmp_path / "many")
        assert 3 <= len(kept) < 5
        # It goes on with the one worker that is left.
        found = sweep(**given)
        assert two.workers[1].poll() is None
    assert rows(tmp_path / "many") == expected
    assert len(found) == len(OPTIONS["repeats"]) * 4 * 2
