"""The report page in Chromium: no error, no request, and sliders that show what Python computes.

Deselected unless asked for: `.ci/browser` installs what is needed and runs these.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import antiscale as ac
from antiscale import page
from antiscale.config import SweepConfig
from antiscale.page import explorer
from antiscale.results import read_run
from antiscale.simulate import simulate

pytestmark = pytest.mark.browser

CONFIG = SweepConfig(horizon=64, repeats=8, rewards=8)
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, page.Page]:
    home: Path = tmp_path_factory.mktemp("page")
    ac.sweep(CONFIG, out=home / "run")
    built = page.build(read_run(home / "run"), kappas=(0.05,), ratios=(8.0,), spreads=(0.5,))
    (home / "report.html").write_text(built.html, encoding="utf-8")
    return (home / "report.html").as_uri(), built


@pytest.fixture(scope="module")
def chromium() -> Iterator[Open]:
    """Start Chromium of a given size; it has no network even if it wanted one."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs selenium: pip install 'antiscale[browser]'"
    )
    from selenium.webdriver.chrome.service import Service

    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    started = []

    def start(width: int = 1280, height: int = 900, *, dark: bool = False) -> Any:
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for flag in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ):  # fmt: skip
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        opened = webdriver.Chrome(options=options, service=Service(driver))
        started.append(opened)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        if dark:
            features = [{"name": "prefers-color-scheme", "value": "dark"}]
            opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        return opened

    yield start
    for opened in started:
        opened.quit()


@pytest.fixture(scope="module")
def shown(chromium: Open, made: tuple[str, page.Page]) -> Any:
    opened = chromium()
    opened.get(made[0])
    return opened


def requests(opened: Any) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def curve(opened: Any, figure: str, name: str) -> list[float | None]:
    found: list[float | None] = opened.execute_script(
        "return document.getElementById(arguments[0]).data.find(t => t.uid === arguments[1]).y",
        figure, name,
    )  # fmt: skip
    return found


def drawn_points(opened: Any, figure: str) -> int:
    """How many marks Plotly put on the figure."""
    return len(opened.find_elements("css selector", f"#{figure} .scatterlayer .point"))


def set_slider(opened: Any, name: str, stop: int) -> None:
    """Move a slider with the keyboard, as a person would."""
    from selenium.webdriver.common.keys import Keys

    slider = opened.find_element("id", f"slider-{name}")
    slider.send_keys(Keys.HOME)
    for _ in range(stop):
        slider.send_keys(Keys.ARROW_RIGHT)
    assert slider.get_property("value") == str(stop)


def test_it_loads_without_errors_or_requests(shown: Any, made: tuple[str, page.Page]) -> None:
    assert [entry for entry in shown.get_log("browser") if entry["level"] != "DEBUG"] == []
    asked = requests(shown)
    assert asked[0] == made[0]
    assert all(url.startswith(("data:", "blob:")) for url in asked[1:])
    for figure, plot in made[1].data["figures"].items():
        marks = [
            sum(value is not None and value > 0 for value in trace["y"])
            for trace in plot["data"]
            if "markers" in trace["mode"] and trace.get("visible", True) is True
        ]
        if plot["layout"]["yaxis"]["type"] == "log":
            assert drawn_points(shown, figure) == sum(marks)
        assert shown.find_element("id", figure).is_displayed()
    assert not shown.find_element("css selector", ".fallback").is_displayed()


def test_sliders_show_what_python_computes(shown: Any, made: tuple[str, page.Page]) -> None:
    found = made[1].data["explorer"]
    sliders = [slider["name"] for slider in found["sliders"]]
    seen = set()
    for stops in itertools.product(range(2), repeat=3):
        for name, stop in zip(sliders, stops, strict=True):
            set_slider(shown, name, stop)
        k, r, s = stops
        values = [found["sliders"][i]["stops"][stop] for i, stop in enumerate(stops)]
        bounds = {name: curve(shown, "bounds", name) for name in explorer.CURVES[:3]}
        gap = curve(shown, "certified", "gap_certified")
        for name, ys in (*bounds.items(), ("gap_certified", gap)):
            assert ys == found["curves"][name][k][r][s]
        # Once more from nothing: what a sweep run at these settings reports.
        there = SweepConfig(
            horizon=64, repeats=2, rewards=8, kappa=values[0], samples_per_token=values[1],
            parameters={"spread": values[2]},
        )  # fmt: skip
        row = simulate(there, 64, there.samples_at(64)).row
        assert [ys[-1] for ys in (*bounds.values(), gap)] == [row[n] for n in explorer.CURVES]
        for name, text in found["readouts"][k][r][s].items():
            assert shown.find_element("id", f"readout-{name}").text == text
        seen.add(tuple(gap))
    assert len(seen) == 8
    shown.find_element("id", "reset").click()
    for slider in found["sliders"]:
        moved = shown.find_element("id", f"slider-{slider['name']}")
        assert moved.get_property("value") == str(slider["start"])
    assert curve(shown, "bounds", "vf_lower") == [row["vf_lower"] for row in made[1].data["rows"]]


