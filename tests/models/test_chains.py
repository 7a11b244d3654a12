"""Token-level chains against enumeration of traces, simulation, and the identity T1."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from antiscale.models.chains import TokenChain, geometric_chain, planted_chain
from antiscale.models.families.planted import Planted

TARGETS = [(0,), (0, 1), (0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0, 1, 1), (1, 0, 1, 0)]


def progress_of(trace, target) -> int:
    """The longest suffix of the trace that is a prefix of the target, by trying all."""
    for k in range(min(len(target), len(trace)), 0, -1):
        if tuple(trace[-k:]) == tuple(target[:k]):
            return k
    return 0


def law_by_enumeration(target, vocabulary: int, skill: float, horizon: int) -> np.ndarray:
    """P(T = 1..H), P(T > H) by writing down every trace of H tokens."""
    law = np.zeros(horizon + 1)
    for trace in itertools.product(range(vocabulary), repeat=horizon):
        chance, hit = 1.0, horizon
        for h, token in enumerate(trace):
            right = target[progress_of(trace[:h], target)]
            chance *= skill if token == right else (1 - skill) / (vocabulary - 1)
            if progress_of(trace[: h + 1], target) == len(target):
                hit = h
                # All continuations together have the chance of the trace so far.
                chance /= vocabulary ** (horizon - h - 1)
                break
        law[hit] += chance
    return law


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("skill", [0.3, 0.9])
def test_the_planted_law_is_that_of_all_traces(target, skill: float) -> None:
    chain = planted_chain(target, 2, [skill], [1.0])
    found = chain.hitting_law(9)
    np.testing.assert_allclose(found, law_by_enumeration(target, 2, skill, 9), atol=1e-14)


@pytest.mark.parametrize("target", [(0, 0, 0), (0, 1, 0), (2, 0, 1)])
def test_the_planted_law_is_that_of_simulated_traces(rng, target) -> None:
    vocabulary, skills, weights, horizon, repeats = 3, (0.7, 0.4), (0.25, 0.75), 40, 20_000
    counts = np.zeros(horizon + 1)
    skilled = rng.random((repeats, horizon)) < rng.choice(skills, (repeats, 1), p=weights)
    # A wrong token is the right one and a step, modulo the vocabulary.
    steps = np.where(skilled, 0, rng.integers(1, vocabulary, (repeats, horizon)))
    for step in steps.tolist():
        trace: list[int] = []
        for h in range(horizon):
            trace.append((target[progress_of(trace, target)] + step[h]) % vocabulary)
            if trace[-len(target) :] == list(target):
                counts[h] += 1
                break
        else:
            counts[horizon] += 1
    law = planted_chain(target, vocabulary, skills, weights).hitting_law(horizon)
    keep = law * repeats > 10
    observed = np.append(counts[keep], counts[~keep].sum())
    expected = np.append(law[keep], law[~keep].sum()) * repeats
    used = expected > 0
    statistic = ((observed - expected)[used] ** 2 / expected[used]).sum()
    assert stats.chi2.sf(statistic, used.sum() - 1) > 1e-6  # fails by bad luck once in 10^6


@pytest.mark.parametrize("horizon", [1, 7, 64, 300])
def test_heterogeneity_is_variance(horizon: int) -> None:
    # T1: the Q-variance by dynamic programming against Var(R) from the law of T.
    chains = [geometric_chain(h) for h in (0.01, 0.3, 1.0)]
    chains += [
        planted_chain(y, 3, [0.8, 0.5, 0.2], [0.5, 0.3, 0.2]) for y in ((0, 1, 2), (0, 1, 0))
    ]
    for chain in chains:
        law = chain.hitting_law(horizon)
        returns = np.append(np.arange(horizon, 0, -1.0), 0.0)
        variance = law @ (returns - law @ returns) ** 2
        assert chain.q_variance(horizon) == pytest.approx(variance, rel=1e-10, abs=1e-9)


def test_the_families_have_their_chains_heterogeneity() -> None:
    horizon = 64
    for announced in (True, False):
        model = ac.load_family("planted", horizon=horizon, announced=announced)
        sigma = ac.heterogeneity(model.pmf, model.returns)
        for x, chain in enumerate(Planted(announced=announced).chains(horizon)):
            assert chain.q_variance(horizon) == pytest.approx(sigma[x] ** 2, rel=1e-10)
    model = ac.load_family("geometric", horizon=horizon, rate=3.0)
    sigma = ac.heterogeneity(model.pmf, model.returns)
    assert geometric_chain(3.0 / horizon).q_variance(horizon) == pytest.approx(sigma[0] ** 2)


def test_a_mixture_of_skills_is_a_mixture_of_laws() -> None:
    both = planted_chain((0, 1, 0), 4, [0.9, 0.4], [0.3, 0.7]).hitting_law(50)
    one, other = (planted_chain((0, 1, 0), 4, [s], [1.0]).hitting_law(50) for s in (0.9, 0.4))
    np.testing.assert_allclose(both, 0.3 * one + 0.7 * other, atol=1e-14)


def test_mean_times_are_those_of_the_law() -> None:
    chain = planted_chain((0, 0, 1), 3, [0.8], [1.0])
    law = chain.hitting_law(2000)
    assert law[-1] < 1e-14
    assert chain.mean_time() == pytest.approx(law[:-1] @ np.arange(1, 2001), rel=1e-10)
    assert planted_chain((0, 1), 2, [0.0], [1.0]).mean_time() == np.inf
    # Penney: a fair coin takes 2^3 tosses to 001, and 2 + 4 + 8 to 000.
    assert planted_chain((0, 0, 1), 2, [0.5], [1.0]).mean_time() == pytest.approx(8)
    assert planted_chain((0, 0, 0), 2, [0.5], [1.0]).mean_time() == pytest.approx(14)


def test_skills_have_the_pace_that_was_asked_for() -> None:
    family = Planted(paces=(0.25, 3.0), weights=(0.5, 0.5))
    for skill, pace in zip(family.skills(128), family.paces, strict=True):
        times = [
            planted_chain(y, family.vocabulary, [skill], [1.0]).mean_time() for y in family.targets
        ]
        assert np.mean(times) == pytest.approx(pace * 128, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: planted_chain((0, 3), 3, [0.5], [1.0]), "each in 0..2"),
        (lambda: planted_chain((), 3, [0.5], [1.0]), "at least one number"),
        (lambda: planted_chain((0,), 1, [0.5], [1.0]), "vocabulary must be"),
        (lambda: planted_chain((0,), 3, [1.5], [1.0]), "skills must lie in"),
        (lambda: planted_chain((0,), 3, [0.5, 0.5], [1.0]), "one shape"),
        (lambda: geometric_chain(0.0), "hazard must lie in"),
        (lambda: TokenChain(np.eye(3), np.array([1.0, 0.0])), "transition must have shape"),
        (lambda: TokenChain(np.eye(2)[::-1], np.array([1.0, 0.0])), "never left"),
        (lambda: geometric_chain(0.5).__class__(np.eye(2), np.array([0.0, 1.0])).hitting_law(3),
         "no mass on the solved state"),
        (lambda: Planted(paces=(0.001,), weights=(1.0,)).skills(16), "raise the pace"),
    ],
)  # fmt: skip
def test_what_is_no_chain_is_refused(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
