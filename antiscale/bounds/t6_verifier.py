"""T6: how fast a verifier is learned."""

import numpy as np
import numpy.typing as npt

from antiscale.bounds.t5_cloning_upper import never_seen
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats


@theorem(
    "T6a", "a verifier of a finite class",
    "E max P(R_r != R) <= (1 + log(K - 1))/n; log((K - 1)/delta)/n in probability",
    kind="valid", direction="upper", learner="any verifier", origin="rate", unit="probability",
    heading="Finite classes", example={"n": 1000, "log_class_size": 10, "uniform": True},
)  # fmt: skip
@validate.boundary
def verifier_error(
    n: npt.ArrayLike,
    log_class_size: npt.ArrayLike,
    *,
    delta: npt.ArrayLike | None = None,
    uniform: bool = False,
) -> Floats:
    """Bound on max over r in the version space of P_pi_b(R_r != R) (T6a).

    With K = |calR|: log((K - 1)/delta)/n with probability 1 - delta; (1 + log(K - 1))/n =: e_n in
    expectation. Uniformly over the truth, K (K - 1)/2 stands for K - 1: es_n. Zero if K = 1; at
    most 1. Valid.

    Parameters
    ----------
    n
        Labelled traces, >= 0.
    log_class_size
        log K >= 0 of the whole class (the sum over prompts), natural logarithm.
    delta
        Failure probability in (0, 1]; None bounds the expectation.
    uniform
        Whether the bound is for all rewards of the class at once, as E sup_r needs.

    Returns
    -------
    A probability. All arguments broadcast.

    Raises
    ------
    InputError
        If an argument is negative or NaN, or delta is not in (0, 1].
    """
    validate.boolean("uniform", uniform)
    n_ = validate.nonnegative("n", n, finite=True)
    size = validate.nonnegative("log_class_size", log_class_size, finite=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        # log(K - 1) = log K + log(1 - 1/K); nothing is to be learned where K = 1.
        others = np.where(size > 0, size + np.log(-np.expm1(-size)), -np.inf)
        rivals = others + (size - np.log(2.0) if uniform else 0.0)
        if delta is None:
            top = 1.0 + rivals
        else:
            top = rivals - np.log(validate.probability("delta", delta, allow_zero=False))
        bound = np.where(n_ > 0, np.maximum(top, 0.0) / n_, 1.0)
    return np.where(size > 0, np.minimum(bound, 1.0), 0.0)


@theorem(
    "T6b", "unseen blocks", "E max P(R_r != R) <= sum_x rho sum_b p_b (1 - rho p_b)^n <= m B/(e n)",
    kind="valid", direction="upper", learner="any verifier", origin="known", unit="probability",
    example={"style_mass": [0.5, 0.3, 0.2], "n": 10},
)  # fmt: skip
@validate.boundary
def unseen_mass(
    style_mass: npt.ArrayLike, n: npt.ArrayLike, *, prompt_mass: npt.ArrayLike = 1.0
) -> Floats:
    """E[mass of the blocks not yet seen] at one prompt: sum_b p_b (1 - rho p_b)^n (T6b).

    Where one labelled trace of each block fixes the reward, sum_x rho(x) unseen_mass(x) =: eu_n
    bounds E max P(R_r != R) for every truth at once, and may stand for e_n and es_n in T7. It is
    at most m B/(e n). Valid, and exact for the mass itself.

    Parameters
    ----------
    style_mass : [..., B]
        p_b, the base policy's mass of each block.
    n, prompt_mass : broadcast against the leading axes
        Labelled traces; rho(x).

    Returns
    -------
    [...] a probability, *before* weighting by rho(x).

    Raises
    ------
    InputError
        If an argument is negative or NaN, or prompt_mass is no probability.
    """
    mass = validate.probability("style_mass", style_mass)
    n_ = validate.nonnegative("n", n, finite=True)[..., None]
    rho = validate.probability("prompt_mass", prompt_mass)[..., None]
    return (mass * never_seen(n_, np.minimum(rho * mass, 1.0))).sum(-1)


@theorem(
    "T6d", "unseen blocks, in probability",
    "unseen mass <= inf_t [log(1/delta) + sum log(1 + q (e^(t rho p) - 1))]/t",
    kind="valid", direction="upper", learner="any verifier", origin="known", unit="probability",
    example={"style_mass": [0.5, 0.3, 0.2], "n": 10, "delta": 0.05},
)  # fmt: skip
@validate.boundary
def unseen_mass_in_probability(
    style_mass: npt.ArrayLike,
    n: float,
    delta: float,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
) -> float:
    """Bound on the mass of the blocks not yet seen, with probability 1 - delta (T6d).

    inf over t > 0 of [log(1/delta) + sum_{x,b} log(1 + q_xb (e^(t rho p_b) - 1))]/t with
    q_xb = (1 - rho p_b)^n: Chernoff's bound for the unseen mass. It may stand for e in T7, which
    then holds with probability 1 - delta. Valid.

    Parameters
    ----------
    style_mass : [m, B] or [B]
        p_b at each prompt.
    n
        Labelled traces.
    delta
        Failure probability in (0, 1].
    prompt_mass : [m] or a number
        rho(x).

    Returns
    -------
    A probability, summed over prompts.

    Raises
    ------
    InputError
        If an argument is out of range or NaN.
    """
    mass = validate.probability("style_mass", style_mass)
    n_ = float(validate.nonnegative("n", n, finite=True))
    level = float(validate.probability("delta", delta, allow_zero=False))
    rho = validate.probability("prompt_mass", prompt_mass)
    weight = (np.asarray(rho)[..., None] * mass).ravel()
    weight = weight[weight > 0]
    with np.errstate(divide="ignore"):
        log_unseen = n_ * np.log1p(-np.minimum(weight, 1.0)) if n_ > 0 else np.zeros_like(weight)

    def bound(log_t: float) -> float:
        t = np.exp(log_t)
        # log(1 + q (e^(tw) - 1)), with q (e^(tw) - 1) = exp(log q + log(e^(tw) - 1)).
        rise = t * weight + np.log(-np.expm1(-t * weight))
        return float((np.logaddexp(0.0, log_unseen + rise).sum() - np.log(level)) / t)

    # Any t gives a valid bound; the best one is near the number of samples.
    grid = np.linspace(np.log(0.1), np.log(1e3 * (n_ + 1.0)), 64)
    for _ in range(3):
        values = [bound(value) for value in grid]
        best = int(np.argmin(values))
        found = values[best]
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 17)
    return float(min(found, weight.sum(), 1.0))


