"""A worker's metrics: parts, batches, heartbeats."""

import socket
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest

from common.protocol.messages import Item
from tests.image_server import ImageServer
from tests.images import encoded, noise
from tests.processes import DEMO_MODEL, start_worker
from tests.scrape import Scrape
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.runners import create, plain, run, text
from worker.batching.batcher import Batcher
from worker.batching.policy import PartRef
from worker.model.encoder import OutOfMemory
from worker.part.runner import PartRunner
from worker.telemetry.metrics import WorkerMetrics

EXIT_S = 60


def scrape(metrics: WorkerMetrics) -> Scrape:
    return Scrape.parse(generate_latest(metrics.registry).decode())


def uri(value: str) -> Item:
    return Item("uri", value, queries=1, required=False)


def test_items_are_counted_by_kind_and_errors_by_code(
    runner: PartRunner, image_server: ImageServer
) -> None:
    url = image_server.serve(encoded(noise(5, 4)))
    items = [text("a"), text("b"), uri(url), uri("http://10.0.0.1/a.png")]
    run(runner, "j", items, [b"not an image"])
    seen = scrape(runner.metrics)
    counted = {kind: seen.total("clip_items_total", kind=kind) for kind in ("text", "uri", "blob")}
    assert counted == {"text": 2, "uri": 2, "blob": 1}
    assert seen.total("clip_item_errors_total", kind="uri", code="url_refused") == 1
    assert seen.total("clip_item_errors_total", kind="blob", code="not_an_image") == 1
    assert seen.total("clip_item_errors_total") == 2
    assert "10.0.0.1" not in str(seen.families)


def test_what_was_known_is_a_hit_and_what_was_encoded_a_miss(
    runner: PartRunner, image_server: ImageServer
) -> None:
    url = image_server.serve(encoded(noise(5, 4)))
    items = [text("a"), uri(url)]
    run(runner, "j", items, [b"not an image"])
    seen = scrape(runner.metrics)
    assert seen.total("clip_cached_embeddings_total", result="miss") == 2
    assert seen.total("clip_cached_embeddings_total", result="hit") == 0
    run(runner, "k", [*items, text("b")])
    seen = scrape(runner.metrics)
    assert seen.total("clip_cached_embeddings_total", result="miss") == 3
    assert seen.total("clip_cached_embeddings_total", result="hit") == 2


def test_a_stage_that_a_part_does_not_have_is_not_measured(runner: PartRunner) -> None:
    run(runner, "j", [text("a")])
    run(runner, "k", [text("a")], [encoded(noise(5, 4))])
    seen = scrape(runner.metrics)
    stages = ("queue", "fetch", "decode", "inference")
    assert [seen.total(f"clip_{stage}_seconds_count") for stage in stages] == [2, 0, 1, 2]
    assert seen.total("clip_inference_seconds_sum") > 0


def test_parts_are_counted_by_what_became_of_them(runner: PartRunner) -> None:
    run(runner, "done", [text("a")])
    runner.run("done", 0)  # delivered twice
    runner.run("nothing", 0)
    seen = scrape(runner.metrics)
    assert seen.total("clip_parts_begun_total") == 1
    assert seen.total("clip_parts_ended_total", outcome="finished") == 1
    assert seen.total("clip_parts_ended_total") == 1


def test_a_part_whose_job_is_cancelled_meanwhile_is_dropped(
    runner: PartRunner, encoder: FakeEncoder, image_server: ImageServer
) -> None:
    def cancel_then_answer(handler: BaseHTTPRequestHandler) -> None:
        runner.ledger.stop("j", "cancelled", "")
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(plain(1))))
        handler.end_headers()
        handler.wfile.write(plain(1))

    create(runner.ledger, "j", [uri(image_server.behave(cancel_then_answer))])
    assert not runner.run("j", 0)
    assert encoder.batches == [1]
    seen = scrape(runner.metrics)
    assert seen.total("clip_parts_ended_total", outcome="dropped") == 1
    assert seen.total("clip_items_total") == 0


def test_batches_are_measured_as_they_were_encoded_and_the_limit_as_it_is_now() -> None:
    metrics = WorkerMetrics()
    free = threading.Event()

    def small_memory(batch: Sequence[Any]) -> Sequence[Any]:
        assert free.wait(10)
        if len(batch) > 2:
            raise OutOfMemory
        return batch

    batcher = Batcher({"image": small_memory}, {"image": 8}, on_batch=metrics.batch_done)
    metrics.watch(batcher)
    answers = [batcher.submit("image", number, PartRef()) for number in range(9)]
    seen = scrape(metrics)
    assert seen.total("clip_batch_limit_items", kind="image") == 8
    assert seen.total("clip_in_flight_items") == 9
    free.set()
    assert [answer.result(5) for answer in answers] == list(range(9))
    batcher.close(5)
    seen = scrape(metrics)
    assert seen.total("clip_batch_items_sum", kind="image") == 9
    assert seen.total("clip_batch_items_bucket", kind="image", le="2.0") == 5
    assert seen.total("clip_batch_seconds_count", kind="image") == 5
    assert seen.total("clip_batch_limit_items", kind="image") == 2
    assert seen.total("clip_in_flight_items") == 0


def test_a_port_in_use_ends_the_worker_at_once_and_says_so(tmp_path: Path, redis_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        worker = start_worker(
            tmp_path, redis_url, DEMO_MODEL, metrics_port=port, metrics_host="127.0.0.1"
        )
        assert worker.popen.wait(EXIT_S) != 0
    assert f"CLIP_METRICS_PORT: cannot listen on 127.0.0.1, port {port} (Address already" in (
        worker.log
    )
    assert "Traceback" not in worker.log
    assert "model_loaded" not in worker.log
