"""Tells errors of a device, and lack of memory, from errors that an item may have caused.

PyTorch raises RuntimeError for nearly everything, so the messages of the drivers decide.
"""

import re
from collections.abc import Iterator

from worker.model.encoder import DeviceFailed, OutOfMemory

MAX_CHARS = 400

NO_MEMORY = re.compile(
    r"out of memory|OutOfMemory|not enough memory|insufficient memory|can't allocate memory"
    r"|_status_alloc_failed|bad_alloc",
    re.IGNORECASE,
)
DEVICE = re.compile(
    r"(cuda|hip|xpu|mps|musa)( driver| runtime)? error|error \[(cuda|hip)\]|cuda unknown error"
    # cuBLAS, cuDNN, cuSPARSE, cuSOLVER, cuFFT and AMD's counterparts
    r"|(cublas|cublaslt|cudnn|cusparse|cusparselt|cusolver|rocblas|hipblas|hipblaslt|hipsparse)"
    r"_status_|(cufft|hipfft|curand|cudnn|miopen|nccl|nvml) ?(error|status)|miopenstatus"
    r"|(cuda|hip)error[a-z]"
    # the words of the CUDA runtime, wherever they stand
    r"|illegal memory access|illegal instruction|illegal address|misaligned address"
    r"|device-side assert|unspecified launch failure|launch timed out|hardware stack error"
    r"|ecc error|no kernel image|kernel image is invalid"
    # a device that is gone
    r"|device[ _]?(is |was |has been )?lost|gpu is lost|fallen off the bus|device[ _]removed"
    r"|no cuda-capable device|nvml_success|device (is )?(unavailable|not ready)"
    # Metal
    r"|iogpucommandbuffer|mtlcommandbuffer|command buffer exited|gpu (hang|timeout|error)",
    re.IGNORECASE,
)
NOT_STICKY = re.compile(
    r"invalid (argument|configuration)|too many resources requested", re.IGNORECASE
)
"""A launch that CUDA refused and survived: the batch may be the cause."""


def device_error(error: BaseException) -> DeviceFailed | OutOfMemory | None:
    """The error as one of the device; None if an item may have caused it.

    Causes count too, because libraries wrap errors. The result does not refer to the error, whose
    traceback holds the tensors of the batch.
    """
    for cause in _chain(error):
        names = {kind.__name__ for kind in type(cause).__mro__}
        text = " ".join(str(cause).split())[:MAX_CHARS]
        if names & {"OutOfMemory", "OutOfMemoryError", "MemoryError"} or NO_MEMORY.search(text):
            return OutOfMemory(text)
        if isinstance(cause, DeviceFailed):
            return DeviceFailed(text)
        if NOT_STICKY.search(text):
            continue
        if "AcceleratorError" in names or DEVICE.search(text):
            return DeviceFailed(text)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes."""
    seen = set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
