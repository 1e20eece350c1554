"""The requests of the page to `/rank`: counted, or held for as long as a test needs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Request, Route

RANK = re.compile(r"/rank$")


def is_rank(request: Request) -> bool:
    return RANK.search(request.url) is not None


def requests_of(page: Page) -> list[Request]:
    sent: list[Request] = []
    page.on("request", lambda each: sent.append(each) if is_rank(each) else None)
    return sent


@contextmanager
def held(page: Page) -> Iterator[None]:
    """Requests to rank are held until the end."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    page.route(RANK, hold)
    yield
    # The loop sees requests that come meanwhile. First, because to unroute may continue them too.
    for route in routes:
        route.continue_()
    page.unroute(RANK)
