"""Images made to hurt, and ordinary ones to compare with, built by code.

Every one has a name and what must become of it: `DECODED`, or the code of an error.
"""

import functools
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from common.errors import ItemError, NotAnImage, TooComplex, TooManyFrames, TooManyPixels
from tests.images import encoded, noise
from worker.images.heif_plugin import has_plugin
from worker.images.limits import Limits

LIMITS = Limits(max_pixels=50_000_000, max_frames=1000)
DECODED = "decoded"
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Hostile:
    """An image; `outcome` is DECODED or the code of an error."""

    name: str
    outcome: str
    build: Callable[[], bytes]


SIDEWAYS = struct.pack("<HHHLHHL", 1, 0x0112, 3, 1, 6, 0, 0)
"""An EXIF directory of one entry, the orientation."""

CORPUS: list[Hostile] = []
"""Small ones: fit to be mutated."""
BOMBS: list[Hostile] = []
"""Large ones: many megabytes each, to be tried once."""


def _hostile(
    outcome: str | type[ItemError], into: list[Hostile] = CORPUS
) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    code = outcome if isinstance(outcome, str) else outcome.code

    def register(build: Callable[[], bytes]) -> Callable[[], bytes]:
        into.append(Hostile(build.__name__, code, build))
        return build

    return register


def _bomb(outcome: str | type[ItemError]) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    return _hostile(outcome, BOMBS)


def _ordinary(kind: str, name: str, mode: str = "RGB", **options: object) -> None:
    def build() -> bytes:
        return encoded(noise(24, 18, mode), kind, **options)

    CORPUS.append(Hostile(f"ordinary_{name}", DECODED, build))


def _animated(kind: str, name: str, mode: str = "RGB") -> None:
    def build() -> bytes:
        frames = [noise(24, 18, mode, seed) for seed in range(3)]
        return encoded(frames[0], kind, save_all=True, append_images=frames[1:])

    CORPUS.append(Hostile(f"ordinary_{name}", DECODED, build))


_ordinary("JPEG", "jpeg")
_ordinary("JPEG", "progressive_jpeg", progressive=True)
_ordinary("JPEG", "grey_jpeg", "L")
_ordinary("JPEG", "cmyk_jpeg", "CMYK")
_animated("MPO", "mpo")
for _mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
    _ordinary("PNG", f"png_{_mode}", _mode)
_animated("PNG", "apng")
_ordinary("WEBP", "webp")
_ordinary("WEBP", "lossless_webp", "RGBA", lossless=True)
_animated("WEBP", "webp_animation")
_ordinary("GIF", "gif", "P")
_animated("GIF", "gif_animation", "P")
_ordinary("BMP", "bmp")
_ordinary("BMP", "palette_bmp", "P")
_ordinary("TIFF", "tiff")
_ordinary("TIFF", "big_tiff", big_tiff=True)
for _compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"):
    _ordinary("TIFF", f"{_compression}_tiff", compression=_compression)
_ordinary("TIFF", "fax_tiff", "1", compression="group4")
_animated("TIFF", "tiff_pages")
_ordinary("AVIF", "avif")
_animated("AVIF", "avif_animation")
for _kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
    _ordinary(_kind, f"turned_{_kind.lower()}", exif=b"Exif\0\0II*\0\x08\0\0\0" + SIDEWAYS)


if has_plugin():  # pillow-heif may be missing where a worker runs, not where `make test` does
    _ordinary("HEIF", "heic")
    _ordinary("HEIF", "heic_with_alpha", "RGBA")
    _ordinary("HEIF", "heic_of_tiles", tile_size=16)
    _ordinary("HEIF", "turned_heic", exif=b"Exif\0\0II*\0\x08\0\0\0" + SIDEWAYS)
    _animated("HEIF", "heic_of_three")


# JPEG


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segments(segments: bytes) -> bytes:
    """A good JPEG with these segments behind its first marker."""
    content = encoded(noise(24, 18), "JPEG")
    return content[:2] + segments + content[2:]


@functools.cache
def progressive(width: int, height: int) -> bytes:
    return encoded(noise(width, height, "L"), "JPEG", progressive=True)


