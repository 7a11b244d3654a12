"""T9: when the gap between cloning and verification is certain, and how it grows."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T9", "the certified gap", "VF loss - VB loss >= T4 - T7 over the same rewards",
    kind="valid", direction="lower", learner="any VF against one VB", origin="rate",
    heading="Separation", figure="phase", example={"vf_lower": 7.13, "vb_upper": 0.808},
)  # fmt: skip
@validate.boundary
def certified_gap(vf_lower: npt.ArrayLike, vb_upper: npt.ArrayLike) -> Floats:
    """T4 minus T7, in tokens: what every verifier-free algorithm must lose beyond one verifier.

    Valid only where both are bounds on E sup_r over the *same* rewards: T4a and T4c need r and
    rbar at every prompt, T4b all of calR (T9).

    Parameters
    ----------
    vf_lower, vb_upper
        In tokens; they broadcast.
    """
    return validate.finite("vf_lower", vf_lower) - validate.finite("vb_upper", vb_upper)


@validate.boundary
def certified_from(gap: npt.ArrayLike) -> int | None:
    """Index of the first of the last run of positive gaps, None if the last is not positive (T9).

    Parameters
    ----------
    gap : [k]
        Certified gaps in the order of growing H or n; NaN counts as not certified.
    """
    positive = validate.floats("gap", gap, nan=True, empty=True) > 0
    if positive.ndim != 1 or not positive.size or not positive[-1]:
        return None
    return int(len(positive) - np.argmin(positive[::-1])) if not positive.all() else 0


@validate.boundary
def vf_exponent(sigma: float, n: float) -> float:
    """A - b/2: the exponent of sigma/sqrt(n) for sigma = H^a, n = H^b (T9).

    Cloning's, for experts whose own spread is O(sigma): all of bounded density ratio, pibar_kappa
    with bounded W among them, as sigma_e^2 <= W sigma^2.
    """
    return validate.real("sigma", sigma) - validate.real("n", n) / 2.0


@validate.boundary
def vf_exponent_any_expert(sigma: float, n: float) -> float:
    """min(a, (1 + a - b)/2): what cloning loses grows no faster, for any expert of the ball (T9).

    As sigma_e^2 <= sigma^2 + sqrt(kappa) H sigma and E_e|R - J| <= (1 + sqrt(kappa)) sigma.
    Attained for a < 1: with R = 0 of probability p = (sigma/H)^2 and H otherwise, by the expert
    that puts p + sqrt(kappa p (1 - p)) on 0.
    """
    a, b = validate.real("sigma", sigma), validate.real("n", n)
    return min(a, (1.0 + a - b) / 2.0)


@validate.boundary
def vb_exponent(n: float) -> float:
    """1 - b: the exponent of verification's proved rate H W/n for n = H^b, W bounded (T9)."""
    return 1.0 - validate.real("n", n)


@validate.boundary
def gap_exponent(sigma: float, n: float) -> float | None:
    """A - b/2 where T4 outgrows verification's proved rate (a > 1 - b/2), or None (T9).

    Where it does not, theory does not say how the gap grows: an expert whose spread is not O(sigma)
    may still make cloning lose more.
    """
    cloning = vf_exponent(sigma, n)
    return cloning if cloning > vb_exponent(n) else None
