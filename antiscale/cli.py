"""The command line: parse, call, print."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

import antiscale
from antiscale import families, validate
from antiscale.config import EXPERTS, FORMS, SweepConfig, read_config, writable
from antiscale.errors import InputError

app = typer.Typer(
    name="antiscale",
    help="When does finetuning with verification beat cloning expert traces, and by how much?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEFAULT = SweepConfig()
_EXAMPLES = """
[bold]Examples[/bold]

  antiscale sweep --horizon 4096

  antiscale sweep --horizon 4096 --family homogeneous

  antiscale sweep --family sharp --set c0=0.02 --horizon 1024

  antiscale sweep --expert hard --form two_point --learner smoothed_sft

  antiscale sweep --vary n --horizon 256 --samples 1000000

  antiscale sweep --family two_point --expert hard --learner bayes --exact

  antiscale sweep --noise 0.3 --vary noise --horizon 256

  antiscale sweep --config experiments/default.toml --json > sweep.json
"""


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"antiscale {antiscale.__version__}")
        raise typer.Exit


@app.command(epilog=_EXAMPLES)
def sweep(
    horizon: Annotated[
        str | None,
        typer.Option(
            metavar="H",
            help="Largest test-time budget in tokens: runs 16, 32, ..., H. "
            f"Default: {_DEFAULT.horizon}.",
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{', '.join(families.FAMILIES)}; see antiscale family. "
            f"Default: {_DEFAULT.family}.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the family, e.g. spread=0.5; repeatable.",
        ),
    ] = None,
    reward_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The class calR: mirror, styles, tabular, explicit, known. Default: the family's.",
        ),
    ] = None,
    set_class: Annotated[
        list[str] | None,
        typer.Option(
            "--set-class",
            metavar="NAME=VALUE",
            help="A parameter of the reward class, e.g. mirrors=false; repeatable.",
        ),
    ] = None,
    expert: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Whose traces are cloned: {', '.join(EXPERTS)}. Default: {_DEFAULT.expert}.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Form of the VF lower bound: {', '.join(FORMS)}. Default: {_DEFAULT.form}.",
        ),
    ] = None,
    learner: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="VF: sft, smoothed_sft, shrinkage, mle, bayes, loglinear. VB: simple, binary, "
            "wide, plugin, rejection, kl, npg. Or module:name of your own; once per side. "
            "Default: sft, simple.",
        ),
    ] = None,
    kappa: Annotated[
        str | None,
        typer.Option(
            metavar="X", help=f"Radius of the chi-square ball. Default: {_DEFAULT.kappa:g}."
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(metavar="M", help="Prompts m of the family. Default: the family's."),
    ] = None,
    styles: Annotated[
        str | None, typer.Option(metavar="B", help="Styles B of the family. Default: the family's.")
    ] = None,
    samples_per_token: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help=f"n = X * H traces for each side. Default: {_DEFAULT.samples_per_token:g}.",
        ),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="N", help="Fix n (with --vary n: the largest n).")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="ETA",
            help="Probability that a label's verdict is reversed, in [0, 0.5). Default: 0.",
        ),
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="H|n|noise",
            help="H grows the horizon; n fixes H and grows n; noise raises ETA from 0. "
            f"Default: {_DEFAULT.vary}.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Show risks computed without sampling too, where possible."),
    ] = False,
    repeats: Annotated[
        str | None, typer.Option(metavar="R", help=f"Replicates. Default: {_DEFAULT.repeats}.")
    ] = None,
    rewards: Annotated[
        str | None,
        typer.Option(
            metavar="K",
            help=f"Stated rewards per prompt for classes over 1024. Default: {_DEFAULT.rewards}.",
        ),
    ] = None,
    c0: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="Anti-concentration a stated reward must reach. Default: what r and rbar do.",
        ),
    ] = None,
    quantile: Annotated[
        str | None,
        typer.Option(
            metavar="Q",
            help=f"Quantile of the loss at the true reward. Default: {_DEFAULT.quantile:g}.",
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="SEED", help=f"Seed of everything. Default: {_DEFAULT.seed}."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Read options from a file; flags override it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Results folder. Default: runs/<config hash>."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start afresh in a folder that holds a run.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Measure what cloning and verification lose as the budget grows, against explicit bounds.

    Leaves a folder with rows (Parquet, CSV), a manifest and a plot.
    A run that was cut short goes on; a finished one is shown again at once.
    """
    given: dict[str, Any] = {
        "horizon": _number("--horizon", horizon),
        "family": family,
        "reward_class": reward_class,
        "expert": expert,
        "form": form,
        "learner": learner or None,
        "kappa": _number("--kappa", kappa),
        "prompts": _number("--prompts", prompts),
        "styles": _number("--styles", styles),
        "samples_per_token": _number("--samples-per-token", samples_per_token),
        "samples": _number("--samples", samples),
        "noise": _number("--noise", noise),
        "vary": vary,
        "exact": exact or None,
        "repeats": _number("--repeats", repeats),
        "rewards": _number("--rewards", rewards),
        "c0": _number("--c0", c0),
        "quantile": _number("--quantile", quantile),
        "seed": _number("--seed", seed),
    }
    options = {} if config is None else read_config(config)
    options |= {name: value for name, value in given.items() if value is not None}
    for key, texts in (("parameters", set_), ("class_parameters", set_class)):
        assigned = dict(_assignment(text) for text in texts or [])
        if assigned:
            options[key] = {**options.get(key, {}), **assigned}
    settings = SweepConfig.from_mapping(options)

    # Late: only a command that computes waits for JAX.
    from antiscale import report
    from antiscale.results import open_run
    from antiscale.sweeps import check, run_sweep

    check(settings)
    path = out if out is not None else Path("runs") / settings.hash()
    folder = open_run(settings, path, overwrite=overwrite)
    if not folder.complete:
        threading.Thread(target=_load_ahead).start()
    total = len(settings.cells())
    with _progress(total, hidden=quiet) as advance:
        result = run_sweep(settings, folder, advance)
    _draw(folder, report.reading(settings, result.rows, result.fit))
    if as_json:
        print(json.dumps(result.to_json(), allow_nan=False))
        return
    console = _console(wider=settings.exact)
    console.print(report.screen(settings, result.rows, result.fit, width=console.width))
    console.print(f"\nResults: {path}/  (rows, manifest, plot.png, plot.svg)", highlight=False)


