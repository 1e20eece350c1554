"""The page on models names every family, and how each is used."""

import re

import pytest

from tests.processes import ROOT
from worker.model.families import FAMILIES

PAGE = (ROOT / "docs" / "models.md").read_text()
ROW = re.compile(
    r"^\|(.+)\|.+\| `(.+)` \| the (longest|context) \| (softmax|sigmoid) \|$", re.MULTILINE
)


def test_every_family_has_a_row_and_no_other() -> None:
    assert {kind for _, kind, _, _ in ROW.findall(PAGE)} == set(FAMILIES)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_row_says_what_is_done(kind: str) -> None:
    rows = [row for row in ROW.findall(PAGE) if row[1] == kind]
    padding = {"longest": "longest", "max_length": "context"}[FAMILIES[kind].padding]
    for title, _, padded, activation in rows:
        assert FAMILIES[kind].title.split()[0] in title
        assert (padded, activation) == (padding, FAMILIES[kind].activation)
