"""Verifier-free learners: they imitate the expert's traces."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from antiscale import bounds
from antiscale.ball.optimum import solve
from antiscale.learners.base import Data, GridPrior, Learner, Setting
from antiscale.learners.premises import Bound, Over, Premises


def _frequencies(counts: jax.Array, base: jax.Array) -> jax.Array:
    """Counts / n_x, and the base policy where n_x = 0."""
    seen = jnp.sum(counts, axis=-1, keepdims=True)
    return jnp.where(seen > 0, counts / jnp.maximum(seen, 1e-300), base)


@dataclass(frozen=True)
class SFT(Learner):
    """Tabular supervised finetuning: the empirical expert, the base policy at unseen prompts.

    The maximum-likelihood policy among all policies. Its loss is bounded by T5a.
    """

    name = "sft"
    side = "vf"
    empirical = True

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pihat(j|x) = n_xj / n_x."""
        return _frequencies(data.counts, setting.pmf)

    def upper(self, premises: Premises, over: Over) -> Bound:
        """T5a, averaged over the experts drawn."""
        rewards, model = premises.class_over(over), premises.model
        terms = bounds.sft_upper(
            sigma_expert=rewards.deviation(premises.experts), n=premises.n,
            prompt_mass=model.prompt_mass,
            fallback_gap=rewards.shift(premises.experts, model.pmf),
        )  # fmt: skip
        return Bound(float((terms @ model.prompt_mass).mean()), "T5a")


@dataclass(frozen=True)
class SmoothedSFT(Learner):
    """Add-1/2 smoothing (Krichevsky-Trofimov) over the base policy's support.

    Every type the base policy can write keeps some mass, as label smoothing does.
    """

    name = "smoothed_sft"
    side = "vf"
    pseudo_count: float = 0.5

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pihat(j|x) = (n_xj + 1/2) / (n_x + S_x/2), S_x the size of the support."""
        support = setting.pmf > 0
        smoothed = jnp.where(support, data.counts + self.pseudo_count, 0.0)
        seen = jnp.sum(data.counts, axis=-1, keepdims=True) > 0
        return _frequencies(jnp.where(seen, smoothed, 0.0), setting.pmf)


@dataclass(frozen=True)
class Shrinkage(Learner):
    """SFT drawn towards the base policy by as much as chance alone would explain.

    James and Stein's positive part: the further the counts are from the base policy, in units of
    what sampling from it would give, the more they are believed.
    """

    name = "shrinkage"
    side = "vf"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pi_b + (1 - (S_x - 1)/X)_+ (n_xj/n_x - pi_b), X Pearson's statistic against pi_b."""
        base = jnp.broadcast_to(setting.pmf, data.counts.shape)
        empirical = _frequencies(data.counts, base)
        n = jnp.sum(data.counts, axis=-1, keepdims=True)
        support = base > 0
        square = jnp.where(support, (empirical - base) ** 2 / jnp.where(support, base, 1.0), 0.0)
        pearson = n * jnp.sum(square, axis=-1, keepdims=True)
        free = jnp.sum(support, axis=-1, keepdims=True) - 1.0
        believed = jnp.where(pearson > free, 1.0 - free / jnp.where(pearson > 0, pearson, 1.0), 0.0)
        return base + believed * (empirical - base)