@app.command(epilog="[bold]Example[/bold]\n\n  antiscale plot runs/HASH")
def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to put plot.png and plot.svg. Default: RUN."),
    ] = None,
) -> None:
    """Redraw a sweep's plot from its rows alone."""
    from antiscale.report import reading
    from antiscale.results import RunFolder, read_run

    folder = read_run(run)
    result = folder.result()
    settings = SweepConfig.from_mapping(result["config"])
    target = folder if out is None else RunFolder(out)
    files = _draw(folder, reading(settings, result["rows"], result["fit"]), target, redraw=True)
    for file in files:
        print(file)


_SEPARATION_EXAMPLES = """
[bold]Examples[/bold]

  antiscale separation

  antiscale separation --config experiments/homogeneous_styles.toml

  antiscale separation --family sharp --samples-per-token 8 --no-phase
"""


@app.command(epilog=_SEPARATION_EXAMPLES)
def separation(
    horizon: Annotated[
        str | None,
        typer.Option(metavar="H", help=f"Largest budget in tokens. Default: {_DEFAULT.horizon}."),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"As for sweep. Default: {_DEFAULT.family}."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the family; repeatable."),
    ] = None,
    reward_class: Annotated[
        str | None, typer.Option(metavar="NAME", help="The class calR. Default: the family's.")
    ] = None,
    learner: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="As for sweep; once per side.")
    ] = None,
    kappa: Annotated[
        str | None,
        typer.Option(metavar="X", help=f"Radius of the ball. Default: {_DEFAULT.kappa:g}."),
    ] = None,
    samples_per_token: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help=f"The budget rule n = X * H. Default: {_DEFAULT.samples_per_token:g}.",
        ),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="N", help="The budget rule n = N at every H instead.")
    ] = None,
    repeats: Annotated[
        str | None, typer.Option(metavar="R", help=f"Replicates. Default: {_DEFAULT.repeats}.")
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="SEED", help=f"Seed of everything. Default: {_DEFAULT.seed}."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="A sweep's options; flags override them."),
    ] = None,
    phase: Annotated[
        bool, typer.Option("--phase/--no-phase", help="Whether to compute T9's phase diagram.")
    ] = True,
    phase_horizon: Annotated[
        str, typer.Option(metavar="H", help="H of the phase diagram.")
    ] = "1048576",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the results. Default: runs/separation-<hash>."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Find from which H and n verification certainly wins, and where it is measured to (T9).

    The gap is certified where T4, what every cloning algorithm must lose, exceeds T7, what the
    named verifier may lose. Leaves rows, the phase diagram's points, a manifest and a figure.
    """
    given: dict[str, Any] = {
        "horizon": _number("--horizon", horizon),
        "family": family,
        "reward_class": reward_class,
        "learner": learner or None,
        "kappa": _number("--kappa", kappa),
        "samples_per_token": _number("--samples-per-token", samples_per_token),
        "samples": _number("--samples", samples),
        "repeats": _number("--repeats", repeats),
        "seed": _number("--seed", seed),
    }
    options = {} if config is None else read_config(config)
    options |= {name: value for name, value in given.items() if value is not None}
    assigned = dict(_assignment(text) for text in set_ or [])
    if assigned:
        options["parameters"] = {**options.get("parameters", {}), **assigned}
    settings = SweepConfig.from_mapping(options)
    top = validate.integer(
        "--phase-horizon", _number("--phase-horizon", phase_horizon), least=16, most=2**24
    )

    from antiscale import report
    from antiscale import separation as tool
    from antiscale.results import open_folder
    from antiscale.sweeps import check

    check(settings)
    path = out if out is not None else Path("runs") / f"separation-{settings.hash()}"
    folder = open_folder(path, tool.SCHEMA)
    threading.Thread(target=_load_ahead).start()
    with _progress(1, hidden=quiet) as advance:
        found = tool.separation(settings, phase_horizon=top if phase else None, progress=advance)
    tool.write(found, folder)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    console = _console()
    console.print(report.separation_screen(found), highlight=False)
    console.print(
        f"\nResults: {path}/  (rows.csv, in_n.csv, phase.csv, result.json, separation.png, .svg)",
        highlight=False,
    )


_BOUNDS_EXAMPLES = """
[bold]Examples[/bold]

  antiscale bounds

  antiscale bounds T4c --set pmf=[0.5,0.5] --set returns=[0,100] --set n=1000 --set kappa=0.25

  antiscale bounds --table --family heterogeneous --horizon 4096 --samples 131072

  antiscale bounds --constants
