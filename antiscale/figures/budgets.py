"""Figure 6: a budget-forced clone against best-of-N over token budgets, simulated and real."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from antiscale.core.config import FromMapping
from antiscale.core.errors import InputError
from antiscale.core.numbers import fixed, setting
from antiscale.figures import Progress, Record, by_series, part
from antiscale.figures.build import rows_of
from antiscale.plots import style

RECORD = Record(
    6, "A budget-forced clone against best-of-N, simulated and real",
    "The paper sets the S1 model, forced to a budget, against best-of-N. Here (a) to (c) are "
    "exact for mixtures of difficulty; (d) is real data: the samples of CodeGen-16B on "
    "HumanEval that CodeT published (github.com/microsoft/CodeT, MIT licence), with tests "
    "written by the model as the verifier.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Config(FromMapping):
    """Mixtures of difficulty, and the samples of a real model.

    Attributes
    ----------
    horizon, samples
        H of the search, and the traces behind the clone and the learned verifier.
    mixtures
        alpha, beta of the Beta law of success over prompts, one pair per mixture.
    names
        Of the mixtures.
    """

    horizon: int
    samples: int
    mixtures: tuple[tuple[float, float], ...]
    names: tuple[str, ...]

    def agree(self) -> None:
        """Refuse other names than there are mixtures."""
        if len(self.mixtures) != len(self.names):
            raise InputError("names must have one entry per mixture")


def rows(config: Config, progress: Progress) -> pd.DataFrame:
    """Panels named by mixture (accuracy per strategy and budget), and "real" (per samples)."""
    from antiscale.search import SearchConfig, search_curves

    frames = []
    for done, (name, (alpha, beta)) in enumerate(zip(config.names, config.mixtures, strict=True)):
        search = SearchConfig(
            horizon=config.horizon, samples=config.samples,
            parameters={"alpha": alpha, "beta": beta},
            strategies=("single@cloned", "learned", "oracle", "noisy"),
        )  # fmt: skip
        found = search_curves(search).frame.rename(columns={"strategy": "series"})
        frames.append(found.assign(panel=name, alpha=alpha, beta=beta))
        progress(done + 1, len(config.names), name)
    keep = ["panel", "series", "alpha", "beta", "horizon", "n", "budget", "accuracy"]
    real = rows_of("diagnose")["rollouts_codet_search.csv"]
    for series in ("pass_at", "best_of"):
        frames.append(pd.DataFrame({
            "panel": "real", "series": series, "budget": real["n"], "accuracy": real[series],
            "low": real[f"{series}_low"], "high": real[f"{series}_high"],
        }))  # fmt: skip
    return pd.concat([f.reindex(columns=[*keep, "low", "high"]) for f in frames], ignore_index=True)


def note(rows: pd.DataFrame) -> str:
    """Two sentences of reading."""
    ends = []
    for name in rows["panel"].unique()[:-1]:
        of = part(rows, name)
        clone, best = (part(of, name, s)["accuracy"].iloc[-1] for s in ("single@cloned", "learned"))
        ends.append(f"{fixed(best / clone, 1)} ({name})")
    real = part(rows, "real", "best_of")
    peak = real.loc[real["accuracy"].idxmax()]
    most = setting(rows["budget"].max() / rows["horizon"].max())
    return (
        f"With {most} H tokens best-of-N by a learned verifier is right {', '.join(ends)} times as "
        "often as the cloned trace, which no budget beyond H helps. On HumanEval (CodeGen-16B, 100 "
        "samples per problem) tests written by the model are a verifier that search overuses: "
        f"accuracy peaks at {fixed(peak['accuracy'], 2)} with {setting(peak['budget'])} samples "
        f"and ends at {fixed(real['accuracy'].iloc[-1], 2)}, while a right one is ever more surely "
        "among them."
    )


def draw(rows: pd.DataFrame) -> Figure:
    """One panel per mixture, and the real model's."""
    names = list(rows["panel"].unique())
    looks = {
        "single@cloned": ("VF: budget-forced clone", style.VF, "o", "-"),
        "learned": ("VB: best-of-N, learned", style.VB, "s", "-"),
        "oracle": ("best-of-N, oracle", style.SKY, "^", ":"),
        "noisy": ("best-of-N, AUC 0.85", style.PURPLE, "v", "--"),
    }
    with style.sheet(4.4, note(rows)) as figure:
        panels = figure.subplots(2, 2).ravel()
        for axes, name in zip(panels, names[:-1], strict=False):
            of = part(rows, name)
            for series, one in by_series(rows, name).items():
                label, color, marker, line = looks[series]
                axes.plot(one["budget"], one["accuracy"], line, color=color, marker=marker,
                          label=label)  # fmt: skip
            style.mark_horizon(axes, float(of["horizon"].iloc[0]))
            a, b = of["alpha"].iloc[0], of["beta"].iloc[0]
            axes.set(xscale="log", ylim=(0, 1), xlabel="token budget (hard cap)", ylabel="P(right)",
                     title=f"{name.capitalize()}: Beta({setting(a)}, {setting(b)})")  # fmt: skip
            style.plain_ticks(axes, of["budget"].unique(), most=5)
        real = panels[len(names) - 1]
        for series, label, color, marker in (
            ("pass_at", "a right one among them (pass@k)", style.SKY, "^"),
            ("best_of", "best by its own tests", style.VB, "s"),
        ):
            one = part(rows, "real", series)
            one = one.rename(columns={"low": "accuracy_low", "high": "accuracy_high"})
            look = {"color": color, "marker": marker, "label": label}
            style.band(real, one["budget"], one, "accuracy", **look)
        real.axhline(part(rows, "real", "best_of")["accuracy"].iloc[0], color=style.VF,
                     label="one sample")  # fmt: skip
        real.set(xscale="log", xlabel="samples per problem", ylabel="P(right)",
                 title="HumanEval, CodeGen-16B (95%)")  # fmt: skip
        style.shares(real, 1.25)
        style.plain_ticks(real, [1, 4, 10, 32, 100])
        real.legend(loc="upper left")
        style.legend_above(figure, panels[0])
    return figure
