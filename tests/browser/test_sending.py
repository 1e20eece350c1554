"""Many images are sent in pieces, and survive what can go wrong with some of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import choose_folder, fill_with_colours, fill_with_samples, view_of
from tests.browser.playground import Playground
from tests.browser.rank_requests import is_rank
from tests.processes import SAMPLES, Api, start_api

KEY = "a-key-0123456789abcdef"
ELEVEN = sorted(path.name for path in SAMPLES.glob("*.png"))[:11]
CUT = """async (sizes) => {
    const { cut } = await import("/playground/js/sending/pieces.js");
    const pieces = cut(sizes.map((size) => ({ file: { size } })), 3, 100);
    return pieces.map((piece) => piece.map(({ file }) => file.size));
}"""


def test_pieces_have_limits_of_images_and_bytes(modules: Page) -> None:
    sizes = [10, 20, 30, 40, 90, 20, 500, 1, 1]
    pieces = [[10, 20, 30], [40], [90], [20], [500], [1, 1]]
    assert modules.evaluate(CUT, sizes) == pieces


def test_two_pieces_at_most_are_under_way(playground: Playground, tmp_path: Path) -> None:
    gallery = view_of(playground, "gallery")
    under_way: list[Request] = []
    most = 0

    def begin(request: Request) -> None:
        nonlocal most
        if is_rank(request):
            under_way.append(request)
            most = max(most, len(under_way))

    def end(request: Request) -> None:
        if request in under_way:
            under_way.remove(request)

    playground.page.on("request", begin)
    playground.page.on("requestfinished", end)
    gallery.get_by_role("textbox", name="Labels").fill("red\nblue")
    choose_folder(gallery, fill_with_colours(tmp_path / "many", 150))
    expect(gallery.get_by_text("150 images ranked.")).to_be_attached()
    assert most == 2


def test_a_run_shows_its_progress_is_cancelled_and_continued(
    playground: Playground, tmp_path: Path
) -> None:
    gallery = view_of(playground, "gallery")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if len(held) < 2:
            route.continue_()
        held.append(route)

    playground.page.route("**/rank", hold)
    gallery.get_by_role("textbox", name="Labels").fill("red\nblue")
    choose_folder(gallery, fill_with_colours(tmp_path / "many", 120))
    expect(gallery.get_by_text("48 images of 120 ranked")).to_be_visible()
    expect(gallery.get_by_text("images per second")).to_be_visible()
    bar = gallery.get_by_role("progressbar", name="Images ranked")
    assert bar.evaluate("(bar) => bar.value / bar.max") == 0.4
    gallery.get_by_role("button", name="Cancel").click()
    expect(bar).to_be_hidden()
    playground.page.unroute("**/rank")
    gallery.get_by_role("button", name="Rank the other 72").click()
    expect(gallery.get_by_text("120 images ranked.")).to_be_attached()
    assert len(held) == 4


@pytest.fixture(scope="module")
def narrow(folder: Path, service_redis_url: str, service: Api) -> Iterator[Api]:
    """Beside `service`, on its worker: it takes two requests a second, with 100 kB at most."""
    api = start_api(
        folder, service_redis_url, max_body_bytes=100_000, rate_limit="2 per second; 100 per hour"
    )
    yield api
    api.stop()


def test_a_busy_service_is_asked_again_when_it_says_so(
    narrow: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    playground = open_tab(narrow.url).open()
    statuses: list[int] = []
    playground.page.on("response", lambda each: statuses.append(each.status))
    search = view_of(playground, "search")
    choose_folder(search, fill_with_colours(tmp_path / "many", 100))
    expect(search.get_by_text("100 images encoded.")).to_be_attached()
    assert 429 in statuses


def test_what_is_too_large_for_the_service_is_sent_in_halves_or_smaller(
    narrow: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("one", "two"):
        fill_with_samples(images / name, *ELEVEN)
    cat = Image.open(SAMPLES / "cat.png").convert("L").resize((500, 500))
    grain = Image.effect_noise(cat.size, 6)
    ImageChops.add(cat, grain, offset=-128).save(images / "grainy cat.png")
    Image.effect_noise((2500, 2500), 100).save(images / "noise.png")
    gallery = view_of(open_tab(narrow.url).open(), "gallery")
    gallery.get_by_role("textbox", name="Labels").fill("cat\npizza\nbicycle\nguitar")
    choose_folder(gallery, images)
    told = f"{2 * len(ELEVEN) + 1} images ranked, 1 failed."
    expect(gallery.get_by_text(told)).to_be_attached()
    gallery.get_by_text("1 image could not be ranked").click()
    expect(gallery.get_by_text("noise.png is too large for this service.")).to_be_visible()


@pytest.fixture(scope="module")
def guarded(folder: Path, service_redis_url: str, service: Api) -> Iterator[Api]:
    """Beside `service`, on its worker: it needs a key."""
    api = start_api(folder, service_redis_url, api_keys=KEY)
    yield api
    api.stop()


@pytest.mark.parametrize(("view", "told"), [("gallery", "ranked"), ("search", "encoded")])
def test_what_was_refused_goes_on_once_there_is_a_key(
    guarded: Api, open_tab: OpenTab, view: str, told: str
) -> None:
    playground = open_tab(guarded.url).open()
    section = view_of(playground, view)
    section.get_by_role("button", name="Try with the sample images").click()
    expect(playground.alert).to_contain_text("API key missing or not valid")
    playground.page.get_by_label("API key", exact=True).fill(KEY)
    playground.button("Use key").click()
    ended = section.get_by_text(re.compile(rf"^\d+ images {told}\.$"))
    expect(ended).to_be_attached()
    expect(playground.alert).to_have_count(0)