"""


@app.command(epilog=_BOUNDS_EXAMPLES)
def bounds(
    label: Annotated[
        str | None, typer.Argument(metavar="[LABEL]", help="A label of paper_bounds.md, e.g. T4c.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An input of the bound, or with --table a parameter of the family; repeatable.",
        ),
    ] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Compare every bound at one place of a family.")
    ] = False,
    constants: Annotated[
        bool, typer.Option("--constants", help="Show the constants with their proved brackets.")
    ] = False,
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --table: the family.")
    ] = None,
    horizon: Annotated[
        str | None, typer.Option(metavar="H", help="With --table: test-time budget in tokens.")
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(metavar="N", help="With --table: traces per side. Default: 32 H."),
    ] = None,
    reward_class: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --table: the class calR.")
    ] = None,
    expert: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --table: optimal or base.")
    ] = None,
    kappa: Annotated[
        str | None, typer.Option(metavar="X", help="With --table: radius of the ball.")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(metavar="ETA", help="With --table: chance of a reversed label.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """List every bound, evaluate one, or compare all at one place of a family.

    Labels, statements and proofs are those of paper_bounds.md.
    """
    given: dict[str, Any] = {
        "family": family,
        "horizon": _number("--horizon", horizon),
        "samples": _number("--samples", samples),
        "reward_class": reward_class,
        "expert": expert,
        "kappa": _number("--kappa", kappa),
        "noise": _number("--noise", noise),
    }
    given = {name: value for name, value in given.items() if value is not None}
    assigned = dict(_assignment(text) for text in set_ or [])
    if sum((label is not None, table, constants)) > 1:
        raise InputError("name a label, or --table, or --constants: one of the three")
    if given and not table:
        raise InputError(f"--{next(iter(given)).replace('_', '-')} goes with --table")
    if assigned and not (table or label):
        raise InputError("--set goes with a label or with --table")

    from antiscale import catalogue
    from antiscale.bounds import registry

    shown: Any
    if label is not None:
        found: dict[str, Any] = registry.result(label).evaluate(assigned)
        found = {"schema": "antiscale.bound/1"} | found
        shown = catalogue.evaluation(found)
    elif table:
        from antiscale.bracket import Case

        if expert == "hard":
            raise InputError("--table takes --expert optimal or base; hard experts are drawn")
        if assigned:
            given["parameters"] = assigned
        settings = SweepConfig.from_mapping(given)
        place = settings.cells()[-1]
        case = Case.of(settings, place.horizon, place.n, settings.noise)
        rows = catalogue.rows(case)
        found = {
            "schema": "antiscale.bounds/1", "config": settings.to_dict(),
            "horizon": place.horizon, "n": place.n, "rows": rows,
        }  # fmt: skip
        shown = catalogue.screen(case, rows)
    elif constants:
        found = {
            "schema": "antiscale.constants/1",
            "constants": {
                name: {
                    "label": c.label, "times": c.meaning, "formula": c.formula,
                    "low": c.digits()[0], "high": c.digits()[1],
                }
                for name, c in antiscale.bounds.constants().items()
            },
        }  # fmt: skip
        shown = catalogue.constants_table() if not as_json else None
    else:
        found = {
            "schema": "antiscale.bounds/1",
            "bounds": [
                {
                    "label": r.label, "name": r.name, "kind": r.kind, "origin": r.origin,
                    "learner": r.learner, "statement": r.statement, "unit": r.unit,
                    "function": r.public_name, "inputs": list(r.parameters()),
                    "example": dict(r.example),
                }
                for r in registry.RESULTS.values()
            ],
        } if as_json else {}  # fmt: skip
        shown = catalogue.listing()
    if as_json:
        print(json.dumps(writable(found), allow_nan=False))
        return
    _console(wider=label is None).print(shown, highlight=False)


families_app = typer.Typer(
    help="What each family models and which assumption it tests, with its measures at one horizon.",
    no_args_is_help=True,
)
app.add_typer(families_app, name="family")


def _family_command(name: str) -> None:
    """Add `antiscale family NAME`; its help is the family's own description."""

    def show(
        horizon: Annotated[
            str, typer.Option(metavar="H", help="Test-time budget in tokens.")
        ] = "1024",
        kappa: Annotated[
            str, typer.Option(metavar="X", help="Radius of the chi-square ball.")
        ] = f"{_DEFAULT.kappa:g}",
        set_: Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="NAME=VALUE", help="A parameter of the family; repeatable."
            ),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print one JSON object and nothing else.")
        ] = False,
    ) -> None:
        from antiscale import portrait

        parameters = dict(_assignment(text) for text in set_ or [])
        found = portrait.measures_of(
            name,
            parameters,
            validate.integer("--horizon", _number("--horizon", horizon), least=1, most=2**40),
            float(validate.nonnegative("--kappa", _number("--kappa", kappa) or 0, finite=True)),
        )
        if as_json:
            print(json.dumps(writable(found), allow_nan=False))
            return
        _console().print(portrait.screen(found), highlight=False)

    text = families.help_of(name)
    example = f"[bold]Example[/bold]\n\n  antiscale family {name} --horizon 256"
    families_app.command(name, help=text, short_help=families.summary_of(name), epilog=example)(
        show
    )


