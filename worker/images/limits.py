"""What an image may ask of the worker."""

from dataclasses import dataclass

from common.errors import TooComplex, TooManyFrames, TooManyPixels


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one image: width times height, and frames."""

    max_pixels: int
    max_frames: int

    def check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"has {width}x{height} pixels; the limit is {self.max_pixels} in all"
            )

    def check_frames(self, frames: int) -> None:
        """For a count that stops one above the limit: nobody knows how many there are."""
        if frames > self.max_frames:
            raise TooManyFrames(f"has more than the {self.max_frames} frames allowed")


def check_parts(parts: int, most: int, name: str) -> None:
    """For parts of a file that each cost some work, however small they are."""
    if parts > most:
        raise TooComplex(f"has more than the {most} {name} allowed")
