"""The state of a worker's GPU, which its heartbeats report."""

from common.fleet.heartbeats import Gpu


class GpuReader:
    """Reads the name, memory and utilization of a GPU; None for other devices."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._has_utilization = True

    def __call__(self) -> Gpu | None:
        if not self._device.startswith("cuda"):
            return None
        import torch  # noqa: PLC0415 - without a GPU this module needs no torch

        try:
            free, total = torch.cuda.mem_get_info(self._device)
            name = torch.cuda.get_device_name(self._device)
        except RuntimeError:  # the batcher's thread handles a device that has failed
            return None
        return Gpu(name, total, total - free, self._utilization())

    def _utilization(self) -> int | None:
        """In percent, from the optional package nvidia-ml-py; None if the driver hides it."""
        if not self._has_utilization:
            return None
        import torch  # noqa: PLC0415

        try:
            return int(torch.cuda.utilization(self._device))
        except Exception:  # noqa: BLE001 - the package has errors of its own
            self._has_utilization = False
            return None
