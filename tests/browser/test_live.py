"""The page ranks while the user types, asks no more than it must, and marks old results."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.browser.rank_requests import RANK, held, is_rank, requests_of
from tests.processes import Api

WORDS = "a picture of something to eat"


@pytest.fixture(scope="module")
def with_example(service: Api, open_lasting_tab: OpenTab) -> Playground:
    playground = open_lasting_tab(service.url).open()
    playground.settle()
    return playground


@pytest.fixture
def playground(with_example: Playground) -> Iterator[Playground]:
    """The page with its example ranked, and left like that."""
    field = with_example.page.get_by_role("textbox", name="Labels")
    labels = field.input_value()
    yield with_example
    field.fill(labels)
    with_example.settle()


@pytest.fixture
def typing(playground: Playground) -> Callable[[str], None]:
    """Type at the end of the labels."""
    field = playground.page.get_by_role("textbox", name="Labels")

    def type_it(text: str) -> None:
        field.focus()
        playground.page.keyboard.press("Control+End")
        playground.page.keyboard.type(text)

    return type_it


def test_what_is_typed_is_ranked_without_a_click(
    playground: Playground, typing: Callable[[str], None]
) -> None:
    sent = requests_of(playground.page)
    typing(f"\n{WORDS}")
    playground.settle()
    expect(playground.page.get_by_text("Best of 12 labels")).to_be_visible()
    assert 1 <= len(sent) <= len(WORDS) // 2, "far fewer requests than keystrokes"


def test_results_that_are_out_of_date_are_marked(
    playground: Playground, typing: Callable[[str], None]
) -> None:
    outcome = playground.page.get_by_role("region", name=re.compile("^Best of"))
    with held(playground.page), playground.page.expect_request(is_rank):
        typing("\ndog")
        expect(playground.freshness).to_have_text("Updating…")
        expect(outcome).to_have_attribute("aria-busy", "true")
        expect(playground.winner).to_contain_text("cat")
    playground.settle()
    expect(outcome).to_have_attribute("aria-busy", "false")
    expect(playground.told).to_have_text(re.compile(r"then .+ %$"))


def test_a_request_that_is_out_of_date_is_cancelled(
    playground: Playground, typing: Callable[[str], None]
) -> None:
    page = playground.page
    page.route(RANK, lambda _: None)
    with page.expect_request(is_rank):
        typing("\ndog")
    with page.expect_event("requestfailed", is_rank) as failed:
        typing("gy")
    assert "ERR_ABORTED" in (failed.value.failure or "")
    page.unroute(RANK)
    playground.settle()
    expect(page.get_by_text("Best of 12 labels")).to_be_visible()


def test_what_was_ranked_already_is_up_to_date_again_when_a_change_is_taken_back(
    playground: Playground, typing: Callable[[str], None]
) -> None:
    with held(playground.page):
        typing("x")
        expect(playground.freshness).to_have_text("Updating…")
        playground.page.keyboard.press("Backspace")
        expect(playground.freshness).to_be_hidden()


def test_without_labels_the_results_stay_and_are_marked(playground: Playground) -> None:
    playground.label("")
    expect(playground.freshness).to_have_text("Type a label")
    expect(playground.told).to_contain_text("These results are out of date.")
    expect(playground.alert).to_have_count(0)


def test_a_busy_service_is_left_alone_for_as_long_as_it_says(
    service: Api, open_tab: OpenTab
) -> None:
    playground = open_tab(service.url, apart=True)
    page = playground.page
    page.clock.install()
    playground.open()
    playground.settle()
    sent = requests_of(page)
    problem = '{"title": "The queue is full", "code": "queue_full", "errors": []}'
    headers = {"Retry-After": "30", "Content-Type": "application/problem+json"}
    page.route(RANK, lambda route: route.fulfill(status=503, headers=headers, body=problem))
    playground.label("cat", "dog")
    expect(playground.alert).to_contain_text("The queue is full")
    expect(page.get_by_role("button", name="Try again in")).to_be_disabled()
    expect(playground.freshness).to_have_text("Out of date")
    page.unroute(RANK)
    playground.label("cat", "dog", "pizza")
    playground.button("Rank").click()
    page.clock.run_for(10_000)
    assert len(sent) == 1
    page.clock.run_for(21_000)
    playground.settle()
    expect(playground.alert).to_have_count(0)
    expect(page.get_by_text("Best of 3 labels")).to_be_visible()
    assert len(sent) == 2


def test_many_images_wait_for_the_button(service: Api, open_tab: OpenTab) -> None:
    playground = open_tab(service.url).open()
    playground.settle()
    sent = requests_of(playground.page)
    playground.choose(*["pizza.png", "cat.png", "guitar.png"] * 3)
    expect(playground.freshness).to_have_text("Press Rank")
    expect(playground.told).to_contain_text("These results are out of date.")
    playground.rank()
    assert playground.best() == "pizza"
    assert sent == [], "it was a job"


def paused(playground: Playground) -> Playground:
    """The page with its example ranked, its clock stopped."""
    playground.page.clock.install(time=0)
    playground.open()
    playground.settle()
    playground.page.clock.pause_at(3_600)
    return playground


def test_nothing_is_sent_while_another_view_is_shown(service: Api, open_tab: OpenTab) -> None:
    playground = paused(open_tab(service.url, apart=True))
    page = playground.page
    sent = requests_of(page)
    playground.label("cat", "dog")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    page.clock.run_for(5_000)
    assert sent == []
    page.get_by_role("link", name="Rank", exact=True).click()
    page.clock.run_for(2_000)
    playground.settle()
    expect(page.get_by_text("Best of 2 labels")).to_be_visible()


def test_a_request_waits_for_a_pause_after_the_last_change(service: Api, open_tab: OpenTab) -> None:
    playground = paused(open_tab(service.url, apart=True))
    page = playground.page
    sent = requests_of(page)
    for labels in (("cat", "dog"), ("cat", "dog", "cow")):
        playground.label(*labels)
        page.clock.run_for(200)
    assert sent == []
    page.clock.run_for(2_000)  # a slow answer makes the pause longer, up to this
    playground.settle()
    assert len(sent) == 1
    expect(page.get_by_text("Best of 3 labels")).to_be_visible()
