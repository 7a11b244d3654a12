"""The ball's derivatives against finite differences, and sigma's where it has none."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import antiscale as ac
from antiscale.ball.optimum import solve

# Central differences of step h err by about h^2 and 1e-16/h.
_STEP = 1e-5


def slope(f: Callable[[float], float]) -> float:
    """Fourth-order central difference at 0."""
    h = _STEP
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def value(p, r, kappa, rho=None):
    if rho is None:
        return ac.chi2_ball_optimum(p, r, kappa).value
    return ac.chi2_ball_optimum_average(p, r, kappa, rho).value


# Compiled once for each shape.
slopes = {
    "per prompt": jax.jit(jax.grad(value, argnums=(0, 1, 2))),
    "average": jax.jit(jax.grad(value, argnums=(0, 1, 2, 3))),
}


def smooth(p, r, kappa, rho=None) -> bool:
    """No type is about to enter or leave, and the vertex is not near."""
    one = rho is None
    found = ac.chi2_ball_optimum(p, r, kappa) if one else (
        ac.chi2_ball_optimum_average(p, r, kappa, rho))  # fmt: skip
    near = np.abs(r - np.asarray(found.threshold)[..., None]).min()
    top = np.sort(r, axis=-1)
    chi2 = float((p * (found.density_ratio - 1) ** 2).sum() if one else
                 rho @ np.asarray((p * (found.density_ratio - 1) ** 2).sum(-1)))  # fmt: skip
    return bool(near > 0.05 and (top[..., -1] - top[..., -2]).min() > 0.05 and chi2 > 0.9 * kappa)


def moved(rng, p):
    """A direction in which p stays a pmf."""
    d = rng.normal(size=p.shape) * p
    return d - p * d.sum(-1, keepdims=True)


@pytest.mark.parametrize("budget", ["per prompt", "average"])
def test_derivatives_are_those_of_finite_differences_off_the_kinks(rng, budget: str) -> None:
    tried = 0
    for _ in range(40):
        shape = 5 if budget == "per prompt" else (3, 4)
        p = rng.dirichlet(np.full(5 if budget == "per prompt" else 4, 2.0),
                          () if budget == "per prompt" else 3)  # fmt: skip
        r, kappa = rng.normal(size=shape) * 5, float(10 ** rng.uniform(-2, 0.3))
        rho = None if budget == "per prompt" else rng.dirichlet(np.full(3, 3.0))
        if not smooth(p, r, kappa, rho):
            continue
        tried += 1
        dp, dr = moved(rng, p), rng.normal(size=shape)
        found = slopes[budget](p, r, kappa, *(() if rho is None else (rho,)))
        for slow, fast in (
            (slope(lambda t, p=p, dp=dp, r=r, k=kappa, q=rho: value(p + t * dp, r, k, q)),
             (found[0] * dp).sum()),
            (slope(lambda t, p=p, r=r, dr=dr, k=kappa, q=rho: value(p, r + t * dr, k, q)),
             (found[1] * dr).sum()),
            (slope(lambda t, p=p, r=r, k=kappa, q=rho: value(p, r, k * (1 + t), q)),
             found[2] * kappa),
        ):  # fmt: skip
            assert float(fast) == pytest.approx(float(slow), abs=1e-8)
        # Moves of p that leave its sum alone are all that counts.
        np.testing.assert_allclose((p * np.asarray(found[0])).sum(-1), 0.0, atol=1e-12)
        if rho is not None:
            by_rho = found[3]
            d = moved(rng, rho)
            slow = slope(lambda t, p=p, r=r, k=kappa, q=rho, d=d: value(p, r, k, q + t * d))
            assert float(by_rho @ d) == pytest.approx(float(slow), abs=1e-8)
    assert tried >= 10


def test_the_derivative_by_returns_is_the_optimal_policy(rng) -> None:
    p, r = rng.dirichlet(np.ones(5), 7), rng.normal(size=(7, 5))
    kappa = 10 ** rng.uniform(-3, 2, 7)
    best = ac.chi2_ball_optimum(p, r, kappa)
    found = jax.grad(lambda r: value(p, r, kappa).sum())(r)
    np.testing.assert_allclose(found, p * np.asarray(best.density_ratio), rtol=1e-12)


def test_ratios_are_differentiated_with_the_active_set_held(rng) -> None:
    def ratio(r, p):
        return ac.chi2_ball_optimum(p, r, 0.4).density_ratio

    forward = jax.jit(lambda r, p, d: jax.jvp(lambda r: ratio(r, p), (r,), (d,))[1])
    backward = jax.jit(jax.jacrev(ratio))
    for _ in range(10):
        p, r, dr = rng.dirichlet(np.full(5, 2.0)), rng.normal(size=5) * 5, rng.normal(size=5)
        if not smooth(p, r, 0.4):
            continue
        slow = slope(lambda t, r=r, p=p, dr=dr: np.asarray(ratio(r + t * dr, p)))
        np.testing.assert_allclose(forward(r, p, dr), slow, atol=1e-7)
        np.testing.assert_allclose(backward(r, p) @ dr, slow, atol=1e-7)


def test_it_is_differentiated_inside_jit_and_vmap(rng) -> None:
    p, r = rng.dirichlet(np.ones(5), 7), rng.normal(size=(7, 5))
    plain = jnp.stack([slopes["per prompt"](q, s, 0.3)[1] for q, s in zip(p, r, strict=True)])
    each = jax.grad(lambda p, r: value(p, r, 0.3), argnums=1)
    np.testing.assert_allclose(jax.jit(jax.vmap(each))(p, r), plain, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(jax.jit(each))(p, r), plain, rtol=1e-12)
    forward = jax.jvp(lambda r: solve(p, r, jnp.full(7, 0.3)).value, (r,), (np.ones_like(r),))[1]
    np.testing.assert_allclose(forward, 1.0, rtol=1e-12)


def test_at_the_kinks_there_are_numbers() -> None:
    def every(p, r, kappa):
        return slopes["per prompt"](np.array(p), np.array(r), float(kappa))

    # The vertex: the best type is all that counts.
    by_p, by_r, by_kappa = every([0.2, 0.8, 0.0], [3.0, 1.0, 9.0], 9)
    np.testing.assert_array_equal(by_p, [0, 0, 0])
    np.testing.assert_array_equal(by_r, [1, 0, 0])
    assert by_kappa == 0
    # No budget: the base policy's own derivatives, and a root's slope.
    by_p, by_r, by_kappa = every([0.25, 0.75, 0.0], [3.0, -1.0, 9.0], 0)
    np.testing.assert_allclose(by_p, [3, -1, 0])
    np.testing.assert_array_equal(by_r, [0.25, 0.75, 0.0])
    assert by_kappa == np.inf
    # Constant returns, a type of no mass, an unlimited budget.
    for given in (([0.5, 0.25, 0.25], [2.0, 2.0, 2.0], 0.3),
                  ([0.5, 0.5, 0.0], [2.0, 1.0, 9.0], 0.3),
                  ([0.5, 0.25, 0.25], [2.0, 1.0, 1.0], np.inf)):  # fmt: skip
        found = every(*given)
        assert all(np.isfinite(part).all() for part in found)
        assert float(found[1].sum()) == pytest.approx(1.0)
    # An infinite slope that nothing moves along makes no nan.
    held = jax.jvp(lambda r: value([0.25, 0.75, 0.0], r, 0.0), (jnp.arange(3.0),), (jnp.ones(3),))
    assert float(held[1]) == 1.0


def test_sigma_has_a_derivative_where_returns_are_constant() -> None:
    p = jnp.array([0.25, 0.75])
    for point in ([5.0, 5.0], [0.0, 0.0]):
        for argument in (0, 1):
            found = jax.grad(ac.heterogeneity, argnums=argument)(p, jnp.array(point))
            np.testing.assert_array_equal(found, [0.0, 0.0])
    # Elsewhere it is pmf (R - J)/sigma.
    r = np.array([1.0, 4.0])
    expected = p * (r - p @ r) / float(ac.heterogeneity(p, r))
    np.testing.assert_allclose(jax.grad(ac.heterogeneity, argnums=1)(p, r), expected, rtol=1e-12)