def test_names_hide_curves_and_axes_change(shown: Any) -> None:
    button = shown.find_element("css selector", '[data-curve="vf_mean"]')
    before = drawn_points(shown, "losses")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn_points(shown, "losses") == before - 3
    button.click()
    assert drawn_points(shown, "losses") == before
    scale = "return document.getElementById('losses').layout.yaxis.type"
    (toggle, _) = shown.find_elements("css selector", "#losses + .tools button")
    assert (shown.execute_script(scale), toggle.text) == ("log", "Linear axis")
    toggle.click()
    assert (shown.execute_script(scale), toggle.text) == ("linear", "Log axis")
    toggle.click()
    assert shown.execute_script(scale) == "log"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 360])
def test_nothing_overlaps_or_runs_off_the_page(
    chromium: Open, made: tuple[str, page.Page], width: int, dark: bool
) -> None:
    opened = chromium(width, 800, dark=dark)
    opened.get(made[0])
    wide = "return document.documentElement.scrollWidth"
    assert opened.execute_script(wide) <= width
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert opened.execute_script(paper) == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")
    texts = """
        const boxes = [...document.querySelectorAll(`#${arguments[0]} .xtick text, `
            + `#${arguments[0]} .ytick text, #${arguments[0]} .xtitle, #${arguments[0]} .ytitle`)]
            .map(e => [e.textContent, e.getBoundingClientRect()])
            .map(([t, b]) => [t, b.left, b.right, b.top, b.bottom]);
        const plot = document.getElementById(arguments[0]).getBoundingClientRect();
        return [boxes, [plot.left, plot.right, plot.top, plot.bottom]];
    """
    for figure in made[1].data["figures"]:
        boxes, (left, right, top, bottom) = opened.execute_script(texts, figure)
        assert len(boxes) >= 6
        for text, x0, x1, y0, y1 in boxes:
            assert left - 1 <= x0 <= x1 <= right + 1, (figure, text)
            assert top - 1 <= y0 <= y1 <= bottom + 1, (figure, text)
        for (one, *a), (two, *b) in itertools.combinations(boxes, 2):
            apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
            assert apart, (figure, one, two)


def test_it_prints_on_white_and_comes_back(chromium: Open, made: tuple[str, page.Page]) -> None:
    opened = chromium(dark=True)
    opened.get(made[0])
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert opened.execute_script(paper) == "rgb(255, 255, 255)"
    width = "return document.getElementById('losses').layout.width"
    assert opened.execute_script(width) == 640
    opened.execute_script("dispatchEvent(new Event('afterprint'))")
    assert opened.execute_script(paper) == "rgb(21, 24, 28)"
    from selenium.webdriver.support.wait import WebDriverWait

    place = opened.find_element("id", "losses")

    def fits(_: Any) -> bool:
        drawn = place.find_element("css selector", ".main-svg").size["width"]
        return abs(drawn - place.size["width"]) <= 1

    WebDriverWait(opened, 10).until(fits)  # Plotly sizes itself a moment later


def test_the_policy_stops_scripts_that_got_in(chromium: Open, made: tuple[str, page.Page]) -> None:
    url, built = made
    evil = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
    file = Path(url.removeprefix("file://")).with_name("evil.html")
    file.write_text(built.html.replace("<main>", f"<main>{evil}"), encoding="utf-8")
    opened = chromium()
    opened.get(file.as_uri())
    assert opened.execute_script("return window.stolen ?? null") is None
    assert any("Content Security Policy" in e["message"] for e in opened.get_log("browser"))
    assert drawn_points(opened, "losses") > 0
