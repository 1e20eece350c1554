"""PNG (www.w3.org/TR/png-3), and APNG, of which the default image is used."""

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
            if end > len(content):
                raise NotAnImage
            kept.append(content[position:end])
        position = end
    return b"".join((*kept, END))
