"""The search: images are encoded once, then words order them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from demo.samples import QUERIES, SAMPLES
from tests.browser.conftest import OpenTab
from tests.browser.folders import (
    choose_folder,
    drop,
    fill_with_colours,
    fill_with_samples,
    view_of,
)
from tests.browser.playground import Playground
from tests.processes import Api

IMAGES = ("bicycle.png", "guitar.png", "pizza.png", "t-shirt.png", "umbrella.png")
ENCODED = re.compile(r"^\d+ images encoded\.$")


def words(search: Locator) -> Locator:
    return search.get_by_role("searchbox", name="Search words")


def best(search: Locator) -> Locator:
    """The first image of the grid."""
    return search.locator(".tile").first.locator(".opens")


def order(search: Locator) -> list[str]:
    names = search.locator(".tile .opens").evaluate_all(
        "(all) => all.map((each) => each.ariaLabel)"
    )
    return [str(name) for name in names]


def ask(search: Locator, text: str) -> None:
    """Type, and wait for the order."""
    words(search).fill(text)
    expect(search.locator("#search-told")).to_contain_text("image")


@pytest.fixture(scope="module")
def encoded(
    service: Api, open_lasting_tab: OpenTab, tmp_path_factory: pytest.TempPathFactory
) -> Locator:
    """With a few samples, encoded once for all tests that only ask."""
    section = view_of(open_lasting_tab(service.url).open(), "search")
    choose_folder(section, fill_with_samples(tmp_path_factory.mktemp("few") / "things", *IMAGES))
    expect(section.get_by_text(ENCODED)).to_be_attached()
    return section


@pytest.fixture
def search(encoded: Locator) -> Iterator[Locator]:
    """The same, with nothing asked; `encoded` is left like that."""
    yield encoded
    encoded.get_by_label("Wording").select_option(index=0)
    words(encoded).fill("")
    expect(encoded.locator("#search-told")).not_to_contain_text("first.")


def test_a_newcomer_finds_kinds_of_things_among_the_samples_after_one_click(
    playground: Playground,
) -> None:
    search = view_of(playground, "search")
    search.get_by_role("button", name="Try with the sample images").click()
    expect(search.get_by_text(ENCODED)).to_be_attached()
    words(search).press_sequentially("pizza")
    expect(best(search)).to_have_accessible_name("pizza.png")
    kinds = {sample.file: sample.kind for sample in SAMPLES}
    for idea, kind in QUERIES.items():
        search.get_by_role("button", name=idea, exact=True).click()
        expect(words(search)).to_have_value(idea)
        expect(search.get_by_text(f"Closest to “{idea}” first.")).to_be_visible()
        first = [kinds[name] for name in order(search)[:3]]
        assert first.count(kind) >= 2, (idea, order(search))


def test_words_bring_their_image_to_the_front_and_nothing_is_sent_again(search: Locator) -> None:
    bodies: list[str] = []
    search.page.on("request", lambda each: bodies.extend(filter(None, [each.post_data])))
    for name in (*IMAGES, IMAGES[0]):
        words(search).fill(name.removesuffix(".png"))
        expect(best(search)).to_have_accessible_name(name)
        told = re.compile(r"The best of 5 images is " + re.escape(name))
        expect(search.get_by_text(told)).to_be_attached()
        assert sorted(order(search)) == sorted(IMAGES)
    assert bodies == [f'[{{"text":"{name.removesuffix(".png")}"}}]' for name in IMAGES]


def test_what_is_subtracted_goes_to_the_end(search: Locator) -> None:
    words(search).fill("guitar")
    expect(best(search)).to_have_accessible_name("guitar.png")
    words(search).fill("- guitar")
    expect(search.get_by_text("Least like “guitar” first.")).to_be_visible()
    assert order(search)[-1] == "guitar.png"
    words(search).fill("bicycle + guitar")
    expect(search.get_by_text("Closest to “bicycle” and “guitar” first.")).to_be_visible()
    assert set(order(search)[:2]) == {"bicycle.png", "guitar.png"}
    words(search).fill("bicycle - guitar")
    expect(search.get_by_text("Close to “bicycle”, but not to “guitar”.")).to_be_visible()
    assert order(search)[0] == "bicycle.png"
    assert order(search).index("guitar.png") > 1


def test_more_and_less_like_an_image(search: Locator) -> None:
    page = search.page
    search.get_by_role("button", name="More like pizza.png").click()
    expect(best(search)).to_have_accessible_name("pizza.png")
    expect(search.get_by_text("Closest to pizza.png first.")).to_be_visible()
    chips = search.get_by_role("list", name="Images in the query")
    expect(chips.get_by_role("listitem")).to_have_count(1)
    chips.get_by_role("button", name="More like pizza.png: turn around").click()
    expect(search.get_by_text("Least like pizza.png first.")).to_be_visible()
    assert order(search)[-1] == "pizza.png"
    search.get_by_role("button", name="guitar.png", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Less like this").click()
    expect(chips.get_by_role("listitem")).to_have_count(2)
    words(search).fill("umbrella")
    told = "Close to “umbrella”, but not to pizza.png and guitar.png."
    expect(search.get_by_text(told)).to_be_visible()
    for name in ("pizza.png", "guitar.png"):
        chips.get_by_role("button", name=f"Remove {name} from the query").click()
    expect(words(search)).to_be_focused()
    expect(chips).to_be_hidden()
    expect(search.get_by_text("Closest to “umbrella” first.")).to_be_visible()


def test_what_is_asked_for_far_down_comes_to_the_front_and_into_view(
    playground: Playground, tmp_path: Path
) -> None:
    search = view_of(playground, "search")
    choose_folder(search, fill_with_colours(tmp_path / "many", 300))
    expect(search.get_by_text("300 images encoded.")).to_be_attached()
    playground.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    far = search.get_by_role("button", name="More like image-0299.png")
    far.focus()
    far.press("Enter")
    expect(best(search)).to_have_accessible_name("image-0299.png")
    expect(best(search)).to_be_focused()
    expect(best(search)).to_be_in_viewport()
    playground.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    words(search).press_sequentially("red")
    expect(search.get_by_text("Close")).to_contain_text("“red”")
    expect(best(search)).to_be_in_viewport()


def test_words_are_put_into_a_template(search: Locator) -> None:
    words(search).fill("pizza")
    with search.page.expect_request("**/encode") as sent:
        search.get_by_label("Wording").select_option("a picture of a …")
    assert sent.value.post_data_json == [{"text": "a picture of a pizza"}]


def test_the_keyboard_leads_from_the_words_to_an_image_and_back(search: Locator) -> None:
    press = search.page.keyboard.press
    words(search).fill("umbrella")
    expect(best(search)).to_have_accessible_name("umbrella.png")
    words(search).press("ArrowDown")
    expect(best(search)).to_be_focused()
    press("Tab")
    expect(search.get_by_role("button", name="More like umbrella.png")).to_be_focused()
    press("Shift+Tab")
    press("Enter")
    dialog = search.get_by_role("dialog", name="umbrella.png")
    expect(dialog.get_by_role("img", name="umbrella.png")).to_be_visible()
    press("ArrowRight")
    second = order(search)[1]
    expect(search.get_by_role("dialog", name=second)).to_be_visible()
    press("Escape")
    expect(search.get_by_role("button", name=second, exact=True)).to_be_focused()
    words(search).focus()
    words(search).fill("guitar")
    expect(words(search)).to_be_focused()


def test_the_focus_stays_on_an_image_that_moves(search: Locator) -> None:
    pizza = search.get_by_role("button", name="pizza.png", exact=True)
    pizza.focus()
    template = search.get_by_label("Wording")
    template.evaluate(
        "(select) => { document.getElementById('search-words').value = 'pizza';"
        " select.dispatchEvent(new Event('change')); }"
    )
    expect(best(search)).to_have_accessible_name("pizza.png")
    expect(pizza).to_be_focused()


def test_a_dropped_folder_is_encoded_with_all_that_is_in_it(
    playground: Playground, tmp_path: Path
) -> None:
    search = view_of(playground, "search")
    folder = fill_with_samples(tmp_path / "dropped", "cat.png", "pizza.png")
    fill_with_samples(folder / "deeper", "guitar.png")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image")
    drop(playground.page, folder)
    expect(search.get_by_text("3 images encoded.")).to_be_attached()
    expect(search.get_by_text("1 file skipped: no image.")).to_be_visible()
    search.get_by_text("1 image could not be encoded").click()
    failure = search.get_by_role("listitem").filter(has_text="dropped/broken.png")
    expect(failure).to_contain_text("is not an image of a known format")
    words(search).fill("guitar")
    expect(best(search)).to_have_accessible_name("guitar.png")


def test_a_drop_counts_only_in_the_view_that_is_shown(
    playground: Playground, tmp_path: Path
) -> None:
    search = view_of(playground, "search")
    drop(playground.page, fill_with_samples(tmp_path / "dropped", "cat.png"))
    expect(search.locator(".count")).to_have_text("1 image")
    playground.page.get_by_role("link", name="Rank", exact=True).click()
    expect(playground.thumbs).to_have_count(1)  # the example
    expect(playground.page.locator("#hero.over")).to_have_count(0)


def test_a_link_holds_the_words(playground: Playground) -> None:
    playground.open("#search?q=a%20cat")
    expect(words(playground.page.locator("#search-view"))).to_have_value("a cat")
