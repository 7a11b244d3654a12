"""What a base policy is like: heterogeneity, anti-concentration, sharpness (T1, T3).

NumPy in, NumPy out; JAX in, JAX out (and traceable). Arrays batch over leading axes, the last
axis holds the S trace types. Ties are exact in a finite model, so comparisons of returns allow
1e-9 of the horizon.
"""

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from antiscale.core import device as device
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem

# Returns within this share of the horizon count as equal, masses within it of c_0 as reaching it.
TIE = 1e-9


def _arrays(pmf: Any, returns: Any) -> tuple[ModuleType, Any, Any]:
    """Validate concrete input; leave JAX arrays and tracers as they are."""
    if isinstance(pmf, jax.core.Tracer) or isinstance(returns, jax.core.Tracer):
        return jnp, pmf, returns
    xp = jnp if isinstance(pmf, jax.Array) or isinstance(returns, jax.Array) else np
    p, r = validate.pmf("pmf", pmf), validate.floats("returns", returns)
    validate.on_support(p, r)
    return xp, xp.asarray(p), xp.asarray(r)


@validate.boundary
def mean_return(pmf: Any, returns: Any) -> Any:
    """J_x = E_pi_b[R | x], in tokens.

    Parameters
    ----------
    pmf : [..., S]
        Base policy, or any other.
    returns : [..., S]
        Return of each type, in tokens.
    """
    xp, p, r = _arrays(pmf, returns)
    return _mean(xp, p, r)


def _mean(xp: ModuleType, p: Any, r: Any) -> Any:
    # Measured from the best return, so that constant returns have just that mean. A type of mass
    # zero may have any return, infinity included.
    best = xp.max(xp.where(p > 0, r, -xp.inf), axis=-1)
    below = xp.where(p > 0, r, best[..., None]) - best[..., None]
    return best + xp.sum(p * below, axis=-1)


@theorem(
    "T1", "heterogeneity", "sum over tokens of the variance of Q under pi_b = Var(R)",
    kind="identity", learner="the base policy", origin="known", heading="Heterogeneity is variance",
    figure="bilevel", example={"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100]}, home="antiscale",
)  # fmt: skip
@validate.boundary
def heterogeneity(pmf: Any, returns: Any) -> Any:
    """sigma_x = sqrt(Var_pi_b(R | x)), in tokens (T1).

    T1 proves that this equals the sum over token steps of the variance of the base policy's
    Q-value, the paper's definition of heterogeneity.

    Parameters
    ----------
    pmf : [..., S]
        Base policy.
    returns : [..., S]
        Return of each type, in tokens.

    Raises
    ------
    InputError
        If `pmf` does not sum to one or `returns` holds NaN.

    Notes
    -----
    Where returns are constant sigma_x has no derivative (it is |t| times a constant along every
    line); `jax.grad` gives 0 there, the middle of its slopes.
    """
    xp, p, r = _arrays(pmf, returns)
    return _deviation(xp, p, r, _mean(xp, p, r))


def _deviation(xp: ModuleType, p: Any, r: Any, mean: Any) -> Any:
    centred = xp.where(p > 0, r, mean[..., None]) - mean[..., None]
    variance = xp.sum(p * centred**2, axis=-1)
    # The root of 0 has an infinite slope, which times 0 is no number.
    some = variance > 0.0
    return xp.where(some, xp.sqrt(xp.where(some, variance, 1.0)), 0.0)


@validate.boundary
def anticoncentration(pmf: Any, returns: Any, eps: Any, *, horizon: float | None = None) -> Any:
    """c_x(eps) = P_pi_b(R >= J_x + sigma_x sqrt(eps)), a probability (T3).

    By Cantelli c_x(eps) <= 1/(1 + eps) where sigma_x > 0. c_0 is its minimum over prompts at
    eps = kappa.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy; return of each type, in tokens.
    eps : broadcasts against the leading axes
        The level, >= 0 (a multiple of the variance).
    horizon
        H, the scale of the tolerance for ties (default: the largest |return|).

    Raises
    ------
    InputError
        If `pmf` does not sum to one, or `eps` is negative or NaN.
    """
    xp, p, r = _arrays(pmf, returns)
    if not isinstance(eps, jax.core.Tracer):
        eps = xp.asarray(validate.nonnegative("eps", eps, finite=True))
    mean = _mean(xp, p, r)
    level = mean + _deviation(xp, p, r, mean) * xp.sqrt(eps)
    return _mass_above(xp, p, r, level, horizon)


@validate.boundary
def coverage(pmf: Any, returns: Any, optimum_value: Any, *, horizon: float | None = None) -> Any:
    """P_pi_b(R >= E_pibar[R | x]), a probability; ct_0 is its minimum over prompts (T3(d)).

    The base policy conditioned on this event has density ratio at most 1/coverage and value at
    least that of the ball's optimum pibar.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy; return of each type, in tokens.
    optimum_value : [...]
        E_pibar[R | x] in tokens, e.g. `chi2_ball_optimum(...).value`.
    horizon
        H, the scale of the tolerance for ties (default: the largest |return|).
    """
    xp, p, r = _arrays(pmf, returns)
    if not isinstance(optimum_value, jax.core.Tracer):
        optimum_value = validate.finite("optimum_value", optimum_value)
    return _mass_above(xp, p, r, xp.asarray(optimum_value), horizon)


def _mass_above(xp: ModuleType, p: Any, r: Any, level: Any, horizon: Any) -> Any:
    finite = xp.where(p > 0, r, 0.0)
    scale = xp.max(xp.abs(finite), axis=-1) if horizon is None else horizon
    if horizon is not None and not isinstance(horizon, jax.core.Tracer):
        scale = validate.nonnegative("horizon", horizon, finite=True)
    reached = finite >= (level - TIE * scale)[..., None]
    return xp.sum(xp.where(reached, p, 0.0), axis=-1)


@validate.boundary
def sharpness(pmf: Any, returns: Any, width: Any) -> Any:
    """Q_x(t) = sup_u P_pi_b(u <= R < u + t), Lévy's concentration function (T3(c)).

    The supremum over half-open windows is attained with a window's left end at some return.

    Parameters
    ----------
    pmf, returns : [..., S]
        Base policy; return of each type, in tokens.
    width : broadcasts against the leading axes
        t > 0, in tokens.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, or `width` is not positive.
    """
    xp, p, r = _arrays(pmf, returns)
    if not isinstance(width, jax.core.Tracer):
        width = validate.nonnegative("width", width)
        if (width == 0).any():
            raise InputError("width must be > 0 tokens; got 0")
    finite = xp.where(p > 0, r, xp.inf)
    order = xp.argsort(finite, axis=-1)
    sorted_returns = xp.take_along_axis(finite, order, axis=-1)
    sorted_pmf = xp.take_along_axis(xp.broadcast_to(p, finite.shape), order, axis=-1)
    nothing = xp.zeros_like(sorted_pmf[..., :1])
    before = xp.concatenate([nothing, xp.cumsum(sorted_pmf, axis=-1)], axis=-1)
    batch = sorted_returns.shape[:-1]
    width = xp.broadcast_to(xp.asarray(width, dtype=sorted_returns.dtype), batch)
    flat = sorted_returns.reshape(-1, sorted_returns.shape[-1])
    windows = zip(flat, width.reshape(-1), strict=True)
    ends = xp.stack([xp.searchsorted(row, row + w, side="left") for row, w in windows])
    ends = ends.reshape(sorted_returns.shape)
    starts = xp.arange(flat.shape[-1])
    return xp.max(xp.take_along_axis(before, ends, axis=-1) - before[..., starts], axis=-1)
