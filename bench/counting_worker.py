"""A worker that counts how often its model is run: `python -m bench.counting_worker`.

It is the real worker in every other way. The count is a number in the file that BENCH_CALLS names.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common.protocol import Vectors
from worker.__main__ import main
from worker.app import worker


class Counter:
    """A number in a file, written by one thread and read by another process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls = 0

    def count(
        self, encode: Callable[[Sequence[Any]], Vectors]
    ) -> Callable[[Sequence[Any]], Vectors]:
        def counted(items: Sequence[Any]) -> Vectors:
            self._calls += 1
            self._path.write_text(str(self._calls))
            return encode(items)

        return counted


if __name__ == "__main__":
    load = worker.load_encoder

    def load_counted() -> Any:  # noqa: ANN401
        encoder, counter = load(), Counter(Path(os.environ["BENCH_CALLS"]))
        encoder.encode_images = counter.count(encoder.encode_images)
        encoder.encode_texts = counter.count(encoder.encode_texts)
        return encoder

    worker.load_encoder = load_counted  # type: ignore[method-assign]
    main()
