"""Draws the emoji of a style as small RGBA images."""

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from demo.concepts import other_names, words
from demo.emojibase import Emoji, load_things
from demo.packages import Style, fetch, members

SPRITE_PIXELS = 72
GLYPH_PIXELS = 144

# What icon sets add to a name for a weight, a size or another drawing of the same thing.
_VARIANT = re.compile(
    r"(-(outline|outlined|filled|fill|solid|bold|light|thin|duotone|line|linear|broken|rounded|"
    r"sharp|regular|twotone|variant|alt|color|\d+|bold-duotone|line-duotone))+$"
)

Pixels: TypeAlias = NDArray[np.uint8]
Drawing: TypeAlias = str | bytes
"""An SVG's text, or the content of an image file."""


class Drawings(Protocol):
    """What every layout of a style can do."""

    def of(self, emoji: Emoji) -> list[Drawing]:
        """Return the drawings of `emoji`, none when the set has none."""


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


class IconDrawings:
    """The drawings of a set of icons, found by names that can only mean that one thing."""

    def __init__(self, archive: Path, cache: Path) -> None:
        self._icons = json.loads(dict(members(archive, "icons.json"))["icons.json"])
        self._by_name: dict[str, dict[str, None]] = {}
        for name in self._icons["icons"]:
            self._by_name.setdefault(_squeeze(_VARIANT.sub("", name)), {})[name] = None
        meanings = Counter(
            _squeeze(name)
            for emoji in load_things(cache)
            for name in {emoji.name, *other_names(emoji)}
        )
        ambiguous = {_squeeze(name) for name in words().ambiguous_in_icon_sets}
        self._usable = {name for name, count in meanings.items() if count == 1} - ambiguous

    def of(self, emoji: Emoji) -> list[Drawing]:
        """Return at most three drawings of `emoji`."""
        names = [_squeeze(name) for name in (emoji.name, *other_names(emoji))]
        found = [
            icon for name in names if name in self._usable for icon in self._by_name.get(name, ())
        ]
        # Variants of one drawing are neighbours: the first, the middle and the last differ most.
        picked = {found[place] for place in (0, len(found) // 2, -1)} if found else set()
        return [_iconify_svg(self._icons, icon) for icon in sorted(picked)]


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


class FontDrawings:
    """The black glyphs of a font, of emoji that are one code point."""

    def __init__(self, archive: Path, path: str) -> None:
        content = dict(members(archive, path))[path]
        self._font = ImageFont.truetype(io.BytesIO(content), GLYPH_PIXELS)
        self._missing = self._glyph("\U0010fffd")

    def _glyph(self, text: str) -> bytes:
        image = Image.new("RGBA", (2 * GLYPH_PIXELS, 2 * GLYPH_PIXELS))
        pen = ImageDraw.Draw(image)
        pen.text((GLYPH_PIXELS, GLYPH_PIXELS), text, font=self._font, fill="black", anchor="mm")
        file = io.BytesIO()
        image.crop(image.getbbox()).save(file, "PNG")
        return file.getvalue()

    def of(self, emoji: Emoji) -> list[Drawing]:
        """Return the glyph of `emoji` in a list, which is empty when the font has none."""
        codes = [code for code in emoji.hexcode.split("-") if code != "FE0F"]
        glyph = self._glyph(chr(int(codes[0], 16))) if len(codes) == 1 else self._missing
        return [] if glyph == self._missing else [glyph]


def open_style(style: Style, cache: Path) -> Drawings:
    """Return the drawings of `style`, fetched if need be."""
    archive = fetch(style.package, cache)
    if style.layout == "font":
        return FontDrawings(archive, style.folder)
    if style.layout == "files":
        return FileDrawings(archive, style.folder)
    return IconDrawings(archive, cache) if style.icons else IconifyDrawings(archive)


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
    style: Style, concepts: Sequence[Emoji], cache: Path
) -> tuple[Pixels, NDArray[np.int64]]:
    """Return the sprites of a style, (count, 4, 72, 72), and the concept number of each.

    They are drawn once and kept in the cache; delete its `sprites` folder when concepts change.
    """
    kept = cache / "sprites" / f"{style.name}-{style.package.version}.npz"
    if not kept.exists():
        drawings = open_style(style, cache)
        drawn = [
            (_channels_first(draw(drawing, SPRITE_PIXELS)), number)
            for number, emoji in enumerate(concepts)
            for drawing in drawings.of(emoji)
        ]
        kept.parent.mkdir(parents=True, exist_ok=True)
        sprites, numbers = zip(*drawn, strict=True)
        np.savez_compressed(kept, sprites=np.stack(sprites), numbers=np.asarray(numbers))
    with np.load(kept) as read:
        return read["sprites"], read["numbers"]
