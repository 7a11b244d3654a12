"""Families of trace models: one frozen dataclass of parameters each, with `at(horizon)`.

To add a family, write such a dataclass in a file of its own and list it in `FAMILIES`.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, ClassVar, Protocol

from antiscale import validate
from antiscale.errors import InputError
from antiscale.families.explicit import Explicit
from antiscale.families.heterogeneous import Heterogeneous
from antiscale.families.homogeneous import Homogeneous
from antiscale.families.sharp import Sharp
from antiscale.traces import TraceModel


class Family(Protocol):
    """A base policy as a function of the horizon."""

    name: ClassVar[str]

    def at(self, horizon: int) -> TraceModel:
        """Build the trace model with test-time budget `horizon` (tokens)."""
        ...


FAMILIES: dict[str, type[Family]] = {
    family.name: family for family in (Heterogeneous, Homogeneous, Sharp, Explicit)
}


def parameters_of(name: str) -> dict[str, Any]:
    """Return a family's parameters with their defaults (`...` where there is none)."""
    cls: Any = FAMILIES[validate.choice("family", name, FAMILIES)]
    return {
        field.name: ... if field.default is dataclasses.MISSING else field.default
        for field in dataclasses.fields(cls)
    }


def summary_of(name: str) -> str:
    """Return the first line of a family's docstring."""
    return (inspect.getdoc(FAMILIES[name]) or "").splitlines()[0]


def family(name: str, **parameters: Any) -> Family:
    """Return the family `name` with `parameters`; an unknown parameter is an error."""
    known = parameters_of(name)
    for key in parameters:
        if key not in known:
            raise InputError(
                f"family {name!r} has no parameter {key!r}{validate.nearest(key, sorted(known))}"
            )
    for key, default in known.items():
        if default is ... and key not in parameters:
            raise InputError(f"family {name!r} needs the parameter {key!r}")
    return FAMILIES[name](**parameters)


def load_family(name: str, *, horizon: int, **parameters: Any) -> TraceModel:
    """Return the trace model of family `name` at one horizon.

    Parameters
    ----------
    name
        A key of `FAMILIES`: heterogeneous, homogeneous, sharp, explicit.
    horizon
        Test-time budget H, in tokens.
    parameters
        The family's own; see its class.

    Raises
    ------
    InputError
        For an unknown family or parameter, or a value the family does not allow.

    Examples
    --------
    >>> model = load_family("heterogeneous", horizon=64, prompts=2)
    >>> model.pmf.shape
    (2, 144)
    """
    return family(name, **parameters).at(validate.integer("horizon", horizon, least=1))
