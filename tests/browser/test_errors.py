"""Errors appear beside the field or image that they concern."""

import re
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
    expect(playground.thumbs.locator(".told")).to_have_text(["pizza", "failed"])
    expect(playground.told).to_contain_text("Ranked 1 image; 1 could not be ranked.")
    expect(playground.told).to_contain_text(f"bad.png {UNREADABLE}")
    expect(playground.page.locator("#verdict")).to_contain_text(f"bad.png {UNREADABLE}")
    explanations = playground.page.locator("#reading, #timings")
    expect(explanations.filter(visible=True)).to_have_count(0)
    assert playground.best("pizza.png") == "pizza"
    expect(explanations.filter(visible=True)).to_have_count(2)


def test_a_single_bad_image_is_reported_once(playground: Playground) -> None:
    playground.choose_content("bad.png", b"no image")
    playground.label("pizza", "cat")
    expect(playground.alert).to_contain_text(f"bad.png {UNREADABLE}")
    expect(playground.page.get_by_text(UNREADABLE)).to_have_count(1)
    expect(playground.thumbs).to_have_class(re.compile("faulty"))


def test_a_link_that_leads_nowhere_is_reported_once(playground: Playground) -> None:
    playground.link("http://127.0.0.1:1/none.png")
    playground.label("pizza", "cat")
    expect(playground.alert).to_contain_text("none.png could not be fetched")
    expect(playground.page.get_by_text("could not be fetched")).to_have_count(1)
    playground.button("Remove none.png").click()
    playground.choose("pizza.png")
    playground.settle()
    expect(playground.alert).to_have_count(0)


def test_a_link_may_have_spaces_in_it_and_what_is_none_is_reported_at_the_field(
    playground: Playground,
) -> None:
    playground.link("ftp://example.org/a.png")
    expect(playground.page.get_by_text("is not an http or https address")).to_have_count(1)
    expect(playground.thumbs).to_have_count(1)  # the example
    playground.link("http://127.0.0.1:1/my cat.png http://127.0.0.1:1/dog.png")
    # Not their "Show" buttons, whose names change as soon as the answer is there.
    expect(playground.button("Remove my cat.png")).to_be_visible()
    expect(playground.button("Remove dog.png")).to_be_visible()
    expect(playground.thumbs).to_have_count(2)


def test_a_refused_setting_is_reported_at_its_field(playground: Playground) -> None:
    playground.choose("pizza.png")
    playground.label("pizza", "cat")
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Temperature").fill("0")
    playground.page.get_by_label("Templates").fill("no hole")
    expect(playground.page.locator("#temperature-fault")).to_contain_text("Must be more than")
    expect(playground.page.locator("#templates-fault")).to_contain_text("Needs {} exactly once")
    expect(playground.page.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")
    expect(playground.alert).to_contain_text("See what is marked red in the form.")
    expect(playground.alert.get_by_role("listitem")).to_have_count(0)
    playground.page.get_by_label("Temperature").fill("1")
    playground.page.get_by_label("Templates").fill("a {}")
    playground.settle()
    expect(playground.page.locator(".fault:visible")).to_have_count(0)


def test_what_is_missing_is_said_without_asking_the_server(playground: Playground) -> None:
    playground.button("Clear").click()
    playground.button("Rank").click()
    missing = playground.page.get_by_text("Choose an image or a sample first")
    expect(missing).to_be_visible()
    expect(playground.page.get_by_text("Type at least one label")).to_be_visible()
    expect(playground.button("Choose images")).to_be_focused()
    playground.button("Add the sample image pizza").click()
    playground.settle()
    expect(missing).to_be_hidden()
    expect(playground.page.locator(".fault:visible")).to_have_count(0)


def test_no_connection_is_reported_and_retried(playground_apart: Playground) -> None:
    playground_apart.settle()
    playground_apart.page.context.set_offline(offline=True)
    playground_apart.label("pizza", "cat")
    expect(playground_apart.alert).to_contain_text("The service does not answer")
    expect(playground_apart.freshness).to_have_text("Out of date")
    playground_apart.page.context.set_offline(offline=False)
    playground_apart.button("Try again").click()
    playground_apart.settle()
    expect(playground_apart.alert).to_have_count(0)


@pytest.fixture(scope="module")
def narrow(folder: Path, service_redis_url: str, service: Api) -> Iterator[Api]:
    """Beside `service`, on its worker."""
    api = start_api(
        folder, service_redis_url, max_body_bytes=20_000, rate_limit="6 per hour; 100 per day"
    )
    yield api
    api.stop()


def test_too_much_at_once_and_too_often_are_reported(narrow: Api, open_tab: OpenTab) -> None:
    playground = open_tab(narrow.url).open()
    playground.settle()
    playground.choose("pizza.png", "cat.png", "bicycle.png")
    expect(playground.alert).to_contain_text("Send fewer or smaller images at once.")
    playground.button("Clear").click()
    playground.button("Add the sample image pizza").click()
    playground.settle()
    playground.label("pizza", "cat")
    playground.settle()
    playground.label("pizza", "dress")
    expect(playground.alert).to_contain_text("Too many requests")
    expect(playground.page.get_by_role("button", name="Try again in")).to_be_disabled()