def of_scans(count: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """A progressive JPEG whose second scan comes again and again: few bytes, all of the work."""
    content = progressive(*size)
    starts = [place for place in range(len(content)) if content[place : place + 2] == b"\xff\xda"]
    tables = content.rfind(b"\xff\xc4", 0, starts[1])
    behind = content.find(b"\xff\xc4", starts[1])
    return content[:behind] + content[tables:behind] * (count - 2) + b"\xff\xd9"


def with_size(content: bytes, width: int, height: int) -> bytes:
    """A baseline JPEG that claims another size."""
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


@_hostile(TooManyPixels)
def jpeg_that_claims_65535_by_65535() -> bytes:
    return with_size(encoded(noise(24, 18), "JPEG"), 65535, 65535)


@_hostile(NotAnImage)
def jpeg_without_a_width() -> bytes:
    return with_size(encoded(noise(24, 18), "JPEG"), 0, 18)


@_hostile(NotAnImage)
def jpeg_that_is_cut_off() -> bytes:
    return encoded(noise(300, 300), "JPEG")[:-2000]


@_hostile(DECODED)
def jpeg_without_its_end() -> bytes:
    return encoded(noise(24, 18), "JPEG")[:-2]


@_hostile(DECODED)
def progressive_jpeg_with_restarts_without_its_end() -> bytes:
    return encoded(noise(24, 18), "JPEG", progressive=True, restart_marker_blocks=1)[:-2]


@_hostile(NotAnImage)
def jpeg_without_its_end_of_a_scan_of_no_component() -> bytes:
    content = encoded(noise(24, 18), "JPEG")
    return content[: content.index(b"\xff\xda")] + b"\xff\xda\0\x02" + bytes(40)


@_bomb(DECODED)
def jpeg_without_its_end_of_49_million_pixels() -> bytes:
    return encoded(noise(7000, 7000, "L"), "JPEG", progressive=True)[:-2]


@_hostile(NotAnImage)
def jpeg_of_two_frame_headers() -> bytes:
    content = encoded(noise(24, 18), "JPEG")
    place = content.index(b"\xff\xc0")
    return content[:place] + content[place : place + 19] + content[place:]


@_hostile(DECODED)
def jpeg_with_broken_exif() -> bytes:
    return with_segments(jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 100))


@_hostile(DECODED)
def jpeg_with_an_mpo_index_of_four_billion() -> bytes:
    entry = struct.pack("<HHLL", 0xB001, 4, 1, 2**32 - 1)
    return with_segments(jpeg_segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)))


@_hostile(DECODED)
def jpeg_of_100_scans() -> bytes:
    return of_scans(100)


@_hostile(TooComplex)
def jpeg_of_101_scans() -> bytes:
    return of_scans(101)


@_bomb(TooComplex)
def jpeg_of_thousands_of_scans_of_49_million_pixels() -> bytes:
    return of_scans(5000, (7000, 7000))


@_bomb(DECODED)
def jpeg_of_20_scans_of_49_million_pixels() -> bytes:
    return of_scans(20, (7000, 7000))


@_bomb(TooComplex)
def jpeg_of_21_scans_of_49_million_pixels() -> bytes:
    return of_scans(21, (7000, 7000))


@_bomb(TooComplex)
def jpeg_of_two_million_exif_segments() -> bytes:
    """Pillow joins them one by one, in time that grows with the square of their number."""
    return with_segments(jpeg_segment(0xE1, b"Exif\0\0x") * 1_800_000)


@_bomb(TooComplex)
def jpeg_of_five_million_comments() -> bytes:
    return with_segments(jpeg_segment(0xFE, b"") * 5_000_000)


@_bomb(DECODED)
def jpeg_with_megabytes_between_its_segments() -> bytes:
    return with_segments(jpeg_segment(0xFE, b"") + bytes(20 * MEGABYTE))


@_bomb(NotAnImage)
def jpeg_of_nothing_but_fill_bytes() -> bytes:
    return b"\xff\xd8" + b"\xff" * 20 * MEGABYTE


@_bomb(DECODED)
def jpeg_whose_scan_is_all_stuffing() -> bytes:
    content = encoded(noise(24, 18), "JPEG")
    return content[: content.index(b"\xff\xda") + 14] + b"\xff\0" * 10 * MEGABYTE


# PNG


