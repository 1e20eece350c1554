import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import NotAnImage, TooManyPixels
from tests.images import encoded, noise
from tests.processes import ROOT
from worker.images.decode import EncodedImage, Pixels
from worker.images.limits import Limits


def decode(content: bytes, max_pixels: int) -> Pixels:
    return EncodedImage.open(content, Limits(max_pixels, max_frames=10)).decode().pixels


FORMATS = {
    "jpeg": encoded(noise(70, 50), "JPEG"),
    "progressive jpeg": encoded(noise(70, 50), "JPEG", progressive=True, restart_marker_blocks=2),
    "grey jpeg": encoded(noise(70, 50, "L"), "JPEG"),
    "cmyk jpeg": encoded(noise(70, 50, "CMYK"), "JPEG"),
    "mpo": encoded(noise(70, 50), "MPO", save_all=True, append_images=[noise(70, 50, seed=1)]),
    "apng": encoded(noise(70, 50), save_all=True, append_images=[noise(70, 50, seed=1)]),
    "webp": encoded(noise(70, 50), "WEBP"),
    "lossless webp": encoded(noise(70, 50, "RGBA"), "WEBP", lossless=True),
    "webp animation": encoded(
        noise(70, 50), "WEBP", save_all=True, append_images=[noise(70, 50, seed=1)]
    ),
    "gif animation": encoded(
        noise(70, 50, "P"),
        "GIF",
        transparency=3,
        disposal=2,
        save_all=True,
        append_images=[noise(70, 50, "P", seed=1)],
    ),
    "bmp": encoded(noise(33, 21), "BMP"),
    "palette bmp": encoded(noise(33, 21, "P"), "BMP"),
    "tiff": encoded(noise(70, 50), "TIFF"),
    "big tiff": encoded(noise(70, 50), "TIFF", big_tiff=True),
    "lzw tiff": encoded(noise(70, 50), "TIFF", compression="tiff_lzw"),
    "jpeg tiff": encoded(noise(70, 50), "TIFF", compression="jpeg"),
    "fax tiff": encoded(noise(70, 50, "1"), "TIFF", compression="group4"),
    "cmyk tiff": encoded(noise(70, 50, "CMYK"), "TIFF"),
    "turned tiff": encoded(noise(70, 50), "TIFF", tiffinfo={274: 6}),
    "tiff pages": encoded(noise(70, 50), "TIFF", save_all=True, append_images=[noise(9, 9)]),
    "avif": encoded(noise(70, 50), "AVIF"),
}


def test_a_image_becomes_rgb_pixels() -> None:
    pixels = decode(encoded(noise(30, 20)), max_pixels=1000)
    assert pixels.shape == (20, 30, 3)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.asarray(noise(30, 20)))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "I;16"])
def test_every_mode_is_converted_as_pillow_converts(mode: str) -> None:
    image = noise(9, 7, "L").convert("I;16") if mode == "I;16" else noise(9, 7, mode)
    content = encoded(image)
    expected = Image.open(io.BytesIO(content)).convert("RGB")
    assert np.array_equal(decode(content, 1000), np.asarray(expected))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_decoded_as_pillow_decodes(name: str) -> None:
    expected = Image.open(io.BytesIO(FORMATS[name])).convert("RGB")
    assert np.array_equal(decode(FORMATS[name], 10_000), np.asarray(expected))


@pytest.mark.parametrize("name", FORMATS)
def test_the_size_is_that_of_what_was_decoded(name: str) -> None:
    decoded = EncodedImage.open(FORMATS[name], Limits(10_000, max_frames=10)).decode()
    assert decoded.size == decoded.pixels.shape[1::-1]


@pytest.mark.parametrize(
    "kind", ["EPS", "PDF", "ICO", "ICNS", "TGA", "PCX", "SGI", "PPM", "JPEG2000", "DDS"]
)
def test_other_formats_of_pillow_are_out_of_reach(kind: str) -> None:
    content = encoded(noise(32, 32), kind)
    with pytest.raises(NotAnImage, match="known format"):
        decode(content, 10_000)


def test_of_several_frames_the_first_counts() -> None:
    frames = [noise(10, 10, seed=seed).quantize() for seed in range(3)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(decode(content, 1000), np.asarray(frames[0].convert("RGB")))


def test_the_size_is_checked_before_anything_is_decoded() -> None:
    header_of_a_giant = encoded(Image.new("1", (9_000, 9_000)))[:200]
    with pytest.raises(TooManyPixels, match="9000x9000"):
        decode(header_of_a_giant, max_pixels=1_000_000)


def test_a_decompression_bomb_has_too_many_pixels() -> None:
    with pytest.raises(TooManyPixels):
        decode(encoded(Image.new("1", (20_000, 20_000))), max_pixels=2**40)


def test_at_the_limit_a_image_is_taken() -> None:
    assert decode(encoded(noise(10, 10)), max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(TooManyPixels):
        decode(encoded(noise(10, 10)), max_pixels=99)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", encoded(noise(50, 50))[:-60]],
)
def test_what_is_no_whole_image_is_an_error(content: bytes) -> None:
    with pytest.raises(NotAnImage):
        decode(content, 10_000)


SCARCE = """
import resource
from worker.images.decode import EncodedImage
from worker.images.limits import Limits
from tests.images import encoded, noise

content = encoded(noise(6000, 6000))
image = EncodedImage.open(content, Limits(50_000_000, 10))
used = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, used + 20_000_000))
try:
    image.decode()
except MemoryError:
    print("too little memory")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux' own file")
def test_too_little_memory_is_not_a_broken_image() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCARCE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "too little memory"
