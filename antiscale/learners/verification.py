"""Verifier-based learners: pessimists over the version space (T7), and what practice does."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from antiscale import bounds
from antiscale.ball.optimum import ball_policy
from antiscale.learners.base import Data, Learner, Setting, TwoStep
from antiscale.learners.cloning import MLE
from antiscale.learners.premises import Bound, Over, Premises


def _labels(data: Data) -> jax.Array:
    assert data.labels is not None, "a verifier-based learner is given labels"
    return data.labels


def verification_terms(premises: Premises, learner: str, error: float) -> dict[str, float]:
    """Every bound of T7 for `simple` or `wide`, by name, from the verifier's error."""
    terms = bounds.vb_upper_terms(
        premises.horizon, error, learner=learner, kappa=premises.kappa,
        failure=premises.lost_truth, **premises.worst,
    )  # fmt: skip
    return {name: float(value) for name, value in terms.items()}


class _Pessimist(TwoStep):
    """What the pessimists have in common: they plan for the worst reward of the version space."""

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        """The version space."""
        return setting.rewards.version(data.counts > 0, _labels(data), data.votes)

    def upper(self, premises: Premises, over: Over) -> Bound:
        """T7 over the stated rewards, with the smallest of T6's errors that hold for E sup_r."""
        if over == "class":
            return Bound.none("T7's sigma, W and ct_0 are those of the stated rewards")
        error = self.verifier_error(premises).value
        assert error is not None
        terms = verification_terms(premises, self.name, error)
        best = min(terms, key=lambda name: terms[name])
        return Bound(terms[best], best)


@dataclass(frozen=True)
class Simple(_Pessimist):
    """The paper's Algorithm 1: the best policy of Pi_kappa for the worst consistent reward.

    pihat = argmax over the ball of min over r in C_n of J_r. Held to T7 (0), (a), (b).
    """

    name = "simple"
    side = "vb"
    seen_only = True
    confined = True

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """T2 on the least consistent reward, prompt by prompt."""
        return setting.rewards.pessimal_policy(fit, setting.kappa)


@dataclass(frozen=True)
class Binary(TwoStep):
    """The paper's Algorithm 2: as Algorithm 1 with 0/1 labels and objective, 1[T <= H].

    It seeks any correct trace, however long, so it is not held to a bound on the return.
    """

    name = "binary"
    side = "vb"
    seen_only = True
    confined = True

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        """The version space of 0/1 labels."""
        solved = jnp.where(data.counts > 0, (_labels(data) > 0).astype(jnp.float64), 0.0)
        return setting.rewards.version(data.counts > 0, solved, data.votes, binary=True)

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """T2 on the least consistent 0/1 reward."""
        return setting.rewards.pessimal_policy(fit, setting.kappa, binary=True)


@dataclass(frozen=True)
class Wide(_Pessimist):
    """The wide pessimist: as `simple` with no ball at all.

    All mass on the types that are best for the worst consistent reward. ct_0 need not be known.
    Held to T7 (a), (b), (c), against the ball's optimum, which it may well surpass.
    """

    name = "wide"
    side = "vb"
    seen_only = True

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """T2 at kappa = inf."""
        return setting.rewards.pessimal_policy(fit, jnp.inf)


class _PosteriorMean(TwoStep):
    """The verifier is the mean of the consistent rewards."""

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        """The mean of the consistent rewards."""
        return setting.rewards.posterior_mean(data.counts > 0, _labels(data), data.votes)


@dataclass(frozen=True)
class PlugIn(_PosteriorMean):
    """A verifier fitted first, then the ball's best policy for it, as if it were the truth.

    The verifier is the mean of the consistent rewards (the Bayes estimate of each label under the
    uniform prior on calR): optimistic where the pessimist is careful. Held to no bound.
    """

    name = "plugin"
    side = "vb"
    seen_only = True
    confined = True

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """T2 at the posterior mean."""
        return ball_policy(setting.pmf, fit, setting.kappa, jnp.ones(fit.shape[:-1], dtype=bool))


@dataclass(frozen=True)
class Rejection(Learner):
    """Verified-rejection finetuning: clone the base policy's own traces that were labelled right.

    SFT on accepted samples (STaR, RAFT): no reward is fitted and no ball confines it. It seeks a
    correct trace, not a short one, so with returns between 0 and H it stays away from the best
    policy however large n is. Held to no bound.
    """

    name = "rejection"
    side = "vb"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """pihat(j|x) proportional to n_xj 1[R_j > 0]; the base policy where none was accepted."""
        labels = _labels(data)
        accepted = jnp.where(labels > 0, data.counts, 0.0)
        if data.votes is not None:
            flipped = jnp.broadcast_to(data.votes.flipped, labels.shape)
            other = setting.rewards.flip(labels)
            kept = jnp.broadcast_to(data.counts, labels.shape) - flipped
            accepted = jnp.where(labels > 0, kept, 0.0) + jnp.where(other > 0, flipped, 0.0)
        total = jnp.sum(accepted, axis=-1, keepdims=True)
        return jnp.where(total > 0, accepted / jnp.maximum(total, 1e-300), setting.pmf)