@theorem(
    "T6c", "unseen blocks, noisy labels",
    "the same with n divided by 1/c, c = (sqrt(1 - eta) - sqrt(eta))^2, and a tolerance",
    kind="valid", direction="upper", learner="any verifier", origin="ours", unit="probability",
    heading="Noisy labels", figure="assumptions",
    example={"style_mass": [0.5, 0.3, 0.2], "n": 100, "noise": 0.1, "tolerance": 3},
)  # fmt: skip
@validate.boundary
def noisy_unseen_mass(
    style_mass: npt.ArrayLike,
    n: npt.ArrayLike,
    noise: npt.ArrayLike,
    tolerance: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
) -> Floats:
    """Bound on E[mass of the blocks whose verdict is not settled] under flipped labels (T6c).

    sum_b p_b min(1, ((1 - eta)/eta)^(t/2) (1 - rho p_b c)^n), c = (sqrt(1 - eta) - sqrt(eta))^2: a
    verdict is settled if it leads by more than t labels. So n is worth c n clean labels, and the
    tolerance costs a factor. With eta = 0 and t = 0 it is `unseen_mass`. Valid.

    Parameters
    ----------
    style_mass : [..., B]
        p_b, the base policy's mass of each block.
    n, prompt_mass : broadcast against the leading axes
        Labelled traces; rho(x).
    noise
        eta in [0, 1/2), the probability that a label's verdict is reversed.
    tolerance
        t >= 0, in labels.

    Returns
    -------
    [...] a probability, *before* weighting by rho(x).

    Raises
    ------
    InputError
        If an argument is out of range or NaN.
    """
    mass = validate.probability("style_mass", style_mass)
    n_ = validate.nonnegative("n", n, finite=True)[..., None]
    rho = validate.probability("prompt_mass", prompt_mass)[..., None]
    eta = _noise(noise)[..., None]
    t = validate.nonnegative("tolerance", tolerance, finite=True)[..., None]
    settled = telling(eta)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = n_ * np.log1p(-np.minimum(rho * mass * settled, 1.0))
        # With clean labels and t > 0 this is infinite: then nothing is said, the bound is 1.
        slack = np.where(t > 0, t / 2 * (np.log1p(-eta) - np.log(eta)), 0.0)
        power = np.where((n_ == 0) | np.isinf(slack), 0.0, power)
    chance = np.exp(np.minimum(power + slack, 0.0))
    return (mass * chance).sum(-1)


@validate.boundary
def wrong_verdict(noise: npt.ArrayLike, tolerance: npt.ArrayLike) -> Floats:
    """Bound on the probability that one true verdict is ruled out: (eta/(1 - eta))^(t + 1) (T6c).

    For any number of labels. The pessimist may then overrate a policy; T7 adds H times the sum of
    these over a prompt's blocks. Valid.

    Parameters
    ----------
    noise, tolerance
        eta in [0, 1/2) and t >= 0; broadcast.
    """
    eta = _noise(noise)
    t = validate.nonnegative("tolerance", tolerance, finite=True)
    return (eta / (1.0 - eta)) ** (np.floor(t) + 1.0)


def _noise(value: npt.ArrayLike) -> Floats:
    eta = validate.probability("noise", value)
    if (eta >= 0.5).any():
        raise InputError(f"noise must lie in [0, 0.5); got {eta[eta >= 0.5].flat[0]:.6g}")
    return eta


def telling(noise: Floats) -> Floats:
    """C = (sqrt(1 - eta) - sqrt(eta))^2, by which noise divides n (T6c); unchecked."""
    # Not as the difference of two roots, which cancels near eta = 1/2.
    found: Floats = ((1.0 - 2.0 * noise) / (np.sqrt(1.0 - noise) + np.sqrt(noise))) ** 2
    return found
