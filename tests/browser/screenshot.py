"""`python -m tests.browser.screenshot`: update the image of the playground in docs/."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from standalone.valkey import EmbeddedValkey
from tests.browser.chromium import running_chromium
from tests.browser.playground import TRANSITIONS_END, Playground
from tests.processes import DEMO_MODEL, ROOT, start_api, start_worker, wait_for_workers

TARGET = ROOT / "docs" / "playground.png"
WORDS = "something to eat"
SIZE = ViewportSize(width=1280, height=764)


def take(url: str, target: Path) -> None:
    """Save the search among the sample images, after the last of them has come to its place."""
    with running_chromium() as chromium:
        page = chromium.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        playground = Playground(page, url).open("#search")
        playground.button("Try with the sample images").click()
        encoded = page.get_by_text(re.compile(r"^\d+ images encoded\.$"))
        expect(encoded).to_be_attached()
        page.get_by_label("Search words").fill(WORDS)
        expect(page.get_by_text(f"Closest to “{WORDS}” first.")).to_be_visible()
        expect(page.locator("#search-view .image:empty")).to_have_count(0)
        page.mouse.move(0, 0)
        page.evaluate(TRANSITIONS_END)
        page.screenshot(path=target)


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
