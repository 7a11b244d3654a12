"""Log-linear policies: a class that is too small to hold the expert (T12).

pi_theta(j|x) is proportional to pi_b(j|x) exp(theta . phi(x, j)), with one theta for all prompts.
The features phi are the trace's length over H and its style, so what is right at one prompt and
wrong at another cannot be told apart, as by a model that is too small.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from antiscale.core.linear import solve_small
from antiscale.core.validate import Floats
from antiscale.learners.base import Data, Learner, Setting
from antiscale.models.traces import TraceModel


def trace_features(model: TraceModel) -> Floats:
    """phi: length over H, and one indicator per style but the first; [m, S, D]."""
    length = np.where(np.isfinite(model.lengths), model.lengths, model.horizon + 1.0)
    length = np.minimum(length / model.horizon, 2.0)
    names = np.unique(model.styles[model.pmf > 0])
    indicators = (model.styles[..., None] == names[1:]).astype(float)
    return np.concatenate([length[..., None], indicators], axis=-1)


def _features(setting: Setting) -> jax.Array:
    assert setting.features is not None, "the sweep gives the features"
    return setting.features


def _scores(theta: jax.Array, setting: Setting) -> jax.Array:
    score = jnp.einsum("...d,msd->...ms", theta, _features(setting))
    return jnp.where(setting.pmf > 0, score, -jnp.inf)


def log_linear(theta: jax.Array, setting: Setting) -> jax.Array:
    """pi_theta, [..., m, S], for theta [..., D]."""
    score = _scores(theta, setting)
    weight = setting.pmf * jnp.exp(score - jnp.max(score, axis=-1, keepdims=True))
    return weight / jnp.sum(weight, axis=-1, keepdims=True)


def _moments(policy: jax.Array, prompts: jax.Array, phi: jax.Array) -> tuple[jax.Array, jax.Array]:
    """E phi at each prompt [..., m, D], and the prompts' average covariance [..., D, D]."""
    mean = jnp.einsum("...ms,msd->...md", policy, phi)
    second = jnp.einsum("...ms,msd,mse->...de", prompts[..., None] * policy, phi, phi)
    return mean, second - jnp.einsum("...m,...md,...me->...de", prompts, mean, mean)


@dataclass(frozen=True)
class LogLinear(Learner):
    """Log-loss cloning into the log-linear class: moment matching (T12).

    Converges to the policy of the class with the expert's mean features, which need not be good:
    where the expert is outside the class its loss does not vanish however large n is.
    """

    name = "loglinear"
    side = "vf"
    tied = True
    needs = frozenset({"features"})
    steps: int = 40
    ridge: float = 1e-6

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """Newton's method on the mean log-likelihood, with a tiny ridge for unseen styles."""
        phi = _features(setting)
        total = jnp.maximum(jnp.sum(data.counts, axis=(-2, -1)), 1.0)
        share = jnp.sum(data.counts, axis=-1) / total[..., None]
        goal = jnp.einsum("...ms,msd->...d", data.counts, phi) / total[..., None]
        eye = jnp.eye(phi.shape[-1])

        def likelihood(theta: jax.Array) -> jax.Array:
            score = _scores(theta, setting)
            logs = jax.nn.logsumexp(score, axis=-1, b=jnp.broadcast_to(setting.pmf, score.shape))
            penalty = self.ridge / 2 * jnp.sum(theta**2, axis=-1)
            return jnp.sum(theta * goal, -1) - jnp.sum(share * logs, -1) - penalty

        def step(_: int, theta: jax.Array) -> jax.Array:
            mean, covariance = _moments(log_linear(theta, setting), share, phi)
            slope = goal - jnp.einsum("...m,...md->...d", share, mean) - self.ridge * theta
            change = solve_small(covariance + self.ridge * eye, slope)
            here, best, reached = likelihood(theta), theta, likelihood(theta)
            for length in (0.05, 0.25, 1.0):
                tried = theta + length * change
                value = likelihood(tried)
                better = value >= jnp.maximum(here, reached)
                best = jnp.where(better[..., None], tried, best)
                reached = jnp.where(better, value, reached)
            return best

        start = jnp.zeros((*data.counts.shape[:-2], phi.shape[-1]))
        return log_linear(lax.fori_loop(0, self.steps, step, start), setting)


@dataclass(frozen=True)
class NaturalGradient(Learner):
    """Natural policy gradient on the learned reward, in the same log-linear class (T12).

    Ascends E R of the least consistent reward: theta <- theta + eta F^+ grad, F the Fisher
    information. No ball confines it. It goes on where cloning stops, at the expert's moments.
    """

    name = "npg"
    side = "vb"
    tied = True
    needs = frozenset({"features"})
    steps: int = 40
    rate: float = 4.0
    ridge: float = 1e-6

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """`steps` steps of length `rate`, returns in units of H."""
        assert data.labels is not None, "a verifier-based learner is given labels"
        lower, told = setting.rewards.pessimist(data.counts > 0, data.labels, data.votes)
        goal = jnp.where(told[..., None] & (setting.pmf > 0), lower, 0.0) / setting.horizon
        phi, rho = _features(setting), setting.prompt_mass
        eye = jnp.eye(phi.shape[-1])

        def step(_: int, theta: jax.Array) -> jax.Array:
            policy = log_linear(theta, setting)
            mean, fisher = _moments(policy, jnp.broadcast_to(rho, policy.shape[:-1]), phi)
            value = jnp.sum(policy * goal, axis=-1)
            slope = jnp.einsum("...ms,msd->...md", policy * goal, phi) - value[..., None] * mean
            slope = jnp.einsum("m,...md->...d", rho, slope)
            return theta + self.rate * solve_small(fisher + self.ridge * eye, slope)

        start = jnp.zeros((*goal.shape[:-2], phi.shape[-1]))
        return log_linear(lax.fori_loop(0, self.steps, step, start), setting)
