"""Which batches run as graphs, and with which numbers; the capture itself needs a GPU."""

from collections.abc import Iterator

import pytest
import torch
from structlog.testing import capture_logs

from worker.model.gpu.graphs import MAX_IMAGES, Capture, GraphedForward, Replay, padded
from worker.model.running import Forward, Tensors

EXAMPLE = {"pixel_values": torch.ones(1, 4, 3, dtype=torch.uint8)}


class Recorder:
    """Captures like CUDA: a replay reads the same inputs, and fills the same output."""

    def __init__(self) -> None:
        self.captured: list[int] = []
        self.replayed: list[int] = []

    def __call__(self, forward: Forward, inputs: Tensors) -> tuple[Replay, torch.Tensor]:
        size = len(inputs["pixel_values"])
        self.captured.append(size)
        output = forward(inputs)

        def replay() -> None:
            self.replayed.append(size)
            output.copy_(forward(inputs))

        return replay, output


def forward(batch: Tensors) -> torch.Tensor:
    return batch["pixel_values"].float().sum(dim=1)


def pixels(*values: int, height: int = 4) -> Tensors:
    rows = torch.tensor(values, dtype=torch.uint8)
    return {"pixel_values": rows.view(-1, 1, 1).expand(-1, height, 3)}


def captured(capture: Capture, run: Forward = forward) -> GraphedForward:
    graphed = GraphedForward(run)
    graphed.capture(EXAMPLE, torch.float32, capture)
    return graphed


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (17, 32), (33, 64)])
def test_batches_are_padded_to_a_power_of_two(count: int, size: int) -> None:
    assert padded(count) == size


def test_the_largest_is_captured_first(recorder: Recorder) -> None:
    captured(recorder)
    assert recorder.captured == [32, 16, 8, 4, 2, 1]


@pytest.mark.parametrize(("count", "size"), [(1, 1), (3, 4), (32, 32)])
def test_a_small_batch_is_replayed_and_its_padding_left_out(
    recorder: Recorder, count: int, size: int
) -> None:
    graphed = captured(recorder)
    recorder.replayed.clear()
    batch = pixels(*range(count))
    assert torch.equal(graphed(batch), forward(batch))
    assert recorder.replayed == [size]


def test_images_of_earlier_batches_do_not_show(recorder: Recorder) -> None:
    graphed = captured(recorder)
    graphed(pixels(9, 9, 9, 9))
    for batch in (pixels(1, 2, 3), pixels(7, 6, 5, 4)):
        assert torch.equal(graphed(batch), forward(batch))


@pytest.mark.parametrize(
    "batch",
    [pixels(*range(MAX_IMAGES + 1)), pixels(1, 2, height=5), {"pixel_values": torch.ones(2, 4, 3)}],
)
def test_other_batches_run_as_they_would_without(recorder: Recorder, batch: Tensors) -> None:
    graphed = captured(recorder)
    recorder.replayed.clear()
    assert torch.equal(graphed(batch), forward(batch))
    assert recorder.replayed == []


def test_what_cannot_be_captured_runs_without_and_a_warning_says_so(recorder: Recorder) -> None:
    def capture(run: Forward, inputs: Tensors) -> tuple[Replay, torch.Tensor]:
        if len(inputs["pixel_values"]) < 16:
            raise RuntimeError("operation not permitted when stream is capturing")
        return recorder(run, inputs)

    with capture_logs() as logs:
        graphed = captured(capture)
    [warning] = logs
    assert (warning["event"], warning["images"]) == ("cuda_graphs_not_used", 8)
    assert "not permitted" in warning["error"]
    recorder.replayed.clear()
    for count in (5, 20):
        batch = pixels(*range(count))
        assert torch.equal(graphed(batch), forward(batch))
    assert recorder.replayed == [32]


@pytest.mark.parametrize("wrong", [1.01, float("nan")])
def test_a_graph_with_other_numbers_is_not_used(wrong: float) -> None:
    def capture(run: Forward, inputs: Tensors) -> tuple[Replay, torch.Tensor]:
        return lambda: None, run(inputs) * wrong

    with capture_logs() as logs:
        graphed = captured(capture)
    [warning] = logs
    assert "its numbers are" in warning["error"]
    batch = pixels(1, 2)
    assert torch.equal(graphed(batch), forward(batch))
