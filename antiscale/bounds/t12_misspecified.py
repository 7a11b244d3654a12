"""T12: cloning an expert who is outside the learner's class."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


class MisspecifiedValues(NamedTuple):
    """Values of four policies on T12's instance, in tokens.

    Attributes
    ----------
    expert
        h, the ball's optimum: what is cloned.
    verified
        h', the best policy of the class: what verification reaches within H W e_n.
    base
        p h + (1 - 2p) h'.
    cloned
        h/2, for every number of traces: below the base policy.
    """

    expert: Floats
    verified: Floats
    base: Floats
    cloned: Floats


@theorem(
    "T12", "misspecified cloning",
    "cloning is worth h/2 for every n, verification in the same class h'",
    kind="exact", learner="loglinear, npg", origin="ours", figure="assumptions",
    example={"best": 240, "common": 239, "mass": 0.25},
)  # fmt: skip
@validate.boundary
def misspecified_values(
    best: npt.ArrayLike, common: npt.ArrayLike, mass: npt.ArrayLike
) -> MisspecifiedValues:
    """Return what expert, verification, base policy and cloning are worth on T12's instance.

    Two prompts, three styles of base mass p, p, 1 - 2p: the first is right (return h) at the first
    prompt, the second at the second, the third (return h') at both. Policies tilt styles alike at
    both prompts. Exact, for every n >= 1.

    Parameters
    ----------
    best, common
        h and h', in tokens, h/2 < h' < h.
    mass
        p in (0, 1/2).

    Raises
    ------
    InputError
        If the arguments are not in this order. All broadcast.
    """
    h = validate.nonnegative("best", best, finite=True)
    other = validate.nonnegative("common", common, finite=True)
    p = validate.probability("mass", mass, allow_zero=False)
    if (p >= 0.5).any():
        raise InputError(f"mass must lie in (0, 0.5); got {np.max(p):.6g}")
    if (other >= h).any() or (other <= h / 2).any():
        raise InputError("common must lie strictly between best/2 and best")
    return MisspecifiedValues(h, other, p * h + (1.0 - 2.0 * p) * other, h / 2.0)
