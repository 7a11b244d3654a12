"""Search as a learner: best-of-N by the learned verifier (T10e)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from antiscale import bounds
from antiscale.ball.optimum import solve
from antiscale.learners.base import Data, Setting, TwoStep
from antiscale.learners.premises import Bound, Over, Premises
from antiscale.rewards.blocks import side_by_side

# Returns within this share of the horizon of the ball's optimum count as reaching it.
_TIE = 1e-9


@dataclass(frozen=True)
class BestOfN(TwoStep):
    """Best-of-N at test time: nothing is finetuned, the verifier is what was learned.

    The score is the least consistent return. N is the least number of tries of which one reaches
    the ball's optimum for that score with probability 1 - delta (delta = 1/H^2 unless stated), so
    it depends on the data and the prompt. No ball confines it. Held to T10e, against the ball's
    optimum, which it may well surpass.
    """

    name = "best_of_n"
    side = "vb"
    seen_only = True
    delta: float | None = None

    def missing(self, horizon: float) -> float:
        """Chance that all tries miss: delta."""
        return self.delta if self.delta is not None else min(1.0, horizon**-2.0)

    def verifier_error(self, premises: Premises) -> Bound:
        """T6b or T6c; T6a too where the class is made of blocks.

        Elsewhere the least consistent return need not be one reward's, so a finite class's error
        does not hold.
        """
        return premises.least_error(without="T6a" if premises.rewards.blocks is None else None)

    def upper(self, premises: Premises, over: Over) -> Bound:
        """T10e over the stated rewards."""
        if over == "class":
            return Bound.none("T10e's W is that of the stated rewards")
        error = self.verifier_error(premises).value
        assert error is not None
        value = bounds.best_of_n_upper(
            horizon=premises.horizon, error=error, delta=self.missing(premises.horizon),
            kappa=premises.kappa, max_ratio=premises.worst["max_ratio"],
            failure=premises.lost_truth,
        )  # fmt: skip
        return Bound(float(value), "T10e")

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        """The least consistent return of each type, and whether labels tell the reward's kind."""
        assert data.labels is not None, "a verifier-based learner is given labels"
        return side_by_side(*setting.rewards.pessimist(data.counts > 0, data.labels, data.votes))

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """pi_b(j) [F(s)^N - F(s-)^N]/[F(s) - F(s-)], s the least consistent return of j."""
        lower, told = fit[..., :-1], fit[..., -1:] > 0
        pmf = jnp.broadcast_to(setting.pmf, lower.shape)
        value = solve(pmf, lower, jnp.full(lower.shape[:-1], setting.kappa)).value
        reached = lower >= value[..., None] - _TIE * setting.horizon
        chance = jnp.sum(jnp.where(reached, pmf, 0.0), axis=-1)
        stated = jnp.square(1.0 / setting.horizon) if self.delta is None else self.delta
        delta = jnp.maximum(stated, 1e-300)
        tries = jnp.ceil(jnp.log(delta) / jnp.log1p(-jnp.minimum(chance, 1.0 - 1e-16)))
        policy = best_of(pmf, lower, jnp.maximum(tries, 1.0))
        return jnp.where(told, policy, pmf)


def best_of(pmf: jax.Array, scores: jax.Array, n: jax.Array) -> jax.Array:
    """Law of the best of N by score, [..., S], for pmf and scores [..., S] and N [...] (T10)."""
    axis = scores.ndim - 1
    place = lax.broadcasted_iota(jnp.int32, scores.shape, axis)
    ordered, mass, place = lax.sort((scores, pmf, place), dimension=axis, num_keys=1)
    change = ordered[..., 1:] != ordered[..., :-1]
    edge = jnp.ones_like(change[..., :1])
    first = jnp.concatenate([edge, change], axis=-1)
    last = jnp.concatenate([change, edge], axis=-1)
    upto = jnp.cumsum(mass, axis=-1)
    tail = lax.cumsum(mass, axis=axis, reverse=True)
    # Shifted, not subtracted: a difference would lose what is tiny.
    nothing = jnp.zeros_like(mass[..., :1])
    after = jnp.concatenate([tail[..., 1:], nothing], axis=-1)
    before = jnp.concatenate([nothing, upto[..., :-1]], axis=-1)
    # The sums at the ends of each type's group of equals.
    high = lax.cummin(jnp.where(last, upto, jnp.inf), axis=axis, reverse=True)
    above = lax.cummax(jnp.where(last, after, 0.0), axis=axis, reverse=True)
    low = lax.cummax(jnp.where(first, before, 0.0), axis=axis)
    there = high > 0
    safe = jnp.where(there, high, 1.0)
    log = jnp.where(safe < 0.5, jnp.log(safe), jnp.log1p(-jnp.minimum(above, 0.5)))
    width = jnp.maximum(high - low, 0.0)
    jump = width > 1e-17
    share = jnp.clip(width / safe, 0.0, 1.0)
    tries = n[..., None]
    stepped = jnp.exp(tries * log) * -jnp.expm1(tries * jnp.log1p(-share))
    smooth = tries * jnp.exp((tries - 1.0) * log)
    ratio = jnp.where(jump, stepped / jnp.where(jump, width, 1.0), smooth)
    law = jnp.where(there, mass * ratio, 0.0)
    # Cumulated masses are rounded; the law is to sum to one.
    law = law / jnp.sum(law, axis=-1, keepdims=True)
    return lax.sort((place, law), dimension=axis, num_keys=1)[1]
