"""The pessimist over a finite set of rewards: a saddle point of the chi-square ball (T2).

max over w in the ball of min over k of E[w R_k] = min over mixtures q of V_kappa(sum_k q_k R_k).
A best response to the worst mixture need not be the pessimist where it is not unique, so the policy
is found from the primal side: a logarithmic barrier on pi = pi_b w >= 0, on the ball, and on
t <= E_pi R_k, followed by Newton's method; q comes from the slacks. Each Newton step costs a linear
system of size K + 3, since the Hessian is diagonal but for K + 1 directions. The certificate is
exact: T2 at q bounds every policy of the ball from above.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from antiscale.ball.optimum import solve
from antiscale.core import device as device
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.linear import solve_small

# Newton steps at most; about 60 are used.
_STEPS = 400
# Step lengths tried, as shares of the way to the boundary.
_SHARES = (1.0, 0.7, 0.4, 0.2, 0.1, 0.04, 0.01)
# Squared Newton decrement below which a point counts as central, and how the weight then grows.
_CENTRED = 0.05
_FASTER = 8.0
# Duality gap aimed at, as a share of the range of the returns.
_DONE = 1e-9
# The mixture is kept from these gaps on, and the one that certifies best is returned: where the
# optimum is a corner, rounding spoils the last ones.
_CHECKPOINTS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


class Pessimist(NamedTuple):
    """The pessimist's policy and its certificate.

    Attributes
    ----------
    value
        min over the rewards of E[w R_k], in tokens: [...].
    density_ratio : [..., S]
        w = pihat/pi_b.
    mixture : [..., K]
        q, the worst mixture of the rewards; 0 on those not allowed.
    gap
        V_kappa(sum_k q_k R_k) - value, in tokens: no policy of the ball guarantees more by more
        than this. [...]
    """

    value: jax.Array
    density_ratio: jax.Array
    mixture: jax.Array
    gap: jax.Array


def chi2_ball_pessimist(pmf: Any, returns: Any, kappa: Any, *, allowed: Any = None) -> Pessimist:
    """Maximise min_k E_pi_b[w R_k] over the chi-square ball (T2).

    Parameters
    ----------
    pmf : [..., S]
        Base policy.
    returns : [..., K, S]
        The rewards' returns, in tokens.
    kappa : broadcasts against the leading axes
        Budget, >= 0; inf is allowed.
    allowed : [..., K], optional
        Which rewards count (the version space); at least one. Default: all.

    Raises
    ------
    InputError
        If `pmf` does not sum to one, `kappa` is negative or NaN, `returns` is not finite on the
        support, or no reward is allowed.

    Examples
    --------
    >>> import antiscale as ac
    >>> best = ac.chi2_ball_pessimist([0.5, 0.5], [[0.0, 8.0], [8.0, 0.0]], 0.25)
    >>> round(float(best.value), 6)  # nothing to gain when each reward is the other's mirror
    4.0
    """
    p = validate.pmf("pmf", pmf)
    r = validate.floats("returns", returns)
    budget = validate.nonnegative("kappa", kappa)
    if r.ndim < 2:
        raise InputError(f"returns must have shape [..., rewards, types]; got {r.shape}")
    mask = np.ones(r.shape[:-1], dtype=bool)
    if allowed is not None:
        mask = validate.flags("allowed", allowed)
    try:
        batch = np.broadcast_shapes(p.shape[:-1], r.shape[:-2], mask.shape[:-1], budget.shape)
        p = np.broadcast_to(p, (*batch, r.shape[-1]))
        r = np.broadcast_to(r, (*batch, *r.shape[-2:]))
        mask = np.broadcast_to(mask, (*batch, r.shape[-2]))
    except ValueError:
        raise InputError(
            f"pmf {p.shape}, returns {r.shape} and allowed {mask.shape} do not fit together"
        ) from None
    if not mask.any(-1).all():
        raise InputError("allowed must keep at least one reward")
    if not np.isfinite(r[np.broadcast_to(p[..., None, :] > 0, r.shape)]).all():
        raise InputError("returns must be finite wherever pmf is positive; got inf")
    r = np.where(p[..., None, :] > 0, r, 0.0)
    return saddle_point(
        jnp.asarray(p), jnp.asarray(r), jnp.asarray(np.broadcast_to(budget, batch)),
        jnp.asarray(mask),
    )  # fmt: skip


@jax.jit
def saddle_point(
    pmf: jax.Array, returns: jax.Array, kappa: jax.Array, allowed: jax.Array
) -> Pessimist:
    """Compute `chi2_ball_pessimist` without checks; all arguments broadcast to one batch."""
    batch, types, count = pmf.shape[:-1], pmf.shape[-1], returns.shape[-2]
    p = pmf.reshape(-1, types)
    raw = returns.reshape(-1, count, types)
    kappa = kappa.reshape(-1)
    on = allowed.reshape(-1, count)
    support = p > 0
    both = on[:, :, None] & support[:, None, :]
    low = jnp.min(jnp.where(both, raw, jnp.inf), axis=(1, 2))
    high = jnp.max(jnp.where(both, raw, -jnp.inf), axis=(1, 2))
    scale = jnp.where(high > low, high - low, 1.0)
    r = jnp.where(both, (raw - low[:, None, None]) / scale[:, None, None], 0.0)

    # A ball this large holds every policy.
    least = jnp.min(jnp.where(support, p, 1.0), axis=-1)
    ball = jnp.minimum(kappa, 2.0 / least)
    # Alone, or with nothing to spend, the answer is T2's.
    plain = (jnp.sum(on, -1) == 1) | (kappa == 0.0) | (high <= low)
    inverse = jnp.where(support, 1.0 / jnp.where(support, p, 1.0), 0.0)
    constraints = jnp.sum(support, -1) + jnp.sum(on, -1) + 1

    def slacks(policy: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array]:
        above = jnp.where(on, jnp.einsum("nks,ns->nk", r, policy) - value[:, None], 1.0)
        return above, ball - jnp.sum((policy - p) ** 2 * inverse, -1)

    def barrier(policy: jax.Array, value: jax.Array, weight: jax.Array) -> jax.Array:
        """Weight * (-t) minus the logarithms of all slacks; inf outside."""
        above, room = slacks(policy, value)
        positive = jnp.where(support, policy, 1.0)
        inside = (jnp.min(positive, -1) > 0) & (jnp.min(above, -1) > 0) & (room > 0)
        found = -weight * value - jnp.sum(jnp.log(positive), -1)
        found = found - jnp.sum(jnp.log(above), -1) - jnp.log(room)
        return jnp.where(inside, found, jnp.inf)

    def newton(policy: jax.Array, value: jax.Array, weight: jax.Array) -> tuple[jax.Array, ...]:
        """One step of Newton's method on the barrier, and its squared decrement."""
        above, room = slacks(policy, value)
        slope = 2.0 * (policy - p) * inverse
        diagonal = 1.0 / jnp.where(support, policy, 1.0) ** 2 + 2.0 * inverse / room[:, None]
        d = jnp.where(support, 1.0 / diagonal, 0.0)
        pull = jnp.where(on, 1.0 / above, 0.0)
        down = 1.0 / jnp.where(support, policy, 1.0) + jnp.einsum("nk,nks->ns", pull, r)
        down = jnp.where(support, down - slope / room[:, None], 0.0)
        down_value = weight - jnp.sum(pull, -1)
        # The Hessian is diagonal but for the K + 1 slacks; eliminate the policy.
        one = jnp.ones_like(slope)[:, None, :]
        rows = jnp.concatenate([r, -slope[:, None, :], -one], axis=1)
        stiff = jnp.concatenate(
            [above**2, room[:, None] ** 2, jnp.zeros_like(room)[:, None]], axis=1
        )
        ones = jnp.concatenate([on.astype(p.dtype), jnp.zeros((len(p), 2))], axis=1)
        gram = jnp.einsum("nis,ns,njs->nij", rows, d, rows)
        matrix = jnp.zeros((len(p), count + 3, count + 3))
        matrix = matrix.at[:, :-1, :-1].set(gram + jax.vmap(jnp.diag)(stiff))
        matrix = matrix.at[:, :-1, -1].set(-ones).at[:, -1, :-1].set(ones)
        right = -jnp.einsum("nis,ns,ns->ni", rows, d, down)
        right = right.at[:, -1].add(jnp.sum(policy, -1) - 1.0)
        right = jnp.concatenate([right, down_value[:, None]], axis=1)
        # Balanced, and refined once: near a corner the system is nearly singular.
        diagonal_root = jnp.sqrt(jnp.abs(jnp.diagonal(matrix, axis1=-2, axis2=-1)))
        balance = 1.0 / jnp.where(diagonal_root > 0, diagonal_root, 1.0)
        balanced = matrix * balance[:, :, None] * balance[:, None, :]
        z = balance * solve_small(balanced, balance * right)
        left = right - jnp.einsum("nij,nj->ni", matrix, z)
        z = z + balance * solve_small(balanced, balance * left)
        change = d * (down + jnp.einsum("nis,ni->ns", rows, z[:, :-1]))
        rise = z[:, -1]
        decrement = jnp.sum(down * change, -1) + down_value * rise
        return change, rise, decrement

    def multipliers(
        policy: jax.Array, value: jax.Array, change: jax.Array, rise: jax.Array
    ) -> jax.Array:
        """Q that satisfies the dual constraints to first order, not only on the central path."""
        above, _ = slacks(policy, value)
        moved = jnp.einsum("nks,ns->nk", r, change) - rise[:, None]
        corrected = jnp.maximum((1.0 - moved / above) / above, 0.0)
        q = jnp.where(on, jnp.where(jnp.isfinite(corrected), corrected, 1.0 / above), 0.0)
        q = jnp.where(jnp.sum(q, -1, keepdims=True) > 0, q, on / above)
        return q / jnp.sum(q, -1, keepdims=True)

    def advance(state: Any) -> Any:
        policy, value, weight, mixtures, done, step = state
        change, rise, decrement = newton(policy, value, weight)
        now = multipliers(policy, value, change, rise)[None]
        now = jnp.where(jnp.all(jnp.isfinite(now), -1, keepdims=True), now, mixtures)
        reached = (weight >= constraints / jnp.array(_CHECKPOINTS)[:, None])[..., None]
        mixtures = jnp.where(reached | done[:, None], mixtures, now)
        # The best of a few lengths; near the centre it is the whole step.
        shrink = jnp.where(change < 0, policy / jnp.where(change < 0, -change, 1.0), jnp.inf)
        longest = jnp.minimum(1.0, 0.99 * jnp.min(jnp.where(support, shrink, jnp.inf), -1))
        lengths = [longest * share for share in _SHARES]
        tried = jnp.stack(
            [barrier(policy + a[:, None] * change, value + a * rise, weight) for a in lengths]
        )
        best = jnp.argmin(jnp.where(jnp.isnan(tried), jnp.inf, tried), 0)
        here = barrier(policy, value, weight)
        length = jnp.take_along_axis(jnp.stack(lengths), best[None], 0)[0]
        better = jnp.take_along_axis(tried, best[None], 0)[0] < here
        going = ~done & better & jnp.isfinite(decrement)
        moved = jnp.where(going, length, 0.0)
        policy = policy + moved[:, None] * jnp.where(going[:, None], change, 0.0)
        value = value + moved * jnp.where(going, rise, 0.0)
        # On the central path, or stuck by rounding: on to the next weight.
        centred = ~going | (decrement < _CENTRED)
        last = weight >= constraints / _DONE
        done = done | (centred & last)
        weight = jnp.where(centred & ~last, weight * _FASTER, weight)
        return policy, value, weight, mixtures, done, step + 1

    value = jnp.min(jnp.where(on, jnp.einsum("nks,ns->nk", r, p), jnp.inf), -1) - 0.5
    mixtures = jnp.broadcast_to(on / jnp.sum(on, -1, keepdims=True), (len(_CHECKPOINTS), *on.shape))
    start = (p, value, 1.0 * constraints, mixtures, plain, 0)
    policy, _, _, mixtures, _, _ = lax.while_loop(
        lambda state: ~jnp.all(state[4]) & (state[5] < _STEPS), advance, start
    )
    # Exactly feasible: a pmf, and inside the ball.
    w = jnp.where(support, jnp.maximum(policy, 0.0) * inverse, 0.0)
    w = w / jnp.sum(p * w, -1, keepdims=True)
    used = jnp.sum(p * (w - 1.0) ** 2, -1)
    inside = jnp.where(used > kappa, jnp.sqrt(kappa / jnp.where(used > 0, used, 1.0)), 1.0)
    w = jnp.where(support, 1.0 + inside[:, None] * (w - 1.0), 0.0)
    mean = jnp.einsum("cnk,nks->cns", mixtures, jnp.where(support[:, None, :], raw, 0.0))
    found = solve(jnp.broadcast_to(p, mean.shape), mean, jnp.broadcast_to(kappa, mean.shape[:2]))
    best = jnp.argmin(found.value, 0)
    mixture = jnp.take_along_axis(mixtures, best[None, :, None], 0)[0]
    upper = jnp.take_along_axis(found.value, best[None], 0)[0]

    # One reward alone is T2's; with nothing to spend the worst reward certifies the base policy.
    w = jnp.where(plain[:, None], found.density_ratio[0], w)
    each = jnp.where(on, jnp.einsum("nks,ns->nk", jnp.where(both, raw, 0.0), p * w), jnp.inf)
    value = jnp.min(each, -1)
    alone = jax.nn.one_hot(jnp.argmin(each, -1), count)
    mixture = jnp.where((plain & (kappa == 0.0))[:, None], alone, mixture)
    upper = jnp.where(plain & (kappa == 0.0), value, upper)
    return Pessimist(
        value.reshape(batch),
        w.reshape(*batch, types),
        mixture.reshape(*batch, count),
        (upper - value).reshape(batch),
    )
