"""A diagnosis for a terminal."""

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiscale.cli.screens.tables import table
from antiscale.core.numbers import DASH, interval, number, setting, share, with_ends
from antiscale.rollouts.reading import loss_least, loss_most, signed

# Below this width a terminal gets the search curves without their intervals.
_WIDE = 110


def screen(summary: dict[str, Any], *, width: int) -> RenderableType:
    """Return the tables, the reading and the notes, for a console of `width` columns.

    Parameters
    ----------
    summary
        What `antiscale diagnose --json` prints.
    """
    parts: list[RenderableType] = [Text(_title(summary), style="bold")]
    if summary["horizons"]:
        for part in (_heterogeneity, _anticoncentration, _ball, _predictions):
            parts += [Text(), part(summary)]
        parts += [_key(summary), Text(), _search(summary, wide=width >= _WIDE)]
    if "comparison" in summary:
        parts += [Text(), Text(_comparison(summary))]
    if "outcomes" in summary:
        parts += [Text(), _outcomes(summary), _outcome_key(summary)]
    parts += [Text(), *[Text(sentence) for sentence in summary["reading"]]]
    if "best_of_peak" in summary:
        parts += [Text(_peak(summary))]
    parts += [Text(), *[Text(note, style="dim") for note in summary["notes"]]]
    return Group(*parts)


def _title(summary: dict[str, Any]) -> str:
    least, most = summary["samples_per_problem"]
    each = f"{least}" if least == most else f"{least} to {most}"
    name = f"{summary['model']}: " if summary["model"] else ""
    ends = interval(summary["accuracy_low"], summary["accuracy_high"])
    return (
        f"{name}{summary['problems']:,} problems x {each} samples, accuracy "
        f"{number(summary['accuracy'])} {ends}, solved at least once "
        f"{number(summary['solved'])} ({summary['unsolved_problems']:,} never); intervals "
        f"{100 * summary['level']:g}%"
    )


def _table(*headers: str) -> Table:
    """A table whose intervals wrap in a narrow terminal rather than being cut."""
    return table(*headers, right=headers, fold=True)


def _scaled(row: dict[str, Any], name: str, scale: float = 1.0, *, key: str = "") -> str:
    found = (row[name + end] for end in ("", "_low", "_high"))
    ends = (end[key] if key else end for end in found)
    return with_ends(*(None if end is None else end / scale for end in ends))


def _heterogeneity(summary: dict[str, Any]) -> Table:
    """One line per horizon: how much returns spread within a problem, and why."""
    shown = _table(
        "H", "J/H", "sigma/H, mean", "its max", "sigma/H, median", "right or wrong", "Q(H/16)"
    )
    for row in summary["horizons"]:
        h = row["horizon"]
        sigma = (row["sigma_mean"] / h, row["sigma_low"] / h, row["sigma_high"] / h)
        shown.add_row(
            f"{h}", _scaled(row, "mean_return", h), with_ends(*sigma),
            number(row["prediction"]["sigma_max"] / h), _scaled(row, "sigma_median", h),
            _scaled(row, "correctness_share"), _scaled(row, "sharpness"),
        )  # fmt: skip
    return shown


def _anticoncentration(summary: dict[str, Any]) -> Table:
    """One line per horizon: c(eps) over the problems with some spread."""
    keys = list(summary["horizons"][0]["c_eps"])
    shown = _table("H", "with spread", *[f"c({key})" for key in keys])
    for row in summary["horizons"]:
        cells = [_scaled(row, "c_eps", key=key) for key in keys]
        shown.add_row(f"{row['horizon']}", f"{row['spread_problems']}", *cells)
    return shown


def _ball(summary: dict[str, Any]) -> Table:
    """One line per horizon: the ball's best policy."""
    keys = list(summary["horizons"][0]["best_return"])
    headers = [part for key in keys for part in (f"V({key})/H", f"W({key}), largest")]
    shown = _table("H", *headers)
    for row in summary["horizons"]:
        h, cells = row["horizon"], []
        for key in keys:
            cells += [_scaled(row, "best_return", h, key=key), number(row["max_ratio"][key])]
        shown.add_row(f"{h}", *cells)
    return shown


def _predictions(summary: dict[str, Any]) -> Table:
    """One line per horizon: what cloning and verification lose."""
    shown = _table(
        "H", "n", "VF >=\nsure", "VB <=\nsure", "from n\nsure", "T4f <=\nseen", "VF\nseen",
        "<= T5a\nseen", "VB\nseen", "<= T7\nseen", "from n\nseen",
    )  # fmt: skip
    for row in summary["horizons"]:
        p, h = row["prediction"], row["horizon"]
        sure = [DASH] * 3
        if summary["certified"]:
            most = loss_most(p["vb_upper_certified"], h)
            most = "1e-6 H" if most.endswith("H") else most
            sure = [loss_least(p["vf_lower_certified"]), most, _count(p["n_certified"])]
        half = p["vf_measured_high"] - p["vf_measured"]
        shown.add_row(
            f"{h}", f"{p['n']}", *sure, number(p["vf_lower_local"]),
            f"{number(p['vf_measured'])} ± {number(half, 2, toward='up')}", number(p["vf_upper"]),
            number(p["vb_measured"]), number(p["vb_upper"]), _count(p["n_measured"]),
        )  # fmt: skip
    return shown


