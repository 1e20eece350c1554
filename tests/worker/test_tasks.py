import time
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from threading import Timer

import numpy as np
import pytest
from PIL import Image
from redis import Redis

from common.jobs import Ledger
from common.protocol import INTERACTIVE, Item, PartResult
from common.records import NewJob
from tests.picture_server import PictureServer
from tests.pictures import encoded
from tests.worker.fake_encoder import POISON, TOO_MUCH, FakeEncoder
from tests.worker.runners import text
from worker.batcher import BatcherClosed
from worker.formats.limits import Limits
from worker.interest import ASK_EVERY_S
from worker.tasks import MAX_TRIES, PartRunner


def plain(brightness: int) -> bytes:
    return encoded(Image.new("RGB", (5, 4), (brightness,) * 3))


def run(
    runner: PartRunner, ledger: Ledger, items: list[Item], pictures: list[bytes] | None = None
) -> PartResult | None:
    """Create a job of one part, run it, and return what was stored."""
    blobs = {sha256(content).hexdigest(): content for content in pictures or []}
    blob_items = [Item("blob", digest, queries=1, required=True) for digest in blobs]
    job = NewJob("j", "encode", INTERACTIVE, [[*items, *blob_items]], {}, "r", 60, 60)
    ledger.create(job, blobs, max_open_items=1000, worker_ttl_s=0)
    runner.run("j", 0, is_urgent=True)
    [stored] = ledger.results("j", [0])
    return stored


def test_texts_and_pictures_are_encoded_in_order(runner: PartRunner, ledger: Ledger) -> None:
    stored = run(runner, ledger, [text("abc"), text("a")], [plain(7), plain(200)])
    assert stored is not None
    assert stored.vectors.tolist() == [[3, 2, 3, 0], [1, 2, 3, 0], [7, 7, 7, 1], [200] * 3 + [1]]
    assert stored.about.faults == {}
    assert stored.about.timings.queue >= 0


def test_a_picture_is_fetched(
    runner: PartRunner, ledger: Ledger, picture_server: PictureServer
) -> None:
    url = picture_server.serve(plain(9))
    stored = run(runner, ledger, [Item("uri", url, queries=1, required=True)])
    assert stored is not None
    assert stored.vectors.tolist() == [[9, 9, 9, 1]]
    assert stored.about.timings.fetch > 0


def test_a_large_jpeg_is_decoded_no_larger_than_is_useful(
    runner: PartRunner, ledger: Ledger
) -> None:
    pixels = 160 * 120
    drafting = replace(runner, jpeg_draft=True, limits=Limits(pixels, max_frames=1))
    with pytest.raises(ValueError, match=f"{pixels} pixels"), runner.budget.hold(pixels, print):
        pass
    content = encoded(Image.new("RGB", (160, 120), (90,) * 3), "JPEG")
    stored = run(drafting, ledger, [], [content])
    assert stored is not None
    assert stored.vectors.tolist() == [[90, 90, 90, 1]]


def test_cut_texts_are_told(runner: PartRunner, ledger: Ledger) -> None:
    stored = run(runner, ledger, [text("short"), text("much too long")])
    assert stored is not None
    assert stored.about.truncated == (1,)


def test_a_text_is_encoded_once_and_told_as_cut_each_time(
    runner: PartRunner, ledger: Ledger, redis: Redis, encoder: FakeEncoder
) -> None:
    items = [text("short"), text("much too long")]
    first = run(runner, ledger, items)
    redis.flushall()
    batches = len(encoder.batches)
    again = run(runner, ledger, [*reversed(items), text("new")], [plain(3)])
    assert first is not None
    assert again is not None
    assert again.vectors[:2].tolist() == first.vectors[::-1].tolist()
    assert again.about.truncated == (0,)
    assert sorted(encoder.batches[batches:]) == [1, 1], "the new text, and the picture"


def test_a_bad_picture_costs_itself_alone(runner: PartRunner, ledger: Ledger) -> None:
    stored = run(runner, ledger, [text("a")], [b"no picture", plain(3)])
    assert stored is not None
    assert {index: fault.code for index, fault in stored.about.faults.items()} == {
        1: "not_an_image"
    }
    assert stored.vectors.tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [3, 3, 3, 1]]


def test_a_picture_that_makes_the_model_raise_costs_itself_alone(
    runner: PartRunner, ledger: Ledger
) -> None:
    good = [plain(100 + n) for n in range(15)]
    stored = run(runner, ledger, [], [*good[:7], plain(POISON), *good[7:]])
    assert stored is not None
    assert {index: fault.code for index, fault in stored.about.faults.items()} == {
        7: "encode_failed"
    }
    assert np.count_nonzero(stored.vectors[:, 3]) == 15


