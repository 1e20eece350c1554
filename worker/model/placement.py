"""Where a model runs, and in which precision."""

from dataclasses import dataclass
from typing import Any, cast

import torch

from worker.model.cpu.quantized import quantize_linear_layers
from worker.model.load_errors import ModelLoadError

INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Placement:
    """A device of torch, and the name of a precision: float32, float16, bfloat16 or int8."""

    device: str
    precision: str

    @property
    def is_rounded(self) -> bool:
        """Whether it runs on a CPU, less precisely than in float32."""
        return self.device == "cpu" and self.precision != "float32"

    @property
    def dtype(self) -> torch.dtype:
        """What the model takes and returns; int8 is within its layers only."""
        name = "float32" if self.precision == INT8 else self.precision
        return cast("torch.dtype", getattr(torch, name))

    def place(self, model: Any) -> Any:  # noqa: ANN401
        """Move a float32 model to the device, and convert it. Raises ModelLoadError."""
        try:
            placed = model.to(self.device, self.dtype)
        except (RuntimeError, AssertionError) as error:
            raise ModelLoadError(f"the device {self.device} does not take it ({error})") from error
        if self.precision == INT8:
            quantize_linear_layers(placed)
        return placed


def choose_placement(device: str, dtype: str) -> Placement:
    """The placement for CLIP_DEVICE and CLIP_DTYPE. Raises ModelLoadError: int8 without a CPU."""
    where = _resolve_device(device)
    if dtype == INT8 and where != "cpu":
        raise ModelLoadError(
            f"CLIP_DTYPE=int8 runs on the CPU only, and CLIP_DEVICE={device} selects {where};"
            " set CLIP_DEVICE=cpu, or another CLIP_DTYPE"
        )
    return Placement(where, _resolve_dtype(dtype, where))


def _resolve_device(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _resolve_dtype(dtype: str, device: str) -> str:
    if dtype == "auto":
        return "float16" if device.startswith("cuda") else "float32"
    return dtype
