"""PNG (www.w3.org/TR/png-3), and APNG, of which the default image is used."""

import zlib

from common.errors import NotAnImage
from worker.images.limits import Limits, check_parts

MAX_CHUNKS = 100_000
"""Most writers use data chunks of 8 KiB, which makes about 2,500 in a file of 20 MB."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def accepts(head: bytes) -> bool:
    return head.startswith(SIGNATURE)


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The chunks that the pixels depend on. The decoder verifies their checksums."""
    kept = [SIGNATURE]
    chunks = frames = 0
    position = len(SIGNATURE)
    while True:
        name = content[position + 4 : position + 8]
        if name in (b"IEND", b""):
            break
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        chunks += 1
        check_parts(chunks, MAX_CHUNKS, "chunks")
        if name == b"IHDR":
            width = int.from_bytes(content[position + 8 : position + 12], "big")
            height = int.from_bytes(content[position + 12 : position + 16], "big")
            limits.check_size(width, height)
        if name == b"acTL":
            frames = int.from_bytes(content[position + 8 : position + 12], "big")
            limits.check_frames(frames)
        elif name in KEPT:
            kept.append(content[position:end] if end <= len(content) else _ended(content, position))
        position = end
    return b"".join((*kept, END))


def _ended(content: bytes, position: int) -> bytes:
    """The truncated last chunk: it may have all pixels and lack only its checksum.

    If pixels are missing, the decoder fails.
    """
    length = int.from_bytes(content[position : position + 4], "big")
    chunk = content[position + 4 : position + 8 + length]
    if not chunk.startswith(b"IDAT"):
        raise NotAnImage
    size, checksum = len(chunk) - 4, zlib.crc32(chunk)
    return size.to_bytes(4, "big") + chunk + checksum.to_bytes(4, "big")


def exif(content: bytes) -> bytes:
    """The EXIF metadata, which may follow the pixels; empty if there is none."""
    position = len(SIGNATURE)
    while position < len(content) and not content.startswith(b"IEND", position + 4):
        length = int.from_bytes(content[position : position + 4], "big")
        if content.startswith(b"eXIf", position + 4):
            return content[position + 8 : position + 8 + length]
        position += 12 + length
    return b""
