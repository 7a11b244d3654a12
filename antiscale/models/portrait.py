"""A family at one horizon: what the theorem's premises measure there."""

from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.ball.optimum import chi2_ball_optimum
from antiscale.models import families, measures


def measures_of(
    name: str, parameters: dict[str, Any], horizon: int, kappa: float
) -> dict[str, Any]:
    """Measure the family `name` at `horizon`, prompt by prompt.

    Parameters
    ----------
    name, parameters, horizon
        As `load_family` takes them.
    kappa
        Radius of the chi-square ball.

    Returns
    -------
    The family's help, its size, and per prompt: `success` P(T <= H), `mean_return` J, `sigma`,
    `sigma_max` the largest in the ball (T4g; all three in tokens), `c0` c_x(kappa), `ct0`
    P(R >= V_kappa), `best_return` V_kappa, `max_ratio` W, `sharpness` Q_x(H/16); for `erdos` also
    `window` and `window_bound` (T3c) with `window_sharpness`.
    """
    family = families.family(name, **parameters)
    model = families.model_of(family, horizon)
    law = (model.pmf, model.returns)
    best = chi2_ball_optimum(*law, kappa)
    value = np.asarray(best.value)
    found: dict[str, Any] = {
        "family": name, "help": families.help_of(name), "horizon": horizon, "kappa": kappa,
        "prompts": model.prompts, "types": int(np.max((model.pmf > 0).sum(-1))),
        "announced": model.announced, "reward_class": family.reward_class,
        "sigma_exponent": model.sigma_exponent, "prompt_mass": model.prompt_mass.tolist(),
        "success": (model.pmf * (model.returns > 0)).sum(-1).tolist(),
        "mean_return": measures.mean_return(*law).tolist(),
        "sigma": measures.heterogeneity(*law).tolist(),
        "sigma_max": bounds.largest_spread(*law, kappa).value.tolist(),
        "c0": measures.anticoncentration(*law, kappa, horizon=horizon).tolist(),
        "best_return": value.tolist(),
        "ct0": measures.coverage(*law, value, horizon=horizon).tolist(),
        "max_ratio": np.asarray(best.density_ratio).max(-1).tolist(),
        "sharpness": measures.sharpness(*law, horizon / 16).tolist(),
    }  # fmt: skip
    if hasattr(family, "window"):
        width, bound = family.window(horizon)
        found["window"], found["window_bound"] = width, bound
        found["window_sharpness"] = measures.sharpness(*law, width).tolist()
    return found
