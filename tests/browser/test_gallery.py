"""The gallery: a folder, and the label that fits best on each image."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.folders import (
    choose_folder,
    drop,
    fill_with_colours,
    fill_with_samples,
    view_of,
)
from tests.browser.playground import Playground
from tests.browser.rank_requests import held, requests_of
from tests.processes import SAMPLES, Api

NAMES = ("bicycle.png", "guitar.png", "pizza.png", "umbrella.png")
LABELS = ("umbrella", "pizza", "guitar", "bicycle", "elephant")
CSV = """async () => {
    const { asCsv } = await import("/playground/js/gallery/exports.js");
    const results = {
        labels: ["-a", "=b,c"],
        bestOf: () => ({ index: 0, probability: 0.75 }),
        rowOf: () => [0.75, -0.25],
    };
    return asCsv([{ path: "@one.png" }], results);
}"""
LATE_ERROR = """async () => {
    const { makeLarge } = await import("/playground/js/grid/large.js");
    const section = document.body.appendChild(document.createElement("section"));
    const items = ["one.png", "two.png"].map((name) => ({ name, file: new Blob() }));
    const open = makeLarge(section, { items, focus: () => {} }, () => []);
    open(items[0]);
    const before = section.querySelector("img");
    section.querySelector("[aria-label='Next image']").click();
    before.dispatchEvent(new Event("error"));
    return [...section.querySelectorAll("img")].map(({ alt }) => alt);
}"""


def label(gallery: Locator, *labels: str) -> None:
    gallery.get_by_role("textbox", name="Labels").fill("\n".join(labels))


def wait_for(gallery: Locator, told: str) -> None:
    expect(gallery.get_by_text(told, exact=True)).to_be_attached()


def shown_labels(gallery: Locator) -> list[str]:
    tiles = gallery.get_by_role("list", name="Ranked images")
    return tiles.locator(".caption .label").all_inner_texts()


def counts(gallery: Locator) -> dict[str, str]:
    bars = gallery.locator(".count-bar")
    return dict(
        zip(
            bars.locator(".name").all_inner_texts(),
            bars.locator(".number").all_inner_texts(),
            strict=True,
        )
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images, one of them twice, and what is no image."""
    folder = fill_with_samples(tmp_path_factory.mktemp("few") / "things", *NAMES)
    fill_with_samples(folder / "more", "pizza.png")
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"no image")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def rank(playground: Playground, images: Path) -> Locator:
    section = view_of(playground, "gallery")
    label(section, *LABELS)
    choose_folder(section, images)
    wait_for(section, "5 images ranked, 1 failed.")
    return section


@pytest.fixture
def gallery(playground: Playground, images: Path) -> Locator:
    """With the folder ranked."""
    return rank(playground, images)


@pytest.fixture(scope="module")
def ranked(service: Api, open_lasting_tab: OpenTab, images: Path) -> Locator:
    """The same once for all tests that only look, and show all images again at their end."""
    return rank(open_lasting_tab(service.url).open(), images)


def test_each_image_has_its_best_label_and_each_label_its_count(ranked: Locator) -> None:
    in_order = ["umbrella", "pizza", "pizza", "guitar", "bicycle", "broken.png"]
    assert shown_labels(ranked) == in_order
    numbers = ranked.locator(".tile.ranked .caption .number").all_inner_texts()
    assert all(number.endswith("%") for number in numbers)
    told = counts(ranked)
    expected = {"umbrella": "1", "pizza": "2", "guitar": "1", "bicycle": "1", "elephant": "0"}
    assert told == {"All images": "6", **expected}
    expect(ranked.get_by_text("1 file skipped: no image.")).to_be_visible()


def test_failures_are_listed_with_their_reasons(ranked: Locator) -> None:
    ranked.get_by_text("1 image could not be ranked").click()
    failure = ranked.get_by_role("listitem").filter(has_text="things/broken.png")
    expect(failure).to_contain_text("is not an image of a known format")


def test_a_label_filters_and_the_same_label_again_shows_all(ranked: Locator) -> None:
    pizza = ranked.get_by_role("button", name="pizza 2")
    pizza.click()
    expect(ranked.locator(".tile")).to_have_count(2)
    assert shown_labels(ranked) == ["pizza", "pizza"]
    expect(pizza).to_have_attribute("aria-pressed", "true")
    expect(ranked.get_by_text("“pizza”: 2 images.")).to_be_attached()
    pizza.click()
    expect(ranked.locator(".tile")).to_have_count(6)


