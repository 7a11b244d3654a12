"""What the exact theory says of a trained base: bounds and the tabular engine, at its own law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.ball.optimum import chi2_ball_optimum
from antiscale.core.validate import Floats
from antiscale.learners import load_learner
from antiscale.learners.base import Data, Setting
from antiscale.models.measures import anticoncentration
from antiscale.models.traces import TraceModel
from antiscale.rewards import load_class

# Draws of data behind the tabular engine's mean.
_DRAWS = 200
# With at least this probability a clone loses what T4h says.
CHANCE = 0.25


def predictions(
    style: Floats, returns: Floats, *, horizon: int, kappa: float, n: int, announced: bool,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Predict the losses of cloning and of verification, in tokens, means over prompts.

    Parameters
    ----------
    style : [m, styles]
        The base's P(style) at equally likely prompts.
    returns : [m, styles, H + 1]
        Law of the return given the style.
    announced
        Whether types are announced: T4 holds there alone.

    Returns
    -------
    dict
        `sigma`, `sigma_expert`, `sigma_max` (T4g) in tokens, `c_0` (T3) and `V_kappa`;
        `sft_upper` (T5a); `sft_tabular`, the mean loss of tabular SFT; where types are announced
        `vf_lower` (T4f near the expert), `vf_lower_in_probability` (T4h at `CHANCE`), and with
        each style one block `verifier_error_upper` (T6b's unseen mass times H) and `simple_upper`
        (T7 at it).
    """
    joint = style[..., None] * returns
    pmf = joint.sum(-2)
    # Traces of no style earn nothing.
    pmf[..., 0] += np.maximum(1.0 - pmf.sum(-1), 0.0)
    gain, prompts = np.arange(horizon + 1.0), len(pmf)
    rho = 1.0 / prompts
    best = chi2_ball_optimum(pmf, np.broadcast_to(gain, pmf.shape), kappa)
    ratio = np.asarray(best.density_ratio)
    expert = pmf * ratio

    def spread(p: Floats) -> Floats:
        return np.sqrt(np.maximum(p @ gain**2 - (p @ gain) ** 2, 0.0))

    sigma, lead = spread(pmf), expert @ gain - pmf @ gain
    every = np.broadcast_to(gain, pmf.shape)
    found: dict[str, Any] = {
        "sigma": sigma.mean(), "sigma_expert": spread(expert).mean(),
        "sigma_max": np.mean(bounds.largest_spread(pmf, every, kappa).value),
        "c_0": np.min(anticoncentration(pmf, every, 0.0)), "V_kappa": (expert @ gain).mean(),
        "sft_upper": np.mean(
            bounds.sft_upper(spread(expert), n, prompt_mass=rho, fallback_gap=lead)
        ),
        "sft_tabular": _tabular(pmf, expert, horizon=horizon, kappa=kappa, n=n, seed=seed),
        "vf_lower": None, "vf_lower_in_probability": None, "verifier_error_upper": None,
        "simple_upper": None,
    }  # fmt: skip
    if announced:
        given: dict[str, Any] = {"prompt_mass": rho, "kappa": kappa, "overlap": "averaged"}
        found["vf_lower"] = np.mean(bounds.vf_lower(pmf, every, n, centre=expert, **given))
        found["vf_lower_in_probability"] = np.mean(
            bounds.vf_lower_in_probability(pmf, every, n, chance=CHANCE, **given)
        )
        error = np.mean(bounds.unseen_mass(style, n, prompt_mass=rho))
        found["verifier_error_upper"] = horizon * error
        found["simple_upper"] = bounds.vb_upper(
            horizon, error, learner="simple", kappa=kappa, sigma=sigma.mean(),
            max_ratio=ratio.max(),
        )  # fmt: skip
    return {name: None if value is None else float(value) for name, value in found.items()}


def _tabular(
    pmf: Floats, expert: Floats, *, horizon: int, kappa: float, n: int, seed: int
) -> float:
    """Mean of sum_x rho(x) |J_e - J|_x for the learner `sft`, whose types are the returns."""
    gain, prompts = np.arange(horizon + 1.0), len(pmf)
    rng = np.random.default_rng(seed)
    times = np.broadcast_to(np.where(gain > 0, horizon - gain + 1, np.inf), pmf.shape)
    model = TraceModel(
        family="trained", horizon=horizon, pmf=pmf, hitting_times=times, lengths=times,
        styles=np.zeros(pmf.shape, dtype=int), prompt_mass=np.full(prompts, 1.0 / prompts),
        announced=False,
    )  # fmt: skip
    setting = Setting(
        jnp.asarray(pmf), jnp.asarray(model.prompt_mass), float(horizon), kappa,
        load_class("known", model),
    )  # fmt: skip
    each = rng.multinomial(n, model.prompt_mass, size=_DRAWS)
    counts = rng.multinomial(each, expert)
    policy = jax.jit(load_learner("sft"))(Data(jnp.asarray(counts, float)), setting)
    return float(np.abs((np.asarray(policy) - expert) @ gain).mean())
