"""Links between documents, and from documents to code, are valid."""

import re
from pathlib import Path

import pytest

from tests.processes import ROOT

PATTERNS = ("*.md", "docs/*.md", "[a-z]*/README.md", "deploy/*/*.md")
PAGES = sorted(str(path.relative_to(ROOT)) for each in PATTERNS for path in ROOT.glob(each))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CODE = re.compile(r"\[`([\w.]+)`\]\((\.\./[^)]+\.(?:py|lua))\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for link in re.findall(r"\]\((?!https?:|mailto:)([^) ]+)", (ROOT / page).read_text()):
        target, _, anchor = link.partition("#")
        path = folder / target if target else ROOT / page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def test_what_the_way_of_a_request_names_is_in_the_file_it_links() -> None:
    found = CODE.findall(ARCHITECTURE)
    assert len(found) > 10
    for name, link in found:
        if not name.endswith((".py", ".lua")) and not name.startswith("__"):
            source = (ROOT / "docs" / link).read_text()
            assert name.rpartition(".")[2] in source, f"{name} in {link}"


@pytest.mark.parametrize("package", ["api", "common", "worker"])
def test_every_room_is_on_the_page(package: str) -> None:
    for room in (path.parent.name for path in (ROOT / package).glob("*/__init__.py")):
        assert f"`{package}/{room}`" in ARCHITECTURE, room


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_a_page_names_are_there(page: str) -> None:
    for name in re.findall(r"`(tests/[\w/.]+)`", (ROOT / page).read_text()):
        assert (ROOT / name).exists(), name