def paths_in(gallery: Locator, order: str) -> list[str]:
    gallery.get_by_label("Sort").select_option(order)
    tiles = gallery.locator(".tile.ranked .opens")
    paths: list[str] = tiles.evaluate_all("(all) => all.map(({ title }) => title)")
    return paths


def test_images_are_sorted(ranked: Locator) -> None:
    by_name = paths_in(ranked, "by name")
    assert by_name == sorted(by_name)
    rows = exported(ranked, "Export JSON")["images"]
    sure = {each["image"]: each.get("probability", 0) for each in rows}
    for order in ("the least sure first", "the surest first"):
        in_order = [sure[path] for path in paths_in(ranked, order)]
        assert in_order == sorted(in_order, reverse=order == "the surest first")
        assert ranked.locator(".tile").last.locator(".number").inner_text() == "failed"
    ranked.get_by_label("Sort").select_option(index=0)


def exported(gallery: Locator, button: str) -> Any:
    with gallery.page.expect_download() as download:
        gallery.get_by_role("button", name=button).click()
    text = Path(download.value.path()).read_text()
    return json.loads(text) if button == "Export JSON" else list(csv.DictReader(io.StringIO(text)))


def test_all_results_are_exported(ranked: Locator, service: Api) -> None:
    ranked.get_by_role("button", name="pizza 2").click()  # a filter leaves nothing out
    whole = exported(ranked, "Export JSON")
    rows = exported(ranked, "Export CSV")
    ranked.get_by_role("button", name="pizza 2").click()
    assert whole["labels"] == list(LABELS)
    assert len(whole["images"]) == len(rows) == 6
    pizza = next(each for each in rows if each["image"] == "things/more/pizza.png")
    assert (pizza["label"], pizza["error"]) == ("pizza", "")
    assert sum(float(pizza[label]) for label in LABELS) == pytest.approx(1, abs=1e-4)
    broken = next(each for each in rows if each["image"] == "things/broken.png")
    assert broken["label"] == ""
    assert broken["error"].startswith("is not an image of a known format")
    form = [("image", ("pizza.png", (SAMPLES / "pizza.png").read_bytes()))]
    fields = [*(("candidate", each) for each in LABELS), ("alpha", "white")]
    answer = service.session.post(f"{service.url}/rank", files=form, data=fields, timeout=60)
    expected = answer.json()["probabilities"][0]
    [told] = [each for each in whole["images"] if each["image"] == "things/more/pizza.png"]
    assert told["probabilities"] == pytest.approx(expected, abs=1e-4)


def test_names_and_labels_are_no_formulas_in_a_spreadsheet(modules: Page) -> None:
    header, row, _ = modules.evaluate(CSV).split("\r\n")
    assert header == "image,label,probability,'-a,\"'=b,c\",error"
    assert row == "'@one.png,'-a,0.75,0.75,-0.25,"


def test_the_focus_stays_in_the_heat_map_while_it_scrolls(
    playground: Playground, tmp_path: Path
) -> None:
    gallery = view_of(playground, "gallery")
    label(gallery, "red", "blue")
    choose_folder(gallery, fill_with_colours(tmp_path / "many", 80))
    wait_for(gallery, "80 images ranked.")
    gallery.get_by_label("Sort").select_option("by name")
    gallery.get_by_role("button", name="Heat map").click()
    table = gallery.get_by_role("table")
    table.get_by_role("button", name="image-0000.png").focus()
    for nth in range(1, 50):
        playground.page.keyboard.press("Tab")
        expect(table.get_by_role("button", name=f"image-{nth:04}.png")).to_be_focused()
    gallery.locator(".scroller").evaluate("(all) => all.scrollTo(0, 0)")
    expect(table.get_by_role("button", name="image-0000.png")).to_be_visible()
    expect(table.get_by_role("button", name="image-0049.png")).to_be_focused()
    playground.page.keyboard.press("Shift+Tab")
    expect(gallery.locator(".scroller :focus")).to_have_count(1)


def test_a_late_fault_of_an_image_leaves_its_neighbour_alone(modules: Page) -> None:
    assert modules.evaluate(LATE_ERROR) == ["two.png"]


