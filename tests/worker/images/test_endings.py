"""What lacks only its end has the same numbers; what lacks pixels is an error."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from common.errors import NotAnImage
from tests.images import encoded, noise
from worker.images.decode import EncodedImage, Pixels
from worker.images.limits import Limits

LIMITS = Limits(1_000_000, max_frames=10)
ZEROS = bytes(500)


def decoded(content: bytes, least: tuple[int, int] | None = None) -> Pixels:
    image = EncodedImage.open(content, LIMITS)
    if least:
        image.shrink(least)
    return image.decode().pixels


def frames(kind: str, mode: str = "RGB") -> bytes:
    first, *others = (noise(70, 50, mode, seed) for seed in range(3))
    return encoded(first, kind, save_all=True, append_images=others)


def grainy() -> Image.Image:
    noisy = np.asarray(noise(200, 120)) + np.random.default_rng(0).normal(0, 8, (120, 200, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


JPEGS = {
    "baseline": encoded(noise(70, 50), "JPEG"),
    "grainy": encoded(grainy(), "JPEG", quality=97),
    "whole blocks": encoded(noise(64, 64), "JPEG", subsampling=0),
    "optimized": encoded(noise(70, 50), "JPEG", optimize=True),
    "one colour": encoded(Image.new("RGB", (64, 64), (200, 30, 40)), "JPEG", optimize=True),
    "grey": encoded(noise(70, 50, "L"), "JPEG"),
    "cmyk": encoded(noise(33, 40, "CMYK"), "JPEG"),
    "progressive": encoded(noise(70, 50), "JPEG", progressive=True),
    "with restarts": encoded(noise(70, 50), "JPEG", restart_marker_rows=1),
    "scan that ends with a zero": encoded(noise(803, 601), "JPEG"),
    "with many restarts": encoded(noise(70, 50, "L"), "JPEG", restart_marker_blocks=1),
    "progressive with restarts": encoded(
        noise(70, 50), "JPEG", progressive=True, restart_marker_blocks=2
    ),
}


def scans(content: bytes) -> list[int]:
    """Where each scan's header begins."""
    found, at = [], content.find(b"\xff\xda")
    while at >= 0:
        found.append(at)
        at = content.find(b"\xff\xda", at + 2)
    return found


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize(
    "ending", [b"", b"\xff", ZEROS, b"\xff" + ZEROS, b"\xff\xd9" + ZEROS, b"\xff\xd9<html>"]
)
def test_a_jpeg_may_lack_its_end_marker(kind: str, ending: bytes) -> None:
    content = JPEGS[kind]
    assert content.endswith(b"\xff\xd9")
    assert np.array_equal(decoded(content[:-2] + ending), decoded(content))


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_anything_else_is_broken(kind: str) -> None:
    content = JPEGS[kind]
    length = len(content) - scans(content)[-1] - 14
    for missing in {*range(3, 20), *random.Random(kind).choices(range(3, length), k=20)}:
        with pytest.raises(NotAnImage):
            decoded(content[:-missing])


