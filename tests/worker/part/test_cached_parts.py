"""Nothing is encoded twice: each worker finds what any of them has encoded."""

from dataclasses import replace
from typing import get_args

import pytest
from PIL import Image
from redis import Redis

from common.cache.embeddings import image_key, space_of
from common.protocol.messages import Alpha, Item
from tests.image_server import ImageServer
from tests.images import encoded
from tests.worker.fake_encoder import POISON, FakeEncoder
from tests.worker.runners import plain, result, run, running, text
from worker.images.decode import DecodedImage
from worker.model.encoder import PreparedImage
from worker.part.runner import PartRunner


def test_a_part_that_another_worker_has_encoded_costs_no_model_call(
    redis: Redis, runner: PartRunner
) -> None:
    items, images = [text("a"), text("much too long")], [plain(7)]
    first = run(runner, "one", items, images)
    newcomer = FakeEncoder()
    with running(redis, newcomer) as other:
        again = run(other, "two", items, images)
    assert again.vectors.tolist() == first.vectors.tolist()
    assert again.about.truncated == (1,)
    assert again.about.timings.decode == 0
    assert newcomer.batches == []


def test_of_a_part_only_what_is_new_is_encoded(redis: Redis, runner: PartRunner) -> None:
    run(runner, "one", [text("a")], [plain(7), plain(8)])
    newcomer = FakeEncoder()
    with running(redis, newcomer) as other:
        stored = run(other, "two", [text("abc"), text("a")], [plain(9), plain(7)])
    assert stored.vectors.tolist() == [[3, 2, 3, 0], [1, 2, 3, 0], [9, 9, 9, 1], [7, 7, 7, 1]]
    assert newcomer.batches == [1, 1]


def test_another_model_encodes_for_itself(redis: Redis, runner: PartRunner) -> None:
    run(runner, "one", [], [plain(7)])
    newer = FakeEncoder("another")
    with running(redis, newer) as other:
        run(other, "two", [], [plain(7)])
    assert newer.batches == [1]


def test_a_fetched_image_is_known_by_its_content_and_never_by_its_url(
    runner: PartRunner, encoder: FakeEncoder, image_server: ImageServer
) -> None:
    run(runner, "one", [], [plain(7)])
    known = Item("uri", image_server.serve(plain(7)), queries=1, required=True)
    stored = run(runner, "two", [known])
    assert stored.vectors.tolist() == [[7, 7, 7, 1]]
    assert stored.about.timings.fetch > 0
    assert encoder.batches == [1]
    changed = Item("uri", image_server.serve(plain(8)), queries=1, required=True)
    assert run(runner, "three", [changed]).vectors.tolist() == [[8, 8, 8, 1]]


def test_a_failure_is_not_cached(redis: Redis, runner: PartRunner, encoder: FakeEncoder) -> None:
    for job in ("one", "two"):
        faults = run(runner, job, [], [plain(POISON), b"not an image"]).about.faults
        assert sorted(fault.code for fault in faults.values()) == ["encode_failed", "not_an_image"]
    assert encoder.batches == [1, 1]
    space = space_of(encoder.info, encoder.dtype)
    assert not redis.exists(f"clip:emb:{space.name}:new")


def test_what_is_encoded_is_kept_under_its_content(runner: PartRunner, redis: Redis) -> None:
    run(runner, "one", [], [plain(7)])
    assert result(runner.ledger, "one").about.faults == {}
    [name] = redis.scan_iter("clip:emb:*")
    assert redis.hkeys(name) == [image_key(plain(7))]


def test_an_image_is_known_for_each_background_and_whether_it_is_transparent(
    runner: PartRunner, encoder: FakeEncoder
) -> None:
    content = encoded(Image.new("RGBA", (5, 4), (8, 8, 8, 0)))
    greys: dict[Alpha, int] = {"drop": 8, "white": 255, "black": 0}
    for job in ("first", "second"):
        for alpha in get_args(Alpha):
            stored = run(runner, f"{job} {alpha}", [], [content], alpha=alpha)
            assert stored.vectors.tolist() == [[*[greys[alpha]] * 3, 1]]
            assert stored.about.transparent == (0,)
    assert encoder.batches == [1, 1, 1], "the others were known"


def test_a_fetched_image_too(
    runner: PartRunner, encoder: FakeEncoder, image_server: ImageServer
) -> None:
    url = image_server.serve(encoded(Image.new("RGBA", (5, 4), (9, 9, 9, 0))))
    item = Item("uri", url, queries=1, required=True, alpha="black")
    for job in "ab":
        stored = run(runner, job, [item])
        assert stored.vectors.tolist() == [[0, 0, 0, 1]]
        assert stored.about.transparent == (0,)
    assert encoder.batches == [1]


@pytest.mark.parametrize(("turned", "size"), [(True, (3, 9)), (False, (9, 3))])
def test_a_photo_is_turned_unless_that_is_switched_off(
    runner: PartRunner, *, turned: bool, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    encoder = SizeSeeing()
    pipeline = replace(runner.pipeline, encoder=encoder, exif_orientation=turned)
    photo = encoded(Image.new("RGB", (9, 3)), exif=exif)
    run(replace(runner, pipeline=pipeline), "j", [], [photo])
    assert encoder.seen == [size]


class SizeSeeing(FakeEncoder):
    """Tells what sizes it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        self.seen.append(image.size)
        return super().prepare_image(image)