def test_the_heat_map_is_a_table_of_images_and_labels(ranked: Locator) -> None:
    ranked.get_by_role("button", name="Heat map").click()
    table = ranked.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["Image", *LABELS])
    expect(table).to_have_attribute("aria-rowcount", "7")
    umbrella = table.get_by_role("row").filter(has_text="umbrella.png")
    heats = umbrella.get_by_role("cell").evaluate_all(
        "(cells) => cells.map(({ style }) => Number(style.getPropertyValue('--heat')))"
    )
    assert heats.index(max(heats)) == LABELS.index("umbrella")
    expect(umbrella.get_by_role("cell").first).to_contain_text("%")
    expect(ranked.get_by_role("list", name="Ranked images")).to_be_hidden()
    umbrella.get_by_role("button").click()
    expect(ranked.get_by_role("dialog", name="umbrella.png")).to_be_visible()
    ranked.page.keyboard.press("Escape")
    ranked.get_by_role("button", name="Heat map").click()


def test_changed_labels_mark_the_results_as_stale_and_rank_a_few_images_again(
    gallery: Locator,
) -> None:
    with held(gallery.page):
        label(gallery, "music", *LABELS)
        expect(gallery.get_by_text("The labels have changed")).to_be_visible()
        expect(gallery.get_by_role("button", name="Rank again")).to_be_visible()
    expect(gallery.get_by_role("button", name="music")).to_be_visible()
    expect(gallery.get_by_text("The labels have changed")).to_be_hidden()
    assert list(counts(gallery)) == ["All images", "music", *LABELS]


def test_of_very_many_labels_those_are_shown_that_an_image_has(gallery: Locator) -> None:
    label(gallery, *LABELS, *(f"thing number {nth}" for nth in range(60)))
    expect(gallery.locator(".count-bar")).to_have_count(66)
    expect(gallery.get_by_text("The labels have changed")).to_be_hidden()
    wait_for(gallery, "5 images ranked, 1 failed.")
    shown = [bar for bar in gallery.locator(".count-bar").all() if bar.is_visible()]
    assert 2 < len(shown) < 8
    gallery.get_by_role("button", name="Heat map").click()
    expect(gallery.get_by_role("columnheader")).to_have_count(len(shown))


def test_images_that_come_later_are_ranked_too(gallery: Locator, tmp_path: Path) -> None:
    sent = requests_of(gallery.page)
    drop(gallery.page, fill_with_samples(tmp_path / "late", "elephant.png"))
    wait_for(gallery, "6 images ranked, 1 failed.")
    assert counts(gallery)["elephant"] == "1"
    assert len(sent) == 1


def test_a_label_set_is_used(playground: Playground, service: Api, images: Path) -> None:
    put = {"candidates": [{"text": each} for each in LABELS], "template": "a {}"}
    assert service.put("/label-sets/wall", put).ok
    gallery = view_of(playground, "gallery")
    gallery.get_by_text("Stored labels, template").click()
    gallery.get_by_label("Labels of a set").select_option("wall")
    expect(gallery.get_by_role("textbox", name="Labels")).to_be_disabled()
    choose_folder(gallery, images)
    wait_for(gallery, "5 images ranked, 1 failed.")
    assert [each.removeprefix("a ") for each in counts(gallery)][1:] == list(LABELS)


def test_a_refused_template_is_told(playground: Playground, images: Path) -> None:
    gallery = view_of(playground, "gallery")
    label(gallery, *LABELS)
    gallery.get_by_text("Stored labels, template").click()
    gallery.get_by_label("Put into a template").fill("no hole")
    choose_folder(gallery, images)
    refused = playground.alert.get_by_role("listitem")
    expect(refused).to_have_text("template needs {} exactly once")
    gallery.get_by_label("Put into a template").fill("a {}")
    wait_for(gallery, "5 images ranked, 1 failed.")
    expect(playground.alert).to_have_count(0)


def test_a_newcomer_sees_the_samples_sorted_with_one_click(playground: Playground) -> None:
    gallery = view_of(playground, "gallery")
    gallery.get_by_role("button", name="Try with the sample images").click()
    ranked = gallery.get_by_text(re.compile(r"^\d+ images ranked\.$"))
    expect(ranked).to_be_attached()
    labels = gallery.get_by_role("textbox", name="Labels")
    expect(labels).to_be_focused()
    told = counts(gallery)
    assert labels.input_value().split("\n") == list(told)[1:]
    all_images, *numbers = map(int, told.values())
    assert sum(numbers) == all_images > 20
    assert len([number for number in numbers if number]) > 2
