"""T4b and T4d: what every verifier-free algorithm must lose over many styles.

Styles are paired, and each pair has its own prior: signs (T4b) or a grid (T4d).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.bounds import overlap as overlaps
from antiscale.bounds.t4_cloning import Laws, many_point, many_point_glimpse, samples
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.theorem import theorem
from antiscale.core.validate import Floats

BLOCK_FORMS = ("two_point", "many_point")

# Scales tried per pair of styles: for signs, and for the dearer grids.
_CANDIDATES = 192
_GRID_CANDIDATES = 24


class BlockPrior(NamedTuple):
    """The prior of T4b or T4d, per prompt and pair of styles.

    Attributes
    ----------
    scale : [..., B // 2]
        eps of each pair: experts 1 + theta q/p_a on style a, 1 - theta q/p_b on b, with theta = eps
        or -eps (T4b), or uniform on `GRID_STEPS` + 1 even steps between (T4d).
    value : [...]
        The prompt's term, in tokens, before weighting by rho(x).
    """

    scale: Floats
    value: Floats


@theorem(
    "T4b", "blocks", "the same over pairs of styles: grows as sqrt(B/n)",
    kind="valid", direction="lower", learner="any VF learner", origin="ours",
    example={"style_mass": [0.25] * 4, "style_return": [100] * 4, "n": 1000, "kappa": 0.25},
    fixed={"form": "two_point"},
)  # fmt: skip
@theorem(
    "T4d", "blocks, many points", "T4b with T4c's grid for each pair of styles",
    kind="valid", direction="lower", learner="any VF learner", origin="ours",
    example={"style_mass": [0.25] * 4, "style_return": [100] * 4, "n": 1000, "kappa": 0.25},
    fixed={"form": "many_point"},
)  # fmt: skip
@validate.boundary
def vf_lower_blocks(
    style_mass: npt.ArrayLike,
    style_return: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "two_point",
) -> Floats:
    """Lower bound on one prompt's worst-expert loss over the class `styles` (T4b, T4d).

    Styles are paired in the given order, (0, 1), (2, 3), ...; an odd one out is left. T4b, with
    q = min(p_a, p_b): sup (1/2) sum_pairs eps q (h_a + h_b) [1 - sqrt(1 - BC^2)],
    BC = (1 - rho sum_{s in {a,b}} p_s (1 - sqrt(1 - (eps q/p_s)^2)))^n, over eps <= 1 per pair
    with sum eps^2 q^2 (1/p_a + 1/p_b) <= kappa. T4d puts T4c's many points in place of each pair's
    two. Valid for every n; grows as sqrt(B/n).

    Parameters
    ----------
    style_mass, style_return : [..., B]
        p_s, the base policy's mass of each style (at most one in all), and
        h_s = E[f_s | s] >= 0, in tokens.
    n, prompt_mass, kappa : broadcast against the leading axes
        Samples; rho(x); radius of the ball.
    form
        "two_point" (T4b) or "many_point" (T4d).

    Returns
    -------
    [...] tokens, *before* weighting: the bound is sum_x rho(x) vf_lower_blocks(x).

    Raises
    ------
    InputError
        If masses are negative or sum to more than one, or n or kappa is negative or NaN.
    """
    return hardest_block_prior(
        style_mass, style_return, n, prompt_mass=prompt_mass, kappa=kappa, form=form
    ).value


@validate.boundary
def hardest_block_prior(
    style_mass: npt.ArrayLike,
    style_return: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    prompt_mass: npt.ArrayLike = 1.0,
    kappa: npt.ArrayLike = np.inf,
    form: str = "two_point",
) -> BlockPrior:
    """Return the prior at which `vf_lower_blocks` is attained (T4b, T4d); same arguments."""
    validate.choice("form", form, BLOCK_FORMS)
    many = form == "many_point"
    mass = validate.nonnegative("style_mass", style_mass, finite=True)
    height = validate.nonnegative("style_return", style_return, finite=True)
    if (mass.sum(-1) > 1.0 + validate.PMF_TOLERANCE).any():
        raise InputError(f"style_mass must sum to at most 1; got {np.max(mass.sum(-1)):.8g}")
    n_, rho, budget = (z[..., None] for z in samples(n, prompt_mass, kappa))
    mass, height = np.broadcast_arrays(mass, height)
    pairs = mass.shape[-1] // 2
    p = mass[..., : 2 * pairs].reshape(*mass.shape[:-1], pairs, 2)
    h = height[..., : 2 * pairs].reshape(*height.shape[:-1], pairs, 2).sum(-1)
    q = p.min(-1)
    inverse = np.divide(1.0, p, out=np.zeros_like(p), where=(p > 0) & (q > 0)[..., None])
    cost = q**2 * inverse.sum(-1)

    total_cost = cost.sum(-1, keepdims=True)
    affordable = np.sqrt(budget / np.where(total_cost > 0, total_cost, 1.0))
    # Candidates for each pair's eps, [..., pairs, E]: zero, then a log grid up to 1.
    low = np.minimum(np.minimum(1.0 / np.sqrt(n_ * rho * q + 1.0), affordable), 1.0) / 8.0
    exponent = np.linspace(1.0, 0.0, _GRID_CANDIDATES if many else _CANDIDATES)
    grid = np.maximum(low, 1e-150)[..., None] ** exponent
    eps = np.concatenate([np.zeros_like(grid[..., :1]), grid], axis=-1)

    if many:
        gain = 0.5 * (q * h)[..., None] * _many_points(many_point_glimpse, eps, p, n_, rho)
    else:
        square = np.minimum((eps[..., None] * (q[..., None] * inverse)[..., None, :]) ** 2, 1.0)
        defect = (p[..., None, :] * square / (1.0 + np.sqrt(1.0 - square))).sum(-1)
        power, share = n_[..., None], rho[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            log_affinity = power * np.log1p(-np.minimum(share * defect, 1.0))
        overlap = overlaps.one_minus_tv(np.where(power == 0, 0.0, log_affinity))
        gain = 0.5 * eps * (q * h)[..., None] * overlap
    spent = eps**2 * cost[..., None]

    def chosen(price: Floats) -> tuple[Floats, Floats, Floats]:
        """Each pair's best candidate when budget has a price, and what they spend in all."""
        best = np.argmax(gain - price[..., None] * spent, axis=-1)[..., None]
        eps_, gain_, spent_ = (
            np.take_along_axis(np.broadcast_to(z, gain.shape), best, -1)[..., 0]
            for z in (eps, gain, spent)
        )
        return eps_, gain_.sum(-1), spent_.sum(-1, keepdims=True)

    # Spend the budget where it gains most: the least price at which the pairs keep within it.
    free = np.zeros(gain.shape[:-1])[..., :1]
    costly = np.broadcast_to(spent > 0, gain.shape)
    rate = np.divide(gain, spent, out=np.zeros_like(gain), where=costly)
    dear = 1.01 * rate.max(axis=(-2, -1))[..., None] if pairs else free
    if (chosen(free)[2] > budget).any():
        cheap = free
        for _ in range(100):
            middle = 0.5 * (cheap + dear)
            within = chosen(middle)[2] <= budget
            cheap, dear = np.where(within, cheap, middle), np.where(within, middle, dear)
    price = np.where(chosen(free)[2] <= budget, free, dear)
    scale, value, _ = chosen(price)
    if many:
        term = _many_points(many_point, scale[..., None], p, n_, rho)[..., 0]
        value = (0.5 * q * h * term).sum(-1)
    return BlockPrior(scale, value)


def _many_points(
    at: Callable[[Floats, Laws, overlaps.Overlap], Floats],
    eps: Floats,
    p: Floats,
    n: Floats,
    rho: Floats,
) -> Floats:
    """T4c in units of sigma for each pair of masses p [..., 2] and scale eps [..., E]: [..., E].

    A pair's prior is T4c's with the pair's masses for the law and g = q/p_a, -q/p_b.
    """
    inputs = np.broadcast_arrays(p[..., :1], p[..., 1:], n[..., None], rho[..., None], eps)
    rows = np.stack(inputs, axis=-1)
    # Pairs and prompts are often alike: each distinct one is worked out once.
    distinct, where = np.unique(rows.reshape(-1, rows.shape[-1]), axis=0, return_inverse=True)
    value = np.zeros(len(distinct))
    some = (distinct[:, 0] > 0.0) & (distinct[:, 1] > 0.0) & (distinct[:, -1] > 0.0)
    pair, power, share, scale = np.split(distinct[some], [2, 3, 4], axis=-1)
    g = np.min(pair, axis=-1, keepdims=True) / pair * np.array([1.0, -1.0])
    one = np.ones(len(pair))
    laws = Laws(pair, g, power[:, 0], share[:, 0], -one, one)
    if some.any():
        value[some] = at(scale[:, 0], laws, overlaps.from_affinity)
    return value[where.reshape(rows.shape[:-1])]
