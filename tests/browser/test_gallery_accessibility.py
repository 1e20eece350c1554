"""axe finds nothing in any state of Gallery and Search, light or dark; and they fit on a phone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import choose_folder, fill_with_samples, view_of
from tests.browser.playground import Playground
from tests.processes import Api


def rank(playground: Playground, images: Path) -> Locator:
    gallery = view_of(playground, "gallery")
    gallery.get_by_role("textbox", name="Labels").fill("cat\npizza\na label that is rather long")
    gallery.get_by_text("Stored labels, template").click()
    choose_folder(gallery, images)
    ranked = gallery.get_by_text("2 images ranked, 1 failed.")
    expect(ranked).to_be_attached()
    gallery.get_by_text("1 image could not be ranked").click()
    return gallery


def look_at_the_map(playground: Playground) -> None:
    playground.button("Heat map").click()
    expect(playground.page.get_by_role("table")).to_be_visible()


def open_ranked(playground: Playground) -> None:
    playground.button("Heat map").click()
    playground.page.locator("#gallery-tiles .opens").first.click()
    expect(playground.page.get_by_role("dialog")).to_be_visible()


def find(playground: Playground) -> None:
    playground.page.keyboard.press("Escape")
    search = view_of(playground, "search")
    expect(search.get_by_text(re.compile(r"encoded\.$"))).to_be_attached()
    search.get_by_label("Search words").fill("cat")
    expect(search.get_by_text("Closest to “cat” first.")).to_be_visible()


def like(playground: Playground) -> None:
    search = playground.page.locator("#search-view")
    search.get_by_role("button", name="More like pizza.png").click()
    search.get_by_role("button", name="cat.png", exact=True).click()
    playground.button("Less like this").click()
    expect(search.get_by_text("Close to pizza.png, but not to cat.png.")).to_be_visible()
    search.get_by_role("button", name="Keep on this device").click()
    expect(search.get_by_role("button", name="Forget")).to_be_visible()


def states(images: Path) -> list[Callable[[Playground], object]]:
    return [
        lambda playground: view_of(playground, "search"),
        lambda playground: view_of(playground, "gallery"),
        lambda playground: rank(playground, images),
        *(look_at_the_map, open_ranked, find, like),
    ]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = fill_with_samples(tmp_path / "things", "cat.png", "pizza.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def test_axe_finds_nothing(playground: Playground, images: Path) -> None:
    for nth, reach in enumerate(states(images)):
        reach(playground)
        assert playground.violations() == [], nth


def test_nothing_is_wider_than_a_phone(service: Api, open_tab: OpenTab, images: Path) -> None:
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    playground = open_tab(service.url, **options).open()
    for nth, reach in enumerate(states(images)):
        reach(playground)
        assert playground.page.evaluate("document.documentElement.scrollWidth") <= 360, nth


def test_nothing_moves_for_those_who_do_not_want_it(playground: Playground, images: Path) -> None:
    playground.page.emulate_media(reduced_motion="reduce")
    search = view_of(playground, "search")
    choose_folder(search, images)
    expect(search.get_by_text(re.compile(r"encoded\.$"))).to_be_attached()
    search.get_by_label("Search words").fill("pizza")
    expect(search.get_by_text("Closest to “pizza” first.")).to_be_visible()
    assert playground.page.evaluate("document.getAnimations().length") == 0