def png_chunk(name: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(payload, zlib.crc32(name))
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", checksum)


def png_head(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head)


def png(chunks: bytes, width: int = 4, height: int = 4, colour: int = 0) -> bytes:
    """A good image with these chunks between its header and its pixels."""
    pixels = png_chunk(b"IDAT", zlib.compress(bytes((width + 1) * height)))
    return png_head(width, height, colour=colour) + chunks + pixels + png_chunk(b"IEND", b"")


def deflated_zeros(size: int) -> bytes:
    squeezer = zlib.compressobj(9)
    parts = [squeezer.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join((*parts, squeezer.flush()))


@_hostile(TooManyPixels)
def png_that_claims_65535_by_65535() -> bytes:
    return png_head(65535, 65535) + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")


@_hostile(TooManyPixels)
def png_that_claims_two_billion_rows() -> bytes:
    return png_head(1, 2**31 - 1) + png_chunk(b"IDAT", zlib.compress(b""))


@_hostile(NotAnImage)
def png_without_a_width() -> bytes:
    return png_head(0, 2**31 - 1) + png_chunk(b"IDAT", zlib.compress(b""))


@_hostile(NotAnImage)
def png_of_less_data_than_it_claims() -> bytes:
    return png_head(3000, 3000) + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")


@_hostile(DECODED)
def png_of_more_data_than_it_claims() -> bytes:
    return png_head(4, 4) + png_chunk(b"IDAT", deflated_zeros(100 * MEGABYTE))


@_hostile(NotAnImage)
def png_that_is_cut_off() -> bytes:
    return encoded(noise(300, 300))[:-1000]


@_hostile(DECODED)
def png_of_16_bits() -> bytes:
    return encoded(Image.fromarray(np.arange(432, dtype=np.uint16).reshape(18, 24) * 151))


@_hostile(DECODED)
def png_of_16_bits_with_a_transparent_shade() -> bytes:
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(9 * 4)))
    head = png_head(4, 4, 16) + png_chunk(b"tRNS", b"\0\0")
    return head + pixels + png_chunk(b"IEND", b"")


@_hostile(DECODED)
def png_without_its_end() -> bytes:
    return encoded(noise(24, 18))[:-16]


@_hostile(NotAnImage)
def png_with_a_wrong_checksum() -> bytes:
    content = bytearray(png(b""))
    content[30] ^= 1
    return bytes(content)


@_hostile(DECODED)
def png_with_text_that_unpacks_to_a_hundred_megabytes() -> bytes:
    return png(png_chunk(b"zTXt", b"key\0\0" + deflated_zeros(100 * MEGABYTE)))


@_hostile(DECODED)
def png_with_unicode_text_that_unpacks_to_a_hundred_megabytes() -> bytes:
    return png(png_chunk(b"iTXt", b"key\0\x01\0\0\0" + deflated_zeros(100 * MEGABYTE)))


@_hostile(DECODED)
def png_with_a_profile_that_unpacks_to_a_hundred_megabytes() -> bytes:
    return png(png_chunk(b"iCCP", b"icc\0\0" + deflated_zeros(100 * MEGABYTE)))


@_hostile(DECODED)
def png_with_a_thousand_texts() -> bytes:
    return png(png_chunk(b"tEXt", b"key\0" + bytes(1000)) * 1000)


@_hostile(DECODED)
def png_with_a_palette_of_one_colour() -> bytes:
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff\xff" * 4))
    palette = png_chunk(b"PLTE", b"\x01\x02\x03")
    return png_head(4, 4, colour=3) + palette + pixels + png_chunk(b"IEND", b"")


@_hostile(TooManyFrames)
def apng_that_claims_two_billion_frames() -> bytes:
    return png(png_chunk(b"acTL", struct.pack(">II", 2**31, 0)))


@_hostile(DECODED)
def apng_that_claims_one_frame_of_many() -> bytes:
    control = struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 1, 0, 0)
    return png(png_chunk(b"acTL", struct.pack(">II", 1, 0)) + png_chunk(b"fcTL", control) * 2000)


@_bomb(TooComplex)
def png_of_a_million_chunks() -> bytes:
    return png(png_chunk(b"prVt", b"") * 1_600_000)


@_bomb(TooComplex)
def png_of_a_million_empty_pieces_of_data() -> bytes:
    return png(png_chunk(b"IDAT", b"") * 1_600_000)


# GIF


