"""The pages, served by a proxy below a path."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api, start_api

PREFIX = "/clip"
MANY = ("pizza.png", "cat.png", "bicycle.png", "guitar.png", "umbrella.png") * 2
"""Enough images for a job."""


@pytest.fixture(scope="module")
def behind_proxy(folder: Path, service: Api, service_redis_url: str) -> Iterator[Api]:
    """A second API, which trusts a proxy and uses the worker of `service`."""
    api = start_api(folder, service_redis_url, trusted_proxies=1)
    yield api
    api.stop()


@pytest.fixture
def tab(behind_proxy: Api, open_tab: OpenTab) -> Playground:
    """A tab that reaches the API only below the path of the proxy."""

    def forward(route: Route) -> None:
        path = route.request.url.removeprefix(behind_proxy.url)
        if not path.startswith(PREFIX):
            route.abort()
            return
        stripped = path.removeprefix(PREFIX)
        own = stripped if stripped.startswith("/") else f"/{stripped}"
        headers = {**route.request.headers, "X-Forwarded-Prefix": PREFIX}
        route.continue_(url=behind_proxy.url + own, headers=headers)

    tab = open_tab(behind_proxy.url + PREFIX)
    tab.page.route("**/*", forward)
    return tab


@pytest.mark.parametrize("slash", ["", "/"])
def test_images_are_ranked_as_a_job(tab: Playground, slash: str) -> None:
    tab.page.goto(tab.url + slash)
    tab.settle()
    tab.choose(*MANY)
    tab.label("pizza", "cat", "bicycle", "guitar", "umbrella")
    tab.rank()
    told = ("pizza", "cat", "bicycle", "guitar", "umbrella") * 2
    expect(tab.thumbs.locator(".told")).to_have_text(list(told))


def test_the_documentation_can_send_requests(tab: Playground) -> None:
    tab.page.goto(f"{tab.url}/docs")
    models = tab.page.locator("#operations-The_service-models")
    models.get_by_role("button", name="/models").first.click()
    models.get_by_role("button", name="Try it out").click()
    models.get_by_role("button", name="Execute").click()
    expect(models.locator(".live-responses-table")).to_contain_text('"name": "model"')
