"""The page by hand: stepping through a reclaim and through the day, and going through the decisions."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from simulator.report.decisions import decisions_of
from tests.simulator.pages import a_morning, browser_of_the_module, needs_chromium, opened, page_of_a_morning

# Fixtures are found by their names here.
browser, path = browser_of_the_module, page_of_a_morning
pytestmark = needs_chromium


def test_a_reclaim_is_stepped_through_by_keyboard(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    story = page.locator(".stepper[data-kind=reclaim]")
    grown = "document.querySelectorAll('.stepper[data-kind=reclaim] .mark-rect path').length"
    whole = page.evaluate(grown)

    story.get_by_role("button", name="Next step").press("Enter")
    page.wait_for_function(f"{grown} < {whole}")
    assert story.locator("output").inner_text() == "+0 s"
    assert "EC2 says that it takes" in story.locator(".events li.now").first.inner_text()

    seconds = [0]
    while seconds[-1] < 120:
        story.get_by_role("button", name="Next step").press("Enter")
        seconds.append(int(story.locator("output").inner_text().removeprefix("+").removesuffix(" s")))
        assert seconds[-1] > seconds[-2], seconds
    shown = {int(text.removeprefix("+").removesuffix(" s")) for text in story.locator(".events li b").all_inner_texts()}
    assert shown == set(seconds)
    story.get_by_role("slider").press("End")
    page.wait_for_function(f"{grown} === {whole}")
    assert "EC2 takes the instances" in story.locator(".events li.now").first.inner_text()
    story.get_by_role("button", name="Step back").press("Enter")
    assert "EC2 takes the instances" in story.locator(".events li.now").first.inner_text()


def test_it_plays_and_stops(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    story = page.locator(".stepper[data-kind=reclaim]")

    story.get_by_role("button", name="Play").click()
    page.wait_for_function("Number(document.querySelector('#reclaim-t').value) > 0")
    story.get_by_role("button", name="Pause").click()

    assert story.get_by_role("button", name="Play").is_visible()


def test_the_slider_reads_all_charts_at_one_time(browser: Browser, path: Path) -> None:
    page = opened(browser, path)

    page.locator("#day-t").evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input')); }")

    page.wait_for_function("[...document.querySelectorAll('.reading')].every(part => part.textContent)")
    sample = next(s for s in a_morning()[0].clusters[0].samples if s.at_s == 3 * 3600)
    assert page.locator(".reading").first.inner_text() == (
        f"at 03:00: {sample.instances} instances, {sample.demand:.1f} needed, {sample.waiting_tasks} tasks waiting"
    )


def test_pointing_at_a_chart_moves_the_slider(browser: Browser, path: Path) -> None:
    page = opened(browser, path)
    box = page.locator(".panel svg").first.bounding_box()
    assert box

    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    page.wait_for_function("Number(document.querySelector('#day-t').value) > 2")
    assert float(page.locator("#day-t").input_value()) < 4


def test_the_arrow_keys_go_through_the_decisions_of_the_filter(browser: Browser, path: Path) -> None:
    page = opened(browser, path, everything=True)
    ours = [d for d in decisions_of(a_morning()[0]) if d.changed]
    grown = [d for d in ours if d.kind == "out" and d.cluster == "batch"]
    part, shown = page.locator(".decisions").first, page.locator(".shown").first
    options = part.locator("[role=option]")
    assert options.count() == len(ours)

    part.get_by_label("Kind of change").select_option("out")
    part.get_by_label("Cluster", exact=True).select_option("batch")
    assert sum(option.is_visible() for option in options.all()) == len(grown) > 1
    assert all(reason in shown.inner_text() for reason in grown[0].reasons)

    part.get_by_role("listbox").press("ArrowDown")
    assert all(reason in shown.inner_text() for reason in grown[1].reasons)
    part.get_by_role("listbox").press("End")
    assert all(reason in shown.inner_text() for reason in grown[-1].reasons)
    part.get_by_role("listbox").press("Home")
    part.get_by_role("listbox").press("ArrowUp")
    assert all(reason in shown.inner_text() for reason in grown[0].reasons), "there is nothing before the first"


def test_pointing_at_a_mark_selects_its_decision(browser: Browser, path: Path) -> None:
    page = opened(browser, path, everything=True)
    part = page.locator(".decisions").first
    mark = part.locator("svg .mark-symbol path").last
    mark.scroll_into_view_if_needed()

    mark.hover(force=True)

    page.wait_for_function("document.querySelector('[role=option][aria-selected=true]').id !== 'decision-0-0'")


def test_the_first_tab_skips_to_the_moments(browser: Browser, path: Path) -> None:
    page = opened(browser, path)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.url.endswith("#moments")
