"""Images and labels go in, bars come out."""

import re
from typing import Any

from playwright.sync_api import expect

from tests.browser.playground import Playground
from tests.image_server import ImageServer
from tests.processes import SAMPLES, Api

LABELS = ("t-shirt", "pizza", "bicycle")


def test_a_newcomer_is_shown_an_example_with_one_click(playground: Playground) -> None:
    playground.button("Show me an example").click()
    expect(playground.cards).to_have_count(3)
    assert [playground.best(nth) for nth in range(3)] == ["pizza", "bicycle", "umbrella"]


def test_an_upload_is_ranked_and_described_in_text(playground: Playground) -> None:
    playground.choose("pizza.png")
    playground.label(*LABELS)
    playground.rank()
    expect(playground.cards).to_have_count(1)
    assert playground.best() == "pizza"
    scores = playground.cards.locator(".score").all_inner_texts()
    assert len(scores) == 3
    assert all(re.fullmatch(r"[<>]? ?[\d.]+ %", score) for score in scores), scores
    expect(playground.page.get_by_role("status").first).to_have_text("Ranked 1 image.")
    expect(playground.page.get_by_text("Answered in")).to_be_visible()


def test_a_label_set_shows_its_labels(playground: Playground, service: Api) -> None:
    put = {"candidates": [{"text": label} for label in LABELS]}
    assert service.put("/label-sets/things", put).ok
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Label set").select_option("things")
    playground.choose("pizza.png")
    playground.rank()
    expect(playground.cards).to_have_count(1)
    assert playground.best() == "pizza"


def test_labels_are_pasted_one_a_line(playground: Playground) -> None:
    playground.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    playground.page.evaluate("navigator.clipboard.writeText('t-shirt\\n\\n  pizza \\r\\nbicycle')")
    playground.page.get_by_role("textbox", name="Labels").focus()
    playground.page.keyboard.press("Control+V")
    expect(playground.page.get_by_text("3 labels, one per line.")).to_be_visible()


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
    expect(playground.thumbs).to_have_text([re.compile("drop.png"), re.compile("paste.png")])


def test_linked_images_are_ranked(playground: Playground, image_server: ImageServer) -> None:
    images = [(SAMPLES / name).read_bytes() for name in ("pizza.png", "bicycle.png")]
    urls = [image_server.serve(each, Content_Type="image/png") for each in images]
    playground.link(" ".join(urls))
    playground.label(*LABELS)
    playground.rank()
    expect(playground.cards).to_have_count(2)
    assert [playground.best(nth) for nth in range(2)] == ["pizza", "bicycle"]
    shown = "[...document.querySelectorAll('.card img')].every((each) => each.naturalWidth > 0)"
    playground.page.wait_for_function(shown)


def test_what_stands_under_more_counts(playground: Playground) -> None:
    playground.choose("pizza.png", "cat.png")
    playground.label(*LABELS)
    playground.page.get_by_text("More", exact=True).click()
    playground.page.get_by_label("Templates").fill("a {}\na drawing of a {}")
    playground.page.get_by_label("Best labels").fill("2")
    playground.page.get_by_label("Temperature").fill("50")
    playground.page.get_by_label("Scores").select_option("sigmoid")
    expect(playground.page.get_by_label("Model", exact=True).get_by_role("option")).to_have_count(2)
    playground.page.get_by_label("Model", exact=True).select_option(index=1)
    with playground.page.expect_request("**/rank") as sent:
        playground.rank()
    body: dict[str, Any] = sent.value.post_data_json or {}
    assert body["templates"] == ["a {}", "a drawing of a {}"]
    assert (body["top_k"], body["temperature"], body["activation"]) == (2, 50, "sigmoid")
    assert body["model"] == "model"
    assert body["alpha"] == "white"
    expect(playground.cards.first.get_by_role("listitem")).to_have_count(2)
    expect(playground.page.get_by_text("Each label is scored on its own")).to_be_visible()


def test_removing_and_clearing(playground: Playground) -> None:
    playground.choose("pizza.png", "cat.png")
    playground.button("Remove pizza.png").click()
    expect(playground.thumbs).to_have_count(1)
    expect(playground.button("Remove cat.png")).to_be_focused()
    playground.button("Clear").click()
    expect(playground.thumbs).to_have_count(0)
    expect(playground.button("Show me an example")).to_be_visible()


def test_all_is_done_with_the_keyboard(playground: Playground) -> None:
    press = playground.page.keyboard.press
    reached = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"

    def tab_to(name: str) -> None:
        for _ in range(30):
            if playground.page.evaluate(reached) == name:
                return
            press("Tab")
        raise AssertionError(f"{name} was not reached")

    tab_to("Add the sample image pizza")
    press("Enter")
    expect(playground.thumbs).to_have_count(1)
    tab_to("labels")
    press("Control+A")
    playground.page.keyboard.type("pizza\nbicycle")
    tab_to("rank")
    press("Enter")
    expect(playground.cards).to_have_count(1)
    assert playground.best() == "pizza"
