"""Figure 10: best learner, bounds and exact Bayes risk, for cloning and verification (T4 to T8).

Every number is an exact sum or a bound, none is sampled.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.numbers import fixed, setting, tick
from antiscale.figures import Progress, Record, part
from antiscale.plots import style

# Prior widths tried for the posterior median, in standard errors: the hardest is shown.
_WIDTHS = (2, 4, 8, 16, 24, 32)

RECORD = Record(
    10, "Best learner, bounds and exact Bayes risk",
    "Not in the paper: how nearly our constants are met.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Two fair types, and T8's two instances.

    Attributes
    ----------
    kappa
        Radius of the ball.
    horizon
        H of T8's instances, in tokens.
    cloning_samples, verification_samples
        The n of either side.
    bayes_up_to
        Largest n at which the posterior median's sum is computed.
    light, light_sharp
        d of T8a's and T8b's instance.
    """

    kappa: float = option(check=validate.real, least=0)
    horizon: int
    cloning_samples: tuple[int, ...] = option(check=validate.each, of=validate.integer, least=1)
    verification_samples: tuple[int, ...] = option(
        check=validate.each, of=validate.integer, least=1
    )
    bayes_up_to: int
    light: int
    light_sharp: int


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels "cloning", "verification" and "verification, sharp", one row per n."""
    panels = {"cloning": config.cloning_samples, "verification": config.verification_samples,
              "verification, sharp": config.verification_samples}  # fmt: skip
    steps = [(panel, n) for panel, samples in panels.items() for n in samples]
    found = []
    for done, (panel, n) in enumerate(steps):
        risks = cloning if panel == "cloning" else partial(verification, sharp="sharp" in panel)
        found.append({"panel": panel, "n": n, "kappa": config.kappa, **risks(config, n)})
        progress(done + 1, len(steps), f"{panel}, n = {n}")
    return pd.DataFrame(found)


def cloning(config: Config, n: int) -> dict[str, float | None]:
    """Two fair types: losses in units of sigma/sqrt(n)."""
    from antiscale import bounds
    from antiscale.risks.exact import bayes_risk_on_two_types, sft_mirror_risk

    pmf, returns = np.array([0.5, 0.5]), np.array([0.0, 2.0])  # sigma = 1
    scale = np.sqrt(n)
    sft = sft_mirror_risk(pmf[None], returns[None], n, np.ones(1), base=pmf[None]).value
    assert sft is not None
    forms = {
        f"{form}_{overlap}": scale * float(bounds.vf_lower(pmf, returns, n, kappa=config.kappa,
                                                           form=form, overlap=overlap))
        for form in ("two_point", "many_point") for overlap in ("affinity", "exact")
    }  # fmt: skip
    bayes = None
    if n <= config.bayes_up_to:
        # The hardest of some uniform priors: each is a lower bound for every learner.
        widths = {float(min(np.sqrt(config.kappa), k / scale)) for k in _WIDTHS}
        points = {a: int(np.clip(16 * a * scale, 64, 512)) for a in widths}
        bayes = scale * max(bayes_risk_on_two_types(a, k, 0.5, n) for a, k in points.items())
    upper = scale * float(bounds.sft_upper(1.0, n))
    return {"upper": upper, "learner": scale * sft, "bayes": bayes, **forms,
            "ratio": scale * sft / forms["many_point_exact"]}  # fmt: skip


def verification(config: Config, n: int, *, sharp: bool) -> dict[str, float | None]:
    """T8's instances: regrets in tokens."""
    from antiscale import bounds
    from antiscale.risks.rare_types import LightTypes

    light, H = config.light_sharp if sharp else config.light, float(config.horizon)
    model = LightTypes(
        horizon=H, n=n, light=light, expected=bounds.best_expected() if sharp else 1.0,
        heavy_gap=0.0 if sharp else H / 2, light_gap=H / 2, kappa=config.kappa,
    )  # fmt: skip
    terms = bounds.vb_upper_terms(H, model.unseen(), kappa=config.kappa, max_ratio=model.max_ratio)
    lower = bounds.vb_lower_slow if sharp else bounds.vb_lower_fast
    upper = float(terms["T7a" if sharp else "T7b"])
    bayes = model.bayes_regret()
    return {
        "upper": upper, "other_upper": float(terms["T7b" if sharp else "T7a"]),
        "learner": model.pessimist_risk(average=True), "learner_sup": model.pessimist_risk(),
        "wide": model.pessimist_risk(wide=True, average=True), "bayes": bayes,
        "lower": float(lower(H, n, light, config.kappa)), "ratio": upper / bayes,
    }  # fmt: skip


