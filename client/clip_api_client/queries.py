"""Queries: texts, and images in many forms. Pillow and numpy are never imported."""

import base64
import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol, TypeAlias

from clip_api_client.errors import UnreadableImage
from clip_api_client.png import PixelArray, png_of

Item: TypeAlias = dict[str, str]

URL = ("http://", "https://")
DATA_URL = "data:"
AS_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""The modes of Pillow that PNG supports directly."""
BASE64_GROWTH = 4 / 3
PIXEL_BYTES = 3
AROUND_BYTES = 64


class PillowImage(Protocol):
    """A `PIL.Image.Image`."""

    @property
    def mode(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]: ...
    def convert(self, mode: str) -> "PillowImage":
        """The image in another mode."""

    def save(self, fp: IO[bytes], format: str) -> None:  # noqa: A002 - Pillow's name
        """Write the image."""


ImageSource: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | PillowImage | PixelArray
)
"""A path, a URL (http, https, data), the bytes of a file, or pixels (Pillow's, numpy's)."""
Alpha: TypeAlias = Literal["drop", "white", "black"]
"""What transparent images are put on; `drop` ignores transparency."""


@dataclass(frozen=True, slots=True)
class Query:
    """One text or image of a call, as it was given."""

    source: object
    is_text: bool = False

    @property
    def name(self) -> str:
        """Its name in messages; empty if it has none."""
        if isinstance(self.source, str):
            return self.source if not self.source.startswith(DATA_URL) else ""
        return os.fspath(self.source) if isinstance(self.source, os.PathLike) else ""

    @property
    def weight(self) -> int:
        """Its approximate size in a request in bytes; reads no file."""
        return int(_content_bytes(self) * BASE64_GROWTH) + AROUND_BYTES

    def item(self) -> Item:
        """The item to send. Raises UnreadableImage."""
        return {"text": str(self.source)} if self.is_text else _image_item(self.source)


def queries_of(images: object, texts: Iterable[str]) -> Iterator[Query]:
    """All queries of a call, the images first; a single image or text need not be in a list."""
    if images is not None:
        for image in _several(images):
            yield Query(image)
    for text in [texts] if isinstance(texts, str) else texts:
        yield Query(text, is_text=True)


def count_of(images: object, texts: object) -> int | None:
    """The number of queries; None if it is unknown before iterating."""
    count = 0
    for given in (images, texts):
        if given is None:
            continue
        if is_single(given):
            count += 1
        elif hasattr(given, "__len__"):
            count += len(given)
        else:
            return None
    return count


def is_single(given: object) -> bool:
    """Whether it is a single image or text."""
    single = (str, bytes, bytearray, memoryview, os.PathLike)
    if isinstance(given, single) or _is_pillow(given):
        return True
    # An array of two or three dimensions is an image, one of four is several.
    return _is_array(given) and len(given.__array_interface__["shape"]) <= 3  # type: ignore[attr-defined]  # noqa: PLR2004


def _several(images: object) -> Iterable[object]:
    if is_single(images):
        return [images]
    if not isinstance(images, Iterable):
        raise TypeError(f"images must be images, not {type(images).__name__}")
    return images


def _content_bytes(query: Query) -> int:
    source = query.source
    match source:
        case str() if query.is_text or source.startswith((*URL, DATA_URL)):
            return len(source)
        case bytes() | bytearray() | memoryview():
            return len(source)
        case str() | os.PathLike():
            try:
                return Path(source).stat().st_size
            except (OSError, ValueError):
                return 0  # raises when it is read
    if _is_pillow(source):
        width, height = source.size  # type: ignore[attr-defined]
        return int(width * height * PIXEL_BYTES)
    return int(getattr(source, "nbytes", 0))


def _image_item(source: object) -> Item:
    if isinstance(source, str) and source.lower().startswith(URL):
        return {"img_uri": source}
    if isinstance(source, str) and source.startswith(DATA_URL):
        return {"img_blob": source}
    return {"img_blob": base64.b64encode(_content(source)).decode()}


def _content(source: object) -> bytes | bytearray | memoryview:
    match source:
        case bytes() | bytearray() | memoryview():
            return source
        case str() | os.PathLike():
            return _file(Path(source))
    if _is_pillow(source):
        return _saved(source)  # type: ignore[arg-type]
    if _is_array(source):
        return png_of(source)  # type: ignore[arg-type]
    kind = type(source).__name__
    raise TypeError(f"an image is a path, a URL, bytes, a Pillow image or an array, not {kind}")


def _file(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise UnreadableImage(f"could not be read: {words}") from error
    if not content:
        raise UnreadableImage("is an empty file")
    return content


def _saved(image: PillowImage) -> bytes:
    buffer = io.BytesIO()
    kept = image if image.mode in AS_PNG else image.convert("RGB")
    kept.save(buffer, "PNG")
    return buffer.getvalue()


def _is_pillow(source: object) -> bool:
    """Whether it is a Pillow image; if so, Pillow is imported already."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(source, pillow.Image)


def _is_array(source: object) -> bool:
    return hasattr(source, "__array_interface__") and hasattr(source, "tobytes")
