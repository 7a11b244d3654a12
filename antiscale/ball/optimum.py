"""The best policy of a chi-square ball, exactly (T2).

Convention: Pi_kappa is E_pi_b[(w - 1)^2] <= kappa, without a factor 1/2, for every prompt (the
per-prompt budget) or on average over prompts (the average budget).

Both budgets are one computation. The optimum is w_x = (R - nu_x)_+ / lambda, with nu_x set by
E_pi_b[w_x] = 1 and lambda by the budget; on the set A_x = {R > nu_x} both are closed forms in the
mass, mean and variance of R given A_x. Start from A_x = all types and shrink A_x to the types
above the current nu_x: it never loses a type of the optimum's (paper_bounds.md, T2) and stops when
A_x stops shrinking, after about five passes, each a handful of masked sums. A whole batch is one
such loop.

Numerics: returns enter as distances to that of the heaviest type of A_x, so neither a large common
offset nor a type of mass 1e-300 costs digits, and whether a type stays in A_x is a question about
its distance to the mean, which is never added to the mean; the budget enters as
kappa - sum_x rho(x) tail_x / p_x, where `tail` is summed, never 1 - p.

Derivatives: `value` has those of the envelope theorem (see `chi2_ball_optimum`), so that
`jax.grad` never sees the loop; ratios and threshold are differentiated with A_x held fixed, which
is right wherever they are differentiable.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from antiscale.core import device as device
from antiscale.core import validate
from antiscale.core.theorem import theorem

# Returns this close to the best count as best.
_ROUNDING = 2.0**-51
# Share of kappa by which rounding may take a policy out of the ball.
_OUTSIDE = 2.0**-40


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
        Duality gap in tokens: no policy of the ball is better by more. Zero up to rounding, and
        never negative: a policy outside the ball is an error. [...]
    """

    value: jax.Array
    density_ratio: jax.Array
    threshold: jax.Array
    gap: jax.Array


