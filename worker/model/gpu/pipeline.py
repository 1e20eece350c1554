"""Batches on a GPU: copied and computed while the calling thread does something else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from common.protocol.messages import Vectors
from worker.model.running import Arrays, Forward, Tensors, attempt, finite


@dataclass(frozen=True, slots=True)
class Transfer:
    """A batch on its way through the device.

    It refers to all memory that the device reads or writes after `start` has returned. Until the
    event, none of it may be used for another batch.
    """

    on_host: Tensors
    on_device: Tensors
    embeddings: torch.Tensor
    done: Any  # an event of the device


class GpuPipeline:
    """Copies a batch on a stream of its own, while the one before it runs.

    Batches run on the current stream of the calling thread, in the order in which they are started.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._streams: Any = torch.get_device_module(device)
        self._copying = self._streams.Stream(device)
        self._is_pinned = device.type != "cpu"  # only tests run it on a CPU

    def start(self, collect: Callable[[], Arrays], forward: Forward) -> Callable[[], Vectors]:
        transfer = attempt(self._device, lambda: self._transfer(collect(), forward))

        def wait() -> Vectors:
            attempt(self._device, transfer.done.synchronize)
            # A copy, because rows of it are kept, and page-locked memory is scarce.
            return finite(transfer.embeddings.numpy().copy())

        return wait

    def _transfer(self, arrays: Arrays, forward: Forward) -> Transfer:
        on_host = {name: self._stacked(values) for name, values in arrays.items()}
        with self._streams.stream(self._copying):
            on_device = {
                name: tensor.to(self._device, non_blocking=True) for name, tensor in on_host.items()
            }
        self._streams.current_stream(self._device).wait_stream(self._copying)
        features = forward(on_device)
        embeddings = self._empty(tuple(features.shape), torch.float32)
        embeddings.copy_(features, non_blocking=True)
        done = self._event()
        done.record(self._streams.current_stream(self._device))
        return Transfer(on_host, on_device, embeddings, done)

    def _stacked(self, arrays: Sequence[npt.NDArray[Any]]) -> torch.Tensor:
        like = torch.from_numpy(np.empty(0, arrays[0].dtype))
        batch = self._empty((len(arrays), *arrays[0].shape), like.dtype)
        np.stack(arrays, out=batch.numpy())
        return batch

    def _empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Torch keeps page-locked memory for later batches, as it does with a device's."""
        return torch.empty(shape, dtype=dtype, pin_memory=self._is_pinned)

    def _event(self) -> Any:  # noqa: ANN401
        if self._device.type == "cpu":
            return self._streams.Event()
        return self._streams.Event(blocking=True)  # sleep, and leave the core to decoding
