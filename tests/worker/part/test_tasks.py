"""A part from its begin to its end, around a fake model."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
import structlog
from PIL import Image
from redis import Redis
from structlog.testing import capture_logs

from common.ledger.jobs import Ledger
from common.protocol.messages import Item, PartResult, Priority
from tests.image_server import ImageServer
from tests.images import encoded
from tests.processes import wait_until
from tests.worker.fake_encoder import POISON, TOO_MUCH, FakeEncoder
from tests.worker.runners import create, plain, result, run, text
from worker.batching.batcher import BatcherClosed
from worker.images.limits import Limits
from worker.part.pipeline import CHECK_EVERY_S
from worker.part.runner import MAX_STRIKES, MAX_TRIES, PartRunner


def codes(stored: PartResult) -> dict[int, str]:
    return {index: fault.code for index, fault in stored.about.faults.items()}


def test_texts_and_images_are_encoded_in_order(runner: PartRunner) -> None:
    stored = run(runner, "j", [text("abc"), text("a")], [plain(7), plain(200)])
    assert stored.vectors.tolist() == [[3, 2, 3, 0], [1, 2, 3, 0], [7, 7, 7, 1], [200] * 3 + [1]]
    assert stored.about.faults == {}
    assert stored.about.timings.queue >= 0


def test_an_image_is_fetched(runner: PartRunner, image_server: ImageServer) -> None:
    url = image_server.serve(plain(9))
    stored = run(runner, "j", [Item("uri", url, queries=1, required=True)])
    assert stored.vectors.tolist() == [[9, 9, 9, 1]]
    assert stored.about.timings.fetch > 0


def test_a_large_jpeg_is_decoded_no_larger_than_is_useful(runner: PartRunner) -> None:
    pixels = 160 * 120
    pipeline = replace(runner.pipeline, jpeg_draft=True, limits=Limits(pixels, max_frames=1))
    budget = pipeline.budgets[Priority.BULK]
    with pytest.raises(ValueError, match=f"{pixels} pixels"), budget.hold(pixels, print):
        pass
    content = encoded(Image.new("RGB", (160, 120), (90,) * 3), "JPEG")
    stored = run(replace(runner, pipeline=pipeline), "j", [], [content])
    assert stored.vectors.tolist() == [[90, 90, 90, 1]]


def test_a_text_is_encoded_once_and_marked_as_truncated_each_time(
    runner: PartRunner, redis: Redis, encoder: FakeEncoder
) -> None:
    items = [text("short"), text("much too long")]
    first = run(runner, "j", items)
    assert first.about.truncated == (1,)
    redis.flushall()
    batches = len(encoder.batches)
    again = run(runner, "j", [*reversed(items), text("new")], [plain(3)])
    assert again.vectors[:2].tolist() == first.vectors[::-1].tolist()
    assert again.about.truncated == (0,)
    assert sorted(encoder.batches[batches:]) == [1, 1], "the new text, and the image"


@pytest.mark.parametrize(
    ("bad", "code"), [(b"not an image", "not_an_image"), (plain(TOO_MUCH), "no_memory")]
)
def test_a_bad_image_fails_alone(runner: PartRunner, bad: bytes, code: str) -> None:
    stored = run(runner, "j", [text("a")], [bad, plain(3)])
    assert codes(stored) == {1: code}
    assert stored.vectors.tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [3, 3, 3, 1]]


def test_an_image_that_makes_the_model_raise_fails_alone(runner: PartRunner) -> None:
    good = [plain(100 + n) for n in range(15)]
    stored = run(runner, "j", [], [*good[:7], plain(POISON), *good[7:]])
    assert codes(stored) == {7: "encode_failed"}
    assert np.count_nonzero(stored.vectors[:, 3]) == 15


def test_images_that_fail_give_their_pixels_back(runner: PartRunner) -> None:
    large = [encoded(Image.new("RGB", (40, 25), (n,) * 3)) for n in (TOO_MUCH, 1)]
    broken = [encoded(Image.effect_noise((40, 25), n))[:-40] for n in range(50, 60)]
    stored = run(runner, "j", [], [*large, *broken, plain(3)])
    assert sorted(codes(stored).values()) == ["no_memory"] + ["not_an_image"] * 10
    assert stored.vectors[-1].tolist() == [3, 3, 3, 1]


def test_a_job_cancelled_while_an_image_waits_for_pixels_is_dropped(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    budget = runner.pipeline.budgets[Priority.BULK]

    def cancel() -> None:
        wait_until(lambda: budget.waiting, "the image waits")
        ledger.stop("j", "cancelled", "")

    create(ledger, "j", [], [plain(1)])
    with ThreadPoolExecutor(1) as pool, budget.hold(1000, lambda: None):
        cancelling = pool.submit(cancel)
        assert not runner.run("j", 0)
        cancelling.result()
    assert encoder.batches == []


def test_a_job_cancelled_while_its_images_are_fetched_costs_no_model_time(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder, image_server: ImageServer
) -> None:
    def cancel_then_answer(handler: BaseHTTPRequestHandler) -> None:
        ledger.stop("j", "cancelled", "")
        time.sleep(CHECK_EVERY_S)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(plain(1))))
        handler.end_headers()
        handler.wfile.write(plain(1))

    url = image_server.behave(cancel_then_answer)
    create(ledger, "j", [Item("uri", url, queries=1, required=True)])
    assert not runner.run("j", 0)
    assert encoder.batches == []


def test_a_part_of_a_cancelled_job_is_not_encoded(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    create(ledger, "j", [text("a")])
    ledger.stop("j", "cancelled", "")
    assert not runner.run("j", 0)
    assert encoder.batches == []


def test_a_part_of_no_job_is_ignored_with_a_line_in_the_log(runner: PartRunner) -> None:
    with capture_logs() as logs:
        assert not runner.run("no-such-job", 0)
    assert [(line["event"], line["job"]) for line in logs] == [("part_ignored", "no-such-job")]


def test_a_corrupt_part_fails_its_job(
    runner: PartRunner, ledger: Ledger, redis: Redis, encoder: FakeEncoder
) -> None:
    create(ledger, "j", [text("a")])
    redis.hset("clip:job:j", "items:0", '[["file", "/etc/passwd", 1, true]]')
    with capture_logs() as logs:
        assert not runner.run("j", 0)
    assert [line["event"] for line in logs] == ["corrupt_record"]
    record = ledger.read("j")
    assert record is not None
    assert (record.state, record.error) == ("failed", "corrupt")
    assert encoder.batches == []


def test_a_part_delivered_twice_is_encoded_once(runner: PartRunner, encoder: FakeEncoder) -> None:
    run(runner, "j", [text("a")])
    assert not runner.run("j", 0)
    assert encoder.batches == [1]


def test_an_ending_worker_leaves_the_part_to_others(runner: PartRunner, ledger: Ledger) -> None:
    runner.pipeline.batcher.close(5)
    with pytest.raises(BatcherClosed):
        run(runner, "j", [text("a")])
    assert not ledger.is_cancelled("j")


def test_the_log_of_a_part_has_the_request_id(runner: PartRunner) -> None:
    merge = structlog.contextvars.merge_contextvars
    with capture_logs(processors=[merge]) as logs:
        run(runner, "j", [text("a")])
    assert [(line["event"], line["request_id"]) for line in logs] == [("part_done", "r")]


def test_a_part_that_hung_the_model_three_times_is_given_up(
    runner: PartRunner, ledger: Ledger, encoder: FakeEncoder
) -> None:
    create(ledger, "j", [text("a"), text("b")])
    for number in range(MAX_STRIKES):
        ledger.strike("j", 0, f"worker-{number}")
    assert runner.run("j", 0)
    faults = result(ledger, "j").about.faults
    assert [fault.code for fault in faults.values()] == ["given_up", "given_up"]
    assert encoder.batches == []


def test_a_part_that_never_gets_done_is_given_up(runner: PartRunner, ledger: Ledger) -> None:
    create(ledger, "j", [text("a")])
    for _ in range(MAX_TRIES):
        ledger.begin("j", 0, "dead")
    assert runner.run("j", 0)
    record = ledger.read("j")
    assert record is not None
    assert record.state == "failed"
