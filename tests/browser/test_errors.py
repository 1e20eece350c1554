"""Errors appear beside the field or image that they concern."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api, start_api

UNREADABLE = "is not an image of a known format"


def test_a_bad_image_among_good_ones_is_named_and_the_rest_is_ranked(
    playground: Playground,
) -> None:
    playground.choose("pizza.png")
    playground.choose_content("bad.png", b"no image")
    playground.label("pizza", "cat")
    playground.rank()
    expect(playground.cards).to_have_count(2)
    assert playground.best(0) == "pizza"
    expect(playground.cards.nth(1)).to_contain_text(UNREADABLE)
    expect(playground.thumbs.nth(1)).to_contain_text(UNREADABLE)
    expect(playground.thumbs.nth(0)).not_to_contain_text("It ")


def test_a_single_bad_image_is_reported_at_the_image(playground: Playground) -> None:
    playground.choose_content("bad.png", b"no image")
    playground.label("pizza", "cat")
    playground.rank()
    expect(playground.alert).to_contain_text(f"bad.png {UNREADABLE}")
    expect(playground.thumbs).to_contain_text([UNREADABLE])


def test_a_link_that_leads_nowhere_is_reported_at_its_image(playground: Playground) -> None:
    playground.link("http://127.0.0.1:1/none.png")
    playground.label("pizza", "cat")
    playground.rank()
    expect(playground.alert).to_contain_text("none.png could not be fetched")


def test_what_is_no_link_is_reported_at_the_field(playground: Playground) -> None:
    playground.link("ftp://example.org/a.png")
    expect(playground.page.get_by_text("is not an http or https address")).to_be_visible()
    expect(playground.thumbs).to_have_count(0)


def test_a_refused_setting_is_reported_at_its_field(playground: Playground) -> None:
    playground.choose("pizza.png")
    playground.label("pizza", "cat")
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Temperature").fill("0")
    playground.page.get_by_label("Templates").fill("no hole")
    playground.rank()
    expect(playground.page.locator("#temperature-fault")).to_contain_text("Must be more than")
    expect(playground.page.locator("#templates-fault")).to_contain_text("Needs {} exactly once")
    expect(playground.page.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")


def test_what_is_missing_is_said_without_asking_the_server(playground: Playground) -> None:
    playground.rank()
    expect(playground.page.get_by_text("Choose an image or a sample first")).to_be_visible()
    expect(playground.page.get_by_text("Type at least one label")).to_be_visible()
    expect(playground.page.get_by_label("Choose images")).to_be_focused()


def test_no_connection_is_reported_and_retried(playground: Playground) -> None:
    playground.choose("pizza.png")
    playground.label("pizza", "cat")
    playground.page.context.set_offline(offline=True)
    playground.rank()
    expect(playground.alert).to_contain_text("The service does not answer")
    playground.page.context.set_offline(offline=False)
    playground.button("Try again").click()
    expect(playground.cards).to_have_count(1)


@pytest.fixture(scope="module")
def narrow(folder: Path, service_redis_url: str, service: Api) -> Iterator[Api]:
    """Beside `service`, on its worker: two calls open the page, and three more are let through."""
    api = start_api(
        folder, service_redis_url, max_body_bytes=20_000, rate_limit="5 per hour; 100 per day"
    )
    yield api
    api.stop()


def test_too_much_at_once_and_too_often_are_reported(narrow: Api, open_tab: OpenTab) -> None:
    playground = open_tab(narrow.url).open()
    playground.choose("pizza.png", "cat.png", "bicycle.png")
    playground.label("pizza", "cat")
    playground.rank()
    expect(playground.alert).to_contain_text("Send fewer or smaller images at once.")
    for _ in range(2):
        playground.button("Rank").click()
        expect(playground.button("Rank")).to_be_enabled()
    playground.rank()
    expect(playground.alert).to_contain_text("Too many requests")
    expect(playground.page.get_by_text("Try again in")).to_be_disabled()
