"""`antiscale bounds`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from antiscale.cli.terminal import console
from antiscale.cli.typed import assignment, number
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.sweeps.config import SweepConfig

EXAMPLES = """
[bold]Examples[/bold]

  antiscale bounds

  antiscale bounds T4c --set pmf=[0.5,0.5] --set returns=[0,100] --set n=1000 --set kappa=0.25

  antiscale bounds --table --family heterogeneous --horizon 4096 --samples 131072

  antiscale bounds --constants
"""


def bounds(
    label: Annotated[
        str | None, typer.Argument(metavar="LABEL", help="A label of paper_bounds.md, e.g. T4c.")
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
        "horizon": number("--horizon", horizon),
        "samples": number("--samples", samples),
        "reward_class": reward_class,
        "expert": expert,
        "kappa": number("--kappa", kappa),
        "noise": number("--noise", noise),
    }
    given = {name: value for name, value in given.items() if value is not None}
    assigned = dict(assignment(text) for text in set_ or [])
    if sum((label is not None, table, constants)) > 1:
        raise InputError("name a label, or --table, or --constants: one of the three")
    if given and not table:
        raise InputError(f"--{next(iter(given)).replace('_', '-')} goes with --table")
    if assigned and not (table or label):
        raise InputError("--set goes with a label or with --table")

    from antiscale import registry
    from antiscale.bounds import constants as constants_of
    from antiscale.cli.screens import bounds as screens
    from antiscale.sweeps import evaluated

    shown: Any
    if label is not None:
        found: dict[str, Any] = registry.result(label).evaluate(assigned)
        found = {"schema": "antiscale.bound/1"} | found
        shown = screens.evaluation(found)
    elif table:
        from antiscale.sweeps.case import Case

        if expert == "hard":
            raise InputError("--table takes --expert optimal or base; hard experts are drawn")
        if assigned:
            given["parameters"] = assigned
        settings = SweepConfig.from_mapping(given)
        place = settings.cells()[-1]
        case = Case.of(settings, place.horizon, place.n, settings.noise)
        rows = evaluated.rows(case)
        found = {
            "schema": "antiscale.bounds/1", "config": settings.to_dict(),
            "horizon": place.horizon, "n": place.n, "rows": rows,
        }  # fmt: skip
        shown = screens.screen(case, rows)
    elif constants:
        found = {
            "schema": "antiscale.constants/1",
            "constants": {
                name: {
                    "label": c.label, "times": c.meaning, "formula": c.formula,
                    "low": c.digits()[0], "high": c.digits()[1],
                }
                for name, c in constants_of().items()
            },
        }  # fmt: skip
        shown = screens.constants_table() if not as_json else None
    else:
        found = {
            "schema": "antiscale.bounds/1",
            "bounds": [
                r.facts("label", "name", "kind", "origin", "learner", "statement", "unit")
                | {
                    "function": r.public_name, "inputs": list(r.parameters()),
                    "example": dict(r.example),
                }
                for r in registry.RESULTS.values()
            ],
        } if as_json else {}  # fmt: skip
        shown = screens.listing()
    if as_json:
        print(json.dumps(writable(found), allow_nan=False))
        return
    console(wider=label is None).print(shown, highlight=False)
