"""`antiscale sweep`."""

import threading
from pathlib import Path

from antiscale.cli.options import Options, command
from antiscale.cli.plot import draw
from antiscale.cli.terminal import Results, load_ahead, say
from antiscale.core.stopping import keeps
from antiscale.sweeps.config import SweepConfig


@command(
    Options(SweepConfig, presets="sweeps"),
    Options(Results, out="Folder for the results. Default: runs/<config hash>."),
)
def sweep(config: SweepConfig, results: Results) -> None:
    """Measure what cloning and verification lose as the budget grows, against explicit bounds.

    Leaves a folder with rows (Parquet, CSV), a manifest and a plot.
    A run that was cut short goes on; a finished one is shown again at once.

    Examples
    --------
    antiscale sweep --horizon 4096
    antiscale sweep --horizon 4096 --family homogeneous
    antiscale sweep --family sharp --set c0=0.02 --horizon 1024
    antiscale sweep --expert hard --form two_point --learner smoothed_sft
    antiscale sweep --vary n --horizon 256 --samples 1000000
    antiscale sweep --family two_point --expert hard --learner bayes --exact
    antiscale sweep --noise 0.3 --vary noise --horizon 256
    antiscale sweep --family difficulty --vary n --samples 512 --horizon 64 --pass-at 1,4,16
    antiscale sweep --config default --json > sweep.json
    """
    # Late: only a command that computes waits for JAX.
    from antiscale.cli.screens.sweep import screen
    from antiscale.sweeps import words
    from antiscale.sweeps.folder import open_run
    from antiscale.sweeps.plan import Plan
    from antiscale.sweeps.run import run_sweep

    plan = Plan.of(config)
    path = Path("runs") / plan.hash if results.out is None else results.out
    folder = open_run(plan, path, overwrite=results.overwrite)
    keeps(f"finished cells are kept in {path}; run the same command again to go on")
    if folder.complete:
        say(f"shown from {path}, finished {folder.manifest['finished']}; --overwrite runs it again")
    else:
        threading.Thread(target=load_ahead).start()
    with results.progress(len(plan.places)) as advance:
        found = run_sweep(plan, folder, advance)
    draw(folder, words.caption(config, found.rows, found.fit))
    results.show(
        found.to_json(),
        lambda width: screen(config, found.rows, found.fit, width=width),
        f"\nResults: {path}/  (rows, manifest, plot.png, plot.svg)",
        wider=config.exact,
    )
