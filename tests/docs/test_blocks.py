"""Every command and code block in the README and the docs works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, Reader, blocks, check_output, commands
from tests.docs.elsewhere import ELSEWHERE
from tests.image_server import ImageServer
from tests.processes import (
    DEMO_MODEL,
    ROOT,
    SAMPLES,
    Api,
    start_api,
    start_worker,
    wait_for_workers,
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, redis_url_of_its_own: str) -> Iterator[Api]:
    """A service that fetches from loopback, as if it were the outside."""
    folder = tmp_path_factory.mktemp("d")
    worker = start_worker(folder, redis_url_of_its_own, DEMO_MODEL)
    api = start_api(folder, redis_url_of_its_own, webhook_secret=f"whsec_{'A' * 32}")
    wait_for_workers(api, [worker])
    yield api
    api.stop()
    worker.stop()


@pytest.fixture(scope="module")
def images() -> Iterator[ImageServer]:
    """Stands for example.org."""
    with ImageServer().running() as server:
        for image in SAMPLES.iterdir():
            server.answer_to(f"/{image.name}", image.read_bytes())
        yield server


@pytest.fixture
def reader(api: Api, redis_url_of_its_own: str, images: ImageServer, tmp_path: Path) -> Reader:
    host = api.url.removeprefix("http://")
    instead = {
        "https://example.org": images.url,
        "http://localhost:3000": api.url,
        "localhost:3000": host,
    }
    reader = Reader(tmp_path, instead, redis_url_of_its_own)
    reader.prepare()
    return reader


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_can_follow_the_page(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        if not block.code.startswith(tuple(ELSEWHERE)):
            check_output(block, reader.run(block))


def test_what_is_run_elsewhere_is_on_a_page_and_run_there() -> None:
    for start, place in ELSEWHERE.items():
        assert any(code.startswith(start) for code in commands(PAGES)), start
        assert (ROOT / place).exists(), place
