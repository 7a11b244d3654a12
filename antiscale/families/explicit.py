"""A trace model given by arrays: bring your own base policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from antiscale import validate
from antiscale.errors import InputError
from antiscale.traces import TraceModel, uniform_prompts


@dataclass(frozen=True, kw_only=True, eq=False)
class Explicit:
    """Any finite base policy, given as arrays over prompts and trace types.

    The same traces are judged at every horizon: raising H pays each correct trace more and lets
    longer ones count. Which premise of the theorem holds is for the measured sigma and c_0 to
    say.

    Parameters
    ----------
    pmf : [m, S] or [S]
        Probability of each type given the prompt.
    hitting_times : the same shape
        T(j) in tokens, from 1; inf for a wrong trace.
    styles : the same shape, optional
        Style of each type (default: one style). Types of mass 0 are ignored.
    lengths : the same shape, optional
        Tokens at which a type would be right were its style valid; needed on wrong types by the
        reward class `styles` only. Default: `hitting_times` where finite, unknown elsewhere.
    prompt_mass : [m], optional
        rho(x); default uniform.
    """

    name: ClassVar[str] = "explicit"
    pmf: npt.ArrayLike
    hitting_times: npt.ArrayLike
    styles: npt.ArrayLike | None = None
    lengths: npt.ArrayLike | None = None
    prompt_mass: npt.ArrayLike | None = None

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        pmf = np.atleast_2d(validate.pmf("pmf", self.pmf))
        times = np.atleast_2d(validate.floats("hitting_times", self.hitting_times)).copy()
        if times.shape != pmf.shape:
            raise InputError(f"hitting_times must have pmf's shape {pmf.shape}; got {times.shape}")
        styles = np.zeros(pmf.shape) if self.styles is None else np.asarray(self.styles)
        if not np.issubdtype(styles.dtype, np.number) or (styles != np.floor(styles)).any():
            raise InputError("styles must be whole numbers, one per trace type")
        if self.lengths is None:
            lengths = np.where(np.isfinite(times), times, np.nan)
        else:
            lengths = np.atleast_2d(validate.floats("lengths", self.lengths)).copy()
        mass = (
            uniform_prompts(len(pmf))
            if self.prompt_mass is None
            else validate.pmf("prompt_mass", self.prompt_mass)
        )
        return TraceModel(
            family=self.name,
            horizon=horizon,
            pmf=pmf,
            hitting_times=times,
            lengths=lengths,
            styles=np.atleast_2d(styles).astype(np.int64),
            prompt_mass=mass,
        )
