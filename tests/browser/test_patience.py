"""How the page waits for a busy service, and what it does with a request that takes too long."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.folders import choose_folder, fill_with_samples, view_of
from tests.browser.playground import Playground
from tests.browser.rank_requests import RANK
from tests.image_server import ImageServer
from tests.processes import SAMPLES, Api

ENCODE = re.compile(r"/encode$")
MORE = "const refused = (retryAfter) => Object.assign(new Error(), { status: 429, retryAfter });"
ATTEMPTS = f"""async (retryAfter) => {{
    {MORE}
    const {{ patiently }} = await import("/playground/js/sending/patience.js");
    const waits = [];
    let asked = 0;
    const ask = async () => {{
        asked += 1;
        if (asked === 1) throw refused(retryAfter);
    }};
    const signal = new AbortController().signal;
    const answer = patiently(ask, signal, (_, seconds) => waits.push(seconds));
    const status = await answer.then(() => 200, (error) => error.status);
    return {{ asked, waits, status }};
}}"""
SENDS = f"""async () => {{
    {MORE}
    const {{ sendAll }} = await import("/playground/js/sending/sending.js");
    const images = Array.from({{ length: 24 * 4 }}, () => ({{ file: {{ size: 1 }} }}));
    const sent = [];
    let refusedAt = 0;
    const send = async (files) => {{
        sent.push(performance.now());
        if (sent.length > 1) return files.map(() => ({{ value: 1 }}));
        refusedAt = performance.now();
        throw refused(1);
    }};
    const signal = new AbortController().signal;
    await sendAll(images, {{ send, signal, onPiece: () => {{}}, onWait: () => {{}} }});
    return sent.map((each) => each - refusedAt);
}}"""


def test_a_service_that_names_no_time_is_left_alone_for_a_second(modules: Page) -> None:
    assert modules.evaluate(ATTEMPTS, 0) == {"asked": 2, "waits": [1], "status": 200}


def test_a_wait_of_many_minutes_is_left_to_the_user(modules: Page) -> None:
    assert modules.evaluate(ATTEMPTS, 3600) == {"asked": 1, "waits": [], "status": 429}


def test_all_that_send_at_the_same_time_share_a_wait(modules: Page) -> None:
    refused, together, *later = modules.evaluate(SENDS)
    assert refused <= together < 1000  # it was on its way
    assert len(later) == 3
    assert min(later) >= 1000


def test_a_long_wait_is_counted_down(playground: Playground, tmp_path: Path) -> None:
    playground.page.route(RANK, lambda route: refuse(route, 429, **{"Retry-After": "600"}))
    gallery = rank_folder(playground, tmp_path)
    expect(gallery.get_by_role("button", name=re.compile(r"Try again in \d+ s"))).to_be_disabled()


def refuse(route: Route, status: int, **headers: str) -> None:
    headers["Content-Type"] = "application/problem+json"
    route.fulfill(status=status, headers=headers, body='{"title": "No", "errors": []}')


def rank_folder(playground: Playground, tmp_path: Path) -> Locator:
    gallery = view_of(playground, "gallery")
    gallery.get_by_role("textbox", name="Labels").fill("pizza\nguitar")
    choose_folder(gallery, fill_with_samples(tmp_path / "things", "guitar.png", "pizza.png"))
    return gallery


def test_the_job_of_a_request_that_took_too_long_is_followed(
    playground: Playground, service: Api, image_server: ImageServer, tmp_path: Path
) -> None:
    images = [(SAMPLES / name).read_bytes() for name in ("guitar.png", "pizza.png")]
    queries = [{"img_uri": image_server.serve(image)} for image in images]
    body = {"queries": queries, "candidates": [{"text": "pizza"}, {"text": "guitar"}]}
    job = service.post("/rank?wait=0", body).json()["id"]
    sent: list[str] = []

    def time_out(route: Route) -> None:
        sent.append(route.request.url)
        refuse(route, 504, Location=f"/jobs/{job}")

    playground.page.route(RANK, time_out)
    gallery = rank_folder(playground, tmp_path)
    expect(gallery.get_by_text("2 images ranked.")).to_be_attached()
    assert gallery.locator(".caption .label").all_inner_texts() == ["pizza", "guitar"]
    assert len(sent) == 1


def test_a_request_that_took_too_long_for_a_proxy_is_not_sent_again(
    playground: Playground, tmp_path: Path
) -> None:
    sent: list[str] = []

    def time_out(route: Route) -> None:
        sent.append(route.request.url)
        refuse(route, 504)

    playground.page.route(RANK, time_out)
    gallery = rank_folder(playground, tmp_path)
    gallery.get_by_text("2 images could not be ranked").click()
    failure = gallery.get_by_text("things/pizza.png took longer than the service allows.")
    expect(failure).to_be_visible()
    assert len(sent) == 1


@pytest.fixture
def search(playground_apart: Playground, tmp_path: Path) -> Locator:
    """With two images, encoded."""
    section = view_of(playground_apart, "search")
    choose_folder(section, fill_with_samples(tmp_path / "things", "guitar.png", "pizza.png"))
    expect(section.get_by_text("2 images encoded.")).to_be_attached()
    return section


def test_words_that_are_out_of_date_are_no_longer_encoded(search: Locator) -> None:
    page = search.page
    words = search.get_by_role("searchbox", name="Search words")
    page.route(ENCODE, lambda _: None)
    with page.expect_request(ENCODE):
        words.fill("gui")
    with page.expect_event("requestfailed") as failed:
        words.fill("guitar")
    assert "ERR_ABORTED" in (failed.value.failure or "")
    page.unroute(ENCODE)
    words.fill("a guitar")
    expect(search.get_by_text("Closest to “a guitar” first.")).to_be_visible()


def test_no_words_are_encoded_before_a_busy_service_allows_it(search: Locator) -> None:
    page = search.page
    sent: list[str] = []

    def count(route: Route) -> None:
        sent.append(str(route.request.post_data))
        refuse(route, 503, **{"Retry-After": "3600"})

    page.route(ENCODE, count)
    words = search.get_by_role("searchbox", name="Search words")
    page.clock.install()
    words.fill("guitar")
    page.clock.run_for(2_000)
    expect(search.get_by_role("button", name="Try again in")).to_be_disabled()
    for text in ("a guitar", "a pizza"):
        words.fill(text)
        page.clock.run_for(10_000)
    assert len(sent) == 1
    page.unroute(ENCODE)
    page.clock.run_for(3_600_000)
    expect(search.get_by_text("Closest to “a pizza” first.")).to_be_visible()
    expect(search.get_by_role("alert")).to_have_count(0)