def gif(body: bytes, width: int = 4, height: int = 4) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + body + b";"


def gif_frame(
    data: bytes = b"\x02\x84\x51", box: tuple[int, int, int, int] = (0, 0, 4, 4)
) -> bytes:
    return b"," + struct.pack("<HHHHB", *box, 0) + b"\x02" + bytes([len(data)]) + data + b"\0"


EMPTY_GIF_FRAME = b"," + bytes(9) + b"\x02\0"


@_hostile(TooManyFrames)
def gif_of_1001_empty_frames() -> bytes:
    return gif(EMPTY_GIF_FRAME * 1001)


@_hostile(NotAnImage)
def gif_of_1000_empty_frames() -> bytes:
    return gif(EMPTY_GIF_FRAME * 1000)


@_hostile(NotAnImage)
def gif_without_a_frame() -> bytes:
    return gif(b"")


@_hostile(DECODED)
def gif_without_the_end_of_its_frame() -> bytes:
    return encoded(noise(24, 18, "P"), "GIF")[:-2]


@_hostile(NotAnImage)
def gif_of_garbage_for_data() -> bytes:
    return gif(gif_frame(b"\xff" * 255), 400, 400)


@_hostile(NotAnImage)
def gif_that_is_cut_off() -> bytes:
    return encoded(noise(300, 300, "P"), "GIF")[:5000]


@_hostile(TooManyPixels)
def gif_of_65535_by_65535() -> bytes:
    return gif(gif_frame(), 65535, 65535)


@_hostile(TooManyPixels)
def gif_whose_frame_is_larger_than_its_screen() -> bytes:
    return gif(gif_frame(box=(65535, 65535, 65535, 65535)))


@_hostile(NotAnImage)
def gif_whose_controls_ask_for_much_memory() -> bytes:
    control = b"!\xf9\x04" + bytes([3 << 2, 0, 0, 0, 0])
    return gif(control + gif_frame(box=(0, 0, 13000, 13000)), 13000, 13000)[:-300] + b";"


@_bomb(TooManyFrames)
def gif_of_two_million_empty_frames() -> bytes:
    return gif(EMPTY_GIF_FRAME * 1_700_000)


@_bomb(TooComplex)
def gif_of_ten_million_comments() -> bytes:
    return gif(b"!\xfe" + b"\x01x" * 10_000_000 + b"\0" + gif_frame())


@_bomb(TooComplex)
def gif_of_millions_of_controls() -> bytes:
    return gif(b"!\xf9\x04\x01\0\0\0\0" * 2_500_000 + gif_frame())


# TIFF


def tiff_entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHLL", tag, kind, count, value)


def tiff(
    *more: bytes, width: int = 4, height: int = 4, compression: int = 1, following: int = 0
) -> bytes:
    """Grey pixels of one strip, which ends the file."""
    own = {
        256: tiff_entry(256, 4, 1, width),
        257: tiff_entry(257, 4, 1, height),
        258: tiff_entry(258, 3, 1, 8),
        259: tiff_entry(259, 3, 1, compression),
        262: tiff_entry(262, 3, 1, 1),
        277: tiff_entry(277, 3, 1, 1),
        279: tiff_entry(279, 4, 1, 64),
    }
    given = {struct.unpack_from("<H", entry)[0]: entry for entry in more}
    pixels_at = 8 + 2 + 12 * (len(own | given) + (273 not in given)) + 4
    strip = {273: tiff_entry(273, 4, 1, pixels_at)}
    entries = sorted((strip | own | given).items())
    directory = struct.pack("<H", len(entries)) + b"".join(entry for _, entry in entries)
    return b"II*\0\x08\0\0\0" + directory + struct.pack("<L", following) + bytes(64)


@_hostile(DECODED)
def tiff_whose_directories_loop() -> bytes:
    return tiff(following=8)


@_hostile(DECODED)
def tiff_whose_next_directory_is_far_away() -> bytes:
    return tiff(following=2**32 - 1)


@_hostile(TooManyFrames)
def tiff_of_thousands_of_directories() -> bytes:
    content = bytearray(tiff(following=1000).ljust(1000, b"\0"))
    for number in range(5000):
        content += struct.pack("<HL", 0, 1000 + 6 * (number + 1))
    return bytes(content)


