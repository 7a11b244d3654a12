"""What no bound may depend on, what each tends to, how each grows, and what each reduces to."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import antiscale as ac
from antiscale import bounds
from antiscale.models.families import load_family
from antiscale.registry import RESULTS
from tests.oracles_ball import padded

# The same examples in every run.
few = settings(derandomize=True, max_examples=40, deadline=None)
slow = settings(derandomize=True, max_examples=15, deadline=None)


@st.composite
def laws(draw, least: int = 2, most: int = 5):
    """A pmf, all masses positive, and returns that are not all alike."""
    size = draw(st.integers(least, most))
    mass = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=size, max_size=size)))
    returns = np.array(
        draw(st.lists(st.integers(0, 64), min_size=size, max_size=size)), dtype=float
    )
    returns[0], returns[-1] = 0.0, 64.0
    return mass / mass.sum(), returns


KAPPA = st.floats(1e-3, 10.0)
N = st.integers(0, 300)
RHO = st.floats(0.05, 1.0)
FORM = st.sampled_from(["two_point", "many_point"])

# Everything that depends on a law of the return alone, as a function of pmf and returns.
OF_A_LAW = {
    "T1": lambda p, r, kappa: ac.heterogeneity(*padded(p, r)),
    "T2": lambda p, r, kappa: ac.chi2_ball_optimum(*padded(p, r), kappa).value,
    "T3b": lambda p, r, kappa: bounds.above_mean(p, r),
    "T4a": lambda p, r, kappa: bounds.vf_lower(p, r, 20, kappa=kappa, form="two_point"),
    "T4c": lambda p, r, kappa: bounds.vf_lower(p, r, 20, kappa=kappa, form="many_point"),
    "T4e": lambda p, r, kappa: bounds.vf_lower_in_probability(p, r, 20, kappa=kappa, chance=0.1),
}


@pytest.mark.parametrize("label", OF_A_LAW)
@slow
@given(law=laws(4, 4), kappa=KAPPA, data=st.data())
def test_relabelling_splitting_and_shifting_change_nothing(label, law, kappa, data) -> None:
    p, r = law
    f = OF_A_LAW[label]
    value = float(f(p, r, kappa))
    order = np.array(data.draw(st.permutations(range(len(p)))))
    assert float(f(p[order], r[order], kappa)) == pytest.approx(value, rel=1e-9, abs=1e-12)
    # A type split in two of the same return; and a type that is never written.
    share = data.draw(st.floats(0.0, 1.0))
    split_p = np.append(p, share * p[1])
    split_p[1] *= 1 - share
    split = float(f(split_p, np.append(r, r[1]), kappa))
    assert split == pytest.approx(value, rel=1e-9, abs=1e-12)
    scale, shift = data.draw(st.floats(0.1, 10.0)), data.draw(st.floats(-5.0, 5.0))
    moved = float(f(p, scale * r + shift, kappa))
    if label == "T2":
        assert moved == pytest.approx(scale * value + shift, rel=1e-8, abs=1e-8)
    elif label == "T3b":
        assert moved == pytest.approx(value, rel=1e-8)
    else:
        assert moved == pytest.approx(scale * value, rel=1e-6)


@few
@given(law=laws(), n=N, rho=RHO, kappa=KAPPA, form=FORM)
def test_mirror_twice_is_the_reward_itself_and_once_is_as_hard(law, n, rho, kappa, form) -> None:
    p, r = law
    value = bounds.vf_lower(p, r, n, prompt_mass=rho, kappa=kappa, form=form)
    once = bounds.vf_lower(p, 64 - r, n, prompt_mass=rho, kappa=kappa, form=form)
    twice = bounds.vf_lower(p, 64 - (64 - r), n, prompt_mass=rho, kappa=kappa, form=form)
    # T4c's cells are not cut symmetrically.
    rounding = 1e-9 if form == "two_point" else 1e-3
    assert float(once) == pytest.approx(float(value), rel=rounding, abs=1e-12)
    assert float(twice) == float(value)


@few
@given(law=laws(), n=st.integers(1, 300), rho=RHO, kappa=KAPPA, more=st.floats(1.0, 4.0))
def test_lower_bounds_on_cloning_fall_in_n_and_rise_in_kappa(law, n, rho, kappa, more) -> None:
    p, r = law
    for form in ("two_point", "many_point"):
        place = {"prompt_mass": rho, "form": form}
        value = float(bounds.vf_lower(p, r, n, kappa=kappa, **place))
        fewer = float(bounds.vf_lower(p, r, n - 1, kappa=kappa, **place))
        wider = float(bounds.vf_lower(p, r, n, kappa=kappa * more, **place))
        # The search for the best scale ends within a few thousandths of it.
        assert value <= fewer * 1.01
        assert wider >= value * 0.99
        assert value <= math.sqrt(kappa) * float(ac.heterogeneity(p, r)) * (1 + 1e-12)


@few
@given(law=laws(), kappa=KAPPA, more=st.floats(1.0, 4.0))
def test_the_ball_grows_with_kappa_between_the_mean_and_the_best(law, kappa, more) -> None:
    p, r = padded(*law)
    value, wider = (float(ac.chi2_ball_optimum(p, r, k).value) for k in (kappa, kappa * more))
    assert p @ r <= value + 1e-9
    assert value <= wider + 1e-9
    assert wider <= r.max() + 1e-9
    assert float(ac.chi2_ball_optimum(p, r, 0.0).value) == pytest.approx(p @ r)
    assert float(ac.chi2_ball_optimum(p, r, 1e12).value) == pytest.approx(r.max())


@few
@given(sigma=st.floats(0.0, 100.0), gap=st.floats(0.0, 100.0), rho=RHO, n=st.integers(0, 10**9))
def test_clonings_upper_bound_at_its_ends(sigma, gap, rho, n) -> None:
    value = float(bounds.sft_upper(sigma, n, prompt_mass=rho, fallback_gap=gap))
    assert value <= sigma + gap
    assert float(bounds.sft_upper(sigma, 0, prompt_mass=rho, fallback_gap=gap)) == gap
    if n * rho > 50:
        # Jensen from below, and 1 + O(1/(n rho)) of it.
        assert value >= sigma / math.sqrt(n * rho) * (1 - 1e-9)
        assert value <= sigma / math.sqrt(n * rho) * (1 + 2 / (n * rho)) + gap * math.exp(-n * rho)


@few
@given(
    mass=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6),
    n=st.integers(0, 10**6), rho=RHO, delta=st.floats(0.001, 0.999),
)  # fmt: skip
def test_unseen_mass_splits_merges_and_falls(mass, n, rho, delta) -> None:
    p = np.array(mass) / sum(mass)
    value = float(bounds.unseen_mass(p, n, prompt_mass=rho))
    assert float(bounds.unseen_mass(p, n + 1, prompt_mass=rho)) <= value
    # Two halves of a block, or of a prompt, are seen less soon than the whole.
    halves = np.concatenate([p / 2, p / 2])
    assert float(bounds.unseen_mass(halves, n, prompt_mass=rho)) >= value * (1 - 1e-12)
    assert 2 * float(bounds.unseen_mass(p, n, prompt_mass=rho / 2)) * rho / 2 >= rho * value * (
        1 - 1e-12
    )
    if n > 0:
        assert rho * value <= len(p) / (math.e * n) * (1 + 1e-12)
    # Clean labels need no tolerance; noise and tolerance cost.
    clean = float(bounds.noisy_unseen_mass(p, n, 0.0, 0.0, prompt_mass=rho))
    assert clean == pytest.approx(value, rel=1e-12)
    assert float(bounds.noisy_unseen_mass(p, n, 0.2, 0.0, prompt_mass=rho)) >= value * (1 - 1e-12)
    likely = bounds.unseen_mass_in_probability(p, n, delta, prompt_mass=rho)
    surer = bounds.unseen_mass_in_probability(p, n, delta / 2, prompt_mass=rho)
    assert likely <= surer * (1 + 1e-3)
    assert surer <= rho + 1e-12


@few
@given(
    n=st.integers(0, 10**6), size=st.floats(0.0, 50.0), more=st.floats(0.0, 5.0),
    delta=st.floats(0.001, 1.0),
)  # fmt: skip
def test_a_verifiers_error_grows_with_its_class_and_falls_in_n(n, size, more, delta) -> None:
    for kwargs in ({}, {"uniform": True}, {"delta": delta}, {"uniform": True, "delta": delta}):
        value = float(bounds.verifier_error(n, size, **kwargs))
        # A class of less than two rewards is no class with rivals.
        if size >= math.log(2):
            assert float(bounds.verifier_error(n, size + more, **kwargs)) >= value - 1e-12
        assert float(bounds.verifier_error(n + 1, size, **kwargs)) <= value + 1e-12
        assert 0 <= value <= 1


@few
@given(
    h=st.floats(1.0, 1e4), e=st.floats(0.0, 1.0), kappa=st.floats(0.0, 10.0),
    w=st.floats(1.0, 50.0), sigma=st.floats(0.0, 1e3), reached=st.floats(0.01, 1.0),
)  # fmt: skip
def test_verifications_bound_is_the_least_of_its_terms(h, e, kappa, w, sigma, reached) -> None:
    given_ = {"kappa": kappa, "max_ratio": w, "sigma": sigma, "coverage": reached}
    for learner in bounds.VB_LEARNERS:
        terms = bounds.vb_upper_terms(h, e, learner=learner, **given_)
        value = float(bounds.vb_upper(h, e, learner=learner, **given_))
        assert value == min(float(term) for term in terms.values())
        assert 0 <= value <= h
        assert float(bounds.vb_upper(2 * h, e, learner=learner, **given_)) >= value
        assert float(bounds.vb_upper(h, min(2 * e, 1.0), learner=learner, **given_)) >= value
        assert float(bounds.vb_upper(h, 0.0, learner=learner, **given_)) == 0.0
    # kappa = 0: the ball is the base policy, which is the competitor too.
    assert float(RESULTS["T7a"](horizon=h, error=e, kappa=0.0)) == pytest.approx(h * e)
    assert float(bounds.vb_upper(h, e, kappa=0.0, sigma=sigma)) == 0.0


@few
@given(sigma=st.floats(0.1, 50.0), n=st.integers(1, 10**5), delta=st.floats(0.01, 0.5))
def test_cloning_in_probability_reduces_to_one_prompt(sigma, n, delta) -> None:
    one = float(bounds.sft_upper_in_probability([sigma], 100.0, n, delta))
    # A second prompt of mass zero is no prompt but for the union bound.
    two = float(
        bounds.sft_upper_in_probability([sigma, sigma], 100.0, n, delta, prompt_mass=[1.0, 0.0])
    )
    assert two == pytest.approx(one)
    expected = sigma / math.sqrt(n) + 100.0 * math.sqrt(math.log(2 / delta) / (2 * n))
    assert one == pytest.approx(min(expected, 100.0))


@few
@given(n=st.floats(1.0, 1e9))
def test_best_of_n_goes_farther_with_n(n) -> None:
    assert float(bounds.best_of_n_kl(1)) == float(bounds.best_of_n_chi2(1)) == 0.0
    assert float(bounds.best_of_n_kl(2 * n)) > float(bounds.best_of_n_kl(n))
    assert float(bounds.best_of_n_chi2(2 * n)) > float(bounds.best_of_n_chi2(n))
    # KL <= log(1 + chi2), for any two laws.
    assert float(bounds.best_of_n_kl(n)) <= math.log1p(float(bounds.best_of_n_chi2(n))) + 1e-12


def test_rates_are_met_in_the_limit() -> None:
    p, r = np.array([0.5, 0.5]), np.array([0.0, 100.0])
    constants = bounds.constants()
    for n in (10**6, 10**8):
        scale = 50.0 / math.sqrt(n)
        two = float(bounds.vf_lower(p, r, n, kappa=0.25, form="two_point")) / scale
        low, high = (float(x) for x in constants["two_point"].digits())
        assert two == pytest.approx((low + high) / 2, rel=2e-3)
        assert float(bounds.sft_upper(50.0, n)) / scale == pytest.approx(1.0, rel=1e-6)


def test_many_alike_prompts_cost_as_much_as_theory_says() -> None:
    # m prompts of mass 1/m are as one with n/m samples.
    model = load_family("two_point", horizon=64, prompts=4)
    value = bounds.vf_lower(
        model.pmf, model.returns, 4000, prompt_mass=model.prompt_mass, kappa=0.25, form="two_point"
    )
    one = bounds.vf_lower(model.pmf[0], model.returns[0], 1000, kappa=0.25, form="two_point")
    # Binomial n_x against its mean.
    assert float(model.prompt_mass @ value) == pytest.approx(float(one), rel=1e-2)


@slow
@given(h=st.floats(1.0, 100.0), n=st.integers(0, 2000), q=st.floats(0.05, 0.5))
def test_blocks_of_one_pair_reduce_to_two_points(h, n, q) -> None:
    """Two styles that are everything and are worth the same: half of T4a's, on either style."""
    mass = np.array([q, 1 - q])
    pair = float(bounds.vf_lower_blocks(mass, [h, h], n, kappa=0.3))
    # In T4a's terms g = R - J over sigma, with R worth h on the first style alone.
    alone = float(bounds.vf_lower(mass, [h, 0.0], n, kappa=0.3, form="two_point"))
    assert pair == pytest.approx(alone, rel=2e-2)
