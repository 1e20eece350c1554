"""WebP (RFC 9649)."""

from common.errors import NotAnImage
from worker.images.limits import Limits, check_parts

MAX_CHUNKS = 10_000
HEAD_BYTES = 30


def accepts(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The file unchanged. Sizes are checked, because the decoder allocates when it opens a file."""
    limits.check_size(*_size(content))
    chunks = frames = 0
    position = 12
    while position + 8 <= len(content):
        chunks += 1
        frames += content[position : position + 4] == b"ANMF"
        limits.check_frames(frames)
        check_parts(chunks - frames, MAX_CHUNKS, "chunks")
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    return content


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
