"""`antiscale family NAME`, one command per family."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from antiscale.cli.terminal import console
from antiscale.cli.typed import DEFAULT, assignment, number
from antiscale.core import validate
from antiscale.core.config import writable
from antiscale.models import families

app = typer.Typer(
    help="What each family models and which assumption it tests, with its measures at one horizon.",
    no_args_is_help=True,
)


def _family_command(name: str) -> None:
    """Add `antiscale family NAME`; its help is the family's own description."""

    def show(
        horizon: Annotated[
            str, typer.Option(metavar="H", help="Test-time budget in tokens.")
        ] = "1024",
        kappa: Annotated[
            str, typer.Option(metavar="X", help="Radius of the chi-square ball.")
        ] = f"{DEFAULT.kappa:g}",
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
        from antiscale.cli.screens.family import screen
        from antiscale.models import portrait

        parameters = dict(assignment(text) for text in set_ or [])
        found = portrait.measures_of(
            name,
            parameters,
            validate.integer("--horizon", number("--horizon", horizon), least=1, most=2**40),
            float(validate.nonnegative("--kappa", number("--kappa", kappa) or 0, finite=True)),
        )
        if as_json:
            print(json.dumps(writable(found), allow_nan=False))
            return
        console().print(screen(found), highlight=False)

    text = families.help_of(name)
    # The one family that is nothing without a file.
    file = " --set file=model.csv" if name == "explicit" else ""
    example = f"[bold]Example[/bold]\n\n  antiscale family {name}{file} --horizon 256"
    app.command(name, help=text, short_help=families.summary_of(name), epilog=example)(show)


for _name in families.FAMILIES:
    _family_command(_name)
