"""A base policy in whatever form it is given: by name, as arrays, a table, a file, a function."""

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models import families
from antiscale.models.chains import TokenChain
from antiscale.models.families import FAMILIES, Family, uniform
from antiscale.models.families.explicit import Explicit, arrays_of
from antiscale.models.families.own import Fixed, Made
from antiscale.models.traces import TraceModel

_FILES = (".csv", ".parquet", ".pq", ".npz")
_ARRAYS = tuple(
    field.name for field in dataclasses.fields(Explicit) if field.name not in ("file", "sha256")
)
_FORMS = (
    "a family's name, families.family(...), a TraceModel, a DataFrame, a table of arrays, a file "
    "(.csv, .parquet, .npz), a TokenChain, or a function of the horizon"
)


def given_family(model: Any) -> Family:
    """Return the family of trace models that was given.

    Parameters
    ----------
    model
        One of:

        - a family's name, or a family as `families.family("sharp", c0=0.02)` makes it;
        - a `TraceModel`, judged at any horizon: its hitting times stay, returns follow H;
        - a DataFrame with the columns of the family `explicit`'s file (prompt, style, length in
          tokens, probability, solved or reward; optional prompt_mass, answer);
        - a table of `explicit`'s arrays (pmf and hitting_times [m, S]; optional styles, lengths,
          answers [m, S] and prompt_mass [m]);
        - a file of these, ending in .csv, .parquet or .npz: text or a path;
        - a `TokenChain`, one prompt whose hitting time is not announced;
        - a function H -> TraceModel, called once for each horizon (the class of rewards is its
          attribute `reward_class`, else mirror), or an object with such a method `at`.

    Returns
    -------
    Family
        With `name`, `reward_class`, `size(H)` and `at(H)`. One that was not given by name is a
        `Fixed` or a `Made`, with `digest(horizons)`: SHA-256 of its models.

    Raises
    ------
    InputError
        If it is none of these, or makes no trace model.

    Examples
    --------
    >>> family = given_family({"pmf": [0.5, 0.5], "hitting_times": [4, float("inf")]})
    >>> family.at(16).returns.tolist(), family.at(32).returns.tolist()
    ([[13.0, 0.0]], [[29.0, 0.0]])
    """
    if isinstance(model, (Fixed, Made)):
        return model
    if type(model) in FAMILIES.values():
        ours: Family = model
        return ours
    if isinstance(model, Path) or (isinstance(model, str) and model.lower().endswith(_FILES)):
        return families.family("explicit", file=str(model))
    if isinstance(model, str):
        return families.family(model)
    if isinstance(model, TraceModel):
        return Fixed(model)
    if isinstance(model, TokenChain):
        return Made("token_chain", _Chain(model), "known")
    if isinstance(model, Mapping):
        return _of_arrays(model)
    if hasattr(model, "columns") and hasattr(model, "to_numpy"):
        return _of_frame(model)
    if isinstance(model, type):
        raise InputError(f"model must be {_FORMS}; got the class {shown(model.__name__)}")
    return _of_function(model)


def named(family: Family) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters by which a configuration says a family of ours."""
    fields = dataclasses.fields(family)  # type: ignore[arg-type]
    return family.name, {field.name: getattr(family, field.name) for field in fields}


def _of_arrays(given: Mapping[Any, Any]) -> Family:
    if not given:
        raise InputError(f"model must be {_FORMS}; got an empty table")
    validate.keys("model's table of arrays has no", given, list(_ARRAYS))
    return Fixed(Explicit(**given).at(1))


def _of_frame(frame: Any) -> Family:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the DataFrame has two columns {shown(double)}; leave one")
    table = {name: frame.iloc[:, k].to_numpy() for k, name in enumerate(names)}
    return Fixed(Explicit(**arrays_of(table, "the DataFrame", "the DataFrame")).at(1))


def _of_function(given: Any) -> Family:
    at = getattr(given, "at", None)
    function = at if callable(at) and not inspect.isroutine(given) else given
    if not callable(function):
        raise InputError(f"model must be {_FORMS}; got {shown(given)}")
    name = getattr(given, "name", None) or getattr(given, "__name__", type(given).__name__)
    if not isinstance(name, str) or not name.isidentifier():
        name = "function"  # a lambda, say
    if name in FAMILIES:
        raise InputError(
            f"model {shown(name)}, given as a function, has the name of a family of ours; give it "
            "another name"
        )
    rewards = getattr(given, "reward_class", "mirror")
    return Made(name, function, validate.name("reward_class of the model", rewards))


@dataclasses.dataclass(frozen=True, eq=False)
class _Chain:
    """The hitting time of a token-level chain, as a family of one prompt."""

    chain: TokenChain

    def __call__(self, horizon: int) -> TraceModel:
        law = self.chain.hitting_law(horizon)
        return uniform.model_of_hitting_times("token_chain", np.stack([law]), announced=False)
