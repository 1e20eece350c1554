"""AVIF (aomediacodec.github.io/av1-avif), in the boxes of ISO/IEC 14496-12."""

from worker.formats.limits import Limits, check_parts

BRANDS = frozenset({b"avif", b"avis", b"mif1", b"msf1"})
SAMPLE_SIZES = b"stsz"
BOX_HEAD_BYTES = 8
MAX_BOXES = 10_000
LONG = 1  # a length that stands for a longer one behind the name


def accepts(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS


def pare(content: bytes, limits: Limits) -> bytes:
    """All of it. What the tables of frames claim is checked, because a decoder believes it."""
    movie = _movie(content)
    position = movie.find(SAMPLE_SIZES)
    while position >= 0:
        limits.check_frames(int.from_bytes(movie[position + 12 : position + 16], "big"))
        position = movie.find(SAMPLE_SIZES, position + 4)
    return content


def _movie(content: bytes) -> bytes:
    """The box that describes an image sequence; empty when there is none."""
    position = boxes = 0
    while len(head := content[position : position + 16]) >= BOX_HEAD_BYTES:
        boxes += 1
        check_parts(boxes, MAX_BOXES, "boxes")
        length = int.from_bytes(head[:4], "big")
        if length == LONG:
            length = int.from_bytes(head[8:], "big")
        end = position + length if length else len(content)
        if head[4:8] == b"moov":
            return content[position:end]
        if end < position + BOX_HEAD_BYTES:
            break
        position = end
    return b""
