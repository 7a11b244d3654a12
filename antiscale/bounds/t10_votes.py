"""T10i: how fast a majority vote finds the answer that is most likely."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T10i", "majority vote",
    "P(another answer has as many votes) <= sum_b [1 - (sqrt q_0 - sqrt q_b)^2]^N",
    kind="valid", direction="upper", learner="majority vote", origin="known", unit="probability",
    example={"answers": [0.5, 0.3, 0.2], "n": 100},
)  # fmt: skip
@validate.boundary
def vote_error(answers: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """sum_b [1 - (sqrt q_0 - sqrt q_b)^2]^N >= P(another answer has as many votes) (T10i).

    The first answer is the right one. At most 1, and 1 where another is at least as likely: then
    the vote goes wrong, the more surely the more traces. Valid.

    Parameters
    ----------
    answers : [..., A]
        Probability of each answer.
    n
        N >= 1 traces; broadcasts against the leading axes.

    Raises
    ------
    InputError
        If `answers` is no pmf or N is below 1.
    """
    q = validate.pmf("answers", answers)
    tries = validate.nonnegative("n", n, finite=True)[..., None]
    if (tries < 1).any():
        raise InputError(f"n must be >= 1 (the number of traces); got {np.min(tries):g}")
    ahead = np.sqrt(q[..., :1]) - np.sqrt(q[..., 1:])
    with np.errstate(divide="ignore"):
        each = np.exp(tries * np.log1p(-(np.maximum(ahead, 0.0) ** 2)))
    # An answer that is never given never wins, unless no other is given either.
    each = np.where(q[..., 1:] > 0, each, 0.0)
    return np.minimum(each.sum(-1), 1.0)
