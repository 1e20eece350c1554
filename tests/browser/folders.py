"""Folders of small images, and how they are chosen or dropped in the playground."""

import colorsys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from tests.browser.playground import Playground
from tests.processes import SAMPLES

TINY = (24, 24)


def fill_with_colours(folder: Path, count: int) -> Path:
    """Distinct small images: image-0000.png and so on."""
    folder.mkdir(exist_ok=True)
    for nth in range(count):
        red, green, blue = colorsys.hsv_to_rgb(nth / count, 1 - nth % 7 / 10, 1)
        colour = (int(red * 255), int(green * 255), int(blue * 255))
        Image.new("RGB", TINY, colour).save(folder / f"image-{nth:04}.png")
    return folder


def fill_with_samples(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    return folder


def view_of(playground: Playground, name: str) -> Locator:
    """The section of a view, which is opened."""
    playground.page.goto(f"{playground.url}/#{name}")
    section = playground.page.locator(f"#{name}-view")
    section.wait_for()
    return section


def choose_folder(section: Locator, folder: Path) -> None:
    section.get_by_label("Choose a folder").set_input_files(folder)


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders as a desktop does: the page sees entries, not only files."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 300, "y": 300, "data": data}
        session.send("Input.dispatchDragEvent", event)


def names_in(section: Locator) -> list[str]:
    """The names of the images in the order of the grid, those near the viewport."""
    tiles = section.get_by_role("listitem").locator("button.opens")
    return [
        str(tile.get_attribute("aria-label") or tile.get_attribute("title")) for tile in tiles.all()
    ]
