"""T7: what verification achieves."""

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats, shown

# The terms of T7 that each learner is held to.
VB_LEARNERS = {"simple": ("0", "a", "b"), "wide": ("a", "b", "c")}


@theorem(
    "T7", "verification", "the smallest of T7's bounds that the learner and the inputs allow",
    kind="valid", direction="upper", learner="simple, wide", origin="rate",
    heading="What verification achieves",
    example={"horizon": 100, "error": 0.001, "kappa": 0.25, "sigma": 50, "max_ratio": 1.5},
)  # fmt: skip
@validate.boundary
def vb_upper(
    horizon: npt.ArrayLike,
    error: npt.ArrayLike,
    *,
    learner: str = "simple",
    kappa: npt.ArrayLike | None = None,
    sigma: npt.ArrayLike | None = None,
    max_ratio: npt.ArrayLike | None = None,
    coverage: npt.ArrayLike | None = None,
    failure: npt.ArrayLike = 0.0,
) -> Floats:
    """T7's smallest bound for the named pessimist that the arguments allow, in tokens.

    (0) 2 sigma sqrt(kappa): `simple`, needs sigma and kappa.
    T7a, H (e + sqrt(kappa e)): both, needs kappa.
    T7b, H W e: both, needs max_ratio.
    T7c, H e/ct_0: `wide`, needs coverage.
    Each is valid, for the risk against pibar_kappa; T8a and T8b show that the rates of T7b, and of
    T7a where rewards are sharp, are those of the truth. With an error of T6a or T6d in probability
    they bound the loss itself with that probability.

    Parameters
    ----------
    horizon
        H, or max |R_r - R_r'| over the class, in tokens.
    error
        The verifier's error in expectation: e_n for one reward, es_n or eu_n for E sup_r (T6).
    learner
        "simple" (the pessimist of Pi_kappa) or "wide" (the pessimist of a ball of radius at least
        1/ct_0 - 1, or of none).
    kappa
        Radius of the ball.
    sigma
        sum_x rho(x) sigma_x in tokens, each the worst over the rewards of the risk; for the average
        budget the root mean square of sigma_x.
    max_ratio
        W >= 1, the largest density ratio of pibar_kappa over types, prompts and rewards.
    coverage
        ct_0 in (0, 1], the least over prompts and rewards.
    failure
        Probability that the version space lost the truth, weighted over prompts; H times it is
        added to T7a, T7b, T7c. Zero where labels are clean.

    Returns
    -------
    Tokens. All arguments broadcast; H if nothing sharper is allowed.

    Raises
    ------
    InputError
        If the learner is held to no bound, or an argument is out of range or NaN.
    """
    terms = vb_upper_terms(
        horizon, error, learner=learner, kappa=kappa, sigma=sigma, max_ratio=max_ratio,
        coverage=coverage, failure=failure,
    )  # fmt: skip
    return np.min(np.broadcast_arrays(*terms.values()), axis=0)


@theorem(
    "T7a", "verification, slow rate", "H (e + sqrt(kappa e))",
    kind="valid", direction="upper", learner="simple, wide", origin="rate", heading="The slow rate",
    figure="sandwich", example={"horizon": 100, "error": 0.001, "kappa": 0.25},
    inputs=("horizon", "error", "learner", "kappa", "failure"), part="T7a",
)  # fmt: skip
@theorem(
    "T7b", "verification, fast rate", "H W e, W the largest density ratio of the ball's optimum",
    kind="valid", direction="upper", learner="simple, wide", origin="rate", heading="The fast rate",
    figure="sandwich", example={"horizon": 100, "error": 0.001, "max_ratio": 1.5},
    inputs=("horizon", "error", "learner", "max_ratio", "failure"), part="T7b",
)  # fmt: skip
@theorem(
    "T7c", "verification without a ball", "H e/ct_0",
    kind="valid", direction="upper", learner="wide", origin="ours", heading="Without a ball",
    example={"horizon": 100, "error": 0.001, "coverage": 0.2},
    inputs=("horizon", "error", "coverage", "failure"), fixed={"learner": "wide"}, part="T7c",
)  # fmt: skip
@validate.boundary
def vb_upper_terms(
    horizon: npt.ArrayLike,
    error: npt.ArrayLike,
    *,
    learner: str = "simple",
    kappa: npt.ArrayLike | None = None,
    sigma: npt.ArrayLike | None = None,
    max_ratio: npt.ArrayLike | None = None,
    coverage: npt.ArrayLike | None = None,
    failure: npt.ArrayLike = 0.0,
) -> dict[str, Floats]:
    """Return each bound of T7 that `vb_upper` takes the least of, by name; same arguments.

    "T7(0)", "T7a", "T7b", "T7c", and "H", the trivial one: returns lie in [0, H].
    """
    if not isinstance(learner, str) or learner not in VB_LEARNERS:
        raise InputError(
            "only the learners simple and wide are held to a verification bound; got "
            f"{shown(learner)}"
        )
    allowed = VB_LEARNERS[learner]
    h = validate.nonnegative("horizon", horizon, finite=True)
    e = validate.probability("error", error)
    lost = h * np.minimum(validate.nonnegative("failure", failure, finite=True), 1.0)
    terms: dict[str, Floats] = {"H": h + 0.0 * e}
    if kappa is not None:
        budget = validate.nonnegative("kappa", kappa)
        with np.errstate(invalid="ignore"):  # inf * 0
            terms["T7a"] = h * np.where(e > 0, e + np.sqrt(budget * e), 0.0) + lost
            if sigma is not None and "0" in allowed:
                spread = validate.nonnegative("sigma", sigma, finite=True)
                terms["T7(0)"] = np.where(spread > 0, 2.0 * spread * np.sqrt(budget), 0.0)
    if max_ratio is not None:
        terms["T7b"] = h * density_ratio(max_ratio) * e + lost
    if coverage is not None:
        reached = validate.probability("coverage", coverage, allow_zero=False)
        if "c" in allowed:
            terms["T7c"] = h * e / reached + lost
    return terms


def density_ratio(max_ratio: npt.ArrayLike) -> Floats:
    """W, checked: at least 1 but for rounding."""
    ratio = validate.floats("max_ratio", max_ratio)
    if (ratio < 1.0 - 1e-9).any():
        raise InputError(f"max_ratio must be >= 1; got {np.min(ratio):.6g}")
    return ratio
