"""Which errors are the device's, and which may be an item's."""

import pytest
import torch

from worker.model.device_errors import device_error
from worker.model.encoder import DeviceFailed, OutOfMemory

CUDA_HINT = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect."
)
OF_THE_DEVICE = [
    "CUDA error: an illegal memory access was encountered" + CUDA_HINT,
    "CUDA error: unspecified launch failure" + CUDA_HINT,
    "CUDA error: device-side assert triggered" + CUDA_HINT,
    "CUDA error: uncorrectable ECC error encountered" + CUDA_HINT,
    "CUDA error: misaligned address" + CUDA_HINT,
    "CUDA error: an illegal instruction was encountered" + CUDA_HINT,
    "CUDA error: no kernel image is available for execution on the device" + CUDA_HINT,
    "CUDA error: the launch timed out and was terminated" + CUDA_HINT,
    "CUDA error: unknown error",
    "CUDA driver error: device not ready",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( handle, opa, opb)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "CUBLAS_STATUS_INTERNAL_ERROR",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "cuDNN error: CUDNN_STATUS_MAPPING_ERROR",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "CUSPARSE_STATUS_EXECUTION_FAILED",
    "cuFFT error: CUFFT_EXEC_FAILED",
    "HIP error: an illegal memory access was encountered",
    "miopenStatusInternalError",
    "cudaErrorIllegalAddress",
    "Triton Error [CUDA]: an illegal memory access was encountered",
    "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.",
    "the GPU has fallen off the bus",
    "device lost",
    "UR_RESULT_ERROR_DEVICE_LOST",
    "NVML_SUCCESS == r INTERNAL ASSERT FAILED at CUDACachingAllocator.cpp",
    "Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)",
    "Error: command buffer exited with error status.",
    "MPS error: the operation did not finish",
]
OF_MEMORY = [
    "CUDA out of memory. Tried to allocate 2.00 GiB.",
    "CUDA error: out of memory",
    "HIP out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "MPS backend out of memory (MPS allocated: 9.0 GB)",
    "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory",
]
OF_AN_ITEM = [
    "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)",
    "The size of tensor a (80) must match the size of tensor b (77)",
    "index out of range in self",
    "CUDA error: invalid configuration argument",
    "CUDA error: too many resources requested for launch",
    "poison",
    "",
]


@pytest.mark.parametrize("text", OF_THE_DEVICE)
def test_an_error_of_the_device_is_recognised_by_its_message(text: str) -> None:
    found = device_error(RuntimeError(text))
    assert isinstance(found, DeviceFailed)
    assert str(found).startswith(text[:20])


@pytest.mark.parametrize("text", OF_MEMORY)
def test_lack_of_memory_is_recognised_by_its_message(text: str) -> None:
    assert isinstance(device_error(RuntimeError(text)), OutOfMemory)


@pytest.mark.parametrize("text", OF_AN_ITEM)
def test_other_errors_may_be_an_items(text: str) -> None:
    assert device_error(RuntimeError(text)) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.AcceleratorError("anything"), DeviceFailed),
        (torch.OutOfMemoryError("anything"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (DeviceFailed("gone"), DeviceFailed),
        (OutOfMemory("no room"), OutOfMemory),
    ],
)
def test_some_are_recognised_by_their_class(error: Exception, kind: type[Exception]) -> None:
    assert isinstance(device_error(error), kind)


def test_a_wrapped_error_is_recognised_too() -> None:
    def failure(*, is_explicit: bool) -> Exception:
        cause = RuntimeError("CUDA error: device-side assert triggered")
        try:
            try:
                raise cause
            except RuntimeError:
                raise ValueError("the layer failed") from (cause if is_explicit else None)
        except ValueError as error:
            return error

    assert isinstance(device_error(failure(is_explicit=True)), DeviceFailed)
    assert device_error(failure(is_explicit=False)) is None, "the cause was suppressed"
