"""What is proved, on the function that computes it: the decorator `theorem` and its record."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.numbers import Toward, precise

KINDS = ("identity", "exact", "tight", "valid")
PROOFS = "paper_bounds.md"

Direction = Literal["equal", "lower", "upper"]
# The side to which a value is rounded, so that what is printed still holds.
_TOWARD: dict[Direction, Toward] = {"equal": "nearest", "lower": "down", "upper": "up"}

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Theorem:
    """One labelled result of paper_bounds.md.

    Attributes
    ----------
    label
        As in paper_bounds.md.
    name
        Two or three words.
    statement
        One line.
    function
        What computes the bound.
    kind
        "identity" or "exact"; "tight" where the constant is attained in a stated limit, "valid"
        where it is never crossed but not claimed to be attained.
    learner
        The algorithms it holds for.
    origin
        "rate": the paper's rate with our constant and proof; "known": known before; "ours": we know
        of no earlier statement.
    example
        Inputs of the worked number in paper_bounds.md.
    direction
        "lower" or "upper" for a bound, "equal" for an equality.
    unit
        Of the value.
    heading
        The section's heading there, after its label; default: the name.
    figure
        The figure that shows it, a name of `antiscale figures`; None if there is none.
    inputs
        The function's arguments that the result needs, in order; all of them if empty.
    fixed
        Its arguments that the label fixes.
    part
        The field of what it returns, where that is more than one number.
    home
        The module from which a user imports the function; default: the package of its file.
    """

    label: str
    name: str
    statement: str
    function: Callable[..., Any]
    kind: str
    learner: str
    origin: str
    example: Mapping[str, Any]
    direction: Direction = "equal"
    unit: str = "tokens"
    heading: str | None = None
    figure: str | None = None
    inputs: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    part: str | None = None
    home: str | None = None

    @property
    def toward(self) -> Toward:
        """The direction in which its value is rounded so that it still holds."""
        return _TOWARD[self.direction]

    @property
    def public_name(self) -> str:
        """The function's name as a user writes it."""
        home = self.home or self.function.__module__.rpartition(".")[0]
        return f"{home}.{self.function.__name__}"

    @property
    def anchor(self) -> str:
        """Where it is stated and proved: the document and its heading, as GitHub links to it."""
        title = re.sub(r"[^\w -]", "", f"{self.label} {self.heading or self.name}".lower())
        return f"{PROOFS}#{title.replace(' ', '-')}"

    @property
    def value(self) -> Any:
        """The worked number of paper_bounds.md: the value at `example`, as plain values."""
        return plain(self(**self.example))

    def facts(self, *names: str) -> dict[str, Any]:
        """Some of its attributes by name, for a table or for JSON."""
        return {name: getattr(self, name) for name in names}

    def parameters(self) -> dict[str, Any]:
        """Its inputs with their defaults; `inspect.Parameter.empty` where there is none."""
        known = inspect.signature(self.function).parameters
        names = self.inputs or tuple(name for name in known if name not in self.fixed)
        return {name: known[name].default for name in names}

    def __call__(self, **inputs: Any) -> Any:
        """Return the bound's value for these inputs, whatever their shapes."""
        value = self.function(**inputs, **self.fixed)
        if self.part is None:
            return value
        return value[self.part] if isinstance(value, Mapping) else getattr(value, self.part)

    def evaluate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result for these inputs, with them, as plain values.

        Parameters
        ----------
        given
            Inputs by name; those left out have the function's defaults.

        Raises
        ------
        InputError
            If an input is unknown or missing, or the function does not take its value.
        """
        allowed = self.parameters()
        validate.keys(f"{self.label} has no input", given, list(allowed))
        inputs = {name: given.get(name, default) for name, default in allowed.items()}
        # A label needs the inputs that it names, though its function may do without.
        needed = [inspect.Parameter.empty] if not self.inputs else [inspect.Parameter.empty, None]
        missing = [name for name, value in inputs.items() if any(value is x for x in needed)]
        if missing:
            raise InputError(
                f"{self.label} needs {', '.join(missing)}; pass "
                + " ".join(f"--set {name}=..." for name in missing)
            )
        try:
            value = self(**inputs)
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.label} cannot be computed from these: {error}") from None
        return self.facts("label", "name", "kind", "statement", "unit") | {
            "function": self.public_name, "inputs": plain(inputs), "value": plain(value),
        }  # fmt: skip

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={item!r}" for name, item in self.example.items())
        return (
            f"{self.label}  {self.name} ({self.kind}, for {self.learner})\n"
            f"  {self.statement}\n"
            f"  {self.public_name}({given})\n"
            f"  = {printed(self.value, self.toward)} {self.unit}; proof: {self.anchor}"
        )


# Every theorem whose module is imported, by label and in the order of the labels.
THEOREMS: dict[str, Theorem] = {}


def theorem(label: str, name: str, statement: str, **facts: Any) -> Callable[[F], F]:
    """Register a result with the function that computes it; the function stays as it is.

    Parameters
    ----------
    label, name, statement
        As in `Theorem`.
    facts
        The other attributes of `Theorem` but the function.

    Examples
    --------
    >>> from antiscale.bounds import cantelli
    >>> float(cantelli(0.25)), THEOREMS["T3a"].function is cantelli
    (0.8, True)
    """

    def register(function: F) -> F:
        THEOREMS[label] = Theorem(
            label=label, name=name, statement=statement, function=function, **facts
        )
        for key in sorted(THEOREMS, key=_order):
            THEOREMS[key] = THEOREMS.pop(key)
        return function

    return register


def _order(label: str) -> list[int | str]:
    """T2 before T10, T10 before T10a."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", label)]


def plain(value: Any) -> Any:
    """Arrays and named tuples as numbers, lists and tables."""
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    return value


def printed(value: Any, toward: Toward) -> str:
    """A plain value in ten digits, rounded towards one side: a number, a list or a table."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {printed(item, toward)}" for name, item in value.items())
    if isinstance(value, list):
        return f"[{', '.join(printed(item, toward) for item in value)}]"
    return precise(value, toward=toward)
