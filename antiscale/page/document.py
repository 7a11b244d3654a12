"""The page itself: a run's folder in, one HTML document out, the same bytes for the same run.

Whatever comes from the folder is text: Jinja escapes it, the data stand as JSON without `<`, and
the page's policy runs no script but the two whose digests it names.
"""

import base64
import dataclasses
import hashlib
import importlib.resources
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from antiscale import plots
from antiscale.core.config import writable
from antiscale.core.errors import InputError
from antiscale.core.folder import reading
from antiscale.core.numbers import DASH, number, plus_minus, setting
from antiscale.core.version import __version__
from antiscale.models import families
from antiscale.page import figures
from antiscale.page.command import sweep_command
from antiscale.page.explorer import CURVES, Explorer, Progress, explore, of_run
from antiscale.page.typography import digits, formula, prose
from antiscale.plots.sweep import local_holds_for
from antiscale.registry import RESULTS
from antiscale.sweeps import evaluated, words
from antiscale.sweeps.case import Case
from antiscale.sweeps.config import SweepConfig, given_as_object
from antiscale.sweeps.folder import RunFolder
from antiscale.sweeps.plan import Plan

SCHEMA = "antiscale.page/1"

# Of the manifest: not when the run was made, so that equal runs have equal pages.
_SHOWN = ("hash", "seed", "schema", "git_commit", "device")

_READOUT = {
    "vf_lower": "VF lower, worst", "vf_upper": "VF upper", "vb_upper": "VB upper",
    "gap_certified": "certified gap", "certified": "certified from",
}  # fmt: skip
# To whom a lower bound says that cloning loses, where it is not the worst expert.
_PRIOR = "under the prior that these experts are drawn from"
# Headers of the table that have signs here.
_HEADS = {"noise": "η", "sigma": "σ/H", "c0": "c₀"}


@dataclass(frozen=True)
class Page:
    """A page and the data that stand in it."""

    html: str
    data: dict[str, Any]


def build(
    folder: RunFolder, *, sliders: bool = True, progress: Progress | None = None, **stops: Any
) -> Page:
    """Build the page of a complete run.

    Parameters
    ----------
    folder
        From `antiscale.sweeps.folder.read_run`.
    sliders
        Whether to compute the bounds at other settings; it takes the longest.
    progress
        Called while they are computed with (steps done, steps in all, what).
    stops
        `kappas`, `ratios` and `spreads` as `antiscale.page.explorer.explore` takes them.

    Raises
    ------
    InputError
        If Plotly or Jinja is not installed, or the run's configuration is no longer understood.
    """
    template, plotly = libraries()
    result = folder.result()
    config = SweepConfig.from_mapping(result["config"])
    rows: list[dict[str, Any]] = result["rows"]
    fit: dict[str, Any] = result["fit"]
    if progress is not None:
        progress(0, 1, "values of the bounds")
    values, no_values = _values(config, rows)
    explorer, no_explorer = None, "left out when this page was made"
    if sliders:
        try:
            explorer = explore(of_run(config, rows), progress=progress, **stops)
        except InputError as error:
            no_explorer = str(error)
    drawn = {"losses": figures.losses(config, rows), "gap": figures.gap(config, rows)}
    if explorer is not None:
        explored = {"bounds": figures.explored_bounds(explorer)}
        explored |= {"certified": figures.explored_gap(explorer)}
        drawn |= {name: figure for name, figure in explored.items() if figure is not None}
    about = {
        "schema": SCHEMA, "version": __version__, "run": folder.manifest["hash"],
        "reading": words.reading(config, rows, fit),
    }  # fmt: skip
    data: dict[str, Any] = about | {
        "rows": rows, "fit": fit, "figures": drawn,
        "explorer": None if explorer is None else _explored(explorer),
    }  # fmt: skip
    note, last, table = words.caption(config, rows, fit), rows[-1], folder.rows()
    picture = plots.encode(plots.sweep_figure(table, note), ("svg",))["svg"]
    css, script = _asset("page.css"), _asset("page.js")
    family = "a base policy of one's own"
    if not given_as_object(config.parameters):
        family = families.summary_of(config.family).rstrip(".")
    worst = last["vf_lower_holds_for"] == "worst expert"
    heads = [header.replace("\n", " ") for header in words.exponents_head(config, fit)]
    html = template.render(
        **about,
        # The page's parts.
        policy=_policy(plotly, script), style=Markup(css), plotly=Markup(plotly),
        script=Markup(script), data=Markup(_json(data)),
        # The claim.
        config=config, reward_class=last["reward_class"], holds_for=last["vf_lower_holds_for"],
        whom="to the worst expert" if worst else _PRIOR,
        family_summary=family[:1].lower() + family[1:],
        rewards=_rewards(last), tiles=_tiles(config, rows), variable=config.vary,
        picture=_uri("image/svg+xml", picture), notes=words.notes(config, rows, fit),
        # The sliders.
        explorer=explorer, drawn=drawn, no_explorer=no_explorer.rstrip("."),
        readout=None if explorer is None else _readout(explorer, explorer.start),
        readout_labels=_READOUT,
        # The tables.
        table=_table(rows), exponents={"head": heads, "body": words.exponents_rows(fit)},
        csv=_uri("text/csv", table.to_csv(index=False).encode()),
        bounds=list(_bounds(values)), no_values=no_values, place=last if values else None,
        command=sweep_command(config), manifest=list(_manifest(folder.manifest)),
        settings=[(name, _written(value)) for name, value in config.to_dict().items()],
    )  # fmt: skip
    return Page(html, data)


