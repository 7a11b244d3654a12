"""`antiscale bounds`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option
from antiscale.core.errors import InputError
from antiscale.sweeps.config import SweepConfig


@dataclass(frozen=True, kw_only=True)
class Query(Flags):
    """What is shown of the bounds.

    Parameters
    ----------
    label
        A label of paper_bounds.md, e.g. T4c.
    inputs
        An input of the bound, or with --table a parameter of the family; repeatable.
    table
        Compare every bound at one place of a family.
    constants
        Show the constants with their proved brackets.
    """

    label: str | None = option(None, metavar="LABEL", argument=True)
    inputs: Mapping[str, Any] = option(dict, metavar="NAME=VALUE", flag="--set")
    table: bool = option(False)
    constants: bool = option(False)

    def agree(self) -> None:
        """Refuse more than one thing to show, and inputs of nothing."""
        if sum((self.label is not None, self.table, self.constants)) > 1:
            raise InputError("name a label, or --table, or --constants: one of the three")
        if self.inputs and not (self.table or self.label):
            raise InputError("--set goes with a label or with --table")


@command(
    Options(Query),
    Options(
        SweepConfig, "family horizon samples reward_class expert kappa noise",
        group="With --table", make=dict, horizon="Test-time budget H in tokens.",
        samples="Traces n per side. Default: 32 H.",
        expert="Whose traces are cloned: optimal or base.",
    ),
    Options(Results, "as_json"),
)  # fmt: skip
def bounds(query: Query, place: dict[str, Any], results: Results) -> None:
    """List every bound, evaluate one, or compare all at one place of a family.

    Labels, statements and proofs are those of paper_bounds.md.

    Examples
    --------
    antiscale bounds
    antiscale bounds T4c --set pmf=[0.5,0.5] --set returns=[0,100] --set n=1000 --set kappa=0.25
    antiscale bounds --table --family heterogeneous --horizon 4096 --samples 131072
    antiscale bounds --constants
    """
    if place and not query.table:
        raise InputError(f"--{next(iter(place)).replace('_', '-')} goes with --table")

    from antiscale import registry
    from antiscale.bounds import constants
    from antiscale.cli.screens import bounds as screens

    if query.label is not None:
        evaluated = registry.result(query.label).evaluate(dict(query.inputs))
        found = {"schema": "antiscale.bound/1"} | evaluated
        results.show(found, lambda _: screens.evaluation(found))
    elif query.table:
        _table(place | ({"parameters": query.inputs} if query.inputs else {}), results)
    elif query.constants:
        listed = {
            name: {"label": c.label, "times": c.meaning, "formula": c.formula}
            | dict(zip(("low", "high"), c.digits(), strict=True))
            for name, c in constants().items()
        }
        found = {"schema": "antiscale.constants/1", "constants": listed}
        results.show(found, lambda _: screens.constants_table(), wider=True)
    else:
        each = [
            r.facts("label", "name", "kind", "origin", "learner", "statement", "unit")
            | {"function": r.public_name, "inputs": list(r.parameters())}
            | {"example": dict(r.example)}
            for r in registry.RESULTS.values()
        ]
        found = {"schema": "antiscale.bounds/1", "bounds": each}
        results.show(found, lambda _: screens.listing(), wider=True)


def _table(given: dict[str, Any], results: Results) -> None:
    """All bounds at the sweep's last place."""
    from antiscale.cli.screens import bounds as screens
    from antiscale.sweeps import evaluated
    from antiscale.sweeps.case import Case
    from antiscale.sweeps.plan import Plan

    if given.get("expert") == "hard":
        raise InputError("--table takes --expert optimal or base; hard experts are drawn")
    plan = Plan.of(given)
    place = plan.places[-1]
    case = Case.of(plan, place.horizon, place.n, plan.config.noise)
    rows = evaluated.rows(case)
    found = {
        "schema": "antiscale.bounds/1", "config": plan.config.to_dict(), "horizon": place.horizon,
        "n": place.n, "rows": rows,
    }  # fmt: skip
    results.show(found, lambda _: screens.screen(case, rows), wider=True)
