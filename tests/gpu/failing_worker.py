"""A worker whose device fails when it is told to: `python -m tests.gpu.failing_worker`.

It is the real worker in every other way. FAULT_FILE names a file; whoever finds it before a batch
takes it away and does to its device what is written there.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from common.protocol.messages import Vectors
from worker.__main__ import main
from worker.app import process
from worker.model.encoder import PreparedImage, StartBatch

FAR = 1 << 40
"""Elements beyond the end of whatever there is."""


class Everywhere:
    """A tensor of one number, said to be much longer, as the CUDA array interface tells it."""

    def __init__(self) -> None:
        self._one = torch.zeros(1, device="cuda")
        self.__cuda_array_interface__ = {
            "data": (self._one.data_ptr(), False),
            "shape": (FAR,),
            "typestr": "<f4",
            "version": 2,
        }


def fail_an_assertion() -> None:
    """Ask for a row that a table does not have: the device looks, and gives up."""
    torch.zeros(8, device="cuda")[torch.full((8,), 1000, device="cuda")]


def read_elsewhere() -> None:
    """Read memory that belongs to nobody."""
    everywhere: torch.Tensor = torch.as_tensor(Everywhere(), device="cuda")
    everywhere[-(1 << 20) :].sum()


FAULTS = {"assertion": fail_an_assertion, "illegal access": read_elsewhere}


class Failing:
    """Another encoder, on a device that can be made to fail."""

    def __init__(self, encoder: Any, order: Path) -> None:
        self._encoder = encoder
        self._order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    @property
    def start(self) -> dict[str, StartBatch]:
        return {**self._encoder.start, "image": self._start_images}

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        return self._start_images(images)()

    def _start_images(self, images: Sequence[PreparedImage]) -> Callable[[], Vectors]:
        mine = self._order.with_suffix(f".{os.getpid()}")
        with suppress(FileNotFoundError):
            self._order.rename(mine)
            FAULTS[mine.read_text()]()
        wait: Callable[[], Vectors] = self._encoder.start["image"](images)
        return wait


if __name__ == "__main__":
    load = process.load_encoder
    order = Path(os.environ["FAULT_FILE"])
    process.load_encoder = lambda: Failing(load(), order)  # type: ignore[method-assign]
    main()
