"""Draws the emoji of a style as small RGBA images."""

import base64
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from demo.emojibase import Concept, Emoji
from demo.packages import Style, fetch, members

SPRITE_PIXELS = 72

Pixels: TypeAlias = NDArray[np.uint8]
Drawing: TypeAlias = str | bytes
"""An SVG's text, or the content of an image file."""


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _file_key(hexcode: str) -> str:
    # Sets disagree on whether a file name keeps the "show as an image" code point FE0F.
    return hexcode.upper().replace("-FE0F", "")


def _iconify_svg(icons: dict[str, Any], name: str) -> str:
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    # A one-colour icon is drawn in `currentColor`, which is black where nothing sets it.
    body = icon["body"].replace("currentColor", "#000")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}">{body}</svg>'
    )


class IconifyDrawings:
    """The drawings of an `icons.json`, found by an emoji's label or else by another of its names.

    A name may end in a number ("tomato-2"): such a set draws one emoji several times.
    """

    def __init__(self, archive: Path) -> None:
        self._icons = json.loads(dict(members(archive, "icons.json"))["icons.json"])
        self._by_name: dict[str, list[str]] = {}
        for name in self._icons["icons"]:
            self._by_name.setdefault(_squeeze(re.sub(r"-\d+$", "", name)), []).append(name)
        for alias, target in self._icons.get("aliases", {}).items():
            if target["parent"] in self._icons["icons"]:
                self._by_name.setdefault(_squeeze(alias), []).append(target["parent"])

    def of(self, emoji: Emoji) -> list[Drawing]:
        """Return the drawings of `emoji`, none when the set has none."""
        for name in (emoji.label, *emoji.names):
            if found := self._by_name.get(_squeeze(name)):
                return [_iconify_svg(self._icons, icon) for icon in dict.fromkeys(found)]
        return []


class FileDrawings:
    """The drawings of a package that holds one file an emoji, named by its code points."""

    def __init__(self, archive: Path, folder: str) -> None:
        self._by_hexcode = {
            _file_key(Path(path).stem): content for path, content in members(archive, folder + "/")
        }

    def of(self, emoji: Emoji) -> list[Drawing]:
        """Return the drawing of `emoji` in a list, which is empty when the set has none."""
        found = self._by_hexcode.get(_file_key(emoji.hexcode))
        if found is None:
            return []
        return [found.decode() if found.lstrip().startswith(b"<") else found]


def open_style(style: Style, cache: Path) -> IconifyDrawings | FileDrawings:
    """Return the drawings of `style`, fetched if need be."""
    archive = fetch(style.package, cache)
    if style.layout == "iconify":
        return IconifyDrawings(archive)
    return FileDrawings(archive, style.folder)


def draw(drawing: Drawing, pixels: int) -> Image.Image:
    """Return `drawing` as an RGBA image of `pixels` by `pixels`, centred, proportions kept."""
    if isinstance(drawing, str):
        rendered: Any = resvg_py.svg_to_bytes(svg_string=drawing, width=pixels)
        data = base64.b64decode(rendered) if isinstance(rendered, str) else bytes(rendered)
    else:
        data = drawing
    # Premultiplied ("RGBa") while it is resized, lest transparent pixels bleed their colour.
    image = Image.open(io.BytesIO(data)).convert("RGBA").convert("RGBa")
    scale = pixels / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    resized = image.resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (pixels, pixels))
    square.paste(resized, ((pixels - size[0]) // 2, (pixels - size[1]) // 2))
    return square


def _channels_first(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


def style_sprites(
    style: Style, concepts: Iterable[Concept], cache: Path, own_only: bool = False
) -> tuple[Pixels, NDArray[np.int64]]:
    """Return the sprites of a style, (count, 4, 72, 72), and the concept number of each.

    With `own_only`, a concept is shown by its own emoji alone, once.
    """
    drawings = open_style(style, cache)
    sprites: list[Pixels] = []
    numbers: list[int] = []
    for number, concept in enumerate(concepts):
        emoji = concept.emoji[:1] if own_only else concept.emoji
        found = [drawing for one in emoji for drawing in drawings.of(one)]
        for drawing in found[: 1 if own_only else None]:
            sprites.append(_channels_first(draw(drawing, SPRITE_PIXELS)))
            numbers.append(number)
    return np.stack(sprites), np.asarray(numbers)
