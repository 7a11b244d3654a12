"""`antiscale train`."""

from dataclasses import dataclass
from pathlib import Path

from antiscale import presets
from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results, say
from antiscale.core import validate
from antiscale.core.config import option, read_config
from antiscale.core.errors import InputError
from antiscale.core.stopping import keeps
from antiscale.networks.environments import ENVIRONMENTS

SIZES = ("smoke", "tiny", "small")


@dataclass(frozen=True, kw_only=True)
class Training(Flags):
    """Which study is run.

    Parameters
    ----------
    environment
        styles, planted, plain or arithmetic.
    size
        smoke (no more than a test), tiny (minutes on two cores) or small (one GPU).
    config
        A study's file, instead of a size.
    seed
        Of everything drawn. Default: the study's.
    minutes
        Begin no horizon that would end later; run the same command again to go on.
    """

    environment: str = option(
        check=validate.choice, metavar="NAME", argument=True, allowed=ENVIRONMENTS
    )
    size: str = option("tiny", validate.choice, "SIZE", allowed=SIZES)
    config: Path | None = option(None, metavar="FILE.toml")
    seed: int | None = option(None, validate.integer, least=0, most=2**32 - 1)
    minutes: float | None = option(None, validate.real, "M", least=0)

    @staticmethod
    def said(name: str) -> str:
        """Return the flag of a field; the environment has none."""
        return name if name == "environment" else Flags.said(name)


@command(
    Options(Training), Options(Results, out="Folder for the results. Default: runs/train-<hash>.")
)
def train(training: Training, results: Results) -> None:
    """Train small transformers: cloning against verification, beside the exact theory.

    The base policy is pretrained on procedural traces. Then every arm is finetuned from it: sft
    clones n traces of the ball's expert, ball learns a verifier from n labelled base traces and
    weights fresh ones. styles is the default family in tokens; in planted the right styles differ
    by prompt; in plain they do not, and a network generalises; in arithmetic traces are searches
    for an expression of three numbers, and problems are held out. Leaves rows, sampled traces for
    antiscale diagnose, and a figure. Needs the extra networks.

    Examples
    --------
    antiscale train styles --size smoke
    antiscale train planted
    antiscale train planted --size small --minutes 8
    antiscale train plain --seed 7 --json > plain.json
    """
    try:
        import equinox  # noqa: F401
        import optax  # noqa: F401
    except ImportError:
        raise InputError(
            "antiscale train needs Equinox and Optax; install them with: pip install equinox optax"
        ) from None
    from antiscale.cli.screens.train import screen
    from antiscale.core import device
    from antiscale.core.folder import now
    from antiscale.core.provenance import versions
    from antiscale.networks import words
    from antiscale.networks.config import IN_BALL, SCHEMA, TrainConfig
    from antiscale.networks.study import StudyFolder, run_study
    from antiscale.plots import encode, study_figure

    file = training.config or presets.find("studies", f"{training.environment}-{training.size}")
    given = {"environment": training.environment} | read_config(file)
    if given["environment"] != training.environment:
        raise InputError(
            f"{file} is a study of {validate.shown(given['environment'])}, not of "
            f"{training.environment}; name its environment"
        )
    seed = {} if training.seed is None else {"seed": training.seed}
    config = TrainConfig.from_mapping(given | seed)
    device.keep_compiled_code()
    path = Path("runs") / f"train-{config.hash()}" if results.out is None else results.out
    with StudyFolder.open(
        path, SCHEMA, config.hash(), overwrite=results.overwrite, config=config.to_dict(),
        device=device.description(), versions=versions(), started=now(),
    ) as folder:  # fmt: skip
        keeps(f"the base and finished horizons are kept in {path}; run the command again to go on")
        if folder.complete:
            when = folder.manifest["finished"]
            say(f"shown from {path}, finished {when}; --overwrite runs it again")
            study = folder.study(config)
        else:
            with results.progress(config.pretrain.steps, "compiling") as advance:
                found = run_study(config, folder, advance, training.minutes)
            if found is None:
                over = f"The minutes are over; run the same command again to go on from {path}/."
                unfinished = {"schema": SCHEMA, "config": config.to_dict(), "rows": None}
                results.show(unfinished, lambda _: None, over)
                return
            study = found
            note = " ".join(
                [*words.reading(study.frame), f"Shaded: 99% over {words.seeds(study.frame)}."]
            )
            # Where no base is near its procedure there is no comparison, and the note says so.
            near = words.comparable(study.frame)
            shown = study.frame if near.empty else near
            folder.store(study, encode(study_figure(shown, note, IN_BALL)))
    results.show(
        study.to_json(),
        lambda _: screen(study),
        f"\nResults: {path}/  (rows.csv, rollouts.parquet, study.png, .svg)",
    )
