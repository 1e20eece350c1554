"""Limits the pixels that a worker decodes at once, to bound its memory.

From header to resized image a pixel takes, at the peak: 5 bytes in RGB (JPEG, PNG, BMP), grey,
palette or 16 bits, 8 in CMYK, HEIC or a rotated image, 10 in a transparent image, floats, AVIF or a
progressive JPEG (12 in CMYK), 17 in WebP; 6 more if the checkpoint's own preprocessor resizes it;
plus the file itself.

Each priority has its own budget, so that large bulk images do not delay interactive ones.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ASK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class _Claim:
    pixels: int
    granted: threading.Event = field(default_factory=threading.Event)


class PixelBudget:
    """Pixels shared among threads; first come, first served, so that no large image starves."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.free = limit
        self._waiting: deque[_Claim] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait for pixels."""
        return len(self._waiting)

    @contextmanager
    def hold(self, pixels: int, check: Callable[[], None]) -> Iterator[None]:
        """Hold these pixels within the context; wait for them if necessary.

        A thread that holds some must not ask for more. `check` is called periodically during the
        wait, and may end it by raising.

        Raises:
            ValueError: the budget is smaller than that.
        """
        if pixels > self._limit:
            raise ValueError(f"{pixels} pixels exceed the budget of {self._limit}")
        claim = self._claim(pixels)
        try:
            while not claim.granted.wait(ASK_EVERY_S):
                check()
            yield
        finally:
            self._give_back(claim)

    def _claim(self, pixels: int) -> _Claim:
        claim = _Claim(pixels)
        with self._lock:
            self._waiting.append(claim)
            self._grant()
        return claim

    def _give_back(self, claim: _Claim) -> None:
        with self._lock:
            if claim.granted.is_set():
                self.free += claim.pixels
            else:
                self._waiting.remove(claim)
            self._grant()

    def _grant(self) -> None:
        while self._waiting and self._waiting[0].pixels <= self.free:
            claim = self._waiting.popleft()
            self.free -= claim.pixels
            claim.granted.set()
