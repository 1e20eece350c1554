"""Runs batches on a device, and tells its errors from those of the items."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from common.protocol.messages import Vectors
from worker.model.device_errors import device_error
from worker.model.encoder import DeviceFailed, OutOfMemory

Arrays: TypeAlias = Mapping[str, Sequence[npt.NDArray[Any]]]
"""The inputs of a batch by name, an array for each item."""
Tensors: TypeAlias = dict[str, torch.Tensor]
Forward: TypeAlias = Callable[[Tensors], torch.Tensor]
"""Stacked inputs on the device → embeddings of shape (items, dimension)."""
Outcome = TypeVar("Outcome")


class Runner(Protocol):
    """Runs batches on one device, in the order in which they are started, from one thread."""

    def start(self, collect: Callable[[], Arrays], forward: Forward) -> Callable[[], Vectors]:
        """Start a batch; what is returned waits for its embeddings, in float32.

        Both raise OutOfMemory if a smaller batch may succeed, and DeviceFailed if none will.
        """


class InlineRunner:
    """Runs each batch in the calling thread when it is waited for."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def start(self, collect: Callable[[], Arrays], forward: Forward) -> Callable[[], Vectors]:
        def run() -> Vectors:
            batch = {
                name: torch.from_numpy(np.stack(arrays)).to(self._device)
                for name, arrays in collect().items()
            }
            vectors: Vectors = forward(batch).float().cpu().numpy()
            return vectors

        return lambda: finite(attempt(self._device, run))


@torch.inference_mode()
def attempt(device: torch.device, run: Callable[[], Outcome]) -> Outcome:
    """What `run` returns. It must be the only one that refers to the tensors that it makes.

    Raises:
        OutOfMemory, DeviceFailed: see Runner.
    """
    try:
        return run()
    except (RuntimeError, MemoryError) as error:
        failure = device_error(error)
        if failure is None and still_works(device):
            raise
        if not isinstance(failure, OutOfMemory):
            raise failure or DeviceFailed(str(error)) from error
    # Not before the error is gone: until then it holds on to the tensors of the batch.
    free_memory(device)
    raise failure


def finite(vectors: Vectors) -> Vectors:
    """The same embeddings. Raises FloatingPointError: one of them is infinite or NaN."""
    if not np.isfinite(vectors).all():
        raise FloatingPointError("the embeddings are not finite")
    return vectors


def still_works(device: torch.device) -> bool:
    """Whether the device still does anything for this process.

    After a failed assertion or an illegal access CUDA answers every call with that error, until the
    process ends.
    """
    try:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
    except RuntimeError:
        return False
    return True


def free_memory(device: torch.device) -> None:
    """Return the memory that PyTorch keeps for later batches."""
    if device.type == "mps":
        torch.mps.empty_cache()
    else:
        torch.cuda.empty_cache()  # does nothing on a CPU
