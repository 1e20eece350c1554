"""Many images: what is in the page and in memory stays small."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import choose_folder, fill_with_colours, view_of
from tests.processes import Api

COUNT = 700
MAX_TILES = 120
MAX_URLS = 520
A_WHILE_MS = 120_000
COUNT_URLS = """
    const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
    window.urls = new Set();
    window.made = 0;
    URL.createObjectURL = (of) => {
        const url = make.call(URL, of);
        window.urls.add(url);
        window.made += 1;
        return url;
    };
    URL.revokeObjectURL = (url) => { window.urls.delete(url); revoke.call(URL, url); };
"""
SHOW = """async (y) => {
    window.scrollTo(0, y);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}"""
SCROLL = """async (step) => {
    let most = 0;
    for (let y = 0; y < document.documentElement.scrollHeight; y += step) {
        window.scrollTo(0, y);
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        most = Math.max(most, document.querySelectorAll("[data-view]:not([hidden]) .tile").length);
    }
    return most;
}"""


FORGOTTEN = """async () => {
    const { Thumbnails } = await import("/playground/js/grid/thumbnails.js");
    const canvas = new OffscreenCanvas(1, 1);
    canvas.getContext("2d");
    const file = await canvas.convertToBlob();
    const thumbnails = new Thumbnails();
    let shown = 0;
    thumbnails.claim({ file }, () => { shown += 1; });
    thumbnails.forgetAll();
    for (const image of [{ file }, { file }]) {
        await new Promise((resolve) => thumbnails.claim(image, resolve));
    }
    return shown;
}"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_with_colours(tmp_path_factory.mktemp("many") / "colours", COUNT)


@pytest.fixture
def page(service: Api, open_tab: OpenTab, many: Path) -> Page:
    """The gallery with the images, without labels; it counts the URLs of images in memory."""
    playground = open_tab(service.url)
    playground.page.add_init_script(COUNT_URLS)
    choose_folder(view_of(playground, "gallery"), many)
    expect(playground.page.get_by_text(f"{COUNT} images", exact=True).first).to_be_visible()
    return playground.page


def gallery(page: Page) -> Locator:
    return page.locator("#gallery-view")


def test_only_what_is_near_the_viewport_is_in_the_page(page: Page) -> None:
    tiles = gallery(page).locator(".tile")
    expect(tiles.first).to_have_attribute("aria-setsize", str(COUNT))
    assert page.evaluate(SCROLL, 700) <= MAX_TILES
    last = gallery(page).get_by_role("button", name="image-0699.png")
    expect(last).to_be_visible()
    expect(tiles.last).to_have_attribute("aria-posinset", str(COUNT))


def test_small_copies_are_given_up_after_a_while(page: Page) -> None:
    for place in range(0, 24_000, 1_000):
        page.evaluate(SHOW, place)
        first = gallery(page).locator(".tile img").last
        expect(first).to_be_visible()
        expect(gallery(page).locator(".image:empty")).to_have_count(0, timeout=A_WHILE_MS)
    assert page.evaluate("window.made") > MAX_URLS
    assert page.evaluate("window.urls.size") <= MAX_URLS
    page.evaluate("window.scrollTo(0, 0)")
    expect(gallery(page).locator(".image:empty")).to_have_count(0, timeout=A_WHILE_MS)
    widths = "(all) => all.map(({ naturalWidth }) => naturalWidth)"
    assert 0 not in gallery(page).locator(".tile img").evaluate_all(widths)
    gallery(page).get_by_role("button", name="Clear").click()
    assert page.evaluate("window.urls.size") == 0


def test_a_copy_that_is_made_after_all_were_forgotten_is_not_kept(modules: Page) -> None:
    assert modules.evaluate(FORGOTTEN) == 0


def test_thousands_are_separated(modules: Page) -> None:
    script = """async (count) => {
        const { counted } = await import("/playground/js/numbers.js");
        return counted(count, "image");
    }"""
    assert modules.evaluate(script, 2000) == "2,000 images"


def test_all_are_ranked_and_ranked_again_when_asked(page: Page) -> None:
    gallery(page).get_by_role("textbox", name="Labels").fill("red\nblue")
    gallery(page).get_by_role("button", name="Rank").click()
    ranked = gallery(page).get_by_text(f"{COUNT} images ranked.", exact=True)
    expect(ranked).to_be_attached(timeout=A_WHILE_MS)
    numbers = gallery(page).locator(".count-bar .number").all_inner_texts()
    assert int(numbers[0]) == sum(map(int, numbers[1:])) == COUNT
    gallery(page).get_by_role("button", name="Heat map").click()
    assert 10 < gallery(page).locator(".heat tbody tr").count() < 80
    gallery(page).locator(".scroller").evaluate("(all) => all.scrollTo(0, all.scrollHeight)")
    row = gallery(page).locator("[aria-rowindex='701']")
    expect(row).to_be_visible()
    gallery(page).get_by_role("textbox", name="Labels").fill("red\nblue\nyellow")
    gallery(page).get_by_role("button", name="Rank again").click()
    expect(ranked).to_be_attached(timeout=A_WHILE_MS)
    expect(gallery(page).locator(".count-bar")).to_have_count(4)


def test_the_arrow_keys_lead_through_the_grid_to_the_end(page: Page) -> None:
    first = gallery(page).get_by_role("button", name="image-0000.png")
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(gallery(page).get_by_role("button", name="image-0001.png")).to_be_focused()
    page.keyboard.press("End")
    last = gallery(page).get_by_role("button", name="image-0699.png")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    page.keyboard.press("Enter")
    dialog = gallery(page).get_by_role("dialog", name="image-0699.png")
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(gallery(page).get_by_role("dialog", name="image-0698.png")).to_be_visible()
    page.keyboard.press("Escape")
    expect(gallery(page).get_by_role("button", name="image-0698.png")).to_be_focused()
    page.keyboard.press("Home")
    expect(first).to_be_in_viewport()
