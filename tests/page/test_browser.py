"""The report page in Chromium: no error, no request, and sliders that show what Python computes.

Deselected unless asked for: `.ci/browser` installs what is needed and runs these.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import antiscale as ac
from antiscale import page
from antiscale.core.numbers import number
from antiscale.page import explorer
from antiscale.sweeps import words
from antiscale.sweeps.cell import simulate
from antiscale.sweeps.config import SweepConfig
from antiscale.sweeps.folder import read_run
from antiscale.sweeps.plan import Plan

pytestmark = pytest.mark.browser

CONFIG = SweepConfig(horizon=64, repeats=8, rewards=8)
PAPER = "getComputedStyle(document.body).backgroundColor"
WHITE, BLACK = "rgb(255, 255, 255)", "rgb(21, 24, 28)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, page.Page]:
    home: Path = tmp_path_factory.mktemp("page")
    ac.sweep(CONFIG, out=home / "run")
    built = page.build(read_run(home / "run"), kappas=(0.05,), ratios=(8.0,), spreads=(0.5,))
    (home / "report.html").write_text(built.html, encoding="utf-8")
    return (home / "report.html").as_uri(), built


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start the system's Chromium."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright: run .ci/browser"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium of the system's packages: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened(NamedTuple):
    """A page with what it asked for and what it complained of."""

    page: Any
    requests: list[str]
    complaints: list[str]


def open_page(chromium: Any, url: str, width: int = 1280, *, dark: bool = False) -> Opened:
    """Open a page without a network, in a window of this width."""
    scheme = "dark" if dark else "light"
    viewport = {"width": width, "height": 900}
    context = chromium.new_context(viewport=viewport, color_scheme=scheme, offline=True)
    opened = Opened(context.new_page(), [], [])
    opened.page.set_default_timeout(10_000)
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.goto(url)
    return opened


@pytest.fixture(scope="module")
def shown(chromium: Any, made: tuple[str, page.Page]) -> Opened:
    return open_page(chromium, made[0])


def curve(opened: Opened, figure: str, name: str) -> list[float | None]:
    found: list[float | None] = opened.page.evaluate(
        "([id, uid]) => document.getElementById(id).data.find(t => t.uid === uid).y",
        [figure, name],
    )
    return found


def drawn_points(opened: Opened, figure: str) -> int:
    """How many marks Plotly put on the figure."""
    return int(opened.page.locator(f"#{figure} .scatterlayer .point").count())


def set_slider(opened: Opened, name: str, stop: int) -> None:
    """Move a slider with the keyboard, as a person would."""
    slider = opened.page.locator(f"#slider-{name}")
    slider.press("Home")
    for _ in range(stop):
        slider.press("ArrowRight")
    assert slider.input_value() == str(stop)


def test_it_loads_without_errors_or_requests(shown: Opened, made: tuple[str, page.Page]) -> None:
    assert shown.complaints == []
    assert shown.requests == [made[0]]
    for figure, plot in made[1].data["figures"].items():
        log = plot["layout"]["yaxis"]["type"] == "log"
        marks = [
            sum(value is not None and (value > 0 or not log) for value in trace["y"])
            for trace in plot["data"]
            if "markers" in trace["mode"] and trace.get("visible", True) is True
        ]
        assert drawn_points(shown, figure) == sum(marks)
        assert shown.page.locator(f"#{figure}").is_visible()
    assert not shown.page.locator(".fallback").is_visible()


def test_sliders_show_what_python_computes(shown: Opened, made: tuple[str, page.Page]) -> None:
    found = made[1].data["explorer"]
    sliders = [slider["name"] for slider in found["sliders"]]
    seen = set()
    for stops in itertools.product(range(2), repeat=3):
        for name, stop in zip(sliders, stops, strict=True):
            set_slider(shown, name, stop)
        k, r, s = stops
        values = [found["sliders"][i]["stops"][stop] for i, stop in enumerate(stops)]
        curves = {name: curve(shown, "bounds", name) for name in explorer.CURVES[:3]}
        curves["gap_certified"] = curve(shown, "certified", "gap_certified")
        for name, ys in curves.items():
            assert ys == found["curves"][name][k][r][s]
        # Once more from nothing: what a sweep run at these settings reports.
        there = SweepConfig(
            horizon=64, repeats=2, rewards=8, kappa=values[0], samples_per_token=values[1],
            parameters={"spread": values[2]},
        )  # fmt: skip
        row = simulate(there, 64, there.samples_at(64)).row
        assert [ys[-1] for ys in curves.values()] == [row[name] for name in curves]
        for name, text in found["readouts"][k][r][s].items():
            assert shown.page.locator(f"#readout-{name}").inner_text() == text
        seen.add(tuple(curves["gap_certified"]))
    assert len(seen) == 8
    shown.page.locator("#reset").click()
    for slider in found["sliders"]:
        moved = shown.page.locator(f"#slider-{slider['name']}")
        assert moved.input_value() == str(slider["start"])
        assert moved.get_attribute("aria-valuetext") == slider["texts"][slider["start"]]
    assert curve(shown, "bounds", "vf_lower") == [row["vf_lower"] for row in made[1].data["rows"]]


def test_pointing_at_a_curve_shows_its_values(shown: Opened, made: tuple[str, page.Page]) -> None:
    shown.page.locator("#losses .nsewdrag").hover()
    text = shown.page.locator("#losses .hoverlayer").text_content()
    (row,) = [row for row in made[1].data["rows"] if f"H = {row['horizon']}" in text]
    assert words.loss(row, "vf") in text
    assert number(row["vb_upper"], toward="up") in text


def test_names_hide_curves_and_axes_change(shown: Opened) -> None:
    button = shown.page.locator('[data-curve="vf_loss"]')
    before = drawn_points(shown, "losses")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn_points(shown, "losses") == before - 3
    button.click()
    assert drawn_points(shown, "losses") == before
    scale = "document.getElementById('losses').layout.yaxis.type"
    toggle = shown.page.locator("#losses + .tools button").first
    assert (shown.page.evaluate(scale), toggle.inner_text()) == ("log", "Linear axis")
    toggle.click()
    assert (shown.page.evaluate(scale), toggle.inner_text()) == ("linear", "Log axis")
    toggle.click()
    assert shown.page.evaluate(scale) == "log"


def test_a_figure_can_be_saved(shown: Opened) -> None:
    with shown.page.expect_download() as waiting:
        shown.page.locator("#losses + .tools button").nth(1).click()
    svg = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "VF upper (T5a)" in svg  # with its legend
    assert waiting.value.suggested_filename == f"antiscale-{Plan.of(CONFIG).hash}-losses.svg"


BOXES = """id => {
  const box = e => {
    const b = e.getBoundingClientRect();
    return [b.left, b.right, b.top, b.bottom];
  };
  const plot = document.getElementById(id);
  const texts = plot.querySelectorAll(".xtick text, .ytick text, .xtitle, .ytitle");
  return [[...texts].map(e => [e.textContent, ...box(e)]), box(plot)];
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 360])
def test_nothing_overlaps_or_runs_off_the_page(
    chromium: Any, made: tuple[str, page.Page], width: int, dark: bool
) -> None:
    opened = open_page(chromium, made[0], width, dark=dark).page
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(PAPER) == (BLACK if dark else WHITE)
    for figure in made[1].data["figures"]:
        boxes, (left, right, top, bottom) = opened.evaluate(BOXES, figure)
        assert len(boxes) >= 6
        for text, x0, x1, y0, y1 in boxes:
            assert left - 1 <= x0 <= x1 <= right + 1, (figure, text)
            assert top - 1 <= y0 <= y1 <= bottom + 1, (figure, text)
        for (one, *a), (two, *b) in itertools.combinations(boxes, 2):
            apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
            assert apart, (figure, one, two)


