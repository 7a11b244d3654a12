"""Token-level chains: a policy that writes token by token until it happens to be right (T1, T11).

The state is all of the trace that matters for what comes next (the progress towards the target,
say). The law of the hitting time and the variance of Q are exact, by dynamic programming.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiscale.core import machine, validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats, shown


@dataclass(frozen=True, eq=False)
class TokenChain:
    """A Markov chain over states of a trace; the last state is *solved* and is never left.

    Attributes
    ----------
    transition : [K, K]
        P(next state | state) when one token is written. Tokens that lead to the same state have
        the same Q-value, so states are all that Q's variance needs.
    start : [K]
        Law of the state before the first token. Where it is not a point mass, an announcing token
        (which skill, say) chooses it.
    """

    transition: Floats
    start: Floats

    def __post_init__(self) -> None:
        transition = validate.pmf("transition", self.transition)
        start = validate.pmf("start", self.start)
        size = len(start)
        if transition.shape != (size, size):
            raise InputError(
                f"transition must have shape {(size, size)} to match start; got {transition.shape}"
            )
        if transition[-1, -1] != 1.0:
            raise InputError(
                "the last state must be solved and never left: transition[-1, -1] must be 1, got "
                f"{transition[-1, -1]:.6g}"
            )
        object.__setattr__(self, "transition", transition)
        object.__setattr__(self, "start", start)

    def hitting_law(self, horizon: int) -> Floats:
        """Return P(T = 1), ..., P(T = H) and, last, P(T > H): [H + 1] (T11).

        T is the number of tokens written when the chain first is in its solved state. Cost
        O(H K^2), or O(H K) for the few non-zero entries of a progress chain.
        """
        horizon = validate.integer("horizon", horizon, least=1)
        # Token by token.
        machine.require(
            f"a law of {horizon} hitting times", "the horizon",
            floats=2.0 * horizon, seconds=5e-6 * horizon,
        )  # fmt: skip
        if self.start[-1] > 0:
            raise InputError("start must put no mass on the solved state; T counts tokens from 1")
        law = np.empty(horizon + 1)
        unsolved, into = self.transition[:-1, :-1], self.transition[:-1, -1]
        alive = self.start[:-1]
        for h in range(horizon):
            law[h] = alive @ into
            alive = alive @ unsolved
        law[horizon] = alive.sum()
        return law

    def mean_time(self) -> float:
        """E[T] in tokens; inf if the chain may never be solved."""
        unsolved = self.transition[:-1, :-1]
        try:
            expected = np.linalg.solve(np.eye(len(unsolved)) - unsolved, np.ones(len(unsolved)))
        except np.linalg.LinAlgError:
            return float("inf")
        return float(self.start[:-1] @ expected)

    def q_variance(self, horizon: int) -> float:
        """sum_h E Var_a Q_h(s_h, a), in squared tokens: the paper's heterogeneity, squared (T1).

        Backward: V_h(s) = sum_a pi(a|s) Q_h(s, a), Q_h(s, a) = r_h + V_{h+1}(s'), r_h = 1 once
        solved. Forward: the law of s_h. The announcing token, where there is one, is the first
        action. T1 proves that this is Var(R), R = (H - T + 1)_+.
        """
        solved = np.zeros(len(self.start))
        solved[-1] = 1.0
        value = np.zeros((horizon + 2, len(self.start)))
        for h in range(horizon, 0, -1):
            value[h] = self.transition @ (solved + value[h + 1])
        law = self.start
        total = float(law @ (value[1] - law @ value[1]) ** 2)
        for h in range(1, horizon + 1):
            q = solved + value[h + 1]
            total += float(law @ (self.transition @ q**2 - value[h] ** 2))
            law = law @ self.transition
        return total


@validate.boundary
def geometric_chain(hazard: float) -> TokenChain:
    """Each token solves the prompt with probability `hazard`, whatever came before (T1, T11)."""
    hazard = float(validate.probability("hazard", hazard, allow_zero=False))
    return TokenChain(np.array([[1.0 - hazard, hazard], [0.0, 1.0]]), np.array([1.0, 0.0]))


@validate.boundary
def planted_chain(
    target: npt.ArrayLike, vocabulary: int, skills: npt.ArrayLike, weights: npt.ArrayLike
) -> TokenChain:
    """Progress towards a planted subsequence, for a mixture of skills that is announced (T11).

    The trace is solved once its last L tokens are `target`. With progress k
    (the longest suffix of the trace that is a prefix of the target) a policy of skill gamma
    writes the target's next token with probability gamma, and each other token with probability
    (1 - gamma)/(V - 1). Where a wrong token leaves the progress is the Knuth-Morris-Pratt
    automaton of the target, so self-overlapping targets are exact.

    Parameters
    ----------
    target : [L]
        Tokens in 0..V-1.
    vocabulary
        V >= 2.
    skills, weights : [K]
        gamma of each skill in [0, 1], and its probability.

    Raises
    ------
    InputError
        If the target is empty or leaves the vocabulary, or skills are no probabilities.
    """
    word = np.atleast_1d(validate.floats("target", target))
    vocabulary = validate.integer("vocabulary", vocabulary, least=2, most=10**6)
    inside = (word == np.floor(word)) & (word >= 0) & (word < vocabulary)
    if word.ndim != 1 or not inside.all():
        raise InputError(
            f"target must list at least one token, each in 0..{vocabulary - 1}; got {shown(target)}"
        )
    gamma = np.atleast_1d(validate.probability("skills", skills))
    mixture = np.atleast_1d(validate.pmf("weights", weights))
    if gamma.shape != mixture.shape:
        raise InputError(
            f"skills and weights must have one shape; got {gamma.shape} and {mixture.shape}"
        )
    cells = len(word) * len(gamma)
    machine.require(
        "a planted word", "the vocabulary, the word or the skills",
        floats=4.0 * (len(word) * vocabulary + cells**2), seconds=1e-6 * cells * vocabulary,
    )  # fmt: skip
    after = _automaton([int(token) for token in word], vocabulary)
    length, count = len(word), len(gamma)
    # States: skill by skill the progress 0..L-1; the solved state is shared and last.
    size = count * length + 1
    transition = np.zeros((size, size))
    start = np.zeros(size)
    start[:-1:length] = mixture
    for s, k in itertools.product(range(count), range(length)):
        chances = np.full(vocabulary, (1.0 - gamma[s]) / (vocabulary - 1))
        chances[int(word[k])] = gamma[s]
        to = np.array(after[k])
        states = np.where(to == length, size - 1, s * length + to)
        np.add.at(transition[s * length + k], states, chances)
    transition[-1, -1] = 1.0
    return TokenChain(transition, start)


def _automaton(word: list[int], vocabulary: int) -> list[list[int]]:
    """Progress after each token at each progress 0..L-1 (Knuth, Morris and Pratt 1977)."""
    after: list[list[int]] = []
    fallen = [0] * vocabulary  # what follows the progress of the word's own proper suffix
    for k, token in enumerate(word):
        after.append([k + 1 if other == token else to for other, to in enumerate(fallen)])
        fallen = after[fallen[token]]
    return after


@theorem(
    "T11", "planted subsequence", "P(T <= H) of a planted word, from the automaton of its progress",
    kind="exact", learner="the base policy", origin="known", unit="probability",
    heading="The planted subsequence", figure="planted",
    example={"target": [0, 1, 0], "vocabulary": 4, "skill": 0.5, "horizon": 16},
    home="antiscale.models.chains",
)  # fmt: skip
@validate.boundary
def planted_success(target: npt.ArrayLike, vocabulary: int, skill: float, horizon: int) -> float:
    """P(T <= H) of one skill on a planted target: how often the base policy solves it (T11).

    Parameters
    ----------
    target, vocabulary
        As for `planted_chain`.
    skill
        gamma in [0, 1].
    horizon
        H in tokens, at least 1.

    Raises
    ------
    InputError
        As `planted_chain`.
    """
    chain = planted_chain(target, vocabulary, [skill], [1.0])
    law = chain.hitting_law(validate.integer("horizon", horizon, least=1))
    return float(law[:-1].sum())
