"""T10: how far best-of-N goes from the base policy, what verifiers make of it, and votes."""

import numpy as np
import numpy.typing as npt

from antiscale.bounds.t7_verification import density_ratio
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


def _tries(n: npt.ArrayLike) -> Floats:
    tries = validate.nonnegative("n", n)
    if (tries < 1).any():
        raise InputError(f"n must be >= 1 (the number of tries); got {tries[tries < 1].flat[0]:g}")
    return tries


@theorem(
    "T10a", "best-of-N, KL", "KL(best-of-N || pi_b) <= log N - (N - 1)/N",
    kind="tight", direction="upper", learner="best-of-N", origin="known", unit="nats",
    example={"n": 16},
)  # fmt: skip
@validate.boundary
def best_of_n_kl(n: npt.ArrayLike) -> Floats:
    """Log N - (N - 1)/N: the most KL(best-of-N || pi_b) can be, in nats (T10a).

    Tight: attained in the limit of an atomless score. For ties split in proportion to pi_b.

    Parameters
    ----------
    n
        N >= 1 tries.
    """
    tries = _tries(n)
    return np.log(tries) - (tries - 1.0) / tries


@theorem(
    "T10b", "best-of-N, chi-square", "chi2(best-of-N || pi_b) <= (N - 1)^2/(2N - 1)",
    kind="tight", direction="upper", learner="best-of-N", origin="known", unit="ratio",
    example={"n": 16},
)  # fmt: skip
@validate.boundary
def best_of_n_chi2(n: npt.ArrayLike) -> Floats:
    """(N - 1)^2/(2N - 1): the most chi-square divergence of best-of-N from pi_b (T10b).

    Tight, as `best_of_n_kl`. Where it is at most kappa, best-of-N lies in Pi_kappa.

    Parameters
    ----------
    n
        N >= 1 tries.
    """
    tries = _tries(n)
    return (tries - 1.0) ** 2 / (2.0 * tries - 1.0)


@theorem(
    "T10c", "best-of-N, tries",
    "log(1/delta)/(-log(1 - c)) <= log(1/delta)/c tries reach an event of mass c",
    kind="exact", learner="best-of-N", origin="known", unit="tries",
    example={"coverage": 0.25, "delta": 0.05},
)  # fmt: skip
@validate.boundary
def tries_needed(coverage: npt.ArrayLike, delta: npt.ArrayLike) -> Floats:
    """Tries with which one of them is in an event of mass c with probability 1 - delta (T10c).

    log(1/delta)/(-log(1 - c)), rounded up; at most ceil(log(1/delta)/c). With c = c_x(kappa)
    best-of-N by the true return then reaches J + sigma sqrt(kappa), which no policy of Pi_kappa
    exceeds on average. Exact.

    Parameters
    ----------
    coverage
        c in (0, 1].
    delta
        Failure probability in (0, 1).

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    c = validate.probability("coverage", coverage, allow_zero=False)
    level = validate.probability("delta", delta, allow_zero=False, allow_one=False)
    with np.errstate(divide="ignore"):
        needed = np.ceil(np.log(level) / np.log1p(-c) * (1 - 1e-12))
    return np.maximum(needed, 1.0)


@theorem(
    "T10d", "best-of-N, a wrong verifier",
    "loss to best-of-N by the true return <= H [1 - (1 - e)^N] <= H N e",
    kind="tight", direction="upper", learner="best-of-N", origin="ours",
    example={"horizon": 100, "error": 0.001, "n": 16},
)  # fmt: skip
@validate.boundary
def wrong_verifier_loss(horizon: npt.ArrayLike, error: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """H [1 - (1 - e)^N]: what best-of-N loses at most by a wrong verifier, in tokens (T10d).

    Against best-of-N by the true return, where the verifier scores by a return that differs from
    the true one with probability e under the base policy. At most H N e. Tight as e -> 0, N >= 2.

    Parameters
    ----------
    horizon
        H, the range of the returns, in tokens.
    error
        e in [0, 1].
    n
        N >= 1 tries; all broadcast.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    e = validate.probability("error", error)
    tries = _tries(n)
    with np.errstate(divide="ignore"):
        result: Floats = h * -np.expm1(tries * np.log1p(-e))
    return result


