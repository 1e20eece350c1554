"""Photos are turned as their cameras tell, once."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.images import encoded, noise
from worker.images.decode import Conversion, EncodedImage, Pixels
from worker.images.formats.exif import orientation_of
from worker.images.limits import Limits

LIMITS = Limits(1_000_000, max_frames=10)
ORIENTATION = 0x0112
TURNED = Conversion()
AS_STORED = Conversion(is_turned=False)
ALL = range(1, 9)


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def photo(kind: str, orientation: int, **options: object) -> bytes:
    return encoded(noise(70, 50), kind, exif=exif_of(orientation), **options)


def decoded(content: bytes, conversion: Conversion = TURNED) -> Pixels:
    image = EncodedImage.open(content, LIMITS, conversion)
    announced = image.size
    got = image.decode()
    assert announced == got.size == got.image.size
    return got.pixels


def upright(content: bytes) -> Pixels:
    """What the reference loads of a file."""
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_of_every_format_is_obeyed(kind: str, orientation: int) -> None:
    content = photo(kind, orientation)
    got = decoded(content)
    assert got.shape == ((70, 50, 3) if orientation > 4 else (50, 70, 3))
    assert np.array_equal(got, upright(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_that_can_be_switched_off(kind: str) -> None:
    content = photo(kind, 6)
    assert np.array_equal(
        decoded(content, AS_STORED), np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    )


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_shrunk_to_what_is_useful_of_it_upright(
    orientation: int, progressive: bool
) -> None:
    content = encoded(noise(800, 400), "JPEG", exif=exif_of(orientation), progressive=progressive)
    is_sideways = orientation > 4
    image = EncodedImage.open(content, LIMITS)
    assert image.size == ((400, 800) if is_sideways else (800, 400))
    image.shrink((50, 100) if is_sideways else (100, 50))
    small = image.decode()
    assert small.image.size == ((50, 100) if is_sideways else (100, 50))
    assert small.size == image.size
    full = EncodedImage.open(content, LIMITS).decode()
    size = (20, 40) if is_sideways else (40, 20)
    difference = small.resized(size, 3).pixels.astype(int) - full.resized(size, 3).pixels
    assert np.abs(difference).mean() < 1


def test_a_jpeg_without_its_end_is_turned_too() -> None:
    content = photo("JPEG", 6)
    assert np.array_equal(decoded(content[:-2]), upright(content))


def test_metadata_behind_the_pixels_of_a_png_count() -> None:
    content = photo("PNG", 6)
    at = content.index(b"eXIf") - 4
    length = 12 + struct.unpack_from(">L", content, at)[0]
    moved = content[:at] + content[at + length : -12] + content[at : at + length] + content[-12:]
    assert np.array_equal(decoded(moved), upright(content))


def test_metadata_after_the_end_of_a_png_do_not_count() -> None:
    content = photo("PNG", 6)
    at = content.index(b"eXIf") - 4
    length = 12 + struct.unpack_from(">L", content, at)[0]
    plain = content[:at] + content[at + length :]
    assert np.array_equal(decoded(plain + content[at : at + length]), decoded(plain))


def test_a_webp_may_have_the_head_of_a_jpeg_before_its_metadata() -> None:
    exif = exif_of(6).tobytes()
    assert exif.startswith(b"Exif\0\0")
    for metadata in (exif, exif.removeprefix(b"Exif\0\0")):
        content = encoded(noise(70, 50), "WEBP", exif=metadata)
        assert decoded(content).shape == (70, 50, 3)


def directory(order: str, kind: int, value: int, entries: int = 1) -> bytes:
    number = {3: "HH", 4: "L"}.get(kind, "L")
    values = (value, 0) if number == "HH" else (value,)
    head = b"II*\0" if order == "<" else b"MM\0*"
    return (
        head
        + struct.pack(f"{order}LHHHL", 8, entries, ORIENTATION, kind, 1)
        + struct.pack(f"{order}{number}", *values)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
def test_the_orientation_is_read_in_either_order_of_bytes(order: str, kind: int) -> None:
    assert orientation_of(directory(order, kind, 6)) == 6
    assert orientation_of(b"Exif\0\0" + directory(order, kind, 8)) == 8


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        directory("<", 3, 0),
        directory("<", 3, 9),
        directory("<", 2, 6),
        directory("<", 3, 6)[:-3],
        directory("<", 3, 6).replace(b"\x12\x01", b"\x13\x01", 1).ljust(100_000, b"\0"),
    ],
)
def test_broken_metadata_turn_nothing(broken: bytes) -> None:
    assert orientation_of(broken) == 1


def test_an_image_that_claims_metadata_is_turned_as_far_as_they_are_read() -> None:
    content = photo("JPEG", 6)
    at = content.index(b"Exif\0\0")
    broken = content[: at + 10] + b"\xff\xff\xff\xff" + content[at + 14 :]
    assert np.array_equal(decoded(broken), decoded(content, AS_STORED))
