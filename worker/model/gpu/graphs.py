"""Small batches as CUDA graphs: all kernels of a forward pass in one launch.

A small batch takes a GPU less time than Python needs to launch its kernels one by one, and at each
launch the thread lets go of the GIL and has to compete for it.
"""

from collections.abc import Callable
from typing import TypeAlias

import structlog
import torch

from worker.model.agreement import TOLERANCE, relative_error
from worker.model.running import Forward, Tensors

log = structlog.get_logger()

MAX_IMAGES = 32
"""Larger batches gained nothing."""
WARM_RUNS = 3

Replay: TypeAlias = Callable[[], None]
Capture: TypeAlias = Callable[[Forward, Tensors], tuple[Replay, torch.Tensor]]
"""Records a forward pass with fixed inputs → what replays it, and the output that it fills."""


class Graph:
    """A forward pass for up to as many images as its inputs have.

    Inputs and output belong to the graph: use them on one stream only, where a replay comes after
    the one before it was read.
    """

    def __init__(self, forward: Forward, inputs: Tensors, capture: Capture) -> None:
        self.inputs = inputs
        self._replay, self.output = capture(forward, inputs)

    def run(self, batch: Tensors, count: int) -> torch.Tensor:
        """The rest of the inputs are those of earlier images, and their outputs are left out."""
        for name, tensor in batch.items():
            self.inputs[name][:count].copy_(tensor)
        self._replay()
        return self.output[:count]


class GraphedForward:
    """A forward pass, as a graph where there is one for the batch."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._graphs: dict[int, Graph] = {}

    def __call__(self, batch: Tensors) -> torch.Tensor:
        count = len(next(iter(batch.values())))
        graph = self._graphs.get(padded(count))
        if graph and _shapes(batch) == _shapes(graph.inputs):
            return graph.run(batch, count)
        return self._forward(batch)

    @torch.inference_mode()
    def capture(self, example: Tensors, dtype: torch.dtype, capture: Capture | None = None) -> None:
        """Make graphs for batches of images like the example's; what fails stays as it is.

        The largest comes first, because the others then use its memory.
        """
        capture = capture or CudaCapture(next(iter(example.values())).device)
        size = MAX_IMAGES
        while size:
            inputs = {
                name: tensor[:1].repeat(size, *[1] * (tensor.dim() - 1))
                for name, tensor in example.items()
            }
            try:
                graph = Graph(self._forward, inputs, capture)
                error = relative_error(graph.run(inputs, size), self._forward(inputs))
            except RuntimeError as failure:
                log.warning("cuda_graphs_not_used", images=size, error=str(failure))
                return
            if not error <= TOLERANCE[dtype]:  # NaN must fail too
                log.warning(
                    "cuda_graphs_not_used", images=size, error=f"its numbers are {error:.1e} off"
                )
                return
            self._graphs[size] = graph
            size //= 2


class CudaCapture:
    """Captures graphs that share their memory: only one of them may run at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def __call__(self, forward: Forward, inputs: Tensors) -> tuple[Replay, torch.Tensor]:
        current = torch.cuda.current_stream(self._device)
        # The inner contexts do not restore device and stream if the capture fails; these do.
        with torch.cuda.device(self._device), torch.cuda.stream(current):
            self._stream.wait_stream(current)
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_RUNS):  # libraries allocate and choose at the first calls
                    forward(inputs)
            current.wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use the device meanwhile, as the one that sends heartbeats does.
            with torch.cuda.graph(
                graph, self._pool, self._stream, capture_error_mode="thread_local"
            ):
                output = forward(inputs)
        return graph.replay, output


def padded(count: int) -> int:
    """The next power of two."""
    return 1 << (count - 1).bit_length()


def _shapes(batch: Tensors) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """The shape and the dtype of one item of each tensor."""
    return {name: (tensor.shape[1:], tensor.dtype) for name, tensor in batch.items()}
