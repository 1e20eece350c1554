"""Where there is little room, the images come first, and nothing is out of sight."""

import re

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import view_of
from tests.browser.playground import Playground
from tests.processes import Api

PHONE = ViewportSize(width=360, height=740)


@pytest.fixture
def phone(service: Api, open_tab: OpenTab) -> Playground:
    tab = open_tab(service.url)
    tab.page.set_viewport_size(PHONE)
    tab.page.emulate_media(reduced_motion="reduce")
    return tab.open()


def edges(locator: Locator) -> tuple[float, float, float]:
    """Left, right and top in the viewport."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"], box["y"]


def try_samples(playground: Playground, name: str) -> Locator:
    section = view_of(playground, name)
    section.get_by_role("button", name="Try with the sample images").click()
    told = section.get_by_text(re.compile(r"^\d+ images (encoded|ranked)\.$"))
    expect(told).to_be_attached()
    return section


def test_more_images_can_be_added_however_many_there_are(playground: Playground) -> None:
    playground.choose(*["pizza.png", "cat.png"] * 4)
    for width in (1280, 360):
        playground.page.set_viewport_size({"width": width, "height": 900})
        playground.page.evaluate("window.scrollTo(0, 0)")
        expect(playground.thumbs).to_have_count(8)
        expect(playground.button("Add images")).to_be_in_viewport(ratio=1)


def test_the_views_are_named_within_the_margins(phone: Playground) -> None:
    left, right, _ = edges(phone.page.get_by_role("main"))
    links = phone.page.get_by_role("navigation", name="Views").get_by_role("link")
    assert edges(links.first)[0] == pytest.approx(left, abs=1)
    assert edges(links.last)[1] == pytest.approx(right, abs=1)


def test_found_images_start_within_the_upper_two_thirds(phone: Playground) -> None:
    search = try_samples(phone, "search")
    search.get_by_role("searchbox", name="Search words").fill("something to eat")
    expect(search.get_by_text("Closest to “something to eat” first.")).to_be_visible()
    phone.page.evaluate("window.scrollTo(0, 0)")
    assert edges(search.locator(".tile").first)[2] < PHONE["height"] * 2 / 3


def test_the_counts_of_labels_are_folded_before_the_images(phone: Playground) -> None:
    gallery = try_samples(phone, "gallery")
    bars = gallery.get_by_role("button", name="All images")
    expect(bars).to_be_hidden()
    phone.page.evaluate("window.scrollTo(0, 0)")
    expect(gallery.locator(".tile").first).to_be_in_viewport()
    gallery.get_by_text("Images of each label").click()
    expect(bars).to_be_visible()
