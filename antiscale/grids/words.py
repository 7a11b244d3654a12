"""A grid in words: who loses least, and which columns a picture of it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from antiscale.core.errors import InputError
from antiscale.core.numbers import number

if TYPE_CHECKING:
    import pandas as pd

# What an axis is called in the rows.
_COLUMN = {"samples": "n", "samples_per_token": "n", "model": "family"}
# Averaged over rather than drawn, unless asked for.
REPEATED = ("seed",)


def varied(frame: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """The columns of the axes that take more than one value."""
    names = dict.fromkeys(_COLUMN.get(name, name) for name in axes)
    return [name for name in names if name in frame and frame[name].nunique() > 1]


def layout(
    frame: pd.DataFrame, axes: Sequence[str], x: str | None, facets: Sequence[str] | None,
    lines: str,
) -> tuple[str, list[str]]:  # fmt: skip
    """What a picture has along its horizontal axis, and what makes its panels."""
    names = [name for name in varied(frame, axes) if name != lines]
    if x is None:
        numeric = [
            name for name in names if frame[name].dtype.kind in "if" and name not in REPEATED
        ]
        x = max(
            numeric, key=lambda name: frame[name].nunique(), default=next(iter(names), "horizon")
        )
    rest = [name for name in names if name != x and name not in REPEATED]
    chosen = rest if facets is None else list(facets)
    if len(chosen) > 2:
        raise InputError(
            f"a picture has panels by two columns; got {', '.join(chosen)}: name two as facets, or "
            "draw a part of the frame"
        )
    return x, chosen


def reading(frame: pd.DataFrame, axes: Sequence[str]) -> str:
    """One sentence: at how many points which learner certainly loses least."""
    places = len(frame.drop_duplicates(["config_hash"]))
    learners = list(dict.fromkeys(frame["learner"]))
    if len(learners) == 1:
        loss = frame["loss"]
        return (
            f"{learners[0]} loses from {number(loss.min())} to {number(loss.max())} tokens over "
            f"{_count(places, 'point')}."
        )
    best: dict[str, int] = {}
    for _, group in frame.groupby("config_hash", sort=False):
        columns = (group[name] for name in ("loss", "loss_high", "loss_low", "learner"))
        found = sorted(zip(*columns, strict=True))
        (_, high, _, name), others = found[0], found[1:]
        certain = all(low > high for _, _, low, _ in others)
        key = str(name) if certain else ""
        best[key] = best.get(key, 0) + 1
    open_ = best.pop("", 0)
    said = [f"{name} at {best[name]}" for name in sorted(best, key=lambda name: -best[name])]
    if places == 1:
        name = next(iter(best), None)
        known = "not certain: intervals overlap" if name is None else f"certainly that of {name}"
        return f"The least loss is {known}."
    along = f" ({' x '.join(varied(frame, axes))})" if varied(frame, axes) else ""
    points = f"{_count(places, 'point')}{along}"
    text = f"At none of {points} is the least loss certain"
    if said:
        text = f"Of {points} the least loss is certainly that of {', '.join(said)}"
    return text + (f"; intervals overlap at {open_}." if open_ else ".")


def _count(number_of: int, what: str) -> str:
    return f"{number_of:,} {what}{'' if number_of == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds as one reads them: "40 s", "12 min", "3.5 h".

    Examples
    --------
    >>> duration(4.26), duration(90), duration(7200)
    ('4.3 s', '1.5 min', '2 h')
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"
