"""Label sets are saved, loaded, edited and deleted on the page."""

from base64 import b64encode
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import SAMPLES, Api

LABELS = ("t-shirt", "pizza", "bicycle")


@pytest.fixture
def name(service: Api) -> Iterator[str]:
    yield "wardrobe"
    service.session.delete(f"{service.url}/label-sets/wardrobe", timeout=30)


@pytest.fixture
def unopened(service: Api, open_tab: OpenTab) -> Playground:
    """A tab that is to be opened once a set is stored."""
    return open_tab(service.url)


def put(service: Api, name: str, **fields: object) -> None:
    body = {"candidates": [{"text": label} for label in LABELS], **fields}
    assert service.put(f"/label-sets/{name}", body).ok


def choose_set(page: Page, name: str) -> None:
    page.get_by_label("Label set", exact=True).select_option(name)


def labels_of(service: Api, name: str) -> list[str]:
    labels: list[str] = service.get(f"/label-sets/{name}").json()["labels"]
    return labels


def test_labels_are_saved_as_a_set(playground: Playground, service: Api, name: str) -> None:
    page = playground.page
    playground.label(*LABELS)
    playground.settle()
    playground.button("Save as a label set").click()
    page.get_by_label("Name of the set").fill("no spaces")
    playground.button("Save").click()
    expect(page.locator("#set-name-fault")).to_contain_text("1 to 64 letters")
    page.get_by_label("Name of the set").fill(name)
    with page.expect_request("**/rank") as sent:
        page.keyboard.press("Enter")
    assert (sent.value.post_data_json or {})["label_set"] == name
    expect(page.get_by_label("Label set", exact=True)).to_have_value(name)
    expect(page.get_by_label("Label set", exact=True)).to_be_focused()
    expect(page.locator("#set-announcement")).to_have_text(f"Saved as “{name}”.")
    expect(playground.button("Save as a label set")).to_be_hidden()
    assert labels_of(service, name) == list(LABELS)


def test_a_set_is_loaded_edited_and_saved(unopened: Playground, service: Api, name: str) -> None:
    put(service, name)
    playground = unopened.open()
    page = playground.page
    choose_set(page, name)
    expect(page.get_by_role("textbox", name="Labels")).to_have_value("\n".join(LABELS))
    playground.choose("pizza.png")
    playground.settle()
    assert playground.best() == "pizza"
    playground.label(*LABELS, "cat")
    expect(page.get_by_text("Changes are not saved.")).to_be_visible()
    playground.button("Save changes").click()
    expect(page.get_by_label("Name of the set")).to_have_value(name)
    expect(page.get_by_text("This set exists: its labels are replaced.")).to_be_visible()
    playground.button("Replace").click()
    expect(page.get_by_text("Changes are not saved.")).to_be_hidden()
    playground.settle()
    assert labels_of(service, name) == [*LABELS, "cat"]


def test_labels_are_saved_as_they_were_put(unopened: Playground, service: Api, name: str) -> None:
    labels = [" pizza", "cat ", "cat"]
    candidates = [{"text": each} for each in labels]
    put(service, name, candidates=candidates, templates=["a {} ", "{}"])
    playground = unopened.open()
    page = playground.page
    choose_set(page, name)
    playground.settle()
    field = page.get_by_role("textbox", name="Labels")
    expect(field).to_have_value("\n".join(labels))
    expect(page.get_by_text("Changes are not saved.")).to_be_hidden()
    field.fill("\n".join([*labels, "dog"]))
    playground.button("Save changes").click()
    with page.expect_request(lambda each: each.method == "PUT") as sent:
        playground.button("Replace").click()
    assert (sent.value.post_data_json or {})["alpha"] == "drop"
    expect(page.locator("#set-announcement")).to_have_text(f"Saved as “{name}”.")
    saved = service.get(f"/label-sets/{name}").json()
    assert saved["labels"] == [*labels, "dog"]
    assert saved["templates"] == ["a {} ", "{}"]


def test_a_set_is_deleted_after_a_question(unopened: Playground, service: Api, name: str) -> None:
    put(service, name)
    playground = unopened.open()
    page = playground.page
    choose_set(page, name)
    playground.button("Delete the set").click()
    expect(page.get_by_text(f"Delete “{name}”?")).to_be_visible()
    playground.button("Keep it").click()
    assert labels_of(service, name)
    playground.button("Delete the set").click()
    playground.button("Delete").click()
    expect(page.locator("#set-announcement")).to_have_text(f"Deleted “{name}”.")
    assert service.get(f"/label-sets/{name}").status_code == 404
    expect(page.get_by_role("textbox", name="Labels")).to_have_value("\n".join(LABELS))
    playground.settle()


def test_a_set_with_images_is_used_as_it_is(unopened: Playground, service: Api, name: str) -> None:
    image = b64encode((SAMPLES / "pizza.png").read_bytes()).decode()
    put(service, name, candidates=[{"text": "cat"}, {"img_blob": image}])
    playground = unopened.open()
    page = playground.page
    choose_set(page, name)
    labels = page.get_by_role("textbox", name="Labels")
    expect(labels).to_have_value("cat\nimage 2")
    expect(labels).not_to_be_editable()
    playground.choose("pizza.png")
    playground.settle()
    assert playground.best() == "image 2"
    choose_set(page, "")
    expect(labels).to_be_editable()
    expect(labels).to_have_value("")


def test_a_set_that_was_replaced_meanwhile_is_loaded_again(
    unopened: Playground, service: Api, name: str
) -> None:
    put(service, name)
    playground = unopened.open()
    page = playground.page
    choose_set(page, name)
    playground.settle()
    put(service, name, candidates=[{"text": "umbrella"}, {"text": "cat"}])
    playground.choose("umbrella.png")
    expect(page.get_by_role("textbox", name="Labels")).to_have_value("umbrella\ncat")
    playground.settle()
    assert playground.best() == "umbrella"


def test_a_set_that_is_gone_is_reported_at_the_field(
    unopened: Playground, service: Api, name: str
) -> None:
    put(service, name)
    playground = unopened.open()
    page = playground.page
    playground.settle()
    expect(page.get_by_label("Label set", exact=True)).to_be_visible()
    service.session.delete(f"{service.url}/label-sets/{name}", timeout=30)
    choose_set(page, name)
    expect(page.locator("#label-set-fault")).to_contain_text("label set")
    expect(page.get_by_label("Label set", exact=True)).to_have_attribute("aria-invalid", "true")
