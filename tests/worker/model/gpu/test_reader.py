"""What is read of a GPU, from a driver that is replaced: the real one is in tests/gpu."""

from typing import NoReturn

import pytest
import torch

from common.fleet.heartbeats import Gpu
from worker.model.gpu.reader import GpuReader


@pytest.fixture(autouse=True)
def _driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (30, 100))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card 9000")
    monkeypatch.setattr(torch.cuda, "utilization", lambda _: 42)


def test_a_gpus_name_memory_and_utilization_are_read() -> None:
    assert GpuReader("cuda:0")() == Gpu("Card 9000", 100, 70, 42)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_other_devices_have_none(device: str) -> None:
    assert GpuReader(device)() is None


def test_without_the_optional_package_the_rest_is_read_and_it_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def missing(_: object) -> NoReturn:
        calls.append(1)
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "utilization", missing)
    read = GpuReader("cuda:0")
    assert [read(), read()] == [Gpu("Card 9000", 100, 70, None)] * 2
    assert len(calls) == 1


def test_a_failed_device_does_not_end_the_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> NoReturn:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert GpuReader("cuda:0")() is None