def note(rows: pd.DataFrame) -> str:
    """One sentence per panel."""
    kappa = float(rows["kappa"].iloc[0])
    ends = {panel: found.iloc[-1] for panel, found in rows.groupby("panel", sort=False)}
    return (
        f"Exact risks at kappa = {setting(kappa)}. At n = {tick(ends['cloning']['n'])} SFT's loss "
        f"is {fixed(ends['cloning']['ratio'], 3)} times T4c with exact overlap: cloning is all but "
        "minimax, and still pays sigma/sqrt(n). T7b is "
        f"{fixed(ends['verification']['ratio'], 1)} times the best learner's regret "
        f"(4 + 4/sqrt(kappa) = {setting(4 + 4 / kappa**0.5)} in the limit), T7a "
        f"{fixed(ends['verification, sharp']['ratio'], 1)} times where rewards are sharp: each "
        "rate is the truth."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Cloning in units of sigma/sqrt(n), and both instances of verification in tokens."""
    with style.sheet(3.5, note(rows)) as figure:
        left, middle, right = panels = figure.subplots(1, 3)
        _lines(left, part(rows, "cloning"), {
            "upper": ("T5a, upper", "--", "", style.VF),
            "learner": ("SFT, exact", "-", "o", style.VF),
            "bayes": ("posterior median", "-", "x", style.INK),
            "many_point_exact": ("T4c, exact overlap", ":", "^", style.VF),
            "many_point_affinity": ("T4c, affinity", ":", "v", style.GAP),
            "two_point_exact": ("T4a, exact overlap", ":", "", style.INK),
            "two_point_affinity": ("T4a, affinity", ":", "", style.GREY),
        })  # fmt: skip
        left.set(xscale="log", ylim=(0, 1.85), xlabel="traces $n$",
                 ylabel=r"loss / ($\sigma/\sqrt{n}$)", title="Cloning, two fair types")  # fmt: skip
        for axes, panel, title, first, last in (
            (middle, "verification", "Verification", "T7b", "T8a"),
            (right, "verification, sharp", "Verification, sharp", "T7a", "T8b"),
        ):
            _lines(axes, part(rows, panel), {
                "upper": (f"{first}, upper", "--", "", style.VB),
                "learner_sup": ("pessimist, E sup", "-", "s", style.VB),
                "learner": ("pessimist, average", "-", "o", style.SKY),
                "bayes": ("best learner (Bayes)", "-", "x", style.INK),
                "lower": (f"{last}, lower", ":", "", style.VB),
            })  # fmt: skip
            axes.set(xscale="log", yscale="log", xlabel="traces $n$", ylabel="regret (tokens)",
                     title=title)  # fmt: skip
            style.headroom(axes, 0.55)
        for axes in panels:
            axes.legend(loc="upper left" if axes is not left else "upper right")
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, looks: dict[str, tuple[str, str, str, str]]) -> None:
    """One line per column, with its label, style, marker and colour; blanks are left out."""
    for column, (label, line, marker, color) in looks.items():
        known = rows[rows[column].astype(float) > 0]
        axes.plot(known["n"], known[column], line, marker=marker, color=color, label=label)
