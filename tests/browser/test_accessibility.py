"""axe finds nothing in any state of the page, light or dark; and it fits on a phone."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api


def rank_with_a_fault(playground: Playground) -> None:
    playground.button("Show me an example").click()
    expect(playground.cards).to_have_count(3)
    playground.choose_content("bad.png", b"no image")
    playground.page.get_by_text("More", exact=True).click()
    playground.rank()
    expect(playground.cards).to_have_count(4)
    playground.page.get_by_text("The same request as code").click()
    playground.page.get_by_text("The answer as JSON").click()


def be_refused(playground: Playground) -> None:
    playground.page.get_by_label("Temperature").fill("0")
    playground.rank()
    expect(playground.alert).to_be_visible()


def look_at_jobs(playground: Playground) -> None:
    playground.page.get_by_role("link", name="Jobs").click()
    expect(playground.page.get_by_role("table", name="Workers")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(service: Api, open_tab: OpenTab, scheme: str) -> None:
    playground = open_tab(service.url, color_scheme=scheme).open()
    assert playground.violations() == []
    for reach in (rank_with_a_fault, be_refused, look_at_jobs):
        reach(playground)
        assert playground.violations() == [], reach.__name__


def test_nothing_is_wider_than_a_phone(service: Api, open_tab: OpenTab) -> None:
    playground = open_tab(service.url, viewport={"width": 360, "height": 740}).open()
    for reach in (rank_with_a_fault, be_refused, look_at_jobs):
        reach(playground)
        width = playground.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, reach.__name__


def test_the_theme_follows_the_system_until_one_is_chosen(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url, color_scheme="dark").open().page
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    toggle = page.get_by_role("button", name="Dark theme")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false")
    light = page.evaluate(paper)
    assert light != dark
    page.reload()
    assert page.evaluate(paper) == light
