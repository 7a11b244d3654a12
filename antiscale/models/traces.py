"""Trace models: what a base policy may write, how long it takes, and whether it is right.

A trace has a *type* j = 1..S: a style and a length. Everything downstream of a prompt (returns,
density ratios, counts) is an array over types.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TraceModel:
    """A base policy over finitely many trace types, at one horizon.

    Attributes
    ----------
    family
        Name of the family that made the model.
    horizon
        Test-time budget H, in tokens.
    pmf : [m, S]
        Base policy: probability of each type given the prompt.
    hitting_times : [m, S]
        T(j), the token at which the type first solves the prompt; inf for a wrong trace.
    lengths : [m, S]
        Tokens at which the type would solve the prompt were its style valid there (so equal to
        `hitting_times` on correct types); NaN where that is not known.
    styles : [m, S]
        Style of each type, a whole number.
    prompt_mass : [m]
        Probability rho(x) of each prompt.
    sigma_exponent
        a such that the heterogeneity grows as H^a along the family; None if not known.
    announced
        Whether a trace's first token reveals its type. Where hitting times show only as they
        happen, H - R is no bi-level reward (its hitting time is no function of the prefix), so
        only the class `known` is legal and T4 does not apply.
    answers : [m, S], optional
        What a type answers, a whole number that counts within its prompt; -1 where it gives no
        answer. None where the model does not say.

    Raises
    ------
    InputError
        If shapes disagree, masses are not pmfs, or a hitting time is below one token.
    """

    family: str
    horizon: int
    pmf: Floats
    hitting_times: Floats
    lengths: Floats
    styles: npt.NDArray[np.int64]
    prompt_mass: Floats
    sigma_exponent: float | None = None
    announced: bool = True
    answers: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.family, str):
            raise InputError(f"family must be a name; got {validate.shown(self.family)}")
        validate.integer("horizon", self.horizon, least=1)
        validate.boolean("announced", self.announced)
        if self.sigma_exponent is not None:
            validate.real("sigma_exponent", self.sigma_exponent)
        # Checked, but kept to the last bit.
        for name in ("pmf", "prompt_mass"):
            validate.pmf(name, getattr(self, name))
        for name in ("lengths", "hitting_times", "styles"):
            validate.floats(name, getattr(self, name), nan=name == "lengths")
        names = ("pmf", "prompt_mass", "hitting_times", "lengths")
        arrays: dict[str, npt.NDArray[Any]]
        arrays = {name: np.asarray(getattr(self, name), dtype=np.float64) for name in names}
        arrays["styles"] = np.asarray(self.styles)
        if arrays["styles"].dtype.kind not in "iu":
            raise InputError(f"styles must be whole numbers; got {validate.shown(self.styles)}")
        shape = arrays["pmf"].shape
        if len(shape) != 2:
            raise InputError(f"pmf must have shape [prompts, types]; got {shape}")
        if self.answers is not None:
            arrays["answers"] = validate.whole("answers", self.answers)
        for name, array in arrays.items():
            if name != "prompt_mass" and array.shape != shape:
                raise InputError(f"{name} must have pmf's shape {shape}; got {array.shape}")
            object.__setattr__(self, name, array)
        mass, least = self.prompt_mass.shape, np.min(self.hitting_times, initial=math.inf)
        if mass != shape[:1]:
            raise InputError(f"prompt_mass must have shape {shape[:1]}; got {mass}")
        if least < 1:
            raise InputError(f"hitting times count tokens from 1; got {least:.6g}")
        for array in arrays.values():
            array.setflags(write=False)

    def __repr__(self) -> str:
        return (
            f"<TraceModel {self.family}: horizon {self.horizon}, {self.prompts} prompts, "
            f"{self.types} types>"
        )

    @property
    def prompts(self) -> int:
        """m, the number of prompts."""
        return int(self.pmf.shape[0])

    @property
    def types(self) -> int:
        """S, the number of trace types."""
        return int(self.pmf.shape[1])

    @cached_property
    def returns(self) -> Floats:
        """R(j) = (H - T(j) + 1)_+ in tokens, [m, S]."""
        return bilevel_return(self.horizon, self.hitting_times)

    @cached_property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the type ever solves the prompt, [m, S]."""
        return np.isfinite(self.hitting_times)


@validate.boundary
def bilevel_return(horizon: int, hitting_times: npt.ArrayLike) -> Floats:
    """R = (H - T + 1)_+: the sum over h <= H of a reward that is 0 before T and 1 from T on.

    Parameters
    ----------
    horizon
        H, in tokens.
    hitting_times
        T, in tokens, any shape; inf for a trace that never solves its prompt.
    """
    times = validate.floats("hitting_times", hitting_times)
    if (times < 0).any():
        raise InputError(f"hitting times count tokens from 1; got {np.min(times):.6g}")
    budget = validate.nonnegative("horizon", horizon, finite=True)
    return np.maximum(budget - times + 1.0, 0.0)


def uniform_prompts(prompts: int) -> Floats:
    """rho(x) = 1/m."""
    return np.full(prompts, 1.0 / prompts)