def made_by_us(file: Path) -> bool:
    """Whether a file is a page that `build` made."""
    with reading(file):
        return SCHEMA.encode() in file.read_bytes()


def libraries() -> tuple[Any, str]:
    """Return the page's template in Jinja, and plotly.js itself, to stand in the page.

    Raises
    ------
    InputError
        If one of them is not installed.
    """
    try:
        import jinja2
        from plotly import offline
    except ImportError:
        raise InputError(
            "the report page needs Plotly and Jinja; install them with: pip install plotly jinja2"
        ) from None
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(digits=digits, formula=formula, prose=prose, setting=setting)
    return environment.from_string(_asset("page.html")), str(offline.get_plotlyjs())


def _asset(name: str) -> str:
    return (importlib.resources.files("antiscale.page") / name).read_text(encoding="utf-8")


def _json(data: dict[str, Any]) -> str:
    """JSON that can stand in a script element whatever is in it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), default=np.generic.item)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*scripts: str) -> str:
    """What the page may do: run these scripts, style itself, show pictures it holds."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()) for script in scripts)
    allowed = " ".join(f"'sha256-{digest.decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _rewards(last: dict[str, Any]) -> str:
    low, high = last["rewards_stated"], last["rewards_stated_max"]
    count = f"{low}" if low == high else f"{low} to {high}"
    whole = " (all of the class)" if last["rewards_whole_class"] else ""
    return f"{count} stated reward{'s' if high > 1 else ''}{whole}"


def _tiles(config: SweepConfig, rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The numbers to take away: both losses between their bounds, and the gap."""
    last = rows[-1]
    key = {"H": "horizon"}.get(config.vary, config.vary)
    place = f"at {config.vary} = {setting(last[key])}"
    bound = {name: number(last[name], toward=figures.toward(name)) for name in CURVES}
    near = number(last["vf_lower_local"], toward="down")
    ends = f"{near} ({local_holds_for(last)}) and {bound['vf_upper']}"
    most = "no bound is proved" if last["vb_upper"] is None else f"at most {bound['vb_upper']}"
    sure = bound["gap_certified"]
    sure = "none is certified" if last["gap_certified"] is None else f"certified {sure}"
    gap = plus_minus(last["gap_measured"], last["gap_low"], last["gap_high"])
    tiles = (
        ("vf", "cloning loses", words.loss(last, "vf"), f"bounds: {ends}"),
        ("vb", "verification loses", words.loss(last, "vb"), most), ("gap", "gap", gap, sure),
    )  # fmt: skip
    return [
        {"role": role, "label": f"{what}, {place}", "value": value, "detail": f"tokens; {detail}"}
        for role, what, value, detail in tiles
    ]


def _table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The terminal's table: the same columns, the same digits."""
    columns = words.losses_columns(rows)
    heads = [_HEADS.get(column.name, column.header) for column in columns]
    for k, column in enumerate(columns):
        if column.name in ("vf_lower_local", "vf_lower", "vf_upper", "vb_upper"):
            label = rows[-1][f"{column.name}_name"] or ""
            heads[k] = f"{' '.join(column.header.split())}\n{label}"

    def cell(column: Any, row: dict[str, Any]) -> dict[str, Any]:
        sure = column.name == "gap_certified" and (row["gap_certified"] or 0) > 0
        return {"text": digits(column.text(row)), "sure": sure}

    return {
        "head": [
            {"lines": head.split("\n"), "role": column.side}
            for head, column in zip(heads, columns, strict=True)
        ],
        "body": [[cell(column, row) for column in columns] for row in rows],
    }


def _values(
    config: SweepConfig, rows: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str | None]:
    """Every bound at the run's last cell, or why there are none."""
    if config.expert == "hard":
        return [], "hard experts are drawn for every replicate; the table above averages"
    try:
        return evaluated.rows(Case.of(Plan.of(of_run(config, rows)), *config.cells()[-1])), None
    except InputError as error:
        return [], str(error).rstrip(".")


def _bounds(values: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for label, result in RESULTS.items():
        found = [
            {
                "variant": value["variant"],
                "reason": "" if value["variant"] else value["reason"] or "",
                "stated": digits(number(value["value"], toward=result.toward)),
                "whole": digits(number(value["class_value"], toward=result.toward)),
            }
            for value in values if value["label"] == label
        ]  # fmt: skip
        named = result.facts("label", "name", "statement", "learner", "kind", "origin", "unit")
        nothing = {"variant": "", "reason": "", "stated": DASH, "whole": DASH}
        yield named | {"values": found or [nothing]}


def _manifest(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _SHOWN:
        value = manifest.get(name)
        yield name.replace("_", " "), DASH if value is None else str(value)
    versions = manifest.get("versions", {})
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())
    for name, digest in manifest.get("files", {}).items():
        if digest is not None:
            yield f"sha256 of {name}", str(digest)


def _written(value: Any) -> str:
    if value is None or value in ({}, []):
        return "default" if value is None else "none"
    return value if isinstance(value, str) else json.dumps(writable(value))


def _texts(explorer: Explorer, name: str, stops: tuple[int, ...]) -> list[str]:
    toward = figures.toward(name)
    return [digits(number(value, toward=toward)) for value in explorer.at(name, stops)]


def _readout(explorer: Explorer, stops: tuple[int, ...]) -> dict[str, str]:
    shown = {name: _texts(explorer, name, stops)[-1] for name in CURVES}
    first = explorer.at("certified", stops)
    return shown | {"certified": "never" if first is None else f"H = {first}"}


def _explored(explorer: Explorer) -> dict[str, Any]:
    """The explorer with the texts that the page shows, so that digits are Python's as well."""
    shape = [len(slider.stops) for slider in explorer.sliders]
    readouts = np.empty(shape, dtype=object)
    texts = {name: np.empty(shape, dtype=object) for name in CURVES}
    for stops in np.ndindex(*shape):
        readouts[stops] = _readout(explorer, stops)
        for name in CURVES:
            texts[name][stops] = _texts(explorer, name, stops)
    return dataclasses.asdict(explorer) | {
        "readouts": readouts.tolist(),
        "texts": {name: found.tolist() for name, found in texts.items()},
    }
