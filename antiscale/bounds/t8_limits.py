"""T8: what verification must lose, for learners that are confined to the ball Pi_kappa.

One prompt; d light types whose labels nobody knows beforehand (uniform in {0, H}), and heavy ones.
"""

import functools

import numpy as np
import numpy.typing as npt
from scipy import optimize

from antiscale.bounds.t6_verifier import telling
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T8a", "verification, fast rate is needed",
    "regret >= sqrt(kappa)(H/4)[(d/n)(1 - 1/n)^(n+1) - 3d^2/n^4]",
    kind="valid", direction="lower", learner="any in Pi_kappa", origin="ours",
    heading="The fast rate is needed", figure="sandwich",
    example={"horizon": 1000, "n": 1000, "light": 4, "kappa": 0.25},
)  # fmt: skip
@validate.boundary
def vb_lower_fast(
    horizon: npt.ArrayLike, n: npt.ArrayLike, light: npt.ArrayLike, kappa: npt.ArrayLike
) -> Floats:
    """Lower bound sqrt(kappa)(H/4)[(d/n)(1 - 1/n)^(n+1) - 3d^2/n^4] on verification's regret (T8a).

    The d light types have mass 1/n each; two heavy ones, of returns H and 0, share the rest. About
    sqrt(kappa) H d/(4 e n): the rate H/n of T7b is that of the truth. Valid for every learner in
    Pi_kappa; the worst labels cost at least this average.

    Parameters
    ----------
    horizon
        H in tokens.
    n
        Labelled traces.
    light
        d, the number of light types, below n.
    kappa
        Radius of the ball, at most (n - d)/(n + d).

    Returns
    -------
    Tokens, at least 0. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    d = validate.nonnegative("light", light, finite=True)
    budget = validate.nonnegative("kappa", kappa)
    if (n_ < 1).any() or (d >= n_).any():
        raise InputError("light must be below n, and n at least 1")
    if (budget > (n_ - d) / (n_ + d) * (1 + 1e-12)).any():
        raise InputError(
            "kappa must be at most (n - d)/(n + d), "
            f"{np.min((n_ - d) / (n_ + d)):.6g}; got {np.max(budget):.6g}"
        )
    with np.errstate(divide="ignore"):
        power = np.exp((n_ + 1) * np.log1p(-1.0 / n_))
    value = np.sqrt(budget) * h / 4.0 * (d / n_ * power - 3.0 * d**2 / n_**4)
    return np.maximum(value, 0.0)


@functools.cache
def best_expected() -> float:
    """Return the c that maximises sqrt(c) (1 - sqrt(1 - e^-c)), T8b's limit: about 0.3529."""
    found = optimize.minimize_scalar(
        lambda c: -np.sqrt(c) * (1.0 - np.sqrt(-np.expm1(-c))), bounds=(1e-6, 4.0),
        method="bounded", options={"xatol": 1e-12},
    )  # fmt: skip
    return float(found.x)


