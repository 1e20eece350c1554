"""A link that holds the settings: nothing that was uploaded, and no key."""

from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenTab
from tests.browser.playground import Playground
from tests.processes import Api

LABELS = ["a cat & a dog", "ünïcödé #1", "50% + more"]
TEMPLATES = ["a photo of a {}", "{}, drawn"]


def test_a_link_brings_everything_back_but_uploads(
    playground_apart: Playground, service: Api, open_tab: OpenTab
) -> None:
    page = playground_apart.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    playground_apart.choose("cat.png")
    playground_apart.link("https://example.invalid/a%20b.png?x=1&y=2")
    playground_apart.button("Add the sample image guitar").click()
    playground_apart.label(*LABELS)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Templates").fill("\n".join(TEMPLATES))
    page.get_by_label("Temperature").fill("2.5")
    page.get_by_label("Best labels").fill("2")
    page.get_by_label("Scores").select_option("none")
    playground_apart.button("Copy link").click()
    expect(page.get_by_text("1 uploaded image is not included.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    assert "cat.png" not in link

    shared = open_tab(service.url).open(link.removeprefix(f"{service.url}/")).page
    expect(shared.get_by_role("textbox", name="Labels")).to_have_value("\n".join(LABELS))
    expect(shared.get_by_label("Templates")).to_have_value("\n".join(TEMPLATES))
    expect(shared.get_by_label("Temperature")).to_have_value("2.5")
    expect(shared.get_by_label("Best labels")).to_have_value("2")
    expect(shared.get_by_label("Scores")).to_have_value("none")
    expect(shared.get_by_role("button", name="Show a b.png")).to_be_visible()
    expect(shared.get_by_role("button", name="Show guitar.png")).to_be_visible()
    # Addresses that a stranger chose are fetched only after a click.
    expect(shared.get_by_text("Press Rank")).to_be_visible()


def test_a_link_without_addresses_shows_its_answer(service: Api, open_tab: OpenTab) -> None:
    fragment = "#rank?label=pizza&label=cat&sample=pizza&none_below=0.99"
    playground = open_tab(service.url).open(fragment)
    playground.settle()
    assert playground.best() == "none of these"
    expect(playground.page.get_by_label("“None of these” below")).to_have_value("0.99")


def test_a_link_names_its_label_set(service: Api, open_tab: OpenTab) -> None:
    put = {"candidates": [{"text": "pizza"}, {"text": "dress"}]}
    assert service.put("/label-sets/shared", put).ok
    playground = open_tab(service.url).open("#label_set=shared&sample=dress")
    playground.settle()
    assert playground.best() == "dress"
    expect(playground.page.get_by_role("textbox", name="Labels")).to_have_value("pizza\ndress")
    playground.button("Copy link").click()
    assert playground.page.url.endswith("#rank?label_set=shared&sample=dress")


def test_a_link_sends_no_addresses_while_its_label_set_is_loaded(
    service: Api, open_tab: OpenTab
) -> None:
    put = {"candidates": [{"text": "pizza"}, {"text": "dress"}]}
    assert service.put("/label-sets/slow", put).ok
    playground = open_tab(service.url, apart=True)
    page = playground.page
    page.clock.install()
    playground.open()
    playground.settle()  # there are labels to rank the links by
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.url) if each.method == "POST" else None)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/label-sets/slow", hold)
    with page.expect_request("**/label-sets/slow"):
        image = "https://example.invalid/a.png"
        playground.open(f"#rank?label=pizza&label=cat&label_set=slow&image={image}")
    page.clock.run_for(10_000)
    held[0].continue_()
    expect(page.get_by_text("Press Rank")).to_be_visible()
    expect(playground.thumbs).to_have_count(1)
    page.clock.run_for(10_000)
    assert sent == []
    with page.expect_request("**/rank"):
        playground.button("Rank").click()


def test_going_to_another_view_and_back_keeps_what_was_edited(
    service: Api, open_tab: OpenTab
) -> None:
    playground = open_tab(service.url).open("#rank?label=pizza&sample=pizza")
    playground.settle()
    playground.label("pizza", "jeans")
    playground.page.get_by_role("link", name="Jobs").click()
    playground.page.go_back()
    labels = playground.page.get_by_role("textbox", name="Labels")
    expect(labels).to_have_value("pizza\njeans")
    playground.page.get_by_role("link", name="Rank", exact=True).click()
    expect(labels).to_have_value("pizza\njeans")


def test_a_hostile_link_is_text_and_nothing_else(service: Api, open_tab: OpenTab) -> None:
    markup = "%3Cimg src=x onerror=alert(1)%3E"
    hostile = (
        f"#label={markup}&image=javascript:alert(1)&sample=../x&temperature=hot&model={markup}"
    )
    playground = open_tab(service.url).open(hostile)
    expect(playground.page.get_by_role("textbox", name="Labels")).to_have_value(
        "<img src=x onerror=alert(1)>"
    )
    expect(playground.thumbs).to_have_count(0)
    expect(playground.page.get_by_label("Temperature")).to_have_value("")
