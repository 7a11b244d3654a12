"""Best-of-N: the law of the trace with the highest score (T10)."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.score_laws import ScoreLaw, mean_power


@validate.boundary
def best_of_n(pmf: npt.ArrayLike, scores: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Law of the best of N traces by score, ties split in proportion to the base policy (T10).

    pi(j) = pi_b(j) [F(s)^N - F(s-)^N]/[F(s) - F(s-)] at s = score(j), F(s) = P_b(score <= s): the
    density ratio is at most N, KL at most T10a and chi-square at most T10b. Exact; stable for
    masses and N of any size.

    Parameters
    ----------
    pmf : [..., S]
        Base policy.
    scores : [..., S]
        Score of each type; any numbers, infinities included. A type of mass zero gets none.
    n : broadcasts against the leading axes
        N >= 1 traces. A real N is allowed: the same law with density N v^(N-1) of the quantile v.

    Returns
    -------
    [..., S] the pmf of the trace that is returned.

    Raises
    ------
    InputError
        If `pmf` is no pmf, a score is NaN, N is below 1, or the shapes do not broadcast.

    Examples
    --------
    >>> best_of_n([0.5, 0.5], [0.0, 1.0], 2)
    array([0.25, 0.75])
    """
    p = validate.pmf("pmf", pmf)
    s = validate.floats("scores", scores)
    tries = draws("n", n)
    try:
        shape = np.broadcast_shapes(p.shape, s.shape, (*tries.shape, 1))
        if p.shape[-1:] != s.shape[-1:]:
            raise ValueError
    except ValueError:
        raise InputError(
            f"pmf {p.shape}, scores {s.shape} and n {tries.shape} (before the types) must "
            "broadcast to one shape"
        ) from None
    p, s = np.broadcast_to(p, shape), np.broadcast_to(s, shape)
    order = np.argsort(s, axis=-1, kind="stable")
    mass = np.take_along_axis(p, order, -1)
    ordered = np.take_along_axis(s, order, -1)
    # Types of one score are one group; groups end where the score changes or the prompt does.
    first = np.ones(shape, dtype=bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    starts = np.flatnonzero(first)
    group = np.cumsum(first.ravel()) - 1
    width = np.add.reduceat(mass.ravel(), starts)
    last = np.append(starts[1:], first.size) - 1
    upto = np.cumsum(mass, axis=-1).ravel()[last]
    tail = np.cumsum(mass[..., ::-1], axis=-1)[..., ::-1]
    # The mass above, summed by itself: a difference would lose what is tiny.
    above = np.concatenate([tail[..., 1:], np.zeros_like(tail[..., :1])], axis=-1).ravel()[last]
    ratio = mean_power(
        upto[group].reshape(shape), above[group].reshape(shape), width[group].reshape(shape),
        tries[..., None],
    )  # fmt: skip
    found = np.empty(shape)
    np.put_along_axis(found, order, mass * ratio, -1)
    return found


@validate.boundary
def select(pmf: Floats, law: ScoreLaw, n: npt.ArrayLike) -> Floats:
    """Law of the best of N traces under a verifier that errs: [..., S] (T10).

    Each trace's score is drawn independently given its type and the verifier's persistent state,
    which is the same for all N traces; the result is the mean over states. Ties are split at
    random.

    Parameters
    ----------
    pmf : [..., S]
        The policy that writes the traces.
    law
        The verifier, with the same leading axes or none.
    n : broadcasts against the leading axes
        N >= 1, real N allowed as in `best_of_n`.

    Raises
    ------
    InputError
        If N is below 1.
    """
    validate.pmf("pmf", pmf)
    validate.instance("law", law, ScoreLaw, "by_score, rates, roc and others make one")
    tries = draws("n", n)[..., None, None]
    pmf = np.asarray(pmf, dtype=np.float64)
    p = pmf[..., None, None, :]
    atom = 0.0 if law.atomless else law.mass
    upto = (p * (law.below + atom)).sum(-1)
    above = (p * law.above).sum(-1)
    width = np.zeros_like(upto) if law.atomless else (p * law.mass).sum(-1)
    ratio = mean_power(upto, above, width, tries)
    by_state = (law.mass * ratio[..., None]).sum(-2)
    return pmf * (law.weight[..., None] * by_state).sum(-2)


def select_on_average(pmf: Floats, law: ScoreLaw, n: Floats) -> Floats:
    """Best-of-N with a random number of traces of mean `n`: floor(n), or one more; [..., S].

    With n below 1 no trace is drawn with probability 1 - n, and that mass is missing. So N tokens
    on average are spent as `n` = N/E[cost], whatever that is.

    Parameters
    ----------
    pmf, law
        As for `select`.
    n : broadcasts against the leading axes
        Mean number of traces, >= 0.
    """
    whole = np.floor(n)
    share = (n - whole)[..., None]
    fewer = np.where(whole[..., None] > 0, select(pmf, law, np.maximum(whole, 1.0)), 0.0)
    more: Floats = select(pmf, law, whole + 1.0)
    return (1.0 - share) * fewer + share * more


def draws(name: str, n: npt.ArrayLike) -> Floats:
    """`n` as numbers of traces, each finite and at least 1."""
    tries = validate.nonnegative(name, n, finite=True)
    if (tries < 1).any():
        raise InputError(f"{name} must be >= 1 (traces drawn); got {tries[tries < 1].flat[0]:g}")
    return tries
