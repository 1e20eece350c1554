"""A service that needs an API key: the page asks for it once, and keeps it in the tab only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.processes import Api, start_api

KEY = "a-key-0123456789abcdef"


@pytest.fixture(scope="module")
def guarded(folder: Path, service_redis_url: str, service: Api) -> Iterator[Api]:
    """Beside `service`, on its worker."""
    api = start_api(folder, service_redis_url, api_keys=KEY)
    yield api
    api.stop()


def test_a_key_is_asked_for_and_what_was_refused_is_tried_again(
    guarded: Api, open_tab: OpenTab
) -> None:
    playground = open_tab(guarded.url).open()
    field = playground.page.get_by_label("API key", exact=True)
    expect(field).to_be_visible()
    expect(playground.alert).to_contain_text("API key missing or not valid")
    field.fill("wrong")
    field.press("Enter")
    expect(playground.page.get_by_text("That key was not accepted")).to_be_visible()
    field.fill(KEY)
    playground.button("Use key").click()
    playground.settle()
    assert playground.best() == "cat"
    expect(field).to_be_hidden()
    expect(playground.alert).to_have_count(0)
    playground.page.get_by_text("The same request as code").click()
    shown = playground.page.content() + playground.page.url
    assert KEY not in shown
    assert "$CLIP_API_KEY" in shown


def test_a_key_is_forgotten_with_the_tab(guarded: Api, open_tab: OpenTab) -> None:
    playground = open_tab(guarded.url, apart=True).open()
    playground.page.get_by_label("API key", exact=True).fill(KEY)
    playground.button("Use key").click()
    playground.page.reload()
    playground.page.wait_for_load_state("networkidle")
    expect(playground.page.get_by_label("API key", exact=True)).to_be_hidden()
    stored = "[JSON.stringify({...localStorage}), document.cookie].join()"
    assert KEY not in playground.page.evaluate(stored)
    another = playground.page.context.new_page()
    another.goto(guarded.url)
    expect(another.get_by_label("API key", exact=True)).to_be_visible()
