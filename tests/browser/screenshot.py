"""`python -m tests.browser.screenshot`: update the image of the playground in docs/."""

import tempfile
from pathlib import Path

from playwright.sync_api import expect

from standalone.valkey import EmbeddedValkey
from tests.browser.chromium import running_chromium
from tests.browser.playground import Playground
from tests.processes import DEMO_MODEL, ROOT, start_api, start_worker, wait_for_workers

TARGET = ROOT / "docs" / "playground.png"
LABELS = ("t-shirt", "pizza", "cat", "bicycle", "guitar")


def take(url: str, target: Path) -> None:
    """Save the page with images and results in it, as tall as it is."""
    with running_chromium() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        playground = Playground(page, url).open()
        playground.choose("t-shirt.png", "pizza.png", "cat.png")
        playground.label(*LABELS)
        playground.rank()
        expect(playground.cards).to_have_count(3)
        page.wait_for_function("[...document.images].every((each) => each.complete)")
        page.screenshot(path=target, full_page=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        valkey = EmbeddedValkey(folder)
        valkey.start()
        worker = start_worker(folder, valkey.url, DEMO_MODEL)
        api = start_api(folder, valkey.url)
        try:
            wait_for_workers(api, [worker])
            take(api.url, TARGET)
        finally:
            api.stop()
            worker.stop()
            valkey.stop()


if __name__ == "__main__":
    main()