@_hostile(DECODED)
def tiff_of_floats() -> bytes:
    values = np.linspace(-1, 1, 432, dtype=np.float32).reshape(18, 24)
    values[3, 4:7] = np.nan, np.inf, -np.inf
    return encoded(Image.fromarray(values), "TIFF")


@_hostile(DECODED)
def tiff_of_integers() -> bytes:
    return encoded(Image.fromarray(np.arange(432, dtype=np.int32).reshape(18, 24)), "TIFF")


@_hostile(TooManyPixels)
def tiff_of_65535_by_65535() -> bytes:
    return tiff(width=65535, height=65535)


@_hostile(NotAnImage)
def tiff_without_a_height() -> bytes:
    return tiff(height=0)


@_hostile(NotAnImage)
def tiff_of_less_data_than_it_claims() -> bytes:
    return tiff(width=5000, height=5000)


@_hostile(TooComplex)
def tiff_that_claims_millions_of_strips() -> bytes:
    return tiff(tiff_entry(278, 4, 1, 1), width=10, height=5_000_000, compression=5)


@_hostile(TooComplex)
def tiff_that_claims_millions_of_tiles() -> bytes:
    tiles = [tiff_entry(322, 4, 1, 1), tiff_entry(323, 4, 1, 1), tiff_entry(324, 4, 1, 200)]
    return tiff(*tiles, width=7000, height=7000, compression=5)


@_hostile(TooComplex)
def tiff_of_a_gigantic_tile() -> bytes:
    tiles = [tiff_entry(322, 4, 1, 40_000), tiff_entry(323, 4, 1, 40_000)]
    return tiff(*tiles, tiff_entry(324, 4, 1, 8), tiff_entry(325, 4, 1, 8), compression=5)


@_hostile(TooComplex)
def tiff_whose_strip_table_claims_a_billion_values() -> bytes:
    return tiff(tiff_entry(273, 4, 2**30, 8))


@_hostile(DECODED)
def tiff_with_a_broken_exif_directory() -> bytes:
    return tiff(tiff_entry(0x8769, 4, 1, 2**32 - 1), tiff_entry(0x8825, 4, 1, 8))


@_hostile(NotAnImage)
def tiff_of_unknown_compression() -> bytes:
    return tiff(compression=60_000)


@_hostile(NotAnImage)
def tiff_of_a_compression_that_is_not_allowed() -> bytes:
    return encoded(noise(24, 18), "TIFF", compression="lzma")


@_bomb(TooComplex)
def tiff_of_65535_tags() -> bytes:
    tags = b"".join(tiff_entry(tag, 3, 1, 0) for tag in range(65535))
    return b"II*\0\x08\0\0\0\xff\xff" + tags + bytes(4)


@_bomb(TooComplex)
def big_tiff_of_a_million_tags() -> bytes:
    tags = struct.pack("<HHQQ", 256, 4, 1, 4) * 1_000_000
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1_000_000) + tags + bytes(8)


@_bomb(TooComplex)
def tiff_of_five_million_strips() -> bytes:
    table = struct.pack("<L", 8) * 5_000_000
    content = tiff(tiff_entry(273, 4, 5_000_000, 1000)).ljust(1000, b"\0")
    return content + table


@_bomb(DECODED)
def tiff_with_a_profile_of_megabytes() -> bytes:
    return tiff(tiff_entry(34675, 7, 15 * MEGABYTE, 100)) + bytes(15 * MEGABYTE)


@_bomb(TooManyFrames)
def tiff_of_300_000_directories() -> bytes:
    content = tiff(following=1000).ljust(1000, b"\0")
    return content + b"".join(
        struct.pack("<HL", 0, 1000 + 6 * (number + 1)) for number in range(300_000)
    )


# BMP


def bmp(width: int, height: int, compression: int, data: bytes, bits: int = 8) -> bytes:
    palette = bytes(range(256)) * 4
    start = 54 + len(palette)
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 256, 0
    )
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


@_hostile(DECODED)
def bmp_of_run_lengths() -> bytes:
    return bmp(8, 4, 1, b"\x08\x05\0\0" * 4 + b"\0\x01")


@_hostile(NotAnImage)
def bmp_whose_runs_end_too_early() -> bytes:
    return bmp(1000, 1000, 1, b"\xff\x05")


