"""Images and labels go in, the best label comes out."""

import re
from typing import Any

from playwright.sync_api import expect

from tests.browser.playground import Playground
from tests.image_server import ImageServer
from tests.processes import SAMPLES

LABELS = ("t-shirt", "pizza", "bicycle")
NAMES = [
    *("cat", "t-shirt", "pizza", "bicycle", "elephant", "guitar"),
    *("dress", "umbrella", "running shoe", "sunglasses", "jeans"),
]
CUT = """(selects) => selects.flatMap((select) => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(select).font;
    const { paddingInlineStart, paddingInlineEnd } = getComputedStyle(select);
    const arrow = 20;
    const room = select.clientWidth - parseFloat(paddingInlineStart)
        - parseFloat(paddingInlineEnd) - arrow;
    return [...select.options].map(({ text }) => text)
        .filter((text) => pen.measureText(text).width > room);
})"""


def test_the_page_opens_with_a_ranked_example(playground: Playground) -> None:
    playground.settle()
    assert playground.best() == "cat"
    expect(playground.page.get_by_role("img", name="cat.png")).to_be_visible()
    expect(playground.page.get_by_role("textbox", name="Labels")).to_have_value("\n".join(NAMES))
    ranked = playground.page.get_by_role("list", name="Labels that fit best").get_by_role(
        "listitem"
    )
    expect(ranked).to_have_count(2)
    playground.page.get_by_text("9 more labels").click()
    expect(playground.page.locator("#rest").get_by_role("listitem")).to_have_count(9)


def test_the_model_knows_each_sample_by_its_name(playground: Playground) -> None:
    for label in NAMES:
        playground.button(f"Add the sample image {label.replace(' ', '-')}").click()
    playground.rank()
    expect(playground.thumbs.locator(".told")).to_have_text(NAMES)


def test_the_first_image_of_the_user_replaces_the_example(playground: Playground) -> None:
    playground.settle()
    playground.choose("pizza.png")
    playground.settle()
    assert playground.best() == "pizza"
    expect(playground.thumbs).to_have_count(1)
    playground.choose("guitar.png")
    expect(playground.thumbs).to_have_count(2)


def test_an_upload_is_ranked_and_described_in_text(playground: Playground) -> None:
    playground.choose("pizza.png")
    playground.label(*LABELS)
    playground.settle()
    assert playground.best() == "pizza"
    scores = playground.page.locator("#verdict .score, #rest .score").all_text_contents()
    assert len(scores) == 3
    assert all(re.fullmatch(r"[<>]? ?[\d.]+ %", score) for score in scores), scores
    expect(playground.told).to_have_text(re.compile(r"^pizza [> .\d]+ %, then .+ %$"))
    expect(playground.page.get_by_text("Answered in")).to_be_visible()


def test_the_strip_shows_the_best_label_of_each_image_and_selects_one(
    playground: Playground,
) -> None:
    playground.choose("pizza.png", "cat.png", "bicycle.png")
    playground.settle()
    expect(playground.thumbs.locator(".told")).to_have_text(["pizza", "cat", "bicycle"])
    expect(playground.told).to_have_text(re.compile("^Ranked 3 images. pizza.png: pizza"))
    expect(playground.button("Show pizza.png")).to_have_attribute("aria-pressed", "true")
    assert playground.best("bicycle.png") == "bicycle"
    expect(playground.button("Show pizza.png")).to_have_attribute("aria-pressed", "false")
    expect(playground.page.locator("#hero-name")).to_have_text("bicycle.png")


def test_labels_are_pasted_one_a_line(playground_apart: Playground) -> None:
    playground_apart.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    playground_apart.page.evaluate(
        "navigator.clipboard.writeText('t-shirt\\n\\n  pizza \\r\\nbicycle')"
    )
    playground_apart.page.get_by_role("textbox", name="Labels").focus()
    playground_apart.page.keyboard.press("Control+A")
    playground_apart.page.keyboard.press("Control+V")
    expect(playground_apart.page.get_by_text("3 labels, one per line")).to_be_visible()


