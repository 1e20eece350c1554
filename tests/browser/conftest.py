"""One browser for all; for each test a tab of its own, whose console must stay silent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import running_chromium
from tests.browser.playground import Playground
from tests.processes import Api

OpenTab = Callable[..., Playground]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """What most tabs share: a cache of the page's files, and a process that has compiled them."""
    with chromium.new_context() as context:
        yield context


@pytest.fixture(scope="package")
def modules(service: Api, profile: BrowserContext) -> Page:
    """A page of the service's origin that runs nothing, for tests of modules that only compute.

    It keeps the process of the profile alive.
    """
    page = profile.new_page()
    page.goto(f"{service.url}/playground/js/numbers.js")
    return page


def forget(tab: Playground) -> None:
    """Close a tab of the profile, and delete all that its origin has stored."""
    session = tab.page.context.new_cdp_session(tab.page)
    tab.page.goto("about:blank")
    what = {"origin": tab.origin, "storageTypes": "local_storage,indexeddb"}
    session.send("Storage.clearDataForOrigin", what)
    tab.page.close()


@contextmanager
def tabs(chromium: Browser, profile: BrowserContext) -> Iterator[OpenTab]:
    opened: list[Playground] = []

    def open_it(url: str, *, apart: bool = False, **options: object) -> Playground:
        own = apart or options
        context = chromium.new_context(**options) if own else profile  # type: ignore[arg-type]
        opened.append(Playground(context.new_page(), url))
        return opened[-1]

    yield open_it
    for tab in opened:
        if tab.page.context is profile:
            forget(tab)
        else:
            tab.page.context.close()
    assert [tab.complaints for tab in opened] == [[] for _ in opened]


@pytest.fixture
def open_tab(chromium: Browser, profile: BrowserContext, modules: Page) -> Iterator[OpenTab]:
    """Open tabs, of which none may complain, of the policy or else.

    A tab shares the profile unless it is `apart` or has options of Playwright's contexts. Set it
    apart to change what a whole context has: clock, permissions, connection.
    """
    with tabs(chromium, profile) as open_it:
        yield open_it


@pytest.fixture(scope="module")
def open_lasting_tab(
    chromium: Browser, profile: BrowserContext, modules: Page
) -> Iterator[OpenTab]:
    """The same for tabs that the tests of a module share, each of which leaves it as it was."""
    with tabs(chromium, profile) as open_it:
        yield open_it


@pytest.fixture
def playground(service: Api, open_tab: OpenTab) -> Playground:
    """The page of the service with the demo checkpoint, opened."""
    return open_tab(service.url).open()


@pytest.fixture
def playground_apart(service: Api, open_tab: OpenTab) -> Playground:
    """The same with a context of its own."""
    return open_tab(service.url, apart=True).open()
