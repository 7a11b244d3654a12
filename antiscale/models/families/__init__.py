"""Families of trace models: one frozen dataclass of parameters each, with `at(horizon)`.

To add a family, write such a dataclass in a file of its own and list it in `FAMILIES`. Its
docstring says what it models and which assumption it tests; `antiscale family NAME --help` shows
it.
"""

import dataclasses
import inspect
from typing import Any, Protocol

from antiscale.core import machine, validate
from antiscale.core.config import described
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models.families.difficulty import Difficulty
from antiscale.models.families.erdos import Erdos
from antiscale.models.families.explicit import Explicit
from antiscale.models.families.geometric import Geometric
from antiscale.models.families.heterogeneous import Heterogeneous
from antiscale.models.families.homogeneous import Homogeneous
from antiscale.models.families.lognormal import Lognormal
from antiscale.models.families.own import Fixed, Made
from antiscale.models.families.planted import Planted
from antiscale.models.families.sharp import Sharp
from antiscale.models.families.two_point import TwoPoint
from antiscale.models.traces import TraceModel


class Family(Protocol):
    """A base policy as a function of the horizon."""

    @property
    def name(self) -> str:
        """What it is called in rows."""

    @property
    def reward_class(self) -> str:
        """The reward class that a sweep uses by default."""

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""

    def at(self, horizon: int) -> TraceModel:
        """Build the trace model with test-time budget `horizon` (tokens)."""


_ALL: tuple[Any, ...] = (
    Heterogeneous, Homogeneous, Sharp, Erdos, Lognormal, Difficulty, TwoPoint, Geometric, Planted,
    Explicit,
)  # fmt: skip
FAMILIES: dict[str, Any] = {family.name: family for family in _ALL}


def _class(name: str) -> Any:
    return FAMILIES[validate.choice("family", name, FAMILIES)]


def parameters_of(name: str) -> dict[str, Any]:
    """Return a family's parameters with their defaults."""
    return {field.name: field.default for field in dataclasses.fields(_class(name))}


def summary_of(name: str) -> str:
    """Return the first line of a family's docstring."""
    return (inspect.getdoc(_class(name)) or "").splitlines()[0]


def help_of(name: str) -> str:
    """Return what a family models and which assumption it tests, and its parameters, as text."""
    family = _class(name)
    about = (inspect.getdoc(family) or "").partition("\nParameters\n")[0].strip()
    paragraphs = [" ".join(text.split()) for text in about.split("\n\n")]
    parameters = [f"{name}: {text}" for name, text in described(family).items()]
    return "\n\n".join([*paragraphs, *parameters])


def knob_of(name: str) -> tuple[str, tuple[float, ...]] | None:
    """Return the family's heterogeneity knob and values worth trying; None where it has none.

    The knob is the parameter by which the family, by its own description, is more or less spread.
    """
    return getattr(_class(name), "knob", None)


def family(name: str, **parameters: Any) -> Family:
    """Return the family `name` with `parameters`; an unknown parameter is an error."""
    validate.keys(f"family {name!r} has no parameter", parameters, sorted(parameters_of(name)))
    return FAMILIES[name](**settled(name, parameters))


def settled(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with what they refer to pinned down (the digest of a file, say)."""
    pin = getattr(_class(name), "settled", None)
    if not isinstance(parameters, dict):
        raise InputError(f"parameters must be a table of names; got {shown(parameters)}")
    return parameters if pin is None else pin(parameters)


def load_family(name: str, *, horizon: int, **parameters: Any) -> TraceModel:
    """Return the trace model of family `name` at one horizon.

    Parameters
    ----------
    name
        A key of `FAMILIES`.
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
    return model_of(family(name, **parameters), horizon)


@validate.boundary
def model_of(family: Family, horizon: int) -> TraceModel:
    """Return the family's model at one horizon, if this machine can hold it."""
    if not isinstance(family, (*_ALL, Fixed, Made)):
        raise InputError(
            "family must be one of ours (family(...) makes it), or made of a model by "
            f"antiscale.models.given.given_family; got {shown(family)}"
        )
    whole = validate.integer("horizon", horizon, least=1)
    prompts, types = family.size(whole)
    # Five arrays, and as many on the way to them. What models are made for goes prompt by prompt:
    # portraits, bounds and curves take about two milliseconds for each.
    machine.require(
        f"a trace model of {prompts} prompts and {types} types",
        "the prompts, the horizon or the family's other parameters",
        floats=10.0 * prompts * types, seconds=2e-3 * prompts,
    )  # fmt: skip
    return family.at(whole)
