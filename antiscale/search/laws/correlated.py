"""False positives that come back: a verifier that is fooled by the same answers every time."""

import math

import numpy as np

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.score_laws import ScoreLaw
from antiscale.search.laws.verifiers import Flags

# Sets of answers that fool the verifier are listed where answers differ: 2^M of them.
_MOST = 10


def fooled_rates(false_positive: float, correlation: float) -> tuple[float, float]:
    """Chance that a wrong answer fools the verifier for good, and the rate on the others.

    A wrong answer's false-positive rate is 1 with probability pi, else b. Over answers it is
    `false_positive` on average, and two verdicts on traces of one answer have `correlation`:
    b = f (1 - c), pi = f c/(1 - b).

    Parameters
    ----------
    false_positive
        f in [0, 1).
    correlation
        c in [0, 1].

    Returns
    -------
    pi and b.
    """
    f = float(validate.probability("false_positive", false_positive, allow_one=False))
    c = float(validate.probability("correlation", correlation))
    fresh = f * (1.0 - c)
    return f * c / (1.0 - fresh), fresh


@validate.boundary
def correlated(
    solved: Flags,
    answers: Floats,
    true_positive: float,
    false_positive: float,
    correlation: float,
    *,
    passes: float = 1,
) -> ScoreLaw:
    """Score a trace by how many of several passes accept it, where some wrong answers always pass.

    Each of the passes accepts a right trace with probability TPR. A wrong answer is accepted at
    every pass with probability pi, persistently, else at rate b at each pass; see `fooled_rates`.
    Passes average out what is fresh, not what persists: the fooled answers come to outrank the
    right ones, and best-of-N turns down once N is large enough to find them (T10g). With one pass
    (a verdict) the two tie, and it does not.

    Parameters
    ----------
    solved : [..., S]
        Which types are right.
    answers : [..., S, A]
        P(answer | type); answer 0 is the right one.
    true_positive, false_positive, correlation
        TPR; the false-positive rate over all wrong answers; its correlation within one answer.
    passes
        Verdicts per trace, at least 1; inf scores each trace by its rate itself.

    Raises
    ------
    InputError
        If a rate is out of range, or more than ten wrong answers differ in what types they have.
    """
    solved = validate.flags("solved", solved)
    answers = validate.probability("answers", answers)
    if answers.ndim < 2 or answers.shape[-2] != solved.shape[-1] or answers.shape[-1] < 1:
        raise InputError(
            f"answers must have shape [..., types, answers] with {solved.shape[-1]} types; got "
            f"{answers.shape}"
        )
    right = float(validate.probability("true_positive", true_positive))
    if not (isinstance(passes, float) and math.isinf(passes) and passes > 0):
        passes = validate.integer("passes", passes, least=1, most=1000)
    fooling, fresh = fooled_rates(false_positive, correlation)
    wrong = answers[..., 1:]
    count = wrong.shape[-1]
    alike = bool(np.allclose(wrong, wrong.mean(-1, keepdims=True), rtol=0.0, atol=1e-15))
    if alike:
        # Every wrong type has every wrong answer alike: only their number matters.
        fooled = np.arange(count + 1)
        weight = np.array([math.comb(count, k) for k in fooled]) * fooling**fooled
        weight = weight * (1.0 - fooling) ** (count - fooled)
        share = np.broadcast_to(
            fooled[:, None] / max(count, 1), (*wrong.shape[:-2], count + 1, wrong.shape[-2])
        )
    else:
        if count > _MOST:
            raise InputError(
                f"correlated false positives over {count} wrong answers that differ take 2^{count} "
                f"cases; at most {_MOST}, or equally likely ones (wrong_answers = a number)"
            )
        sets = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(float)
        weight = np.where(sets == 1, fooling, 1.0 - fooling).prod(-1)
        share = np.einsum("...sa,ka->...ks", wrong, sets)
    on_right, on_fresh, top = _levels(right, fresh, passes)
    share = share[..., None, :]
    on_wrong = share * top[:, None] + (1.0 - share) * on_fresh[:, None]
    mass = np.where(solved[..., None, None, :], on_right[:, None], on_wrong)
    return ScoreLaw.discrete(mass, np.broadcast_to(weight, (*mass.shape[:-3], len(weight))))


def _levels(right: float, fresh: float, passes: float) -> list[Floats]:
    """Laws of the score on right, on other wrong and on fooled traces, each [L]."""
    chances = (right, fresh, 1.0)
    if math.isinf(passes):
        rates = np.unique(chances)
        return [(rates == rate).astype(float) for rate in chances]
    return [_binomial(int(passes), chance) for chance in chances]


def _binomial(n: int, p: float) -> Floats:
    """Law of the number of successes in n, [n + 1]."""
    law = np.ones(1)
    for _ in range(n):
        law = np.convolve(law, [1.0 - p, p])
    return law
