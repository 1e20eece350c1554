"""The page with the API's contract, in its viewer."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api


def test_the_playground_leads_to_the_contract_and_back(playground: Playground) -> None:
    page = playground.page
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("CLIP API")
    page.get_by_role("link", name="CLIP API", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the image?")


def test_every_operation_is_there_with_its_examples(service: Api, open_tab: OpenTab) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    page = open_tab(service.url).page
    page.goto(f"{service.url}/docs")
    operations = page.locator(".opblock")
    expect(operations).to_have_count(sum(map(len, paths.values())))
    rank = page.locator("#operations-Images_and_texts-rank")
    rank.get_by_role("button", name="/rank").first.click()
    examples = rank.get_by_role("combobox").filter(has_text="An image against three labels")
    expect(examples.first).to_be_visible()
    expect(rank.get_by_role("tabpanel", name="Example Value").first).to_contain_text("img_blob")


def test_a_request_is_tried_out(service: Api, open_tab: OpenTab) -> None:
    page = open_tab(service.url).page
    page.goto(f"{service.url}/docs")
    models = page.locator("#operations-The_service-models")
    models.get_by_role("button", name="/models").first.click()
    models.get_by_role("button", name="Try it out").click()
    models.get_by_role("button", name="Execute").click()
    expect(models.locator(".live-responses-table")).to_contain_text('"name": "model"')
