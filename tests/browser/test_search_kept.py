"""Vectors stay in the tab; in the browser's database only if the user says so."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.folders import choose_folder, fill_with_samples, view_of
from tests.browser.playground import Playground

STORED = """async () => {
    const databases = await indexedDB.databases();
    if (!databases.length) return [];
    const request = indexedDB.open(databases[0].name);
    await new Promise((resolve) => { request.onsuccess = resolve; });
    const database = request.result;
    const all = database.transaction("vectors").objectStore("vectors").getAll();
    await new Promise((resolve) => { all.onsuccess = resolve; });
    database.close();
    return all.result.map(({ model, name, vector }) => [model, name, vector.length]);
}"""
TWINS = """async () => {
    const { Collection } = await import("/playground/js/intake/collection.js");
    const collection = new Collection();
    const file = new File(["one"], "1.png", { type: "image/png", lastModified: 0 });
    const other = new File(["two"], "1.png", { type: "image/png", lastModified: 0 });
    const found = [{ file, path: "a/1.png" }, { file: other, path: "b/1.png" }];
    collection.add([...found, ...found]);
    return new Set(collection.all.map(({ identity }) => identity)).size;
}"""
OF_ANOTHER = """async () => {
    const request = indexedDB.open("clip-playground");
    await new Promise((resolve) => { request.onsuccess = resolve; });
    const database = request.result;
    const transaction = database.transaction("vectors", "readwrite");
    const store = transaction.objectStore("vectors");
    const all = store.getAll();
    all.onsuccess = () => {
        for (const entry of all.result) {
            store.delete([entry.model, entry.identity]);
            store.put({ ...entry, model: "another@1", vector: entry.vector.slice(0, 3) });
        }
    };
    await new Promise((resolve) => { transaction.oncomplete = resolve; });
    database.close();
}"""

# Until `release()` is called, no small copy of an image is made.
HOLD_COPIES = """() => {
    const make = window.createImageBitmap;
    const held = new Promise((resolve) => { window.release = resolve; });
    window.held = 0;
    window.createImageBitmap = async (...given) => {
        window.held += 1;
        await held;
        return make.apply(window, given);
    };
}"""


@pytest.fixture
def folder_of_things(tmp_path: Path) -> Path:
    return fill_with_samples(tmp_path / "things", "pizza.png", "guitar.png")


@pytest.fixture
def search(playground: Playground, folder_of_things: Path) -> Locator:
    section = view_of(playground, "search")
    choose_folder(section, folder_of_things)
    expect(section.get_by_text("2 images encoded.")).to_be_attached()
    return section


def stored(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate(STORED)
    return found


def encodes(page: Page) -> list[str]:
    """What is sent to be encoded from now on."""
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.url) if "/encode" in each.url else None)
    return sent


def test_nothing_is_kept_unless_the_user_says_so(search: Locator) -> None:
    search.page.reload()
    expect(search.get_by_role("button", name="Try with the sample images")).to_be_visible()
    assert stored(search.page) == []


def test_kept_images_are_searched_after_a_reload_without_the_folder(search: Locator) -> None:
    page = search.page
    search.get_by_role("button", name="Keep on this device").click()
    expect(search.get_by_text("2 images kept on this device.")).to_be_visible()
    assert {name for _, name, _ in stored(page)} == {"pizza.png", "guitar.png"}
    page.reload()
    expect(search.locator(".tile img")).to_have_count(2)
    sent = encodes(page)
    search.get_by_label("Search words").fill("pizza")
    first = search.locator(".tile").first.locator(".opens")
    expect(first).to_have_accessible_name("pizza.png")
    assert len(sent) == 1  # the word
    first.click()
    dialog = search.get_by_role("dialog", name="pizza.png")
    expect(dialog).to_contain_text("Only this small copy is kept")


def test_the_same_folder_is_not_encoded_again(search: Locator, folder_of_things: Path) -> None:
    page = search.page
    search.get_by_role("button", name="Keep on this device").click()
    expect(search.get_by_text("2 images kept on this device.")).to_be_visible()
    page.reload()
    expect(search.locator(".tile img")).to_have_count(2)
    sent = encodes(page)
    choose_folder(search, folder_of_things)
    expect(search.locator(".count")).to_have_text("2 images")
    fill_with_samples(folder_of_things, "cat.png")
    choose_folder(search, folder_of_things)
    expect(search.get_by_text("3 images encoded.")).to_be_attached()
    expect(search.get_by_text("3 images kept on this device.")).to_be_visible()
    assert len(sent) == 1
    expect(search.locator(".tile")).to_have_count(3)


def test_what_is_kept_is_forgotten(search: Locator) -> None:
    search.get_by_role("button", name="Keep on this device").click()
    search.get_by_role("button", name="Forget").click()
    expect(search.get_by_role("button", name="Keep on this device")).to_be_enabled()  # it is done
    assert stored(search.page) == []
    search.page.reload()
    expect(search.get_by_role("button", name="Try with the sample images")).to_be_visible()


def test_what_is_forgotten_while_it_is_stored_is_not_stored(
    search: Locator, folder_of_things: Path
) -> None:
    page = search.page
    search.get_by_role("button", name="Keep on this device").click()
    expect(search.get_by_text("2 images kept on this device.")).to_be_visible()
    expect(search.locator(".tile img")).to_have_count(2)
    page.evaluate(HOLD_COPIES)
    fill_with_samples(folder_of_things, "cat.png")
    choose_folder(search, folder_of_things)
    expect(search.get_by_text("3 images encoded.")).to_be_attached()
    page.wait_for_function("window.held === 2")  # the tile's, and the one to store
    search.get_by_role("button", name="Forget").click()
    expect(search.get_by_role("button", name="Forget")).to_be_hidden()
    page.evaluate("window.release()")
    expect(search.locator(".tile img")).to_have_count(3)
    expect(search.get_by_role("button", name="Keep on this device")).to_be_enabled()  # it is done
    search.page.reload()
    expect(search.get_by_role("button", name="Try with the sample images")).to_be_visible()
    assert stored(page) == []
    assert page.evaluate("localStorage.length") == 0


def test_images_of_the_same_name_in_two_folders_are_two(modules: Page) -> None:
    assert modules.evaluate(TWINS) == 2


def test_vectors_of_another_model_are_not_used(search: Locator) -> None:
    page = search.page
    search.get_by_role("button", name="Keep on this device").click()
    expect(search.get_by_text("2 images kept on this device.")).to_be_visible()
    [(model, _, dimension), _] = stored(page)
    assert re.fullmatch(r".+@.*", model)
    assert dimension > 3
    page.evaluate(OF_ANOTHER)
    page.reload()
    expect(search.get_by_role("button", name="Try with the sample images")).to_be_visible()
    expect(search.locator(".tile")).to_have_count(0)
    assert len(stored(page)) == 2
