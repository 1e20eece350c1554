"""A worker with a fake model that can misbehave: `python -m tests.faults.worker`.

Otherwise it is the real worker. The variables FAULT_* select the misbehaviour; and
Celery's remote control has a command `hang`, for its consumer.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from celery.worker.control import control_command

from common.protocol.messages import Vectors
from tests.worker.fake_encoder import FakeEncoder
from worker.__main__ import main
from worker.app import process
from worker.model.encoder import OutOfMemory, PreparedImage

HANG = 77
"""The brightness of an image in which the model hangs."""
SLOW = 88
"""The brightness of an image that takes the model two seconds in which the process runs."""
DEATH = 99
"""The brightness of an image that ends the batcher thread."""

ASSERTION = 66
"""The brightness of an image that makes an assertion fail on the device."""


class ModelDied(BaseException):
    """Nothing that the batcher could catch and go on."""


class FaultyEncoder(FakeEncoder):
    """Takes time over each image, and misbehaves at the sight of some.

    With an `error`, it raises that on every call after the first `good_calls`. While the file
    `no_memory` exists, there is no memory even for one image.
    """

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        super().__init__(name)
        self._seconds = float(environment.get("FAULT_SECONDS_PER_IMAGE", "0.005"))
        self._memory = int(environment.get("FAULT_MEMORY", "1000"))
        self._no_memory = Path(environment.get("FAULT_NO_MEMORY", "/dev/null/none"))
        self._error = environment.get("FAULT_ERROR", "")
        self._good_calls = int(environment.get("FAULT_GOOD_CALLS", "1"))

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        self._good_calls -= 1
        if self._error and self._good_calls < 0:
            raise RuntimeError(self._error)
        if len(images) > self._memory or self._no_memory.exists():
            raise OutOfMemory
        for image in images:
            if np.all(image["mean"] == HANG):
                time.sleep(3600)
            if np.all(image["mean"] == SLOW):
                for _ in range(200):  # one long sleep would end while the process is frozen
                    time.sleep(0.01)
            if np.all(image["mean"] == DEATH):
                raise ModelDied
            if np.all(image["mean"] == ASSERTION):
                raise RuntimeError("CUDA error: device-side assert triggered")
        time.sleep(self._seconds * len(images))
        return super().encode_images(images)


@control_command(args=[("seconds", float)])
def hang(_panel: object, seconds: float) -> None:
    time.sleep(seconds)


def make_encoder() -> FaultyEncoder:
    return FaultyEncoder(process.settings.name, os.environ)


if __name__ == "__main__":
    process.load_encoder = make_encoder  # type: ignore[method-assign]
    main()
