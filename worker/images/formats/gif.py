"""GIF (www.w3.org/Graphics/GIF/spec-gif89a.txt)."""

from common.errors import NotAnImage
from worker.images.limits import Limits, check_parts

MAX_BLOCKS = 1_000_000
"""All blocks of a frame but the last usually have 255 bytes; 20 MB are about 80,000 blocks."""

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
GRAPHIC_CONTROL = 0xF9
TRANSPARENT = 1


def accepts(head: bytes) -> bool:
    return head.startswith((b"GIF87a", b"GIF89a"))


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The screen descriptor, its palette and the first frame."""
    try:
        walk = _Walk(content)
        first = walk.first_frame()
    except IndexError:
        raise NotAnImage from None
    frames = 1
    try:
        while walk.skip_frame():
            frames += 1
            limits.check_frames(frames)
    except IndexError:
        pass  # truncated after the first frame, which is the only one used
    return first


class _Walk:
    """Walks over the blocks of a file. Raises IndexError if it ends too early."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 13 + _palette_bytes(content[10])
        self._blocks = 0
        self._control = b""

    def first_frame(self) -> bytes:
        screen = self._content[: self._position]
        start = self._find_frame()
        if start is None:
            raise NotAnImage
        try:
            self._skip_image()
            frame = self._content[start : self._position]
        except IndexError:
            frame = self._ended_frame(start)
        return b"".join((screen, self._control, frame, bytes([TRAILER])))

    def _ended_frame(self, start: int) -> bytes:
        """A truncated frame: it may have all pixels, and if not, the decoder fails."""
        content = self._content
        position = block = self._blocks_of(start)
        while position < len(content):
            block, position = position, position + content[position] + 1
        data = content[block + 1 :]
        return b"".join((content[start:block], bytes([len(data)]), data, b"\x00"))

    def skip_frame(self) -> bool:
        """Skip the next frame. Returns whether there was one."""
        if self._find_frame() is None:
            return False
        self._skip_image()
        return True

    def _find_frame(self) -> int | None:
        while (kind := self._content[self._position]) != TRAILER:
            self._count()
            if kind == IMAGE:
                return self._position
            if kind == EXTENSION:
                if self._content[self._position + 1] == GRAPHIC_CONTROL:
                    self._note_control()
                self._position += 2
                self._skip_blocks()
            else:
                self._position += 1
        return None

    def _note_control(self) -> None:
        """Keep only the transparent colour of a frame's controls, not its disposal method.

        It is the background where the frame does not cover the screen.
        """
        start = self._position + 3
        if self._content[start] & TRANSPARENT:
            head = bytes([EXTENSION, GRAPHIC_CONTROL, 4, TRANSPARENT])
            self._control = head + self._content[start + 1 : start + 4] + b"\x00"

    def _skip_image(self) -> None:
        self._position = self._blocks_of(self._position)
        self._skip_blocks()

    def _blocks_of(self, frame: int) -> int:
        """The start of the data of a frame."""
        return frame + 10 + _palette_bytes(self._content[frame + 9]) + 1

    def _skip_blocks(self) -> None:
        content, position = self._content, self._position
        while length := content[position]:
            position += length + 1
            self._count()
        self._position = position + 1

    def _count(self) -> None:
        self._blocks += 1
        check_parts(self._blocks, MAX_BLOCKS, "blocks")


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
