"""HEIC, as phones take photos: the same bounds as for every other format."""

import io
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageOps

from common.errors import ItemError, NotAnImage, TooComplex, TooManyFrames, TooManyPixels
from tests.heic_images import heic, needs_plugin, with_size
from tests.images import encoded, noise
from worker.images import heif_plugin
from worker.images.decode import Conversion, EncodedImage, Pixels
from worker.images.formats import heic as heic_format
from worker.images.formats.registry import FORMATS
from worker.images.limits import Limits

LIMITS = Limits(1_000_000, max_frames=3)
HEAD = b"\0\0\0\x1cftyp"


@pytest.fixture
def _without_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic_format, "has_plugin", lambda: False)


def decoded(content: bytes, conversion: Conversion = Conversion()) -> Pixels:  # noqa: B008
    return EncodedImage.open(content, LIMITS, conversion).decode().pixels


def outcome(content: bytes) -> str:
    try:
        decoded(content)
    except ItemError as error:
        return error.code
    return "decoded"


@pytest.mark.parametrize("name", [b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"])
@pytest.mark.usefixtures("_without_plugin")
def test_without_the_plugin_a_sentence_says_what_to_install(name: bytes) -> None:
    content = HEAD + name + b"\0\0\0\0mif1heicmiaf" + bytes(100)
    with pytest.raises(NotAnImage, match=r"HEIC.*install pillow-heif"):
        decoded(content)


@pytest.mark.parametrize("major", [b"avif", b"mif1"])
@pytest.mark.usefixtures("_without_plugin")
def test_an_avif_is_none(major: bytes) -> None:
    content = encoded(noise(70, 50), "AVIF")
    assert content[8:12] == b"avif"
    assert decoded(content[:8] + major + content[12:]).shape == (50, 70, 3)


def test_the_plugin_is_found_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif_plugin, "find_spec", lambda _: None)
    assert not heif_plugin.has_plugin.__wrapped__()
    assert "HEIF" in FORMATS


@needs_plugin
class TestDecoding:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_photo_is_turned_once(self, orientation: int) -> None:
        image = noise(70, 50)
        exif = Image.Exif()
        exif[0x0112] = orientation
        png = encoded(image, exif=exif)
        upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(png))))
        content = heic(image, orientation, quality=95)
        opened = EncodedImage.open(content, LIMITS)
        assert opened.size == upright.shape[1::-1]
        for turned in (True, False):  # the rotation is the image's own
            pixels = decoded(content, Conversion(turned))
            assert pixels.shape == upright.shape
            assert np.abs(pixels.astype(int) - upright).mean() < 8

    def test_tiles_are_put_together(self) -> None:
        pixels = decoded(heic(noise(300, 200), tile_size=128, quality=95))
        assert np.abs(pixels.astype(int) - np.asarray(noise(300, 200))).mean() < 4

    def test_transparency_counts(self) -> None:
        image = noise(64, 64, "RGBA")
        image.putalpha(Image.new("L", image.size, 0))
        content = heic(image)
        result = EncodedImage.open(content, LIMITS, Conversion(alpha="white")).decode()
        assert result.is_transparent
        assert result.pixels.min() == 255
        opaque = EncodedImage.open(heic(noise(64, 64, "RGBA")), LIMITS).decode()
        assert not opaque.is_transparent

    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
    def test_every_mode_becomes_rgb(self, mode: str) -> None:
        grey = np.asarray(noise(64, 64, "L"))
        deep = Image.fromarray(grey.astype(np.uint16) * 257)
        image = deep if mode == "I;16" else Image.fromarray(grey).convert(mode)
        pixels = decoded(heic(image, quality=95))
        assert np.abs(pixels[..., 0].astype(int) - grey).mean() < 8

    def test_what_is_behind_does_not_matter(self) -> None:
        content = heic(noise(70, 50))
        assert np.array_equal(decoded(content + b"junk" * 50), decoded(content))
        with pytest.raises(NotAnImage):
            decoded(content[:-50])

    def test_of_several_images_the_main_one_counts_and_the_others_are_counted(self) -> None:
        frames = [noise(70, 50, seed=seed) for seed in range(4)]
        several = heic(frames[0], save_all=True, append_images=frames[1:3], quality=95)
        assert np.abs(decoded(several).astype(int) - np.asarray(frames[0])).mean() < 8
        many = heic(frames[0], save_all=True, append_images=frames[1:])
        with pytest.raises(TooManyFrames):
            decoded(many)

    def test_it_is_decoded_in_full(self) -> None:
        image = EncodedImage.open(heic(noise(320, 200), thumbnails=[64]), LIMITS)
        image.shrink((8, 6))
        assert image.pixels == 320 * 200
        assert image.decode().image.size == (320, 200)


@needs_plugin
class TestBounds:
    def test_pixels_are_checked_before_they_are_decoded(self) -> None:
        with pytest.raises(TooManyPixels):
            decoded(heic(Image.new("RGB", (1280, 800))))

    @pytest.mark.parametrize("size", [(16, 16), (70, 50), (999, 3), (640, 481), (1000, 1000)])
    def test_the_size_is_read_from_the_data_themselves(self, size: tuple[int, int]) -> None:
        images = heic_format._read(heic(noise(*size)))
        [coded] = images.sizes()
        assert all(0 <= claimed - real < 64 for claimed, real in zip(coded, size, strict=True))

    def test_a_size_that_hides_in_the_data_is_found(self) -> None:
        hidden = with_size(heic(Image.new("RGB", (1280, 800))), 10, 10)
        assert outcome(hidden) == TooManyPixels.code

    def test_tiles_that_are_larger_than_the_whole_are_found(self) -> None:
        tiled = heic(Image.new("RGB", (4000, 2000)), tile_size=512)
        small = with_size(tiled, 10, 10)
        limits = Limits(50_000_000, max_frames=3)
        with pytest.raises((TooComplex, NotAnImage)):
            EncodedImage.open(small, limits)

    def test_a_grid_that_uses_a_tile_again_and_again_is_found(self) -> None:
        content = heic(Image.new("RGB", (1000, 900)), tile_size=512)
        images = heic_format._read(content)
        [tiles] = images.parts.values()
        assert images.coded_pixels() == 4 * 512 * 512
        images.parts[images.primary] = tiles * 5000
        assert images.coded_pixels() == 5000 * 4 * 512 * 512

    def test_images_that_are_made_of_each_other_end(self) -> None:
        images = heic_format._Images(primary=1, parts={1: [2, 2], 2: [1, 1]}, coded={1: (9, 9)})
        assert images.coded_pixels() > 0


def cuts(content: bytes) -> Iterator[bytes]:
    for end in range(min(len(content), 700)):
        yield content[:end]
    for place, value in itertools.product(range(600), (0, 0xFF)):
        changed = bytearray(content)
        changed[place] = value
        yield bytes(changed)


@needs_plugin
@pytest.mark.parametrize("options", [{}, {"tile_size": 32}])
def test_a_broken_file_is_an_error_of_the_item(options: dict[str, int]) -> None:
    for content in cuts(heic(noise(64, 64), **options)):
        outcome(content)  # anything but an ItemError fails
