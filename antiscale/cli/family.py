"""`antiscale family NAME`, one command per family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from antiscale.cli.options import Flags, Options, add, command
from antiscale.cli.terminal import Results
from antiscale.core import validate
from antiscale.core.config import option
from antiscale.models import families
from antiscale.sweeps.config import SweepConfig

app = typer.Typer(
    help="What each family models and which assumption it tests, with its measures at one horizon.",
    no_args_is_help=True,
)


@dataclass(frozen=True, kw_only=True)
class Place(Flags):
    """Where a family is measured.

    Parameters
    ----------
    horizon
        Test-time budget H in tokens.
    kappa
        Radius of the chi-square ball.
    parameters
        A parameter of the family; repeatable.
    """

    horizon: int = option(1024, validate.integer, "H", least=1, most=2**40)
    kappa: float = option(SweepConfig.kappa, validate.real, "X", least=0)
    parameters: Mapping[str, Any] = option(dict, metavar="NAME=VALUE", flag="--set")


def _add(name: str) -> None:
    """Add `antiscale family NAME`; its help is the family's own description."""

    @command(Options(Place), Options(Results, "as_json"))
    def show(place: Place, results: Results) -> None:
        from antiscale.cli.screens.family import screen
        from antiscale.models import portrait

        found = portrait.measures_of(name, dict(place.parameters), place.horizon, place.kappa)
        results.show(found, lambda _: screen(found))

    # The one family that needs a file.
    file = " --set file=model.csv" if name == "explicit" else ""
    example = f"[bold]Example[/bold]\n\n  antiscale family {name}{file} --horizon 256"
    text, short = families.help_of(name), families.summary_of(name)
    add(app, show, name, help=text, short_help=short, epilog=example)


for _name in families.FAMILIES:
    _add(_name)
