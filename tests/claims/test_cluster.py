"""The worked scripts of experiments/cluster: what can be tried without Slurm and Kubernetes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from antiscale.cli.certify import Attack
from antiscale.core.version import __version__

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "cluster"
# Runs the job here and now; dask-jobqueue removes its file when this returns.
SBATCH = """#!/bin/sh
cp "$1" job.sh
setsid sh job.sh > job.log 2>&1 &
echo $! >> pids
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -9 -- "-$job"; done
"""


def slurm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    given = {
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.run(
        [sys.executable, str(FOLDER / "slurm.py"), *arguments], cwd=folder, env=os.environ | given,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.cluster
def test_slurms_script_holds_what_was_asked_for(tmp_path: Path) -> None:
    asked = ["--queue", "cpu", "--cores", "8", "--memory", "16GB", "--walltime", "01:00:00"]
    found = slurm(tmp_path, *asked, "--script")
    assert found.returncode == 0, found.stderr
    for line in ("-p cpu", "--cpus-per-task=8", "--mem=15G", "-t 01:00:00"):
        assert f"#SBATCH {line}\n" in found.stdout
    assert "\nexport NPROC=1\n" in found.stdout
    (command,) = re.findall(r"^.*dask_worker.*$", found.stdout, re.MULTILINE)
    assert command.startswith(sys.executable)
    for option in ("--nthreads 1 ", "--nworkers 8 "):
        assert option in command


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc").exists(), reason="sessions as on Linux")
def test_a_command_runs_in_the_jobs_that_are_submitted(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    command = ["certify", "--bound", "T12", "--rounds", "1", "--out", "ledger", "--quiet"]
    try:
        found = slurm(tmp_path, "--jobs", "1", "--cores", "1", "--memory", "2GB", "--", *command)
    finally:
        for pid in (tmp_path / "pids").read_text().split():
            subprocess.run(["kill", "-9", "--", f"-{pid}"], capture_output=True, check=False)
    assert found.returncode == 0, found.stderr + (tmp_path / "job.log").read_text()
    assert "no bound was crossed" in found.stdout
    assert len((tmp_path / "ledger" / "ledger.csv").read_text().splitlines()) > 1


def test_kubernetes_runs_one_image_of_this_version() -> None:
    text = (FOLDER / "kubernetes.yaml").read_text()
    parts: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    assert [part["kind"] for part in parts] == [
        "Service", "Deployment", "Deployment", "PersistentVolumeClaim", "Job",
    ]  # fmt: skip
    pods = {
        part["metadata"]["name"]: part["spec"]["template"]["spec"]["containers"][0]
        for part in parts if "template" in part["spec"]
    }  # fmt: skip
    image = f"antiscale:{__version__}"
    assert {pod["image"] for pod in pods.values()} == {image}
    assert f"-t {image} " in (FOLDER / "Dockerfile").read_text()
    assert f"-t {image} " in (FOLDER / "README.md").read_text()
    service = parts[0]
    (port,) = service["spec"]["ports"]
    where = f"{service['metadata']['name']}:{port['port']}"
    scheduler, worker, job = (pod["command"] for pod in pods.values())
    assert scheduler[:4] == ["dask", "scheduler", "--port", str(port["port"])]
    assert worker[:3] == ["dask", "worker", f"tcp://{where}"]
    assert job[-2:] == ["--scheduler", where]
    # Both sides of the selectors, and options that the command has.
    assert service["spec"]["selector"] == parts[1]["spec"]["template"]["metadata"]["labels"]
    assert Attack(rounds=int(job[job.index("--rounds") + 1]), scheduler=where).rounds == 100
    assert job[:2] == ["antiscale", "certify"]


@pytest.mark.cluster
def test_kubernetes_commands_are_dasks() -> None:
    text = (FOLDER / "kubernetes.yaml").read_text()
    from distributed.cli import dask_scheduler, dask_worker

    for kind, module in (("scheduler", dask_scheduler), ("worker", dask_worker)):
        pods = [part for part in yaml.safe_load_all(text) if part["kind"] == "Deployment"]
        (pod,) = [p for p in pods if p["metadata"]["name"].endswith(kind)]
        command = pod["spec"]["template"]["spec"]["containers"][0]["command"]
        # Raises for an option that there is not.
        context = module.main.make_context(kind, command[2:], resilient_parsing=False)
        assert shlex.join(command).startswith(f"dask {kind}")
        assert context.params["dashboard"] is False
