import pytest

from worker.model.warmup import images_at_once, parts_at_once


@pytest.mark.parametrize(
    ("device", "millions", "size"),
    [("cpu", 1, 32), ("cpu", 87, 16), ("cpu", 304, 4), ("cpu", 1800, 1), ("cuda:1", 304, 128)],
)
def test_the_larger_a_model_on_a_cpu_the_smaller_its_batches(
    device: str, millions: int, size: int
) -> None:
    assert images_at_once(device, millions * 1_000_000) == size


@pytest.mark.parametrize(
    ("batch_size", "device", "parts"),
    [(1, "cpu", 8), (8, "cpu", 16), (64, "cpu", 32), (32, "cuda:0", 64), (256, "cuda:0", 64)],
)
def test_while_a_batch_runs_the_next_one_gathers(batch_size: int, device: str, parts: int) -> None:
    assert parts_at_once(batch_size, device) == parts
