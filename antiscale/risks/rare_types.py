"""Light types: the instances of T8 and of T9's phase diagram, with every risk summed exactly.

One prompt. Two heavy types return H/2 + s and H/2 - s, d light ones H/2 + l or H/2 - l; which light
type returns which (2^d labellings) is what data must tell. Types of a kind are exchangeable, so
everything depends on how many light types were seen and how many of them are good: sums over
counts, no sampling, at a cost that does not grow with n.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special, stats

from antiscale.ball.optimum import chi2_ball_optimum
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats


@dataclass(frozen=True, kw_only=True)
class LightTypes:
    """Two heavy types and d light ones whose labels are unknown.

    Parameters
    ----------
    horizon
        H, in tokens: the range of every reward.
    n
        Traces for each side, at least 1.
    light
        d, the number of light types, at least 1.
    expected
        c, the expected number of traces of each light type: its mass is c/n.
    heavy_gap, light_gap
        s and l in [0, H/2], in tokens.
    kappa
        Radius of the ball.

    Raises
    ------
    InputError
        If a number is out of range, or the light types have more than all the mass.
    """

    horizon: float
    n: int
    light: int
    expected: float = 1.0
    heavy_gap: float
    light_gap: float
    kappa: float = 0.25

    def __post_init__(self) -> None:
        validate.integer("n", self.n, least=1)
        validate.integer("light", self.light, least=1, most=1000)
        validate.nonnegative("kappa", self.kappa, finite=True)
        for name in ("heavy_gap", "light_gap"):
            if not 0 <= getattr(self, name) <= self.horizon / 2:
                raise InputError(f"{name} must lie in [0, H/2]; got {getattr(self, name):.6g}")
        if not 0 < self.expected * self.light < self.n:
            raise InputError(
                f"the light types have mass c d/n = {self.expected * self.light / self.n:.6g}; it "
                "must lie in (0, 1)"
            )

    @property
    def each(self) -> float:
        """The mass of one light type."""
        return self.expected / self.n

    @property
    def together(self) -> float:
        """X, the mass of all light types."""
        return self.light * self.each

    def law(self, good: int) -> tuple[Floats, Floats]:
        """The base policy and the returns, [2 + d], when the first `good` light types are good."""
        heavy = (1.0 - self.together) / 2
        pmf = np.concatenate([[heavy, heavy], np.full(self.light, self.each)])
        sign = np.where(np.arange(self.light) < good, 1.0, -1.0)
        gaps = np.concatenate([[self.heavy_gap, -self.heavy_gap], self.light_gap * sign])
        return pmf, self.horizon / 2 + gaps

    @cached_property
    def best(self) -> Floats:
        """V_kappa of the truth, less H/2, when t of the light types are good: [d + 1]."""
        return self._optima(np.arange(self.light + 1.0))[0]

    @cached_property
    def max_ratio(self) -> float:
        """W of T7b: the largest density ratio of the ball's optimum over all labellings."""
        return float(np.max(self._optima(np.arange(self.light + 1.0))[1]))

    def _optima(self, good: Floats) -> tuple[Floats, Floats]:
        return self._ball(good, self.light - good, 0.0 * good)[::2]

    def _ball(self, good: Floats, bad: Floats, blank: Floats) -> tuple[Floats, Floats, Floats]:
        """T2 with so many light types at l, -l and 0: value, value with ratios, largest ratio."""
        # One shape for all: each new one would be compiled anew.
        asked = len(good)
        good, bad, blank = (
            np.concatenate([z, np.full(self.light + 1 - asked, z[-1])]) for z in (good, bad, blank)
        )
        heavy = np.full(self.light + 1, (1.0 - self.together) / 2)
        masses = np.stack(
            [heavy, heavy, good * self.each, bad * self.each, blank * self.each], axis=-1
        )
        levels = np.array([self.heavy_gap, -self.heavy_gap, self.light_gap, -self.light_gap, 0.0])
        found = chi2_ball_optimum(masses, levels, self.kappa)
        ratio = np.where(masses > 0, np.asarray(found.density_ratio), 0.0)
        return np.asarray(found.value)[:asked], ratio[:asked], ratio.max(-1)[:asked]

    @cached_property
    def seen(self) -> Floats:
        """P(k of the light types were seen in n traces), k = 0..d."""
        return self._occupancy(self.together)

    @cached_property
    def seen_light_alone(self) -> Floats:
        """The same, when no heavy trace was seen: sums to X^n."""
        return self._occupancy(1.0) * self.together**self.n

    def _occupancy(self, light: float) -> Floats:
        # A chain on the number seen; a power of a non-negative matrix loses no digits.
        k = np.arange(self.light + 1)
        more = light * (self.light - k) / self.light
        step = np.diag(1.0 - more) + np.diag(more[:-1], 1)
        law = np.linalg.matrix_power(step, self.n)[0]
        # 1 - 1/n to the power n keeps as many digits as 1/n has left of 1.
        result: Floats = law / law.sum()
        return result

    def bayes_regret(self) -> float:
        """E[V_kappa(truth) - V_kappa(posterior mean)], labels uniform, in tokens (T8).

        No learner in Pi_kappa has a smaller average regret: given the data, a policy's expected
        return is its return for the posterior mean, in which unseen light types are worth H/2.
        """
        chance = stats.binom.pmf(np.arange(self.light + 1), self.light, 0.5)
        regret, full = 0.0, float(chance @ self.best)
        for k, weight in enumerate(self.seen):
            good = np.arange(k + 1.0)
            law = stats.binom.pmf(good, k, 0.5)
            blank = np.full_like(good, self.light - k)
            regret += weight * (full - float(law @ self._ball(good, k - good, blank)[0]))
        return regret

    def pessimist_risk(self, *, wide: bool = False, average: bool = False) -> float:
        """E sup over labellings of V_kappa(truth) - J(pessimist), in tokens; exact (T7).

        Parameters
        ----------
        wide
            No ball for the pessimist; otherwise it stays in Pi_kappa.
        average
            The mean over uniform labels in place of the sup.

        Notes
        -----
        A heavy trace tells the reward from its mirror. Where none was seen the base policy is
        played.
        """
        total = 0.0
        for k in range(self.light + 1):
            good = np.arange(k + 1.0)
            _, ratio, _ = self._ball(good, self.light - good, 0.0 * good)
            if wide:
                ratio = self._unconfined(good)
            heavy = (1.0 - self.together) / 2 * self.heavy_gap * (ratio[:, 0] - ratio[:, 1])
            # Light types that are bad or unseen look alike, and share the ratio of the bad ones.
            low = np.where(good < self.light, ratio[:, 3], 0.0)
            sure = heavy + self.each * self.light_gap * (good * ratio[:, 2] - (k - good) * low)
            others = np.arange(self.light - k + 1.0)
            hidden = self.each * self.light_gap * low[:, None] * (2 * others - (self.light - k))
            good_in_all = (good[:, None] + others).astype(int)
            loss = self.best[good_in_all] - sure[:, None] - hidden
            base = self.best[good_in_all] - self.each * self.light_gap * (
                2.0 * good_in_all - self.light
            )
            weights = (self.seen - self.seen_light_alone)[k], self.seen_light_alone[k]
            for weight, losses in zip(weights, (loss, base), strict=True):
                if average:
                    law = stats.binom.pmf(good, k, 0.5)[:, None] * stats.binom.pmf(
                        others, self.light - k, 0.5
                    )
                    total += weight * float((law * losses).sum())
                else:
                    total += weight * float(losses.max())
        return total

    def _unconfined(self, good: Floats) -> Floats:
        """Density ratios of a policy on the best types in the worst case: [N, 5]."""
        ratio = np.zeros((len(good), 5))
        light = (good > 0) & (self.light_gap > self.heavy_gap)
        heavy = (1.0 - self.together) / 2
        ratio[:, 0] = np.where(light, 0.0, (1.0 if self.heavy_gap > 0 else 0.5) / heavy)
        ratio[:, 1] = 0.0 if self.heavy_gap > 0 else ratio[:, 0]
        ratio[:, 2] = np.where(light, 1.0 / (np.maximum(good, 1) * self.each), 0.0)
        return ratio

    def cloning_risk(self, good: int | None = None) -> float:
        """E sup of SFT's loss over labellings and their mirrors, in tokens (T5).

        Exact: s E|delta_+ - delta_-| + l sum_i E|delta_i|, deviations of multinomial frequencies.

        Parameters
        ----------
        good
            The expert is pibar_kappa of the labelling with this many good light types, which
            verification is compared with at that labelling; None: it is pi_b.
        """
        share = np.array([1.0 - self.together, 1.0 - self.together, 2 * self.each, 2 * self.each])
        law = share / 2
        if good is not None:
            if not 0 <= validate.integer("good", good, least=0) <= self.light:
                raise InputError(f"good must lie in 0..{self.light}; got {good}")
            law = law * self._ball(np.array([float(good)]), np.array([float(self.light - good)]),
                                   np.zeros(1))[1][0, :4]  # fmt: skip
        plus, minus, *light = law
        counts = np.array([self.light // 2, self.light - self.light // 2]) if good is None else (
            np.array([good, self.light - good]))  # fmt: skip
        each = counts @ _mean_deviation(self.n, np.array(light))
        return float(self.heavy_gap * self._heavy_deviation(plus, minus) + self.light_gap * each)

    def _heavy_deviation(self, plus: float, minus: float) -> float:
        """E|N_+ - N_- - n (p_+ - p_-)|/n for traces of the two heavy types."""
        n, rest = self.n, max(1.0 - plus - minus, 0.0)
        # Given that l of the traces are light, N_+ is binomial, and so is l itself.
        mean, width = n * rest, 9.0 * np.sqrt(n * rest) + 40.0
        light = np.arange(max(0, int(mean - width)), min(n, int(mean + width)) + 1.0)
        h = n - light
        share = plus / (plus + minus) if plus + minus > 0 else 0.5
        # N_+ lies around c, which is this far below its own mean.
        ahead = (2.0 * share - 1.0) * (mean - light) / 2.0
        c = h * share - ahead
        k = np.floor(c) + 1.0
        # E (N - c)_+ = k (1 - share) P(N = k) + (E N - c) P(N >= k).
        above = k * (1.0 - share) * stats.binom.pmf(k, h, share)
        above = above + ahead * stats.binom.sf(k - 1.0, h, share)
        chance = stats.binom.pmf(light, n, rest)
        return float(chance @ (2.0 * (2.0 * above - ahead))) / n

    def unseen(self) -> float:
        """E[mass of the light types not seen]: eu_n of T6 where labels alone are unknown.

        X (1 - c/n)^n.
        """
        return float(self.together * np.exp(special.xlog1py(self.n, -self.each)))

    def verifier_error(self) -> float:
        """Bound on E max P(R_r != R) over labellings and their mirrors: `unseen` and X^n (T9).

        A heavy trace tells a labelling from its mirror; where none was seen all may differ.
        """
        return min(self.unseen() + self.together**self.n, 1.0)


def _mean_deviation(n: int, p: Floats) -> Floats:
    """E|N/n - p| of a binomial N: n times it is 2 (1 - p) k P(N = k), k = floor(np) + 1."""
    k = np.floor(n * p) + 1.0
    found: Floats = 2.0 * (1.0 - p) * k * stats.binom.pmf(k, n, p) / n
    return found
