"""The playground as a test uses it: by what stands on the page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.chromium import PATIENCE_MS
from tests.processes import SAMPLES

# The browser says so of every answer that is no success; what the page makes of it is tested.
NETWORK = "Failed to load resource:"
TRANSITIONS_END = "Promise.allSettled(document.getAnimations().map(({ finished }) => finished))"


class Playground:
    """A tab with the playground, and all that its console complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.origin = "/".join(url.split("/", 3)[:3])
        self.complaints: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.set_default_timeout(PATIENCE_MS)

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(NETWORK):
            self.complaints.append(text)

    def open(self, fragment: str = "") -> "Playground":
        self.page.goto(f"{self.url}/{fragment}")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self

    def choose(self, *names: str) -> None:
        self.page.locator("#files").set_input_files([SAMPLES / n for n in names])

    def choose_content(self, name: str, content: bytes) -> None:
        file = FilePayload(name=name, mimeType="image/png", buffer=content)
        self.page.locator("#files").set_input_files([file])

    def link(self, *urls: str) -> None:
        for url in urls:
            self.page.get_by_label("Link to an image").fill(url)
            self.button("Add").click()

    def label(self, *labels: str) -> None:
        self.page.get_by_role("textbox", name="Labels").fill("\n".join(labels))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def rank(self) -> None:
        """Press Rank, and wait for the answer."""
        self.button("Rank").click()
        self.settle()

    def settle(self) -> None:
        """Wait until what is shown belongs to what is in the form."""
        expect(self.winner).to_be_visible()
        expect(self.freshness).to_be_hidden()

    @property
    def freshness(self) -> Locator:
        return self.page.locator("#freshness")

    @property
    def winner(self) -> Locator:
        return (
            self.page.get_by_role("list", name="Labels that fit best").get_by_role("listitem").first
        )

    @property
    def told(self) -> Locator:
        """What a screen reader announces about the answer."""
        return self.page.locator("#announcement")

    @property
    def thumbs(self) -> Locator:
        return self.page.get_by_role("list", name="Chosen images").get_by_role("listitem")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def best(self, image: str = "") -> str:
        """The best label of an image; without a name, of the one that is selected."""
        if image:
            self.button(f"Show {image}").click()
        return self.winner.locator(".label").inner_text()

    def violations(self) -> list[str]:
        """What axe finds wrong on the page: light, then dark, where only the colours differ."""
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        light = self._violations({})
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        return light + self._violations({"runOnly": ["color-contrast"]})

    def _violations(self, options: dict[str, object]) -> list[str]:
        self.page.evaluate(TRANSITIONS_END)
        axe = Axe().run(self.page, options={"resultTypes": ["violations"], **options})
        found = axe.response["violations"]
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]
