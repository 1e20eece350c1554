"""A link that holds the settings: nothing that was uploaded, and no key."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api

LABELS = ["a cat & a dog", "ünïcödé #1", "50% + more"]
TEMPLATES = ["a photo of a {}", "{}, drawn"]


def test_a_link_brings_everything_back_but_uploads(
    playground: Playground, service: Api, open_tab: OpenTab
) -> None:
    page = playground.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    playground.choose("cat.png")
    playground.link("https://example.invalid/a%20b.png?x=1&y=2")
    playground.button("Add the sample image guitar").click()
    playground.label(*LABELS)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Templates").fill("\n".join(TEMPLATES))
    page.get_by_label("Temperature").fill("2.5")
    page.get_by_label("Best labels").fill("2")
    page.get_by_label("Scores").select_option("none")
    playground.button("Copy link").click()
    expect(page.get_by_text("1 uploaded image is not included.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    assert "cat.png" not in link

    shared = open_tab(service.url).open(link.removeprefix(f"{service.url}/")).page
    expect(shared.get_by_role("textbox", name="Labels")).to_have_value("\n".join(LABELS))
    expect(shared.get_by_label("Templates")).to_have_value("\n".join(TEMPLATES))
    expect(shared.get_by_label("Temperature")).to_have_value("2.5")
    expect(shared.get_by_label("Best labels")).to_have_value("2")
    expect(shared.get_by_label("Scores")).to_have_value("none")
    thumbs = shared.get_by_role("list", name="Chosen images").locator(".name")
    expect(thumbs).to_have_text(["a b.png", "guitar.png"])
    expect(shared.locator("#cards")).to_be_empty()


def test_a_hostile_link_is_text_and_nothing_else(service: Api, open_tab: OpenTab) -> None:
    markup = "%3Cimg src=x onerror=alert(1)%3E"
    hostile = (
        f"#label={markup}&image=javascript:alert(1)&sample=../x&temperature=hot&model={markup}"
    )
    playground = open_tab(service.url).open(hostile)
    expect(playground.page.get_by_role("textbox", name="Labels")).to_have_value(
        "<img src=x onerror=alert(1)>"
    )
    expect(playground.thumbs).to_have_count(0)
    expect(playground.page.get_by_label("Temperature")).to_have_value("")
