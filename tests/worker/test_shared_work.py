"""Nothing is encoded twice: not after one another, and not at the same time."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from PIL import Image
from redis import Redis

from common.embeddings import picture_key, space_of
from common.jobs import Ledger
from common.protocol import Item, Vectors
from tests.picture_server import PictureServer
from tests.pictures import encoded
from tests.processes import wait_until
from tests.worker.fake_encoder import POISON, FakeEncoder
from tests.worker.runners import create, result, running, text
from worker.encoder import PreparedImage
from worker.in_flight import InFlight
from worker.policy import Origin
from worker.tasks import PartRunner


class Gated(FakeEncoder):
    """Encodes pictures only while its gate is open; tells how many are in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.is_busy = threading.Event()

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        self.is_busy.set()
        assert self.gate.wait(30)
        return super().encode_images(images)


class Watched(InFlight):
    """Tells how often it was asked."""

    asked = 0

    def encode(
        self, key: bytes, origin: Origin, submit: Callable[[], Future[Vectors]]
    ) -> Future[Vectors]:
        answer = super().encode(key, origin, submit)
        self.asked += 1
        return answer


def plain(brightness: int) -> bytes:
    return encoded(Image.new("RGB", (5, 4), (brightness,) * 3))


def run(runner: PartRunner, job: str, items: list[Item], pictures: list[bytes]) -> list[list[int]]:
    create(runner.ledger, job, items, pictures)
    runner.run(job, 0, is_urgent=True)
    vectors: list[list[int]] = result(runner.ledger, job).vectors.tolist()
    return vectors


def test_a_part_that_another_worker_has_encoded_costs_no_model_call(
    redis: Redis, runner: PartRunner
) -> None:
    items, pictures = [text("a"), text("much too long")], [plain(7)]
    first = run(runner, "one", items, pictures)
    with running(redis, FakeEncoder()) as other:
        assert run(other, "two", items, pictures) == first
        assert other.encoder.batches == []  # type: ignore[attr-defined]
    about = result(runner.ledger, "two").about
    assert about.truncated == (1,)
    assert about.timings.decode == 0


def test_of_a_part_only_what_is_new_is_encoded(redis: Redis, runner: PartRunner) -> None:
    run(runner, "one", [text("a")], [plain(7), plain(8)])
    with running(redis, FakeEncoder()) as other:
        vectors = run(other, "two", [text("abc"), text("a")], [plain(9), plain(7)])
        assert vectors == [[3, 2, 3, 0], [1, 2, 3, 0], [9, 9, 9, 1], [7, 7, 7, 1]]
        assert other.encoder.batches == [1, 1]  # type: ignore[attr-defined]


def test_another_revision_encodes_for_itself(redis: Redis, runner: PartRunner) -> None:
    run(runner, "one", [], [plain(7)])
    newer = FakeEncoder("another")
    with running(redis, newer) as other:
        run(other, "two", [], [plain(7)])
    assert newer.batches == [1]


def test_a_fetched_picture_is_known_by_its_content_and_never_by_its_url(
    runner: PartRunner, encoder: FakeEncoder, picture_server: PictureServer
) -> None:
    run(runner, "one", [], [plain(7)])
    known = Item("uri", picture_server.serve(plain(7)), queries=1, required=True)
    assert run(runner, "two", [known], []) == [[7, 7, 7, 1]]
    assert result(runner.ledger, "two").about.timings.fetch > 0
    assert encoder.batches == [1]
    changed = Item("uri", picture_server.serve(plain(8)), queries=1, required=True)
    assert run(runner, "three", [changed], []) == [[8, 8, 8, 1]]


def test_a_failure_is_not_remembered(
    redis: Redis, runner: PartRunner, encoder: FakeEncoder
) -> None:
    bad = [plain(POISON), b"not a picture"]
    for job in ("one", "two"):
        run(runner, job, [], bad)
        codes = [fault.code for fault in result(runner.ledger, job).about.faults.values()]
        assert sorted(codes) == ["encode_failed", "not_an_image"]
    assert encoder.batches == [1, 1]
    space = space_of(encoder.info, encoder.dtype)
    assert not redis.exists(f"clip:emb:{space.name}:new")


