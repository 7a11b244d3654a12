"""What a diagnosis says in three plain sentences, from its intervals alone.

Numbers that bound something are rounded away from the claim: lower ends down, upper ends up. Shares
have two digits and losses three, here, on the screen, in the figure and in the README.
"""

import math
from typing import Any

from antiscale.core.numbers import number, share

# Mean anti-concentration that is called so, if all of its interval is above.
_SOME = 0.05


def sentences(summary: dict[str, Any]) -> list[str]:
    """Three sentences: heterogeneity, anti-concentration, cloning against verification.

    Parameters
    ----------
    summary
        What `antiscale diagnose --json` prints.
    """
    if not summary["horizons"]:
        return _compared_only(summary)
    row = summary["horizons"][-1]
    return [_heterogeneity(summary, row), _anticoncentration(summary, row), _verdict(summary, row)]


def loss_least(value: float) -> str:
    """A lower bound of a loss."""
    return number(value, 3, toward="down")


def loss_most(value: float, horizon: float) -> str:
    """An upper bound of a loss; what is nothing beside H is called less than a millionth of it."""
    return "a millionth of H" if value < 1e-6 * horizon else number(value, 3, toward="up")


def signed(value: float, direction: Any = round) -> str:
    """A difference of accuracies, to three decimals, rounded in the given direction."""
    return f"{direction(1000.0 * value) / 1000.0:+.3f}"


def percent(value: float, direction: Any) -> str:
    """A share in whole per cent, rounded in the given direction."""
    scaled = 100.0 * value
    return f"{round(scaled) if abs(scaled - round(scaled)) < 1e-9 else direction(scaled):.0f}%"


def _heterogeneity(summary: dict[str, Any], row: dict[str, Any]) -> str:
    horizon = row["horizon"]
    at = f"At H = {horizon:,} {summary['unit']}"
    unsolved = summary["unsolved_problems"]
    over = f"on average over {_problems(row['sigma_problems'])}"
    low, high = row["sigma_low"] / horizon, row["sigma_high"] / horizon
    if not summary["certified"]:
        return (
            f"{at} the return of one problem's samples has a standard deviation of "
            f"{share(row['sigma_mean'] / horizon)} H {over}, but many samples of a problem are "
            "identical: if they are copies, the truth may be anything from 0 to 0.5 H."
        )
    if row["spread_problems"] == 0:
        return (
            f"{at} all samples of every problem have the same return, which leaves room for a "
            f"sigma of {number(high, 2, toward='up')} H {over}."
        )
    text = (
        f"{at} the return of one problem's samples has a standard deviation of between "
        f"{number(low, 2, toward='down')} H and {number(high, 2, toward='up')} H {over} "
        f"({100 * summary['level']:g}% confidence, proved for independent samples; "
        f"{share(row['sigma_mean'] / horizon)} H in the samples)"
    )
    low, high = row["correctness_share_low"], row["correctness_share_high"]
    if high < 0.005:
        text += ", all of its square from length"
    elif low > 0.5 or high < 0.5:
        most = f"most about {percent(high, math.ceil)}"
        part = f"least about {percent(low, math.floor)}" if low > 0.5 else most
        text += f", at {part} of its square from being right or wrong and the rest from length"
    if unsolved:
        text += (
            f"; {_problems(unsolved)} {'was' if unsolved == 1 else 'were'} never solved, which "
            "bounds sigma there and does not make it zero"
        )
    return text + "."


def _anticoncentration(summary: dict[str, Any], row: dict[str, Any]) -> str:
    count = row["spread_problems"]
    if count == 0:
        return "No problem shows any spread, so nothing can be said of anti-concentration."
    # The theorem's own level is kappa.
    kappa = row["prediction"]["kappa"]
    key = min(row["c_eps"], key=lambda text: abs(float(text) - kappa))
    eps = float(key)
    low, high = row["c_eps_low"][key], row["c_eps_high"][key]
    steps = {0.25: "half a standard deviation", 1.0: "one standard deviation"}.get(
        eps, f"{math.sqrt(eps):.2g} standard deviations"
    )
    text = (
        f"Over the {_problems(count)} with some spread a return at least {steps} above the mean "
        f"has probability {number(low, 2, toward='down')} to {number(high, 2, toward='up')} on "
        f"average (approximate {100 * summary['level']:g}% interval; {share(row['c_eps'][key])} in "
        f"the samples; no policy can have more than {number(1.0 / (1.0 + eps), 2, toward='up')}): "
    )
    if low >= _SOME:
        return f"{text}on average good returns are not rare, though single problems may differ."
    return f"{text}too wide to say whether good returns are rare."


def _verdict(summary: dict[str, Any], row: dict[str, Any]) -> str:
    if not summary["certified"]:
        return (
            "Nothing is certified of cloning against verification, as many samples of a problem "
            "are identical."
        )
    found, unit = row["prediction"], summary["unit"]
    lower, upper, start = (found[f"{name}_certified"] for name in ("vf_lower", "vb_upper", "n"))
    per = found["n"] / found["problems"]
    sure = f"{100 * summary['level']:g}%"
    each = f"{per:,.0f}" if per >= 10 else f"{per:.2g}"
    text = (
        f"Given n = {found['n']:,} traces ({each} per problem) every cloning algorithm must "
        f"lose at least {loss_least(lower)} {unit} to some expert within kappa = "
        f"{found['kappa']:g} where the reward may be R or H - R, and the simple verification "
        f"algorithm at most {loss_most(upper, row['horizon'])}"
    )
    if lower > upper:
        tail = "" if start is None or start >= found["n"] else f", as from n = {start:,} on"
        return f"{text}: with {sure} confidence verification wins there{tail}."
    text += ", which leaves open who wins"
    if start is not None:
        return f"{text}; from n = {start:,} on verification does, with {sure} confidence."
    return f"{text}: sigma may be so small, as far as these samples tell, that no n is sure to do."


def _problems(count: int) -> str:
    return "1 problem" if count == 1 else f"{count:,} problems"


def _compared_only(summary: dict[str, Any]) -> list[str]:
    found = summary["comparison"]
    low, high = found["low"], found["high"]
    gap = f"{_points(low, math.floor)} to {_points(high, math.ceil)} points"
    model, against = found["model"], found["against"]
    verdict = "which leaves open which one is more accurate"
    if low > 0 or high < 0:
        better, worse = (model, against) if low > 0 else (against, model)
        verdict = f"so {better} is more accurate than {worse} on problems like these"
    return [
        f"{model} solves {100 * found['accuracy']:.1f}% and {against} "
        f"{100 * found['accuracy_against']:.1f}% of the {found['problems']:,} problems they share, "
        f"a paired difference of {_points(found['difference'], round)} points (approximate "
        f"{100 * summary['level']:g}% interval {gap}), {verdict}.",
        "One sample per problem cannot give sigma_x or c_x(eps): the spread within a problem does "
        "not show in a single sample.",
        "So the table says how these two models compare, and not whether cloning must lose; for "
        "that, draw at least two, better 32 or more, samples of every problem.",
    ]


def _points(value: float, direction: Any) -> str:
    return f"{100.0 * float(signed(value, direction)):+.1f}"
