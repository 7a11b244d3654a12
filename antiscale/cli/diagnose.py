"""`antiscale diagnose`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from antiscale import presets
from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.rollouts.config import SCHEMA, DiagnoseConfig


@dataclass(frozen=True, kw_only=True)
class Source(Flags):
    """The table.

    Parameters
    ----------
    file
        One row per sample: CSV, JSON, JSONL or Parquet; or a folder of sample files of
        lm-evaluation-harness.
    example
        Instead of FILE: a table that comes with antiscale, under its own columns.
    """

    file: Path | None = option(None, metavar="FILE", argument=True)
    example: str | None = option(None, metavar="NAME")


@dataclass(frozen=True, kw_only=True)
class Export(Flags):
    """The trace model.

    Parameters
    ----------
    export_model
        Write the samples as a trace model for --family explicit.
    """

    export_model: Path | None = option(None, metavar="FILE.csv")

    def agree(self) -> None:
        """Refuse files of another kind."""
        if self.export_model is not None and self.export_model.suffix.lower() != ".csv":
            raise InputError(f"--export-model writes a CSV file; got {self.export_model}")


@command(
    Options(
        Source,
        example="Instead of FILE: a table that comes with antiscale, under its own columns: "
        f"{', '.join(presets.names('examples'))}.",
    ),
    Options(DiagnoseConfig),
    Options(Export),
    Options(Results, out="Folder for the results. Default: runs/diagnose-<hash>."),
)
def diagnose(source: Source, config: DiagnoseConfig, export: Export, results: Results) -> None:
    """Say from a real model's rollouts whether it is one where cloning loses.

    Measures per problem how far returns spread (sigma) and how rare good ones are (c), each with an
    interval that is honest for the samples there are, and applies the bounds at your n and H.
    Leaves rows, a manifest and a figure.

    Examples
    --------
    antiscale diagnose --example codet
    antiscale diagnose samples.csv
    antiscale diagnose rollouts.parquet --columns problem=task_id,length=n_tokens,correct=passed
    antiscale diagnose rollouts.parquet --columns score=tests_passed/tests_total --horizon 512
    antiscale diagnose both.jsonl --model tuned --against base --json
    antiscale diagnose lm_eval_output/ --filter strict-match --columns correct=exact_match
    antiscale diagnose samples.csv --export-model model.csv
    antiscale sweep --family explicit --set file=model.csv --horizon 512
    """
    file, model = source.file, export.export_model
    if source.example is not None and file is None:
        file, own = presets.example(source.example)
        config = dataclasses.replace(config, columns=own | dict(config.columns))
    elif source.example is not None or file is None:
        raise InputError("diagnose takes a table, or --example NAME: give one of them")

    from antiscale.cli.screens.diagnose import screen
    from antiscale.rollouts import folder as folders
    from antiscale.rollouts.diagnosis import diagnose_loaded, require_samples
    from antiscale.rollouts.table import file_digest, load, read_table

    with results.progress(1, "reading") as advance:
        loaded = load(read_table(file, config), config)
        require_samples(loaded)
        digest = file_digest(file)
        about = {"seed": config.seed, "config": config.to_dict(), "table_sha256": digest}
        with results.folder("diagnose", SCHEMA, config.hash(digest), **about) as folder:
            found = diagnose_loaded(loaded, config, progress=advance)
            if model is not None:
                found.export_model(model)
            files = folders.write(found, folder)
    where = [f"\nResults: {folder.path}/  ({', '.join(files)})"]
    if model is not None:
        where.append(f"Model: {model}  (antiscale sweep --family explicit --set file={model})")
    results.show(
        found.to_json(), lambda width: screen(found.summary, width=width), *where, wider=True
    )
