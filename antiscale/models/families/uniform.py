"""What families share: equally likely prompts, lengths and styles on grids, hitting times."""

import math
from typing import Any

import numpy as np

from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.models.traces import TraceModel, uniform_prompts


def require(family: str, horizon: int, least: int = 16) -> None:
    """Refuse a horizon below `least` tokens; `family` may name the parameters that demand it."""
    name, _, parameters = family.partition(" ")
    if horizon < least:
        raise InputError(
            f"the {name} family{parameters and f' {parameters}'} needs a horizon of at least "
            f"{least} tokens; got {horizon}"
        )


def model(
    family: str, horizon: int, pmf: Floats, lengths: Any, *, right: Any = True, styles: Any = 0,
    sigma_exponent: float | None = 1.0, announced: bool = True,
) -> TraceModel:  # fmt: skip
    """Build the model of equally likely prompts.

    Parameters
    ----------
    family, horizon, sigma_exponent, announced
        As `TraceModel` has them.
    pmf : [m, S]
        Probability of each type given the prompt.
    lengths, right, styles : broadcast to [m, S]
        Tokens, whether the type is right there, and its style.
    """
    lengths = np.broadcast_to(lengths, pmf.shape).astype(float, order="A")
    return TraceModel(
        family=family, horizon=horizon, pmf=np.ascontiguousarray(pmf),
        hitting_times=np.where(right, lengths, math.inf), lengths=lengths,
        styles=np.broadcast_to(styles, pmf.shape).astype(np.int64, order="C"),
        prompt_mass=uniform_prompts(len(pmf)), sigma_exponent=sigma_exponent, announced=announced,
    )  # fmt: skip


def middles(count: int) -> Floats:
    """The middles of `count` equal parts of [0, 1]."""
    return (2 * np.arange(count) + 1) / (2 * count)


def grid(prompts: int, styles: int, lengths: Floats) -> tuple[Floats, Floats, Any]:
    """Every style at every length, [m, S] each: probability, length and style.

    Styles have weights proportional to 2^-b, lengths are equally likely.
    """
    weights = np.exp2(-np.arange(styles, dtype=float))
    count, shape = len(lengths), (prompts, styles * len(lengths))
    return (
        np.broadcast_to(np.repeat(weights / weights.sum(), count) / count, shape),
        np.broadcast_to(np.tile(lengths, styles), shape),
        np.broadcast_to(np.repeat(np.arange(styles), count), shape),
    )


def types_of(horizon: int) -> int:
    """S: the next 4^k + 1, so that a few compiled shapes serve all horizons."""
    return int(4 ** max(2, math.ceil(math.log(horizon, 4) - 1e-9)) + 1)


def model_of_hitting_times(family: str, law: Floats, *, announced: bool = True) -> TraceModel:
    """Build the model whose types are hitting times 1..H and "not within H".

    Parameters
    ----------
    family, announced
        As `TraceModel` has them.
    law : [m, H + 1]
        P(T = 1), ..., P(T = H), P(T > H) at each prompt.
    """
    prompts, horizon = len(law), law.shape[-1] - 1
    # Types of mass zero fill up.
    pmf = np.zeros((prompts, types_of(horizon)))
    pmf[:, : horizon + 1] = law
    times = np.full(pmf.shape[-1], math.nan)
    times[:horizon] = np.arange(1, horizon + 1)
    return model(family, horizon, pmf, times, right=np.isfinite(times), announced=announced)
