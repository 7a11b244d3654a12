"""`antiscale separation`."""

from dataclasses import dataclass

from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core import validate
from antiscale.core.config import option
from antiscale.sweeps.config import SweepConfig


@dataclass(frozen=True, kw_only=True)
class Phase(Flags):
    """The phase diagram.

    Parameters
    ----------
    phase
        Whether to compute T9's phase diagram.
    phase_horizon
        Test-time budget H of the phase diagram, in tokens.
    """

    phase: bool = option(True, flag="--phase/--no-phase")
    phase_horizon: int = option(2**20, validate.integer, "H", least=16, most=2**24)


@dataclass(frozen=True, kw_only=True)
class Asked(Flags):
    """What is asked of the bounds besides.

    Parameters
    ----------
    loss
        How many traces each side needs to lose no more than so many tokens at the largest H.
    """

    loss: float | None = option(None, validate.real, "TOKENS", above=0.0)


@command(
    Options(
        SweepConfig,
        "horizon family parameters reward_class learner kappa samples_per_token samples repeats "
        "seed",
        presets="sweeps", samples="The budget rule n = N at every H instead.",
    ),
    Options(Asked),
    Options(Phase),
    Options(Results, out="Folder for the results. Default: runs/separation-<hash>."),
)  # fmt: skip
def separation(config: SweepConfig, asked: Asked, phase: Phase, results: Results) -> None:
    """Find from which H and n verification certainly wins, and where it is measured to (T9).

    The gap is certified where T4, what every cloning algorithm must lose, exceeds T7, what the
    named verifier may lose. Leaves rows, the phase diagram's points, a manifest and a figure.

    Examples
    --------
    antiscale separation
    antiscale separation --config homogeneous_styles
    antiscale separation --family sharp --samples-per-token 8 --no-phase
    antiscale separation --horizon 1024 --loss 10 --no-phase
    """
    from antiscale.cli.screens.separation import screen
    from antiscale.sweeps import separation as tool
    from antiscale.sweeps.plan import Plan

    plan = Plan.of(config)
    about = {"seed": config.seed, "config": config.to_dict(), "sources": plan.sources}
    with results.folder("separation", tool.SCHEMA, plan.hash, **about) as folder:
        with results.progress(1) as advance:
            found = tool.separation(
                plan, phase_horizon=phase.phase_horizon if phase.phase else None, loss=asked.loss,
                progress=advance,
            )  # fmt: skip
        tool.write(found, folder)
    files = "rows.csv, in_n.csv, phase.csv, result.json, separation.png, .svg"
    results.show(found.to_json(), lambda _: screen(found), f"\nResults: {folder.path}/  ({files})")
