"""The page in a browser: it opens without a network, on a phone, in the dark, and obeys pointer and keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from simulator import report
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium is installed (apt-get install chromium)")

HOURS = 6
WIDE = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a morning with interruptions; and of two policies beside each other."""
    folder = tmp_path_factory.mktemp("page")
    scenario = Scenario(synthetic.day(HOURS, 0), HOURS, 0)
    ours, theirs = (simulate(policy, scenario) for policy in ("steady", "cookpad-2018"))
    paths = {"one": folder / "one.html", "two": folder / "two.html"}
    report.write([ours], paths["one"])
    report.write([ours, theirs], paths["two"])
    return paths


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser: Browser, path: Path, **context: Any) -> Page:
    """The page, once it is drawn. Whatever it says of errors, or asks of a network, fails the test."""
    page = browser.new_context(offline=True, **{"viewport": WIDE, **context}).new_page()
    troubles: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            troubles.append(request.url)

    page.on("request", asked)
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("[role=option][aria-selected=true]")
    assert troubles == []
    return page


def shown(page: Page) -> str:
    return page.locator(".shown").first.inner_text()


def test_it_shows_each_chart_the_interruptions_with_their_steps_and_the_decisions(
    browser: Browser, pages: dict[str, Path]
) -> None:
    page = opened(browser, pages["one"])

    # Two clusters, the calls, and the time line of decisions.
    assert page.locator(".js-plotly-plot").count() == 4
    assert "of cluster batch" in page.locator(".interruptions summary").first.inner_text()
    assert page.locator(".interruptions li", has_text="targets deregistered").first.is_visible()
    assert page.locator("[role=option]").count() > 20


def test_the_arrow_keys_go_through_the_decisions_and_show_their_reasons(
    browser: Browser, pages: dict[str, Path]
) -> None:
    page = opened(browser, pages["one"])
    page.locator("[role=listbox]").first.focus()
    first = shown(page)

    page.keyboard.press("ArrowDown")
    second = shown(page)
    assert second != first
    assert page.locator("[role=option]").nth(1).get_attribute("aria-selected") == "true"
    assert page.locator("[role=listbox]").first.get_attribute("aria-activedescendant") == "decision-0-1"

    page.keyboard.press("End")
    assert page.locator("[role=option]").last.get_attribute("aria-selected") == "true"
    assert page.locator("[role=option]").last.is_visible()
    page.keyboard.press("Home")
    assert shown(page) == first
    page.keyboard.press("ArrowUp")
    assert shown(page) == first, "there is nothing before the first"


def test_the_first_tab_skips_to_the_decisions(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["one"])

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.url.endswith("#decisions-0")


def test_pointing_at_a_decision_shows_its_reasons(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["one"])
    option = page.locator("[role=option].out").nth(2)
    reasons = option.locator(".why li").all_text_contents()

    option.hover()

    assert option.get_attribute("aria-selected") == "true"
    assert reasons
    assert all(reason in shown(page) for reason in reasons)


def test_pointing_at_the_time_line_selects_the_decision_in_the_list(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["one"])
    mark = page.locator("#timeline-0 .scatterlayer .trace").first.locator(".point").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box

    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)

    selected = page.locator("[role=option][aria-selected=true]")
    assert selected.get_attribute("id") != "decision-0-0"
    assert selected.locator(".why p b").first.text_content() in shown(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_readers_ground(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    page = opened(browser, pages["one"], color_scheme=scheme)

    def brightness(css: str) -> float:
        red, green, blue = (int(part) for part in css.removeprefix("rgb(").removesuffix(")").split(","))
        return (red + green + blue) / 3

    ground = brightness(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    letters = brightness(page.evaluate("getComputedStyle(document.querySelector('.js-plotly-plot .xtick text')).fill"))
    assert (ground > 200) is (scheme == "light")
    assert abs(ground - letters) > 120, "the charts' letters stand out from it"


def test_nothing_is_wider_than_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["two"], viewport={"width": 360, "height": 780}, is_mobile=True, has_touch=True)

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    # The reasons are under the list, not beside it.
    listed, reasons = (page.locator(name).first.bounding_box() for name in ("[role=listbox]", ".shown"))
    assert listed
    assert reasons
    assert reasons["y"] >= listed["y"] + listed["height"]


def test_policies_are_side_by_side_and_compared(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["two"])

    ours, theirs = (page.locator(".run").nth(place).bounding_box() for place in (0, 1))
    assert ours
    assert theirs
    assert ours["y"] == theirs["y"]
    assert ours["x"] + ours["width"] <= theirs["x"]
    charts = page.locator(".run figure")
    for place in range(charts.count()):
        frame, drawing = (charts.nth(place).bounding_box(), charts.nth(place).locator("svg").first.bounding_box())
        assert frame
        assert drawing
        assert drawing["width"] <= frame["width"] + 1, "no chart hangs over its neighbour"
    assert page.locator(".compare thead th").all_inner_texts() == ["steady", "cookpad-2018"]
    assert page.locator(".compare tbody tr").count() >= 10
    assert page.get_by_text("This policy logs no reasons.").is_visible()