for _name in families.FAMILIES:
    _family_command(_name)


@app.command()
def info(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Show versions, the device, and the families, classes and learners there are."""
    from antiscale import device, learners
    from antiscale.classes import CLASSES
    from antiscale.results import versions

    found: dict[str, Any] = {
        "versions": versions(),
        "device": device.description(),
        "compilation_cache": str(device.cache_directory()),
        "families": {
            name: {
                "summary": families.summary_of(name),
                "parameters": families.parameters_of(name),
            }
            for name in families.FAMILIES
        },
        "reward_classes": {name: _summary(cls) for name, cls in CLASSES.items()},
        "learners": {
            name: {"side": learner.side, "summary": _summary(type(learner))}
            for name, learner in learners.BUILT_IN.items()
        },
    }
    if as_json:
        print(json.dumps(found))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, version in found["versions"].items():
        table.add_row(name, version)
    table.add_row("device", found["device"])
    table.add_row("compiled code", found["compilation_cache"])
    for name, family in found["families"].items():
        parameters = ", ".join(
            key if value is None else f"{key}={value}"
            for key, value in family["parameters"].items()
        )
        table.add_row(f"family {name}", f"{family['summary']}\n[dim]{parameters}[/dim]")
    for name, summary in found["reward_classes"].items():
        table.add_row(f"class {name}", summary)
    for name, learner in found["learners"].items():
        table.add_row(f"learner {name} ({learner['side']})", learner["summary"])
    _console().print(table, highlight=False)


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _number(flag: str, text: str | None) -> int | float | None:
    """A number as typed; 1e6 is as good as 1000000."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{flag} must be a number; got {text!r}") from None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"--set takes NAME=VALUE, e.g. --set spread=0.5; got {text!r}")
    # float for .5 and inf, which are no JSON; and 0.5,0.5 is as good as [0.5,0.5].
    for read in (json.loads, float, lambda text: json.loads(f"[{text}]")):
        with contextlib.suppress(ValueError):
            return name.strip(), read(value)
    return name.strip(), value


