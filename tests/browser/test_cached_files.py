"""The files of the page stay in the browser: a second visit fetches none of them."""

from tests.browser.playground import Playground

# How many bytes of each came over the network. Images are left out: some are loaded when they are
# about to be seen.
FETCHED = r"""() => performance.getEntriesByType("resource")
    .filter(({ name }) => /\/playground\/.+\.(js|css)$/.test(name))
    .map(({ transferSize }) => transferSize)"""


def test_a_second_visit_fetches_no_file_again(playground: Playground) -> None:
    page = playground.page
    page.reload()
    playground.settle()
    fetched = page.evaluate(FETCHED)
    assert len(fetched) > 60
    assert set(fetched) == {0}
