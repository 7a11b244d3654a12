"""T5: what cloning achieves."""

import numpy as np
import numpy.typing as npt

from antiscale.bounds.overlap import binomial_cdf
from antiscale.core import validate
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

# Trapezium rule for E[n_x^(-1/2)]; see inverse_root_count.
_NODES = 256
_STEP = 0.25


@theorem(
    "T5a", "tabular cloning",
    "E sup_r loss <= sum_x rho (sigma_e E[n_x^(-1/2); n_x > 0] + |J_e - J_b| (1 - rho)^n)",
    kind="tight", direction="upper", learner="sft", origin="rate", figure="sandwich",
    example={"sigma_expert": 50, "n": 1000},
)  # fmt: skip
@validate.boundary
def sft_upper(
    sigma_expert: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    fallback_gap: npt.ArrayLike = 0.0,
) -> Floats:
    """Upper bound on one prompt's loss of tabular SFT, sup over the class inside E (T5a).

    sigma_e E[n_x^(-1/2); n_x > 0] + |J_e - J_b| (1 - rho)^n, n_x ~ Binomial(n, rho). Valid for
    every n and every expert; SFT's loss on the mirror class tends to sqrt(2/pi) of it.

    Parameters
    ----------
    sigma_expert
        For the mirror class the expert's standard deviation of R, in tokens. With blocks
        (1/2)(sum_b sd_e(f_b) + sd_e(sum_b f_b)).
    n
        Samples, >= 0.
    prompt_mass
        rho(x).
    fallback_gap
        |J_e - J_b| in tokens (with blocks the larger of the sums of (E_e f_b - E_b f_b)^+ and ^-):
        what is lost at a prompt never seen, where the base policy is played.

    Returns
    -------
    Tokens, *before* weighting: the bound is sum_x rho(x) sft_upper(x). All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is negative or NaN, or prompt_mass is no probability.
    """
    sigma = validate.nonnegative("sigma_expert", sigma_expert, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    rho = validate.probability("prompt_mass", prompt_mass)
    gap = validate.nonnegative("fallback_gap", fallback_gap, finite=True)
    return sigma * inverse_root_count(n_, rho) + gap * never_seen(n_, rho)


@theorem(
    "T5c", "tabular cloning, in probability",
    "T5a at the low quantile of n_x, plus H sqrt(log(2/delta) sum rho^2/n_x / 2)",
    kind="valid", direction="upper", learner="sft", origin="ours",
    example={"sigma_expert": [50], "horizon": 100, "n": 1000, "delta": 0.05},
)  # fmt: skip
@validate.boundary
def sft_upper_in_probability(
    sigma_expert: npt.ArrayLike,
    horizon: npt.ArrayLike,
    n: npt.ArrayLike,
    delta: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = (1.0,),
    fallback_gap: npt.ArrayLike = 0.0,
) -> Floats:
    """Bound on tabular SFT's loss, for all rewards at once, with probability 1 - delta (T5c).

    Let k_x be the delta/(2m)-quantile of n_x ~ Binomial(n, rho(x)), and k_x' = max(k_x, 1). Then
    sum_x rho(x) t_x + H sqrt(log(2/delta) sum_x rho(x)^2/k_x' / 2), with
    t_x = sigma_e/sqrt(k_x'), or the larger of that and the fallback gap where k_x = 0. Valid.

    Parameters
    ----------
    sigma_expert, prompt_mass, fallback_gap : [..., m]
        Per prompt, as for `sft_upper`.
    horizon, n, delta : [...]
        H, or max_r,j,j' |R_r(j) - R_r(j')| in tokens; samples in all; failure probability.

    Returns
    -------
    [...] tokens, summed over prompts.

    Raises
    ------
    InputError
        If an argument is negative or NaN, or delta is not in (0, 1).
    """
    sigma = validate.nonnegative("sigma_expert", sigma_expert, finite=True)
    gap = validate.nonnegative("fallback_gap", fallback_gap, finite=True)
    rho = validate.probability("prompt_mass", prompt_mass)
    width = validate.nonnegative("horizon", horizon, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    level = validate.probability("delta", delta, allow_zero=False, allow_one=False)
    sigma, gap, rho = np.broadcast_arrays(np.atleast_1d(sigma), gap, rho)
    prompts = sigma.shape[-1]
    least = _binomial_quantile(level[..., None] / (2 * prompts), n_[..., None], rho)
    count = np.maximum(least, 1.0)
    term = sigma / np.sqrt(count)
    term = np.where(least > 0, term, np.maximum(term, gap))
    spread = np.sqrt(np.log(2.0 / level) * (rho**2 / count).sum(-1) / 2.0)
    return np.minimum((rho * term).sum(-1) + width * spread, width)


def _binomial_quantile(level: Floats, n: Floats, rho: Floats) -> Floats:
    """The largest k with P(N < k) <= level, N ~ Binomial(n, rho), by bisection."""
    level, n, rho = np.broadcast_arrays(level, n, rho)
    low, high = np.zeros_like(n), np.floor(n) + 1.0  # P(N < 0) = 0; P(N < n + 1) = 1 > level
    while True:
        middle = np.floor((low + high) / 2)
        # Beyond 2^53 whole numbers are further apart than one: then nothing lies between.
        inside = (low < middle) & (middle < high)
        if not inside.any():
            return low
        # At rho = 0 or 1 the law is one point.
        sure = np.where(rho <= 0, middle < 1, middle <= n)
        inner = np.clip(rho, 1e-300, 1.0 - 1e-16)
        within = np.where(
            (rho <= 0) | (rho >= 1), sure, binomial_cdf(middle - 1, n, inner) <= level
        )
        low = np.where(inside & within, middle, low)
        high = np.where(inside & ~within, middle, high)


def never_seen(n: Floats, rho: Floats) -> Floats:
    """(1 - rho)^n."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = n * np.log1p(-rho)
    return np.exp(np.where(n == 0, 0.0, power))


def inverse_root_count(n: Floats, rho: Floats) -> Floats:
    """E[N^(-1/2); N > 0] for N ~ Binomial(n, rho), at a cost that does not grow with n.

    N^(-1/2) = (2/sqrt(pi)) int_0^inf exp(-N s^2) ds, so the expectation is 2/sqrt(pi) times the
    integral of (1 - rho (1 - exp(-s^2)))^n - (1 - rho)^n over s > 0. The integrand is even and
    entire, and about 1/sqrt(n rho + 1) wide, so the trapezium rule with a quarter of that as its
    step is exact to rounding.
    """
    n, rho = np.broadcast_arrays(n, rho)
    step = _STEP / np.sqrt(n * rho + 1.0)
    square = (step[..., None] * np.arange(_NODES)) ** 2
    n_, rho_ = n[..., None], rho[..., None]
    never = never_seen(n_, rho_)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        power = np.where(n_ == 0, 0.0, n_ * np.log1p(rho_ * np.expm1(-square)))
        odds = n_ * np.log1p(rho_ / (1.0 - rho_) * np.exp(-square))
        # The second form does not cancel where the prompt is hardly ever seen.
        integrand = np.where(n_ * rho_ < 0.5, never * np.expm1(odds), np.exp(power) - never)
    integrand = np.where(n_ == 0, 0.0, integrand)
    integrand[..., 0] *= 0.5
    return 2.0 / np.sqrt(np.pi) * step * integrand.sum(-1)


@theorem(
    "T5b", "maximum likelihood",
    "|loss| <= 2 sqrt(2) sigma_e sqrt(L/n) + 2 H L/n, L = log(|Pi|/delta)",
    kind="valid", direction="upper", learner="mle", origin="known",
    heading="Maximum likelihood over a finite class",
    example={"sigma_expert": 50, "horizon": 100, "n": 1000, "log_class_size": 10, "delta": 0.05},
)  # fmt: skip
@validate.boundary
def mle_upper(
    sigma_expert: npt.ArrayLike,
    horizon: npt.ArrayLike,
    n: npt.ArrayLike,
    log_class_size: npt.ArrayLike,
    delta: npt.ArrayLike | None,
) -> Floats:
    """Bound on |J_r(pi_e) - J_r(pihat)| for log-loss MLE, all r at once (T5b).

    2 sqrt(2) sigma_e sqrt(L/n) + 2 H L/n with L = log(|Pi|/delta), for MLE over a finite class Pi
    of policies that holds the expert; at most H in any case. In expectation L = log|Pi| + 1. Valid.

    Parameters
    ----------
    sigma_expert
        (sum_x rho(x) Var_e(R|x))^(1/2), in tokens.
    horizon
        H, in tokens.
    n
        Samples; at n = 0 the bound is H.
    log_class_size
        log |Pi| >= 0, natural logarithm.
    delta
        Failure probability, in (0, 1]; None bounds the expectation (of the sup over r).

    Returns
    -------
    Tokens. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is negative or NaN, or delta is not in (0, 1].
    """
    sigma = validate.nonnegative("sigma_expert", sigma_expert, finite=True)
    horizon_ = validate.nonnegative("horizon", horizon, finite=True)
    n_ = validate.nonnegative("n", n, finite=True)
    size = validate.nonnegative("log_class_size", log_class_size, finite=True)
    level: Floats = np.exp(np.array(-1.0))
    if delta is not None:
        level = validate.probability("delta", delta, allow_zero=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(n_ > 0, (size - np.log(level)) / n_, np.inf)
        bound = 2.0 * np.sqrt(2.0) * sigma * np.sqrt(rate) + 2.0 * horizon_ * rate
    return np.where(np.isnan(bound), horizon_, np.minimum(bound, horizon_))
