"""axe finds nothing in any state of the page, light or dark; and it fits on a phone."""

from playwright.sync_api import ViewportSize, expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api

DESK = ViewportSize(width=1280, height=720)
PHONE = ViewportSize(width=360, height=740)


def show_the_example(playground: Playground) -> None:
    playground.settle()


def rank_with_a_fault(playground: Playground) -> None:
    playground.choose("cat.png")
    playground.choose_content("bad.png", b"no image")
    expect(playground.page.locator("#verdict")).to_contain_text("bad.png")
    playground.choose("pizza.png")
    expect(playground.thumbs).to_have_count(3)
    playground.page.get_by_text("More", exact=True).click()
    playground.settle()
    playground.page.get_by_text("The same request as code").click()
    playground.page.get_by_text("The answer as JSON").click()


def find_none_fitting(playground: Playground) -> None:
    playground.page.get_by_text("more labels").click()
    playground.page.get_by_text("What if none fits?").click()
    playground.page.get_by_label("“None of these” below").fill("1")
    expect(playground.winner).to_contain_text("none of these")


def save_labels(playground: Playground) -> None:
    playground.button("Save as a label set").click()
    playground.button("Save").click()
    expect(playground.page.locator("#set-name-fault")).to_be_visible()


def be_out_of_date(playground: Playground) -> None:
    playground.label("")
    expect(playground.freshness).to_have_text("Type a label")


def be_refused(playground: Playground) -> None:
    playground.label("cat", "pizza")
    playground.page.get_by_label("Temperature").fill("0")
    expect(playground.alert).to_be_visible()


def be_empty(playground: Playground) -> None:
    playground.button("Clear").click()
    playground.button("Rank").click()


def look_at_jobs(playground: Playground) -> None:
    playground.page.get_by_role("link", name="Jobs").click()
    expect(playground.page.get_by_role("table", name="Workers")).to_be_visible()


def open_a_job(playground: Playground) -> None:
    playground.page.get_by_role("link", name="Rank", exact=True).click()
    playground.choose(*["cat.png"] * 9)
    playground.label("cat", "a word that is long enough to need a second line on a phone")
    playground.rank()
    look_at_jobs(playground)
    playground.page.locator("#jobs tbody").get_by_role("link").first.click()
    expect(playground.page.locator(".card")).to_have_count(9)


STATES = (
    *(show_the_example, rank_with_a_fault, find_none_fitting, save_labels),
    *(be_out_of_date, be_refused, be_empty, look_at_jobs, open_a_job),
)


def test_axe_finds_nothing_in_any_state_and_nothing_is_wider_than_a_phone(
    playground: Playground,
) -> None:
    for reach in STATES:
        playground.page.set_viewport_size(DESK)
        reach(playground)
        assert playground.violations() == [], reach.__name__
        playground.page.set_viewport_size(PHONE)
        width = playground.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], reach.__name__


def test_the_theme_follows_the_system_until_one_is_chosen(service: Api, open_tab: OpenTab) -> None:
    tab = open_tab(service.url)
    tab.page.emulate_media(color_scheme="dark")
    page = tab.open().page
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
