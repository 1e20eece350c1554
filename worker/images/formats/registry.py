"""Sanitizing: the bytes of an image file that Pillow gets to see, and the limits on a file.

Only the first frame of a file is used, and of its metadata only the orientation. Each format's
`sanitize` walks over the structure of a file without decoding it, and returns the bytes that the
pixels of the first frame depend on. So comments, profiles, EXIF, text and further frames cost only
the walk, whatever they contain, and the length of the walk is limited too.
"""

from collections.abc import Callable

from common.errors import NotAnImage
from worker.images.formats import avif, bmp, gif, heic, jpeg, jpeg_end, png, tiff, webp
from worker.images.limits import Limits

_SANITIZERS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes, Limits], bytes]], ...] = (
    ("JPEG", jpeg.accepts, jpeg.sanitize),
    ("PNG", png.accepts, png.sanitize),
    ("WEBP", webp.accepts, webp.sanitize),
    ("GIF", gif.accepts, gif.sanitize),
    ("BMP", bmp.accepts, bmp.sanitize),
    ("TIFF", tiff.accepts, tiff.sanitize),
    ("HEIF", heic.accepts, heic.sanitize),
    ("AVIF", avif.accepts, avif.sanitize),
)
HEAD_BYTES = 64
FORMATS = tuple(name for name, _, _ in _SANITIZERS)
_EXIF: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": jpeg.exif,
    "PNG": png.exif,
    "WEBP": webp.exif,
}


def sanitize(content: bytes, limits: Limits) -> tuple[str, bytes]:
    """The name of an image's format, detected by content, and the sanitized bytes.

    Raises:
        NotAnImage: the format is unknown, or the image is broken.
        TooManyPixels, TooManyFrames, TooComplex: the image exceeds a limit.
    """
    for name, accepts, sanitize_format in _SANITIZERS:
        if accepts(content[:HEAD_BYTES]):
            return name, sanitize_format(content, limits)
    raise NotAnImage(f"is not an image of a known format ({', '.join(FORMATS)})")


def exif(name: str, content: bytes) -> bytes:
    """The EXIF metadata of a sanitized image, unless the decoder applies it, as for TIFF."""
    return _EXIF[name](content) if name in _EXIF else b""


def with_endings(name: str, sanitized: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """What to decode, and endings to append: all give the same pixels unless some are missing.

    Raises:
        NotAnImage: pixels are certainly missing.
    """
    if name == "JPEG" and not jpeg_end.ends(sanitized):
        return jpeg_end.without_end(sanitized), jpeg_end.ENDINGS
    return sanitized, (b"",)


def is_decoded_by_rows(name: str, content: bytes) -> bool:
    """Whether a decoder that shrinks an image never holds it at full size."""
    return name != "JPEG" or jpeg.is_in_one_scan(content)


def check_claim(name: str, content: bytes, pixels: int, limits: Limits) -> None:
    """Check that decoding takes no more pixels than the opened image claims.

    For most formats the decoder ensures it.

    Raises:
        TooComplex: it takes far more.
    """
    if name == "AVIF":
        avif.check_claim(content, pixels, limits)
    elif name == "HEIF":
        heic.check_claim(content, pixels)