@pytest.mark.parametrize("kind", ["baseline", "grainy", "with restarts", "progressive"])
def test_so_is_one_whose_missing_rows_are_filled_with_zeros(kind: str) -> None:
    content = JPEGS[kind]
    length = len(content) - scans(content)[-1] - 14
    for missing in random.Random(kind).choices(range(length // 4, length), k=20):
        with pytest.raises(NotAnImage):
            decoded(content[:-missing] + ZEROS)


@pytest.mark.parametrize("kind", ["with restarts", "with many restarts"])
def test_a_jpeg_that_is_cut_off_at_a_restart_is_broken(kind: str) -> None:
    content = JPEGS[kind]
    for place in range(scans(content)[-1], len(content) - 2):
        if content[place] == 0xFF and content[place + 1] in range(0xD0, 0xD8):
            for end in (place, place + 1, place + 2):
                with pytest.raises(NotAnImage):
                    decoded(content[:end])


def test_a_progressive_jpeg_that_is_cut_off_at_a_scan_is_broken() -> None:
    content = JPEGS["progressive"]
    for start in scans(content)[1:]:
        tables = content.rfind(b"\xff\xc4", 0, start)
        for end in (start, tables, start + 2, start + 14):
            with pytest.raises(NotAnImage):
                decoded(content[:end])


def test_a_jpeg_without_its_end_can_be_decoded_smaller() -> None:
    content = encoded(noise(803, 601), "JPEG")
    assert np.array_equal(decoded(content[:-2], (200, 150)), decoded(content, (200, 150)))
    with pytest.raises(NotAnImage):
        decoded(content[:-60], (200, 150))


OTHERS = {
    "png": encoded(noise(70, 50)),
    "apng": frames("PNG"),
    "gif": encoded(noise(70, 50, "P"), "GIF"),
    "gif animation": frames("GIF", "P"),
    "webp": encoded(noise(70, 50), "WEBP"),
    "webp with metadata": encoded(noise(70, 50), "WEBP", exif=Image.Exif(), xmp=b"<xmp/>"),
    "bmp": encoded(noise(33, 21), "BMP"),
    "tiff": encoded(noise(70, 50), "TIFF"),
    "lzw tiff": encoded(noise(70, 50), "TIFF", compression="tiff_lzw"),
    "avif": encoded(noise(70, 50), "AVIF"),
    "jpeg": JPEGS["baseline"],
    "mpo": frames("MPO"),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("behind", [b"\0", b"\r\n", b"\xff", ZEROS, b"PK\x03\x04 an archive" * 20])
def test_what_is_behind_an_image_does_not_matter(kind: str, behind: bytes) -> None:
    assert np.array_equal(decoded(OTHERS[kind] + behind), decoded(OTHERS[kind]))


def chunk_ends(content: bytes) -> list[int]:
    """Where the chunks of a PNG end."""
    ends, at = [], 8
    while at < len(content):
        at += 12 + int.from_bytes(content[at : at + 4], "big")
        ends.append(at)
    return ends


@pytest.mark.parametrize("missing", range(1, 17))
def test_a_png_may_lack_its_end_and_its_last_checksum(missing: int) -> None:
    content = OTHERS["png"]
    assert np.array_equal(decoded(content[:-missing]), decoded(content))


@pytest.mark.parametrize("missing", [30, 100, 1000, 4000])
def test_a_png_that_lacks_pixels_is_broken(missing: int) -> None:
    with pytest.raises(NotAnImage):
        decoded(OTHERS["png"][:-missing])


def test_an_apng_may_be_cut_off_behind_its_first_image() -> None:
    content = OTHERS["apng"]
    ends = chunk_ends(content)
    behind = next(
        at for at in ends if content[at + 4 : at + 8] == b"fcTL" and at > content.index(b"IDAT")
    )
    for end in range(behind, len(content), 97):
        assert np.array_equal(decoded(content[:end]), decoded(content))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_gif_may_lack_its_trailer_and_the_end_of_its_last_frame(missing: int) -> None:
    content = OTHERS["gif"]
    assert content.endswith(b"\0;")
    assert np.array_equal(decoded(content[:-missing]), decoded(content))


@pytest.mark.parametrize("missing", [10, 100, 255, 256, 257, 1000, 2500])
def test_a_gif_that_lacks_pixels_is_broken(missing: int) -> None:
    with pytest.raises(NotAnImage):
        decoded(OTHERS["gif"][:-missing])


def test_a_webp_may_lack_its_padding_and_some_of_its_metadata() -> None:
    content = OTHERS["webp with metadata"]
    metadata = content.index(b"EXIF") if b"EXIF" in content else content.index(b"XMP ")
    for end in range(metadata, len(content)):
        assert np.array_equal(decoded(content[:end]), decoded(content))
    with pytest.raises(NotAnImage):
        decoded(content[: metadata - 20])
    odd = next(
        made
        for width in range(20, 60)
        if struct.unpack_from("<L", made := encoded(noise(width, 17), "WEBP", lossless=True), 16)[0]
        % 2
    )
    assert np.array_equal(decoded(odd[:-1]), decoded(odd))
    with pytest.raises(NotAnImage):
        decoded(odd[:-3])


def test_a_bmp_may_lack_the_padding_of_its_last_row() -> None:
    content = OTHERS["bmp"]
    assert np.array_equal(decoded(content[:-1]), decoded(content))
    with pytest.raises(NotAnImage):
        decoded(content[:-2])


@pytest.mark.parametrize("missing", [1, 10, 100, 210, 5000])
@pytest.mark.parametrize("strip", [{}, {278: 7}])
def test_a_tiff_that_lacks_pixels_is_broken(missing: int, strip: dict[int, int]) -> None:
    content = encoded(noise(70, 50), "TIFF", tiffinfo=strip)
    assert np.array_equal(decoded(content), np.asarray(noise(70, 50)))
    with pytest.raises(NotAnImage):
        decoded(content[:-missing])


def test_a_tiff_may_tell_of_a_last_strip_as_long_as_the_others() -> None:
    content = bytearray(encoded(noise(70, 50), "TIFF", tiffinfo={278: 12}))
    sizes = Image.open(io.BytesIO(content)).tag_v2[279]  # type: ignore[attr-defined]
    last = struct.pack("<L", sizes[-1])
    assert sizes[-1] < sizes[0]
    place = bytes(content).rindex(last, 0, len(content) - 70 * 50 * 3)
    content[place : place + 4] = struct.pack("<L", sizes[0])
    assert np.array_equal(decoded(bytes(content)), np.asarray(noise(70, 50)))
