"""Best learner, bound and exact Bayes risk: how nearly T4 and T7 are met.

    python experiments/sandwich.py

Writes figures/sandwich.csv and figures/sandwich.png, .svg; every number is an exact sum or a bound,
none is sampled. Left: cloning on two fair types. Middle: T8(a), where the fast rate of verification
is the truth. Right: T8(b), where rewards are sharp and the slow rate is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from antiscale import bounds, plots
from antiscale.exact import bayes_risk_on_two_types, sft_mirror_risk
from antiscale.light import LightTypes

FIGURES = Path(__file__).parent.parent / "figures"
KAPPA = 0.25
HORIZON = 1024.0
# Beyond this the posterior median's sum has too many terms.
BAYES_UP_TO = 10**4


def cloning(n: int) -> dict[str, float | None]:
    """Two fair types, returns 0 and H: losses in units of sigma/sqrt(n)."""
    pmf, returns = np.array([0.5, 0.5]), np.array([0.0, 2.0])  # sigma = 1
    scale = np.sqrt(n)
    sft = sft_mirror_risk(pmf[None], returns[None], n, np.ones(1), base=pmf[None]).value
    assert sft is not None
    forms = {
        f"{form}_{overlap}": scale
        * float(bounds.vf_lower(pmf, returns, n, kappa=KAPPA, form=form, overlap=overlap))
        for form in ("two_point", "many_point")
        for overlap in ("affinity", "exact")
    }
    bayes = None
    if n <= BAYES_UP_TO:
        # The hardest of some uniform priors: each is a lower bound for every learner.
        widths = {min(np.sqrt(KAPPA), k / scale) for k in (2, 4, 8, 16, 24, 32)}
        bayes = scale * max(
            bayes_risk_on_two_types(float(a), int(np.clip(16 * a * scale, 64, 512)), 0.5, n)
            for a in widths
        )
    upper = scale * float(bounds.sft_upper(1.0, n))
    return {"upper": upper, "learner": scale * sft, "bayes": bayes, **forms,
            "ratio": scale * sft / forms["many_point_exact"]}  # fmt: skip


def verification(n: int, *, sharp: bool) -> dict[str, float | None]:
    """T8's instances: regrets in tokens."""
    light = 64 if sharp else 4
    model = LightTypes(
        horizon=HORIZON, n=n, light=light, expected=bounds.best_expected() if sharp else 1.0,
        heavy_gap=0.0 if sharp else HORIZON / 2, light_gap=HORIZON / 2, kappa=KAPPA,
    )  # fmt: skip
    terms = bounds.vb_upper_terms(HORIZON, model.unseen(), kappa=KAPPA, max_ratio=model.max_ratio)
    lower = bounds.vb_lower_slow if sharp else bounds.vb_lower_fast
    upper = float(terms["T7a" if sharp else "T7b"])
    bayes = model.bayes_regret()
    return {
        "upper": upper, "other_upper": float(terms["T7b" if sharp else "T7a"]),
        "learner": model.pessimist_risk(average=True), "learner_sup": model.pessimist_risk(),
        "wide": model.pessimist_risk(wide=True, average=True), "bayes": bayes,
        "lower": float(lower(HORIZON, n, light, KAPPA)), "ratio": upper / bayes,
    }  # fmt: skip


def rows() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for n in (10, 30, 100, 300, 1000, 3000, 10**4, 30000, 10**5, 300000, 10**6):
        found.append({"panel": "cloning", "n": n, **cloning(n)})
    for sharp in (False, True):
        for n in (128, 512, 2048, 8192, 2**15, 2**17, 2**20):
            panel = "verification, sharp" if sharp else "verification"
            found.append({"panel": panel, "n": n, **verification(n, sharp=sharp)})
    return found


def main() -> None:
    frame = pd.DataFrame(rows())
    frame.to_csv(FIGURES / "sandwich.csv", index=False)
    for kind, image in plots.encode(plots.sandwich_figure(frame, KAPPA)).items():
        (FIGURES / f"sandwich.{kind}").write_bytes(image)
    print(frame.to_string())


if __name__ == "__main__":
    main()