def test_it_prints_on_white_and_comes_back(chromium: Any, made: tuple[str, page.Page]) -> None:
    opened = open_page(chromium, made[0], dark=True).page
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.evaluate(PAPER) == WHITE
    assert opened.evaluate("document.getElementById('losses').layout.width") == 640
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.evaluate(PAPER) == BLACK
    widths = """() => {
      const place = document.getElementById("losses");
      return [place.clientWidth, place.querySelector(".main-svg").clientWidth];
    }"""
    for _ in range(100):  # Plotly fits itself to its place a moment later
        wide, drawn = opened.evaluate(widths)
        if abs(wide - drawn) <= 1:
            break
        opened.wait_for_timeout(100)
    assert wide == pytest.approx(drawn, abs=1)
    assert opened.pdf().startswith(b"%PDF")


def test_without_scripts_a_picture_and_the_numbers_remain(
    chromium: Any, made: tuple[str, page.Page]
) -> None:
    context = chromium.new_context(java_script_enabled=False, offline=True)
    opened = context.new_page()
    opened.goto(made[0])
    assert opened.locator(".fallback img").is_visible()
    assert opened.locator("noscript").is_visible()
    assert not opened.locator(".sliders").is_visible()
    last = made[1].data["rows"][-1]
    assert opened.locator("#readout-vf_lower").inner_text() == number(last["vf_lower"])


def test_the_policy_stops_scripts_that_got_in(chromium: Any, made: tuple[str, page.Page]) -> None:
    url, built = made
    evil = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
    file = Path(url.removeprefix("file://")).with_name("evil.html")
    file.write_text(built.html.replace("<main>", f"<main>{evil}"), encoding="utf-8")
    opened = open_page(chromium, file.as_uri())
    assert opened.page.evaluate("window.stolen ?? null") is None
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)
    assert drawn_points(opened, "losses") > 0
