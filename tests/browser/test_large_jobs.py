"""More than a few images are a job: with progress, and a way to cancel it."""

import re

from playwright.sync_api import expect

from tests.browser.playground import Playground
from tests.image_server import ImageServer, Stalling
from tests.processes import SAMPLES, Api, wait_until

PIZZA = (SAMPLES / "pizza.png").read_bytes()


def test_many_images_are_ranked_as_a_job_that_can_be_opened_again(playground: Playground) -> None:
    playground.choose(*["pizza.png", "cat.png"] * 20)
    playground.label("pizza", "cat")
    with playground.page.expect_response("**/rank?wait=0") as accepted:
        playground.button("Rank").click()
    assert accepted.value.status == 202
    expect(playground.thumbs.locator(".told")).to_have_text(["pizza", "cat"] * 20)
    expect(playground.page.get_by_role("link", name="The gallery")).to_be_visible()
    job = accepted.value.json()["id"][:8]
    playground.page.get_by_role("link", name="Jobs").click()
    playground.page.get_by_role("link", name=f"Job {job}").click()
    opened = playground.page.get_by_role("region", name=f"Job {job}")
    expect(opened.locator(".card")).to_have_count(24)
    expect(opened.locator(".card").first).to_contain_text(re.compile(r"pizza\.png.*pizza"))
    playground.button("Show 16 more images of 16").click()
    expect(opened.locator(".card")).to_have_count(40)
    expect(opened.locator(".card h3").nth(24)).to_be_focused()


def test_a_running_job_is_cancelled(
    playground: Playground, image_server: ImageServer, service: Api
) -> None:
    stalling = Stalling(image_server, PIZZA)
    playground.link(" ".join([stalling.url] * 9))
    playground.label("pizza", "cat")
    with playground.page.expect_response("**/rank?wait=0") as accepted:
        playground.button("Rank").click()
    path = accepted.value.headers["location"]
    assert stalling.asked.acquire(timeout=20)
    expect(playground.page.get_by_text("0 of 9 images done")).to_be_visible()
    playground.button("Cancel").click()
    expect(playground.freshness).to_have_text("Cancelled")
    stalling.let_go.set()
    wait_until(lambda: service.get(path).json()["status"] == "cancelled", "the job is cancelled")
    expect(playground.button("Rank")).to_be_enabled()
    expect(playground.thumbs).to_have_count(9)


def test_a_few_images_that_take_long_can_be_given_up(
    playground: Playground, image_server: ImageServer
) -> None:
    stalling = Stalling(image_server, PIZZA)
    playground.link(stalling.url)
    playground.label("pizza", "cat")
    playground.button("Rank").click()
    assert stalling.asked.acquire(timeout=20)
    playground.button("Cancel").click()
    expect(playground.freshness).to_have_text("Cancelled")
    expect(playground.button("Cancel")).to_be_hidden()
    stalling.let_go.set()
