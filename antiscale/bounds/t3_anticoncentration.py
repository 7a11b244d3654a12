"""T3: how anti-concentrated a return can be."""

import numpy as np
import numpy.typing as npt
from scipy import special

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T3a", "Cantelli", "c_x(eps) <= 1/(1 + eps)",
    kind="tight", direction="upper", learner="the base policy", origin="known", unit="probability",
    figure="tails", example={"eps": 0.25},
)  # fmt: skip
@validate.boundary
def cantelli(eps: npt.ArrayLike) -> Floats:
    """1/(1 + eps), the most that c_x(eps) = P(R >= J + sigma sqrt(eps)) can be (T3a).

    Tight: attained by a two-point law for every eps > 0. Assumes sigma > 0.

    Parameters
    ----------
    eps
        The level, >= 0.
    """
    return 1.0 / (1.0 + validate.nonnegative("eps", eps))


@theorem(
    "T3b", "above the mean", "P(R > J) >= (E|R-J|)^2 / (4 E(R-J)_+^2)",
    kind="tight", direction="lower", learner="the base policy", origin="known", unit="probability",
    example={"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100]},
)  # fmt: skip
@validate.boundary
def above_mean(pmf: npt.ArrayLike, returns: npt.ArrayLike) -> Floats:
    """(E|R - J|)^2 / (4 E(R - J)_+^2) <= P(R > J): the chance to beat the mean (T3b).

    Tight where R - J takes one value above zero; at least (E|R - J|)^2/(4 sigma^2).

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy; return of each type, in tokens. 0 where the return is constant.

    Raises
    ------
    InputError
        If `pmf` does not sum to one or `returns` holds NaN.
    """
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    validate.on_support(p, r)
    r = np.where(p > 0, r, 0.0)
    centred = r - (p * r).sum(-1, keepdims=True)
    # E|R - J| = 2 E(R - J)_+; the other half cancels where nearly all mass sits on one type.
    above = np.maximum(centred, 0.0)
    first, second = (p * above).sum(-1), (p * above**2).sum(-1)
    constant = above.max(-1) <= 1e-14 * np.abs(r).max(-1)
    return np.where(constant, 0.0, first**2 / np.where(constant, 1.0, second))


@theorem(
    "T3c", "Erdős-Littlewood-Offord",
    "no window of one step holds more than C(k, k/2) 2^-k of a sum of k fair bits",
    kind="tight", direction="upper", learner="the base policy", origin="known", unit="probability",
    heading="Sums of fair bits", figure="anticoncentrated", example={"steps": 8},
)  # fmt: skip
@validate.boundary
def window_mass(steps: npt.ArrayLike) -> Floats:
    """C(k, k/2) 2^-k: the most that one step's window can hold of t_0 + sum a_i xi_i (T3c).

    For k fair bits and a half-open window as wide as the smallest a_i (Erdős 1945). Tight at equal
    steps; about sqrt(2/(pi k)).

    Parameters
    ----------
    steps
        k >= 0, a whole number.

    Raises
    ------
    InputError
        If k is negative or not whole.
    """
    k = validate.nonnegative("steps", steps, finite=True)
    if (k != np.floor(k)).any():
        raise InputError(f"steps must be whole numbers; got {k[k != np.floor(k)].flat[0]}")
    half = np.floor(k / 2)
    # 1/((k + 1) B(half + 1, k - half + 1)) is the binomial coefficient.
    log = -np.log1p(k) - special.betaln(half + 1, k - half + 1) - k * np.log(2.0)
    return np.exp(log)


@theorem(
    "T3d", "conditioning",
    "pi_b given {R >= V_kappa} has density ratio <= 1/ct_0 and value >= V_kappa",
    kind="exact", learner="the base policy", origin="ours", unit="ratio",
    heading="Conditioning on a good return", example={"coverage": 0.2},
)  # fmt: skip
@validate.boundary
def conditioned_ratio(coverage: npt.ArrayLike) -> Floats:
    """1/ct_0: the density ratio of pi_b conditioned on {R >= V_kappa}, no worse than pibar (T3d).

    Exact. `antiscale.coverage` computes ct_0.

    Parameters
    ----------
    coverage
        ct_0 in (0, 1].
    """
    return 1.0 / validate.probability("coverage", coverage, allow_zero=False)