@_hostile(TooComplex)
def bmp_of_run_lengths_of_49_million_pixels() -> bytes:
    return bmp(7000, 7000, 1, b"\0\0" * 100)


@_hostile(TooManyPixels)
def bmp_of_two_billion_columns() -> bytes:
    return bmp(2**31 - 1, 1, 0, b"")


@_hostile(NotAnImage)
def bmp_without_a_width() -> bytes:
    return bmp(0, 10, 0, b"")


@_bomb(TooComplex)
def bmp_of_megabytes_of_run_lengths() -> bytes:
    return bmp(1, 4_000_000, 1, b"\x01\x05" * 10 * MEGABYTE)


@_bomb(NotAnImage)
def bmp_whose_runs_go_nowhere() -> bytes:
    return bmp(1, 4_000_000, 1, b"\x01\x05" * 1_900_000)


@_bomb(DECODED)
def bmp_of_lines_of_padding() -> bytes:
    return bmp(2_000_000, 2, 2, b"\x01\x05\0\0" * 2)


# WebP and AVIF


def webp_chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_canvas(width: int, height: int, flags: int = 2) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def webp_frame() -> bytes:
    image = encoded(noise(4, 4), "WEBP", lossless=True)[12:]
    return webp_chunk(b"ANMF", bytes(6) + b"\x03\0\0\x03\0\0" + bytes(4) + image)


@_hostile(TooManyPixels)
def webp_of_16383_by_16383() -> bytes:
    content = bytearray(encoded(noise(4, 4), "WEBP"))
    content[26:30] = b"\xff\x3f\xff\x3f"
    return bytes(content)


@_hostile(TooManyPixels)
def webp_canvas_of_16_million_by_16_million() -> bytes:
    return webp(webp_canvas(2**24, 2**24), webp_frame())


@_hostile(TooManyFrames)
def webp_of_1001_frames() -> bytes:
    return webp(webp_canvas(4, 4), webp_chunk(b"ANIM", bytes(6)), webp_frame() * 1001)


@_hostile(NotAnImage)
def webp_without_a_frame() -> bytes:
    return webp(webp_canvas(4, 4), webp_chunk(b"ANIM", bytes(6)))


@_hostile(NotAnImage)
def webp_that_is_cut_off() -> bytes:
    return encoded(noise(300, 300), "WEBP")[:-1000]


@_bomb(TooComplex)
def webp_of_two_million_chunks() -> bytes:
    return webp(webp_canvas(4, 4, 0), webp_frame()[24:], webp_chunk(b"xxxx", b"") * 2_000_000)


@_hostile(NotAnImage)
def avif_that_is_cut_off() -> bytes:
    return encoded(noise(100, 100), "AVIF")[:-500]


@_hostile(TooManyFrames)
def avif_that_claims_a_billion_frames() -> bytes:
    frames = [noise(24, 18, seed=seed) for seed in range(3)]
    content = bytearray(encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:]))
    place = content.index(b"stsz") + 12
    content[place : place + 4] = struct.pack(">I", 2**30)
    return bytes(content)


@_hostile(NotAnImage)
def avif_of_65535_by_65535() -> bytes:
    return avif_of_size(65535, 65535)


def avif_of_size(width: int, height: int, image: Image.Image | None = None) -> bytes:
    """An image that claims another size than its data have."""
    content = bytearray(encoded(image or noise(24, 18), "AVIF", speed=10))
    place = content.index(b"ispe") + 8
    content[place : place + 8] = struct.pack(">II", width, height)
    return bytes(content)


@_hostile(TooComplex)
def avif_that_hides_its_size() -> bytes:
    return avif_of_size(10, 10, Image.new("RGB", (2000, 2000)))


@_bomb(TooManyPixels)
def avif_that_hides_a_size_above_the_limit() -> bytes:
    return avif_of_size(10, 10, Image.new("RGB", (7100, 7100)))


# What is no image


@_hostile(NotAnImage)
def nothing() -> bytes:
    return b""


@_hostile(NotAnImage)
def postscript() -> bytes:
    return encoded(noise(24, 18), "EPS")


@_hostile(NotAnImage)
def icon() -> bytes:
    return encoded(noise(32, 32), "ICO")


@_hostile(NotAnImage)
def drawing() -> bytes:
    return b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
