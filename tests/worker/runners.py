"""Part runners for tests, around any encoder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256

from redis import Redis

from common.embeddings import CacheBounds, EmbeddingCache, space_of
from common.jobs import Ledger
from common.protocol import INTERACTIVE, Item, PartResult
from common.records import NewJob
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.fetchers import loopback_fetcher
from worker.batcher import Batcher
from worker.formats.limits import Limits
from worker.in_flight import InFlight
from worker.memory import Memory
from worker.pixel_budget import PixelBudget
from worker.tasks import PartRunner
from worker.text_memory import TextMemory


@contextmanager
def running(
    redis: Redis, encoder: FakeEncoder, *, cached: int = 1000, in_flight: InFlight | None = None
) -> Iterator[PartRunner]:
    """A runner with a batcher of its own, like that of a worker process."""
    batcher = Batcher(
        {"image": encoder.encode_images, "text": encoder.encode_texts}, {"image": 16, "text": 64}
    )
    with ThreadPoolExecutor(4) as urgent, ThreadPoolExecutor(4) as other:
        yield PartRunner(
            worker="w",
            ledger=Ledger(redis),
            encoder=encoder,
            batcher=batcher,
            fetcher=loopback_fetcher(max_bytes=10_000, timeout_s=2),
            urgent_pictures=urgent,
            other_pictures=other,
            limits=Limits(max_pixels=1000, max_frames=10),
            budget=PixelBudget(1000),
            memory=Memory(
                TextMemory(100),
                EmbeddingCache(redis, CacheBounds(cached, 60)),
                space_of(encoder.info, encoder.dtype),
            ),
            in_flight=in_flight or InFlight(),
        )
    batcher.close(5)


def text(value: str) -> Item:
    return Item("text", value, queries=1, required=True)


def create(
    ledger: Ledger, job: str, items: list[Item], pictures: list[bytes], *, lifetime_s: int = 60
) -> None:
    """A job of one part: items, then pictures."""
    blobs = {sha256(content).hexdigest(): content for content in pictures}
    blob_items = [Item("blob", digest, queries=1, required=True) for digest in blobs]
    part = [*items, *blob_items]
    new = NewJob(job, "encode", INTERACTIVE, [part], {}, "r", lifetime_s, 60)
    ledger.create(new, blobs, max_open_items=1000, worker_ttl_s=0)


def result(ledger: Ledger, job: str) -> PartResult:
    [stored] = ledger.results(job, [0])
    assert stored is not None
    return stored
