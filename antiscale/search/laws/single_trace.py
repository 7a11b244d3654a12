"""One trace, cut off at the budget: budget forcing."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats


class ForcedTrace(NamedTuple):
    """What a single trace is worth.

    Attributes
    ----------
    accuracy
        P(T <= B).
    value
        E (H - T + 1)_+ over T <= B, in tokens.
    """

    accuracy: Floats
    value: Floats


@validate.boundary
def forced_trace(
    pmf: npt.ArrayLike, hitting_times: npt.ArrayLike, budget: npt.ArrayLike,
    horizon: npt.ArrayLike | None = None,
) -> ForcedTrace:  # fmt: skip
    """Accuracy and return of one trace that is cut off after B tokens (T10).

    Parameters
    ----------
    pmf, hitting_times : [..., S]
        Any policy; T of each type in tokens, inf for a wrong trace.
    budget : broadcasts against the leading axes
        B, in tokens.
    horizon : broadcasts against the leading axes
        H of the return (H - T + 1)_+; default: the budget itself.

    Raises
    ------
    InputError
        If `pmf` is no pmf, or shapes do not broadcast.
    """
    p = validate.pmf("pmf", pmf)
    times = validate.floats("hitting_times", hitting_times)
    cap = validate.nonnegative("budget", budget, finite=True)[..., None]
    top = cap if horizon is None else validate.nonnegative("horizon", horizon)[..., None]
    try:
        if p.shape[-1:] != times.shape[-1:]:
            raise ValueError
        p, times, cap, top = np.broadcast_arrays(p, times, cap, top)
    except ValueError:
        raise InputError(
            f"pmf {p.shape} and hitting_times {times.shape} must have the same types and broadcast "
            "against budget and horizon"
        ) from None
    inside = times <= cap
    worth = np.where(inside, np.maximum(top - np.where(inside, times, 0.0) + 1.0, 0.0), 0.0)
    solved = inside & (worth > 0)
    return ForcedTrace((p * solved).sum(-1), (p * worth).sum(-1))
