"""Every command and code block in the README and the docs works, and prints what they show."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, blocks, codes
from tests.docs.elsewhere import ELSEWHERE, is_run_elsewhere
from tests.docs.outputs import is_shown
from tests.docs.reader import Reader, Service, serving
from tests.docs.shells import faults, is_plain
from tests.processes import ROOT

ALL_PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)


FOLLOWED = [
    page
    for page in PAGES
    if any(not is_run_elsewhere(block, page) for block in blocks(page.read_text()))
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("d")) as service:
        yield service


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_can_follow_the_page(page: Path, service: Service, tmp_path: Path) -> None:
    """With bash, and with zsh, if there is one, what it might read in another way."""
    has_zsh = shutil.which("zsh") is not None
    reader = Reader(tmp_path, service)
    reader.prepare()
    for block in blocks(page.read_text()):
        if is_run_elsewhere(block, page):
            continue
        printed = reader.run(block, "bash")
        if block.output is None:
            assert printed == "", f"the page does not show the output of\n{block.code}"
        else:
            assert is_shown(block.output, printed), f"{block.output.text}\nis not\n{printed}"
        if has_zsh and block.language == "bash" and not is_plain(block.code):
            reader.run(block, "zsh")


def test_the_script_that_fills_the_search_can_run_again(service: Service, tmp_path: Path) -> None:
    reader = Reader(tmp_path, service)
    reader.prepare()
    page = ROOT / "docs" / "image-search.md"
    fill = next(block for block in blocks(page.read_text()) if "create_collection" in block.code)
    for _ in range(2):
        reader.run(fill, "bash")


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_work_in_any_shell(page: Path) -> None:
    for code in codes("bash", [page]):
        assert faults(code) == [], code


def test_what_is_run_elsewhere_is_on_a_page_and_run_there() -> None:
    everything = codes("bash", PAGES) + codes("python", PAGES)
    for start, place in ELSEWHERE.items():
        assert any(code.startswith(start) for code in everything), start
        assert (ROOT / place).exists(), place
