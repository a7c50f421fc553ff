"""The page of a morning with interruptions, opened in a browser, for the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from simulator import report
from simulator.outcome import Outcome
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no chromium is installed (apt-get install chromium)")

HOURS = 6
WIDE = {"width": 1400, "height": 900}


@cache
def a_morning() -> tuple[Outcome, Outcome]:
    """A morning with interruptions: with the suite, and with ECS alone."""
    scenario = Scenario(synthetic.day(HOURS, 0), HOURS, 0)
    return simulate("steady", scenario), simulate("ecs-alone", scenario)


@pytest.fixture(scope="module", name="path")
def page_of_a_morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `a_morning`."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    report.write(a_morning(), path)
    return path


@pytest.fixture(scope="module", name="browser")
def browser_of_the_module() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser: Browser, path: Path, *, everything: bool = False, **context: Any) -> Page:
    """The page, once it is drawn. Whatever it says of errors, or asks of a network, fails the test.

    With `everything`, what is folded away is open.
    """
    page = browser.new_context(offline=True, **{"viewport": WIDE, **context}).new_page()
    troubles: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            troubles.append(request.url)

    page.on("request", asked)
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-drawn]")
    if everything:
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        page.wait_for_function("[...document.querySelectorAll('.chart')].every(part => part.querySelector('svg'))")
    assert troubles == []
    return page