def test_a_picture_that_cannot_be_prepared_costs_itself_alone(
    runner: PartRunner, ledger: Ledger
) -> None:
    stored = run(runner, ledger, [text("a")], [plain(TOO_MUCH), plain(3)])
    assert stored is not None
    assert {index: fault.code for index, fault in stored.about.faults.items()} == {
        1: "encode_failed"
    }
    assert stored.vectors.tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [3, 3, 3, 1]]


def test_pictures_that_fail_give_their_pixels_back(runner: PartRunner, ledger: Ledger) -> None:
    large = [encoded(Image.new("RGB", (40, 25), (n,) * 3)) for n in (TOO_MUCH, 1)]
    broken = [encoded(Image.effect_noise((40, 25), n))[:-40] for n in range(50, 60)]
    stored = run(runner, ledger, [], [*large, *broken, plain(3)])
    assert stored is not None
    codes = [fault.code for fault in stored.about.faults.values()]
    assert sorted(codes) == ["encode_failed"] + ["not_an_image"] * 10
    assert stored.vectors[-1].tolist() == [3, 3, 3, 1]


def test_a_job_cancelled_while_a_picture_waits_for_pixels_is_dropped(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    cancel = Timer(0.1, ledger.stop, ("j", "cancelled", ""))
    cancel.start()
    with runner.budget.hold(1000, lambda: None):
        assert run(runner, ledger, [], [plain(1)]) is None
    cancel.join()
    assert encoder.batches == []


def test_a_part_nobody_wants_is_not_encoded(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    job = NewJob("j", "encode", INTERACTIVE, [[text("a")]], {}, "r", 60, 60)
    ledger.create(job, {}, max_open_items=10, worker_ttl_s=0)
    ledger.stop("j", "cancelled", "")
    runner.run("j", 0, is_urgent=True)
    assert encoder.batches == []


def test_a_part_that_is_none_fails_its_job(
    runner: PartRunner, ledger: Ledger, redis: Redis, encoder: FakeEncoder
) -> None:
    job = NewJob("j", "encode", INTERACTIVE, [[text("a")]], {}, "r", 60, 60)
    ledger.create(job, {}, max_open_items=10, worker_ttl_s=0)
    redis.hset("clip:job:j", "items:0", '[["file", "/etc/passwd", 1, true]]')
    runner.run("j", 0, is_urgent=True)
    record = ledger.read("j")
    assert record is not None
    assert (record.state, record.error) == ("failed", "broken")
    assert encoder.batches == []


def test_a_part_delivered_twice_is_encoded_once(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    run(runner, ledger, [text("a")])
    runner.run("j", 0, is_urgent=True)
    assert encoder.batches == [1]


def test_an_ending_worker_leaves_the_part_to_others(runner: PartRunner, ledger: Ledger) -> None:
    runner.batcher.close(5)
    with pytest.raises(BatcherClosed):
        run(runner, ledger, [text("a")])
    assert ledger.is_wanted("j")


def test_a_job_cancelled_while_its_pictures_are_fetched_costs_no_model_time(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder, picture_server: PictureServer
) -> None:
    def cancel_then_answer(handler: BaseHTTPRequestHandler) -> None:
        ledger.stop("j", "cancelled", "")
        time.sleep(ASK_EVERY_S)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(plain(1))))
        handler.end_headers()
        handler.wfile.write(plain(1))

    url = picture_server.behave(cancel_then_answer)
    assert run(runner, ledger, [Item("uri", url, queries=1, required=True)]) is None
    assert encoder.batches == []


def test_a_part_that_hung_the_model_three_times_is_given_up(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    job = NewJob("j", "encode", INTERACTIVE, [[text("a"), text("b")]], {}, "r", 60, 60)
    ledger.create(job, {}, max_open_items=10, worker_ttl_s=0)
    for _ in range(3):
        ledger.strike("j", 0)
    runner.run("j", 0, is_urgent=True)
    [stored] = ledger.results("j", [0])
    assert stored is not None
    assert [fault.code for fault in stored.about.faults.values()] == ["given_up", "given_up"]
    assert encoder.batches == []


def test_a_part_that_never_gets_done_is_given_up(runner: PartRunner, ledger: Ledger) -> None:
    job = NewJob("j", "encode", INTERACTIVE, [[text("a")]], {}, "r", 60, 60)
    ledger.create(job, {}, max_open_items=10, worker_ttl_s=0)
    for _ in range(MAX_TRIES):
        ledger.begin("j", 0, "dead")
    runner.run("j", 0, is_urgent=True)
    record = ledger.read("j")
    assert record is not None
    assert record.state == "failed"
