"""T10j: the most that any allocation of a token budget over problems can reach."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T10j", "allocation of a budget",
    "value <= min_p p B + sum_x rho max_i [v_xi - p t_xi]; greedy attains it",
    kind="tight", direction="upper", learner="any allocation", origin="known", unit="value",
    example={"tokens": [[0, 1, 2], [0, 1, 2]], "values": [[0, 0.5, 0.75], [0, 0.1, 0.19]],
             "budget": 1.5},
)  # fmt: skip
@validate.boundary
def allocation_upper(
    tokens: Sequence[npt.ArrayLike],
    values: Sequence[npt.ArrayLike],
    budget: float,
    *,
    prompt_mass: npt.ArrayLike | None = None,
) -> float:
    """Least p B + sum_x rho(x) max_i [v_xi - p t_xi] over prices p >= 0 (T10j).

    No allocation of B tokens per problem on average is worth more, random ones included. Tight:
    greedy on the concave envelopes attains it.

    Parameters
    ----------
    tokens, values : m lists [P_x]
        Cost in tokens and value of each option of each problem.
    budget
        B, mean tokens per problem.
    prompt_mass : [m]
        rho(x); default: all problems alike.

    Raises
    ------
    InputError
        If shapes differ, an argument is out of range, or the budget is below the cheapest options.
    """
    tokens, values = validate.listed("tokens", tokens), validate.listed("values", values)
    if len(tokens) != len(values):
        raise InputError(
            f"tokens and values must list the same problems; got {len(tokens)} and {len(values)}"
        )
    rho = np.full(len(tokens), 1.0 / len(tokens))
    if prompt_mass is not None:
        rho = validate.pmf("prompt_mass", prompt_mass)
    if rho.shape != (len(tokens),):
        raise InputError(f"prompt_mass must have one entry per problem; got shape {rho.shape}")
    limit = float(validate.nonnegative("budget", budget, finite=True))
    curves: list[tuple[Floats, Floats]] = []
    for x, (t, v) in enumerate(zip(tokens, values, strict=True)):
        cost = validate.nonnegative(f"tokens[{x}]", t, finite=True)
        worth = validate.finite(f"values[{x}]", v)
        if cost.shape != worth.shape or cost.ndim != 1 or len(cost) == 0:
            raise InputError(f"tokens[{x}] and values[{x}] must be of one length, at least 1")
        curves.append((cost, worth))
    cheapest = sum(r * cost.min() for r, (cost, _) in zip(rho, curves, strict=True))
    if cheapest > limit * (1 + 1e-12) + 1e-12:
        raise InputError(f"budget {limit:g} is below what the cheapest options take, {cheapest:g}")

    def dual(price: float) -> tuple[float, float, float]:
        """The bound at a price, and the least and most tokens that its best options take."""
        bound, least, most = price * limit, 0.0, 0.0
        for r, (cost, worth) in zip(rho, curves, strict=True):
            gain = worth - price * cost
            best = gain.max()
            chosen = cost[gain >= best - 1e-15 * max(abs(best), 1.0)]
            bound += r * best
            least, most = least + r * chosen.min(), most + r * chosen.max()
        return bound, least, most

    bound, least, _ = dual(0.0)
    if least <= limit:
        return float(bound)
    # The bound is convex in the price: tokens fall in it, and it is least where they cross B.
    low, high = 0.0, 1.0
    while dual(high)[2] > limit and high < 1e300:
        low, high = high, 4.0 * high
    best = min(bound, dual(high)[0])
    for _ in range(200):
        middle = (low + high) / 2.0
        value, least, most = dual(middle)
        best = min(best, value)
        if least <= limit <= most:
            break
        low, high = (middle, high) if least > limit else (low, middle)
    return float(best)
