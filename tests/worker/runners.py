"""Part runners for tests, around any encoder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256

from PIL import Image
from redis import Redis

from common.cache.embeddings import CacheBounds, EmbeddingCache, space_of
from common.ledger.jobs import Ledger
from common.ledger.records import NewJob, RequestRecord
from common.protocol.messages import Alpha, Item, PartResult, Priority
from tests.images import encoded
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.fetchers import loopback_fetcher
from worker.batching.batcher import Batcher
from worker.images.limits import Limits
from worker.images.pixel_budget import PixelBudget
from worker.model.embedding_memory import Memory, TextMemory
from worker.part.fetching_parts import FetchingParts
from worker.part.pipeline import Pipeline
from worker.part.runner import PartRunner
from worker.telemetry.metrics import WorkerMetrics


@contextmanager
def running(redis: Redis, encoder: FakeEncoder) -> Iterator[PartRunner]:
    """A runner with a batcher of its own, like that of a worker process."""
    batcher = Batcher(
        {"image": encoder.encode_images, "text": encoder.encode_texts}, {"image": 16, "text": 64}
    )
    with ThreadPoolExecutor(4) as interactive, ThreadPoolExecutor(4) as bulk:
        pipeline = Pipeline(
            encoder=encoder,
            batcher=batcher,
            fetcher=loopback_fetcher(max_bytes=10_000, timeout_s=2),
            fetching=FetchingParts(threads=4),
            image_threads={Priority.INTERACTIVE: interactive, Priority.BULK: bulk},
            limits=Limits(max_pixels=1000, max_frames=10),
            budgets={priority: PixelBudget(1000) for priority in Priority},
            memory=Memory(
                TextMemory(100),
                EmbeddingCache(redis, CacheBounds(1000, 60)),
                space_of(encoder.info, encoder.dtype),
            ),
        )
        yield PartRunner("w", Ledger(redis), pipeline, WorkerMetrics())
    batcher.close(5)


def text(value: str) -> Item:
    return Item("text", value, queries=1, required=True)


def plain(brightness: int) -> bytes:
    """A small image of one grey."""
    return encoded(Image.new("RGB", (5, 4), (brightness,) * 3))


def create(
    ledger: Ledger,
    job: str,
    items: list[Item],
    images: list[bytes] | None = None,
    priority: Priority = Priority.BULK,
    *,
    alpha: Alpha = "drop",
) -> None:
    """A job of one part: items, then images. An interactive one needs a heartbeat."""
    contents = {sha256(content).hexdigest(): content for content in images or []}
    blob_items = [
        Item("blob", digest, queries=1, required=True, alpha=alpha) for digest in contents
    ]
    blobs = {item.blob: contents[item.value] for item in blob_items}
    part = [*items, *blob_items]
    request = RequestRecord({}, "".join(item.kind[0] for item in part), [len(part)])
    new = NewJob(job, "encode", priority, [part], request, "r", 60, 60)
    assert ledger.create(new, blobs, max_open_items=10_000, worker_ttl_s=5).outcome == "created"


def run(
    runner: PartRunner,
    job: str,
    items: list[Item],
    images: list[bytes] | None = None,
    priority: Priority = Priority.BULK,
    *,
    alpha: Alpha = "drop",
) -> PartResult:
    """Create a job of one part, run it, and return what was stored."""
    create(runner.ledger, job, items, images, priority, alpha=alpha)
    assert runner.run(job, 0)
    return result(runner.ledger, job)


def result(ledger: Ledger, job: str) -> PartResult:
    [stored] = ledger.results(job, [0])
    assert stored is not None
    return stored
