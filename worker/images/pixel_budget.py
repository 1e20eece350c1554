"""How many pixels a worker decodes at once, so that its memory is bounded.

From header to resized image a pixel takes, at its peak: 5 bytes of RGB (JPEG, PNG, BMP), grey
or palette, 8 of CMYK, RGBA or 16 bits, 10 of AVIF or a progressive JPEG (12 in CMYK), 16 of WebP;
6 more where the checkpoint's own preprocessor resizes it; and the file comes on top.

Each priority has a budget of its own: large images of bulk work delay no interactive one.
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
    """Pixels to share among threads; first come, first served, so that no large image starves."""

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
        """Have these pixels for as long as the context lasts; wait for them if need be.

        Whoever holds some must not ask for more. `check` is called now and then while waiting, and
        ends the wait by raising.

        Raises:
            ValueError: there will never be as many.
        """
        if pixels > self._limit:
            raise ValueError(f"{pixels} pixels are more than the {self._limit} there are")
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
