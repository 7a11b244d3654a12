"""T6: how fast a verifier is learned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiscale import validate
from antiscale.validate import Floats


def verifier_error(
    n: npt.ArrayLike,
    log_class_size: npt.ArrayLike,
    *,
    delta: npt.ArrayLike | None = None,
    uniform: bool = False,
) -> Floats:
    """Bound on max over r in the version space of P_pi_b(R_r != R) (T6).

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
    result: Floats = np.where(size > 0, np.minimum(bound, 1.0), 0.0)
    return result


def unseen_mass(
    style_mass: npt.ArrayLike, n: npt.ArrayLike, *, prompt_mass: npt.ArrayLike = 1.0
) -> Floats:
    """E[mass of the blocks not yet seen] at one prompt: sum_b p_b (1 - rho p_b)^n (T6).

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
    with np.errstate(divide="ignore", invalid="ignore"):
        power = n_ * np.log1p(-np.minimum(rho * mass, 1.0))
    result: Floats = (mass * np.exp(np.where(n_ == 0, 0.0, power))).sum(-1)
    return result
