"""The page in a browser: without a network, on a phone, in the dark, in print, and by axe's rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from simulator import report
from simulator.report import difference
from simulator.report.reclaims import reclaims_of
from tests.simulator.pages import WIDE, a_morning, browser_of_the_module, needs_chromium, opened, page_of_a_morning

# Fixtures are found by their names here.
browser, path = browser_of_the_module, page_of_a_morning
pytestmark = needs_chromium

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
MOST_BYTES = 2_000_000


def test_on_top_is_the_message_before_any_picture(browser: Browser, path: Path) -> None:
    page = opened(browser, path)

    shown = page.locator(".message").all_inner_texts()
    at_once = a_morning()[0].figures["started_at_once_percent"]
    assert shown[:3] == list(difference.sentences(a_morning()[0].figures, a_morning()[1].figures))
    assert shown[3].startswith(f"Started at once: {at_once:g} % of the tasks (asked: 97 %)")
    last, first = page.locator(".message").last.bounding_box(), page.locator(".chart").first.bounding_box()
    assert last
    assert first
    assert last["y"] < first["y"] < WIDE["height"]
    cut_short, settings = page.locator("header .note").all_inner_texts()
    assert cut_short == difference.cut_short(a_morning())
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING" in settings


def test_each_picture_has_marks_and_a_unit_on_each_axis(browser: Browser, path: Path) -> None:
    page = opened(browser, path, everything=True)

    charts = page.locator(".chart")
    # Two clusters with two policies, their waiting tasks, the moments, and what is folded away.
    assert charts.count() >= 14
    for place in range(charts.count()):
        chart = charts.nth(place)
        label = chart.locator(".drawing").get_attribute("aria-label")
        marks = chart.locator("svg .mark-line path, svg .mark-area path, svg .mark-rect path, svg .mark-symbol path")
        assert marks.count() > 0, label
        # A row of names has no unit.
        named = 1 if "A mark for each decision" in str(label) else 2
        titles = chart.locator("svg .role-axis-title text").all_text_contents()
        assert len(titles) >= named or "time of day (hours:minutes)" not in titles, label
        assert all(titles), label


def test_both_sides_have_the_same_axes(browser: Browser, path: Path) -> None:
    page = opened(browser, path)

    names = page.locator(".panel[data-name] .drawing")
    ends = [
        names.nth(place).locator("svg .role-axis-label text").all_text_contents()
        for place in range(page.locator(".panel[data-name]").count())
    ]
    assert len(ends) == 4
    assert ends[0] == ends[1]
    assert ends[2] == ends[3]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(browser: Browser, path: Path, scheme: str) -> None:
    page = opened(browser, path, everything=True, color_scheme=scheme)

    found = Axe().run(page)

    broken = [(v["id"], v["help"], v["nodes"][0]["html"][:200]) for v in found.response["violations"]]
    assert broken == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_readers_ground(browser: Browser, path: Path, scheme: str) -> None:
    page = opened(browser, path, color_scheme=scheme)

    ground = _brightness(page, "getComputedStyle(document.body).backgroundColor")
    letters = _brightness(page, "getComputedStyle(document.querySelector('.chart svg text')).fill")
    assert (ground > 200) is (scheme == "light")
    assert abs(ground - letters) > 90, "the charts' letters stand out from it"


def test_it_is_printed_on_white_even_by_a_reader_in_the_dark(browser: Browser, path: Path) -> None:
    page = opened(browser, path, color_scheme="dark")

    page.emulate_media(media="print", color_scheme="dark")

    assert _brightness(page, "getComputedStyle(document.body).backgroundColor") == 255
    assert not page.locator(".steps").first.is_visible()
    assert page.locator(".events li").first.is_visible()


@pytest.mark.parametrize("everything", [False, True])
def test_nothing_is_wider_than_a_phone(browser: Browser, path: Path, everything: bool) -> None:
    page = opened(browser, path, everything=everything, **PHONE)

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for box in [chart.bounding_box() for chart in page.locator(".chart svg").all()]:
        assert box
        assert box["x"] + box["width"] <= 390


def test_it_is_small_and_needs_no_other_file(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    assert 'src="http' not in path.read_text(encoding="utf-8")


def test_the_calls_are_those_that_were_counted(browser: Browser, path: Path) -> None:
    page = opened(browser, path, everything=True)

    part = page.locator("details", has=page.locator("summary", has_text="Calls of the AWS API"))
    assert part.count() == 1, "ECS alone makes none in the account"
    cells = part.locator("tbody tr").all_inner_texts()
    found = {name: int(count.replace(",", "")) for name, count in (cell.split("\t") for cell in cells)}
    assert found == a_morning()[0].figures["api_calls"]


def test_every_reclaim_is_told_with_what_it_cost(browser: Browser, path: Path) -> None:
    page = opened(browser, path, everything=True)

    for number, outcome in enumerate(a_morning()):
        told = page.locator("details:has(> details.inner)").nth(number).locator("details.inner > summary")
        reclaims = reclaims_of(outcome)
        assert len(told.all()) == len(reclaims) > 0
        for summary, reclaim in zip(told.all_inner_texts(), reclaims, strict=True):
            assert f"{reclaim.killed} killed, {reclaim.failed_requests} requests lost" in summary


def test_one_policy_alone_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    report.write(a_morning()[:1], tmp_path / "one.html")

    page = opened(browser, tmp_path / "one.html", everything=True)

    assert page.locator("h1").inner_text() == "6 simulated hours with ecs-steady"
    assert page.locator(".side").count() >= 3


def test_the_specifications_hold_no_text_that_could_end_their_script(path: Path) -> None:
    for part in path.read_text(encoding="utf-8").split('<script type="application/json">')[1:]:
        json.loads(part.partition("</script>")[0])


def _brightness(page: Page, css: str) -> float:
    red, green, blue = (int(part) for part in page.evaluate(css).removeprefix("rgb(").removesuffix(")").split(","))
    return (red + green + blue) / 3
