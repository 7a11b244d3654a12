"""Sharing out a total token budget over problems, by the exact marginal gain (T10j)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats


@dataclass(frozen=True, eq=False)
class Allocation:
    """How a budget is shared out.

    Attributes
    ----------
    low, high : [m]
        The two options between which each problem's budget is drawn; equal for all but one.
    share : [m]
        Probability of `high`.
    tokens : [m]
        Mean tokens spent on each problem.
    value
        sum_x rho(x) of the mean values: the most that any allocation reaches.
    price
        Value per token at the margin; 0 where tokens are left over.
    concave : [m]
        Whether every option of the problem lies on its concave envelope, so that plain greedy in
        single steps is optimal.
    """

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    share: Floats
    tokens: Floats
    value: float
    price: float
    concave: npt.NDArray[np.bool_]


@validate.boundary
def allocate(
    tokens: Sequence[npt.ArrayLike],
    values: Sequence[npt.ArrayLike],
    prompt_mass: npt.ArrayLike,
    budget: float,
) -> Allocation:
    """Share out `budget` tokens per problem on average: greedy on the marginal gain (T10j).

    Every problem has options (tokens, value), the first being the cheapest; choices may be random.
    Steps along the concave envelope of each problem's options are taken in order of gain per token
    until the budget is spent. Optimal; for concave curves the envelope is the curve itself.

    Parameters
    ----------
    tokens, values : m arrays [P_x]
        Cost of each option, rising; what it is worth.
    prompt_mass : [m]
        rho(x), the weight of each problem.
    budget
        Mean tokens per problem, at least the cheapest options' mean.

    Raises
    ------
    InputError
        If tokens do not rise, shapes differ, or the budget is below the cheapest options.

    Examples
    --------
    >>> # An easy and a hard problem, success 1/2 and 1/10 per try of one token.
    >>> n = np.arange(9.0)
    >>> found = allocate([n, n], [1 - 0.5**n, 1 - 0.9**n], [0.5, 0.5], 3.0)
    >>> found.tokens.tolist()
    [3.0, 3.0]
    """
    rho = validate.pmf("prompt_mass", prompt_mass)
    limit = float(validate.nonnegative("budget", budget, finite=True))
    tokens, values = validate.listed("tokens", tokens), validate.listed("values", values)
    if rho.ndim != 1 or not len(tokens) == len(values) == len(rho):
        raise InputError(
            f"tokens, values and prompt_mass must list the same problems; got {len(tokens)}, "
            f"{len(values)} and {len(rho)}"
        )
    curves = [_curve(x, t, v) for x, (t, v) in enumerate(zip(tokens, values, strict=True))]
    corners = [concave_envelope(t, v) for t, v in curves]
    low = np.zeros(len(rho), dtype=np.int64)
    left = limit - float(sum(r * t[0] for r, (t, _) in zip(rho, curves, strict=True)))
    if left < -1e-9 * max(limit, 1.0):
        raise InputError(
            f"budget {limit:g} is below what the cheapest options take, {limit - left:g}"
        )
    steps = [
        ((v[b] - v[a]) / (t[b] - t[a]), x, int(b))
        for x, ((t, v), corner) in enumerate(zip(curves, corners, strict=True))
        for a, b in itertools.pairwise(corner)
    ]
    high, share, price = low.copy(), np.zeros(len(rho)), 0.0
    # Stable: within one problem gains fall, so its steps stay in order.
    for gain, x, b in sorted(steps, key=lambda step: -step[0]):
        a = low[x]
        need = rho[x] * (curves[x][0][b] - curves[x][0][a])
        if need <= left * (1 + 1e-12):
            low[x] = high[x] = b
            left = max(left - need, 0.0)
            continue
        high[x], share[x], price = b, left / need, float(gain)
        break
    spent = np.array([_between(t, low[x], high[x], share[x]) for x, (t, _) in enumerate(curves)])
    worth = np.array([_between(v, low[x], high[x], share[x]) for x, (_, v) in enumerate(curves)])
    whole = [_all_on(curve, corner) for curve, corner in zip(curves, corners, strict=True)]
    return Allocation(low, high, share, spent, float(rho @ worth), price, np.array(whole))


def concave_envelope(tokens: Floats, values: Floats) -> npt.NDArray[np.int64]:
    """Options on the least concave curve above all, from the first to the best one: places."""
    corners = [0]
    for b in range(1, int(np.argmax(values)) + 1):
        if values[b] <= values[corners[-1]]:
            continue
        # Drop corners that are not above the line from the one before to the new option.
        while len(corners) > 1:
            before, a = corners[-2], corners[-1]
            gain = (values[a] - values[before]) * (tokens[b] - tokens[before])
            if gain > (values[b] - values[before]) * (tokens[a] - tokens[before]):
                break
            corners.pop()
        corners.append(b)
    return np.array(corners)


def _curve(x: int, tokens: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Floats, Floats]:
    t = validate.nonnegative(f"tokens[{x}]", tokens, finite=True)
    v = validate.finite(f"values[{x}]", values)
    if t.ndim != 1 or t.shape != v.shape or len(t) == 0 or (np.diff(t) <= 0).any():
        raise InputError(
            f"tokens[{x}] and values[{x}] must be of one length, and tokens must rise; got shapes "
            f"{t.shape} and {v.shape}"
        )
    return t, v


def _between(values: Floats, low: int, high: int, share: float) -> float:
    return float((1.0 - share) * values[low] + share * values[high])


def _all_on(curve: tuple[Floats, Floats], corners: npt.NDArray[np.int64]) -> bool:
    tokens, values = curve
    on = np.interp(tokens, tokens[corners], values[corners])
    return bool((values >= on - 1e-12 * max(1.0, float(np.max(np.abs(values))))).all())
