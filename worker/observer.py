"""Who is told what becomes of the parts that a worker takes in hand."""

from collections.abc import Sequence

from common.protocol import Item, PartResult


class Observer:
    """Does nothing with what it is told. What it does must be quick, and must not fail."""

    def begun(self) -> None:
        """A part was taken in hand."""

    def dropped(self) -> None:
        """Nobody wanted it any more."""

    def finished(self, items: Sequence[Item], result: PartResult, known: int) -> None:
        """Its result is stored; so many of its items were known and not encoded."""


NOBODY = Observer()
