"""The report page: its data are Python's, it asks for nothing outside, and nothing gets in."""

from __future__ import annotations

import dataclasses
import html as entities
import itertools
import json
import re
import shlex
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest

import antiscale as ac
from antiscale import cli, page
from antiscale.core.errors import InputError
from antiscale.core.numbers import number
from antiscale.models.families import load_family
from antiscale.page import document, explorer
from antiscale.page.command import sweep_command
from antiscale.page.typography import digits, formula, prose
from antiscale.registry import RESULTS
from antiscale.sweeps import words as report
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.folder import read_run
from antiscale.sweeps.plan import Plan

CONFIG = SweepConfig(horizon=64, repeats=8, rewards=8)
STOPS: dict[str, Any] = {"kappas": (0.05,), "ratios": (8.0,), "spreads": (0.5,)}
VOID = {"meta", "br", "input", "img"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("page") / "run"
    ac.sweep(CONFIG, out=path)
    return path


@pytest.fixture(scope="module")
def made(run: Path) -> page.Page:
    return page.build(read_run(run), **STOPS)


class Reader(HTMLParser):
    """Collects elements, checks that they nest, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.text += data


def valid(html: str) -> None:
    """Raise unless the page parses without an error; Plotly's own code is not ours to judge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # html5lib's own, on a new Python
        html5lib.HTMLParser(strict=True).parse(html.replace(document.libraries()[1], ""))


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_is_valid_html(made: page.Page) -> None:
    valid(made.html)
    reader = Reader(made.html)
    assert reader.open == []
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    inputs = [attributes["id"] for tag, attributes in reader.elements if tag == "input"]
    labels = [attributes["for"] for tag, attributes in reader.elements if tag == "label"]
    assert inputs == labels == ["slider-kappa", "slider-ratio", "slider-spread"]
    for tag, attributes in reader.elements:
        if tag == "a" and str(attributes["href"]).startswith("#"):
            assert str(attributes["href"])[1:] in ids
        if tag == "img":
            assert attributes["alt"]


def test_the_page_refers_to_nothing_outside(made: page.Page) -> None:
    reader = Reader(made.html)
    for tag, attributes in reader.elements:
        for name in ("src", "srcset", "href", "data", "poster", "action", "style"):
            value = attributes.get(name)
            if value is None or (tag == "a" and name == "href"):
                continue  # a link is followed by a person only
            assert value.startswith("data:"), (tag, name, value)
        assert tag not in ("link", "iframe", "object", "embed", "base")
    assert "url(" not in document._asset("page.css")
    assert "@import" not in document._asset("page.css")
    (policy,) = (a["content"] for _, a in reader.elements if "http-equiv" in a)
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in str(policy)  # so default-src rules it out


def test_the_policy_names_the_scripts_that_are_there(made: page.Page) -> None:
    reader = Reader(made.html)
    assert len(reader.scripts) == 3
    policy = next(str(a["content"]) for _, a in reader.elements if "http-equiv" in a)
    for script in reader.scripts[1:]:
        assert document._policy(script).split("'")[3] in policy


def test_the_embedded_data_are_the_runs(made: page.Page, run: Path) -> None:
    data = embedded(made.html)
    assert data == json.loads(json.dumps(made.data))
    assert data["schema"] == "antiscale.page/1"
    result = read_run(run).result()
    assert data["rows"] == result["rows"]
    assert data["fit"] == result["fit"]
    assert data["run"] == Plan.of(CONFIG).hash
    curves = {trace["uid"]: trace for trace in data["figures"]["losses"]["data"]}
    for name in (
        "vf_loss", "vf_upper", "vf_lower", "vf_lower_local", "vf_class_mean", "vb_loss", "vb_upper",
    ):  # fmt: skip
        assert curves[name]["y"] == [row[name] for row in result["rows"]]
        assert curves[name]["x"] == [16, 32, 64]
    box = curves["vf_loss"]["error_y"]
    np.testing.assert_allclose(
        np.subtract(curves["vf_loss"]["y"], box["arrayminus"]),
        [row["vf_loss_low"] for row in result["rows"]], rtol=1e-12,
    )  # fmt: skip
    gaps = {trace["uid"]: trace["y"] for trace in data["figures"]["gap"]["data"]}
    assert gaps["gap_measured"] == [row["gap_measured"] for row in result["rows"]]
    assert gaps["gap_certified"] == [row["gap_certified"] for row in result["rows"]]
    # Theory's line goes through the last point with theory's slope.
    assert gaps["gap_theory"][-1] == gaps["gap_measured"][-1]
    assert gaps["gap_theory"][0] == pytest.approx(gaps["gap_measured"][-1] / 2)


def test_every_stop_of_the_sliders_is_what_the_bounds_say_there(made: page.Page) -> None:
    found = embedded(made.html)["explorer"]
    kappas, ratios, spreads = ([*slider["stops"]] for slider in found["sliders"])
    assert (kappas, ratios, spreads) == ([0.05, 0.25], [8.0, 32.0], [0.5, 1.0])
    assert found["horizons"] == [16, 32, 64]
    places = itertools.product(range(2), range(2), range(2), range(3))
    seen = set()
    for k, r, s, h in places:
        horizon = found["horizons"][h]
        model = load_family("heterogeneous", horizon=horizon, spread=spreads[s])
        n = round(ratios[r] * horizon)
        # T4 again, by the public function rather than by the sweep's choice of bounds.
        lower = model.prompt_mass @ ac.bounds.vf_lower_over_ball(
            model.pmf, model.returns, n, prompt_mass=model.prompt_mass, kappa=kappas[k]
        )
        assert found["curves"]["vf_lower"][k][r][s][h] == pytest.approx(lower, rel=1e-12)
        curves = {name: found["curves"][name][k][r][s][h] for name in explorer.CURVES}
        assert curves["gap_certified"] == curves["vf_lower"] - curves["vb_upper"]
        seen.add(tuple(curves.values()))
    assert len(seen) == 24  # no slider is idle


def test_a_stop_is_what_a_sweep_run_there_reports(made: page.Page) -> None:
    found = made.data["explorer"]
    config = dataclasses.replace(
        CONFIG, kappa=0.05, samples_per_token=8.0, parameters={"spread": 0.5}, repeats=2
    )
    row = simulate(config, 64, 512).row
    for name in explorer.CURVES:
        assert found["curves"][name][0][0][0][2] == row[name]
    assert found["names"]["vb_upper"][0][0][0][2] == row["vb_upper_name"]
    # And where the run stands, its own rows.
    start = [slider["start"] for slider in found["sliders"]]
    assert start == [1, 1, 1]
    for name in explorer.CURVES:
        assert found["curves"][name][1][1][1] == [row[name] for row in made.data["rows"]]


def test_what_a_stop_certifies_is_read_off_its_curve(made: page.Page) -> None:
    found = made.data["explorer"]
    for k, r, s in itertools.product(range(2), repeat=3):
        gap = found["curves"]["gap_certified"][k][r][s]
        first = ac.bounds.certified_from(gap)
        expected = None if first is None else found["horizons"][first]
        assert found["certified"][k][r][s] == expected
        shown = found["readouts"][k][r][s]
        assert shown["certified"] == ("never" if expected is None else f"H = {expected}")
        assert shown["gap_certified"] == digits(number(gap[-1], toward="down"))


def test_bounds_by_a_short_cut_are_the_sweeps() -> None:
    # The sliders leave out T4b and T4d where they are not needed.
    from antiscale.sweeps.case import Case

    for config in (CONFIG, SweepConfig(family="two_point", horizon=64), SweepConfig(form="blocks")):
        short, full = (Case.of(config, 64, 512, whole=whole) for whole in (False, True))
        assert short.lower.over_stated == full.lower.over_stated
        assert short.with_samples(99).lower.over_stated == full.with_samples(99).lower.over_stated


def test_the_page_shows_claim_table_bounds_and_manifest(made: page.Page, run: Path) -> None:
    text = " ".join(Reader(made.html).text.replace("\N{NO-BREAK SPACE}", " ").split())
    rows = made.data["rows"]
    assert f"At H = 64 cloning loses {number(rows[-1]['vf_mean'])} tokens" in text
    for row in rows:
        for name in ("vf_lower", "vf_upper", "vb_upper", "gap_certified"):
            toward = "up" if name.endswith("_upper") else "down"
            assert digits(number(row[name], toward=toward)) in text
        assert report.loss(row, "vb") in text
    for label, result in RESULTS.items():
        assert f' id="{label}">{label}</th>' in made.html
        assert str(formula(result.statement)) in made.html
    manifest = read_run(run).manifest
    for shown in (manifest["hash"], manifest["device"], *manifest["files"].values()):
        assert shown in text
    for time in (manifest["started"], manifest["finished"]):
        assert time not in made.html


def test_the_same_run_gives_the_same_bytes(made: page.Page, tmp_path: Path) -> None:
    # Run and built again, elsewhere: the same page, though the manifest's times differ.
    ac.sweep(CONFIG, out=tmp_path / "again")
    assert page.build(read_run(tmp_path / "again"), **STOPS).html == made.html


def test_what_comes_from_the_folder_is_text(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "</script><img src=x onerror=alert(1)>&\"'<b>"
    folder = read_run(run)
    result = folder.result()
    rows = [row | {"vf_learner": evil, "vf_lower_reason": evil} for row in result["rows"]]
    config = result["config"] | {"learner": [evil, "simple"]}
    monkeypatch.setattr(
        type(folder), "result", lambda self: result | {"rows": rows, "config": config}
    )
    folder.manifest = folder.manifest | {"device": evil, "versions": {evil: evil}, "hash": evil}
    html = page.build(folder, sliders=False).html
    reader = Reader(html)
    assert reader.open == []
    assert [tag for tag, _ in reader.elements].count("img") == 1
    assert [tag for tag, _ in reader.elements].count("script") == 3
    assert evil in reader.text
    assert evil not in html
    assert embedded(html)["run"] == evil
    assert evil in str(embedded(html)["figures"]["losses"]["data"][0]["name"])


@pytest.mark.parametrize(
    "changes",
    [
        {"vary": "n", "samples": 256},
        {"vary": "noise", "noise": 0.3},
        {"expert": "hard"},
        {"family": "two_point", "exact": True},
        pytest.param(
            {"family": "two_point", "learner": ("loglinear", "npg")}, marks=pytest.mark.slow
        ),
        pytest.param({"learner": ("binary",)}, marks=pytest.mark.slow),
        {"family": "geometric", "parameters": {"announced": False}},
        {"horizon": 32, "samples": 100},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
@pytest.mark.usefixtures("unpainted")
def test_every_kind_of_run_has_a_page(changes: dict[str, Any], tmp_path: Path) -> None:
    config = SweepConfig(**({"horizon": 16, "repeats": 4, "rewards": 4} | changes))
    ac.sweep(config, out=tmp_path)
    made = page.build(read_run(tmp_path), kappas=(), ratios=(), spreads=())
    valid(made.html)
    places = set(re.findall(r'class="plot[^"]*" id="(\w+)"', made.html))
    assert places == made.data["figures"].keys() >= {"losses", "gap"}
    for figure in made.data["figures"].values():
        for trace in figure["data"]:
            assert len(trace["x"]) == len(trace["y"]) == len(trace["customdata"])
            assert any(value is not None for value in trace["y"])
    found = made.data["explorer"]
    assert found["horizons"][-1] == config.horizon
    last = made.data["rows"][-1]
    stop = [0] * len(found["sliders"])
    for name in explorer.CURVES:
        curve = found["curves"][name]
        for place in stop:
            curve = curve[place]
        # The run's largest place is where its own sliders stand.
        expected = last[name]
        assert curve[-1] == (expected if expected is None else pytest.approx(expected, rel=1e-9))


@pytest.mark.usefixtures("unpainted")
def test_without_what_the_run_needed_the_page_says_why(tmp_path: Path) -> None:
    model = tmp_path / "model.csv"
    model.write_text(
        "prompt,style,length,probability,solved\na,x,3,0.5,1\na,y,9,0.25,1\na,z,5,0.25,0\n"
    )
    config = SweepConfig(
        horizon=16, family="explicit", repeats=4, parameters={"file": str(model)}
    )  # fmt: skip
    ac.sweep(config, out=tmp_path / "run")
    whole = page.build(read_run(tmp_path / "run"), kappas=(), ratios=())
    assert whole.data["explorer"] is not None
    model.write_text(model.read_text().replace("a,x,3", "a,x,4"))
    changed = page.build(read_run(tmp_path / "run"), kappas=(), ratios=())
    assert changed.data["explorer"] is None
    assert "No sliders: " in Reader(changed.html).text
    assert "sha256" in Reader(changed.html).text


@pytest.mark.parametrize(
    "config",
    [
        SweepConfig(),
        SweepConfig(horizon=64, kappa=0.1, exact=True, seed=3, samples=10**6),
        SweepConfig(learner=("smoothed_sft", "wide"), expert="hard", c0=0.1, noise=0.2),
        SweepConfig(
            horizon=64, family="explicit", reward_class="explicit",
            parameters={"pmf": [0.5, 0.25, 0.25], "hitting_times": [3, 9, float("inf")]},
            class_parameters={"hitting_times": [[[4, 9, 1]]], "mirrors": False},
        ),
    ],
    ids=["default", "numbers", "learners", "tables"],
)  # fmt: skip
def test_the_command_on_the_page_runs_the_same_again(
    config: SweepConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(sweep_command(config))
    asked: list[SweepConfig] = []

    def instead(settings: SweepConfig) -> None:
        asked.append(settings)
        raise InputError("stop here")

    monkeypatch.setattr("antiscale.sweeps.plan.Plan.of", instead)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        cli.main()
    monkeypatch.undo()
    assert Plan.of(asked[0]).hash == Plan.of(config).hash


def test_every_statement_is_set_without_leftovers() -> None:
    for result in RESULTS.values():
        html = str(formula(result.statement))
        valid(f"<!DOCTYPE html><title>T</title><p>{html}</p>")
        text = entities.unescape(re.sub(r"</?su[bp]>", "", html))
        assert not re.search(r"_|\^|sqrt|<=|>=|!=|\b(sigma|rho|kappa|eps|delta)\b", text), text


def test_sentences_keep_names_and_raise_exponents() -> None:
    assert str(prose("loss goes as H^-0.007 by smoothed_sft & co")) == (
        "loss goes as <i>H</i><sup>−0.007</sup> by smoothed_sft &amp; co"
    )
    assert str(prose("<b>")) == "&lt;b&gt;"
    assert digits("8.4e-05") == "8.4×10⁻⁵"
    assert digits("1e+12 and [-0.5, 0.1]") == "1×10¹² and [−0.5, 0.1]"
    assert digits("vf-2 T4c-x") == "vf-2 T4c-x"
    assert str(formula("E[n_x^(-1/2)] <= sqrt(rho)")) == ("E[n<sub>x</sub><sup>−1/2</sup>] ≤ √(ρ)")


def contrast(first: str, second: str) -> float:
    """WCAG's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_told_from_their_ground_in_both_themes() -> None:
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", document._asset("page.css"))
    light, forced, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in blocks)
    assert forced == dark
    assert light.keys() == dark.keys()
    for theme in (light, dark):
        for ground in (theme["paper"], theme["card"]):
            for text in ("ink", "soft", "link", "vf-text", "vb-text", "gap-text"):
                assert contrast(theme[text], ground) >= 4.5, (text, ground)
            for curve in ("vf", "vb", "gap", "mark"):
                assert contrast(theme[curve], ground) >= 3.0, (curve, ground)


def test_without_plotly_one_line_names_the_extra(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(InputError, match=r"pip install plotly jinja2"):
        page.build(read_run(run), **STOPS)


def test_a_stop_that_cannot_be_computed_is_left_blank() -> None:
    # No reward of the class is so anti-concentrated in a wider ball.
    config = SweepConfig(horizon=32, repeats=4, rewards=4, c0=0.2)
    found = explorer.explore(config, kappas=(4.0,), ratios=(), spreads=())
    assert found.start[0] == 0
    assert found.at("vf_lower", (0, 0, 0))[-1] > 0
    assert found.at("vf_lower", (1, 0, 0)) == [None, None]
    assert found.at("certified", (1, 0, 0)) is None
    with pytest.raises(InputError, match="c_0"):
        explorer.explore(dataclasses.replace(config, c0=0.9), kappas=(), ratios=(), spreads=())
    with pytest.raises(InputError, match="over H"):
        explorer.explore(dataclasses.replace(config, vary="n"))
