"""`python -m worker.tune`: measure the model on this machine, and print settings for it.

Reads the settings of a worker, and takes half a minute. Workers themselves follow rules, so that
equal machines run alike.
"""

import sys

from common import logs
from common.settings import read
from worker.model.cpu.runtime import let_waiting_threads_sleep
from worker.model.load_errors import ModelLoadError
from worker.model.loading import load_encoder
from worker.settings import WorkerSettings


def main() -> None:
    settings = read(WorkerSettings)
    logs.configure("tune", "warning", settings.log_format)
    if settings.cpu_acceleration == "auto":
        let_waiting_threads_sleep()  # as a worker does, before torch is loaded
    from worker.model.measure import measure  # noqa: PLC0415

    try:
        best = measure(
            lambda threads: load_encoder(settings.model_copy(update={"torch_threads": threads}))
        )
    except ModelLoadError as error:
        sys.exit(f"CLIP_MODEL: {error}")
    print(f"# {settings.model}: {best.images_per_s:.1f} images per second")  # noqa: T201
    print(f"CLIP_BATCH_SIZE={best.batch_size}")  # noqa: T201
    if best.threads:
        print(f"CLIP_TORCH_THREADS={best.threads}")  # noqa: T201


if __name__ == "__main__":
    main()