@dataclass(frozen=True)
class Weighted(Learner):
    """Weighted cloning: SFT on the labelled base traces with the ball's weights of their returns.

    The weights are T2's for the empirical law of the prompt's own labelled traces: filtered or
    reward-weighted finetuning on what was sampled, with no verifier for anything else. Labels tell
    it how good its samples are and nothing of other traces, so it samples the ball's best policy
    as a clone samples its expert, and over a reward and its mirror it loses of order sigma/sqrt(n)
    as a clone does (T5d, T5e).
    """

    name = "weighted"
    side = "vb"

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """The ball's best policy around n_xj/n_x; the base policy where nothing was seen."""
        labels = _labels(data)
        counts = jnp.broadcast_to(data.counts, labels.shape)
        if data.votes is not None:
            # A type's flipped labels are samples of another return.
            flipped = jnp.broadcast_to(data.votes.flipped, labels.shape)
            counts = jnp.concatenate([counts - flipped, flipped], axis=-1)
            labels = jnp.concatenate([labels, setting.rewards.flip(labels)], axis=-1)
        total = jnp.sum(counts, axis=-1, keepdims=True)
        seen = total > 0
        pmf = jnp.broadcast_to(setting.pmf, (*labels.shape[:-1], setting.pmf.shape[-1]))
        empty = jnp.zeros_like(counts).at[..., : pmf.shape[-1]].set(pmf)
        law = jnp.where(seen, counts / jnp.maximum(total, 1.0), empty)
        policy = ball_policy(law, labels, setting.kappa, seen[..., 0])
        return jnp.sum(policy.reshape(*policy.shape[:-1], -1, pmf.shape[-1]), axis=-2)

    def upper(self, premises: Premises, over: Over) -> Bound:
        """T5e, for a reward and its mirror and clean labels."""
        if premises.noise > 0:
            return Bound.none("T5e is proved for clean labels")
        if premises.class_over(over).name != "mirror":
            return Bound.none("T5e is proved for a reward and its mirror alone")
        model = premises.model
        each = bounds.weighted_upper(
            model.pmf, model.returns, premises.n, prompt_mass=model.prompt_mass,
            kappa=premises.kappa,
        )  # fmt: skip
        return Bound(float(model.prompt_mass @ each), "T5e")


@dataclass(frozen=True)
class ByValue(Learner):
    """Choose a policy of a finite class by its estimated value: labels, but no reward class.

    The class is that of `mle`; a member's value is estimated off policy from the labelled base
    traces, (1/n_x) sum_i (pi/pi_b) R_i, which is unbiased for every member. The likelihood weighted
    by the reward is not: its limit is the member nearest to pi_b R/J, which need not be the best. A
    verifier that knows the class of rewards learns from the same labels at rate log K/n, a choice
    among policies at rate sqrt(log|Pi|/n). Held to no bound.
    """

    name = "by_value"
    side = "vb"
    needs = frozenset({"pair"})
    confined = True

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        """The member of the largest estimated value at each prompt; the base policy first."""
        assert setting.pair is not None, "the sweep gives the pair of mirrors"
        labels = _labels(data)
        total = data.counts * labels
        if data.votes is not None:
            # Noise mixes R with what a reversed verdict says; the mean of the mixture is undone.
            eta, flipped = data.votes.noise, data.votes.flipped
            seen = (data.counts - flipped) * labels + flipped * setting.rewards.flip(labels)
            middle = (labels + setting.rewards.flip(labels)) / 2.0
            total = data.counts * middle + (seen - data.counts * middle) / (1.0 - 2.0 * eta)
        class_ = MLE().policies(setting, setting.pair)
        ratio = jnp.where(setting.pmf > 0, class_ / jnp.where(setting.pmf > 0, setting.pmf, 1.0), 0)
        best = jnp.argmax(jnp.einsum("...ms,kms->...mk", total, ratio), axis=-1)
        return class_[best, jnp.arange(class_.shape[1])]


@dataclass(frozen=True)
class KLRegularised(_PosteriorMean):
    """KL-regularised RL on the fitted verifier: an exponential tilt of the base policy.

    pihat is proportional to pi_b exp(beta Rhat), the maximiser of E Rhat - KL/beta, with Rhat the
    mean of the consistent rewards and beta as large as Pi_kappa allows. Among policies of equal
    chi-square divergence the ball's optimum is better by definition; this shows by how much. Held
    to no bound.
    """

    name = "kl"
    side = "vb"
    seen_only = True
    confined = True

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        """Bisection on log beta until the chi-square budget is spent."""
        pmf = jnp.broadcast_to(setting.pmf, fit.shape)
        best = jnp.max(jnp.where(pmf > 0, fit, -jnp.inf), axis=-1, keepdims=True)
        below = jnp.where(pmf > 0, (fit - best) / setting.horizon, 0.0)

        def ratio(log_beta: jax.Array) -> jax.Array:
            tilt = jnp.exp(jnp.exp(log_beta)[..., None] * below)
            return tilt / jnp.sum(pmf * tilt, axis=-1, keepdims=True)

        def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            low, high = ends
            middle = (low + high) / 2.0
            spent = jnp.sum(pmf * (ratio(middle) - 1.0) ** 2, axis=-1)
            within = spent <= setting.kappa
            return jnp.where(within, middle, low), jnp.where(within, high, middle)

        # From no tilt to all mass on the best types, in units of 1/H.
        ends = (jnp.full(fit.shape[:-1], -16.0), jnp.full(fit.shape[:-1], 12.0))
        low, _ = lax.fori_loop(0, 36, halve, ends)
        return pmf * ratio(low)
