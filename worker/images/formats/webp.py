"""WebP (RFC 9649)."""

from common.errors import NotAnImage
from worker.images.limits import Limits, check_parts

MAX_CHUNKS = 10_000
HEAD_BYTES = 30
CHUNKS_AT = 12
PIXELS = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})


def accepts(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The file without metadata that is cut off at its end.

    Sizes are checked, because the decoder allocates when it opens a file.
    """
    limits.check_size(*_size(content))
    chunks = frames = last = 0
    position = CHUNKS_AT
    while position + 8 <= len(content):
        last = position
        chunks += 1
        frames += content[position : position + 4] == b"ANMF"
        limits.check_frames(frames)
        check_parts(chunks - frames, MAX_CHUNKS, "chunks")
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    claimed = int.from_bytes(content[4:8], "little") + CHUNKS_AT - 4
    return content if claimed <= len(content) else _ended(content, last, position)


def _ended(content: bytes, last: int, end: int) -> bytes:
    """A truncated file, without the chunk of metadata that is incomplete.

    If the last chunk has pixels, only its padding may be missing; otherwise the decoder fails.
    """
    if end <= len(content):
        kept = content[:end]
    elif content[last : last + 4] not in PIXELS:
        kept = content[:last]
    else:
        kept = content + b"\x00" * (end - len(content) == 1)
    return b"".join((kept[:4], (len(kept) - 8).to_bytes(4, "little"), kept[8:]))


def exif(content: bytes) -> bytes:
    """The EXIF metadata; empty if there is none."""
    position = CHUNKS_AT
    while position < len(content):
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        if content.startswith(b"EXIF", position):
            return content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    return b""


def _size(content: bytes) -> tuple[int, int]:
    if len(content) < HEAD_BYTES:
        raise NotAnImage
    kind = content[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return (
            int.from_bytes(content[26:28], "little") & 0x3FFF,
            int.from_bytes(content[28:30], "little") & 0x3FFF,
        )
    raise NotAnImage
