"""Run an antiscale command on workers that Slurm starts.

    pip install '.[cluster]'        # once, in an environment that every node sees
    python experiments/cluster/slurm.py --queue cpu --jobs 4 -- sweep --grid kappa_by_n
    python experiments/cluster/slurm.py --queue cpu -- certify --rounds 100 --out runs/certify

Run it on the login node (or in a small job of its own): the Dask scheduler and the command live
here, what computes lives in the jobs. A job that Slurm ends, at its time limit or before, is
replaced, and what it was at is run again. Ctrl-C, or the end of this script, cancels the jobs; the
same command again goes on where it was. `--script` prints the job and starts nothing.

Other queues: dask_jobqueue's PBSCluster, SGECluster, LSFCluster, ... take the same options.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from dask_jobqueue import SLURMCluster


def workers(options: argparse.Namespace) -> SLURMCluster:
    """A Dask scheduler in this process; its workers, one for each core, are jobs of Slurm."""
    return SLURMCluster(
        queue=options.queue,
        account=options.account,
        cores=options.cores,
        processes=options.cores,  # of one thread each, so that none waits for Python's lock
        memory=options.memory,
        walltime=options.walltime,
        interface=options.interface,
        python=sys.executable,
        local_directory=options.scratch,
        log_directory=options.logs,
        # JAX's own threads; Dask sets OMP_NUM_THREADS and its like.
        job_script_prologue=["export NPROC=1"],
    )


def main() -> int:
    """Start the workers, run the command on them, and return its exit status."""
    parser = argparse.ArgumentParser(description="An antiscale command on workers of Slurm.")
    parser.add_argument("--queue", help="partition (sbatch -p); default: Slurm's own")
    parser.add_argument("--account", help="account (sbatch -A)")
    parser.add_argument("--jobs", type=int, default=4, help="jobs at a time")
    parser.add_argument("--cores", type=int, default=16, help="cores of each job")
    parser.add_argument("--memory", default="32GB", help="memory of each job; 2 GB a core")
    parser.add_argument("--walltime", default="04:00:00", help="time limit of each job")
    parser.add_argument("--interface", help="network between the nodes, as `ip link` names it: ib0")
    parser.add_argument("--scratch", default="/tmp", help="a fast folder on the nodes")
    parser.add_argument("--logs", default="runs/slurm", help="folder of the jobs' output")
    parser.add_argument("--script", action="store_true", help="print the job; start nothing")
    parser.add_argument("command", nargs="*", help="after --: certify ...")
    options = parser.parse_args()
    with workers(options) as cluster:
        if options.script:
            print(cluster.job_script())
            return 0
        # As many again when some reach their time limit.
        cluster.adapt(minimum_jobs=options.jobs, maximum_jobs=options.jobs)
        where = ["--scheduler", cluster.scheduler_address]
        command = [sys.executable, "-m", "antiscale", *options.command, *where]
        process = subprocess.Popen(command)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                pass  # the command hears it too, and says what it keeps


if __name__ == "__main__":
    sys.exit(main())
