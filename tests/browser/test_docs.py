"""The page with the API's contract, in its viewer."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api

# Links within the buttons of operations, and the first heading's level.
OF_THE_VIEWER = {"nested-interactive", "heading-order"}
OTHERS = "Interfaces of other services"


def open_rank(tab: Playground) -> None:
    rank = tab.page.locator("#operations-Images_and_texts-rank")
    rank.get_by_role("button", name="/rank").first.click()
    expect(rank.locator(".responses-inner")).to_be_visible()


def test_the_playground_leads_to_the_contract_and_back(playground: Playground) -> None:
    page = playground.page
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("CLIP API")
    page.get_by_role("link", name="CLIP API", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the image?")


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The addresses that the viewer has asked."""
    return []


@pytest.fixture(scope="module")
def viewer(service: Api, open_lasting_tab: OpenTab, asked: list[str]) -> Playground:
    """The page, opened once for all tests that only look, with an operation opened."""
    tab = open_lasting_tab(service.url)
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(f"{service.url}/docs")
    open_rank(tab)
    return tab


def test_every_operation_is_there_with_its_examples(service: Api, viewer: Playground) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    shown = [
        each for path in paths.values() for each in path.values() if OTHERS not in each["tags"]
    ]
    expect(viewer.page.locator(".opblock")).to_have_count(len(shown))
    rank = viewer.page.locator("#operations-Images_and_texts-rank")
    examples = rank.get_by_role("combobox").filter(has_text="An image against three labels")
    expect(examples.first).to_be_visible()
    expect(rank.get_by_role("tabpanel", name="Example Value").first).to_contain_text("img_blob")


def test_the_interfaces_of_other_services_are_folded(viewer: Playground) -> None:
    others = viewer.page.locator(".opblock-tag-section").filter(has_text=OTHERS)
    expect(others.locator(".opblock")).to_have_count(0)
    others.get_by_role("button").first.click()
    expect(others.get_by_role("button", name="/v1/embeddings").first).to_be_visible()
    others.get_by_role("button").first.click()
    expect(others.locator(".opblock")).to_have_count(0)


def test_a_form_of_another_service_is_tried_out(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url).page
    page.goto(f"{service.url}/docs#/Interfaces%20of%20other%20services")
    predict = page.locator("#operations-Interfaces_of_other_services-immich_predict")
    predict.get_by_role("button", name="/predict").first.click()
    predict.get_by_role("button", name="Try it out").click()
    predict.get_by_role("button", name="Execute").click()
    expect(predict.locator(".live-responses-table .response-col_status").last).to_contain_text(
        "200"
    )


def test_a_link_to_them_unfolds_them(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url).page
    page.goto(f"{service.url}/docs#/Interfaces%20of%20other%20services")
    expect(page.get_by_role("button", name="/v1/embeddings").first).to_be_visible()


def test_axe_finds_nothing_but_what_the_viewer_brings(viewer: Playground) -> None:
    assert {found.partition(":")[0] for found in viewer.violations()} <= OF_THE_VIEWER


def test_its_theme_is_that_of_the_playground(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url).page
    page.emulate_media(color_scheme="dark")
    paper = "getComputedStyle(document.querySelector('.opblock')).backgroundColor"
    page.goto(f"{service.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).not_to_have_class("dark-mode")
    light = page.evaluate(paper)
    assert light != dark
    page.goto(service.url)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.goto(f"{service.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    assert page.evaluate(paper) == light


def test_an_open_operation_is_not_wider_than_a_phone(viewer: Playground) -> None:
    viewer.page.set_viewport_size({"width": 360, "height": 740})
    assert viewer.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_asks_nothing_of_other_hosts(service: Api, viewer: Playground, asked: list[str]) -> None:
    expect(viewer.page.locator(".responses-inner")).to_be_visible()
    others = [url for url in asked if not url.startswith((service.url, "data:"))]
    assert (others, len(asked) > 5) == ([], True)


def test_an_operation_is_opened_with_the_keyboard(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url).page
    page.goto(f"{service.url}/docs#/Jobs/jobs")
    rank = page.locator("#operations-Images_and_texts-rank")
    rank.get_by_role("button", name="/rank").first.focus()
    page.keyboard.press("Enter")
    expect(rank.get_by_text("To classify or tag images")).to_be_visible()


def test_a_request_is_tried_out(viewer: Playground) -> None:
    models = viewer.page.locator("#operations-The_service-models")
    models.get_by_role("button", name="/models").first.click()
    models.get_by_role("button", name="Try it out").click()
    models.get_by_role("button", name="Execute").click()
    expect(models.locator(".live-responses-table")).to_contain_text('"name": "model"')
