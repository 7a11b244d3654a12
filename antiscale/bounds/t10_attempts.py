"""T10k and T10l: tries that never repeat a rejected answer, and self-correction."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T10k", "sequential revision",
    "P(right) = TPR sum_{k<N} g_k + (1 - TPR) g_{N-1} with M equal wrong answers",
    kind="exact", learner="revision", origin="ours", unit="probability",
    example={"success": 0.25, "tries": 3, "wrong_answers": 4},
)  # fmt: skip
@validate.boundary
def revision_accuracy(
    success: float,
    tries: int,
    wrong_answers: int,
    *,
    true_positive: float = 1.0,
    false_positive: float = 0.0,
) -> float:
    """Chance that revision ends with the right answer after up to N tries (T10k).

    M equally likely wrong answers. With h_k = c/[c + (1 - c)(1 - k/M)] and g_k = h_k (1 - FPR)^k
    prod_{i<k} (1 - h_i): TPR sum_{k<N} g_k + (1 - TPR) g_{N-1}, N at most M + 1. With a perfect
    verifier it is at least 1 - (1 - c)^N, and 1 at N = M + 1. Exact.

    Parameters
    ----------
    success
        c in (0, 1), the chance of the right answer.
    tries
        N >= 1.
    wrong_answers
        M >= 1.
    true_positive, false_positive
        The verdict's rates.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    c = float(validate.probability("success", success, allow_zero=False, allow_one=False))
    others = validate.integer("wrong_answers", wrong_answers, least=1, most=10**7)
    n = min(validate.integer("tries", tries, least=1), others + 1)
    right = float(validate.probability("true_positive", true_positive))
    wrong = float(validate.probability("false_positive", false_positive))
    k = np.arange(n)
    hazard = c / (c + (1.0 - c) * (1.0 - k / others))
    missed = np.concatenate([[1.0], np.cumprod((1.0 - hazard) * (1.0 - wrong))[:-1]])
    drawn = hazard * missed
    return float(right * drawn.sum() + (1.0 - right) * drawn[-1])


@theorem(
    "T10l", "self-correction",
    "a round adds (1 - b) f P(wrong) - (1 - a) s P(right) of what still stands open",
    kind="exact", learner="self-correction", origin="ours", unit="probability",
    example={"success": 0.25, "accept_right": 0.9, "accept_wrong": 0.4, "fix": 0.25,
             "spoil": 0.75, "rounds": 2},
)  # fmt: skip
@validate.boundary
def self_correction_accuracy(
    success: npt.ArrayLike,
    accept_right: npt.ArrayLike,
    accept_wrong: npt.ArrayLike,
    fix: npt.ArrayLike,
    spoil: npt.ArrayLike,
    rounds: float,
) -> Floats:
    """Chance that the trace that stands after up to N rewritings is right (T10l).

    c + [(1 - b) f, -(1 - a) s] (I + M + ... + M^(N-1))^T u summed over (wrong, right), with
    u = (1 - c, c): each round adds (1 - b) f P(wrong, standing) - (1 - a) s P(right, standing). The
    first round helps iff (1 - c)(1 - b) f > c (1 - a) s. Exact.

    Parameters
    ----------
    success
        c in [0, 1].
    accept_right, accept_wrong
        a and b, the chances that a right and a wrong trace is accepted.
    fix, spoil
        f and s, the chances that rewriting mends a wrong trace and spoils a right one.
    rounds
        N >= 0, whole, or inf; all others broadcast.

    Raises
    ------
    InputError
        If an argument is out of range, or N is infinite and rewriting never ends.
    """
    given = [
        validate.probability(name, value)
        for name, value in (
            ("success", success), ("accept_right", accept_right), ("accept_wrong", accept_wrong),
            ("fix", fix), ("spoil", spoil),
        )
    ]  # fmt: skip
    c, a, b, f, s = np.broadcast_arrays(*given)
    count = float(validate.nonnegative("rounds", rounds))
    if np.isfinite(count) and count != np.floor(count):
        raise InputError(f"rounds must be a whole number or inf; got {count:g}")
    # Rows: from right, from wrong; columns: to right, to wrong.
    step = np.stack([(1 - a) * (1 - s), (1 - a) * s, (1 - b) * f, (1 - b) * (1 - f)], -1)
    step = step.reshape(*c.shape, 2, 2)
    start = np.stack([c, 1 - c], -1)
    visits, still_open = _visits(start, step, count)
    # Accepted in some round, or right when rewriting ends: the same sum, without cancellation.
    return a * visits[..., 0] + still_open[..., 0]


def _visits(start: Floats, step: Floats, count: float) -> tuple[Floats, Floats]:
    """The row `start` times I + M + ... + M^(N-1), and times M^N; by doubling, or N = inf."""
    if np.isinf(count):
        apart = np.eye(2) - step
        if (np.abs(np.linalg.det(apart)) < 1e-14).any():
            raise InputError("rewriting never ends here; give a finite number of rounds")
        solved = np.linalg.solve(np.swapaxes(apart, -1, -2), start[..., None])[..., 0]
        return np.asarray(solved, dtype=np.float64), np.zeros_like(start)
    total, power, done = np.zeros_like(step), np.eye(2) + np.zeros_like(step), 0
    for bit in bin(int(count))[2:]:
        # sum to 2k = (sum to k)(I + M^k)
        total, power, done = total + power @ total, power @ power, 2 * done
        if bit == "1":
            total, power, done = total + power, power @ step, done + 1
    row = start[..., None, :]
    return (row @ total)[..., 0, :], (row @ power)[..., 0, :]
