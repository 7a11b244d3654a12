"""T9's phase diagram: how much more cloning loses, for sigma = H^a and n = H^b.

The instances are T8's light types with heavy returns H/2 +- H^a/2, so that sigma ~ H^a. Either all
rewards lie that close together (l = s: W stays bounded), or light types may return 0 or H (l = H/2:
W grows as H^(1-a)). Both sides are compared with pibar_kappa: cloning sees the traces of
pibar_kappa of the labelling with half of the light types good, verification is compared with each
labelling's own. Both risks are exact sums, the bounds are T4 and T7.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from antiscale import bounds
from antiscale.risks.rare_types import LightTypes

# Light types, each expected once in the data.
LIGHT = 4
PANELS = ("bounded", "growing")
# Points per axis.
POINTS = 17


def boundary(panel: str, b: float) -> float:
    """The a above which cloning's rate sigma/sqrt(n) exceeds H W/n, T7b's rate (T9).

    bounded: W is bounded, a = 1 - b/2: from there on T4 certifies the gap, whereas cloning itself
    loses more for all b > 0, T7 with max |R_r - R_r'| = H^a in place of H being H^(a-b) (T9(iii)).
    growing: W = H^(1-a), a = 1 - b/4: there the losses themselves change order (T9(iv)).
    """
    return 1.0 - b / (2.0 if panel == "bounded" else 4.0)


def place(panel: str, a: float, b: float, horizon: float, kappa: float) -> dict[str, Any] | None:
    """Compute one point of the diagram; None where n = H^b does not exceed the light types.

    Returns
    -------
    `n`, `sigma`, `max_ratio`; `vf`, `vb` (SFT's and the pessimist's exact E sup_r, both against
    pibar_kappa), `gap` and `ratio` vf/vb; `vf_lower` (T4), `vb_upper` (T7b with H),
    `vb_upper_range` (T7 with max |R_r - R_r'|); tokens.
    """
    n = round(horizon**b)
    if n <= LIGHT:
        return None
    heavy = min(horizon**a, horizon) / 2
    model = LightTypes(
        horizon=horizon, n=n, light=LIGHT, heavy_gap=heavy,
        light_gap=heavy if panel == "bounded" else horizon / 2, kappa=kappa,
    )  # fmt: skip
    pmf, returns = model.law(LIGHT // 2)
    sigma = float(np.sqrt(pmf @ (returns - pmf @ returns) ** 2))
    cloning, verification = model.cloning_risk(LIGHT // 2), model.pessimist_risk()
    error = model.verifier_error()
    span = 2.0 * max(model.heavy_gap, model.light_gap)
    upper = {
        name: float(bounds.vb_upper(width, error, kappa=kappa, max_ratio=model.max_ratio))
        for name, width in (("vb_upper", horizon), ("vb_upper_range", span))
    }
    return {
        "panel": panel, "a": a, "b": b, "horizon": horizon, "n": n, "sigma": sigma,
        "max_ratio": model.max_ratio, "vf": cloning, "vb": verification,
        "gap": cloning - verification, "ratio": cloning / verification,
        "vf_lower": float(bounds.vf_lower(pmf, returns, n, kappa=kappa)), **upper,
        "boundary": boundary(panel, b),
    }  # fmt: skip


def diagram(
    horizon: float, kappa: float, *, points: int = POINTS,
    progress: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Compute the diagram on a grid of exponents, both panels.

    Parameters
    ----------
    horizon
        H in tokens; the larger, the nearer the asymptotic boundary.
    kappa
        Radius of the ball, in (0, 1/2].
    points
        Points per axis, for a in [0, 1] and b in [0.2, 1.8].
    progress
        Called after each row of points.
    """
    rows = []
    for panel, b in itertools.product(PANELS, np.linspace(0.2, 1.8, points).tolist()):
        across = np.linspace(0.0, 1.0, points).tolist()
        found = (place(panel, a, b, horizon, kappa) for a in across)
        rows += [row for row in found if row is not None]
        progress()
    return rows


def reading(horizon: float) -> str:
    """Say in plain words what the diagram shows."""
    return (
        f"Below: exact risks at H = {horizon:,.0f}, both against pibar_kappa, whose traces are "
        "cloned. Left, cloning loses more for every a and b (T9(iii)), the line is where T4 begins "
        "to certify it; right, below the line verification confined to the ball loses more."
    )
