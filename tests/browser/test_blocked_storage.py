"""A browser that refuses to keep anything for pages."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import view_of
from tests.processes import Api

BLOCKED = """for (const name of ["localStorage", "sessionStorage"]) {
    const get = () => { throw new DOMException("no", "SecurityError"); };
    Object.defineProperty(window, name, { get });
}"""


def test_the_page_works_and_forgets(service: Api, open_tab: OpenTab) -> None:
    playground = open_tab(service.url)
    playground.page.add_init_script(BLOCKED)
    playground.open()
    playground.settle()
    theme = playground.button("Dark theme")
    theme.click()
    expect(theme).to_have_attribute("aria-pressed", "true")
    search = view_of(playground, "search")
    search.get_by_role("button", name=re.compile("sample")).first.click()
    search.get_by_role("searchbox", name="Search words").fill("pizza")
    expect(search.get_by_text("Closest to “pizza” first.")).to_be_visible()