@theorem(
    "T8b", "verification, slow rate is needed",
    "regret >= H sqrt(kappa X/8)[sqrt(1-X)(1-1/(2d)) - sqrt(1-(1-c/n)^n) - sqrt(X/(2 kappa))]",
    kind="valid", direction="lower", learner="any in Pi_kappa", origin="ours",
    heading="The slow rate is needed where rewards are sharp", figure="sandwich",
    example={"horizon": 1000, "n": 1000000, "light": 100, "kappa": 0.25},
)  # fmt: skip
@validate.boundary
def vb_lower_slow(
    horizon: npt.ArrayLike,
    n: npt.ArrayLike,
    light: npt.ArrayLike,
    kappa: npt.ArrayLike,
    *,
    expected: npt.ArrayLike | None = None,
) -> Floats:
    """Lower bound of order sqrt(kappa d/n) H on verification's regret without T3's premise (T8b).

    The d light types have mass c/n each, X = cd/n in all; one heavy type has return H/2:
    H sqrt(kappa X/8) [sqrt(1-X) (1-1/(2d)) - sqrt(1 - (1-c/n)^n) - sqrt(X/(2 kappa))]. For
    X << kappa << 1/X and large d about 0.0955 sqrt(kappa d/n) H at the best c. Valid for every
    learner in Pi_kappa: where rewards are sharp, T7a's slow rate is that of the truth.

    Parameters
    ----------
    horizon, n, light
        H in tokens; labelled traces; d.
    kappa
        Radius of the ball, at most 1/X - 1.
    expected
        c, the expected number of traces of each light type; default: `best_expected()`.

    Returns
    -------
    Tokens, at least 0. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    d = validate.nonnegative("light", light, finite=True)
    budget = validate.nonnegative("kappa", kappa, finite=True)
    c = validate.nonnegative(
        "expected", best_expected() if expected is None else expected, finite=True
    )
    if (n_ < 1).any() or (d < 1).any() or (c <= 0).any():
        raise InputError("n and light must be at least 1, and expected positive")
    mass = c * d / n_
    if (mass >= 1).any():
        raise InputError(
            f"the light types have mass c d/n = {np.max(mass):.6g}; it must be below 1"
        )
    if (budget > (1.0 / mass - 1.0) * (1 + 1e-12)).any():
        raise InputError(
            f"kappa must be at most n/(c d) - 1, {np.min(1.0 / mass - 1.0):.6g}; "
            f"got {np.max(budget):.6g}"
        )
    seen = -np.expm1(n_ * np.log1p(-c / n_))
    with np.errstate(divide="ignore"):
        cost = np.where(budget > 0, np.sqrt(mass / (2.0 * budget)), np.inf)
    bracket = np.sqrt(1.0 - mass) * (1.0 - 1.0 / (2.0 * d)) - np.sqrt(seen) - cost
    with np.errstate(invalid="ignore"):
        value = h * np.sqrt(budget * mass / 8.0) * np.maximum(bracket, 0.0)
    return np.where(budget > 0, value, 0.0)


@theorem(
    "T8c", "verification, noisy labels",
    "regret >= sqrt(kappa)(H/4)[d p (1 - p)(1 - s/n)^(2n) - 3 d^2 p^4], p = s/(c n)",
    kind="valid", direction="lower", learner="any in Pi_kappa", origin="ours",
    heading="Noise divides n", figure="limits",
    example={"horizon": 1000, "n": 1000, "light": 4, "kappa": 0.25, "noise": 0.1},
)  # fmt: skip
@validate.boundary
def vb_lower_noisy(
    horizon: npt.ArrayLike,
    n: npt.ArrayLike,
    light: npt.ArrayLike,
    kappa: npt.ArrayLike,
    noise: npt.ArrayLike,
    *,
    expected: npt.ArrayLike = 0.5,
) -> Floats:
    """Lower bound of order sqrt(kappa) H d/(c n) on verification's regret with noisy labels (T8c).

    Each label is reversed with probability eta, c = (sqrt(1 - eta) - sqrt(eta))^2 as in T6c. The d
    light types have mass p = s/(c n) each; two heavy ones, of returns H and 0, share the rest:
    sqrt(kappa)(H/4)[d p (1 - p)(1 - s/n)^(2n) - 3 d^2 p^4], about sqrt(kappa) H d/(8 e c n) at the
    best s = 1/2. Valid for every learner in Pi_kappa, which may know eta: noise divides n by 1/c.

    Parameters
    ----------
    horizon, n, light
        H in tokens; labelled traces; d.
    kappa
        Radius of the ball, at most (1 - d p)/(1 + d p).
    noise
        eta in [0, 1/2).
    expected
        s in (0, n], c times the expected number of traces of each light type.

    Returns
    -------
    Tokens, at least 0. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    h = validate.nonnegative("horizon", horizon, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    d = validate.nonnegative("light", light, finite=True)
    budget = validate.nonnegative("kappa", kappa)
    eta = validate.probability("noise", noise)
    s = validate.nonnegative("expected", expected, finite=True)
    if (eta >= 0.5).any():
        raise InputError(f"noise must lie in [0, 0.5); got {np.max(eta):.6g}")
    if (n_ < 1).any() or (s <= 0).any() or (s > n_).any():
        raise InputError("n must be at least 1, and expected lie in (0, n]")
    mass = s / (telling(eta) * n_)
    together = d * mass
    if (together >= 1).any():
        raise InputError(
            f"the light types have mass d s/(c n) = {np.max(together):.6g}; it must be below 1"
        )
    if (budget > (1.0 - together) / (1.0 + together) * (1 + 1e-12)).any():
        raise InputError(
            "kappa must be at most (1 - d p)/(1 + d p), "
            f"{np.min((1.0 - together) / (1.0 + together)):.6g}; got {np.max(budget):.6g}"
        )
    with np.errstate(divide="ignore"):
        unclear = np.exp(2.0 * n_ * np.log1p(-s / n_))
    value = together * (1.0 - mass) * unclear - 3.0 * d**2 * mass**4
    return np.maximum(np.sqrt(budget) * h / 4.0 * value, 0.0)