def _key(summary: dict[str, Any]) -> Text:
    confidence = f"{100 * summary['level']:g}%"
    return Text(
        f"Losses in {summary['unit']}: VF cloning, VB verification, n traces each. Sure: with "
        f"{confidence} confidence at every H and n at once, T4 and T7 from proved ends, if samples "
        "are independent. Seen: for the law of the samples, cloning simulated. From n: where VB "
        "starts to lose less. The interval of the mean of sigma is proved, so are those from bands "
        "(median, Q, V); other means have approximate ones (Student's). Its max: of any expert of "
        f"the ball, kappa = {setting(summary['horizons'][0]['prediction']['kappa'])} (T4g), seen.",
        style="dim",
    )


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value}"


def _search(summary: dict[str, Any], *, wide: bool) -> Table:
    """One line per way to spend n samples, and in a wide terminal its interval."""
    shown = _table("n", *summary["pass_at"])
    labels = {"pass_at": "pass@n", "best_of": "best of n", "majority": "majority of n"}
    for name, label in labels.items():
        if name not in summary:
            continue
        shown.add_row(label, *map(number, summary[name].values()))
        if wide:
            low = [number(end, 2, toward="down") for end in summary[f"{name}_low"].values()]
            high = [number(end, 2, toward="up") for end in summary[f"{name}_high"].values()]
            shown.add_row("", *map("-".join, zip(low, high, strict=True)))
    return shown


def _peak(summary: dict[str, Any]) -> str:
    """Where best-of-n is highest, and whether more samples are known to hurt."""
    peak = summary["best_of_peak"]
    text = f"Best of n by the score is highest at n = {peak['n']} ({number(peak['accuracy'])})"
    if "roc" in summary and "within_auc" in summary["roc"]:
        text += (
            f"; within a problem the score ranks a right sample above a wrong one with probability "
            f"{share(summary['roc']['within_auc'])}"
        )
    if peak["n"] == peak["last_n"]:
        return f"{text}; that is the most there are, so none tried hurts."
    if peak["loss_after_low"] > 0:
        ends = interval(peak["loss_after_low"], peak["loss_after_high"])
        return (
            f"{text}; with n = {peak['last_n']} it is lower by {number(peak['loss_after'])} {ends} "
            "(approximate): more search against this score hurts."
        )
    return f"{text}; whether more samples hurt is within the noise."


def _comparison(summary: dict[str, Any]) -> str:
    found = summary["comparison"]
    return (
        f"{found['model']} against {found['against']} on {found['problems']:,} shared problems: "
        f"{number(found['accuracy'])} against {number(found['accuracy_against'])}, difference "
        f"{signed(found['difference'])} [{signed(found['low'], math.floor)}, "
        f"{signed(found['high'], math.ceil)}]; solved by the "
        f"first alone {found['only_model']:,}, by the second alone {found['only_against']:,}, by "
        f"both {found['both']:,}, by neither {found['neither']:,}."
        + (f" {found['left_out']:,} problems have only one of them." if found["left_out"] else "")
    )


def _outcomes(summary: dict[str, Any]) -> Table:
    """One line per horizon: what the other model lost, beside what was predicted."""
    shown = _table(
        "H", "n", "J", "V", "J,\nagainst", "V - J,\nagainst", "its mean\nper problem", "of noise",
        "T4f <=", "VF\nseen", "<= T5a", "VB\nseen", "<= T7",
    )  # fmt: skip
    for row, found in zip(summary["horizons"], summary["outcomes"], strict=True):
        p = row["prediction"]
        told = [
            *(found[name] for name in
              ("J", "V_kappa", "J_against", "signed_loss", "loss", "noise")),
            *(p[name] for name in
              ("vf_lower_local", "vf_measured", "vf_upper", "vb_measured", "vb_upper")),
        ]  # fmt: skip
        shown.add_row(f"{row['horizon']}", f"{p['n']}", *map(number, told))
    return shown


def _outcome_key(summary: dict[str, Any]) -> Text:
    found = summary["comparison"]
    return Text(
        f"If {found['against']} was trained from {found['model']} on n traces (--samples): what it "
        "lost to V, the best of the ball, beside what cloning (VF) and verification (VB) are "
        "predicted to lose from the samples of the first. Per problem: mean of |V - J|, which the "
        "sampling of the second alone would make as large as the noise.",
        style="dim",
    )
