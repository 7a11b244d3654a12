"""The best policy of a chi-square ball, exactly (T2).

Convention: Pi_kappa is E_pi_b[(w - 1)^2] <= kappa, without a factor 1/2, for every prompt (the
per-prompt budget) or on average over prompts (the average budget).

Both budgets are one computation. The optimum is w_x = (R - nu_x)_+ / lambda, with nu_x set by
E_pi_b[w_x] = 1 and lambda by the budget; on the set A_x = {R > nu_x} both are closed forms in the
mass, mean and variance of R given A_x. Start from A_x = all types and shrink A_x to the types
above the current nu_x: it never loses a type of the optimum's (paper_bounds.md, T2) and stops when
A_x stops shrinking, after about five passes, each a handful of masked sums. A whole batch is one
such loop.

Numerics: returns enter as gaps below the prompt's best, so a large common offset costs no digits;
the budget enters as kappa - sum_x rho(x) tail_x / p_x, where `tail` is summed, never 1 - p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from antiscale import device as device
from antiscale import validate

# Returns this close to the best count as best.
_ROUNDING = 2.0**-51


class BallOptimum(NamedTuple):
    """The ball's best policy for known returns, with its certificate.

    Attributes
    ----------
    value
        V_kappa = max over the ball of E_pi_b[w R], in tokens: [...].
    density_ratio : [..., S]
        w = pibar_kappa/pi_b; 0 where the base policy has no mass.
    threshold
        nu, the return from which types get mass, in tokens: w > 0 exactly where R > nu. At the
        vertex it is the second highest return; -inf where every type gets mass at kappa = 0 or
        under constant returns. [...] (with the average budget [..., m]).
    gap
        Duality gap in tokens: no policy of the ball is better by more. Zero up to rounding. [...]
    """

    value: jax.Array
    density_ratio: jax.Array
    threshold: jax.Array
    gap: jax.Array


@validate.boundary
def chi2_ball_optimum(pmf: Any, returns: Any, kappa: Any) -> BallOptimum:
    """Maximise E_pi_b[w R] subject to E_pi_b[w] = 1, w >= 0, E_pi_b[(w - 1)^2] <= kappa (T2).

    Parameters
    ----------
    pmf : [..., S]
        Base policy at each prompt.
    returns : [..., S]
        Return of each type, in tokens; any real numbers (where pmf is 0 they are ignored).
    kappa : broadcasts against the leading axes
        Budget, >= 0; inf is allowed and puts all mass on the best types.

    Returns
    -------
    BallOptimum
        `value`, `density_ratio`, `threshold`, `gap`. Input in any precision is computed in
        float64.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, `kappa` is negative or NaN, or `returns` is not finite on
        the support.

    Examples
    --------
    >>> import antiscale as ac
    >>> best = ac.chi2_ball_optimum([0.5, 0.5], [0.0, 10.0], 0.25)
    >>> float(best.value)  # J + sigma sqrt(kappa) = 5 + 5/2
    7.5
    """
    pmf, returns, kappa = _arrays(pmf, returns, kappa)
    shape = jnp.broadcast_shapes(pmf.shape, returns.shape, (*kappa.shape, 1))
    pmf = jnp.broadcast_to(pmf, shape)
    returns = jnp.broadcast_to(returns, shape)
    return solve(pmf, returns, jnp.broadcast_to(kappa, shape[:-1]))


@validate.boundary
def chi2_ball_optimum_average(pmf: Any, returns: Any, kappa: Any, prompt_mass: Any) -> BallOptimum:
    """Maximise sum_x rho(x) E[w_x R] with the budget on average: sum_x rho(x) chi2_x <= kappa (T2).

    Each w_x is still a density ratio (E_pi_b[w_x] = 1). Prompts share one lambda, so those with
    more to gain move further. Always V <= J + sqrt(kappa) (sum_x rho(x) sigma_x^2)^(1/2).

    Parameters
    ----------
    pmf, returns : [..., m, S]
        Base policy and returns (tokens) at each of the m prompts.
    kappa : [...]
        Average budget, >= 0.
    prompt_mass : [..., m] or [m]
        rho(x).

    Returns
    -------
    BallOptimum
        `value` [...] is the average over prompts, `density_ratio` [..., m, S], `threshold`
        [..., m], `gap` [...].

    Raises
    ------
    InputError
        As `chi2_ball_optimum`; also if `prompt_mass` does not sum to one.
    """
    pmf, returns, kappa = _arrays(pmf, returns, kappa)
    if not isinstance(prompt_mass, jax.core.Tracer):
        prompt_mass = validate.pmf("prompt_mass", prompt_mass)
    prompt_mass = jnp.asarray(prompt_mass)
    shape = jnp.broadcast_shapes(
        pmf.shape, returns.shape, (*kappa.shape, 1, 1), (*prompt_mass.shape, 1)
    )
    return _solve(
        jnp.broadcast_to(pmf, shape),
        jnp.broadcast_to(returns, shape),
        jnp.broadcast_to(kappa, shape[:-2]),
        jnp.broadcast_to(prompt_mass, shape[:-1]),
    )


def _arrays(pmf: Any, returns: Any, kappa: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    concrete = not any(isinstance(a, jax.core.Tracer) for a in (pmf, returns, kappa))
    if concrete:
        pmf = validate.pmf("pmf", pmf)
        returns = validate.floats("returns", returns)
        kappa = validate.nonnegative("kappa", kappa)
        validate.on_support(pmf, returns)
    return jnp.asarray(pmf), jnp.asarray(returns), jnp.asarray(kappa)


@jax.jit
def solve(pmf: jax.Array, returns: jax.Array, kappa: jax.Array) -> BallOptimum:
    """Compute `chi2_ball_optimum` without checks: pmf, returns [..., S]; kappa [...]."""
    one = jnp.ones((*pmf.shape[:-1], 1), pmf.dtype)
    best = _solve(pmf[..., None, :], returns[..., None, :], kappa, one)
    return BallOptimum(best.value, best.density_ratio[..., 0, :], best.threshold[..., 0], best.gap)


def ball_policy(pmf: Any, returns: Any, kappa: Any, told: Any) -> jax.Array:
    """pi_b w for the ball's best w for `returns` where `told` [...], else the base policy."""
    pmf = jnp.broadcast_to(pmf, returns.shape)
    best = solve(pmf, returns, jnp.full(returns.shape[:-1], kappa))
    return jnp.where(told[..., None], pmf * best.density_ratio, pmf)