def test_images_are_dropped_and_pasted(playground: Playground) -> None:
    for kind, carrier in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        playground.page.evaluate(
            """async ([kind, carrier]) => {
                const data = new DataTransfer();
                const sample = await (await fetch("playground/samples/cat.png")).blob();
                data.items.add(new File([sample], `${kind}.png`, {type: "image/png"}));
                const Kind = kind === "drop" ? DragEvent : ClipboardEvent;
                document.body.dispatchEvent(
                    new Kind(kind, {[carrier]: data, bubbles: true, cancelable: true}));
            }""",
            [kind, carrier],
        )
    expect(playground.button("Show drop.png")).to_be_visible()
    expect(playground.button("Show paste.png")).to_be_visible()
    expect(playground.thumbs).to_have_count(2)


def test_linked_images_are_ranked(playground: Playground, image_server: ImageServer) -> None:
    images = [(SAMPLES / name).read_bytes() for name in ("pizza.png", "bicycle.png")]
    urls = [image_server.serve(each, Content_Type="image/png") for each in images]
    playground.link(" ".join(urls))
    playground.label(*LABELS)
    playground.settle()
    expect(playground.thumbs.locator(".told")).to_have_text(["pizza", "bicycle"])
    shown = "Promise.all([...document.querySelectorAll('.strip img')].map((each) => each.decode()))"
    playground.page.evaluate(shown)


def test_what_stands_under_more_counts(playground: Playground) -> None:
    playground.choose("pizza.png", "cat.png")
    playground.label(*LABELS)
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Templates").fill("a {}\na drawing of a {}")
    playground.page.get_by_label("Best labels").fill("2")
    playground.page.get_by_label("Temperature").fill("50")
    playground.page.get_by_label("Scores").select_option("sigmoid")
    expect(playground.page.get_by_label("Model", exact=True).get_by_role("option")).to_have_count(2)
    playground.settle()
    with playground.page.expect_request("**/rank") as sent:
        playground.page.get_by_label("Model", exact=True).select_option(index=1)
    playground.settle()
    body: dict[str, Any] = sent.value.post_data_json or {}
    assert body["templates"] == ["a {}", "a drawing of a {}"]
    assert (body["top_k"], body["temperature"], body["activation"]) == (2, 50, "sigmoid")
    assert body["model"] == "model"
    assert body["alpha"] == "white"
    expect(playground.page.locator("#verdict li")).to_have_count(2)
    expect(playground.page.locator("#rest")).to_be_hidden()
    expect(playground.page.get_by_text("Each label is scored on its own")).to_be_visible()


def test_no_choice_is_cut(playground: Playground) -> None:
    page = playground.page
    page.get_by_text("More", exact=True).click()
    for width in (360, 900, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.get_by_role("combobox").evaluate_all(CUT) == [], width


def test_removing_and_clearing(playground: Playground) -> None:
    playground.choose("pizza.png", "cat.png")
    playground.settle()
    playground.button("Remove pizza.png").click()
    expect(playground.thumbs).to_have_count(1)
    expect(playground.button("Show cat.png")).to_be_focused()
    playground.settle()
    assert playground.best() == "cat"
    playground.button("Clear").click()
    expect(playground.thumbs).to_have_count(0)
    expect(playground.page.get_by_text("Choose an image", exact=True)).to_be_visible()
    expect(playground.button("Choose images")).to_be_focused()


def test_all_is_done_with_the_keyboard(playground: Playground) -> None:
    press = playground.page.keyboard.press
    reached = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"

    def tab_to(name: str) -> None:
        for _ in range(40):
            if playground.page.evaluate(reached) == name:
                return
            press("Tab")
        raise AssertionError(f"{name} was not reached")

    playground.settle()
    tab_to("Add the sample image pizza")
    press("Enter")
    playground.settle()
    expect(playground.page.locator("#hero-name")).to_have_text("pizza.png")
    tab_to("labels")
    press("Control+A")
    playground.page.keyboard.type("pizza\nbicycle")
    press("Control+Enter")
    playground.settle()
    assert playground.best() == "pizza"
    expect(playground.page.get_by_text("Best of 2 labels")).to_be_visible()
