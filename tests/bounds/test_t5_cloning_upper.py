"""T5: the upper bounds for cloning against exact risks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import antiscale as ac
from tests.oracles_bounds import count_vectors, inverse_root_count, law_of_counts


@pytest.mark.parametrize("rho", [0.0, 1e-9, 1e-3, 0.125, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 50, 1000, 20000])
def test_the_count_term_is_the_binomial_sum(n: int, rho: float) -> None:
    found = float(ac.bounds.sft_upper(1.0, n, prompt_mass=rho))
    assert found == pytest.approx(inverse_root_count(n, rho), rel=1e-10, abs=1e-300)


def test_a_billion_samples_cost_nothing_more() -> None:
    found = float(ac.bounds.sft_upper(3.0, 10**9, prompt_mass=0.2))
    # E N^(-1/2) = (n rho)^(-1/2) (1 + 3 (1 - rho)/(8 n rho) + ...)
    assert found == pytest.approx(3 / math.sqrt(2e8) * (1 + 0.375 * 0.8 / 2e8), rel=1e-12)


def test_unseen_prompts_pay_the_fallback() -> None:
    assert float(ac.bounds.sft_upper(0.0, 4, prompt_mass=0.25, fallback_gap=8.0)) == pytest.approx(
        8 * 0.75**4
    )
    assert float(ac.bounds.sft_upper(5.0, 0, prompt_mass=0.25, fallback_gap=8.0)) == 8.0
    assert float(ac.bounds.sft_upper(5.0, 3, prompt_mass=1.0, fallback_gap=8.0)) < 5.0


def exact_sft_risk(expert, base, r, n: int, rho: float) -> float:
    """E|J_e - J_hat| at one prompt of mass rho by enumerating the counts."""
    risk = stats.binom.pmf(0, n, rho) * abs((expert - base) @ r)
    for seen in range(1, n + 1):
        counts = count_vectors(seen, len(expert))
        law = law_of_counts(expert[None], counts)[0]
        risk += stats.binom.pmf(seen, n, rho) * (law @ np.abs(counts @ r / seen - expert @ r))
    return float(risk)


@pytest.mark.parametrize("rho", [1.0, 0.3])
@pytest.mark.parametrize("n", [0, 1, 4, 12])
def test_sft_on_the_mirror_class_stays_below(rng, n: int, rho: float) -> None:
    ratios = []
    for _ in range(25):
        expert, base = rng.dirichlet(np.full(3, 0.7), 2)
        r = rng.uniform(0, 10, 3)
        exact = exact_sft_risk(expert, base, r, n, rho)
        sigma = float(ac.heterogeneity(expert, r))
        bound = float(
            ac.bounds.sft_upper(sigma, n, prompt_mass=rho, fallback_gap=abs((expert - base) @ r))
        )
        assert exact <= bound * (1 + 1e-12)
        ratios.append(exact / bound)
    assert np.median(ratios) > 0.5  # not vacuous


def test_the_bound_is_tight_up_to_root_two_over_pi() -> None:
    # Two fair types: the mean absolute deviation of a binomial law, exactly.
    n = 10**6
    law = stats.binom(n, 0.5)
    k = np.arange(n // 2 - 6000, n // 2 + 6001)
    exact = float(law.pmf(k) @ np.abs(k / n - 0.5)) * 10
    bound = float(ac.bounds.sft_upper(5.0, n))
    assert exact / bound == pytest.approx(math.sqrt(2 / math.pi), rel=1e-5)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_sft_on_blocks_stays_below(rng, n: int) -> None:
    for _ in range(20):
        expert, base = rng.dirichlet(np.ones(4), 2)
        f = np.zeros((2, 4))  # two blocks of two types each
        f[0, :2], f[1, 2:] = rng.uniform(0, 10, 2), rng.uniform(0, 10, 2)
        counts = count_vectors(n, 4)
        delta = (expert - counts / n) @ f.T
        loss = np.maximum(np.maximum(delta, 0).sum(-1), np.maximum(-delta, 0).sum(-1))
        exact = law_of_counts(expert[None], counts)[0] @ loss
        parts = [float(ac.heterogeneity(expert, block)) for block in (*f, f.sum(0))]
        bound = float(ac.bounds.sft_upper(0.5 * sum(parts), n))
        assert 0.3 * bound < exact <= bound * (1 + 1e-12)
        assert base.sum() == pytest.approx(1)


@pytest.mark.parametrize("delta", [0.02, 0.3])
@pytest.mark.parametrize("n", [1, 4, 12])
def test_sft_exceeds_its_quantile_no_more_often_than_stated(rng, n: int, delta: float) -> None:
    """T5c at two prompts, mirror class: the exact law of the loss, all data sets enumerated."""
    for _ in range(6):
        expert, base = rng.dirichlet(np.ones(2), 2), rng.dirichlet(np.ones(2), 2)
        r = rng.uniform(0, 10, (2, 2))
        rho = np.array([0.7, 0.3])
        counts = count_vectors(n, 4)
        law = law_of_counts((rho[:, None] * expert).reshape(1, 4), counts)[0]
        seen = counts.reshape(-1, 2, 2)
        total = seen.sum(-1)
        clone = np.where(total[..., None] > 0, seen / np.maximum(total, 1)[..., None], base)
        loss = np.abs(((expert - clone) * r).sum(-1)) @ rho
        bound = float(
            ac.bounds.sft_upper_in_probability(
                ac.heterogeneity(expert, r), 10.0, n, delta, prompt_mass=rho,
                fallback_gap=np.abs(((expert - base) * r).sum(-1)),
            )
        )  # fmt: skip
        assert law[loss > bound * (1 + 1e-12)].sum() <= delta
        assert bound <= 10.0


def test_the_quantile_bound_is_its_formula_and_takes_the_right_counts() -> None:
    sigma, rho, n, delta = np.array([5.0, 3.0]), np.array([0.6, 0.4]), 500, 0.05
    least = [stats.binom.ppf(delta / 4, n, p) for p in rho]
    for p, k in zip(rho, least, strict=True):
        assert stats.binom.cdf(k - 1, n, p) <= delta / 4 < stats.binom.cdf(k, n, p)
    expected = rho @ (sigma / np.sqrt(least))
    expected += 20 * np.sqrt(0.5 * np.log(2 / delta) * (rho**2 / least).sum())
    found = ac.bounds.sft_upper_in_probability(sigma, 20.0, n, delta, prompt_mass=rho)
    assert float(found) == pytest.approx(expected, rel=1e-9)
    # One prompt is always seen; a prompt of mass zero never is, and costs nothing.
    one = ac.bounds.sft_upper_in_probability([5.0], 20.0, n, delta)
    more = ac.bounds.sft_upper_in_probability([5.0, 9.0], 20.0, n, delta, prompt_mass=[1.0, 0.0])
    assert float(one) == pytest.approx(5 / np.sqrt(n) + 20 * np.sqrt(np.log(40) / 2 / n))
    assert float(more) == pytest.approx(float(one))
    assert float(ac.bounds.sft_upper_in_probability([5.0], 20.0, 0, delta)) == 20.0


# T5b


def test_the_mle_bound_is_its_formula() -> None:
    found = float(ac.bounds.mle_upper(3.0, 1000.0, 10**6, math.log(50), 0.01))
    rate = math.log(50 / 0.01) / 10**6
    assert found == pytest.approx(2 * math.sqrt(2) * 3 * math.sqrt(rate) + 2000 * rate, rel=1e-14)


def test_the_mle_bound_never_exceeds_the_horizon() -> None:
    assert ac.bounds.mle_upper(3.0, 100.0, 0, 1.0, 0.1) == 100.0
    assert ac.bounds.mle_upper(3.0, 100.0, 1, 50.0, 0.1) == 100.0
    assert ac.bounds.mle_upper(0.0, 100.0, 0, 0.0, 1.0) == 100.0


@pytest.mark.parametrize("delta", [0.5, 0.1, 0.01])
def test_maximum_likelihood_fails_no_more_often_than_stated(rng, delta: float) -> None:
    crossed = 0
    for _ in range(40):
        n, horizon = int(rng.integers(5, 30)), 1.0
        policies = rng.dirichlet(np.full(3, 0.5), 4) + 1e-9
        policies /= policies.sum(-1, keepdims=True)
        expert = policies[0]
        counts = count_vectors(n, 3)
        law = law_of_counts(expert[None], counts)[0]
        chosen = policies[(counts @ np.log(policies).T).argmax(-1)]
        failed = np.zeros(len(counts), dtype=bool)
        for r in itertools.product([0.0, 0.5, 1.0], repeat=3):
            sigma = float(ac.heterogeneity(expert, r))
            bound = float(ac.bounds.mle_upper(sigma, horizon, n, math.log(4), delta))
            failed |= np.abs((chosen - expert) @ np.array(r)) > bound + 1e-12
        assert law @ failed <= delta
        crossed += bool(failed.any())
    if delta == 0.5:
        assert crossed > 0  # the bound is not merely trivial


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ac.bounds.sft_upper(-1, 5), "sigma_expert must be finite and >= 0"),
        (lambda: ac.bounds.sft_upper(1, np.nan), "n contains NaN"),
        (lambda: ac.bounds.sft_upper(1, 5, prompt_mass=2), "prompt_mass must lie in"),
        (lambda: ac.bounds.mle_upper(1, 10, 5, 1, 0), r"delta must lie in \(0, 1\]"),
        (lambda: ac.bounds.mle_upper(1, 10, 5, -1, 0.1), "log_class_size must be finite"),
    ],
)
def test_bad_input_gets_one_clear_line(call, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        call()
