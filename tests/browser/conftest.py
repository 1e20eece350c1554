"""One browser for all; for each test a tab of its own, whose console must stay silent."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import running_chromium
from tests.browser.playground import Playground
from tests.processes import Api

OpenTab = Callable[..., Playground]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium: Browser) -> Iterator[OpenTab]:
    """Open tabs with options of Playwright's contexts; none may complain, of the policy or else."""
    tabs: list[Playground] = []

    def open_it(url: str, **options: object) -> Playground:
        context = chromium.new_context(**options)  # type: ignore[arg-type]
        tabs.append(Playground(context.new_page(), url))
        return tabs[-1]

    yield open_it
    for tab in tabs:
        tab.page.context.close()
    assert [tab.complaints for tab in tabs] == [[] for _ in tabs]


@pytest.fixture(scope="package")
def modules(service: Api, chromium: Browser) -> Iterator[Page]:
    """A page of the service's origin that runs nothing, for tests of modules that only compute."""
    page = chromium.new_page()
    page.goto(f"{service.url}/playground/js/numbers.js")
    yield page
    page.close()


@pytest.fixture
def playground(service: Api, open_tab: OpenTab) -> Playground:
    """The page of the service with the demo checkpoint, opened."""
    return open_tab(service.url).open()
