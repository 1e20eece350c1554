"""A worker that counts the runs of its model: `python -m bench.counting_worker`.

Otherwise it is the real worker. The count is in the file that BENCH_CALLS names.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.protocol.messages import Vectors
from worker.__main__ import main
from worker.app import process
from worker.model.encoder import PreparedImage, PreparedText, StartBatch


class CountingEncoder:
    """Another encoder, with a count of its calls kept in a file."""

    start: Mapping[str, StartBatch] = {}
    """All batches are encoded by the methods that count."""

    def __init__(self, encoder: Any, path: Path) -> None:  # noqa: ANN401
        self._encoder = encoder
        self._path = path
        self._calls = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._encoder, name)

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        self._count()
        vectors: Vectors = self._encoder.encode_images(images)
        return vectors

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        self._count()
        vectors: Vectors = self._encoder.encode_texts(texts)
        return vectors

    def _count(self) -> None:
        self._calls += 1
        self._path.write_text(str(self._calls))


if __name__ == "__main__":
    load = process.load_encoder
    path = Path(os.environ["BENCH_CALLS"])
    process.load_encoder = lambda: CountingEncoder(load(), path)  # type: ignore[method-assign]
    main()
