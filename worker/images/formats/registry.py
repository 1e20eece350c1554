"""Sanitizing: what Pillow gets to see of an image file, and what a file may ask for.

Of a file only the first frame counts, and of its metadata nothing. Each format's `sanitize` walks a
file from part to part, without decoding any, and returns the bytes that the pixels of the first
frame depend on. So comments, profiles, EXIF, text and further frames cost a walk over them and no
more, whatever they are made of; and what is walked is capped too.
"""

from collections.abc import Callable

from common.errors import NotAnImage
from worker.images.formats import avif, bmp, gif, jpeg, png, tiff, webp
from worker.images.limits import Limits

_SANITIZERS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes, Limits], bytes]], ...] = (
    ("JPEG", jpeg.accepts, jpeg.sanitize),
    ("PNG", png.accepts, png.sanitize),
    ("WEBP", webp.accepts, webp.sanitize),
    ("GIF", gif.accepts, gif.sanitize),
    ("BMP", bmp.accepts, bmp.sanitize),
    ("TIFF", tiff.accepts, tiff.sanitize),
    ("AVIF", avif.accepts, avif.sanitize),
)
FORMATS = tuple(name for name, _, _ in _SANITIZERS)


def sanitize(content: bytes, limits: Limits) -> tuple[str, bytes]:
    """The name of an image's format, told by its content alone, and what decoding it takes.

    Raises:
        NotAnImage: it is of no known format, or broken.
        TooManyPixels, TooManyFrames, TooComplex: it asks for more than is allowed.
    """
    for name, accepts, sanitize_format in _SANITIZERS:
        if accepts(content[:32]):
            return name, sanitize_format(content, limits)
    raise NotAnImage(f"is not an image of a known format ({', '.join(FORMATS)})")


def is_decoded_by_rows(name: str, content: bytes) -> bool:
    """Whether a decoder that shrinks an image holds no more of it than what comes out."""
    return name != "JPEG" or jpeg.is_in_one_scan(content)


def check_claim(name: str, content: bytes, pixels: int, limits: Limits) -> None:
    """That decoding takes no more pixels than an opened image claims to have.

    Of most formats the decoder makes sure.

    Raises:
        TooComplex: it takes far more.
    """
    if name == "AVIF":
        avif.check_claim(content, pixels, limits)