@theorem(
    "T10e", "best-of-N, the learned verifier",
    "loss to pibar_kappa <= min(H (e + sqrt(kappa e)), H W e) + H delta",
    kind="valid", direction="upper", learner="best_of_n", origin="ours",
    example={"horizon": 100, "error": 0.001, "delta": 0.0001, "kappa": 0.25, "max_ratio": 1.5},
)  # fmt: skip
@validate.boundary
def best_of_n_upper(
    horizon: npt.ArrayLike,
    error: npt.ArrayLike,
    delta: npt.ArrayLike,
    *,
    kappa: npt.ArrayLike | None = None,
    max_ratio: npt.ArrayLike | None = None,
    failure: npt.ArrayLike = 0.0,
) -> Floats:
    """What best-of-N by the learned pessimistic verifier loses to pibar_kappa, in tokens (T10e).

    min(H (e + sqrt(kappa e)), H W e) + H delta, for N tries with (1 - c)^N <= delta, c the mass on
    which the learned return reaches the ball's optimum for it. Valid for any data-dependent N that
    is large enough; N does not enter otherwise, since a pessimist is never deceived upwards.

    Parameters
    ----------
    horizon
        H, in tokens.
    error
        e, the mass in expectation of the types on which the least consistent return is not the true
        one: e_n or es_n where that return is itself consistent, else the unseen mass (T6).
    delta
        Chance in [0, 1] that all tries miss.
    kappa, max_ratio
        Radius of the ball, and W >= 1 as in T7b; at least one is needed.
    failure
        Probability that the version space lost the truth, weighted over prompts (T6c).

    Returns
    -------
    Tokens, at most H. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is out of range, or both `kappa` and `max_ratio` are missing.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    e = validate.probability("error", error)
    missed = validate.probability("delta", delta)
    lost = np.minimum(validate.nonnegative("failure", failure, finite=True), 1.0)
    terms = []
    if kappa is not None:
        terms.append(e + np.sqrt(validate.nonnegative("kappa", kappa, finite=True) * e))
    if max_ratio is not None:
        terms.append(density_ratio(max_ratio) * e)
    if not terms:
        raise InputError("best_of_n_upper needs kappa or max_ratio; give one of them")
    least = np.min(np.broadcast_arrays(*terms), axis=0)
    return h * np.minimum(least + missed + lost, 1.0)


@theorem(
    "T10f", "best-of-N from the ROC curve",
    "P(right) = 1 - N (1 - c) int_0^1 [1 - (1 - c) u - c g(u)]^(N - 1) du",
    kind="exact", learner="best-of-N", origin="known", unit="probability",
    example={"success": 0.25, "false_positive": [0.2], "true_positive": [0.9], "n": 16},
)  # fmt: skip
@validate.boundary
def roc_accuracy(
    success: npt.ArrayLike,
    false_positive: npt.ArrayLike,
    true_positive: npt.ArrayLike,
    n: npt.ArrayLike,
) -> Floats:
    """1 - N (1 - c) int_0^1 [1 - (1 - c) u - c g(u)]^(N - 1) du: P(best-of-N is right) (T10f).

    g is the ROC curve, straight between the points. The larger g, the more accurate; for a concave
    g accuracy grows in N and is concave in it; at N = 2 it is c^2 + 2 c (1 - c) AUC. Exact.

    Parameters
    ----------
    success
        c in [0, 1], the chance that one trace is right.
    false_positive, true_positive : [P]
        Points of g, both rising; (0, 0) and (1, 1) are added.
    n
        N >= 1; broadcasts against `success`.

    Raises
    ------
    InputError
        If an argument is out of range, or the points do not rise.
    """
    c = validate.probability("success", success)[..., None]
    tries = validate.nonnegative("n", n, finite=True)[..., None]
    if (tries < 1).any():
        raise InputError(f"n must be >= 1 (the number of tries); got {np.min(tries):g}")
    u = np.concatenate([[0.0], np.atleast_1d(validate.probability("fpr", false_positive)), [1.0]])
    g = np.concatenate([[0.0], np.atleast_1d(validate.probability("tpr", true_positive)), [1.0]])
    if u.shape != g.shape or (np.diff(u) < 0).any() or (np.diff(g) < 0).any():
        raise InputError(
            "false_positive and true_positive must be of one length and rise along the ROC curve"
        )
    # v(u) = 1 - (1 - c) u - c g(u) falls from 1 to 0; on a piece its mean power is elementary.
    v = np.maximum(1.0 - (1.0 - c) * u - c * g, 0.0)
    high, low = v[..., :-1], v[..., 1:]
    wrong = (1.0 - c) * np.diff(u)
    return 1.0 - (wrong * _slope(high, low, tries)).sum(-1)


def _slope(high: Floats, low: Floats, n: Floats) -> Floats:
    """(high^n - low^n)/(high - low), and its limit where they meet."""
    gap = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        secant = (high**n - low**n) / gap
        middle = (high + low) / 2.0
        # Where the ends all but meet the midpoint's slope is right to second order in the gap.
        tangent = n * middle ** (n - 1.0)
    close = gap * n <= 1e-5 * np.maximum(high, 1e-300)
    return np.where(close, tangent, secant)


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