@dataclass(frozen=True)
class MLE(Learner):
    """Log-loss maximum likelihood over a finite class of policies that holds the expert (T5b).

    The class at each prompt is the path of ball optima pibar_k for r and for its mirror, at radii
    k = (i/32)^2 kappa, i = 0..32: 65 policies, among them the base policy and pibar_kappa.
    """

    name = "mle"
    side = "vf"
    needs = frozenset({"pair"})
    steps: int = 32

    def policies(self, setting: Setting, returns: jax.Array) -> jax.Array:
        """The class, [2 steps + 1, m, S]."""
        share = (jnp.arange(self.steps + 1) / self.steps) ** 2
        radii = setting.kappa * jnp.concatenate([share, share[1:]])
        mirrored = jnp.arange(2 * self.steps + 1) > self.steps
        goal = jnp.where(mirrored[:, None, None], -returns, returns)
        pmf = jnp.broadcast_to(setting.pmf, goal.shape)
        best = solve(pmf, goal, jnp.broadcast_to(radii[:, None], goal.shape[:-1]))
        return pmf * best.density_ratio

    def log_class_size(self, prompts: int) -> float:
        """Log |Pi| of the product over prompts (T5b)."""
        return prompts * math.log(2 * self.steps + 1)

    def upper(self, premises: Premises, over: Over) -> Bound:
        """T5b in expectation; the expert must be of the learner's finite class."""
        if premises.drawn:
            return Bound.none("T5b needs an expert of mle's finite class; hard experts are not")
        value = bounds.mle_upper(
            sigma_expert=premises.expert_spread(over), horizon=premises.horizon, n=premises.n,
            log_class_size=self.log_class_size(premises.model.prompts), delta=None,
        )  # fmt: skip
        return Bound(float(value), "T5b")

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """The likeliest policy of the class at each prompt; the first of equals."""
        assert setting.pair is not None, "the sweep gives the pair of mirrors"
        class_ = self.policies(setting, setting.pair)
        log_policy = jnp.log(jnp.where(class_ > 0, class_, 1.0))
        fits = jnp.einsum("...ms,kms->...mk", data.counts, log_policy)
        never = ((class_ == 0) & (setting.pmf > 0)).astype(jnp.float64)
        impossible = jnp.einsum("...ms,kms->...mk", data.counts, never)
        best = jnp.argmax(jnp.where(impossible > 0, -jnp.inf, fits), axis=-1)
        shape = (*best.shape, len(class_), class_.shape[-1])
        by_prompt = jnp.broadcast_to(jnp.moveaxis(class_, 0, 1), shape)
        return jnp.take_along_axis(by_prompt, best[..., None, None], axis=-2)[..., 0, :]


@dataclass(frozen=True)
class Bayes(Learner):
    """The best verifier-free learner under T4's prior on the mirror class: the posterior median.

    Experts pi_b (1 + theta g) with theta on the grid that T4a or T4c draws from. The loss over
    {r, rbar} is sigma |theta - thetahat|, which the median minimises in the mean, so no learner
    does better under `--expert hard`: it shows how nearly the bound is met.
    """

    name = "bayes"
    side = "vf"
    needs = frozenset({"pair", "prior"})

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pi_b (1 + thetahat g), thetahat the median of the posterior."""
        assert setting.prior is not None, "the sweep gives T4's prior"
        assert setting.pair is not None, "the sweep gives the pair of mirrors"
        g = standardised(setting.pmf, setting.pair)
        theta = posterior_median(data.counts, setting.pmf, setting.pair, setting.prior)
        policy = jnp.maximum(setting.pmf * (1.0 + theta[..., None] * g), 0.0)
        return policy / jnp.sum(policy, axis=-1, keepdims=True)


def standardised(pmf: jax.Array, returns: jax.Array) -> jax.Array:
    """G = (R - J)/sigma on the support, 0 elsewhere and where sigma = 0: [m, S]."""
    mean = jnp.sum(pmf * returns, axis=-1, keepdims=True)
    centred = jnp.where(pmf > 0, returns - mean, 0.0)
    sigma = jnp.sqrt(jnp.sum(pmf * centred**2, axis=-1, keepdims=True))
    return jnp.where(sigma > 0, centred / jnp.where(sigma > 0, sigma, 1.0), 0.0)


def posterior_median(
    counts: jax.Array, pmf: jax.Array, returns: jax.Array, prior: GridPrior
) -> jax.Array:
    """Median of theta given counts [..., m, S]: [..., m]. A median of an interval is its middle."""
    g = standardised(pmf, returns)
    index = jnp.arange(prior.steps + 1)

    def at_prompt(x: tuple[jax.Array, ...]) -> jax.Array:
        seen, g_x, scale, many = x
        theta = scale * (2.0 * index / prior.steps - 1.0)
        inside = 1.0 + theta * g_x[:, None]  # [S, K + 1]
        fit = seen @ jnp.log(jnp.maximum(inside, 1e-300))
        ends = (index == 0) | (index == prior.steps)
        fit = jnp.where(many | ends, fit, -jnp.inf)
        weight = jnp.exp(fit - jnp.max(fit, axis=-1, keepdims=True))
        below = jnp.cumsum(weight, axis=-1) / jnp.sum(weight, axis=-1, keepdims=True)
        low = jnp.argmax(below >= 0.5 - 1e-12, axis=-1)
        high = jnp.argmax(below > 0.5 + 1e-12, axis=-1)
        return (theta[low] + theta[high]) / 2.0

    by_prompt = (jnp.moveaxis(counts, -2, 0), g, prior.scale, prior.many)
    return jnp.moveaxis(lax.map(at_prompt, by_prompt), 0, -1)