class _Moments(NamedTuple):
    """Of the gaps d = max R - R on the active set {d < cut}, per prompt, with the shared lambda.

    The mean of d is `mean` + `rest`: where nearly all mass sits on one type, its distance to the
    mean is far below the spacing of floats at the mean.
    """

    mass: jax.Array  # p_A [..., m, 1]
    tail: jax.Array  # 1 - p_A, summed
    mean: jax.Array  # of d given A, rounded
    rest: jax.Array  # what the rounding left
    scale: jax.Array  # lambda [..., 1, 1]


# The cut, the moments below it, and whether the active set has just shrunk.
_State = tuple[jax.Array, _Moments, jax.Array]


@jax.jit
def _solve(
    pmf: jax.Array, returns: jax.Array, kappa: jax.Array, prompt_mass: jax.Array
) -> BallOptimum:
    support = pmf > 0
    rho = prompt_mass[..., None]
    kappa = kappa[..., None, None]

    def total(z: jax.Array) -> jax.Array:
        return jnp.sum(z, axis=-1, keepdims=True)

    def average(z: jax.Array) -> jax.Array:
        """sum_x rho(x) z_x, for z [..., m, 1]."""
        return jnp.sum(rho * z, axis=-2, keepdims=True)

    best = jnp.max(jnp.where(support, returns, -jnp.inf), axis=-1, keepdims=True)
    d = jnp.where(support, best - returns, 0.0)

    # Within rounding: a compiler may work out one return twice and round it differently.
    d = jnp.where(d <= _ROUNDING * jnp.abs(best), 0.0, d)
    at_best = d == 0.0
    mass_best = total(jnp.where(at_best, pmf, 0.0))
    vertex = kappa >= average(total(jnp.where(at_best, 0.0, pmf)) / mass_best)

    def moments(cut: jax.Array) -> _Moments:
        kept = jnp.where(d < cut, pmf, 0.0)
        mass = total(kept)
        tail = total(jnp.where(d < cut, 0.0, pmf))
        mean = total(kept * d) / mass
        rest = total(kept * (d - mean)) / mass
        spread = total(kept * ((d - mean) - rest) ** 2)
        # Rounding may take the denominator to 0 where the optimum is all but a vertex.
        budget = jnp.maximum(kappa - average(tail / mass), 0.0)
        # Nothing left to spread: rounding hid that this is a vertex; w is then flat.
        scale = jnp.where(average(spread) > 0, jnp.sqrt(average(spread) / budget), jnp.inf)
        return _Moments(mass, tail, mean, rest, scale)

    def shrink(state: _State) -> _State:
        cut, now, _ = state
        cut = jnp.where(vertex, cut, jnp.minimum(cut, now.mean + now.scale / now.mass))
        new = moments(cut)
        return cut, new, jnp.any(new.mass != now.mass)

    everything = jnp.full_like(best, jnp.inf)
    cut, now, _ = lax.while_loop(
        lambda state: state[2], shrink, (everything, moments(everything), jnp.array(True))
    )
    # w = (R - nu)_+ / lambda, about its mean 1/p_A on A: exact also as kappa -> 0, lambda -> inf.
    inside = d < cut
    above = (now.mean - d) + now.rest  # R - mu_A
    w = jnp.where(inside, jnp.maximum(1.0 / now.mass + above / now.scale, 0.0), 0.0)
    w = jnp.where(vertex, jnp.where(at_best, 1.0 / mass_best, 0.0), w)
    w = jnp.where(support, w, 0.0)
    value = (best - now.mean) - now.rest + total(pmf * w * above)
    value = jnp.sum(average(jnp.where(vertex, best, value)), axis=(-2, -1))

    second = jnp.min(jnp.where(at_best, jnp.inf, d), axis=-1, keepdims=True)
    threshold = best - jnp.where(vertex, second, jnp.where(kappa == 0.0, jnp.inf, cut))
    gap = jnp.where(
        vertex,
        average(total(pmf * w * d)),
        _gap(pmf, d, w, inside, above, now, cut, kappa, average, total),
    )
    gap = jnp.where(kappa == 0.0, 0.0, gap)
    return BallOptimum(value, w, threshold[..., 0], gap[..., 0, 0])


def _gap(
    pmf: jax.Array,
    d: jax.Array,
    w: jax.Array,
    inside: jax.Array,
    above: jax.Array,
    now: _Moments,
    cut: jax.Array,
    kappa: jax.Array,
    average: Callable[[jax.Array], jax.Array],
    total: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """Sum three terms, each >= 0 up to rounding (the plain dual value cancels catastrophically)."""
    u = jnp.where(inside, jnp.maximum(cut - d, 0.0), 0.0)
    deviation = jnp.where(inside, now.tail / now.mass + above / now.scale, -1.0)
    norm_w = jnp.sqrt(average(total(pmf * w**2)))
    norm_u = jnp.sqrt(average(total(pmf * u**2)))
    slack = kappa - average(total(pmf * deviation**2))
    angle = average(total(pmf * (w / norm_w - u / norm_u) ** 2))
    below = average(total(pmf * w * jnp.maximum(jnp.where(w > 0, d - cut, 0.0), 0.0)))
    return norm_u * slack / (jnp.sqrt(1.0 + kappa) + norm_w) + 0.5 * norm_w * norm_u * angle + below
