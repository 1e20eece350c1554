"""What is typed into the search: words with signs."""

import pytest
from playwright.sync_api import Page


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("cat", [["cat", 1]]),
        ("  a red  t-shirt ", [["a red  t-shirt", 1]]),
        ("beach - people", [["beach", 1], ["people", -1]]),
        ("beach \N{MINUS SIGN}people", [["beach", 1], ["people", -1]]),
        ("beach \N{EN DASH} people \N{EN DASH} dogs", [["beach", 1], ["people", -1], ["dogs", -1]]),
        ("dog + snow - people", [["dog", 1], ["snow", 1], ["people", -1]]),
        ("-people", [["people", -1]]),
        ("beach -", [["beach", 1]]),
        ("beach - ", [["beach", 1]]),
        ("+", []),
        ("", []),
        ("black-and-white photo", [["black-and-white photo", 1]]),
    ],
)
def test_words_are_added_and_subtracted(
    modules: Page, text: str, terms: list[list[object]]
) -> None:
    script = """async (text) => {
        const { termsOf } = await import("/playground/js/search/terms.js");
        return termsOf(text).map(({ words, sign }) => [words, sign]);
    }"""
    assert modules.evaluate(script, text) == terms