def _console(*, wider: bool = False) -> Any:
    """Standard output; wide enough for the table when it is not a terminal."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=140 if wider else 120)


def _progress(total: int, *, hidden: bool) -> Any:
    """A context manager that gives a callback, or None where no bar is wanted."""
    if hidden or not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    @contextlib.contextmanager
    def bar() -> Any:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as progress:
            task = progress.add_task("compiling", total=total)

            def advance(done: int, total: int, what: int | str) -> None:
                shown = f"H = {what}" if isinstance(what, int) else what
                progress.update(task, completed=done, total=total, description=shown)

            yield advance

    return bar()


def _load_ahead() -> None:
    """Load what writes the results while the processor's other core computes them."""
    for module in ("pandas", "pyarrow.parquet", "antiscale.plots"):
        importlib.import_module(module)


def _draw(folder: Any, note: str, target: Any = None, *, redraw: bool = False) -> list[Path]:
    """Write plot.png and plot.svg where they are missing."""
    target = folder if target is None else target
    files = [target.path / "plot.png", target.path / "plot.svg"]
    if redraw or not all(file.exists() for file in files):
        from antiscale import plots

        for kind, content in plots.encode(plots.sweep_figure(folder.rows(), note)).items():
            target.write(f"plot.{kind}", content)
    return files


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit status 2."""
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        status = app(prog_name="antiscale", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except usage_error as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        print("antiscale: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        sys.stderr.close()
        sys.exit(1)
    # What is still there may go with the process, uncollected: it saves a third of a second.
    gc.freeze()
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> None:
    print(f"antiscale: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