def test_a_part_is_encoded_where_the_cache_is_out_of_order(
    redis: Redis, runner: PartRunner, encoder: FakeEncoder
) -> None:
    redis.set(f"clip:emb:{space_of(encoder.info, encoder.dtype).name}:new", "what is this")
    for job in ("one", "two"):
        assert run(runner, job, [], [plain(7)]) == [[7, 7, 7, 1]]
    assert encoder.batches == [1, 1]


class Scene:
    """Parts that are under way at the same time; without a cache, which would hide it."""

    runner: PartRunner

    def __init__(self, ledger: Ledger, pool: ThreadPoolExecutor) -> None:
        self.ledger = ledger
        self.encoder = Gated()
        self.in_flight = Watched()
        self._pool = pool

    def start(self, job: str, pictures: list[bytes], **how: int) -> Future[None]:
        """Run a part, and come back once its pictures are handed in."""
        create(self.ledger, job, [], pictures, **how)
        return self.resume(job, pictures)

    def resume(self, job: str, pictures: list[bytes]) -> Future[None]:
        asked = self.in_flight.asked + len(pictures)
        ended = self._pool.submit(self.runner.run, job, 0, is_urgent=True)
        wait_until(lambda: self.in_flight.asked == asked, "the pictures are handed in")
        return ended


@pytest.fixture
def scene(redis: Redis, ledger: Ledger) -> Iterator[Scene]:
    with ThreadPoolExecutor(4) as pool:
        scene = Scene(ledger, pool)
        with running(redis, scene.encoder, cached=0, in_flight=scene.in_flight) as scene.runner:
            yield scene
            scene.encoder.gate.set()


def test_the_same_picture_in_two_parts_at_once_is_encoded_once(scene: Scene) -> None:
    both = [scene.start(job, [plain(7)]) for job in ("one", "two")]
    scene.encoder.gate.set()
    for ended in both:
        ended.result(30)
    assert scene.encoder.batches == [1]
    for job in ("one", "two"):
        assert result(scene.ledger, job).vectors.tolist() == [[7, 7, 7, 1]]


def test_a_first_that_comes_too_late_does_no_harm_to_the_second(scene: Scene) -> None:
    scene.start("blocking", [plain(3)])
    assert scene.encoder.is_busy.wait(30)
    first = scene.start("first", [plain(7)], lifetime_s=1)
    late = time.monotonic() + 1
    second = scene.start("second", [plain(7), plain(8)])
    wait_until(lambda: time.monotonic() > late, "the first is too late")
    scene.encoder.gate.set()
    first.result(30)
    second.result(30)
    assert scene.ledger.results("first", [0]) == [None]
    stored = result(scene.ledger, "second")
    assert stored.vectors.tolist() == [[7, 7, 7, 1], [8, 8, 8, 1]]
    assert stored.about.faults == {}


def test_a_poisoned_picture_in_two_parts_at_once_fails_in_both(scene: Scene) -> None:
    both = [scene.start(job, [plain(POISON), plain(7)]) for job in ("one", "two")]
    scene.encoder.gate.set()
    for ended in both:
        ended.result(30)
    for job in ("one", "two"):
        stored = result(scene.ledger, job)
        assert {at: fault.code for at, fault in stored.about.faults.items()} == {0: "encode_failed"}
        assert stored.vectors[1].tolist() == [7, 7, 7, 1]


def test_a_part_under_suspicion_goes_alone(scene: Scene) -> None:
    first = scene.start("one", [plain(7)])
    create(scene.ledger, "two", [], [plain(7)])
    scene.ledger.strike("two", 0)
    second = scene.resume("two", [plain(7)])
    scene.encoder.gate.set()
    first.result(30)
    second.result(30)
    assert scene.encoder.batches == [1, 1]


def test_what_is_encoded_is_kept_under_its_content(runner: PartRunner, redis: Redis) -> None:
    run(runner, "one", [], [plain(7)])
    [name] = redis.scan_iter("clip:emb:*")
    assert redis.hkeys(name) == [picture_key(plain(7))]