@theorem(
    "T2", "the ball's optimum",
    "V_kappa = mu_A + s_A sqrt(p_A (1 + kappa) - 1) <= J + sigma sqrt(kappa)",
    kind="exact", learner="the comparator", origin="known",
    heading="The ball's optimum in closed form", figure="anticoncentrated",
    example={"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100], "kappa": 0.25},
    inputs=("pmf", "returns", "kappa"), part="value", home="antiscale",
)  # fmt: skip
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
    ArithmeticError
        If the policy found is outside the ball by more than rounding: a fault of this program.

    Notes
    -----
    `jax.grad`, `jax.jvp`, `jit` and `vmap` work. With lambda of the optimum w = (R - nu)_+/lambda,
    d value/d returns = pmf w, d value/d kappa = lambda/2 and d value/d pmf =
    lambda (w^2 - E[w^2])/2, the derivative of the value of pmf/sum(pmf). Off the kinks (a type
    about to enter, tied best types at the vertex) these are the derivatives; at a kink they are
    a one-sided or a middle one. At kappa = 0, d value/d kappa is infinite; a type of mass 0 counts
    for nothing, and its derivatives are 0.

    Examples
    --------
    >>> import antiscale as ac
    >>> best = ac.chi2_ball_optimum([0.5, 0.5], [0.0, 10.0], 0.25)
    >>> float(best.value)  # J + sigma sqrt(kappa) = 5 + 5/2
    7.5
    """
    pmf, returns, kappa = _arrays(pmf, returns, kappa)
    shape = jnp.broadcast_shapes(pmf.shape, returns.shape, (*kappa.shape, 1))
    return _checked(solve(_spread(pmf, shape), _spread(returns, shape), _spread(kappa, shape[:-1])))


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
    ArithmeticError
        As `chi2_ball_optimum`.

    Notes
    -----
    Derivatives as for `chi2_ball_optimum`, times rho(x); d value/d rho(x) is
    E[w_x R_x] - lambda chi2_x/2 less its mean over rho.
    """
    pmf, returns, kappa = _arrays(pmf, returns, kappa)
    if not isinstance(prompt_mass, jax.core.Tracer):
        prompt_mass = validate.pmf("prompt_mass", prompt_mass)
    shape = jnp.broadcast_shapes(
        pmf.shape, returns.shape, (*kappa.shape, 1, 1), (*prompt_mass.shape, 1)
    )
    return _checked(
        _solve(
            _spread(pmf, shape),
            _spread(returns, shape),
            _spread(kappa, shape[:-2]),
            _spread(prompt_mass, shape[:-1]),
        )
    )


def _checked(found: BallOptimum) -> BallOptimum:
    """Refuse a certificate that cannot be one; inside `jit` it cannot be read, and is left."""
    if not isinstance(found.gap, jax.core.Tracer) and not (np.asarray(found.gap) >= 0.0).all():
        raise ArithmeticError(
            f"the ball's optimum is not certified: duality gap {np.min(found.gap):.3g} tokens"
        )
    return found


def _arrays(pmf: Any, returns: Any, kappa: Any) -> tuple[Any, Any, Any]:
    if any(isinstance(a, jax.core.Tracer) for a in (pmf, returns, kappa)):
        return jnp.asarray(pmf), jnp.asarray(returns), jnp.asarray(kappa)
    pmf = validate.pmf("pmf", pmf)
    returns = validate.floats("returns", returns)
    kappa = validate.nonnegative("kappa", kappa, most=np.inf)
    validate.on_support(pmf, returns)
    return pmf, returns, kappa


def _spread(z: Any, shape: tuple[int, ...]) -> Any:
    """`z` broadcast to `shape`, without compiling anything where it is known."""
    return (jnp if isinstance(z, jax.Array) else np).broadcast_to(z, shape)


@jax.jit
def solve(pmf: jax.Array, returns: jax.Array, kappa: jax.Array) -> BallOptimum:
    """Compute `chi2_ball_optimum` without checks: pmf, returns [..., S]; kappa [...]."""
    one = jnp.ones((*pmf.shape[:-1], 1), pmf.dtype)
    best = _solve(pmf[..., None, :], returns[..., None, :], kappa, one)
    return BallOptimum(best.value, best.density_ratio[..., 0, :], best.threshold[..., 0], best.gap)


@jax.jit
def ball_policy(pmf: Any, returns: Any, kappa: Any, told: Any) -> jax.Array:
    """pi_b w for the ball's best w for `returns` [..., S] where `told` [...], else pi_b."""
    returns = jnp.where(pmf > 0, returns, 0.0)[..., None, :]
    pmf = jnp.broadcast_to(pmf[..., None, :], returns.shape)
    budget = jnp.full((*returns.shape[:-2], 1, 1), kappa)
    w = _best(pmf, returns, budget, jnp.ones_like(budget)).w
    return jnp.where(told[..., None], (pmf * w)[..., 0, :], pmf[..., 0, :])


class _Moments(NamedTuple):
    """Of the returns on the active set A, per prompt, with the shared lambda.

    The mean is `pivot` + `rest`, the pivot being the return of A's heaviest type: where nearly all
    of A's mass returns the same, the mean is closer to it than floats are to each other.
    """

    mass: jax.Array  # p_A [..., m, 1]
    tail: jax.Array  # 1 - p_A, summed
    pivot: jax.Array
    rest: jax.Array
    above: jax.Array  # R - mu_A, of every type [..., m, S]
    inverse: jax.Array  # 1/lambda [..., 1, 1]; 0 where w is flat on A
    spread: jax.Array  # sum_x rho(x) p_A s_A^2 [..., 1, 1]


def _total(z: jax.Array) -> jax.Array:
    return jnp.sum(z, axis=-1, keepdims=True)


def _average(rho: jax.Array, z: jax.Array) -> jax.Array:
    """sum_x rho(x) z_x, for rho, z [..., m, 1]."""
    return jnp.sum(rho * z, axis=-2, keepdims=True)


def _root(z: jax.Array) -> jax.Array:
    """Square root, with a derivative of 0 at 0."""
    return jnp.where(z > 0.0, jnp.sqrt(jnp.where(z > 0.0, z, 1.0)), 0.0)


def _moments(
    inside: jax.Array, pmf: jax.Array, returns: jax.Array, kappa: jax.Array, rho: jax.Array
) -> _Moments:
    kept = jnp.where(inside, pmf, 0.0)
    mass = _total(kept)
    tail = _total(jnp.where(inside, 0.0, pmf))
    heaviest = jnp.max(kept, axis=-1, keepdims=True)
    pivot = jnp.max(jnp.where(kept == heaviest, returns, -jnp.inf), axis=-1, keepdims=True)
    pivot = lax.stop_gradient(pivot)
    apart = returns - pivot
    rest = _total(kept * apart) / mass
    above = apart - rest
    spread = _average(rho, _total(kept * above * above))
    # Rounding may take the budget to 0 where the optimum is all but a vertex.
    budget = jnp.maximum(kappa - _average(rho, tail / mass), 0.0)
    # Nothing left to spread: rounding hid that this is a vertex; w is then flat.
    some = spread > 0.0
    inverse = jnp.where(some, _root(budget) / _root(jnp.where(some, spread, 1.0)), 0.0)
    return _Moments(mass, tail, pivot, rest, above, inverse, spread)


def _active(
    pmf: jax.Array,
    returns: jax.Array,
    kappa: jax.Array,
    rho: jax.Array,
    keep: jax.Array,
) -> jax.Array:
    """Which types get mass: [..., m, S]. Those in `keep` never leave."""

    def shrink(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        inside, _ = state
        now = _moments(inside, pmf, returns, kappa, rho)
        # R > nu, asked as w > 0: nu = mu_A - lambda/p_A would round to mu_A.
        stays = inside & ((1.0 / now.mass + now.above * now.inverse > 0.0) | keep)
        return stays, jnp.any(stays != inside)

    everything = pmf > 0
    return lax.while_loop(lambda state: state[1], shrink, (everything, jnp.array(True)))[0]


class _Best(NamedTuple):
    """The best w, [..., m, S], and what it was found from."""

    w: jax.Array
    moments: _Moments
    inside: jax.Array  # the active set
    at_best: jax.Array  # types of the largest return
    most: jax.Array  # the largest return [..., m, 1]
    vertex: jax.Array  # whether the budget reaches them alone


def _best(pmf: jax.Array, returns: jax.Array, kappa: jax.Array, rho: jax.Array) -> _Best:
    """The best density ratio, with kappa [..., 1, 1] and rho [..., m, 1]."""
    support = pmf > 0
    most = jnp.max(jnp.where(support, returns, -jnp.inf), axis=-1, keepdims=True)
    # Within rounding: a compiler may work out one return twice and round it differently.
    at_best = support & (most - returns <= _ROUNDING * jnp.abs(most))
    mass_best = _total(jnp.where(at_best, pmf, 0.0))
    vertex = kappa >= _average(rho, _total(jnp.where(at_best, 0.0, pmf)) / mass_best)
    fixed = lax.stop_gradient((pmf, returns, kappa, rho))
    inside = _active(*fixed, vertex | at_best)
    now = _moments(inside, pmf, returns, kappa, rho)
    # w = (R - nu)_+ / lambda, about its mean 1/p_A on A: exact also as kappa -> 0, lambda -> inf.
    w = jnp.where(inside, jnp.maximum(1.0 / now.mass + now.above * now.inverse, 0.0), 0.0)
    w = jnp.where(vertex, jnp.where(at_best, 1.0 / mass_best, 0.0), w)
    return _Best(w, now, inside, at_best, most, vertex)


@jax.jit
def _solve(
    pmf: jax.Array, returns: jax.Array, kappa: jax.Array, prompt_mass: jax.Array
) -> BallOptimum:
    support = pmf > 0
    rho = prompt_mass[..., None]
    kappa = kappa[..., None, None]
    returns = jnp.where(support, returns, 0.0)
    w, now, inside, at_best, best, vertex = _best(pmf, returns, kappa, rho)
    value = now.pivot + (now.rest + _total(pmf * w * now.above))
    value = jnp.where(vertex, best, value)
    average = jnp.sum(_average(rho, value), axis=(-2, -1))

    # From nu to mu_A; where w is flat, down to the next type.
    next_down = jnp.min(jnp.where(support & ~inside, -now.above, jnp.inf), axis=-1, keepdims=True)
    tilted = now.inverse > 0.0
    reach = jnp.where(tilted, 1.0 / (jnp.where(tilted, now.inverse, 1.0) * now.mass), next_down)
    second = jnp.max(jnp.where(at_best | ~support, -jnp.inf, returns), axis=-1, keepdims=True)
    nu = jnp.where(kappa == 0.0, -jnp.inf, now.pivot + (now.rest - reach))
    threshold = jnp.where(vertex, second, nu)
    deviation = jnp.where(w > 0.0, now.tail / now.mass + now.above * now.inverse, -1.0)
    deviation = jnp.where(vertex, 0.0, deviation)
    gap = jnp.where(
        vertex,
        _average(rho, _total(pmf * w * (best - returns))),
        _gap(pmf, w, deviation, now.above, reach, kappa, rho),
    )
    gap = jnp.where(kappa == 0.0, 0.0, gap)[..., 0, 0]

    scale = jnp.where(tilted, 1.0 / jnp.where(tilted, now.inverse, 1.0), 0.0)
    scale = jnp.where(vertex, 0.0, scale)
    # lambda (w - 1): finite also as kappa -> 0.
    moved = jnp.where(w > 0.0, now.above + scale * now.tail / now.mass, -scale)
    moved = jnp.where(support & ~vertex, moved, 0.0)
    by_mass = moved * (1.0 + 0.5 * deviation)
    spent = 0.5 * _total(pmf * moved * deviation)
    by_prompt = value - spent
    steep = (kappa == 0.0) & ~vertex & (now.spread > 0.0)
    slopes = (
        rho * jnp.where(support, by_mass - _total(pmf * by_mass), 0.0),
        rho * pmf * w,
        jnp.where(steep, jnp.inf, 0.5 * scale)[..., 0, 0],
        (by_prompt - _average(rho, by_prompt))[..., 0],
    )
    inputs = (pmf, returns, kappa[..., 0, 0], prompt_mass)
    average = _enveloped(lax.stop_gradient(average), lax.stop_gradient(slopes), inputs)
    return BallOptimum(average, w, threshold[..., 0], lax.stop_gradient(gap))


@jax.custom_jvp
def _enveloped(value: jax.Array, slopes: Any, inputs: Any) -> jax.Array:
    """`value`, with `slopes` for its derivatives by `inputs`."""
    return value


def _envelope(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    value, slopes, _ = primals
    moved = jnp.zeros_like(value)
    for slope, change in zip(slopes, tangents[2], strict=True):
        # Left out where nothing moves, so that an infinite slope makes no nan.
        if not isinstance(change, jax.custom_derivatives.SymbolicZero):
            term = slope * change
            moved = moved + jnp.sum(term, axis=tuple(range(value.ndim, term.ndim)))
    return value, moved


_enveloped.defjvp(_envelope, symbolic_zeros=True)


def _gap(
    pmf: jax.Array,
    w: jax.Array,
    deviation: jax.Array,
    above: jax.Array,
    reach: jax.Array,
    kappa: jax.Array,
    rho: jax.Array,
) -> jax.Array:
    """Sum three terms, each >= 0 up to rounding (the plain dual value cancels catastrophically).

    The dual value at nu is nu + E[u] + sqrt(kappa) sd(u), u = (R - nu)_+; `above` and `reach` are
    R - mu_A and mu_A - nu, `deviation` is w - 1.
    """

    def mean(z: jax.Array) -> jax.Array:
        return _average(rho, _total(pmf * z))

    def square(z: jax.Array) -> jax.Array:
        # In this order: z of a type of tiny mass may have a square that is no float.
        return _average(rho, _total(pmf * z * z))

    u = jnp.maximum(above, -reach)
    u = u - _total(pmf * u)
    norm_u, norm_v = jnp.sqrt(square(u)), jnp.sqrt(square(deviation))
    slack = kappa - square(deviation)
    slack = jnp.where((slack < 0.0) & (slack >= -_OUTSIDE * kappa), 0.0, slack)
    unit_u = u / jnp.where(norm_u > 0.0, norm_u, 1.0)
    unit_v = deviation / jnp.where(norm_v > 0.0, norm_v, 1.0)
    below = mean(w * jnp.where(w > 0.0, jnp.maximum(-reach - above, 0.0), 0.0))
    return (
        norm_u * slack / (jnp.sqrt(kappa) + norm_v)
        + 0.5 * norm_v * norm_u * square(unit_v - unit_u)
        + below
    )
