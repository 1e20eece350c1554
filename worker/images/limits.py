"""The limits on an image."""

from dataclasses import dataclass

from common.errors import TooComplex, TooManyFrames, TooManyPixels


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum pixels (width times height) and frames of an image."""

    max_pixels: int
    max_frames: int

    def check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"has {width}x{height} pixels; the limit is {self.max_pixels} in all"
            )

    def check_frames(self, frames: int) -> None:
        """Check a count of frames, which may have stopped one above the limit."""
        if frames > self.max_frames:
            raise TooManyFrames(f"has more than the {self.max_frames} frames allowed")


def check_parts(parts: int, max_parts: int, name: str) -> None:
    """Check a count of parts of a file, each of which costs some work."""
    if parts > max_parts:
        raise TooComplex(f"has more than the {max_parts} {name} allowed")
