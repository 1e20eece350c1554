"""A request is one trace, from HTTP through the queue to the model."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from common.ledger.reads import job_key
from tests.image_server import ImageServer
from tests.images import encoded, image_item, noise
from tests.processes import (
    LOOPBACK_ALLOWED,
    Api,
    Process,
    free_port,
    start,
    start_api,
    wait_for_workers,
    wait_until,
)
from tests.tracing.collector import Collector, Span

CLIENT = "00f067aa0ba902b7"
AT_ONCE = {"tracing": "true", "OTEL_BSP_SCHEDULE_DELAY": 50}


@dataclass
class Traced:
    """A service that traces, and where its spans go."""

    api: Api
    worker: Process
    collector: Collector
    redis_url: str

    def spans(self, trace: str, names: set[str]) -> dict[str, list[Span]]:
        """The spans of a trace by name, once there is one of each of these names."""
        wait_until(
            lambda: names <= {span.name for span in self.collector.spans(trace)},
            f"{names} in {self.collector.spans(trace)}",
        )
        found: dict[str, list[Span]] = {}
        for span in self.collector.spans(trace):
            found.setdefault(span.name, []).append(span)
        return found


@pytest.fixture(scope="module")
def service(folder: Path, redis_url_of_its_own: str) -> Iterator[Traced]:
    with Collector().running() as collector:
        tracing = {**AT_ONCE, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        shared = {"redis_url": redis_url_of_its_own, **LOOPBACK_ALLOWED, **tracing}
        worker = start(["-m", "tests.faults.worker"], folder, shared)
        api = start_api(folder, redis_url_of_its_own, part_queries=2, **tracing)
        wait_for_workers(api, [worker])
        yield Traced(api, worker, collector, redis_url_of_its_own)
        api.stop()
        worker.stop()


def begun() -> tuple[str, dict[str, str]]:
    """The id of a trace that a client began, and the header that says so."""
    trace = secrets.token_hex(16)
    return trace, {"traceparent": f"00-{trace}-{CLIENT}-01"}


def test_a_request_is_one_trace_over_both_processes(
    service: Traced, image_server: ImageServer
) -> None:
    trace, header = begun()
    ranking = {
        "queries": [{"img_uri": image_server.serve(encoded(noise(20, 20)))}],
        "candidates": [{"text": "a cat"}],
    }
    answer = service.api.post("/rank", ranking, headers=header)
    assert answer.status_code == 200
    spans = service.spans(trace, {"POST /rank", "part", "queue", "inference"})
    steps = ["queue", "fetch", "decode", "inference"]
    once = ["POST /rank", "admission", "wait", "part", *steps, "finish"]
    assert {name: len(of) for name, of in spans.items()} == dict.fromkeys(once, 1)
    [request], [part] = spans["POST /rank"], spans["part"]
    assert (request.service, part.service) == ("clip-api", "clip-worker")
    assert request.parent == CLIENT
    assert {spans[name][0].parent for name in ("admission", "wait")} == {request.id}
    assert part.parent == request.id
    timed = [spans[name][0] for name in steps]
    assert {step.parent for step in [*timed, *spans["finish"]]} == {part.id}
    assert timed == sorted(timed, key=lambda step: step.start)
    assert all(step.start < step.end <= part.end for step in timed)
    assert timed[0].end == part.start
    assert request.attributes["http.route"] == "/rank"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["clip.job"] == part.attributes["clip.job"]
    assert part.attributes["clip.job"] == answer.headers["X-Job-Id"]


def test_each_part_of_a_bulk_job_is_in_its_trace(service: Traced) -> None:
    trace, header = begun()
    images = [image_item(seed) for seed in range(5)]
    assert service.api.post("/encode?wait=0", images, headers=header).status_code == 202
    wait_until(
        lambda: sum(span.name == "part" for span in service.collector.spans(trace)) == 3,
        "three parts",
    )
    spans = service.spans(trace, {"POST /encode"})
    [request] = spans["POST /encode"]
    assert {part.parent for part in spans["part"]} == {request.id}
    assert sorted(part.attributes["clip.part"] for part in spans["part"]) == [0, 1, 2]


def test_a_request_that_is_answered_from_the_cache_has_no_job(service: Traced) -> None:
    item = [{"text": "cached"}]

    def names() -> set[str]:
        trace, header = begun()
        assert service.api.post("/encode", item, headers=header).status_code == 200
        return set(service.spans(trace, {"POST /encode"}))

    # The worker stores what it encoded after it has answered.
    wait_until(lambda: names() == {"POST /encode"}, "it is answered from the cache")


@pytest.mark.parametrize("given", ["", "junk", f"00-{'0' * 32}-{'0' * 16}-01", "x" * 5000])
def test_what_is_no_trace_begins_one(service: Traced, given: str) -> None:
    item = {"text": secrets.token_hex(8)}
    answer = service.api.post("/encode", [item], headers={"traceparent": given})
    with Redis.from_url(service.redis_url) as redis:
        carried = redis.hget(job_key(answer.headers["X-Job-Id"]), "trace")
    assert carried
    spans = service.spans(carried.decode().split("-")[1], {"POST /encode", "part"})
    assert spans["POST /encode"][0].parent == ""


def test_a_refused_request_is_no_error_in_the_trace(
    service: Traced,
) -> None:
    trace, header = begun()
    assert service.api.post("/rank", {}, headers=header).status_code == 422
    [request] = service.spans(trace, {"POST /rank"})["POST /rank"]
    assert request.attributes["http.response.status_code"] == 422
    assert not request.is_error


def test_log_lines_of_both_processes_bear_the_trace(service: Traced) -> None:
    trace, header = begun()
    assert service.api.post("/encode", [image_item(77)], headers=header).status_code == 200
    for process in (service.api.process, service.worker):
        wait_until(lambda: f'"trace_id":"{trace}"' in process.log, "the trace is in the log")  # noqa: B023


def test_a_request_that_watches_the_service_is_not_traced(service: Traced) -> None:
    trace, header = begun()
    service.api.session.get(f"{service.api.url}/readyz", headers=header, timeout=30)
    after, later = begun()
    service.api.session.get(f"{service.api.url}/models", headers=later, timeout=30)
    service.spans(after, {"GET /models"})
    assert service.collector.spans(trace) == []


def test_without_a_collector_requests_are_served_all_the_same(
    folder: Path, redis_url_of_its_own: str, service: Traced
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    # Before it ends, the API retries to send its traces within this time.
    tracing = {
        **AT_ONCE,
        "OTEL_EXPORTER_OTLP_ENDPOINT": nowhere,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    api = start_api(folder, redis_url_of_its_own, **tracing)
    assert api.post("/encode", [{"text": "not collected"}]).status_code == 200
    api.stop()
