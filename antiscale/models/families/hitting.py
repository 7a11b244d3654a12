"""Trace models whose types are hitting times 1..H, and "not within H"."""

import math

import numpy as np

from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel, uniform_prompts


def types_of(horizon: int) -> int:
    """S: the next 4^k + 1, so that a few compiled shapes serve all horizons."""
    return int(4 ** max(2, math.ceil(math.log(horizon, 4) - 1e-9)) + 1)


def model_of_hitting_times(
    family: str, horizon: int, law: Floats, *, sigma_exponent: float | None, announced: bool = True
) -> TraceModel:
    """Build the model of prompts whose hitting times have the laws given.

    Parameters
    ----------
    family, horizon
        Name; H in tokens.
    law : [m, H + 1]
        P(T = 1), ..., P(T = H), P(T > H) at each prompt.
    sigma_exponent, announced
        As `TraceModel` has them.
    """
    prompts = len(law)
    types = types_of(horizon)
    # Types of mass zero fill up.
    padded = np.zeros((prompts, types))
    padded[:, : horizon + 1] = law
    times = np.full(types, math.inf)
    times[:horizon] = np.arange(1, horizon + 1)
    everywhere = np.broadcast_to(times, padded.shape)
    return TraceModel(
        family=family,
        horizon=horizon,
        pmf=padded,
        hitting_times=everywhere.copy(),
        lengths=np.where(np.isfinite(everywhere), everywhere, np.nan),
        styles=np.zeros(padded.shape, dtype=np.int64),
        prompt_mass=uniform_prompts(prompts),
        sigma_exponent=sigma_exponent,
        announced=announced,
    )
