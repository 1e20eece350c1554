import pytest

from worker.model.loading import is_accelerated
from worker.settings import WorkerSettings


@pytest.mark.parametrize(
    ("device", "cpu", "gpu", "expected"),
    [
        ("cpu", "auto", "off", True),
        ("cpu", "off", "auto", False),
        ("cuda:1", "auto", "off", False),
        ("cuda:1", "off", "auto", True),
    ],
)
def test_each_kind_of_device_has_its_own_switch(
    device: str, cpu: str, gpu: str, *, expected: bool
) -> None:
    settings = WorkerSettings.model_validate({"cpu_acceleration": cpu, "gpu_acceleration": gpu})
    assert is_accelerated(settings, device) is expected
