"""Probability or cosine similarity, and "none of these"."""

import re

from playwright.sync_api import expect

from tests.browser.playground import Playground

UNFIT = ("snow", "keyboard", "airplane")


def best_cosine(playground: Playground, image: str) -> float:
    """The cosine similarity of an image's best label, as the page tells it."""
    label = playground.best(image)
    told = playground.page.locator("#threshold-best").inner_text()
    found = re.fullmatch(rf"Here “{label}” has (.?[\d.]+)\.", told)
    assert found, told
    return float(found[1].replace("\N{MINUS SIGN}", "-"))


def test_the_numbers_are_probabilities_or_cosine_similarities(playground: Playground) -> None:
    playground.settle()
    score = playground.winner.locator(".score")
    expect(score).to_have_text(re.compile(r"%$"))
    playground.page.get_by_label("Cosine similarity", exact=True).check()
    expect(score).to_have_text(re.compile(r"^0\.\d{3}$"))
    playground.label("cat", "pizza")
    playground.settle()
    expect(score).to_have_text(re.compile(r"^0\.\d{3}$"))  # it stays as chosen
    playground.page.get_by_label("Probability", exact=True).check()
    expect(score).to_have_text(re.compile(r"%$"))


def test_below_the_threshold_the_answer_is_none_of_these(playground: Playground) -> None:
    playground.choose("cat.png", "t-shirt.png")
    playground.label("cat", *UNFIT)
    playground.settle()
    playground.page.get_by_text("What if none fits?").click()
    expect(playground.page.get_by_text("one of them always wins")).to_be_visible()
    fits, unfit = (best_cosine(playground, image) for image in ("cat.png", "t-shirt.png"))
    assert unfit + 0.02 < fits
    between = f"{(fits + unfit) / 2:.2f}"
    threshold = playground.page.get_by_label("“None of these” below")
    threshold.fill(between)
    expect(threshold).to_have_attribute("aria-valuetext", f"cosine similarity {between}")
    playground.button("Show cat.png").click()
    assert playground.best() == "cat"
    assert playground.best("t-shirt.png") == "none of these"
    expect(playground.page.get_by_text("Below the threshold")).to_be_visible()
    expect(playground.thumbs.locator(".told")).to_have_text(["cat", "none"])
    threshold.fill("0")
    assert playground.best() in ("cat", *UNFIT)


def test_none_of_these_is_announced_with_the_closest_label(playground: Playground) -> None:
    playground.settle()
    playground.page.get_by_text("What if none fits?").click()
    playground.page.get_by_label("“None of these” below").fill("1")
    playground.label(*UNFIT)
    playground.settle()
    told = re.compile(r"^none of these; the closest is \w+, cosine similarity .0\.\d{3}$|0\.\d{3}$")
    expect(playground.told).to_have_text(told)
