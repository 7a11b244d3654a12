"""T5f: how much of its expert a clone covers, which decides what search on it can find."""

import numpy as np
import numpy.typing as npt
from scipy import special

from antiscale.bounds.t5_cloning_upper import never_seen
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T5f", "coverage of a clone",
    "E Cov_N <= sum_j p_j (1 - rho (1 - exp(-kl(p_j/N, p_j))))^n",
    kind="valid", direction="upper", learner="sft", origin="known", figure="limits",
    unit="probability", example={"expert": [0.9, 0.09, 0.01], "n": 100, "fold": 4},
)  # fmt: skip
@validate.boundary
def clone_coverage_upper(
    expert: npt.ArrayLike,
    n: npt.ArrayLike,
    fold: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
) -> Floats:
    """Upper bound on E Cov_N of a tabular clone: what it writes N times too rarely or more (T5f).

    Cov_N = P_{pi_e}(pi_e/pihat >= N). A type of mass p is written so rarely if it is at most p/N
    of the n_x traces: with probability at most e^(-n_x kl(p/N, p)) (Chernoff). Valid;
    `antiscale.risks.exact.clone_coverage` sums the binomial laws.

    Parameters
    ----------
    expert : [..., S]
        pi_e at one prompt.
    n
        Traces of the expert in all, >= 0.
    fold
        N >= 1.
    prompt_mass
        rho(x).

    Returns
    -------
    [...] probability under the expert, at one prompt, *before* weighting by rho(x).

    Raises
    ------
    InputError
        If the expert is no pmf, or an argument is out of range or NaN.

    Examples
    --------
    >>> from antiscale import bounds
    >>> bounds.clone_coverage_upper([0.5, 0.5], [10, 20], 4).round(4).tolist()  # exponential in n
    [0.0423, 0.0018]
    """
    p = validate.pmf("expert", expert)
    n_ = validate.nonnegative("n", n, finite=True)[..., None]
    u = validate.floats("fold", fold)[..., None]
    rho = validate.probability("prompt_mass", prompt_mass)[..., None]
    if (u < 1).any():
        raise InputError(f"fold must be at least 1; got {np.min(u):.6g}")
    rare = p / u
    apart = special.rel_entr(rare, p) + special.rel_entr(1.0 - rare, 1.0 - p)
    found: Floats = (p * never_seen(n_, -rho * np.expm1(-apart))).sum(-1)
    return found
